import numpy as np
import pytest

from anticrossing.formulas import DomainCheck, Prediction, landau_zener


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
