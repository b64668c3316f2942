"""Objects of other packages as arrays; no package is imported to look.

A package is told by the module of the class: what the caller has not imported cannot turn up here.
Arrays of JAX, pandas and xarray are arrays for NumPy already.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST_DENSE = 512  # levels up to which a matrix is written out; of more, sparse ones stay sparse
_PACKAGES = ("qutip", "dynamiqs")
_PLAIN = {np.ndarray, float, int, str}


def package(value: Any) -> str:
    """Return the package of an object's class."""
    return type(value).__module__.partition(".")[0]


def is_qobj(value: Any) -> bool:
    """Whether an object is a `Qobj` of QuTiP."""
    return package(value) == "qutip" and hasattr(value, "full")


def held(value: Any) -> Any:
    """Return what a `DataArray` of xarray holds, which may be a quantity, and else the value."""
    return value.data if package(value) == "xarray" and hasattr(value, "data") else value


def has_unit(value: Any) -> bool:
    """Whether `value` is a quantity of pint or Astropy, whose unit NumPy would drop."""
    if type(value) in _PLAIN:
        return False
    if package(value) == "qutip":  # whose `unit()` is of length 1
        return False
    value = held(value)
    return hasattr(value, "dimensionality") or (hasattr(value, "unit") and hasattr(value, "to"))


def unit_text(name: str, value: Any) -> str:
    """Return what an argument with a unit is, and what to write instead."""
    shown = " ".join(str(value).split())
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return (
        f"it has a unit, {shown}: write units.number({name}) with the units that H(x) is in, such "
        "as units = Units('GHz', 'ns')"
    )


def own(value: Any, *, sparse: bool = False) -> Any:
    """Return what other packages hold as NumPy's array, and anything else as it is.

    A ket becomes a vector, a list of objects a list of arrays, a quantity without dimension a
    number. Where `sparse` matrices are of use, large ones of QuTiP become SciPy's.
    """
    if type(value) in _PLAIN:
        return value
    if is_qobj(value):
        if sparse and value.shape[0] > LARGEST_DENSE:
            return value.to("CSR").data_as("csr_matrix")
        return _flat(np.asarray(value.full()))
    if package(value) == "dynamiqs":
        return _flat(np.asarray(value))
    if type(value) in (list, tuple) and any(package(entry) in _PACKAGES for entry in value):
        return [own(entry) for entry in value]
    if getattr(value, "dimensionless", False) and has_unit(value):
        return np.asarray(value.to("").magnitude)
    return value


def dims_of(*values: Any) -> tuple[tuple[int, ...], ...] | None:
    """Return the dimensions of the factors of a tensor product, ((2, 3), (2, 3)), if one says."""
    for value in values:
        dims = getattr(value, "dims", None) if package(value) == "qutip" else None
        if dims is not None and all(isinstance(n, int) for side in dims for n in side):
            return tuple(tuple(side) for side in dims)
    return None


def _flat(array: Any) -> Any:
    """Return a column as a vector."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 < array.shape[0] else array
