"""Lemma 2 and appendix A of Fraas and Hänggli against the general expansion and quadrature."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.analysis import adiabatic_expansion
from anticrossing.formulas import dephasing_coefficients
from tests.effort import slow

GAP, START, STOP, RATE, STEP = 0.8, -1.7, 1.1, 0.05, 0.01
DIFFERENCES = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60  # of sixth order


def general(hamiltonian, gamma, start, stop, level):
    """a, b and ḃ of the general expansion at `stop`, in the slow time x."""
    places = stop + STEP * np.arange(-3, 4)
    drive = ac.drive.Linear(start, places[-1] + 0.1, RATE)
    found = adiabatic_expansion(
        hamiltonian, drive, ac.Dephasing(gamma), initial=level, order=2, times=places / RATE
    )
    kernel, outside = found.kernel_path, found.range_path
    a = (kernel[1, 3] + outside[1, 3]) / RATE
    b = outside[2] / RATE**2
    return a, b[3], np.tensordot(DIFFERENCES, b, axes=1) / STEP


@pytest.mark.parametrize(
    ("gamma", "level"), [("0.5/(1 + x**2) + 0.1*x + 0.3", 0), slow(0.4, 1), slow("exp(-x**2)", 1)]
)
def test_general_expansion(gamma, level):
    found = dephasing_coefficients(gap=GAP, gamma=gamma, start=START, stop=STOP, level=level)
    a, b, slope = general(ac.models.LandauZener(gap=GAP), gamma, START, STOP, level)
    assert np.allclose(found.a, a, atol=1e-14)
    assert np.allclose(found.b, b, atol=1e-14)
    assert np.allclose(found.b_slope, slope, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gamma", "level"), [("0.5/(1 + x**2) + 0.1*x + 0.3", 1), slow(0.4, 0), slow("exp(-x**2)", 0)]
)
def test_dual_expansion(gamma, level):
    """L*₋ₜ is the generator of −H₋ₜ, a Landau–Zener Hamiltonian with the sign of g changed."""
    mirrored = (
        gamma.replace("x", "(-x)").replace("e(-x)p", "exp") if isinstance(gamma, str) else gamma
    )
    flipped = ac.Hamiltonian.affine(-0.5 * GAP * np.array([[0, 1], [1, 0]]), np.diag([0.5, -0.5]))
    found = dephasing_coefficients(
        gap=GAP, gamma=gamma, start=START, stop=STOP, level=level, dual=True
    )
    a, b, slope = general(flipped, mirrored, -STOP, -START, 1 - level)
    assert np.allclose(found.a, a, atol=1e-14)
    assert np.allclose(found.b, b, atol=1e-14)
    assert np.allclose(found.b_slope, -slope, atol=1e-10)


def test_moved_probability_is_the_integral():
    for start, stop in ((-3.0, 2.0), (1e3, 2e3), (-5e4, -1e3), (0.0, 0.0)):
        g, gamma = mpmath.mpf("0.8"), mpmath.mpf("0.4")
        with mpmath.workdps(40):
            power = lambda s, g=g: ((s * s + g * g) / 4) ** mpmath.mpf("-2.5")  # noqa: E731
            integral = mpmath.quad(power, np.linspace(start, stop, 12).tolist())
            wanted = float(g**2 / 64 * gamma / (1 + gamma**2) * integral)
        found = dephasing_coefficients(gap=0.8, gamma=0.4, start=start, stop=stop)
        assert found.moved == pytest.approx(wanted, rel=1e-13, abs=0)
        text = dephasing_coefficients(gap=0.8, gamma="0.4 + 0*x", start=start, stop=stop)
        assert text.moved == pytest.approx(wanted, rel=1e-9, abs=1e-15)


def test_infinite_window_gives_theorem_three():
    found = dephasing_coefficients(gap=1.3, gamma="0.3/(1 + x**2)", start=-1e5, stop=1e5)
    theorem = ac.formulas.dephasing_landau_zener(gap=1.3, sweep_rate=1.0, gamma="0.3/(1 + x**2)")
    assert found.moved == pytest.approx(theorem.incoherent, rel=1e-9)
    direct, _ = quad(
        lambda s: 1.3**2 / 64 * (0.3 / (1 + s**2)) / (1 + (0.3 / (1 + s**2)) ** 2)
        / (0.5 * np.hypot(s, 1.3)) ** 5, -np.inf, np.inf,
    )  # fmt: skip
    assert found.moved == pytest.approx(direct, rel=1e-8)


def test_norms_of_the_appendix():
    """(3.27), (3.28) without the integral, and ‖b‖₁, ‖ḃ‖₁ ≤ c e⁻³ on the whole axis."""
    s = np.concatenate([-np.geomspace(1e4, 1e-1, 8), np.geomspace(1e-1, 1e4, 8)])
    e = 0.5 * np.hypot(s, 1.0)
    norm = lambda matrices: np.linalg.svd(matrices, compute_uv=False).sum(axis=-1)  # noqa: E731
    free = dephasing_coefficients(gap=1.0, gamma=0.0, start=s, stop=s)
    assert np.allclose(norm(free.a), 1 / (8 * e**3), rtol=1e-12)
    dual = dephasing_coefficients(gap=1.0, gamma=0.7, start=s, stop=s, level=1, dual=True)
    assert np.allclose(norm(dual.a), 1 / (8 * np.sqrt(1.49) * e**3), rtol=1e-12)
    whole = dephasing_coefficients(gap=1.0, gamma="0.5 + 0.2*tanh(x)", start=-1e4, stop=s)
    assert np.all(norm(whole.b) * e**3 < 0.5)
    assert np.all(norm(whole.b_slope) * e**3 < 2)
    other = dephasing_coefficients(gap=1.0, gamma="0.5 + 0.2*tanh(x)", start=-1e4, stop=s, level=1)
    assert np.allclose(other.a, -whole.a)  # ρ₊ + ρ₋ = 1


def test_far_away_and_arrays():
    found = dephasing_coefficients(gap=[1.0, 2.0], gamma=0.3, start=-1e160, stop=1e160)
    assert found.a.shape == (2, 2, 2)
    assert found.moved == pytest.approx(2 / 3 * 0.3 / 1.09 / np.array([1.0, 4.0]))
    assert np.all(np.isfinite(found.b_slope))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap": 0.0}, "`gap` must be positive"),
        ({"gamma": -1.0}, "`gamma` must not be negative"),
        ({"gamma": "x"}, "finite and not negative"),
        ({"gamma": np.sin}, "formula"),
        ({"level": 2}, "level from 0 to 1"),
        ({"gap": 1e-160}, "double"),
        ({"dual": 1}, "dual"),
        ({"stop": np.inf}, "finite"),
    ],
)
def test_bad_input(options, message):
    good = {"gap": 1.0, "gamma": 0.3, "start": -1.0, "stop": 0.0}
    with pytest.raises(InputError, match=message):
        dephasing_coefficients(**{**good, **options})
