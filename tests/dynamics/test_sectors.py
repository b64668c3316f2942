"""Sector by sector: against all levels together, a Runge–Kutta method, and free fermions."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import block_diag

import anticrossing as ac
from anticrossing import Hamiltonian, InputError
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import floquet, one_period_propagator, quasi_energies
from anticrossing.dynamics._sectors import Sectored, may_have_sectors
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.reference import propagator as reference_propagator
from anticrossing.spectrum import Symmetry
from anticrossing.spectrum.symmetry import conserved
from tests.effort import slow
from tests.systems import random_hermitian, random_unitary

COMPARED = ("propagator", "transition_matrix", "probabilities", "states", "populations")
TIMES = [-5.0, 0.1, 2.0]
SWEEP = ac.drive.Linear(-6.0, 6.3, rate=0.7)


@pytest.fixture
def together(monkeypatch):
    """What a function gives when all levels are followed together."""

    def call(function, *arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(Sectored, "of", classmethod(lambda cls, lanes, symmetry=None: None))
            return function(*arguments, **options)

    return call


def hidden(seed, *, real=False, copies=False, batch=False, visible=False):
    """Random blocks, turned at random: H = p A + x B + sin(x) C, and the sizes of its blocks."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, size=rng.integers(2, 4)).tolist()
    sizes = [*sizes, sizes[-1]] if copies else sizes
    terms = []
    for _ in range(3):
        blocks = [random_hermitian(rng, size) for size in sizes]
        blocks = [block.real for block in blocks] if real else blocks
        blocks[-1] = blocks[-2] if copies else blocks[-1]
        terms.append(block_diag(*blocks))
    size = sum(sizes)
    turn = random_unitary(rng, size)
    turn = np.linalg.qr(turn.real)[0] if real else turn
    turn = np.eye(size)[rng.permutation(size)] if visible else turn
    turned = [turn @ term @ turn.conj().T for term in terms]
    turned = [0.5 * (term + term.conj().T) for term in turned]
    parameters = {"p": np.array([0.6, 1.0, 1.4]) if batch else 1.0}
    H = Hamiltonian.from_terms(
        list(zip(("p", "x", "sin(x)"), turned, strict=True)), parameters=parameters
    )
    return H, tuple(sorted(sizes))


def assert_same(one, other, name, allowed):
    assert np.max(np.abs(getattr(one, name) - getattr(other, name))) < allowed, name


KINDS = [{}, {"real": True}, {"copies": True}, {"batch": True}, {"visible": True}]


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("seed", "kind"), [(s, KINDS[s % 5]) if s < 5 else slow(s, KINDS[s % 5]) for s in range(30)]
)
def test_as_all_levels_together(seed, kind, together):
    H, sizes = hidden(seed, **kind)
    rng = np.random.default_rng(seed)
    psi = random_unitary(rng, H.dimension)[0]
    for basis in ("adiabatic", "diabatic"):
        for initial in (H.dimension - 1, psi):
            options = {"basis": basis, "initial": initial, "times": TIMES, "tolerance": 1e-12}
            one = ac.propagate(H, SWEEP, **options)
            other = together(ac.propagate, H, SWEEP, **options)
            assert tuple(sorted(one.sectors)) == sizes
            assert other.sectors == (H.dimension,)
            names = list(COMPARED)
            if basis == "adiabatic" and "copies" in kind:  # their levels have no bases of their own
                names = ["propagator", "states"] if initial is psi else ["propagator"]
            elif basis == "adiabatic" and initial is not psi:
                names.remove("states")  # the phases of eigenvectors are free
            for name in names:
                assert np.allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-11), (
                    name
                )
            assert np.all(one.error_estimate < 1e-10)
            levels = np.swapaxes(one.transition_matrix, -1, -2)
            assert np.allclose(levels.sum(axis=-1), 1, rtol=0, atol=1e-11)


@pytest.mark.parametrize("seed", [0, *(slow(s) for s in (1, 2, 4, 7))])
def test_superadiabatic_states_of_every_sector(seed, together):
    H, sizes = hidden(seed, real=bool(seed % 2))
    options = {"basis": "superadiabatic", "order": 2, "times": TIMES, "tolerance": 1e-12}
    one = ac.propagate(H, SWEEP, **options)
    other = together(ac.propagate, H, SWEEP, **options)
    assert tuple(sorted(one.sectors)) == sizes
    for name in ("transition_matrix", "probabilities", "populations", "readout_residual"):
        assert_same(one, other, name, 1e-10)


@pytest.mark.parametrize("seed", [3, *(slow(s) for s in range(5, 13))])
@pytest.mark.slow
def test_as_a_runge_kutta_method(seed):
    H, _ = hidden(seed, copies=bool(seed % 2))
    found = ac.propagate(H, SWEEP, tolerance=1e-11)
    assert len(found.sectors) > 1
    assert np.abs(found.propagator - reference_propagator(H, SWEEP)).max() < 1e-9


def ring_as_fermions(sites, sweep):
    """The probability that an even ring stays in its ground state: its modes are independent."""
    modes = ac.models.TransverseIsingMode(momentum=ac.models.ising_momenta(sites))
    return float(np.prod(ac.propagate(modes, sweep, tolerance=1e-12).transition_matrix[:, 0, 0]))


@pytest.mark.parametrize(
    ("sites", "rate"), [(6, 0.1), slow(6, 1e-6), slow(8, 1.0), slow(8, 0.1), slow(8, 1e-6)]
)
def test_rings_of_spins(sites, rate):
    sweep = ac.drive.Linear(3.0, 0.2, rate=-rate)
    found = ac.propagate(ac.models.TransverseIsing(sites=sites), sweep)
    assert found.transition_matrix[0, 0] == pytest.approx(ring_as_fermions(sites, sweep), abs=1e-10)
    assert max(found.sectors) == 2 ** (sites // 2)
    assert np.abs(found.propagator @ found.propagator.conj().T - np.eye(2**sites)).max() < 1e-12
    # The estimate counts what the rounding of phases may do.
    assert found.error_estimate < 1e-10 + found.phase_error


@pytest.mark.parametrize("duration", [30.0, slow(1000.0)])
@pytest.mark.slow
def test_a_frustrated_triangle_annealed(duration):
    problem = ac.models.ising_problem([0.1, 0, 0], {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0})
    H = Hamiltonian.from_terms(
        [("cos(pi*x/2)", ac.models.transverse_field_driver(3)), ("sin(pi*x/2)", problem)]
    )
    sweep = ac.drive.Linear(0.0, 1.0, rate=1 / duration)
    found = ac.propagate(H, sweep, basis="diabatic", tolerance=1e-11)
    assert found.sectors == (6, 2)  # the two spins without a field may be exchanged
    exact = np.abs(reference_propagator(H, sweep)) ** 2
    assert np.abs(found.transition_matrix - exact).max() < 1e-9


def test_nothing_goes_from_sector_to_sector():
    H, sizes = hidden(11)
    found = ac.propagate(H, SWEEP)
    allowed = sum(size**2 for size in sizes)
    assert np.count_nonzero(found.transition_matrix) <= allowed
    assert np.count_nonzero(found.amplitudes) <= allowed
    assert "sectors" in str(found)
    assert "sectors" not in str(ac.propagate(ac.models.LandauZener(gap=1.0), SWEEP))


def test_equal_blocks_are_solved_once():
    for visible in (False, True):
        H, sizes = hidden(2, copies=True, visible=visible)
        lanes = Lanes.of(H, SWEEP)
        found = Sectored.of(lanes)
        assert len(found.owner) == len(sizes)
        assert len(found.blocks) == len(sizes) - 1


def test_an_offset_is_a_phase_that_all_sectors_share(together):
    H, _ = hidden(6)
    lifted = Hamiltonian.from_terms(
        [*zip(H.coefficients, H.matrices, strict=True), ("q", np.eye(H.dimension))],
        parameters={"p": 1.0, "q": 1e7},
    )
    options = {"basis": "diabatic", "tolerance": 1e-12, "times": TIMES}
    high, low = (ac.propagate(h, SWEEP, **options) for h in (lifted, H))
    assert len(high.sectors) == len(low.sectors) > 1
    # 10⁷ in front of 1 takes seven digits off H itself, as it does for all levels together.
    assert np.allclose(high.transition_matrix, low.transition_matrix, rtol=0, atol=1e-7)
    exact = together(ac.propagate, lifted, SWEEP, **options)
    assert np.allclose(high.transition_matrix, exact.transition_matrix, rtol=0, atol=1e-11)
    assert np.allclose(high.states, exact.states, rtol=0, atol=1e-7)


def test_a_coupling_is_never_taken_for_rounding():
    coupling = 1e-12
    constant = [[0, coupling, 0], [coupling, 0, coupling], [0, coupling, 1]]
    H = Hamiltonian.affine(constant, np.diag([1.0, -1.0, 0.0]))
    assert ac.spectrum.sectors(H).count == 1
    assert conserved(H).count == 1
    H, _ = hidden(1)
    off = np.zeros((H.dimension, H.dimension))
    off[0, -1] = off[-1, 0] = 1.0
    pulse = Hamiltonian.from_terms(
        [*zip(H.coefficients, H.matrices, strict=True), ("exp(-((x - 0.3137)/0.001)**2)", off)],
        parameters={"p": 1.0},
    )
    assert conserved(H).count > 1
    assert conserved(pulse).count == 1  # at 65 points of the window nothing is seen of it


def test_terms_that_vanish_link_nothing():
    H = Hamiltonian.from_matrix(
        [["x", 0.1, "g"], [0.1, "-x", 0], ["g", 0, 1.0]], parameters={"g": 0.0}
    )
    assert ac.propagate(H, SWEEP).sectors == (2, 1)
    assert ac.propagate(H.replace(g=[0.0, 1e-300]), SWEEP).sectors == (3,)


def test_a_symmetry_given():
    chain = ac.models.TransverseIsing(sites=4)
    flip = Symmetry.operator(np.arange(16)[::-1].copy(), {1: "even", -1: "odd"})
    sweep = ac.drive.Linear(3.0, 0.2, rate=-0.3)
    found = ac.propagate(chain, sweep, symmetry=flip)
    searched = ac.propagate(chain, sweep)
    assert len(found.sectors) == len(searched.sectors) == 11
    assert np.allclose(found.propagator, searched.propagator, rtol=0, atol=1e-11)
    pair = ac.models.LandauZener(gap=0.0)
    labelled = Symmetry.labelled(["up", "down"])
    assert ac.propagate(pair, SWEEP, symmetry=labelled).sectors == (1, 1)
    with pytest.raises(InputError, match="`symmetry` must be one of H"):
        ac.propagate(ac.models.LandauZener(gap=1e-9), SWEEP, symmetry=labelled)
    with pytest.raises(InputError, match="`symmetry` must label 16 states"):
        ac.propagate(chain, sweep, symmetry=labelled)
    dephasing = ac.environment.Dephasing(0.1)
    function = Hamiltonian.from_function(lambda x: np.diag([x, -x]))
    with pytest.raises(InputError, match="`symmetry` must be given without an environment"):
        ac.propagate(pair, SWEEP, symmetry=labelled, environment=dephasing)
    with pytest.raises(InputError, match="`symmetry` must be one of constant matrices"):
        ac.propagate(function, SWEEP, symmetry=labelled)
    with pytest.raises(InputError, match="`symmetry`"):
        ac.propagate(pair, SWEEP, symmetry=["up", "down"])


@pytest.mark.parametrize("periodic", [True, False])
def test_chains_know_their_permutations(periodic):
    for sites in (3, 4):
        chain = ac.models.TransverseIsing(sites=sites, periodic=periodic)
        found = [Symmetry.operator(turned) for turned in chain.permutations]
        assert conserved(chain, found[0] & found[1]).count == conserved(chain).count
        assert chain.replace(coupling=2.0).permutations == chain.permutations


@pytest.mark.slow
def test_a_ring_of_512_states():
    ring, sweep = ac.models.TransverseIsing(sites=9), ac.drive.Linear(3.0, 0.2, rate=-0.1)
    found = ac.propagate(ring, sweep)  # by the permutations that the model knows
    assert max(found.sectors) == 16
    assert sum(found.sectors) == 512
    bonds, field = ring.matrices
    first = np.linalg.eigh(ring(3.0))[1][:, 0]
    solved = solve_ivp(
        lambda t, y: -1j * (bonds @ y - 0.1 * t * (field @ y)),
        (-30.0, -2.0),
        first.astype(complex),
        method="DOP853",
        rtol=1e-11,
        atol=1e-13,
    )
    assert np.abs(found.propagator @ first - solved.y[:, -1]).max() < 1e-9


def test_a_symmetry_of_more_states_than_are_searched():
    """Nine spins that nothing flips: 512 states, which the given basis shows."""
    sites, sweep = 9, ac.drive.Linear(-1.0, 1.5, rate=1.0)
    ones = np.array([bin(k).count("1") for k in range(2**sites)])
    H = Hamiltonian.from_terms([("x", np.diag(ones.astype(float))), ("1", np.diag(ones**2 / 9))])
    found = ac.propagate(H, sweep, basis="diabatic")
    assert found.sectors == (1,) * 2**sites
    phase = ones * (1.5**2 - 1.0) / 2 + ones**2 / 9 * 2.5
    assert np.abs(np.diag(found.propagator) - np.exp(-1j * phase)).max() < 1e-12


def test_floquet_modes_belong_to_sectors(together):
    H, sizes = hidden(4)
    drive = ac.drive.Sinusoidal(0.2, 1.3, 2.1)
    one, other = floquet(H, drive), together(floquet, H, drive)
    assert np.allclose(one.quasi_energies, other.quasi_energies, rtol=0, atol=1e-11)
    assert np.allclose(np.abs(one.modes), np.abs(other.modes), rtol=0, atol=1e-9)
    assert np.allclose(one.modes_at([0.5, 1.0]), other.modes_at([0.5, 1.0]), rtol=0, atol=1e-9)
    assert np.allclose(one.mean_energies, other.mean_energies, rtol=0, atol=1e-9)
    turned = one.modes.conj().T @ H.matrices[1] @ one.modes
    assert np.count_nonzero(np.abs(turned) > 1e-12) <= sum(size**2 for size in sizes)
    maps = one_period_propagator(H, drive), together(one_period_propagator, H, drive)
    assert np.abs(maps[0] - maps[1]).max() < 1e-11


@pytest.mark.slow
def test_quasi_energies_of_different_sectors_cross():
    """Two qubits that do not see each other in one drive, and a level that couples to nothing."""
    qubit = np.array([[0, 0.05, 0], [0.05, 0, 0], [0, 0, 0.4]])
    H = Hamiltonian.affine(qubit, np.diag([0.5, -0.5, 0.0]))
    drive = ac.drive.Sinusoidal(0.0, 2.0, 1.0)
    labels = Symmetry.labelled(["qubit", "qubit", "third"])
    values = np.linspace(0.55, 1.45, 10)
    found = quasi_energies(H, drive, "offset", values, symmetry=labels)
    qubits = Hamiltonian.affine(qubit[:2, :2], np.diag([0.5, -0.5]))
    alone = quasi_energies(qubits, drive, "offset", values)
    avoided = [r for r in found.resonances if r.gap > 1e-9]
    assert len(avoided) == len(alone.resonances) == 1
    assert avoided[0].gap == pytest.approx(alone.resonances[0].gap, abs=1e-11)
    with pytest.raises(InputError, match="`symmetry` must label 3 states"):
        quasi_energies(H, drive, "offset", values, symmetry=Symmetry.labelled(["a", "b"]))


def states_of(size, seed):
    """A level, a state of the basis, and two more that live in few sectors or in all."""
    rng = np.random.default_rng(seed)
    anywhere = rng.normal(size=size) + 1j * rng.normal(size=size)
    return 0, 1, np.full(size, size**-0.5), anywhere / np.linalg.norm(anywhere)


@pytest.mark.quick(1)
@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
@pytest.mark.parametrize(
    ("seed", "kind"), [(s, KINDS[s % 5]) if s < 3 else slow(s, KINDS[s % 5]) for s in range(15)]
)
def test_one_state_in_its_own_sectors(seed, kind, basis):
    H, _ = hidden(seed, **kind)
    for initial in states_of(H.dimension, seed):
        options = {"initial": initial, "basis": basis, "times": TIMES}
        whole = ac.propagate(H, SWEEP, **options)
        one = ac.propagate(H, SWEEP, whole=False, **options)
        allowed = np.max(whole.error_estimate + one.error_estimate)
        for name in ("probabilities", "populations"):
            assert_same(one, whole, name, allowed)
        for name in ("final_state", "states"):  # the phase of an eigenstate is nobody's choice
            found, wanted = (np.abs(getattr(result, name)) for result in (one, whole))
            assert np.max(np.abs(found - wanted)) < allowed
        # Fewer columns may be followed by another method.
        assert np.max(one.error_estimate) <= 2 * np.max(whole.error_estimate) + 1e-12
        assert one.transition_matrix is one.propagator is one.amplitudes is None
        assert set(one.sectors) <= set(whole.sectors)


@pytest.mark.parametrize("initial", [0, 1])
def test_one_level_of_a_ring_needs_its_sector_alone(initial):
    ring, sweep = ac.models.TransverseIsing(sites=4), ac.drive.Linear(3.0, 0.2, rate=-0.1)
    whole = ac.propagate(ring, sweep)
    one = ac.propagate(ring, sweep, initial=initial, whole=False)
    assert len(whole.sectors) == 11
    assert one.sectors == ((4,), (2,))[initial]
    assert one.panels < 0.3 * whole.panels
    np.testing.assert_allclose(
        one.probabilities, whole.transition_matrix[:, initial], rtol=0, atol=1e-12
    )
    # A Runge–Kutta method knows no sectors.
    start, stop = ring(3.0), ring(0.2)
    first, last = np.linalg.eigh(start)[1][:, initial], np.linalg.eigh(stop)
    slope = (stop - start) / 28.0
    with one_thread:
        solved = solve_ivp(
            lambda t, y: -1j * ((start + t * slope) @ y),
            (0.0, 28.0),
            first.astype(complex),
            method="DOP853",
            rtol=1e-10,
            atol=1e-11,
        )
    found = np.abs(last[1].conj().T @ solved.y[:, -1]) ** 2
    # Levels of different sectors may be degenerate: what all of one energy hold is one number.
    groups = np.flatnonzero(np.diff(last[0], prepend=-np.inf) > 1e-9)
    compared = [np.add.reduceat(p, groups) for p in (one.probabilities, found)]
    np.testing.assert_allclose(*compared, rtol=0, atol=1e-8)


def test_a_symmetry_given_leaves_the_sectors_of_one_state():
    ring, sweep = ac.models.TransverseIsing(sites=6), ac.drive.Linear(3.0, 0.2, rate=-0.1)
    even = Symmetry.operator(np.arange(64)[::-1], {1: "even", -1: "odd"})
    found = ac.propagate(ring, sweep, symmetry=even, whole=False)
    wanted = ac.propagate(ring, sweep, whole=False)
    assert found.sectors == wanted.sectors == (8,)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, rtol=0, atol=1e-11)


@pytest.mark.parametrize("coupling", [1e-3, slow(1e-7), 1e-11])
def test_what_a_state_reaches_by_a_weak_coupling_is_no_rounding(coupling):
    """Two groups of eight levels, linked at one place that a slow sweep passes."""
    rng = np.random.default_rng(3)
    slope, constant = np.zeros((16, 16)), np.zeros((16, 16))
    for own in (slice(0, 8), slice(8, 16)):
        constant[own, own] = 10 * np.diag(np.arange(8.0)) + 0.1 * random_hermitian(rng, 8).real
        slope[own, own] = np.eye(8) * (1 if own.start else -1)
    constant[8, 0] = constant[0, 8] = coupling
    H = Hamiltonian.affine(constant, slope)
    rate = 2 * coupling**2
    sweep = ac.drive.Linear(-1.0, 1.0, rate=rate)
    one = ac.propagate(H, sweep, basis="diabatic", whole=False, initial=0)
    whole = ac.propagate(H, sweep, basis="diabatic")
    assert one.probabilities[8:].sum() > 0.5  # exp(−2πV²/2α) of it stays
    difference = np.abs(one.probabilities - whole.probabilities).max()
    assert difference <= float(one.error_estimate + whole.error_estimate)


@pytest.mark.parametrize("seed", range(20))
def test_no_sectors_are_overlooked_before_a_search(seed):
    """What the eigenvectors at both ends say of one sector, and of several, a search says too."""
    H, sizes = hidden(seed, **KINDS[seed % 5])
    if H.dimension > 2:
        assert conserved(H).count == len(sizes)
        assert may_have_sectors(Lanes.of(H, SWEEP))
    rng = np.random.default_rng(seed)
    generic = Hamiltonian.affine(*(random_hermitian(rng, 3 + seed) for _ in range(2)))
    assert conserved(generic).count == 1
    assert not may_have_sectors(Lanes.of(generic, SWEEP))
    # Terms that only occur together are one: the sum of these has sectors.
    first, second = (random_hermitian(rng, 6) for _ in range(2))
    second = block_diag(random_hermitian(rng, 3), random_hermitian(rng, 3)) - first
    together = Hamiltonian.from_terms([("x", first), ("x", second), (1, np.diag(np.arange(6.0)))])
    assert may_have_sectors(Lanes.of(together, SWEEP))


def test_what_a_state_reaches_is_found_without_a_search(monkeypatch):
    def searched(lanes, symmetry=None):
        raise AssertionError("all sectors were looked for")

    ring, sweep = ac.models.TransverseIsing(sites=6), ac.drive.Linear(3.0, 0.2, rate=-0.1)
    wanted = ac.propagate(ring, sweep)
    monkeypatch.setattr(Sectored, "of", searched)
    found = ac.propagate(ring, sweep, whole=False)
    assert found.sectors == (8,)
    assert_same(found, wanted, "probabilities", 1e-12)
    uniform = np.full(64, 64**-0.5)
    found = ac.propagate(ring, sweep, whole=False, basis="diabatic", initial=uniform)
    expected = np.abs(wanted.propagator @ uniform) ** 2
    np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=1e-12)
