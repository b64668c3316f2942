"""Annealing of 12 qubits against QuTiP's `sesolve`, of 14 at any slowness, of 16 in little memory.

QuTiP runs the methods that it has for a time-dependent H, each with the first tolerance of a ladder
at which the state is accurate to 1e-8; the quickest counts.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import ACCURACY, best_of, timed

import anticrossing as ac

DURATION = 100.0
METHODS = ("adams", "dop853", "vern7", "vern9")
LADDER = (1e-9, 1e-10, 1e-11)
MOST_MEMORY = 8.0  # GiB, of 16 qubits
SIXTEEN_DURATION = 20.0


def annealing(qubits: int, seed: int = 1) -> Any:
    """Return an Ising problem with random fields, and couplings between half of all pairs."""
    rng = np.random.default_rng(seed)
    couplings = {
        (i, j): float(rng.uniform(-1, 1))
        for i in range(qubits)
        for j in range(i + 1, qubits)
        if rng.random() < 0.5
    }
    problem = ac.models.ising_problem(rng.uniform(-0.5, 0.5, qubits), couplings)
    driver = ac.models.transverse_field_driver(qubits)
    return ac.models.Annealing(initial=driver, problem=problem)


def ramp(duration: float) -> Any:
    """Return the drive from the first to the second Hamiltonian."""
    return ac.drive.Linear(0.0, 1.0, rate=1 / duration)


def by_qutip(qutip: Any, H: Any, method: str, tolerance: float) -> Any:
    """Return the final state, from the ground state of the driver."""
    first, second = (qutip.Qobj(m.astype(complex)).to("CSR") for m in H.matrices)
    ends = np.array([0.0, DURATION])
    rising = qutip.coefficient(np.array([0.0, 1.0]), tlist=ends, order=1)
    falling = qutip.coefficient(np.array([1.0, 0.0]), tlist=ends, order=1)
    start = qutip.Qobj(np.full((H.dimension, 1), H.dimension**-0.5))
    options = {
        "method": method,
        "rtol": tolerance,
        "atol": tolerance / 100,
        "nsteps": 10**8,
        "progress_bar": "",
        "store_final_state": True,
        "normalize_output": False,
    }
    solved = qutip.sesolve(
        qutip.QobjEvo([[first, falling], [second, rising]]), start, ends, options=options
    )
    return solved.final_state.full()[:, 0]


def away(one: Any, other: Any) -> float:
    """Return the distance of two states, whatever their phase."""
    overlap = np.vdot(one, other)
    return float(np.linalg.norm(other - one * overlap / abs(overlap)))


def test_annealing_of_12_qubits(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    H = annealing(12)
    start = np.full(H.dimension, H.dimension**-0.5)

    def solve(tolerance: float) -> Any:
        return ac.propagate(H, ramp(DURATION), initial=start, levels=1, tolerance=tolerance)

    best = solve(1e-12).state
    found = solve(ACCURACY)
    assert away(best, found.state) <= ACCURACY
    chosen, errors = {}, {}
    for method in METHODS:
        for tolerance in LADDER:
            errors[method] = away(best, by_qutip(qutip, H, method, tolerance))
            if errors[method] <= ACCURACY:
                chosen[method] = tolerance
                break
    calls = [
        lambda method=method: by_qutip(qutip, H, method, chosen[method])  # type: ignore[misc]
        for method in chosen
    ]
    ours, *theirs = best_of([lambda: solve(ACCURACY), *calls], rounds=3)
    benchmark.pedantic(solve, (ACCURACY,), rounds=1)
    quickest, method = min((t.wall, m) for t, m in zip(theirs, chosen, strict=True))
    report(
        f"12 qubits, T = {DURATION:g}, to {ACCURACY:g}",
        {
            "qutip": f"{qutip.__version__} {method}, tolerance {chosen[method]:.0e}",
            "error": f"{away(best, found.state):.1e} / {errors[method]:.1e}",
            "time": f"{ours.wall:.3f} / {quickest:.3f} s",
            "processor-time ratio": min(t.processor for t in theirs) / ours.processor,
            "ratio": quickest / ours.wall,
            "target": "1",
        },
    )
    assert quickest >= ours.wall


def test_annealing_of_14_qubits_at_any_slowness(
    report: Callable[[str, dict[str, Any]], None],
) -> None:
    H = annealing(14)
    for duration in (300.0, 1e6):
        results: list[Any] = []

        def solve(method: str, duration: float = duration, results: list[Any] = results) -> None:
            results.append(ac.propagate(H, ramp(duration), levels=2, method=method))

        slow = timed(lambda: solve("lowest"))
        figures = {
            "time": f"{slow.wall:.0f} s",
            "processor": f"{slow.processor:.0f} s",
            "P": f"{results[0].probabilities[0]:.10f}",
            "bound": f"{results[0].error_estimate:.1e}",
            "eigenproblems": results[0].products,
        }
        if duration < 1e3:
            direct = timed(lambda: solve("direct"))
            difference = np.abs(results[0].probabilities - results[1].probabilities).max()
            figures |= {"direct": f"{direct.wall:.0f} s", "difference": f"{difference:.1e}"}
            assert difference <= results[0].error_estimate + results[1].error_estimate
        report(f"14 qubits, T = {duration:g}, by the lowest levels", figures)


def evolved(qubits: int) -> dict[str, Any]:
    """Evolve annealing qubits directly."""
    found = ac.propagate(annealing(qubits), ramp(SIXTEEN_DURATION), levels=1)
    return {"products": found.products, "error": f"{found.error_estimate:.1e}"}


def followed(qubits: int) -> dict[str, Any]:
    """Follow the lowest levels of annealing qubits."""
    found = ac.propagate(annealing(qubits), ramp(1e6), levels=2, method="lowest")
    return {
        "P": f"{found.probabilities[0]:.10f}",
        "bound": f"{found.error_estimate:.1e}",
        "eigenproblems": found.products,
    }


def crossed(qubits: int) -> dict[str, Any]:
    """Find the crossings of the four lowest levels of annealing qubits."""
    found = ac.find_crossings(annealing(qubits), 0.0, 0.98, count=4)
    return {"crossings": len(found), "narrowest gap": f"{found.gaps.min():.2e}"}


def measured(call: Callable[[int], dict[str, Any]], qubits: int, results: Any) -> None:
    """Call, and tell times, peak memory and figures."""
    begun, working = time.perf_counter(), time.process_time()
    figures = call(qubits)
    results.put(
        {
            "time": f"{time.perf_counter() - begun:.1f} s",
            "processor": f"{time.process_time() - working:.1f} s",
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            **figures,
        }
    )


@pytest.mark.parametrize(
    ("what", "qubits"),
    [(evolved, 16), (crossed, 14), (crossed, 16), (followed, 16)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_many_qubits_in_little_memory(
    what: Callable[[int], dict[str, Any]],
    qubits: int,
    report: Callable[[str, dict[str, Any]], None],
) -> None:
    context = multiprocessing.get_context("spawn")  # a process of its own: its own peak
    results = context.Queue()
    process = context.Process(target=measured, args=(what, qubits, results))
    process.start()
    figures = results.get()
    process.join()
    memory = figures.pop("memory")
    report(
        f"{qubits} qubits, {what.__name__}",
        {**figures, "memory": f"{memory:.2f} GiB", "target": f"{MOST_MEMORY:g} GiB"},
    )
    assert memory <= MOST_MEMORY
