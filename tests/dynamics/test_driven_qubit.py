"""A driven qubit after a time against the panel solver, its own derivatives, and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import InputError
from anticrossing.dynamics import driven_qubit, interferogram
from tests.effort import slow

UP = np.array([[0.0, 1.0], [0.0, 0.0]])
NAMES = ("gap", "offset", "amplitude", "t1", "t2")


def points(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    t1 = 10 ** rng.uniform(0.5, 2.0, count)
    frequency = rng.uniform(0.7, 2.0, count)
    return {
        "gap": rng.uniform(0.3, 2.0, count),
        "offset": rng.uniform(-4.0, 4.0, count),
        "amplitude": rng.uniform(-5.0, 5.0, count),
        "frequency": frequency,
        "t1": t1,
        "t2": t1 * rng.uniform(0.1, 2.0, count),
        "duration": rng.uniform(0.2, 3.4, count) * 2 * np.pi / frequency,
        "phase": rng.uniform(-4.0, 8.0, count),
        "initial": rng.uniform(0.0, 1.0, count),
    }


@pytest.mark.parametrize("index", [0, *map(slow, range(1, 8))])
@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_against_the_panel_solver(basis: str, index: int) -> None:
    every = points(8)
    point = {name: float(values[index]) for name, values in every.items()}
    heat = 0.3 + 0.2 * index
    found = driven_qubit(
        **point,
        basis=basis,
        tolerance=1e-9,
        **{"temperature": heat} if basis == "adiabatic" else {"equilibrium": 0.2},
    )
    dephasing = 1 / point["t2"] - 0.5 / point["t1"]
    bath: Any
    if basis == "adiabatic":
        bath = ac.ThermalRelaxation(temperature=heat, t1=point["t1"]) + ac.Dephasing(rate=dephasing)
    else:
        rates = (0.2 / point["t1"], 0.8 / point["t1"], dephasing / 2)
        jumps = (UP, UP.T, np.diag([1.0, -1.0]))
        bath = ac.Lindblad([np.sqrt(r) * jump for r, jump in zip(rates, jumps, strict=True)])
    drive = ac.drive.Sinusoidal(
        point["offset"],
        point["amplitude"],
        point["frequency"],
        stop_time=point["duration"],
        phase=point["phase"],
    )
    upper = 1 if basis == "adiabatic" else 0
    bias = point["offset"] + point["amplitude"] * np.cos(point["phase"])
    h = 0.5 * np.array([[bias, point["gap"]], [point["gap"], -bias]])
    vectors = np.linalg.eigh(h)[1] if basis == "adiabatic" else np.eye(2)[:, ::-1]
    state = vectors @ np.diag([1 - point["initial"], point["initial"]]) @ vectors.T
    run = ac.propagate(
        ac.models.LandauZener(gap=point["gap"]),
        drive,
        environment=bath,
        initial=state,
        basis=basis,
        tolerance=1e-9,
    )
    assert float(found.population) == pytest.approx(float(run.probabilities[upper]), abs=3e-9)


@pytest.mark.parametrize("basis", ["diabatic", slow("adiabatic")])
def test_derivatives_are_those_of_differences(basis: str) -> None:
    every = points(6)
    every["temperature"] = np.linspace(0.4, 2.0, 6)
    every["duration"] *= 4
    names = (*NAMES, "temperature")
    found = driven_qubit(**every, basis=basis, tolerance=1e-9, gradient=names)
    for name in names:
        step = 2e-3 * np.minimum(np.abs(every[name]), 1.0)
        ends = [
            driven_qubit(
                **{**every, name: every[name] + k * step}, basis=basis, tolerance=1e-10
            ).population
            for k in (-3, -2, -1, 1, 2, 3)
        ]
        slope = (45 * (ends[3] - ends[2]) - 9 * (ends[4] - ends[1]) + ends[5] - ends[0]) / 60 / step
        np.testing.assert_allclose(found.gradients[name] * step, slope * step, atol=3e-9)


def test_long_drives_end_in_the_mean_of_an_interferogram() -> None:
    place: dict[str, Any] = {
        "gap": 0.8,
        "offset": 2.1,
        "amplitude": 3.0,
        "frequency": 1.0,
        "t1": 12.0,
        "t2": 9.0,
        "equilibrium": 0.1,
    }
    late = 1000 * np.pi + np.linspace(0, 2 * np.pi, 64, endpoint=False)
    after = driven_qubit(**place, duration=late, tolerance=1e-9)
    mean = interferogram(**place, tolerance=1e-9).population
    assert after.population.mean() == pytest.approx(float(mean), abs=1e-8)
    # A million periods cost twenty squarings, and what is set long before does not matter.
    million = driven_qubit(**place, duration=2e6 * np.pi, initial=1.0, tolerance=1e-8)
    assert float(million.population) == pytest.approx(after.population[0], abs=1e-7)


@pytest.mark.slow
def test_a_double_passage_has_the_fringes_of_stueckelberg() -> None:
    offsets = np.linspace(-1, 1, 5)
    omega = 0.3
    found = driven_qubit(
        gap=1.0,
        offset=offsets,
        amplitude=12.0,
        frequency=omega,
        phase=np.pi,
        t1=1e8,
        t2=1e8,
        duration=2 * np.pi / omega,
        tolerance=1e-7,
    )
    drive = ac.drive.Sinusoidal(offsets, 12.0, omega, phase=np.pi)
    run = ac.propagate(ac.models.LandauZener(gap=1.0), drive, basis="diabatic")
    # σ_z = +1 is the first diabatic state; it begins empty.
    np.testing.assert_allclose(found.population, run.transition_matrix[..., 0, 1], atol=3e-7)


def test_no_time_and_no_drive() -> None:
    place: dict[str, Any] = {"gap": 1e-6, "offset": 1.0, "frequency": 1.0, "t1": 5.0, "t2": 5.0}
    still = driven_qubit(**place, amplitude=0.0, duration=[0.0, 5.0], initial=1.0, temperature=0.0)
    np.testing.assert_allclose(still.population, [1.0, np.exp(-1)], atol=1e-6)
    assert still.plot() is not None
    for wrong, message in (
        ({"duration": -1.0}, "`duration` must"),
        ({"duration": 1e12}, "`duration` must be at most 1e\\+09 periods"),
        ({"initial": 1.5}, "`initial` must"),
        ({"t2": 20.0}, "`t2` must"),
        ({"gradient": "frequency"}, "`gradient` must"),
    ):
        with pytest.raises(InputError, match=message):
            driven_qubit(**{**place, "amplitude": 1.0, "duration": 1.0, **wrong})
