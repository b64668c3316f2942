"""What a notebook shows of Hamiltonians, drives and environments."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import anticrossing as ac

X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])


def cone() -> ac.Hamiltonian:
    return ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


SHOWN = {
    "crossing": (lambda: ac.models.LandauZener(gap=1.0), ["gap", "ħ = 1", "up, down", "Zener"], 2),
    "units": (lambda: ac.models.NVCentre(), ["x (G)", "energies in MHz, times in us"], 3),
    "batch": (lambda: ac.models.LandauZener(gap=[1.0, 2.0]), ["batch shape", "(2,)"], 0),
    "cone": (cone, ["coordinates", "x, y"], 0),
    "pole": (lambda: ac.models.SodiumIodide(), ["angstrom", "ionic, covalent"], 0),
    "arrays": (lambda: ac.models.TullySimple(), ["Python function", "bohr"], 2),
    "function": (
        lambda: ac.Hamiltonian.from_function(lambda x: np.array([[x, 1.0], [1.0, -x]])),
        ["Python function"],
        0,
    ),
    "constant": (lambda: ac.Hamiltonian.from_terms([(1, X)]), ["levels"], 0),
    "degenerate": (lambda: ac.Hamiltonian.affine(0 * X, Z), ["levels"], 2),
    "large": (lambda: ac.models.TransverseIsing(sites=5), ["32: 00000"], 0),
    "product": (
        lambda: ac.Hamiltonian.from_terms([("x", np.eye(6))], dims=[[2, 3], [2, 3]]),
        ["2 × 3"],
        6,
    ),
    "hostile name": (
        lambda: ac.Hamiltonian.affine(X, Z, name="<script>", labels=["<b>", "&"]),
        ["<script>()", "<b>, &"],
        2,
    ),
    "line": (lambda: ac.drive.Linear(-5, 5, rate=0.5), ["-10 … 10", "-5 … 5"], 1),
    "lines": (lambda: ac.drive.Linear(-5, 5, rate=[0.5, 1.0]), ["batch shape"], 0),
    "kinks": (lambda: ac.drive.Piecewise([0, 1, 2], [0, 1, 0]), ["breakpoints", "1"], 1),
    "path": (
        lambda: ac.drive.Path(x=ac.drive.Linear(-2, 2, rate=1.0), y=0.5),
        ["Linear(rate=1)", "0.5"],
        2,
    ),
    "dephasing": (lambda: ac.Dephasing(0.1), ["gamma", "0.1"], 0),
    "functions": (lambda: ac.Dephasing(functions=[abs]), ["abs"], 0),
    "axis": (lambda: ac.FixedAxisDephasing("exp(-x**2)", Z), ["exp(-x**2)", "[1 0; 0 -1]"], 0),
    "warm": (lambda: ac.ThermalRelaxation(temperature=0.5, t1=7.0), ["temperature", "7"], 0),
    "jumps": (
        lambda: ac.Lindblad([0.5 * X, ("x", Z), (lambda x, t: x, X), np.eye(5)[:, ::-1]][:3]),
        ["[0 0.5; 0.5 0]", "x × [1 0; 0 -1]", "operator 3"],
        0,
    ),
    "both": (
        lambda: ac.Dephasing(0.1) + ac.ThermalRelaxation(temperature=0.5, t1=7.0),
        ["1: gamma", "2: t1"],
        0,
    ),
}


@pytest.mark.parametrize(("make", "said", "curves"), SHOWN.values(), ids=SHOWN)
def test_facts_are_shown(make: Any, said: list[str], curves: int) -> None:
    made = make()
    html = made._repr_html_()
    whole = ElementTree.fromstring(html)  # well formed
    text = "\n".join(whole.itertext())
    for fact in (repr(made), *said):
        assert fact in text
    assert len(whole.findall(".//polyline")) == curves
    assert len(html) < 20_000
    assert not whole.findall(".//script")


def test_curves_are_the_levels() -> None:
    whole = ElementTree.fromstring(ac.models.LandauZener(gap=1.0)._repr_html_())
    lower, upper = (
        np.array([[float(n) for n in pair.split(",")] for pair in line.get("points", "").split()])
        for line in whole.findall(".//polyline")
    )
    texts = [
        float(t.text or "") for t in whole.findall(".//text") if re.match(r"-?\d", t.text or "")
    ]
    left, right, high, low = texts
    x = left + (lower[:, 0] - lower[0, 0]) / np.ptp(lower[:, 0]) * (right - left)
    size = lower[:, 1].max() - upper[:, 1].min()
    energy = high - (upper[:, 1] - upper[:, 1].min()) / size * (high - low)
    assert np.allclose(energy, 0.5 * np.sqrt(x**2 + 1), atol=0.02)
    assert lower[:, 1].min() > upper[:, 1].max()


def test_a_matrix_that_fails_leaves_the_facts() -> None:
    made = ac.Hamiltonian.from_matrix([["log(x)", "1e300*x"], ["1e300*x", "0"]])
    assert "<svg" not in made._repr_html_()
    assert "log(x)" in made._repr_html_()
