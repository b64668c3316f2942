"""Checked arguments of a search for drives: the ensemble, the family of drives, bounds, starts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    check_flag,
    choice,
    fail,
    instance,
    integer,
    non_negative_number,
    of_shape,
    one_coordinate,
    positive_number,
    real_array,
    real_number,
)
from anticrossing.control import _shapes
from anticrossing.control._problem import NOISE_NODES, Ensemble
from anticrossing.control._shapes import SHAPES, Limits, Shape
from anticrossing.control.targets import Target
from anticrossing.hamiltonian import Hamiltonian

_LARGEST = 64  # levels


def make_ensemble(
    hamiltonian: Any, target: Any, start: Any, stop: Any, offset_noise: Any = 0.0
) -> Ensemble:
    """Return the checked ensemble."""
    instance("hamiltonian", hamiltonian, Hamiltonian)
    one_coordinate("hamiltonian", hamiltonian)
    if hamiltonian.dimension > _LARGEST:
        must = f"have at most {_LARGEST} levels"
        raise fail("hamiltonian", must, f"it has {hamiltonian.dimension}")
    instance("target", target, Target)
    spread = non_negative_number("offset_noise", offset_noise)
    offsets, shares = np.zeros(1), np.ones(1)
    if spread:
        points, weights = np.polynomial.hermite_e.hermegauss(NOISE_NODES)
        offsets, shares = spread * points, weights / weights.sum()
    ends = real_number("start", start), real_number("stop", stop)
    ensemble = Ensemble(hamiltonian, offsets, shares, target, ends)
    ensemble.asked()  # errors come before any work
    return ensemble


def make_shape(
    shape: Any,
    duration: float,
    ends: tuple[float, float],
    *,
    coefficients: Any,
    bandwidth: Any,
    flat_ends: Any,
) -> Shape:
    """Return the checked family of drives."""
    kind = choice("shape", shape, SHAPES)
    count = None
    if coefficients is not None:
        fewest, most = _shapes.FEWEST, _shapes.MOST
        count = integer("coefficients", coefficients, minimum=fewest, maximum=most)
    widest = None if bandwidth is None else positive_number("bandwidth", bandwidth)
    flat = check_flag("flat_ends", flat_ends)
    return _shapes.make(kind, duration, ends, coefficients=count, bandwidth=widest, flat=flat)


def make_limits(
    lower: Any, upper: Any, slope: Any, ends: tuple[float, float], duration: float, shape: str
) -> Limits:
    """Return the checked bounds, which the ends have to obey."""
    low = None if lower is None else real_number("lower", lower)
    high = None if upper is None else real_number("upper", upper)
    steep = None if slope is None else positive_number("slope", slope)
    if low is not None and high is not None and not low < high:
        raise fail("upper", "be above `lower`", f"they are {low:g} and {high:g}")
    if shape != "steps":
        for name, end in zip(("start", "stop"), ends, strict=True):
            if (low is not None and end < low) or (high is not None and end > high):
                raise fail(name, "lie within the bounds", f"it is {end:g}")
        if steep is not None and abs(ends[1] - ends[0]) > steep * duration:
            raise fail("slope", "let x get from start to stop in time", f"it is {steep:g}")
    return Limits(low, high, steep)


def mean_weights(weights: Any, over: str, ensemble: Ensemble) -> FloatArray | None:
    """Return weights that add to one; None where the worst of several counts."""
    if over == "worst":
        if weights is not None:
            raise fail("weights", 'be left out unless `over` is "mean"', "they are given")
        return np.ones(1) if ensemble.count == 1 else None
    if weights is None:
        return np.full(ensemble.count, 1 / ensemble.count)
    batch = ensemble.hamiltonian.batch_shape
    given = of_shape("weights", real_array("weights", weights), batch).ravel()
    if np.any(given < 0) or not 0 < given.sum() < np.inf:
        raise fail("weights", "be positive", "they are not")
    return np.asarray(given / given.sum())


def natural_scale(ensemble: Ensemble, limits: Limits) -> float:
    """Return how far the drive is to move: half of its range, or where H changes by as much."""
    if limits.lower is not None and limits.upper is not None:
        return 0.5 * (limits.upper - limits.lower)
    ends = np.array(ensemble.ends)
    spreads = [np.ptp(np.linalg.eigvalsh(ensemble.hamiltonian(ends)), axis=-1)]
    slopes = [np.ptp(np.linalg.eigvalsh(ensemble.hamiltonian.derivative(ends)), axis=-1)]
    steep = float(np.max(slopes))
    if not steep > 0:
        raise fail("hamiltonian", "depend on its coordinate at the ends", "it does not")
    return max(float(np.max(spreads)) / steep, 0.5 * abs(float(ends[1] - ends[0])))


def trials_about(
    family: Shape,
    limits: Limits,
    first: FloatArray,
    scale: float,
    count: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return coefficients to begin with: the first, and others about it."""
    decay = 1 / np.arange(1, family.count + 1) if isinstance(family, _shapes.Sines) else 1.0
    others = first + scale * decay * rng.normal(size=(count - 1, family.count))
    if not isinstance(family, _shapes.Sines):  # coefficients are positions
        others = np.clip(
            others,
            -math.inf if limits.lower is None else limits.lower,
            math.inf if limits.upper is None else limits.upper,
        )
    return np.concatenate([first[None], others])
