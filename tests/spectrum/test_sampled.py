"""Crossings of sampled levels against those of the formula: values within the errors given."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, Units
from anticrossing.formulas import landau_zener_at, landau_zener_from_gap_curvature
from anticrossing.spectrum import find_crossings, sampled_crossings

BENT = Hamiltonian.from_matrix([["sin(x)", "c"], ["c", "-x + x**2/5"]], parameters={"c": 0.1})
TWICE = Hamiltonian.from_matrix(
    [["3*exp(-(x-1)**2)/5", "c/(1+x**2)"], ["c/(1+x**2)", "3*x/10"]], parameters={"c": 0.3}
)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize(
    "k", [15, 200, *(pytest.param(k, marks=pytest.mark.slow) for k in (30, 61, 120, 500))]
)
@pytest.mark.parametrize(("H", "low", "high"), [(BENT, -2, 1.5), (TWICE, -2, 4)])
def test_values_lie_within_their_errors(
    H: Hamiltonian, low: float, high: float, k: int, noise: float
) -> None:
    rng = np.random.default_rng(11)
    x = np.linspace(low, high, k)
    for c in (0.3, 0.05, 1e-3):
        one = H.replace(c=c)
        exact = find_crossings(one, low, high)
        levels = np.linalg.eigvalsh(one(x)) + noise * rng.normal(size=(k, 2))
        found = sampled_crossings(x, levels)
        assert len(found) == len(exact)
        p, error = found.probabilities(0.05)
        for n, crossing in enumerate(exact):
            least = 1e-12  # rounding
            close = 4 * found.gap_errors[n] + least
            assert abs(found.gaps[n] - crossing.gap) < close
            assert abs(found.positions[n] - crossing.position) < 4 * found.position_errors[n] + 1e-9
            slope = abs(found.slope_differences[n] - crossing.slope_difference)
            assert slope < 4 * found.slope_errors[n] + 1e-9
            formula = landau_zener_at(crossing, 0.05).value
            assert abs(p[n] - formula) < 4 * error[n] + 1e-9
            if k == 200 and noise == 0:
                assert found.gap_errors[n] < 1e-4
                assert error[n] < 1e-4


def test_linear_levels_are_exact_at_any_width() -> None:
    x = np.linspace(-1, 1, 12)  # no point is near the crossing
    for g in (1e-12, 1e-3, 1.0):
        for offset in (0.0, 1e3):
            gap = np.hypot(3.0 * (x - 0.05), g)
            found = sampled_crossings(x, offset + gap[:, None] * [[-0.5, 0.5]], error=0.0)
            assert found.positions[0] == pytest.approx(0.05, abs=1e-12)
            assert found.slope_differences[0] == pytest.approx(3.0, abs=1e-9)
            rounding = 1e-7 if offset == 0 else 1e-5
            assert found.gaps[0] == pytest.approx(g, abs=max(rounding, 4 * found.gap_errors[0]))


def test_probability_is_the_formula_of_belyaev_and_lebedev_in_any_units() -> None:
    units = Units("eV", "fs", "bohr")
    x = np.linspace(-1, 1, 41)
    gap = np.hypot(2.0 * x, 0.3)
    found = sampled_crossings(x, gap[:, None] * [[-0.5, 0.5]], units=units)
    p, error = found.probabilities(0.5)
    ours = landau_zener_from_gap_curvature(
        gap=units.angular * 0.3, gap_curvature=units.angular * (2.0 * 0.5) ** 2 / 0.3
    )
    assert p[0] == pytest.approx(ours.value, abs=1e-9)
    assert error[0] < 1e-6
    with pytest.raises(InputError, match="`speed` must be positive"):
        found.probabilities(0.0)


def test_true_crossings_of_many_levels() -> None:
    x = np.linspace(-1, 1, 101)
    lines = np.stack([0 * x, x - 0.205, -x - 0.515, 0.4 + 0 * x], axis=1)
    found = sampled_crossings(x, lines)
    assert len(found) == 5
    np.testing.assert_allclose(found.positions, [-0.915, -0.515, -0.155, 0.205, 0.605], atol=1e-6)
    assert found.trivial.all()
    p, error = found.probabilities(1e-3)
    assert np.all(np.abs(p - 1) <= error + 1e-9)
    assert found.jumps.size == 0


def test_a_jump_is_told_from_a_kink() -> None:
    x = np.linspace(-1, 1, 201)
    smooth = np.stack([-np.hypot(x, 1e-4), np.hypot(x, 1e-4), 2 + np.tanh(20 * x)], axis=1)
    assert sampled_crossings(x, smooth).jumps.size == 0
    jumped = smooth + 0.02 * (x > 0.305)[:, None] * np.array([0, -1, 0])
    found = sampled_crossings(x, jumped)
    assert found.jumps == pytest.approx(np.array([[0.3, 0.31, -0.02]]), abs=1e-6)
    assert "the levels jump at 1 place" in found.warnings[-1]
    assert not found.at_jumps[0]
    near = smooth[:, :2] + 0.1 * (x > 0.012)[:, None] * np.array([0, 1])
    found = sampled_crossings(x, near)
    assert found.at_jumps.any()
    assert found.probabilities()[1][found.at_jumps].tolist() == [1.0] * int(found.at_jumps.sum())


def test_levels_that_meet_at_an_end_are_named() -> None:
    x = np.linspace(0, 1, 21)
    found = sampled_crossings(x, np.stack([-x, x], axis=1))
    assert len(found) == 0
    assert "first point, 0" in found.warnings[0]
    assert len(found.probabilities()[0]) == 0
    assert len(sampled_crossings(x, x[:, None])) == 0


def test_data_of_a_file_give_the_same() -> None:
    x = np.linspace(-2, 1.5, 61)
    data = ac.geometry.AdiabaticData(x, np.linalg.eigvalsh(BENT(x)))
    exact = find_crossings(BENT, -2, 1.5)[0]
    found = data.crossings()
    assert found.couplings[0] == pytest.approx(exact.coupling, abs=1e-6)
    assert found.energies[0] == pytest.approx(exact.centre_energy, abs=1e-6)


def test_bad_arguments() -> None:
    x = np.linspace(0, 1, 6)
    with pytest.raises(InputError, match="at least 5"):
        sampled_crossings(x[:4], np.zeros((4, 2)))
    with pytest.raises(InputError, match=r"shape \(6, m\)"):
        sampled_crossings(x, np.zeros((5, 2)))
    with pytest.raises(InputError, match="finite"):
        sampled_crossings(x, np.full((6, 2), np.nan))
    with pytest.raises(InputError, match="`error` must"):
        sampled_crossings(x, np.zeros((6, 2)), error=-1.0)


def test_scatter_makes_no_crossings_and_wider_windows() -> None:
    x = np.linspace(-3, 3, 1201)
    gap = np.hypot(0.5, x)
    rng = np.random.default_rng(3)
    noise = 1e-3 * rng.normal(size=(x.size, 2))
    found = sampled_crossings(x, gap[:, None] * [[-0.5, 0.5]] + noise)
    assert len(found) == 1
    assert "ripple" in found.warnings[0]
    assert abs(found.gaps[0] - 0.5) < 4 * found.gap_errors[0]
    assert abs(found.slope_differences[0] - 1.0) < 4 * found.slope_errors[0]
    assert found.gap_errors[0] < 2e-3
    assert found.slope_errors[0] < 0.2
