"""Counterdiabatic driving: exact following at any speed, and the term itself by other routes."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.control import (
    adiabatic_gauge_potential,
    counterdiabatic,
    two_level_counterdiabatic,
)
from anticrossing.control._sectors import blocks_of
from anticrossing.control.counterdiabatic import _many_levels
from tests.effort import slow

SIGMA_Y = np.array([[0, -1j], [1j, 0]])


def random_hamiltonian(size, seed, real=False):
    rng = np.random.default_rng(seed)

    def matrix():
        m = rng.normal(size=(size, size)) + (0 if real else 1j) * rng.normal(size=(size, size))
        return m + m.conj().T

    return ac.Hamiltonian.from_terms(
        [(1, matrix()), ("x", matrix()), ("sin(x)", matrix())], name="random"
    )


def by_projectors(h, x, step=1e-3):
    """A = (i/2) Σ_n [∂P_n, P_n], projectors differentiated by a six-point formula."""

    def projectors(at):
        _, v = np.linalg.eigh(h(at))
        return np.einsum("in,jn->nij", v, v.conj())

    slope = sum(
        weight * (projectors(x + k * step) - projectors(x - k * step))
        for k, weight in ((1, 0.75), (2, -0.15), (3, 1 / 60))
    )
    slope, p = slope / step, projectors(x)
    return 0.5j * np.sum(slope @ p - p @ slope, axis=0)


@pytest.mark.quick(1)
@pytest.mark.parametrize("rate", [1e-3, slow(1.0), slow(1e3), 1e6])
def test_two_levels_follow_at_any_speed(rate):
    fast = counterdiabatic(ac.models.LandauZener(gap=0.1), ac.drive.Linear(-10, 10, rate=rate))
    assert np.all(fast.fidelity() > 1 - 1e-10)


@pytest.mark.quick(1)
@pytest.mark.parametrize("gap", [1e-6, 1e-3])
def test_narrow_crossings_are_followed_too(gap):
    fast = counterdiabatic(ac.models.LandauZener(gap=gap), ac.drive.Linear(-1, 2, rate=1.0))
    assert np.all(fast.fidelity() > 1 - 1e-10)


@pytest.mark.quick(1)
@pytest.mark.parametrize("duration", [1e-2, slow(1.0), 100.0])
@pytest.mark.parametrize("size", [3, slow(5)])
def test_many_levels_follow_at_any_speed(size, duration):
    path = ac.drive.Formula("2*sin(w*t)", 0, duration, w=1.5 / duration)
    h = random_hamiltonian(size, seed=size)
    fast = counterdiabatic(h, path)
    assert np.all(fast.fidelity() > 1 - 1e-10)
    if duration == 1e-2:  # without the term the state stays where it is
        bare = ac.propagate(h, path)
        assert bare.transition_matrix[0, 0] < 0.9


def test_fidelity_against_an_independent_integration():
    h = random_hamiltonian(3, seed=8)
    path = ac.drive.Formula("2*sin(w*t)", 0, 0.5, w=3.0)
    fast = counterdiabatic(h, path)

    def rhs(t, y):
        x, v = 2 * np.sin(3 * t), 6 * np.cos(3 * t)
        return (-1j * (h(x) + v * by_projectors(h, x)) @ y.reshape(3, 3)).ravel()

    start, stop = (np.linalg.eigh(h(2 * np.sin(3 * t)))[1] for t in (0.0, 0.5))
    run = solve_ivp(rhs, (0, 0.5), start.ravel() + 0j, method="DOP853", rtol=1e-10, atol=1e-12)
    end = run.y[:, -1].reshape(3, 3)
    for level in range(3):
        assert abs(stop[:, level].conj() @ end[:, level]) ** 2 == pytest.approx(1.0, abs=1e-8)
    assert np.allclose(fast.fidelity(), 1.0, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 6])
@pytest.mark.parametrize("real", [True, False])
def test_the_quotient_formula_against_derivatives_of_projectors(size, real):
    h = random_hamiltonian(size, seed=10 * size, real=real)
    for x in (-1.3, 0.0, 0.7):
        potential = adiabatic_gauge_potential(h, x)
        expected = by_projectors(h, x)
        assert np.max(np.abs(potential - expected)) < 1e-8 * (1 + np.max(np.abs(expected)))
        assert np.allclose(potential, potential.conj().T, atol=1e-14)
        if real:
            assert np.max(np.abs(potential.real)) < 1e-15 * np.max(np.abs(potential))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_levels_need_no_eigenvectors(seed):
    h = random_hamiltonian(2, seed)
    x = np.linspace(-3, 3, 301)
    (block,) = blocks_of(h, x)
    quotient = block.basis @ _many_levels(block, x) @ block.basis.conj().T
    assert np.allclose(adiabatic_gauge_potential(h, x), quotient, rtol=1e-10, atol=1e-12)


def test_two_level_closed_form():
    h = ac.Hamiltonian.from_matrix(
        [["a*x/2", "(1 + x**2)/2"], ["(1 + x**2)/2", "-a*x/2"]], parameters={"a": 0.7}
    )
    x = np.linspace(-2, 2, 9)
    field = two_level_counterdiabatic(
        detuning=0.7 * x, detuning_rate=0.7, gap=1 + x**2, gap_rate=2 * x
    )
    potential = adiabatic_gauge_potential(h, x)
    assert np.allclose(potential, field[:, None, None] * SIGMA_Y, atol=1e-15)
    # The Landau-Zener field is a Lorentzian of area π/2.
    detuning = np.tan(np.linspace(-1, 1, 200_001)[1:-1] * np.pi / 2)
    lorentzian = two_level_counterdiabatic(detuning=detuning, detuning_rate=1.0, gap=0.5)
    assert np.trapezoid(lorentzian, detuning) == pytest.approx(-np.pi / 2, abs=2e-5)


def test_true_crossings_need_no_term():
    """Two blocks that cross: the term has no element between them and stays finite."""
    h = ac.Hamiltonian.from_matrix([["x", 0.2, 0], [0.2, "-x", 0], [0, 0, "3*x + 1"]])
    fast = counterdiabatic(h, ac.drive.Linear(-3, 3, rate=50.0))
    assert np.all(np.abs(fast.fidelity() - 1) < 1e-10)
    term = fast.term(np.linspace(-0.05, 0.05, 101))
    assert np.all(term[:, 2, :] == 0)
    assert np.max(np.abs(term)) < 50 / 0.2
    flat = ac.models.SpinInField(spin=1, transverse_field=0.0)
    assert np.all(adiabatic_gauge_potential(flat, [0.0, 1.0]) == 0)


def test_hidden_symmetry_is_found():
    """Two uncoupled spins: their levels cross inside the 4 × 4 matrix in a rotated basis too."""
    rng = np.random.default_rng(3)
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    one = [np.array([[0, 0.3], [0.3, 0]]), np.diag([0.5, -0.5])]
    two = [np.array([[0.4, 0.2], [0.2, 0]]), np.diag([-1.0, 1.5])]
    zero = np.zeros((2, 2))
    constant, slope = (
        q @ np.block([[a, zero], [zero, b]]) @ q.T for a, b in zip(one, two, strict=True)
    )
    fast = counterdiabatic(
        ac.Hamiltonian.affine(constant, slope), ac.drive.Linear(-6, 6, rate=20.0)
    )
    assert np.all(np.abs(fast.fidelity() - 1) < 1e-10)


def test_units_enter_the_term():
    h = ac.Hamiltonian.from_matrix(
        [["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": 0.1}, units=ac.Units("GHz", "ns")
    )
    fast = counterdiabatic(h, ac.drive.Linear(-5, 5, rate=3.0))
    assert np.all(fast.fidelity() > 1 - 1e-10)
    # the field in radians per ns is that of the closed form, whatever the energy unit
    expected = two_level_counterdiabatic(detuning=0.0, detuning_rate=3.0, gap=0.1)
    assert fast.term(0.0)[1, 0].imag * 2 * np.pi == pytest.approx(expected, rel=1e-12)
    assert fast.hamiltonian.units == h.units


@pytest.mark.slow
def test_function_hamiltonians_are_driven_too():
    h = ac.Hamiltonian.from_function(
        lambda x: np.array([[np.tanh(x), 0.2, 0.1], [0.2, -x, 0.3], [0.1, 0.3, 0.5 * x]])
    )
    fast = counterdiabatic(h, ac.drive.Linear(-2, 2, rate=10.0))
    assert np.all(np.abs(fast.fidelity() - 1) < 1e-9)


def test_bad_arguments():
    model, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, rate=1.0)
    with pytest.raises(ac.InputError, match="smooth"):
        counterdiabatic(model, ac.drive.Piecewise([0, 1, 2], [-1, 0, 3]))
    with pytest.raises(ac.InputError, match="single parameter point"):
        counterdiabatic(ac.models.LandauZener(gap=[1.0, 2.0]), sweep)
    with pytest.raises(ac.InputError, match="`drive` must be a single"):
        counterdiabatic(model, ac.drive.Linear(-1, 1, rate=[1.0, 2.0]))
    with pytest.raises(ac.InputError, match="hamiltonian"):
        adiabatic_gauge_potential("H", 0.0)
    touching = ac.Hamiltonian.from_matrix([["x**2", "x"], ["x", "-x**2"]])
    with pytest.raises(ac.InputError, match="two of them meet near x = 0"):
        adiabatic_gauge_potential(touching, 0.0)
    with pytest.raises(ac.InputError, match="two of them meet"):
        counterdiabatic(touching, sweep)
    with pytest.raises(ac.InputError, match="two of them meet"):
        counterdiabatic(touching, ac.drive.Linear(-1, 1.37, rate=1.0))
    with pytest.raises(ac.InputError, match="complex"):
        counterdiabatic(model, sweep).hamiltonian(0.1j)
    with pytest.raises(ac.InputError, match="degenerate"):
        two_level_counterdiabatic(detuning=0.0, detuning_rate=1.0, gap=0.0)


PAULI = {"X": np.array([[0, 1], [1, 0]]), "Y": SIGMA_Y, "Z": np.diag([1, -1]), "I": np.eye(2)}


def on_sites(word):
    found = np.eye(1)
    for letter in word:
        found = np.kron(found, PAULI[letter])
    return found


CHAIN = ac.Hamiltonian.from_terms(
    [
        ("1-x", -(on_sites("XII") + on_sites("IXI") + on_sites("IIX"))),
        ("x", -(on_sites("ZZI") + on_sites("IZZ")) - 0.6 * on_sites("ZII") + 0.2 * on_sites("IZI")),
    ]
)
LOCAL = [on_sites(word) for word in ("YII", "IYI", "IIY")]


def left_over(h, x, potential, weights):
    """Tr ρ (∂H + i[A, H])² less what no A changes, with the weights of the levels."""
    energies, v = np.linalg.eigh(h(x))
    g = h.derivative(x) + 1j * (potential @ h(x) - h(x) @ potential)
    inside = v.conj().T @ g @ v
    off = np.abs(inside - np.diag(np.diag(inside))) ** 2
    return float(np.sum(weights(energies)[:, None] * off))


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, lambda e: np.ones(e.size)),
        ({"temperature": 0.7}, lambda e: np.exp(-(e - e[0]) / 0.7)),
        ({"levels": 2}, lambda e: (np.arange(e.size) < 2) * 1.0),
    ],
)
def test_the_best_of_given_operators_is_a_minimum(options, weights):
    x = 0.4
    best = adiabatic_gauge_potential(CHAIN, x, operators=LOCAL, **options)
    least = left_over(CHAIN, x, best, weights)
    rng = np.random.default_rng(2)
    for size in (1e-3, 1e-1):
        for _ in range(10):
            step = np.tensordot(size * rng.normal(size=3), LOCAL, axes=1)
            assert left_over(CHAIN, x, best + step, weights) > least
    exact = adiabatic_gauge_potential(CHAIN, x)
    assert left_over(CHAIN, x, exact, weights) == pytest.approx(0.0, abs=1e-20)


def test_one_operator_suffices_for_two_levels_and_all_for_many():
    x = np.array([-2.0, 0.0, 0.3])
    h = ac.models.LandauZener(gap=0.7)
    best = adiabatic_gauge_potential(h, x, operators=[SIGMA_Y])
    assert best == pytest.approx(adiabatic_gauge_potential(h, x), abs=1e-14)
    h, words = random_hamiltonian(4, 3), [a + b for a in "IXYZ" for b in "IXYZ"]
    for options in ({}, {"temperature": 2.0}):
        best = adiabatic_gauge_potential(h, 0.4, operators=map_of(words), **options)
        exact = adiabatic_gauge_potential(h, 0.4)
        # The diagonal in eigenstates is free: the least one is none.
        v = np.linalg.eigh(h(0.4))[1]
        inside, wanted = (v.conj().T @ a @ v for a in (best, exact))
        off = ~np.eye(4, dtype=bool)
        assert inside[off] == pytest.approx(wanted[off], abs=1e-10)


def map_of(words):
    return [on_sites(word) for word in words]


@pytest.mark.slow
def test_independent_spins_have_the_closed_form_of_each():
    """A spin in Z σ_z + X σ_x: α = ½ (Z ∂X − X ∂Z)/(Z² + X²)."""
    h = ac.Hamiltonian.from_terms(
        [
            ("x", on_sites("ZI")),
            (0.5, on_sites("XI")),
            ("x + 3", on_sites("IZ")),
            (0.3, on_sites("IX")),
        ]
    )
    drive = ac.drive.Linear(-1, 1, rate=2.0)
    found = counterdiabatic(h, drive, operators=[on_sites("YI"), on_sites("IY")])
    t = np.array([-0.3, 0.1])
    x = 2 * t
    closed = np.stack([-0.5 * 0.5 / (x**2 + 0.25), -0.5 * 0.3 / ((x + 3) ** 2 + 0.09)], axis=-1)
    assert found.coefficients(t) == pytest.approx(2.0 * closed, abs=1e-12)
    assert np.all(found.fidelity() > 1 - 1e-9)


@pytest.mark.slow
def test_better_operators_and_weights_follow_better():
    """Levels meet at x = 0, where sums of operators are not told apart."""
    drive = ac.drive.Linear(0, 1, rate=2.0)
    pairs = map_of(["YZI", "ZYI", "IYZ", "IZY"])

    def lost(operators, **options):
        found = counterdiabatic(CHAIN, drive, operators=operators, **options)
        return 1 - found.fidelity(tolerance=1e-8)[0]

    plain = ac.propagate(CHAIN, drive).transition_matrix[1:, 0].sum()
    assert plain > lost(LOCAL) > lost([*LOCAL, *pairs])
    assert lost(LOCAL, levels=1) < 0.2 * plain
    assert lost([*LOCAL, *pairs], levels=1, cutoff=1e-2) < 1e-3


@pytest.mark.parametrize(
    "options",
    [
        {"operators": []},
        {"operators": [np.eye(3)]},
        {"operators": [np.zeros((2, 2))]},
        {"operators": [SIGMA_Y], "cutoff": 1.0},
        {"operators": [[[0, 1], [0, 0]]]},
        {"operators": [SIGMA_Y], "levels": 3},
        {"operators": [SIGMA_Y], "levels": 1, "temperature": 1.0},
        {"operators": [SIGMA_Y], "temperature": 0.0},
        {"levels": 1},
    ],
)
def test_bad_operators_are_refused(options):
    with pytest.raises(ac.InputError):
        adiabatic_gauge_potential(ac.models.LandauZener(gap=1.0), 0.0, **options)
