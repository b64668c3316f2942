"""Exactly solvable families with several levels, recognised from H and a linear drive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing import formulas
from anticrossing.checks import ComplexArray, FloatArray
from anticrossing.drive import Drive
from anticrossing.formulas import DomainCheck, MatrixPrediction
from anticrossing.hamiltonian import Hamiltonian

_SAME = 1e-10  # of the largest entry: what counts as zero in a recognised structure
_LINEAR = 1e-9
_REACH = 0.02  # coupling over distance at the ends of the window


def family(hamiltonian: Hamiltonian, drive: Drive) -> tuple[str, MatrixPrediction] | None:
    """Return (name, probabilities between the states H is written in), or None if unknown."""
    size = hamiltonian.dimension
    if size < 3 or drive.breakpoints.size:
        return None
    ends = np.array([float(drive.start_time), float(drive.stop_time)])
    times = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, 7)
    matrices = np.array([hamiltonian(float(drive(t))) for t in times]) * hamiltonian.units.angular
    slope = (matrices[-1] - matrices[0]) / (ends[1] - ends[0])
    straight = matrices[0] + slope * (times - times[0])[:, None, None]
    scale = float(np.abs(matrices).max())
    if np.abs(matrices - straight).max() > _LINEAR * scale:
        return None
    constant = matrices[0] - slope * times[0]
    rates = np.diagonal(slope).real
    if np.abs(slope - np.diag(rates)).max() * np.ptp(ends) > _SAME * scale:
        return None
    found = _spin(constant, rates, ends) or _star(constant, rates, ends)
    if found is None:
        return None
    name, prediction = found
    coupling = np.abs(constant - np.diag(np.diagonal(constant)))
    ratios = []
    for matrix in (matrices[0], matrices[-1]):
        energies = np.diagonal(matrix).real
        apart = np.abs(energies[:, None] - energies)
        ratios.append(np.max(coupling / np.where(apart > 0, apart, np.inf)))
    check = DomainCheck(
        "coupling over distance of the levels at the ends of the window",
        float(max(ratios)),
        _REACH,
        "the window is too short for the formula of an endless sweep",
    )
    return name, MatrixPrediction(
        value=prediction.value,
        name=prediction.name,
        checks=(*prediction.checks, check),
        equation=prediction.equation,
        log_value=prediction.log_value,
    )


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
            return "Demkov–Osherov", _reorder(prediction, order)
        distinct = np.diff(np.sort(slopes)).min() > _SAME * fastest
        if distinct and np.ptp(meeting) <= _SAME * np.ptp(ends):
            prediction = formulas.bow_tie(slopes=slopes, couplings=coupling[hub, rest])
            return "bow-tie", _reorder(prediction, order)
    return None


def _reorder(prediction: MatrixPrediction, order: npt.NDArray[np.intp]) -> MatrixPrediction:
    """Return the prediction with the labels of H: its state k is state `order[k]` of H."""
    matrix = np.empty_like(prediction.value)
    matrix[np.ix_(order, order)] = prediction.value
    return MatrixPrediction(
        value=matrix,
        name=prediction.name,
        checks=prediction.checks,
        equation=prediction.equation,
    )
