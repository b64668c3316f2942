"""Formulas in which large terms cancel, against the same formulas in many digits."""

import mpmath
import numpy as np
import pytest
import sympy

import anticrossing as ac
from anticrossing._core import expression
from anticrossing.dynamics.cancellation import bounded
from anticrossing.dynamics.lanes import Lanes

FLIP = ac.Hamiltonian.from_matrix([[0, "x/2"], ["x/2", 0]])
CENTRE, WIDTH = 0.31327, 1e-5


def lorentzian(c, w):
    """∫₀¹ dt / ((t − c)² + w²)."""
    return (mpmath.atan((1 - c) / w) + mpmath.atan(c / w)) / w


PULSES = {
    "1/(t**2-2*c*t+c**2+w**2)": (WIDTH, lorentzian),
    "exp((cos(t-c)-1)/w**2)": (1e-4, lambda c, w: w * mpmath.sqrt(2 * mpmath.pi) * (1 + w**2 / 8)),
    "1/(1+w**2/2-cos(t-c))": (WIDTH, lambda c, w: 2 * mpmath.pi / w - 2 / c - 2 / (1 - c)),
}


@pytest.mark.parametrize("formula", PULSES)
def test_a_pulse_known_to_few_digits_says_so(formula):
    """A two-level system turned by the area of a pulse."""
    width, area = PULSES[formula]
    with mpmath.workdps(30):
        whole = area(mpmath.mpf(CENTRE), mpmath.mpf(width))
        strength = float(1.9 / whole)
        right = float(mpmath.sin(strength * whole / 2) ** 2)
    drive = ac.drive.Formula(f"s*({formula})", 0, 1, s=strength, c=CENTRE, w=width)
    result = ac.propagate(FLIP, drive, basis="diabatic", tolerance=1e-8)
    error = abs(result.transition_matrix[1, 0] - right)
    assert 1e-10 < error < 3 * result.error_estimate
    assert result.warnings


def test_a_parabola_far_from_where_time_is_counted():
    """(t − 10⁶)² − 25, multiplied out, under a gap of 1: the plain one has all digits."""
    hamiltonian = ac.models.LandauZener(gap=1.0)
    near = ac.propagate(hamiltonian, ac.drive.Formula("t**2-25", -10, 10), basis="diabatic")
    drive = ac.drive.Formula("t**2-2e6*t+1e12-25", 1e6 - 10, 1e6 + 10)
    far = ac.propagate(hamiltonian, drive, basis="diabatic")
    error = np.abs(far.transition_matrix - near.transition_matrix).max()
    assert 1e-9 < error < 3 * far.error_estimate
    assert far.warnings


@pytest.mark.parametrize(
    "formula",
    [
        "1/(t**2-2*c*t+c**2+w**2)",
        "exp(1e4*(cos(t-c)-1))",
        "log(1+w/((t-c)**2+w**2))-tanh(t/w)/3",
        "sqrt(t**2+1e-3)-t*sin(100*t)**5",
        "(t+0.1)**2.5-(t+0.1)**c*atan(t/w)",
        "t**3-t**2/7+pi*t-1/(cosh(3*t)-c)",
    ],
)
def test_bounds_hold_and_are_not_far(formula):
    names = {"t": None, "c": 0.3137, "w": 1e-2}
    tree = expression.parse(formula, list(names))
    times = np.random.default_rng(3).uniform(0.01, 0.99, 200)
    known = {"t": (times, 0.0), "c": (names["c"], 0.0), "w": (names["w"], 0.0)}
    value, bound = bounded(tree, known)
    symbols = [expression.symbol(name) for name in names]
    with mpmath.workdps(40):
        exact = sympy.lambdify(symbols, tree, modules="mpmath")
        numbers = [mpmath.mpf(names["c"]), mpmath.mpf(names["w"])]
        right = [exact(mpmath.mpf(t), *numbers) for t in times]
        error = np.array(
            [float(abs(mpmath.mpf(v) - r)) for v, r in zip(value.tolist(), right, strict=True)]
        )
    assert np.all(error <= bound)
    assert np.max(error[bound > 0] / bound[bound > 0]) > 0.01


def test_the_last_digits_of_h_are_those_of_its_terms():
    """H = (x − c) A + 5 B, with A and B given at any scale."""
    matrices = np.array([[[1, 0], [0, -1]], [[0, 1], [1, 0]]])
    unit = np.finfo(float).eps
    for scale in (1.0, 100.0):
        first, second = scale * matrices
        for centre in (1.0, 1e6):
            H = ac.Hamiltonian.from_terms([(f"x-{centre!r}", first), ("5", second)])
            lanes = Lanes.of(H, ac.drive.Linear(centre - 3, centre + 2, rate=1))
            lost = lanes.last_digits(lanes.start[:, None], np.arange(1))[0, 0] / (scale * unit)
            assert lost[0, 1] == lost[1, 0] == pytest.approx(5)
            assert centre / 4 < lost[0, 0] < 4 * (centre + 3)
