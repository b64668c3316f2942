"""Vibrations within a seam: a real molecule, a model solved by hand, what does not matter."""

import json
from pathlib import Path

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.molecules.rates import crossing_modes

FILE = Path(__file__).parents[2] / "reference_data" / "cyclopropene_crossing.json"
KNOWN = json.loads(FILE.read_text())
AMU, KCAL, WAVENUMBER = 1822.888486, 627.5095, 219474.6313632
GIVEN = {
    "gradients": np.array(KNOWN["gradients"]),
    "hessians": np.array(KNOWN["hessians"]),
    "masses": AMU * np.array(KNOWN["masses"]),
    "positions": np.array(KNOWN["positions"]),
}


def test_cyclopropene():
    found = crossing_modes(**GIVEN)
    zero_point = found.states().zero_point_energy
    assert KCAL * zero_point == pytest.approx(KNOWN["zero_point_energy"], abs=0.01)
    assert found.frequencies.size == 14
    assert not found.warnings
    # the same molecule in another program, B3LYP/cc-pVTZ as well: NAST, exam06.inp
    frequencies = [398.73, 621.58, 797.23, 859.71, 946.53, 1001.69, 1131.98, 1181.83, 1290.27]
    np.testing.assert_allclose(WAVENUMBER * found.frequencies[:9], frequencies, rtol=0.05)
    assert found.slopes[0] - found.slopes[1] == pytest.approx(0.1448587475, rel=1e-3)
    assert np.sqrt(np.prod(found.slopes)) == pytest.approx(0.1230205008, rel=5e-3)


def test_slope_and_mass_belong_together():
    """The reduced mass that NAST prints, of a normal mode, is not that of its slopes."""
    found = crossing_modes(**GIVEN)
    mass = np.repeat(GIVEN["masses"], 3)
    difference = GIVEN["gradients"][0] - GIVEN["gradients"][1]
    speed = (found.slopes[0] - found.slopes[1]) / np.sqrt(found.reduced_mass)
    assert speed == pytest.approx(np.linalg.norm(difference / np.sqrt(mass)), rel=1e-12)
    direction = difference / np.sqrt(mass)
    direction /= np.linalg.norm(direction)
    normal = 1 / np.sum(direction**2 / mass)
    assert normal / AMU == pytest.approx(KNOWN["reduced_mass"], abs=1e-4)
    assert found.reduced_mass / normal > 3


def test_orientation_and_constants_do_not_matter():
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn = np.kron(np.eye(7), rotation)
    turned = crossing_modes(
        gradients=GIVEN["gradients"] @ turn.T,
        hessians=turn @ GIVEN["hessians"] @ turn.T,
        masses=GIVEN["masses"],
        positions=GIVEN["positions"] @ rotation.T + 3.0,
    )
    found = crossing_modes(**GIVEN)
    np.testing.assert_allclose(turned.frequencies, found.frequencies, rtol=1e-8)
    np.testing.assert_allclose(turned.slopes, found.slopes, rtol=1e-10)
    np.testing.assert_allclose(turned.rotational_constants, found.rotational_constants, rtol=1e-9)
    swapped = crossing_modes(
        **GIVEN | {name: GIVEN[name][::-1] for name in ("gradients", "hessians")}
    )
    np.testing.assert_allclose(swapped.frequencies, found.frequencies, rtol=1e-9)


def test_a_linear_molecule_by_hand():
    """Three atoms on a line: the symmetric stretch crosses, the others stay, with mixed springs."""
    masses = np.array([3.0, 5.0, 3.0])
    stretch = np.zeros((2, 9))
    stretch[0, [2, 5]] = [-1, 1]
    stretch[1, [5, 8]] = [-1, 1]
    bend = np.zeros((2, 9))
    bend[0, [0, 3, 6]] = bend[1, [1, 4, 7]] = [1, -2, 1]
    springs = np.array([[0.5, 0.02], [0.8, 0.05]])
    hessians = [a * stretch.T @ stretch + b * bend.T @ bend for a, b in springs]
    symmetric = stretch.sum(axis=0)
    found = crossing_modes(
        gradients=[0.3 * symmetric, -0.1 * symmetric],
        hessians=hessians,
        masses=masses,
        positions=[[0, 0, -2], [0, 0, 0], [0, 0, 2]],
    )
    # λ = 3/4: springs 1/4 of the first, 3/4 of the second; antisymmetric stretch and two bends
    spring, bent = 0.25 * springs[0] + 0.75 * springs[1]
    expected = np.sqrt(sorted([bent * (2 / 3 + 4 / 5)] * 2 + [spring * (1 / 3 + 2 / 5)]))
    np.testing.assert_allclose(found.frequencies, expected, rtol=1e-10)
    np.testing.assert_allclose(found.rotational_constants, [1 / (2 * 2 * 3 * 4)], rtol=1e-12)
    assert found.reduced_mass == pytest.approx(3.0)


def test_doubts_and_refusals():
    bent = GIVEN["gradients"].copy()
    bent[0] += 0.05 * np.sin(np.arange(21))
    found = crossing_modes(**GIVEN | {"gradients": bent})
    assert "no minimum of the seam" in found.warnings[0]
    with pytest.raises(InputError, match="imaginary"):
        crossing_modes(**GIVEN | {"hessians": -GIVEN["hessians"]}).states()
    for change, text in (
        ({"gradients": bent[[0, 0]]}, "`gradients` must differ"),
        ({"gradients": bent[0]}, "`gradients` must"),
        ({"hessians": GIVEN["hessians"] + np.triu(np.ones((21, 21)))}, "symmetric"),
        ({"masses": [0.0] * 7}, "`masses` must be positive"),
        ({"masses": 1.0}, "`masses` must be a list"),
        ({"positions": np.zeros((6, 3))}, "`positions`"),
    ):
        with pytest.raises(InputError, match=text):
            crossing_modes(**GIVEN | change)
