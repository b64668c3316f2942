"""Crossings that one diabatic state meets, and what the formula says of them, in units."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import formulas

MAGNET = ac.models.SpinInField(spin=4, anisotropy=-1.0, transverse_field=0.3)


@pytest.mark.parametrize(("state", "m"), [("m=4", 4), (1, 3), ("m=-4", -4)])
def test_a_state_meets_those_that_its_straight_line_crosses(state, m):
    found = ac.find_crossings(MAGNET, -8.5, 8.5)
    met = found.met_by(state)
    # The straight lines E = −m² + x m of m and n cross at x = m + n.
    expected = sorted(m + n for n in range(-4, 5) if n != m)
    assert np.allclose(met.positions, expected, atol=0.12)
    assert len(met) == 8 < len(found)
    assert met.hamiltonian is MAGNET
    assert np.allclose([c.centre_energy for c in met], -(m**2) + met.positions * m, atol=0.7)


def test_true_crossings_are_met_in_every_basis():
    flat = ac.models.SpinInField(spin=1, anisotropy=-1.0, transverse_field=0.0)
    found = ac.find_crossings(flat, -3.0, 3.0)
    assert [c.kind for c in found] == ["true"] * len(found)
    assert np.allclose(found.met_by("m=1").positions, [0.0, 1.0])
    assert np.allclose(found.met_by("m=0").positions, [-1.0, 1.0])
    assert np.allclose(found.met_by([1.0, 0.0, 0.0]).positions, [0.0, 1.0])


def test_many_levels_that_one_line_crosses():
    ladder = ac.models.DemkovOsherov(levels=np.arange(6.0), couplings=[0.05] * 5 + [1e-9])
    found = ac.find_crossings(ladder, -1.0, 6.0)
    assert len(found.met_by(0)) == len(found) == 6
    for k in range(1, 7):
        assert np.allclose(found.met_by(k).positions, [k - 1.0], atol=1e-2)


def test_copies_of_levels_share_a_state():
    doubled = ac.Hamiltonian.affine(
        np.kron([[0, 0.1], [0.1, 0]], np.eye(2)), np.kron(np.diag([1.0, -1.0]), np.eye(2))
    )
    found = ac.find_crossings(doubled, -1.0, 1.3)
    assert all(len(found.met_by(k)) == len(found) for k in range(4))


def test_unknown_states_are_refused():
    found = ac.find_crossings(MAGNET, -0.5, 1.5)
    for bad, told in (("m=5", "one of m=4"), (9, "level from 0 to 8"), (np.zeros(9), "norm")):
        with pytest.raises(ac.InputError, match=told):
            found.met_by(bad)
    with pytest.raises(ac.InputError, match="shape"):
        found.met_by([1.0, 0.0])


def test_the_formula_at_a_crossing_is_the_exact_passage_in_units():
    qubit = ac.models.FluxQubit(gap=0.05, persistent_current=150.0)
    (crossing,) = ac.find_crossings(qubit, -1.0, 1.3)
    for speed in (1e-3, -5e-3):  # mΦ₀/ns
        found = formulas.landau_zener_at(crossing, speed)
        reach = 9 * np.sign(speed)
        exact = ac.propagate(qubit, ac.drive.Linear(-reach, reach, rate=speed))
        assert found.value == pytest.approx(float(exact.transition_matrix[1, 0]), abs=2e-5)
    many = formulas.landau_zener_at(crossing, [1e-3, 5e-3], window=100.0)
    assert many.value.shape == (2,)
    other = qubit.with_units(ac.Units("GHz", "us", "mPhi0"))
    (same,) = ac.find_crossings(other, -1.0, 1.3)
    assert formulas.landau_zener_at(same, 1.0).value == pytest.approx(many.value[0], rel=1e-12)


def test_the_third_level_is_checked_in_the_units_of_the_crossing():
    ladder = ac.models.DemkovOsherov(levels=[0.0, 1.0], couplings=[0.02, 0.02])
    first = ac.find_crossings(ladder.with_units(ac.Units("GHz", "ns")), -1.0, 2.0)[0]
    slow, fast = (formulas.landau_zener_at(first, speed) for speed in (0.01, 100.0))
    assert slow.valid
    assert not fast.valid
    given = formulas.landau_zener_at(first, 0.01, third_level_distance=1e-3)
    assert not given.valid
    truly = ac.find_crossings(ac.models.SpinInField(spin=0.5, transverse_field=0.0), -1.0, 1.3)[0]
    assert formulas.landau_zener_at(truly, 2.0).value == 1.0
    for bad in (0.0, [1.0, 0.0], np.nan):
        with pytest.raises(ac.InputError):
            formulas.landau_zener_at(first, bad)
