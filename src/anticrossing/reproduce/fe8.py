"""Zeros of the tunnel splitting of the molecular magnet Fe8, and slow sweeps through it.

The spin S = 10 has an easy axis z, a medium axis y and a hard axis x,

    H = −D S_z² + E (S_x² − S_y²) + C (S_+⁴ + S_−⁴) + g μ_B (B_x S_x + B_z S_z).

Two ways of tunnelling between m = 10 and −10 turn about the hard axis in opposite senses, and the
field along it sets their phase: the splitting vanishes at equally spaced fields, for C = 0 every
2 √(2E(E+D))/gμ_B.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import drive, formulas
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.spin import spin_matrices
from anticrossing.reproduce.reproduction import Number, Reproduction
from anticrossing.units import Units

_SPIN = 10
_D, _E, _C = 0.292, 0.046, -2.9e-5  # kelvin
_ZEEMAN = 2 * 0.671713816  # gμ_B/k_B in kelvin per tesla, g = 2
_WITHOUT, _WITH = 0.2625, 0.405  # published periods, tesla
_LAST_FIELD = 1.5  # tesla
_SWEPT = (0.0, 0.1, 0.19, 0.3, 0.4)  # tesla
_WINDOW, _RATE = 2e-4, 1.4e-7  # tesla, tesla per microsecond
_CLAIM = 1e-4  # relative, of probabilities to tunnel

_SOURCE = "W. Wernsdorfer and R. Sessoli, Science 284, 133 (1999)"
_GARG = "A. Garg, Europhys. Lett. 22, 205 (1993)"


def compute() -> Reproduction:
    """Find where the splitting of the ground doublet vanishes, and sweep through it exactly."""
    found = {fourth: _zeros(fourth) for fourth in (0.0, _C)}
    period = 2 * np.sqrt(2 * _E * (_E + _D)) / _ZEEMAN
    apart = float(np.max(np.abs(found[0.0] / (period * (np.arange(found[0.0].size) + 0.5)) - 1)))
    numbers = [
        Number("period without C (T)", _WITHOUT, float(np.diff(found[0.0]).mean()), 1e-4, _GARG),
        Number("period with C (T)", _WITH, float(np.diff(found[_C][:3]).mean()), 1e-3, _SOURCE),
    ]
    rows: list[list[Any]] = []
    tunnelled, expected = [], []
    for field in _SWEPT:
        gap = abs(splitting(field, _C))
        exact, formula = _sweep(field, gap)
        tunnelled.append(exact)
        expected.append(formula)
        rows.append([field, gap, exact, formula])
    off = float(np.max(np.abs(np.divide(tunnelled, expected) - 1)))
    conclusion = (
        f"Without the fourth-order term the splitting vanishes every {numbers[0].found:.4f} T, at "
        f"(n + ½) 2√(2E(E+D))/gμ_B within {apart:.0e}; with it every {numbers[1].found:.4f} T "
        f"(published {_WITH} T). Exact sweeps of 21 levels at {_RATE:g} T/µs tunnel with the "
        f"Landau–Zener probability of that splitting within {off:.0e} of it."
    )
    fields = np.linspace(0.0, _LAST_FIELD, 301)
    curves = {
        fourth: np.abs([splitting(float(field), fourth) for field in fields])
        for fourth in (0.0, _C)
    }

    return Reproduction(
        name="fe8",
        title="Fe8: interference of two ways to tunnel switches tunnelling off",
        source=f"{_SOURCE}; {_GARG}.",
        columns=["B_x (T)", "splitting (K)", "P to tunnel, exact", "Landau–Zener"],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(apart < 1e-8 and off < _CLAIM),
        draw=lambda figure: _draw(
            figure, fields, curves, np.asarray(tunnelled), np.asarray(expected)
        ),
        numbers=numbers,
    )


def splitting(field: float, fourth: float) -> float:
    """Return the tunnel splitting of the ground doublet in kelvin, even minus odd under m → −m.

    A difference of energies of 30 K would know 10⁻¹⁴ K. With the two ground states e and o,
    (E_e − E_o) ⟨o|e⟩ = ⟨o|H_e − H_o|e⟩ on the half m > 0: small numbers without cancellation.
    """
    matrix = hamiltonian(field, fourth)[0]
    half = matrix[:_SPIN, :_SPIN]
    across, centre = matrix[:_SPIN, :_SPIN:-1], np.sqrt(2) * matrix[:_SPIN, _SPIN]
    even = np.block([[half + across, centre[:, None]], [centre, matrix[_SPIN, _SPIN]]])
    e = np.linalg.eigh(even)[1][:, 0]
    o = np.linalg.eigh(half - across)[1][:, 0]
    return float((2 * o @ across @ e[:_SPIN] + o @ centre * e[_SPIN]) / (o @ e[:_SPIN]))


@functools.cache
def _operators() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return S_x, S_z, S_x² − S_y² and S_+⁴ + S_−⁴."""
    s_x, s_z = spin_matrices(_SPIN)
    raising = 2 * np.triu(s_x)
    two, four = (np.linalg.matrix_power(raising, power) for power in (2, 4))
    return s_x, s_z, 0.5 * (two + two.T), four + four.T


def hamiltonian(field: float, fourth: float) -> tuple[FloatArray, FloatArray]:
    """Return H without a field along z in kelvin, and its slope in that field."""
    s_x, s_z, rhombic, tetragonal = _operators()
    constant = -_D * s_z @ s_z + _E * rhombic + fourth * tetragonal + _ZEEMAN * field * s_x
    return constant, _ZEEMAN * s_z


def _zeros(fourth: float) -> FloatArray:
    from scipy.optimize import brentq

    fields = np.linspace(0.01, _LAST_FIELD, 150)
    values = np.array([splitting(float(field), fourth) for field in fields])
    places: npt.NDArray[np.intp] = np.flatnonzero(values[1:] * values[:-1] < 0)
    return np.array(
        [brentq(splitting, fields[k], fields[k + 1], args=(fourth,), xtol=1e-12) for k in places]
    )


def _sweep(field: float, gap: float) -> tuple[float, float]:
    """Return the probability to tunnel in an exact sweep, and by Landau and Zener."""
    constant, slope = hamiltonian(field, _C)
    units = Units("K", "us")
    swept = propagate(
        Hamiltonian.affine(constant, slope, units=units),
        drive.Linear(-_WINDOW, _WINDOW, rate=_RATE),
    )
    vector = np.linalg.eigh(constant + _WINDOW * slope)[1][:, :2]
    levels = np.abs(np.diff(np.einsum("ij,ik,kj->j", vector, slope, vector)))
    jump = formulas.landau_zener(
        gap=gap * units.angular, sweep_rate=float(levels[0]) * _RATE * units.angular
    )
    return float(swept.transition_matrix[0, 0]), -float(np.expm1(float(np.asarray(jump.log_value))))


def _draw(
    figure: Any,
    fields: FloatArray,
    curves: dict[float, FloatArray],
    tunnelled: FloatArray,
    expected: FloatArray,
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    for index, (fourth, values) in enumerate(curves.items()):
        label = "with the fourth-order term" if fourth else "without"
        left.plot(fields, values, color=style.FORMULA_COLORS[index], lw=1.2, label=label)
    left.set(yscale="log", ylabel="tunnel splitting (K)")
    right.plot(_SWEPT, expected, ls="none", marker="o", ms=7, mfc="none", color=style.MUTED)
    right.plot(_SWEPT, tunnelled, ls="none", marker=".", color=style.FORMULA_COLORS[1])
    right.set(yscale="log", ylabel="P to tunnel (circles: Landau–Zener)")
    left.legend(loc="best")
    for axes in (left, right):
        axes.set_xlabel("field along the hard axis (T)")
        style.grid(axes)
