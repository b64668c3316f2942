"""Noise in experiment files: what a file says is what the library computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.environment.noise import (
    NoiseSpectrum,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
    WhiteNoise,
)
from anticrossing.studies import environments

X = [[0.0, 1.0], [1.0, 0.0]]
OMEGA = np.geomspace(0.1, 10.0, 20)


@pytest.mark.parametrize(
    ("table", "noise"),
    [
        (
            {"kind": "telegraph", "amplitude": 0.1, "correlation_time": 2.0, "occupation": 0.2},
            TelegraphNoise(0.1, 2.0, X, occupation=0.2),
        ),
        (
            {"kind": "ornstein-uhlenbeck", "rms": 0.1, "correlation_time": 2.0},
            OrnsteinUhlenbeckNoise(0.1, 2.0, X),
        ),
        ({"kind": "quasi-static", "rms": 0.1}, QuasiStaticNoise(0.1, X)),
        ({"kind": "white", "density": 0.1}, WhiteNoise(0.1, X)),
        (
            {"kind": "pink", "density": 0.1, "lowest": 0.01, "highest": 1.0, "fluctuators": True},
            PinkNoise(0.1, 0.01, 1.0, X, fluctuators=True),
        ),
        (
            {
                "kind": "spectrum",
                "frequency": OMEGA.tolist(),
                "density": (0.02 / (1 + OMEGA**2)).tolist(),
                "lorentzians": 1,
            },
            OrnsteinUhlenbeckNoise(0.1, 1.0, X),
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_table_is_the_noise(table: dict[str, Any], noise: Any) -> None:
    found: Any = environments.environment([{**table, "operator": X}])
    assert found.spectrum(OMEGA) == pytest.approx(noise.spectrum(OMEGA), rel=1e-6)
    assert np.array_equal(found.operator, noise.operator)


def test_strengths_are_scanned_at_once() -> None:
    table = {"kind": "ornstein-uhlenbeck", "rms": 0.1, "correlation_time": 2.0, "operator": X}
    keys = {"correlation_time": np.array([1.0, 3.0])}
    assert environments.can_be_batched([table], list(keys))
    found = environments.environment([table], keys)
    assert found is not None
    assert found.batch_shape == (2,)


def test_what_is_wrong_is_said_with_its_table() -> None:
    with pytest.raises(ac.InputError, match="correlation_time"):
        environments.environment([{"kind": "telegraph", "amplitude": 0.1}])
    with pytest.raises(ac.InputError, match="diverges"):
        environments.environment([{"kind": "pink", "density": 1.0, "lowest": 0.0, "highest": 1.0}])


def test_a_passage_with_noise() -> None:
    """The exact answer is the average; the closed form for fast noise says it is not for this."""
    noise = TelegraphNoise(0.3, 2.0, X)
    problem = ac.models.LandauZener(gap=0.4), ac.drive.Linear(-10, 10, rate=1.0)
    found = ac.passage(*problem, environment=noise, basis="diabatic")
    exact = ac.propagate(*problem, environment=noise, basis="diabatic")
    assert found.exact.probabilities == pytest.approx(exact.probabilities, abs=1e-10)
    assert [form.valid for form in found.predictions] == [False]
    assert not found.events[0].jump.valid


def test_what_is_said_of_noise_is_said_once() -> None:
    spectrum = NoiseSpectrum([0.1, 0.3, 1.0, 3.0], [1e-3, 1e-2, 1e-4, 2e-3])
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    noise = spectrum.noise(lorentzians=1)
    found = ac.passage(ac.models.LandauZener(gap=1.0), sweep, environment=noise, tolerance=1e-3)
    assert sum("spectrum of the noise" in said for said in found.notes()) == 1
    assert str(found).count("spectrum of the noise") == 1


def test_noise_of_a_map_and_of_a_steady_state() -> None:
    text = """
    [interferogram]
    gap = 0.4
    offset = [1.0, 1.2]
    amplitude = [2.0]
    frequency = 1.0
    t1 = 20.0
    t2 = 4.0
    noise = 0.1
    """
    found: Any = studies.run(studies.parse(text))
    exact = ac.dynamics.interferogram(
        gap=0.4,
        offset=[[1.0], [1.2]],
        amplitude=2.0,
        frequency=1.0,
        t1=20.0,
        t2=4.0,
        noise=QuasiStaticNoise(0.1),
    )
    assert found.population == pytest.approx(exact.population, abs=1e-12)
    text = """
    hamiltonian = { model = "LandauZener", gap = 0.4 }
    drive = { kind = "sinusoidal", offset = 1.0, amplitude = 2.0, frequency = 1.0 }
    floquet = { basis = "diabatic" }
    [[environment]]
    kind = "telegraph"
    amplitude = 0.3
    correlation_time = 2.0
    [[environment]]
    kind = "lindblad"
    operators = [{ matrix = [[0, 0], [0.3, 0]] }]
    """
    driven: Any = studies.run(studies.parse(text))
    noise = TelegraphNoise(0.3, 2.0) + ac.Lindblad([0.3 * np.array([[0, 0], [1, 0]])])
    steady = ac.dynamics.periodic_steady_state(
        ac.models.LandauZener(gap=0.4), ac.drive.Sinusoidal(1.0, 2.0, 1.0), noise, basis="diabatic"
    )
    assert driven.steady.populations == pytest.approx(steady.populations, abs=1e-8)


def test_a_check_tells_what_noise_takes() -> None:
    """About what it takes at most; nothing where the environment forgets."""
    head = """
    hamiltonian = { model = "LandauZener", gap = 1.0 }
    drive = { kind = "linear", start = -10, stop = 10, rate = 0.1 }
    """
    pink = 'environment = {kind = "pink", density = 0.01, lowest = 1e-3, highest = 10.0}\n'
    cost = studies.parse(head + pink).cost()
    assert cost is not None
    assert "noise" in cost.what
    assert 10.0 < cost.seconds < 1000.0
    slower = studies.parse(head.replace("0.1", "0.01") + pink).cost()
    assert slower is not None
    assert slower.seconds > 3 * cost.seconds
    state = studies.parse(head + pink + "state = {}\n").cost()
    assert state is not None
    assert state.seconds < cost.seconds
    white = 'environment = { kind = "dephasing", rate = 0.1 }\n'
    assert studies.parse(head + white).cost() is None
