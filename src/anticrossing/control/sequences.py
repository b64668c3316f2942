"""Passages one after the other: phases that cancel their errors, waits that make them interfere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    level as check_level,
    number_between,
    of_shape,
    real_array,
    single_point,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, in_units, shown
from anticrossing.drive import Drive, Function, WaveformDrive
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.request import check_kinds
from anticrossing.hamiltonian import Hamiltonian

_MOST_PASSAGES = 1001
_SHOWN = 201
_REAL = 1e-12


def composite_phases(count: int) -> FloatArray:
    """Return the phases of the coupling that make the errors of N passages cancel.

    ``φ_k = (N + 1 − 2⌊(k + 1)/2⌋) ⌊k/2⌋ π/N``, k = 1 … N: of passages that each fail with the
    probability p, all N together fail with p^N.

    Parameters
    ----------
    count : int
        N, odd, from 1 to 1001.

    Returns
    -------
    array, shape (N,)
        Radians, within [0, 2π).

    Raises
    ------
    InputError
        For an even number.

    References
    ----------
    B. T. Torosov, S. Guérin, N. V. Vitanov, Phys. Rev. Lett. 106, 233001 (2011).

    Examples
    --------
    >>> (composite_phases(5) / np.pi).round(6).tolist()
    [0.0, 0.8, 0.4, 0.8, 0.0]
    """
    number = integer("count", count, minimum=1, maximum=_MOST_PASSAGES)
    if number % 2 == 0:
        raise fail("count", "be odd", f"it is {number}")
    k = np.arange(1, number + 1)
    # Whole numbers of π/N, taken within a turn before they are rounded.
    multiples = ((number + 1 - 2 * ((k + 1) // 2)) * (k // 2)) % (2 * number)
    return np.asarray(multiples * (np.pi / number))


@dataclass(frozen=True, eq=False, kw_only=True)
class CompositePassage(Result):
    """Passages with different phases of the coupling, one after the other.

    Attributes
    ----------
    phases : array, shape (N,)
    transfer, failure : array, shape of the batch
        |⟨1|U|0⟩|² of the basis states 0 and 1 after all passages, and what is left in 0.
    single_failure : array
        The same after one passage.
    predicted : array
        ``single_failure`` to the N-th power, which holds for `composite_phases` and passages with
        a real amplitude to stay.
    propagator : array, shape (..., N, N)
    error_estimate : array
        Bound of the probabilities of one passage.
    warnings : tuple of str
    """

    phases: FloatArray
    transfer: FloatArray
    failure: FloatArray
    single_failure: FloatArray
    predicted: FloatArray
    propagator: ComplexArray
    error_estimate: FloatArray
    warnings: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "phases": shown("passage", text="phases of the coupling", unit="rad"),
        "transfer": shown(text="probability to arrive"),
        "failure": shown(text="probability to stay"),
        "single_failure": shown(text="probability to stay in one passage"),
        "predicted": shown(text="probability to stay for ideal passages"),
        "error_estimate": shown(text="bound on the error of one passage"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw what stays behind after one passage and after all.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        for values, name in ((self.single_failure, "one"), (self.failure, f"{self.phases.size}")):
            axes.semilogy(np.maximum(np.ravel(values), 1e-32), "o-", label=f"{name} passages")
        axes.set(xlabel="point", ylabel="probability to stay")
        axes.legend()
        return axes


def composite_passage(
    hamiltonian: Hamiltonian,
    drive: Drive,
    phases: int | npt.ArrayLike,
    *,
    quanta: npt.ArrayLike | None = None,
    tolerance: float = 1e-12,
) -> CompositePassage:
    """Repeat a passage with other phases of the coupling, such as those of `composite_phases`.

    ``U = Π_k D_k† U₁ D_k`` with D = diag(e^{iφn}): a passage whose coupling between states of n and
    n + 1 quanta has the phase φ. Every passage begins where the first began.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x); array parameters make a batch.
    drive : Drive
        One passage.
    phases : int or array, shape (N,)
        Phases in the order of time; a number N for `composite_phases`.
    quanta : array of int, shape (levels,), optional
        n of every basis state; by default 0, 1, 2, ….
    tolerance : float
        Of the evolution.

    Raises
    ------
    InputError
        For an even number of passages, or quanta of another number than levels.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=[0.8, 1.0, 1.2])
    >>> found = composite_passage(H, ac.drive.Linear(-20, 20, rate=1.0), 5)
    >>> bool(np.allclose(found.failure, found.single_failure**5, atol=1e-9))
    True
    """
    check_kinds(hamiltonian, drive)
    if isinstance(phases, (int, np.integer)):
        angles = composite_phases(int(phases))
    else:
        angles = real_array("phases", phases, ndim=1)
    if angles.size == 0:
        raise fail("phases", "be at least one", "there is none")
    size = hamiltonian.dimension
    numbers = np.arange(float(size))
    if quanta is not None:
        numbers = of_shape("quanta", real_array("quanta", quanta), (size,))
    run = propagate(hamiltonian, drive, basis="diabatic", tolerance=tolerance)
    assert run.propagator is not None
    one, total = run.propagator, np.eye(size, dtype=np.complex128)
    for angle in angles:
        turn = np.exp(1j * angle * numbers)
        total = (turn.conj()[:, None] * one * turn) @ total
    single = np.abs(one[..., 0, 0]) ** 2
    return CompositePassage(
        phases=angles,
        transfer=np.abs(total[..., 1, 0]) ** 2,
        failure=np.abs(total[..., 0, 0]) ** 2,
        single_failure=single,
        predicted=single**angles.size,
        propagator=total,
        error_estimate=np.asarray(run.error_estimate),
        warnings=run.warnings,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class DoublePassage(Result):
    """Two passages of two levels with a wait between them.

    Attributes
    ----------
    waits : array
        The waits within one period after which the wanted probability is met, none or two.
    period : float
        2πħ over the distance of the levels where the drive waits.
    wanted, lowest, highest : float
        The wanted probability, and what waiting can reach.
    drive : WaveformDrive or None
        The whole path with the first of the waits, on a window that begins at zero.
    """

    waits: FloatArray
    period: float
    wanted: float
    lowest: float
    highest: float
    drive: WaveformDrive | None
    phase: float
    hamiltonian: Hamiltonian

    def transfer(self, wait: npt.ArrayLike) -> FloatArray:
        """Return the probability of the transfer after a wait (time)."""
        time = real_array("wait", wait)
        middle, half = 0.5 * (self.highest + self.lowest), 0.5 * (self.highest - self.lowest)
        return np.asarray(middle + half * np.cos(2 * np.pi * time / self.period - self.phase))

    def variables(self) -> dict[str, Variable]:
        """Return the waits and the transfer along one period by name."""
        time = in_units("time", self.hamiltonian.units)
        waits = np.linspace(0.0, self.period, _SHOWN)
        return {
            "wait": Variable(("wait",), waits, "time between the passages", time),
            "transfer": Variable(("wait",), self.transfer(waits), "probability of the transfer"),
            "waits": Variable(("solution",), self.waits, "waits that meet the wanted one", time),
            "wanted": Variable((), self.wanted, "wanted probability"),
            "lowest": Variable((), self.lowest, "least probability that waiting reaches"),
            "highest": Variable((), self.highest, "largest probability that waiting reaches"),
            "period": Variable((), self.period, "period of the wait", time),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the transfer against the wait.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        waits = np.linspace(0.0, self.period, 2 * _SHOWN)
        axes.plot(waits, self.transfer(waits))
        axes.plot(self.waits, self.transfer(self.waits), "o")
        axes.axhline(self.wanted, color="grey", ls="--", lw=1)
        axes.set(xlabel="wait between the passages", ylabel="probability of the transfer")
        return axes


def double_passage(
    hamiltonian: Hamiltonian,
    drive: Drive,
    wanted: float,
    *,
    transition: tuple[int, int] = (0, 1),
    tolerance: float = 1e-12,
) -> DoublePassage:
    """Choose the wait between a passage and its return for a wanted transfer.

    The way back is the way there in reverse. With ``c_k = ⟨f|U_back|k⟩⟨k|U|i⟩`` of the levels k
    where the drive waits, the transfer is ``|c_0 + c_1 e^{−iΔτ/ħ}|²``, which is every number
    between ``(|c_0| − |c_1|)²`` and ``(|c_0| + |c_1|)²``.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), real, two levels, single parameters.
    drive : Drive
        The passage there.
    wanted : float
        The probability, 0 to 1.
    transition : (int, int)
        Initial and final level, where the path begins and ends.
    tolerance : float
        Of the evolution.

    Raises
    ------
    InputError
        For a batch, more than two levels, or a complex H, whose way back is another.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010), section 3.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=1.0)
    >>> found = double_passage(H, ac.drive.Linear(-20, 20, rate=2.5), 0.5)
    >>> run = ac.propagate(H, found.drive)
    >>> float(run.transition_matrix[1, 0].round(8))
    0.5
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    single_point("hamiltonian", hamiltonian)
    single_point("drive", drive)
    if hamiltonian.dimension != 2 or len(hamiltonian.coordinates) != 1:
        must = "have two levels and one coordinate"
        raise fail("hamiltonian", must, f"it has {hamiltonian.dimension} levels")
    goal = number_between("wanted", wanted, 0.0, 1.0)
    if not isinstance(transition, (tuple, list)) or len(transition) != 2:
        raise fail("transition", "be a pair of levels", f"it is {describe(transition)}")
    initial, final = (check_level("transition", one, 2) for one in transition)
    start, stop = float(drive.start_time), float(drive.stop_time)
    x = np.asarray(drive(np.linspace(start, stop, 17)))
    values = hamiltonian(x)
    if np.max(np.abs(np.imag(values))) > _REAL * np.max(np.abs(values)):
        raise fail("hamiltonian", "be real", "it has imaginary elements")
    run = propagate(hamiltonian, drive, basis="diabatic", tolerance=tolerance)
    assert run.propagator is not None
    vectors = [np.linalg.eigh(np.real(values[k])) for k in (0, -1)]
    (_, first), (energies, last) = vectors
    there = dagger(last) @ run.propagator @ first
    parts = there[:, final] * there[:, initial]  # the way back is the transpose of the way there
    distance = float(energies[1] - energies[0]) * hamiltonian.units.angular
    if not distance > 0:
        raise InputError("The levels must be apart where the drive waits, but they are degenerate.")
    sizes = np.abs(parts)
    low, high = float((sizes[0] - sizes[1]) ** 2), float((sizes[0] + sizes[1]) ** 2)
    phase = float(np.angle(parts[1] * parts[0].conj()))
    waits = np.empty(0)
    if high > low and low <= goal <= high:
        half = np.arccos(np.clip((2 * goal - low - high) / (high - low), -1, 1))
        waits = np.sort(np.array([phase - half, phase + half]) % (2 * np.pi)) / distance
    return DoublePassage(
        waits=waits,
        period=2 * np.pi / distance,
        wanted=goal,
        lowest=low,
        highest=high,
        drive=_and_back(drive, float(waits[0])) if waits.size else None,
        phase=phase,
        hamiltonian=hamiltonian,
    )


def _and_back(drive: Drive, wait: float) -> WaveformDrive:
    """Return the path there, the wait, and the path back."""
    start, stop = float(drive.start_time), float(drive.stop_time)
    length = stop - start

    def position(t: FloatArray) -> FloatArray:
        there = np.minimum(t, 2 * length + wait - t)
        return np.asarray(drive(start + np.clip(there, 0.0, length)))

    inner = drive.breakpoints - start
    turns = [length, length + wait] if wait > 0 else [length]
    cuts = np.concatenate([inner, turns, 2 * length + wait - inner])
    return Function(
        position, 0.0, 2 * length + wait, breakpoints=np.sort(cuts).tolist(), vectorised=True
    )
