"""States from a function of the coordinates, or from a Hamiltonian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    check_flag,
    choice,
    describe,
    fail,
    instance,
    integer,
    positive,
    single_point,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.electronic.base import ElectronicStates, StatePoint, numbered
from anticrossing.units import NATURAL, Units

_KNOWN = ("energies", "couplings", "overlaps")


class FunctionStates(ElectronicStates):
    """States whose energies and gradients a function returns.

    Parameters
    ----------
    function : callable
        Of an array (f,): energies (N,), gradients (N, f), and where there are some the couplings
        ``⟨φ_i|∂φ_j⟩`` (f, N, N), continuous along a path.
    states : int
        The number N.
    coordinates : int or sequence of str
        How many, or their names.
    units : Units, optional
    couplings : bool
        Whether the function returns couplings too.
    masses : float or array, optional
        See `ElectronicStates`.
    largest_jump, least_overlap : float, optional
        See `ElectronicStates`.

    Raises
    ------
    InputError
        For arguments that cannot be used.

    Examples
    --------
    >>> pair = FunctionStates(
    ...     lambda x: (np.array([-1, 1]) * np.hypot(x[0], 0.1),
    ...                np.array([[-1], [1]]) * x / np.hypot(x[0], 0.1)),
    ...     states=2, coordinates=1)
    >>> energies, gradients = pair([0.0])
    >>> energies
    array([-0.1,  0.1])
    """

    def __init__(
        self,
        function: Callable[[FloatArray], Sequence[Any]],
        *,
        states: int,
        coordinates: int | Sequence[str],
        units: Units = NATURAL,
        couplings: bool = False,
        masses: Any = None,
        largest_jump: float | None = None,
        least_overlap: float | None = None,
    ) -> None:
        if not callable(function):
            raise fail("function", "be a function", f"it is {describe(function)}")
        self.function = function
        self.dimension = integer("states", states, minimum=1)
        if isinstance(coordinates, (int, np.integer)):
            self.coordinates = numbered(int(coordinates))
        else:
            self.coordinates = tuple(str(name) for name in coordinates)
        instance("units", units, Units)
        self.units = units
        if masses is not None:
            self.masses = np.broadcast_to(
                positive("masses", masses), (len(self.coordinates),)
            ).copy()
        self.guards(largest_jump, least_overlap)
        self.provides = "couplings" if check_flag("couplings", couplings) else "energies"

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        found = self.function(position)
        expected = 3 if self.provides == "couplings" else 2
        if not isinstance(found, (tuple, list)) or len(found) != expected:
            must = "return energies, gradients, and couplings if they are promised"
            raise fail("function", must, f"it returned {describe(found)}")
        return StatePoint(position, *found)


class HamiltonianStates(ElectronicStates):
    """The eigenstates of a Hamiltonian as a program would give them, to test what uses them.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Real, single parameter values.
    provides : {"overlaps", "couplings", "energies"}
        What is told besides energies and gradients.
    largest_jump, least_overlap : float, optional
        See `ElectronicStates`.

    Raises
    ------
    InputError
        If H is complex.

    Examples
    --------
    >>> from anticrossing.models import TullySimple
    >>> states = HamiltonianStates(TullySimple(), provides="couplings")
    >>> abs(states.at([0.0]).couplings[0, 0, 1]).round(6)
    np.float64(1.6)
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        *,
        provides: str = "overlaps",
        largest_jump: float | None = None,
        least_overlap: float | None = None,
    ) -> None:
        instance("hamiltonian", hamiltonian, Hamiltonian)
        single_point("hamiltonian", hamiltonian)
        self.hamiltonian = hamiltonian
        self.provides = choice("provides", provides, _KNOWN)
        self.dimension = hamiltonian.dimension
        self.coordinates = hamiltonian.coordinates
        self.units = hamiltonian.units
        if isinstance(hamiltonian, VibronicCoupling):
            self.masses = hamiltonian.masses
        self.guards(largest_jump, least_overlap)

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        several = len(self.coordinates) > 1
        H = self.hamiltonian
        where: Any = position if several else float(position[0])
        value, slope = H(where), np.reshape(H.gradient(where), (-1, H.dimension, H.dimension))
        if np.iscomplexobj(value) and np.abs(value.imag).max() > 0:
            raise InputError("Electronic states must be real, but this Hamiltonian is complex.")
        energies, vectors = np.linalg.eigh(value.real)
        if before is not None:  # signs as a program that starts from the point before keeps them
            old = before.wave["vectors"]
            vectors = vectors * np.where(np.sum(old * vectors, axis=0) < 0, -1.0, 1.0)
        elements = vectors.T @ slope.real @ vectors
        couplings = overlaps = None
        if self.provides == "couplings":
            gaps = energies - energies[:, np.newaxis] + np.eye(len(energies))
            couplings = elements / gaps * (1 - np.eye(len(energies)))
        if self.provides == "overlaps" and before is not None:
            overlaps = before.wave["vectors"].T @ vectors
        gradients = np.einsum("ann->na", elements)
        return StatePoint(position, energies, gradients, couplings, overlaps, {"vectors": vectors})
