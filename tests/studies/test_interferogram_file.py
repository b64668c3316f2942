"""Files with interference fringes: what is accepted, what is refused, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import jv

from anticrossing import studies
from anticrossing.dynamics import interferogram
from anticrossing.formulas import fast_passage_population
from anticrossing.studies.kinds.interferogram import InterferogramOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "flux_qubit_interferogram.toml"
QUBIT = """
[interferogram]
gap = 0.2
offset = { from = -3, to = 3, points = 25 }
amplitude = { from = 0, to = 6, points = 13 }
frequency = 1.0
t1 = 1000.0
t2 = 50.0
"""
SCAN = '[scan]\nparameter = "interferogram.gap"\nvalues = [0.05, 0.1, 0.2]\n'


def run(text: str) -> InterferogramOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, InterferogramOutcome)
    return found


@pytest.fixture(scope="module")
def result() -> InterferogramOutcome:
    return run(QUBIT)


# ---- numbers ----------------------------------------------------------------------------------


def test_the_map_is_that_of_the_function(result: InterferogramOutcome) -> None:
    direct = interferogram(
        gap=0.2,
        offset=np.linspace(-3, 3, 25)[:, None],
        amplitude=np.linspace(0, 6, 13),
        frequency=1.0,
        t1=1000.0,
        t2=50.0,
    )
    np.testing.assert_array_equal(result.population, direct)


def test_multiphoton_resonances_saturate() -> None:
    """At ε₀ = nω a qubit that keeps its phase is half excited: n = 1, 2, 3 (Oliver et al. 2005)."""
    text = QUBIT.replace("{ from = -3, to = 3, points = 25 }", "[1.0, 2.0, 3.0]")
    text = text.replace("50.0", "1000.0").replace("gap = 0.2", "gap = 0.05")
    found = run(text.replace("{ from = 0, to = 6, points = 13 }", "[1.8, 3.1, 4.2]"))
    np.testing.assert_allclose(np.diag(found.population), 0.5, atol=2e-3)


def test_fringes_follow_the_sum_of_resonances() -> None:
    """Fast passages: Σ_n of Lorentzians with Δ J_n(A/ω), which is written out here."""
    gap, omega, t1, t2 = 0.01, 1.0, 2000.0, 5.0
    found = run(
        f"interferogram = {{ gap = {gap}, frequency = {omega}, t1 = {t1}, t2 = {t2}, "
        "offset = [0.0, 1.0, 2.0], amplitude = [1.0, 2.5] }"
    )
    offset, amplitude = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.5])
    rate = sum(
        0.5 * (gap * jv(n, amplitude / omega)) ** 2 * t2 / (1 + (offset - n * omega) ** 2 * t2**2)
        for n in range(-30, 31)
    )
    # Rate equations: up and down at `rate`, down at 1/T₁ too. At offset 0 no state is the lower.
    expected = rate / (2 * rate + 1 / t1)
    np.testing.assert_allclose(found.population[1:], expected[1:], rtol=5e-3)
    np.testing.assert_allclose(found.population[0], 0.5, atol=1e-6)
    formula = fast_passage_population(
        gap=gap, offset=offset[1:], amplitude=amplitude, frequency=omega, t1=t1, t2=t2
    )
    np.testing.assert_allclose(found.population[1:], formula.value, rtol=5e-2)


def test_both_signs_of_the_offset_add_up_to_one(result: InterferogramOutcome) -> None:
    np.testing.assert_allclose(result.population + result.population[::-1], 1.0, atol=1e-9)


def test_without_a_drive_and_a_gap_there_is_equilibrium() -> None:
    text = QUBIT.replace("gap = 0.2", "gap = 1e-6\ntemperature = 0.7")
    text = text.replace("{ from = 0, to = 6, points = 13 }", "[0.0]")
    expected = 1 / (1 + np.exp(np.linspace(-3, 3, 25) / 0.7))
    np.testing.assert_allclose(run(text).population[:, 0], expected, atol=1e-9)


def test_the_example_saturates_at_its_resonances_the_more_the_longer_the_coherence() -> None:
    found = run(EXAMPLE.read_text(encoding="utf-8"))
    rows = {row[0]: row for row in found.tables()[0].rows}
    assert list(rows) == [0, 1, 2, 3, 4]
    assert all(0.49 < float(rows[n][3]) < 0.5 for n in (1, 2, 3, 4))
    # The first maximum of J_n lies at A/ω = 1.84, 3.05, 4.20, 5.32.
    strongest = [float(rows[n][4]) / 7.54 for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(strongest, [1.841, 3.054, 4.201, 5.318], atol=0.06)
    assert found.scan is not None
    assert np.isfinite(found.scan["mean_population"]).all()


# ---- what comes out ---------------------------------------------------------------------------


def test_what_comes_out(result: InterferogramOutcome, tmp_path: Path) -> None:
    summary = check_outcome(result, tmp_path)
    assert summary["mean_population"] == pytest.approx(0.5)
    check_tables(result, ["resonances"])
    data = result.to_dataset()
    assert data.population.dims == ("offset", "amplitude")
    assert [row[0] for row in result.tables()[0].rows] == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.slow
def test_scan(tmp_path: Path) -> None:
    found = run(QUBIT.replace("from = -3", "from = 1") + SCAN)
    check_outcome(found, tmp_path)
    check_tables(found, ["resonances", "scan"])
    assert found.scan is not None
    largest = found.scan["largest_population"]
    assert largest.shape == (3,)
    assert largest[2] == found.population.max()
    assert np.all(np.diff(found.scan["mean_population"]) > 0)
    assert found.to_dataset()["scan_mean_population"].dims == ("interferogram.gap",)


def test_a_unit_is_on_the_axes() -> None:
    found = run(QUBIT + 'unit = "rad/ns"\n')
    assert found.to_dataset().offset.attrs["units"] == "rad/ns"
    assert "rad/ns" in found.figure().axes[0].get_xlabel()
    assert "rad/ns" in found.experiment.setup["drive"]


def test_whose_population_is_said(result: InterferogramOutcome) -> None:
    assert "of the state with σ_z = +1 is" in result.sentences().verdict
    text = QUBIT.replace("points = 25", "points = 3").replace("points = 13", "points = 2")
    assert "of the upper level is" in run(text + 'readout = "adiabatic"\n').sentences().verdict


# ---- one clear line ---------------------------------------------------------------------------

BAD = {
    "no gap": (QUBIT.replace("gap = 0.2\n", ""), r"\[interferogram\]: The key `gap` is missing"),
    "no gap at all": (QUBIT.replace("gap = 0.2", "gap = 0"), "`gap` must be positive"),
    "key": (QUBIT + "amplitud = 1.0\n", "did you mean `amplitude`"),
    "text": (QUBIT.replace("0.2", '"0.2"'), "`gap` must be a number"),
    "nan": (QUBIT.replace("0.2", "nan"), "`gap` must be finite"),
    "coherence": (QUBIT.replace("50.0", "3000.0"), "`t2` must"),
    "frequency": (QUBIT.replace("1.0", "-1.0", 1), "`frequency` must be positive"),
    "temperature": (QUBIT + "temperature = -1.0\n", "`temperature` must not be negative"),
    "both": (QUBIT + "temperature = 1.0\nequilibrium = 0.2\n", "temperature.*equilibrium"),
    "equilibrium": (QUBIT + "equilibrium = 1.2\n", "`equilibrium` must"),
    "basis": (QUBIT + 'basis = "diabatik"\n', "did you mean `diabatic`"),
    "readout": (QUBIT + 'readout = "sideways"\n', "`readout` must be one of"),
    "tolerance": (QUBIT + "tolerance = 1.0\n", "`tolerance` must"),
    "points": (QUBIT.replace("25", "1"), "`points` must"),
    "many": (QUBIT.replace("25", "400000"), "at most 4000000 together"),
    "backwards": (QUBIT.replace("from = -3", "from = 4"), "`offset` must increase strictly"),
    "no end": (QUBIT.replace("to = 3, ", ""), r"\[interferogram.offset\]: The key `to` is missing"),
    "empty": (QUBIT.replace("{ from = 0, to = 6, points = 13 }", "[]"), "`amplitude` must incr"),
    "range": (QUBIT.replace("{ from = 0, to = 6, points = 13 }", "2.0"), "`amplitude` must be"),
    "table": ("interferogram = 3\n", "`interferogram` must be a table"),
    "beside": ('hamiltonian = { model = "LandauZener" }\n' + QUBIT, "describes one study"),
    "drive": ('drive = { kind = "linear" }\n' + QUBIT, r"\[drive\] has no meaning beside"),
    "scan": (QUBIT + SCAN.replace("gap", "basis"), "`basis` must be one of"),
    "range scanned": (QUBIT + SCAN.replace("gap", "offset"), "single number"),
    "scan of another": (
        QUBIT + SCAN.replace("interferogram.", "drive."),
        "`parameter` must be `interferogram.NAME`",
    ),
    "scanned value": (QUBIT + SCAN.replace("0.05", "-0.05"), r"At interferogram.gap = -0.05"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str) -> None:
    refuse(*BAD[name])
