"""Full counting statistics of a Markov chain over finitely many steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    integer,
    of_shape,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import unwrap
from anticrossing.thermodynamics.arguments import counting_field, exponential
from anticrossing.thermodynamics.atoms import AtomicStatistics, merge_atoms
from anticrossing.thermodynamics.chain_atoms import common_step

SCALARS = ("mechanical_work", "chemical_work", "entropy_production")
CURRENTS = ("energy_current", "particle_current", "heat", "entropy_flow")
_CHUNK = 1 << 20  # exponentials held at a time
_EQUAL = 1e-9  # of the largest value: closer ones are one value


class Moments(NamedTuple):
    """Joint moments of K quantities and the state, for B starting vectors; third ones alone."""

    zeroth: FloatArray  # (B, M)
    first: FloatArray  # (B, K, M)
    second: FloatArray  # (B, K, K, M)
    third: FloatArray  # (B, K, M)

    @classmethod
    def of(cls, start: FloatArray, count: int) -> Moments:
        b, m = start.shape
        return cls(
            start, np.zeros((b, count, m)), np.zeros((b, count, count, m)), np.zeros((b, count, m))
        )

    def shifted(self, x: FloatArray) -> Moments:
        """Return the moments after numbers (K, M) that depend on the state are added."""
        p, a, c = self.zeroth[:, None], self.first, self.second
        variances = np.diagonal(c, axis1=1, axis2=2).swapaxes(1, 2)
        cross = a[:, :, None] * x[None, None]
        return Moments(
            self.zeroth,
            a + x * p,
            c + cross + cross.swapaxes(1, 2) + x[:, None] * x * p[:, None],
            self.third + 3 * x * variances + 3 * x**2 * a + x**3 * p,
        )

    def moved(
        self, whole: FloatArray, one: FloatArray, two: FloatArray, three: FloatArray
    ) -> Moments:
        """Return the moments after a step whose matrices `Increments.powers` gives."""
        p, a, c, d = self
        count = one.shape[0]
        diagonal = np.arange(count)
        variances = c[:, diagonal, diagonal]
        cross = np.matmul(one[None, :, None], a[:, None, :, :, None])[..., 0]
        columns = p[:, None, :, None]
        return Moments(
            p @ whole.T,
            a @ whole.T + np.matmul(one, columns)[..., 0],
            c @ whole.T
            + cross
            + cross.swapaxes(1, 2)
            + np.matmul(two, columns[:, :, None])[..., 0],
            d @ whole.T
            + 3 * np.matmul(one, variances[..., None])[..., 0]
            + 3 * np.matmul(two[diagonal, diagonal], a[..., None])[..., 0]
            + np.matmul(three, columns)[..., 0],
        )


@record
class Increments:
    """What K linear combinations grow by at every move; the last "reservoir" is to stay.

    Attributes
    ----------
    moves : array, shape (steps, R + 1, M, M)
        Probabilities ``[final, initial]``.
    values : array, shape (K, steps, R + 1, M, M)
        Increments, those of the lift after the move included.
    start, end : array, shape (K, M)
        What the first and last state add.
    shape : tuple
        ``()`` for one combination, ``(K,)`` otherwise.
    """

    moves: FloatArray
    values: FloatArray
    start: FloatArray
    end: FloatArray
    shape: tuple[int, ...]

    def entries(self, quantity: int, step: int) -> tuple[Any, ...]:
        """Return initial states, ln probabilities, increments, and where final states begin."""
        final, kind, initial = np.nonzero(self.moves[step].transpose(1, 0, 2) > 0)
        states, starts = np.unique(final, return_index=True)
        logs = np.log(self.moves[step][kind, final, initial])
        return initial, logs, self.values[quantity, step][kind, final, initial], states, starts

    def centred(self, state: FloatArray) -> tuple[FloatArray, Increments]:
        """Return the mean of every step (K, steps), and the increments less these means."""
        states = np.empty((self.moves.shape[0], state.size))
        for step, whole in enumerate(self.moves.sum(axis=1)):
            states[step] = state
            state = whole @ state
        flows = self.moves * states[:, None, None, :]
        means = np.einsum("ksrmn,srmn->ks", self.values, flows)
        values = self.values - means[..., None, None, None]
        return means, Increments(self.moves, values, self.start, self.end, self.shape)

    def powers(self) -> Iterator[tuple[FloatArray, ...]]:
        """Return for every step Σ_ν M, Σ_ν M x_k, Σ_ν M x_k x_l and Σ_ν M x_k³, M and x of ν."""
        moves, x = self.moves, self.values
        weighted = moves * x
        return zip(
            moves.sum(axis=1),
            weighted.sum(axis=2).swapaxes(0, 1),
            np.einsum("ksrmn,lsrmn->sklmn", weighted, x),
            np.einsum("ksrmn,ksrmn->skmn", weighted, x**2),
            strict=True,
        )

    def moments(self, start: Moments) -> Moments:
        """Return the moments of vectors after all steps, without start and end."""
        for step in self.powers():
            start = start.moved(*step)
        return start

    def tilted(
        self, quantity: int, step: int, fields: ComplexArray
    ) -> tuple[FloatArray, ComplexArray]:
        """Return sizes (as logarithms) and phases, (U, M, M), of a matrix tilted by ``e^{ax}``."""
        states = self.moves.shape[-1]
        final, initial, kind = np.nonzero(self.moves[step].transpose(1, 2, 0) > 0)
        pairs, starts = np.unique(final * states + initial, return_index=True)
        log_moves = np.log(self.moves[step][kind, final, initial])
        x = self.values[quantity, step][kind, final, initial]
        logs = np.full((states**2, fields.size), -np.inf)
        phases = np.ones((states**2, fields.size), dtype=complex)
        real = log_moves[:, None] + np.multiply.outer(x, fields.real)
        logs[pairs], phases[pairs] = _gathered(real, np.multiply.outer(x, fields.imag), starts)
        shape = (states, states, fields.size)
        return logs.reshape(shape).transpose(2, 0, 1), phases.reshape(shape).transpose(2, 0, 1)

    def follow(
        self, quantity: int, fields: ComplexArray, logs: FloatArray, phases: ComplexArray
    ) -> tuple[FloatArray, ComplexArray]:
        """Return sizes (as logarithms) and phases, (M, U), after all steps tilted by ``e^{ax}``."""
        for step in range(self.moves.shape[0]):
            initial, log_moves, x, states, starts = self.entries(quantity, step)
            real = log_moves[:, None] + np.multiply.outer(x, fields.real) + logs[initial]
            turned = np.multiply.outer(x, fields.imag) + np.angle(phases[initial])
            logs, phases = np.full(logs.shape, -np.inf), np.ones(phases.shape, dtype=complex)
            logs[states], phases[states] = _gathered(real, turned, starts)
        return logs, phases


def _gathered(
    real: FloatArray, imaginary: FloatArray, starts: npt.NDArray[np.intp]
) -> tuple[FloatArray, ComplexArray]:
    """Return ln |Σ| and the phase of Σ of the sums of exponentials over runs of rows."""
    top = np.maximum.reduceat(real, starts)
    top = np.where(np.isfinite(top), top, 0.0)
    repeat = np.diff(np.append(starts, real.shape[0]))
    terms = np.exp(real - np.repeat(top, repeat, axis=0)).astype(complex)
    if np.any(imaginary):
        terms *= np.exp(1j * imaginary)
    sums = np.add.reduceat(terms, starts)
    size = np.abs(sums)
    with np.errstate(divide="ignore"):
        logs = top + np.log(size)
    return logs, np.divide(sums, size, out=np.ones_like(sums), where=size > 0)


def increments(
    weights: Mapping[str, Any],
    *,
    energies: FloatArray,
    exchanged: Mapping[str, FloatArray],
    potentials: FloatArray,
    moves: FloatArray,
    boundary: tuple[FloatArray, FloatArray],
) -> Increments:
    """Return what linear combinations of the books grow by.

    `exchanged` holds energy, particles, heat and entropy of every jump, (steps, R, M, M), and
    `boundary` the logarithms of the reference probabilities of the first and the last state.
    """
    steps, kinds, states = moves.shape[:3]
    scalars = {name: real_array(name, weights[name]) for name in SCALARS}
    currents = {name: real_array(name, weights[name]) for name in CURRENTS}
    batches = {name: w.shape for name, w in scalars.items()}
    for name, w in currents.items():
        if w.ndim:
            of_shape(name, w, (kinds - 1,), (*w.shape[:-1], kinds - 1))
            batches[name] = w.shape[:-1]
    shape = max(batches.values(), key=len)
    for name, batch in batches.items():
        if batch not in ((), shape) or len(batch) > 1:
            raise fail(
                name, "give one weight, or one for each combination", f"its shape is {batch}"
            )
    if not any(np.any(w) for w in (*scalars.values(), *currents.values())):
        raise InputError(
            "One of the weights, such as `heat`, must not be zero, but all weights are zero."
        )
    count = shape[0] if shape else 1
    by = {name: np.broadcast_to(w, shape).reshape(count) for name, w in scalars.items()}
    values = np.zeros((count, steps, kinds, states, states))
    for name, w in currents.items():
        each = np.broadcast_to(w, (*shape, kinds - 1)).reshape(count, kinds - 1)
        used = np.any(each != 0, axis=0)
        values[:, :, :-1][:, :, used] += np.einsum(
            "kr,irmn->kirmn", each[:, used], exchanged[name][:, used]
        )
    if np.any(by["chemical_work"]):
        work = potentials[..., None, None] * exchanged["particle_current"]
        values[:, :, :-1] += np.multiply.outer(by["chemical_work"], work)
    if np.any(by["entropy_production"]):
        values[:, :, :-1] -= np.multiply.outer(by["entropy_production"], exchanged["entropy_flow"])
    lifts = np.multiply.outer(by["mechanical_work"], np.diff(energies, axis=0))
    values += lifts[:, :, None, :, None]
    first, last = boundary
    return Increments(
        moves,
        np.where(moves > 0, values, 0.0),
        np.multiply.outer(by["entropy_production"], first),
        -np.multiply.outer(by["entropy_production"], last),
        shape,
    )


@dataclass(frozen=True, eq=False)
class CountingStatistics(Result):
    """What `MarkovChain.counting` returns: the statistics of linear combinations X of the books.

    Attributes
    ----------
    increments : Increments
        What X grows by at every move.
    initial : array, shape (M,)
        The distribution at the start.
    mean, variance, third_cumulant : float or array, shape (K,)
    covariance : array, shape (K, K)
        Of the K combinations; ``(1, 1)`` for one.
    """

    increments: Increments
    initial: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean"),
        "variance": shown(text="variance"),
        "third_cumulant": shown(text="third cumulant"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value of the (first) combination."""
        return self.atoms().plot(ax)

    @property
    def mean(self) -> float | FloatArray:
        """Mean of X."""
        return self._shaped(self._cumulants()[0])

    @property
    def covariance(self) -> FloatArray:
        """Covariances of the combinations, shape (K, K)."""
        return self._cumulants()[1]

    @property
    def variance(self) -> float | FloatArray:
        """Variance of X."""
        return self._shaped(np.diagonal(self.covariance).copy())

    @property
    def third_cumulant(self) -> float | FloatArray:
        """Third central moment of X."""
        return self._shaped(self._cumulants()[2])

    def log_characteristic_function(self, u: npt.ArrayLike) -> complex | ComplexArray:
        """Return ``ln ⟨exp(iuX)⟩`` for complex u of any shape, the phase in (−π, π].

        Of K combinations the shape is ``(K, *u.shape)``. Sizes are kept as logarithms, so that
        nothing overflows; ``u = −ih`` gives the cumulant generating function of a real h.

        Raises
        ------
        InputError
            If a field is not finite.
        """
        fields = counting_field("u", u)
        flat = 1j * fields.reshape(-1)
        x = self.increments
        found = np.empty((x.values.shape[0], flat.size), dtype=complex)
        with np.errstate(divide="ignore"):
            log_start = np.log(self.initial)
        chunk = max(1, _CHUNK // x.moves[0].size)
        for k, start in enumerate(x.start):
            for first in range(0, flat.size, chunk):
                part = slice(first, first + chunk)
                a = flat[part]
                logs = log_start[:, None] + np.multiply.outer(start, a.real)
                logs, phases = x.follow(k, a, logs, np.exp(1j * np.multiply.outer(start, a.imag)))
                logs = logs + np.multiply.outer(x.end[k], a.real)
                phases = phases * np.exp(1j * np.multiply.outer(x.end[k], a.imag))
                top = logs.max(axis=0)
                with np.errstate(divide="ignore"):
                    found[k, part] = top + np.log(np.sum(np.exp(logs - top) * phases, axis=0))
        return unwrap(found.reshape((*x.shape, *fields.shape)))

    def characteristic_function(self, u: npt.ArrayLike) -> complex | ComplexArray:
        """Return ``⟨exp(iuX)⟩``, the exponential of `log_characteristic_function`."""
        return unwrap(exponential(self.log_characteristic_function(u)))

    def atoms(self, combination: int = 0, *, maximum_atoms: int = 1_000_000) -> AtomicStatistics:
        """Return every value of X with its probability, added up path by path.

        Where all increments are multiples of one number, as those of particles are, the values
        form a lattice and cost little; otherwise equal values are merged, and their number can
        grow with every step. No probability is a difference: the tails have their digits.

        Raises
        ------
        InputError
            If there are more values than `maximum_atoms`, or no such combination.
        """
        x = self.increments
        k = integer("combination", combination, minimum=0, maximum=x.values.shape[0] - 1)
        most = integer("maximum_atoms", maximum_atoms, minimum=1)
        starts, ends = x.start[k], x.end[k]
        used = np.concatenate([x.values[k][x.moves > 0], starts[self.initial > 0], ends])
        sizes = np.unique(np.abs(used))
        unit = common_step(sizes, most) if sizes[-1] > 0 else 1.0
        span = np.max(np.abs(x.values[k]), axis=(-3, -2, -1)).sum() + 2 * sizes[-1]
        if unit is None or 2 * span > most * unit:
            return self._merged(k, most)
        return self._on_lattice(k, unit)

    def _on_lattice(self, k: int, unit: float) -> AtomicStatistics:
        """Follow rows (states) of probabilities over multiples of `unit`."""
        x = self.increments
        rows, low = _shift(np.diag(self.initial), np.rint(x.start[k] / unit).astype(np.int64))
        for moves, values in self._steps(k):
            jumps = np.rint(values / unit).astype(np.int64)
            distinct = np.unique(jumps[moves > 0])
            width = rows.shape[1]
            grown = np.zeros((rows.shape[0], width + int(distinct[-1] - distinct[0])))
            for jump in distinct:
                matrix = np.where(jumps == jump, moves, 0.0).sum(axis=0)
                at = int(jump - distinct[0])
                grown[:, at : at + width] += matrix @ rows
            rows, low = grown, low + int(distinct[0])
        ends = np.rint(x.end[k] / unit).astype(np.int64)
        first = int(ends.min())
        total = np.zeros(rows.shape[1] + int(ends.max()) - first)
        for row, end in zip(rows, ends, strict=True):
            total[end - first : end - first + row.size] += row
        reached = total > 0
        return AtomicStatistics((low + first + np.flatnonzero(reached)) * unit, total[reached])

    def _merged(self, k: int, most: int) -> AtomicStatistics:
        """Follow a list of values and probabilities for every state."""
        x = self.increments
        lists = {
            int(m): (x.start[k, m : m + 1], self.initial[m : m + 1])
            for m in np.flatnonzero(self.initial)
        }
        for moves, values in self._steps(k):
            parts: dict[int, list[tuple[FloatArray, FloatArray]]] = {}
            for kind, final, initial in np.argwhere(moves > 0):
                if initial in lists:
                    v, p = lists[initial]
                    at = kind, final, initial
                    parts.setdefault(int(final), []).append((v + values[at], p * moves[at]))
            lists = {m: _joined(part) for m, part in parts.items()}
            if sum(v.size for v, _ in lists.values()) > most:
                raise _too_many(most)
        return AtomicStatistics(*_joined([(v + x.end[k, m], p) for m, (v, p) in lists.items()]))

    def _steps(self, k: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        return zip(self.increments.moves, self.increments.values[k], strict=True)

    def _shaped(self, values: FloatArray) -> float | FloatArray:
        return values if self.increments.shape else float(values[0])

    def _cumulants(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean, covariance and third cumulant; steps are counted from their means."""
        x = self.increments
        state = self.initial
        means, centred = x.centred(state)
        start = x.start - (x.start @ state)[:, None]
        last = state
        for moves in x.moves:
            last = moves.sum(axis=0) @ last
        end = x.end - (x.end @ last)[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            found = Moments.of(state[None], start.shape[0]).shifted(start)
            found = centred.moments(found).shifted(end)
            sums = [part[0].sum(axis=-1) for part in found]
        if not all(np.all(np.isfinite(part)) for part in sums):
            raise InputError("The cumulants exceed the range of floats: give smaller weights.")
        return means.sum(axis=1) + x.start @ state + x.end @ last, sums[2], sums[3]


def _shift(rows: FloatArray, offsets: npt.NDArray[np.int64]) -> tuple[FloatArray, int]:
    """Return rows of one probability each at its offset, and the lowest offset."""
    low = int(offsets.min())
    found = np.zeros((rows.shape[0], int(offsets.max()) - low + 1))
    found[np.arange(rows.shape[0]), offsets - low] = np.diagonal(rows)
    return found, low


def _joined(parts: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    values, probabilities = (np.concatenate(x) for x in zip(*parts, strict=True))
    return merge_atoms(values, probabilities, relative=_EQUAL)


def _too_many(most: int) -> Exception:
    return fail(
        "maximum_atoms",
        "not be below the number of values that can be taken",
        f"there are more than {most}; use the characteristic function or trajectories",
    )
