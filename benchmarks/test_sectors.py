"""Rings of spins, sector by sector: what the search costs, and QuTiP on all states together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.lanes import Lanes

Report = Callable[[str, dict[str, Any]], None]

RATES = (1e-1, 1e-2, 1e-4, 1e-6)
TARGETS = {6: 0.5, 8: 2.0}  # seconds


def _drive(rate: float) -> ac.drive.Drive:
    return ac.drive.Linear(3.0, 0.2, rate=-rate)


def _exact(sites: int, rate: float) -> float:
    """The survival of the ground state by independent fermion modes."""
    modes = ac.models.TransverseIsingMode(momentum=ac.models.ising_momenta(sites))
    return float(
        np.prod(ac.propagate(modes, _drive(rate), tolerance=1e-12).transition_matrix[:, 0, 0])
    )


@pytest.mark.parametrize("sites", [6, 8])
def test_rings(benchmark: Any, report: Report, sites: int) -> None:
    ring = ac.models.TransverseIsing(sites=sites)

    def run(rate: float) -> ac.Propagation:
        return ac.propagate(ring, _drive(rate))

    def search() -> object:
        return Sectored.of(Lanes.of(ring, _drive(1.0)))

    *timings, searched = best_of([*(lambda rate=rate: run(rate) for rate in RATES), search], 3)
    for rate, timing in zip(RATES, timings, strict=True):
        result = run(rate)
        error = abs(float(result.transition_matrix[0, 0]) - _exact(sites, rate))
        report(
            f"ring of {sites}, rate {rate:.0e}",
            {
                "time": f"{timing.wall:.2f} s",
                "processor": f"{timing.processor:.2f} s",
                "search": f"{searched.processor / timing.processor:.0%}",
                "panels": int(result.panels),
                "error": error,
            },
        )
        assert error < 1e-10
    times = [timing.processor for timing in timings]
    figures = {"slowest / fastest": max(times) / min(times), "target": f"{TARGETS[sites]} s"}
    report(f"ring of {sites}, five decades", figures)
    benchmark.pedantic(run, (RATES[-1],), rounds=1)
    assert max(times) <= TARGETS[sites]


@pytest.mark.parametrize("rate", [1e-1, 1e-2])
def test_against_qutip(benchmark: Any, report: Report, rate: float) -> None:
    """One state of a ring of six by QuTiP, to 1e-8; here the whole propagator, to 1e-10."""
    qutip = pytest.importorskip("qutip", reason="needs the extra `benchmark`")
    ring, drive = ac.models.TransverseIsing(sites=6), _drive(rate)
    bonds, field = (qutip.Qobj(matrix).to("csr") for matrix in ring.matrices)
    hamiltonian = qutip.QobjEvo([bonds, [field, lambda t: -rate * t]])
    first = np.linalg.eigh(ring(3.0))[1][:, 0]
    last = np.linalg.eigh(ring(0.2))[1][:, 0]
    exact = _exact(6, rate)
    options = {"method": "vern9", "nsteps": 10**9, "progress_bar": "", "store_states": False}
    options |= {"store_final_state": True}

    def theirs(tolerance: float) -> float:
        own = options | {"atol": tolerance, "rtol": tolerance}
        times = [float(drive.start_time), float(drive.stop_time)]
        final = qutip.sesolve(hamiltonian, qutip.Qobj(first), times, options=own).final_state
        return float(abs(last.conj() @ final.full()[:, 0]) ** 2)

    found = next(t for t in (1e-6, 1e-8, 1e-10, 1e-12) if abs(theirs(t) - exact) < 1e-8)
    ours, other = best_of([lambda: ac.propagate(ring, drive), lambda: theirs(found)], 3)
    report(
        f"ring of six, rate {rate:.0e}, 64 states here and one by QuTiP",
        {
            "ours": f"{ours.wall:.3f} s",
            "QuTiP / ours": other.wall / ours.wall,
            "processor": other.processor / ours.processor,
        },
    )
    benchmark.pedantic(ac.propagate, (ring, drive), rounds=1)
