"""Composite passages cancel their errors; a wait sets the transfer of a double passage."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.control import composite_passage, composite_phases, double_passage


@pytest.mark.parametrize(
    ("count", "thirds"),
    [(1, [0]), (3, [0, 2, 0]), (5, [0, 4, 2, 4, 0]), (7, [0, 6, 4, 8, 4, 6, 0])],
)
def test_phases_are_those_of_the_paper(count, thirds):
    assert composite_phases(count) == pytest.approx(np.array(thirds) * np.pi / count, abs=1e-14)


@pytest.mark.parametrize("count", [1, 3, 9, 33, 101])
def test_errors_cancel_for_any_single_passage(count):
    """[[a, b], [−b*, a]] with a real: what stays is |a|^N."""
    rng = np.random.default_rng(count)
    for angle in rng.uniform(0, np.pi, 5):
        b = np.sin(angle) * np.exp(1j * rng.uniform(0, 6))
        one = np.array([[np.cos(angle), b], [-b.conjugate(), np.cos(angle)]])
        total = np.eye(2)
        for phase in composite_phases(count):
            d = np.diag([1, np.exp(1j * phase)])
            total = d.conj() @ one @ d @ total
        assert abs(total[0, 0]) == pytest.approx(abs(np.cos(angle)) ** count, abs=1e-12)


def test_a_passage_is_repeated_with_phases_of_the_coupling():
    drive = ac.drive.Linear(-4, 4, rate=2.0)
    found = composite_passage(ac.models.LandauZener(gap=[0.9, 1.3]), drive, 3)
    assert found.failure == pytest.approx(found.predicted, abs=1e-9)
    # The whole sequence with the phase written into H, another way.
    for k, gap in enumerate([0.9, 1.3]):
        total = np.eye(2)
        for phase in composite_phases(3):
            H = ac.Hamiltonian.from_matrix(
                [["x/2", "g*exp(I*p)/2"], ["g*exp(-I*p)/2", "-x/2"]],
                parameters={"g": gap, "p": phase},
            )
            total = ac.propagate(H, drive, basis="diabatic").propagator @ total
        assert found.propagator[k] == pytest.approx(total, abs=1e-8)


@pytest.mark.quick(1)
@pytest.mark.parametrize("rate", [0.5, 2.5, 40.0])
@pytest.mark.parametrize("transition", [(0, 1), (0, 0)])
def test_a_wait_sets_the_transfer(rate, transition):
    H = ac.models.LandauZener(gap=1.0).with_units(ac.Units("GHz", "ns"))
    drive = ac.drive.Linear(-12, 9, rate=2 * np.pi * rate)
    edge = double_passage(H, drive, 0.5, transition=transition)
    goal = 0.3 * edge.lowest + 0.7 * edge.highest
    found = double_passage(H, drive, goal, transition=transition)
    assert found.waits.size == 2
    assert np.all((found.waits >= 0) & (found.waits <= found.period))
    assert found.transfer(found.waits) == pytest.approx([goal, goal], abs=1e-9)
    run = ac.propagate(H, found.drive)
    assert run.transition_matrix[transition[1], transition[0]] == pytest.approx(goal, abs=1e-8)


def test_what_waiting_cannot_reach_is_told():
    found = double_passage(ac.models.LandauZener(gap=0.2), ac.drive.Linear(-20, 20, rate=50.0), 0.9)
    assert found.waits.size == 0
    assert found.drive is None
    assert found.highest < 0.1


@pytest.mark.parametrize(
    "make",
    [
        lambda: composite_phases(4),
        lambda: composite_phases(0),
        lambda: composite_passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0), []),
        lambda: composite_passage(
            ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0), 3, quanta=[1]
        ),
        lambda: double_passage(
            ac.models.LandauZener(gap=[1.0, 2.0]), ac.drive.Linear(-1, 1, 1.0), 0.5
        ),
        lambda: double_passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0), 1.5),
        lambda: double_passage(
            ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0), 0.5, transition=(0, 2)
        ),
        lambda: double_passage(
            ac.Hamiltonian.from_matrix([["x", "I"], ["-I", "-x"]]), ac.drive.Linear(-1, 1, 1.0), 0.5
        ),
    ],
)
def test_bad_arguments_are_refused_in_a_line(make):
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        make()
