"""A spectral density that is known at some frequencies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing.environment.spectral_density.densities import Continuum
from anticrossing.environment.two_columns import checked_spectrum, read_spectrum

_LARGEST = 1e100
_FALL = 4  # the power with which J falls beyond the last frequency


class Measured(Continuum):
    """A spectral density J(ω) between measured values, which are joined without overshooting.

    From 0 it rises to the first value, beyond the last it falls as ω⁻⁴: rates at frequencies in
    between are what was measured, the reorganisation energy depends on both ends a little. Shifts
    of levels depend on all frequencies: a `Bath` of such a density leaves them out.

    Parameters
    ----------
    frequency : array, shape (F,)
        ω > 0 that increase, energies.
    density : array, shape (F,)
        J(ω) ≥ 0, energies.

    Raises
    ------
    InputError
        For fewer than three values, frequencies that do not increase from above 0, and a density
        that is negative or 0 everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> omega = np.geomspace(0.05, 50.0, 40)
    >>> found = Measured(omega, 0.1 * omega * np.exp(-omega / 5))
    >>> found.continuum([1.0]).round(4), round(found.reorganization_energy, 4)
    (array([0.0819]), 0.1592)
    """

    def __init__(self, frequency: npt.ArrayLike, density: npt.ArrayLike) -> None:
        from scipy.interpolate import PchipInterpolator

        omega, values = checked_spectrum(frequency, density)
        if not (values.max() < _LARGEST and np.diff(omega, prepend=0.0).min() > 1 / _LARGEST):
            must = f"stay below {_LARGEST:g}, at frequencies as far apart as its inverse"
            raise fail("density", must, f"it reaches {values.max():.3g}")
        with np.errstate(over="ignore"):  # of slopes below all numbers
            inside = PchipInterpolator(np.append(0.0, omega), np.append(0.0, values))
        last = omega[-1]

        def joined(w: FloatArray) -> FloatArray:
            beyond = values[-1] * (last / np.maximum(w, last)) ** _FALL
            return np.where(w <= last, np.maximum(inside(np.minimum(w, last)), 0.0), beyond)

        self.frequency, self.density = omega, values
        self._slope = max(0.0, float(inside.derivative()(0.0)))
        self._peak = float(omega[np.argmax(values)])
        super().__init__(joined, scales=omega)

    @classmethod
    def from_file(cls, path: str | Path) -> Measured:
        """Read two columns, ω and J(ω), separated by commas or blanks; # begins a remark.

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

    @property
    def scales(self) -> tuple[float, ...]:
        return (self._peak,)

    @property
    def slope(self) -> float:
        return self._slope

    def __repr__(self) -> str:
        return (
            f"Measured({self.frequency.size} frequencies from {self.frequency[0]:g} to "
            f"{self.frequency[-1]:g})"
        )
