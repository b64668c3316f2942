"""Distribution of the work of a protocol, whatever computes its statistics."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    increasing,
    real_array,
    real_number,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics import inversion
from anticrossing.thermodynamics.arguments import (
    Thermal,
    checked_temperature,
    exponential,
    provides,
)
from anticrossing.thermodynamics.atoms import draw_atoms
from anticrossing.thermodynamics.chain_work import ChainWorkStatistics

_EDGE = 1e-9  # a value this close to the edge of a bin, relative to the largest, lies on it
_DRAWN = 401
_CHUNK = 1 << 21


class WorkStatistics(Protocol):
    """What a source of work statistics provides: quantum, classical, or a list of values."""

    @property
    def mean(self) -> float | FloatArray:
        """The mean (energy)."""
        ...

    @property
    def variance(self) -> float | FloatArray:
        """The variance (energy²)."""
        ...

    @property
    def skewness(self) -> float | FloatArray:
        """The skewness."""
        ...

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``ln ⟨exp(iuw)⟩`` for complex u of any shape."""
        ...

    def atoms(self) -> tuple[FloatArray, FloatArray] | None:
        """Return sorted values and probabilities, or None where there are too many."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values."""
        ...


@dataclass(frozen=True, eq=False)
class WorkDistribution(Thermal, Result):
    """The work done in a protocol that starts in equilibrium, with all that follows from it.

    Parameters
    ----------
    statistics : WorkStatistics or ChainWorkStatistics
        For example `TwoPointStatistics` of the energies, `AtomicStatistics`, or the statistics of a
        Landau-Zener chain.
    temperature : float
        Temperature of the start (energy, k_B = 1).
    free_energy_difference : float
        ``ΔΩ`` of equilibrium at the end against the start (energy).
    description : str
        What was measured on which state, for the summary.

    Raises
    ------
    InputError
        If the numbers cannot be used, or the statistics count several observables.

    Examples
    --------
    >>> import numpy as np
    >>> from anticrossing.thermodynamics.counting import TwoPointStatistics
    >>> work = WorkDistribution(
    ...     TwoPointStatistics(
    ...         propagator=[[0.8, -0.6], [0.6, 0.8]],
    ...         initial_values=[0.0, 1.0],
    ...         final_values=[2.0, 1.0],
    ...         log_odds=[0.0, -1.0],
    ...     ),
    ...     temperature=1.0,
    ...     free_energy_difference=np.log(2) - np.log(1 + np.exp(-2.0)),
    ... )
    >>> work.probabilities([0.0, 1.0, 2.0, 3.0]).round(4)
    array([0.4516, 0.18  , 0.3684])
    >>> print(work)
    work distribution
      mean                    0.916819
      standard deviation      0.901710
      skewness                0.164074
      free-energy difference  0.566219
      dissipated work         0.350600
      Jarzynski ratio - 1     ...
    """

    statistics: WorkStatistics | ChainWorkStatistics
    temperature: float
    free_energy_difference: float
    description: str = ""

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean work"),
        "variance": shown(text="variance of the work"),
        "skewness": shown(text="skewness of the work"),
        "free_energy_difference": shown(text="free-energy difference"),
        "dissipated_work": shown(text="mean dissipated work"),
        "jarzynski_ratio": shown(text="⟨exp(−βw)⟩ exp(βΔΩ)"),
        "temperature": shown(text="temperature of the start"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value, or a smoothed density where they are too many."""
        listed = self._source.atoms()
        if listed is not None:
            return draw_atoms(*listed, ax, label="work")
        ax = new_axes() if ax is None else ax
        spread = math.sqrt(self.variance)
        w = self.mean + np.linspace(-5, 5, _DRAWN) * spread
        ax.plot(w, self.density(w, width=spread / 20))
        ax.set(xlabel="work", ylabel=f"density, smoothed by {spread / 20:.2g}")
        return ax

    def _attributes(self) -> dict[str, Any]:
        return {"name": self.description or "work distribution"}

    def __post_init__(self) -> None:
        provides(
            "statistics",
            self.statistics,
            "log_characteristic_function",
            "variance",
            "atoms",
            "sample",
        )
        if np.ndim(self._source.mean) != 0:
            raise fail("statistics", "be of one observable", "it counts several jointly")
        checked_temperature(self.temperature)
        real_number("free_energy_difference", self.free_energy_difference)
        if not isinstance(self.description, str):
            raise fail("description", "be a text", f"it is {describe(self.description)}")

    @property
    def mean(self) -> float:
        """The mean work (energy)."""
        return float(self._source.mean)

    @property
    def variance(self) -> float:
        """The variance of the work (energy²)."""
        return float(self._source.variance)

    @property
    def skewness(self) -> float:
        """The third central moment over the standard deviation cubed."""
        return float(self._source.skewness)

    @property
    def dissipated_work(self) -> float:
        """``⟨w⟩ − ΔΩ`` (energy)."""
        return self.mean - self.free_energy_difference

    @property
    def exponential_average(self) -> float:
        """``⟨exp(−βw)⟩``, infinite where it is too large for a float."""
        return float(exponential(self._log_exponential_average).real)

    @property
    def jarzynski_ratio(self) -> float:
        """``⟨exp(−βw)⟩ exp(βΔΩ)``, one if ΔΩ belongs to the initial state and the energies."""
        log = self._log_exponential_average + self.beta * self.free_energy_difference
        return float(exponential(log).real)

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``ln χ(u)``, the phase in (−π, π], for complex u of any shape (1 / energy)."""
        return self._source.log_characteristic_function(u)

    def characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``χ(u) = ⟨exp(iuw)⟩`` for complex u of any shape (1 / energy)."""
        return exponential(self.log_characteristic_function(u))

    def density(self, values: npt.ArrayLike, *, width: float) -> FloatArray:
        """Return the density of the work smoothed by a normal distribution of width σ.

        Parameters
        ----------
        values : array, shape (...)
            Work values (energy).
        width : float
            The standard deviation σ of the smoothing (energy).

        Returns
        -------
        array, shape (...)
            In 1 / energy, with an absolute error below 1e-13/σ; `log_density` is relatively
            accurate far into the tails.
        """
        w = real_array("values", values)
        sigma = inversion.checked_width(width)
        listed = self._source.atoms()
        if listed is None:
            return inversion.smoothed_density(self._source, w, width=sigma)
        x, p = listed
        flat = w.reshape(-1)
        result = np.empty(flat.size)
        chunk = max(1, _CHUNK // x.size)
        for start in range(0, flat.size, chunk):
            part = slice(start, start + chunk)
            with np.errstate(over="ignore"):  # far away the density is zero
                result[part] = np.exp(-0.5 * ((flat[part, None] - x) / sigma) ** 2) @ p
        return result.reshape(w.shape) / (sigma * math.sqrt(2 * math.pi))

    def log_density(self, values: npt.ArrayLike, *, width: float) -> FloatArray:
        """Return the logarithm of the smoothed density, relatively accurate far into the tails.

        The tails come from exponentially tilted Fourier integrals, see `smoothed_log_density`.
        """
        return inversion.smoothed_log_density(self._source, values, width=width)

    def atoms(self) -> tuple[FloatArray, FloatArray]:
        """Return the values that the work can take, sorted, and their probabilities.

        Raises
        ------
        InputError
            If they are too many to be listed.
        """
        found = self._source.atoms()
        if found is None:
            raise InputError(
                "The work takes too many values to be listed: use `density` with a width, or "
                "`sample`."
            )
        return found

    def probabilities(self, edges: npt.ArrayLike) -> FloatArray:
        """Return the probabilities of the bins ``[edge_k, edge_{k+1})``, shape (len(edges) − 1,).

        A value within 1e-9 (relative to the largest) of an edge is taken to lie on it.

        Raises
        ------
        InputError
            If the edges do not increase, or the values are too many to be listed.
        """
        limits = increasing("edges", edges)
        x, p = self.atoms()
        tolerance = _EDGE * float(np.max(np.abs(x)))
        place = np.searchsorted(x, limits - tolerance)
        total = np.concatenate(([0.0], np.cumsum(p)))
        return np.diff(total[place])

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values of the work (energy)."""
        return self._source.sample(n, rng)

    @functools.cached_property
    def _source(self) -> WorkStatistics:
        if isinstance(self.statistics, ChainWorkStatistics):
            return _ChainWork(self.statistics)
        return self.statistics

    @property
    def _log_exponential_average(self) -> float:
        log = self._source.log_characteristic_function(1j * self.beta)
        return float(np.asarray(log).real)

    def __str__(self) -> str:
        title = "work distribution" + (f", {self.description}" if self.description else "")
        rows = (
            ("mean", f"{self.mean:.6f}"),
            ("standard deviation", f"{math.sqrt(max(self.variance, 0.0)):.6f}"),
            ("skewness", f"{self.skewness:.6f}"),
            ("free-energy difference", f"{self.free_energy_difference:.6f}"),
            ("dissipated work", f"{self.dissipated_work:.6f}"),
            ("Jarzynski ratio - 1", f"{self.jarzynski_ratio - 1:.2g}"),
        )
        return "\n".join([title, *(f"  {name:<24}{value}" for name, value in rows)])


@dataclass(frozen=True, eq=False)
class _ChainWork:
    """The work of a chain, without the heat and particles that its statistics also count."""

    chain: ChainWorkStatistics

    @property
    def mean(self) -> float:
        return self.chain.mean

    @property
    def variance(self) -> float:
        return self.chain.variance

    @property
    def skewness(self) -> float:
        return self.chain.skewness

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        return np.asarray(self.chain.log_characteristic_function(u))

    def atoms(self) -> tuple[FloatArray, FloatArray] | None:
        try:
            found = self.chain.atoms()
        except InputError:  # the only argument that can be refused is the number of values
            return None
        return found.values, found.probabilities

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self.chain.sample(n, rng).work
