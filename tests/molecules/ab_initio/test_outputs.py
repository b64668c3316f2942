"""Scans from outputs of programs: energies as the program printed them, mistakes in one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.molecules.ab_initio import scan_of_outputs

cclib = pytest.importorskip("cclib")
EV = 1 / cclib.parser.utils.convertor(1.0, "eV", "hartree")
CM = 1 / cclib.parser.utils.convertor(1.0, "wavenumber", "hartree")


def output(r: float, **changes: object) -> SimpleNamespace:
    """What cclib makes of a program that printed two levels with a gap of √(r² + 0.01)."""
    gap = np.hypot(r - 3.0, 0.1)
    found = {
        "metadata": {},
        "scfenergies": np.array([0.0, -100.0 * EV]),
        "mpenergies": np.array([[-1.0], [(-100.5 - gap / 2) * EV]]),
        "etenergies": np.array([gap, 3.0]) * CM,
        "atomcoords": np.array([[[0, 0, 0], [0, 0, r / 1.8897261245], [5, 5, 5]]]),
    }
    return SimpleNamespace(**(found | changes))


R = np.linspace(1.0, 5.0, 21)


def test_energies_are_those_of_the_program() -> None:
    scan = scan_of_outputs([output(r) for r in R[::-1]], (0, 1), states=2)
    np.testing.assert_allclose(scan.x, R, rtol=1e-12)
    gap = np.hypot(R - 3.0, 0.1)
    np.testing.assert_allclose(scan.energies[:, 0], -100.5 - gap / 2, rtol=1e-14)
    np.testing.assert_allclose(scan.energies[:, 1], -100.5 + gap / 2, rtol=1e-14)
    assert scan.units.energy == "hartree"
    found = scan.crossings(error=0.0)
    assert found.gaps == pytest.approx([0.1], abs=1e-9)
    assert found.positions == pytest.approx([3.0], abs=1e-9)


def test_coordinates_and_states_given() -> None:
    scan = scan_of_outputs([output(r) for r in R], 10 * R)
    assert scan.energies.shape == (21, 3)
    assert scan.x.tolist() == (10 * R).tolist()


def test_multiplicities_are_kept_apart() -> None:
    both = [output(r, mult=1, etsyms=["Singlet-A", "Triplet-B"]) for r in R]
    with pytest.raises(InputError, match=r"outputs\[0\] holds states of several.*singlet, triplet"):
        scan_of_outputs(both, (0, 1))
    singlets = scan_of_outputs(both, (0, 1), multiplicity="singlet")
    assert singlets.energies.shape == (21, 2)
    triplets = scan_of_outputs(both, (0, 1), multiplicity="triplet")
    np.testing.assert_allclose(triplets.energies[:, 0], singlets.energies[:, 0] + 3.0, rtol=1e-13)
    with pytest.raises(InputError, match="of quintet kind"):
        scan_of_outputs(both, (0, 1), multiplicity="quintet")
    with pytest.raises(InputError, match="does not say"):
        scan_of_outputs([output(r) for r in R], (0, 1), multiplicity="triplet")
    with pytest.raises(InputError, match="did you mean `triplet`"):
        scan_of_outputs(both, (0, 1), multiplicity="triplets")


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    good = [output(r) for r in R]
    few = output(1.0, etenergies=np.array([]))
    bare = SimpleNamespace(metadata={})
    for outputs, coordinate, states, message in (
        ([], R, None, "be a list of outputs"),
        ("a.out", R, None, "be a list"),
        (good, R[:-1], None, "hold 21 numbers"),
        (good, (0, 7), None, r"`coordinate\[1\]` must"),
        ([*good[1:], few], R, 3, r"outputs\[20\] must hold 3 states"),
        ([*good[1:], bare], R, None, "must hold energies"),
        ([*good[1:], output(1.0, atomcoords=[])], (0, 1), None, "must hold a geometry"),
        ([*good[1:], output(1.0, etenergies=[np.nan])], R, None, "finite"),
        (good, np.ones(21), None, "`x` must"),
        ([tmp_path / "none.out"], [1.0], None, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            scan_of_outputs(outputs, coordinate, states=states)
    (tmp_path / "a.out").write_text("nothing that a program has written\n")
    with pytest.raises(InputError, match=r"a\.out cannot be read as an output"):
        scan_of_outputs([tmp_path / "a.out"], [1.0])
