"""Single equations of Fraas and Hänggli for the Landau-Zener Hamiltonian, from its operators."""

import numpy as np
import pytest

from anticrossing.analysis import lindblad_structure, lindbladian

GAP, GAMMA, S = 0.7, 0.4, 0.9


def energy(s):
    return 0.5 * np.hypot(s, GAP)


def hamiltonian(s):
    return 0.5 * np.array([[s, GAP], [GAP, -s]])


def root(s):
    """sgn(H)√|H|, which is H/√e for two opposite energies."""
    return hamiltonian(s) / np.sqrt(energy(s))


def upper(s):
    """The projection on the upper level."""
    return 0.5 * (np.eye(2) + hamiltonian(s) / energy(s))


def coherence(s):
    """E of equation (3.9)."""
    e = energy(s)
    return np.array([[GAP, -s - 2 * e], [-s + 2 * e, -GAP]]) / (4 * e)


def slope(function, s, step=1e-4):
    """The derivative, by differences of fourth order."""
    inner, outer = (
        function(s + step) - function(s - step),
        function(s + 2 * step) - function(s - 2 * step),
    )
    return (8 * inner - outer) / (12 * step)


def structure(s):
    return lindblad_structure(hamiltonian(s), [np.sqrt(GAMMA) * root(s)])


def on(superoperator, matrix):
    return (superoperator @ np.asarray(matrix, dtype=complex).ravel()).reshape(2, 2)


def test_the_coherence_is_an_eigenoperator_and_its_inverse_is_3_11():
    e, E = energy(S), coherence(S)
    np.testing.assert_allclose(E @ E.T, upper(S), atol=1e-15)
    generator = lindbladian(hamiltonian(S), [np.sqrt(GAMMA) * root(S)])
    np.testing.assert_allclose(on(generator, E / (2 * (-1j - GAMMA) * e)), E, atol=1e-15)


def test_velocities_of_projections_3_10_and_of_the_coherence_a_1():
    e, E = energy(S), coherence(S)
    speed = GAP / (8 * e**2)
    np.testing.assert_allclose(slope(upper, S), speed * (E + E.T), atol=1e-11)
    difference = 2 * upper(S) - np.eye(2)
    np.testing.assert_allclose(slope(coherence, S), -speed * difference, atol=1e-11)


def test_the_kernel_turns_as_3_12_says():
    E = coherence(S)
    turn = slope(lambda s: structure(s).projection, S)
    expected = GAP / (8 * energy(S) ** 2) * (2 * upper(S) - np.eye(2))
    np.testing.assert_allclose(on(turn, E), expected, atol=1e-10)
    np.testing.assert_allclose(on(turn, E.T), expected, atol=1e-10)
    np.testing.assert_allclose(on(turn, upper(S)), slope(upper, S), atol=1e-10)


def test_the_dissipator_is_bounded_by_four_e():
    dissipator = lindbladian(np.zeros((2, 2)), [np.sqrt(2) * root(S)])
    rng = np.random.default_rng(3)
    states = rng.normal(size=(200, 2, 2)) + 1j * rng.normal(size=(200, 2, 2))
    norms = [np.linalg.norm(on(dissipator, m), "nuc") / np.linalg.norm(m, "nuc") for m in states]
    assert max(norms) <= 4 * energy(S) * (1 + 1e-12)
    E = coherence(S)
    assert np.linalg.norm(on(dissipator, E), "nuc") == pytest.approx(4 * energy(S), rel=1e-12)
