"""H(t) as QuTiP writes it: a Hamiltonian, and the drive that moves it through a window of time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, fail, increasing, named_values
from anticrossing._core.foreign import package
from anticrossing.drive._pieces import Pieces, from_powers
from anticrossing.drive.base import Drive
from anticrossing.drive.formula import FormulaDrive
from anticrossing.drive.path import Path
from anticrossing.drive.samples import Function
from anticrossing.drive.waveform import WaveformDrive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.hamiltonian._qutip import Terms, function_of_time, read
from anticrossing.hamiltonian._qutip_coefficients import Sampled


def from_qutip(
    given: Any,
    times: npt.ArrayLike,
    *,
    args: Mapping[str, Any] | None = None,
    tolerance: float = 1e-13,
    **details: Any,
) -> tuple[Hamiltonian, Drive]:
    """Return H and its drive, for `propagate` and `passage`, from what QuTiP takes for H(t).

    The Hamiltonian is the one of `Hamiltonian.from_qutip`. Time is its coordinate if a text holds
    it, and every factor known by a function or by samples another one, with a drive of its own:
    a Chebyshev series on pieces (`Function`), or the same spline as QuTiP's.

    Parameters
    ----------
    given : Qobj, QobjEvo, list or function
        H(t), as for `Hamiltonian.from_qutip`.
    times : array, shape (k,)
        At least two increasing times: the window goes from the first to the last, and samples in
        `given` belong to them.
    args : mapping, optional
        The arguments of texts and functions.
    tolerance : float
        How well series describe functions; see `Function`.
    **details
        `name`, `units`, `labels`, `source` of the Hamiltonian.

    Returns
    -------
    tuple of Hamiltonian, Drive

    Raises
    ------
    InputError
        If `given` is nothing that QuTiP takes for H(t), or not Hermitian in the window.
    ConvergenceError
        If a function is not smooth between few times.

    Examples
    --------
    >>> import qutip                                                            # doctest: +SKIP
    >>> H, drive = from_qutip([qutip.sigmax(), [qutip.sigmaz(), "t"]], [-10, 10])  # doctest: +SKIP
    >>> drive                                                                   # doctest: +SKIP
    Formula()
    """
    when, arguments = increasing("times", times), named_values("args", args)
    start, stop = float(when[0]), float(when[-1])
    found = read(given, arguments, when)
    if found is None:
        at, dimension, dims = function_of_time(given, arguments)
        made = {"dims": dims, "dimension": dimension, "coordinates": "t", **details}
        return Hamiltonian.from_function(at, **made), FormulaDrive("t", start, stop)
    return moved(found, start, stop, tolerance, **details)


def moved(
    terms: Terms, start: float, stop: float, tolerance: float = 1e-13, **details: Any
) -> tuple[Hamiltonian, Drive]:
    """Return the Hamiltonian of terms that QuTiP's coefficients have become, and its drive."""
    made = {"dims": terms.dims, "parameters": terms.parameters, **details}
    hamiltonian = Hamiltonian.from_terms(terms.pairs, coordinates=terms.coordinates, **made)
    parts: dict[str, Drive] = {
        name: _drive(one, start, stop, tolerance) for name, one in terms.sampled.items()
    }
    if terms.time in terms.coordinates:
        parts[terms.time] = FormulaDrive("t", start, stop)
    if len(parts) == 1:
        return hamiltonian, next(iter(parts.values()))
    return hamiltonian, Path(**parts)


def timed(hamiltonian: Any, drive: Any, times: Any) -> tuple[Any, Any, Any]:
    """Return H, a drive and requested times; QuTiP's H(t) comes with its times for a drive."""
    known = isinstance(hamiltonian, Hamiltonian) or isinstance(drive, Drive)
    if known or not _is_foreign(hamiltonian):
        return hamiltonian, drive, times
    if np.iscomplexobj(drive):  # operators and kets have become arrays before
        must = "be a drive, or the list of times of an H(t) of QuTiP"
        raise fail("drive", must, "it is complex: a state to begin with is `initial`")
    when = increasing("drive", drive)
    try:
        made, moved = from_qutip(hamiltonian, when)
    except InputError as error:  # which knows the argument by another name
        text = str(error).replace("Argument `given", "Argument `hamiltonian", 1)
        raise error.with_text(text).about(key="hamiltonian") from error
    return made, moved, when if times is None and when.size > 2 else times


def _is_foreign(given: Any) -> bool:
    """Whether an object is QuTiP's H(t): a list that holds an operator, or a function of time."""
    if inspect.isfunction(given):
        return True
    listed = given if isinstance(given, (list, tuple)) else [given]
    pairs = [entry[0] if isinstance(entry, (list, tuple)) and entry else entry for entry in listed]
    return any(package(entry) == "qutip" for entry in pairs)


def _drive(one: Sampled, start: float, stop: float, tolerance: float) -> Drive:
    """Return the drive of a factor that is no formula."""
    if one.spline is None:
        return Function(one.many, start, stop, vectorised=True, tolerance=tolerance)
    knots, powers = one.spline
    if powers.shape[0] == 1:
        pieces = Pieces(knots, powers.T.copy(), after=float(one(knots[-1])))
    else:
        pieces = from_powers(knots, powers)
    return WaveformDrive("Samples", pieces, {}, start, stop, places={})
