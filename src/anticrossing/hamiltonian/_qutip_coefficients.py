"""Coefficients of QuTiP as formulas, and as sampled factors where they are none."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
from anticrossing._core.vectorised import takes_arrays

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
            translated = _translated(text, args.keys() - real.keys())
            simple = plain.read(translated, names)
            found = simple if simple is not None else expression.parse(translated, names)
        except InputError as refused:
            qutip = require("qutip", "qutip", "a text that is no formula")
            try:  # it is Python then, which QuTiP runs
                coefficient = qutip.coefficient(text, args=dict(args))
            except Exception:  # noqa: BLE001 - whatever it raises, the formula is what is wrong
                raise refused.with_text(f"{refused}{hint(refused)}") from None
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
        return next((call for call in calls if takes_arrays(call, function, some)), None)

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


def hint(error: Exception) -> str:
    """Return where arguments of texts and functions go, for an error that may lack one."""
    lacks = "unknown name" in str(error) or isinstance(error, (KeyError, NameError))
    if lacks or (isinstance(error, TypeError) and "argument" in str(error)):
        return " Arguments of coefficients are the `args` of `drive.from_qutip`."
    return ""


def symbolic(formula: Any) -> Any:
    import sympy

    return formula.symbolic() if isinstance(formula, plain.Plain) else sympy.sympify(formula)


def _number(value: complex) -> Any:
    import sympy

    if not value.imag:
        return value.real
    return sympy.Float(value.real) + sympy.I * sympy.Float(value.imag)


def names_in(formula: Any) -> list[str]:
    return [] if isinstance(formula, (int, float)) else plain.used_names(formula)


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


def _translated(text: str, others: Set[str]) -> str:
    """Return Python's names for numbers and functions as ours: 1j, np.arcsin.

    A text with one of the `others`, arguments that are no parameters, is refused: `I` and `pi` may
    be among them.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text  # refused where it is read
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in others:
            raise InputError(f"The argument `{node.id}` must be a real number, but it is not.")
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
