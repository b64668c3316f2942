"""Maps of density matrices by doubled steps: their rounding, what they forget, and what says so."""

import mpmath as mp
import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import _stack_sizes, densities, generators, linear_variation, liouville
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.doubled_variation import DoubledPanel
from anticrossing.dynamics.linear import coordinates
from anticrossing.dynamics.open_maps import MapKernel
from tests.effort import slow
from tests.systems import random_hermitian

NODES = grid(25)


def lowering(levels, rate):
    return ac.Lindblad([np.sqrt(rate) * np.diag(np.ones(levels - 1), 1)])


def doubled(generator):
    size = generator.shape[-1]
    none = np.empty((NODES.size, 0, size, size), generator.dtype)
    panel = DoubledPanel(np.repeat(generator[None], NODES.size, axis=0), none, NODES, 2e-12)
    return panel.follow()[0], panel.error


@pytest.mark.parametrize("seed", [0, 1, *map(slow, range(2, 20))])
def test_rounding_of_long_phases_is_within_the_estimate(seed):
    """A constant H, where rounding adds up without mercy, against 40 digits."""
    levels = 3 + seed % 2
    h = random_hermitian(np.random.default_rng(seed), levels)
    h -= np.trace(h).real / levels * np.eye(levels)
    window = 3e3 * (1 + seed % 5)
    with mp.workdps(40):
        energies, vectors = mp.eighe(mp.matrix(h.tolist()))
        turn = mp.diag([mp.expj(-energy * window) for energy in energies])
        exact = np.array((vectors * turn * vectors.transpose_conj()).tolist(), dtype=complex)
    found, error = doubled(-0.5j * window * h)
    assert np.max(np.abs(found - exact)) < 0.6 * error
    basis = liouville.hermitian_basis(levels)
    columns = basis.reshape(levels**2, -1).T
    to, back = coordinates(levels**2, np.trace(basis, axis1=1, axis2=2).real)
    real = 0.5 * window * (to @ generators.real(liouville.commutator(h)) @ back).real
    real[0] = 0.0
    found, error = doubled(real)
    assert found[0].tolist() == np.eye(1, levels**2)[0].tolist()  # the trace
    whole = columns @ back @ found @ to @ columns.conj().T
    assert np.max(np.abs(whole - np.kron(exact, exact.conj()))) < 0.6 * error
    assert error < 1.5e-15 * 2 * np.max(np.sum(np.abs(real), axis=-1)) + 1e-14


@pytest.mark.parametrize("rate", [1e-4, slow(1e-5), 1e-8])
def test_what_has_relaxed_is_forgotten(rate):
    """A slow sweep, against one that begins when nothing is remembered of the way before."""
    rng = np.random.default_rng(5)
    H = ac.Hamiltonian.affine(random_hermitian(rng, 3), np.diag([-1.0, 0.2, 1.0]))
    environment = lowering(3, 0.05)
    whole = ac.propagate(H, ac.drive.Linear(-5, 5, rate), environment=environment)
    assert whole.method == "doubled steps"
    assert whole.panels == 1
    assert whole.error_estimate < 1e-10
    late = ac.drive.Linear(5 - 2500 * rate, 5, rate)
    short = ac.propagate(H, late, environment=environment, tolerance=1e-9)
    for name in ("superoperator", "transition_matrix", "density_matrix"):
        assert np.max(np.abs(getattr(whole, name) - getattr(short, name))) < 2e-13


def drawn(seed):
    """A random problem: H, environment, sweep, tolerance."""
    rng = np.random.default_rng(seed)
    levels = 3 if seed % 5 else 4
    H = ac.Hamiltonian.affine(random_hermitian(rng, levels), random_hermitian(rng, levels))
    strength, rate = 10 ** rng.uniform(-6, 4), 10 ** rng.uniform(-4, 1)
    jump = random_hermitian(rng, levels)
    environment = (
        lowering(levels, strength),
        ac.Lindblad([np.sqrt(strength) * jump]),
        ac.ThermalRelaxation(temperature=1.0, t1=1 / min(strength, 1.0)),
        lowering(levels, strength) + ac.Dephasing(min(strength, 1.0)),
    )[seed % 4]
    return H, environment, ac.drive.Linear(-4, 4, rate), 10 ** rng.uniform(-11, -7)


@pytest.mark.parametrize("seed", [1, 4, *map(slow, (n for n in range(60) if n not in (1, 4)))])
def test_agrees_with_superadiabatic_panels(seed, monkeypatch):
    H, environment, sweep, tolerance = drawn(seed)
    monkeypatch.setattr(densities, "is_cheaper", lambda *_: False)
    one = ac.propagate(H, sweep, environment=environment, tolerance=tolerance)
    monkeypatch.setattr(MapKernel, "_chosen", lambda _, real, most: np.zeros(most.size, bool))
    try:
        other = ac.propagate(H, sweep, environment=environment, tolerance=tolerance)
    except ac.ConvergenceError:
        pytest.skip("superadiabatic panels find none")
    assert other.method == "superadiabatic panels"
    apart = np.max(np.abs(one.superoperator - other.superoperator))
    assert apart < one.error_estimate + other.error_estimate
    assert one.error_estimate < max(3 * tolerance, 2 * other.error_estimate)


def test_requested_times_and_many_sweeps_have_panels_of_their_own():
    rng = np.random.default_rng(2)
    H = ac.Hamiltonian.affine(random_hermitian(rng, 3), np.diag([-1.0, 0.2, 1.0]))
    environment, rates = lowering(3, 0.05), np.array([1e-3, 2e-3])
    many = ac.drive.Linear(-5, 5, rates)
    times = np.linspace(-0.5, 0.5, 4)[:, None] * 10 / rates
    together = ac.propagate(H, many, environment=environment, times=times.T)
    assert together.method == "doubled steps"
    for k, rate in enumerate(rates):
        to_time = ac.drive.Linear(-5, float(rate * times[2, k]), float(rate))
        alone = ac.propagate(H, to_time, environment=environment)
        allowed = together.error_estimate[k] + alone.error_estimate
        assert np.max(np.abs(together.density_matrices[k, 2] - alone.density_matrix)) < allowed


@pytest.mark.parametrize("rate", [1e-4, 1e-6])
def test_derivatives_of_a_slow_relaxing_sweep_have_small_estimates(rate):
    """Against differences of evolutions that begin late."""
    rng = np.random.default_rng(5)
    still, moving = random_hermitian(rng, 3), np.diag([-1.0, 0.2, 1.0])
    extra = random_hermitian(rng, 3)

    def hamiltonian(p):
        terms = [(1, still), ("x", moving), ("p", extra)]
        return ac.Hamiltonian.from_terms(terms, parameters={"p": p})

    environment = lowering(3, 0.05)
    found = ac.propagate(
        hamiltonian(0.1), ac.drive.Linear(-5, 5, rate), environment=environment, gradient="p"
    ).gradients["p"]
    assert found.error_estimate < 1e-7
    late, step = ac.drive.Linear(5 - 2000 * rate, 5, rate), 0.02

    def at(k):
        return ac.propagate(
            hamiltonian(0.1 + k * step), late, environment=environment
        ).density_matrix

    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    slope = sum(w * (at(k) - at(-k)) for k, w in weights.items()) / step
    assert np.max(np.abs(found.density_matrix - slope)) < 1e-9


@pytest.mark.parametrize("levels", [2, slow(3)])
def test_derivatives_of_what_has_relaxed_agree_with_panels_that_split_the_spectrum(
    levels, monkeypatch
):
    rng = np.random.default_rng(levels)
    names = ["p", "q"]
    terms = [(name, random_hermitian(rng, levels)) for name in names]
    terms.append(("x", np.diag(np.arange(levels) - 0.5 * (levels - 1))))
    H = ac.Hamiltonian.from_terms(terms, parameters={"p": 0.3, "q": 0.2})
    environment = lowering(levels, 0.05)
    sweep = ac.drive.Linear(-5, 5, 1e-6)

    def found():
        return ac.propagate(H, sweep, environment=environment, gradient=names)

    panels = []
    solve = linear_variation._Panels._separate
    monkeypatch.setattr(
        linear_variation._Panels, "_separate", lambda *a: (panels.append(1), solve(*a))
    )
    one = found()
    assert not panels
    monkeypatch.setattr(
        linear_variation, "_doubled", lambda g, count, tolerance: np.zeros(len(g), bool)
    )
    other = found()
    assert panels
    for name in names:
        mine, theirs = one.gradients[name], other.gradients[name]
        apart = np.abs(mine.superoperator - theirs.superoperator)
        assert np.max(apart) < 1e-10 * (1 + np.max(np.abs(theirs.superoperator)))
        assert np.max(apart) < mine.error_estimate + theirs.error_estimate


@pytest.mark.parametrize("kind", [float, complex])
def test_sizes_of_stacks(kind):
    rng = np.random.default_rng(1)
    stacks = rng.normal(size=(5, 3, 4, 3)).astype(kind)
    if kind is complex:
        stacks += 1j * rng.normal(size=stacks.shape)
    first = int(kind is float)
    stacks[1:, :, :, 1] *= 1e-3  # one large column: both bounds are the lower somewhere
    stacks[:, :first] = 0.0

    def bound(part):
        frobenius = np.linalg.norm(part, axis=(1, 3))
        rows, columns = np.abs(part).sum(axis=3).max(axis=1), np.abs(part).sum(axis=1).max(axis=2)
        spectral = np.linalg.norm(part.swapaxes(1, 2), ord=2, axis=(2, 3))
        found = np.minimum(frobenius, np.sqrt(rows * columns)) if first else frobenius
        assert np.all(found >= spectral)
        return found

    whole, inside = bound(stacks), bound(stacks[:, first:, :, first:])
    wanted = np.max(whole[:, 1:]), np.max(inside[:, 0]), np.max(inside[:, 1:])
    numbers = stacks.view(float)
    assert np.allclose(_stack_sizes.norms(numbers, first), wanted, rtol=1e-14)
    assert np.array_equal(_stack_sizes.largest(numbers), np.max(np.abs(numbers), axis=(1, 3)))


def test_nothing_happens_before_and_after_a_pulse():
    """There H and the jump operator vanish to the last digit."""
    size = "2*(tanh(4*(t - 75)) - tanh(4*(t - 76.5)))"
    hamiltonian = ac.Hamiltonian.from_terms([("x", np.array([[-0.4, -1.6], [-1.6, 1.6]]))])
    environment = ac.Lindblad([("0.4*exp(-(x/8)**2)*x", [[-0.1, 0.2], [-0.3, 0.1]])])
    kwargs = {"environment": environment, "tolerance": 1e-8}
    whole, part = (
        ac.propagate(hamiltonian, ac.drive.Formula(size, *window), **kwargs)
        for window in ((0, 1738.6), (60, 90))
    )
    assert np.max(np.abs(whole.superoperator - part.superoperator)) < 1e-8
