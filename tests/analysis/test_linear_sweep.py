"""What is known exactly of any linear sweep, against propagation and solvable models."""

import math

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.analysis import linear_sweep_constraints
from tests.effort import slow
from tests.systems import random_hermitian, random_unitary


def sweep_of(slopes, seed, size=0.3, offset=0.0):
    generator = np.random.default_rng(seed)
    levels = len(slopes)
    basis = random_unitary(generator, levels)
    constant = size * random_hermitian(generator, levels)
    constant = basis @ constant @ basis.conj().T + offset * np.eye(levels)
    return ac.Hamiltonian.affine(constant, basis @ np.diag(slopes) @ basis.conj().T)


@pytest.mark.parametrize(
    ("slopes", "forbidden"),
    [
        ((1.0, 0.4, -0.3, -1.0), 0),
        slow((1.0, 1.0, 0.2, -0.5, -0.5), 2),
        slow((1.0, 1.0, 1.0, -1.0, -1.0), 4),
        slow(tuple(np.linspace(2, -2, 7)), 0),
    ],
)
def test_constraints_hold_in_sweeps_that_nobody_can_solve(slopes, forbidden):
    found = linear_sweep_constraints(sweep_of(slopes, seed=len(slopes)))
    assert found.largest_difference < 1e-10
    assert np.count_nonzero(found.kind == "no-go") == forbidden
    assert np.all(found.exact[found.kind == "no-go"] < 1e-18)
    assert np.count_nonzero(found.kind == "hierarchy") == len(slopes) - 1
    # They say something: none is met by a sweep that does nothing.
    assert np.all(found.predicted < 0.95)


def test_one_level_through_many_has_all_its_known_products():
    levels, couplings = [-2.0, 0.0, 2.0], [0.3, 0.4, 0.5]
    found = linear_sweep_constraints(ac.models.DemkovOsherov(levels=levels, couplings=couplings))
    keep = np.exp(-2 * np.pi * np.square(couplings))
    survivals = found.predicted[found.kind == "survival"]
    assert np.sort(survivals) == pytest.approx(np.sort([*keep, np.prod(keep)]), rel=1e-12)
    assert found.largest_difference < 1e-11


def test_degenerate_levels_of_a_band_are_turned_to_what_the_others_pull():
    # Two parallel levels of equal energy, met by one: only one combination couples.
    coupled = np.zeros((3, 3))
    coupled[0, 2] = coupled[2, 0] = 0.3
    coupled[1, 2] = coupled[2, 1] = 0.4
    found = linear_sweep_constraints(ac.Hamiltonian.affine(coupled, np.diag([0.0, 0.0, 1.0])))
    law = math.exp(-2 * math.pi * 0.25)
    survivals = found.predicted[found.kind == "survival"]
    assert np.sort(survivals) == pytest.approx([law, law, 1.0], rel=1e-12)
    assert found.largest_difference < 1e-8


@pytest.mark.slow
def test_rates_offsets_and_units_scale_as_they_must():
    hamiltonian = sweep_of((1.0, 0.1, -1.0), seed=5)
    plain = linear_sweep_constraints(hamiltonian, sweep_rate=0.7)
    fast = linear_sweep_constraints(hamiltonian, sweep_rate=700.0)
    assert np.log(fast.predicted) == pytest.approx(np.log(plain.predicted) / 1000, rel=1e-9)
    assert fast.largest_difference < 1e-10
    shifted = linear_sweep_constraints(
        sweep_of((1.0, 0.1, -1.0), seed=5, offset=3e4), sweep_rate=0.7
    )
    assert shifted.predicted == pytest.approx(plain.predicted, rel=1e-8)
    assert shifted.largest_difference < 1e-7
    tiny = ac.Hamiltonian.affine(
        1e-100 * hamiltonian(0.0), 1e-100 * (hamiltonian(1.0) - hamiltonian(0.0))
    )
    small = linear_sweep_constraints(tiny, sweep_rate=0.7e-100)
    assert small.predicted == pytest.approx(plain.predicted, rel=1e-9)
    assert small.largest_difference < 1e-9


@pytest.mark.parametrize(
    ("hamiltonian", "message"),
    [
        (ac.Hamiltonian.from_matrix([["x**2", 0.1], [0.1, "-x"]]), "linear in its coordinate"),
        (ac.Hamiltonian.affine(np.eye(2), np.eye(2)), "slopes are equal"),
        (ac.models.LandauZener(gap=[1.0, 2.0]), "single parameter point"),
        (3, "Hamiltonian"),
    ],
)
def test_what_is_no_linear_sweep_is_refused_in_one_line(hamiltonian, message):
    with pytest.raises(ac.InputError, match=message):
        linear_sweep_constraints(hamiltonian)


def test_it_prints_a_line_for_each(tmp_path):
    found = linear_sweep_constraints(ac.models.LandauZener(gap=1.0))
    assert len(str(found).splitlines()) == 4
    assert found.predicted == pytest.approx([math.exp(-math.pi / 2)] * 2 + [math.exp(-math.pi / 4)])
