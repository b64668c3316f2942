"""An annealer with its own energy scales A(s) and B(s), as formulas or as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, increasing, integer, real_array, shaped_like
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models._qubits import bit_labels
from anticrossing.models.annealing import ising_problem, transverse_field_driver
from anticrossing.units import Units

_HIGHEST_DEGREE = 24
_FEWEST_ROWS = 6
_ROUGH = 5e-3  # what a table may miss of its smooth curve, of its largest value
_MOST_QUBITS = 12


def Annealer(
    *,
    fields: npt.ArrayLike,
    couplings: Any = (),
    transverse: str | float | npt.ArrayLike,
    problem: str | float | npt.ArrayLike,
    fractions: npt.ArrayLike | None = None,
) -> Hamiltonian:
    """Qubits in a quantum annealer, as a function of the anneal fraction s.

    H(s)/h = −½A(s) Σ_i σ^x_i + ½B(s) [Σ_i h_i σ^z_i + Σ_{i<j} J_ij σ^z_i σ^z_j], A and B in GHz,
    times in ns; the coordinate x is s. Drives are made by `drive.AnnealingSchedule`.

    Parameters
    ----------
    fields : array, shape (n,)
        h_i, without dimension; at most 12 qubits.
    couplings : mapping {(i, j): J}, or list of (i, j, J)
        J_ij, without dimension.
    transverse, problem : str, float or array
        A(s) and B(s): formulas in x; or columns of a table.
    fractions : array, shape (k,), optional
        The column of s of the table, from 0 to 1. Either other column becomes a polynomial, fitted
        by least squares, of the lowest degree that leaves no more than the rounding of the table.

    Returns
    -------
    Hamiltonian
        In GHz and ns; states are labelled by bits, 0 is σ^z = +1.

    Raises
    ------
    InputError
        For a table that is no smooth curve, or only one formula.

    References
    ----------
    M. W. Johnson et al., Nature 473, 194 (2011); reverse annealing: A. Perdomo-Ortiz,
    S. E. Venegas-Andraca and A. Aspuru-Guzik, Quantum Inf. Process. 10, 33 (2011).

    Examples
    --------
    >>> H = Annealer(fields=[0.5, 0.0], couplings=[(0, 1, -1.0)],
    ...              transverse="6*(1 - x)**3", problem="1 + 11*x**2")
    >>> H(1.0).diagonal()
    array([-3.,  9.,  3., -9.])
    """
    local = real_array("fields", fields, ndim=1)
    qubits = integer("len(fields)", local.size, minimum=1, maximum=_MOST_QUBITS)
    pairs = couplings if isinstance(couplings, Mapping) else _triples(couplings)
    formulas = isinstance(transverse, (str, float, int)), isinstance(problem, (str, float, int))
    if formulas[0] != formulas[1]:
        raise fail("problem", "be a formula if `transverse` is one", "only one of them is")
    first: Any = transverse
    second: Any = problem
    if formulas[0] and fractions is not None:
        raise fail("fractions", "be left out beside formulas", "it belongs to a table")
    if not formulas[0]:
        if fractions is None:
            raise fail("fractions", "be given with a table", "it is missing")
        s = increasing("fractions", fractions, fewest=_FEWEST_ROWS)
        if s[0] < 0 or s[-1] > 1:
            raise fail("fractions", "lie between 0 and 1", f"they run from {s[0]:g} to {s[-1]:g}")
        first, second = _curve("transverse", s, transverse), _curve("problem", s, problem)
    dense = [
        m.toarray() if hasattr(m, "toarray") else m
        for m in (transverse_field_driver(qubits), ising_problem(local, pairs))
    ]
    return Hamiltonian.from_terms(
        [(first, dense[0] / 2), (second, dense[1] / 2)],
        name="Annealer",
        units=Units("GHz", "ns", "s"),
        labels=bit_labels(qubits),
        source="M. W. Johnson et al., Nature 473, 194 (2011)",
    )


def _triples(couplings: Any) -> dict[tuple[int, int], float]:
    rows = real_array("couplings", couplings)
    if rows.size == 0:
        return {}
    if rows.ndim != 2 or rows.shape[1] != 3 or np.any(rows[:, :2] % 1):
        raise fail("couplings", "be a list of (i, j, J)", f"its shape is {rows.shape}")
    found: dict[tuple[int, int], float] = {}
    for i, j, strength in rows.tolist():
        found[int(i), int(j)] = found.get((int(i), int(j)), 0.0) + strength
    return found


def _curve(name: str, s: FloatArray, column: Any) -> Any:
    """Return a column of a table as a polynomial in x."""
    import sympy

    values = shaped_like(name, real_array(name, column), "fractions", s.shape)
    scale = float(np.max(np.abs(values)))
    u = 2 * s - 1
    best: Any = np.zeros(1)
    missed = np.inf
    for degree in range(1, min(_HIGHEST_DEGREE, s.size // 2) + 1):
        fitted = np.polynomial.chebyshev.chebfit(u, values, degree)
        error = float(np.max(np.abs(np.polynomial.chebyshev.chebval(u, fitted) - values)))
        if error < 0.7 * missed:
            best, missed = fitted, error
        if missed <= 1e-13 * scale:
            break
    if missed > _ROUGH * scale:
        raise fail(
            name,
            f"be a smooth curve, which a polynomial of degree {_HIGHEST_DEGREE} follows to "
            f"{_ROUGH:g} of its largest value",
            f"it misses {missed / scale:.2g} of it",
        )
    x = sympy.Symbol("x", real=True)
    total: Any = sympy.Integer(0)
    for power in np.polynomial.chebyshev.cheb2poly(best)[::-1].tolist():
        total = total * (2 * x - 1) + sympy.Float(power, 17)
    return total
