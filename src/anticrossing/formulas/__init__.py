"""Closed forms for passages through avoided crossings, each with its domain.

What enters has a paper and conditions that can be checked. `anticrossing.dynamics` is never
imported: each is the other's test.

A `Prediction` holds the value, the equation, and the conditions that could be tested with what was
supplied. A formula used outside its domain still returns its value, with a warning in the result.
Arguments broadcast; scalars in give a float.
"""

from anticrossing._core.public import guard
from anticrossing.formulas.baths import (
    cold_bath_landau_zener as cold_bath_landau_zener,
    polaron_landau_zener as polaron_landau_zener,
    polaron_rate as polaron_rate,
    weak_bath_landau_zener as weak_bath_landau_zener,
)
from anticrossing.formulas.canonical_dephasing import (
    CanonicalDephasing as CanonicalDephasing,
    canonical_dephasing as canonical_dephasing,
)
from anticrossing.formulas.complex_time import (
    ComplexTimePrediction as ComplexTimePrediction,
    dykhne_davis_pechukas as dykhne_davis_pechukas,
)
from anticrossing.formulas.decay import (
    akulin_schleich as akulin_schleich,
    decaying_window as decaying_window,
    golden_rule_width as golden_rule_width,
    predissociation_width as predissociation_width,
)
from anticrossing.formulas.dephasing import (
    DephasingPrediction as DephasingPrediction,
    constant_rate_dephasing_landau_zener as constant_rate_dephasing_landau_zener,
    dephasing_landau_zener as dephasing_landau_zener,
    fixed_axis_dephasing_landau_zener as fixed_axis_dephasing_landau_zener,
)
from anticrossing.formulas.dephasing_coefficients import (
    DephasingCoefficients as DephasingCoefficients,
    dephasing_coefficients as dephasing_coefficients,
)
from anticrossing.formulas.finite_time import (
    FiniteWindow as FiniteWindow,
    finite_window as finite_window,
    finite_window_propagator as finite_window_propagator,
)
from anticrossing.formulas.half_crossing import half_crossing as half_crossing
from anticrossing.formulas.interference import (
    CrossingStep as CrossingStep,
    independent_crossings as independent_crossings,
    stokes_phase as stokes_phase,
    stueckelberg_two_passages as stueckelberg_two_passages,
    transfer_matrices as transfer_matrices,
    transfer_matrix as transfer_matrix,
)
from anticrossing.formulas.landau_zener import (
    double_passage_average as double_passage_average,
    golden_rule as golden_rule,
    landau_zener as landau_zener,
    landau_zener_at as landau_zener_at,
    landau_zener_from_gap_curvature as landau_zener_from_gap_curvature,
    landau_zener_from_slopes as landau_zener_from_slopes,
)
from anticrossing.formulas.mean_field import (
    mean_field_exponent as mean_field_exponent,
    mean_field_landau_zener as mean_field_landau_zener,
    mean_field_loop as mean_field_loop,
)
from anticrossing.formulas.multilevel import bow_tie as bow_tie, demkov_osherov as demkov_osherov
from anticrossing.formulas.multiphoton import (
    MultiphotonResonances as MultiphotonResonances,
    bloch_siegert_shift as bloch_siegert_shift,
    multiphoton_resonances as multiphoton_resonances,
)
from anticrossing.formulas.multiplets import (
    MultipletPrediction as MultipletPrediction,
    multiplet_landau_zener as multiplet_landau_zener,
)
from anticrossing.formulas.noise import noisy_coupling_landau_zener as noisy_coupling_landau_zener
from anticrossing.formulas.nonlinear import (
    parabolic_sweep as parabolic_sweep,
    power_law_sweep as power_law_sweep,
)
from anticrossing.formulas.periodic import (
    classical_transition_rate as classical_transition_rate,
    fast_passage_population as fast_passage_population,
    rate_population as rate_population,
    transition_rate as transition_rate,
)
from anticrossing.formulas.photon_assisted import (
    PhotonAssistedPassage as PhotonAssistedPassage,
    dressed_crossing as dressed_crossing,
    photon_assisted_passage as photon_assisted_passage,
)
from anticrossing.formulas.pulses import (
    allen_eberly as allen_eberly,
    demkov_kunike as demkov_kunike,
    rosen_zener as rosen_zener,
    tanh_sweep as tanh_sweep,
)
from anticrossing.formulas.result import (
    DomainCheck as DomainCheck,
    MatrixPrediction as MatrixPrediction,
    Prediction as Prediction,
)
from anticrossing.formulas.spin import (
    ising_chain_defects as ising_chain_defects,
    ising_mode_excitation as ising_mode_excitation,
    spin_landau_zener as spin_landau_zener,
)
from anticrossing.formulas.time_scales import (
    TimeScales as TimeScales,
    adiabatic_condition as adiabatic_condition,
    time_scales as time_scales,
)
from anticrossing.formulas.transition_history import (
    TransitionHistory as TransitionHistory,
    landau_zener_history as landau_zener_history,
    transition_history as transition_history,
)
from anticrossing.formulas.zhu_nakamura import zhu_nakamura as zhu_nakamura
from anticrossing.formulas.zhu_nakamura_scattering import (
    zhu_nakamura_scattering as zhu_nakamura_scattering,
)

# What leaves the double range on the way is refused or harmless in the end, without noise.
guard(__name__, quiet=True)
