"""Solvable families inside `passage`, and domains of expansions; references by Magnus steps."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.environment import Dephasing
from anticrossing.formulas import dykhne_davis_pechukas
from tests.effort import slow
from tests.systems import schroedinger

GAP = 0.8 / np.sqrt(2)
CASES = {
    "spin 1": ([[0, GAP, 0], [GAP, 0, GAP], [0, GAP, 0]], [1.0, 0, -1]),
    "Demkov–Osherov": ([[0, 0.3, 0.2], [0.3, -3, 0], [0.2, 0, 3]], [1.0, 0, 0]),
    "bow-tie": ([[0, 0.3, 0.2], [0.3, 0, 0], [0.2, 0, 0]], [0, 1.0, -2.0]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("order", [slow([0, 1, 2]), [2, 0, 1]])
def test_family_is_recognised_and_offered_first(name, order):
    constant, slopes = (np.array(a, dtype=complex) for a in CASES[name])
    phase = np.exp(1j * np.array([0.3, 1.0, -0.7]))
    constant = (phase[:, None] * constant * phase.conj())[np.ix_(order, order)]
    slopes = np.diag(slopes[order])
    h = ac.Hamiltonian.affine(constant, slopes)
    result = ac.passage(h, ac.drive.Linear(-60, 60, rate=1.0))
    start = np.linalg.eigh(constant - 60 * slopes)[1][:, 0]
    u = schroedinger.propagator(lambda t: constant + t * slopes, -60, 60, tolerance=1e-9)
    end = u @ start
    right = np.abs(np.linalg.eigh(constant + 60 * slopes)[1].conj().T @ end) ** 2
    first = result.predictions[0]
    assert first.name == name
    assert first.valid
    assert first.probabilities == pytest.approx(right, abs=1e-4)


def test_other_matrices_are_not_a_family():
    constant = np.array([[0, GAP, 0], [GAP, 0, 1.01 * GAP], [0, 1.01 * GAP, 0]])
    bent = constant + np.diag([0, 0.1, 0])
    drive = ac.drive.Linear(-60, 60, rate=1.0)
    names = {
        p.name
        for p in ac.passage(ac.Hamiltonian.affine(bent, np.diag([1.0, 0, -1])), drive).predictions
    }
    assert not names & set(CASES)


@pytest.mark.parametrize("stop", [3.0, *map(slow, np.linspace(5.5, 17.5, 6)), 20.0])
def test_split_accepts_its_own_nodes(stop):
    h = ac.models.LandauZener(gap=1.0)
    split = ac.coherent_incoherent_split(h, ac.drive.Linear(-stop, stop, rate=0.3), Dephasing(0.3))
    assert split.integral == pytest.approx(split.incoherent, abs=1e-3)


def test_expansions_say_that_they_are_not_small():
    h, sweep = ac.models.LandauZener(gap=0.05), ac.drive.Linear(-5, 5, rate=0.1)
    assert ac.adiabatic_expansion(h, sweep, Dephasing(0.5)).warnings
    assert ac.coherent_incoherent_split(h, sweep, Dephasing(0.5)).warnings
    slow = ac.drive.Linear(-100, 100, rate=0.01)
    wide = ac.models.LandauZener(gap=1.0)
    assert not ac.adiabatic_expansion(wide, slow, Dephasing(0.5)).warnings


def test_two_zeros_that_are_not_small_are_outside():
    found = dykhne_davis_pechukas(detuning="0.05*t**2-3", coupling="1")
    assert found.zeros.size == 2
    assert not found.valid


def test_signs_of_a_chirped_pulse_come_from_h():
    # Both zeros count with the sign of the coupling: 1.396e-6; the gap alone gives 2.9e-5.
    from anticrossing.analysis.single_crossing import _gap_functions

    h = ac.Hamiltonian.from_matrix([["10*x", "5*exp(-x**2)"], ["5*exp(-x**2)", "-10*x"]])
    drive = ac.drive.Linear(-6, 6, rate=1.0)
    found = dykhne_davis_pechukas(**_gap_functions(h, drive), window=(-6, 6))
    assert float(found) == pytest.approx(1.3955e-6, rel=1e-3)
