"""The verdict of `passage` against the exact answer it holds."""

import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow

LZ, Linear, Formula = ac.models.LandauZener, ac.drive.Linear, ac.drive.Formula
Environment = ac.environment
PULSED = ac.Hamiltonian.from_matrix([["d/2", "x/2"], ["x/2", "-d/2"]], parameters={"d": 0.3})
STEP = "r*t+1.5*(1+tanh((t-at)/w))"
THREE = ac.models.DemkovOsherov(levels=[0.0, 1.0], couplings=[0.2, 0.3])

# What is driven, how, in what surroundings, how read out.
SITUATIONS = (
    [
        pytest.param(LZ(gap=gap), Linear(-reach, reach, rate=rate), None, basis)
        for gap, rate in ((0.03, 1.0), (0.3, 1.0), (1.0, 1.0), (1.0, 0.1), (3.0, 1.0), (1.0, 30.0))
        for reach in (3.0, 100.0)
        for basis in ("adiabatic", "diabatic")
    ]
    + [
        pytest.param(LZ(gap=gap), Linear(start, stop, rate=1.0), None, "adiabatic")
        for gap, start, stop in (
            (0.1, -0.6, 0.1),
            (0.1, -0.1, 0.6),
            (1.0, -0.5, 60.0),
            (1.0, 0.0, 60.0),
            (1.0, -60.0, 0.0),
            (1.0, 5.0, 60.0),
            (0.2, -60.0, -20.0),
        )
    ]
    + [
        kind(LZ(gap=gap), Formula(STEP, -300, 300, r=0.01, w=w, at=at), None, "adiabatic")
        for kind, gap, w, at in (
            (slow, 1.0, 0.2, 200.0),
            (pytest.param, 1.0, 2.0, -150.0),
            (slow, 0.3, 0.2, 100.0),
            (slow, 1.0, 9.0, 0.0),
        )
    ]
    + [
        (pytest.param if gap == 0.5 else slow)(
            LZ(gap=gap), Formula(text, -60, 60), None, "adiabatic"
        )
        for gap in (0.1, 0.5, 2.0)
        for text in (
            "0.1*t**2-12",
            "0.05*t**2-1",
            "0.02*t+0.001*t**3",
            "8*tanh(t/4)",
            "8*tanh(t/4)+2",
            "5*cos(0.2*t)+0.5",
        )
    ]
    + [
        pytest.param(LZ(gap=gap), Linear(-60, 60, rate=rate), surroundings, "adiabatic")
        for gap, rate in ((0.1, 1.0), (0.3, 2.19), (1.0, 10.0), (1.0, 0.3))
        for surroundings in (
            Environment.Dephasing(rate=0.003),
            Environment.Dephasing(rate=0.3),
            Environment.FixedAxisDephasing(0.3),
            Environment.ThermalRelaxation(temperature=0.5, t1=300.0),
        )
    ]
    + [
        pytest.param(PULSED, Formula("1.3*exp(-(t-0.31*T)**2/2)", 0, span, T=span), None, basis)
        for span in (1e2, 1e4)
        for basis in ("adiabatic", "diabatic")
    ]
    + [
        pytest.param(THREE, Linear(-reach, reach, rate=rate), None, "adiabatic")
        for reach, rate in ((60.0, 1.0), (60.0, 0.1), (3.0, 1.0))
    ]
)


def test_there_are_many_situations():
    assert len(SITUATIONS) >= 60


@pytest.mark.quick(20)
@pytest.mark.parametrize(("hamiltonian", "drive", "surroundings", "basis"), SITUATIONS)
def test_nothing_is_within_its_domain_that_the_exact_answer_contradicts(
    hamiltonian, drive, surroundings, basis
):
    result = ac.passage(hamiltonian, drive, environment=surroundings, basis=basis)
    final = np.asarray(result.exact.probabilities)
    assert abs(final.sum() - 1) < 1e-9
    for prediction in result.predictions:
        if not prediction.valid:
            continue
        off = np.abs(prediction.probabilities - final)
        # A tenth of the probability to stay or to leave, whichever is smaller, or a thousandth.
        assert np.all(off <= np.maximum(0.1 * np.minimum(final, 1 - final), 1.01e-3))
        assert np.all((prediction.probabilities > -1e-9) & (prediction.probabilities < 1 + 1e-9))
    said = result.verdict
    if said.startswith("Within"):
        assert any(prediction.valid for prediction in result.predictions)
        assert "contradict" not in said.lower()
    if "adiabatic: ln P" in said:
        # The ends of the window are named only where the superadiabatic states show it.
        inner = ac.propagate(hamiltonian, drive, basis="superadiabatic")
        jump = 1 - float(inner.probabilities[0])
        predicted = np.exp(result.log_jump.log_probability)
        assert jump < max(1e-8, 1.1 * predicted) or ("no further" in said and jump < 1e-5)
        assert ("comes from the ends" in said) <= (1 - final[0] > jump - 1e-15)
    if "meets no crossing;" in said:
        assert final[0] > 0.998


@pytest.mark.slow
@pytest.mark.parametrize(("w", "at"), [slow(0.2, 200.0), slow(0.5, -300.0), (0.05, 700.0)])
def test_a_step_in_the_drive_is_not_called_adiabatic(w, at):
    result = ac.passage(LZ(gap=1.0), Formula(STEP, -1000, 1000, r=0.01, w=w, at=at))
    assert result.log_jump is None
    assert "adiabatic" not in result.verdict.lower()
    assert not any(prediction.valid for prediction in result.predictions)


@pytest.mark.slow
def test_a_number_that_is_not_known_is_not_printed():
    result = ac.passage(LZ(gap=1.0), Linear(-1000, 1000, rate=1e-3), basis="superadiabatic")
    table = [line for line in str(result).splitlines() if line.strip().startswith("exact")]
    assert "<" in table[0]
    assert abs(result.log_jump.log_probability + np.pi / 2e-3) < 1e-6
    assert "adiabatic" in result.verdict
