"""What derivatives cost: against evaluations, against slowness, and against another package."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac

PARAMETERS = 10
MOST_EVALUATIONS = 4.0  # wanted
REACHED = 7.0  # at all rates
RATES = [10.0**-k for k in range(7)]


def fan(levels: int, seed: int = 0) -> ac.Hamiltonian:
    """Return levels that run apart, with ten symmetric couplings of random elements."""
    generator = np.random.default_rng(seed)
    terms: list[tuple[str, Any]] = [("x", np.diag(np.arange(levels) - 0.5 * (levels - 1)))]
    for k in range(PARAMETERS):
        matrix = generator.normal(size=(levels, levels))
        terms.append((f"p{k}", 0.15 * (matrix + matrix.T)))
    values = {f"p{k}": 0.5 + 0.1 * k for k in range(PARAMETERS)}
    return ac.Hamiltonian.from_terms(terms, parameters=values)


def measured(
    levels: int, surroundings: Any, report: Callable[[str, dict[str, Any]], None], what: str
) -> float:
    """Report times of one evaluation, and with ten derivatives; return the largest ratio."""
    H, names, ratios, taken = fan(levels), [f"p{k}" for k in range(PARAMETERS)], [], []
    for rate in RATES:
        drive = ac.drive.Formula("rate*t", -10 / rate, 10 / rate, rate=rate)

        def plain(drive: Any = drive) -> Any:
            return ac.propagate(H, drive, environment=surroundings)

        def derived(drive: Any = drive) -> Any:
            return ac.propagate(H, drive, environment=surroundings, gradient=names)

        one, ten = best_of([plain, derived], rounds=5)
        ratios.append(ten.processor / one.processor)
        taken.append(ten.processor)
    report(
        f"{what}, N = {levels}, ten parameters",
        {
            "times": " ".join(f"{1e3 * value:.1f}" for value in taken) + " ms",
            "evaluations": " ".join(f"{ratio:.1f}" for ratio in ratios),
            "slowest / fastest": max(taken) / min(taken),
            "target": MOST_EVALUATIONS,
        },
    )
    return max(ratios)


@pytest.mark.parametrize("levels", [2, 3, 4, 6])
def test_closed_derivatives(levels: int, report: Callable[[str, dict[str, Any]], None]) -> None:
    assert measured(levels, None, report, "closed") < REACHED


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_open_derivatives(levels: int, report: Callable[[str, dict[str, Any]], None]) -> None:
    jump = np.diag(np.full(levels - 1, 0.1), 1)
    assert measured(levels, ac.Lindblad([jump]), report, "open") < REACHED


@pytest.mark.parametrize("surroundings", [None, ac.Lindblad([np.diag([0.1, 0.1], 1)])])
def test_values_of_a_drive(
    surroundings: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    """Forty-one values, each of which acts on two panels."""
    H, values = fan(3), np.random.default_rng(0).normal(size=41)
    drive = ac.drive.Piecewise(np.linspace(0, 40, 41), values)

    def plain() -> Any:
        return ac.propagate(H, drive, environment=surroundings)

    def derived() -> Any:
        return ac.propagate(H, drive, environment=surroundings, gradient="values")

    one, every = best_of([plain, derived], rounds=5)
    ratio = every.processor / one.processor
    what = "closed" if surroundings is None else "open"
    report(
        f"{what}, forty-one values of a drive",
        {"evaluations": ratio, "target": MOST_EVALUATIONS * 41 / PARAMETERS},
    )
    assert ratio < (6.0 if surroundings is None else 60.0)


def test_against_differentiable_solver(report: Callable[[str, dict[str, Any]], None]) -> None:
    """The gap's derivative after sweeps that dynamiqs can do, at its tightest tolerance."""
    dq = pytest.importorskip("dynamiqs")
    jax = pytest.importorskip("jax")
    dq.set_precision("double")
    z, x = 0.5 * dq.sigmaz(), 0.5 * dq.sigmax()
    for rate in (1.0, 0.1, 0.01):
        stop = 10 / rate
        saved = jax.numpy.array([-stop, stop])

        def stays(gap: Any, rate: float = rate, saved: Any = saved) -> Any:
            H = dq.modulated(lambda t: rate * t, z) + gap * x
            start = dq.basis(2, 1)
            chosen = dq.method.Tsit5(rtol=1e-11, atol=1e-11, max_steps=10**6)
            options = {"method": chosen, "save_states": False, "progress_meter": False}
            found = dq.sesolve(H, start, saved, **options)
            return jax.numpy.abs(found.final_state.to_jax()[0, 0]) ** 2

        derivative = jax.jit(jax.grad(stays))
        theirs = float(derivative(1.0))
        H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Formula("r*t", -stop, stop, r=rate)

        def ours(H: Any = H, drive: Any = drive) -> Any:
            return ac.propagate(H, drive, basis="diabatic", gradient="gap")

        mine = float(ours().gradients["gap"].transition_matrix[0, 1])
        start = time.perf_counter()
        derivative(1.0).block_until_ready()
        taken = time.perf_counter() - start
        (own,) = best_of([ours], rounds=10)
        report(
            f"derivative by the gap, rate {rate:g}",
            {
                "apart": abs(theirs - mine),
                "dynamiqs": f"{1e3 * taken:.1f} ms",
                "ours": f"{1e3 * own.wall:.1f} ms",
                "ratio": taken / own.wall,
            },
        )
        assert abs(theirs - mine) < 1e-7
