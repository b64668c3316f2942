"""Closed forms for passages through avoided crossings, each with its domain.

What enters has a paper and conditions that can be checked. `anticrossing.dynamics` is never
imported: each is the other's test.

A `Prediction` holds the value, the equation, and the conditions that could be tested with what was
supplied. A formula used outside its domain still returns its value, with a warning in the result.
Arguments broadcast; scalars in give a float.
"""

from anticrossing._core.public import guard
from anticrossing.formulas.baths import (
    cold_bath_landau_zener,
    polaron_landau_zener,
    polaron_rate,
    weak_bath_landau_zener,
)
from anticrossing.formulas.canonical_dephasing import CanonicalDephasing, canonical_dephasing
from anticrossing.formulas.complex_time import ComplexTimePrediction, dykhne_davis_pechukas
from anticrossing.formulas.decay import (
    akulin_schleich,
    decaying_window,
    golden_rule_width,
    predissociation_width,
)
from anticrossing.formulas.dephasing import (
    DephasingPrediction,
    constant_rate_dephasing_landau_zener,
    dephasing_landau_zener,
    fixed_axis_dephasing_landau_zener,
)
from anticrossing.formulas.dephasing_coefficients import (
    DephasingCoefficients,
    dephasing_coefficients,
)
from anticrossing.formulas.finite_time import FiniteWindow, finite_window, finite_window_propagator
from anticrossing.formulas.half_crossing import half_crossing
from anticrossing.formulas.interference import (
    CrossingStep,
    independent_crossings,
    stokes_phase,
    stueckelberg_two_passages,
    transfer_matrices,
    transfer_matrix,
)
from anticrossing.formulas.landau_zener import (
    double_passage_average,
    golden_rule,
    landau_zener,
    landau_zener_at,
    landau_zener_from_gap_curvature,
    landau_zener_from_slopes,
)
from anticrossing.formulas.mean_field import (
    mean_field_exponent,
    mean_field_landau_zener,
    mean_field_loop,
)
from anticrossing.formulas.multilevel import bow_tie, demkov_osherov
from anticrossing.formulas.multiphoton import (
    MultiphotonResonances,
    bloch_siegert_shift,
    multiphoton_resonances,
)
from anticrossing.formulas.multiplets import MultipletPrediction, multiplet_landau_zener
from anticrossing.formulas.noise import noisy_coupling_landau_zener
from anticrossing.formulas.nonlinear import parabolic_sweep, power_law_sweep
from anticrossing.formulas.periodic import (
    classical_transition_rate,
    fast_passage_population,
    rate_population,
    transition_rate,
)
from anticrossing.formulas.photon_assisted import (
    PhotonAssistedPassage,
    dressed_crossing,
    photon_assisted_passage,
)
from anticrossing.formulas.pulses import allen_eberly, demkov_kunike, rosen_zener, tanh_sweep
from anticrossing.formulas.result import DomainCheck, MatrixPrediction, Prediction
from anticrossing.formulas.spin import ising_chain_defects, ising_mode_excitation, spin_landau_zener
from anticrossing.formulas.time_scales import TimeScales, adiabatic_condition, time_scales
from anticrossing.formulas.transition_history import (
    TransitionHistory,
    landau_zener_history,
    transition_history,
)
from anticrossing.formulas.zhu_nakamura import zhu_nakamura
from anticrossing.formulas.zhu_nakamura_scattering import zhu_nakamura_scattering

__all__ = [
    "CanonicalDephasing",
    "ComplexTimePrediction",
    "CrossingStep",
    "DephasingCoefficients",
    "DephasingPrediction",
    "DomainCheck",
    "FiniteWindow",
    "MatrixPrediction",
    "MultiphotonResonances",
    "MultipletPrediction",
    "PhotonAssistedPassage",
    "Prediction",
    "TimeScales",
    "TransitionHistory",
    "adiabatic_condition",
    "akulin_schleich",
    "allen_eberly",
    "bloch_siegert_shift",
    "bow_tie",
    "canonical_dephasing",
    "classical_transition_rate",
    "constant_rate_dephasing_landau_zener",
    "decaying_window",
    "demkov_kunike",
    "demkov_osherov",
    "dephasing_coefficients",
    "dephasing_landau_zener",
    "double_passage_average",
    "dressed_crossing",
    "dykhne_davis_pechukas",
    "fast_passage_population",
    "finite_window",
    "finite_window_propagator",
    "fixed_axis_dephasing_landau_zener",
    "golden_rule",
    "golden_rule_width",
    "half_crossing",
    "independent_crossings",
    "ising_chain_defects",
    "ising_mode_excitation",
    "landau_zener",
    "landau_zener_at",
    "landau_zener_from_gap_curvature",
    "landau_zener_from_slopes",
    "landau_zener_history",
    "mean_field_exponent",
    "mean_field_landau_zener",
    "mean_field_loop",
    "multiphoton_resonances",
    "multiplet_landau_zener",
    "noisy_coupling_landau_zener",
    "cold_bath_landau_zener",
    "polaron_landau_zener",
    "polaron_rate",
    "weak_bath_landau_zener",
    "parabolic_sweep",
    "photon_assisted_passage",
    "power_law_sweep",
    "predissociation_width",
    "rate_population",
    "rosen_zener",
    "spin_landau_zener",
    "stokes_phase",
    "stueckelberg_two_passages",
    "tanh_sweep",
    "time_scales",
    "transfer_matrices",
    "transfer_matrix",
    "transition_history",
    "transition_rate",
    "zhu_nakamura",
    "zhu_nakamura_scattering",
]

# What leaves the double range on the way is refused or harmless in the end, without noise.
guard(__name__, quiet=True)
