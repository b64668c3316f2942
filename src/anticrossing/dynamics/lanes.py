"""Parameter points side by side: H(x(t)) for every lane of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    flattened,
    joint_shape,
    real_array,
)
from anticrossing._core.plain import Plain
from anticrossing._core.threads import one_thread
from anticrossing.drive import Clock, Drive, FormulaDrive, Path, compose
from anticrossing.dynamics._windows import ROUNDED, Ends, Window, seen_on_line
from anticrossing.hamiltonian import (
    FunctionHamiltonian,
    Hamiltonian,
    TermHamiltonian,
    check_finite_hermitian,
)

_JUMP = 1e-3  # of the largest: no rounding
_SAMPLES, _FEW_SAMPLES = 8, 4  # of H in a window, few of large ones
_LARGE = 32
_OF_STRAIGHT = np.array([0.25, 0.5, 0.25])  # of start, middle and stop
LARGEST_WHOLE = 512
"""Sparse Hamiltonians above this dimension evolve one state, not all of them."""


def tell_nobody(share: float) -> None:
    """Take how far a solution is, and keep it."""


def _without_jumps(moved: FloatArray, values: npt.NDArray[Any]) -> FloatArray:
    """Leave out what changes at a jump between two times, (P, n, …)."""
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    return np.where(moved < _JUMP * largest, moved, 0.0)


def is_large(hamiltonian: Hamiltonian) -> bool:
    """Whether H is sparse, and too large to follow all of its levels."""
    sparse = isinstance(hamiltonian, TermHamiltonian) and hamiltonian.is_sparse
    return sparse and hamiltonian.dimension > LARGEST_WHOLE


def refuse_large(hamiltonian: Hamiltonian) -> None:
    """Raise `InputError` for a sparse H that is too large to follow all of its levels."""
    if is_large(hamiltonian):
        raise fail(
            "hamiltonian",
            f"have at most {LARGEST_WHOLE} levels for what follows all of them",
            f"it has {hamiltonian.dimension}: `propagate` follows one state of a large sparse "
            "Hamiltonian, `levels` and `find_crossings` with `count` look at the lowest levels",
        )


@dataclass(frozen=True)
class Lanes:
    """H(x(t)) for every parameter point, flattened to one axis.

    Elements of the constant matrices that come from larger ones are known but for `lost` (K,). With
    `shift` (lanes,) the coordinate of H is x(t) + shift; `added` (lanes, N, N), of trace 0, is part
    of H, in its unit. Of every point of the batch there are so many `copies`.
    """

    hamiltonian: Hamiltonian
    drive: Drive
    batch_shape: tuple[int, ...]
    h_parameters: Mapping[str, FloatArray]
    d_parameters: Mapping[str, FloatArray]
    start: FloatArray
    stop: FloatArray
    lost: FloatArray | None = None
    shift: FloatArray | None = None
    added: ComplexArray | None = None
    copies: int = 1
    tell: Callable[[float], None] = field(default=tell_nobody, compare=False)
    """Called with the share of the work that is done."""
    known: dict[Any, Any] | None = field(default=None, init=False, compare=False)
    """What a slow function H has given so far, for `remembering` lanes."""

    @classmethod
    def of(
        cls,
        hamiltonian: Hamiltonian,
        drive: Drive,
        batch_shape: tuple[int, ...] = (),
        tell: Callable[[float], None] = tell_nobody,
    ) -> Lanes:
        """Return the lanes of a Hamiltonian and a drive, and of anything else of `batch_shape`."""
        if isinstance(drive, Path):
            hamiltonian, drive = compose(hamiltonian, drive)
        batch = joint_shape(hamiltonian.batch_shape, drive.batch_shape, batch_shape)
        return cls(
            hamiltonian,
            drive,
            batch,
            hamiltonian.flat_parameters(batch),
            drive.flat_parameters(batch),
            flattened(drive.start_time, batch),
            flattened(drive.stop_time, batch),
            tell=tell,
        )

    @property
    def count(self) -> int:
        """The number of lanes."""
        return int(self.start.size)

    def repeated(self, count: int, shift: FloatArray | None, added: ComplexArray | None) -> Lanes:
        """Return every lane so many times in a row, shifted (lanes, count), with matrices added."""
        found: dict[str, Any] = {k: np.repeat(getattr(self, k), count) for k in ("start", "stop")}
        for name in ("h_parameters", "d_parameters"):
            found[name] = {k: np.repeat(v, count, 0) for k, v in getattr(self, name).items()}
        if added is not None:
            added = added.reshape(-1, *added.shape[-2:])
            mean = np.mean(np.einsum("...ii->...i", added), axis=-1)
            added = added - mean[:, None, None] * np.eye(added.shape[-1])
        shift = None if shift is None else shift.reshape(-1)
        new: dict[str, Any] = {"shift": shift, "added": added}
        for name, value in new.items():
            before = getattr(self, name)
            if before is not None:
                before = np.repeat(before, count, axis=0)
                new[name] = before if value is None else before + value
        copies = count * self.copies
        return replace(self, copies=copies, tell=tell_nobody, **found, **new)

    def part(self, number: int, of: int) -> Lanes:
        """Return the same lanes as one of several problems, whose work is told together."""
        return replace(self, tell=self.told(number, of))

    def told(self, number: int, of: int) -> Callable[[float], None]:
        """Return what is told how far one of several problems is."""
        return lambda share: self.tell((number + share) / of)

    def remembering(self) -> Lanes:
        """Return the same lanes, which call a function of single points once for each panel."""
        if not isinstance(self.hamiltonian, FunctionHamiltonian) or self.hamiltonian.vectorised:
            return self
        found = replace(self)
        object.__setattr__(found, "known", {})
        return found

    def matrices(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return H in radians per time at `times` (P, n) of lanes `lane` (P,): (P, n, N, N)."""
        values, offset = self.split(times, lane)
        np.einsum("...ii->...i", values)[...] += offset[..., None]
        return values

    def split(
        self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return H without a multiple of the identity, (P, n, N, N), and the multiple, (P, n).

        The multiple only turns a phase that all levels share, and its size must not cost digits.
        """
        if self.known is None or lane.size == 0:
            return self._split(times, lane)
        keys = [(own, row.tobytes()) for own, row in zip(lane.tolist(), times, strict=True)]
        new = [place for place, key in enumerate(keys) if key not in self.known]
        if new:
            rows = zip(*self._split(times[new], lane[new]), strict=True)
            self.known.update(zip((keys[place] for place in new), rows, strict=True))
        values, offset = zip(*(self.known[key] for key in keys), strict=True)
        return np.array(values), np.array(offset)

    def _split(
        self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        x = self.positions(times, lane)
        return self._checked(times, lane, x, *self.hamiltonian.evaluate_split(x, self._h(lane)))

    def _checked(
        self,
        times: npt.NDArray[Any],
        lane: npt.NDArray[np.intp],
        x: npt.NDArray[Any],
        values: npt.NDArray[Any],
        offset: npt.NDArray[Any],
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return H and its offset in radians per time, or raise where they are no numbers."""
        if self.is_function or not np.isfinite(values.sum() + offset.sum()):
            if not np.all(np.isfinite(x)):
                bad = float(np.real(times[~np.isfinite(x)][0]))
                raise fail("drive", "be finite on its window", f"x(t) is not at t = {bad:.6g}")
            check_finite_hermitian(values + offset[..., None, None] * np.eye(values.shape[-1]), x)
        if self.added is not None:
            values = values + self.added[lane][:, None]
        factor = self.hamiltonian.units.angular
        return (values, offset) if factor == 1.0 else (factor * values, factor * offset)

    def traceless(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return H without a multiple of the identity, (P, n, N, N): the same eigenvectors."""
        return self.split(times, lane)[0]

    def offset(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the multiple of the identity alone, (P, n)."""
        if self.known is not None:
            return self.split(times, lane)[1]
        found = self.hamiltonian.evaluate_offset(self.positions(times, lane), self._h(lane))
        return self.hamiltonian.units.angular * found

    def coefficients(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the coefficients f_k(x(t)) of the terms of H, (P, n, K), each times its matrix."""
        assert isinstance(self.hamiltonian, TermHamiltonian)
        found = self.hamiltonian.weights(self.positions(times, lane), self._h(lane))
        return self.hamiltonian.units.angular * found

    def factors(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the factors f_k(x(t)) of the constant matrices, (P, n, K)."""
        assert isinstance(self.hamiltonian, TermHamiltonian)
        found = self.hamiltonian.factors(self.positions(times, lane), self._h(lane))
        return self.hamiltonian.units.angular * found

    def last_digits(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> FloatArray:
        """Return what rounding leaves unknown of the elements of H less its trace, (P, n, N, N).

        Times, positions and terms have last digits; where large terms cancel these are what is
        known of H.
        """
        if isinstance(self.hamiltonian, TermHamiltonian):
            return self._digits_of_elements(*self.factors_and_digits(times, lane)[1:])
        h, factor = self._h(lane), self.hamiltonian.units.angular
        x, *beside = self._beside(times, lane)
        values, offset = self.hamiltonian.evaluate_split(x, h)
        moved = [np.abs(self.hamiltonian.evaluate_split(there, h)[0] - values) for there in beside]
        rounded = np.abs(values) + np.abs(offset)[..., None, None] * np.eye(values.shape[-1])
        unknown = _without_jumps(np.max(moved, axis=0), values) + ROUNDED * rounded
        return np.asarray(factor * unknown)

    def factors_and_digits(
        self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], FloatArray]:
        """Return x(t), the factors of the constant matrices, and the last digits of these."""
        assert isinstance(self.hamiltonian, TermHamiltonian)
        places = self._beside(times, lane)
        # One call: a formula costs as much at three times the places.
        every = self.hamiltonian.factors(np.concatenate(places, axis=1), self._h(lane))
        count = times.shape[1]
        factors = every[:, :count]
        moved = np.abs(every.reshape(len(every), 3, count, -1)[:, 1:] - factors[:, None])
        moved = np.maximum(moved[:, 0], moved[:, 1])
        return places[0], factors, _without_jumps(moved, factors) + ROUNDED * np.abs(factors)

    def _digits_of_elements(self, factors: npt.NDArray[Any], digits: FloatArray) -> FloatArray:
        """Return what the last digits of factors (P, n, K) leave unknown, (P, n, N, N)."""
        assert isinstance(self.hamiltonian, TermHamiltonian)
        found = digits.reshape(-1, digits.shape[-1]) @ self.hamiltonian.sizes()
        found = found.reshape(*digits.shape[:2], *(self.hamiltonian.dimension,) * 2)
        if self.lost is not None:
            found = found + (np.abs(factors) @ self.lost)[..., None, None]
        return np.asarray(self.hamiltonian.units.angular * found)

    def last_digits_of_offset(
        self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
    ) -> FloatArray:
        """Return the same of the multiple of the identity, (P, n)."""
        h, hamiltonian = self._h(lane), self.hamiltonian
        x, *beside = self._beside(times, lane)
        offset = hamiltonian.evaluate_offset(x, h)
        moved = [np.abs(hamiltonian.evaluate_offset(there, h) - offset) for there in beside]
        rounded = np.abs(offset)
        if isinstance(hamiltonian, TermHamiltonian):
            rounded = np.abs(hamiltonian.factors(x, h)) @ np.abs(hamiltonian.offsets())
        unknown = _without_jumps(np.max(moved, axis=0), offset) + ROUNDED * rounded
        return np.asarray(hamiltonian.units.angular * unknown)

    def _beside(
        self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]
    ) -> list[npt.NDArray[Any]]:
        """Return x(t) at `times`, and what it may be as well; nothing outside the window."""
        start, stop = self.start[lane, None], self.stop[lane, None]
        before = np.maximum(np.nextafter(times, -np.inf), start)
        after = np.minimum(np.nextafter(times, np.inf), stop)
        every = np.concatenate([times, before, after, 0.5 * (start + stop)], axis=1)
        count, every = times.shape[1], self.positions(every, lane)
        x, earlier, later = (every[:, k * count : (k + 1) * count] for k in range(3))
        # Where x turns or rests one of them is x itself, which has a last digit all the same.
        return [x, earlier, np.nextafter(np.where(later == x, x, later), every[:, -1:])]

    def positions(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return x(t) at `times` (P, n) of lanes `lane` (P,)."""
        x = self.drive.evaluate(times, {k: v[lane][:, None] for k, v in self.d_parameters.items()})
        return x if self.shift is None else x + self.shift[lane][:, None]

    @property
    def samples(self) -> FloatArray:
        """A few times in every window, (lanes, K)."""
        count = _SAMPLES if self.hamiltonian.dimension < _LARGE else _FEW_SAMPLES
        share = (np.arange(count) + 0.5) / count
        return np.asarray(self.start[:, None] + (self.stop - self.start)[:, None] * share)

    @functools.cached_property
    def is_straight(self) -> bool:
        """Whether H is a straight line in time, so that its ends tell all of it.

        Plain formulas hold every name once, so that they are straight in it, and one of another is
        straight in time.
        """
        hamiltonian, drive = self.hamiltonian, self.drive
        if not (isinstance(hamiltonian, TermHamiltonian) and isinstance(drive, FormulaDrive)):
            return False
        formulas = (drive._formula, *hamiltonian.formulas)
        return self.added is None and all(isinstance(f, Plain) for f in formulas)

    @functools.cached_property
    def window(self) -> Window:
        """H at both ends of every window and at some times between, of a straight line at one."""
        hamiltonian, drive, everywhere = self.hamiltonian, self.drive, np.arange(self.count)
        shares = _OF_STRAIGHT
        if self.count == 1 and self.is_straight:
            assert isinstance(hamiltonian, TermHamiltonian)
            assert isinstance(drive, FormulaDrive)
            times, x, factors, digits = seen_on_line(
                float(self.start[0]),
                float(self.stop[0]),
                drive._formula,
                self.d_parameters,
                self.shift,
                hamiltonian.formulas,
                hamiltonian.coordinates[0],
                self.h_parameters,
            )
        else:
            start, stop = self.start[:, None], self.stop[:, None]
            between = 0.5 * (start + stop)
            if not self.is_straight:
                between = self.samples
                shares = np.full(between.shape[1] + 2, 1 / between.shape[1])
                shares[[0, -1]] = 0.0
            times = np.concatenate([start, between, stop], axis=1)
            if not isinstance(hamiltonian, TermHamiltonian):
                return Window(times, shares, self.traceless(times, everywhere), None, None)
            x, factors, digits = self.factors_and_digits(times, everywhere)
        matrices, _ = self._checked(times, everywhere, x, *hamiltonian.combine_split(factors))
        return Window(times, shares, matrices, factors, digits)

    @functools.cached_property
    def unknown(self) -> FloatArray:
        """What rounding leaves unknown of the matrices of the window, as `last_digits`."""
        window = self.window
        if window.factors is None or window.digits is None:
            return self.last_digits(window.times, np.arange(self.count))
        return self._digits_of_elements(window.factors, window.digits)

    @functools.cached_property
    def most_unknown(self) -> FloatArray:
        """The same of no element less, (lanes, K)."""
        window, hamiltonian = self.window, self.hamiltonian
        if window.digits is None or not isinstance(hamiltonian, TermHamiltonian):
            return np.asarray(np.max(self.unknown, axis=(2, 3)))
        found = window.digits @ hamiltonian.weights_of_terms()
        if self.lost is not None and window.factors is not None:
            found = found + np.abs(window.factors) @ self.lost
        return np.asarray(hamiltonian.units.angular * found)

    @functools.cached_property
    def unknown_phase(self) -> FloatArray:
        """What the last digits of H less its trace add up to over every window, (lanes,)."""
        return np.asarray((self.stop - self.start) * (self.most_unknown @ self.window.shares))

    def phase_error(self, rounded: FloatArray) -> FloatArray:
        """Return what phases are known to, whose rounding is this, beside last digits of H."""
        hamiltonian, window, known = self.hamiltonian, self.window, rounded + self.unknown_phase
        if window.digits is None or not isinstance(hamiltonian, TermHamiltonian):
            digits = self.last_digits_of_offset(window.times, np.arange(self.count))
        elif any(hamiltonian.offsets().tolist()):
            digits = hamiltonian.units.angular * (window.digits @ np.abs(hamiltonian.offsets()))
        else:
            return known
        return np.asarray(known + (self.stop - self.start) * (digits @ window.shares))

    @functools.cached_property
    def ends(self) -> Ends:
        """H at both ends of every window."""
        if self.hamiltonian.dimension > 2 or (self.count == 1 and self.is_straight):
            matrices = self.window.matrices
            matrices = matrices[:, :: matrices.shape[1] - 1]
        else:  # compiled code sees what is between the ends
            times = np.stack([self.start, self.stop], axis=1)
            matrices = self.traceless(times, np.arange(self.count))
        with one_thread:
            return Ends(matrices, *np.linalg.eigh(matrices))

    @functools.cached_property
    def breakpoints(self) -> FloatArray:
        """The drive's breakpoints in every lane, (lanes, k), padded with NaN."""
        found = self.drive.breakpoints_of(self.batch_shape)
        return found if self.copies == 1 else np.repeat(found, self.copies, axis=0)

    @property
    def path(self) -> Path | None:
        """The path that H is followed along, if it has several coordinates."""
        return self.drive.path if isinstance(self.drive, Clock) else None

    def coordinates(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the positions that an environment is asked at: along a path (P, n, f)."""
        if self.path is None:
            return self.positions(times, lane)
        parameters = self._h(lane)
        return self.path.evaluate(times, {key: parameters[key] for key in self.path.parameters})

    @property
    def is_function(self) -> bool:
        """Whether H is a Python function, known only at points."""
        return isinstance(self.hamiltonian, FunctionHamiltonian)

    def check_times(self, times: npt.ArrayLike, *, where: str = "in the window") -> FloatArray:
        """Return increasing times (lanes, K) in every window, or raise `InputError`."""
        given = np.atleast_1d(real_array("times", times))
        try:
            wanted = np.broadcast_to(given, (*self.batch_shape, given.shape[-1]))
        except ValueError:
            raise fail(
                "times",
                f"have shape (K,) or {self.batch_shape} + (K,)",
                f"its shape is {given.shape}",
            ) from None
        wanted = wanted.reshape(self.count, -1)
        if np.any(np.diff(wanted, axis=-1) <= 0):
            raise fail("times", "increase strictly", "they do not")
        if np.any(wanted < self.start[:, None]) or np.any(wanted > self.stop[:, None]):
            raise fail(
                "times",
                f"lie {where} [{self.start.max():.6g}, {self.stop.min():.6g}]",
                f"they run from {wanted.min():.6g} to {wanted.max():.6g}",
            )
        return wanted

    def _h(self, lane: npt.NDArray[np.intp]) -> dict[str, FloatArray]:
        return {k: v[lane][:, None] for k, v in self.h_parameters.items()}
