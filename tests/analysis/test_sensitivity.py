"""What an exact answer depends on: against closed forms, in words, and in experiment files."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import InputError

SWEEP = ac.drive.Formula("rate*t", -2000.0, 2000.0, rate=1.0)


def test_errors_of_the_gap_and_the_rate_are_those_of_the_formula():
    given = {"gap": 0.02, "rate": 0.1}
    known = ac.passage(ac.models.LandauZener(gap=1.0), SWEEP, sensitivity=given)
    jump = np.exp(-np.pi / 2)
    by_gap, by_rate = -np.pi * jump, 0.5 * np.pi * jump
    found = known.sensitivity
    assert np.abs(found.slopes[:, 1] - [by_gap, by_rate]).max() < 1e-2
    assert abs(found.slopes[0, 1] - by_gap) < 1e-4
    assert np.allclose(found.slopes[:, 0], -found.slopes[:, 1], atol=1e-9)
    wanted = np.hypot(0.02 * found.slopes[0, 1], 0.1 * found.slopes[1, 1])
    assert found.total[1] == pytest.approx(wanted, rel=1e-12)
    assert "∂P/∂gap" in str(known)
    assert "σ of P" in str(known)


@pytest.mark.slow
def test_errors_agree_with_a_sample_of_inputs():
    generator = np.random.default_rng(1)
    gaps = 0.6 + 0.01 * generator.standard_normal(1000)
    rates = 0.05 + 0.004 * generator.standard_normal(1000)
    sweep = ac.drive.Linear(-8.0, 8.0, rate=0.5)

    def probability(gap, rate):
        surroundings = ac.FixedAxisDephasing(rate)
        model = ac.models.LandauZener(gap=gap)
        return ac.propagate(model, sweep, environment=surroundings).probabilities[..., 1]

    sampled = probability(gaps, rates)
    given = {"gap": 0.01, "environment.rate": 0.004}
    surroundings = ac.FixedAxisDephasing(0.05)
    found = ac.passage(
        ac.models.LandauZener(gap=0.6), sweep, environment=surroundings, sensitivity=given
    ).sensitivity
    # The standard error of a standard deviation of n normal numbers is one part in √2n.
    assert found.total[1] == pytest.approx(np.std(sampled), rel=4 / np.sqrt(2000) + 0.01)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gap": -1.0}, "must not be negative"),
        ([], "must name parameters, or map them"),
        ("gapp", "did you mean `gap`"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(InputError, match=message):
        ac.passage(ac.models.LandauZener(gap=1.0), SWEEP, sensitivity=given)


def test_names_that_two_have_are_listed_with_their_owners():
    line, noise = ac.drive.Linear(-5, 5, rate=1.0), ac.FixedAxisDephasing(0.1)
    with pytest.raises(InputError, match=r"\(gap, drive\.rate, .*environment\.rate\)"):
        ac.passage(ac.models.LandauZener(gap=1.0), line, environment=noise, sensitivity="foo")


def test_several_values_have_no_single_deviation():
    drive = ac.drive.Piecewise([0, 1, 2], [-3, 3, -3])
    with pytest.raises(InputError, match="one number each"):
        ac.passage(ac.models.LandauZener(gap=1.0), drive, sensitivity={"values": 0.1})
    plain = ac.passage(ac.models.LandauZener(gap=1.0), drive, sensitivity="values").sensitivity
    assert plain.names == ("values[0]", "values[1]", "values[2]")
    assert plain.total is None


FILE = """
[hamiltonian]
model = "LandauZener"
gap = 1.0
[drive]
kind = "linear"
start = -20.0
stop = 20.0
rate = 1.0
[question]
sensitivity = { gap = 0.02 }
"""


def test_an_experiment_file_asks_for_it(tmp_path):
    from anticrossing import studies

    file = tmp_path / "known.toml"
    file.write_text(FILE)
    outcome = studies.run(studies.load(file))
    assert outcome.numbers()["sensitivity"]["parameters"] == ["gap"]
    tables = {table.title: table for table in outcome.own_tables()}
    gap, together = tables["what the probabilities depend on"].rows
    assert together[0] == "σ of P"
    assert together[2:] == pytest.approx([abs(slope) * gap[1] for slope in gap[2:]])
    file.write_text(FILE.replace("{ gap", "{ gapp"))
    with pytest.raises(InputError, match=r"\[question\].*did you mean `gap`"):
        studies.load(file)
