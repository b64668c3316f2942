"""Classical noise in the [environment] tables of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from anticrossing._core.checks import FloatArray, fail
from anticrossing.environment import Environment
from anticrossing.environment.noise import (
    NoiseSpectrum,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
    WhiteNoise,
)
from anticrossing.studies.levels import optional_matrix
from anticrossing.studies.schema import Matrix, Numbers, Table

_Names = tuple[str, ...]


class TelegraphTable(Table, frozen=True, kw_only=True):
    """Noise that jumps between two values, or a sum of equal fluctuators.

    Attributes
    ----------
    kind
        The kind of the environment.
    amplitude : energy
        a of ±a; without `operator` in the unit of the coordinate.
    correlation_time : time
        Of a fluctuator.
    operator
        A Hermitian matrix that is multiplied by the noise; without it the coordinate fluctuates.
    fluctuators
        How many equal ones.
    occupation
        Share of the time at +a, ½ by default.
    """

    kind: Literal["telegraph"]
    amplitude: Numbers
    correlation_time: Numbers
    operator: Matrix | None = None
    fluctuators: int = 1
    occupation: Numbers = 0.5


class OrnsteinUhlenbeckTable(Table, frozen=True, kw_only=True):
    """Gaussian noise whose correlation falls exponentially.

    Attributes
    ----------
    kind
        The kind of the environment.
    rms : energy
        Root mean square; without `operator` in the unit of the coordinate.
    correlation_time : time
        In which it forgets.
    operator
        A Hermitian matrix that is multiplied by the noise; without it the coordinate fluctuates.
    """

    kind: Literal["ornstein-uhlenbeck"]
    rms: Numbers
    correlation_time: Numbers
    operator: Matrix | None = None


class QuasiStaticTable(Table, frozen=True, kw_only=True):
    """Gaussian noise that keeps its value during one evolution.

    Attributes
    ----------
    kind
        The kind of the environment.
    rms : energy
        Root mean square; without `operator` in the unit of the coordinate.
    operator
        A Hermitian matrix that is multiplied by the noise; without it the coordinate fluctuates.
    """

    kind: Literal["quasi-static"]
    rms: Numbers
    operator: Matrix | None = None


class WhiteTable(Table, frozen=True, kw_only=True):
    """Noise that forgets at once.

    Attributes
    ----------
    kind
        The kind of the environment.
    density : energy**2*time
        S of ⟨δ(t)δ(t′)⟩ = S δ(t − t′).
    operator
        A Hermitian matrix that is multiplied by the noise.
    """

    kind: Literal["white"]
    density: Numbers
    operator: Matrix


class PinkTable(Table, frozen=True, kw_only=True):
    """1/f noise between two frequencies.

    Attributes
    ----------
    kind
        The kind of the environment.
    density : energy**2
        A of S(ω) = A/|ω|; without `operator` in the unit of the coordinate, squared.
    lowest : rad/time
        The lowest angular frequency.
    highest : rad/time
        The highest.
    operator
        A Hermitian matrix that is multiplied by the noise; without it the coordinate fluctuates.
    per_decade
        How many Lorentzians a decade has.
    fluctuators
        Whether they are fluctuators that jump; Gaussian by default.
    """

    kind: Literal["pink"]
    density: float
    lowest: float
    highest: float
    operator: Matrix | None = None
    per_decade: float = 1.0
    fluctuators: bool = False


class SpectrumTable(Table, frozen=True, kw_only=True):
    """Gaussian noise with a measured spectrum, fitted by Lorentzians.

    Attributes
    ----------
    kind
        The kind of the environment.
    frequency : rad/time
        Angular frequencies that increase.
    density : energy**2*time
        The spectrum there; without `operator` in the unit of the coordinate, squared, times time.
    operator
        A Hermitian matrix that is multiplied by the noise; without it the coordinate fluctuates.
    lorentzians
        How many at most.
    file
        Instead of both: two columns, beside the experiment file.
    """

    kind: Literal["spectrum"]
    frequency: list[float] | None = None
    density: list[float] | None = None
    operator: Matrix | None = None
    lorentzians: int = 6
    file: str | None = None


def _maker(kind: Callable[..., Environment]) -> Callable[..., Environment]:
    """Return what makes a noise of a table whose keys are its arguments."""

    def make(given: Table, coordinates: _Names, **new: Any) -> Environment:
        arguments = {key: getattr(given, key) for key in given.__struct_fields__ if key != "kind"}
        return kind(**{**arguments, "operator": _operator(given), **new})

    return make


def _operator(given: Any) -> Any:
    return optional_matrix("operator", given.operator)


def columns(given: Any) -> tuple[FloatArray, FloatArray]:
    """Return the frequencies and densities of a table; those of a file stand there by now."""
    if given.file is not None:
        raise fail("file", "lie beside an experiment file", "this text has no folder")
    for name in ("frequency", "density"):
        if not isinstance(getattr(given, name), list):
            raise fail(name, "be a list of numbers, or `file` be given", "it is not")
    return np.array(given.frequency, np.float64), np.array(given.density, np.float64)


def _spectrum(given: SpectrumTable, coordinates: _Names) -> Environment:
    measured = NoiseSpectrum(*columns(given))
    return measured.noise(_operator(given), lorentzians=given.lorentzians)


KINDS: dict[str, tuple[type[Table], Callable[..., Environment]]] = {
    "telegraph": (TelegraphTable, _maker(TelegraphNoise)),
    "ornstein-uhlenbeck": (OrnsteinUhlenbeckTable, _maker(OrnsteinUhlenbeckNoise)),
    "quasi-static": (QuasiStaticTable, _maker(QuasiStaticNoise)),
    "white": (WhiteTable, _maker(WhiteNoise)),
    "pink": (PinkTable, _maker(PinkNoise)),
    "spectrum": (SpectrumTable, _spectrum),
}
"""Kinds of noise: what a table of each may hold, and what makes it."""

BATCHED = {
    "telegraph": ("amplitude", "correlation_time", "occupation"),
    "ornstein-uhlenbeck": ("rms", "correlation_time"),
    "quasi-static": ("rms",),
    "white": ("density",),
}
"""Strengths that may be arrays, by kind."""
