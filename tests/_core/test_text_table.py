"""Tables of numbers in text: every way of writing them is read alike, and mistakes are located."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing._core.sampled import scatter
from anticrossing._core.text_table import parse_number, read_table
from anticrossing._core.unit_names import find_unit
from anticrossing.units import ENERGIES, LENGTHS, TIMES

ROWS = [[0.5, -1.25e-3], [1.0, 2e120]]


def table(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "R,E\n0.5,-1.25e-3\n1.0,2e120\n",
        "\ufeffR;E\r\n0,5;-1,25E-03\r\n1,0;2E120\r\n",
        "R\tE\n0,5\t-1,25D-3\n1\t2d+120\n",
        "# a scan\n! of Fortran\n  R   E\n\n0.5  -.125D-02\n 1.  0.2+121\n# the end\n",
        "# R E\n0.5 -1.25e-3\n1 2.e120\n",
        '"R" , "E"\n"0.5", "-1.25e-3"\n1,2Q120\n',
        "# R, E\n0.5,-1.25e-3\n+1.0,2e120\n",
    ],
)
def test_every_dialect_holds_the_same_numbers(tmp_path: Path, text: str) -> None:
    found = read_table(table(tmp_path, text))
    assert found.header == ("R", "E")
    assert found.values.tolist() == ROWS


def test_units_stand_in_heads_or_below(tmp_path: Path) -> None:
    below = read_table(table(tmp_path, "R;E;V\n(bohr);[eV];\n1;2;3\n"))
    assert below.named() == (("R", "E", "V"), ("bohr", "eV", ""))
    heads = read_table(table(tmp_path, "R (bohr), E [eV], d/a.u.\n1,2,3\n"))
    assert heads.named() == (("R", "E", "d"), ("bohr", "eV", "a.u."))
    blanks = read_table(table(tmp_path, "R (bohr) E/eV\n1 2\n"))
    assert blanks.named() == (("R", "E"), ("bohr", "eV"))
    both = read_table(table(tmp_path, "E [eV],x\nhartree,m\n1,2\n"))
    with pytest.raises(InputError, match="`E` must have one unit"):
        both.named()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "holds comments only"),
        ("a,b\n", "lines of numbers"),
        ("a,b\nm,s\n", "lines of numbers"),
        ("1,2\n3,4\n", "line 1: a header"),
        ("a,b\n1,2\n1\n", "line 3: 2 numbers are needed, but there are 1"),
        ("a,b\n0,5,1,5\n", "line 2: 2 numbers .* there are 4 .decimal commas need semicolons"),
        ("a;b\n0,5;1\n1;0.5\n", "line 3: `b` must have the decimal sign of the numbers above"),
        ("a;b\n1.000,5;2\n", "line 2: `a` must be a number, but it is '1.000,5'"),
        ("a,b\n1,1_0\n2,3\n", "line 2: `b` must be a number, but it is '1_0'"),
        ("a,b\n1,٣\n", "line 2: `b` must be a number"),
        ("a,b\n1,0x1F\n", "line 2: `b` must be a number"),
        ("a,b\n1,2\n3,oops\n", "line 3: `b` must be a number, but it is 'oops'"),
        ("a,a\n1,2\n", "'a' stands twice"),
        ("a,,b\n1,2,3\n", "one is empty"),
        ('a,b\n"1,2\n', "line 2"),
        ("a" * 300 + ",b\n1,2\n", "short text"),
    ],
)
def test_mistakes_are_located_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(table(tmp_path, text))
    assert "t.csv" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_empty_cells_are_nan_or_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b\n1,\n,2\n")
    assert np.isnan(read_table(path).values).tolist() == [[False, True], [True, False]]
    with pytest.raises(InputError, match="line 2: `b` must be a number, but it is ''"):
        read_table(path, empty=False)


@given(st.floats(allow_nan=False), st.sampled_from("eEdDqQ"), st.booleans())
def test_numbers_are_those_of_python(value: float, letter: str, comma: bool) -> None:
    text = repr(value) if abs(value) == np.inf else f"{value:.17e}".replace("e", letter)
    assert parse_number(text.replace(".", ",") if comma else text, comma) == value


@pytest.mark.parametrize("text", ["", ".", "-", "1e", "e5", "1.5-10", "--1", "1 2", "1e5.0", "١"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        parse_number(text)


def test_units_have_the_names_of_the_package() -> None:
    known = {"energy": ENERGIES, "length": LENGTHS, "time": TIMES}
    for kind, names in known.items():
        for name in names:
            assert find_unit(kind, name) == (name, 1.0)
    assert find_unit("energy", "mev") == ("meV", 1.0)
    assert find_unit("energy", "mhz") is None  # milli or mega
    name, factor = find_unit("energy", "kcal/mol") or ("", 0.0)
    assert ENERGIES[name] * factor == pytest.approx(4184 / 6.02214076e23, rel=1e-15)


def test_scatter_is_that_of_the_numbers_on_any_grid() -> None:
    rng = np.random.default_rng(7)
    x = np.sort(rng.uniform(0, 3, 400))
    for size in (1e-8, 1e-3):
        values = np.sin(x) + size * rng.normal(size=x.size)
        assert scatter(x, values) == pytest.approx(size, rel=0.3)
    assert scatter(x, x**5) < 1e-10
    assert np.isnan(scatter(x[:6], x[:6]))
