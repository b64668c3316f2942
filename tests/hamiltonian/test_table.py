"""H given by a table: the numbers of the formula it was made from, in any units and dialect."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray
from scipy.interpolate import CubicSpline

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, Units
from anticrossing.hamiltonian import TableHamiltonian
from anticrossing.units import convert_energy

MODEL = Hamiltonian.from_matrix([["tanh(x)", "0.2*exp(-x**2)"], ["0.2*exp(-x**2)", "-0.3*x"]])
X = np.linspace(-2, 2, 81)
AT = np.linspace(-1.99, 1.99, 137)


def write(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def of(x: np.ndarray, degree: int = 3) -> TableHamiltonian:
    return TableHamiltonian(x, MODEL(x), degree=degree)


@pytest.mark.parametrize(("degree", "order"), [(3, 4), (5, 6)])
def test_splines_converge_and_say_how_well(degree: int, order: int) -> None:
    errors = []
    for k in (41, 81, 161):
        H = of(np.linspace(-2, 2, k), degree)
        errors.append(np.abs(H(AT) - MODEL(AT)).max())
        assert errors[-1] < H.error_estimate < 100 * errors[-1]
        assert H.warnings == ()
    assert np.log2(errors[0] / errors[1]) > order - 1.2
    assert np.log2(errors[1] / errors[2]) > order - 1.2


def test_derivatives_are_those_of_scipy_to_the_last_digits() -> None:
    H, spline = of(X), CubicSpline(X, MODEL(X))
    np.testing.assert_allclose(H(AT), spline(AT), atol=1e-14)
    np.testing.assert_allclose(H.derivative(AT), spline(AT, 1), atol=1e-12)
    np.testing.assert_allclose(H.second_derivatives(AT), spline(AT, 2), atol=1e-10)


def test_near_the_axis_it_continues_as_the_formula_does() -> None:
    x = AT[40:90]
    for degree, error in ((3, 3e-6), (5, 3e-9)):
        H = of(np.linspace(-2, 2, 321), degree)
        z = x + 0.01j
        np.testing.assert_allclose(H(z), MODEL(z), atol=error)
        np.testing.assert_allclose(H.derivative(z), MODEL.derivative(z), atol=error * 200)
        with pytest.raises(InputError, match="as near to the real axis as the points"):
            H(x + 0.02j)


@pytest.mark.slow
def test_a_passage_is_that_of_the_formula() -> None:
    sweep = ac.drive.Linear(-1.9, 1.9, rate=0.3)
    exact = ac.propagate(MODEL, sweep).transition_matrix
    found = ac.propagate(of(np.linspace(-2, 2, 161), 5), sweep).transition_matrix
    np.testing.assert_allclose(found, exact, atol=1e-7)


@pytest.mark.parametrize("name", ["E_V", "all", "H"])
def test_columns_of_a_diabatic_table(tmp_path: Path, name: str) -> None:
    a, b, v = MODEL(X)[:, 0, 0], MODEL(X)[:, 1, 1], MODEL(X)[:, 0, 1]
    head, columns = {
        "E_V": ("R,E1,E2,V", (a, b, v)),
        "all": ("x,V_0_0,V_0_1,V_1_0,V_1_1", (a, v, v, b)),
        "H": ("R,E_0,E_1,H01", (a, b, v)),
    }[name]
    rows = [",".join(map(repr, map(float, row))) for row in zip(X, *columns, strict=True)]
    H = Hamiltonian.from_table(write(tmp_path, "\n".join([head, *rows])))
    np.testing.assert_array_equal(H(AT), of(X)(AT))
    assert H.source.endswith("t.csv")
    assert pickle.loads(pickle.dumps(H))(0.3).tolist() == H(0.3).tolist()


def test_units_are_converted_one_by_one(tmp_path: Path) -> None:
    text = "R [Angstrom];E1 [eV];E2 [hartree];V [cm-1]\n"
    text += "".join(f"{k};{k};{k};100,5\n" for k in range(6))
    path = write(tmp_path, text)
    H = Hamiltonian.from_table(path)
    assert H.units == Units("eV", "fs", "angstrom")
    expected = [[2.0, 0], [0, convert_energy(2.0, "hartree", "eV")]]
    expected[0][1] = expected[1][0] = convert_energy(100.5, "cm^-1", "eV")
    np.testing.assert_allclose(H(2.0), expected, rtol=1e-12)
    atomic = Hamiltonian.from_table(path, units=Units("hartree", "atomic", "bohr"))
    bohr = 2.0 / 0.529177210903
    np.testing.assert_allclose(
        atomic(bohr), np.array(expected) / convert_energy(1.0, "hartree", "eV"), rtol=1e-12
    )
    with pytest.raises(InputError, match="a length as Angstrom"):
        Hamiltonian.from_table(path, units=Units("eV", "fs", "mT"))


def test_arrays_and_datasets_are_tables_too(tmp_path: Path) -> None:
    arrays = {"x": X, "matrices": MODEL(X)}
    expected = of(X)(AT)
    np.savez(tmp_path / "t.npz", units=["eV", "fs", "bohr"], **arrays)
    data = xarray.Dataset({"matrices": (("x", "i", "j"), MODEL(X))}, {"x": X}, {"energy": "eV"})
    data.attrs["time"] = "fs"
    data.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    for table in (arrays, tmp_path / "t.npz", data, tmp_path / "t.nc"):
        H = Hamiltonian.from_table(table)
        np.testing.assert_array_equal(H(AT), expected)
        assert (H.units.energy == "eV") != isinstance(table, dict)


def test_noise_and_wide_steps_are_told() -> None:
    rng = np.random.default_rng(3)
    matrices = X[:, None, None] * np.diag([1, -1]) + 0.005 * np.array([[0, 1], [1, 0]])
    noise = rng.normal(size=(X.size, 2, 2)) * 3e-3
    noisy = TableHamiltonian(X, matrices + noise + noise.swapaxes(-1, -2))
    assert "scatter" in noisy.warnings[0]
    coarse = TableHamiltonian(X[::8], MODEL(X[::8]) * np.array([[1, 0.01], [0.01, 1]]))
    assert "between the points" in coarse.warnings[-1]
    told = ac.propagate(noisy, ac.drive.Linear(-0.04, 0.04, rate=5.0)).warnings
    assert noisy.warnings[0] in told
    assert ac.propagate(of(X), ac.drive.Linear(-0.04, 0.04, rate=5.0)).warnings == ()


def test_levels_that_no_column_couples_are_told(tmp_path: Path) -> None:
    rows = "".join(f"{x},0,{x},1,.1\n" for x in range(-3, 4))
    H = Hamiltonian.from_table(write(tmp_path, "R,E1,E2,E3,V_1_2\n" + rows))
    told = "no column couples the levels 1 and 3, 2 and 3: their coupling is taken as 0"
    assert H.warnings == (told,)
    assert told in ac.propagate(H, ac.drive.Linear(-3, 3, rate=5.0)).warnings
    zeros = "".join(row[:-1] + ",0,0\n" for row in rows.splitlines(keepends=True))
    H = Hamiltonian.from_table(write(tmp_path, "R,E1,E2,E3,V_1_2,V_1_3,V_2_3\n" + zeros))
    assert H.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("R,E1,E2\n" + "1,0,1\n", "must hold a diabatic matrix.*nothing more.*crossings"),
        ("R,E1,E2,d12\n" + "1,0,1,0\n", "diabatic matrix.*and couplings.*diabatize"),
        ("R,E1,E2,E3,V\n1,0,1,2,0\n", "only if there are two"),
        ("R,E1,E2,V,d12\n1,0,1,2,0\n", "diabatic and adiabatic columns"),
        ("R,E1,E3,V13\n1,0,1,2\n", "energy_2"),
        ("R,E1,V12\n1,0,1\n", "E2"),
        ("R,E1,E2,V_1_2,V_2_1\n1,0,1,2,3\n", "contradicts"),
        ("E1,E2,V\n0,1,2\n", "a coordinate is missing"),
        ("R,E1 [eV],E2,V\n0,1,2,1\n", "`E2` must name its unit"),
        ("R,E1 [eV],E2 [foot],V\n0,1,2,1\n", "`E2` must have a known unit"),
        ("R,E1,E2,V\n0,1,2,\n1,1,2,3\n", "line 2: every cell of matrices"),
        ("R,E1,E2,V\n0,1,2,1\n1,1,2,3\n", "at least 4 numbers"),
        ("R,E1,E2,V\n0,1,2,1\n1,1,2,3\n2,1,1,1\n1,1,1,1\n", "ascend|increas"),
        ("R,E1,E2,V\n0,1,2,1\n1,1,2,3\n2,nan,1,1\n3,1,1,1\n", "line 4"),
    ],
)
def test_bad_tables_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Hamiltonian.from_table(write(tmp_path, text))
    assert "t.csv" in str(caught.value)


def test_bad_arguments() -> None:
    good = {"x": X, "matrices": MODEL(X)}
    for change, message in (
        ({"matrices": MODEL(X)[:-1]}, r"shape \(81, N, N\)"),
        ({"matrices": np.ones((81, 2, 3))}, "matrices"),
        ({"matrices": np.tile([[0, 1], [2, 0]], (81, 1, 1))}, "Hermitian"),
        ({"x": X[::-1]}, "`x` must"),
        ({"energies": X}, "energies and matrices"),
        ({"width": X}, "width"),
    ):
        with pytest.raises(InputError, match=message):
            Hamiltonian.from_table(good | change)
    with pytest.raises(InputError, match="`degree` must"):
        Hamiltonian.from_table(good, degree=4)
    with pytest.raises(InputError, match="comparable spacings"):
        TableHamiltonian([0, 1, 1 + 1e-9, 2, 3], np.zeros((5, 2, 2)))
    with pytest.raises(InputError, match="lie within the points, -2 … 2"):
        of(X)(2.1)
    with pytest.raises(InputError, match="lacks x"):
        Hamiltonian.from_table({"matrices": MODEL(X)})
