"""Three spins annealed for a very long time to a degenerate end (QuantumAnnealing.jl, issue 24)."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, models, spectrum
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import Propagation
from anticrossing.dynamics.propagation import of_all_levels, propagate
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.reproduce.reproduction import Number, Reproduction

_DURATIONS = tuple(10.0**k for k in range(1, 8))
_PUBLISHED = 1e5  # duration of the issue
_STEPS = 262_144  # that its simulation took there
_STATES = ("100", "101", "110")
_REFERENCE = (0.4980572, 0.2509714, 0.2509714)
_CLAIM = 1e-7  # the digits given
_SOURCE = "QuantumAnnealing.jl, issue 24 (2022)"


def compute() -> Reproduction:
    """Anneal the triangle of the issue at durations from 10 to 10⁷."""
    hamiltonian = _triangle()
    found = {duration: _anneal(hamiltonian, duration) for duration in _DURATIONS}
    chosen = [int(state, 2) for state in _STATES]
    rows: list[list[Any]] = [
        [duration, *(float(p) for p in result.probabilities[chosen]), int(result.panels)]
        for duration, result in found.items()
    ]
    numbers = tuple(
        Number(f"population of {state}", reference, float(population), _CLAIM, _SOURCE)
        for state, reference, population in zip(
            _STATES, _REFERENCE, found[_PUBLISHED].probabilities[chosen], strict=True
        )
    )
    result = found[_PUBLISHED]
    worst = max(abs(number.difference) for number in numbers)
    conclusion = (
        f"At T = {_PUBLISHED:.0e} the three ground states are reached with "
        f"{', '.join(f'{number.found:.7f}' for number in numbers)}, within {worst:.0e} of a "
        f"Runge–Kutta method (claimed {_CLAIM:.0e}), in {int(result.panels)} panels of the sectors "
        f"of {' and '.join(str(size) for size in result.sectors)} states; the simulation of the "
        f"issue took {_STEPS:,} steps. They approach ½, ¼, ¼ no faster than T^(−1/2), as the gap "
        "closes at the end."
    )
    fractions = np.linspace(0.0, 1.0, 300)
    energies = spectrum.levels(hamiltonian, fractions)

    return Reproduction(
        name="quantum-annealing-24",
        title="Three frustrated spins, annealed for a very long time",
        source=f"{_SOURCE}: fields 0.1, 0, 0, couplings 1, cos(πs/2) and sin(πs/2) as schedule; "
        "populations by the method of Verner in QuTiP, to 1e-11.",
        columns=["duration", *(f"population {state}" for state in _STATES), "panels"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, fractions, energies, rows),
        numbers=numbers,
    )


def _triangle() -> Hamiltonian:
    """Return H as a function of the fraction s of the duration."""
    problem = models.ising_problem([0.1, 0.0, 0.0], {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0})
    return Hamiltonian.from_terms(
        [("cos(pi*s/2)", models.transverse_field_driver(3)), ("sin(pi*s/2)", problem)],
        coordinates="s",
    )


def _anneal(hamiltonian: Hamiltonian, duration: float) -> Propagation:
    """Return the evolution from the ground state of the driver, read out bit by bit."""
    start = np.full(hamiltonian.dimension, hamiltonian.dimension**-0.5)
    sweep = drive.Linear(0.0, 1.0, rate=1 / duration)
    return of_all_levels(propagate(hamiltonian, sweep, initial=start, basis="diabatic"))


def _draw(figure: Any, fractions: FloatArray, energies: FloatArray, rows: list[list[Any]]) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    size = energies.shape[1]
    for index in range(size):
        left.plot(fractions, energies[:, index], color=style.level_color(index, size), lw=1.8)
    left.set(xlabel="fraction s of the duration", ylabel="energy", title="Levels")
    durations = np.array([row[0] for row in rows])
    for index, state in enumerate(_STATES[:2]):
        limit = 0.5 if index == 0 else 0.25
        color = style.formula_color(index)
        away = [abs(row[1 + index] - limit) for row in rows]
        right.plot(durations, away, "o-", color=color, ms=4, lw=1.6, label=f"{state}: {limit:g}")
    right.set(xscale="log", yscale="log", xlabel="duration T")
    right.set(ylabel="distance of the population from its limit", title="What is left at the end")
    right.legend(title="state: limit")
    for axes in (left, right):
        style.grid(axes)
