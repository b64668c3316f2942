"""Drives: positions, velocities, windows, breakpoints, and what they refuse."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import drive

DRIVES = [
    drive.Linear(-3, 5, 0.7),
    drive.Linear(3, -5, -0.7),
    drive.Tanh(-1, 2, 0.5, 30),
    drive.Sinusoidal(0.3, 2.0, 0.9, phase=0.2),
    drive.Formula("a*t + t**3", -1, 2, a=0.4),
    drive.Piecewise([0, 1, 4], [0, 2, -1]),
]


@pytest.mark.parametrize("path", DRIVES, ids=repr)
def test_velocity_is_the_derivative_of_the_position(path):
    inside = np.linspace(float(path.start_time), float(path.stop_time), 9)[1:-1] + 1e-3
    step = 1e-6
    numerical = (path(inside + step) - path(inside - step)) / (2 * step)
    assert np.allclose(path.velocity(inside), numerical, atol=1e-8)


@pytest.mark.parametrize("path", DRIVES[:2], ids=repr)
def test_linear_windows_start_and_stop_where_asked(path):
    ends = (float(path.start), float(path.stop))
    assert ends == pytest.approx((-3, 5) if path is DRIVES[0] else (3, -5))
    assert float(path(0.0)) == 0.0


def test_array_rates_make_a_batch():
    path = drive.Linear(-1, 1, rate=[0.1, 1.0, 10.0])
    assert path.batch_shape == (3,)
    assert path(np.zeros(4)).shape == (3, 4)
    assert np.allclose(path.start_time, [-10, -1, -0.1])


def test_only_the_piecewise_drive_has_breakpoints_of_its_own():
    assert [path.breakpoints.tolist() for path in DRIVES] == [[], [], [], [], [], [1.0]]
    assert drive.Formula("t", 0, 2, breakpoints=[0.5]).breakpoints.tolist() == [0.5]


def test_replace_keeps_the_window():
    path = drive.Sinusoidal(0.3, 2.0, 0.9).replace(amplitude=1.0)
    assert float(path(0.0)) == pytest.approx(1.3)
    with pytest.raises(ac.InputError, match="did you mean `offset`"):
        path.replace(ofset=1.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: drive.Linear(-1, 1, 0), "not be zero"),
        (lambda: drive.Linear(1, -1, 1), "after `start`"),
        (lambda: drive.Linear(1, 1, 1), "empty"),
        (lambda: drive.Linear(-1, float("inf"), 1), "finite"),
        (lambda: drive.Linear(-1, 1, [1.0, 0.0]), "not be zero"),
        (lambda: drive.Linear(-1, 1, "fast"), "number"),
        (lambda: drive.Linear(-1, 1, 1j), "real"),
        (lambda: drive.Linear([-1, -2], [1, 2, 3], 1), r"start \(2,\), stop \(3,\)"),
        (lambda: drive.Linear(-1e308, 1e308, 1), "`start` must lie between"),
        (lambda: drive.Linear([], 1, 1), "at least one number"),
        (lambda: drive.Tanh([0, 0], [1, 1, 1], 1, 1), "broadcast"),
        (lambda: drive.Tanh(-1, 1, 1, -3), "positive"),
        (lambda: drive.Tanh(-1, 1, -1, 3), "sign"),
        (lambda: drive.Tanh(1, 1, 1, 3), "differ"),
        (lambda: drive.Sinusoidal(0, 1, 0), "positive"),
        (lambda: drive.Sinusoidal(0, 1, 1, stop_time=-1), "reversed"),
        (lambda: drive.Piecewise([0, 0], [1, 2]), "numbers that increase"),
        (lambda: drive.Piecewise([0], [1]), "at least 2"),
        (lambda: drive.Piecewise([0, 1], [1, 2, 3]), "shape of `times`"),
        (lambda: drive.Piecewise([0, 1e-320, 1], [-1, 0, 1]), "finite rate"),
        (lambda: drive.Formula("t", 1, 1), "empty"),
        (lambda: drive.Formula("t", -1e308, 1e308), "finite length"),
        (lambda: drive.Formula("I*t", 0, 1), "`formula` must be real"),
        (lambda: drive.Formula("t", 0, 1, t=2), "that is the time"),
        (lambda: drive.Formula("sqrt(t**2)", -1, 1), "has a kink"),
        (lambda: drive.Formula("t", 0, 1, breakpoints=3), "list"),
        (lambda: drive.Formula("t", 0, 1, breakpoints=[3]), "inside the window, but 3 does not"),
        (lambda: drive.Formula("a*t", [0, 0.5], 1, a=[1, 2, 3]), r"start_time \(2,\)"),
        (lambda: drive.Formula("log(t)", 0, 1), "finite on the window"),
        (lambda: drive.Formula("t + y", 0, 1), "unknown name `y`"),
        (lambda: drive.Formula("open('x')", 0, 1), "not a known function"),
    ],
)
def test_bad_input_is_one_clear_line(build, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)
