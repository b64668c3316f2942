"""One order of the coupling between blocks, and the frames that all orders lead to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag, polar, solve_sylvester

from anticrossing._core.linalg import polar_factor
from anticrossing.dynamics._eigenframes import all_orders, in_eigenframes
from anticrossing.dynamics._orders import next_order
from anticrossing.dynamics._stacks import ALL_NODES, alignments, inverse_cayley, rotate
from anticrossing.dynamics.chebyshev import grid

SIZES = ((1, 1, 1, 1), (2, 1, 3), (4, 2))


@pytest.mark.parametrize("sizes", SIZES)
def test_an_order_solves_sylvesters_equation_for_what_is_left(sizes: tuple[int, ...]) -> None:
    """Against SciPy's, block by block, with the residual written out as matrices."""
    rng = np.random.default_rng(7)
    levels, nodes = sum(sizes), 5
    edges = np.cumsum([0, *sizes])
    own = np.concatenate([np.full(size, k) for k, size in enumerate(sizes)])
    outside = own[:, None] != own

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    g = np.empty((1, nodes, levels, levels), dtype=complex)
    basis = np.zeros_like(g)
    energies = np.empty((1, nodes, levels))
    blocks = []
    for node in range(nodes):
        parts = [drawn(s, s) + 10.0 * k * np.eye(s) for k, s in enumerate(sizes)]
        parts = [0.5 * (part + part.conj().T) for part in parts]
        solved = [np.linalg.eigh(part) for part in parts]
        energies[0, node] = np.concatenate([values for values, _ in solved])
        basis[0, node] = block_diag(*[vectors.conj().T for _, vectors in solved])
        coupling = drawn(levels, levels)
        g[0, node] = block_diag(*parts) + 0.1 * outside * (coupling + coupling.conj().T)
        blocks.append(parts)
    x, slope = (0.1 * outside * drawn(1, nodes, levels, levels) for _ in range(2))
    weight = np.where(outside, rng.uniform(0.5, 1.0, (1, levels, levels)), 0.0)
    ends = np.stack([edges[own], edges[own + 1]], axis=-1)[None].astype(np.int64)
    size, new = np.empty(1), x.copy()
    next_order(g, new, g @ x, slope, energies, basis, ends, ends, weight, size)

    largest = 0.0
    for node in range(nodes):
        left = g[0, node] @ (np.eye(levels) + x[0, node]) - 1j * slope[0, node]
        kept = np.where(outside, 0.0, left)
        rest = left - kept - x[0, node] @ kept
        assert np.max(np.abs(rest[~outside])) < 1e-13
        largest = max(largest, np.max(weight[0] * np.abs(rest)))
        for p in range(len(sizes)):
            for q in range(len(sizes)):
                where = np.ix_(own == p, own == q)
                change = (new - x)[0, node][where]
                if p == q:
                    assert np.max(np.abs(change)) < 1e-14
                    continue
                exact = solve_sylvester(blocks[node][p], -blocks[node][q], -rest[where])
                assert np.max(np.abs(change - exact)) < 1e-13
    assert abs(size[0] - largest) < 1e-14


def test_polar_factors_are_the_nearest_unitary_matrices_and_say_where_there_is_none() -> None:
    rng = np.random.default_rng(3)
    matrices = np.eye(4) + 0.1 * (rng.normal(size=(3, 6, 4, 4)) + 0.1j)
    matrices[1, 2] = np.diag([1.0, 1.0, 1.0, 0.0])  # has no polar factor of its own
    found, good = polar_factor(matrices)
    assert list(good) == [True, False, True]
    for entry in (0, 2):
        for matrix, unitary in zip(matrices[entry], found[entry], strict=True):
            assert np.max(np.abs(unitary - polar(matrix)[0])) < 1e-14


@pytest.mark.parametrize("levels", [3, 7])
@pytest.mark.parametrize("phase", [0.0, 0.9], ids=["real", "complex"])
def test_slopes_of_eigenvectors_are_those_of_their_series(levels: int, phase: float) -> None:
    """The generator in the eigenframes, from H′ and from rotations that are differentiated."""
    rng, points = np.random.default_rng(levels), grid(25)
    draws = [rng.normal(size=(levels, levels)) * (1 + 1j * np.tan(phase)) for _ in range(3)]
    constant, slope, curvature = (0.02 * (a + a.conj().T) for a in draws)
    if phase == 0.0:
        constant, slope, curvature = constant.real, slope.real, curvature.real
    constant = constant + np.diag(np.arange(levels))
    x = points.nodes[:, None, None]
    g = 40.0 * (constant + x * slope + x**2 * curvature)[None]
    energies, vectors = np.linalg.eigh(g)
    vectors = vectors * alignments(vectors)[0][:, :, None, :]
    every = np.ones(1, dtype=bool)
    found, frame = in_eigenframes(g, energies, vectors, every, points, ALL_NODES)
    expected, turned = rotate(g, inverse_cayley(vectors), points)
    assert np.iscomplexobj(vectors) == (phase > 0)
    assert np.max(np.abs(frame - turned)) < 1e-12
    assert np.max(np.abs(found - expected)) < 1e-11
    assert np.max(np.abs(found - found.conj().swapaxes(-1, -2))) == 0.0
    # Panels of either kind together are what they are alone.
    g, energies = (np.concatenate([a, a]) for a in (g, energies))
    mixed = np.concatenate([vectors, inverse_cayley(vectors)])
    again, _ = in_eigenframes(g, energies, mixed, np.array([True, False]), points, ALL_NODES)
    assert np.array_equal(again[0], found[0])
    assert np.array_equal(again[1], expected[0])


@pytest.mark.parametrize("phase", [1e2, 1e4, 1e7])
def test_levels_on_their_own_keep_what_a_rotation_leaves_on_the_diagonal(phase: float) -> None:
    """Against Q†GQ − iQ†Q′ with the frame Q that is returned, differentiated on the nodes."""
    levels, points, tolerance = 5, grid(25), 1e-10
    rng = np.random.default_rng(11)
    draws = [rng.normal(size=(levels, levels)) * (1 + 0.5j) for _ in range(2)]
    constant, slope = (0.02 * (a + a.conj().T) for a in draws)
    h = np.diag(np.arange(levels)) + constant + points.nodes[:, None, None] * slope
    h = phase * h[None]
    energies, vectors = np.linalg.eigh(h)
    vectors = vectors * alignments(vectors)[0][:, :, None, :]
    g, _ = in_eigenframes(h, energies, vectors, np.ones(1, dtype=bool), points, ALL_NODES)
    apart = energies[..., :, None] - energies[..., None, :]
    np.einsum("...ii->...i", apart)[...] = np.inf
    weight = np.minimum(1.0, points.size**2 / (2 * np.min(np.abs(apart), axis=1)))
    ends = np.stack([np.arange(levels), np.arange(levels) + 1], axis=-1)[None]
    first = -np.where(np.isinf(apart), 0.0, g) / apart
    given = first, energies, first, ends, ends, weight, points, tolerance
    found, frame, left = all_orders(g, *given, ALL_NODES)
    assert left[0] <= tolerance
    assert np.count_nonzero(found) == levels * points.size  # nothing off the diagonal
    changing = np.einsum("mn,pnij->pmij", points.derivative, frame)
    turned = frame.conj().swapaxes(-1, -2) @ (g @ frame - 1j * changing)
    own, kept = (np.einsum("...ii->...i", a).real for a in (turned, found))
    assert np.max(np.abs(own - kept)) < 1e-11 + 1e-15 * levels * phase
    others = turned - np.einsum("...i,ij->...ij", own, np.eye(levels))
    assert np.max(weight * np.abs(others)) < 2 * tolerance
    unit = frame.conj().swapaxes(-1, -2) @ frame - np.eye(levels)
    assert np.max(np.abs(unit)) < 1e-13
