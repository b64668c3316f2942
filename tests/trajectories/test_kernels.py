"""The compiled pieces on their own: code from formulas, rescaling, eigenvectors, random numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian, models
from anticrossing.hamiltonian._compiled import compile_terms
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.trajectories import Fixed, Gaussian, Thermal, run_trajectories
from anticrossing.trajectories._tracing import compile_function


def vibronic(modes=6, states=4):
    rng = np.random.default_rng(3)

    def symmetric(*shape):
        m = rng.normal(size=(*shape, states, states)) + 1j * rng.normal(
            size=(*shape, states, states)
        )
        return m + m.conj().swapaxes(-1, -2)

    quadratic = 0.01 * symmetric(modes, modes)
    return VibronicCoupling(
        energies=np.arange(states), frequencies=rng.uniform(0.1, 0.4, modes),
        linear=0.1 * symmetric(modes), quadratic=quadratic + quadratic.swapaxes(0, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "H",
    [
        models.TullyDual(),
        models.Pyrazine(modes=4),
        vibronic(),
        Hamiltonian.from_matrix(
            [
                ["sech(x)**2 + a*sqrt(1+x**2)", "I*tan(x/9)"],
                ["-I*tan(x/9)", "atan(x) - log(2+x*x)"],
            ],
            parameters={"a": 0.3},
        ),
    ],
    ids=lambda H: H.name,
)
def test_machine_code_gives_the_values_of_the_formulas(H):
    x = np.random.default_rng(0).uniform(-2, 2, (20, len(H.coordinates)))
    value, slope = compile_terms(H).matrices(x)
    where = x if len(H.coordinates) > 1 else x[:, 0]
    size = np.abs(value).max()
    assert_allclose(value, H(where), atol=1e-14 * size)
    assert_allclose(slope, H.gradient(where).reshape(slope.shape), atol=1e-13 * size)


@pytest.mark.parametrize("H", [models.TullySimple(), models.TullyExtended()], ids=lambda H: H.name)
def test_functions_with_kinks_become_machine_code(H):
    x = np.linspace(-3.03, 4, 20)
    compiled = compile_function(H, x[:, np.newaxis])
    value, slope = compiled.matrices(x[:, np.newaxis])
    assert_allclose(value, H(x), atol=1e-17)
    assert_allclose(slope[:, 0], H.derivative(x), atol=1e-17)


def test_what_cancels_near_a_kink_is_exact():
    x = np.concatenate([s * np.logspace(-300, 2, 200) for s in (1.0, -1.0)])
    compiled = compile_function(models.TullySimple(), x[:, np.newaxis])
    value = compiled.matrices(x[:, np.newaxis])[0]
    assert_allclose(value[:, 0, 0], -0.01 * np.sign(x) * np.expm1(-1.6 * np.abs(x)), rtol=1e-15)


def test_a_function_that_is_not_its_formula_is_refused():
    def lookup(x):
        return np.interp(float(x), [-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]) * np.eye(2)

    assert compile_function(Hamiltonian.from_function(lookup), np.zeros((1, 1))) is None
    wrong = Hamiltonian.from_function(
        lambda x: np.array([[x**2, 0.0], [0.0, 1.0]]),
        derivative=lambda x: np.array([[3.0 * x, 0.0], [0.0, 0.0]]),
    )
    # The derivative that was given is not the one of the formula: the user's own is used.
    assert compile_function(wrong, np.array([[0.5]])) is None


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 4))
def test_rescaling_conserves_the_energy_exactly(seed, size):
    import numba

    from anticrossing.trajectories._hops import rescale
    from anticrossing.trajectories._pointers import ModelPointers, pointer

    @numba.njit
    def call(velocity, direction, masses, needed, reflect):
        m = pointer(masses, 0)
        model = ModelPointers(m, m, m, m, m, m, m, m, 2, masses.size, 1, 1, 1)
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


def test_levels_of_many_states_along_a_trajectory():
    H = vibronic(modes=3, states=6)
    found = run_trajectories(
        H, masses=1 / H.frequencies, initial=Fixed([1.0, -0.5, 0.3], 0.5, state=5), dt=0.01,
        steps=400, count=8, seed=1, method="fssh", keep=8, every=40,
    )  # fmt: skip
    kept = found.trajectories()
    energies = np.linalg.eigvalsh(H(kept.position.values))
    active = np.take_along_axis(energies, kept.level.values[..., None], axis=-1)[..., 0]
    assert_allclose(kept.potential_energy.values, active, atol=1e-12)
    assert_allclose(kept.weight.values.sum(axis=-1), 1.0, atol=1e-12)


def test_the_wave_function_is_that_of_the_diabatic_equation():
    from scipy.integrate import solve_ivp

    # Masses so large that the path is a straight line: i ψ' = H(x0 + v t) ψ.
    H = vibronic(modes=2, states=3)
    x0, v, stop = np.array([-1.0, 0.5]), np.array([0.8, -0.3]), 4.0
    psi = np.array([0, 1, 0], dtype=complex)
    exact = solve_ivp(lambda t, y: -1j * H(x0 + v * t) @ y, (0, stop), psi, rtol=1e-11, atol=1e-12)
    errors = []
    for steps in (400, 800):
        found = run_trajectories(
            H, masses=1e12, initial=Fixed(x0, 1e12 * v, state=1, basis="diabatic"), dt=stop / steps,
            steps=steps, count=1, seed=0, method="ehrenfest",
        )  # fmt: skip
        expected = np.abs(exact.y[:, -1]) ** 2
        errors.append(np.abs(found.diabatic_populations.value[-1] - expected).max())
    assert errors[1] < 2e-5
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_hops_follow_the_populations_when_nothing_pushes_back():
    # Constant velocity: the fewest switches must reproduce the populations of the wave function.
    H = vibronic(modes=1, states=4)
    found = run_trajectories(
        H, masses=1e12, initial=Fixed(-4.0, 1e12, state=1), dt=0.02, steps=400, count=20_000,
        seed=3,
    )  # fmt: skip
    mean, exact = found.populations, found.electronic_populations.value
    inside = mean.error > 0
    pull = (mean.value - exact)[inside] / mean.error[inside]
    assert np.abs(pull).max() < 4.5
    assert exact[-1].max() < 0.9


def test_random_numbers_are_uniform_and_starts_have_the_right_moments():
    masses = np.array([2.0, 5.0])
    rng = np.random.default_rng(0)
    for initial, x, p in [
        (Gaussian([1.0, 2.0], 3.0, width=[0.5, 0.2]), [0.5, 0.2], [1.0, 2.5]),
        (Gaussian(0.0, 0.0, width=1.0, momentum_width=[0.0, 2.0]), [1, 1], [0, 2]),
        (Thermal(0.0, [0.5, 1.0], 3.0, distribution="classical"),
         np.sqrt([3 / (2 * 0.25), 3 / 5]), np.sqrt([6, 15])),
        (Thermal(0.0, [0.5, 1.0], 0.25), np.sqrt([0.5 / np.tanh(1.0), 0.1 / np.tanh(2.0)]),
         np.sqrt([0.5 / np.tanh(1.0), 2.5 / np.tanh(2.0)])),
    ]:  # fmt: skip
        assert_allclose(initial.spread(masses), [x, p], rtol=1e-14)
        drawn = np.array(initial.draw(masses, 40_000, rng))
        assert_allclose(drawn.std(axis=1), [x, p], rtol=0.02)
        mean = [initial.position * np.ones(2), initial.momentum * np.ones(2)]
        assert_allclose(drawn.mean(axis=1), mean, atol=0.02 * np.max([x, p]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(0.0, 1.0, width=0.0), "`width` must be positive"),
        (lambda: Gaussian(0.0, 1.0, width=1.0, momentum_width=-1.0), "`momentum_width` must not"),
        (lambda: Thermal(0.0, 1.0, -1.0), "`temperature` must not be negative"),
        (lambda: Thermal(0.0, 0.0, 1.0), "`frequencies` must be positive"),
        (
            lambda: Thermal(0.0, 1.0, 0.0, distribution="classical"),
            "`temperature` must be positive",
        ),
        (lambda: Thermal(0.0, 1.0, 1.0, distribution="bose"), "`distribution` must be one of"),
        (lambda: Fixed(np.nan, 1.0), "`position` must be finite"),
        (lambda: Fixed([[0.0]], 1.0), "`position` must be a number or a list"),
        (lambda: Fixed(0.0, 1.0, state=-1), "`state` must be at least 0"),
        (lambda: Fixed(0.0, 1.0, basis="bloch"), "`basis` must be one of"),
    ],
)
def test_bad_starts(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- hops ---------------------------------------------------------------------------------------


def first_draws(seeds):
    """Return the first random number of every trajectory (SplitMix64)."""
    z = seeds + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def landau_zener_probability(H, **options):
    """Return the probability of one hop, to 1/count: who drew less hopped, who drew more not."""
    found = run_trajectories(H, method="landau-zener", count=10_000, seed=1, every=1, **options)
    draws, hopped = first_draws(found.seeds), np.zeros(10_000, dtype=bool)
    hopped[found.hops.trajectory] = True
    assert found.hops.count("accepted") == len(found.hops.time) == hopped.sum()
    assert draws[hopped].max() < draws[~hopped].min()
    return 0.5 * (draws[hopped].max() + draws[~hopped].min())


@pytest.mark.parametrize("step", [0.05, 0.3, 1.3])
def test_landau_zener_hops_are_exact_for_linear_diabats_and_any_step(step):
    slope, coupling, speed = 0.001, 0.0015, 0.02
    H = Hamiltonian.from_matrix([[f"{slope}*x", coupling], [coupling, f"-{slope}*x"]])
    found = landau_zener_probability(
        H, masses=1e9, initial=Fixed(-5.0, 1e9 * speed), dt=step / speed, steps=round(10 / step),
        box=[-6.0, 5.0],
    )  # fmt: skip
    exact = np.exp(-2 * np.pi * coupling**2 / (2 * slope * speed))
    assert found == pytest.approx(exact, abs=1.5e-4)


def test_landau_zener_hops_converge_to_the_formula_of_belyaev_and_lebedev():
    import mpmath

    H = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(1.6*x) + 0.006*x**2/(1 + x**2)", "0.005*exp(-(x - 0.3)**2)"],
            ["0.005*exp(-(x - 0.3)**2)", "-0.01*tanh(1.6*x) - 0.006*x**2/(1 + x**2)"],
        ]
    )

    def gap(x):
        difference = mpmath.mpf("0.01") * mpmath.tanh(1.6 * x) + 0.006 * x**2 / (1 + x**2)
        return 2 * mpmath.sqrt(difference**2 + (0.005 * mpmath.exp(-((x - 0.3) ** 2))) ** 2)

    lowest = mpmath.findroot(lambda x: mpmath.diff(gap, x), -0.06)
    speed = 6e-3
    bend = mpmath.diff(gap, lowest, 2) * speed**2
    exact = float(mpmath.exp(-mpmath.pi / 2 * mpmath.sqrt(gap(lowest) ** 3 / bend)))
    assert 0.4 < exact < 0.6
    errors = []
    for step in (0.4, 0.2, 0.1):
        # The minimum lies at the same place between two points.
        found = landau_zener_probability(
            H, masses=1e9, initial=Fixed(float(lowest) - 9.4 * step, 1e9 * speed),
            dt=step / speed, steps=20,
        )  # fmt: skip
        errors.append(abs(found - exact))
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 8  # the order is four
    assert errors[2] < 1.5e-4


def test_landau_zener_hops_where_the_third_derivative_jumps():
    # The simple crossing has |x|³ in gap², whose second derivative at 0 is 8(A²B² − 2C²D).
    k, start = 13.0, -5.0
    a, b, c, d = 0.01, 1.6, 0.005, 1.0
    H = models.TullySimple()
    speed = np.sqrt((k / 2000) ** 2 + 2 * (np.linalg.eigvalsh(H(start))[0] + c) / 2000)
    bend = 4 * (a**2 * b**2 - 2 * c**2 * d) / (2 * c)
    exact = np.exp(-np.pi / 2 * np.sqrt((2 * c) ** 3 / bend) / speed)
    for step in (0.1, 0.05, 0.025):
        found = landau_zener_probability(
            H, masses=2000.0, initial=Fixed(start, k), dt=step / speed,
            steps=round(8 / step), box=[-6.0, 2.0],
        )  # fmt: skip
        assert abs(found - exact) < 0.2 * step  # first order


@pytest.mark.parametrize("dt", [2.0, 20.0, 100.0])
def test_landau_zener_hops_lose_nothing_at_trivial_crossings(dt):
    H = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(1.6*x)", "0.005*exp(-x**2)", 0],
            ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)", 0],
            [0, 0, "0.01*x - 0.02"],
        ]
    )
    found = run_trajectories(
        H, masses=2000.0, initial=Fixed(-5.0, 25.0, state=2, basis="diabatic"), dt=dt,
        steps=round(1200 / dt), count=256, seed=1, method="landau-zener",
    )  # fmt: skip
    assert found.position.value[-1, 0] > 4.0
    assert_allclose(found.populations.value[-1], [0, 0, 1], atol=1e-12)
    assert_allclose(found.diabatic_populations.value[-1], [0, 0, 1], atol=1e-12)
    assert_allclose(found.final_weights, np.eye(3)[found.final_levels])


@pytest.mark.parametrize("method", ["fssh", "ehrenfest"])
def test_a_third_state_that_is_not_coupled_changes_nothing(method):
    # It crosses the others where ψ is on one of them, on both, and within their crossing.
    coupled = [["0.01*tanh(1.6*x)", "0.005*exp(-x**2)"], ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)"]]
    options = {
        "masses": 2000.0, "initial": Fixed(-5.0, 16.0, state=1, basis="diabatic"), "dt": 10.0,
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


@pytest.mark.parametrize(
    "options",
    [
        {"frustrated": "ignore"},
        {"frustrated": "reflect", "rescaling": "velocity"},
        {"frustrated": "reflect", "decoherence": "energy"},
        {"method": "mash"},
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
        H, masses=[1.0, 3.0], initial=Gaussian(0.0, 1.0, width=0.5, momentum_width=0.5), dt=0.05,
        steps=400, count=256, seed=3, log=400, **options,
    )  # fmt: skip
    refused = found.hops.count("frustrated") + found.hops.count("reflected")
    assert found.hops.count("accepted") > 100
    assert refused > 100
    assert found.energy_drift.max() < 2e-13
    assert_allclose(found.energy.value, found.energy.value[0], atol=1e-13)


@pytest.mark.parametrize("states", [2, 3])
def test_degenerate_levels_are_not_mixed_by_rounding(states):
    # Behind the crossing both levels fall onto 100, to the last digit, and the coupling vanishes.
    fall = "0.01/(1 + exp(2*x))"
    matrix = np.zeros((states, states), dtype=object)
    matrix[:2, :2] = [
        [f"100 + {fall}", "0.004*exp(-x**2)"], ["0.004*exp(-x**2)", f"100 - 0.7*{fall}"]
    ]  # fmt: skip
    if states == 3:
        matrix[2, 2] = "100.05"
    for method in ("fssh", "landau-zener", "mash")[: 4 - states + 1]:
        found = run_trajectories(
            Hamiltonian.from_matrix(matrix.tolist()), masses=2000.0, initial=Fixed(-5.0, 20.0),
            dt=10.0, steps=1500, every=10, count=192, seed=1, log=100, method=method,
        )  # fmt: skip
        late = found.position.value[:, 0] > 25.0
        assert late.sum() > 50
        # The gap only falls: it has no minimum.
        assert (found.populations.value[-1, 0] < 0.9) == (method != "landau-zener")
        assert np.ptp(found.populations.value[late], axis=0).max() == 0.0
        assert found.hops.count("followed") == 0
        assert np.all(found.hops.time < 1000.0)
        if method != "mash":
            diabatic = found.diabatic_populations.value[late]
            assert np.ptp(diabatic, axis=0).max() < 1e-13


def test_norms_and_eigenvectors_survive_many_steps():
    H = vibronic(modes=1, states=3)
    found = run_trajectories(
        H, masses=1 / H.frequencies, initial=Fixed(1.0, 0.0, state=1), dt=0.02, steps=100_000,
        count=2, seed=1,
    )  # fmt: skip
    assert np.abs(found.final_weights.sum(axis=1) - 1).max() < 1e-10
    assert_allclose(found.diabatic_populations.value.sum(axis=1), 1.0, atol=1e-10)


# ---- sizes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest", "mash"])
def test_the_code_for_two_states_and_one_coordinate_does_what_the_other_does(method):
    matrix = [["0.01*tanh(1.6*x)", "0.005*exp(-x**2)"], ["0.005*exp(-x**2)", "-0.01*tanh(1.6*x)"]]
    one = Hamiltonian.from_matrix(matrix)
    two = Hamiltonian.from_matrix(matrix, coordinates=["x", "y"])
    options = {"dt": 10.0, "steps": 200, "count": 130, "seed": 5, "method": method, "keep": 130}
    found = run_trajectories(one, masses=2000.0, initial=Fixed(-4.0, 13.0), box=[-6.0, 6.0],
                             **options)  # fmt: skip
    other = run_trajectories(
        two, masses=[2000.0, 1.0], initial=Fixed([-4.0, 0.0], [13.0, 0.0]),
        box=[[-6.0, -1.0], [6.0, 1.0]], **options,
    )  # fmt: skip
    assert_allclose(other.final_levels, found.final_levels)
    assert_allclose(other.final_positions[:, :1], found.final_positions, atol=1e-9)
    assert_allclose(other.final_weights, found.final_weights, atol=1e-9)
    assert_allclose(other.populations.value, found.populations.value, atol=1e-9)
    assert_allclose(other.energy_drift, found.energy_drift, atol=1e-12)
    kept, same = found.trajectories(), other.trajectories()
    for name in ("weight", "level", "kinetic_energy", "potential_energy"):
        assert_allclose(same[name].values, kept[name].values, atol=1e-9)


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest"])
def test_a_phase_of_the_coupling_changes_nothing(method):
    # For MASH, whose spins start at random angles, it turns the angles.
    phase = np.exp(0.7j)
    options = {
        "masses": 2000.0, "initial": Fixed(-4.0, 13.0), "dt": 10.0, "steps": 150, "count": 64,
        "seed": 5, "method": method,
    }  # fmt: skip
    terms = ("0.01*tanh(1.6*x)", np.diag([1.0, -1.0])), ("0.005*exp(-x**2)",)
    real, turned = (
        run_trajectories(
            Hamiltonian.from_terms([terms[0], (*terms[1], [[0, z], [np.conj(z), 0]])]), **options
        )
        for z in (1.0, phase)
    )
    assert_allclose(turned.final_levels, real.final_levels)
    assert_allclose(turned.final_positions, real.final_positions, atol=1e-9)
    assert_allclose(turned.final_weights, real.final_weights, atol=1e-9)


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest"])
def test_one_state_moves_classically(method):
    H = Hamiltonian.from_matrix([["0.5*x**2"]])
    found = run_trajectories(
        H, masses=1.0, initial=Fixed(1.0, 0.0), dt=0.001, steps=3000, count=1, seed=0,
        method=method,
    )  # fmt: skip
    assert found.final_positions[0, 0] == pytest.approx(np.cos(3.0), abs=1e-6)
    assert found.populations.value[-1] == pytest.approx(1.0, abs=1e-12)
    assert len(found.hops.time) == 0


@pytest.mark.parametrize("method", ["fssh", "landau-zener", "ehrenfest", "mash"])
def test_a_trajectory_at_rest_where_nothing_pulls_stays(method):
    H = Hamiltonian.from_matrix([[1.0, 0.1], [0.1, 1.0]], coordinates=["x"])
    found = run_trajectories(
        H, masses=1.0, initial=Fixed(0.3, 0.0, state=1), dt=0.1, steps=100, count=64, seed=0,
        method=method,
    )  # fmt: skip
    assert_allclose(found.final_positions, 0.3)
    assert_allclose(found.populations.value[-1], [0, 1])
    assert len(found.hops.time) == 0
