"""The table of benchmarks: its arithmetic, its problems, and its pages beside the figures."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import harness, many_levels, page, solvers, two_levels
from benchmarks.harness import ACCURACY, Case, Choice, Chooser, Refusal, measure, missed
from benchmarks.solvers import Solver
from scipy.integrate import solve_ivp

import anticrossing as ac
from tests.effort import slow

EXACT = np.array([0.25, 0.75])
STORED = page.read()
ROWS = [row for part in STORED["series"].values() for row in part["rows"]]


def fake(calls: list[tuple[str, float]], **constants: float) -> Solver:
    """A solver whose error is a constant times the tolerance, another one for every method."""

    def solve(method: str, tolerance: float) -> np.ndarray:
        calls.append((method, tolerance))
        return EXACT + np.array([0.0, constants[method] * tolerance])

    return Solver("fake", "numpy", tuple(constants), solve)


def case(oscillations: float = 1.0, *rivals: Solver, least: float = 0.0) -> Case:
    return Case(
        name="two numbers",
        oscillations=oscillations,
        exact=lambda: EXACT,
        reference="given",
        ours=lambda tolerance: EXACT + tolerance / 2,
        rivals=rivals,
        group="numbers",
        targets=(("fake", least),),
    )


def test_the_loosest_accurate_tolerance_counts():
    calls: list[tuple[str, float]] = []
    chosen = Chooser().choose(case(), fake(calls, good=2.0), EXACT, np.inf)
    assert isinstance(chosen, Choice)
    assert chosen.tolerance == pytest.approx(10**-8.5)
    assert chosen.error == pytest.approx(2 * 10**-8.5, rel=1e-6)
    assert [tolerance for _, tolerance in calls] == [
        tolerance for tolerance in solvers.TOLERANCES if tolerance >= chosen.tolerance
    ]


def test_a_slower_case_begins_near_the_tolerance_of_the_faster_one(monkeypatch):
    monkeypatch.setattr(harness, "CHEAP", 0.0)
    chooser, calls = Chooser(), []
    chooser.choose(case(), fake(calls, good=2.0), EXACT, np.inf)
    calls.clear()
    chosen = chooser.choose(case(10.0), fake(calls, good=20.0), EXACT, np.inf)
    assert isinstance(chosen, Choice)
    assert chosen.tolerance == pytest.approx(10**-9.5)
    assert calls[0][1] == pytest.approx(1e-8)


def test_what_would_take_too_long_is_not_run():
    chooser, calls = Chooser(), []
    solver = fake(calls, good=2.0)
    first = chooser.choose(case(), solver, EXACT, np.inf)
    calls.clear()
    refused = chooser.choose(case(1e30), solver, EXACT, limit=60.0)
    assert isinstance(first, Choice)
    assert isinstance(refused, Refusal)
    assert refused.would_take == pytest.approx(1e30 * first.seconds)
    assert calls == []


def test_what_is_not_accurate_does_not_count():
    refused = Chooser().choose(case(), fake([], bad=1e9), EXACT, np.inf)
    assert refused == Refusal(not_accurate=True)
    chosen = Chooser().choose(case(), fake([], bad=1e9, good=1.0), EXACT, np.inf)
    assert isinstance(chosen, Choice)
    assert chosen.method == "good"


def test_a_solver_that_gives_up_does_not_count():
    gives_up = Solver("fake", "numpy", ("stiff",), lambda _, tolerance: np.full(2, np.nan))
    assert Chooser().choose(case(), gives_up, EXACT, np.inf) == Refusal(not_accurate=True)


def test_a_row_states_its_ratio_and_a_missed_target():
    within = case(1.0, fake([], good=2.0))
    row = measure(within, Chooser())
    own = row["rivals"]["fake"]
    assert own["ratio"] == pytest.approx(own["seconds"] / row["ours"]["seconds"], rel=0.02)
    assert row["ours"]["error"] == pytest.approx(5e-9, rel=0.01)
    assert missed(within, row) == []
    (line,) = missed(case(least=1e9), row)
    assert line.endswith("the target is 1e+09")


# --- the problems -------------------------------------------------------------------------------

CASES = {
    "sweep": (two_levels.sweep, 1),
    "generic": (many_levels.generic, 5),
    "stirap": (many_levels.stirap, 0),
    "dephasing": (two_levels.dissipation, 0),
    "decay": (two_levels.dissipation, 5),
    "ring": (many_levels.rings, 0),
    "triangle": (many_levels.triangle, 0),
    "scalar": (two_levels.scalar, 1),
    "batch": (two_levels.batch, 1),
}


QUICK = ("sweep", "scalar")


@pytest.mark.parametrize("name", [*QUICK, *(slow(name) for name in CASES if name not in QUICK)])
def test_solvers_answer_the_same_question(name):
    """DOP853 of SciPy wherever it is asked, the others where they are installed."""
    cases, number = CASES[name]
    one = list(cases())[number]
    known = one.ours(1e-10)
    if "QuTiP" not in one.reference:
        assert np.max(np.abs(known - one.exact())) < ACCURACY
    for solver in one.rivals:
        if solver.installed and not solver.compiles:
            expected = known if solver.exact is None else solver.exact()
            found = solver.solve(solver.methods[0], 1e-12)
            assert np.max(np.abs(found - expected)) < ACCURACY


def test_weber_equation_against_another_method():
    gap, reach = np.sqrt(2.0), 4.0
    omega = np.sqrt(reach**2 + gap**2 / 4)
    value, tilt = 1 / np.sqrt(2 * omega), reach / (2 * omega**2)
    y, slope = solve_ivp(
        lambda t, y: np.array([y[1], -(t * t + gap * gap / 4) * y[0]]),
        (-reach, reach),
        np.array([value, (tilt - 1j * omega) * value]),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    ).y[:, -1]
    reflected = abs(value * slope - (-tilt - 1j * omega) * value * y) ** 2
    assert solvers.turned_back(gap, reach)[0] == pytest.approx(reflected, abs=1e-10)
    # Far out the share is that of an infinite window, and so is P.
    assert solvers.turned_back(gap, 1e3)[0] == pytest.approx(np.exp(-np.pi / 2), abs=1e-8)
    assert ac.formulas.landau_zener(gap=gap, sweep_rate=2.0).value == pytest.approx(
        np.exp(-np.pi / 2)
    )


# --- the pages ----------------------------------------------------------------------------------


def test_the_pages_follow_from_the_stored_figures():
    text = page.PAGE.read_text(encoding="utf-8")
    for name, content in page.page_parts(STORED).items():
        assert page.replaced(text, name, content) == text, "run `python -m benchmarks.table --page`"
    text = page.README.read_text(encoding="utf-8")
    assert page.replaced(text, "benchmarks", page.summary(STORED)) == text


def test_every_stored_figure_is_accurate_and_every_ratio_one_of_times():
    assert STORED["accuracy"] == ACCURACY
    assert len(ROWS) > 50
    for row in ROWS:
        own = row["ours"]
        timed = [figures for figures in row["rivals"].values() if "ratio" in figures]
        assert max(figures["error"] for figures in [own, *timed]) <= ACCURACY, row["name"]
        for figures in timed:
            ratio = figures["seconds"] / own["seconds"]
            assert figures["ratio"] == pytest.approx(ratio, rel=0.02), row["name"]


def test_what_is_known_from_here_alone_is_said():
    text = page.PAGE.read_text(encoding="utf-8")
    for part in STORED["series"].values():
        names = [row["name"] for row in part["rows"] if row["reference"].startswith("this package")]
        assert not names or f"alone: {', '.join(names)}." in text


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (4.44e-5, "44 µs"),
        (0.0106, "11 ms"),
        (1.0, "1 s"),
        (119.0, "120 s"),
        (3600.0, "60 min"),
        (86400.0, "24 h"),
        (4.6e7, "530 days"),
        (3.156e11, "10,000 years"),
        (3.156e13, "10⁶ years"),
    ],
)
def test_times_are_written_in_the_unit_one_would_use(seconds, written):
    assert page.period(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.0123, "0.012"),
        (1e4, "10⁴"),
        (2.34e10, "2.3·10¹⁰"),
        (3e-9, "3.0·10⁻⁹"),
    ],
)
def test_powers_of_ten(value, written):
    assert page.power(value) == written


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="once"):
        page.replaced("no marks", "tables", "content")


def test_a_rival_that_was_stopped_takes_at_least_as_long() -> None:
    row = {"ours": {"seconds": 0.01}, "rivals": {"a": {"ratio": 2.5}, "b": {"not_within": 6.0}}}
    assert page._ratio(row, "a") == "2.5"
    assert page._ratio(row, "b") == "more than 600"
