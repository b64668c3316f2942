"""Argument checks with one grammar: "Argument `x` must …, but …".

Every public entry point checks its arguments here before doing any work, so that bad input gives
one clear line and loses nothing.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.errors import (
    AnticrossingError as AnticrossingError,
    ConvergenceError as ConvergenceError,
    InputError as InputError,
    MissingExtraError as MissingExtraError,
)
from anticrossing._core.foreign import has_unit, own, unit_text

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
_Array = TypeVar("_Array", bound=npt.NDArray[Any])
_Ordered = TypeVar("_Ordered", int, float, FloatArray)

_LONGEST_LIST = 400  # characters of names
_FEW_NAMES = 4  # of many
_LONGEST_LINE = 900


def fail(name: str, must: str, but: str) -> InputError:
    """Return the error "Argument `name` must …, but …" (the caller raises it)."""
    but = " ".join(but.split())  # one line, whatever is quoted
    text = f"Argument `{name}` must {must}, but {but}" + ("" if but[-1] == "?" else ".")
    return InputError(text).about(key=name)


def describe(value: object) -> str:
    """Return a short one-line description of an offending value."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - an integer of thousands of digits, or what is not ours
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def is_numeric(value: Any) -> bool:
    """Return whether `value` is a number or an array of numbers, complex or Boolean ones too."""
    if _is_plain(value):
        return True
    if type(value) is np.ndarray and value.dtype.kind in "biufc":  # no mask, as in subclasses
        return True
    if isinstance(value, (str, bytes)) or np.ma.is_masked(value) or has_unit(value):
        return False
    try:
        raw = np.asarray(value)
        if raw.dtype.kind == "O":  # None and "1" would pass as numbers
            if not all(hasattr(x, "__float__") or hasattr(x, "__complex__") for x in raw.flat):
                return False
            raw = raw.astype(np.complex128)
    except Exception:  # noqa: BLE001 - whatever an object of somebody else's raises
        return False
    return raw.dtype.kind in "biufc"


def numbers(name: str, value: Any) -> FloatArray:
    """Return a copy of `value` as float64, infinite or NaN perhaps, or raise `InputError`."""
    wanted = "be a real number or an array of them"
    if isinstance(value, (str, bytes)):
        raise fail(name, wanted, f"it is the text {value!r}")
    if np.ma.is_masked(value):
        raise fail(name, wanted, "a part is masked")
    if has_unit(value):
        raise fail(name, wanted, unit_text(name, value))
    try:
        raw = np.asarray(value)
        if np.iscomplexobj(raw):
            raise fail(name, "be real", f"it is complex ({describe(value)})")
        if raw.dtype.kind not in "iufO":  # True, "1.0" and dates would all pass as numbers
            raise fail(name, wanted, f"it is {describe(value)}")
        return np.array(raw, dtype=np.float64)
    except OverflowError:
        raise fail(name, "be finite", "it is too large for a floating-point number") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise fail(name, wanted, f"it is {describe(value)}") from None


def returned(name: str, value: Any, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """Return a copy of what a user's function gave, broadcast to a shape, or raise `InputError`."""
    try:
        if not is_numeric(value) or np.shape(value) not in ((), shape):
            raise TypeError
        return np.broadcast_to(np.array(value, dtype=dtype), shape)
    except (TypeError, ValueError):
        must = "return a number for each point" if shape else "return a number"
        raise fail(name, must, f"it returned {describe(value)}") from None


def _is_plain(value: Any) -> bool:
    """Whether `value` is a float, or an integer that is one: most are, and need no further look."""
    return type(value) in (float, np.float64) or (type(value) is int and abs(value) < 2**53)


_MOST_DIMENSIONS = 16  # batch axes and matrix axes have to fit into the 64 of NumPy together


def real_array(name: str, value: Any, *, ndim: int | None = None) -> FloatArray:
    """Return `value` as a finite float64 array, or raise `InputError`."""
    if _is_plain(value) and ndim in (None, 0) and math.isfinite(value):
        return np.array(value, dtype=np.float64)
    array = numbers(name, value)
    if array.ndim > _MOST_DIMENSIONS:
        raise fail(name, f"have at most {_MOST_DIMENSIONS} dimensions", f"it has {array.ndim}")
    if not np.isfinite(array).all():
        raise fail(name, "be finite", f"it contains NaN or infinity ({describe(value)})")
    if ndim is not None and array.ndim != ndim:
        raise fail(name, f"have {ndim} dimension(s)", f"its shape is {array.shape}")
    return array


def joint_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that all shapes broadcast to, or raise `ValueError`."""
    different = {*shapes, ()}
    if len(different) <= 2:  # at once, as NumPy's function makes arrays of them
        return max(different, key=len)
    return np.broadcast_shapes(*different)


def flattened(value: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return an array broadcast to a shape, on one axis."""
    whole = value if value.shape == shape else np.broadcast_to(value, shape)
    return whole.reshape(-1)


def parameter(name: str, value: Any) -> FloatArray:
    """Return a parameter, one number or a batch of at least one, or raise `InputError`."""
    array = real_array(name, value)
    if array.size == 0:
        raise fail(name, "hold at least one number", f"its shape is {array.shape}")
    return array


def real_number(name: str, value: Any) -> float:
    """Return `value` as one finite float, or raise `InputError`."""
    array = real_array(name, value)
    if array.ndim != 0:
        raise fail(name, "be a single number", f"its shape is {array.shape}")
    return float(array)


def positive(name: str, value: Any) -> FloatArray:
    """Return `value` as a float64 array of numbers > 0, or raise `InputError`."""
    array = real_array(name, value)
    if np.any(array <= 0):
        raise fail(name, "be positive", f"it is {describe(value)}")
    return array


def positive_number(name: str, value: Any) -> float:
    """Return `value` as one finite float > 0, or raise `InputError`."""
    return float(positive(name, real_number(name, value)))


def non_negative_number(name: str, value: Any) -> float:
    """Return `value` as one finite float >= 0, or raise `InputError`."""
    return float(non_negative(name, real_number(name, value)))


def non_negative(name: str, value: Any) -> FloatArray:
    """Return `value` as a float64 array of numbers >= 0, or raise `InputError`."""
    array = real_array(name, value)
    if np.any(array < 0):
        raise fail(name, "not be negative", f"it is {describe(value)}")
    return array


def integer(
    name: str, value: Any, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Return `value` as an int (from `minimum` to `maximum`), or raise `InputError`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise fail(name, "be an integer", f"it is {describe(value)}")
    if minimum is not None and value < minimum:
        raise fail(name, f"be at least {minimum}", f"it is {describe(value)}")
    if maximum is not None and value > maximum:
        raise fail(name, f"be at most {maximum}", f"it is {describe(value)}")
    return int(value)


def between(name: str, value: Any, low: float, high: float) -> FloatArray:
    """Return `value` as a float64 array of numbers from `low` to `high`, or raise `InputError`."""
    array = real_array(name, value)
    outside = array[(array < low) | (array > high)]
    if outside.size:
        found = describe(float(outside[0]))
        raise fail(name, f"lie between {low:g} and {high:g}", f"it is {found}")
    return array


def fraction(name: str, value: Any) -> FloatArray:
    """Return `value` as a float64 array of numbers from 0 to 1, or raise `InputError`."""
    return between(name, value, 0.0, 1.0)


def number_between(name: str, value: Any, low: float, high: float) -> float:
    """Return `value` as one float from `low` to `high`, or raise `InputError`."""
    if type(value) is float and low <= value <= high:  # as most are
        return value
    return float(between(name, real_number(name, value), low, high))


def at_most(name: str, value: _Ordered, most: float) -> _Ordered:
    """Return numbers that have been checked already if none is above `most`, or raise."""
    if np.any(np.asarray(value) > most):
        raise fail(name, f"be at most {most:g}", f"it is {describe(value)}")
    return value


def at_least(name: str, value: _Ordered, least: float) -> _Ordered:
    """Return numbers that have been checked already if none is below `least`, or raise."""
    if np.any(np.asarray(value) < least):
        raise fail(name, f"be at least {least:g}", f"it is {describe(value)}")
    return value


def nowhere_zero(name: str, value: Any) -> FloatArray:
    """Return `value` as a float64 array of numbers other than zero, or raise `InputError`."""
    array = real_array(name, value)
    if np.any(array == 0):
        raise fail(name, "not be zero", f"it is {describe(value)}")
    return array


def finite(name: str, array: _Array) -> _Array:
    """Return an array whose numbers are all finite, or raise `InputError`."""
    if not np.isfinite(array).all():
        raise fail(name, "be finite", "it contains NaN or infinity")
    return array


def listed(name: str, value: Any) -> FloatArray:
    """Return a list of at least one number, one axis, or raise `InputError`."""
    array = real_array(name, value, ndim=1)
    if array.size == 0:
        raise fail(name, "hold at least one number", "it is empty")
    return array


def of_shape(name: str, array: _Array, *shapes: tuple[int, ...]) -> _Array:
    """Return an array that has one of the shapes, () for one number, or raise `InputError`."""
    if array.shape not in shapes:
        said = ["be one number" if not shape else f"have shape {shape}" for shape in shapes]
        raise fail(name, " or ".join(said), f"its shape is {array.shape}")
    return array


def shaped_like(name: str, array: _Array, other: str, shape: tuple[int, ...]) -> _Array:
    """Return an array that has the shape of another argument, or raise `InputError`."""
    if array.shape != shape:
        raise fail(name, f"have the shape of `{other}`, {shape}", f"its shape is {array.shape}")
    return array


def last_axis(name: str, array: _Array, length: int) -> _Array:
    """Return an array whose last axis has a length, or raise `InputError`."""
    if array.shape[-1:] != (length,):
        raise fail(name, f"have a last axis of length {length}", f"its shape is {array.shape}")
    return array


def two_levels(name: str, value: Any, count: int) -> tuple[int, int]:
    """Return the numbers of two different levels of `count`, or raise `InputError`."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise fail(name, "be a pair of levels", f"it is {describe(value)}")
    first, second = (integer(name, one, minimum=0) for one in value)
    if first == second or max(first, second) >= count:
        must = f"be two different levels from 0 to {count - 1}"
        raise fail(name, must, f"they are {first} and {second}")
    return first, second


def increasing(name: str, value: Any, fewest: int = 2) -> FloatArray:
    """Return `fewest` or more numbers that increase strictly, or raise `InputError`."""
    array = real_array(name, value, ndim=1)
    must = f"hold at least {fewest} numbers that increase"
    if array.size < fewest:
        raise fail(name, must, f"it is {describe(array.tolist())}")
    if (falls := np.diff(array) <= 0).any():
        at = int(falls.argmax())
        raise fail(name, must, f"{name}[{at}] is {array[at]:.6g} and the next {array[at + 1]:.6g}")
    return array


def index(name: str, value: Any, count: int) -> int:
    """Return the number of one of `count` things, counted from 0, or raise `InputError`."""
    return integer(name, value, minimum=0, maximum=count - 1)


def level(name: str, value: Any, count: int) -> int:
    """Return the number of one of the levels 0 … count − 1, or raise `InputError`."""
    number = integer(name, value, minimum=0)
    if number >= count:
        raise fail(name, f"be a level from 0 to {count - 1}", f"it is {number}")
    return number


def one_of(name: str, value: Any, allowed: Iterable[int]) -> int:
    """Return one of the integers that are allowed, or raise `InputError`."""
    options = list(allowed)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value not in options:
        *others, last = map(str, options)
        raise fail(name, f"be {', '.join(others)} or {last}", f"it is {describe(value)}")
    return int(value)


def instance(name: str, value: Any, kind: type[Any]) -> None:
    """Raise `InputError` unless `value` is an instance of a class."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise fail(name, f"be {article} {kind.__name__}", f"it is {describe(value)}")


def single_point(name: str, value: Any) -> None:
    """Raise `InputError` unless what has a batch shape is a single parameter point."""
    if value.batch_shape:
        raise fail(name, "be a single parameter point", f"its batch shape is {value.batch_shape}")


def one_coordinate(name: str, hamiltonian: Any) -> None:
    """Raise `InputError` unless a Hamiltonian has one coordinate."""
    if len(hamiltonian.coordinates) != 1:
        raise fail(name, "have one coordinate", f"it has {', '.join(hamiltonian.coordinates)}")


def square_matrix(name: str, matrix: Any, *, single: bool = False) -> ComplexArray:
    """Return finite square matrices (…, n, n), or a single one, as complex128, or raise."""
    if type(matrix) is not np.ndarray:
        matrix = own(matrix)
    if not is_numeric(matrix):
        raise fail(name, "be a square matrix of numbers", f"it is {describe(matrix)}")
    array = np.asarray(matrix, dtype=np.complex128)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] == 0:
        raise fail(name, "be a square matrix", f"its shape is {array.shape}")
    if single and array.ndim != 2:
        raise fail(name, "be one matrix", f"its shape is {array.shape}")
    return finite(name, array)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`, or raise naming the nearest one."""
    options = list(allowed)
    if not isinstance(value, str) or value not in options:
        close = nearest(value, options)
        listed = ", ".join(repr(option) for option in options)
        known = f"one of {listed}"
        if len(listed) > _LONGEST_LIST:
            known = f"one of {len(options)} names"
            known += "" if close else f", such as {', '.join(options[:_FEW_NAMES])}"
        error = fail(name, f"be {known}", f"it is {describe(value)}{close}")
        raise error.about(options=tuple(options))
    return str(value)


def known_keys(where: str, keys: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise `InputError` for the first key that is not allowed, naming the nearest known one."""
    options = list(allowed)
    for key in keys:
        if key not in options:
            known = ", ".join(sorted(options))
            text = f"Unknown key `{key}` in {where}{nearest(key, options)} (known: {known})."
            raise InputError(text).about(key=key, options=tuple(options), reason="unknown")


def nearest(word: Any, options: Iterable[str], cutoff: float = 0.5) -> str:
    """Return "; did you mean `…`?" for the closest option, or an empty string."""
    close = nearest_name(word, options, cutoff)
    return "" if close is None else f"; did you mean `{close}`?"


def nearest_name(word: Any, options: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the closest option, or None if none is as near as `cutoff`, from 0 to 1."""
    if not isinstance(word, str) or len(word) > _LONGEST_LINE:
        return None
    close = difflib.get_close_matches(word, list(options), n=1, cutoff=cutoff)
    return close[0] if close else None


def check_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False, or raise `InputError`."""
    if not isinstance(value, (bool, np.bool_)):
        raise fail(name, "be True or False", f"it is {describe(value)}")
    return bool(value)


def hermitian(
    name: str,
    matrix: npt.ArrayLike,
    *,
    relative: float = 1e-10,
    single: bool = False,
    decaying: str = "",
) -> ComplexArray:
    """Return `matrix` (…, n, n) as complex128 if finite and Hermitian, or raise `InputError`.

    `decaying` tells what to do with a negative imaginary part of the diagonal.
    """
    array = square_matrix(name, matrix, single=single)
    mirrored = array.conj().swapaxes(-1, -2)
    if (array == mirrored).all():  # as most are, and told in a fifth of the time
        return array
    difference = np.max(np.abs(array - mirrored), initial=0.0)
    scale = np.max(np.abs(array), initial=0.0)
    if difference > relative * scale:
        but = f"it differs from its conjugate transpose by {difference:.3g}"
        if decaying and np.any(np.einsum("...ii->...i", array).imag < 0):
            but = f"{but}: {decaying}"
        raise fail(name, "be Hermitian", but)
    return array


def named_values(name: str, value: Any) -> dict[str, Any]:
    """Return a mapping from names to values as a dictionary, or raise `InputError`."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise fail(name, "be a mapping from names to values", f"it is {describe(value)}")
    return dict(value)


def require(module: str, extra: str, purpose: str) -> Any:
    """Import an optional dependency, or raise naming the extra that provides it."""
    import importlib

    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name in (package, module)
        why = "" if absent else f", which cannot be imported ({describe(str(error))})"
        raise MissingExtraError(
            f"{purpose} needs the package {package}{why}: "
            f"install it with  pip install 'anticrossing[{extra}]'"
        ) from None
