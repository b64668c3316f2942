"""What QuTiP writes as H(t) = Σ_k f_k(t) M_k, as terms with real factors and Hermitian matrices.

Texts become formulas. What is known only as a Python function, or by its samples, becomes a
coordinate of H: a drive gives its value at every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression, plain
from anticrossing._core.checks import FloatArray, InputError, describe, fail, require
from anticrossing._core.foreign import dims_of, is_qobj, own, package
from anticrossing.hamiltonian._qutip_coefficients import Book, Sampled, hint, names_in

_SAME = 1e-10  # what rounding leaves of a Hermitian matrix, of its terms


@dataclass
class Terms:
    """H(t) as pairs (formula, matrix), the parameters in the formulas, and what is sampled."""

    pairs: list[tuple[Any, Any]]
    parameters: dict[str, Any]
    sampled: dict[str, Sampled]
    uses_time: bool
    dims: tuple[tuple[int, ...], ...] | None
    time: str = "t"

    @classmethod
    def of(cls, pairs: Sequence[tuple[Any, Any]], book: Book, dims: Any) -> Terms:
        """Return pairs with the parameters and the sampled factors that they use."""
        used = {name for formula, _ in pairs for name in names_in(formula)}
        return cls(
            [(_text(formula), matrix) for formula, matrix in pairs],
            {name: book.args[name] for name in book.args if name in used},
            {name: one for name, one in book.sampled.items() if name in used},
            "t" in used,
            dims,
        )

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of what moves: time, if a formula holds it, and every sampled factor."""
        time = (self.time,) if self.uses_time or not self.sampled else ()
        return (*time, *self.sampled)

    def with_time_called(self, name: str) -> Terms:
        """Return the same terms with another name for time."""
        renamed = {expression.symbol("t"): expression.symbol(name)}
        names = ("t", *self.parameters, *self.sampled)
        trees = [f if hasattr(f, "xreplace") else expression.parse(f, names) for f, _ in self.pairs]
        matrices = [matrix for _, matrix in self.pairs]
        pairs = [(f.xreplace(renamed), m) for f, m in zip(trees, matrices, strict=True)]
        return replace(self, pairs=pairs, time=name)


def read(given: Any, args: Mapping[str, Any], times: FloatArray | None) -> Terms | None:
    """Return a `Qobj`, `QobjEvo` or list as terms; None for what is one function of time."""
    entries = elements(given, args, times)
    if entries is None:
        return None
    book = Book(dict(args), times)
    factors: list[tuple[Any, Any]] = []
    for coefficient, operator in entries:
        matrix = own(operator, sparse=True)
        factors.append((1 if coefficient is None else book.factor(coefficient), matrix))
    dims = dims_of(*(operator for _, operator in entries))
    return Terms.of(hermitian_pairs(factors, book), book, dims)


def elements(
    given: Any, args: Mapping[str, Any], times: FloatArray | None
) -> list[tuple[Any, Any]] | None:
    """Return pairs (coefficient or None, operator); None for what is one function of time."""
    if is_qobj(given):
        return [(None, given)]
    if package(given) == "qutip" and hasattr(given, "to_list"):
        if getattr(given, "_feedback_functions", None):
            raise fail("given", "not depend on the state", "an argument of it is a feedback")
        if args:
            given = require("qutip", "qutip", "`from_qutip`").QobjEvo(given, args=dict(args))
        given = given.to_list()
    elif callable(given):
        return None
    if not isinstance(given, (list, tuple)) or not given:
        must = "be a Qobj, a QobjEvo, or a list as QuTiP takes it"
        raise fail("given", must, f"it is {describe(given)}")
    if len(given) == 2 and is_qobj(given[0]) and not (is_qobj(given[1]) or _begins(given[1])):
        given = [given]
    found: list[tuple[Any, Any]] = []
    for k, entry in enumerate(given):
        if is_qobj(entry):
            found.append((None, entry))
        elif _is_pair(entry):
            if is_qobj(entry[1]):
                must = "be a coefficient beside the operator"
                raise fail(f"given[{k}][1]", must, "it is an operator too")
            found.append((_coefficient(entry[1], args, times, f"given[{k}][1]"), entry[0]))
        elif not _begins(entry) and (
            package(entry) == "qutip" or any(map(callable, (entry, *_listed(entry)[:1])))
        ):
            return None  # the whole matrix is a function of time
        else:
            must = "be an operator, or a pair [operator, coefficient]"
            raise fail(f"given[{k}]", must, f"it is {describe(entry)}")
    shapes = {operator.shape for _, operator in found}
    if len(shapes) > 1 or any(rows != columns for rows, columns in shapes):
        raise fail("given", "hold square operators of one size", f"they are {sorted(shapes)}")
    return found


def _is_pair(entry: Any) -> bool:
    return _begins(entry) and len(entry) == 2


def _begins(entry: Any) -> bool:
    """Whether a list begins with an operator."""
    return any(map(is_qobj, _listed(entry)[:1]))


def _listed(entry: Any) -> Sequence[Any]:
    return entry if isinstance(entry, (list, tuple)) else ()


def _coefficient(value: Any, args: Mapping[str, Any], times: FloatArray | None, where: str) -> Any:
    """Return a coefficient of a list: text as it is, all else as QuTiP's object."""
    if isinstance(value, str) or package(value) == "qutip":
        return value
    qutip = require("qutip", "qutip", "`from_qutip`")
    try:
        if callable(value):
            return qutip.coefficient(value, args=dict(args))
        if np.ndim(value) == 0:
            return qutip.coefficient(complex(value))
        if times is None:
            raise fail(where, "come with `times`, at which it is given", "there are none")
        return qutip.coefficient(np.asarray(value), tlist=times)
    except InputError:
        raise
    except Exception as error:  # whatever QuTiP, or the function of the user, raises
        refused = fail(where, "be a coefficient for QuTiP", f"it raised {_said(error)}")
        raise refused.with_text(f"{refused}{hint(error)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")


def hermitian_pairs(factors: Sequence[tuple[Any, Any]], book: Book) -> list[tuple[Any, Any]]:
    """Return Σ f M with real factors and Hermitian matrices, or raise `InputError`.

    f M = Re f (M + M†)/2 + Im f i(M − M†)/2, and what is left must vanish in the sum.
    """
    kept: dict[Any, Any] = {}
    left: dict[Any, Any] = {}
    for factor, matrix in factors:
        mirror = matrix.conj().T
        along, across = (matrix + mirror) / 2, (matrix - mirror) / 2
        for part, plus, minus in (
            (_part(factor, False), along, across),
            (_part(factor, True), 1j * across, 1j * along),
        ):
            if part is None:
                continue
            kept[part] = kept.get(part, 0) + plus
            left[part] = left.get(part, 0) + minus
    check_vanishing(left, book, "given", "be Hermitian", [*kept.values()])
    pairs = [(f, m) for f, m in kept.items() if _largest(m) > 0]
    return pairs or [(1, next(iter(kept.values())))]


def check_vanishing(
    left: Mapping[Any, Any], book: Book, name: str, must: str, beside: Sequence[Any] = ()
) -> None:
    """Raise `InputError` unless Σ f M vanishes, beside matrices that it came from."""
    scale = max(_largest(matrix) for matrix in (*left.values(), *beside))
    open_ends = {f: m for f, m in left.items() if _largest(m) > _SAME * scale}
    if not open_ends:
        return
    # Two functions may be conjugates of each other: only their values tell.
    values = book.values(open_ends)
    stack = np.array([np.ravel(_dense(matrix)) for matrix in open_ends.values()])
    worst = float(np.max(np.abs(values.T @ stack)))
    if worst > _SAME * scale * float(np.max(np.abs(values))):
        raise fail(name, must, f"it differs by {worst:.3g}")


def function_of_time(given: Any, args: Mapping[str, Any]) -> tuple[Callable[..., Any], int, Any]:
    """Return t → matrix, its dimension, and the dimensions, for what is one function of time."""
    qutip = require("qutip", "qutip", "`from_qutip`")
    try:
        whole = given if hasattr(given, "to_list") else qutip.QobjEvo(given, args=dict(args))
    except Exception as error:  # whatever QuTiP, or the function of the user, raises
        must = "be what QuTiP takes for H(t)"
        refused = fail("given", must, f"it raised {_said(error)}")
        raise refused.with_text(f"{refused}{hint(error)}") from error

    def at(t: Any) -> npt.NDArray[Any]:
        return np.asarray(whole(float(t)).full())

    return at, int(whole.shape[0]), dims_of(whole)


def _text(formula: Any) -> Any:
    return formula.text if isinstance(formula, plain.Plain) else formula


def _part(factor: Any, imaginary: bool) -> Any:
    """Return the real or the imaginary part of a factor; None for zero."""
    if isinstance(factor, (plain.Plain, int, float)):
        return None if imaginary else factor
    import sympy

    if not factor.has(sympy.I, sympy.conjugate):
        return None if imaginary else factor
    part = factor.as_real_imag()[int(imaginary)]
    if part == 0:
        return None
    expression.check_analytic(part, factor)
    return part


def _largest(matrix: Any) -> float:
    if isinstance(matrix, np.ndarray):
        return float(np.abs(matrix).max(initial=0.0))
    return float(abs(matrix).max()) if matrix.nnz else 0.0


def _dense(matrix: Any) -> Any:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
