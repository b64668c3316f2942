"""Counting in the long run: scaled cumulants of a Markov chain that repeats its steps for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import unwrap
from anticrossing.thermodynamics.arguments import counting_field
from anticrossing.thermodynamics.markov_counting import Increments, Moments

_CHUNK = 1 << 18  # matrix elements held at a time
_RANGE = 650.0  # of exponents whose product no float loses


@dataclass(frozen=True, eq=False)
class ScaledCounting(Result):
    """What `MarkovChain.scaled_counting` returns: cumulants of X for each cycle, in the long run.

    ``λ(u) = lim (1/n) ln ⟨exp(iu X_n)⟩`` over n cycles is the logarithm of the largest eigenvalue
    of the tilted matrix of one cycle. Currents that change sign with time obey Gallavotti–Cohen
    symmetry: ``λ(u) = λ(i − u)`` for the entropy produced, if the steps of a cycle are the same
    in reverse.

    Attributes
    ----------
    increments : Increments
        What X grows by at every move.
    state : array, shape (M,)
        The periodic state.
    current, noise, third_cumulant : float or array, shape (K,)
        ``lim ⟨X⟩/n``, ``lim var(X)/n`` and so on; Fano's factor is noise over current.
    covariance : array, shape (K, K)
        Of the K combinations.
    entropy_production : float
        Mean Σ of a cycle.

    References
    ----------
    H. Touchette, Phys. Rep. 478, 1 (2009); G. Gallavotti, E. G. D. Cohen, Phys. Rev.
    Lett. 74, 2694 (1995); J. L. Lebowitz, H. Spohn, J. Stat. Phys. 95, 333 (1999).
    """

    increments: Increments
    state: FloatArray
    covariance: FloatArray
    entropy_production: float
    current: float | FloatArray
    noise: float | FloatArray
    third_cumulant: float | FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "current": shown(text="mean of a cycle"),
        "noise": shown(text="variance for each cycle"),
        "third_cumulant": shown(text="third cumulant for each cycle"),
        "entropy_production": shown(text="entropy produced in a cycle"),
        "uncertainty_ratio": shown(text="noise · Σ / 2 current²"),
        "discrete_uncertainty_ratio": shown(text="noise · (exp Σ − 1) / 2 current²"),
        "state_probability": shown("state", text="periodic state", of="state"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the scaled cumulant generating function ``λ(−ih)`` of the (first) combination."""
        ax = new_axes() if ax is None else ax
        deviation = np.sqrt(np.ravel(self.noise)[0]) or 1.0
        h = np.linspace(-1.0, 1.0, 101) / deviation
        values = np.asarray(self.log_characteristic_function(-1j * h)).real.reshape(-1, h.size)
        ax.plot(h, values[0])
        ax.set(xlabel="h", ylabel="scaled cumulant generating function")
        return ax

    @property
    def uncertainty_ratio(self) -> float | FloatArray:
        """``noise · Σ / 2 current²``, at least one in a steady state of continuous time.

        That bound, of A. C. Barato, U. Seifert, Phys. Rev. Lett. 114, 158101 (2015), proved by T.
        R. Gingrich et al., Phys. Rev. Lett. 116, 120601 (2016), is for X that change sign with
        time: energy, particles, heat, entropy. Steps that are not short may go below it.
        """
        return self._ratio(self.entropy_production)

    @property
    def discrete_uncertainty_ratio(self) -> float | FloatArray:
        """``noise · (exp Σ − 1) / 2 current²``, at least one in discrete time.

        Bound of K. Proesmans, C. Van den Broeck, EPL 119, 20001 (2017), with Σ of a cycle, for X as
        in `uncertainty_ratio`, and cycles whose steps are the same in reverse: a steady state above
        all.
        """
        with np.errstate(over="ignore"):
            return self._ratio(float(np.expm1(self.entropy_production)))

    def _ratio(self, cost: float) -> float | FloatArray:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = 0.5 * np.asarray(self.noise) * cost / np.asarray(self.current) ** 2
        return unwrap(np.asarray(ratio))

    def log_characteristic_function(self, u: npt.ArrayLike) -> complex | ComplexArray:
        """Return ``λ(u)`` for complex u of any shape: ``(K, *u.shape)`` for K combinations.

        The matrices are scaled by their heaviest cycle of states before they are diagonalised, so
        that nothing overflows, whatever u. Among complex eigenvalues the largest modulus is taken.

        Raises
        ------
        InputError
            If a field is not finite.
        """
        fields = counting_field("u", u)
        flat = 1j * fields.reshape(-1)
        count = self.increments.values.shape[0]
        members = np.flatnonzero(self.state)
        found = np.empty((count, flat.size), dtype=complex)
        chunk = max(1, _CHUNK // self.state.size**2)
        for k in range(count):
            for first in range(0, flat.size, chunk):
                part = slice(first, first + chunk)
                logs, phases = self._cycle(k, flat[part], members)
                found[k, part] = _log_spectral_radius(logs, phases)
        return unwrap(found.reshape((*self.increments.shape, *fields.shape)))

    def _cycle(
        self, k: int, fields: ComplexArray, members: npt.NDArray[np.intp]
    ) -> tuple[FloatArray, ComplexArray]:
        """Return ln size and phase of the tilted matrices of a cycle, (U, m, m)."""
        tilted = self.increments.tilted
        logs, phases = tilted(k, 0, fields)
        logs, phases = logs[..., members], phases[..., members]
        for step in range(1, self.increments.moves.shape[0]):
            logs, phases = _product(*tilted(k, step, fields), logs, phases)
        return logs[:, members], phases[:, members]


def _product(
    later: FloatArray, later_phases: ComplexArray, logs: FloatArray, phases: ComplexArray
) -> tuple[FloatArray, ComplexArray]:
    """Return the products of matrices (U, M, M) and (U, M, m), all as logarithms and phases."""
    rows = logs.max(axis=-1)
    with np.errstate(invalid="ignore"):
        right = np.where(np.isneginf(rows)[..., None], -np.inf, logs - rows[..., None])
        left = later + rows[:, None, :]
        tops = left.max(axis=-1)
        left = np.where(np.isneginf(tops)[..., None], -np.inf, left - tops[..., None])
    # Where no product of two factors is below the range of floats, matrices do.
    lowest = [-np.where(np.isfinite(x), x, 0.0).min(axis=(-2, -1)) for x in (left, right)]
    plain = lowest[0] + lowest[1] < _RANGE
    found = np.full((*left.shape[:2], right.shape[2]), -np.inf)
    turned = np.ones(found.shape, dtype=complex)
    if np.any(plain):
        sums = (np.exp(left[plain]) * later_phases[plain]) @ (np.exp(right[plain]) * phases[plain])
        size = np.abs(sums)
        with np.errstate(divide="ignore"):
            found[plain] = tops[plain][..., None] + np.log(size)
        turned[plain] = np.divide(sums, size, out=np.ones_like(sums), where=size > 0)
    for u in np.flatnonzero(~plain):
        paths = later[u][:, :, None] + logs[u][None]
        top = paths.max(axis=1)
        top = np.where(np.isfinite(top), top, 0.0)
        terms = np.exp(paths - top[:, None]) * later_phases[u][:, :, None] * phases[u][None]
        sums = terms.sum(axis=1)
        size = np.abs(sums)
        with np.errstate(divide="ignore"):
            found[u] = top + np.log(size)
        turned[u] = np.divide(sums, size, out=np.ones_like(sums), where=size > 0)
    return found, turned


def scaled_counting(increments: Increments, state: FloatArray, production: float) -> ScaledCounting:
    """Return the cumulants for each cycle: perturbation of the largest eigenvalue, to third order.

    The steps are counted from their means in the periodic state, so that the first order vanishes
    and nothing cancels in the others.
    """
    members = np.flatnonzero(state)
    means, centred = increments.centred(state)
    count = means.shape[0]

    def apply(vectors: FloatArray) -> Moments:
        full = np.zeros((vectors.shape[0], state.size))
        full[:, members] = vectors
        return Moments(*(part[..., members] for part in centred.moments(Moments.of(full, count))))

    zero = state[members]
    period = apply(np.eye(members.size)).zeroth.T
    generator = -period
    np.fill_diagonal(generator, 0.0)
    np.fill_diagonal(generator, -generator.sum(axis=0))
    scale = float(np.max(np.diagonal(generator), initial=0.0)) or 1.0
    bordered = generator + scale * zero[:, None]

    def resolve(vectors: FloatArray) -> FloatArray:
        vectors = vectors - vectors.sum(axis=-1, keepdims=True) * zero
        return np.asarray(np.linalg.solve(bordered, vectors.T).T)

    order = apply(zero[None])
    one = resolve(order.first[0])  # (K, m)
    cross = apply(one)
    mixed = cross.first.sum(axis=-1)  # [l, k]
    covariance = order.second[0].sum(axis=-1) + mixed + mixed.T
    each = np.arange(count)
    noise = covariance[each, each]
    source = 2 * cross.first[each, each] + order.second[0][each, each]
    two = resolve(source - noise[:, None] * zero)
    third = (
        order.third[0] + 3 * cross.second[each, each, each] + 3 * apply(two).first[each, each]
    ).sum(axis=-1)

    def shaped(values: FloatArray) -> float | FloatArray:
        return values if increments.shape else float(values[0])

    return ScaledCounting(
        increments=increments,
        state=state,
        covariance=covariance,
        entropy_production=production,
        current=shaped(means.sum(axis=1)),
        noise=shaped(np.maximum(noise, 0.0)),
        third_cumulant=shaped(third),
    )


def _log_spectral_radius(logs: FloatArray, phases: ComplexArray) -> ComplexArray:
    """Return the logarithm of the largest eigenvalue of matrices (U, m, m) e^{logs} · phases."""
    heaviest = _heaviest_cycle(logs)
    logs = logs - heaviest[:, None, None]
    # Lengths of the longest walks: scaling by them leaves no element above one.
    size = logs.shape[-1]
    potential = np.zeros(logs.shape[:2])
    for _ in range(size):
        potential = np.maximum(potential, np.max(logs + potential[:, None, :], axis=-1))
    scaled = np.exp(logs - potential[:, :, None] + potential[:, None, :]) * phases
    values = np.linalg.eigvals(scaled)
    real = np.all(scaled.imag == 0, axis=(-2, -1))
    weight = np.where(real[:, None], values.real, np.abs(values))
    best = np.take_along_axis(values, np.argmax(weight, axis=-1)[:, None], axis=-1)[:, 0]
    best = np.where(real, best.real, best)
    with np.errstate(divide="ignore"):
        return heaviest + np.log(best.astype(complex))


def _heaviest_cycle(logs: FloatArray) -> FloatArray:
    """Return the largest mean of `logs` over cycles of states (Karp 1978), for each of U."""
    size = logs.shape[-1]
    walks = np.zeros((size + 1, logs.shape[0], size))
    walks[0, :, 1:] = -np.inf
    for n in range(size):
        walks[n + 1] = np.max(logs + walks[n][:, None, :], axis=-1)
    lengths = size - np.arange(size)
    with np.errstate(invalid="ignore"):
        means = (walks[-1] - walks[:-1]) / lengths[:, None, None]
    means = np.where(np.isneginf(walks[:-1]), np.inf, means).min(axis=0)
    means = np.where(np.isneginf(walks[-1]), -np.inf, means)
    return np.asarray(means.max(axis=-1))
