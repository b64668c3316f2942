"""Multiplets, generalised bow-ties, parabolas inside `passage`; references by Magnus steps."""

import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow
from tests.systems import schroedinger


def right(constant, slopes, initial, window, basis="diabatic"):
    """Final probabilities by Magnus steps, with NumPy alone."""
    constant, slopes = np.asarray(constant), np.asarray(slopes)
    u = schroedinger.propagator(lambda t: constant + t * slopes, -window, window, tolerance=1e-9)
    if basis == "adiabatic":
        first, last = (np.linalg.eigh(constant + t * slopes)[1] for t in (-window, window))
        u = last.conj().T @ u @ first
    return np.abs(u[:, initial]) ** 2


def first_of(result):
    found = result.predictions[0]
    return found.name, found.valid, found.probabilities


@pytest.mark.parametrize("state", [0, slow(2)])
def test_a_singlet_through_a_triplet_beside_a_spectator(state):
    """S₂ crosses both uncoupled; the read-out is in the states with m = −1, 0, 1."""
    h = ac.models.SingletTripletCrossing(
        spin_orbit=[0.2, 0.1, 0.3], internal_coupling=0.0, triplet_position=0.0
    )
    result = ac.passage(h, ac.drive.Linear(-300, 300, rate=1.0), initial=state, basis="diabatic")
    name, valid, found = first_of(result)
    assert (name, valid) == ("Demkov–Osherov", True)
    assert np.abs(found - result.exact.probabilities).max() < 3e-3
    assert not any("abruptly" in note for note in result.warnings)  # equal levels mix for no reason
    strength = 0.2**2 + 0.1**2 + 0.3**2
    if state == 0:
        assert found[0] == pytest.approx(np.exp(-2 * np.pi * strength / 0.5), rel=1e-12)


def test_two_multiplets_are_recognised():
    v = 0.3 * np.array([[0.6, 0.8j], [0.8j, 0.6]])  # equal effective couplings
    constant = np.zeros((4, 4), dtype=complex)
    constant[:2, 2:], constant[2:, :2] = v, v.conj().T
    order = [2, 0, 3, 1]
    constant, slopes = constant[np.ix_(order, order)], np.diag(np.array([1.0, 1, -1, -1])[order])
    h = ac.Hamiltonian.affine(constant, slopes)
    result = ac.passage(h, ac.drive.Linear(-50, 50, rate=1.0), initial=1, basis="diabatic")
    name, valid, found = first_of(result)
    assert (name, valid) == ("two multiplets", True)
    # a diabatic read-out converges as g/αT
    assert np.abs(found - right(constant, slopes, 1, 50.0)).max() < 8e-3
    assert np.count_nonzero(found > 1e-3) == 3


def test_unequal_effective_couplings_are_outside_between_sublevels():
    constant = np.zeros((4, 4))
    constant[:2, 2:] = [[0.05, 0.2], [0.03, 0.3]]
    constant += constant.T
    h = ac.Hamiltonian.affine(constant, np.diag([0.5, 0.5, -0.5, -0.5]))
    result = ac.passage(h, ac.drive.Linear(-400, 400, rate=1.0), basis="diabatic")
    name, valid, _ = first_of(result)
    assert (name, valid) == ("two multiplets", False)
    assert "swing" in result.predictions[0].warnings[0]


@pytest.mark.parametrize("basis", ["adiabatic", slow("diabatic")])
def test_generalised_bow_tie_is_recognised(basis):
    h = ac.models.BowTie(slopes=[1.0, -0.6], couplings=[0.4, 0.3], offset=1.0)
    constant, slopes = h(0.0), h(1.0) - h(0.0)
    order = [2, 1, 3, 0]
    constant, slopes = (m[np.ix_(order, order)] for m in (constant, slopes))
    phase = np.exp(1j * np.array([0.3, 1.0, -0.7, 2.0]))
    constant = phase[:, None] * constant * phase.conj() + 0.2 * np.eye(4)
    h = ac.Hamiltonian.affine(constant, slopes)
    result = ac.passage(h, ac.drive.Linear(-80, 80, rate=1.0), initial=1, basis=basis)
    name, valid, found = first_of(result)
    assert (name, valid) == ("generalised bow-tie", True)
    assert np.abs(found - right(constant, slopes, 1, 80.0, basis)).max() < 5e-3


def test_two_flat_levels_coupled_differently_are_no_bow_tie():
    constant = np.array(
        [[1.0, 0, 0.3, 0.2], [0, -1, 0.3, -0.2], [0.3, 0.3, 0, 0], [0.2, -0.2, 0, 0]]
    )
    h = ac.Hamiltonian.affine(constant, np.diag([0.0, 0, 1, -0.6]))
    result = ac.passage(h, ac.drive.Linear(-80, 80, rate=1.0))
    assert "generalised bow-tie" not in {p.name for p in result.predictions}


@pytest.mark.parametrize(("gap", "depth"), [(0.4, -2.0), slow(1.0, 4.0), slow(0.2, 0.0)])
def test_parabola_is_recognised(gap, depth):
    h = ac.Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": gap})
    drive = ac.drive.Formula("3*(t - 1)**2/5 - b + 0*t", -15, 15, b=depth)
    result = ac.passage(h, drive)
    name, valid, found = first_of(result)
    assert (name, valid) == ("parabolic sweep", True)

    def matrix(t):
        e = 0.6 * (t - 1) ** 2 - depth
        return 0.5 * np.array([[e, gap], [gap, -e]])

    u = schroedinger.propagator(matrix, -15, 15, tolerance=1e-9)
    first, last = (np.linalg.eigh(matrix(t))[1] for t in (-15, 15))
    exact = np.abs(last.T @ u @ first)[1, 0] ** 2
    assert found[1] == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(("power", "gap"), [(4, 4.0), slow(3, 3.0), slow(6, 4.0)])
def test_powers_are_recognised(power, gap):
    h = ac.Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": gap})
    drive = ac.drive.Formula(f"(t - 1/2)**{power}", -9.5, 10.0)
    result = ac.passage(h, drive)
    name, valid, found = first_of(result)
    assert (name, valid) == ("power-law sweep", True)
    assert found[1] == pytest.approx(float(result.exact.probabilities[1]), rel=0.05)


@pytest.mark.slow
def test_half_a_parabola_and_lines_are_no_parabola():
    h = ac.models.LandauZener(gap=0.4)
    for formula, start in (
        ("t**2 - 9", 0.5),
        ("t + 1e-12*t**2", -9),
        ("t**3 + t", -9),
        ("t**4", 0.5),
    ):
        names = {p.name for p in ac.passage(h, ac.drive.Formula(formula, start, 9)).predictions}
        assert not names & {"parabolic sweep", "power-law sweep"}
