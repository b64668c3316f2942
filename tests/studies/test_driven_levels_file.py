"""Files with several driven levels: what is accepted, refused in one line, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import plot, studies
from anticrossing.studies.kinds.driven_levels import DrivenLevelsOutcome, DrivenLevelsStudy
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "returning_levels.toml"
TEXT = """
[driven_levels]
times = [0.0, 5.0, 10.0]
energies = [[0.0, 5.0, 0.5]]
reservoir = [1.0, 2.0, 3.5]
couplings = 0.2
beta = 1.2
chemical_potential = 3.0
[question]
samples = 20
"""
SCAN = '[scan]\nparameter = "driven_levels.stretch"\nvalues = [1.0, 1e4, 1e6]\n'
ONE_WAY = (
    TEXT.replace("[0.0, 5.0, 10.0]", "[0.0, 10.0]")
    .replace("[[0.0, 5.0, 0.5]]", "[[0.0, 10.0]]")
    .replace("[1.0, 2.0, 3.5]", "{ from = 1, to = 9, count = 9 }")
)


def run(text: str) -> DrivenLevelsOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, DrivenLevelsOutcome)
    return found


@pytest.fixture(scope="module")
def result() -> DrivenLevelsOutcome:
    return run(TEXT + SCAN)


def test_defaults() -> None:
    study = studies.parse(TEXT.replace("[question]\nsamples = 20\n", ""))
    assert isinstance(study, DrivenLevelsStudy)
    assert study.initial_occupations is None
    assert study.samples == 400
    assert study.work is not None
    assert study.setup["levels"].startswith("0 → 5 → 0.5 at t = 0, 5, 10, begin in equilibrium")


@pytest.mark.slow
def test_one_level_one_way_has_the_published_numbers() -> None:
    """Those of the driven level, from forty-digit arithmetic of another program."""
    summary = run(
        ONE_WAY.replace("[question]", "initial_occupations = [1.0]\n[question]")
    ).summary()
    totals = summary["totals"]
    assert totals["final occupation of level 0"]["exact"] == pytest.approx(0.2240342372, abs=1e-10)
    assert totals["final occupation of level 0"]["chain"] == pytest.approx(0.2113077233, abs=1e-10)
    assert totals["entropy production"]["chain"] == pytest.approx(2.6985871733, abs=1e-10)
    laws = {(x["method"], x["direction"]): x for x in summary["work"]["distributions"]}
    assert laws["landau-zener", "forward"]["mean"] == pytest.approx(6.1882533489, abs=1e-9)
    assert laws["exact", "forward"]["variance"] == pytest.approx(7.3717520479, abs=1e-9)


@pytest.mark.slow
def test_everything_is_kept_drawn_and_reported(result: DrivenLevelsOutcome, tmp_path: Path) -> None:
    check_outcome(result, tmp_path)
    assert len(result.figure().axes) == 8
    check_tables(
        result, ["the whole drive", "crossings", "work", "may the crossings be trusted?", "scan"]
    )
    drawn = plot.driven_occupations(result)
    exact = next(line for line in drawn.lines if line.get_label() == "level 0")
    np.testing.assert_array_equal(exact.get_ydata(), result.exact.occupations[:, 0])
    (steps,) = drawn.patches
    np.testing.assert_array_equal(steps.get_data().values, result.chain.system_occupations[:, 0])
    paths = plot.driven_paths(result)
    assert paths.lines[-1].get_xdata().tolist() == result.chain.events.times.tolist()


def test_the_scan_is_the_model_at_other_speeds(result: DrivenLevelsOutcome) -> None:
    assert result.scan is not None
    system = studies.parse(TEXT.replace("couplings", "stretch = 1e4\ncouplings")).system
    exact = system.evolve()
    assert result.scan["particle_number"][1] == pytest.approx(exact.occupations[-1].sum(), abs=1e-9)
    assert result.scan["work"][1] == pytest.approx(exact.work[-1], abs=1e-8)
    ledger = system.run()
    assert result.scan["chain_heat"][1] == pytest.approx(ledger.heat.sum(), abs=1e-12)
    assert result.scan["entropy_production"][2] >= -1e-9


def test_the_theorem_holds_on_both_sides(result: DrivenLevelsOutcome) -> None:
    assert result.work is not None
    for ratio in result.work.ratios.values():
        assert ratio.deviation < 1e-10
    for law in result.work.distributions.values():
        assert abs(law.jarzynski_ratio - 1) < 1e-12


def test_returning_through_many_levels_leaves_the_work_out() -> None:
    many = TEXT.replace("[1.0, 2.0, 3.5]", "{ from = 1, to = 4, count = 20 }")
    assert studies.parse(many).work is None
    refuse(many + "[work]\n", "leave .work. out")
    nobody = run(TEXT.replace("[1.0, 2.0, 3.5]", "[11.0, 12.0]"))
    assert len(nobody.figure().axes) == 6
    assert any("no reservoir level is met" in note for note in nobody.notes())


@pytest.mark.slow
def test_the_example() -> None:
    summary = studies.run(studies.load(EXAMPLE)).summary()
    # Slow: levels that return in equilibrium with themselves find their particles again.
    scan = summary["scan"]
    assert scan["chain_particle_number"][-1] == pytest.approx(2.0, abs=0.02)
    assert abs(scan["particle_number"][-1] - 2.0) < 0.05
    for law in summary["work"]["distributions"]:
        assert law["jarzynski_ratio"] == pytest.approx(1, abs=1e-12)
    for theorem in summary["work"]["fluctuation_theorem"]:
        assert theorem["deviation"] < 1e-10


BAD = {
    "times": (TEXT.replace("[0.0, 5.0, 10.0]", "[0.0, 5.0, 4.0]"), "`times` must"),
    "shape": (TEXT.replace("[0.0, 5.0, 0.5]]", "[0.0, 5.0]]"), "shape"),
    "ragged": (TEXT.replace("[[0.0, 5.0, 0.5]]", "[[0.0, 5.0, 0.5], [1.0, 2.0]]"), "one length"),
    "meeting": (
        TEXT.replace("[[0.0, 5.0, 0.5]]", "[[0.0, 5.0, 0.5], [1.0, 2.0, 3.0]]"),
        "never meet each other",
    ),
    "key": (TEXT.replace("couplings", "coupling"), "did you mean `couplings`"),
    "couplings": (TEXT.replace("couplings = 0.2", "couplings = [0.1, 0.2]"), "`couplings` must"),
    "bath": (TEXT.replace("beta = 1.2", ""), "Exactly one of `beta` and `temperature`"),
    "occupation": (
        TEXT.replace("beta", "initial_occupations = [1.5]\nbeta"),
        "`initial_occupations`",
    ),
    "word": (
        TEXT.replace("beta", 'initial_occupations = "equilibrum"\nbeta'),
        "did you mean `equilibrium`",
    ),
    "stretch": (TEXT.replace("beta", "stretch = 0\nbeta"), "`stretch` must be positive"),
    "samples": (TEXT.replace("20", "2"), "`samples`"),
    "scan": (TEXT + SCAN.replace("stretch", "times"), "name a single number"),
    "scan value": (TEXT + SCAN.replace("1.0, 1e4", "-1.0, 1e4"), "`stretch` must be positive"),
    "width": (TEXT + "[work]\nwidth = 1e-12\n", "be at least"),
    "slow": (
        TEXT.replace("[1.0, 2.0, 3.5]", "{ from = 1, to = 4, count = 150 }").replace(
            "beta", "stretch = 1e8\nbeta"
        ),
        "one is the limit: drive faster",
    ),
    "units": ('[units]\nenergy = "eV"\n' + TEXT, "units"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_clear_line(case: str) -> None:
    refuse(*BAD[case])
