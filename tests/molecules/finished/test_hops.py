"""Hops after the fact: those of hopping on line, and both formulas at their limits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, formulas
from anticrossing.models import TullyDual, TullySimple
from anticrossing.molecules.finished import FinishedTrajectory, predict_hops, write_trajectory
from anticrossing.molecules.trajectories import Fixed
from tests.molecules.trajectories.test_landau_zener_hops import landau_zener_probability


def passed(
    H: Hamiltonian, x: float, momentum: float, mass: float, level: int, stop: float, steps: int
) -> FinishedTrajectory:
    """Move on one adiabatic level by velocity Verlet."""

    def look(x: float) -> tuple[float, np.ndarray]:
        energies, states = np.linalg.eigh(H(x))
        return -float(states[:, level] @ H.derivative(x) @ states[:, level]), energies

    dt = (stop - x) * mass / momentum / steps
    times, energies, kinetic = [], [], []
    force, levels = look(x)
    for n in range(steps):
        times.append(n * dt)
        energies.append(levels)
        kinetic.append(momentum**2 / (2 * mass))
        momentum += force * dt / 2
        x += momentum / mass * dt
        force, levels = look(x)
        momentum += force * dt / 2
    return FinishedTrajectory(times, energies, np.full(steps, level), kinetic)


@pytest.mark.parametrize(
    ("H", "momentum", "level", "stop"),
    [
        (TullySimple(), 10.0, 0, 4.0),
        (TullySimple(), 13.0, 1, 4.0),
        (TullySimple(), 25.0, 1, 4.0),
        (TullyDual(), 30.0, 1, 0.0),
        (TullyDual(), 60.0, 0, 0.0),
    ],
)
@pytest.mark.slow
def test_hops_are_those_on_line(H: Hamiltonian, momentum: float, level: int, stop: float) -> None:
    run = passed(H, -5.0, momentum, 2000.0, level, stop, 1600)
    predicted = predict_hops(run)
    assert len(predicted.probabilities) == 1
    step = (stop + 5) * 2000 / momentum / 1600
    online = landau_zener_probability(
        H, masses=2000.0, initial=Fixed(-5.0, momentum, state=level), step=step, steps=1600,
        box=[-6.0, stop],
    )  # fmt: skip
    difference = abs(predicted.probabilities[0] - online)
    assert difference < predicted.errors[0] + 1.5e-3  # of the step on line
    assert predicted.observed.tolist() == [0]


@pytest.mark.slow
def test_a_coarse_trajectory_says_how_little_it_knows() -> None:
    exact = predict_hops(passed(TullySimple(), -5.0, 13.0, 2000.0, 0, 4.0, 3000)).probabilities[0]
    for steps in (30, 60, 120, 300):
        found = predict_hops(passed(TullySimple(), -5.0, 13.0, 2000.0, 0, 4.0, steps))
        assert abs(found.probabilities[0] - exact) < 2 * found.errors[0] + 1e-3


def test_linear_levels_give_the_formula_and_its_populations() -> None:
    t = np.linspace(-60, 60, 100)
    g, alpha = 0.012, 5e-4
    exact = float(mpmath.exp(-mpmath.pi * mpmath.mpf(g) ** 2 / (2 * mpmath.mpf(alpha))))
    gap = np.hypot(g, alpha * t)
    one = FinishedTrajectory(t, np.stack([-gap / 2, gap / 2, 1 + 0 * t], axis=1))
    found = predict_hops(one, initial=1)
    assert found.probabilities[0] == pytest.approx(exact, abs=1e-9)
    np.testing.assert_allclose(found.populations[-1], [exact, 1 - exact, 0], atol=1e-9)
    twice = np.hypot(g, alpha * (np.abs(t) - 30))
    found = predict_hops(
        FinishedTrajectory(t, np.stack([-twice / 2, twice / 2], axis=1)), initial=0
    )
    once = 2 * exact * (1 - exact)
    assert found.populations[-1, 1] == pytest.approx(
        once, abs=found.population_errors[-1, 1] + 1e-6
    )


def test_lines_that_cross_are_passed_in_any_order_of_columns() -> None:
    t = np.linspace(0, 10, 101)
    columns = np.stack([0.3 * t, 2.17 - 0.2 * t, 1.03 + 0 * t], axis=1)
    one = FinishedTrajectory(t, columns, active=np.zeros(101, dtype=int))
    found = predict_hops(one)
    np.testing.assert_allclose(found.populations[-1], [0, 0, 1], atol=1e-6)
    assert found.trivial.all()
    assert found.observed.tolist().count(1) == 2  # it stays on its line


def test_levels_of_two_multiplicities_cross_and_are_told() -> None:
    """Singlets as without the triplets; each triplet meets them where its line says."""
    t = np.linspace(-60, 60, 241)
    gap = np.hypot(0.012, 5e-4 * t)
    singlets = np.stack([0 * t - 0.2, -gap / 2, gap / 2], axis=1)
    triplets = np.stack([3e-4 * (t - 20.05), -0.015 + 0 * t], axis=1)  # they cross each other
    columns = np.concatenate([singlets, triplets], axis=1)[:, [3, 0, 1, 4, 2]]
    on = np.where(t < 29, 2, 0)
    one = FinishedTrajectory(t, columns, on, states=("T2", "S0", "S1", "T1", "S2"))
    found = predict_hops(one)
    assert found.level_names == ("S0", "S1", "S2", "T1", "T2")
    alone = predict_hops(FinishedTrajectory(t, singlets), initial=1)
    np.testing.assert_allclose(found.populations[-1, :3], alone.populations[-1], rtol=1e-12)
    assert found.lower_levels.tolist() == [3, 1]
    assert found.probabilities[1] == pytest.approx(alone.probabilities[0], rel=1e-12)
    assert found.trivial.tolist() == [True, False]  # lines of one multiplicity
    told = {tuple(pair): k for k, pair in enumerate(found.spin_levels)}
    # S1 = −√(0.012² + (αt)²)/2 meets −0.015 at αt = ±√(0.03² − 0.012²)
    apart = np.sqrt(0.03**2 - 0.012**2) / 5e-4
    assert found.spin_times[told[3, 1]] == pytest.approx(apart, abs=0.01)
    assert found.spin_rates[told[3, 1]] == pytest.approx(5e-4**2 * apart / 0.06, rel=1e-3)
    changed = [line for line in found.warnings if "changes its multiplicity 1 time" in line]
    assert "S1 to T2 at 29" in changed[0]
    assert predict_hops(one, initial="S2").populations[-1, 1] > 0.5
    with pytest.raises(InputError, match="`initial` must"):
        predict_hops(one, initial="T3")
    total = np.diff(found.populations.sum(axis=1))
    assert abs(total).max() < 1e-12


def test_crossings_that_overlap_are_told_with_another_one_between() -> None:
    t = np.linspace(-60, 60, 481)
    twice = np.hypot(0.012, 5e-4 * (np.abs(t) - 18))
    other = np.hypot(0.012, 5e-4 * t)
    middle = 0.1 + twice  # never nearer to one than to the other
    columns = np.stack([-twice / 2, twice / 2, middle - other / 2, middle + other / 2], axis=1)
    found = predict_hops(FinishedTrajectory(t, columns), initial=0)
    assert found.lower_levels.tolist() == [0, 2, 0]
    assert any("at -18 and 18" in line and "overlap" in line for line in found.warnings)


def test_a_jump_leaves_the_populations_open() -> None:
    t = np.linspace(0, 10, 201)
    gap = np.hypot(0.02, 0.01 * (t - 5)) + 0.05 * (t > 5.1)
    one = FinishedTrajectory(t, np.stack([-gap / 2, gap / 2], axis=1))
    found = predict_hops(one, initial=1)
    assert "jump" in found.warnings[0]
    assert found.population_errors[-1].max() == 1.0


def test_zhu_and_nakamura_become_landau_and_zener_and_know_slow_passages() -> None:
    for powers in ((1.0, -1.0), (1.0, 0.25), (3.0, 0.0)):
        fast = formulas.zhu_nakamura(gap=0.7, powers=powers, kinetic_energy=1e6)
        plain = formulas.landau_zener(gap=0.7, sweep_rate=abs(powers[0] - powers[1]))
        assert fast.value == pytest.approx(plain.value, rel=1e-9)
        assert fast.valid
    # The equation itself, written with a and b.
    v, f1, f2, energy, coupling = 0.3, 0.8, -0.5, 0.9, 0.25
    mass = 2 * energy / v**2
    a = mpmath.sqrt(mpmath.sqrt(-f1 * f2) * (f1 - f2) / (2 * coupling) ** 3 / (2 * mass))
    b2 = energy * (f1 - f2) / (mpmath.sqrt(-f1 * f2) * 2 * coupling)
    exact = mpmath.exp(-mpmath.pi / (4 * a) * mpmath.sqrt(2 / (b2 + mpmath.sqrt(b2**2 - 1))))
    found = formulas.zhu_nakamura(gap=2 * coupling, powers=(f1 * v, f2 * v), kinetic_energy=energy)
    assert found.value == pytest.approx(float(exact), rel=1e-12)
    slow = formulas.zhu_nakamura(gap=1.0, powers=(1.0, -1.0), kinetic_energy=0.2)
    assert not slow.valid
    for bad in (
        {"gap": 0.0}, {"kinetic_energy": 0.0}, {"powers": (1.0, 1.0)}, {"powers": 1.0},
    ):  # fmt: skip
        with pytest.raises(InputError):
            formulas.zhu_nakamura(
                **({"gap": 1.0, "powers": (1.0, -1.0), "kinetic_energy": 1.0} | bad)
            )


def test_both_formulas_agree_on_a_fast_trajectory() -> None:
    run = passed(TullySimple(), -5.0, 40.0, 2000.0, 0, 4.0, 400)
    plain, other = predict_hops(run), predict_hops(run, method="zhu-nakamura")
    assert other.probabilities[0] == pytest.approx(plain.probabilities[0], abs=2e-4)
    slow = passed(TullySimple(), -5.0, 8.0, 2000.0, 0, 4.0, 400)
    plain, other = predict_hops(slow), predict_hops(slow, method="zhu-nakamura")
    assert other.probabilities[0] < plain.probabilities[0] - 0.005
    bare = FinishedTrajectory(run.times, run.energies, run.active)
    with pytest.raises(InputError, match="needs the kinetic energy"):
        predict_hops(bare, method="zhu-nakamura")
    with pytest.raises(InputError, match="`initial` must name"):
        predict_hops(FinishedTrajectory(run.times, run.energies))
    with pytest.raises(InputError, match="`initial` must"):
        predict_hops(bare, initial=2)
    with pytest.raises(InputError, match="did you mean"):
        predict_hops(bare, method="zhu-nakamure")


@pytest.mark.slow
def test_command(tmp_path: Path) -> None:
    path = write_trajectory(
        passed(TullySimple(), -5.0, 13.0, 2000.0, 0, 4.0, 200), tmp_path / "a.csv"
    )
    call = [sys.executable, "-m", "anticrossing", "hops", str(path)]
    told = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert "avoided" in told
    assert "populations at the end: 0.605" in told
    numbers = json.loads(
        subprocess.run([*call, "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert numbers["hops"][0]["probability"]["values"][0] == pytest.approx(0.4, abs=0.01)
    failed = subprocess.run([*call, "--energy", "eV"], capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
