"""Operator files of MCTDH and Quantics: energies by hand, both ways of writing, mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError
from anticrossing.models import Pyrazine, VibronicCoupling, read_operator, write_operator
from anticrossing.units import ENERGIES, Units
from tests.result_protocol import check

EV = ENERGIES["eV"] / ENERGIES["hartree"]
NUMBERED = """OP_DEFINE-SECTION
title
two states, two modes
end-title
end-op_define-section
PARAMETER-SECTION
# Frequencies
w1 = 0.1 , ev
w2 = 80.6554394, cm-1        # 0.01 eV
E1 = -0.5, ev
twice = 2.0*E1
kappa = 3.0d-2 , ev
lambda_2 = 50.0 , mev
gamma = 0.004, ev
end-parameter-section
------------------------------
HAMILTONIAN-SECTION
------------------------------
 modes   |  el  | v1| v2|
1.00*w1  |2  KE
1.00*w2  |3  KE
0.50*w1  |2  q^2
0.50*w2  |3  q*q
E1       |1 S1&1
-E1+twice-twice |1 S2&2
kappa    |1 S1&1  |2  q
-kappa   |1 S2&2  |2  q
lambda_2 |1 S1&2  |3  q
gamma    |1 S2&2  |2 q |3 q
0.5*gamma |1 S1&1 |2 q^2
end-hamiltonian-section
HAMILTONIAN-SECTION_Ex
modes | el | v1 | v2 |
1.0 |1 S1&2
end-hamiltonian-section
end-operator
"""
COLUMNS = """PARAMETER-SECTION
mass_X = 2.0, AMU
D = 0.1
end-parameter-section
LABELS-SECTION
unused = gauss[1.0, 0.0]
end-labels-section
HAMILTONIAN-SECTION
modes | el | X
modes | Y
1.0 | 1 | KE | 1
-0.5 | S1&1 | 1 | dq^2
-0.5 | S2&2 | 1 | dq*dq
D | S1&1 | q^4
-D*2.0 | 1 | q^2*cos | q
I*D | Z1&2
-I*D | Z2&1
end-hamiltonian-section
"""


def write(folder: Path, text: str, name: str = "a.op") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_numbered_columns(tmp_path: Path) -> None:
    model = read_operator(write(tmp_path, NUMBERED))
    W = model.hamiltonian
    assert isinstance(W, VibronicCoupling)
    assert model.title == "two states, two modes"
    assert model.others == ("hamiltonian_ex",)
    assert W.coordinates == ("v1", "v2")
    np.testing.assert_allclose(1 / model.masses, [0.1 * EV, 0.01 * EV], rtol=1e-8)
    rng = np.random.default_rng(5)
    for q1, q2 in rng.normal(size=(5, 2)):
        common = 0.05 * q1**2 + 0.005 * q2**2
        exact = np.array(
            [
                [common - 0.5 + 0.03 * q1 + 0.002 * q1**2, 0.05 * q2],
                [0.05 * q2, common + 0.5 - 0.03 * q1 + 0.004 * q1 * q2],
            ]
        )
        np.testing.assert_allclose(W([q1, q2]), EV * exact, atol=1e-10)


def test_columns_functions_and_masses(tmp_path: Path) -> None:
    model = read_operator(write(tmp_path, COLUMNS))
    assert model.masses == pytest.approx([2 * 1822.888486209, 1.0])
    x, y = 0.7, -0.4
    common = -0.2 * x**2 * np.cos(x) * y
    exact = np.array([[common + 0.1 * x**4, 0.1j], [-0.1j, common]])
    np.testing.assert_allclose(model.hamiltonian([x, y]), exact, atol=1e-15)


@pytest.mark.parametrize("modes", [3, 4])
def test_what_is_written_is_read(tmp_path: Path, modes: int) -> None:
    W = Pyrazine(modes=modes)
    again = read_operator(write_operator(W, tmp_path / "p.op"))
    Q = np.random.default_rng(2).normal(size=(6, modes))
    np.testing.assert_allclose(again.hamiltonian(Q), EV * W(Q), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(again.masses, W.masses / EV, rtol=1e-13)
    third = read_operator(write_operator(again, tmp_path / "q.op"))
    np.testing.assert_array_equal(third.hamiltonian(Q), again.hamiltonian(Q))
    assert third.title == again.title
    check(again, tmp_path)


def test_random_models_with_empty_states_return(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    linear = rng.normal(size=(2, 4, 4))
    bend = rng.normal(size=(2, 2, 4, 4))
    linear, bend = linear + linear.swapaxes(1, 2), bend + bend.swapaxes(2, 3)
    bend = bend + bend.swapaxes(0, 1)
    for keep in (4, 2):
        mask = np.zeros((4, 4))
        mask[:keep, :keep] = 1
        W = VibronicCoupling(
            energies=mask * np.diag([0.1, 0.2, 0.3, 0.4]),
            frequencies=[0.01, 0.02],
            linear=mask * linear,
            quadratic=mask * bend,
            units=Units("hartree", "atomic"),
        )
        again = read_operator(write_operator(W, tmp_path / "r.op")).hamiltonian
        Q = rng.normal(size=(5, 2))
        np.testing.assert_allclose(again(Q), W(Q), rtol=1e-13, atol=1e-15)


def test_expressions_of_parameters(tmp_path: Path) -> None:
    def value(text: str) -> float:
        body = f"PARAMETER-SECTION\na = 3.0\nb = 2.0\nc = {text}\nend-parameter-section\n"
        body += "HAMILTONIAN-SECTION\nmodes | x\n1.0 | KE\nc | 1\nend-hamiltonian-section\n"
        return float(read_operator(write(tmp_path, body)).hamiltonian(0.0)[0, 0])

    for text, exact in (
        ("a*b", 6.0), ("a/b/2", 0.75), ("-a*b", -6.0), ("a*b-1", 5.0), ("b^a", 8.0),
        ("2*b**2", 8.0), ("(a-b)*(a+b)", 5.0), ("EXP[-a*b]", np.exp(-6)),
        ("LOG[a]", np.log(3)), ("1.5d-1", 0.15), ("-(a-b)", -1.0),
    ):  # fmt: skip
        assert value(text) == pytest.approx(exact, rel=1e-15), text
    with pytest.raises(InputError, match=r"line 4.*order of its operations"):
        value("a+b*2")
    for text in (
        "a*",
        "*a",
        "a b",
        "a/0",
        "2^",
        "(a",
        "SIN[a",
        "FOO[a]",
        "(-a)^0.5",
        "LOG[-a]",
        "$",
    ):
        with pytest.raises(InputError, match="line 4"):
            value(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kappa    |1", "kapa |1", "line 26 must use.*did you mean `kappa`"),
        ("0.1 , ev", "0.1, eV2", "line 8 must have a known unit"),
        ("w1 = 0.1", "w1 0.1", "line 8 must set a parameter"),
        ("E1 = -0.5, ev\n", "w1 = 1.0\n", "line 10 sets w1 a second time"),
        ("|2  q^2", "|2  morse", "line 22.*known.*'morse'"),
        ("|2  q^2", "|2  q^99", "line 22 must have powers"),
        ("|2  KE\n", "|2  KE |3 q\n", "line 20 must have kinetic energy alone"),
        ("1.00*w1  |2  KE\n", "", "v1 must have a positive kinetic energy"),
        ("1.00*w1  |2  KE\n", "-1.0 |2 KE\n", "v1 must have a positive kinetic energy"),
        ("1.00*w1  |2  KE\n", "1.0 |1 S1&1 |2 KE\n", "same in all states"),
        ("|1 S1&2  |3", "|1 Z1&2  |3", "must be Hermitian"),
        ("|1 S1&1\n", "|1 T1&1\n", "electronic operator"),
        ("|1 S1&1\n", "|1 S0&1\n", "electronic operator"),
        ("|1 S1&2  |3", "|1 S1&2  |9", "from 1 to 3, but it names 9"),
        (" modes   |  el  | v1| v2|\n", "", "a line `modes"),
        (" modes   |  el  | v1| v2|", " modes | el | v1 | v1 |", "different modes"),
        ("end-parameter-section\n", "", "is not ended"),
        ("HAMILTONIAN-SECTION_Ex", "HAMILTONIAN-SECTION", "a second system"),
        ("end-op_define-section\n", "end-op_define-section\nstray\n", "outside of all sections"),
        ("lambda_2 = 50.0 , mev", "lambda_2 = 1d999", "must be finite"),
        ("|1 S1&1\n", "|1 S900&900\n", "fit into memory"),
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in NUMBERED
    with pytest.raises(InputError, match=message) as caught:
        read_operator(write(tmp_path, NUMBERED.replace(old, new, 1)))
    assert "a.op" in str(caught.value)
    assert str(caught.value).isprintable()


def test_terms_with_time_are_passed_over_and_told(tmp_path: Path) -> None:
    text = NUMBERED.replace("| v1| v2|\n1.00", "| v1| v2| Time\n1.00").replace(
        "0.5*gamma |1", "E0*unset |1 S1&2 |4 cos\n0.5*gamma |1"
    )
    model = read_operator(write(tmp_path, text))
    assert "1 terms that depend on time" in model.others
    assert "passed over" in str(model)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have a unit of energy"):
        write_operator(
            VibronicCoupling(energies=[0.0], frequencies=[1.0], linear=[[[0.0]]]), tmp_path / "a.op"
        )
    good = {"energies": [0.0, 1.0], "frequencies": [0.1], "units": Units("eV", "fs")}
    twisted = VibronicCoupling(linear=[[[0, 1j], [-1j, 0]]], **good)
    with pytest.raises(InputError, match="real matrices"):
        write_operator(twisted, tmp_path / "a.op")
    H = Hamiltonian.affine([[0, 1], [1, 0]], [[1, 0], [0, -1]])
    with pytest.raises(InputError, match="`model` must be"):
        write_operator(H, tmp_path / "a.op")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be read"):
        read_operator(tmp_path / "none.op")
