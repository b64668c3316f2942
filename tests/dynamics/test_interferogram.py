"""Interferograms against the panel solver, QuTiP, closed forms, and each method by the other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad
from scipy.special import jv

import anticrossing as ac
from anticrossing.dynamics import _interferogram, qubit_maps
from anticrossing.dynamics.interferogram import interferogram
from anticrossing.dynamics.periodic import periodic_steady_state
from tests.effort import cases, slow

SIGMA_X, SIGMA_Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
UP = np.array([[0.0, 1.0], [0.0, 0.0]])


def points(count, seed):
    """Random points from a fifth of a splitting to several periods of coherence."""
    rng = np.random.default_rng(seed)
    t1 = 10 ** rng.uniform(0.0, 3.0, count)
    return {
        "gap": rng.uniform(0.1, 2.0, count),
        "offset": rng.uniform(-5.0, 5.0, count),
        "amplitude": rng.uniform(0.0, 8.0, count),
        "frequency": 10 ** rng.uniform(-0.5, 0.7, count),
        "t1": t1,
        "t2": t1 * rng.uniform(0.02, 2.0, count),
        "equilibrium": rng.uniform(0.0, 1.0, count),
    }


def one(parameters, index):
    return {key: float(value[index]) for key, value in parameters.items()}


def jumps(point):
    """Jump operators with rates Γ↑ + Γ↓ = 1/T₁ and coherences that decay at 1/T₂."""
    up, dephasing = point["equilibrium"] / point["t1"], 1 / point["t2"] - 0.5 / point["t1"]
    down = (1 - point["equilibrium"]) / point["t1"]
    return [np.sqrt(up) * UP, np.sqrt(down) * UP.T, np.sqrt(dephasing / 2) * SIGMA_Z]


def sinusoidal(point):
    return ac.drive.Sinusoidal(point["offset"], point["amplitude"], point["frequency"])


@pytest.mark.parametrize("index", [*range(4), *map(slow, range(4, 30))])
def test_relaxation_of_diabatic_states_against_the_panel_solver(index):
    point = one(points(30, seed=1), index)
    for readout, level in (("diabatic", 0), ("adiabatic", 1)):
        state = periodic_steady_state(
            ac.models.LandauZener(gap=point["gap"]),
            sinusoidal(point),
            ac.Lindblad(jumps(point)),
            basis=readout,
        )
        found = interferogram(**point, readout=readout, tolerance=1e-9)
        assert abs(found - state.populations[level]) < 2e-9


@pytest.mark.parametrize("index", [*range(5), *map(slow, range(5, 15))])
def test_relaxation_in_the_eigenbasis_against_the_panel_solver(index):
    point = one(points(15, seed=2), index)
    del point["equilibrium"]
    temperature = 0.1 + 0.2 * index
    bath = ac.ThermalRelaxation(temperature=temperature, t1=point["t1"])
    bath = bath + ac.Dephasing(rate=1 / point["t2"] - 0.5 / point["t1"])
    for readout, level in (("diabatic", 0), ("adiabatic", 1)):
        state = periodic_steady_state(
            ac.models.LandauZener(gap=point["gap"]), sinusoidal(point), bath, basis=readout
        )
        found = interferogram(
            **point, temperature=temperature, basis="adiabatic", readout=readout, tolerance=1e-9
        )
        assert abs(found - state.populations[level]) < 2e-9


def test_narrow_crossings_in_the_eigenbasis_tend_to_relaxation_between_them():
    """For gap → 0 the eigenstates exchange names, and z′ = (z_eq − z)/T₁ in between."""
    offset, amplitude, frequency, t1, temperature = -8.40931, 11.34978, 7.54, 200.0, 0.5
    point = {"offset": offset, "amplitude": amplitude, "frequency": frequency, "t1": t1}
    period, meeting = 2 * np.pi / frequency, np.arccos(-offset / amplitude) / frequency

    def equilibrium(t):
        return -np.tanh((offset + amplitude * np.cos(frequency * t)) / (2 * temperature))

    def integral(function, *ends):
        return quad(function, *ends, epsabs=1e-13, limit=400)[0]

    def source(a, b):
        return integral(lambda t: np.exp((t - b) / t1) * equilibrium(t) / t1, a, b)

    edges = [0.0, meeting, period - meeting, period]
    pieces = list(itertools.pairwise(edges))
    z = sum(source(a, b) * np.exp((b - period) / t1) for a, b in pieces) / -np.expm1(-period / t1)
    mean = 0.0
    for (a, b), sign in zip(pieces, (1, -1, 1), strict=True):
        later = z * np.exp((a - b) / t1) + source(a, b)
        mean += sign * (t1 * (z - later) + integral(equilibrium, a, b)) / period
        z = later
    gaps = np.array([1e-6, 1e-8, 1e-17, 1e-140])
    found = interferogram(
        gap=gaps, **point, t2=2.5, temperature=temperature, basis="adiabatic", tolerance=1e-9
    )
    assert np.all(np.abs(found - 0.5 * (1 + mean)) < 2 * gaps + 1e-9)
    bath = ac.ThermalRelaxation(temperature=temperature, t1=t1)
    bath = bath + ac.Dephasing(rate=1 / 2.5 - 0.5 / t1)
    state = periodic_steady_state(ac.models.LandauZener(gap=1e-2), sinusoidal(point), bath)
    found = interferogram(
        gap=1e-2, **point, t2=2.5, temperature=temperature, basis="adiabatic", tolerance=1e-9
    )
    assert abs(found - state.populations[1]) < 2e-9


def test_every_narrow_crossing_converges():
    rng = np.random.default_rng(6)
    gaps = np.concatenate([10 ** rng.uniform(-12, 0, 200), [1e-17, 1e-60, 1e-140]])
    offsets = -8.4 + rng.uniform(-0.06, 0.06, gaps.size)
    rows = [gaps, offsets, *np.full((6, gaps.size), [[11.3], [7.54], [2000.0], [2.5], [0], [0]])]
    found = np.empty(gaps.size)
    _interferogram.steps(np.array(rows), True, True, 1e-9, found)
    assert np.all(np.isfinite(found))
    finer = np.empty(gaps.size)
    _interferogram.steps(np.array(rows), True, True, 1e-10, finer)
    assert np.max(np.abs(finer - found)) < 1e-9


@pytest.mark.quick(8)
@pytest.mark.parametrize("index", range(30))
def test_against_qutip(index):
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    point = one(points(30, seed=3), index)
    bias = [
        qutip.Qobj(0.5 * SIGMA_Z),
        lambda t: point["amplitude"] * np.cos(point["frequency"] * t),
    ]
    static = 0.5 * (point["offset"] * SIGMA_Z + point["gap"] * SIGMA_X)
    hamiltonian = qutip.QobjEvo([qutip.Qobj(static), bias])
    operators = [qutip.Qobj(jump) for jump in jumps(point)]
    period = 2 * np.pi / point["frequency"]
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-12, "nsteps": 10**7}
    times = np.linspace(0.0, period, 257)
    maps = qutip.propagator(hamiltonian, times, operators, options=options)
    state = qutip.propagator_steadystate(maps[-1])
    seen = [qutip.vector_to_operator(m * qutip.operator_to_vector(state))[0, 0] for m in maps[:-1]]
    assert abs(interferogram(**point, tolerance=1e-9) - np.mean(seen).real) < 1e-7


def test_the_two_methods_agree():
    found = points(400, seed=4)
    fourier = interferogram(**found, tolerance=1e-10)
    rows, _ = qubit_maps.broadcast_of(
        {**found, "equilibrium": 2 * found["equilibrium"] - 1, "temperature": np.array(np.nan)}
    )
    steps = np.empty(400)
    _interferogram.steps(np.stack(rows), False, False, 1e-10, steps)
    assert np.max(np.abs(steps - fourier)) < 1e-10


@pytest.mark.parametrize(
    ("basis", "readout"),
    [
        ("diabatic", "diabatic"),
        ("diabatic", "adiabatic"),
        ("adiabatic", "diabatic"),
        ("adiabatic", "adiabatic"),
    ],
)
def test_the_stated_accuracy_is_kept(basis, readout):
    grid = points(300, seed=5)
    call = {"basis": basis, "readout": readout}
    exact = interferogram(**grid, **call, tolerance=1e-10)
    for tolerance in (1e-3, 1e-5, 1e-7):
        found = interferogram(**grid, **call, tolerance=tolerance)
        assert np.max(np.abs(found - exact)) < tolerance


def test_without_drive_it_is_the_steady_state_of_bloch():
    # Bloch (1946): s_z/s_eq = (1 + ε²T₂²)/(1 + ε²T₂² + Δ²T₁T₂).
    grid = points(200, seed=6) | {"amplitude": 0.0}
    found = interferogram(**grid, tolerance=1e-10)
    detuned = 1 + (grid["offset"] * grid["t2"]) ** 2
    z = (2 * grid["equilibrium"] - 1) * detuned
    z = z / (detuned + grid["gap"] ** 2 * grid["t1"] * grid["t2"])
    assert np.max(np.abs(found - 0.5 * (1 + z))) < 1e-13


def test_without_drive_the_eigenbasis_is_in_thermal_equilibrium():
    offset, temperature = np.linspace(-2.0, 2.0, 9), np.array([[0.0], [0.3], [2.0]])
    call = {"gap": 0.7, "offset": offset, "amplitude": 0.0, "frequency": 1.3, "t1": 40.0}
    call |= {"t2": 13.0, "temperature": temperature, "basis": "adiabatic", "tolerance": 1e-10}
    energy = np.hypot(0.7, offset)
    with np.errstate(divide="ignore"):
        upper = 1 / (1 + np.exp(energy / temperature))
    assert np.max(np.abs(interferogram(**call) - upper)) < 1e-11
    z = offset / energy * (2 * upper - 1)
    found = interferogram(**call, readout="diabatic")
    assert np.max(np.abs(found - 0.5 * (1 + z))) < 1e-11


@pytest.mark.parametrize(
    ("gap", "t1", "t2", "accuracy"), [(5e-3, 2e3, 2e2, 1e-4), (1e-4, 4e4, 1e4, 2e-8)]
)
def test_fast_passages_reach_the_sum_of_resonances(gap, t1, t2, accuracy):
    # Shevchenko, Ashhab, Nori (2010): resonances that do not overlap, g and 1/T₂ ≪ ω, and a shift
    # g²/ω that stays within 1/T₂.
    offset, amplitude = np.linspace(-3.3, 3.3, 67), np.linspace(0.1, 6.0, 25)[:, None]
    found = interferogram(
        gap=gap,
        offset=offset,
        amplitude=amplitude,
        frequency=1.0,
        t1=t1,
        t2=t2,
        equilibrium=0.0,
        tolerance=1e-10,
    )
    n = np.arange(-40, 41)[:, None, None]
    squares = (gap * jv(n, amplitude)) ** 2
    terms = squares / (squares + (offset + n) ** 2 * t2 / t1 + 1 / (t1 * t2))
    assert np.max(np.abs(found - 0.5 * terms.sum(axis=0))) < accuracy
    assert np.max(found) > 0.39


def test_strong_dephasing_adds_probabilities():
    # Much shorter than a period, T₂ leaves rates: z′ = −W z + (z_eq − z)/T₁ with
    # W = Δ² T₂/(1 + ε² T₂²), and for W T ≪ 1 only its mean counts: ∫ over a period in closed form.
    gap, amplitude, frequency, t1, t2 = 0.002, 30.0, 0.05, 1e4, 0.4
    found = interferogram(
        gap=gap, offset=0.0, amplitude=amplitude, frequency=frequency, t1=t1, t2=t2, equilibrium=0.0
    )
    rate = gap**2 * t2 / np.sqrt(1 + (amplitude * t2) ** 2)
    assert float(found) == pytest.approx(0.5 * t1 * rate / (1 + t1 * rate), rel=2e-3)


def test_temperature_sets_the_equilibrium_of_the_offset():
    call = {"gap": 0.3, "amplitude": 2.0, "frequency": 1.0, "t1": 90.0, "t2": 40.0}
    offset = np.array([-1.1, 0.0, 1.1])
    thermal = interferogram(**call, offset=offset, temperature=0.5)
    stated = interferogram(**call, offset=offset, equilibrium=1 / (1 + np.exp(offset / 0.5)))
    assert np.max(np.abs(thermal - stated)) < 1e-14
    cold = interferogram(**call, offset=offset)
    stated = interferogram(**call, offset=offset, equilibrium=[1.0, 0.5, 0.0])
    assert np.array_equal(cold, stated)


@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_chunks_and_threads_change_no_bit(basis, monkeypatch):
    offset, amplitude = np.linspace(-3.0, 3.0, 23), np.linspace(0.0, 5.0, 11)[:, None]
    call = {"gap": 0.4, "frequency": 1.1, "t1": 50.0, "t2": 30.0, "basis": basis}
    whole = interferogram(**call, offset=offset, amplitude=amplitude)
    monkeypatch.setattr(qubit_maps, "CHUNK", 7)
    for workers in (1, 3):
        monkeypatch.setattr(qubit_maps, "processors", lambda count=workers: count)
        again = interferogram(**call, offset=offset, amplitude=amplitude)
        assert again.tobytes() == whole.tobytes()
    single = interferogram(**call, offset=offset[5], amplitude=amplitude[4, 0])
    assert single.shape == ()
    assert single.tobytes() == whole[4, 5].tobytes()


def is_a_size(x):
    """Sizes far below are refused."""
    return x == 0 or abs(x) > 1e-140


@cases(60)
@given(
    st.floats(0.01, 3.0),
    st.floats(-6.0, 6.0).filter(is_a_size),
    st.floats(0.0, 10.0).filter(is_a_size),
    st.floats(0.2, 5.0),
    st.floats(0.5, 1e6),
    st.floats(0.01, 2.0),
    st.floats(0.0, 1.0),
)
def test_populations_lie_between_equilibrium_and_half_and_mirror(
    gap, offset, amplitude, frequency, t1, ratio, equilibrium
):
    call = {"gap": gap, "frequency": frequency, "t1": t1, "t2": ratio * t1}
    found = interferogram(
        **call, offset=offset, amplitude=[amplitude, -amplitude], equilibrium=equilibrium
    )
    assert found[0] == found[1]
    slack = 1e-12
    low, high = min(equilibrium, 0.5), max(equilibrium, 0.5)
    assert low - slack <= found[0] <= high + slack
    # σ_x turns ε into −ε and exchanges the levels.
    mirrored = interferogram(
        **call, offset=-offset, amplitude=amplitude, equilibrium=1 - equilibrium
    )
    assert abs(mirrored + found[0] - 1) < 1e-6


def test_weak_relaxation_loses_no_digits():
    # On resonance, saturated: the panel solver cannot follow 1e11 periods, a longer sum can.
    import mpmath

    point = {"gap": 0.3, "offset": 2.0, "amplitude": 3.0, "frequency": 1.0}
    with mpmath.workdps(40):
        for t1 in (1e4, 1e8, 1e11):
            a = b = c = mpmath.mpc(0)
            t2, quarter = mpmath.mpf(0.3 * t1), mpmath.mpf(2.25)
            square = mpmath.mpf(0.3) ** 2
            for n in range(60, 0, -1):
                k = square / 2 / mpmath.mpc(1 / mpmath.mpf(t1), n)
                d = mpmath.mpc(-1 / t2, -n) - k
                p, r, q = d + 2j + quarter * a, d - 2j + quarter * c, k - quarter * b
                a, b, c = (v / (p * r - q * q) for v in (r, -q, p))
            p, q = mpmath.mpc(-1 / t2, 2) + quarter * (a + mpmath.conj(c)), -2 * quarter * b.real
            loss = p.real + q
            rate = -square * loss / (p.imag**2 + loss * (p.real - q))
            expected = 0.5 * (1 - 1 / (1 + t1 * rate))
            found = interferogram(**point, t1=t1, t2=0.3 * t1, equilibrium=0.0)
            assert abs(found - float(expected)) < 1e-13


GOOD = {"gap": 0.3, "offset": 1.0, "amplitude": 2.0, "frequency": 1.0, "t1": 90.0, "t2": 40.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gap": 0.0}, "`gap` must be positive"),
        ({"offset": np.nan}, "`offset` must be finite"),
        ({"amplitude": []}, "`amplitude` must hold"),
        ({"frequency": -1.0}, "`frequency` must be positive"),
        ({"t1": np.inf}, "`t1` must be finite"),
        ({"t2": 181.0}, "`t2` must be at most 2·`t1`, but it is 181 where `t1` is 90"),
        ({"temperature": -0.1}, "`temperature` must not be negative"),
        ({"temperature": [0.1, 0.2], "offset": [1.0, 2.0, 3.0]}, "`temperature` must broadcast"),
        ({"equilibrium": 1.5}, "`equilibrium` must be a population"),
        ({"equilibrium": 0.5, "temperature": 0.1}, "Only one"),
        ({"basis": "eigen"}, "`basis` must be one of"),
        ({"readout": "adiabatc"}, "did you mean `adiabatic`"),
        ({"tolerance": 1e-14}, "`tolerance` must lie"),
        ({"offset": [1.0, 2.0], "gap": [0.1, 0.2, 0.3]}, "must broadcast"),
        ({"frequency": 1e-200}, "`frequency` must lie between"),
        ({"basis": "adiabatic", "t1": 1e9, "tolerance": 1e-9}, "`tolerance` must be at least"),
    ],
)
def test_arguments_are_checked(change, message):
    with pytest.raises(ac.InputError, match=message):
        interferogram(**(GOOD | change))


@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_a_drive_too_slow_to_follow_is_named(basis):
    with pytest.raises(ac.ConvergenceError, match=r"1 of 2 points, first at .*frequency=1e-08"):
        interferogram(**(GOOD | {"frequency": [1.0, 1e-8], "basis": basis}))


@pytest.mark.slow
def test_noise_that_changes_meanwhile_against_the_panel_solver():
    """Telegraph, Ornstein–Uhlenbeck and still noise at once, beside relaxation to any level."""
    point = {
        "gap": 0.4, "offset": 1.0, "amplitude": 2.0, "frequency": 1.0, "t1": 20.0, "t2": 15.0,
        "equilibrium": 0.2,
    }  # fmt: skip
    telegraph = ac.environment.noise.TelegraphNoise(0.3, 0.4)
    for noise, close in (
        (telegraph, 1e-7),
        (ac.environment.noise.OrnsteinUhlenbeckNoise(0.2, 3.0), 2e-6),
        (telegraph + ac.environment.noise.QuasiStaticNoise(0.1, SIGMA_X), 2e-6),
    ):
        state = periodic_steady_state(
            ac.models.LandauZener(gap=0.4),
            sinusoidal(point),
            ac.Lindblad(jumps(point)) + noise,
            basis="diabatic",
        )
        accuracy = 0.5 * close
        found = interferogram(**point, noise=noise, tolerance=accuracy)
        assert abs(found - state.populations[0]) < close
        assert abs(found - interferogram(**point)) > 1e-3


NOISE = ac.environment.noise.TelegraphNoise
NOISY = {
    "gap": np.array([0.2, 0.4])[:, None], "offset": [-1.0, 0.5, 2.0], "amplitude": 2.0,
    "frequency": 1.0, "t1": 20.0, "t2": np.array([15.0, 30.0])[:, None], "temperature": 0.5,
}  # fmt: skip


@pytest.mark.slow
def test_noise_on_a_grid_of_qubits():
    """Every qubit of a grid is its own; noise of no strength is none."""
    found = interferogram(**NOISY, noise=NOISE(1e-7, 0.4))
    assert np.max(np.abs(found - interferogram(**NOISY))) < 1e-6


def test_what_is_refused_of_noise():
    for change, name in (
        ({"noise": 0.1}, "noise"),
        ({"noise": ac.environment.noise.WhiteNoise(0.1, np.diag([1, -1]))}, "noise"),
        ({"noise": NOISE(0.1, 0.4) + ac.Dephasing(0.1)}, "noise"),
        ({"noise": NOISE(np.array([0.1, 0.2]), 0.4)}, "noise"),
        ({"noise": NOISE(0.1, 0.4, np.eye(3))}, "operator"),
        ({"noise": NOISE(0.1, 0.4), "basis": "adiabatic", "readout": "diabatic"}, "basis"),
        ({"noise": NOISE(0.1, 0.4), "readout": "adiabatic"}, "readout"),
        ({"noise": NOISE(0.1, 0.4), "gradient": "gap"}, "gradient"),
    ):
        with pytest.raises(ac.InputError, match=f"`{name}` must"):
            interferogram(**{**NOISY, **change})
