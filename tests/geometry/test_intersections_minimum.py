"""Minimum-energy intersections and crossings against linear algebra and other optimisers."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, strategies as st

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.intersections import find_intersection, find_intersections
from anticrossing.geometry.minimum_energy import (
    minimum_energy_crossing,
    minimum_energy_intersection,
)
from anticrossing.hamiltonian import Hamiltonian
from tests.effort import cases, slow

Z, X = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
CIRCLE = [["x**2 + y**2 - 1 + T", "z"], ["z", "1 - x**2 - y**2 + T"]]


def linear_vibronic(frequencies, energies, kappa, couplings):
    """H = Σ ω q²/2 + diag(E_n + κ_n·q) + λ·q σ_x."""
    names = [f"q{a}" for a in range(len(frequencies))]
    harmonic = " + ".join(f"{w!r}*{q}**2/2" for w, q in zip(frequencies, names, strict=True))
    terms = [(harmonic, np.eye(2)), (1, np.diag(energies))]
    for a, name in enumerate(names):
        terms.append((name, np.diag(kappa[:, a]) + couplings[a] * X))
    return Hamiltonian.from_terms(terms, coordinates=names)


@cases(25)
@given(st.integers(0, 10**6), st.integers(3, 6))
def test_linear_vibronic_coupling_against_its_linear_equations(seed, count):
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(0.2, 1.0, count)
    energies = rng.uniform(-0.5, 0.5, 2)
    kappa = rng.normal(size=(2, count))
    couplings = rng.normal(size=count)
    H = linear_vibronic(frequencies.tolist(), energies, kappa, couplings)
    # minimise Σ ωq²/2 + κ̄·q on (κ₁ − κ₂)·q = E₂ − E₁, λ·q = 0
    conditions = np.stack([kappa[0] - kappa[1], couplings])
    system = np.zeros((count + 2, count + 2))
    system[:count, :count] = np.diag(frequencies)
    system[:count, count:] = conditions.T
    system[count:, :count] = conditions
    right = np.concatenate([-kappa.mean(axis=0), [energies[1] - energies[0], 0.0]])
    expected = np.linalg.solve(system, right)[:count]
    found = minimum_energy_intersection(H, rng.normal(size=count))
    scale = np.linalg.cond(conditions) * (1 + np.linalg.norm(expected))
    np.testing.assert_allclose(found.position, expected, atol=1e-12 * scale)
    assert found.codimension == 2
    several = find_intersections(H, [[-30.0, 30.0]] * count, starts=5)
    assert len(several) == 1
    np.testing.assert_allclose(several[0].position, expected, atol=1e-11 * scale)


def test_the_lowest_point_of_a_curved_seam():
    # the seam is the unit circle, the energy 3x + 4y + (x² + y²) along it
    text = [[entry.replace("T", "3*x + 4*y + x**2 + y**2") for entry in row] for row in CIRCLE]
    H = Hamiltonian.from_matrix(text, coordinates=["x", "y", "z"])
    found = minimum_energy_intersection(H, [0.9, 0.8, 0.4])
    np.testing.assert_allclose(found.position, [-0.6, -0.8, 0.0], atol=1e-12)
    assert found.energy == pytest.approx(-4.0, abs=1e-13)


@pytest.mark.slow
def test_all_lowest_points_of_a_seam_also_from_its_highest():
    # cos 3φ along the unit circle: three minima
    text = [[entry.replace("T", "x**3 - 3*x*y**2") for entry in row] for row in CIRCLE]
    H = Hamiltonian.from_matrix(text, coordinates=["x", "y", "z"])
    found = find_intersections(H, [[-1.5, 1.5]] * 3, starts=40)
    angles = np.sort(np.arctan2(found.positions[:, 1], found.positions[:, 0]) % (2 * np.pi))
    np.testing.assert_allclose(angles, np.pi * np.array([1, 3, 5]) / 3, atol=1e-10)
    np.testing.assert_allclose([one.energy for one in found], -1.0, atol=1e-13)
    top = minimum_energy_intersection(H, [1.2, 0.0, 0.0])  # stationary, but a maximum
    assert top.energy == pytest.approx(-1.0, abs=1e-12)


def test_three_levels_with_curvature_from_the_third_against_another_optimiser():
    rng = np.random.default_rng(4)
    parts = rng.normal(size=(4, 3, 3)) * 0.6
    parts = parts + parts.swapaxes(-1, -2)
    names = ["x", "y", "z"]
    terms = [("x**2 + y**2 + z**2", np.eye(3)), (1, np.diag([0.0, 0.4, 3.0]))]
    terms += [(n, m) for n, m in zip(["x", "sin(y)", "z"], parts, strict=False)]
    H = Hamiltonian.from_terms(terms, coordinates=names)
    found = minimum_energy_intersection(H, [0.1, 0.2, -0.1])

    def energies(q):
        return np.linalg.eigvalsh(H(q))

    # Lagrange's condition by finite differences: no direction that keeps the gap lowers E.
    normal = found.branching_vectors
    tangent = np.linalg.svd(normal)[2][2:]
    assert energies(found.position)[1] - energies(found.position)[0] < 1e-13
    np.testing.assert_allclose(tangent @ found.mean_slope, 0, atol=1e-11)
    # and SLSQP with the entries of the effective Hamiltonian in a fixed frame as conditions
    _, frame = np.linalg.eigh(H(found.position))

    def conditions(q):
        value = frame.T @ H(q) @ frame
        block = value[:2, :2] - value[:2, 2:] @ value[2:, :2] / (
            value[2, 2] - energies(q)[:2].mean()
        )
        return [block[0, 0] - block[1, 1], block[0, 1]]

    other = scipy.optimize.minimize(
        lambda q: energies(q)[:2].mean(),
        found.position + np.array([0.05, -0.04, 0.03]),
        constraints={"type": "eq", "fun": conditions},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 200},
    )
    np.testing.assert_allclose(other.x, found.position, atol=2e-6)
    assert other.fun == pytest.approx(found.energy, abs=1e-10)


def test_a_complex_seam_of_codimension_three():
    H = Hamiltonian.from_terms(
        [
            ("a", Z),
            ("b", X),
            ("c - d**2", np.array([[0, -1j], [1j, 0]])),
            ("c + (d - 1)**2/2", np.eye(2)),
        ],
        coordinates=["a", "b", "c", "d"],
    )
    found = minimum_energy_intersection(H, [0.3, 0.2, 0.1, 0.5])
    # on a = b = 0, c = d²: d² + (d − 1)²/2 is lowest at d = 1/3
    assert found.codimension == 3
    np.testing.assert_allclose(found.position, [0, 0, 1 / 9, 1 / 3], atol=1e-12)


# ---- crossings of uncoupled states ------------------------------------------------------------


def test_crossing_of_displaced_oscillators():
    # E₁ = ω·q²/2, E₂ = ω·(q − q₀)²/2 + Δ: linear conditions, closed form
    frequencies, shift, energy = np.array([0.3, 0.8]), np.array([1.0, -0.5]), 0.4
    H = Hamiltonian.from_matrix(
        [["(3*x**2 + 8*y**2)/20", "c*x"], ["c*x", "(3*(x - 1)**2 + 8*(y + 1/2)**2)/20 + 2/5"]],
        parameters={"c": 0.02},
        coordinates=["x", "y"],
    )
    normal = frequencies * shift  # E₁ = E₂ on (ω q₀)·q = Δ + ω·q₀²/2
    value = energy + frequencies @ shift**2 / 2
    expected = shift * value / (normal @ shift)
    found = minimum_energy_crossing(H, [0.3, 2.0], states=([0], [1]))
    np.testing.assert_allclose(found.position, expected, atol=1e-13)
    assert found.energy == pytest.approx(frequencies @ expected**2 / 2, abs=1e-14)
    assert found.coupling == pytest.approx(0.02 * expected[0], abs=1e-15)
    np.testing.assert_allclose(found.gradient_difference, -normal, atol=1e-13)
    assert found.is_sloped == bool(
        (frequencies * expected) @ (frequencies * (expected - shift)) > 0
    )


@pytest.mark.slow
def test_crossing_of_levels_within_blocks():
    # singlets 0, 1 with a coupling of their own; one triplet, spin–orbit coupling left out
    H = Hamiltonian.from_matrix(
        [
            ["x**2 + y**2", "y/5", "I/100"],
            ["y/5", "x**2 + y**2 + 1", "1/50"],
            ["-I/100", "1/50", "(x - 2)**2 + (y - 1)**2/2 - 1/3"],
        ],
        coordinates=["x", "y"],
    )
    found = minimum_energy_crossing(H, [0.1, 0.0], states=([0, 1], [2]), levels=(1, 0))

    def pair(q):
        value = H(q)
        return np.linalg.eigvalsh(value[:2, :2])[1], value[2, 2].real

    other = scipy.optimize.minimize(
        lambda q: sum(pair(q)) / 2,
        found.position + 0.1,
        constraints={"type": "eq", "fun": lambda q: pair(q)[0] - pair(q)[1]},
        method="SLSQP",
        options={"ftol": 1e-15},
    )
    np.testing.assert_allclose(found.position, other.x, atol=1e-6)
    low, high = pair(found.position)
    assert low == pytest.approx(high, abs=1e-13)
    one, two = found.gradients
    assert one[0] * two[1] - one[1] * two[0] == pytest.approx(0.0, abs=1e-11)
    vector = np.linalg.eigh(H(found.position)[:2, :2])[1][:, 1]
    assert abs(found.coupling) == pytest.approx(
        abs(vector.conj() @ H(found.position)[:2, 2]), rel=1e-12
    )


# ---- what cannot be done ----------------------------------------------------------------------


@pytest.mark.slow
def test_what_has_no_minimum_or_no_crossing_says_so():
    plane = Hamiltonian.from_terms(
        [("x", Z), ("y", X), ("z", np.eye(2))], coordinates=["x", "y", "z"]
    )
    with pytest.raises(ConvergenceError, match="no minimum"):
        minimum_energy_intersection(plane, [0.1, 0.2, 0.3])
    gapped = Hamiltonian.from_matrix([["x", "1"], ["1", "-x"]], coordinates=["x", "y"])
    with pytest.raises(ConvergenceError, match="gap stays at 2"):
        minimum_energy_intersection(gapped, [0.1, 0.2])
    apart = Hamiltonian.from_matrix([["x**2", 0], [0, "x**2 + 1 + y**2"]], coordinates=["x", "y"])
    with pytest.raises(ConvergenceError, match="No crossing"):
        minimum_energy_crossing(apart, [0.1, 0.2], states=([0], [1]))


def test_wrong_sets_are_refused():
    H = Hamiltonian.from_matrix([["x", "1"], ["1", "y"]], coordinates=["x", "y"])
    for states, message in (
        (([0], [0]), "be different"),
        (([0], [2]), "at most 1"),
        (([0], []), "two lists"),
        ([0, 1], "list"),
        (([0, 1],), "pair"),
    ):
        with pytest.raises(InputError, match=message):
            minimum_energy_crossing(H, [0.0, 0.0], states=states)
    with pytest.raises(InputError, match="`levels`"):
        minimum_energy_crossing(H, [0.0, 0.0], states=([0], [1]), levels=(0, 1))
    with pytest.raises(InputError, match="`start`"):
        minimum_energy_crossing(H, 0.0, states=([0], [1]))


# ---- kinks, regions, seams without a minimum ---------------------------------------------------

C = "(x**2 + y**2 + z**2)/2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("matrix", "states", "levels"),
    [
        # |x| = y: the upper of two states of the first set
        slow([[f"{C} + x", 0, 0], [0, f"{C} - x", 0], [0, 0, f"{C} + y"]], ([0, 1], [2]), (1, 0)),
        # y = -|x|, the lower one of the second set, mean of the seam x² + z²/2 + |x|
        slow([[f"{C} - y", 0, 0], [0, f"{C} + x", 0], [0, 0, f"{C} - x"]], ([0], [1, 2]), (0, 1)),
        # upper sheet of a cone: z = r
        slow(
            [[f"{C} + x", "y", "1/9"], ["y", f"{C} - x", 0], ["1/9", 0, f"{C} + z"]],
            ([0, 1], [2]),
            (1, 0),
        ),
        # both sets: |x| = z - |y|
        (
            [
                [f"{C} + x", 0, 0, 0],
                [0, f"{C} - x", 0, 0],
                [0, 0, f"{C} + z + y", 0],
                [0, 0, 0, f"{C} + z - y"],
            ],
            ([0, 1], [2, 3]),
            (1, 0),
        ),
    ],
)
def test_lowest_crossing_at_a_kink(matrix, states, levels):
    # the energy on the seam is at least C ≥ 0 and has its corner at the origin
    shifted = [
        [str(e).replace("x", "(x-1/3)").replace("y", "(y+1/5)").replace("z", "(z-1)") for e in row]
        for row in matrix
    ]
    H = Hamiltonian.from_matrix(shifted, coordinates=["x", "y", "z"])
    found = minimum_energy_crossing(H, [0.9, 0.4, 0.1], states=states, levels=levels)
    np.testing.assert_allclose(found.position, [1 / 3, -1 / 5, 1], atol=1e-12)
    assert found.energy == pytest.approx(0, abs=1e-12)
    assert not found.smooth


@pytest.mark.slow
def test_kinks_of_a_model_without_couplings_against_linear_algebra():
    # H_n = ω·q²/2 + e_n + κ_n·q: every stationary point on which a choice of the surfaces meets
    frequencies = np.array([5e-3, 7e-3, 1.4e-2])
    energies = np.array([0.0, 0.0825, 0.0735, 0.1282])
    kappa = 1e-3 * np.array(
        [[1.3, -0.2, -1.3], [6.6, -2.8, -0.2], [5.3, -2.8, 0.1], [15, -4.2, 0.9]]
    )
    harmonic = " + ".join(f"{w}*q{a}**2/2" for a, w in enumerate(frequencies))
    terms = [(harmonic, np.eye(4)), (1, np.diag(energies))]
    terms += [(f"q{a}", np.diag(kappa[:, a])) for a in range(3)]
    H = Hamiltonian.from_terms(terms, coordinates=["q0", "q1", "q2"])

    def stationary(meeting):
        first, *others = meeting
        rows = np.array([kappa[n] - kappa[first] for n in others])
        count = len(others)
        system = np.block([[np.diag(frequencies), rows.T], [rows, np.zeros((count, count))]])
        right = np.r_[-kappa[first], [energies[first] - energies[n] for n in others]]
        return np.linalg.solve(system, right)[:3]

    for levels, meeting in (((0, 0), (0, 3)), ((0, 1), (0, 1, 2)), ((1, 0), (1, 2, 3))):
        found = minimum_energy_crossing(H, np.zeros(3), states=([0, 1], [2, 3]), levels=levels)
        expected = stationary(meeting)
        np.testing.assert_allclose(found.position, expected, atol=1e-9)
        first = meeting[0]
        value = frequencies @ expected**2 / 2 + energies[first] + kappa[first] @ expected
        assert found.energy == pytest.approx(value, rel=1e-10)
        assert found.smooth == (len(meeting) == 2)


def triplet_and_singlet():
    """A singlet and the components of a triplet, which spin–orbit coupling splits by λ²/Δ."""
    coupling = np.zeros((4, 4))
    coupling[0, 1], coupling[0, 3] = 5e-4, -5e-4
    return Hamiltonian.from_terms(
        [
            ("(x**2 + y**2)/400", np.eye(4)),
            (1, np.diag([0, 0.07, 0.07, 0.07]) + coupling + coupling.T),
            ("x", np.diag([1e-3, 5e-3, 5e-3, 5e-3])),
            ("y", np.diag([0, -2e-3, -2e-3, -2e-3])),
        ],
        coordinates=["x", "y"],
    )


def test_components_of_a_multiplet_do_not_intersect():
    H = triplet_and_singlet()
    for search in (find_intersection, minimum_energy_intersection):
        with pytest.raises(ConvergenceError, match="region"):
            search(H, [0.0, 0.0])
    found = find_intersections(H, [[-1e5, 1e5]] * 2, starts=40)
    assert len(found) == 0
    assert "region" in found.warnings[0]


@pytest.mark.parametrize("entries", [("x**2 - y**2", "2*x*y"), ("x**2", "0")])
def test_a_glancing_intersection_is_no_region(entries):
    # Renner–Teller: quadratic in both directions; and one that touches along a line
    H = Hamiltonian.from_terms([(entries[0], Z), (entries[1], X)], coordinates=["x", "y"])
    assert find_intersection(H, [0.1, 0.05])


def test_a_seam_without_a_minimum_in_the_box_is_hinted_at():
    H = Hamiltonian.from_terms(
        [("a + 1", Z), ("b - c", X), ("d", 0.3 * np.eye(2))], coordinates=["a", "b", "c", "d"]
    )
    found = find_intersections(H, [[-2, 2]] * 4, starts=10)
    assert len(found) == 0
    assert "minimum_energy_intersection" in str(found)
    assert "seam of dimension 2" in found.warnings[0]
    assert not find_intersections(H, [[-2, 2]] * 4, starts=10, seam="points").warnings


def sloping_seam(unit):
    """A straight seam, x = -1 and y = 0, along which the energy falls with slope 0.1."""
    return Hamiltonian.from_matrix(
        [
            [f"{unit}*((1 + x)/2 + z/10)", f"{unit}*0.4*y"],
            [f"{unit}*0.4*y", f"{unit}*(-(1 + x)/2 + z/10)"],
        ],
        coordinates=["x", "y", "z"],
    )


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_a_sloping_seam_has_no_lowest_point_in_any_unit(unit):
    with pytest.raises(ConvergenceError, match="no minimum"):
        minimum_energy_intersection(sloping_seam(unit), [0.0, 0.1, 0.0])
    found = find_intersections(sloping_seam(unit), [(-3, 3)] * 3, starts=3)
    assert len(found) == 0
    assert "no minimum in the box" in found.warnings[0]


@pytest.mark.parametrize("energy", ["y", "-y**2", "-y**4", "-y/10**6"])
def test_a_crossing_whose_energy_falls_without_end_has_no_lowest_point(energy):
    H = Hamiltonian.from_matrix(
        [[f"x + {energy}", "0"], ["0", f"-x + {energy}"]], coordinates=["x", "y"]
    )
    with pytest.raises(ConvergenceError, match="no minimum of the energy"):
        minimum_energy_crossing(H, [1.0, 0.3], states=([0], [1]))


def test_an_intersection_blurred_by_a_large_offset_is_one():
    H = Hamiltonian.from_matrix(
        [["(1 + x)/2 - 10**9", "0.4*y"], ["0.4*y", "-(1 + x)/2 - 10**9"]], coordinates=["x", "y"]
    )
    found = find_intersections(H, [(-3, 3)] * 2, starts=40)
    assert len(found) == 1
    assert np.allclose(found[0].position, [-1.0, 0.0], atol=1e-6)
