"""A diabatic basis: how it mixes the adiabatic states, and what H is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, check_flag, fail
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units
from anticrossing.hamiltonian import Hamiltonian, Matrices, TableHamiltonian, number_array
from anticrossing.units import NATURAL, Units


@dataclass(frozen=True, eq=False)
class DiabaticBasis(Result):
    """Diabatic states |a⟩ = Σ_i |φ_i⟩ T_ia along a path or on a grid, and H in them.

    ``W(R) = T† E T``, with the adiabatic energies E on the diagonal.

    Attributes
    ----------
    points : array, shape (k,), (k, f) or (n₁, …, n_f, f)
        Where; along one coordinate, along a path in f coordinates, or on a grid.
    energies : array, shape (…, m)
        The adiabatic energies of the m levels, ascending (energy).
    mixing : array, shape (…, m, m)
        The unitary T, ``mixing[..., adiabatic, diabatic]``.
    levels : tuple of int
        The adiabatic levels that span the basis.
    method : str
        How it was made, in words.
    frame : array, shape (…, N, m), optional
        The diabatic states in the basis in which H was given, where that is known.
    error_estimate : float
        An estimate of the largest error of an element of `mixing` (0 where it is exact).
    warnings : tuple of str
        What the data left undecided.
    units : Units
        The units of the energies and of the coordinate.
    """

    points: FloatArray
    energies: FloatArray
    mixing: Matrices
    levels: tuple[int, ...]
    method: str
    frame: Matrices | None = None
    error_estimate: float = 0.0
    warnings: tuple[str, ...] = ()
    units: Units = NATURAL

    def variables(self) -> dict[str, Variable]:
        energy = in_units("energy", self.units)
        grid = self.energies.shape[:-1]
        along = ("place",) if len(grid) == 1 else tuple(f"axis_{k}" for k in range(len(grid)))
        where = along if self.points.ndim == len(grid) else (*along, "coordinate")
        name = "place" if where == ("place",) else "position"
        pair = ("row", "column")
        found = {
            name: Variable(where, self.points, "place", in_units("coordinate", self.units)),
            "diabatic_energy": Variable(
                (*along, "state"), self._diagonal, "diabatic energy", energy
            ),
            "energy": Variable((*along, "level"), self.energies, "adiabatic energy", energy),
            "matrix": Variable((*along, *pair), self.matrices, "H in the diabatic basis", energy),
            "mixing": Variable((*along, "level", "state"), self.mixing, "mixing matrix T"),
            "error_estimate": Variable((), self.error_estimate, "error of the mixing"),
        }
        if self.frame is not None:
            found["frame"] = Variable((*along, "component", "state"), self.frame, "diabatic states")
        return found

    def _attributes(self) -> dict[str, Any]:
        return {"method": self.method, "levels": list(self.levels)}

    @property
    def _diagonal(self) -> FloatArray:
        return np.asarray(np.diagonal(self.matrices, axis1=-2, axis2=-1).real)

    @property
    def matrices(self) -> Matrices:
        """H in the diabatic basis, W = T†ET, shape (…, m, m)."""
        product = dagger(self.mixing) @ (self.energies[..., :, np.newaxis] * self.mixing)
        return (product + dagger(product)) / 2

    @property
    def adiabatic_states(self) -> Matrices:
        """The adiabatic states in the basis in which H was given, columns of (…, N, m).

        Their phases are those that `mixing` refers to.

        Raises
        ------
        InputError
            If the basis was made from data, which do not hold the states.
        """
        if self.frame is None:
            raise InputError("The adiabatic states are not known: the basis was made from data.")
        return self.frame @ dagger(self.mixing)

    @property
    def mixing_angle(self) -> FloatArray:
        """The angle θ of two real states along a path, θ = ∫ d₀₁ dx from the reference.

        ``T = [[cos θ, −sin θ], [sin θ, cos θ]]``, continuous along the path (radians).

        Raises
        ------
        InputError
            For other than two states, complex states, or a grid of several coordinates.
        """
        count = self.mixing.shape[-1]
        if count != 2 or np.iscomplexobj(self.mixing) or self.mixing.ndim != 3:
            raise InputError(
                "A mixing angle exists for two real states along a path, but there are "
                f"{count} {'complex' if np.iscomplexobj(self.mixing) else 'real'} states on points "
                f"of shape {self.energies.shape[:-1]}."
            )
        return np.unwrap(np.arctan2(0.0 - self.mixing[:, 0, 1], self.mixing[:, 0, 0]))

    def to_diabatic(self, values: npt.ArrayLike, *, operator: bool = False) -> Matrices:
        """Return adiabatic amplitudes (…, m), or an operator (…, m, m), in the diabatic basis.

        ``c_dia = T† c``, ``O_dia = T† O T``.

        Parameters
        ----------
        values : array, shape (…, m) or (…, m, m)
            At every point; earlier axes broadcast.
        operator : bool
            Whether `values` are operators.

        Raises
        ------
        InputError
            If the shape does not fit.
        """
        return self._rotate(values, operator, dagger(self.mixing))

    def to_adiabatic(self, values: npt.ArrayLike, *, operator: bool = False) -> Matrices:
        """Return diabatic amplitudes (…, m), or an operator (…, m, m), in the adiabatic basis.

        ``c = T c_dia``, ``O = T O_dia T†``; see `to_diabatic`.
        """
        return self._rotate(values, operator, self.mixing)

    def hamiltonian(self, *, name: str = "Diabats", labels: Any = None) -> Hamiltonian:
        """Return H in the diabatic basis as a Hamiltonian of the coordinate, by cubic splines.

        Between the points its energies are the eigenvalues of the interpolated W; its levels at the
        points are the adiabatic energies.

        Parameters
        ----------
        name : str
        labels : sequence of str, optional
            Of the diabatic states.

        Returns
        -------
        TableHamiltonian
            Refuses coordinates outside the points.

        Raises
        ------
        InputError
            If the points do not run along one coordinate, or are fewer than four.
        """
        if self.points.ndim != 1:
            raise InputError(
                "Diabats become a Hamiltonian along one coordinate, but these lie on points of "
                f"shape {self.points.shape}."
            )
        if self.points.size < 4:
            raise InputError(
                f"A cubic spline needs at least four points, but there are {self.points.size}."
            )
        order = np.argsort(self.points)
        return TableHamiltonian(
            self.points[order],
            self.matrices[order],
            name=name,
            labels=labels,
            units=self.units,
            warnings=self.warnings,
        )

    def __str__(self) -> str:
        shape = " x ".join(str(n) for n in self.energies.shape[:-1])
        lines = [
            f"{self.mixing.shape[-1]} diabatic states on {shape} points: {self.method}",
            f"  estimated error of the mixing: {self.error_estimate:.2g}",
        ]
        return "\n".join(lines + [f"  note: {text}" for text in self.warnings])

    def _rotate(self, values: npt.ArrayLike, operator: bool, left: Matrices) -> Matrices:
        array = number_array("values", values)
        check_flag("operator", operator)
        count = self.mixing.shape[-1]
        wanted = (count, count) if operator else (count,)
        batch = self.energies.shape[:-1]
        fits = array.shape[-len(wanted) :] == wanted
        if fits:
            try:
                fits = (
                    np.broadcast_shapes(array.shape[: -len(wanted)], batch)[-len(batch) :] == batch
                )
            except ValueError:
                fits = False
        if not fits:
            raise fail(
                "values", f"have last axes {(*batch, *wanted)}", f"their shape is {array.shape}"
            )
        if operator:
            return left @ array @ dagger(left)
        return np.einsum("...ij,...j->...i", left, array)
