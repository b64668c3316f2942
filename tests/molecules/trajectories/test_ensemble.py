"""Ensembles against a second implementation, differential equations, formulas and exact values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from anticrossing import Hamiltonian, models
from anticrossing.molecules.trajectories import Fixed, Gaussian, Thermal, run_trajectories
from tests.effort import slow
from tests.molecules.trajectories.common import assert_identical
from tests.molecules.trajectories.reference import hopping_trajectory

MASS = 2000.0
# T1, T2 of exact packets through the simple crossing, k = 20.
EXACT_SIMPLE = [0.50765, 0.49235]


def tully_packet(k, start=-12.0):
    return Gaussian(position=start, momentum=k, width=10.0 / k)


def simple(k=20.0, *, initial=None, **options):
    defaults = {"masses": MASS, "step": 10.0, "steps": 200, "count": 400, "seed": 3,
                "box": [-9.0, 6.0]}  # fmt: skip
    start = Fixed(position=-4.0, momentum=k) if initial is None else initial
    return run_trajectories(models.TullySimple(), initial=start, **{**defaults, **options})


# ---- populations --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "k", "start", "count"),
    [
        ("TullySimple", 12.0, -4.0, 80),
        slow("TullySimple", 12.0, -4.0, 200),
        slow("TullyExtended", 14.0, -6.0, 200),
    ],
)
def test_fewest_switches_agrees_with_a_second_implementation(name, k, start, count):
    H = getattr(models, name)()
    low, high, dt, steps = start - 1.0, -start, 12.0, 400
    rng = np.random.default_rng(5)
    runs = (hopping_trajectory(H, MASS, start, k, 0, dt, steps, (low, high), rng)
            for _ in range(count))  # fmt: skip
    ends = np.array(list(runs))
    side = np.where(ends[:, 0] < low, 0, np.where(ends[:, 0] > high, 1, 2))
    expected = np.array([[np.mean((side == s) & (ends[:, 1] == j)) for j in (0, 1)]
                         for s in range(3)])  # fmt: skip
    found = run_trajectories(
        H, masses=MASS, initial=Fixed(start, k), step=dt, steps=steps, count=10_000, seed=1,
        box=[low, high],
    ).channels()  # fmt: skip
    error = np.sqrt(found.value * (1 - found.value) / len(ends) + found.error**2)
    assert np.all(np.abs(found.value - expected) <= 3.2 * error + 1e-12)
    assert 0.05 < found.value[1, 0] < 0.95  # something happened


@pytest.mark.quick(1)
@pytest.mark.parametrize("method", ["fssh", "mash"])
def test_transmission_through_the_simple_crossing_is_close_to_exact(method):
    found = run_trajectories(
        models.TullySimple(), masses=MASS, initial=tully_packet(20.0), step=10.0, steps=300,
        count=20_000, seed=2, method=method, box=[-20.0, 8.0],
    ).channels()  # fmt: skip
    assert found.value.sum() == pytest.approx(1.0, abs=1e-12)
    assert_allclose(found.value[1], EXACT_SIMPLE, atol=0.02 + 3 * found.error.max())
    assert found.value[0].sum() == 0.0


def test_ehrenfest_solves_its_equations():
    H = models.TullySimple()
    k, start = 15.0, -3.0

    def equations(_, y):
        x, p = y[0].real, y[1].real
        psi = y[2:]
        force = -(psi.conj() @ H.derivative(x) @ psi).real
        return np.concatenate([[p / MASS, force], -1j * (H(x) @ psi)])

    first = np.linalg.eigh(H(start))[1][:, 0]
    y = np.concatenate([[start, k], first]).astype(complex)
    stop = 800.0
    expected = solve_ivp(equations, (0, stop), y, rtol=1e-10, atol=1e-12).y[:, -1]
    errors = []
    for dt in (4.0, 2.0):
        found = simple(initial=Fixed(start, k), method="ehrenfest", step=dt, steps=int(stop / dt),
                       count=1, box=None)  # fmt: skip
        vectors = np.linalg.eigh(H(expected[0].real))[1]
        weights = np.abs(vectors.T @ expected[2:]) ** 2
        errors.append(np.abs(found.final_weights[0] - weights).max())
        diabatic = np.abs(expected[2:]) ** 2
        assert_allclose(found.diabatic_populations.value[-1], diabatic, atol=1e-3)
        assert found.final_positions[0, 0] == pytest.approx(expected[0].real, abs=1e-3)
    assert errors[1] < 2e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)  # second order
    assert found.energy_drift[0] < 1e-6


@pytest.mark.parametrize("coupling", [slow(0.0005), 0.0015, slow(0.003)])
@pytest.mark.slow
def test_landau_zener_hopping_is_the_formula_for_linear_diabats(coupling):
    slope, speed = 0.001, 0.02
    H = Hamiltonian.from_matrix([[f"{slope}*x", coupling], [coupling, f"-{slope}*x"]])
    # Heavy enough that the speed does not change.
    found = run_trajectories(
        H, masses=1e9, initial=Fixed(-40.0, 1e9 * speed), step=7.0, steps=571, count=20_000,
        seed=4, method="landau-zener",
    )  # fmt: skip
    exact = np.exp(-2 * np.pi * coupling**2 / (2 * slope * speed))
    mean = found.populations
    assert abs(mean.value[-1, 1] - exact) <= 3.5 * mean.error[-1, 1]
    assert found.hops.count("accepted") == round(20_000 * mean.value[-1, 1])


@pytest.mark.slow
@pytest.mark.parametrize("rescaling", ["coupling", "velocity"])
def test_detailed_balance_needs_the_momentum_along_the_coupling(rescaling):
    """Two states and oscillators that exchange energy: populations after a long time.

    The chance of the upper state at total energy E is its share of phase space,
    (E − Δ)^(f−1)/[(E − Δ)^(f−1) + E^(f−1)]; the canonical start fixes the distribution of E.
    """
    f, gap, temperature = 5, 1.0, 1.0
    omega = np.linspace(0.35, 0.75, f)
    names = [f"q{i}" for i in range(f)]
    c = 0.1 * np.linspace(0.8, 1.2, f) / np.sqrt(f)
    well = "+".join(f"{w**2 / 2}*{q}**2" for w, q in zip(omega, names, strict=True))
    mix = "+".join(f"{a}*{q}" for a, q in zip(c, names, strict=True))
    tune = "+".join(f"{a * (-1) ** i}*{q}" for i, (a, q) in enumerate(zip(c, names, strict=True)))
    H = Hamiltonian.from_terms(
        [(well, np.eye(2)), (f"{gap / 2}+{tune}", np.diag([-1.0, 1.0])), (mix, [[0, 1], [1, 0]])],
        coordinates=names,
    )
    found = run_trajectories(
        H, masses=1.0, step=0.1, steps=4000, count=2000, seed=6, every=100, frustrated="reflect",
        rescaling=rescaling,
        initial=Thermal(0.0, omega, temperature, distribution="classical"),
    )  # fmt: skip
    energies = np.random.default_rng(0).gamma(f, temperature, 200_000)
    above = np.maximum(energies - gap, 0.0) ** (f - 1)
    expected = np.mean(above / (above + energies ** (f - 1)))
    upper = found.populations.value[20:, 1].mean()
    if rescaling == "coupling":
        assert upper == pytest.approx(expected, abs=0.03)
    else:
        assert upper > expected + 0.1


# ---- crossings, energy --------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [2.0, 20.0, 100.0])
@pytest.mark.parametrize("method", ["fssh", "ehrenfest"])
def test_no_population_is_lost_at_trivial_crossings(method, dt):
    # The third state crosses both others and is not coupled to them.
    H = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(1.6*x)", "0.005*exp(-x**2)", 0],
            ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)", 0],
            [0, 0, "0.004*x"],
        ]
    )
    found = run_trajectories(
        H, masses=MASS, initial=Fixed(-5.0, 20.0, state=2, basis="diabatic"), step=dt,
        steps=round(1200 / dt), count=64, seed=1, method=method,
    )  # fmt: skip
    assert_allclose(found.diabatic_populations.value[-1], [0, 0, 1], atol=1e-12)
    if method == "fssh":
        assert found.hops.count("accepted") == 0
        assert found.hops.count("followed") == 2 * 64
    if dt <= 20.0:
        # Motion on the straight line 0.004 x, whatever crosses it.
        p = found.final_momenta[:, 0]
        x = found.final_positions[:, 0]
        energy = p**2 / (2 * MASS) + 0.004 * x
        start = 400 / (2 * MASS) - 0.02
        assert_allclose(energy, start, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dt", [5.0, 50.0])
@pytest.mark.parametrize("method", ["fssh", "landau-zener", "mash", "ehrenfest"])
def test_uncoupled_lines_are_followed_by_every_method(method, dt):
    H = Hamiltonian.from_matrix([["0.004*x", 0], [0, "-0.003*x + 0.0001"]])
    found = run_trajectories(
        H, masses=MASS, initial=Fixed(-3.0, 20.0), step=dt, steps=round(1000 / dt), count=200,
        seed=1, method=method,
    )  # fmt: skip
    assert_allclose(found.populations.value[-1], [0, 1], atol=1e-12)
    if method == "mash":
        assert found.hops.count("followed") == 200


def test_energy_is_conserved_between_hops_and_exactly_at_them():
    found = simple(10.0, step=1.0, steps=3000, count=256, every=1, keep=256)
    assert found.hops.count("accepted") > 50
    kept = found.trajectories()
    energy = (kept.kinetic_energy + kept.potential_energy).values
    step = np.abs(np.diff(energy, axis=1))
    hopped = np.diff(kept.level.values, axis=1) != 0
    assert found.energy_drift.max() < 1e-6
    assert step[hopped].max() <= 1.05 * step[~hopped].max()
    assert_allclose(found.hops.energy, energy[0, 0], atol=1e-6)
    # The log agrees with the trajectories.
    first = np.flatnonzero(hopped.any(axis=1))
    times = [kept.time.values[1 + np.argmax(hopped[i])] for i in first]
    accepted = found.hops.reason == 0
    own = [found.hops.time[accepted & (found.hops.trajectory == i)][0] for i in first]
    assert_array_equal(times, np.ceil(own))


@pytest.mark.parametrize("frustrated", ["ignore", "reflect"])
def test_frustrated_hops(frustrated):
    # At the crossing the kinetic energy, 0.007, is less than the gap, 0.01.
    found = simple(7.0, step=5.0, steps=1000, frustrated=frustrated, count=500, log=64)
    reason = "frustrated" if frustrated == "ignore" else "reflected"
    other = "reflected" if frustrated == "ignore" else "frustrated"
    assert found.hops.count(reason) > 50
    assert found.hops.count(other) == 0
    assert found.energy_drift.max() < 2e-5
    backward = found.final_momenta[:, 0] < 0
    assert np.any(backward) == (frustrated == "reflect")
    refused = found.hops.reason == ("accepted", "frustrated", "reflected").index(reason)
    assert np.all(found.hops.target[refused] > found.hops.source[refused])


def test_the_log_has_all_hops_unless_it_is_told_how_many():
    """Most trajectories have more than there is room for at first: they are followed again."""
    H = Hamiltonian.from_matrix([["0.5*cos(x)", "0.5*sin(x)"], ["0.5*sin(x)", "-0.5*cos(x)"]])
    options = {
        "masses": 1.0, "initial": Gaussian(0.0, 1.5, width=0.5, momentum_width=0.5), "step": 0.05,
        "steps": 1500, "count": 100, "batch": 64, "seed": 3, "keep": 2,
    }  # fmt: skip
    found = run_trajectories(H, **options)
    roomy, short = (run_trajectories(H, **options, log=room) for room in (2000, 3))
    assert_identical(found, roomy)
    _, counts = np.unique(found.hops.trajectory, return_counts=True)
    assert found.hops.lost == 0
    assert counts.max() > 16
    assert short.hops.lost == np.sum(np.maximum(counts - 3, 0))


@pytest.mark.slow
def test_decoherence_makes_amplitudes_agree_with_levels():
    def gap(**options):
        found = run_trajectories(
            models.TullyExtended(), masses=MASS, initial=Fixed(-8.0, 15.0), step=10.0, steps=900,
            count=1000, seed=8, box=[-10.0, 8.0], **options,
        )  # fmt: skip
        level = np.eye(2)[found.final_levels]
        return np.abs(level - found.final_weights).mean()

    without = gap()
    assert without > 0.2
    assert gap(decoherence="energy") < 0.5 * without
    assert gap(decoherence="augmented") < 0.7 * without


# ---- the same results by other ways -------------------------------------------------------------


@pytest.mark.slow
def test_a_unitary_change_of_the_diabatic_basis_changes_nothing():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    matrices = [np.diag([1.0, -1.0, 0.2]), np.array([[0, 1, 0.5], [1, 0, 0.3], [0.5, 0.3, 0.0]])]
    formulas = ["0.01*tanh(x) + 0.002*y", "0.005*exp(-x**2) + 0.001*y"]
    well = ("0.002*y**2", np.eye(3))

    def ensemble(turned, **options):
        terms = [(f, turned @ m @ turned.conj().T) for f, m in zip(formulas, matrices, strict=True)]
        H = Hamiltonian.from_terms([well, *terms], coordinates=("x", "y"))
        return run_trajectories(
            H, masses=[2000.0, 1000.0], initial=Fixed([-4.0, 0.5], [25.0, 1.0]), step=10.0,
            steps=150, count=128, seed=4, **options,
        )  # fmt: skip

    for options in ({}, {"decoherence": "augmented"}, {"method": "ehrenfest"}):
        real, complex_ = ensemble(np.eye(3), **options), ensemble(turn, **options)
        assert "method" in options or len(set(real.final_levels)) > 1
        assert_array_equal(real.final_levels, complex_.final_levels)
        assert_allclose(real.final_positions, complex_.final_positions, atol=1e-9)
        assert_allclose(real.final_weights, complex_.final_weights, atol=1e-8)


def test_functions_without_a_formula_run_in_lock_step():
    def matrix(x):
        sign = 1.0 if x > 0 else -1.0  # branches: cannot be turned into a formula
        difference = 0.01 * sign * (1 - np.exp(-1.6 * abs(x)))
        coupling = 0.005 * np.exp(-(x**2))
        return np.array([[difference, coupling], [coupling, -difference]])

    def slope(x):
        difference = 0.016 * np.exp(-1.6 * abs(x))
        coupling = -0.01 * x * np.exp(-(x**2))
        return np.array([[difference, coupling], [coupling, -difference]])

    H = Hamiltonian.from_function(matrix, derivative=slope)
    options = {"masses": MASS, "initial": Fixed(-3.0, 15.0), "step": 15.0, "steps": 60, "count": 70,
               "seed": 9, "box": [-5.0, 4.0], "keep": 3}  # fmt: skip
    slow = run_trajectories(H, **options)
    fast = run_trajectories(models.TullySimple(), **options)
    assert fast.compiled
    assert not slow.compiled
    assert_array_equal(slow.final_levels, fast.final_levels)
    assert_allclose(slow.final_positions, fast.final_positions, atol=1e-10)
    assert_allclose(slow.populations.value, fast.populations.value, atol=1e-12)
    assert_allclose(slow.trajectories().momentum, fast.trajectories().momentum, atol=1e-9)


def test_results_do_not_depend_on_batches_or_threads():
    packet = tully_packet(15.0, -4.0)
    one = simple(initial=packet, count=500, keep=100, threads=1)
    assert_identical(one, simple(initial=packet, count=500, keep=100, threads=3, batch=128))
    assert_identical(one, simple(initial=packet, count=500, keep=100, threads=2, batch=64))
    more = simple(initial=packet, count=600)
    assert_array_equal(more.final_positions[:500], one.final_positions)
    assert np.any(simple(initial=packet, count=500, seed=4).final_positions != one.final_positions)


def test_progress_is_told_after_every_batch():
    told = []
    simple(count=150, batch=64, progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 150), (128, 150), (150, 150)]


def test_a_killed_ensemble_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    from anticrossing.molecules.trajectories import _chunks

    options = {"initial": tully_packet(12.0, -4.0), "count": 500, "keep": 150, "batch": 128}
    whole = simple(**options)
    real, calls = _chunks.run_chunk, []

    def killed(*arguments):
        calls.append(arguments[2])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(_chunks, "run_chunk", killed)
    with pytest.raises(KeyboardInterrupt):
        simple(**options, store=tmp_path / "run")
    (tmp_path / "run" / "status" / ".sweep" / "partial-position").write_bytes(b"half written")
    resumed = simple(**options, store=tmp_path / "run", threads=1)
    assert calls == [0, 128, 256, 256, 384]
    assert_identical(whole, resumed)
    again = simple(**options, store=tmp_path / "run")
    assert len(calls) == 5
    assert_identical(whole, again)
    with pytest.raises(ValueError, match="belongs to another sweep: `seed` is 3 there and 4 here"):
        simple(**options, store=tmp_path / "run", seed=4)
    with pytest.raises(ValueError, match=r"`hamiltonian` is .* there and .* here"):
        run_trajectories(models.TullySimple(coupling=0.006), masses=MASS, step=10.0, steps=200,
                         seed=3, box=[-9.0, 6.0], store=tmp_path / "run", **options)  # fmt: skip
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        simple(**options, store=tmp_path / "other")


def test_netcdf(tmp_path):
    import xarray

    found = simple(count=100, keep=4)
    with xarray.open_dataset(found.save(tmp_path / "run.nc"), engine="h5netcdf") as data:
        assert_array_equal(data.position.values, found.trajectories().position.values)
        assert_array_equal(data.mean_populations.values, found.populations.value)
        assert_array_equal(data.hop_time.values, found.hops.time)
        assert data.attrs["seed"] == 3
        assert data.sizes["trajectory"] == 4
        for name, unit in (
            ("time", "ħ/hartree"),
            ("hop_time", "ħ/hartree"),
            ("final_position", "bohr"),
            ("momentum", "ħ/bohr"),
            ("mean_energy", "hartree"),
        ):
            assert data[name].attrs["units"] == unit
    assert [path.name for path in tmp_path.iterdir()] == ["run.nc"]
    text = str(found)
    assert "100 trajectories, fssh, rescaling coupling" in text


def test_standard_errors_are_those_of_the_members():
    found = simple(initial=tully_packet(15.0, -4.0), count=200)
    upper = (found.final_levels == 1).astype(float)
    assert found.populations.value[-1, 1] == pytest.approx(upper.mean())
    assert found.populations.error[-1, 1] == pytest.approx(upper.std(ddof=1) / np.sqrt(200))
    x = found.final_positions[:, 0]
    assert found.position.value[-1, 0] == pytest.approx(x.mean())
    assert found.position.error[-1, 0] == pytest.approx(x.std(ddof=1) / np.sqrt(200))
    assert np.all(np.isnan(simple(count=1).populations.error))


def test_channels_need_a_box():
    with pytest.raises(ValueError, match="Channels need a box"):
        simple(box=None, count=1, steps=1).channels()


@pytest.mark.parametrize(("step", "coarse"), [(50.0, False), (400.0, True)])
def test_a_step_that_is_too_long_for_the_motion_is_named(step, coarse):
    """Short steps leave half in either level, as the packet does; long ones nearly all in one."""
    found = run_trajectories(
        models.TullySimple(), masses=2000.0, initial=Fixed(-5.0, 20.0), step=step,
        steps=int(4000 / step), count=640, seed=1, box=[-6.0, 6.0],
    )  # fmt: skip
    assert (abs(found.populations.value[-1, 0] - 0.5) > 0.1) == coarse
    assert (any("shorten `step`" in text for text in found.warnings)) == coarse
