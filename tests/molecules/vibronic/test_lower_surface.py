"""One surface with and without its geometric phase, against closed forms and the full problem."""

import numpy as np
import pytest
from scipy.linalg import eig
from scipy.optimize import brentq
from scipy.special import pbdv

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.molecules.vibronic import jahn_teller_levels, lower_surface_levels
from tests.effort import slow


@pytest.mark.parametrize("k", [0.5, 1.5, 3.0, 4.0])
def test_half_odd_ground_level_is_a_parabolic_cylinder_function(k):
    # m = ½ has no centrifugal term: an oscillator about ρ = k with a wall at ρ = 0,
    # D_ν(−√2 k) = 0 and E = ν + ½ − k²/2.
    def wall(nu):
        return pbdv(nu, -np.sqrt(2) * k)[0]

    nu = np.linspace(1e-12, 3, 400)
    values = [wall(v) for v in nu]
    low = next(i for i in range(399) if values[i] * values[i + 1] < 0)
    lowest = brentq(wall, nu[low], nu[low + 1], xtol=1e-14)
    energy = lower_surface_levels(k, count=1).energies[0]
    assert energy == pytest.approx(lowest + 0.5 - k**2 / 2, abs=2e-9)


def collocated(k, order, count):
    """Chebyshev collocation of u = ρ^μ w, w regular: −½w″ − (μ + ½) w′/ρ + (½ρ² − kρ) w = E w."""
    n, end = 80, k + 9.0
    theta = np.pi * np.arange(n + 1) / n
    x = np.cos(theta)
    c = np.r_[2, np.ones(n - 1), 2] * (-1) ** np.arange(n + 1)
    D = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    D = (D - np.diag(D.sum(axis=1))) * 2 / end
    rho = end * (x + 1) / 2
    left = np.diag(rho) @ (-0.5 * D @ D + np.diag(rho**2 / 2 - k * rho)) - (order + 0.5) * D
    right = np.diag(rho)
    left[0], right[0] = 0.0, 0.0  # w = 0 at the far end
    left[0, 0] = 1.0
    values = eig(left, right, right=False)
    values = values[np.isfinite(values) & (np.abs(values.imag) < 1e-6)].real
    return np.sort(values[values > -(k**2)])[:count]


@pytest.mark.parametrize("phase", [True, False])
@pytest.mark.parametrize("correction", [True, slow(False)])
def test_levels_by_another_method(phase, correction):
    k = 2.5
    result = lower_surface_levels(k, geometric_phase=phase, diagonal_correction=correction, count=8)
    rows = []
    for m in np.arange(8) + (0.5 if phase else 0.0):
        order = np.hypot(m, 0.5) if correction else m
        rows += [(energy, m) for energy in collocated(k, order, 4)]
    rows = sorted(rows)[:8]
    np.testing.assert_allclose(result.energies, [row[0] for row in rows], atol=1e-8)
    np.testing.assert_array_equal(result.angular_momenta, [row[1] for row in rows])


@pytest.mark.parametrize("k", [3.0, 5.0, 8.0])
def test_ground_level_is_double_with_the_phase_and_single_without(k):
    assert lower_surface_levels(k, count=1).degeneracies[0] == 2
    assert lower_surface_levels(k, geometric_phase=False, count=1).degeneracies[0] == 1
    full = jahn_teller_levels(k, count=3)
    with_phase = lower_surface_levels(k, count=3)
    np.testing.assert_array_equal(full.angular_momenta, with_phase.angular_momenta)
    np.testing.assert_array_equal(full.degeneracies, with_phase.degeneracies)
    assert full.symmetries == with_phase.symmetries


@pytest.mark.parametrize(("phase", "first"), [(True, 0.5), (False, 0.0)])
def test_ladder_of_the_pseudorotation(phase, first):
    k = 10.0
    result = lower_surface_levels(k, geometric_phase=phase, count=5)
    momenta = first + np.arange(5)
    np.testing.assert_array_equal(result.angular_momenta, momenta)
    # m²/2k²: with the phase the first step is 1/k², without it 1/2k².
    ladder = (momenta**2 - first**2) / (2 * k**2)
    np.testing.assert_allclose(result.energies - result.energies[0], ladder, rtol=0.04, atol=1e-12)


def test_correct_phase_reproduces_the_full_problem_to_sixth_order():
    errors = {}
    for k in (6.0, 12.0):
        full = jahn_teller_levels(k, count=3).energies
        corrected = lower_surface_levels(k, diagonal_correction=True, count=3).energies
        errors[k] = full - corrected
        wrong = lower_surface_levels(
            k, geometric_phase=False, diagonal_correction=True, count=3
        ).energies
        assert np.all(np.abs(full - wrong) > 50 * np.abs(errors[k]))
    ratio = errors[6.0] / errors[12.0]
    np.testing.assert_allclose(ratio, 2.0**6, rtol=0.25)


def test_correction_is_an_eighth_of_the_mean_inverse_square():
    k = 9.0
    plain = lower_surface_levels(k, count=3).energies
    corrected = lower_surface_levels(k, diagonal_correction=True, count=3).energies
    np.testing.assert_allclose(corrected - plain, 1 / (8 * k**2), rtol=0.03)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"linear": 0.0}, "linear"),
        ({"linear": np.inf}, "linear"),
        ({"linear": 1.0, "geometric_phase": 1}, "geometric_phase"),
        ({"linear": 1.0, "diagonal_correction": "yes"}, "diagonal_correction"),
        ({"linear": 1.0, "count": 0}, "count"),
        ({"linear": 1.0, "tolerance": -1.0}, "tolerance"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(InputError, match=f"Argument `{name}` must"):
        lower_surface_levels(**arguments)


@pytest.mark.parametrize("linear", [1e30, 1e200, 1e308])
def test_a_coupling_beyond_every_basis_is_said(linear):
    with pytest.raises(ConvergenceError, match="do not settle"):
        lower_surface_levels(linear, count=1)
    with pytest.raises(ConvergenceError, match="do not settle"):
        jahn_teller_levels(linear, 0.1, count=1)
