"""Bad input of every argument: one line that says what is wrong, before any work."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, models
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.molecules.trajectories import (
    Fixed,
    Gaussian,
    Thermal,
    _chunks,
    run_trajectories,
    vertical_excitation,
)
from tests.effort import slow

NAN, INF = np.nan, np.inf
TULLY = models.TullySimple()
START = Fixed(-4.0, 20.0)


def run(hamiltonian=TULLY, **options):
    defaults = {"masses": 2000.0, "initial": START, "step": 10.0, "steps": 5, "count": 3, "seed": 1}
    return run_trajectories(hamiltonian, **{**defaults, **options})


@pytest.fixture
def no_work(monkeypatch):
    """Fail where a trajectory is moved."""

    def moved(*_):
        raise AssertionError("work began before the arguments were checked")

    monkeypatch.setattr(_chunks, "run_chunk", moved)


NOT_REAL = [("text", "`{}` must be a (real )?number"), ({}, "`{}` must be a (real )?number"),
            ([1, [2]], "`{}` must be a (real )?number"), (1j, "`{}` must be (a )?real"),
            (NAN, "`{}` must be finite"), (INF, "`{}` must be finite")]  # fmt: skip
NOT_POSITIVE = [*NOT_REAL, (0.0, "`{}` must be positive"), (-1.0, "`{}` must be positive")]
NOT_SINGLE = [(None, "`{}` must be .*single number"), ([], "`{}` must be .*single number"),
              ([1.0], "`{}` must be .*single number")]  # fmt: skip
NOT_COUNT = [("3", "`{}` must be an integer"), (3.0, "`{}` must be an integer"),
             (True, "`{}` must be an integer"), (NAN, "`{}` must be an integer"),
             (np.array(3), "`{}` must be an integer"), (-1, "`{}` must be at least")]  # fmt: skip
NO_NAME = [(1, "`{}` must be text"), ("", "`{}` must be one of"), (["none"], "`{}` must be text")]

ARGUMENTS = {
    "masses": [*NOT_POSITIVE, (None, "`masses` must be given unless H is a VibronicCoupling"),
               ([], "must be one number, but its shape"), ([[1.0]], "must be one number"),
               ([1.0, 2.0], "must be one number"), (5e-324, "must leave speeds and kinetic"),
               (1e-310, "must leave speeds and kinetic energies finite")],
    "step": [*NOT_POSITIVE, *NOT_SINGLE, (1e308, "must leave the last time finite")],
    "steps": [*NOT_COUNT, (0, "must be at least 1"), (10**30, "must be at most 9007199254740992")],
    "count": [*NOT_COUNT, (0, "must be at least 1"), (10**13, "fits into .* GB of memory")],
    "seed": [*NOT_COUNT, (None, "must be an integer")],
    "every": [*NOT_COUNT, (0, "must be at least 1"), (6, "must be at most `steps`, 5")],
    "keep": [*NOT_COUNT, (None, "must be an integer")],
    "log": [*NOT_COUNT, (10**14, "`count` must be such that the ensemble fits into")],
    "batch": [*NOT_COUNT, (0, "must be at least 1")],
    "threads": [*NOT_COUNT, (0, "must be at least 1")],
    "method": [*NO_NAME, ("FSSH ", "must be one of"), ("fsh", "did you mean `fssh`")],
    "rescaling": NO_NAME,
    "frustrated": NO_NAME,
    "decoherence": NO_NAME,
    "box": [*NOT_REAL[:5], ([1.0, -1.0], "lower bounds below"), ([-1.0, -1.0], "lower bounds"),
            ([-9.0, INF], "must be finite"), (9.0, "must have the shape"),
            ([-9.0, 0.0, 9.0], "must have the shape"), ([[-9.0, 9.0]], "must have the shape"),
            ([-3.0, 9.0], "must hold all starting points, but trajectory 0 starts at")],
    "initial": [(None, "must be an Init"), (Fixed, "must be an Init"), ("Fixed", "must be an Init"),
                (Fixed([0.0, 1.0], 0.0), "`position` must hold 1 number, but it holds 2"),
                (Gaussian(0.0, 0.0, [1.0, 1.0]), "`width` must hold 1 number"),
                (Thermal(0.0, [1.0, 1.0], 0.0), "`frequencies` must hold 1 number"),
                (Fixed(0.0, 0.0, state=2), "`state` must be below 2"),
                (Fixed(0.0, 1e300), "speeds of 5e"), (Thermal(0.0, 5e-324, 1.0), "finite pos"),
                (Thermal(0.0, 1e-300, 1e300), "`initial` must give finite positions")],
    "store": [(3, "must be text"), ("", "must be the name of a file"),
              (b"x", "must be text"), ("a\0b", "must be the name of a file"),
              ("/dev/null", "must be the path of a directory"),
              ("/dev/null/x", "must be the path of a directory, but /dev/null is a file")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [(name, *case) for name, cases in ARGUMENTS.items() for case in cases],
)
def test_arguments(no_work, name, value, message):
    with pytest.raises(InputError, match=message.format(name)):
        run(**{name: value})


START_CASES = [
    *((Fixed, (value, 0.0), message.format("position")) for value, message in NOT_REAL),
    *((Fixed, (0.0, value), message.format("momentum")) for value, message in NOT_REAL),
    *((Gaussian, (0.0, 0.0, value), message.format("width")) for value, message in NOT_POSITIVE),
    *((Gaussian, (0.0, 0.0, 1.0, value), message.format("momentum_width"))
      for value, message in NOT_REAL),
    *((Thermal, (0.0, value, 1.0), message.format("frequencies"))
      for value, message in NOT_POSITIVE),
    *((Thermal, (0.0, 1.0, value), message.format("temperature"))
      for value, message in (*NOT_REAL, *NOT_SINGLE)),
    (Fixed, ([], 0.0), "`position` must be a number or a list of them"),
    (Fixed, ([[0.0]], 0.0), "`position` must be a number or a list of them"),
    (Fixed, (0.0, 0.0, -1), "`state` must be at least 0"),
    (Fixed, (0.0, 0.0, True), "`state` must be an integer"),
    (Fixed, (0.0, 0.0, 0, "dia"), "did you mean `diabatic`"),
    (Gaussian, (0.0, 0.0, 1e-310), "`width` must be at least 1e-150"),
    (Gaussian, (0.0, 0.0, 1.0, -1.0), "`momentum_width` must not be negative"),
    (Thermal, (0.0, 1.0, -1.0), "`temperature` must not be negative"),
    (Thermal, (0.0, 1.0, 0.0, "classical"), "`temperature` must be positive for a classical"),
    (Thermal, (0.0, 1.0, 0.0, "quantum"), "`distribution` must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "message"), START_CASES)
def test_initial_conditions(kind, arguments, message):
    with pytest.raises(InputError, match=message):
        kind(*arguments)


ONE_LEVEL = Hamiltonian.from_matrix([["x**2"]])
THREE = Hamiltonian.from_matrix([["x", 0, 0], [0, 1, 0], [0, 0, 2]])
PAIR = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "ehrenfest", "decoherence": "energy"}, "`decoherence` must be given for"),
        ({"method": "mash", "rescaling": "velocity"}, "`rescaling` must be given for method"),
        ({"method": "landau-zener", "decoherence": "energy"}, "`decoherence` must be given for"),
        ({"method": "ehrenfest", "frustrated": "reflect"}, "`frustrated` must be given for"),
        ({"decoherence_energy": 0.1}, "`decoherence_energy` must be given for decoherence 'ener"),
        ({"decoherence": "energy", "decoherence_energy": "x"}, "`decoherence_energy` must be a "),
        ({"decoherence": "energy", "decoherence_energy": -1.0}, "must be positive"),
        ({"hamiltonian": THREE, "method": "mash"}, "unless H has two states, but it has 3"),
        ({"hamiltonian": ONE_LEVEL, "method": "mash"}, "unless H has two states, but it has 1"),
        ({"hamiltonian": lambda x: x}, "`hamiltonian` must be a Hamiltonian"),
        ({"hamiltonian": np.eye(2)}, "`hamiltonian` must be a Hamiltonian"),
        ({"hamiltonian": models.LandauZener(gap=[1.0, 2.0])}, "must be a single parameter point"),
        ({"hamiltonian": PAIR, "box": [-9.0, 9.0]}, r"`box` must have the shape \(2, 2\)"),
        ({"hamiltonian": PAIR, "box": [[-9.0, -1.0], [9.0, 1.0]]}, "must hold all starting points"),
        ({"hamiltonian": PAIR, "masses": [1.0, 2.0, 3.0]}, "must be one number or 2"),
        ({"hamiltonian": PAIR, "initial": Fixed([0.0] * 3, 0.0)}, "hold 1 or 2 numbers"),
        ({"hamiltonian": models.Pyrazine(), "masses": [1.0, 1.0, 1.0]}, "`masses` must be 1/ω"),
        ({"steps": 10**13, "every": 1}, "fits into .* GB of memory"),
        ({"count": 10**7, "keep": 10**7, "steps": 10**6, "every": 1}, "GB of memory"),
        ({"hamiltonian": Hamiltonian.from_matrix([["log(x)", 0], [0, 1]])}, "at x = -4"),
        ({"hamiltonian": Hamiltonian.from_matrix([["1/(x+4)", 0], [0, 1]])}, "at x = -4"),
        ({"hamiltonian": Hamiltonian.from_function(lambda x: np.array([[x, 0.1], [0.2, 0]]))},
         "must be Hermitian"),
        ({"hamiltonian": Hamiltonian.from_function(lambda x: np.array([[NAN, 0], [0, x]]))},
         r"H\(x\) must be finite"),
    ],
)  # fmt: skip
def test_combinations(no_work, options, message):
    with pytest.raises(InputError, match=message):
        run(**options)


def test_a_start_outside_of_the_box_is_found_wherever_it_is_drawn(no_work):
    wide = Gaussian(-4.0, 20.0, 1.0)
    x = _chunks.draw_starts(run_request(wide), 0, 300)[0][:, 0]
    low = 0.5 * np.sum(np.sort(x)[:2])
    with pytest.raises(InputError, match=f"but trajectory {np.argmin(x)} starts at"):
        run(initial=wide, count=300, batch=64, box=[low, 90.0])


def run_request(initial):
    from anticrossing.molecules.trajectories.request import Request

    return Request.of(TULLY, masses=2000.0, initial=initial, step=10.0, steps=5, count=300, seed=1)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\ufeff"])
def test_a_damaged_description_of_the_store(no_work, tmp_path, text):
    (tmp_path / "zarr.json").write_text(text)
    with pytest.raises(InputError, match="but it holds something else"):
        run(store=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["zarr.json"]


def test_a_store_that_is_refused_is_not_touched(no_work, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="must be a new directory or that of a sweep"):
        run(store=tmp_path)
    with pytest.raises(InputError):
        run(store=tmp_path / "new", masses=-1.0)
    (tmp_path / "marker" / "zarr.json").mkdir(parents=True)
    with pytest.raises(InputError, match="but it holds something else"):
        run(store=tmp_path / "marker")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.txt", "marker"]


# ---- what is allowed ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest", "mash"])
@pytest.mark.parametrize(
    "H",
    [
        slow(Hamiltonian.from_matrix([["x", "I*0.1"], ["-I*0.1", "-x"]])),
        Hamiltonian.from_matrix([[0, 0], [0, 0]]),
        slow(Hamiltonian.from_function(lambda x: np.array([[x, 0.1j], [-0.1j, -x]]))),
        ONE_LEVEL,
        THREE,
    ],
)
def test_unusual_hamiltonians(H, method):
    if method == "mash" and H.dimension != 2:
        return
    start = Fixed(0.2, 1.0, basis="adiabatic" if method == "mash" else "diabatic")
    found = run(H, masses=1.0, step=0.01, steps=50, initial=start, method=method)
    assert found.populations.value[-1].sum() == pytest.approx(1.0)
    assert found.energy_drift.max() < 1e-4


@pytest.mark.parametrize("temperature", [0, 5e-324, 1e-310, np.float32(0.0), np.array(0.0)])
def test_no_temperature_is_the_ground_state(temperature):
    width, momentum = Thermal(0.0, 2.0, temperature).spread(np.array([1.0]))
    assert width[0] == pytest.approx(0.5)
    assert momentum[0] == pytest.approx(1.0)


def test_initial_conditions_do_not_change_with_what_they_were_made_of():
    place = np.array([-4.0])
    start = Fixed(place, [20.0])
    place[0] = 0.0
    assert start.position[0] == -4.0
    with pytest.raises(ValueError, match="read-only"):
        start.position[0] = 0.0


def test_unusual_numbers():
    found = run(masses=np.array([2000], dtype=np.int32), step=np.float32(10), steps=np.int64(7),
                every=3, keep=10**30, batch=10**30, threads=10**30, seed=10**40)  # fmt: skip
    assert found.times.tolist() == [0.0, 30.0, 60.0]  # 7 steps, of which the last is no output
    assert found.stop_times.tolist() == [70.0] * 3
    assert found.trajectories().sizes["trajectory"] == 3
    assert run(seed=10**40, steps=7, every=3).final_positions[0] == found.final_positions[0]


def test_masses_of_normal_modes_are_the_default():
    H = models.Pyrazine()
    options = {"initial": vertical_excitation(H, state=1), "step": 1.0}
    default, given = (
        run(H, masses=masses, **options) for masses in (None, np.round(1 / H.frequencies, 10))
    )
    np.testing.assert_allclose(default.final_positions, given.final_positions, atol=1e-8)
    assert default.populations.value.shape == (6, 2)


def test_vertical_excitation_takes_vibronic_models_only():
    for wrong in (None, TULLY, "Pyrazine"):
        with pytest.raises(InputError, match="`hamiltonian` must be a VibronicCoupling"):
            vertical_excitation(wrong, state=0)


# ---- on the way, and afterwards -----------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
def test_running_out_of_the_domain_is_no_bad_argument(compiled):
    def later(x):
        return np.array([[NAN if x > 1 else x, 0.1], [0.1, -x]])

    H = Hamiltonian.from_function(later)
    if compiled:
        H = Hamiltonian.from_matrix([["sqrt(1-x)", 0.1], [0.1, 0]])
    with pytest.raises(ConvergenceError, match="Trajectory 0 ran into NaN or infinity"):
        run(H, masses=1.0, initial=Fixed(0.0, 1.0), step=0.5, steps=9)


@pytest.fixture(scope="module")
def found():
    return run(keep=1, box=[-9.0, 9.0])


@pytest.mark.parametrize("bad", [1, -1, "x", 0.0, True, None])
def test_channels_of_no_coordinate(found, bad):
    with pytest.raises(InputError, match="`coordinate` must be"):
        found.channels(bad)


def test_hops_of_no_reason(found):
    with pytest.raises(InputError, match="did you mean `followed`"):
        found.hops.count("follow")


@pytest.mark.parametrize(
    ("path", "message"),
    [(3, "`path` must be the name of a file"), ("", "`path` must be the name"),
     ("/dev/null/a.nc", "cannot be written"), ("/dev", "must end in .nc")],
)  # fmt: skip
def test_files_that_cannot_be_written(found, path, message):
    with pytest.raises(InputError, match=message):
        found.save(path)


def test_everything_is_in_the_file(tmp_path):
    import xarray

    ensemble = run(seed=10**40, keep=2)
    with xarray.open_dataset(ensemble.save(tmp_path / "a.nc"), engine="h5netcdf") as data:
        assert data.attrs["seed"] == str(10**40)
        for name, own in {
            "final_position": ensemble.final_positions, "final_level": ensemble.final_levels,
            "final_momentum": ensemble.final_momenta, "final_weight": ensemble.final_weights,
            "stop_time": ensemble.stop_times, "energy_drift": ensemble.energy_drift,
        }.items():  # fmt: skip
            np.testing.assert_array_equal(data[name].values, own)


def test_constant_of_the_decoherence_is_a_tenth_of_a_hartree_in_the_unit_of_energy():
    plain = Hamiltonian.from_matrix([["x", 0.1], [0.1, "-x"]])
    pyrazine = models.Pyrazine()
    options = {"decoherence": "energy", "steps": 1, "count": 1}
    for H, masses, expected in (
        (TULLY, 2000.0, 0.1),
        (plain, 1.0, 0.1),
        (pyrazine, None, 2.7211386),
    ):
        start = Fixed(np.zeros(len(H.coordinates)), 0.0)
        found = run(H, masses=masses, initial=start, **options)
        assert found.request.decoherence_energy == pytest.approx(expected, rel=1e-7)
