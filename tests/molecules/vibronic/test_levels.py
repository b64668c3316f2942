"""Vibronic levels in a product basis against problems solved by hand, and pyrazine."""

import numpy as np
import pytest

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.conical import JahnTeller
from anticrossing.models.vibronic_coupling import Pyrazine, VibronicCoupling
from anticrossing.molecules.vibronic import _lanczos, vibronic_levels
from tests.effort import slow


def ladder(offsets, frequencies, count):
    """Energies offset + Σ ω(n + ½) of uncoupled oscillators."""
    total = np.asarray(offsets, dtype=float)
    for omega in frequencies:
        total = (total[..., None] + omega * (np.arange(count) + 0.5)).reshape(-1)
    return np.sort(total)[:count]


def test_displaced_oscillators():
    # Completing the square: E − κ²/2ω + ω(n + ½) for each state.
    W = VibronicCoupling(
        energies=[0.0, 0.35],
        frequencies=[1.0, 0.6],
        linear=[np.diag([0.8, -0.5]), np.diag([0.3, 0.9])],
    )
    offsets = [0.0 - 0.64 / 2 - 0.09 / 1.2, 0.35 - 0.25 / 2 - 0.81 / 1.2]
    result = vibronic_levels(W, count=7)
    expected = np.sort(
        np.r_[ladder([offsets[0]], [1.0, 0.6], 7), ladder([offsets[1]], [1.0, 0.6], 7)]
    )
    np.testing.assert_allclose(result.energies, expected[:7], atol=1e-9)
    np.testing.assert_allclose(result.populations.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(result.populations.max(axis=1), 1.0, atol=1e-9)


def test_changed_and_mixed_frequencies():
    # ½ΣωP² + ½QᵀKQ: the squares of the frequencies are the eigenvalues of √ω K √ω.
    omega = np.array([1.0, 1.4])
    change = np.array([[0.3, 0.25], [0.25, -0.4]])
    W = VibronicCoupling(
        energies=[0.0],
        frequencies=omega,
        linear=np.zeros((2, 1, 1)),
        quadratic=change[:, :, None, None],
    )
    root = np.sqrt(omega)
    new = np.sqrt(np.linalg.eigvalsh((np.diag(omega) + change) * np.outer(root, root)))
    result = vibronic_levels(W, count=6)
    np.testing.assert_allclose(result.energies, ladder([0.0], new, 6), atol=1e-8)


def test_constant_complex_coupling():
    # A coupling that does not depend on Q only splits every level.
    c = 0.3 * np.exp(0.7j)
    W = VibronicCoupling(
        energies=np.array([[0.0, c], [np.conj(c), 0.0]]),
        frequencies=[1.0],
        linear=[0.4 * np.eye(2)],
    )
    result = vibronic_levels(W, count=4)
    expected = np.array([-0.3, 0.3, 0.7, 1.3]) + 0.5 - 0.08
    np.testing.assert_allclose(result.energies, expected, atol=1e-9)


def test_quartic_oscillator():
    # ½p² + ½x² + x⁴: the published 0.80377065 for ground level, in a hundred digits known.
    H = Hamiltonian.from_terms([("x**2/2 + x**4", [[1.0]])])
    result = vibronic_levels(H, frequencies=[1.0], count=2)
    assert result.energies[0] == pytest.approx(0.8037706512, abs=1e-9)
    assert result.error_estimate <= 1e-8


def test_levels_come_down_as_the_basis_grows():
    H = JahnTeller(linear=2.0)
    coarse = vibronic_levels(H, frequencies=[1.0, 1.0], count=3, basis_sizes=(6, 6), tolerance=1.0)
    fine = vibronic_levels(H, frequencies=[1.0, 1.0], count=3)
    assert np.all(coarse.energies >= fine.energies)
    assert fine.basis_sizes > coarse.basis_sizes
    assert "3 vibronic levels, basis" in str(fine)


@pytest.mark.parametrize("near", [slow(None), -1.4, slow(5.0)])
def test_lanczos_finds_every_copy_of_a_degenerate_level(monkeypatch, near):
    from anticrossing.molecules.vibronic._oscillator import build, monomials, product

    matrix = build(monomials(JahnTeller(linear=2.0)), np.ones(2), product((22, 22)))
    dense = np.linalg.eigvalsh(matrix.toarray())[:7]
    monkeypatch.setattr(_lanczos, "DENSE", 10)
    energies, vectors = _lanczos.lowest(matrix, 7, 1e-8, near=near)
    np.testing.assert_allclose(energies, dense, atol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(7), atol=1e-10)
    np.testing.assert_allclose(matrix @ vectors, vectors * energies, atol=1e-4)


def test_parameters_of_the_hamiltonian_are_used():
    values = [
        vibronic_levels(JahnTeller(linear=1.0).replace(linear=k), frequencies=[1, 1], count=1)
        for k in (1.0, 2.0)
    ]
    assert values[1].energies[0] == pytest.approx(-1.44574261, abs=1e-8)
    assert values[0].energies[0] > values[1].energies[0]


def test_pyrazine_origin_and_progressions():
    # Experiment: the S₁ ← S₀ origin at 30876 cm⁻¹ = 3.828 eV; the model's coupled oscillators put
    # it within 2 meV, and ν₁₀ₐ, 919 cm⁻¹ in S₀, falls to about 400 cm⁻¹ (383 cm⁻¹ measured).
    W = Pyrazine()
    result = vibronic_levels(W, count=3, tolerance=1e-5)
    origin = result.energies[0] - W.frequencies.sum() / 2  # from the vibrational ground level
    assert origin == pytest.approx(3.828, abs=0.003)
    wavenumbers = (result.energies[1:] - result.energies[0]) * 8065.54
    assert wavenumbers[0] == pytest.approx(383, abs=50)  # ν₁₀ₐ
    assert wavenumbers[1] == pytest.approx(585, abs=20)  # ν₆ₐ
    assert np.all(result.populations[:, 0] > 0.85)


ONE = VibronicCoupling(energies=[0.0], frequencies=[1.0], linear=[[[0.1]]])
TWO = JahnTeller(linear=1.0)


@pytest.mark.parametrize(
    ("hamiltonian", "arguments", "says"),
    [
        (ONE, {"frequencies": [1.0]}, "`frequencies` must be left out"),
        (TWO, {}, "`frequencies` must be given"),
        (TWO, {"frequencies": [1.0]}, r"`frequencies` must have shape \(2,\)"),
        (TWO, {"frequencies": [1.0, -1.0]}, "`frequencies` must be positive"),
        (ONE, {"count": 0}, "`count` must be at least 1"),
        (ONE, {"tolerance": 0.0}, "`tolerance` must be positive"),
        (ONE, {"basis_sizes": [4, 4]}, r"`basis_sizes` must hold 1 number"),
        (ONE, {"basis_sizes": 4}, r"`basis_sizes` must be a list"),
        (ONE, {"count": 10**30}, "`count`"),
        (ONE, {"basis_sizes": [1]}, "`basis_sizes` must be at least 2"),
        (ONE, {"basis_sizes": [2], "count": 3}, "`basis_sizes` must make at least 3"),
        (ONE, {"largest_basis": 3}, "`largest_basis` must be at least"),
        ("JahnTeller", {}, "`hamiltonian` must be a TermHamiltonian"),
        (JahnTeller(linear=[1.0, 2.0]), {"frequencies": [1, 1]}, "must be a single parameter"),
        (Hamiltonian.from_terms([("exp(x)", [[1.0]])]), {"frequencies": [1.0]}, "a polynomial"),
        (Hamiltonian.from_terms([("x**13", [[1.0]])]), {"frequencies": [1.0]}, "no power above"),
    ],
)
def test_bad_arguments(hamiltonian, arguments, says):
    with pytest.raises(InputError, match=says):
        vibronic_levels(hamiltonian, **{"count": 1, **arguments})


def test_surface_without_a_bottom_does_not_converge():
    W = VibronicCoupling(
        energies=[0.0], frequencies=[1.0], linear=[[[0.0]]], quadratic=[[[[-1.5]]]]
    )
    with pytest.raises(ConvergenceError, match="has a bottom"):
        vibronic_levels(W, count=1, largest_basis=500)
