"""The geometry of levels over configuration space: couplings, phases, intersections, diabats.

What enters needs levels of several coordinates, from H or from a table of data, and no time;
nuclei that move are in `anticrossing.molecules`.
"""

from anticrossing._core.public import guard
from anticrossing.geometry.berry import (
    WilsonLoop as WilsonLoop,
    berry_phase as berry_phase,
    discrete_wilson_loop as discrete_wilson_loop,
    link_phases as link_phases,
    wilson_loop as wilson_loop,
)
from anticrossing.geometry.branching import (
    BranchingPlane as BranchingPlane,
    encloses_intersection as encloses_intersection,
)
from anticrossing.geometry.chern import (
    ChernNumber as ChernNumber,
    Sphere as Sphere,
    Torus as Torus,
    chern_number as chern_number,
    plaquette_fluxes as plaquette_fluxes,
)
from anticrossing.geometry.couplings import (
    TrajectoryCouplings as TrajectoryCouplings,
    derivative_couplings as derivative_couplings,
    diagonal_correction as diagonal_correction,
    second_order_couplings as second_order_couplings,
    trajectory_couplings as trajectory_couplings,
)
from anticrossing.geometry.crossing_points import (
    CrossingPoint as CrossingPoint,
    find_crossing_point as find_crossing_point,
)
from anticrossing.geometry.curvature import (
    berry_connection as berry_connection,
    berry_curvature as berry_curvature,
    curvature_matrix as curvature_matrix,
)
from anticrossing.geometry.diabatic_basis import DiabaticBasis as DiabaticBasis
from anticrossing.geometry.diabatic_states import (
    block_diagonalize as block_diagonalize,
    boys_localization as boys_localization,
    generalized_mulliken_hush as generalized_mulliken_hush,
    property_mixing as property_mixing,
)
from anticrossing.geometry.diabatization import (
    diabatize as diabatize,
    residual_curl as residual_curl,
)
from anticrossing.geometry.frames import Frames as Frames, Gauge as Gauge, transport as transport
from anticrossing.geometry.grid_data import AdiabaticData as AdiabaticData
from anticrossing.geometry.grid_diabatization import (
    GridDiabatization as GridDiabatization,
    diabatize_grid as diabatize_grid,
)
from anticrossing.geometry.grid_files import read_data as read_data, write_data as write_data
from anticrossing.geometry.intersection import (
    CODIMENSIONS as CODIMENSIONS,
    Intersection as Intersection,
    Intersections as Intersections,
)
from anticrossing.geometry.intersections import (
    find_intersection as find_intersection,
    find_intersections as find_intersections,
)
from anticrossing.geometry.minimum_energy import (
    MinimumEnergyCrossing as MinimumEnergyCrossing,
    minimum_energy_crossing as minimum_energy_crossing,
    minimum_energy_intersection as minimum_energy_intersection,
)
from anticrossing.geometry.seam import Seam as Seam, trace_seam as trace_seam
from anticrossing.geometry.surfaces import (
    Surfaces as Surfaces,
    forces as forces,
    hessians as hessians,
    surfaces as surfaces,
)

guard(__name__)
