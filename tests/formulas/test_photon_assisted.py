import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.formulas import dressed_crossing, landau_zener, photon_assisted_passage
from tests.effort import slow


def kept(gap, rate, amplitude, frequency, phase):
    """The exact probability to keep the diabatic state: to jump between adiabatic levels."""
    h = ac.Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": gap})
    window = (amplitude / frequency + 12) * frequency / rate
    drive = ac.drive.Formula(
        "a*t + A*cos(w*t + p)", -window, window, a=rate, A=amplitude, w=frequency, p=phase
    )
    return float(ac.propagate(h, drive, basis="superadiabatic").probabilities[1])


@pytest.mark.parametrize(
    "case",
    [
        (0.05, 0.02, 2.0, 1.0, 0.5),
        (0.2, 0.02, 1.5, 1.0, 0.3),
        slow((0.1, 0.005, 2.0, 1.0, 0.0)),
        slow((0.2, 0.02, 2.5, 1.0, 1.3)),
        slow((0.2, 0.3, 2.0, 2.0, 0.5)),
    ],
)
def test_photon_assisted_passages_against_exact_evolution(case):
    gap, rate, amplitude, frequency, phase = case
    found = photon_assisted_passage(
        gap=gap, sweep_rate=rate, amplitude=amplitude, frequency=frequency, phase=phase
    )
    assert found.valid
    assert abs(found.value - kept(*case)) < 2e-4 + 0.3 * (gap / frequency) ** 2


def test_photon_assisted_passage_averages_to_independent_crossings():
    """Over phases of the drive and rates, amplitudes average to probabilities."""
    arguments = {"gap": 0.1, "amplitude": 1.2, "frequency": 1.0}
    rates = 0.02 + 2e-5 * np.random.default_rng(1).uniform(-1, 1, 60)
    phases = np.random.default_rng(2).uniform(0, 2 * np.pi, 60)
    coherent = [
        photon_assisted_passage(**arguments, sweep_rate=rate, phase=phase).value
        for rate, phase in zip(0.02 + 40 * (rates - 0.02), phases, strict=True)
    ]
    averaged = photon_assisted_passage(**arguments, sweep_rate=0.02, coherent=False)
    assert abs(np.mean(coherent) - averaged.value) < 4 * np.std(coherent) / np.sqrt(60)


def test_a_drive_that_is_off_leaves_landau_zener():
    for coherent in (True, False):
        found = photon_assisted_passage(
            gap=0.3, sweep_rate=0.2, amplitude=0.0, frequency=5.0, coherent=coherent
        )
        assert found.value == pytest.approx(landau_zener(gap=0.3, sweep_rate=0.2).value, rel=1e-12)
    found = photon_assisted_passage(gap=0.1, sweep_rate=0.01, amplitude=30.0, frequency=1.0)
    alone = landau_zener(gap=0.1, sweep_rate=0.01).value
    assert np.prod(found.kept) == pytest.approx(alone, rel=1e-12)
    assert np.all(np.diff(found.times) > 0)


def test_photon_assisted_passages_say_where_they_fail():
    overlapping = photon_assisted_passage(gap=2.0, sweep_rate=1.0, amplitude=3.0, frequency=1.0)
    assert not overlapping.valid
    assert abs(overlapping.value - kept(2.0, 1.0, 3.0, 1.0, 0.0)) > 0.03
    slow_sweep = photon_assisted_passage(gap=0.1, sweep_rate=1e-4, amplitude=1.3, frequency=1.0)
    assert "phases" in slow_sweep.warnings[0]
    assert photon_assisted_passage(
        gap=0.1, sweep_rate=1e-4, amplitude=1.3, frequency=1.0, coherent=False
    ).valid
    with pytest.raises(InputError):
        photon_assisted_passage(gap=1e160, sweep_rate=1.0, amplitude=1.0, frequency=1.0)
    assert photon_assisted_passage(gap=0.0, sweep_rate=1.0, amplitude=1, frequency=9).value == 1
    with pytest.raises(InputError, match="amplitude"):
        photon_assisted_passage(gap=1.0, sweep_rate=1.0, amplitude=1e9, frequency=1.0)


@pytest.mark.parametrize("rabi", [0.1, 0.2])
def test_dressed_crossing_against_the_field_itself(rabi):
    """A chirped field through resonance, with its counter-rotating part."""
    carrier, chirp = 10.0, 0.02
    h = ac.Hamiltonian.from_matrix(
        [["w/2", "r*x"], ["r*x", "-w/2"]], parameters={"w": carrier, "r": rabi}
    )
    drive = ac.drive.Formula("cos(w*t + b*t**2/2)", -400.0, 400.0, w=carrier, b=chirp)
    result = ac.propagate(h, drive, basis="diabatic")
    found = dressed_crossing(rabi_frequency=rabi, chirp_rate=chirp, carrier=carrier)
    assert found.valid
    # at both ends the window leaves amplitudes of Ω/2βT, and of the counter-rotating part
    left = rabi / (2 * chirp * 400.0) + rabi / (2 * (2 * carrier - chirp * 400.0))
    bound = 4 * np.sqrt(found.value * (1 - found.value)) * left + 4 * left**2
    assert abs(float(result.probabilities[0]) - found.value) < bound < 0.03
    assert not dressed_crossing(rabi_frequency=1.0, chirp_rate=0.1, carrier=1.0).valid
