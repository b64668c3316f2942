"""States along an evolution: expectation values, and the states as objects of QuTiP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from anticrossing._core import qutip_objects
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    fail,
    of_shape,
    square_matrix,
)
from anticrossing._core.foreign import own
from anticrossing._core.qutip_objects import Dims
from anticrossing._core.result import Result

# What `to_qutip` gives: the attributes that hold it, a ket first, and the axes of one of them.
_HELD: Mapping[str, tuple[tuple[str, Any, int], ...]] = {
    "final_state": (
        ("density_matrix", qutip_objects.operator, 2),
        ("final_state", qutip_objects.ket, 1),
        ("state", qutip_objects.ket, 1),
    ),
    "states": (("density_matrices", qutip_objects.operator, 2), ("states", qutip_objects.ket, 1)),
    "propagator": (
        ("propagator", qutip_objects.operator, 2),
        ("superoperator", qutip_objects.superoperator, 2),
    ),
}


class WithStates(Result):
    """An evolution that has states, at the end and at the requested times."""

    times: FloatArray
    dims: Dims

    def expect(self, operator: Any) -> Any:
        """Return ⟨O⟩ = ⟨ψ|O|ψ⟩ or tr Oρ at the requested times, or at the end if there are none.

        Parameters
        ----------
        operator : array, sparse matrix or Qobj, shape (N, N)
            O, in the basis H is written in.

        Returns
        -------
        array, shape (..., K), without requested times (...)
            Real for a Hermitian operator. An error δ of the state changes ⟨O⟩ by up to 2‖O‖δ; the
            phase between levels counts, whose rounding is `phase_error`.

        Raises
        ------
        InputError
            For another shape, or if the states are not known.

        Examples
        --------
        >>> import anticrossing as ac
        >>> sweep = ac.drive.Linear(-20, 20, rate=1.0)
        >>> passed = ac.propagate(ac.models.LandauZener(gap=1.0), sweep, times=[0.0, 10.0])
        >>> passed.expect([[1, 0], [0, -1]]).round(6)
        array([ 0.456046, -0.599604])
        """
        states, axes = self._states("states" if self.times.shape[-1] else "final_state")
        levels = states.shape[-1]
        matrix = own(operator, sparse=True)
        if hasattr(matrix, "tocsr"):
            of_shape("operator", matrix, (levels, levels))
            hermitian = abs(matrix - matrix.conj().T).max() == 0
        else:
            matrix = of_shape("operator", square_matrix("operator", matrix), (levels, levels))
            hermitian = np.array_equal(matrix, matrix.conj().T)
        rows = states.reshape(-1, levels)
        moved = (matrix @ rows.T).T if axes == 1 else (matrix.T @ rows.T).T
        shape = states.shape[:-axes]
        if axes == 1:
            found = np.einsum("ki,ki->k", rows.conj(), moved)
        else:
            found = np.einsum("kii->k", moved.reshape(-1, levels, levels))
        found = found.reshape(shape)
        return found.real if hermitian else found

    def to_qutip(self, what: str = "final_state") -> Any:
        """Return a part of the evolution as objects of QuTiP, with the dimensions of H.

        Parameters
        ----------
        what : {"final_state", "states", "propagator"}
            The state at the end; the states at the requested times, a list; or the propagator,
            with an environment the superoperator. Kets, or density matrices with an environment.
            A batch makes nested lists.

        Raises
        ------
        InputError
            If it is not known.
        MissingExtraError
            If QuTiP is not installed.
        """
        choice("what", what, _HELD)
        for name, make, axes in _HELD[what]:
            held = vars(self).get(name)
            if held is not None:
                return qutip_objects.nested(make, held, axes, self.dims)
        raise self._unknown(what)

    def _states(self, what: str) -> tuple[ComplexArray, int]:
        for name, _, axes in _HELD[what]:
            held = vars(self).get(name)
            if held is not None:
                return held, axes
        raise self._unknown(what)

    def _unknown(self, what: str) -> Exception:
        return fail("what", "be known of this evolution", f"its {what} was not computed")
