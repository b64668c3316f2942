"""Single passages: the gap from populations measured at several sweep rates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    instance,
    integer,
    known_keys,
    positive_number,
    real_array,
)
from anticrossing.drive import Linear
from anticrossing.dynamics import propagate
from anticrossing.fits import _readout, _units
from anticrossing.fits._least_squares import minimise
from anticrossing.fits._parameters import Coordinates
from anticrossing.fits._problem import Problem
from anticrossing.fits._report import report
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.result import FitResult
from anticrossing.formulas import landau_zener
from anticrossing.models import LandauZener

MODELS = ("landau-zener", "exact")
PARAMETERS = ("gap", *_readout.READOUT)
_MOST_STEPS = 200
_ACCURACY = 1e-8  # of exact passages and their derivatives


def fit_passages(
    data: Measurement,
    *,
    model: str = "landau-zener",
    measured: str = "jump",
    window: npt.ArrayLike | tuple[str, str] | None = None,
    basis: str | None = None,
    gap: float | str | None = None,
    visibility: float = 1.0,
    background: float = 0.0,
    false_positive: float = 0.0,
    false_negative: float = 0.0,
    vary: Collection[str] = ("gap",),
) -> FitResult:
    """Fit the gap of one avoided crossing to populations after single passages.

    ``p = background + visibility · P(gap, sweep_rate)``, with ``P = exp(−π g²/2α)`` or the exact
    probability of ``H = ½ [[ε, g], [g, −ε]]`` swept over a finite window of ε. Derivatives are
    exact. Data with errors are fitted by least squares, counts (`Measurement.from_counts`) by the
    maximum of their binomial likelihood.

    Parameters
    ----------
    data : Measurement
        With the coordinate ``sweep_rate``: rate α of the diabatic energy difference (energy / time,
        positive). Without units, energies are in units of an inverse time, ħ = 1; a column in
        GHz/ns asks for arguments with units, such as ``gap="20 MHz"``.
    model : {"landau-zener", "exact"}
        The closed form for an infinite sweep, or `propagate` over `window`.
    measured : {"jump", "stay"}
        Whether the population belongs to the other adiabatic level (diabatic state kept) or to the
        initial one.
    window : (float, float) or (str, str), optional
        Diabatic energy difference ε at the start and at the end of the sweep (energy); needed, and
        allowed, with ``model="exact"`` only.
    basis : {"adiabatic", "diabatic"}, optional
        In which the state is prepared and read out, with ``model="exact"`` only; by default
        "adiabatic".
    gap : float or str, optional
        The gap if it is held fixed, or a starting value; by default the start is taken from the
        data.
    visibility, background : float
        Contrast and offset of the read-out: starting values, or what they are held at.
    false_positive, false_negative : float
        The chances of a wrong answer in a single shot where the level is empty and where it is
        occupied, each below ½; not with a visibility or background.
    vary : collection of str
        Which of gap, visibility, background, false_positive and false_negative are fitted.

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        For a missing coordinate or unit, an option that the model would ignore, no parameter to
        vary, or fewer data than parameters.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932).

    Examples
    --------
    >>> data = synthetic_passages(gap=0.8, error=0.01, seed=1)
    >>> result = fit_passages(data)
    >>> print(result["gap"])
    0.8004 ± 0.0035
    >>> round(result.chi_square, 2), result.degrees_of_freedom
    (16.79, 24)
    """
    check_data(data).coordinate("sweep_rate")
    choice("model", model, MODELS)
    choice("measured", measured, ("jump", "stay"))
    given = {"gap": gap, "window": window}
    written, inside = _units.read(data, ("sweep_rate",), given)
    plain = written.inside(data)
    rates = plain.coordinate("sweep_rate")
    if np.any(rates <= 0):
        raise fail("data", "have positive sweep rates", f"one is {rates.min():g}")
    space = _model(model, measured, inside["window"], basis)
    varied = check_varied(vary, PARAMETERS, len(data))
    held = _readout.checked(
        {
            "visibility": visibility,
            "background": background,
            "false_positive": false_positive,
            "false_negative": false_negative,
        },
        varied,
    )
    if inside["gap"] is None:
        if "gap" not in varied:
            raise fail("gap", "be given if it is held fixed", "it is not")
        first = _guess(plain, rates, measured, held)
        written = written.with_unit("gap", "sweep_rate", data)
    else:
        first = positive_number("gap", inside["gap"])
    problem = Problem(space, plain, Coordinates({"gap": first, **held}, varied, {}))
    solved, minimum = written.outside(problem, minimise(problem, _MOST_STEPS), data)
    return report(solved, minimum, written.units)


def synthetic_passages(
    *,
    gap: float,
    seed: int,
    error: float = 0.01,
    shots: int | None = None,
    sweep_rates: npt.ArrayLike | None = None,
    **readout: float,
) -> Measurement:
    """Return Landau–Zener probabilities with normal noise or counts, as if measured.

    Parameters
    ----------
    gap : float
        True gap (energy).
    seed : int
        Of the noise.
    error : float
        Standard deviation of the noise, > 0.
    shots : int, optional
        How often every point is measured: counts of a binomial distribution, without other noise.
    sweep_rates : array_like, shape (N,), optional
        By default 25 rates over two decades, around the one at which P = 1/e.
    **readout : float
        ``visibility``, ``background``, ``false_positive`` and ``false_negative``, as for
        `fit_passages`; none by default.

    Returns
    -------
    Measurement

    Examples
    --------
    >>> print(synthetic_passages(gap=0.8, seed=1))
    25 populations: sweep_rate 0.100531 … 10.0531; errors about 0.01
    """
    size = positive_number("gap", gap)
    if sweep_rates is None:
        rates = 0.5 * np.pi * size * size * np.geomspace(0.1, 10.0, 25)
    else:
        rates = real_array("sweep_rates", sweep_rates, ndim=1)
    known_keys("synthetic_passages", readout, _readout.READOUT)
    held = _readout.checked({**_readout.PERFECT, **readout}, ())
    model = PassageModel("jump", None, None)
    exact, _ = model({"gap": size, **held}, {"sweep_rate": rates})
    what = "synthetic: Landau-Zener formula"
    return as_measured({"sweep_rate": rates}, exact, seed, error, shots, what)


def as_measured(
    coordinates: Mapping[str, FloatArray],
    exact: FloatArray,
    seed: int,
    error: float,
    shots: int | None,
    what: str,
) -> Measurement:
    """Return populations with normal noise, or counts of so many shots."""
    noise = positive_number("error", error)
    random = np.random.default_rng(integer("seed", seed, minimum=0))
    if shots is not None:
        count = integer("shots", shots, minimum=1)
        counts = random.binomial(count, np.clip(exact, 0, 1))
        source = f"{what} and counts of {count} shots, seed {seed}"
        return Measurement.from_counts(coordinates, counts, count, source=source)
    return Measurement(
        coordinates,
        exact + noise * random.standard_normal(exact.size),
        np.full(exact.size, noise),
        source=f"{what} and normal noise, seed {seed}",
    )


def check_data(data: Measurement) -> Measurement:
    """Return the data, or raise `InputError` for anything else."""
    instance("data", data, Measurement)
    return data


def check_names(vary: Collection[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parameters to vary in the order of `known`, or raise `InputError`."""
    if isinstance(vary, str) or not isinstance(vary, Collection) or not vary:
        raise fail("vary", "be a collection of parameter names", f"it is {describe(vary)}")
    for name in vary:
        choice("vary", name, known)
    if len(set(vary)) < len(vary):
        raise fail("vary", "name every parameter once", f"it is {describe(vary)}")
    return tuple(name for name in known if name in vary)


def check_varied(vary: Collection[str], known: tuple[str, ...], points: int) -> tuple[str, ...]:
    """Return the same, if there are points enough to fit them."""
    varied = check_names(vary, known)
    if points <= len(varied):
        raise fail(
            "data",
            f"hold more than {len(varied)} points to fit as many parameters",
            f"it holds {points}",
        )
    return varied


@dataclass(frozen=True)
class PassageModel:
    """Populations after single passages as they are read.

    Attributes
    ----------
    measured : {"jump", "stay"}
    window : (float, float) or None
        Where the sweep begins and ends; None for the closed form of an infinite one.
    basis : {"adiabatic", "diabatic"} or None
    """

    measured: str
    window: tuple[float, float] | None
    basis: str | None

    @property
    def name(self) -> str:
        """What it is, in words."""
        if self.window is None:
            return "the Landau-Zener formula"
        start, stop = self.window
        return f"exact passages from ε = {start:g} to {stop:g}, {self.basis} read-out"

    def __call__(
        self,
        values: Mapping[str, float],
        where: Mapping[str, FloatArray],
        names: Collection[str] = (),
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return populations and their derivatives by all parameters, or by the read-out only."""
        gap, rates = values["gap"], where["sweep_rate"]
        if self.window is None:
            jump = np.asarray(landau_zener(gap=gap, sweep_rate=rates).value)
            slope = -np.pi * gap / rates * jump
        else:
            jump, slope = self._exact(gap, rates, "gap" in names)
        if self.measured == "stay":
            jump, slope = 1 - jump, -slope
        return _readout.read(jump, {"gap": slope}, values)

    def _exact(self, gap: float, rates: FloatArray, sloped: bool) -> tuple[FloatArray, FloatArray]:
        assert self.window is not None
        assert self.basis is not None
        start, stop = self.window
        each, place = np.unique(rates, return_inverse=True)
        run = propagate(
            LandauZener(gap=gap),
            Linear(start, stop, rate=each * np.sign(stop - start)),
            basis=self.basis,
            tolerance=_ACCURACY,
            gradient=["gap"] if sloped else None,
        )
        # The diabatic state that is kept is, after the crossing, the other adiabatic one.
        final = 1 if self.basis == "adiabatic" else 0
        jump = np.asarray(run.transition_matrix[..., place, final, 0])
        if not sloped:
            return jump, np.zeros_like(jump)
        assert run.gradients is not None
        return jump, np.asarray(run.gradients["gap"].transition_matrix[..., place, final, 0])


def _model(model: str, measured: str, window: Any, basis: str | None) -> PassageModel:
    """Return the checked model."""
    if model == "landau-zener":
        for option, value in (("window", window), ("basis", basis)):
            if value is not None:
                raise fail(option, "be left out with model='landau-zener'", "it would be ignored")
        return PassageModel(measured, None, None)
    if window is None:
        raise fail("window", "be given with model='exact'", "it is not")
    ends = real_array("window", window)
    if ends.shape != (2,) or ends[0] * ends[1] >= 0:
        raise fail("window", "be two energies of opposite sign", f"it is {describe(window)}")
    chosen = choice("basis", basis or "adiabatic", ("adiabatic", "diabatic"))
    return PassageModel(measured, (float(ends[0]), float(ends[1])), chosen)


def _guess(data: Measurement, rates: FloatArray, measured: str, held: Mapping[str, float]) -> float:
    """Return the gap from the populations that are well inside (0, 1), one by one."""
    low, high = (float(_readout.read(np.asarray(p), {}, held)[0]) for p in (0.0, 1.0))
    jump = (data.population - low) / (high - low)
    jump = np.clip(jump if measured == "jump" else 1 - jump, 0.02, 0.98)
    inside = (jump > 0.1) & (jump < 0.9)
    chosen = inside if np.any(inside) else np.ones(jump.size, dtype=np.bool_)
    return float(np.median(np.sqrt(-2 * rates[chosen] * np.log(jump[chosen]) / np.pi)))
