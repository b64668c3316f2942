"""`passage` and what belongs to it along a path of several coordinates."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.drive import Formula, Linear, Path, Piecewise
from anticrossing.geometry.intersections import find_intersection

CONE = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


def test_a_straight_path_past_an_intersection() -> None:
    past = ac.intersection_passage(
        CONE, find_intersection(CONE, [0.1, 0.2]), direction=[1, 0], impact_parameter=0.5,
        speed=2.0, length=400,
    )  # fmt: skip
    path = Path(x=Linear(-200, 200, rate=2.0), y=0.5)
    found = ac.passage(CONE, path, basis="superadiabatic")
    (event,) = found.events
    assert event.gap == pytest.approx(1.0, abs=1e-12)
    assert event.sweep_rate == pytest.approx(4.0, abs=1e-12)
    assert found.exact.probabilities[1] == pytest.approx(float(past.probability), abs=1e-12)
    assert float(event.jump) == pytest.approx(float(past.prediction), abs=1e-12)
    assert found.predictions[0].valid


def test_gap_and_rate_follow_from_the_chain_rule() -> None:
    path = Path(y=Formula("0.5 + b*t", -100, 100, b=0.4), x=Linear(-200, 200, rate=2.0))
    (event,) = ac.passage(CONE, path).events
    speed = np.hypot(2.0, 0.4)
    assert event.time == pytest.approx(-0.2 / speed**2, abs=1e-10)
    assert event.gap == pytest.approx(2 * 0.5 * 2.0 / speed, abs=1e-12)
    assert event.sweep_rate == pytest.approx(2 * speed, abs=1e-9)


def test_solvable_families_are_recognised() -> None:
    h = ac.Hamiltonian.from_matrix(
        [["x", 0.2, 0.2], [0.2, "y", 0], [0.2, 0, "-y"]], coordinates=("x", "y")
    )
    found = ac.passage(h, Path(x=Linear(-100, 100, rate=1.0), y=2.0))
    names = {p.name: p for p in found.predictions}
    assert names["Demkov–Osherov"].valid
    assert names["Demkov–Osherov"].difference < 1e-6


def test_a_narrow_crossing_in_one_coordinate_is_met() -> None:
    # Within 10⁻⁴ of the window y brings the levels together and apart again.
    bump = Formula("1 - 2*exp(-(t - 613.7)**2/2/w**2)", 0, 1e4, w=1.0)
    found = ac.passage(CONE, Path(x=bump, y=0.4))
    times = [event.time for event in found.events if event.gap < 0.9]
    assert len(times) == 2
    assert np.mean(times) == pytest.approx(613.7, abs=1e-6)
    assert times[1] - times[0] == pytest.approx(2 * np.sqrt(2 * np.log(2)), abs=1e-6)


def test_points_of_the_first_grid_find_what_is_narrow() -> None:
    passed = CONE.along(Path(x=Formula("1 - 2*exp(-(t - 613.7)**2/2)", 0, 1e4), y=0.4))
    assert len(ac.find_crossings(passed, 0, 1e4)) == 0
    found = ac.find_crossings(passed, 0, 1e4, points=[613.7 - 3, 613.7, 613.7 + 3])
    assert len(found) == 2
    with pytest.raises(ac.InputError, match="`points` must be finite"):
        ac.find_crossings(passed, 0, 1e4, points=[np.nan])


def test_the_adiabatic_impulse_model_turns_at_breakpoints() -> None:
    zigzag = Piecewise([-10, 0, 10], [-4, 4, -4])
    model = ac.adiabatic_impulse(CONE, Path(x=zigzag, y=0.2))
    same = ac.adiabatic_impulse(ac.models.LandauZener(gap=0.4), _doubled(zigzag))
    assert np.max(np.abs(model.exact.probabilities - same.exact.probabilities)) < 1e-9
    assert len(model.passages) == len(same.passages) == 2


def _doubled(zigzag: ac.Drive) -> ac.Drive:
    return Piecewise(zigzag.times, 2 * zigzag.values)  # type: ignore[attr-defined]


def test_sweeps_vary_the_parameters_of_a_path() -> None:
    path = Path(x=Linear(-20, 20, rate=1.0), y=0.3)

    def jump(y: float) -> float:
        return float(ac.propagate(CONE, path.replace(y=y)).probabilities[1])

    found = ac.sweep(jump, grid={"y": [0.2, 0.5]}, progress=False)
    batch = ac.propagate(CONE, path.replace(y=[0.2, 0.5])).probabilities[:, 1]
    assert np.max(np.abs(found.value.values - batch)) < 1e-9


@pytest.mark.slow
def test_an_expansion_and_a_counterdiabatic_drive() -> None:
    path = Path(x=Linear(-50, 50, rate=0.1), y=0.5)
    line = ac.models.LandauZener(gap=1.0)
    noise = ac.Dephasing("0.3*(1 + y)", coordinates=("x", "y"))
    ours = ac.adiabatic_expansion(CONE, path, noise)
    theirs = ac.adiabatic_expansion(line, Linear(-100, 100, rate=0.2), ac.Dephasing(0.45))
    assert np.max(np.abs(ours.probabilities - theirs.probabilities)) < 1e-9
    bent = Path(x=Linear(-10, 10, rate=100.0), y=Formula("0.05 + 0.02*sin(30*t)", -0.1, 0.1))
    fidelity = ac.control.counterdiabatic(CONE, bent).fidelity()
    assert np.max(np.abs(fidelity - 1)) < 1e-9
