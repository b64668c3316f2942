import contextlib

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import formulas
from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    DomainCheck,
    Prediction,
    allen_eberly,
    bow_tie,
    demkov_kunike,
    demkov_osherov,
    finite_window,
    landau_zener,
    rosen_zener,
    spin_landau_zener,
    tanh_sweep,
)


def test_check_compares_in_the_direction_asked_for():
    assert DomainCheck("a", 0.1, 0.1, "m").satisfied is True
    assert DomainCheck("a", 0.2, 0.1, "m").satisfied is False
    assert DomainCheck("a", 0.2, 0.1, "m", at_least=True).satisfied is True
    assert DomainCheck("a", 0.05, 0.1, "m", at_least=True).satisfied is False


def test_array_check_is_elementwise_and_reports_its_worst_value():
    check = DomainCheck("ratio", np.array([0.05, 0.5, 0.2]), 0.1, "too large")
    assert np.array_equal(check.satisfied, [True, False, False])
    assert check.worst == 0.5
    prediction = Prediction(np.ones(3), "x", (check,))
    assert not prediction.valid
    assert prediction.warnings == ("ratio is 0.5, above 0.1: too large",)


def test_prediction_behaves_like_its_value():
    prediction = Prediction(0.25, "x")
    assert float(prediction) == 0.25
    assert np.asarray(prediction).shape == ()
    assert np.array_equal(np.asarray(Prediction(np.arange(3.0), "x")), [0, 1, 2])
    assert prediction.probability == prediction.value


def test_printing_tells_the_value_the_equation_and_every_check():
    text = str(landau_zener(gap=1.0, sweep_rate=1.0, window=50.0, dephasing_time=2.0))
    assert "0.2078795764" in text
    assert "exp(-pi gap^2 / (2 sweep_rate))" in text
    assert "within   passage duration / window = 0.02" in text
    assert "OUTSIDE  passage duration / dephasing time = 0.5" in text


def test_printing_admits_that_nothing_was_checked():
    assert "domain not checked" in str(landau_zener(gap=1.0, sweep_rate=1.0))


def test_predictions_are_immutable():
    with pytest.raises(AttributeError):
        landau_zener(gap=1.0, sweep_rate=1.0).value = 2.0


@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
def test_a_result_names_its_basis(basis):
    for result in (
        finite_window(gap=1.0, sweep_rate=1.0, start=-9.0, stop=9.0, basis=basis),
        spin_landau_zener(spin=1, gap=1.0, sweep_rate=1.0, basis=basis),
        demkov_osherov(levels=[0.0, 1.0], couplings=[0.1, 0.2], sweep_rate=1.0, basis=basis),
        bow_tie(slopes=[1.0, -1.0], couplings=[0.1, 0.2], basis=basis),
    ):
        assert (result.basis, result.exact) == (basis, True)


def test_exact_formulas_say_so():
    pulse = {"peak_coupling": 1.0, "width": 1.0}
    for result in (
        rosen_zener(detuning=0.3, **pulse),
        allen_eberly(chirp=1.0, **pulse),
        demkov_kunike(detuning=0.3, chirp=1.0, **pulse),
        tanh_sweep(gap=1.0, amplitude=2.0, width=1.0),
    ):
        assert result.exact


@pytest.mark.parametrize(
    ("formula", "arguments"),
    [
        (formulas.landau_zener, {"gap": 2.3, "sweep_rate": 1e-320, "third_level_distance": 1e-100}),
        (formulas.golden_rule, {"gap": 1e160, "sweep_rate": 0.02}),
        (formulas.stokes_phase, {"gap": 1.7e308, "sweep_rate": 0.8}),
        (formulas.stokes_phase, {"gap": 0.003, "sweep_rate": 1e-320}),
        (formulas.half_crossing, {"gap": 1e-3, "sweep_rate": 1e-10}),
        (formulas.half_crossing, {"gap": 1e200, "sweep_rate": 34.0}),
        (formulas.time_scales, {"gap": 1e300, "sweep_rate": 370.0}),
        (formulas.time_scales, {"gap": 0.003, "sweep_rate": 1e-300}),
        (formulas.rosen_zener, {"detuning": 1e30, "peak_coupling": -1e300, "width": 26.0}),
        (formulas.demkov_kunike,
         {"detuning": 7e-3, "chirp": 1e-100, "peak_coupling": 1e200, "width": 7.0}),
        (formulas.tanh_sweep, {"gap": 3.7, "amplitude": 1.7e308, "width": 76.0}),
        (formulas.spin_landau_zener, {"spin": 10, "gap": 1.7e308, "sweep_rate": 1e-320}),
        (formulas.bow_tie, {"slopes": [1e-200, 0.7, 0.003], "couplings": [1e100, 0.002, 15.0]}),
        (formulas.demkov_osherov, {"levels": [0, 1], "couplings": [1.0, 1e200], "sweep_rate": 1.0}),
        (formulas.dephasing_landau_zener, {"gap": 1e-160, "sweep_rate": 1e30, "gamma": 140.0}),
        (formulas.fixed_axis_dephasing_landau_zener,
         {"gap": 600.0, "sweep_rate": 19.0, "rate": 1e-300, "window": 1e300}),
        (formulas.transfer_matrix, {"gap": 1e300, "sweep_rate": 0.1}),
        (formulas.transition_rate,
         {"gap": 0.0, "offset": 2e-3, "amplitude": 421.0, "frequency": 899.0, "t2": 1e300}),
        (formulas.classical_transition_rate,
         {"gap": 1e200, "offset": 0.5, "amplitude": 0.1, "frequency": 2.6}),
        (formulas.rate_population, {"rate": 1e-160, "t1": 1e-320}),
        (formulas.bloch_siegert_shift, {"gap": 1e-320, "amplitude": 2e-3}),
        (formulas.adiabatic_condition, {"gap": 1e-200, "sweep_rate": 1e10}),
    ],
)  # fmt: skip
def test_arguments_of_any_size_give_a_number_or_one_line_and_no_noise(formula, arguments):
    with contextlib.suppress(InputError):
        found = formula(**arguments)
        values = vars(found).values() if formula is formulas.time_scales else [found]
        assert all(np.all(np.isfinite(np.asarray(value))) for value in values)


def test_a_check_that_fails_is_told_from_its_limit() -> None:
    check = DomainCheck("a ratio", 0.1000004, 0.1, "it is too large")
    assert formulas.result.failures((check,)) == (
        "a ratio is 0.1000004, above 0.1: it is too large",
    )
    assert "0.1000004" in str(check)


def test_surroundings_that_are_not_known_are_named() -> None:
    (crossing,) = ac.find_crossings(ac.models.LandauZener(gap=1.0), -1.0, 1.0)
    with pytest.raises(ac.InputError, match="`foo`"):
        ac.formulas.landau_zener_at(crossing, 1.0, foo=1.0)
    with pytest.raises(ac.InputError, match=r"`windw`.*`window`"):
        ac.formulas.landau_zener_at(crossing, 1.0, windw=1.0)
    assert ac.formulas.landau_zener_at(crossing, 1.0, window=100.0).valid
