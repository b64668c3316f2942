"""Measured spectra of noise, and the sums of Lorentzians that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, integer
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.environment.noise.gaussian import GaussianNoise
from anticrossing.environment.two_columns import checked_spectrum, read_spectrum

_MOST_LORENTZIANS = 20
_PER_DECADE, _BEYOND = 8, 10.0  # of the rates that are tried, and how far they go
_LARGE_MISFIT = 0.1


@dataclass(frozen=True, eq=False)
class NoiseSpectrum(Result):
    """A measured spectrum S(ω) of noise.

    Attributes
    ----------
    frequency : array, shape (F,)
        Angular frequencies ω > 0 that increase, radians per time.
    density : array, shape (F,)
        S(ω) ≥ 0, of both signs of ω, as for any noise of this room: half of a one-sided spectrum.

    Raises
    ------
    InputError
        For spectra that are negative, diverge or have fewer than three points, and for frequencies
        that do not increase from above 0.

    Examples
    --------
    >>> omega = np.geomspace(0.01, 10.0, 30)
    >>> measured = NoiseSpectrum(omega, 0.02 / (1 + omega**2))
    >>> noise = measured.noise(lorentzians=3)
    >>> noise.misfit < 1e-6, noise.spectrum([1.0]).round(6)
    (True, array([0.01]))
    """

    frequency: FloatArray
    density: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "frequency": shown("frequency", text="angular frequency", unit="rad/time"),
        "density": shown("frequency", text="spectrum of the noise"),
    }

    def __post_init__(self) -> None:
        omega, density = checked_spectrum(self.frequency, self.density)
        object.__setattr__(self, "frequency", omega)
        object.__setattr__(self, "density", density)

    @classmethod
    def from_file(cls, path: str | Path) -> NoiseSpectrum:
        """Read two columns, ω and S(ω), separated by commas or blanks; # begins a remark.

        Parameters
        ----------
        path : str or Path
            A line of names at the top is skipped.

        Raises
        ------
        InputError
            If the file cannot be read as that, with the line.
        """
        return cls(*read_spectrum(path))

    def noise(self, operator: npt.ArrayLike | None = None, *, lorentzians: int = 6) -> FittedNoise:
        """Return Gaussian noise with this spectrum, fitted by a sum of Lorentzians.

        Parameters
        ----------
        operator : array, shape (N, N), optional
            As of `GaussianNoise`.
        lorentzians : int
            How many at most.
        """
        from scipy.optimize import least_squares, nnls

        most = integer("lorentzians", lorentzians, minimum=1, maximum=_MOST_LORENTZIANS)
        omega, floor = self.frequency, 1e-12 * float(self.density.max())
        weight = 1 / np.maximum(self.density, floor)
        decades = np.log10(omega[-1] / omega[0]) + 2 * np.log10(_BEYOND)
        rates = np.geomspace(
            omega[0] / _BEYOND, omega[-1] * _BEYOND, 1 + int(_PER_DECADE * decades)
        )

        def shapes(rates: FloatArray) -> FloatArray:
            return 2 * rates / (rates**2 + omega[:, None] ** 2) * weight[:, None]

        variances, _ = nnls(shapes(rates), self.density * weight)
        while np.count_nonzero(variances) > most:  # the least of them goes to its neighbours
            there = np.flatnonzero(variances)
            share = (shapes(rates[there]) * variances[there]).max(axis=0)
            rates = np.delete(rates[there], np.argmin(share))
            variances, _ = nnls(shapes(rates), self.density * weight)
        there = np.flatnonzero(variances)
        start = np.concatenate([np.log(rates[there]), np.log(variances[there])])

        def missed(logs: FloatArray) -> FloatArray:
            rates, variances = np.exp(np.split(logs, 2))
            return np.asarray(shapes(rates) @ variances - self.density * weight)

        span = np.log(1e4)
        found = least_squares(missed, start, bounds=(start - span, start + span), x_scale="jac")
        rates, variances = np.exp(np.split(found.x, 2))
        misfit = float(np.max(np.abs(missed(found.x))))
        order = np.argsort(rates)
        return FittedNoise(np.sqrt(variances[order]), 1 / rates[order], operator, misfit=misfit)


class FittedNoise(GaussianNoise):
    """Gaussian noise whose Lorentzians were fitted to a measured spectrum.

    Attributes
    ----------
    misfit : float
        The largest share by which the spectrum differs from the measured one.
    """

    def __init__(
        self,
        rms: FloatArray,
        correlation_times: FloatArray,
        operator: npt.ArrayLike | None = None,
        *,
        misfit: float,
    ) -> None:
        super().__init__(rms, correlation_times, operator)
        self.misfit = misfit
        if misfit > _LARGE_MISFIT:
            self.notes = (
                f"the spectrum of the noise is met to within {misfit:.1g} of itself only by "
                f"{self.rms.size} Lorentzians",
            )
