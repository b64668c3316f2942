"""The closed forms of one point of a scan, whose exact answer comes from the batch."""

from __future__ import annotations

from collections.abc import Callable

from anticrossing._core.checks import FloatArray
from anticrossing.analysis import PassagePrediction
from anticrossing.analysis.closed_forms import predictions
from anticrossing.analysis.meetings import find_events
from anticrossing.analysis.referee import audit
from anticrossing.drive import Drive
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossings


def predict(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment | None,
    initial: int,
    basis: str,
    exact: FloatArray,
    error: float,
    search: Callable[[Hamiltonian, float, float], Crossings],
) -> tuple[PassagePrediction, ...]:
    """Return what `passage` predicts, without computing again the exact answer it is given."""
    _, events, _ = find_events(hamiltonian, drive, environment, search)
    found, _ = predictions(hamiltonian, drive, events, initial, basis, exact, environment)
    return audit(found, exact, error, initial)
