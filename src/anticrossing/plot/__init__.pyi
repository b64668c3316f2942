from . import style as style
from .diagrams import level_diagram as level_diagram, level_ladder as level_ladder
from .driven_level import (
    entropy_production_surface as entropy_production_surface,
    entropy_steps as entropy_steps,
    fluctuation_differences as fluctuation_differences,
    fluctuation_line as fluctuation_line,
    staircase as staircase,
    work_distributions as work_distributions,
)
from .driven_levels import driven_occupations as driven_occupations, driven_paths as driven_paths
from .figure import save_figure as save_figure
from .fits import (
    correlation_matrix as correlation_matrix,
    fit_residuals as fit_residuals,
    fitted_population as fitted_population,
)
from .geometry import (
    coupling_field as coupling_field,
    energy_surfaces as energy_surfaces,
    gap_map as gap_map,
)
from .geometry_paths import (
    coupling_curve as coupling_curve,
    diabats as diabats,
    loop_phase as loop_phase,
)
from .interference import (
    fringes as fringes,
    interference_map as interference_map,
    quasi_energy_diagram as quasi_energy_diagram,
)
from .mean_field import loop_diagram as loop_diagram
from .packets import (
    animate_packet as animate_packet,
    channel_probabilities as channel_probabilities,
    density as density,
    ensemble_populations as ensemble_populations,
    hops as hops,
)
from .panels import comparison as comparison, differences as differences
from .rate_curves import arrhenius as arrhenius, inverted_region as inverted_region
from .results import (
    checks as checks,
    final_probabilities as final_probabilities,
    ledger as ledger,
    populations as populations,
    transition_matrix as transition_matrix,
)
from .scan_panels import scan as scan, scan_differences as scan_differences
from .transport import (
    dense_occupations as dense_occupations,
    lead_currents as lead_currents,
    transmission_window as transmission_window,
)
