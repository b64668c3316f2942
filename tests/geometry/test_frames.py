import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import solve_ivp

from anticrossing import Hamiltonian
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.frames import Gauge, transport
from anticrossing.models import SpinInField
from anticrossing.spectrum.levels import tracked_levels

CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


def random_hermitian(rng, size, real=False):
    m = rng.normal(size=(size, size)) + (0 if real else 1j) * rng.normal(size=(size, size))
    return (m + m.conj().T) / 2


def random_hamiltonian(seed, size, count, real=False):
    """H₀ + Σ R_k H_k with levels well apart near the origin."""
    rng = np.random.default_rng(seed)
    terms = [(1, np.diag(2.0 * np.arange(size)) + 0.3 * random_hermitian(rng, size, real))]
    names = [f"q{k}" for k in range(count)]
    terms += [(name, random_hermitian(rng, size, real)) for name in names]
    return Hamiltonian.from_terms(terms, coordinates=names)


def quadrupole():
    """(n·J)² of spin 3/2: two doublets, degenerate everywhere."""
    j = np.arange(1.5, -2, -1)
    plus = np.diag(np.sqrt(1.5 * 2.5 - j[1:] * (j[1:] + 1)), 1)
    jx, jy, jz = (plus + plus.T) / 2, (plus - plus.T) / 2j, np.diag(j)
    terms = []
    for a, ma in zip("xyz", (jx, jy, jz), strict=True):
        for b, mb in zip("xyz", (jx, jy, jz), strict=True):
            terms.append((f"{a}*{b}", (ma @ mb + mb @ ma) / 2))
    return Hamiltonian.from_terms(terms, coordinates=("x", "y", "z"))


def kato(hamiltonian, start, stop, vectors, block):
    """Transport of `vectors` in the levels `block`: ψ' = Q ψ, Q = Σ |m⟩⟨m|H'|a⟩⟨a|/(E_a − E_m)."""
    start, stop = np.asarray(start, float), np.asarray(stop, float)

    def slope(s, flat):
        point = start + s * (stop - start)
        energies, v = np.linalg.eigh(hamiltonian(point))
        h = sum(
            d * hamiltonian.derivative(point, coordinate=name)
            for d, name in zip(stop - start, hamiltonian.coordinates, strict=True)
        )
        out = [m for m in range(energies.size) if m not in block]
        q = 0
        for a in block:
            for m in out:
                element = v[:, m].conj() @ h @ v[:, a] / (energies[a] - energies[m])
                q = q + element * np.outer(v[:, m], v[:, a].conj())
        return (q @ flat.reshape(vectors.shape)).ravel()

    run = solve_ivp(
        slope, (0, 1), vectors.astype(complex).ravel(), method="DOP853", rtol=1e-12, atol=1e-12
    )
    return run.y[:, -1].reshape(vectors.shape)


@pytest.mark.slow
def test_transport_of_single_levels_against_an_ode():
    hamiltonian = random_hamiltonian(1, 4, 3)
    path = np.array([[0.3, -0.2, 0.1], [-0.5, 0.4, 0.6], [0.2, 0.9, -0.7]])
    frames = transport(hamiltonian, path)
    assert frames.blocks == ((0,), (1,), (2,), (3,))
    for level in range(4):
        state = frames.vectors[0][:, [level]]
        for k in range(2):
            state = kato(hamiltonian, path[k], path[k + 1], state, [level])
            assert np.max(np.abs(state[:, 0] - frames.vectors[k + 1][:, level])) < 2e-10


@pytest.mark.slow
def test_transport_of_degenerate_doublets_against_an_ode():
    hamiltonian = quadrupole()
    path = np.array([[0.0, 0.3, 1.0], [0.8, -0.4, 0.2]])
    frames = transport(hamiltonian, path)
    assert frames.blocks == ((0, 1), (2, 3))
    tracked = transport(hamiltonian, path, order="tracked", initial=frames.vectors[0])
    assert np.max(np.abs(tracked.vectors - frames.vectors)) < 1e-10
    for block in ([0, 1], [2, 3]):
        state = kato(hamiltonian, *path, frames.vectors[0][:, block], block)
        assert np.max(np.abs(state - frames.vectors[1][:, block])) < 2e-10


def test_energies_and_vectors_are_eigenpairs_at_the_points():
    hamiltonian = random_hamiltonian(5, 5, 2)
    path = np.random.default_rng(0).normal(size=(40, 2)) * 0.4
    frames = transport(hamiltonian, path)
    residual = hamiltonian(path) @ frames.vectors - frames.vectors * frames.energies[:, None, :]
    assert np.max(np.abs(residual)) < 1e-12
    assert np.array_equal(frames.levels, np.broadcast_to(np.arange(5), (40, 5)))
    assert "40 frames of 5 levels" in str(frames)


def test_a_sign_change_around_an_intersection_and_none_beside_it():
    corners = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]])
    for shift, sign in (([0, 0], -1), ([3, 0], 1)):
        frames = transport(CONE, corners + shift)
        overlap = frames.vectors[0].T @ frames.vectors[-1]
        assert np.allclose(overlap, sign * np.eye(2), atol=1e-14)
        assert np.isrealobj(frames.vectors)


def test_a_narrow_avoided_crossing_between_two_distant_points_is_resolved():
    hamiltonian = Hamiltonian.affine([[0, 1e-7], [1e-7, 0]], [[1, 0], [0, -1]])
    frames = transport(hamiltonian, [-1.0, 2.0])
    half = np.arctan2(1e-7, [-1.0, 2.0]) / 2  # the field turns from nearly π to nearly 0
    exact = np.stack([-np.sin(half), np.cos(half)], axis=1)
    exact *= exact[0] @ frames.vectors[0, :, 0]
    assert np.max(np.abs(frames.vectors[:, :, 0] - exact)) < 1e-12


@pytest.mark.parametrize("points", [np.linspace(-1, 1, 2), np.linspace(-1, 1, 21)])
def test_tracked_levels_go_straight_through_hidden_crossings(points):
    """Two uncoupled sectors, hidden by a rotation; some points lie exactly on a crossing."""
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    constant = np.zeros((4, 4))
    constant[:2, :2] = [[0, 0.4], [0.4, 0.1]]
    constant[2:, 2:] = [[0.0, 0.2], [0.2, 0.3]]
    slope = np.diag([1.0, -1.0, 0.5, -0.7])
    hamiltonian = Hamiltonian.affine(turn @ constant @ turn.T, turn @ slope @ turn.T)
    frames = transport(hamiltonian, points, order="tracked")
    assert frames.blocks == ()
    assert np.max(np.abs(frames.energies - tracked_levels(hamiltonian, points))) < 1e-12
    along = np.take_along_axis(np.sort(frames.energies, axis=1), frames.levels, axis=1)
    assert np.max(np.abs(along - frames.energies)) < 1e-12


def test_tracked_levels_at_a_point_exactly_on_a_crossing_in_several_coordinates():
    terms = [("x", np.diag([1.0, -1.0])), ("y", [[0, 1j], [-1j, 0]])]
    hamiltonian = Hamiltonian.from_terms(terms, coordinates=("x", "y"))
    turn = np.array([np.cos(0.7), np.sin(0.7)])
    path = np.outer([-1.0, 0.0, 2.0], turn)
    frames = transport(hamiltonian, path, order="tracked")
    assert np.allclose(frames.energies[:, 0], [-1, 0, 2], atol=1e-14)
    assert np.allclose(frames.vectors, frames.vectors[0], atol=1e-12)
    assert frames.levels.tolist()[0] == [0, 1]
    assert frames.levels.tolist()[2] == [1, 0]


def test_all_levels_of_a_spin_cross_in_one_point():
    hamiltonian = SpinInField(spin=2, transverse_field=0.0)
    points = [-1.0, 0.0, 0.7]
    frames = transport(hamiltonian, points, order="tracked")
    assert np.allclose(frames.energies, np.outer(points, [2, 1, 0, -1, -2]), atol=1e-13)
    assert frames.levels[[0, 2]].tolist() == [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]
    assert np.allclose(frames.vectors, frames.vectors[0], atol=1e-13)


def test_tracked_doublets_cross_doublets():
    """Kramers-like pairs in different sectors: degenerate always, and crossing in addition."""
    rng = np.random.default_rng(8)
    turn = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0]
    slope = turn @ np.diag([1.0, 1.0, -1.0, -1.0]) @ turn.conj().T
    hamiltonian = Hamiltonian.affine(0.3 * np.eye(4), slope)
    frames = transport(hamiltonian, [-1.0, 0.0, 0.5], order="tracked")
    assert np.allclose(frames.energies[:, :2], [[-0.7] * 2, [0.3] * 2, [0.8] * 2], atol=1e-13)
    assert np.allclose(frames.vectors, frames.vectors[0], atol=1e-10)


def test_blocks_follow_a_pair_through_its_crossing():
    """The pair's space is transported although its two levels meet on the way."""
    hamiltonian = Hamiltonian.from_matrix(
        [["x", "y", "0.3"], ["y", "-x", "0.2*x"], ["0.3", "0.2*x", "5"]], coordinates=("x", "y")
    )
    path = np.array([[-1.0, 0.0], [1.0, 0.0]])
    frames = transport(hamiltonian, path, blocks=[[0, 1]])
    state = kato(hamiltonian, path[0], path[1], frames.vectors[0][:, :2], [0, 1])
    overlap = frames.vectors[1][:, :2] - state
    assert np.max(np.abs(overlap)) < 1e-9
    assert frames.blocks == ((0, 1), (2,))


def test_initial_continues_an_earlier_path():
    hamiltonian = random_hamiltonian(2, 3, 2)
    path = np.random.default_rng(2).normal(size=(7, 2)) * 0.3
    whole = transport(hamiltonian, path)
    first = transport(hamiltonian, path[:4])
    rest = transport(hamiltonian, path[3:], initial=first.vectors[-1])
    # eigh may return other phases for the same matrix in another batch: compare from the start
    gauge = np.sum(first.vectors[0].conj() * whole.vectors[0], axis=0)
    assert np.max(np.abs(rest.vectors[-1] * gauge - whole.vectors[-1])) < 1e-10


def test_couplings_of_the_frames_are_their_derivatives():
    hamiltonian = random_hamiltonian(4, 3, 2)
    point, step = np.array([0.1, -0.3]), 1e-4
    for axis in range(2):
        shift = np.eye(2)[axis] * step
        frames = transport(hamiltonian, [point - shift, point, point + shift])
        difference = (frames.vectors[2] - frames.vectors[0]) / (2 * step)
        numeric = frames.vectors[1].conj().T @ difference
        assert np.max(np.abs(numeric - frames.couplings()[1, axis])) < 1e-7


def test_couplings_keep_their_sign_along_a_trajectory():
    hamiltonian = random_hamiltonian(6, 4, 3, real=True)
    s = np.linspace(0, 1, 200)
    path = np.stack([0.5 * np.cos(6 * s), 0.5 * np.sin(6 * s), 0.3 * s], axis=1)
    d = transport(hamiltonian, path).couplings()
    assert d.shape == (200, 3, 4, 4)
    assert np.max(np.abs(d + d.swapaxes(-1, -2))) < 1e-13
    jump = np.abs(np.diff(d, axis=0)).max()
    assert jump < 0.2 * np.abs(d).max()


def test_couplings_of_one_coordinate_and_the_peak_of_linear_diabats():
    hamiltonian = Hamiltonian.from_matrix([["x", "0.25"], ["0.25", "-x"]])
    d = transport(hamiltonian, np.linspace(-1, 1, 11)).couplings()
    assert d.shape == (11, 2, 2)
    x = np.linspace(-1, 1, 11)
    assert np.allclose(np.abs(d[:, 0, 1]), 0.25 * 2 / (4 * x**2 + 4 * 0.25**2), rtol=1e-12)


@given(seed=st.integers(0, 1000))
@pytest.mark.slow
def test_couplings_change_with_the_gauge_as_documented(seed):
    rng = np.random.default_rng(seed)
    hamiltonian = random_hamiltonian(seed, 4, 2)
    path = rng.normal(size=(3, 2)) * 0.2
    phases = rng.uniform(-np.pi, np.pi, size=4)
    plain = transport(hamiltonian, path)
    gauge = Gauge(phases)
    turned = transport(hamiltonian, path, initial=gauge.vectors(plain.vectors[0]))
    # a transported frame depends on its start only, on no phase of the eigenvalue routine
    assert np.max(np.abs(turned.vectors - gauge.vectors(plain.vectors))) < 1e-9
    assert np.max(np.abs(turned.couplings() - gauge.couplings(plain.couplings()))) < 1e-8
    assert np.max(np.abs(np.abs(turned.couplings()) - np.abs(plain.couplings()))) < 1e-8
    operator = random_hermitian(rng, 4)
    left = plain.vectors[1].conj().T @ operator @ plain.vectors[1]
    right = turned.vectors[1].conj().T @ operator @ turned.vectors[1]
    assert np.max(np.abs(gauge.operator(left) - right)) < 1e-9


def test_gauge_gradients_enter_the_diagonal():
    """d_jj → d_jj + i∇θ_j against finite differences of the turned vectors."""
    hamiltonian = random_hamiltonian(9, 3, 2)
    rng = np.random.default_rng(9)
    slopes, point, step = rng.normal(size=(2, 3)), np.array([0.2, 0.1]), 1e-4
    plain = transport(hamiltonian, [point, 1.1 * point])
    gauge = Gauge(np.tile(point @ slopes, (2, 1)), np.tile(slopes, (2, 1, 1)))
    turned = gauge.couplings(plain.couplings())[0]
    for axis in range(2):
        shift = np.eye(2)[axis] * step
        path = np.array([point, point + shift])
        ahead = transport(hamiltonian, path, initial=plain.vectors[0])
        behind = transport(hamiltonian, [point, point - shift], initial=plain.vectors[0])
        forward = ahead.vectors[1] * np.exp(1j * (point + shift) @ slopes)
        backward = behind.vectors[1] * np.exp(1j * (point - shift) @ slopes)
        here = plain.vectors[0] * np.exp(1j * point @ slopes)
        numeric = here.conj().T @ (forward - backward) / (2 * step)
        assert np.max(np.abs(numeric - turned[axis])) < 1e-6
    assert np.allclose(gauge.connection(np.zeros((2, 2, 3)))[0], -slopes)


def test_signs_keep_real_couplings_real():
    gauge = Gauge([0.0, np.pi, 2 * np.pi])
    assert gauge.factors.tolist() == [1.0, -1.0, 1.0]
    assert np.isrealobj(gauge.couplings(np.ones((5, 3, 3))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": [[1.0, 0.0]]}, "`path` must have at least two points"),
        ({"path": [[1.0, 0.0, 0.0]] * 2}, r"`path` must have shape \(k, 2\) \(coordinates x, y\)"),
        ({"path": [[1.0, np.nan], [0.0, 1.0]]}, "`path` must be finite"),
        ({"path": [[-1.0, 0.0], [2.0, 0.0]]}, r"levels 0 and 1 meet at \(.*\) \(gap"),
        ({"path": [[0.0, 0.0], [2.0, 0.0]]}, r"levels 0 and 1 meet at \(0, 0\) \(gap 0\)"),
        ({"order": "diabatic"}, "`order` must be one of 'energy', 'tracked'"),
        ({"order": "tracked", "blocks": [[0]]}, "`blocks` must not be given for tracked levels"),
        ({"blocks": [[0, 2]]}, "`blocks` must lie between 0 and 1"),
        ({"blocks": [[0], [0, 1]]}, "`blocks` must name each level once"),
        ({"blocks": 3}, "`blocks` must be a list"),
        ({"blocks": [0, 1]}, r"`blocks\[0\]` must be a list"),
        ({"initial": [[1.0, 0.0], [1.0]]}, "`initial` must be a number or an array"),
        ({"tolerance": -1.0}, "`tolerance` must be positive"),
        ({"initial": np.eye(2) * 2}, "`initial` must hold the orthonormal eigenvectors"),
        ({"initial": np.eye(3)}, r"`initial` must have shape \(2, 2\)"),
        ({"initial": np.full((2, 2), np.nan)}, "`initial` must be finite"),
        ({"hamiltonian": 3}, "`hamiltonian` must be a Hamiltonian"),
    ],
)
def test_bad_arguments(arguments, message):
    call = {"hamiltonian": CONE, "path": [[1.0, 0.0], [0.0, 1.0]], **arguments}
    with pytest.raises(InputError, match=message):
        transport(call.pop("hamiltonian"), call.pop("path"), **call)


def test_bad_hamiltonians():
    batch = Hamiltonian.from_matrix([["x", "g"], ["g", "-x"]], parameters={"g": [1.0, 2.0]})
    with pytest.raises(InputError, match=r"single parameter values here"):
        transport(batch, [0.0, 1.0])
    jump = Hamiltonian.from_function(
        lambda x: np.array([[1.0, 0.0], [0.0, -1.0]]) if x < 0.3 else np.array([[0, 1.0], [1.0, 0]])
    )
    with pytest.raises(ConvergenceError, match="not continuous along the path"):
        transport(jump, [0.0, 1.0])
    infinite = Hamiltonian.from_matrix([["1/x", "0"], ["0", "1"]], coordinates=("x", "y"))
    with pytest.raises(InputError, match=r"contains NaN or infinity at \(0, 1\)"):
        transport(infinite, [[0.0, 1.0], [1.0, 1.0]])
    with pytest.raises(InputError, match="`blocks` must hold neighbouring levels"):
        transport(quadrupole(), np.eye(3), blocks=[[0, 2], [1, 3]])


def test_couplings_of_degenerate_levels_are_refused():
    frames = transport(quadrupole(), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    with pytest.raises(InputError, match=r"levels 0 and 1 meet at \(0, 0, 1\)"):
        frames.couplings()


def test_turning_where_levels_cross_is_refused():
    with pytest.raises(InputError, match="must not turn where levels cross"):
        transport(CONE, [[-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], order="tracked")


def test_bad_gauges():
    with pytest.raises(InputError, match="`phases` must have one entry for each level"):
        Gauge(1.0)
    with pytest.raises(InputError, match="`phases` must be finite"):
        Gauge([np.nan, 0.0])
    with pytest.raises(InputError, match="`gradients` must have the shape"):
        Gauge([0.0, 0.0], np.zeros((2, 3)))
    with pytest.raises(InputError, match="`phases` must have one entry for each level"):
        Gauge([])


@pytest.mark.parametrize(
    ("method", "bad", "message"),
    [
        ("vectors", None, "`vectors` must"),
        ("vectors", np.eye(3), r"`vectors` must fit phases of shape \(5, 2\)"),
        ("vectors", np.zeros((4, 2, 2)), "`vectors` must fit phases"),
        ("operator", "σ", "`matrix` must be a number or an array"),
        ("operator", np.zeros((5, 3, 2)), "`matrix` must fit phases"),
        ("couplings", np.full((5, 2, 2), np.nan), "`couplings` must be finite"),
        ("couplings", np.zeros((5, 4, 3, 3)), "`couplings` must fit phases"),
        ("couplings", [[0.0, 1.0], [1.0]], "`couplings` must be a number or an array"),
        ("connection", 1.0, "`connection` must have a last axis of length 2"),
    ],
)
def test_what_does_not_fit_a_gauge_is_refused(method, bad, message):
    with pytest.raises(InputError, match=message):
        getattr(Gauge(np.zeros((5, 2))), method)(bad)
