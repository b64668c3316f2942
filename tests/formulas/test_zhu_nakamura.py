"""Two straight lines: Zhu and Nakamura against exact scattering by momenta and by positions."""

import mpmath
import numpy as np
import pytest
from scipy.special import airy

from anticrossing._core.checks import InputError
from anticrossing.formulas import zhu_nakamura_scattering
from anticrossing.formulas.zhu_nakamura_scattering import (
    _complex_phase,
    _real_phases,
    linear_probability,
)
from tests.effort import slow
from tests.systems.linear_crossing import in_momentum, in_position

BOTH = pytest.mark.parametrize("one_direction", [True, False])


def formula(a, b2, one_direction):
    b2 = np.asarray(b2, float)
    with np.errstate(all="ignore"):
        return linear_probability(np.full(b2.shape, a), b2, np.full(b2.shape, one_direction))


@pytest.mark.slow
def test_lines_of_opposite_direction_by_momenta_and_by_positions():
    for a, b2 in ((1.0, 2.0),):
        exact = in_momentum(a, np.array([b2]), one_direction=False)[0]
        assert in_position(a, b2, one_direction=False) == pytest.approx(exact, abs=1e-6)


@pytest.mark.slow
def test_lines_of_one_direction_by_momenta_and_by_positions():
    for a, b2 in ((0.5, 0.5), (1.0, 0.0), (3.0, 0.5)):
        exact = in_momentum(a, np.array([b2]), one_direction=True)[0]
        found = in_position(a, b2, one_direction=True, reach=120, count=96000)
        assert found == pytest.approx(exact, abs=1e-5)


@pytest.mark.quick(1)
@BOTH
@pytest.mark.parametrize(
    "a", [0.7, *map(slow, (0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0))]
)
def test_error_is_what_is_said(a, one_direction):
    b2 = np.concatenate([np.linspace(-4, 4, 41), np.linspace(4.2, 16, 20)])
    exact = in_momentum(np.full(b2.size, a), b2, one_direction)
    error = np.abs(formula(a, b2, one_direction) - exact)
    assert error.max() < 0.07
    assert error[b2 > 4].max() < 0.015
    tunnelled = (b2 < 0 if one_direction else b2 < -1) & (exact > 1e-6)
    if a <= 5:
        assert np.all(error[tunnelled] < (0.3 if one_direction else 0.051) * exact[tunnelled])


def test_a_thousandth_is_not_reached():
    """The formulas are not exact on straight lines: the errors are theirs, not of the integrals."""
    exact = in_momentum(0.5, np.array([-0.05, 0.65]), one_direction=True)
    assert np.all(np.abs(formula(0.5, [-0.05, 0.65], True) - exact) > 0.03)


def test_phases_by_quadrature():
    a = 0.7
    for b2 in (-2.0, 1.3, 40.0):
        end = mpmath.sqrt(mpmath.mpc(b2, 1))
        whole = mpmath.quad(lambda t, b2=b2: mpmath.sqrt((t * t - b2) ** 2 + 1), [0, end])
        sigma, delta = _complex_phase(np.array(a), np.array(b2))
        assert complex(sigma, delta) == pytest.approx(complex(whole) / a, rel=1e-11)
    for b2 in (1.0001, 1.3, 40.0):
        inner, outer = mpmath.sqrt(b2 - 1), mpmath.sqrt(b2 + 1)
        parts = [
            mpmath.quad(lambda t, b2=b2: mpmath.sqrt(abs((t * t - b2) ** 2 - 1)), ends)
            for ends in ([0, inner], [inner, (inner + outer) / 2, outer])
        ]
        found = _real_phases(np.array(a), np.array(b2))
        assert found[0] == pytest.approx(float(parts[0]) / a, rel=1e-9)
        assert found[1] == pytest.approx(float(parts[1]) / (2 * a), rel=1e-9)
    far = np.array([0.9999e4, 1.0001e4])
    for phases in (_complex_phase, _real_phases):
        assert np.diff(np.log(phases(np.array(1.0), far)[1])) == pytest.approx(-1e-4, rel=1e-3)


@BOTH
def test_the_coupling_and_the_slopes_make_a_and_b(one_direction):
    slopes, mass, v, energy = (0.3, 0.5 if one_direction else -0.5), 40.0, 0.1, 0.06
    found = zhu_nakamura_scattering(coupling=-v, slopes=slopes, reduced_mass=mass, energy=energy)
    force, difference = np.sqrt(0.15), abs(slopes[0] - slopes[1])
    a = np.sqrt(force * difference / (16 * mass * v**3))
    assert found.value == pytest.approx(
        float(formula(a, energy * difference / (2 * v * force), one_direction)), rel=1e-12
    )
    weak = zhu_nakamura_scattering(
        coupling=1e-3, slopes=slopes, reduced_mass=mass, energy=[0.0, 0.05]
    )
    argument = -np.array([0.0, 0.05]) * np.cbrt(2 * mass * difference**2 / force**4)
    lowest = 4e-6 * np.pi**2 * (2 * mass / (force * difference)) ** (2 / 3) * airy(argument)[0] ** 2
    assert weak.value == pytest.approx(lowest, rel=0.5 if one_direction else 0.05)
    assert weak.valid is False


def test_no_number_is_lost_at_the_ends_of_the_range():
    b2 = np.array([-1e12, -1e4, -1.0, 0.0, 1.0, 1e4, 1e12])
    for a in (1e-6, 1e-3, 1.0, 1e3, 1e9):
        for one_direction in (True, False):
            found = formula(a, b2, one_direction)
            assert np.all((found >= 0) & (found <= 1)), (a, one_direction, found)


def test_checks_and_refusals():
    common = {"coupling": 0.1, "slopes": (1.0, -1.0), "reduced_mass": 100.0, "energy": 0.0}
    assert zhu_nakamura_scattering(**common).valid
    weak = zhu_nakamura_scattering(**common | {"coupling": 1e-3, "energy": -0.1})
    assert "Airy" in weak.warnings[0]
    strong = zhu_nakamura_scattering(**common | {"reduced_mass": 1e8})
    assert "narrower" in strong.warnings[0]
    for change, text in (
        ({"slopes": (1.0, 1.0)}, "`slopes` must differ"),
        ({"slopes": (0.0, 1.0)}, "`slopes` must not vanish"),
        ({"slopes": 1.0}, "be a pair"),
        ({"coupling": 0.0}, "`coupling` must not vanish"),
        ({"reduced_mass": -1.0}, "`reduced_mass` must be positive"),
        ({"energy": np.nan}, "`energy` must be finite"),
    ):
        with pytest.raises(InputError, match=text):
            zhu_nakamura_scattering(**common | change)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_scattering_at_the_top_and_the_bottom(side):
    """The elliptic integrals of |b²| = 1 divide by nothing."""
    energies = side * (1 + np.array([0.0, 2.3e-16, 1e-14, 1e-11]))
    found = zhu_nakamura_scattering(
        coupling=1.0, slopes=(1.0, -1.0), reduced_mass=0.125, energy=energies
    ).value
    assert np.ptp(found[:3]) < 1e-12
    assert found[3] == pytest.approx(found[0], abs=0.04)
