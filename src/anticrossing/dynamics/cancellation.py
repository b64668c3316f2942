"""What rounding leaves of a formula in which large terms cancel.

``1/(t**2 - 2*c*t + c**2 + w**2)`` is a pulse of width w whose height rests on the last digits of
c²: it is known to (c/w)² times the rounding unit. A running error analysis follows every operation.

References
----------
N. J. Higham, Accuracy and Stability of Numerical Algorithms (SIAM, 2002), section 3.3.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray
from anticrossing._core.plain import Plain, differentiate, used_names
from anticrossing.drive import FormulaDrive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian

if TYPE_CHECKING:
    import sympy

_UNIT = 2.0**-53
_OF_FUNCTION = 8.0  # units of a function or a power: NumPy's are good to four last digits
_ORDINARY = 64.0  # units that a formula without cancellation may lose

_Known = Mapping[str, tuple[Any, Any]]
_Bounded = tuple[Any, Any]


@dataclass(frozen=True)
class Cancellation:
    """The formulas of x(t) and H(x) in which digits are lost."""

    lanes: Lanes
    in_drive: bool
    terms: tuple[int, ...]

    def error(self, times: FloatArray, lane: npt.NDArray[np.intp]) -> FloatArray:
        """Return a bound on the error of H at `times` (P, n) of lanes `lane` (P,)."""
        lanes = self.lanes
        assert isinstance(lanes.hamiltonian, TermHamiltonian)
        position: _Bounded = lanes.positions(times, lane), 0.0
        if self.in_drive:
            assert isinstance(lanes.drive, FormulaDrive)
            moving = _known(lanes.d_parameters, lane, {"t": (times, 0.0)})
            position = bounded(lanes.drive._formula, moving)
        known = _known(lanes.h_parameters, lane, {lanes.hamiltonian.coordinates[0]: position})
        sizes = lanes.hamiltonian.weights_of_terms() * lanes.hamiltonian.units.angular
        total = np.zeros(times.shape)
        terms = range(sizes.size) if self.in_drive else self.terms
        for k in terms:
            total += sizes[k] * bounded(lanes.hamiltonian.formulas[k], known)[1]
        return total


def may_matter(lanes: Lanes) -> bool:
    """Whether any formula of x(t) and H(x) is of a kind in which large terms can cancel."""
    written: tuple[Any, ...] = ()
    if isinstance(lanes.hamiltonian, TermHamiltonian):
        written += lanes.hamiltonian.formulas
    if isinstance(lanes.drive, FormulaDrive):
        written += (lanes.drive._formula,)
    return any(_may_cancel(formula) for formula in written)


def find(lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> Cancellation | None:
    """Return where digits are lost at some of the `times` (P, n), or None if nowhere."""
    hamiltonian, drive = lanes.hamiltonian, lanes.drive
    if not isinstance(hamiltonian, TermHamiltonian):
        return None
    in_drive = False
    if isinstance(drive, FormulaDrive) and _may_cancel(drive._formula):
        known = _known(lanes.d_parameters, lane, {"t": (times, 0.0)})
        in_drive = _loses(drive._formula, "t", known)
    terms = []
    coordinate = hamiltonian.coordinates[0]
    suspects = [k for k, formula in enumerate(hamiltonian.formulas) if _may_cancel(formula)]
    if suspects:
        known = _known(lanes.h_parameters, lane, {coordinate: (lanes.positions(times, lane), 0.0)})
        terms = [k for k in suspects if _loses(hamiltonian.formulas[k], coordinate, known)]
    return Cancellation(lanes, in_drive, tuple(terms)) if in_drive or terms else None


def bounded(formula: Any, known: _Known) -> _Bounded:
    """Return the values of a formula and a bound on their rounding errors.

    `known` holds values and bounds of every name in the formula.
    """
    tree = formula.symbolic() if isinstance(formula, Plain) else formula
    with np.errstate(all="ignore"):
        value, error = _bounded(tree, known)
    return np.asarray(np.real(value)), np.where(np.isfinite(error), error, 0.0)


def _bounded(node: sympy.Expr, known: _Known) -> _Bounded:
    if node.is_Symbol:
        return known[node.name]
    if not node.args:
        number = complex(node)
        value = number.real if number.imag == 0 else number
        return value, 0.0 if node.is_Integer or node.is_Float else _UNIT * abs(value)
    parts = [_bounded(argument, known) for argument in node.args]
    values, errors = [value for value, _ in parts], [error for _, error in parts]
    if node.is_Add:
        total = functools.reduce(np.add, values)
        rounded = total if len(values) == 2 else functools.reduce(np.add, map(np.abs, values))
        return total, functools.reduce(np.add, errors) + _UNIT * np.abs(rounded)
    if node.is_Mul:
        product = functools.reduce(np.multiply, values)
        rounded = sum(not _is_exact_factor(argument) for argument in node.args) - 1
        error = max(rounded, 0) * _UNIT * np.abs(product)
        for k, own in enumerate(errors):
            error = error + own * np.abs(math.prod([*values[:k], *values[k + 1 :]]))
        return product, error
    if node.is_Pow:
        return _power(values, errors)
    return _function(node, values, errors)


def _is_exact_factor(argument: sympy.Expr) -> bool:
    """Whether a product with this number is not rounded."""
    return bool(
        argument.is_Rational and abs(argument.p) == 1 and argument.q & (argument.q - 1) == 0
    )


def _power(values: Sequence[Any], errors: Sequence[Any]) -> _Bounded:
    base, exponent = values
    if np.ndim(exponent) == 0 and not np.iscomplexobj(exponent) and exponent == round(exponent):
        exponent = round(exponent)
    value = np.power(np.asarray(base, dtype=np.result_type(base, float)), exponent)
    slope = np.abs(exponent) * np.abs(value / np.where(base == 0, 1.0, base))
    turned = np.abs(value * np.log(np.abs(np.where(base == 0, 1.0, base)) + 0j)) * errors[1]
    return value, slope * errors[0] + turned + _OF_FUNCTION * _UNIT * np.abs(value)


def _function(node: sympy.Expr, values: Sequence[Any], errors: Sequence[Any]) -> _Bounded:
    compute, slopes = _with_slopes(node.func, len(values))
    value = compute(*values)
    error = _OF_FUNCTION * _UNIT * np.abs(value)
    for slope, own in zip(slopes, errors, strict=True):
        # Where a function jumps it has no slope, and its breakpoint is known like any other.
        error = error + (np.abs(slope(*values)) * own if slope is not None else 0.0)
    return value, error


@functools.lru_cache(maxsize=256)
def _with_slopes(
    function: Any, count: int
) -> tuple[Callable[..., Any], tuple[Callable[..., Any] | None, ...]]:
    """Return a NumPy function and its partial derivatives."""
    import sympy

    names = sympy.symbols(f"a:{count}", real=True)
    whole = function(*names)
    slopes = []
    for name in names:
        slope = whole.diff(name)
        wild = slope.has(sympy.DiracDelta, sympy.Derivative, sympy.Subs)
        slopes.append(None if wild else expression.compile_function(names, slope))
    return expression.compile_function(names, whole), tuple(slopes)


def _known(
    parameters: Mapping[str, FloatArray], lane: npt.NDArray[np.intp], more: _Known
) -> dict[str, _Bounded]:
    return {**{name: (v[lane][:, None], 0.0) for name, v in parameters.items()}, **more}


def _loses(formula: Any, name: str, known: _Known) -> bool:
    """Whether a formula loses more than the rounding of its argument and its largest value."""
    value, error = bounded(formula, known)
    lost = float(np.max(error)) / (_ORDINARY * _UNIT)
    if lost <= _largest(value):
        return False
    slope, _ = bounded(differentiate(formula, name), known)
    return lost > _largest(value) + _largest(known[name][0] * slope)


def _largest(values: FloatArray) -> float:
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))


@functools.lru_cache(maxsize=4096)
def _may_cancel(formula: Any) -> bool:
    """Whether a formula adds anything but two exact numbers."""
    if isinstance(formula, Plain):
        return False
    import sympy

    names = used_names(formula)
    return bool(names) and any(
        len(total.args) > 2 or not all(_is_exact(argument) for argument in total.args)
        for total in formula.atoms(sympy.Add)
    )


def _is_exact(argument: sympy.Expr) -> bool:
    if argument.is_Mul:
        inexact = [factor for factor in argument.args if not _is_exact_factor(factor)]
        return len(inexact) == 1 and _is_exact(inexact[0])
    return bool(argument.is_Symbol or argument.is_Integer or argument.is_Float)
