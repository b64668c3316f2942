"""Derivatives of interferograms against complex steps through a collocated period."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.dynamics.interferogram import interferogram
from tests.effort import slow

NODES = 121  # of a period
STEP = 1e-30


def collocated(point: dict[str, Any], basis: str, readout: str) -> Any:
    """The mean upper population; analytic in all parameters, which may be complex."""
    gap, offset, amplitude, omega = (point[k] for k in ("gap", "offset", "amplitude", "frequency"))
    phase = 2 * np.pi * np.arange(NODES) / NODES
    bias = offset + amplitude * np.cos(phase)
    energy = np.sqrt(bias**2 + gap**2)
    one = np.ones(NODES)
    tilted = gap / energy, bias / energy
    x, z = tilted if basis == "adiabatic" else (0 * one, one)
    if "equilibrium" in point:
        level = (2 * point["equilibrium"] - 1) * one
    else:
        level = -np.tanh(
            (energy if basis == "adiabatic" else offset * one) / 2 / point["temperature"]
        )
    slow, fast = 1 / point["t1"], 1 / point["t2"]
    steps = phase[:, None] - phase
    with np.errstate(divide="ignore"):
        turns = (-1.0) ** np.subtract.outer(range(NODES), range(NODES))
        slope = 0.5 * turns / np.where(steps == 0, np.inf, np.sin(steps / 2))
    zero = 0 * one
    matrix = [
        [-fast + (fast - slow) * x * x, -bias, (fast - slow) * x * z],
        [bias, -fast * one, -gap * one],
        [(fast - slow) * x * z, gap * one, -fast + (fast - slow) * z * z],
    ]
    whole = np.kron(np.eye(3), slope) * omega - np.block([[np.diag(m) for m in r] for r in matrix])
    state = np.linalg.solve(whole, np.concatenate([x * level, zero, z * level]) * slow)
    x, z = tilted if readout == "adiabatic" else (zero, one)
    return 0.5 + 0.5 * np.mean(x * state[:NODES] + z * state[2 * NODES :])


def points(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    t1 = 10 ** rng.uniform(0.0, 2.0, count)
    return {
        "gap": rng.uniform(0.5, 2.0, count),
        "offset": rng.uniform(-4.0, 4.0, count),
        "amplitude": rng.uniform(0.0, 4.0, count),
        "frequency": rng.uniform(0.8, 2.0, count),
        "t1": t1,
        "t2": t1 * rng.uniform(0.05, 2.0, count),
    }


@pytest.mark.parametrize(
    ("basis", "readout", "heat", "tolerance"),
    [
        ("diabatic", "diabatic", "equilibrium", 1e-10),
        slow("diabatic", "diabatic", "temperature", 1e-10),
        ("adiabatic", "adiabatic", "temperature", 1e-8),
        slow("adiabatic", "diabatic", "equilibrium", 1e-8),
        slow("diabatic", "adiabatic", "temperature", 1e-8),
    ],
)
def test_all_derivatives_against_complex_steps(
    basis: str, readout: str, heat: str, tolerance: float
) -> None:
    count = 3
    every = points(count) | {heat: np.linspace(0.2, 0.9, count)}
    names = tuple(every)
    found = interferogram(
        **every, basis=basis, readout=readout, tolerance=tolerance, gradient=names
    )
    plain = interferogram(**every, basis=basis, readout=readout, tolerance=tolerance)
    np.testing.assert_allclose(found.population, plain.population, atol=tolerance)
    for k in range(count):
        point = {name: values[k] for name, values in every.items()}
        mean = collocated(point, basis, readout)
        assert abs(mean - found[k]) < 2 * tolerance
        for name in names:
            exact = collocated(point | {name: point[name] + STEP * 1j}, basis, readout).imag / STEP
            scale = min(1 / point["t2"], abs(point[name]))
            error = abs(found.gradients[name][k] - exact)
            assert error < 3 * tolerance * (abs(exact) + 1 / scale), (name, error, exact)


def test_derivatives_at_the_edges() -> None:
    place: dict[str, Any] = {"gap": 0.3, "frequency": 1.0, "t1": 50.0, "t2": 20.0}
    names = ("gap", "offset", "amplitude", "frequency")
    # Without a drive there is nothing to differentiate by; its sign does not count.
    still = interferogram(**place, offset=1.0, amplitude=0.0, equilibrium=0.1, gradient=names)
    assert still.gradients["amplitude"] == 0
    assert still.gradients["frequency"] == pytest.approx(0, abs=1e-15)
    one, other = (
        interferogram(**place, offset=2.0, amplitude=a, equilibrium=0.1, gradient=names)
        for a in (3.0, -3.0)
    )
    assert one.gradients["amplitude"] == -other.gradients["amplitude"]
    assert one.gradients["gap"] == other.gradients["gap"]
    # Strongly damped, and with a gap that decides nothing: finite, and of the right sign.
    for gap, t1 in ((1e-8, 1e6), (1e3, 1e-3), (1e-8, 1e-3)):
        found = interferogram(
            gap=gap,
            offset=2.0,
            amplitude=3.0,
            frequency=1.0,
            t1=t1,
            t2=t1,
            equilibrium=0.0,
            gradient=names,
        )
        assert all(np.isfinite(values) for values in found.gradients.values())
        assert found.gradients["gap"] >= 0
    cold = interferogram(
        **place, offset=[-1.0, 0.0, 2.0], amplitude=3.0, temperature=0.0, gradient="temperature"
    )
    np.testing.assert_array_equal(cold.gradients["temperature"], 0.0)
    assert set(cold.variables()) >= {"population", "population_by_temperature"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("g", "did you mean `gap`"),
        (("gap", "gap"), "every parameter once"),
        ("equilibrium", "one of"),
    ],
)
def test_unknown_derivatives_are_refused(names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        interferogram(
            gap=1.0, offset=1.0, amplitude=1.0, frequency=1.0, t1=1.0, t2=1.0, gradient=names
        )
