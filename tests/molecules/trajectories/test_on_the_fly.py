"""Trajectories over states that are given point by point."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from anticrossing import Hamiltonian
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.models import TullySimple
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.electronic import CachedStates, FunctionStates, HamiltonianStates
from anticrossing.molecules.trajectories import Fixed, run_trajectories
from anticrossing.molecules.trajectories._on_the_fly import curvature_rotation

TULLY = {
    "masses": 2000.0, "initial": Fixed(-2.0, 20.0), "step": 20.0, "steps": 20, "count": 12,
    "seed": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "provides"), [("fssh", "overlaps"), ("landau-zener", "energies")]
)
def test_states_one_by_one_are_the_hamiltonian(method, provides):
    H = TullySimple()
    whole = run_trajectories(H, method=method, **TULLY)
    single = run_trajectories(HamiltonianStates(H, provides=provides), method=method, **TULLY)
    assert_allclose(single.final_positions, whole.final_positions, atol=1e-12)
    assert_allclose(single.populations.value, whole.populations.value, atol=1e-14)
    assert single.diabatic_populations is None
    assert not single.warnings


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fssh", "ehrenfest"])
def test_several_states_and_modes_from_overlaps_and_couplings(method):
    rng = np.random.default_rng(4)
    linear = rng.normal(size=(2, 3, 3))
    H = VibronicCoupling(
        energies=[0.0, 0.4, 0.9],
        frequencies=[1.0, 1.3],
        linear=(linear + linear.swapaxes(1, 2)) / 2,
    )
    options = {
        "initial": Fixed([-1.0, 0.5], [2.0, 1.0], state=1), "step": 0.01,
        "steps": 40, "count": 8, "seed": 3, "method": method,
    }  # fmt: skip
    whole = run_trajectories(H, **options)
    for provides in ("overlaps", "couplings"):
        if method == "ehrenfest" and provides == "overlaps":
            continue
        extra = {"rescaling": "velocity"} if method == "fssh" else {}
        whole = run_trajectories(H, **options, **extra)
        single = run_trajectories(HamiltonianStates(H, provides=provides), **options, **extra)
        assert_allclose(
            single.electronic_populations.value, whole.electronic_populations.value, atol=2e-3
        )


@pytest.mark.parametrize("gap", [1e-9, 1e-3, 0.3, 30.0])
@pytest.mark.parametrize("offset", [0.0, 0.37])
def test_curvature_tells_how_the_states_of_a_linear_crossing_turn(gap, offset):
    H = Hamiltonian.from_matrix([["x", gap / 2], [gap / 2, "-x"]])
    states = HamiltonianStates(H)
    first, last = states.at([-1.0 + offset]), states.at([1.3 + offset])
    turn = curvature_rotation(first, last)
    exact = first.wave["vectors"].T @ last.wave["vectors"]
    assert_allclose(np.abs(turn), np.abs(exact), atol=1e-7)
    # levels that are parallel, or part for another reason, do not turn
    for matrix in ([["x", 0], [0, "x + 1"]], [["x**2", 0], [0, "1 + x**2/2"]]):
        still = HamiltonianStates(Hamiltonian.from_matrix(matrix))
        assert_allclose(
            np.abs(curvature_rotation(still.at([0.1]), still.at([0.3]))), np.eye(2), atol=1e-12
        )


def walls(x, jump, broken=False):
    """Two harmonic levels; from x = 0.5 on the upper one is higher by `jump`."""
    if broken and x[0] > 0.5:
        raise ConvergenceError("no convergence")
    up = 1.0 + (jump if x[0] > 0.5 else 0.0)
    return [x[0] ** 2 / 2, x[0] ** 2 / 2 + up], [[x[0]], [x[0]]]


@pytest.mark.parametrize(("jump", "broken"), [(0.2, False), (0.0, True), (0.001, False)])
def test_jumps_and_failures_end_a_trajectory_and_say_so(jump, broken):
    states = FunctionStates(lambda x: walls(x, jump, broken), states=2, coordinates=1)
    found = run_trajectories(
        states, masses=1.0, initial=Fixed(0.0, 1.0), step=0.05, steps=20, count=2, seed=1,
        method="landau-zener",
    )  # fmt: skip
    assert bool(found.warnings) == (jump > 0.01 or broken)
    if found.warnings:
        assert "2 of 2 trajectories ended early" in str(found)
        assert np.all(found.stop_times < 0.6)
    assert found.energy_drift.max() < 1e-3


def test_a_lost_state_ends_a_trajectory():
    class Losing(HamiltonianStates):
        def _solve(self, position, before):
            found = super()._solve(position, before)
            if found.overlaps is not None and position[0] > -1.0:
                found = replace(found, overlaps=found.overlaps * [1.0, 0.3])
            return found

    found = run_trajectories(Losing(TullySimple()), **{**TULLY, "count": 1})
    assert "lost" in found.warnings[0]


@pytest.mark.slow
def test_a_store_and_a_folder_go_on_with_the_same_bits(tmp_path):
    options = {**TULLY, "count": 66, "batch": 64, "steps": 4, "method": "landau-zener"}
    states = HamiltonianStates(TullySimple())
    first = run_trajectories(states, store=tmp_path / "run", **options)
    again = run_trajectories(HamiltonianStates(TullySimple()), store=tmp_path / "run", **options)
    kept = run_trajectories(CachedStates(states, tmp_path / "points"), **options)
    for other in (again, kept):
        assert_array_equal(other.final_positions, first.final_positions)
        assert_array_equal(other.energy_drift, first.energy_drift)
        assert other.warnings == ()
    with pytest.raises(InputError, match="another"):
        run_trajectories(
            HamiltonianStates(TullySimple(depth=0.02)), store=tmp_path / "run", **options
        )


def test_degenerate_levels_and_energies_far_from_zero_stay_as_they_are():
    def flat(x):
        return np.array([-1e5, -1e5, -1e5 + 0.1]) + 0.01 * x[0], np.full((3, 1), 0.01)

    states = FunctionStates(flat, states=3, coordinates=1, masses=1000.0)
    for method in ("fssh", "landau-zener"):
        found = run_trajectories(
            states, initial=Fixed(0.0, 5.0, state=2), step=10.0, steps=20, count=2, seed=1,
            method=method,
        )  # fmt: skip
        assert found.populations.value[-1, 2] == 1.0
        assert found.energy_drift.max() < 1e-8
        assert not found.warnings


def test_what_states_without_couplings_cannot_do_is_refused():
    states = HamiltonianStates(TullySimple(), provides="energies")
    for bad in (
        {"method": "mash"},
        {"method": "ehrenfest"},
        {"rescaling": "coupling"},
        {"decoherence": "augmented"},
        {"decoherence": "overlap", "decoherence_width": 1.0},
        {"initial": Fixed(-2.0, 20.0, basis="diabatic")},
        {"masses": None},
    ):
        with pytest.raises(InputError):
            run_trajectories(states, **{**TULLY, **bad})
    with pytest.raises(ConvergenceError):
        run_trajectories(
            FunctionStates(lambda x: ([np.nan, 1.0], [[0.0], [0.0]]), states=2, coordinates=1),
            **TULLY,
        )
