"""One quick straight line: what is looked at together is what is looked at one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import _quick_line, direct, readout, unitary
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import Request
from anticrossing.spectrum import Symmetry
from tests.dynamics.test_direct import gaussian


def generic(levels, *, real=False, common=(0.0, 0.0)):
    constant, slope = (gaussian(levels, seed, real=real) for seed in (1, 2))
    offset, tilt = (energy * np.eye(levels) for energy in common)
    return ac.Hamiltonian.affine(constant + offset, slope + tilt, units=ac.Units("MHz", "us"))


def superposition(levels):
    vector = np.exp(1j * np.arange(levels))
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("levels", [2, 3, 7, 20, 64])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
def test_a_quick_line_is_followed_as_any_other(levels, whole, basis, monkeypatch):
    sweep = ac.drive.Linear(-1, 2, rate=30.0)
    hamiltonians = [
        generic(levels),
        generic(levels, real=True, common=(0.0, 1e3)),
        generic(levels, common=(1e4, -3.0)),
    ]
    for hamiltonian in hamiltonians:
        for initial in (0, levels - 1, superposition(levels)):
            given = {"whole": whole, "basis": basis, "initial": initial, "tolerance": 1e-9}
            assert _quick_line.follow(Request(hamiltonian, sweep, **given)) is not None
            found = ac.propagate(hamiltonian, sweep, **given)
            with monkeypatch.context() as patch:
                patch.setattr(unitary._quick_line, "follow", lambda request: None)
                wanted = ac.propagate(hamiltonian, sweep, **given)
            assert found.method == direct.METHOD
            assert levels == 2 or wanted.method == direct.METHOD  # two have panels of their own
            assert found.sectors == wanted.sectors
            # The panels of two levels add up their common energy, steps bound it by its largest.
            assert -1e-9 < found.phase / wanted.phase - 1 < (1.0 if levels == 2 else 0.5)
            error = float(wanted.error_estimate)
            assert float(found.error_estimate) < 2 * error + 2e-11
            if levels == 2:
                error = float(found.error_estimate)
            assert float(found.error_estimate) > 0.5 * error
            for name in ("probabilities", "final_state", "transition_matrix", "propagator"):
                one, other = getattr(found, name), getattr(wanted, name)
                assert (one is None) == (other is None)
                if one is not None:
                    assert one.shape == other.shape
                    assert one.dtype == other.dtype
                    # Phases of large energies, in states alone, are known no better.
                    assert np.max(np.abs(one - other)) < error + 2 * float(found.phase_error)


def test_what_is_not_plain_is_left_to_others():
    sweep, hamiltonian = ac.drive.Linear(-1, 1, rate=20.0), generic(4)
    for request in (
        Request(hamiltonian, sweep, times=[0.0]),
        Request(hamiltonian, sweep, breakpoints=[0.01]),
        Request(hamiltonian, sweep, basis="superadiabatic"),
        Request(hamiltonian, ac.drive.Linear(-1, 1, rate=[20.0, 30.0])),
        Request(hamiltonian, ac.drive.Linear(-1, 1, rate=1e-6)),
        Request(hamiltonian, sweep, symmetry=Symmetry(("even",) * 4)),
        Request(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-99, 99, rate=20.0)),
        Request(ac.models.TransverseIsing(sites=3), ac.drive.Linear(2, 0.5, rate=-20)),
    ):
        assert _quick_line.follow(request) is None
    assert _quick_line.follow(Request(hamiltonian, sweep)) is not None


def test_sectors_and_degenerate_ends_are_found_all_the_same():
    coupled = np.zeros((4, 4))
    coupled[:2, :2], coupled[2:, 2:] = [[0.3, 1], [1, -0.2]], [[0.1, 2], [2, 0.7]]
    apart = ac.Hamiltonian.affine(coupled, np.diag([1.0, -1.0, 2.0, 0.5]))
    assert ac.propagate(apart, ac.drive.Linear(-1, 1, rate=50.0)).sectors == (2, 2)
    ends = np.diag([0.0, 1.0, 1.0, 3.0])
    touching = ac.Hamiltonian.affine(ends + gaussian(4, 3), gaussian(4, 3))
    found = ac.propagate(touching, ac.drive.Linear(-1, 1, rate=50.0))
    assert readout.DEGENERATE in found.warnings


@pytest.mark.parametrize("levels", [3, 8, 40])
def test_the_widest_bound_on_rounding_is_one(levels):
    rng = np.random.default_rng(levels)
    for far in (1.0, 1e3, 1e6):
        constant = gaussian(levels, 1) + far * np.diag(np.arange(levels) > levels - 2)
        hamiltonian = ac.Hamiltonian.affine(constant, gaussian(levels, 2))
        lanes = Lanes.of(hamiltonian, ac.drive.Linear(-3, 3, rate=0.5))
        largest, energies = lanes.ends.largest[0], lanes.ends.energies[0]
        widest = readout.doubt_of_norms(
            levels, largest, np.diff(energies).min(axis=-1), lanes.most_unknown[0, [0, -1]]
        )
        for level in (None, 0, levels - 1):
            sizes = np.abs(rng.normal(size=(1, 1, levels, 1 if level is None else levels)))
            sizes /= np.linalg.norm(sizes, axis=2, keepdims=True)
            narrow = readout.doubt(lanes, "adiabatic", lanes.stop[:, None], sizes, level)
            assert narrow[0] <= widest < np.inf


def test_energies_that_no_double_squares_are_followed_too():
    for scale in (1e-180, 1e140):
        hamiltonian = ac.Hamiltonian.affine(scale * gaussian(3, 1), scale * gaussian(3, 2))
        sweep = ac.drive.Linear(-2, 2, rate=10 * scale)
        assert _quick_line.follow(Request(hamiltonian, sweep)) is not None
        found = ac.propagate(hamiltonian, sweep)
        unit = ac.Hamiltonian.affine(gaussian(3, 1), gaussian(3, 2))
        wanted = ac.propagate(unit, ac.drive.Linear(-2, 2, rate=10.0))
        assert np.max(np.abs(found.probabilities - wanted.probabilities)) < 1e-12
        assert not found.warnings


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("scale", [1e-200, 1e-170, 1.0, 1e140])
def test_close_levels_at_an_end_are_told_at_any_energy(scale, whole):
    slope = gaussian(3, 2)
    constant = np.diag([0.0, 1e-11, 1.0]) - slope  # at x = 1 two levels are a billionth apart
    hamiltonian = ac.Hamiltonian.affine(scale * constant, scale * slope)
    sweep = ac.drive.Linear(-1, 1, rate=10 * scale)
    found = ac.propagate(hamiltonian, sweep, whole=whole)
    assert 1e-7 < found.error_estimate < 1e-2
    assert found.warnings


def test_what_superpositions_leave_open_is_counted_with_all_levels():
    H, sweep = ac.models.LandauZener(gap=3.0), ac.drive.Linear(-1, 1, rate=1.0)
    given = {"basis": "superadiabatic", "initial": np.sqrt([0.5, 0.5]), "tolerance": 1e-6}
    # From a level hardly anything moves; a superposition may.
    level = ac.propagate(H, sweep, basis="superadiabatic", tolerance=1e-6)
    found = ac.propagate(H, sweep, **given)
    assert level.readout_residual < 1e-3
    for order in range(2, 9):  # about as good at the ends
        other = ac.propagate(H, sweep, order=order, **given).probabilities
        assert np.max(np.abs(other - found.probabilities)) < found.error_estimate
    assert found.error_estimate > 5 * level.error_estimate


@pytest.mark.parametrize("coupling", [1e-9, 3e-9])
def test_which_of_two_levels_is_lower_may_hang_on_the_last_digit_of_x(coupling):
    slope, far = np.diag([1.0, -0.7, 0.2]), 1e8
    constant = np.array([[0, coupling, 0.5], [coupling, 0, 0], [0.5, 0, 3.0]])
    # Two levels meet where 0.6 x + 1.5 − √((1.5 − 0.4 x)² + ¼) = −0.7 x.
    (crossing,) = (x for x in np.roots([1.53, 5.1, -0.25]).real if x > 0)
    hamiltonian, found = ac.Hamiltonian.affine(constant - far * slope, slope), []
    for digit in range(-3, 4):
        stop = far + crossing + digit * np.spacing(far)
        sweep = ac.drive.Linear(far - 1, stop, rate=1e4)
        found.append(ac.propagate(hamiltonian, sweep, tolerance=1e-6, whole=False))
    moved = [abs(b.probabilities[0] - a.probabilities[0]) for a, b in itertools.pairwise(found)]
    assert max(moved) > 0.5
    for jump, before, after in zip(moved, found, found[1:], strict=False):
        assert jump < min(before.error_estimate, after.error_estimate)
