"""What `dynamics.estimate` says, over the processor time that `propagate` then takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import timed
from test_thousands_of_levels import annealing, ramp

import anticrossing as ac

FACTOR = 4.0  # either way


def generic(levels: int) -> Any:
    """Return complex Hermitian matrices without symmetry, one of them turned into the other."""
    rng = np.random.default_rng(levels)
    matrices = rng.normal(size=(2, levels, levels)) + 1j * rng.normal(size=(2, levels, levels))
    matrices = (matrices + matrices.conj().swapaxes(1, 2)) / levels**0.5
    return ac.Hamiltonian.from_terms([("1 - x", matrices[0]), ("x", matrices[1])])


CASES: dict[str, tuple[Callable[[], Any], float, dict[str, Any]]] = {
    "32 levels, panels": (lambda: generic(32), 1e6, {}),
    "64 levels, steps": (lambda: generic(64), 3.0, {}),
    "64 levels, doubled steps": (lambda: generic(64), 300.0, {}),
    "64 levels, one state": (lambda: generic(64), 1e4, {"whole": False}),
    "12 qubits, direct": (lambda: annealing(12), 100.0, {"levels": 1}),
    "14 qubits, direct": (lambda: annealing(14), 30.0, {"levels": 1}),
    "12 qubits, lowest": (lambda: annealing(12), 1e6, {"levels": 2, "method": "lowest"}),
}


@pytest.mark.parametrize("name", CASES)
def test_estimates(name: str, report: Callable[[str, dict[str, Any]], None]) -> None:
    make, duration, settings = CASES[name]
    H, drive = make(), ramp(duration)
    effort = ac.dynamics.estimate(H, drive, **settings)
    ac.propagate(H, ramp(1.0), **{**settings, **({"method": "direct"} if H.is_sparse else {})})
    taken = timed(lambda: ac.propagate(H, drive, **settings)).processor
    ratio = effort.seconds / taken
    report(
        name,
        {
            "method": effort.method,
            "estimate": f"{effort.seconds:.2g} s",
            "processor": f"{taken:.2g} s",
            "ratio": ratio,
            "target": f"1/{FACTOR:g} … {FACTOR:g}",
        },
    )
    assert 1 / FACTOR <= ratio <= FACTOR
