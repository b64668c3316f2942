"""Every result of the analysis shows, stores and draws itself."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import analysis, geometry
from tests.result_protocol import check

H, SWEEP = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-30, 30, rate=1.0)
FRO = ac.drive.Sinusoidal(0.5, 5.0, 0.3)
RATES = {"dephasing_rate": 0.01, "relaxation_rate": 0.001, "window": 50.0}


@functools.cache
def passage() -> analysis.Passage:
    return ac.passage(H, SWEEP)


@functools.cache
def impulse() -> analysis.AdiabaticImpulse:
    return analysis.adiabatic_impulse(ac.models.LandauZener(gap=0.2), FRO)


def intersection_passage() -> analysis.IntersectionPassage:
    cone = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    found = geometry.find_intersection(cone, [0.3, 0.2])
    return analysis.intersection_passage(
        cone, found, direction=[1.0, 0.0], impact_parameter=[0.0, 0.5], speed=2.0, length=100
    )


RESULTS = {
    "passage": passage,
    "open passage": lambda: ac.passage(H, SWEEP, environment=ac.Dephasing(0.1)),
    "no crossing": lambda: ac.passage(H, ac.drive.Linear(5, 30, rate=1.0)),
    "event": lambda: passage().events[0],
    "prediction": lambda: passage().predictions[0],
    "impulse": impulse,
    "impulse alone": lambda: analysis.adiabatic_impulse(H, SWEEP, compare=False),
    "expansion": lambda: analysis.adiabatic_expansion(H, SWEEP, ac.Dephasing(1.0)),
    "expansion on the way": lambda: analysis.adiabatic_expansion(
        H, ac.drive.Linear(-2, 2, rate=0.2), ac.Dephasing(1.0), order=2, times=[0.0, 5.0]
    ),
    "remainder": lambda: analysis.adiabatic_remainder(
        H, ac.drive.Linear(-2, 2, rate=0.2), ac.Dephasing(1.0)
    ),
    "transport": lambda: analysis.parallel_transport(
        H, ac.drive.Linear(-2, 2, rate=0.2), ac.Dephasing(1.0)
    ),
    "structure": lambda: analysis.lindblad_structure_at(H, SWEEP, ac.Dephasing(1.0), 3.0),
    "split": lambda: analysis.coherent_incoherent_split(H, SWEEP, ac.Dephasing(0.1)),
    "linear sweep": lambda: analysis.linear_sweep_constraints(H),
    "peak": lambda: analysis.coupling_peak(H, (-50, 50)),
    "regime": lambda: analysis.decoherence_regime(gap=1.0, sweep_rate=1.0, **RATES),
    "past an intersection": intersection_passage,
}


@pytest.mark.quick(8)
@pytest.mark.parametrize("name", RESULTS)
def test_result_protocol(name, tmp_path):
    check(RESULTS[name](), tmp_path)


def test_what_is_a_few_numbers_is_not_drawn(tmp_path):
    rates = analysis.decay_rates(H, SWEEP, ac.Dephasing(0.3), 0.0, (0, 1))
    check(rates, tmp_path, drawable=False)
    check(impulse().passages[0], tmp_path, drawable=False)


def test_passage_reads_like_a_short_report():
    text = str(passage())
    assert "1 crossing in x" in text
    assert "at t = 0 levels 0 and 1 meet" in text
    assert "level 0     level 1" in text
    assert ", within its domain" in text
    assert text.endswith(passage().verdict)
    data = passage().to_dataset()
    assert np.allclose(data["predicted"].sel(level=1), data["exact"].sel(level=1), atol=1e-3)


def test_a_closed_form_is_drawn_by_its_conditions():
    prediction = passage().predictions[0]
    shown = {label.get_text() for label in prediction.plot().get_yticklabels()}
    assert shown == {check.quantity for check in prediction.checks}


def test_the_crossings_of_a_passage_are_marked_on_its_own_levels():
    """Levels with what they share, as the crossings have it: the search leaves it out."""
    tilted = ac.Hamiltonian.from_matrix([["5 + 3*x", 0.1], [0.1, "5 + x"]])
    crossings = ac.passage(tilted, ac.drive.Linear(-3, 3, rate=1.0)).crossings
    axes = crossings.plot()
    lower, upper = (line.get_xydata() for line in axes.lines if line.get_marker() == "None")
    middle = np.interp(crossings[0].position, lower[:, 0], 0.5 * (lower[:, 1] + upper[:, 1]))
    assert middle == pytest.approx(crossings[0].centre_energy) == pytest.approx(5.0)
