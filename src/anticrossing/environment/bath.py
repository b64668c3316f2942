"""A bath of oscillators coupled to one operator: its master equations, from one description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    check_flag,
    choice,
    fail,
    hermitian,
    non_negative,
    of_shape,
    parameter,
)
from anticrossing._core.facts import value_text
from anticrossing._core.linalg import dagger, kron
from anticrossing.environment.base import EigenRates, Environment, Nodes
from anticrossing.environment.bath_noise import BathNoise
from anticrossing.environment.spectral_density import Measured, SpectralDensity

Values = Callable[..., FloatArray]

EQUATIONS = ("redfield", "secular", "universal")
_MOST_NEGLECTED = 0.1  # of a frequency, what the secular approximation leaves out
_ROUNDING = 1e-12  # of the rates, a coupling
_MOST_MARKOV = 0.2  # of the bath's slowest frequency, a rate


class Bath(Environment):
    """A bath of oscillators in equilibrium, coupled to an operator of the system.

    ``H + A ⊗ Σ_k g_k (b_k + b_k†) + Σ_k ω_k b_k†b_k`` with ``J(ω) = π Σ_k g_k² δ(ω − ω_k)``, to
    second order in g. With γ(ω) = 2J(ω)/(1 − e^{−ω/T}), γ(0) = 2T lim J(ω)/ω, the shift S(ω), and
    A_mn in the instantaneous eigenbasis of H::

        redfield   ρ′ = −i[H, ρ] + ([Λρ, A] + h.c.),  Λ_mn = (½γ + iS)(E_n − E_m) A_mn
        secular    of these, what turns with one frequency alone: rates γ(E_i − E_f)|A_fi|² between
                   levels, dephasing ½γ(0)(A_ii − A_jj)², and shifts Σ_j S(E_i − E_j)|A_ij|²
        universal  one jump operator L_mn = √γ(E_n − E_m) A_mn, and its own shift of H

    The secular equation with its shifts is the adiabatic master equation. It is of Lindblad form,
    as is the universal one; the solution of Redfield's equation may become negative, which the
    result's `warnings` then say, with the size.

    Parameters
    ----------
    operator : array, shape (N, N) or (..., N, N)
        Hermitian A, dimensionless: with σ_z/2 the bath sees levels that differ by 1, and
        `spectral_density` is what its own page says. Several make a batch: √s A has the spectral
        density s J(ω).
    spectral_density : SpectralDensity
        J(ω), energy, of a continuum (see `environment.spectral_density`).
    temperature : float or array
        T ≥ 0 in the Hamiltonian's energy unit (k_B = 1). An array makes a batch.
    equation : {"secular", "redfield", "universal"}
        Which master equation.
    lamb_shift : bool
        Whether the bath shifts levels; with False S is left out.

    Raises
    ------
    InputError
        For single modes, which are no bath; above T = 0 for J that begins with a lower power than
        ω, whose dephasing diverges.

    References
    ----------
    A. G. Redfield, IBM J. Res. Dev. 1, 19 (1957);
    T. Albash, S. Boixo, D. A. Lidar, P. Zanardi, New J. Phys. 14, 123016 (2012), for "secular";
    F. Nathan, M. S. Rudner, Phys. Rev. B 102, 115109 (2020), for "universal".

    Examples
    --------
    >>> import numpy as np
    >>> import anticrossing as ac
    >>> from anticrossing.environment.spectral_density import Ohmic
    >>> bath = ac.Bath(
    ...     np.diag([0.5, -0.5]), Ohmic(reorganization_energy=0.1, cutoff=5.0), temperature=1.0
    ... )
    >>> sweep = ac.drive.Linear(-30, 30, rate=0.5)
    >>> found = ac.propagate(ac.models.LandauZener(gap=1.0), sweep, environment=bath)
    >>> round(float(found.probabilities[1]), 5)
    0.08295
    """

    def __init__(
        self,
        operator: npt.ArrayLike,
        spectral_density: SpectralDensity,
        temperature: npt.ArrayLike,
        *,
        equation: str = "secular",
        lamb_shift: bool = True,
    ) -> None:
        self.operator = hermitian("operator", operator)
        if not spectral_density.scales or spectral_density.frequencies.size:
            raise fail(
                "spectral_density",
                "be a continuum",
                "it has single modes, which come back: make them a part of H",
            )
        if isinstance(spectral_density, Measured) and lamb_shift:
            raise fail(
                "lamb_shift",
                "be False for measured spectral densities",
                "it is True: shifts depend on J at all frequencies",
            )
        self.spectral_density = spectral_density
        self.temperature = parameter("temperature", non_negative("temperature", temperature))
        try:
            np.broadcast_shapes(self.temperature.shape, self.operator.shape[:-2])
        except ValueError:
            must = f"fit the operators {self.operator.shape[:-2]}"
            raise fail("temperature", must, f"its shape is {self.temperature.shape}") from None
        self.equation = choice("equation", equation, EQUATIONS)
        self.lamb_shift = check_flag("lamb_shift", lamb_shift)
        self._noises = _noises(spectral_density, self.temperature)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.temperature.shape, self.operator.shape[:-2])

    def flat(self, batch_shape: tuple[int, ...]) -> Self:
        if self.batch_shape == ():
            return self
        size = self.operator.shape[-2:]
        try:
            temperature = np.broadcast_to(self.temperature, batch_shape)
            operator = np.broadcast_to(self.operator, (*batch_shape, *size))
        except ValueError:
            must = f"fit the batch of shape {batch_shape}"
            raise fail("environment", must, f"its bath has {self.batch_shape}") from None
        flat = {"temperature": temperature.reshape(-1), "operator": operator.reshape(-1, *size)}
        return self._with(**flat)

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        of_shape("operator", self.operator, (*self.operator.shape[:-2], levels, levels))

    @property
    def is_approximate(self) -> bool:
        return True

    @property
    def has_lindblad_form(self) -> bool:
        """Whether there are rates and jump operators alone, in the eigenbasis of H."""
        return self.equation == "secular" or (self.equation == "universal" and not self.lamb_shift)

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return {"temperature": self.temperature} if np.all(self.temperature > 0) else {}

    def with_number(self, name: str, value: FloatArray) -> Bath:
        temperature = np.asarray(value, dtype=np.float64)
        noises = _noises(self.spectral_density, temperature)
        return self._with(temperature=temperature, _noises=noises)

    @property
    def keeps_positivity(self) -> bool:
        return self.equation != "redfield"

    def eigen_rates(self, nodes: Nodes) -> EigenRates | None:
        if self.equation == "universal":
            return None
        falling, a = self._falling(nodes)
        size = np.abs(a) ** 2
        levels = a.shape[-1]
        same = np.eye(levels, dtype=np.bool_)
        rates = np.where(same, 0.0, self._rate(nodes, falling) * size)
        out = rates.sum(axis=-2)
        transfer = rates - out[..., None, :] * same
        own = np.diagonal(a, axis1=-2, axis2=-1).real
        coherence = (0.5 * (out[..., :, None] + out[..., None, :])).astype(np.complex128)
        apart = own[..., :, None] - own[..., None, :]
        coherence += 0.5 * self._at_zero(nodes)[..., None, None] * apart**2
        if self.lamb_shift:
            # falling[f, i] = E_i − E_f: the levels f of a column i are what i can go to.
            shifts = np.sum(self._shift(nodes, falling) * size, axis=-2)
            coherence += 1j * (shifts[..., :, None] - shifts[..., None, :])
        coherence *= ~same
        return EigenRates(nodes.angular * coherence, nodes.angular * transfer)

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        if self.equation != "universal":
            return []
        falling, a = self._falling(nodes)
        jump = np.sqrt(nodes.angular * self._rate(nodes, falling)) * a
        return [nodes.vectors @ jump @ dagger(nodes.vectors)]

    def superoperator(self, nodes: Nodes) -> ComplexArray | None:
        if self.has_lindblad_form:
            return None
        falling, a = self._falling(nodes)
        if self.equation == "redfield":
            change = kron(nodes.vectors, nodes.vectors.conj())
            return np.asarray(change @ self._not_secular(nodes, falling, a) @ dagger(change))
        moved = nodes.angular * self._universal_shift(nodes, falling, a)
        moved = nodes.vectors @ moved @ dagger(nodes.vectors)
        one = np.eye(a.shape[-1])
        return np.asarray(-1j * (kron(moved, one) - kron(one, moved.swapaxes(-1, -2))))

    def doubts(self, nodes: Nodes) -> tuple[str, ...]:
        falling, a = self._falling(nodes)
        found = []
        rates = np.max(self._rate(nodes, falling) * np.abs(a) ** 2, axis=(-2, -1))
        slow = self._slowest(nodes)
        worst = np.unravel_index(np.argmax(rates / slow), rates.shape)
        largest, slowest = float(rates[worst]), float(slow[worst])
        if largest > _MOST_MARKOV * slowest:
            found.append(
                f"Weak coupling is in doubt: a rate of {largest:.2g} is "
                f"{largest / slowest:.2g} of the bath's slowest frequency, {slowest:.2g}."
            )
        if self.equation == "secular":
            neglected = self._neglected(nodes, falling, a)
            if neglected > _MOST_NEGLECTED:
                found.append(
                    f"The secular approximation is in doubt: it neglects couplings up to "
                    f"{min(neglected, 1e99):.2g} of the frequency at which they turn; compare with "
                    'equation="universal" or "redfield".'
                )
        return tuple(found)

    def _slowest(self, nodes: Nodes) -> FloatArray:
        """Return the inverse of the time for which the bath remembers, about, (...)."""
        thermal = 2 * np.pi * self._temperatures(nodes)
        slowest = self.spectral_density.scales[0]
        return np.where(thermal > 0, np.minimum(slowest, thermal), slowest)

    def _temperatures(self, nodes: Nodes) -> FloatArray:
        shape = nodes.energies.shape[:-1]
        if self.temperature.ndim == 0:
            return np.full(shape, float(self.temperature))
        return self.temperature[nodes.lane]

    def _each(self, nodes: Nodes, values: Values, *omega: FloatArray) -> FloatArray:
        """Return values of the noise at the temperature of every node, for ω (..., k, l)."""
        if len(self._noises) == 1:
            return values(*self._noises.values(), *omega)
        temperatures = self._temperatures(nodes)
        shape = np.broadcast_shapes(*(part.shape for part in omega))
        found = np.empty(shape)
        for temperature, noise in self._noises.items():
            there = temperatures == temperature
            if np.any(there):
                some = (np.broadcast_to(part, shape)[there] for part in omega)
                found[there] = values(noise, *some)
        return found

    def _rate(self, nodes: Nodes, omega: FloatArray) -> FloatArray:
        return self._each(nodes, BathNoise.rate, omega)

    def _shift(self, nodes: Nodes, omega: FloatArray) -> FloatArray:
        return self._each(nodes, BathNoise.shift, omega)

    def _at_zero(self, nodes: Nodes) -> FloatArray:
        """Return γ(0) at every node, (...)."""
        zero = np.zeros(nodes.energies.shape[:-1])
        return self._each(nodes, lambda noise, w: np.full(w.shape, noise.at_zero), zero)

    def _falling(self, nodes: Nodes) -> tuple[FloatArray, ComplexArray]:
        """Return E_n − E_m, what m ← n gives to the bath, and A_mn in the eigenbasis."""
        if nodes.left is not None or np.iscomplexobj(nodes.t):
            raise InputError("The rates of a `Bath` have no continuation to complex times.")
        falling = nodes.energies[..., None, :] - nodes.energies[..., :, None]
        operator = self.operator if self.operator.ndim == 2 else self.operator[nodes.lane]
        return falling, np.asarray(dagger(nodes.vectors) @ operator @ nodes.vectors)

    def _response(self, nodes: Nodes, omega: FloatArray) -> ComplexArray:
        """Return ½γ(ω) + iS(ω)."""
        found = 0.5 * self._rate(nodes, omega).astype(np.complex128)
        if self.lamb_shift:
            found += 1j * self._shift(nodes, omega)
        return found

    def _not_secular(self, nodes: Nodes, falling: FloatArray, a: ComplexArray) -> ComplexArray:
        """Return of [Λρ, A] + h.c., in the eigenbasis, what `eigen_rates` leaves out."""
        lagging = self._response(nodes, falling) * a
        one, back = np.eye(a.shape[-1]), dagger(lagging)
        total = kron(lagging, a.swapaxes(-1, -2)) + kron(a, back.swapaxes(-1, -2))
        total -= kron(a @ lagging, one) + kron(one, (back @ a).swapaxes(-1, -2))
        levels = a.shape[-1]
        populations = np.arange(levels) * (levels + 1)
        # Zero, not the rounding of rates that cancel: slow sweeps add it up.
        total[..., populations[:, None], populations] = 0.0
        total[..., np.arange(levels**2), np.arange(levels**2)] = 0.0
        return np.asarray(nodes.angular * total)

    def _universal_shift(self, nodes: Nodes, falling: FloatArray, a: ComplexArray) -> ComplexArray:
        """Return Σ_l A_ml A_ln f(E_m − E_l, E_n − E_l)."""
        # falling[l, m] = E_m − E_l, arranged as (l, m, n)
        first, second = falling[..., :, :, None], falling[..., :, None, :]
        values = self._each(nodes, BathNoise.mixed, first, second)
        return np.asarray(np.einsum("...lmn,...ml,...ln->...mn", values, a, a))

    def _neglected(self, nodes: Nodes, falling: FloatArray, a: ComplexArray) -> float:
        """Return the largest coupling that is left out, over the difference of frequencies."""
        coupling = np.abs(self._not_secular(nodes, falling, a))
        turning = nodes.angular * falling.reshape(*falling.shape[:-2], -1)
        apart = np.abs(turning[..., :, None] - turning[..., None, :])
        rates = nodes.angular * self._rate(nodes, falling) * np.abs(a) ** 2
        size = np.max(rates, axis=(-2, -1), keepdims=True, initial=0.0)
        there = coupling > _ROUNDING * size
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.max(np.where(there, coupling / apart, 0.0), initial=0.0))

    def __repr__(self) -> str:
        shift = "" if self.lamb_shift else ", lamb_shift=False"
        return (
            f"Bath({self.spectral_density!r}, temperature={value_text(self.temperature)}, "
            f"equation={self.equation!r}{shift})"
        )


def _noises(density: SpectralDensity, temperature: FloatArray) -> dict[float, BathNoise]:
    """Return the noise of the bath at each of its temperatures."""
    return {value: BathNoise(density, value) for value in np.unique(temperature).tolist()}
