"""A safe formula language: text in, SymPy out, compiled NumPy functions from there.

Formulas may come from files that nobody vetted, so the text is read with Python's `ast` parser and
rebuilt node by node from an explicit grammar: numbers, named variables, `+ - * / **`, parentheses
and the analytic functions in `FUNCTIONS`. Nothing is ever evaluated. Only analytic functions are
offered, so that every formula has exact derivatives and a continuation to complex arguments; a kink
belongs in a piecewise drive, whose breakpoints are known.
"""

from __future__ import annotations

import ast
import functools
import keyword
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import AnticrossingError, InputError, nearest, real_number
from anticrossing._core.public import guard

if TYPE_CHECKING:
    import sympy

FUNCTIONS = (
    "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp", "log", "sqrt", "sech", "erf", "erfc",
)  # fmt: skip
CONSTANTS = ("pi", "I")

_ANALYTIC = (*FUNCTIONS, "sec", "csc", "csch", "coth", "cot")  # with what derivatives turn into
_STEPS = ("heaviside", "step", "sign", "abs")  # that have a jump or a kink
_LONGEST_TEXT = 4000
_DEEPEST_TREE = 100
_LARGEST_EXPANDED, _LARGEST_COMPLEX, _SMALLEST_EXPONENT = 100, 32, 1e-20
_LARGEST_EXPONENT_BITS = 1000.0  # a numeric power beyond 2**1000 leaves the double range anyway


def check_name(name: str) -> str:
    """Return `name` if it may name a variable or a parameter, or raise `InputError`."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise InputError(f"A parameter name must be a plain identifier, but it is {name!r}.")
    if keyword.iskeyword(name) or name in FUNCTIONS or name in CONSTANTS or name.startswith("_"):
        raise InputError(f"A parameter may not be called {name!r}: the word is reserved.")
    return name


def symbol(name: str) -> sympy.Symbol:
    """Return the real SymPy symbol used for the variable or parameter `name`."""
    import sympy

    return sympy.Symbol(check_name(name), real=True)


def parse(text: str | int | float, names: Iterable[str]) -> sympy.Expr:
    """Parse a formula in the variables `names` into a SymPy expression.

    Parameters
    ----------
    text : str or number
        The formula, e.g. ``"gap/2 + 0.1*tanh(x/width)"``.
    names : iterable of str
        Every variable and parameter the formula may use.

    Returns
    -------
    sympy.Expr
        With real symbols named as in `names`.

    Raises
    ------
    InputError
        For anything outside the grammar: one line that says what was found.

    Examples
    --------
    >>> parse("2*x + sin(x)**2", ["x"])
    2*x + sin(x)**2
    """
    import sympy

    if isinstance(text, (int, float)) and not isinstance(text, bool):
        real_number("formula", text)
        return sympy.sympify(text)
    if not isinstance(text, str):
        raise InputError(f"A formula must be text or a number, but it is {text!r}.")
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"A formula must be shorter than {_LONGEST_TEXT} characters.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or "it cannot be read"
        raise InputError(f"Formula {_short(text)} is not valid: {reason}.") from None
    reader = _Reader(text, {name: symbol(name) for name in names})
    with calculable(f"Formula {_short(text)}"):
        result = reader.expression(tree.body, 0)
    if result.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise InputError(f"Formula {_short(text)} must be finite, but it divides by zero.")
    check_analytic(result, text)
    return result


@contextmanager
def calculable(what: str) -> Iterator[None]:
    """Turn what SymPy raises about numbers it cannot handle into an `InputError`."""
    try:
        yield
    except AnticrossingError:
        raise
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{what} cannot be computed: {reason}.") from None
    except AttributeError:  # SymPy stumbles over an error message of its own
        reason = "SymPy finds no value for a part"
        raise InputError(f"{what} cannot be computed: {reason}.") from None


def check_analytic(formula: sympy.Expr, text: object) -> None:
    """Raise `InputError` for a function that is not analytic, as √(x²) = |x|, or no double."""
    import sympy

    if any(float(x) == 0 and not x.is_zero for x in formula.atoms(sympy.Float)):
        raise InputError(f"Formula {_short(str(text))} contains a number too small to represent.")

    for function in formula.atoms(sympy.Function):
        if getattr(function, "is_drive", False):  # smooth between breakpoints, which are known
            continue
        name = type(function).__name__
        if name not in _ANALYTIC:
            what = f"{function} has a kink" if name == "Abs" else f"it contains `{name}`"
            raise InputError(
                f"Formula {_short(str(text))} must be analytic, but {what} "
                "(a kink belongs in a piecewise drive)."
            )


def compile_function(
    arguments: Sequence[sympy.Symbol], expression: sympy.Basic
) -> Callable[..., Any]:
    """Return a NumPy function of `arguments` for one expression (real or complex arrays)."""
    return _compile(tuple(arguments), expression)


@functools.lru_cache(maxsize=4096)
def _compile(arguments: tuple[sympy.Symbol, ...], expression: sympy.Expr) -> Callable[..., Any]:
    import sympy

    modules: list[Any] = ["numpy"]
    if expression.has(sympy.erf, sympy.erfc):
        from scipy.special import erf, erfc

        modules.insert(0, {"erf": erf, "erfc": erfc})
    return sympy.lambdify(arguments, expression, modules=modules, cse=False, docstring_limit=0)


def _short(text: str) -> str:
    clean = " ".join(text.split())
    return repr(clean if len(clean) <= 50 else clean[:47] + "...")


def _may_be_complex(formula: sympy.Expr) -> bool:
    """Whether a formula of real symbols holds anything but arithmetic and real functions."""
    import sympy

    many_valued = sympy.log, sympy.asin, sympy.acos, sympy.acosh, sympy.atanh
    roots = any(not power.exp.is_Integer for power in formula.atoms(sympy.Pow))
    return roots or formula.has(sympy.I, *many_valued)


def _is_involved(formula: sympy.Expr) -> bool:
    """Whether SymPy may take minutes to tell if a hyperbolic function of a formula is real."""
    import sympy

    if formula.is_number or not _may_be_complex(formula):
        return False
    inner = sympy.Pow, sympy.Function
    towers = any(power.exp.has(*inner) for power in formula.atoms(sympy.Pow))
    return towers or (formula.has(sympy.I) and formula.has(sympy.Function, sympy.exp))


def _with_exact_constant(exponent: sympy.Expr) -> sympy.Expr:
    """Return c + f with c as a fraction: SymPy would factor e^c out and round it to zero."""
    import sympy

    constant, rest = exponent.as_coeff_Add()
    if not constant.is_Float or rest == 0:
        return exponent
    return sympy.Rational(repr(float(constant))) + rest


_HYPERBOLIC = {"sinh", "cosh", "tanh", "sech", "asinh"}
_FUNCTION_DEPTH = 4
_LONGEST_NUMBER = 4096  # bits of a numerator or denominator
_LARGEST_INTEGER = 2**53  # NumPy takes no functions of larger ones


class _Reader:
    """Rebuilds a Python expression tree as SymPy, refusing every node that is not listed."""

    def __init__(self, text: str, symbols: dict[str, sympy.Symbol]) -> None:
        self.text = text
        self.symbols = symbols

    def refuse(self, what: str) -> InputError:
        return InputError(f"Formula {_short(self.text)} is not allowed: {what}.")

    def expression(self, node: ast.expr, depth: int) -> sympy.Expr:
        """Return a node as SymPy; constants are finite, and no larger than a double holds."""
        import sympy

        result = self.read(node, depth)
        for factor in sympy.Mul.make_args(result):
            if factor.is_Pow:  # of powers, perhaps
                self.check_power(factor.base, factor.exp)
        if not result.is_number:
            for number in result.atoms(sympy.Rational):
                if max(number.p.bit_length(), number.q.bit_length()) > _LONGEST_NUMBER:
                    raise self.refuse("it contains a number too large or too small to represent")
            return result
        if result.is_Integer and abs(result) > _LARGEST_INTEGER:
            result = result.evalf(17)
        # What it is made of has been checked: its value cannot run away.
        try:
            value = complex(result)
        except (ValueError, TypeError, ArithmeticError):  # SymPy finds no digit
            value = complex(math.nan)
        if not (math.isfinite(value.real) and math.isfinite(value.imag)):
            part = _short(ast.unparse(node))
            raise self.refuse(f"{part} divides by zero, or is too large to represent")
        if value == 0 and result.is_zero is False:
            part = _short(ast.unparse(node))
            raise self.refuse(f"{part} is too small to represent")
        if value == 0:
            return sympy.Integer(0)
        if value.imag and result.has(sympy.Function, sympy.Pow):
            return sympy.sympify(value)  # algebra with such numbers might take minutes
        return result

    def read(self, node: ast.expr, depth: int) -> sympy.Expr:
        import sympy

        if depth > _DEEPEST_TREE:
            raise self.refuse("it is nested too deeply")
        match node:
            case ast.Constant(value=value):
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise self.refuse(f"{value!r} is not a real number")
                if isinstance(value, int) and value.bit_length() > _LARGEST_EXPONENT_BITS:
                    raise self.refuse("it contains a number too large to represent")
                if not math.isfinite(value):
                    raise self.refuse(f"{value!r} is not finite")
                return sympy.sympify(value)
            case ast.Name(id=name):
                return self.name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.expression(operand, depth + 1)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.expression(operand, depth + 1)
            case ast.BinOp(left=left, op=operator, right=right):
                return self.binary(
                    operator, self.expression(left, depth + 1), self.expression(right, depth + 1)
                )
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
                if name.lower() in _STEPS:
                    raise self.refuse(
                        f"`{name}` is not smooth (a jump or a kink belongs in a drive that knows "
                        "its time: Piecewise, Trapezoid, Samples, Function)"
                    )
                if name not in FUNCTIONS:
                    raise self.refuse(f"`{name}` is not a known function{nearest(name, FUNCTIONS)}")
                # Every function inside another takes many frames of Python wherever it is handled.
                value = self.expression(argument, depth + _FUNCTION_DEPTH)
                if name in _HYPERBOLIC and _is_involved(value):
                    raise self.refuse(f"the argument of `{name}` is complex and too involved")
                if name == "sech":
                    return 1 / sympy.cosh(value)
                if name == "exp":
                    value = _with_exact_constant(value)
                return getattr(sympy, name)(value)
            case ast.Call():
                raise self.refuse(
                    "a function call must be one of " + ", ".join(FUNCTIONS) + " with one argument"
                )
            case _:
                raise self.refuse(f"it contains {type(node).__name__}, not an arithmetic formula")

    def name(self, name: str) -> sympy.Expr:
        import sympy

        if name in self.symbols:
            return self.symbols[name]
        if name == "pi":
            return sympy.pi
        if name == "I":
            return sympy.I
        known = list(self.symbols) + list(CONSTANTS)
        raise InputError(
            f"Formula {_short(self.text)} uses the unknown name `{name}`"
            f"{nearest(name, known)} (known: {', '.join(known)})."
        )

    def binary(self, operator: ast.operator, left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
        match operator:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                if right.is_zero:
                    raise self.refuse("it divides by zero")
                return left / right
            case ast.Pow():
                self.check_power(left, right)
                return left**right
            case ast.BitXor():
                raise self.refuse("a power is written `**`, not `^`")
            case _:
                raise self.refuse(f"the operator {type(operator).__name__} is not arithmetic")

    def check_power(self, base: sympy.Expr, exponent: sympy.Expr) -> None:
        """Refuse numeric powers whose exact value would not fit in memory."""
        import sympy

        # SymPy may never return from a complex exponent.
        if exponent.has(sympy.I) and base != sympy.E:
            raise self.refuse("it contains a complex exponent (only `exp` takes one)")
        if not exponent.is_number:
            constant = sympy.expand_mul(exponent).as_coeff_Add()[0]
            if abs(constant) > _LARGEST_EXPANDED:  # as for x**(y + 1000)
                self.check_power(base, constant)
            return
        size = abs(complex(exponent))
        if size > 1000:
            raise self.refuse("it contains an exponent larger than 1000")
        if 0 < size < _SMALLEST_EXPONENT:  # SymPy takes it for zero at times
            raise self.refuse(f"it contains an exponent smaller than {_SMALLEST_EXPONENT}")
        if size > _LARGEST_COMPLEX and not base.is_extended_real:  # SymPy multiplies it out
            largest = _LARGEST_COMPLEX if _may_be_complex(base) else _LARGEST_EXPANDED
            if size > largest:
                raise self.refuse(f"it contains a complex power larger than {largest}")
        if base.is_number and base != 0:
            magnitude = abs(complex(base))
            if magnitude > 0 and size * abs(math.log2(magnitude)) > _LARGEST_EXPONENT_BITS:
                raise self.refuse("it contains a power too large to represent")


guard(__name__)
