"""Full counting statistics of a coherent conductor with any number of terminals."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    at_least,
    describe,
    fail,
    finite,
    hermitian,
    increasing,
    is_numeric,
    last_axis,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import broadcast
from anticrossing.thermodynamics.arguments import counting_field
from anticrossing.thermodynamics.counting import balance_of, scaled_transfers
from anticrossing.thermodynamics.energy_integrals import Nodes, Window, integrate
from anticrossing.thermodynamics.reservoirs import Reservoir

_UNITARITY = 1e-8
_CHUNK = 1 << 22  # numbers held at a time
MOST_TERMINALS = 16


def scattering_matrix(
    energies: npt.ArrayLike, *, hamiltonian: npt.ArrayLike, couplings: npt.ArrayLike
) -> ComplexArray:
    """Return the scattering matrix of levels between R wide bands of one channel each.

    ``S = 1 − i W† [E − h + iWW†/2]⁻¹ W``, with the couplings ``W_cν = sqrt(2π d_ν) γ_cν`` of level
    c to the band ν of density d_ν: for one level ``|W_ν|² = Γ_ν``.

    Parameters
    ----------
    energies : array, shape (...)
        ``E`` (energy).
    hamiltonian : float or array, shape (m, m)
        The level, or the matrix h of m levels (energy).
    couplings : array, shape (R,) or (m, R)
        ``W`` (energy^½).

    Returns
    -------
    array of complex, shape (..., R, R)
        ``S[outgoing, incoming]``, unitary.

    Raises
    ------
    InputError
        If shapes do not fit.

    References
    ----------
    C. Mahaux, H. A. Weidenmüller, Shell-Model Approach to Nuclear Reactions (North-Holland, 1969);
    C. W. J. Beenakker, Rev. Mod. Phys. 69, 731 (1997).

    Examples
    --------
    >>> s = scattering_matrix(0.0, hamiltonian=0.0, couplings=[0.5, 0.5])
    >>> (abs(s) ** 2).round(12)
    array([[0., 1.],
           [1., 0.]])
    """
    e = real_array("energies", energies)
    h = hermitian("hamiltonian", np.atleast_2d(hamiltonian), single=True)
    w = np.atleast_2d(finite("couplings", np.asarray(couplings, dtype=np.complex128)))
    if w.ndim != 2 or w.shape[0] != h.shape[0]:
        raise fail("couplings", f"have shape ({h.shape[0]}, R)", f"its shape is {w.shape}")
    m = h.shape[0]
    matrix = e[..., None, None] * np.eye(m) - h + 0.5j * (w @ w.conj().T)
    # A level that no band reaches has a pole on the real axis, and scatters nothing there.
    size = float(np.abs(matrix).max(initial=0.0)) + np.finfo(np.float64).tiny
    matrix = matrix + 1j * np.finfo(np.float64).eps * size * np.eye(m)
    inner = np.linalg.solve(matrix, np.broadcast_to(w, (*e.shape, *w.shape)))
    return np.asarray(np.eye(w.shape[1]) - 1j * (w.conj().T @ inner), dtype=np.complex128)


@dataclass(frozen=True, eq=False, init=False)
class MultiTerminal(Result):
    """Particles and energy that R reservoirs give to a coherent conductor, per time.

    Counted over a long time t, ``⟨exp(i Σ_ν (u_ν N_ν + v_ν E_ν))⟩ = exp(t F(u, v))`` with ``N_ν``
    and ``E_ν`` what the reservoir ν gives, and::

        F(u, v) = ∫ dE/2π ln det[1 + f (S† e^{−iφ} S e^{iφ} − 1)],   φ_ν = u_ν + v_ν E

    For two reservoirs it is the formula of `LevitovLesovik`, which is faster, and relatively
    accurate where little is transmitted. One spin direction, ħ = 1.

    Parameters
    ----------
    scattering : callable
        ``S(E)`` for an array of energies (n,): shape (n, R, R), ``[outgoing, incoming]``, unitary.
    reservoirs : sequence of R Reservoir, 2 to 16
        Each with one temperature and one chemical potential.
    band : (float, float), optional
        The energies outside of which nothing is transmitted.
    features : array, shape (k,), optional
        Energies at which S(E) jumps, or changes more abruptly than around them.

    Attributes
    ----------
    currents, energy_currents, heat_currents : array, shape (R,)
        What each reservoir gives per time.
    covariance : array, shape (R, R)
        Covariance of the particles given, per time: the noise at zero frequency.
    entropy_production_rate : float
        ``σ = −Σ_ν (heat of ν)/T_ν ≥ 0``.

    Raises
    ------
    InputError
        If S(E) is not unitary, or a reservoir changes in time.
    ConvergenceError
        If S(E) is too rough to be integrated.

    References
    ----------
    L. S. Levitov, G. B. Lesovik, JETP Lett. 58, 230 (1993); M. Büttiker, Phys. Rev. B 46, 12485
    (1992), the noise; I. Klich, in Quantum Noise in Mesoscopic Physics (Kluwer, 2003).

    Examples
    --------
    >>> three = MultiTerminal(
    ...     lambda e: scattering_matrix(e, hamiltonian=0.2, couplings=[0.5, 0.6, 0.7]),
    ...     [Reservoir(0.3, 0.5), Reservoir(0.4, 0.0), Reservoir(0.3, -0.5)],
    ... )
    >>> bool(abs(three.currents.sum()) < 1e-14), bool(three.entropy_production_rate > 0)
    (True, True)
    """

    scattering: Callable[[FloatArray], npt.ArrayLike]
    temperatures: FloatArray
    chemical_potentials: FloatArray
    band: tuple[float, float] | None
    features: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "current": shown("lead", text="particles from the lead per time"),
        "energy_current": shown("lead", text="energy from the lead per time"),
        "heat_current": shown("lead", text="heat from the lead per time"),
        "covariance": shown("lead", "other_lead", text="covariance of the particles per time"),
        "entropy_production_rate": shown(text="entropy produced per time"),
        "temperature": shown("lead", text="temperature of the lead"),
        "chemical_potential": shown("lead", text="chemical potential of the lead"),
    }

    def __init__(
        self,
        scattering: Callable[[FloatArray], npt.ArrayLike],
        reservoirs: Sequence[Reservoir],
        *,
        band: tuple[float, float] | None = None,
        features: npt.ArrayLike = (),
    ) -> None:
        if not 2 <= len(reservoirs) <= MOST_TERMINALS:
            must = f"list 2 to {MOST_TERMINALS}"
            raise fail("reservoirs", must, f"there are {len(reservoirs)}")
        for k, bath in enumerate(reservoirs):
            if np.ndim(bath.temperature) or np.ndim(bath.chemical_potential):
                must = "have one temperature and one μ"
                raise fail(f"reservoirs[{k}]", must, "it has one per step")
            least = float(np.finfo(np.float64).tiny)
            at_least(f"reservoirs[{k}].temperature", float(np.asarray(bath.temperature)), least)
        edges = None
        if band is not None:
            low, high = increasing("band", band)
            edges = float(low), float(high)
        potentials = np.array([bath.chemical_potential for bath in reservoirs], dtype=np.float64)
        vars(self).update(
            scattering=scattering,
            temperatures=np.array([x.temperature for x in reservoirs], dtype=np.float64),
            chemical_potentials=potentials,
            band=edges,
            features=real_array("features", features).reshape(-1),
        )

    def cumulant_generating_function(
        self, u: npt.ArrayLike, v: npt.ArrayLike = 0.0
    ) -> complex | ComplexArray:
        """Return ``F(u, v)``; complex fields tilt the distribution.

        Parameters
        ----------
        u, v : array of complex, shape (..., R)
            Counting fields of particles and of energy of every reservoir; they broadcast. The
            logarithm is the principal one, continuous for small real fields.

        Returns
        -------
        complex, or array of complex, shape (...)

        Raises
        ------
        InputError
            If ``Im(v_ν − v_μ)`` does not lie in ``(−1/T_ν, 1/T_μ)``.
        """
        count = self.temperatures.size
        first, second = broadcast(u=counting_field("u", u), v=counting_field("v", v))
        last_axis("u", first, count)
        betas = 1 / self.temperatures
        values = []
        for a, b in zip(first.reshape(-1, count), second.reshape(-1, count), strict=True):
            slopes = b.imag[:, None] - b.imag
            if np.any(slopes <= -betas[:, None]) or np.any(slopes >= betas):
                must = "have imaginary parts that differ by less than inverse temperatures"
                raise fail("v", must, f"they differ by up to {slopes.max():.6g}")
            values.append(self._generating(a, b))
        result = np.array(values, dtype=np.complex128).reshape(first.shape[:-1])
        return result if result.ndim else complex(result)

    def _generating(self, u: ComplexArray, v: ComplexArray) -> complex:
        def density(at: Nodes) -> tuple[ComplexArray, FloatArray]:
            adjoint = self._scattered(at.energies).conj().swapaxes(1, 2)
            fields = np.asarray(-(u + v * at.energies[:, None]), dtype=np.complex128)
            fields -= fields.mean(axis=1)[:, None]  # what all have in common drops out
            odds = -at.scaled.T
            balance = balance_of(odds + fields.imag, -fields.imag)
            matrix, scale = scaled_transfers(odds, fields, fields, balance)
            sign, log = np.linalg.slogdet(matrix * adjoint)
            sign_0, log_0 = np.linalg.slogdet(adjoint)
            value = log + scale - log_0 + 1j * np.angle(sign * np.conj(sign_0))
            # the rounding of a determinant near one counts against what the reservoirs could do
            could = (expit(-at.scaled)[:, None] * expit(at.scaled)).max(axis=(0, 1))
            return value[None], (np.abs(value) + could)[None]

        window = self._window(u.imag, v.imag)
        return complex(integrate(density, window)[0] / (2 * math.pi))

    @functools.cached_property
    def _moments(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Currents of particles and of energy, covariances and entropy production, per time."""
        count = self.temperatures.size
        one = np.eye(count)

        def density(at: Nodes) -> tuple[FloatArray, FloatArray]:
            s = self._scattered(at.energies)
            passed = np.abs(s) ** 2 * (1 - one)  # [outgoing, incoming]
            full, empty = expit(-at.scaled), expit(at.scaled)
            with np.errstate(over="ignore", invalid="ignore"):
                # f_a − f_b without cancellation
                drops = at.drops
                ahead = full[:, None] * empty[None] * -np.expm1(-drops)
                behind = full[None] * empty[:, None] * np.expm1(drops)
            net = np.where(drops > 0, ahead, behind)
            flows = np.einsum("nba,abn->abn", passed, net)  # from a to b, less what comes back
            given = flows.sum(axis=1)
            noise = np.concatenate(
                [
                    _covariances(s[part], full[:, part], empty[:, part])
                    for part in _parts(at.energies.size, count)
                ],
                axis=2,
            )
            produced = 0.5 * np.sum(flows * drops, axis=(0, 1))
            rows = np.concatenate(
                [given, given * at.energies, noise.reshape(-1, at.energies.size), produced[None]]
            )
            size = np.abs(flows).sum(axis=(0, 1)) + np.abs(noise).max(axis=(0, 1))
            sizes = np.broadcast_to(size, rows.shape).copy()
            sizes[count : 2 * count] *= np.abs(at.energies)
            sizes[-1] = np.abs(produced) + np.finfo(np.float64).tiny
            return rows, sizes

        nothing = np.zeros(count)
        found = integrate(density, self._window(nothing, nothing)) / (2 * math.pi)
        return (
            found[:count],
            found[count : 2 * count],
            found[2 * count : -1].reshape(count, count),
            float(found[-1]),
        )

    @property
    def currents(self) -> FloatArray:
        """Particles that each reservoir gives per time, shape (R,)."""
        return self._moments[0].copy()

    @property
    def energy_currents(self) -> FloatArray:
        """Energy that each reservoir gives per time, shape (R,)."""
        return self._moments[1].copy()

    @property
    def heat_currents(self) -> FloatArray:
        """Heat that each reservoir gives per time, shape (R,)."""
        return self.energy_currents - self.chemical_potentials * self.currents

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the particles given, per time, shape (R, R)."""
        return self._moments[2].copy()

    @property
    def entropy_production_rate(self) -> float:
        """``σ = ½ Σ_ab ∫ T_ba (f_a − f_b) (x_b − x_a) dE/2π``, terms that are never negative."""
        return self._moments[3]

    # ---- parts ------------------------------------------------------------------------------

    def _window(self, tilts: FloatArray, energy_tilts: FloatArray) -> Window:
        return Window.of(
            self.temperatures,
            self.chemical_potentials,
            tilts=tilts,
            energy_tilts=energy_tilts,
            band=self.band,
            features=self.features,
        )

    def _scattered(self, energies: FloatArray) -> ComplexArray:
        """Return S at the energies, (n, R, R), or raise `InputError`."""
        given = self.scattering(energies)
        if not is_numeric(given):
            raise fail("scattering", "return numbers", f"it returned {describe(given)}")
        found = np.asarray(given, dtype=np.complex128)
        count = self.temperatures.size
        if found.shape != (energies.size, count, count):
            must = f"return shape (n, {count}, {count}) for n energies"
            raise fail("scattering", must, f"its shape is {found.shape} for n = {energies.size}")
        defect = np.abs(found.conj().swapaxes(1, 2) @ found - np.eye(count)).max(initial=0.0)
        if not defect <= _UNITARITY:
            raise InputError(
                "Argument `scattering` must return unitary matrices, but S†S differs from the unit "
                f"matrix by {defect:.3g}."
            )
        return found

    def __str__(self) -> str:
        lines = ["Coherent transport between reservoirs, per time"]
        for k, (t, mu) in enumerate(zip(self.temperatures, self.chemical_potentials, strict=True)):
            lines.append(
                f"  reservoir {k}         T = {t:g}, μ = {mu:g}; gives {self.currents[k]:.8g} "
                f"particles, heat {self.heat_currents[k]:.8g}"
            )
        return "\n".join(
            [*lines, f"  entropy production  {self.entropy_production_rate:.10g} per time"]
        )


def _parts(nodes: int, terminals: int) -> list[slice]:
    """Return slices of nodes whose matrices fit into memory together."""
    size = max(1, _CHUNK // terminals**3)
    return [slice(k, k + size) for k in range(0, nodes, size)]


def _covariances(s: ComplexArray, full: FloatArray, empty: FloatArray) -> FloatArray:
    """Return ``tr[f A_a (1 − f) A_b]`` with ``A_a = P_a − S† P_a S``, shape (R, R, n)."""
    one = np.eye(s.shape[1])
    change = one[:, None, :, None] * one[:, None, None, :] - np.einsum("nai,naj->anij", s.conj(), s)
    weight = np.einsum("in,jn->nij", full, empty)
    found = np.einsum("anij,bnij->abn", weight * change, change.conj(), optimize=True)
    return np.asarray(found.real)
