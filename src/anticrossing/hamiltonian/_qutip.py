"""What QuTiP writes as H(t) = Σ_k f_k(t) M_k, as terms with real factors and Hermitian matrices.

Texts become formulas. What is known only as a Python function, or by its samples, becomes a
coordinate of H: a drive gives its value at every time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression, plain
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    is_numeric,
    require,
)
from anticrossing._core.foreign import dims_of, is_qobj, own, package

_SAME = 1e-10  # what rounding leaves of a Hermitian matrix, of its terms
_LOOKS = 129  # times at which a function is looked at for being real
_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}
_NAMES |= {"arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"}


@dataclass(frozen=True)
class Sampled:
    """One real factor that is no formula: a function of time, or pieces of a spline."""

    function: Callable[[float], complex]
    part: str = "whole"  # or "real", "imaginary"
    knots: FloatArray | None = None
    powers: ComplexArray | None = None  # (n, K + 1), the highest power first
    arrays: Callable[[FloatArray], Any] | None = None  # the same of many times, if it takes them

    def __call__(self, t: float) -> float:
        """Return the factor at a time."""
        return float(self._of(complex(self.function(float(t))), t))

    def many(self, t: FloatArray) -> FloatArray:
        """Return the factor at many times, in one call if the function has been seen to do that."""
        if self.arrays is None:
            return np.array([self(one) for one in t.ravel()]).reshape(t.shape)
        values = np.asarray(self.arrays(t), np.complex128)
        if self.part == "whole" and np.any(values.imag):
            worst = int(np.argmax(np.abs(values.imag)))
            self._of(complex(values.flat[worst]), float(t.flat[worst]))
        return np.array(values.imag if self.part == "imaginary" else values.real)

    def _of(self, value: complex, t: float) -> float:
        if self.part == "whole" and value.imag:
            raise fail("given", "be Hermitian", f"a coefficient is {value:.4g} at t = {t:.6g}")
        return value.imag if self.part == "imaginary" else value.real

    @property
    def spline(self) -> tuple[FloatArray, FloatArray] | None:
        """Knots, and the powers (n, K) of the distance from them, the highest first."""
        if self.knots is None or self.powers is None:
            return None
        powers = self.powers.imag if self.part == "imaginary" else self.powers.real
        return self.knots, powers[:, :-1]


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
    if len(given) == 2 and is_qobj(given[0]) and not (is_qobj(given[1]) or _is_pair(given[1])):
        given = [given]
    found: list[tuple[Any, Any]] = []
    for k, entry in enumerate(given):
        if is_qobj(entry):
            found.append((None, entry))
        elif _is_pair(entry):
            found.append((_coefficient(entry[1], args, times, f"given[{k}][1]"), entry[0]))
        elif callable(entry) or (isinstance(entry, (list, tuple)) and callable(entry[0])):
            return None  # the whole matrix is a function of time
        elif package(entry) == "qutip":
            return None
        else:
            must = "be an operator, or a pair [operator, coefficient]"
            raise fail(f"given[{k}]", must, f"it is {describe(entry)}")
    shapes = {operator.shape for _, operator in found}
    if len(shapes) > 1 or any(rows != columns for rows, columns in shapes):
        raise fail("given", "hold square operators of one size", f"they are {sorted(shapes)}")
    return found


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, (list, tuple)) and len(entry) == 2 and is_qobj(entry[0])


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
        raise fail(where, "be a coefficient for QuTiP", str(error) or describe(value)) from error


@dataclass
class Book:
    """The names in use: arguments, and sampled factors by what they are."""

    args: dict[str, Any]
    times: FloatArray | None
    sampled: dict[str, Sampled] = field(default_factory=dict)
    _known: dict[Any, Any] = field(default_factory=dict)

    def factor(self, coefficient: Any) -> Any:
        """Return a coefficient as plain text, or as SymPy in `t`, arguments, sampled factors."""
        if isinstance(coefficient, str):
            return self.text(coefficient, self.args)
        kind, parts = type(coefficient).__name__, _parts(coefficient)
        children = [part for part in parts if hasattr(part, "replace_arguments")]
        if kind == "ConstantCoefficient":
            return _number(complex(coefficient(0.0)))
        if kind == "StrFunctionCoefficient":
            return self.text(parts[0], self._own_args(parts[1]))
        if kind == "SumCoefficient" and len(children) == 2:
            return symbolic(self.factor(children[0])) + symbolic(self.factor(children[1]))
        if kind == "MulCoefficient" and len(children) == 2:
            return symbolic(self.factor(children[0])) * symbolic(self.factor(children[1]))
        if kind in ("ConjCoefficient", "NormCoefficient") and len(children) == 1:
            import sympy

            inner = symbolic(self.factor(children[0]))
            # A text that holds no imaginary unit is taken for real, as everywhere.
            mirrored = sympy.conjugate(inner) if inner.has(sympy.I) else inner
            return mirrored if kind == "ConjCoefficient" else sympy.expand(inner * mirrored)
        return self.sample(coefficient, parts)

    def text(self, text: str, args: Mapping[str, Any]) -> Any:
        """Return a text as a formula, or as a sampled factor where it is none of ours."""
        real = {name: value for name, value in args.items() if _may_name(name, value)}
        names = ("t", *real)
        try:
            translated = _translated(text)
            simple = plain.read(translated, names)
            found = simple if simple is not None else expression.parse(translated, names)
        except InputError as refused:
            qutip = require("qutip", "qutip", "a text that is no formula")
            try:  # it is Python then, which QuTiP runs
                coefficient = qutip.coefficient(text, args=dict(args))
            except Exception:  # noqa: BLE001 - whatever it raises, the formula is what is wrong
                raise refused from None
            return self.sample(coefficient, ())
        self.args.update((name, real[name]) for name in names_in(found) if name in real)
        return found

    def _own_args(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of one coefficient, which others must not have with other values."""
        for name, value in args.items():
            if name in self.args and not np.array_equal(self.args[name], value):
                raise fail(
                    "given",
                    "have one value for every argument",
                    f"`{name}` has {describe(self.args[name])} and {describe(value)}",
                )
        return dict(args)

    def sample(self, coefficient: Any, parts: Sequence[Any]) -> Any:
        """Return the symbol, or two of them, of a factor that is no formula."""
        kind = type(coefficient).__name__
        function, spline, arrays = coefficient, None, None
        key: tuple[Any, ...] = ("object", id(coefficient))
        if kind == "InterCoefficient":
            arrays = [part for part in parts if isinstance(part, np.ndarray)]
            spline = next((a for a in arrays if a.ndim == 1), None), arrays[-1]
            key = ("spline", *(a.tobytes() for a in arrays))
        elif kind == "FunctionCoefficient":
            inner = next((part for part in parts if callable(part)), None)
            arguments = [part for part in parts if isinstance(part, dict)]
            key = ("function", id(inner), repr(arguments))
            arrays = self._of_arrays(coefficient, inner, arguments[0] if arguments else {})
        if key not in self._known:
            self._known[key] = self._named(function, spline, arrays)
        return self._known[key]

    def _of_arrays(self, function: Any, inner: Any, args: Mapping[str, Any]) -> Any:
        """Return the user's function if it takes arrays and gives at each time what it gives alone.

        QuTiP itself calls functions for one time only.
        """
        some = self.looks()[:: _LOOKS // 16]
        calls: tuple[Callable[[Any], Any], ...]
        calls = (lambda t: inner(t, **args), lambda t: inner(t, args))
        for call in calls:
            try:
                found = np.asarray(call(some), np.complex128)
                alone = np.array([complex(function(float(t))) for t in some])
            except Exception:  # noqa: BLE001 - whatever the function of the user raises
                continue
            if found.shape == some.shape and np.allclose(found, alone, rtol=1e-14, atol=0):
                return call
        return None

    def _named(self, function: Any, spline: Any, arrays: Any) -> Any:
        import sympy

        number = 1
        while any(f"f{number}{end}" in (*self.sampled, *self.args) for end in ("", "_re", "_im")):
            number += 1
        knots, powers = spline if spline is not None else (None, None)
        if self._is_real(function, powers):
            self.sampled[f"f{number}"] = Sampled(function, "whole", knots, powers, arrays)
            return expression.symbol(f"f{number}")
        parts = []
        for end, part in (("_re", "real"), ("_im", "imaginary")):
            self.sampled[f"f{number}{end}"] = Sampled(function, part, knots, powers, arrays)
            parts.append(expression.symbol(f"f{number}{end}"))
        return parts[0] + sympy.I * parts[1]

    def _is_real(self, function: Any, powers: ComplexArray | None) -> bool:
        if powers is not None:
            return not np.any(powers.imag)
        try:
            return not any(complex(function(float(t))).imag for t in self.looks())
        except Exception as error:  # whatever the function of the user raises
            must = "have coefficients that are one number at a time"
            raise fail("given", must, str(error) or describe(function)) from error

    def looks(self) -> FloatArray:
        """Return times at which functions are looked at."""
        start, stop = (0.0, 1.0) if self.times is None else (self.times[0], self.times[-1])
        return np.linspace(start, stop, _LOOKS)

    def values(self, formulas: Iterable[Any]) -> ComplexArray:
        """Return formulas at the times at which functions are looked at, one row for each."""
        looks = self.looks()
        known: dict[str, Any] = {"t": looks}
        known |= {
            name: np.ravel(value)[0] for name, value in self.args.items() if is_numeric(value)
        }
        for name, one in self.sampled.items():
            known[name] = np.array([one(t) for t in looks])
        rows = []
        for formula in formulas:
            used = names_in(formula)
            if not used:
                rows.append(np.full(looks.shape, complex(symbolic(formula))))
                continue
            value = plain.compile_formula(used, formula)(*(known[name] for name in used))
            rows.append(np.broadcast_to(np.asarray(value, np.complex128), looks.shape))
        return np.array(rows)


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
        raise fail("given", "be what QuTiP takes for H(t)", str(error)) from error

    def at(t: Any) -> npt.NDArray[Any]:
        return np.asarray(whole(float(t)).full())

    return at, int(whole.shape[0]), dims_of(whole)


def _parts(coefficient: Any) -> list[Any]:
    """Return what a coefficient of QuTiP is made of: what pickling it would keep."""
    try:
        kept = coefficient.__reduce__()[1:]
    except Exception:  # noqa: BLE001 - one that cannot be pickled is a function of time
        return []
    found: list[Any] = []

    def collect(thing: Any) -> None:
        if isinstance(thing, (tuple, list)):
            for one in thing:
                collect(one)
        elif not isinstance(thing, type) and thing is not None:
            found.append(thing)

    collect(kept)
    return found


def _translated(text: str) -> str:
    """Return Python's names for numbers and functions as ours: 1j, np.arcsin."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text  # refused where it is read
    return ast.unparse(_Names().visit(tree))


class _Names(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, complex):
            imaginary = node.value.imag
            size = ast.Constant(int(imaginary) if imaginary.is_integer() else imaginary)
            return ast.BinOp(size, ast.Mult(), ast.Name("I", ast.Load()))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            return ast.Name(_NAMES.get(node.attr, node.attr), ast.Load())
        return node


def _may_name(name: str, value: Any) -> bool:
    """Whether an argument can be a parameter: real numbers under a name that is not reserved."""
    try:
        expression.check_name(name)
    except InputError:
        return False
    return name != "t" and is_numeric(value) and not np.iscomplexobj(value)


def _text(formula: Any) -> Any:
    return formula.text if isinstance(formula, plain.Plain) else formula


def symbolic(formula: Any) -> Any:
    import sympy

    return formula.symbolic() if isinstance(formula, plain.Plain) else sympy.sympify(formula)


def _number(value: complex) -> Any:
    import sympy

    if not value.imag:
        return value.real
    return sympy.Float(value.real) + sympy.I * sympy.Float(value.imag)


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


def names_in(formula: Any) -> list[str]:
    return [] if isinstance(formula, (int, float)) else plain.used_names(formula)


def _largest(matrix: Any) -> float:
    if isinstance(matrix, np.ndarray):
        return float(np.abs(matrix).max(initial=0.0))
    return float(abs(matrix).max()) if matrix.nnz else 0.0


def _dense(matrix: Any) -> Any:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
