"""Fewest switches: rescaling, how often, and what a crossing without coupling does."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian
from anticrossing.models import TullySimple
from anticrossing.molecules.trajectories import Fixed, Gaussian, run_trajectories
from tests.effort import cases
from tests.molecules.trajectories.random_vibronic import vibronic


@pytest.mark.slow
@cases(40)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 4))
def test_rescaling_conserves_the_energy_exactly(seed, size):
    import numba

    from anticrossing.molecules.trajectories._hops import rescale
    from anticrossing.molecules.trajectories._pointers import ModelPointers, pointer

    @numba.njit
    def call(velocity, direction, masses, needed, reflect):
        m = pointer(masses, 0)
        model = ModelPointers(m, m, m, m, m, m, m, m, m, m, m, 2, masses.size, 1, 1, 1)
        return rescale(pointer(velocity, 0), pointer(direction, 0), model, needed, reflect)

    rng = np.random.default_rng(seed)
    masses, v, d = rng.uniform(0.5, 3, size), rng.normal(size=size), rng.normal(size=size)
    along = (v @ d) ** 2 / (2 * np.sum(d**2 / masses))  # the energy of the motion along d
    for needed in (-0.3, 0.5 * along, 0.999 * along, 1.001 * along, 2 * along):
        new = v.copy()
        allowed = call(new, d, masses, needed, True)
        change = 0.5 * np.sum(masses * (new**2 - v**2))
        assert allowed == (needed < along)
        assert change == pytest.approx(-needed if allowed else 0.0, abs=1e-14 * size)
        if not allowed:
            assert (new @ d) == pytest.approx(-(v @ d), abs=1e-13)
        assert_allclose(np.cross(masses * (new - v), d) if size == 3 else 0.0, 0.0, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3000, 20_000])
def test_hops_follow_the_populations_when_nothing_pushes_back(count):
    # Constant velocity: the fewest switches must reproduce the populations of the wave function.
    H = vibronic(modes=1, states=4)
    found = run_trajectories(
        H, masses=1e12, initial=Fixed(-4.0, 1e12, state=1), step=0.02, steps=400, count=count,
        seed=3,
    )  # fmt: skip
    mean, exact = found.populations, found.electronic_populations.value
    inside = mean.error > 0
    pull = (mean.value - exact)[inside] / mean.error[inside]
    assert np.abs(pull).max() < 4.5
    assert exact[-1].max() < 0.9


@pytest.mark.parametrize("method", ["fssh", "ehrenfest"])
def test_a_third_state_that_is_not_coupled_changes_nothing(method):
    # It crosses the others where ψ is on one of them, on both, and within their crossing.
    coupled = [["0.01*tanh(1.6*x)", "0.005*exp(-x**2)"], ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)"]]
    options = {
        "masses": 2000.0, "initial": Fixed(-5.0, 16.0, state=1, basis="diabatic"), "step": 10.0,
        "steps": 250, "count": 256, "seed": 2, "method": method, "keep": 256,
    }  # fmt: skip
    alone = run_trajectories(Hamiltonian.from_matrix(coupled), **options)
    assert 0.1 < alone.diabatic_populations.value[-1, 0] < 0.9
    for line in ("0.01*(x - 2)", "0.004*x", "0.03*(x - 3)", "-0.02*(x - 2)"):
        found = run_trajectories(
            Hamiltonian.from_matrix([[*coupled[0], 0], [*coupled[1], 0], [0, 0, line]]), **options
        )
        assert_allclose(found.final_positions, alone.final_positions, atol=1e-9)
        diabatic = found.diabatic_populations.value
        assert_allclose(diabatic[:, 2], 0.0, atol=1e-12)
        assert_allclose(diabatic[:, :2], alone.diabatic_populations.value, atol=1e-9)
        assert found.hops.count("accepted") == alone.hops.count("accepted")
        if method == "fssh":
            assert found.hops.count("followed") > 50


@pytest.mark.quick(3)
@pytest.mark.parametrize(
    "options",
    [
        {"frustrated": "ignore"},
        {"frustrated": "reflect", "rescaling": "velocity"},
        {"frustrated": "reflect", "decoherence": "energy"},
        {"method": "mash"},
        {"method": "multi-state-mash"},
    ],
    ids=str,
)
def test_hops_conserve_the_energy_exactly(options):
    # Levels ±½ whose states turn with x and y: no force but that of the hops.
    angle = "(1.3*x + 0.7*y)"
    H = Hamiltonian.from_matrix(
        [[f"0.5*cos{angle}", f"0.5*sin{angle}"], [f"0.5*sin{angle}", f"-0.5*cos{angle}"]],
        coordinates=["x", "y"],
    )
    found = run_trajectories(
        H, masses=[1.0, 3.0], initial=Gaussian(0.0, 1.0, width=0.5, momentum_width=0.5), step=0.05,
        steps=400, count=256, seed=3, log=400, **options,
    )  # fmt: skip
    refused = found.hops.count("frustrated") + found.hops.count("reflected")
    assert found.hops.count("accepted") > 100
    assert refused > 100
    assert found.energy_drift.max() < 2e-13
    assert_allclose(found.energy.value, found.energy.value[0], atol=1e-13)


def test_spheres_are_crossed_with_second_order_in_the_step():
    """MASH draws only its starts: the same trajectories at every step, whose errors fall by four.

    With hops at the ends of steps they fall by two.
    """

    def ends(step):
        steps = round(1600 / step)
        return run_trajectories(
            TullySimple(), masses=2000.0, initial=Fixed(-5.0, 14.0), step=step, steps=steps,
            every=steps, count=64, seed=1, method="mash",
        )  # fmt: skip

    exact = ends(0.25)
    assert exact.hops.count("accepted") > 50
    coarse, fine = (np.abs(ends(h).final_positions - exact.final_positions) for h in (8.0, 4.0))
    assert coarse.mean() < 1e-3
    assert 3.0 < coarse.mean() / fine.mean() < 5.0


@pytest.mark.slow
def test_probabilities_are_of_second_order_in_the_step():
    """Fewest switches at a crossing: steps of 32 are within 2e-3, not 9e-3 as with late hops."""
    options = {"masses": 2000.0, "initial": Fixed(-5.0, 10.0), "box": [-7.0, 7.0], "seed": 2}
    for step in (16.0, 32.0):
        found = run_trajectories(
            TullySimple(), step=step, steps=round(3200 / step), count=100_000, **options
        ).channels()
        assert found.value[1, 0] == pytest.approx(0.8453, abs=0.002 + 3 * found.error[1, 0])


@pytest.mark.quick(1)
@pytest.mark.parametrize("side", [0.125, 0.0])
def test_rate_of_collapse_of_augmented_hopping(side):
    # Jain, Alguire, Subotnik, J. Chem. Theory Comput. 12, 5256 (2016), eqs. 34–36, by hand. In a
    # superposition of two levels one apart, with the slopes f(-½, ½) and f·side between them, and
    # |c|² = ½: δR_jj − δR_ll = ½ΔF t²/2m, rate = ½ΔF (δR_jj − δR_ll) − 2|F_lj (δR_jj − δR_ll)|.
    f, last = np.sqrt(4.8e-8), 1000.0
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    constant, slope = np.diag([-0.5, 0.5]), f * np.array([[-0.5, side], [side, 0.5]])
    H = Hamiltonian.affine(turn.T @ constant @ turn, turn.T @ slope @ turn)
    found = run_trajectories(
        H, masses=1.0, initial=Fixed(0.0, 0.0, state=0, basis="diabatic"), step=2.0, steps=500,
        count=2000, seed=5, decoherence="augmented",
    )  # fmt: skip
    collapsed = np.mean(found.final_weights.max(axis=1) > 0.9999)
    expected = 1 - np.exp(-0.5 * f**2 * last**3 / 6 * (0.5 - 2 * side))
    assert collapsed == pytest.approx(expected, abs=4.5 * np.sqrt(0.25 / 2000))
