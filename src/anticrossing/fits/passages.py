"""Single passages: the gap from populations measured at several sweep rates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    instance,
    integer,
    positive_number,
    real_array,
    real_number,
    require,
)
from anticrossing.drive import Linear
from anticrossing.dynamics import propagate
from anticrossing.fits._least_squares import Coordinates, Model, minimise, report
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.result import FitResult
from anticrossing.formulas import landau_zener
from anticrossing.models import LandauZener

MODELS = ("landau-zener", "exact")
PARAMETERS = ("gap", "visibility", "background")
_MOST_STEPS = 200
_ACCURACY = 1e-9


def fit_passages(
    data: Measurement,
    *,
    model: str = "landau-zener",
    measured: str = "jump",
    window: npt.ArrayLike | None = None,
    basis: str | None = None,
    gap: float | None = None,
    visibility: float = 1.0,
    background: float = 0.0,
    vary: Collection[str] = ("gap",),
) -> FitResult:
    """Fit the gap of one avoided crossing to populations after single passages.

    ``p = background + visibility · P(gap, sweep_rate)``, with ``P = exp(−π g²/2α)`` or the exact
    probability of ``H = ½ [[ε, g], [g, −ε]]`` swept over a finite window of ε.

    Parameters
    ----------
    data : Measurement
        With the coordinate ``sweep_rate``: rate α of the diabatic energy difference (energy / time,
        positive). Energies in units of an inverse time, ħ = 1.
    model : {"landau-zener", "exact"}
        The closed form for an infinite sweep, or `propagate` over `window`.
    measured : {"jump", "stay"}
        Whether the population belongs to the other adiabatic level (diabatic state kept) or to the
        initial one.
    window : (float, float), optional
        Diabatic energy difference ε at the start and at the end of the sweep (energy); needed, and
        allowed, with ``model="exact"`` only.
    basis : {"adiabatic", "diabatic"}, optional
        In which the state is prepared and read out, with ``model="exact"`` only; by default
        "adiabatic".
    gap : float, optional
        The gap if it is held fixed, or a starting value; by default the start is taken from the
        data.
    visibility, background : float
        Contrast and offset of the read-out: starting values, or what they are held at.
    vary : collection of {"gap", "visibility", "background"}
        What is fitted.

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        For a missing coordinate, an option that the model would ignore, no parameter to vary, or
        fewer data than parameters.
    MissingExtraError
        If lmfit is not installed: ``pip install 'anticrossing[fit]'``.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932).

    Examples
    --------
    >>> data = synthetic_passages(gap=0.8, error=0.01, seed=1)
    >>> print(fit_passages(data))
    fit of the Landau-Zener formula to 25 populations
      gap         0.8004 ± 0.0035
      visibility  1 (fixed)
      background  0 (fixed)
      χ² = 16.79 for 24 degrees of freedom, reduced 0.7
    """
    rates = check_data(data).coordinate("sweep_rate")
    choice("model", model, MODELS)
    choice("measured", measured, ("jump", "stay"))
    if np.any(rates <= 0):
        raise fail("data", "have positive sweep rates", f"one is {rates.min():g}")
    probability, name = _probability(model, rates, window, basis)
    varied = check_varied(vary, PARAMETERS, len(data))
    require("lmfit", "fit", "A fit")
    held = {
        "visibility": real_number("visibility", visibility),
        "background": real_number("background", background),
    }
    if held["visibility"] <= 0:
        raise fail("visibility", "be positive", f"it is {visibility:g}")
    if gap is None:
        if "gap" not in varied:
            raise fail("gap", "be given if it is held fixed", "it is not")
        first = _guess(data, rates, measured, held)
    else:
        first = positive_number("gap", gap)

    def predict(values: Mapping[str, float]) -> FloatArray:
        jump = probability(values["gap"])
        shown = jump if measured == "jump" else 1 - jump
        return np.asarray(values["background"] + values["visibility"] * shown)

    fitted: Model = predict
    coordinates = Coordinates({"gap": first, **held}, varied, {"background": 1.0})
    minimum = minimise(fitted, data, coordinates, _MOST_STEPS)
    return report(name, fitted, data, coordinates, minimum)


def synthetic_passages(
    *, gap: float, error: float = 0.01, seed: int, sweep_rates: npt.ArrayLike | None = None
) -> Measurement:
    """Return populations of the Landau–Zener formula with normal noise, as if measured.

    Parameters
    ----------
    gap : float
        The gap (energy, > 0).
    error : float
        Standard deviation of the noise.
    seed : int
        Of the noise.
    sweep_rates : array_like, shape (N,), optional
        By default 25 rates over two decades, around the one at which P = 1/e.

    Returns
    -------
    Measurement

    Examples
    --------
    >>> print(synthetic_passages(gap=0.8, seed=1))
    25 populations: sweep_rate 0.100531 … 10.0531; errors about 0.01
    """
    size = positive_number("gap", gap)
    noise = positive_number("error", error)
    if sweep_rates is None:
        rates = 0.5 * np.pi * size * size * np.geomspace(0.1, 10.0, 25)
    else:
        rates = real_array("sweep_rates", sweep_rates, ndim=1)
    exact = np.asarray(landau_zener(gap=size, sweep_rate=rates).value)
    random = np.random.default_rng(integer("seed", seed, minimum=0))
    return Measurement(
        {"sweep_rate": rates},
        exact + noise * random.standard_normal(rates.size),
        np.full(rates.size, noise),
        source=f"synthetic: Landau-Zener formula and normal noise, seed {seed}",
    )


def check_data(data: Measurement) -> Measurement:
    """Return the data, or raise `InputError` for anything else."""
    instance("data", data, Measurement)
    return data


def check_varied(vary: Collection[str], known: tuple[str, ...], points: int) -> tuple[str, ...]:
    """Return the parameters to vary in the order of `known`, or raise `InputError`."""
    if isinstance(vary, str) or not isinstance(vary, Collection) or not vary:
        raise fail("vary", "be a collection of parameter names", f"it is {describe(vary)}")
    for name in vary:
        choice("vary", name, known)
    if len(set(vary)) < len(vary):
        raise fail("vary", "name every parameter once", f"it is {describe(vary)}")
    varied = tuple(name for name in known if name in vary)
    if points <= len(varied):
        raise fail(
            "data",
            f"hold more than {len(varied)} points to fit as many parameters",
            f"it holds {points}",
        )
    return varied


def _probability(
    model: str, rates: FloatArray, window: npt.ArrayLike | None, basis: str | None
) -> tuple[Callable[[float], FloatArray], str]:
    """Return the jump probability at every rate as a function of the gap, and its name."""
    if model == "landau-zener":
        for option, value in (("window", window), ("basis", basis)):
            if value is not None:
                raise fail(option, "be left out with model='landau-zener'", "it would be ignored")
        return (
            lambda gap: np.asarray(landau_zener(gap=gap, sweep_rate=rates).value)
        ), "the Landau-Zener formula"
    if window is None:
        raise fail("window", "be given with model='exact'", "it is not")
    ends = real_array("window", window)
    if ends.shape != (2,) or ends[0] * ends[1] >= 0:
        raise fail("window", "be two energies of opposite sign", f"it is {describe(window)}")
    chosen = choice("basis", basis or "adiabatic", ("adiabatic", "diabatic"))
    start, stop = ends
    each, place = np.unique(rates, return_inverse=True)
    sweep = Linear(start, stop, rate=each * np.sign(stop - start))
    # The diabatic state that is kept is, after the crossing, the other adiabatic one.
    final = 1 if chosen == "adiabatic" else 0

    def exact(gap: float) -> FloatArray:
        run = propagate(LandauZener(gap=gap), sweep, basis=chosen, tolerance=_ACCURACY)
        return np.asarray(run.transition_matrix[..., final, 0][place])

    return exact, f"exact passages from ε = {start:g} to {stop:g}, {chosen} read-out"


def _guess(data: Measurement, rates: FloatArray, measured: str, held: Mapping[str, float]) -> float:
    """Return the gap from the populations that are well inside (0, 1), one by one."""
    jump = (data.population - held["background"]) / held["visibility"]
    jump = np.clip(jump if measured == "jump" else 1 - jump, 0.02, 0.98)
    inside = (jump > 0.1) & (jump < 0.9)
    chosen = inside if np.any(inside) else np.ones(jump.size, dtype=np.bool_)
    return float(np.median(np.sqrt(-2 * rates[chosen] * np.log(jump[chosen]) / np.pi)))
