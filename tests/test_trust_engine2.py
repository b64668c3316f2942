"""Exact answers where they are easy to get silently wrong, the second part."""

import numpy as np
import pytest

import anticrossing as ac


@pytest.mark.parametrize("end", [0.1, 2.0, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("unit", [1.0, 1.9, 3.7, 1e160])
def test_superadiabatic_states_of_a_short_window_say_how_far_they_still_couple(end, unit):
    """exp(−π/2) is the limit of long windows, whatever the unit.

    Orders of the expansion beyond the digits of the derivatives looked as if nothing coupled.
    """
    H = ac.Hamiltonian.affine([[0, unit / 2], [unit / 2, 0]], np.diag([0.5, -0.5]) * unit)
    drive = ac.drive.Linear(-end, end, rate=unit)
    result = ac.propagate(H, drive, basis="superadiabatic")
    off = abs(result.transition_matrix[1, 0] - np.exp(-np.pi / 2))
    assert off < 7 * result.readout_residual
    assert result.readout_residual < 0.2
    assert any("still couple" in note for note in result.warnings)


@pytest.mark.parametrize("end", [9.0, 12.0, 30.0, 1000.0])
def test_superadiabatic_states_of_a_long_window_reach_the_limit(end):
    drive = ac.drive.Linear(-end, end, rate=1.0)
    result = ac.propagate(ac.models.LandauZener(gap=1.0), drive, basis="superadiabatic")
    assert abs(result.transition_matrix[1, 0] - np.exp(-np.pi / 2)) < 1e-10
    assert result.warnings == ()


def test_superadiabatic_states_of_a_window_of_no_length_are_not_known():
    """The mixing angle left is dθ/dt over the gap, 1/2 at a crossing of rate 1 and gap 1."""
    for end in (1e-3, 1e-6, 1e-9):
        drive = ac.drive.Linear(-end, end, rate=1.0)
        result = ac.propagate(ac.models.LandauZener(gap=1.0), drive, basis="superadiabatic")
        assert result.readout_residual > 0.05
        assert result.warnings


def test_degenerate_ends_are_noted_once_and_couple_nothing():
    """Kramers doublets pass each other in some basis: all within a doublet is a choice."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    constant, slope = (
        turn @ np.kron(m, np.eye(2)) @ turn.T for m in ([[0, 0.5], [0.5, 0]], np.diag([0.5, -0.5]))
    )
    result = ac.propagate(
        ac.Hamiltonian.affine(constant, slope),
        ac.drive.Linear(-1000, 1000, rate=1.0),
        basis="superadiabatic",
    )
    jumped = result.transition_matrix[2:, 0].sum()
    assert jumped == pytest.approx(np.exp(-np.pi / 2), abs=1e-10)
    assert len(result.warnings) == 1
    assert "degenerate" in result.warnings[0]
