"""Gradients and Hessians of a real crossing from files as ORCA writes them, and from cclib."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.molecules.ab_initio import surfaces_of_outputs
from anticrossing.molecules.rates import crossing_modes
from tests.molecules.rates.test_crossing_modes import AMU, GIVEN, KNOWN

ATOMS = len(KNOWN["masses"])
BOHR = 0.529177210903


def orca(folder: Path, state: int, positions: np.ndarray = GIVEN["positions"]) -> list[Path]:
    """Write what ORCA writes for one surface."""
    name = f"state{state}"
    H, size = GIVEN["hessians"][state], 3 * ATOMS
    lines = ["", "$orca_hessian_file", "", "$act_atom", "  0", "", "$hessian", str(size)]
    for first in range(0, size, 5):
        columns = range(first, min(first + 5, size))
        lines.append(" ".join(f"{k:19d}" for k in columns))
        lines += [f"{row:5d} " + " ".join(f"{H[row, k]:19.10E}" for k in columns)
                  for row in range(size)]  # fmt: skip
    lines += ["", "#", "# The atoms: label  mass x y z (in bohrs)", "#", "$atoms", str(ATOMS)]
    for mass, x in zip(KNOWN["masses"], positions, strict=True):
        lines.append(f" X {mass:12.5f} " + " ".join(f"{value:18.12f}" for value in x))
    (folder / f"{name}.hess").write_text("\n".join([*lines, "", "$end"]))
    lines = ["#", "# Number of atoms", "#", f" {ATOMS}", "#", "# The current total energy in Eh"]
    lines += ["#", "   -116.6", "#", "# The current gradient in Eh/bohr", "#"]
    lines += [f"  {value:.12f}" for value in GIVEN["gradients"][state]]
    lines += ["#", "# The atomic numbers and current coordinates in Bohr", "#"]
    lines += ["  6 " + " ".join(f"{value:.7f}" for value in x) for x in positions]
    (folder / f"{name}.engrad").write_text("\n".join(lines))
    return [folder / f"{name}.hess", folder / f"{name}.engrad"]


def test_files_of_orca(tmp_path: Path) -> None:
    found = surfaces_of_outputs(orca(tmp_path, 0), orca(tmp_path, 1))
    for key, values in GIVEN.items():
        np.testing.assert_allclose(found[key], values, rtol=2e-7, atol=1e-9)
    one, other = crossing_modes(**found), crossing_modes(**GIVEN)
    np.testing.assert_allclose(one.frequencies, other.frequencies, rtol=1e-6)
    assert one.reduced_mass == pytest.approx(other.reduced_mass, rel=1e-6)
    assert not one.warnings


@pytest.mark.parametrize(
    ("kind", "old", "new", "says"),
    [
        ("hess", "$hessian", "$hess", "must have a block \\$hessian"),
        ("hess", "$atoms", "$atom", "must have a block \\$atoms"),
        ("hess", "$hessian\n21", "$hessian\n24", "must have 3n rows in its Hessian, but it has 24"),
        ("hess", "$atoms\n7", "$atoms\n8", "must have 4 numbers in a line, but one is '\\$end'"),
        ("hess", "$atoms\n7", "$atoms\n0", "must have up to 2000 atoms, but it has 0"),
        ("hess", "$atoms\n7", "$atoms\n7.5", "must have up to 2000 atoms, but it has 7.5"),
        ("hess", "$orca_hessian_file", "$hessian\n21\n 1 2 3 4 5", "must number rows and columns"),
        ("hess", f"\n{20:19d}\n", "\n 20 21\n", "must number rows and columns"),
        ("hess", "\n    3 ", "\n    2 ", "must number rows and columns"),
        ("hess", "E-01", "E+999", "must have 6 numbers in a line"),
        ("engrad", "-116.6", "minus", "must have 1 numbers in a line, but one is 'minus'"),
        ("engrad", "  6 ", "  6 0.0 ", "must have 3 numbers in a line"),
        ("engrad", " 7\n", " 6\n", "must have 3 numbers in a line"),
    ],
)
def test_damaged_files(tmp_path: Path, kind: str, old: str, new: str, says: str) -> None:
    first, second = orca(tmp_path, 0), orca(tmp_path, 1)
    path = next(path for path in first if path.suffix == f".{kind}")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=f"state0.{kind} {says}"):
        surfaces_of_outputs(first, second)


def test_what_does_not_belong_together(tmp_path: Path) -> None:
    first, second = orca(tmp_path, 0), orca(tmp_path, 1)
    with pytest.raises(InputError, match="hess must hold the gradient, but none is found"):
        surfaces_of_outputs(first, second[0])
    with pytest.raises(InputError, match="engrad must hold the masses, but none is found"):
        surfaces_of_outputs(first, second[1])
    with pytest.raises(InputError, match="`second` must be a file or a list of files"):
        surfaces_of_outputs(first, [])
    with pytest.raises(InputError, match="cannot be read"):
        surfaces_of_outputs(first, tmp_path / "none.hess")
    turned = GIVEN["positions"] @ np.diag([-1.0, -1.0, 1.0])
    (tmp_path / "turned").mkdir()
    other = orca(tmp_path / "turned", 1, turned)
    with pytest.raises(InputError, match="The files of both surfaces must have the same positions"):
        surfaces_of_outputs(first, _moved(tmp_path))
    with pytest.raises(InputError, match="must hold positions, gradient and Hessian in one orient"):
        surfaces_of_outputs(first, other)
    angstrom = tmp_path / "angstrom"
    angstrom.mkdir()
    with pytest.raises(InputError, match="engrad must have the same positions, but they differ"):
        surfaces_of_outputs([first[0], orca(angstrom, 0, BOHR * GIVEN["positions"])[1]], second)


def _moved(folder: Path) -> list[Path]:
    (folder / "moved").mkdir()
    return orca(folder / "moved", 1, GIVEN["positions"] + 0.1)


def data(state: int, **changed: object) -> SimpleNamespace:
    """What cclib makes of an output that has everything."""
    held = {
        "metadata": {"package": "FChk"}, "atomnos": np.array([6] * ATOMS),
        "atomcoords": BOHR * GIVEN["positions"][None], "atommasses": GIVEN["masses"] / AMU,
        "grads": GIVEN["gradients"][state], "hessian": GIVEN["hessians"][state],
    } | changed  # fmt: skip
    return SimpleNamespace(**{key: value for key, value in held.items() if value is not None})


def test_data_of_cclib(tmp_path: Path) -> None:
    pytest.importorskip("cclib")
    files = orca(tmp_path, 1)
    for first in (
        data(0),
        data(0, grads=GIVEN["gradients"][0].reshape(1, ATOMS, 3)),
        # the log of Gaussian prints forces; its checkpoint has the Hessian
        [data(0, grads=-GIVEN["gradients"][0], hessian=None, metadata={"package": "Gaussian"}),
         data(0, grads=None)],
    ):  # fmt: skip
        found = surfaces_of_outputs(first, files)
        np.testing.assert_allclose(found["gradients"], GIVEN["gradients"], atol=1e-9)
    H, g = GIVEN["hessians"][0], GIVEN["gradients"][0]
    root = np.sqrt(np.repeat(KNOWN["masses"], 3))
    for changed, says in (
        ({"hessian": H / np.outer(root, root)}, "must hold a Cartesian Hessian"),
        ({"hessian": H[:9, :9]}, "must hold the hessian of 7 atoms"),
        ({"hessian": H[np.tril_indices(21)]}, "must hold the hessian of 7 atoms"),
        ({"hessian": np.nan * H}, "must hold the hessian of 7 atoms"),
        ({"grads": 0 * g}, "does not turn the gradient"),
        ({"grads": -g}, "does not turn the gradient"),
        ({"grads": g / BOHR}, "does not turn the gradient"),
        ({"atomcoords": GIVEN["positions"][None]}, "does not turn the gradient"),
        ({"grads": g[:20]}, "must hold the gradient of 7 atoms"),
        ({"atommasses": None}, "must hold the masses, but none is found"),
        ({"atomnos": None}, "must hold the positions of 0 atoms"),
    ):
        with pytest.raises(InputError, match=says):
            surfaces_of_outputs(data(0, **changed), files)


def test_mixed_units_are_told() -> None:
    """What a person hands to `crossing_modes` by hand is held to the same."""
    for changed in (
        {"positions": BOHR * GIVEN["positions"]},
        {"gradients": GIVEN["gradients"] / BOHR},
        {"hessians": GIVEN["hessians"] / np.add.outer(np.arange(21), np.arange(21) + 1.0)},
    ):
        assert any("units" in note for note in crossing_modes(**{**GIVEN, **changed}).warnings)
