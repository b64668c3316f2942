"""H as an object of QuTiP: constant matrices, and their factors as functions of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core import qutip_objects
from anticrossing._core.checks import fail
from anticrossing._core.plain import compile_formula, used_names


def evolution(hamiltonian: Any, drive: Callable[[Any], Any] | None) -> Any:
    """Return a `Qobj`, or a `QobjEvo` of what depends on time."""
    qutip, angular = qutip_objects.qutip(), hamiltonian.units.angular
    if not hasattr(hamiltonian, "formulas"):
        return qutip.QobjEvo(_Whole(hamiltonian, drive))
    constant, moving = None, []
    for k, matrix in enumerate(hamiltonian.matrices):
        if hasattr(matrix, "matvec"):
            raise fail("hamiltonian", "be made of matrices", f"term {k} is a LinearOperator")
        operator = qutip_objects.operator(angular * matrix, hamiltonian.dims)
        factor = _Factor.of(hamiltonian, k, drive)
        if factor.moves:
            # A function, of which QuTiP can read the annotations when it conjugates.
            moving.append([operator, factor.__call__])
        else:
            part = operator * factor(0.0)
            constant = part if constant is None else constant + part
    if not moving:
        return constant
    return qutip.QobjEvo(moving if constant is None else [constant, *moving])


@dataclass(frozen=True)
class _Factor:
    """The factor f_k of a constant matrix as a function of time."""

    formula: Any
    names: tuple[str, ...]
    coordinates: tuple[str, ...]
    parameters: dict[str, float]
    drive: Callable[[Any], Any] | None

    @classmethod
    def of(cls, h: Any, k: int, drive: Callable[[Any], Any] | None) -> _Factor:
        names = tuple(used_names(h.formulas[k]))
        parameters = {key: float(value) for key, value in h.parameters.items()}
        order = h.coordinates
        if drive is not None and len(order) > 1:
            order = getattr(drive, "coordinates", order)
        return cls(h.formulas[k], names, order, parameters, drive)

    @property
    def moves(self) -> bool:
        return bool(set(self.names) & set(self.coordinates))

    def __call__(self, t: float) -> float:
        place = np.atleast_1d(t if self.drive is None else self.drive(t))
        known = {**self.parameters, **dict(zip(self.coordinates, place, strict=True))}
        compute = compile_formula(self.names, self.formula)
        return float(np.real(compute(*(known[name] for name in self.names))))


@dataclass(frozen=True)
class _Whole:
    """H(x(t)) as a function that returns a `Qobj`."""

    hamiltonian: Any
    drive: Callable[[Any], Any] | None

    def __call__(self, t: float) -> Any:
        place: Any = t if self.drive is None else self.drive(t)
        if self.drive is not None and len(self.hamiltonian.coordinates) > 1:
            own = getattr(self.drive, "coordinates", self.hamiltonian.coordinates)
            place = [place[own.index(name)] for name in self.hamiltonian.coordinates]
        matrix = self.hamiltonian.units.angular * self.hamiltonian(place)
        return qutip_objects.operator(matrix, self.hamiltonian.dims)
