"""Checks of what every analysis of one sweep is given."""

from __future__ import annotations

from typing import Any

from anticrossing._core.checks import InputError, level
from anticrossing.drive import Drive
from anticrossing.dynamics.request import check_kinds
from anticrossing.hamiltonian import Hamiltonian


def check_sweep(hamiltonian: Hamiltonian, drive: Drive, initial: Any) -> tuple[Hamiltonian, Drive]:
    """Return what `check_kinds` does, or raise `InputError` unless it is a sweep from one level."""
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    if hamiltonian.batch_shape or drive.batch_shape:
        raise InputError(
            "A passage is analysed for single parameter values, but an array of them was given: "
            "use `propagate` for the batch."
        )
    level("initial", initial, hamiltonian.dimension)
    return hamiltonian, drive
