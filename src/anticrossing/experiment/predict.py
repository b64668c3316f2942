"""The closed forms of one point of a scan, whose exact answer comes from the batch."""

from __future__ import annotations

from anticrossing.checks import FloatArray
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.passage import PassagePrediction, _event, _meet, _predictions


def predict(
    hamiltonian: Hamiltonian, drive: Drive, initial: int, basis: str, exact: FloatArray
) -> tuple[PassagePrediction, ...]:
    """Return what `passage` predicts, without computing again the exact answer it is given."""
    meetings, _, _ = _meet(hamiltonian, drive)
    events = tuple(_event(hamiltonian, drive, meetings, k) for k in range(len(meetings)))
    return tuple(_predictions(hamiltonian, drive, events, initial, basis, exact))
