"""Full counting statistics of a coherent conductor between two reservoirs, in closed form."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, expm1, log1p, log_expit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    at_least,
    choice,
    fail,
    increasing,
    listed,
    one_of,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import broadcast
from anticrossing.thermodynamics.arguments import counting_field
from anticrossing.thermodynamics.energy_integrals import Nodes, Window, integrate
from anticrossing.thermodynamics.reservoirs import Reservoir

COUNTED = ("particles", "energy")
_DRAWN = 401
_EXCESS = 1e-9  # by which rounding may lift a transmission above one


@dataclass(frozen=True, eq=False, init=False)
class LevitovLesovik(Result):
    """Particles and energy that a coherent conductor carries from left to right, per time.

    Counted over a long time t, ``⟨exp(iuN + ivE)⟩ = exp(t F(u, v))`` with the Levitov–Lesovik
    formula::

        F(u, v) = ∫ dE/2π ln{1 + T(E) [f_L (1 − f_R) (e^{i(u + vE)} − 1)
                                      + f_R (1 − f_L) (e^{−i(u + vE)} − 1)]}

    Its derivatives are the cumulants per time: the Landauer current ``∫ T (f_L − f_R) dE/2π``, the
    noise ``∫ {T [f_L (1 − f_L) + f_R (1 − f_R)] + T (1 − T) (f_L − f_R)²} dE/2π``, and so on. One
    spin direction, ħ = 1.

    Parameters
    ----------
    transmission : callable
        ``T(E)`` for an array of energies (n,), between 0 and 1: shape (n,), or (n, channels).
    left, right : Reservoir
        Each with one temperature and one chemical potential.
    band : (float, float), optional
        The energies between which the conductor transmits.
    features : array, shape (k,), optional
        Energies at which T(E) jumps, or peaks more narrowly than what surrounds it.

    Attributes
    ----------
    current, energy_current : float
        Particles and energy from left to right per time.
    heat_currents : array, shape (2,)
        Heat that the left and the right reservoir give per time.
    noise, energy_noise, cross_noise : float
        Variance of the particles and of the energy per time, and their covariance. (A spectral
        density at zero frequency that counts both signs of it is twice as large.)
    entropy_production_rate : float
        ``σ = −Σ_ν (heat of ν)/T_ν ≥ 0``.
    affinities : array, shape (2,)
        ``A_N = μ_L/T_L − μ_R/T_R`` and ``A_E = 1/T_R − 1/T_L``. The exchange fluctuation theorem
        says ``F(u, v) = F(−u + iA_N, −v + iA_E)``, and ``σ = A_N·current + A_E·energy_current``.
    uncertainty_ratio : float
        ``noise · σ/current²``, at least 2 in classical Markov processes.
    uncertainty_bound : float
        ``y/sinh(y/2)`` with ``y = σ/|current|``: no coherent conductor has a smaller ratio. A
        perfectly transmitting narrow band reaches it.

    Raises
    ------
    InputError
        If the transmission is no number between 0 and 1, or a reservoir changes in time.
    ConvergenceError
        If the transmission is too rough to be integrated.

    References
    ----------
    L. S. Levitov, G. B. Lesovik, JETP Lett. 58, 230 (1993); Ya. M. Blanter, M. Büttiker, Phys. Rep.
    336, 1 (2000), equation (61) for the noise; for the exchange theorem M. Esposito, U. Harbola, S.
    Mukamel, Rev. Mod. Phys. 81, 1665 (2009); for the bound K. Brandner, K. Saito, Phys. Rev. Lett.
    135, 046302 (2025).

    Examples
    --------
    A perfect wire: the quantum of conductance, 1/2π, and thermal noise alone.

    >>> wire = LevitovLesovik(
    ...     lambda energy: np.ones_like(energy), Reservoir(0.1, 0.5), Reservoir(0.1, -0.5)
    ... )
    >>> round(wire.current * 2 * np.pi, 12), round(wire.noise * 2 * np.pi, 12)
    (1.0, 0.2)
    >>> round(wire.uncertainty_ratio, 12), wire.uncertainty_bound < 2
    (2.0, True)
    """

    transmission: Callable[[FloatArray], npt.ArrayLike]
    temperatures: FloatArray
    chemical_potentials: FloatArray
    band: tuple[float, float] | None
    features: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "current": shown(text="particles from left to right per time"),
        "noise": shown(text="variance of the particles per time"),
        "energy_current": shown(text="energy from left to right per time"),
        "energy_noise": shown(text="variance of the energy per time"),
        "cross_noise": shown(text="covariance of particles and energy per time"),
        "entropy_production_rate": shown(text="entropy produced per time"),
        "uncertainty_ratio": shown(text="noise × entropy production / current²"),
        "uncertainty_bound": shown(text="its least value in coherent transport"),
        "heat_current": shown("lead", text="heat from the lead per time"),
        "temperature": shown("lead", text="temperature of the lead"),
        "chemical_potential": shown("lead", text="chemical potential of the lead"),
        "particle_cumulant": shown("order", text="cumulant of the particles per time"),
        "order": shown("order", text="order of the cumulant"),
    }

    def __init__(
        self,
        transmission: Callable[[FloatArray], npt.ArrayLike],
        left: Reservoir,
        right: Reservoir,
        *,
        band: tuple[float, float] | None = None,
        features: npt.ArrayLike = (),
    ) -> None:
        for name, reservoir in (("left", left), ("right", right)):
            for what in ("temperature", "chemical_potential"):
                if np.ndim(getattr(reservoir, what)) != 0:
                    raise fail(name, f"have one {what.replace('_', ' ')}", "it has one per step")
        temperatures = np.array([left.temperature, right.temperature], dtype=np.float64)
        potentials = np.array([left.chemical_potential, right.chemical_potential])
        for name, value in zip(("left", "right"), temperatures, strict=True):
            at_least(f"{name}.temperature", float(value), float(np.finfo(np.float64).tiny))
        edges = None
        if band is not None:
            low, high = increasing("band", band)
            edges = float(low), float(high)
        vars(self).update(
            transmission=transmission,
            temperatures=temperatures,
            chemical_potentials=potentials.astype(np.float64),
            band=edges,
            features=real_array("features", features).reshape(-1),
        )

    # ---- generating function --------------------------------------------------------------------

    def cumulant_generating_function(
        self, u: npt.ArrayLike, v: npt.ArrayLike = 0.0
    ) -> complex | ComplexArray:
        """Return ``F(u, v) = lim ln⟨exp(iuN + ivE)⟩/t``; complex fields tilt the distribution.

        Parameters
        ----------
        u, v : array of complex
            Counting fields of particles and of energy (1 / energy); they broadcast. The logarithm
            is the principal one, continuous as long as ``|Re(u + vE)| < π``.

        Returns
        -------
        complex, or array of complex

        Raises
        ------
        InputError
            If Im v lies outside ``(−1/T_L, 1/T_R)``, where the average does not exist.

        Examples
        --------
        >>> wire = LevitovLesovik(
        ...     lambda energy: np.full_like(energy, 0.5), Reservoir(0.1, 0.5), Reservoir(0.2, -0.5)
        ... )
        >>> a_n, a_e = wire.affinities
        >>> left = wire.cumulant_generating_function(0.3, 0.1)
        >>> right = wire.cumulant_generating_function(-0.3 + 1j * a_n, -0.1 + 1j * a_e)
        >>> bool(abs(left - right) < 1e-13)
        True
        """
        first, second = broadcast(u=counting_field("u", u), v=counting_field("v", v))
        flat_u, flat_v = first.reshape(-1), second.reshape(-1)
        betas = 1 / self.temperatures
        outside = (flat_v.imag <= -betas[0]) | (flat_v.imag >= betas[1])
        if np.any(outside):
            raise fail(
                "v",
                f"have an imaginary part between {-betas[0]:.6g} and {betas[1]:.6g}",
                f"one is {flat_v.imag[outside][0]:.6g}",
            )
        values = [self._generating(a, b) for a, b in zip(flat_u, flat_v, strict=True)]
        result = np.array(values, dtype=np.complex128).reshape(first.shape)
        return result if result.ndim else complex(result)

    def _generating(self, u: complex, v: complex) -> complex:
        def density(at: Nodes) -> tuple[ComplexArray, FloatArray]:
            passed = self._transmitted(at.energies)
            field: ComplexArray = np.asarray(1j * (u + v * at.energies), np.complex128)[:, None]
            with np.errstate(divide="ignore"):
                log_passed = np.log(passed)
            forward = log_passed + (log_expit(-at.scaled[0]) + log_expit(at.scaled[1]))[:, None]
            backward = log_passed + (log_expit(at.scaled[0]) + log_expit(-at.scaled[1]))[:, None]
            ups, downs = forward + field, backward - field
            top = np.maximum(np.maximum(ups.real, downs.real), 0.0)
            # Small fields: 1 + small, and large ones in logarithms, scaled by the largest term.
            small = top < 0.5
            with np.errstate(over="ignore", invalid="ignore"):
                change = _change(forward, field) + _change(backward, -field)
                near = log1p(np.where(small, change, 0.0))
                rest = np.exp(_log_rest(passed, at) - top)
                far = top + np.log(np.exp(ups - top) + np.exp(downs - top) + rest)
            total = np.where(small, near, far).sum(axis=1)
            return total[None], np.abs(total)[None]

        (found,) = integrate(density, self._window(u.imag, v.imag)) / (2 * math.pi)
        return complex(found)

    # ---- cumulants --------------------------------------------------------------------------

    def cumulants(self, order: int = 4, *, of: str = "particles") -> FloatArray:
        """Return the first cumulants per time, up to the fourth, shape (order,).

        Parameters
        ----------
        order : int
            1 to 4.
        of : {"particles", "energy"}
            What is counted from left to right.
        """
        one_of("order", order, range(1, 5))
        power = 0 if choice("of", of, COUNTED) == "particles" else 1
        return np.array([self._moments[n, power * n] for n in range(1, order + 1)])

    @property
    def orders(self) -> FloatArray:
        """The orders of the cumulants that a dataset holds."""
        return np.arange(1.0, 5.0)

    @property
    def particle_cumulant(self) -> FloatArray:
        """The first four cumulants of the particles per time, shape (4,)."""
        return self.cumulants()

    @functools.cached_property
    def _moments(self) -> dict[tuple[int, int], float]:
        """``∫ E^k κ_n(E) dE/2π`` by (n, k), and σ as (0, 0)."""
        wanted = [(1, 0), (2, 0), (3, 0), (4, 0), (1, 1), (2, 1), (2, 2), (3, 3), (4, 4)]

        def density(at: Nodes) -> tuple[FloatArray, FloatArray]:
            passed = self._transmitted(at.energies)
            left, right = (expit(-x)[:, None] for x in at.scaled)
            empty_left, empty_right = (expit(x)[:, None] for x in at.scaled)
            ups, downs = passed * left * empty_right, passed * right * empty_left
            # T (f_L − f_R) without cancellation: ups = downs · exp(drop)
            drop = at.drops[0, 1][:, None]
            with np.errstate(over="ignore", invalid="ignore"):
                net = np.where(drop > 0, -ups * np.expm1(-drop), downs * np.expm1(drop))
            stays = (1 - passed) + passed * (left * right + empty_left * empty_right)
            activity = ups + downs
            second = ups * (stays + downs) + downs * (stays + ups) + 2 * ups * downs
            third = net * (1 - 3 * activity + 2 * net**2)
            fourth = activity - 4 * net**2 - 3 * activity**2 + 12 * activity * net**2 - 6 * net**4
            first, second, third, fourth = (x.sum(axis=1) for x in (net, second, third, fourth))
            orders = (first, second, third, fourth)
            rows = [orders[n - 1] * at.energies**k for n, k in wanted]
            terms = [np.abs(first), *([activity.sum(axis=1)] * 3)]
            sizes = [terms[n - 1] * np.abs(at.energies) ** k for n, k in wanted]
            produced = first * at.drops[0, 1]
            return np.stack([*rows, produced]), np.stack([*sizes, produced])

        found = integrate(density, self._window(0.0, 0.0)) / (2 * math.pi)
        moments = dict(zip(wanted, map(float, found), strict=False))
        moments[0, 0] = float(found[-1])
        return moments

    @property
    def current(self) -> float:
        """Particles from left to right per time."""
        return self._moments[1, 0]

    @property
    def energy_current(self) -> float:
        """Energy from left to right per time."""
        return self._moments[1, 1]

    @property
    def noise(self) -> float:
        """Variance of the particles per time."""
        return self._moments[2, 0]

    @property
    def energy_noise(self) -> float:
        """Variance of the energy per time."""
        return self._moments[2, 2]

    @property
    def cross_noise(self) -> float:
        """Covariance of particles and energy per time."""
        return self._moments[2, 1]

    @property
    def heat_currents(self) -> FloatArray:
        """Heat from the left and from the right reservoir per time, shape (2,)."""
        carried = self.energy_current - self.chemical_potentials * self.current
        return carried * np.array([1.0, -1.0])

    @property
    def affinities(self) -> FloatArray:
        """``(μ_L/T_L − μ_R/T_R, 1/T_R − 1/T_L)``, of particles and of energy."""
        beta = 1 / self.temperatures
        number = beta * self.chemical_potentials
        return np.array([number[0] - number[1], beta[1] - beta[0]])

    @property
    def entropy_production_rate(self) -> float:
        """``σ = ∫ T (f_L − f_R) A(E) dE/2π``, a sum of terms that are never negative."""
        return self._moments[0, 0]

    @property
    def uncertainty_ratio(self) -> float:
        """``noise · σ/current²``; NaN without a current."""
        current = self.current
        if current == 0:
            return math.nan
        return self.noise / abs(current) * (self.entropy_production_rate / abs(current))

    @property
    def uncertainty_bound(self) -> float:
        """``y/sinh(y/2)``, ``y = σ/|current|``: at most 2; NaN without a current."""
        current = abs(self.current)
        if current == 0:
            return math.nan
        y = self.entropy_production_rate / current
        return 2.0 if y < 1e-8 else 2 * y * math.exp(-y / 2) / -math.expm1(-y)

    def spectrum(self, energies: npt.ArrayLike | None = None) -> tuple[FloatArray, ...]:
        """Return energies, T(E), ``f_L`` and ``f_R``: shapes (n,), (n, channels), (n,), (n,).

        By default 401 energies from 6 T below the lower μ to 6 T above the higher one.
        """
        if energies is None:
            away = 6 * self.temperatures
            low = float(np.min(self.chemical_potentials - away))
            at = np.linspace(low, float(np.max(self.chemical_potentials + away)), _DRAWN)
        else:
            at = listed("energies", energies)
        scaled = [
            (at - mu) / t for t, mu in zip(self.temperatures, self.chemical_potentials, strict=True)
        ]
        passed = self._transmitted(at)
        if self.band is not None:
            passed = np.where(((at > self.band[0]) & (at < self.band[1]))[:, None], passed, 0.0)
        return at, passed, expit(-scaled[0]), expit(-scaled[1])

    def plot(self, ax: Any = None) -> Any:
        """Draw transmission and Fermi functions against the energy."""
        from anticrossing.plot.transport import transmission_window

        return transmission_window(self, ax=ax)

    def __str__(self) -> str:
        left, right = zip(self.temperatures, self.chemical_potentials, strict=True)
        rows = (
            ("left reservoir", f"T = {left[0]:g}, μ = {left[1]:g}"),
            ("right reservoir", f"T = {right[0]:g}, μ = {right[1]:g}"),
            ("current", f"{self.current:.10g}"),
            ("noise", f"{self.noise:.10g}"),
            ("energy current", f"{self.energy_current:.10g}"),
            ("energy noise", f"{self.energy_noise:.10g}"),
            ("entropy production", f"{self.entropy_production_rate:.10g} per time"),
            ("uncertainty ratio", f"{self.uncertainty_ratio:.6g}"),
            ("  at least", f"{self.uncertainty_bound:.6g}"),
        )
        title = "Coherent transport from left to right, per time"
        return "\n".join([title, *(f"  {name:<20}{value}" for name, value in rows)])

    # ---- parts ------------------------------------------------------------------------------

    def _window(self, tilt: float, energy_tilt: float) -> Window:
        return Window.of(
            self.temperatures,
            self.chemical_potentials,
            tilts=(tilt, 0.0),
            energy_tilts=(energy_tilt, 0.0),
            band=self.band,
            features=self.features,
        )

    def _transmitted(self, energies: FloatArray) -> FloatArray:
        """Return T at the nodes, (n, channels), or raise `InputError`."""
        found = real_array("transmission", self.transmission(energies))
        if found.ndim == 0:
            found = np.broadcast_to(found, energies.shape)
        if found.ndim not in (1, 2) or found.shape[0] != energies.size:
            raise fail(
                "transmission",
                "return a number for each energy and channel",
                f"its shape is {found.shape} for {energies.size} energies",
            )
        if not np.all((found >= 0) & (found <= 1 + _EXCESS)):
            raise InputError(
                "Argument `transmission` must return numbers between 0 and 1, but it returned "
                f"{found.min():.6g} … {found.max():.6g}."
            )
        return np.minimum(found.reshape(found.shape[0], -1), 1.0)


def _log_rest(passed: FloatArray, at: Nodes) -> FloatArray:
    """Return ``ln[1 − T(f_L + f_R − 2 f_L f_R)]``, a sum of positive terms."""
    left, right = (expit(-x)[:, None] for x in at.scaled)
    empty_left, empty_right = (expit(x)[:, None] for x in at.scaled)
    with np.errstate(divide="ignore"):
        return np.log((1 - passed) + passed * (left * right + empty_left * empty_right))


def _change(log_weight: FloatArray, field: ComplexArray) -> ComplexArray:
    """Return ``p (e^a − 1)`` from ln p and a, neither losing digits nor overflowing."""
    near = np.abs(field) < 1
    small = np.exp(log_weight) * expm1(np.where(near, field, 0.0))
    return np.where(near, small, np.exp(log_weight + field) - np.exp(log_weight))
