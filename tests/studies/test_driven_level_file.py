"""Files with a driven level: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.studies.kinds.driven_level import DrivenLevelOutcome, DrivenLevelStudy
from tests.studies.common import refuse

LEVEL = """
[driven_level]
levels = { from = 1, to = 9, count = 9 }
couplings = 0.2
beta = 1.2
chemical_potential = 3.0
start = 0.0
stop = 10.0
rate = 1.0
initial_occupation = 1.0
"""
SMALL = """
[driven_level]
levels = [1.0, 2.0, 3.0]
couplings = 0.2
beta = 1.2
start = 0.0
stop = 4.0
rate = 1.0
"""
SCAN = '[scan]\nparameter = "driven_level.rate"\nvalues = [0.5, 1.0, 8.0]\n'


@pytest.fixture(scope="module")
def result() -> DrivenLevelOutcome:
    found = studies.run(studies.parse('title = "a test"\n' + LEVEL + SCAN))
    assert isinstance(found, DrivenLevelOutcome)
    return found


def study(text: str) -> DrivenLevelStudy:
    found = studies.parse(text)
    assert isinstance(found, DrivenLevelStudy)
    return found


# ---- what is accepted -------------------------------------------------------------------------


def test_defaults() -> None:
    loaded = study(SMALL)
    assert loaded.initial_occupation is None
    assert loaded.system.chemical_potential == 0.0
    assert (loaded.samples, loaded.plan, loaded.steps) == (400, None, 0)
    assert loaded.work is not None
    assert loaded.work.scheme == "coupled"
    assert loaded.work.directions == ("forward", "backward")
    assert loaded.work.width == 0.5  # half the spacing


def test_range_and_list_of_levels_are_the_same() -> None:
    text = LEVEL.replace("{ from = 1, to = 9, count = 9 }", str(list(range(1, 10))))
    np.testing.assert_array_equal(study(text).system.levels, study(LEVEL).system.levels)


def test_temperature_is_the_inverse_of_beta() -> None:
    assert study(SMALL.replace("beta = 1.2", "temperature = 0.5")).system.beta == 2.0


def test_lists_of_couplings_and_rates() -> None:
    text = SMALL.replace("couplings = 0.2", "couplings = [0.1, -0.2, 0.3]")
    system = study(text.replace("rate = 1.0", "rate = [1.0, 2.0, 4.0]")).system
    np.testing.assert_array_equal(system.couplings, [0.1, -0.2, 0.3])
    assert float(system.drive.stop_time) == pytest.approx(1.5 + 1.0 / 2 + 1.5 / 4)


def test_work_can_be_left_out() -> None:
    assert study("work = false\n" + SMALL).work is None
    many = SMALL.replace("[1.0, 2.0, 3.0]", "{ from = 0.1, to = 3.9, count = 300 }")
    assert study(many).work is None
    with pytest.raises(InputError, match="at most 200 reservoir levels, but there are 300"):
        study("work = true\n" + many)


def test_options_of_the_work() -> None:
    asked = study(
        SMALL + '[work]\nscheme = "decoupled"\ndirections = ["backward"]\nwidth = 0.1\n'
    ).work
    assert asked is not None
    assert (asked.scheme, asked.directions, asked.width) == ("decoupled", ("backward",), 0.1)


def test_scanned_key_may_be_left_out_or_replace_the_equilibrium() -> None:
    text = SMALL.replace("rate = 1.0\n", "")
    np.testing.assert_array_equal(study(text + SCAN).system.rates, 1.0)  # the middle one
    text = SMALL + '[scan]\nparameter = "driven_level.initial_occupation"\nvalues = [0.0, 0.5]\n'
    loaded = study(text.replace("rate = 1.0\n", 'rate = 1.0\ninitial_occupation = "equilibrium"\n'))
    assert loaded.initial_occupation is None
    assert (
        loaded.at_point(loaded.tables, {"driven_level.initial_occupation": 0.5}).initial_occupation
        == 0.5
    )


# ---- one clear line for everything else -------------------------------------------------------

BAD = {
    "unsorted": (SMALL.replace("[1.0, 2.0", "[2.0, 1.0"), "ascending, but level 0 at 2 is above"),
    "duplicate": (SMALL.replace("[1.0, 2.0", "[2.0, 2.0"), "level 0 at 2 is equal to level 1"),
    "no levels": (SMALL.replace("[1.0, 2.0, 3.0]", "[]"), "at least one number"),
    "levels number": (SMALL.replace("[1.0, 2.0, 3.0]", "3"), "be a list or a table"),
    "levels text": (SMALL.replace("[1.0, 2.0, 3.0]", '[1.0, "x"]'), "`levels` must be a number"),
    "levels nested": (SMALL.replace("[1.0, 2.0, 3.0]", "[[1.0, 2.0]]"), r"must be a number"),
    "levels nan": (SMALL.replace("[1.0, 2.0", "[1.0, nan"), "`levels` must be finite"),
    "levels key": (LEVEL.replace("count", "cuont"), "`cuont`.*did you mean `count`"),
    "levels count": (LEVEL.replace("count = 9", "count = 2001"), "at most 2000"),
    "levels float count": (LEVEL.replace("count = 9", "count = 9.5"), "be an integer"),
    "levels reversed": (LEVEL.replace("from = 1", "from = 19"), "`to` must be above"),
    "levels huge": (LEVEL.replace("count = 9", "count = 1000000000"), "at most 2000"),
    "couplings length": (
        SMALL.replace("couplings = 0.2", "couplings = [0.2]"),
        "must be one number or have shape",
    ),
    "couplings text": (SMALL.replace("couplings = 0.2", 'couplings = "a"'), "`couplings` must be"),
    "rate length": (
        SMALL.replace("rate = 1.0", "rate = [1.0, 2.0]"),
        "must be one number or have shape",
    ),
    "rate sign": (SMALL.replace("rate = 1.0", "rate = -1.0"), "point from `start` to `stop`"),
    "rate zero": (SMALL.replace("rate = 1.0", "rate = 0"), "point from `start` to `stop`"),
    "rate infinite": (SMALL.replace("rate = 1.0", "rate = inf"), "`rate` must be finite"),
    "empty window": (SMALL.replace("stop = 4.0", "stop = 0.0"), "differ from `start`"),
    "beta zero": (SMALL.replace("beta = 1.2", "beta = 0"), "`beta` must be positive"),
    "beta negative": (SMALL.replace("beta = 1.2", "beta = -1"), "`beta` must be positive"),
    "beta list": (SMALL.replace("beta = 1.2", "beta = [1, 2]"), "`beta` must be a number"),
    "temperature": (SMALL.replace("beta = 1.2", "temperature = -1"), "`temperature` must be pos"),
    "both": (SMALL.replace("beta = 1.2", "beta = 1.2\ntemperature = 1"), "but both are given"),
    "neither": (SMALL.replace("beta = 1.2\n", ""), "but neither is"),
    "occupation": (LEVEL.replace("occupation = 1.0", "occupation = 1.5"), "between 0 and 1"),
    "occupation negative": (LEVEL.replace("occupation = 1.0", "occupation = -0.1"), "between 0"),
    "occupation word": (
        LEVEL.replace("occupation = 1.0", 'occupation = "equilibirum"'),
        "did you mean `equilibrium`",
    ),
    "occupation true": (LEVEL.replace("occupation = 1.0", "occupation = true"), "be a number"),
    "key": (SMALL + "copulings = 1\n", "`copulings`.*did you mean `couplings`"),
    "missing": (SMALL.replace("rate = 1.0\n", ""), "key `rate` is missing"),
    "no table": ("driven_level = 3\n", "`driven_level` must be a table"),
    "units": ('[units]\nenergy = "eV"\ntime = "fs"\n' + SMALL, r"\[units\] has no meaning beside"),
    "drive": ('[drive]\nkind = "linear"\n' + SMALL, r"\[drive\] has no meaning beside \[driven"),
    "mixed": (
        '[hamiltonian]\nmodel = "LandauZener"\ngap = 1\n' + SMALL,
        r"both \[hamiltonian\] and \[driven_level\]",
    ),
    "misspelt": (SMALL.replace("driven_level", "driven_levle"), "did you mean `driven_level`"),
    "top key": (SMALL + "[wrok]\n", "Unknown key `wrok`.*did you mean `work`"),
    "question key": (SMALL + "[question]\ntolerance = 1e-9\n", "`tolerance` in .question"),
    "samples": (SMALL + "[question]\nsamples = 5001\n", "at most 5000"),
    "few samples": (SMALL + "[question]\nsamples = 9\n", "at least 10"),
    "work number": ("work = 3\n" + SMALL, "table, true or false"),
    "work key": (SMALL + "[work]\nwdith = 1\n", "did you mean `width`"),
    "scheme": (SMALL + '[work]\nscheme = "coupld"\n', "did you mean `coupled`"),
    "direction": (SMALL + '[work]\ndirections = ["back"]\n', "'forward', 'backward'"),
    "direction twice": (SMALL + '[work]\ndirections = ["forward", "forward"]\n', "directions once"),
    "no direction": (SMALL + "[work]\ndirections = []\n", "one or both"),
    "direction text": (SMALL + '[work]\ndirections = "forward"\n', "be a list"),
    "width": (SMALL + "[work]\nwidth = 0\n", "`width` must be positive"),
    "width fine": (SMALL + "[work]\nwidth = 1e-9\n", "be at least"),
    "width true": (SMALL + "[work]\nwidth = true\n", "`width` must be a number"),
    "scan table": (SMALL + SCAN.replace("driven_level", "drive"), "did you mean `driven_level.rat"),
    "scan levels": (SMALL + SCAN.replace("rate", "levels"), "name a single number"),
    "scan list": (SMALL.replace("rate = 1.0", "rate = [1, 1, 1]") + SCAN, "a single number"),
    "scan value": (
        SMALL + SCAN.replace("0.5", "-0.5"),
        r"At driven_level.rate = -0.5: .*point from `start`",
    ),
    "scan beta": (
        SMALL + SCAN.replace("rate", "temperature"),
        "Exactly one of `beta` and `temperature`",
    ),
    "slow": (
        SMALL.replace("[1.0, 2.0, 3.0]", "{ from = 1, to = 3, count = 150 }").replace(
            "rate = 1.0", "rate = 1e-6"
        ),
        "one is the limit: drive faster",
    ),
    "slow scan": (
        SMALL.replace("[1.0, 2.0, 3.0]", "{ from = 1, to = 3, count = 150 }")
        + SCAN.replace("0.5", "1e-7"),
        "one is the limit: drive faster",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_clear_line(case: str) -> None:
    refuse(*BAD[case])


def test_slowness_is_not_refused() -> None:
    """The published system ten million times slower than published."""
    slow = LEVEL.replace("rate = 1.0", "rate = 1e-7") + "[question]\nsamples = 10\n"
    found = studies.run(study("work = false\n" + slow))
    assert isinstance(found, DrivenLevelOutcome)
    direct = found.experiment.system.evolve(1.0)
    assert found.exact.occupations[-1] == pytest.approx(direct.occupations[-1], abs=1e-8)
    assert found.exact.evolution.panels < 200


# ---- what comes out ---------------------------------------------------------------------------


@pytest.mark.slow
def test_published_parameters_against_independent_numbers(result: DrivenLevelOutcome) -> None:
    """Forty-digit arithmetic of another program: PHYSICS section 5."""
    totals = result.summary()["totals"]
    assert totals["final occupation"]["exact"] == pytest.approx(0.2240342372, abs=1e-10)
    assert totals["final occupation"]["chain"] == pytest.approx(0.2113077233, abs=1e-10)
    assert totals["entropy production"]["chain"] == pytest.approx(2.6985871733, abs=1e-10)
    found = {
        (law["method"], law["direction"]): law for law in result.summary()["work"]["distributions"]
    }
    chain, exact = found["landau-zener", "forward"], found["exact", "forward"]
    assert chain["mean"] == pytest.approx(6.1882533489, abs=1e-9)
    assert chain["variance"] == pytest.approx(7.1895973057, abs=1e-9)
    assert chain["free_energy_difference"] == pytest.approx(3.0222768758, abs=1e-10)
    assert exact["mean"] == pytest.approx(6.2653974027, abs=1e-9)
    assert exact["variance"] == pytest.approx(7.3717520479, abs=1e-9)
    assert exact["free_energy_difference"] == pytest.approx(3.0567805823, abs=1e-10)


@pytest.mark.slow
def test_bins_have_the_published_total_variation(result: DrivenLevelOutcome) -> None:
    work = result.work
    assert work is not None
    assert work.edges is not None
    np.testing.assert_allclose(np.diff(work.edges), 1.0, rtol=1e-12)
    p, q = (work.probabilities[method, "forward"] for method in ("landau-zener", "exact"))
    assert 0.5 * np.abs(p - q).sum() == pytest.approx(0.0132528285, abs=1e-7)


@pytest.mark.slow
def test_chain_bins_obey_the_fluctuation_theorem(result: DrivenLevelOutcome) -> None:
    """P(w) = P̃(−w) exp[β(w − ΔΩ)]: the backward bins must stand where −w says."""
    work = result.work
    assert work is not None
    assert work.edges is not None
    w = 0.5 * (work.edges[1:] + work.edges[:-1])
    p, q = (work.probabilities["landau-zener", d] for d in ("forward", "backward"))
    change = work.distributions["landau-zener", "forward"].free_energy_difference
    taken = p > 1e-12
    assert taken.sum() == 11
    expected = q[taken] * np.exp(1.2 * (w[taken] - change))
    np.testing.assert_allclose(p[taken], expected, rtol=1e-9)


@pytest.mark.slow
def test_densities_are_smoothed_bins(result: DrivenLevelOutcome) -> None:
    work = result.work
    assert work is not None
    assert work.edges is not None
    w = 0.5 * (work.edges[1:] + work.edges[:-1])
    for direction in ("forward", "backward"):
        p = work.probabilities["landau-zener", direction]
        kernel = np.exp(-0.5 * ((work.values[:, None] - w) / 0.5) ** 2) / np.sqrt(np.pi / 2)
        smoothed = kernel @ p
        np.testing.assert_allclose(
            work.densities["landau-zener", direction], smoothed, rtol=1e-9, atol=1e-12
        )
        step = work.values[1] - work.values[0]
        for method in ("landau-zener", "exact"):
            total = work.densities[method, direction].sum() * step
            assert total == pytest.approx(1, abs=1e-5)


def test_scan_is_the_single_point_again(result: DrivenLevelOutcome) -> None:
    scan = result.scan
    assert scan is not None
    assert scan["occupation"][1] == pytest.approx(result.exact.occupations[-1], abs=1e-11)
    assert scan["chain_occupation"][1] == result.chain.occupations[-1]
    assert scan["entropy_production"][1] == pytest.approx(
        float(result.exact.entropy_production[-1]), abs=1e-10
    )
    assert scan["inside_domain"].tolist() == [1, 1, 0]
    keep = np.exp(-2 * np.pi * 0.2**2 / np.array([0.5, 1.0, 8.0]))
    fermi = 1 / (np.exp(1.2 * (np.arange(1, 10) - 3.0)) + 1)
    for k, r in enumerate(keep):
        p = 1.0
        for f in fermi:
            p = r * p + (1 - r) * f
        assert scan["chain_occupation"][k] == pytest.approx(p, abs=1e-13)


@pytest.mark.slow
def test_scan_of_beta_and_temperature_agree() -> None:
    one = SMALL + '[scan]\nparameter = "driven_level.beta"\nvalues = [0.5, 2.0]\n'
    two = SMALL.replace("beta = 1.2", "temperature = 0.8") + (
        '[scan]\nparameter = "driven_level.temperature"\nvalues = [0.5, 2.0]\n'
    )
    first = studies.run(study("work = false\n" + one))
    second = studies.run(study("work = false\n" + two))
    assert isinstance(first, DrivenLevelOutcome)
    assert isinstance(second, DrivenLevelOutcome)
    assert first.scan is not None
    assert second.scan is not None
    np.testing.assert_allclose(
        first.scan["occupation"], second.scan["occupation"][::-1], rtol=1e-12
    )


def test_progress_reports_every_point() -> None:
    seen: list[tuple[int, int]] = []
    studies.run(
        study("work = false\n" + SMALL + SCAN),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_levels_outside_the_window_are_a_note_not_an_error() -> None:
    outcome = studies.run(study("work = false\n" + SMALL.replace("stop = 4.0", "stop = 2.5")))
    said = outcome.sentences()
    assert "1 of 3 levels are never met and left out of the chain" in said.notes
    assert not said.trusted
    assert said.verdict.startswith("Outside its domain")


def test_a_level_that_meets_nobody() -> None:
    outcome = studies.run(study(SMALL.replace("stop = 4.0", "stop = 0.5")))
    assert isinstance(outcome, DrivenLevelOutcome)
    assert any("no reservoir level is met" in note for note in outcome.sentences().notes)
    assert outcome.chain.totals.entropy_production == 0
    json.dumps(outcome.summary(), allow_nan=False)
    assert outcome.to_dataset().sizes["crossing"] == 0


def test_summary_is_strict_json(result: DrivenLevelOutcome) -> None:
    summary = result.summary()
    again = json.loads(json.dumps(summary, allow_nan=False))
    assert again == summary
    assert again["title"] == "a test"
    assert "anticrossing" in again  # marks a directory as a result
    assert again["crossings"]["diabatic_probability"][0] == pytest.approx(0.777767679171789)


def test_tables_are_rectangular_and_titled(result: DrivenLevelOutcome) -> None:
    tables = result.tables()
    titles = [table.title for table in tables]
    assert titles == [
        "the whole drive",
        "crossings of the chain",
        "work",
        "may the chain be trusted?",
        "scan",
    ]
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}
    assert [table.title for table in tables if table.detail] == ["scan"]


@pytest.mark.slow
def test_dataset_is_labelled_and_survives_the_disk(
    result: DrivenLevelOutcome, tmp_path: Path
) -> None:
    import xarray

    studies.save(result, tmp_path / "out")
    with xarray.open_dataset(tmp_path / "out" / "result.nc", engine="h5netcdf") as stored:
        assert stored["occupation"].dims == ("time",)
        assert float(stored["occupation"][-1]) == pytest.approx(0.2240342372, abs=1e-10)
        np.testing.assert_array_equal(stored["driven_level.rate"], [0.5, 1.0, 8.0])
        assert stored["work_density"].dims == ("solution", "direction", "work_value")
        mean = stored["work_mean"].sel(solution="exact", direction="forward")
        assert float(mean) == pytest.approx(6.2653974027, abs=1e-9)
        assert stored["reservoir_occupation"].sizes == {"time": 400, "level": 9}
        assert all("long_name" in stored[name].attrs for name in stored.data_vars)
        assert stored.attrs["units"] == "natural, ħ = k_B = 1"
        assert stored.attrs["experiment_file"] == result.experiment.text
        assert "anticrossing_version" in stored.attrs
