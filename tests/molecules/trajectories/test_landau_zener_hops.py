"""Landau–Zener hopping: the formula, crossings without coupling, degenerate groups."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian, models
from anticrossing.molecules.trajectories import Fixed, run_trajectories
from tests.effort import slow


def first_draws(seeds):
    """Return the first random number of every trajectory (SplitMix64)."""
    z = seeds + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def landau_zener_probability(H, **options):
    """Return the probability of one hop, to 1/count: who drew less hopped, who drew more not."""
    found = run_trajectories(H, method="landau-zener", count=10_000, seed=1, every=1, **options)
    draws, hopped = first_draws(found.seeds), np.zeros(10_000, dtype=bool)
    hopped[found.hops.trajectory] = True
    assert found.hops.count("accepted") == len(found.hops.time) == hopped.sum()
    assert draws[hopped].max() < draws[~hopped].min()
    return 0.5 * (draws[hopped].max() + draws[~hopped].min())


@pytest.mark.quick(2)
@pytest.mark.parametrize("step", [0.05, 0.3, 1.3])
def test_landau_zener_hops_are_exact_for_linear_diabats_and_any_step(step):
    slope, coupling, speed = 0.001, 0.0015, 0.02
    H = Hamiltonian.from_matrix([[f"{slope}*x", coupling], [coupling, f"-{slope}*x"]])
    found = landau_zener_probability(
        H, masses=1e9, initial=Fixed(-5.0, 1e9 * speed), step=step / speed, steps=round(10 / step),
        box=[-6.0, 5.0],
    )  # fmt: skip
    exact = np.exp(-2 * np.pi * coupling**2 / (2 * slope * speed))
    assert found == pytest.approx(exact, abs=1.5e-4)


@pytest.mark.slow
def test_landau_zener_hops_converge_to_the_formula_of_belyaev_and_lebedev():
    import mpmath

    H = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(1.6*x) + 0.006*x**2/(1 + x**2)", "0.005*exp(-(x - 0.3)**2)"],
            ["0.005*exp(-(x - 0.3)**2)", "-0.01*tanh(1.6*x) - 0.006*x**2/(1 + x**2)"],
        ]
    )

    def gap(x):
        difference = mpmath.mpf("0.01") * mpmath.tanh(1.6 * x) + 0.006 * x**2 / (1 + x**2)
        return 2 * mpmath.sqrt(difference**2 + (0.005 * mpmath.exp(-((x - 0.3) ** 2))) ** 2)

    lowest = mpmath.findroot(lambda x: mpmath.diff(gap, x), -0.06)
    speed = 6e-3
    bend = mpmath.diff(gap, lowest, 2) * speed**2
    exact = float(mpmath.exp(-mpmath.pi / 2 * mpmath.sqrt(gap(lowest) ** 3 / bend)))
    assert 0.4 < exact < 0.6
    errors = []
    for step in (0.4, 0.2, 0.1):
        # The minimum lies at the same place between two points.
        found = landau_zener_probability(
            H, masses=1e9, initial=Fixed(float(lowest) - 9.4 * step, 1e9 * speed),
            step=step / speed, steps=20,
        )  # fmt: skip
        errors.append(abs(found - exact))
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 8  # the order is four
    assert errors[2] < 1.5e-4


@pytest.mark.slow
def test_landau_zener_hops_where_the_third_derivative_jumps():
    # The simple crossing has |x|³ in gap², whose second derivative at 0 is 8(A²B² − 2C²D).
    k, start = 13.0, -5.0
    a, b, c, d = 0.01, 1.6, 0.005, 1.0
    H = models.TullySimple()
    speed = np.sqrt((k / 2000) ** 2 + 2 * (np.linalg.eigvalsh(H(start))[0] + c) / 2000)
    bend = 4 * (a**2 * b**2 - 2 * c**2 * d) / (2 * c)
    exact = np.exp(-np.pi / 2 * np.sqrt((2 * c) ** 3 / bend) / speed)
    for step in (0.1, 0.05, 0.025):
        found = landau_zener_probability(
            H, masses=2000.0, initial=Fixed(start, k), step=step / speed,
            steps=round(8 / step), box=[-6.0, 2.0],
        )  # fmt: skip
        assert abs(found - exact) < 0.2 * step  # first order


@pytest.mark.parametrize("dt", [2.0, 20.0, 100.0])
def test_landau_zener_hops_lose_nothing_at_trivial_crossings(dt):
    H = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(1.6*x)", "0.005*exp(-x**2)", 0],
            ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)", 0],
            [0, 0, "0.01*x - 0.02"],
        ]
    )
    found = run_trajectories(
        H, masses=2000.0, initial=Fixed(-5.0, 25.0, state=2, basis="diabatic"), step=dt,
        steps=round(1200 / dt), count=256, seed=1, method="landau-zener",
    )  # fmt: skip
    assert found.position.value[-1, 0] > 4.0
    assert_allclose(found.populations.value[-1], [0, 0, 1], atol=1e-12)
    assert_allclose(found.diabatic_populations.value[-1], [0, 0, 1], atol=1e-12)
    assert_allclose(found.final_weights, np.eye(3)[found.final_levels])


@pytest.mark.quick(2)
@pytest.mark.parametrize("dt", [2.0, 20.0, 33.0, 100.0])
@pytest.mark.parametrize("distance", [0.0, 1e-7, 1e-4])
def test_a_level_passes_two_others_in_one_step(dt, distance):
    H = Hamiltonian.from_matrix(
        [["0.004*x", 0, 0], [0, "-0.003*x", 0], [0, 0, f"-0.003*x + {distance}"]]
    )
    options = {"masses": 2000.0, "step": dt, "steps": round(1400 / dt), "count": 64, "seed": 1,
               "method": "landau-zener"}  # fmt: skip
    for state, slope in enumerate((0.004, -0.003, -0.003)):
        found = run_trajectories(H, initial=Fixed(-5.0, 20.0, state=state), **options)
        time = found.times[-1]
        assert_allclose(found.diabatic_populations.value[-1], np.eye(3)[state], atol=1e-12)
        assert_allclose(found.final_positions, -5 + 0.01 * time - slope * time**2 / 4000)
        assert len(found.hops.time) == found.hops.count("followed")


@pytest.mark.slow
@pytest.mark.parametrize("step", [slow(0.2), 0.5, slow(3.0)])
@pytest.mark.parametrize("split", [slow(0.0), 1e-7, slow(2e-2)])
def test_a_level_and_a_band_are_the_formula_of_demkov_and_osherov(step, split):
    # A level that crosses a band stays itself with exp(−2π Σ V²/α), however near the band's levels.
    slope, speed, couplings = 0.001, 0.02, np.array([0.0005, -0.0012, 0.0008])
    single = np.exp(-2 * np.pi * couplings**2 / (2 * slope * speed))
    matrix = np.zeros((4, 4), dtype=object)
    matrix[0, 0] = f"{slope}*x"
    for k in range(3):
        matrix[k + 1, k + 1] = f"-{slope}*x + {k * split}"
        matrix[0, k + 1] = matrix[k + 1, 0] = couplings[k]
    length = 60.0 if split > 1e-3 else 24.0
    for state, sign in ((0, 1.0), (3, -1.0)):  # from below, and back from above
        found = run_trajectories(
            Hamiltonian.from_matrix(matrix.tolist()), masses=1e9,
            initial=Fixed(-sign * length / 2 + 0.3 * step, sign * 1e9 * speed, state=state),
            step=step / speed, steps=round(length / step), count=4000, seed=1,
            method="landau-zener",
        )  # fmt: skip
        stays = found.final_levels == 3 - state
        if split > 1e-3:
            # Apart by many widths: one crossing after the other; which comes first depends on side.
            shares = np.bincount(found.final_levels, minlength=4) / 4000
            order = single if state == 0 else single[::-1]
            left = np.cumprod(np.append(1.0, order))
            chances = np.append(left[:-1] * (1 - order), left[-1])
            found_shares = shares if state == 0 else shares[::-1]
            error = np.sqrt(chances * (1 - chances) / 4000)
            assert np.all(np.abs(found_shares - chances) < 3.5 * error + 0.005)
        else:
            draws = first_draws(found.seeds)
            threshold = 0.5 * (draws[stays].max() + draws[~stays].min())
            assert threshold == pytest.approx(single.prod(), abs=1e-3)
            assert set(found.final_levels) == {0, 3}  # the rest of the band has no part in it


def test_levels_that_come_near_without_coupling_do_not_hop():
    # Two oscillators that touch at a turning point, and a parabola that dips towards a line.
    touching = Hamiltonian.from_matrix([["0.5*x**2", 0], [0, "0.5*x**2 - 0.1*x + 0.1001"]])
    dipping = Hamiltonian.from_matrix([["-0.05*x", 0], [0, "-0.05*x + 0.0001 + 0.1*x**2"]])
    for H, start in ((touching, Fixed(1.0, 0.0)), (dipping, Fixed(-1.0, 1.0))):
        found = run_trajectories(
            H, masses=1.0, initial=start, step=0.01, steps=2000, count=64, seed=2,
            method="landau-zener",
        )  # fmt: skip
        assert len(found.hops.time) == 0
