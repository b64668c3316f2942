"""Files whose levels are a table: the same passage as of its formula, and one line for mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, studies
from anticrossing.geometry import AdiabaticData, write_data
from anticrossing.page.answers import study_of

DRIVE = '[drive]\nkind = "linear"\nstart = -1.9\nstop = 1.9\nrate = 0.3\n'
MODEL = Hamiltonian.from_matrix([["x", "0.2"], ["0.2", "-x"]])
X = np.linspace(-2, 2, 41)


def file(name: str, more: str = "") -> str:
    return f'[hamiltonian]\ntable = "{name}"\n{more}{DRIVE}'


def test_a_table_drives_as_its_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{x:.3f};{x:.3f};{-x:.3f};0.2\n" for x in X).replace(".", ",")
    Path("dia.csv").write_text("R;E1;E2;V\nbohr;eV;eV;eV\n" + rows)
    energies, states = np.linalg.eigh(MODEL(X))
    overlaps = states[:-1].swapaxes(-1, -2) @ states[1:]
    write_data(AdiabaticData(X, energies, overlaps=overlaps), "adia.npz")
    one = studies.parse(file("dia.csv", 'labels = ["a", "b"]\n'))
    assert one.hamiltonian.labels == ("a", "b")
    assert one.hamiltonian.units.energy == "eV"
    np.testing.assert_allclose(one.hamiltonian(0.33), MODEL(0.33), atol=1e-12)
    two = studies.parse(file("adia.npz"))
    np.testing.assert_allclose(
        np.linalg.eigvalsh(two.hamiltonian(0.33)), np.linalg.eigvalsh(MODEL(0.33)), atol=1e-6
    )
    exact = ac.propagate(MODEL, ac.drive.Linear(-1.9, 1.9, rate=0.3)).transition_matrix
    found = ac.propagate(two.hamiltonian, two.drive).transition_matrix
    np.testing.assert_allclose(found, exact, atol=1e-5)
    with pytest.raises(InputError, match=r"leave `table` out of \[hamiltonian\]"):
        study_of(file("dia.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (file("/etc/passwd"), "relative path without"),
        (file("../x.csv"), "relative path without"),
        (file("none.csv"), "name a file"),
        (file("a.xls"), "end in .csv"),
        (file("bare.csv"), "energies only"),
        (file("a.csv", "matrix = [[1]]\n"), "contains `matrix` and `table`"),
        (file("a.csv", "parameters = { a = 1.0 }\n"), "parameters"),
    ],
)
def test_mistakes_are_one_line(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bare.csv").write_text("x,E0,E1\n" + "".join(f"{k},0,1\n" for k in range(5)))
    with pytest.raises(InputError, match=message):
        studies.parse(text)
