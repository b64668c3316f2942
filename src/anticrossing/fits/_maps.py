"""The model behind a fit of an interferogram: steady states, surroundings, noise and read-out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import (
    DrivenQubit,
    Interferogram,
    driven_qubit,
    interferogram,
    still_noise,
)
from anticrossing.fits import _readout
from anticrossing.formulas._periodic import components

_SETTLED = 2e-4  # twice the last change of an average over noise, which is off by some 1 % of it
_MOST_PLACES = 200_000
_AT_ONCE = 5000  # points that are computed together, over all values of the noise
_DRIVEN = ("gap", "offset", "amplitude", "t1", "t2")

Slopes = dict[str, Any]


@dataclass(frozen=True)
class MapModel:
    """Mean populations of a driven qubit as they are read.

    Attributes
    ----------
    kind : {"exact", "fast-passage"}
    basis, readout : {"diabatic", "adiabatic"}
    measured : {"excited", "upper"}
        The level above at the mean offset, or the same diabatic level on both sides of zero.
    tolerance : float
        Of the exact populations.
    timed : bool
        Whether the populations are those after a time.
    phase, initial : float
        Of populations after a time: φ of the drive at the start, in radians, and the population of
        the measured level there.
    """

    kind: str
    basis: str
    readout: str
    measured: str
    tolerance: float
    timed: bool = False
    phase: float = 0.0
    initial: float = 0.0

    @property
    def name(self) -> str:
        """What it is, in words."""
        if self.timed:
            return "exact populations after a time"
        return "exact steady states" if self.kind == "exact" else "the fast-passage formula"

    def __call__(
        self, values: Mapping[str, Any], where: Mapping[str, Any], names: Collection[str] = ()
    ) -> tuple[FloatArray, Slopes]:
        """Return populations and, if names are given, their derivatives by all parameters.

        Parameters may carry axes in front of the axis of the points.
        """
        offset, set_amplitude = where["offset"] + values["offset_shift"], where["amplitude"]
        place = {
            "gap": values["gap"],
            "amplitude": set_amplitude * values["amplitude_scale"],
            "frequency": where["frequency"],
            "t1": values["t1"],
            "t2": values["t2"],
        }
        if self.timed:
            place["duration"] = where["duration"]

        def at(moved: FloatArray) -> tuple[FloatArray, Slopes]:
            return self._population(place, offset, moved, values["temperature"], bool(names))

        width = values["offset_noise"]
        noisy = np.any(width) or "offset_noise" in names
        population, found = (
            _averaged(at, width, values["t2"], offset.size) if noisy else at(np.asarray(0.0))
        )
        slopes = {}
        if names:
            slopes = {name: found[name] for name in ("gap", "t1", "t2", "temperature")}
            slopes["offset_shift"] = found["offset"]
            slopes["amplitude_scale"] = found["amplitude"] * set_amplitude
            if noisy:
                slopes["offset_noise"] = found["offset_noise"]
        return _readout.read(population, slopes, values)

    def _population(
        self, place: Mapping[str, Any], mean: FloatArray, moved: Any, heat: Any, sloped: bool
    ) -> tuple[FloatArray, Slopes]:
        """Return true populations, and derivatives by the parameters of the driven qubit."""
        offset = mean + moved
        found: Slopes
        side = np.where(mean < 0, -1.0, 1.0) if self.measured == "excited" else 1.0
        if self.timed or "adiabatic" in (self.basis, self.readout):
            options: dict[str, Any] = {
                "temperature": heat,
                "offset": offset,
                "basis": self.basis,
                "readout": self.readout,
                "tolerance": self.tolerance,
                "gradient": (*_DRIVEN, "temperature") if sloped else (),
            }
            result: Interferogram | DrivenQubit
            if self.timed:
                upper = self.readout == "adiabatic" or side > 0
                begun = np.where(upper, self.initial, 1 - self.initial)
                result = driven_qubit(**place, **options, phase=self.phase, initial=begun)
            else:
                result = interferogram(**place, **options)
            if self.readout == "adiabatic":
                return result.population, dict(result.gradients)
            # The other level where the offset is negative.
            folded = np.broadcast_to(side, result.population.shape)
            found = {name: folded * slope for name, slope in result.gradients.items()}
            return 0.5 + folded * (result.population - 0.5), found
        if self.kind == "exact":
            cold = interferogram(
                **place,
                offset=offset,
                equilibrium=0.0,
                tolerance=self.tolerance,
                gradient=_DRIVEN if sloped else (),
            )
            population, found = cold.population, dict(cold.gradients)
        else:
            population, found = _fast_passage(**place, offset=offset, sloped=sloped)
        # The mean is linear in the equilibrium, which is the one of the offset alone.
        level, by_offset, by_heat = _equilibrium(offset * side, heat, self.measured == "excited")
        found = {name: (1 - 2 * level) * slope for name, slope in found.items()}
        if sloped:
            found["offset"] = found["offset"] + (1 - 2 * population) * by_offset * side
            found["temperature"] = (1 - 2 * population) * by_heat
        return level + (1 - 2 * level) * population, found


def _equilibrium(split: Any, heat: Any, emptied: bool) -> tuple[Any, Any, Any]:
    """Return the population of a level `split` above the other, and its slopes.

    At zero temperature relaxation empties what `emptied` says even where it lies below: a folded
    map has no step.
    """
    cold = 0.0 if emptied else np.where(split == 0, 0.5, np.where(split < 0, 1.0, 0.0))
    if not np.any(heat):
        return cold, 0.0, 0.0
    half = split / (2 * heat)
    level = 0.5 * (1 - np.tanh(half))
    narrow = np.cosh(np.clip(half, -350, 350)) ** -2
    return level, -narrow / (4 * heat), narrow * half / (2 * heat)


def _averaged(
    at: Callable[[Any], tuple[FloatArray, Slopes]], width: Any, t2: Any, points: int
) -> tuple[FloatArray, Slopes]:
    """Return the average over normal offsets of that width; resonances may be as narrow as 1/T₂."""
    names: list[str] = []

    def summed(places: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        total: Any = 0.0
        some = max(1, _AT_ONCE // points)
        for start in range(0, weights.size, some):
            own = weights[start : start + some]
            first = places[start : start + some].reshape(-1, *[1] * max(np.ndim(width), 1))
            population, found = at(width * first)
            if found:
                found = {**found, "offset_noise": first * found["offset"]}
            names[:] = found
            every = [np.broadcast_to(one, population.shape) for one in found.values()]
            total = total + np.tensordot(own, np.stack([population, *every], axis=-1), 1)
        return total, np.zeros(len(total))

    step = still_noise.resolving(float(np.max(width * t2)))
    mean, _ = still_noise.rule(summed, 1, step, _SETTLED, _MOST_PLACES, lambda each: each[..., 0])
    return mean[..., 0], dict(zip(names, np.moveaxis(mean[..., 1:], -1, 0), strict=True))


def _fast_passage(
    *, gap: Any, offset: Any, amplitude: Any, frequency: Any, t1: Any, t2: Any, sloped: bool
) -> tuple[FloatArray, Slopes]:
    """Return `formulas.fast_passage_population` and its derivatives."""
    offset, amplitude, frequency = np.broadcast_arrays(offset, amplitude, frequency)
    # Maps have few amplitudes, and Bessel functions take nearly all of the time otherwise.
    size, place = np.unique(np.abs(amplitude) / frequency, return_inverse=True)
    place = place.reshape(np.shape(amplitude))
    orders = dict(components(size, np.ones(size.shape)))
    none = np.zeros(size.shape)
    ratio, least = t2 / t1, 1 / (t1 * t2)
    total: Any = 0.0
    found: Slopes = dict.fromkeys(_DRIVEN, 0.0) if sloped else {}
    for n, every in orders.items():
        bessel, apart = every[place], offset - n * frequency
        strength, loss = (gap * bessel) ** 2, apart**2 * ratio + least
        total = total + 0.5 * strength / (strength + loss)
        if not sloped:
            continue
        by_strength = 0.5 * loss / (strength + loss) ** 2
        by_loss = -0.5 * strength / (strength + loss) ** 2
        slope = 0.5 * (orders.get(n - 1, none) - orders.get(n + 1, none))
        turn = 2 * gap**2 * bessel * slope[place] / frequency
        found["gap"] += by_strength * 2 * strength / gap
        found["amplitude"] += by_strength * turn * np.sign(amplitude)
        found["offset"] += by_loss * 2 * apart * ratio
        found["t1"] -= by_loss * loss / t1
        found["t2"] += by_loss * (apart**2 / t1 - least / t2)
    return np.asarray(total), found
