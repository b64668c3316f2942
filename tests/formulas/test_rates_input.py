"""Rates, baths and the spin-boson model with hostile input: one clear line, or a number."""

import numpy as np
import pytest

from anticrossing._core.checks import AnticrossingError, ConvergenceError, InputError
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Continuum,
    Debye,
    Discrete,
    Ohmic,
)
from anticrossing.models.spin_boson import SpinBoson
from anticrossing.molecules.rates import (
    fermi_golden_rule,
    harmonic_partition_ratio,
    intersystem_crossing_rate,
    landau_zener_rate,
    landau_zener_transmission,
    marcus,
    marcus_levich_jortner,
    spin_boson_golden_rule,
)

OHMIC = Ohmic(reorganization_energy=1.0, cutoff=0.1)
STATES = {"coupling": 0.01, "reaction_free_energy": -0.3, "temperature": 0.1}
WEAK = {**STATES, "reorganization_energy": 1.0, "frequency": 0.02}
CROSSING = {
    "coupling": 2e-4,
    "slopes": (0.03, -0.05),
    "reduced_mass": 12000.0,
    "barrier": 0.01,
    "temperature": 1e-3,
    "partition_ratio": 0.4,
}
FORMULAS = {
    "golden rule": (
        fermi_golden_rule,
        {"coupling": 0.1, "density_of_states": 1.0, "bandwidth": 2.0},
    ),
    "marcus": (marcus, WEAK),
    "cold mode": (marcus_levich_jortner, {**WEAK, "huang_rhys": 1.0}),
    "thermal mode": (marcus_levich_jortner, {**WEAK, "huang_rhys": 1.0, "thermal_mode": True}),
    "spin boson": (spin_boson_golden_rule, {**STATES, "spectral_density": OHMIC}),
    "transmission": (
        landau_zener_transmission,
        {key: WEAK[key] for key in WEAK if key != "reaction_free_energy"},
    ),
    "landau-zener": (landau_zener_rate, WEAK),
    "mean exponent": (landau_zener_rate, {**WEAK, "average": "mean exponent"}),
    "crossing": (intersystem_crossing_rate, CROSSING),
    "tunnelling": (intersystem_crossing_rate, {**CROSSING, "passage": "weak coupling"}),
    "scattering": (intersystem_crossing_rate, {**CROSSING, "passage": "zhu-nakamura"}),
    "partition": (
        harmonic_partition_ratio,
        {"reactant_frequencies": [0.1, 0.2], "crossing_frequencies": [0.15], "temperature": 0.1},
    ),
}
CASES = [(name, key) for name, (_, arguments) in FORMULAS.items() for key in arguments]
OPTIONAL = ("golden rule", "marcus")
BAD = [np.nan, np.inf, "1", None, [], [[]], {}, 1j, [1, [2]], object()]


@pytest.mark.parametrize(("name", "key"), CASES)
def test_bad_values_are_one_line(name, key):
    function, arguments = FORMULAS[name]
    for value in BAD:
        if (value is None and key in ("bandwidth", "frequency") and name in OPTIONAL) or (
            value == [1, [2]] and key == "slopes"
        ):
            continue  # nothing, and a pair that broadcasts
        with pytest.raises(InputError) as caught:
            function(**{**arguments, key: value})
        text = str(caught.value)
        assert key in text
        assert "\n" not in text
        assert len(text) < 250


@pytest.mark.parametrize(("name", "key"), CASES)
def test_extreme_values_give_a_number_or_one_line(name, key):
    function, arguments = FORMULAS[name]
    if not isinstance(arguments[key], float):
        return
    for value in (5e-324, 1e-300, 1e-9, 1e9, 1e300, -1e300, -1e-300, 0.0):
        try:
            found = function(**{**arguments, key: value})
        except AnticrossingError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        values = [getattr(found, "value", found), *(c.value for c in getattr(found, "checks", ()))]
        assert not np.any(np.isnan(np.array(values, dtype=float))), (value, values)
        if getattr(found, "log_value", None) is not None and 0 < found.value < np.inf:
            assert np.log(found.value) == pytest.approx(found.log_value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"reorganization_energy": 1e-300, "temperature": 1e300},
        {"coupling": 1e300, "reorganization_energy": 1e-300, "temperature": 1e-300},
        {"coupling": 1e300, "reaction_free_energy": -1e300, "temperature": 1e-300},
        {"frequency": 1e300, "temperature": 1e-300},
    ],
)
@pytest.mark.parametrize("name", ["marcus", "landau-zener", "mean exponent"])
def test_extreme_values_together(name, change):
    function, arguments = FORMULAS[name]
    found = function(**{**arguments, **change})
    assert not np.isnan(found.value)
    assert not any(np.isnan(check.value) for check in found.checks)


def test_a_barrier_beyond_the_range_of_floats_is_no_rate():
    cold = {**WEAK, "temperature": 1e-4}
    for function in (marcus, landau_zener_rate):
        assert function(**cold).value == 0.0
    assert marcus(**cold).log_value == pytest.approx(
        -0.49 / 4e-4 + np.log(1e-4 * np.sqrt(np.pi / 1e-4)), rel=1e-12
    )
    assert intersystem_crossing_rate(**{**CROSSING, "temperature": 1e-6}).value == 0.0


@pytest.mark.slow
def test_many_quanta_and_many_elements_stay_within_memory():
    # 10⁹ quanta up to the crossing, for each of 30 000 elements
    found = marcus_levich_jortner(
        **{**WEAK, "reaction_free_energy": np.linspace(-2, 0, 30_000), "frequency": 1e-9},
        huang_rhys=1e8,
        thermal_mode=True,
    )
    assert np.all(np.isfinite(found.value))
    with pytest.raises(ConvergenceError, match="Count so slow a mode to the solvent"):
        marcus_levich_jortner(**{**WEAK, "frequency": 1e-13}, huang_rhys=1e12)


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 1)])
def test_shapes(shape):
    arguments = {**WEAK, "coupling": [0.01, 0.02], "temperature": np.full(shape, 0.1)}
    if shape == (2, 1):
        assert marcus(**arguments).value.shape == (2, 2)
    else:
        with pytest.raises(InputError, match=r"broadcast|at least one"):
            marcus(**arguments)


# ---- baths --------------------------------------------------------------------------------------

MAKERS = {
    Ohmic: {"reorganization_energy": 1.0, "cutoff": 0.1},
    Debye: {"reorganization_energy": 1.0, "relaxation_rate": 0.1},
    BrownianOscillator: {"reorganization_energy": 1.0, "frequency": 0.1, "damping": 0.02},
}


@pytest.mark.parametrize(("make", "key"), [(make, key) for make, k in MAKERS.items() for key in k])
def test_bad_baths_are_one_line(make, key):
    for value in (*BAD, 0.0, -1.0, 1e-300, 1e300, [1.0, 2.0]):
        with pytest.raises(InputError, match=f"`{key}` must"):
            make(**{**MAKERS[make], key: value})


@pytest.mark.parametrize(("make", "key"), [(make, key) for make, k in MAKERS.items() for key in k])
@pytest.mark.parametrize("value", [1e-8, 1e8])
def test_baths_far_from_the_temperature_give_a_rate_or_one_line(make, key, value):
    try:
        bath = make(**{**MAKERS[make], key: value})
    except InputError as error:
        assert "damping" in str(error)  # noqa: PT017
        return
    few = bath.discretize(3)
    assert np.all(few.frequencies > 0)
    assert few.reorganization_energy == pytest.approx(bath.reorganization_energy, rel=1e-12)
    try:
        found = spin_boson_golden_rule(
            **STATES, spectral_density=bath, slow_reorganization_energy=0.1
        )
    except ConvergenceError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert np.isfinite(found.log_value)


@pytest.mark.parametrize("cutoff", [1e-30, 1e-12, 1e-6, 1e6])
def test_quantiles_are_found_on_any_scale(cutoff):
    bath = Ohmic(reorganization_energy=1.0, cutoff=cutoff)
    expected = -cutoff * np.log1p(-(np.arange(4) + 0.5) / 4)
    np.testing.assert_allclose(bath.discretize(4).frequencies, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda w: "J", "return real numbers"),
        (lambda w: None, "return real numbers"),
        (lambda w: 1j * w, "return real numbers"),
        (lambda w: w * np.nan, "finite"),
        (lambda w: 1e300 * w * np.exp(-w), "between"),
        (lambda w: 1e-300 * w * np.exp(-w), "between"),
        (lambda w: np.exp(-w), r"does not converge|singular"),
    ],
)
def test_bad_functions(function, text):
    with pytest.raises(AnticrossingError, match=text):
        Continuum(function, scales=1.0)


@pytest.mark.parametrize("frequency", ["1", -1.0, np.nan, None])
def test_bad_frequencies(frequency):
    for bath in (*(make(**given) for make, given in MAKERS.items()), OHMIC.discretize(2)):
        with pytest.raises(InputError, match="`frequency`"):
            bath.continuum(frequency)


def test_too_many_modes():
    with pytest.raises(InputError, match="`modes` must be at most"):
        OHMIC.discretize(10**9)


def test_unresolved_integrals_are_errors():
    arguments = {**STATES, "spectral_density": OHMIC}
    with pytest.raises(ConvergenceError, match="cannot be resolved"):
        spin_boson_golden_rule(**{**arguments, "reaction_free_energy": -30.0})
    lines = Discrete(frequencies=[0.1], huang_rhys=[1.0])
    with pytest.raises(ConvergenceError, match="lines, not a rate"):
        spin_boson_golden_rule(**{**arguments, "spectral_density": lines})
    weak = Ohmic(reorganization_energy=1e-9, cutoff=0.1)
    with pytest.raises(ConvergenceError, match="broadens the transition too little"):
        spin_boson_golden_rule(**{**arguments, "spectral_density": weak})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 1e-100),
        ("temperature", 1e100),
        ("reaction_free_energy", 1e100),
        ("slow_reorganization_energy", 1e-100),
        ("slow_reorganization_energy", [0.1]),
        ("spectral_density", "Ohmic"),
    ],
)
def test_sizes_of_the_golden_rule(key, value):
    with pytest.raises(InputError, match=f"`{key}` must"):
        spin_boson_golden_rule(**{**STATES, "spectral_density": OHMIC, key: value})


@pytest.mark.parametrize("key", ["coupling", "reaction_free_energy", "spectral_density", "modes"])
def test_bad_spin_boson(key):
    arguments = {
        "coupling": 0.1,
        "reaction_free_energy": 0.0,
        "spectral_density": OHMIC,
        "modes": 3,
    }
    for value in (*BAD, [1.0, 2.0], 10**9 if key == "modes" else "2"):
        with pytest.raises(InputError, match=f"`{key}` must"):
            SpinBoson(**{**arguments, key: value})


@pytest.mark.parametrize(("distance", "resolved"), [(0.0, False), (1e3, True)])
def test_too_many_quanta_are_refused_where_anything_is_left(distance, resolved):
    """A mode of 10¹² quanta: far from resonance the rate is zero however they are added up."""
    given = {"coupling": 1e-3, "reorganization_energy": 1.0, "temperature": 0.025}
    mode = {"huang_rhys": 1e12, "frequency": 1e-12, "reaction_free_energy": -2.0 + distance}
    if resolved:
        assert float(marcus_levich_jortner(**given, **mode)) == 0.0
    else:
        with pytest.raises(ConvergenceError, match="quanta cannot be resolved"):
            marcus_levich_jortner(**given, **mode)
