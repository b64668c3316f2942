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
