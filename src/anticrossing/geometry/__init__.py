"""The geometry of levels over configuration space: couplings, phases, intersections, diabats.

What enters needs levels of several coordinates, from H or from a table of data, and no time;
nuclei that move are in `anticrossing.molecules`.
"""

from anticrossing._core.public import guard
from anticrossing.geometry.berry import (
    WilsonLoop,
    berry_phase,
    discrete_wilson_loop,
    link_phases,
    wilson_loop,
)
from anticrossing.geometry.branching import BranchingPlane, encloses_intersection
from anticrossing.geometry.chern import ChernNumber, Sphere, Torus, chern_number, plaquette_fluxes
from anticrossing.geometry.couplings import (
    TrajectoryCouplings,
    derivative_couplings,
    diagonal_correction,
    second_order_couplings,
    trajectory_couplings,
)
from anticrossing.geometry.crossing_points import CrossingPoint, find_crossing_point
from anticrossing.geometry.curvature import berry_connection, berry_curvature, curvature_matrix
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.geometry.diabatic_states import (
    block_diagonalize,
    boys_localization,
    generalized_mulliken_hush,
    property_mixing,
)
from anticrossing.geometry.diabatization import diabatize, residual_curl
from anticrossing.geometry.frames import Frames, Gauge, transport
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.geometry.grid_diabatization import GridDiabatization, diabatize_grid
from anticrossing.geometry.grid_files import read_data, write_data
from anticrossing.geometry.intersection import CODIMENSIONS, Intersection, Intersections
from anticrossing.geometry.intersections import find_intersection, find_intersections
from anticrossing.geometry.minimum_energy import (
    MinimumEnergyCrossing,
    minimum_energy_crossing,
    minimum_energy_intersection,
)
from anticrossing.geometry.seam import Seam, trace_seam
from anticrossing.geometry.surfaces import Surfaces, forces, hessians, surfaces

__all__ = [
    "AdiabaticData",
    "BranchingPlane",
    "CODIMENSIONS",
    "ChernNumber",
    "CrossingPoint",
    "DiabaticBasis",
    "Frames",
    "Gauge",
    "GridDiabatization",
    "Intersection",
    "Intersections",
    "MinimumEnergyCrossing",
    "Seam",
    "Sphere",
    "Surfaces",
    "Torus",
    "TrajectoryCouplings",
    "WilsonLoop",
    "berry_connection",
    "berry_curvature",
    "berry_phase",
    "block_diagonalize",
    "boys_localization",
    "chern_number",
    "curvature_matrix",
    "derivative_couplings",
    "diabatize",
    "diabatize_grid",
    "diagonal_correction",
    "discrete_wilson_loop",
    "encloses_intersection",
    "find_crossing_point",
    "find_intersection",
    "find_intersections",
    "forces",
    "generalized_mulliken_hush",
    "hessians",
    "link_phases",
    "minimum_energy_crossing",
    "minimum_energy_intersection",
    "plaquette_fluxes",
    "property_mixing",
    "read_data",
    "residual_curl",
    "second_order_couplings",
    "surfaces",
    "trace_seam",
    "trajectory_couplings",
    "transport",
    "wilson_loop",
    "write_data",
]

guard(__name__)
