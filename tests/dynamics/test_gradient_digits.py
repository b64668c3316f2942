"""Derivatives against differences of a propagation that carries thirty-six digits.

y′ = (C + t S) y by Taylor series in integers, in units of 2⁻¹²⁰, shares nothing with the
library. A central difference over 2⁻²⁸ then knows a derivative to 1e-16.
"""

from fractions import Fraction

import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow

BITS, STEP = 120, Fraction(1, 2**28)
ONE = 1 << BITS


def fixed(matrix):
    """A matrix of doubles, exactly, as integers."""
    whole = [int(Fraction(float(value)) * ONE) for value in np.ravel(matrix)]
    return np.array(whole, dtype=object).reshape(np.shape(matrix))


def times(left, right):
    return (left @ right) >> BITS


def carried(constant, along, half_window):
    """The solution of y′ = (C + t S) y on [−T, T] that begins as 1, all real, in integers."""
    longest = np.abs(constant).sum(axis=1).max() + half_window * np.abs(along).sum(axis=1).max()
    steps = int(np.ceil(half_window * float(longest) / ONE))
    h = Fraction(2 * half_window, steps)
    y = fixed(np.eye(len(constant)))
    scaled = (along * h.numerator**2) // h.denominator**2
    for k in range(steps):
        middle = -half_window + (k + Fraction(1, 2)) * h
        here = constant + (along * middle.numerator) // middle.denominator
        here = (here * h.numerator) // h.denominator
        # About the middle: back to the start of the step, then forth.
        back, forth = (series(here, scaled, sign) for sign in (-1, 1))
        y = times(forth, solved(back, y))
    return y


def series(here, scaled, sign):
    """The solution half a step away, of a step of length one: (−1)^m for the way back."""
    before, last = 0 * here, fixed(np.eye(len(here)))
    total, m = last.copy(), 0
    while np.any(np.abs(last) > 1) or m < 4:
        m += 1
        new = (times(here, last) * 2 + times(scaled, before)) // (4 * m)
        before, last = last, new
        total = total + sign**m * last
    return total


def solved(matrix, right):
    """matrix⁻¹ times another, by Newton's method from doubles: 1e-15, 1e-30, and the last digit."""
    guess = fixed(np.linalg.inv((matrix / ONE).astype(float)))
    two = fixed(2 * np.eye(len(matrix)))
    for _ in range(3):
        guess = times(guess, two - times(matrix, guess))
    return times(guess, right)


def fan(levels):
    generator = np.random.default_rng(levels)
    terms = [("x", np.diag(np.arange(levels) - 0.5 * (levels - 1)))]
    for k in range(3):
        matrix = generator.normal(size=(levels, levels))
        terms.append((f"p{k}", 0.25 * (matrix + matrix.T)))
    return ac.Hamiltonian.from_terms(terms, parameters={"p0": 0.5, "p1": 0.75, "p2": 1.0})


def schroedinger(h):
    """−iH of a real H as a real matrix: of the real parts, then of the imaginary ones."""
    none = np.zeros_like(h)
    return np.block([[none, h], [-h, none]])


def liouville(h, jump=None):
    """ρ → −i[H, ρ], with a jump operator LρL† − ½{L†L, ρ}, on ρ_ii, Re ρ_ij and Im ρ_ij."""
    levels = len(h)
    upper = np.triu_indices(levels, 1)
    columns = []
    for k in range(levels**2):
        parts = np.zeros(levels**2)
        parts[k] = 1.0
        rho = np.zeros((levels, levels), dtype=complex)
        rho[upper] = parts[levels::2] + 1j * parts[levels + 1 :: 2]
        rho = rho + rho.conj().T + np.diag(parts[:levels])
        moved = -1j * (h @ rho - rho @ h)
        if jump is not None:
            square = jump.T @ jump
            moved += jump @ rho @ jump.T - 0.5 * (square @ rho + rho @ square)
        column = np.empty(levels**2)
        column[:levels] = moved.diagonal().real
        column[levels::2], column[levels + 1 :: 2] = moved[upper].real, moved[upper].imag
        columns.append(column)
    return np.array(columns).T


def differences(equation, hamiltonian, rate, half_window, parameter, jump):
    """The propagator, real, and its derivative, from two propagations."""
    given = () if jump is None else (jump,)
    constant = fixed(equation(hamiltonian(0.0), *given))
    if parameter == "rate":
        moved, changed = 0, fixed(equation(hamiltonian.derivative(0.0)))
    else:
        moved, changed = fixed(equation(hamiltonian.parameter_derivative(parameter, 0.0))), 0
    along = fixed(equation(rate * hamiltonian.derivative(0.0)))
    ends = [
        carried(
            constant + sign * moved * STEP.numerator // STEP.denominator,
            along + sign * changed * STEP.numerator // STEP.denominator,
            half_window,
        )
        for sign in (1, -1)
    ]
    slope = (ends[0] - ends[1]) * STEP.denominator / (2 * STEP.numerator * ONE)
    return ((ends[0] + ends[1]) / (2 * ONE)).astype(float), slope.astype(float)


@pytest.mark.parametrize(
    ("levels", "rate", "parameter"),
    [(2, 1.0, "p1")]
    + [slow(n, r, p) for n in (2, 3) for r in (1.0, 0.125) for p in ("p1", "rate")]
    + [slow(n, 1.0, "p1") for n in (4, 5, 6)],
)
def test_closed(levels, rate, parameter):
    half_window = int(4 / rate)
    hamiltonian = fan(levels)
    drive = ac.drive.Formula("rate*t", -half_window, half_window, rate=rate)
    found = ac.propagate(hamiltonian, drive, basis="diabatic", gradient=[parameter])
    derivative = found.gradients[parameter]
    given = hamiltonian, rate, half_window, parameter, None
    whole, slope = differences(schroedinger, *given)
    # y = (Re, Im): the first columns are U, and −iH = (0, H; −H, 0).
    whole, slope = (m[:levels, :levels] + 1j * m[levels:, :levels] for m in (whole, slope))
    assert np.abs(found.propagator - whole).max() < 1e-11
    wanted = 2 * (whole.conj() * slope).real
    assert np.abs(derivative.transition_matrix - wanted).max() < 1e-9
    apart = np.abs(derivative.propagator - slope).max()
    assert apart < 1e-10 * (1 + np.abs(slope).max())  # it holds all phases, a hundred radians
    assert np.abs(derivative.transition_matrix - wanted).max() < derivative.error_estimate
    assert np.abs(wanted).max() > 1e-2


@pytest.mark.parametrize(
    ("levels", "rate", "parameter"),
    [(2, 1.0, "p1")]
    + [slow(n, r, p) for n in (2, 3) for r in (1.0, 0.125) for p in ("p1", "rate")]
    + [slow(4, 1.0, "p1")],
)
def test_open(levels, rate, parameter):
    half_window = int(4 / rate)
    hamiltonian, jump = fan(levels), np.diag(np.full(levels - 1, 0.25), 1)
    drive = ac.drive.Formula("rate*t", -half_window, half_window, rate=rate)
    found = ac.propagate(
        hamiltonian, drive, environment=ac.Lindblad([jump]), basis="diabatic", gradient=[parameter]
    )
    derivative = found.gradients[parameter]
    whole, slope = differences(liouville, hamiltonian, rate, half_window, parameter, jump)
    assert np.abs(found.transition_matrix - whole[:levels, :levels]).max() < 1e-11
    wanted = slope[:levels, :levels]
    assert np.abs(derivative.transition_matrix - wanted).max() < 1e-9
    assert np.abs(derivative.transition_matrix - wanted).max() < derivative.error_estimate
    assert np.abs(wanted).max() > 1e-2
