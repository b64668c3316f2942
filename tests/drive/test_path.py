"""`drive.Path` as an object: positions, names, windows, equality, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.drive import Formula, Linear, Path, Piecewise, Sinusoidal

CONE = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
SWEEP = Linear(-4, 4, rate=2.0)


def test_positions_and_velocities_are_those_of_the_drives() -> None:
    bend = Formula("a*t**2", -2, 2, a=[0.5, 1.0])
    path = Path(x=SWEEP, y=bend, z=0.3)
    times = np.linspace(-2, 2, 7)
    assert path.batch_shape == (2,)
    assert path(times).shape == path.velocity(times).shape == (2, 7, 3)
    for column, expected in enumerate((SWEEP(times), bend(times), np.full(7, 0.3))):
        assert np.array_equal(path(times)[..., column], np.broadcast_to(expected, (2, 7)))
    assert np.array_equal(path.velocity(times)[..., 1], bend.velocity(times))
    assert np.all(path.velocity(times)[..., 2] == 0)
    assert path.start.shape == path.stop.shape == (2, 3)


def test_breakpoints_are_united() -> None:
    path = Path(
        x=Piecewise([0, 1, 4], [0, 1, 0]),
        y=Piecewise([0, 1, 2, 4], [0, 1, 0, 0]),
        z=Formula("t", 0, 4, breakpoints=[3.0]),
    )
    assert path.breakpoints.tolist() == [1.0, 2.0, 3.0]


def test_it_shows_itself_and_its_parameters() -> None:
    path = Path(x=SWEEP, y=0.1)
    assert repr(path) == "Path(x=Linear(rate=2), y=0.1)"
    assert {name: float(value) for name, value in path.parameters.items()} == {
        "x_rate": 2.0,
        "y": 0.1,
    }


def test_one_coordinate_is_its_drive() -> None:
    h = ac.models.LandauZener(gap=0.7)
    path = Path(x=SWEEP)
    assert float(path(1.5)) == float(SWEEP(1.5))
    assert path(np.zeros(3)).shape == (3,)
    ours, theirs = (ac.propagate(h, moved) for moved in (path, SWEEP))
    assert np.array_equal(ours.propagator, theirs.propagator)


def test_equality_follows_values_and_not_the_order_of_names() -> None:
    same = Path(y=0.1, x=Linear(-4, 4, rate=2.0))
    path = Path(x=SWEEP, y=0.1)
    assert path == same
    assert hash(path) == hash(same)
    assert path == pickle.loads(pickle.dumps(path))
    assert Path(x=Piecewise([0, 1], [0, 1]), y=0) == Path(x=Piecewise([0, 1], [0, 1]), y=0)
    for other in (
        Path(x=SWEEP, y=0.2),
        Path(x=Linear(-4, 4, rate=[2.0]), y=0.1),
        Path(x=SWEEP, z=0.1),
        Path(x=Formula("rate*t", -2, 2, rate=2.0), y=0.1),
        "path",
    ):
        assert path != other


def test_it_does_not_change() -> None:
    offsets = np.array([0.1, 0.2])
    path = Path(x=SWEEP, y=offsets)
    offsets[:] = 5
    assert path.constants["y"].tolist() == [0.1, 0.2]
    with pytest.raises(AttributeError):
        path.drives = {}
    with pytest.raises(TypeError):
        path.drives["x"] = SWEEP  # type: ignore[index]


def test_replace() -> None:
    path = Path(x=Sinusoidal(0.0, 1.0, 2.0), y=0.1)
    other = path.replace(x_amplitude=[1.0, 2.0], y=0.3)
    assert other.batch_shape == (2,)
    assert float(other(0.0)[1, 0]) == 2.0
    assert np.all(other(0.0)[:, 1] == 0.3)
    with pytest.raises(ac.InputError, match="did you mean `x_amplitude`"):
        path.replace(x_amplitud=2.0)
    with pytest.raises(ac.InputError, match="Unknown key `x_rate`"):
        Path(x=Piecewise([0, 1], [0, 1]), y=0).replace(x_rate=1.0)


def test_h_along_a_path_differentiates_by_the_chain_rule() -> None:
    h = ac.Hamiltonian.from_matrix(
        [["g*x*y", "sin(x) - I*y"], ["sin(x) + I*y", "-x**2"]],
        parameters={"g": [0.5, 2.0]},
        coordinates=("x", "y"),
    )
    path = Path(x=Sinusoidal(0.2, 1.5, 2.0), y=Piecewise([0, 1, np.pi], [0, 1, 0.3]))
    passed = h.along(path)
    times = np.array([0.3, 0.9, 2.2])
    assert passed.coordinates == ("t",)
    assert np.allclose(passed(times), h(path(times)), rtol=0, atol=1e-15)
    by_hand = np.einsum("ka,bkaij->bkij", path.velocity(times), h.gradient(path(times)))
    assert np.allclose(passed.derivative(times), by_hand, rtol=0, atol=1e-14)
    step = 1e-5
    second = (passed.derivative(times + step) - passed.derivative(times - step)) / (2 * step)
    assert np.allclose(passed.second_derivatives(times), second, rtol=0, atol=1e-8)


def test_h_along_a_path_can_be_sent_elsewhere() -> None:
    passed = CONE.along(Path(x=SWEEP, y=Piecewise([-2, 0, 2], [0, 1, 0])))
    again = pickle.loads(pickle.dumps(passed))
    times = np.array([-1.5, 0.3, 1.1])
    assert np.array_equal(again(times), passed(times))
    assert np.array_equal(again.derivative(times), passed.derivative(times))


def test_time_gives_way_to_a_parameter_of_its_name() -> None:
    h = ac.Hamiltonian.from_matrix(
        [["t*x", "y"], ["y", "-t*x"]], parameters={"t": 0.5}, coordinates=("x", "y")
    )
    passed = h.along(Path(x=SWEEP, y=0.1))
    assert passed.coordinates == ("time",)
    assert passed(1.0)[0, 0] == 1.0


BAD = {
    "no drive": (lambda: Path(x=0.1), "must hold at least one drive"),
    "nothing": (lambda: Path(), "must hold at least one drive"),
    "text": (lambda: Path(x=SWEEP, y="0.1"), "`y` must be a Drive or a number"),
    "NaN": (lambda: Path(x=SWEEP, y=np.nan), "`y` must be finite"),
    "a path in a path": (lambda: Path(x=Path(x=SWEEP), y=0), "`x` must be a drive of one coord"),
    "windows": (
        lambda: Path(x=SWEEP, y=Formula("t", 0, 2)),
        r"one window in time .* `x` runs over \[-2, 2\] and `y` over \[0, 2\]",
    ),
    "batches": (
        lambda: Path(x=Linear(-4, 4, rate=[2.0, 2.0]), y=[1.0, 2.0, 3.0]),
        r"must broadcast, but they are x \(2,\), y \(3,\)",
    ),
    "one name twice": (lambda: Path(x=SWEEP, x_rate=1.0), "different names"),
    "missing": (
        lambda: ac.propagate(CONE, Path(x=SWEEP)),
        r"every coordinate of the Hamiltonian \(x, y\), but `y` is missing",
    ),
    "unknown": (
        lambda: ac.propagate(CONE, Path(x=SWEEP, y=0, z=1)),
        r"coordinates of the Hamiltonian \(x, y\), but it holds `z`",
    ),
    "no path": (lambda: ac.propagate(CONE, SWEEP), "or a `drive.Path` that moves all of them"),
    "no path at all": (lambda: CONE.along(SWEEP), "`path` must be a"),
    "batch of H": (
        lambda: ac.propagate(
            ac.Hamiltonian.from_matrix(
                [["g*x", "y"], ["y", 0]], parameters={"g": [1, 2, 3]}, coordinates=("x", "y")
            ),
            Path(x=SWEEP, y=[0.1, 0.2]),
        ),
        r"Hamiltonian \(3,\) and path \(2,\) must broadcast",
    ),
    "a name of H": (
        lambda: ac.propagate(
            ac.Hamiltonian.from_matrix(
                [["x_rate*x", "y"], ["y", 0]], parameters={"x_rate": 1}, coordinates=("x", "y")
            ),
            Path(x=SWEEP, y=0.1),
        ),
        "both have `x_rate`",
    ),
    "formula of another coordinate": (
        lambda: ac.propagate(CONE, Path(x=SWEEP, y=0.1), environment=ac.Dephasing("x**2")),
        r"coordinates=\(x, y\), but it is one in \(x\)",
    ),
    "formula of two for one": (
        lambda: ac.propagate(
            ac.models.LandauZener(gap=1.0),
            SWEEP,
            environment=ac.Dephasing("y**2", coordinates=("x", "y")),
        ),
        r"coordinates=\(x\), but it is one in \(x, y\)",
    ),
    "a loop that is open": (
        lambda: ac.geometry.berry_phase(CONE, Path(x=SWEEP, y=0.1), level=0),
        "`loop` must be closed",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(name: str) -> None:
    call, match = BAD[name]
    with pytest.raises(ac.InputError, match=match) as raised:
        call()
    assert "\n" not in str(raised.value)
