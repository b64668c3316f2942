"""Exactly solvable passages, recognised from H and the drive."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing import formulas
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.analysis.meetings import half_places, linear_range
from anticrossing.analysis.offers import both_ends
from anticrossing.analysis.two_levels import TwoLevels
from anticrossing.drive import Drive
from anticrossing.formulas import DomainCheck, MatrixPrediction
from anticrossing.hamiltonian import Hamiltonian

_SAME = 1e-10  # of the largest entry: what counts as zero in a recognised structure
_LINEAR = 1e-9


@dataclass(frozen=True)
class Family:
    """A solved passage.

    Attributes
    ----------
    name : str
        Its name.
    prediction : MatrixPrediction
        Probabilities between adiabatic levels, or between the states H is written in.
    open_ends : tuple of float
        The ends of the window that it takes to be infinitely far away.
    """

    name: str
    prediction: MatrixPrediction
    open_ends: tuple[float, ...]


def family(hamiltonian: Hamiltonian, drive: Drive, basis: str) -> Family | None:
    """Return the solved passage that H and the drive are an example of, or None."""
    if hamiltonian.dimension == 2:
        return _two_levels(hamiltonian, drive, basis)
    if hamiltonian.dimension < 2 or drive.breakpoints.size:
        return None
    ends = np.array(both_ends(drive))
    times = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, 7)
    matrices = hamiltonian(drive(times)) * hamiltonian.units.angular
    slope = (matrices[-1] - matrices[0]) / (ends[1] - ends[0])
    straight = matrices[0] + slope * (times - times[0])[:, None, None]
    scale = float(np.abs(matrices).max())
    if np.abs(matrices - straight).max() > _LINEAR * scale:
        return None
    constant = matrices[0] - slope * times[0]
    rates = np.diagonal(slope).real
    if np.abs(slope - np.diag(rates)).max() * np.ptp(ends) > _SAME * scale:
        return None
    found = _linear(constant, rates, ends)
    return None if found is None else Family(*found, both_ends(drive))


def half_passage(hamiltonian: Hamiltonian, drive: Drive, basis: str) -> Family | None:
    """Return the closed form of a sweep that starts or stops exactly at the smallest gap."""
    halves = half_places(hamiltonian, drive)
    if len(halves) != 1 or basis == "superadiabatic":
        return None
    place = halves[0]
    pair = list(place.levels)
    if basis == "diabatic":
        slope = hamiltonian.derivative(place.position)
        if hamiltonian.dimension > 2 or abs(slope[0, 1]) > _SAME * np.abs(slope).max():
            return None
    start, stop = both_ends(drive)
    half = formulas.half_crossing(
        gap=place.gap,
        sweep_rate=place.sweep_rate,
        basis=basis,
        window=stop - start,
        third_level_distance=place.crossing.third_level_distance * hamiltonian.units.angular,
        linear_range=linear_range(hamiltonian, drive, place),
    )
    jump = float(half) if basis == "adiabatic" else 1 - float(half)
    matrix = np.eye(hamiltonian.dimension)
    matrix[np.ix_(pair, pair)] = [[1 - jump, jump], [jump, 1 - jump]]
    prediction = MatrixPrediction(
        matrix, half.name, half.checks, half.equation, basis=basis, exact=True
    )
    return Family("half crossing", prediction, (stop if place.time == start else start,))


def is_one_line(hamiltonian: Hamiltonian, drive: Drive) -> bool:
    """Whether two levels are swept in one straight line, which is what `single_window` solves."""
    levels = TwoLevels.along(hamiltonian, drive) if hamiltonian.dimension == 2 else None
    pieces = None if levels is None else levels.linear_pieces()
    return pieces is not None and len(pieces) == 1


def single_window(hamiltonian: Hamiltonian, drive: Drive, basis: str) -> Family | None:
    """Return the exact answer of one linear sweep of two levels on its window."""
    if hamiltonian.dimension != 2 or basis == "superadiabatic":
        return None
    return _pieces(TwoLevels.along(hamiltonian, drive), basis, single=True)


def _two_levels(hamiltonian: Hamiltonian, drive: Drive, basis: str) -> Family | None:
    levels = TwoLevels.along(hamiltonian, drive)
    if levels is None:
        return None
    if levels.linear_pieces() is not None:
        return None if basis == "superadiabatic" else _pieces(levels, basis, single=False)
    found = levels.tanh_sweep() or levels.pulse() or levels.parabola() or levels.power_law()
    return None if found is None else Family(*found, both_ends(drive))


def _pieces(levels: TwoLevels | None, basis: str, *, single: bool) -> Family | None:
    """Return the exact answer of linear sweeps one after another."""
    pieces = None if levels is None else levels.linear_pieces()
    if levels is None or pieces is None or (len(pieces) == 1) != single:
        return None
    name = "finite window (Weber)" if single else "linear pieces (Weber)"
    return Family(name, levels.through(pieces, basis), ())


def _linear(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise a solved constant + diag(rates) t."""
    arguments = constant, rates, ends
    for recognise in (_spin, _star, _split_star, _multiplets, _independent):
        found = recognise(*arguments)
        if found is not None:
            return found
    return None


def _independent(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise two systems side by side, H = A ⊗ 1 + 1 ⊗ B, each of which is solved."""
    size = rates.size
    whole = np.stack([constant, np.diag(rates)])
    scale = np.abs(whole).max(axis=(1, 2), keepdims=True)
    for one in (n for n in range(2, size // 2 + 1) if size % n == 0):
        other = size // one
        parts = whole.reshape(2, one, other, one, other)
        first = np.einsum("mikjk->mij", parts) / other
        second = np.einsum("mkikj->mij", parts) / one
        shared = np.trace(whole, axis1=1, axis2=2)[:, None, None] / size
        apart = np.kron(first, np.eye(other)) + np.kron(np.eye(one)[None], second)
        if np.any(np.abs(apart - shared * np.eye(size) - whole) > _SAME * scale):
            continue
        found = [_linear(c, np.diagonal(rate).real, ends) for c, rate in (first, second)]
        if None not in found:
            (name, left), (also, right) = (part for part in found if part is not None)
            matrix = np.asarray(np.kron(left.value, right.value), dtype=np.float64)
            equation = f"product of {left.equation} and {right.equation}"
            checks = (*left.checks, *right.checks)
            return f"{name} beside {also}", MatrixPrediction(matrix, name, checks, equation)
    return None


def _spin(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise α t S_z + g S_x + a S_z, in any order and with any phases of the states."""
    order = np.argsort(-rates)
    rate, matrix = rates[order], constant[np.ix_(order, order)]
    size = rate.size
    scale = float(np.abs(matrix).max())
    steps, energies = np.diff(rate), np.diff(np.diagonal(matrix).real)
    if np.ptp(steps) > _SAME * np.abs(rate).max() or np.ptp(energies) > _SAME * scale:
        return None
    if steps[0] == 0 or not ends[0] < -energies[0] / steps[0] < ends[1]:
        return None
    ladder = np.arange(1, size)
    expected = 0.5 * np.sqrt(ladder * (size - ladder))
    gap = abs(matrix[0, 1]) / expected[0]
    wanted = gap * np.diag(expected, 1)
    if gap == 0 or np.abs(np.abs(np.triu(matrix, 1)) - wanted).max() > _SAME * scale:
        return None
    prediction = formulas.spin_landau_zener(
        spin=(size - 1) / 2, gap=gap, sweep_rate=abs(steps[0]), basis="diabatic"
    )
    return f"spin {(size - 1) / 2:g}", _reorder(prediction, order)


def _star(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise one level coupled to all others: Demkov–Osherov, or a bow-tie."""
    scale = float(np.abs(constant).max())
    fastest = float(np.abs(rates - rates.mean()).max())
    coupling = np.abs(constant - np.diag(np.diagonal(constant)))
    size = rates.size
    for hub in range(size):
        rest = np.delete(np.arange(size), hub)
        if coupling[np.ix_(rest, rest)].max() > _SAME * scale or fastest == 0:
            continue
        order = np.concatenate(([hub], rest))
        slopes = rates[rest] - rates[hub]
        energies = np.diagonal(constant).real[rest] - constant[hub, hub].real
        if np.abs(slopes).min() <= _SAME * fastest:
            continue
        meeting = -energies / slopes
        if meeting.min() <= ends[0] or meeting.max() >= ends[1]:
            continue
        if np.ptp(slopes) <= _SAME * fastest:
            prediction = formulas.demkov_osherov(
                levels=energies, couplings=coupling[hub, rest], sweep_rate=-slopes[0]
            )
            found = _reorder(prediction, order)
            band = _band_phase(energies, coupling[hub, rest], slopes[0], meeting, ends)
            if band is not None:
                found = dataclasses.replace(found, checks=(*found.checks, band))
            return "Demkov–Osherov", found
        distinct = np.diff(np.sort(slopes)).min() > _SAME * fastest
        if distinct and np.ptp(meeting) <= _SAME * np.ptp(ends):
            prediction = formulas.bow_tie(slopes=slopes, couplings=coupling[hub, rest])
            return "bow-tie", _reorder(prediction, order)
    return None


def _split_star(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise two parallel levels, each coupled alike to levels through their middle."""
    scale, spread = float(np.abs(constant).max()), float(np.ptp(rates))
    energies = np.diagonal(constant).real
    for i, j in itertools.combinations(range(rates.size), 2):
        hubs, rest = np.array([i, j]), np.delete(np.arange(rates.size), [i, j])
        alike = abs(rates[i] - rates[j]) <= _SAME * spread
        inner = constant[np.ix_(rest, rest)] - np.diag(np.diagonal(constant)[rest])
        apart = max(np.abs(inner).max(initial=0.0), abs(constant[i, j]))
        if not alike or not rest.size or apart > _SAME * scale:
            continue
        links, slopes = constant[np.ix_(hubs, rest)], rates[rest] - rates[i]
        strongest = links[:, np.argmax(np.abs(links).min(axis=0))]
        if np.abs(strongest).min() <= _SAME * scale or np.abs(slopes).min() <= _SAME * spread:
            continue
        turned = links * np.exp(-1j * np.angle(strongest))[:, None]
        meeting = (energies[hubs].mean() - energies[rest]) / slopes
        offset = float(energies[i] - energies[j])
        reach = abs(offset) / 2 / np.abs(slopes)
        if (
            np.abs(turned[0] - turned[1]).max() > _SAME * scale
            or (rest.size > 1 and np.diff(np.sort(slopes)).min() <= _SAME * spread)
            or np.ptp(meeting) > _SAME * np.ptp(ends)
            or abs(offset) <= _SAME * scale
            or (meeting - reach).min() <= ends[0]
            or (meeting + reach).max() >= ends[1]
        ):
            continue
        prediction = formulas.bow_tie(
            slopes=slopes, couplings=np.sqrt(2) * np.abs(links[0]), offset=offset
        )
        return "generalised bow-tie", _reorder(prediction, np.concatenate((hubs, rest)))
    return None


def _multiplets(
    constant: ComplexArray, rates: FloatArray, ends: FloatArray
) -> tuple[str, MatrixPrediction] | None:
    """Recognise two sets of equal levels that cross and are coupled to each other alone."""
    spread, scale = float(np.ptp(rates)), float(np.abs(constant).max())
    one = np.abs(rates - rates.min()) <= _SAME * spread
    two = np.abs(rates - rates.max()) <= _SAME * spread
    if spread == 0 or not np.all(one | two):
        return None
    sets = np.flatnonzero(one), np.flatnonzero(two)
    means = []
    for inside in sets:
        block = constant[np.ix_(inside, inside)]
        means.append(float(np.diagonal(block).real.mean()))
        if np.abs(block - means[-1] * np.eye(inside.size)).max() > _SAME * scale:
            return None
    meeting = (means[0] - means[1]) / spread
    if not ends[0] < meeting < ends[1]:
        return None
    prediction = formulas.multiplet_landau_zener(
        couplings=constant[np.ix_(*sets)],
        sweep_rate=spread,
        window=min(meeting - ends[0], ends[1] - meeting),
    )
    return "two multiplets", _reorder(prediction, np.concatenate(sets))


def _band_phase(
    energies: FloatArray, couplings: FloatArray, rate: float, meeting: FloatArray, ends: FloatArray
) -> DomainCheck | None:
    """Return the check of the phase of levels with one energy before and after they are met."""
    # The sloped level shifts what it couples to by γ²/αt: what is gathered on both sides cancels
    # only in a window that lies evenly about the crossing.
    worst = 0.0
    for energy in np.unique(energies):
        same = energies == energy
        if same.sum() > 1:
            strength, time = float(np.sum(couplings[same] ** 2)), float(meeting[same][0])
            phase = strength / abs(rate) * np.log((ends[1] - time) / (time - ends[0]))
            root = np.exp(-np.pi * strength / abs(rate))
            worst = max(worst, 20 * root * (1 - np.cos(phase)) / (1 - root) ** 2)
    if worst == 0:
        return None
    return DomainCheck(
        "change of a probability by the phase of a band / what is allowed",
        worst,
        1.0,
        "levels of one energy are not met in the middle of the window",
    )


def _reorder(prediction: MatrixPrediction, order: npt.NDArray[np.intp]) -> MatrixPrediction:
    """Return the prediction with the labels of H: its state k is state `order[k]` of H."""
    matrix = np.empty_like(prediction.value)
    matrix[np.ix_(order, order)] = prediction.value
    return MatrixPrediction(
        value=matrix, name=prediction.name, checks=prediction.checks, equation=prediction.equation
    )
