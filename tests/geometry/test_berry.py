import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.integrate import dblquad, quad, solve_ivp

from anticrossing import Hamiltonian
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry._paths import eigenframes
from anticrossing.geometry.berry import berry_phase, discrete_wilson_loop, link_phases, wilson_loop
from anticrossing.geometry.chern import Sphere, chern_number
from anticrossing.geometry.curvature import berry_connection, berry_curvature, curvature_matrix
from anticrossing.geometry.frames import transport
from tests.effort import cases, slow

CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


def distance(first, second):
    """The difference of two phases, modulo 2π."""
    return abs(np.angle(np.exp(1j * (np.asarray(first) - np.asarray(second)))))


def spin_matrices(spin):
    m = np.arange(spin, -spin - 1, -1)
    plus = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    return (plus + plus.T) / 2, (plus - plus.T) / 2j, np.diag(m)


def spin_in_field(spin):
    return Hamiltonian.from_terms(
        list(zip("xyz", spin_matrices(spin), strict=True)), coordinates=("x", "y", "z")
    )


def quadrupole(tilt=0.0):
    """(n·J)² of spin 3/2; `tilt` adds a Zeeman term, which lifts the degeneracy."""
    j = spin_matrices(1.5)
    names = "xyz"
    terms = [
        (f"{a}*{b}", (ma @ mb + mb @ ma) / 2)
        for a, ma in zip(names, j, strict=True)
        for b, mb in zip(names, j, strict=True)
    ]
    return Hamiltonian.from_terms([*terms, (tilt, j[0])], coordinates=tuple(names))


def circle(theta, radius=1.0):
    def loop(s):
        phi = 2 * np.pi * s
        return radius * np.array(
            [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
        )

    return loop


def random_cone(rng, count, size):
    """g·R σ_z + h·R σ_x on two of `size` levels, in another basis, the others far away."""
    g, h = rng.normal(size=(2, count))
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    names = [f"q{k}" for k in range(count)]
    terms = []
    for k, name in enumerate(names):
        block = np.zeros((size, size))
        block[:2, :2] = [[g[k], h[k]], [h[k], -g[k]]]
        terms.append((name, turn @ block @ turn.T))
    far = np.diag([0.0, 0.0, *(100.0 + 10 * np.arange(size - 2))])
    terms.append((1, turn @ far @ turn.T))
    return Hamiltonian.from_terms(terms, coordinates=names), g, h


# ---- real Hamiltonians --------------------------------------------------------------------------


@pytest.mark.slow
@cases(40)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 6),
    size=st.integers(2, 5),
    around=st.booleans(),
)
def test_loops_around_and_beside_random_intersections(seed, count, size, around):
    """The winding number of (g·R, h·R) around the origin decides, and is counted directly."""
    rng = np.random.default_rng(seed)
    hamiltonian, g, h = random_cone(rng, count, size)
    harmonics = rng.normal(size=(2, 2, count)) * np.array([1.0, 0.3])[:, None, None]
    center = np.zeros(count) if around else rng.normal(size=count) * 4

    def loop(s):
        angles = 2 * np.pi * np.multiply.outer(s, [1, 2])
        return center + np.cos(angles) @ harmonics[:, 0] + np.sin(angles) @ harmonics[:, 1]

    plane = loop(np.linspace(0, 1, 4001)) @ np.stack([g, h], axis=1)
    assume(np.linalg.norm(plane, axis=1).min() > 0.02)  # 4001 points can tell its winding
    winding = round(np.diff(np.unwrap(np.arctan2(plane[:, 1], plane[:, 0]))).sum() / (2 * np.pi))
    expected = np.pi if winding % 2 else 0.0
    assert berry_phase(hamiltonian, loop, level=0) == expected
    assert berry_phase(hamiltonian, loop, level=1) == expected
    assert wilson_loop(hamiltonian, loop, levels=[0, 1]).total_phase == 0.0


def test_a_tiny_distance_to_the_intersection_decides():
    for offset, expected in ((1e-9, np.pi), (-1e-9, 0.0)):
        corners = np.array([[-offset, 1], [-offset, -1], [2, -1], [2, 1]])
        assert berry_phase(CONE, corners, level=0, closed=True) == expected


def test_a_loop_may_fill_the_same_array_again():
    buffer = np.zeros(2)

    def loop(s):
        buffer[:] = np.cos(2 * np.pi * s), np.sin(2 * np.pi * s)
        return buffer

    assert berry_phase(CONE, loop, level=0) == pytest.approx(np.pi)


def test_two_intersections_cancel():
    """H of a degree-two map has two intersections, at x = ±1."""
    hamiltonian = Hamiltonian.from_matrix(
        [["x**2 - y**2 - 1", "2*x*y"], ["2*x*y", "1 - x**2 + y**2"]], coordinates=("x", "y")
    )
    square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    assert berry_phase(hamiltonian, 2 * square, level=0, closed=True) == 0.0
    assert berry_phase(hamiltonian, square * 0.5 + [1, 0], level=0, closed=True) == np.pi
    assert berry_phase(hamiltonian, square * 0.5 - [1, 0], level=1, closed=True) == np.pi


@pytest.mark.slow
@pytest.mark.parametrize("distance_", [1e-2, 1e-4, 1e-5])
def test_two_intersections_passed_between_two_nodes_are_not_overlooked(distance_):
    """Past the pair the vector turns over within a stretch far smaller than the edge."""
    hamiltonian = Hamiltonian.from_matrix(
        [["x**2 - y**2 - c**2", "2*x*y"], ["2*x*y", "c**2 - x**2 + y**2"]],
        coordinates=("x", "y"),
        parameters={"c": distance_},
    )
    for side in (0.1, -0.1):  # both or none of the two are inside
        corners = [[-1.0, side * distance_], [1.37, side * distance_], [0.2, 1.5]]
        assert berry_phase(hamiltonian, corners, level=0, closed=True) == 0.0
        frames = transport(hamiltonian, corners[:2])
        assert frames.vectors[0, :, 0] @ frames.vectors[1, :, 0] == pytest.approx(-1, abs=1e-5)
    one = [[0.0, -1.0], [1.37, -0.1 * distance_], [0.0, 1.5]]  # only the one at x = c
    assert berry_phase(hamiltonian, one, level=0, closed=True) == np.pi


def test_a_loop_of_one_angle_is_closed_where_h_is_the_same():
    hamiltonian = Hamiltonian.from_matrix(
        [["cos(a)", "sin(a)"], ["sin(a)", "-cos(a)"]], coordinates="a"
    )
    assert berry_phase(hamiltonian, [0, 2, 4, 2 * np.pi], level=0) == np.pi
    assert berry_phase(hamiltonian, lambda s: 4 * np.pi * s, level=0) == 0.0
    with pytest.raises(InputError, match="`loop` must be closed"):
        berry_phase(hamiltonian, [0, 2, 4, 6], level=0)


def test_a_loop_open_by_little_against_a_large_energy_is_refused():
    hamiltonian = Hamiltonian.from_matrix(
        [["1e6 + x", "y"], ["y", "1e6 - x"]], coordinates=("x", "y")
    )
    with pytest.raises(InputError, match="`loop` must be closed"):
        berry_phase(hamiltonian, [*SQUARE, SQUARE[0] + 1e-5], level=0)
    assert berry_phase(hamiltonian, [*SQUARE, SQUARE[0]], level=0) == np.pi


def test_complex_arrays_without_imaginary_part_count_as_real():
    hamiltonian = Hamiltonian.from_function(
        lambda r: np.array([[r[0], r[1]], [r[1], -r[0]]], dtype=complex), coordinates=("x", "y")
    )
    triangle = [[1, 1], [-1, 1], [0, -1]]
    assert berry_phase(hamiltonian, triangle, level=0, closed=True) == np.pi


# ---- spins --------------------------------------------------------------------------------------


@pytest.mark.quick(2)
@pytest.mark.parametrize("theta", [slow(0.01), 0.8, slow(np.pi / 2), slow(2.9)])
@pytest.mark.parametrize("spin", [0.5, 1, 1.5, 2])
def test_a_spin_gains_minus_m_times_the_solid_angle(spin, theta):
    hamiltonian = spin_in_field(spin)
    for level, m in enumerate(np.arange(-spin, spin + 1)):
        exact = -m * 2 * np.pi * (1 - np.cos(theta))
        found = berry_phase(hamiltonian, circle(theta, 0.7), level=level)
        assert distance(found, exact) < 1e-10


def test_geodesic_triangles_span_their_solid_angle():
    """Straight edges in field space: the solid angle by Van Oosterom and Strackee's formula."""
    hamiltonian = spin_in_field(0.5)
    rng = np.random.default_rng(11)
    for _ in range(5):
        corners = rng.normal(size=(3, 3))
        a, b, c = corners / np.linalg.norm(corners, axis=1, keepdims=True)
        omega = 2 * np.arctan2(a @ np.cross(b, c), 1 + a @ b + b @ c + c @ a)
        loop = wilson_loop(hamiltonian, corners, levels=1, closed=True)
        assert distance(loop.total_phase, -omega / 2) < 1e-10
        more = np.concatenate([corners, corners[:1]])
        more = np.insert(more, 1, (corners[0] + 3 * corners[1]) / 4, axis=0)
        assert distance(berry_phase(hamiltonian, more, level=1), -omega / 2) < 1e-10


def test_reversed_and_repeated_loops():
    hamiltonian = spin_in_field(1)
    once = berry_phase(hamiltonian, circle(0.9), level=0)
    assert distance(berry_phase(hamiltonian, lambda s: circle(0.9)(1 - s), level=0), -once) < 1e-10
    assert (
        distance(berry_phase(hamiltonian, lambda s: circle(0.9)(2 * s), level=0), 2 * once) < 1e-10
    )


def test_a_loop_with_kinks_and_a_narrow_passage():
    """A non-uniform parametrisation with kinks at thirds and a gap of 1e-4 once: same triangle."""
    hamiltonian = spin_in_field(0.5)
    corners = np.array([[1.0, 0.0, 1e-4], [-1.0, 0.3, 1e-4], [0.2, -1.0, 0.5], [1.0, 0.0, 1e-4]])

    def loop(s):
        k = min(int(3 * s), 2)
        part = (3 * s - k) ** 2
        return (1 - part) * corners[k] + part * corners[k + 1]

    a, b, c = corners[:3] / np.linalg.norm(corners[:3], axis=1, keepdims=True)
    omega = 2 * np.arctan2(a @ np.cross(b, c), 1 + a @ b + b @ c + c @ a)
    found = wilson_loop(hamiltonian, loop, levels=1)
    assert distance(found.total_phase, -omega / 2) < 1e-10
    # the line from the first corner to the second passes the axis at the distance of its offset
    direction = corners[1] - corners[0]
    nearest = np.linalg.norm(np.cross(corners[0], direction)) / np.linalg.norm(direction)
    assert found.smallest_gap == pytest.approx(nearest, rel=1e-9)


# ---- several levels -----------------------------------------------------------------------------


@pytest.mark.quick(1)
@pytest.mark.parametrize("theta", [0.3, 1.0, np.pi / 2, 2.4])
def test_the_quadrupole_holonomy_in_closed_form(theta):
    """Zee 1988: in the frame e^{−iφJz} e^{−iθJy} the connection of m = ±1/2 is constant,
    A_φ = cos θ σ_z/2 − (J + 1/2) sin θ σ_x/2, and the frame changes sign over the loop."""
    hamiltonian = quadrupole()
    half = np.pi * np.sqrt(np.cos(theta) ** 2 + 4 * np.sin(theta) ** 2)
    low = wilson_loop(hamiltonian, circle(theta), levels=[0, 1])
    exact = np.sort(np.angle(np.exp(1j * (np.pi + np.array([half, -half])))))
    assert np.max(distance(low.phases, exact)) < 1e-10
    # m = ±3/2 has no matrix element of Jx: the Abelian −mΩ
    high = wilson_loop(hamiltonian, circle(theta), levels=[2, 3])
    omega = 2 * np.pi * (1 - np.cos(theta))
    exact = np.sort(np.angle(np.exp(1j * np.array([1.5, -1.5]) * omega)))
    assert np.max(distance(high.phases, exact)) < 1e-10
    assert distance(low.total_phase, 0) < 1e-10
    assert np.max(np.abs(low.matrix.conj().T @ low.matrix - np.eye(2))) < 1e-13


def test_the_quadrupole_holonomy_against_kato_transport_in_mpmath():
    """ψ' = [P', P] ψ with the projector P = (9/4 − (n·J)²)/2: no eigenvectors involved."""
    theta = 1.1
    jx, jy, jz = (mpmath.matrix(m.tolist()) for m in spin_matrices(1.5))
    with mpmath.workdps(30):
        n = mpmath.sin(theta) * jx + mpmath.cos(theta) * jz
        d = mpmath.sin(theta) * jy  # dn·J/dφ at φ = 0
        p, dp = (mpmath.mpf(9) / 4 * mpmath.eye(4) - n * n) / 2, -(n * d + d * n) / 2
        # the generator turns with e^{−iφJz}, so in the turning frame it is constant
        turn = mpmath.expm(-2j * mpmath.pi * jz)
        exact = turn * mpmath.expm(2 * mpmath.pi * (dp * p - p * dp + 1j * jz))
        reference = np.array(exact.tolist(), dtype=complex)
    found = wilson_loop(quadrupole(), circle(theta), levels=[0, 1])
    moved = reference @ found.vectors
    assert np.max(np.abs(moved - found.vectors @ found.matrix)) < 1e-10


@pytest.mark.slow
def test_a_wilson_loop_of_a_split_pair_against_an_ode():
    """Levels 0 and 1 split by a Zeeman term: the pair's loop needs its outer gap only."""
    hamiltonian = quadrupole(0.3)
    loop = circle(1.3)
    found = wilson_loop(hamiltonian, loop, levels=[0, 1])

    def slope(s, flat):
        energies, v = np.linalg.eigh(hamiltonian(loop(s)))
        tangent = (loop(s + 1e-5) - loop(s - 1e-5)) / 2e-5
        h = sum(
            d * hamiltonian.derivative(loop(s), coordinate=name)
            for d, name in zip(tangent, "xyz", strict=True)
        )
        element = v[:, 2:].conj().T @ h @ v[:, :2] / (energies[:2] - energies[2:, None])
        return (v[:, 2:] @ element @ v[:, :2].conj().T @ flat.reshape(4, 2)).ravel()

    run = solve_ivp(slope, (0, 1), found.vectors.ravel(), method="DOP853", rtol=1e-10, atol=1e-10)
    moved = run.y[:, -1].reshape(4, 2)
    assert np.max(np.abs(moved - found.vectors @ found.matrix)) < 1e-7


def test_the_wilson_loop_of_all_levels_is_the_identity():
    loop = wilson_loop(quadrupole(0.2), circle(0.7), levels=[0, 1, 2, 3])
    assert np.max(np.abs(loop.matrix - np.eye(4))) < 1e-10
    assert loop.smallest_gap == np.inf


def test_no_result_depends_on_the_phases_of_the_eigenvalue_routine(monkeypatch):
    """Random phases, and random bases of degenerate levels, at every evaluation."""
    plain = {
        "pair": wilson_loop(quadrupole(), circle(1.2), levels=[0, 1]).phases,
        "spin": berry_phase(spin_in_field(1), circle(0.6), level=0),
        "cone": berry_phase(CONE, SQUARE, level=0, closed=True),
        "number": chern_number(spin_in_field(1), levels=0, surface=Sphere(), grid=12).value,
    }
    corners = [circle(0.5)(s) for s in (0.0, 0.3, 0.8)]
    frames = transport(quadrupole(), corners)
    rng = np.random.default_rng(0)

    def scrambled(hamiltonian, points):
        energies, vectors = eigenframes(hamiltonian, points)
        shape = vectors.shape[:-2]
        turns = np.exp(2j * np.pi * rng.random((*shape, 1, vectors.shape[-1])))
        if np.isrealobj(vectors):
            turns = np.sign(turns.real)
        vectors = vectors * turns
        if hamiltonian.dimension == 4:
            m = rng.normal(size=(*shape, 2, 2)) + 1j * rng.normal(size=(*shape, 2, 2))
            vectors[..., :2] = vectors[..., :2] @ np.linalg.qr(m)[0]
        return energies, vectors

    for module in ("_transport", "chern", "frames"):
        monkeypatch.setattr(f"anticrossing.geometry.{module}.eigenframes", scrambled)
    loop = wilson_loop(quadrupole(), circle(1.2), levels=[0, 1])
    assert np.max(np.abs(loop.phases - plain["pair"])) < 1e-10
    assert distance(berry_phase(spin_in_field(1), circle(0.6), level=0), plain["spin"]) < 1e-10
    assert berry_phase(CONE, SQUARE, level=0, closed=True) == plain["cone"]
    number = chern_number(spin_in_field(1), levels=0, surface=Sphere(), grid=12).value
    assert number == plain["number"] == 2
    again = transport(quadrupole(), corners, initial=frames.vectors[0])
    assert np.max(np.abs(again.vectors - frames.vectors)) < 1e-10


# ---- given vectors ------------------------------------------------------------------------------


@given(seed=st.integers(0, 1000))
def test_discrete_loops_do_not_depend_on_phases_or_bases(seed):
    rng = np.random.default_rng(seed)
    _, vectors = np.linalg.eigh(quadrupole()(np.array([circle(1.0)(k / 12) for k in range(12)])))
    pairs = vectors[:, :, :2]
    turns = np.linalg.qr(rng.normal(size=(12, 2, 2)) + 1j * rng.normal(size=(12, 2, 2)))[0]
    first = np.angle(np.linalg.eigvals(discrete_wilson_loop(pairs)))
    second = np.angle(np.linalg.eigvals(discrete_wilson_loop(pairs @ turns)))
    assert np.max(np.abs(np.sort(first) - np.sort(second))) < 1e-12


def test_discrete_loops_converge_to_the_loop_in_second_order():
    hamiltonian = spin_in_field(0.5)
    exact = berry_phase(hamiltonian, circle(1.0), level=1)
    errors = []
    for count in (20, 40, 80):
        points = np.array([circle(1.0)(k / count) for k in range(count)])
        _, vectors = np.linalg.eigh(hamiltonian(points))
        errors.append(distance(np.angle(discrete_wilson_loop(vectors[:, :, 1:])[0, 0]), exact))
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2, 2], abs=0.02)


def test_link_phases_vanish_for_transported_frames_and_add_up_to_the_loop_phase():
    hamiltonian = spin_in_field(0.5)
    points = np.array([circle(1.0)(k / 60) for k in range(61)])
    frames = transport(hamiltonian, points)
    assert np.max(np.abs(link_phases(frames.vectors))) < 1e-4
    # in a single-valued gauge the links carry the whole phase
    vectors = (
        frames.vectors
        * np.exp(
            -1j
            * np.linspace(0, 1, 61)[:, None]
            * np.angle(np.diagonal(frames.vectors[0].conj().T @ frames.vectors[-1]))
        )[:, None, :]
    )
    assert np.allclose(vectors[0], vectors[-1], atol=1e-9)
    assert (
        distance(link_phases(vectors)[:, 1].sum(), berry_phase(hamiltonian, points, level=1)) < 1e-2
    )


# ---- fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spin", [0.5, 1.5])
def test_the_curvature_of_a_spin_is_a_monopole(spin):
    points = np.random.default_rng(0).normal(size=(7, 3))
    hamiltonian = spin_in_field(spin)
    levi_civita = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        levi_civita[i, j, k], levi_civita[j, i, k] = 1, -1
    radius = np.linalg.norm(points, axis=1)[:, None]
    for level, m in enumerate(np.arange(-spin, spin + 1)):
        exact = np.einsum("ijk,pk->pij", levi_civita, -m * points / radius**3)
        found = berry_curvature(hamiltonian, points, levels=level)
        assert np.max(np.abs(found - exact)) < 1e-11 * np.abs(exact).max(initial=1.0)
    plane = berry_curvature(hamiltonian, points, levels=0, plane=("z", "x"))
    assert np.allclose(plane, berry_curvature(hamiltonian, points, levels=0)[:, 2, 0], rtol=1e-14)


def random_complex(seed, size=4, count=2):
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(count + 1, size, size)) + 1j * rng.normal(size=(count + 1, size, size))
    m = (m + m.conj().swapaxes(1, 2)) / 2
    m[0] = 0.3 * m[0] + np.diag(3.0 * np.arange(size))
    names = [f"q{k}" for k in range(count)]
    return Hamiltonian.from_terms(
        [(1, m[0]), *zip(names, m[1:], strict=True), ("q0*q1", m[1] @ m[1])], coordinates=names
    )


@pytest.mark.slow
def test_stokes_a_patch_carries_the_phase_of_its_rim():
    hamiltonian = random_complex(3)
    for levels in ([1], [0, 1]):
        flux, _ = dblquad(
            lambda y, x, levels=levels: float(
                berry_curvature(hamiltonian, [x, y], levels=levels, plane=(0, 1))
            ),
            *(-0.2, 0.3, -0.1, 0.2),
            epsabs=1e-11,
            epsrel=1e-11,
        )
        rim = np.array([[-0.2, -0.1], [0.3, -0.1], [0.3, 0.2], [-0.2, 0.2]])
        phase = wilson_loop(hamiltonian, rim, levels=levels, closed=True).total_phase
        assert abs(flux) > 1e-3
        assert distance(phase, flux) < 1e-9


def test_the_curvature_matrix_of_a_pair_is_the_holonomy_of_a_small_square():
    hamiltonian = random_complex(5)
    center, size = np.array([0.1, 0.05]), 1e-3
    square = center + size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    loop = wilson_loop(hamiltonian, square, levels=[1, 2], closed=True, tolerance=1e-12)
    exact = np.linalg.eigvalsh(curvature_matrix(hamiltonian, center, levels=[1, 2])[0, 1])
    assert np.max(np.abs(loop.phases / size**2 - exact)) < 2e-3 * np.abs(exact).max()


def test_sums_of_curvatures_over_all_levels_vanish_and_real_ones_are_zero():
    hamiltonian = random_complex(7)
    total = sum(berry_curvature(hamiltonian, [0.2, 0.3], levels=n) for n in range(4))
    assert np.max(np.abs(total)) < 1e-13
    assert np.all(berry_curvature(CONE, [[1.0, 0.5], [0.1, 0.2]], levels=0) == 0)


def test_the_connection_in_a_gauge_against_finite_differences_curl_and_loop():
    hamiltonian = random_complex(9)
    reference = np.array([1.0, 0.2j, 0.1, 0.0])
    point, step = np.array([0.1, -0.2]), 1e-4

    def state(x):
        vector = np.linalg.eigh(hamiltonian(x))[1][:, 0]
        overlap = reference.conj() @ vector
        return vector * abs(overlap) / overlap

    connection = berry_connection(hamiltonian, point, level=0, reference=reference)
    for axis in range(2):
        shift = np.eye(2)[axis] * step
        change = (state(point + shift) - state(point - shift)) / (2 * step)
        assert abs(1j * state(point).conj() @ change - connection[axis]) < 1e-7

    def field(x, axis):
        return berry_connection(hamiltonian, x, level=0, reference=reference)[axis]

    right, up = np.eye(2) * step
    curl = (field(point + right, 1) - field(point - right, 1)) / (2 * step)
    curl -= (field(point + up, 0) - field(point - up, 0)) / (2 * step)
    assert curl == pytest.approx(
        float(berry_curvature(hamiltonian, point, levels=0, plane=("q0", "q1"))), rel=1e-6
    )

    def along(s):
        a = 2 * np.pi * s
        x = 0.2 * np.array([np.cos(a), np.sin(a)])
        return 2 * np.pi * (-x[1] * field(x, 0) + x[0] * field(x, 1))

    loop = berry_phase(
        hamiltonian,
        lambda s: 0.2 * np.array([np.cos(2 * np.pi * s), np.sin(2 * np.pi * s)]),
        level=0,
    )
    assert distance(quad(along, 0, 1, epsabs=1e-12)[0], loop) < 1e-10


def test_fields_keep_batches_first():
    hamiltonian = Hamiltonian.from_matrix(
        [["x", "y - I*c"], ["y + I*c", "-x"]], coordinates=("x", "y"), parameters={"c": [1.0, 2.0]}
    )
    points = np.random.default_rng(1).normal(size=(5, 2))
    curvature = berry_curvature(hamiltonian, points, levels=1)
    assert curvature.shape == (2, 5, 2, 2)
    single = berry_curvature(hamiltonian.replace(c=2.0), points, levels=1)
    assert np.allclose(curvature[1], single, rtol=1e-13)
    assert berry_connection(hamiltonian, points, level=0, reference=1).shape == (2, 5, 2)


# ---- bad input ----------------------------------------------------------------------------------

SQUARE = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])


@pytest.mark.parametrize(
    ("loop", "arguments", "message"),
    [
        (SQUARE, {}, r"`loop` must be closed \(`closed=True` joins its ends\), but it runs from"),
        (SQUARE[:2], {"closed": True}, "`loop` must have at least three points, but it has 2"),
        (SQUARE[[0, 0, 0]], {}, "`loop` must have at least three different points"),
        (SQUARE - [1, 0], {"closed": True}, r"levels 0 and 1 meet at \(.*0.*, .*\) \(gap"),
        (SQUARE[:, [0, 0, 1]], {}, r"`loop` must have shape \(k, 2\)"),
        (SQUARE * np.nan, {}, "`loop` must be finite"),
        (SQUARE, {"level": 2}, "`level` must lie between 0 and 1"),
        (SQUARE, {"level": -1}, "`level` must be at least 0"),
        (SQUARE, {"level": 0.5}, "`level` must be an integer"),
        (SQUARE, {"closed": True, "tolerance": 0}, "`tolerance` must be positive"),
        (lambda s: [s, s], {}, r"`loop` must be closed, but it runs from \(0, 0\) to \(1, 1\)"),
        (lambda s: [s], {}, r"`loop` must return 2 coordinate\(s\)"),
        (lambda s: [np.cos(s), np.inf], {}, "`loop` must be finite"),
        (lambda s: [1.0, 0.0], {"closed": True}, "`closed` must not be given"),
    ],
)
def test_bad_loops(loop, arguments, message):
    with pytest.raises(InputError, match=message):
        berry_phase(CONE, loop, **{"level": 0, **arguments})


def test_a_loop_that_touches_a_degeneracy_without_turning_is_found():
    """The gap is quadratic along the loop, the vectors do not turn: only the gap tells."""
    hamiltonian = Hamiltonian.from_matrix(
        [["(x - 0.1234)**2 + y**2", "0"], ["0", "-(x - 0.1234)**2 - y**2"]], coordinates=("x", "y")
    )
    with pytest.raises(InputError, match=r"levels 0 and 1 meet at \(0\.1234, .*\) \(gap"):
        berry_phase(hamiltonian, [[-1, 0], [1, 0], [0, 1]], level=0, closed=True)


def test_the_smallest_gap_is_reported_where_it_is():
    loop = wilson_loop(CONE, SQUARE * [1, 3] - [0.9, 0.7], levels=0, closed=True)
    assert loop.smallest_gap == pytest.approx(0.2, rel=1e-12)
    assert np.allclose(loop.smallest_gap_at, [0.1, 0.0], atol=1e-7)
    assert "phases 3.141592654" in str(loop)
    assert loop.evaluations < 5000


def test_an_accuracy_out_of_reach_is_an_error():
    with pytest.raises(ConvergenceError, match=r"Rounding limits the accuracy .* not 1e-17"):
        wilson_loop(spin_in_field(1), circle(0.8), levels=0, tolerance=1e-17)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [1e-200, 0.0]}, r"`x` must avoid degeneracies of the level\(s\)"),
        ({"x": [0.0, 0.0]}, r"`x` must avoid degeneracies of the level\(s\), but at \(0, 0\)"),
        ({"x": [1.0, 0.0, 0.0]}, "`x` must have a last axis of length 2"),
        ({"levels": 3}, "`levels` must lie between 0 and 1"),
        ({"levels": [0, 0]}, "`levels` must name each level once"),
        ({"levels": []}, "`levels` must be a level number or a list"),
        ({"plane": ("x", "z")}, "`plane` must name two of x, y"),
        ({"plane": (0, 2)}, "`plane` must name two of x, y"),
        ({"plane": (1, 1)}, "`plane` must be of two different coordinates"),
        ({"plane": "xy"}, "`plane` must be a pair"),
        ({"hamiltonian": Hamiltonian.affine(np.eye(2), np.eye(2))}, "at least two coordinates"),
        ({"hamiltonian": "H"}, "`hamiltonian` must be a Hamiltonian"),
    ],
)
def test_bad_arguments_of_fields(arguments, message):
    call = {"hamiltonian": CONE, "x": [1.0, 0.0], "levels": 0, **arguments}
    with pytest.raises(InputError, match=message):
        berry_curvature(call.pop("hamiltonian"), call.pop("x"), **call)


def test_bad_references_and_vectors():
    hamiltonian = spin_in_field(0.5)
    with pytest.raises(InputError, match=r"it is at \(0, 0, -1\): this gauge does not exist there"):
        berry_connection(hamiltonian, [[0, 0, -1.0]], level=1, reference=0)
    with pytest.raises(InputError, match="`reference` must be a basis state's number"):
        berry_connection(hamiltonian, [0, 0, 1.0], level=1, reference=[1.0, 0.0, 0.0])
    with pytest.raises(InputError, match="`reference` must not be zero"):
        berry_connection(hamiltonian, [0, 0, 1.0], level=1, reference=[0.0, 0.0])
    with pytest.raises(InputError, match="at three points at least"):
        discrete_wilson_loop(np.ones((2, 1, 1)))
    with pytest.raises(InputError, match="orthogonal after point 0"):
        discrete_wilson_loop(np.array([[[1.0], [0.0]], [[0.0], [1.0]], [[1.0], [0.0]]]))
    with pytest.raises(InputError, match="`vectors` must have shape"):
        link_phases(np.ones((2, 2)))
    with pytest.raises(InputError, match="`vectors` must be a number or an array of numbers"):
        link_phases([[0.0, 1.0], [1.0]])
    with pytest.raises(InputError, match="`vectors` must overlap from each point to the next"):
        link_phases(np.array([[[1.0], [0.0]], [[0.0], [1.0]]]))
    with pytest.raises(InputError, match="`closed` must be True or False"):
        wilson_loop(hamiltonian, np.eye(3), levels=0, closed="no")
    with pytest.raises(InputError, match=r"`levels(\[0\])?` must be"):
        wilson_loop(hamiltonian, np.eye(3), levels=[[0, 1], [1]], closed=True)


def test_the_length_of_the_reference_does_not_matter():
    hamiltonian, x = spin_in_field(0.5), [0.3, 0.1, 1.0]
    unit = berry_connection(hamiltonian, x, level=1, reference=[0.6, 0.8])
    scaled = berry_connection(hamiltonian, x, level=1, reference=[0.6e300, 0.8e300])
    np.testing.assert_allclose(scaled, unit, rtol=1e-14)
