"""Diabatization against known diabats, the couplings it must remove, and curls it cannot."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.diabatic_states import (
    block_diagonalize,
    boys_localization,
    generalized_mulliken_hush,
    property_mixing,
)
from anticrossing.geometry.diabatization import diabatize, residual_curl
from anticrossing.geometry.grid_diabatization import diabatize_grid
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import LandauZener, SodiumIodide
from tests.effort import cases


def random_symmetric(rng, n):
    a = rng.normal(size=(n, n))
    return (a + a.T) / 2


def three_level():
    """A pair that crosses, weakly held by a third level far above."""
    return Hamiltonian.from_matrix(
        [["x", "0.1", "0.3*x"], ["0.1", "-x", "0.4"], ["0.3*x", "0.4", "6"]]
    )


def plane(complex_entry=False):
    upper, lower = ("0.3 + 0.2*I*y", "0.3 - 0.2*I*y") if complex_entry else ("0.3", "0.3")
    return Hamiltonian.from_matrix(
        [["x", "y", upper], ["y", "-x", "0.2*x"], [lower, "0.2*x", "3"]], coordinates=["x", "y"]
    )


# ---- one coordinate ---------------------------------------------------------------------------


def test_all_levels_return_the_diabats_of_a_hidden_constant_rotation():
    rng = np.random.default_rng(5)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    slopes, couplings = np.diag([1.0, -0.5, 0.3]), 0.2 * random_symmetric(rng, 3)
    H = Hamiltonian.affine(rotation @ couplings @ rotation.T, rotation @ slopes @ rotation.T)
    x = np.linspace(-8, 8, 33)
    # Anchored where the diabatic states are known, the hidden diabats come back exactly.
    vectors = np.linalg.eigh(H(x[0]))[1]
    largest = vectors[np.abs(vectors).argmax(axis=0), range(3)]
    basis = diabatize(H, x, mixing=(vectors * np.sign(largest)).T @ rotation)
    hidden = couplings + x[:, None, None] * slopes
    np.testing.assert_allclose(basis.matrices, hidden, atol=1e-12)


def test_coordinate_dependent_rotation_is_undone_within_the_levels():
    # The lowest two levels turn into the third as x varies: the frame must keep ⟨a|∂b⟩ = 0.
    H, h = three_level(), 1e-3
    x = np.array([-1.3, -0.2, 0.0, 0.4, 1.7])
    for point in x:
        stencil = point + h * np.array([-2, -1, 0, 1, 2])
        frame = diabatize(H, stencil, levels=[0, 1], reference=2).frame
        slope = (8 * (frame[3] - frame[1]) - (frame[4] - frame[0])) / (12 * h)
        np.testing.assert_allclose(frame[2].T @ slope, 0, atol=1e-10)
        assert np.abs(slope).max() > 1e-3  # the states do move, out of the set only


@pytest.mark.slow
def test_coupling_is_removed_over_a_long_path():
    # dT/dx + dT = 0 with d by the quotient formula, which is no part of the transport.
    H, x = three_level(), np.linspace(-3, 3, 6001)
    basis = diabatize(H, x, levels=[0, 1])
    states = basis.adiabatic_states
    d = np.einsum("kai,kab,kbj->kij", states, H.derivative(x), states)
    gap = basis.energies[:, None, :] - basis.energies[:, :, None]
    d = np.where(np.eye(2), 0.0, d) / np.where(np.eye(2), 1.0, gap)
    h = x[1] - x[0]
    T = basis.mixing
    slope = (
        45 * (T[4:-2] - T[2:-4]) - 9 * (T[5:-1] - T[1:-5]) + (T[6:] - T[:-6])
    ) / (60 * h)  # fmt: skip
    np.testing.assert_allclose(slope + d[3:-3] @ T[3:-3], 0, atol=1e-8)


def test_two_states_turn_by_the_integral_of_the_coupling():
    x = np.linspace(-30, 50, 9)
    basis = diabatize(LandauZener(gap=1.0), x)
    angle = (np.arctan(x) - np.arctan(x[0])) / 2  # ∫ ½/(1 + x²)
    np.testing.assert_allclose(np.abs(basis.mixing_angle), angle, atol=1e-13)


def test_both_directions_invert_each_other():
    rng = np.random.default_rng(0)
    basis = diabatize(three_level(), np.linspace(-1, 1, 5), levels=[0, 1])
    amplitudes, operator = rng.normal(size=(5, 2)), rng.normal(size=(5, 2, 2))
    np.testing.assert_allclose(basis.to_adiabatic(basis.to_diabatic(amplitudes)), amplitudes)
    there = basis.to_diabatic(operator, operator=True)
    np.testing.assert_allclose(basis.to_adiabatic(there, operator=True), operator, atol=1e-14)
    energies = basis.energies[:, :, None] * np.eye(2)
    np.testing.assert_allclose(basis.to_diabatic(energies, operator=True), basis.matrices)


def test_frame_carries_the_smaller_matrix():
    H, x = three_level(), np.linspace(-2, 2, 9)
    basis = diabatize(H, x, levels=[0, 1])
    direct = np.einsum("kai,kab,kbj->kij", basis.frame, H(x), basis.frame)
    np.testing.assert_allclose(direct, basis.matrices, atol=1e-11)


def test_levels_of_the_set_may_cross():
    # Two uncoupled levels cross at 0, both far below a third to which they are coupled.
    H = Hamiltonian.from_matrix([["x", "0", "0.5"], ["0", "-x", "0"], ["0.5", "0", "9"]])
    x = np.array([-1.0, 1.0])
    basis = diabatize(H, x, levels=[0, 1])
    lower = (x + 9) / 2 - np.sqrt((9 - x) ** 2 / 4 + 0.25)
    expected = np.array([[[a, 0], [0, -b]] for a, b in zip(lower, x, strict=True)])
    np.testing.assert_allclose(basis.matrices, expected, atol=1e-10)


def test_narrow_avoided_crossing_between_far_points_is_not_stepped_over():
    # The lowest level turns by π/2 over 1e-4 of the interval and the frame must follow it.
    basis = diabatize(LandauZener(gap=1e-4), [-0.5, 0.7], levels=[0])
    assert abs(basis.frame[0, :, 0] @ basis.frame[1, :, 0]) < 2e-4
    np.testing.assert_allclose(basis.matrices[:, 0, 0], basis.energies[:, 0], atol=1e-12)


def test_spline_of_diabats_has_the_crossing_of_the_model():
    from anticrossing.spectrum import find_crossings

    H = SodiumIodide()
    basis = diabatize(H, np.linspace(5.5, 9.0, 141))
    found, exact = (find_crossings(h, 5.6, 8.9) for h in (basis.hamiltonian(), H))
    assert len(found) == len(exact) == 1
    assert found[0].position == pytest.approx(exact[0].position, abs=1e-5)
    assert found[0].gap == pytest.approx(exact[0].gap, rel=1e-5)


# ---- several coordinates ----------------------------------------------------------------------


def test_complete_set_leaves_no_coupling_on_a_grid():
    grid = diabatize_grid(plane(), [np.linspace(-1, 1, 4), np.linspace(-1, 2, 5)])
    assert grid.largest_remaining_coupling < 1e-13
    assert grid.largest_curl == 0.0


@pytest.mark.parametrize("complex_entry", [False, True])
def test_residual_curl_is_the_curl_of_the_remaining_coupling(complex_entry):
    # Small square about a point: the holonomy of the transported pair, by path transport on two
    # sides, against the formula; and ∂d − ∂d + [d, d] in a smooth gauge is the same thing.
    H, centre, h = plane(complex_entry), np.array([0.4, -0.7]), 1e-2
    around = centre + h / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    frame = diabatize(H, around, levels=[0, 1], tolerance=1e-13).frame
    holonomy = frame[0].conj().T @ frame[-1]
    curl = residual_curl(H, centre, levels=[0, 1])[0, 1]
    size = np.linalg.norm(curl)
    assert size > 1e-3
    # Parallel transport C' = −dC-part: around a loop 1 − F·area, in a basis at another point.
    np.testing.assert_allclose(np.linalg.norm(holonomy - np.eye(2)) / h**2, size, rtol=2e-4)


def test_curl_formula_against_finite_differences_of_couplings():
    H, centre, h = plane(), np.array([0.4, -0.7]), 1e-4

    def couplings(point):
        E, U = np.linalg.eigh(H(point))
        U = U * np.sign(np.sum(U * U0, axis=0))
        gap = E[None, :] - E[:, None] + np.diag(np.full(3, np.inf))
        return [U.T @ H.derivative(point, coordinate=c) @ U / gap for c in "xy"]

    U0 = np.linalg.eigh(H(centre))[1]
    dx, dy = (np.array([h, 0]), np.array([0, h]))
    slope_y = (couplings(centre + dx)[1] - couplings(centre - dx)[1]) / (2 * h)
    slope_x = (couplings(centre + dy)[0] - couplings(centre - dy)[0]) / (2 * h)
    d = [c[:2, :2] for c in couplings(centre)]
    expected = (slope_y - slope_x)[:2, :2] + d[0] @ d[1] - d[1] @ d[0]
    curl = residual_curl(H, centre, levels=[0, 1])[0, 1]
    np.testing.assert_allclose(np.abs(curl), np.abs(expected), atol=1e-6)


def test_last_direction_of_transport_keeps_no_coupling():
    axes = [np.linspace(-1, 1, 6), np.linspace(-1.2, 1, 7)]
    grid = diabatize_grid(plane(), axes, levels=[0, 1], reference=[2, 3])
    along_x, along_y = (np.abs(c).max() for c in grid.remaining_couplings)
    assert along_y < 1e-9
    assert along_x > 1e-3
    assert np.abs(grid.remaining_couplings[0][:, 3]).max() < 1e-9  # the base line
    reverse = diabatize_grid(plane(), axes, levels=[0, 1], reference=[2, 3], order=["y", "x"])
    assert np.abs(reverse.remaining_couplings[0]).max() < 1e-9


@pytest.mark.parametrize("complex_entry", [False, True])
def test_smoothing_finds_the_least_coupling(complex_entry):
    axes = [np.linspace(-1, 1, 6), np.linspace(-1.2, 1, 7)]
    H = plane(complex_entry)
    rough = diabatize_grid(H, axes, levels=[0, 1])
    smooth = diabatize_grid(H, axes, levels=[0, 1], smooth=True)
    again = diabatize_grid(H, axes, levels=[0, 1], order=["y", "x"], smooth=True)
    assert smooth.mean_remaining_coupling < rough.mean_remaining_coupling
    # The least is the same wherever one starts from, and W has the adiabatic energies.
    assert again.mean_remaining_coupling == pytest.approx(smooth.mean_remaining_coupling, rel=1e-8)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(smooth.basis.matrices), smooth.basis.energies, atol=1e-12
    )


# ---- references and properties ----------------------------------------------------------------


def test_references_of_a_complete_set_come_back():
    x = np.linspace(-1, 1, 5)
    basis = block_diagonalize(three_level(), x, np.eye(3))
    np.testing.assert_allclose(basis.matrices, three_level()(x), atol=1e-13)


def test_block_diagonalization_is_the_least_action():
    # No rotation of the two states brings them nearer to the references.
    H = three_level()
    basis = block_diagonalize(H, [0.3], np.eye(3)[:, :2])
    frame, references = basis.frame[0], np.eye(3)[:, :2]
    least = np.linalg.norm(frame - references)
    for angle in (-0.2, -0.01, 0.01, 0.2):
        c, s = np.cos(angle), np.sin(angle)
        assert np.linalg.norm(frame @ [[c, -s], [s, c]] - references) > least


def two_state_dipoles(x, ionic, covalent):
    H = SodiumIodide()(x)
    E, U = np.linalg.eigh(H)
    dipole = np.zeros((x.size, 2, 2))
    dipole[:, 0, 0], dipole[:, 1, 1] = ionic, covalent
    return H, E, np.einsum("kai,kab,kbj->kij", U, dipole, U)


def test_diagonal_dipoles_give_the_diabats_exactly():
    x = np.linspace(5.0, 9.0, 41)
    H, E, mu = two_state_dipoles(x, -x, 0.01 * x)
    for T in (
        property_mixing(mu),
        generalized_mulliken_hush(E, mu),
        boys_localization(mu[:, np.newaxis]),
    ):
        W = T.swapaxes(-1, -2) @ (E[:, :, None] * T)
        np.testing.assert_allclose(W[:, 0, 0], H[:, 0, 0], atol=1e-12)  # ionic: lowest dipole
        np.testing.assert_allclose(np.abs(W[:, 0, 1]), np.abs(H[:, 0, 1]), atol=1e-12)


def test_mulliken_hush_formula():
    E, mu = np.array([0.2, 0.9]), np.array([[1.3, 0.4], [0.4, -0.6]])
    T = generalized_mulliken_hush(E, mu)
    coupling = abs((T.T @ np.diag(E) @ T)[0, 1])
    assert coupling == pytest.approx(0.4 * 0.7 / np.hypot(1.9, 0.8), rel=1e-13)


def test_mulliken_hush_does_not_depend_on_the_axes():
    rng = np.random.default_rng(3)
    direction = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    E, mu = np.array([0.2, 0.9]), np.array([[1.3, 0.4], [0.4, -0.6]])
    T = generalized_mulliken_hush(E, direction[0][:, None, None] * mu)
    assert abs((T.T @ np.diag(E) @ T)[0, 1]) == pytest.approx(0.28 / np.hypot(1.9, 0.8), rel=1e-12)


@cases(15)
@given(st.integers(0, 2**31))
def test_boys_states_are_a_maximum(seed):
    rng = np.random.default_rng(seed)
    mu = np.stack([random_symmetric(rng, 3) for _ in range(3)])
    T = boys_localization(mu)
    np.testing.assert_allclose(T.T @ T, np.eye(3), atol=1e-12)

    def spread(states):
        return np.sum(np.einsum("ia,cij,ja->ca", states, mu, states) ** 2)

    for a, b in ((0, 1), (0, 2), (1, 2)):
        for angle in (-0.3, -0.01, 0.01, 0.3):
            turn = np.eye(3)
            turn[[a, b], [a, b]] = np.cos(angle)
            turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
            assert spread(T @ turn) <= spread(T) + 1e-10


# ---- bad input --------------------------------------------------------------------------------


def test_set_that_meets_another_level_is_refused():
    H = Hamiltonian.affine(np.zeros((2, 2)), np.diag([1.0, -1.0]))
    with pytest.raises(ConvergenceError, match=r"levels \[0\] could not be transported near x = "):
        diabatize(H, [-1.0, 0.7], levels=[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": [0.0]}, "`x` must hold at least two points"),
        ({"x": [[0.0, 1.0]]}, "`x` must have shape"),
        ({"x": [0.0, np.nan]}, "`x` must be finite"),
        ({"levels": [1, 0]}, "`levels` must be ascending"),
        ({"levels": [0, 3]}, "`levels` must lie between 0 and 2"),
        ({"levels": [0.5]}, "`levels` must be a level number or a list"),
        ({"reference": 7}, "`reference` must be an index"),
        ({"mixing": np.ones((3, 3))}, "`mixing` must be unitary"),
        ({"mixing": np.eye(2)}, r"`mixing` must have shape \(3, 3\)"),
        ({"levels": [[0, 1], [1]]}, "`levels` must be"),
        ({"mixing": [[1.0, 0.0], [1.0]]}, "`mixing` must be a number or an array"),
        ({"tolerance": 0.0}, "`tolerance` must be at least 1e-13"),
        ({"tolerance": 1e-320}, "`tolerance` must be at least 1e-13"),
        ({"tolerance": [1e-9]}, "`tolerance` must"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        diabatize(three_level(), **{"x": [0.0, 1.0], **arguments})


def test_bad_grids_and_shapes():
    with pytest.raises(InputError, match="`hamiltonian` must have several coordinates"):
        diabatize_grid(three_level(), [[0, 1]])
    with pytest.raises(InputError, match="`axes` must hold one array"):
        diabatize_grid(plane(), [[0, 1]])
    with pytest.raises(InputError, match=r"`axes\[y\]` must hold at least 2 numbers that"):
        diabatize_grid(plane(), [[0, 1], [1, 0]])
    with pytest.raises(InputError, match="`order` must name each of x, y once"):
        diabatize_grid(plane(), [[0, 1], [0, 1]], order=["x", "x"])
    for arguments, message in (
        ({"axes": 3}, "`axes` must be a list"),
        ({"order": 3}, "`order` must be a list"),
        ({"order": [["x"], "y"]}, r"`order\[0\]` must be text"),
        ({"reference": 1}, "`reference` must"),
        ({"reference": (0, 9)}, "`reference` must be an index"),
        ({"smooth": "yes"}, "`smooth` must be True or False"),
    ):
        with pytest.raises(InputError, match=message):
            diabatize_grid(plane(), **{"axes": [[0, 1], [0, 1]], **arguments})
    with pytest.raises(InputError, match="`x` must have shape"):
        diabatize(plane(), np.zeros((4, 3)))
    with pytest.raises(InputError, match="single parameter values"):
        diabatize(LandauZener(gap=[1.0, 2.0]), [0.0, 1.0])
    basis = diabatize(three_level(), [0.0, 1.0])
    with pytest.raises(InputError, match="`values` must have last axes"):
        basis.to_diabatic(np.zeros(2))
    with pytest.raises(InputError, match="`values` must be a number or an array"):
        basis.to_diabatic(["a", "b"])
    with pytest.raises(InputError, match="`operator` must be True or False"):
        basis.to_adiabatic(np.zeros((2, 3)), operator="yes")
    with pytest.raises(InputError, match="mixing angle exists for two real states"):
        _ = basis.mixing_angle
    with pytest.raises(InputError, match="`levels` must have a part in every reference"):
        block_diagonalize(LandauZener(gap=1e-9), [5.0], [[1.0], [0.0]])
    with pytest.raises(InputError, match="`properties` must have square matrices"):
        property_mixing(np.zeros((0, 0)))
    with pytest.raises(InputError, match="`properties` must be symmetric"):
        property_mixing([[0.0, 1.0], [0.0, 0.0]])


def test_a_grid_around_an_intersection_with_a_level_outside_tells_of_the_sign():
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    axes = [np.linspace(-1, 1, 4)] * 2
    around = diabatize_grid(cone, axes, levels=[0])
    assert np.isinf(around.largest_remaining_coupling)
    assert around.basis.warnings[0].startswith("a state changes its sign over")
    # From one row of links the sign goes off to the edge of the grid: one cut, whatever its shape.
    flips = sum(int(np.isinf(c).sum()) for c in around.remaining_couplings)
    assert f" {flips} link" in around.basis.warnings[0]
    with pytest.raises(ConvergenceError, match="an intersection lies within the grid"):
        diabatize_grid(cone, axes, levels=[0], smooth=True)
    beside = diabatize_grid(cone, [np.linspace(2, 4, 4), axes[1]], levels=[0])
    assert beside.basis.warnings == ()
    assert beside.largest_remaining_coupling == 0.0


def test_a_set_of_two_around_an_intersection_with_a_third_level_tells_of_the_sign():
    H = Hamiltonian.from_matrix(
        [["x", "y", "0"], ["y", "-x", "0.2*x"], ["0", "0.2*x", "5"]], coordinates=("x", "y")
    )
    around = diabatize_grid(H, [np.linspace(-1, 1, 4)] * 2, levels=[1, 2])
    assert np.isinf(around.largest_remaining_coupling)


@pytest.mark.parametrize("x", [[0.0, 0.0], [1e-200, 0.0]])
def test_the_curl_where_the_set_meets_another_level_is_refused(x):
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    with pytest.raises(InputError, match=r"`x` must keep levels of the set apart .* meet at"):
        residual_curl(cone, x, levels=[0])
