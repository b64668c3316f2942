"""Adiabatic-impulse model of a whole drive, beside the exact evolution.

Between crossings every level only gathers its phase; at a crossing two levels mix as in the
Landau-Zener problem. Eigenvectors are carried along the path by parallel transport, which fixes the
sign (for complex H the phase) of every jump, so that the model gives the full propagator.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import ComplexArray, FloatArray, InputError, check_flag
from anticrossing._core.threads import few_threads
from anticrossing.analysis._transport import Transport
from anticrossing.analysis.arguments import check_sweep
from anticrossing.analysis.impulse_result import AdiabaticImpulse, ImpulsePassage
from anticrossing.analysis.meetings import PassageEvent, find_events, sample_path
from anticrossing.analysis.phases import phases_between, too_many_to_follow
from anticrossing.drive import Drive
from anticrossing.dynamics.propagation import of_all_levels, propagate
from anticrossing.dynamics.request import check_tolerance
from anticrossing.formulas import DomainCheck, MatrixPrediction, Prediction
from anticrossing.hamiltonian import Hamiltonian

_SAME_TIME = 1e-12  # of the window
_SAME_PROBABILITY = 1e-6
_LEAST_JUMP = 1e-6
_SEPARATE_PHASE = 1.0  # a passage itself takes about one radian
_TURN = 0.5


def adiabatic_impulse(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    initial: int = 0,
    compare: bool = True,
    tolerance: float = 1e-10,
) -> AdiabaticImpulse:
    """Describe a drive as free evolution between crossings and one jump at each of them.

    ``U = V_T D_K N_K D_{K−1} … N_1 D_0 V_0†``, with ``D = diag(exp(−i∫E_j dt))`` between the
    crossings, V the eigenvectors transported along the path, and at the crossing of levels i < j
    ``N = [[√(1−P) e^{iφ_S}, −√P e^{−iχ}], [√P e^{iχ}, √(1−P) e^{−iφ_S}]]``, P = exp(−πg²/2α), where
    ``χ = arg ⟨j|Ḣ|i⟩``. For two equal passages to and fro: 4P(1 − P) sin²(ζ + φ_S).

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with single parameter values, N levels, real or complex.
    drive : Drive
        x(t) and its window (no batch).
    initial : int
        The level occupied at the start; 0 is the lowest.
    compare : bool
        Also compute the exact evolution.
    tolerance : float
        Accuracy of the exact probabilities.

    Returns
    -------
    AdiabaticImpulse

    Raises
    ------
    InputError
        For a batch, more crossings than can be followed, levels that stay degenerate, or three
        that meet in one point.
    ConvergenceError
        If eigenvectors cannot be followed along the path.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010); B. Damski, Phys. Rev. Lett. 95,
    035701 (2005).

    Examples
    --------
    >>> import anticrossing as ac
    >>> drive = ac.drive.Sinusoidal(0.5, 5.0, 0.3)     # one period, from a maximum to the next
    >>> result = adiabatic_impulse(ac.models.LandauZener(gap=0.2), drive)
    >>> [round(p.time, 4) for p in result.passages]
    [5.5699, 15.3741]
    >>> print(f"{result.probabilities[1]:.6f}, exact {result.exact.probabilities[1]:.6f}")
    0.074821, exact 0.076019
    """
    hamiltonian, drive = check_sweep(hamiltonian, drive, initial)
    check_flag("compare", compare)
    check_tolerance(tolerance)
    with few_threads(hamiltonian.dimension):
        _, events, notes = find_events(hamiltonian, drive)
        groups = _simultaneous(drive, events)
        if too_many_to_follow(hamiltonian, events):
            raise InputError(
                f"The phases between {len(events)} crossings of {hamiltonian.dimension} levels are "
                "too many to be followed: shorten the window, or use `propagate` alone."
            )
        phases = _phases(hamiltonian, drive, groups)
        path = Transport.along(hamiltonian, drive, groups)
        passages = _passages(groups, phases, path)
        amplitudes, averaged = _product(hamiltonian.dimension, groups, phases, path)
        checks = _checks(drive, events, passages)
    prediction = MatrixPrediction(
        value=np.abs(amplitudes) ** 2,
        name="adiabatic-impulse model",
        checks=checks,
        equation="U = D_K N_K ... N_1 D_0",
        basis="adiabatic",
    )
    exact = None
    if compare:
        times = np.array([event.time for event in events])
        exact = of_all_levels(
            propagate(
                hamiltonian,
                drive,
                initial=initial,
                tolerance=tolerance,
                breakpoints=times if events else None,
            )
        )
    return AdiabaticImpulse(
        hamiltonian=hamiltonian,
        drive=drive,
        passages=passages,
        prediction=prediction,
        propagator=path.last @ amplitudes @ path.first.conj().T,
        averaged=averaged,
        two_passages=_two_passages(hamiltonian.dimension, passages),
        exact=exact,
        initial=initial,
        left_out=tuple(notes),
    )


def _simultaneous(drive: Drive, events: Sequence[PassageEvent]) -> list[list[PassageEvent]]:
    """Return the events in groups that happen at one time, each level in one of them at most."""
    same = _SAME_TIME * float(drive.stop_time - drive.start_time)
    groups: list[list[PassageEvent]] = []
    for event in events:
        if groups and event.time - groups[-1][-1].time <= same:
            groups[-1].append(event)
        else:
            groups.append([event])
    for group in groups:
        met = [level for event in group for level in event.levels]
        if len(set(met)) < len(met):
            raise InputError(
                f"More than two levels meet at t = {group[0].time:.9g}: that is no sequence of "
                "independent crossings. Use `propagate` alone."
            )
    return groups


def _phases(
    hamiltonian: Hamiltonian, drive: Drive, groups: Sequence[Sequence[PassageEvent]]
) -> FloatArray:
    """Return ∫E_j dt before, between and after the groups, shape (groups + 1, N)."""
    times, positions = sample_path(drive)
    moves = np.sign(np.diff(positions))
    turns = times[1:-1][moves[:-1] * moves[1:] < 0]
    ends = [times[0], *(group[0].time for group in groups), times[-1]]
    # Quadrature is fast only where the drive neither turns nor has a kink.
    inner = np.union1d(turns, drive.breakpoints)
    rows = []
    for start, stop in itertools.pairwise(ends):
        knots = [start, *inner[(inner > start) & (inner < stop)], stop]
        pieces = [phases_between(hamiltonian, drive, a, b) for a, b in itertools.pairwise(knots)]
        rows.append(np.sum(pieces, axis=0))
    return np.array(rows)


def _passages(
    groups: Sequence[Sequence[PassageEvent]], phases: FloatArray, path: Transport
) -> tuple[ImpulsePassage, ...]:
    rows = []
    for k, (group, elements) in enumerate(zip(groups, path.elements, strict=True)):
        for event, element in zip(group, elements, strict=True):
            i, j = event.levels
            true = event.crossing.kind == "true"
            rows.append(
                ImpulsePassage(
                    time=event.time,
                    position=event.position,
                    levels=(i, j),
                    gap=event.gap,
                    sweep_rate=event.sweep_rate,
                    jump_probability=1.0 if true else float(event.jump),
                    stokes_phase=float(
                        formulas.stokes_phase(gap=event.gap, sweep_rate=event.sweep_rate)
                    ),
                    jump_phase=0.0 if true else float(np.angle(element)),
                    phase_to_next=(
                        float(phases[k + 1, j] - phases[k + 1, i]) / 2
                        if k + 1 < len(groups)
                        else None
                    ),
                )
            )
    return tuple(rows)


def _product(
    levels: int, groups: Sequence[Sequence[PassageEvent]], phases: FloatArray, path: Transport
) -> tuple[ComplexArray, FloatArray]:
    """Return amplitudes between the transported eigenvectors, and phase-averaged probabilities."""
    amplitudes = np.diag(np.exp(-1j * phases[0]))
    averaged = np.eye(levels)
    for group, elements, phase in zip(groups, path.elements, phases[1:], strict=True):
        passage = np.eye(levels, dtype=np.complex128)
        for event, element in zip(group, elements, strict=True):
            passage[np.ix_(event.levels, event.levels)] = _scattering(event, element)
        amplitudes = np.exp(-1j * phase)[:, None] * (passage @ amplitudes)
        averaged = np.abs(passage) ** 2 @ averaged
    return amplitudes, averaged


def _scattering(event: PassageEvent, element: complex) -> ComplexArray:
    if event.crossing.kind == "true":
        return np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.complex128)
    # ⟨j|∂ₜi⟩ = −⟨j|Ḣ|i⟩/gap drives the jump: its amplitude has the phase of ⟨j|Ḣ|i⟩.
    matrix = formulas.transfer_matrix(gap=event.gap, sweep_rate=event.sweep_rate, direction=-1)
    turn = np.exp(1j * np.angle(element))
    return np.asarray(matrix * np.array([[1.0, turn.conjugate()], [turn, 1.0]]))


def _two_passages(levels: int, passages: Sequence[ImpulsePassage]) -> Prediction | None:
    if levels != 2 or len(passages) != 2:
        return None
    first, second = passages
    equal = abs(first.jump_probability - second.jump_probability) <= _SAME_PROBABILITY
    to_and_fro = abs(abs(first.jump_phase - second.jump_phase) - np.pi) < 1e-6
    if not (equal and to_and_fro and first.gap > 0) or first.phase_to_next is None:
        return None
    return formulas.stueckelberg_two_passages(first.jump_probability, first.phase_to_next)


def _checks(
    drive: Drive, events: Sequence[PassageEvent], passages: Sequence[ImpulsePassage]
) -> tuple[DomainCheck, ...]:
    """Return the worst of each check of single passages, and the checks of the sequence."""
    worst: dict[str, DomainCheck] = {}
    for event in events:
        for check in event.jump.checks:
            known = worst.get(check.quantity)
            if known is None or check.worst > known.worst:
                worst[check.quantity] = check
    checks = list(worst.values())
    avoided = [passage for passage in passages if passage.gap > 0]
    if not avoided:
        return tuple(checks)
    phases = [
        first.phase_to_next
        for first, second in itertools.pairwise(passages)
        if first.gap > 0 and first.levels == second.levels and first.phase_to_next is not None
    ]
    if phases:
        checks.append(
            DomainCheck(
                "phase between the passages",
                min(phases),
                _SEPARATE_PHASE,
                "the passages are not separated in time",
                at_least=True,
            )
        )
    checks.append(
        DomainCheck(
            "smallest jump probability",
            min(passage.jump_probability for passage in avoided),
            _LEAST_JUMP,
            "so improbable a jump depends on the bend of the sweep and on its ends",
            at_least=True,
        )
    )
    turning = _turning_check(drive, events)
    return (*checks, turning) if turning is not None else tuple(checks)


def _turning_check(drive: Drive, events: Sequence[PassageEvent]) -> DomainCheck | None:
    _, positions = sample_path(drive)
    moves = np.sign(np.diff(positions))
    turns = positions[1:-1][moves[:-1] * moves[1:] < 0]
    avoided = [event for event in events if event.gap > 0]
    if turns.size == 0 or not avoided:
        return None
    nearest = max(
        event.crossing.width / max(float(np.min(np.abs(turns - event.position))), 1e-300)
        for event in avoided
    )
    return DomainCheck(
        "width of the crossing / distance of the turning point",
        nearest,
        _TURN,
        "the drive turns inside the crossing, which is then not passed at a constant rate",
    )
