"""The whole analysis: events, predictions with their domain, the exact answer, the words."""

import itertools
import time

import numpy as np
import pytest
from scipy.special import lambertw

import anticrossing as ac
from anticrossing import formulas
from anticrossing.analysis.meetings import find_events
from anticrossing.analysis.phases import interference_inputs


def names(result):
    return [prediction.name for prediction in result.predictions]


def test_textbook_passage():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, 1.0))
    (event,) = result.events
    assert event.levels == (0, 1)
    assert event.time == pytest.approx(0.0, abs=1e-9)
    assert event.sweep_rate == pytest.approx(1.0, rel=1e-6)
    assert float(event.jump) == pytest.approx(np.exp(-np.pi / 2), rel=1e-6)
    assert names(result) == ["Landau–Zener", "finite window (Weber)"]
    assert all(prediction.valid for prediction in result.predictions)
    weber = result.predictions[1]
    assert weber.difference < 1e-10
    assert "Within its domain" in result.verdict
    assert "OUTSIDE" not in str(result)


def test_two_passages_with_phases_match_the_impulse_model():
    # Exact 0.076019 and adiabatic-impulse 0.074821 are known values for this drive.
    result = ac.passage(ac.models.LandauZener(gap=0.2), ac.drive.Sinusoidal(0.5, 5.0, 0.3))
    assert float(result.exact.probabilities[1]) == pytest.approx(0.076019, abs=1e-6)
    with_phases = result.predictions[names(result).index("crossings with phases")]
    assert with_phases.probabilities[1] == pytest.approx(0.074821, abs=1e-6)


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_the_sign_of_a_jump_is_that_of_the_exact_amplitude(turn):
    """U₁₀ in the carried eigenvectors is −s√P: the phases of both levels cancel by symmetry."""
    h = ac.models.LandauZener(gap=0.7)
    drive = ac.drive.Linear(-60 * turn, 60 * turn, turn)
    _, (event,), _ = find_events(h, drive)
    inputs = interference_inputs(h, drive, [event])
    assert inputs is not None
    # The signs refer to the vectors that are met first, half-way to the crossing.
    path = np.linspace(-30.0, 30.0, 4001) * turn
    vectors = np.linalg.eigh(h(path))[1]
    for before, after in itertools.pairwise(vectors):
        after *= np.sign(np.sum(before * after, axis=0))
    half = ac.propagate(h, ac.drive.Linear(path[0], path[-1], turn)).propagator
    amplitude = (vectors[-1].T @ half @ vectors[0])[1, 0]
    (direction,) = inputs[1]
    matrix = formulas.transfer_matrix(gap=0.7, sweep_rate=1.0, direction=direction)
    assert abs(amplitude - matrix[1, 0]) < 0.02


def test_short_window_is_reported_outside_the_domain():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0))
    assert not result.predictions[0].valid
    assert "Outside its domain" in result.verdict
    assert "the sweep ends" in str(result)


@pytest.mark.slow
def test_improbable_jump_is_sensitive_to_curvature_and_says_so():
    result = ac.passage(
        ac.models.LandauZener(gap=1.0), ac.drive.Tanh(-2, 2, rate=0.3, duration=200.0)
    )
    landau_zener = result.predictions[names(result).index("Landau–Zener")]
    assert abs(landau_zener.probabilities[1] / result.exact.probabilities[1] - 1) > 0.2
    assert not landau_zener.valid


def test_diabatic_readout_swaps_the_roles():
    result = ac.passage(
        ac.models.LandauZener(gap=1.0), ac.drive.Linear(-50, 50, 1.0), basis="diabatic"
    )
    # State 0 is ½x: it starts low; keeping the diabatic state is a jump between levels.
    assert result.predictions[0].probabilities[0] == pytest.approx(np.exp(-np.pi / 2), rel=1e-6)
    weber = result.predictions[names(result).index("finite window (Weber)")]
    assert weber.difference < 1e-10


def test_sequence_of_crossings_against_the_exact_product():
    levels, couplings = np.array([-40.0, 0.0, 40.0]), np.array([0.3, 0.4, 0.2])
    result = ac.passage(
        ac.models.DemkovOsherov(levels=levels, couplings=couplings),
        ac.drive.Linear(-2000, 2000, 1.0),
    )
    keep = np.exp(-2 * np.pi * couplings**2)
    expected = [
        1 - keep[0],
        keep[0] * (1 - keep[1]),
        keep[0] * keep[1] * (1 - keep[2]),
        np.prod(keep),
    ]
    chain = result.predictions[names(result).index("independent crossings")]
    assert chain.valid
    assert np.allclose(chain.probabilities, expected, atol=2e-4)
    assert np.allclose(result.exact.probabilities, expected, atol=1e-6)


def test_level_that_takes_no_part_gets_no_prediction():
    H = ac.Hamiltonian.affine(
        np.array([[0.0, 0.1, 0], [0.1, 0.0, 0], [0, 0, 50.0]]), np.diag([1.0, -1.0, 0.0])
    )
    result = ac.passage(H, ac.drive.Linear(-5, 5, 1.0), initial=2)
    assert result.predictions == ()
    assert result.exact.probabilities[2] == pytest.approx(1.0)
    assert "No closed form" in result.verdict


def test_gap_that_is_smallest_at_an_end_is_noted():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(0, 50, 5.0))
    assert len(result.crossings) == 0
    assert any("abruptly" in text for text in result.warnings)
    assert result.verdict.startswith("Within its domain, half crossing")


@pytest.mark.slow  # quick: test_referee, a number that is not known
def test_adiabatic_passage_reports_the_logarithm():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, 1e-3))
    assert result.log_jump.log_probability == pytest.approx(-500 * np.pi, rel=1e-8)
    assert "adiabatic" in result.verdict


def test_units_are_applied_once():
    H = ac.models.FluxQubit(gap=0.02, persistent_current=300.0)
    result = ac.passage(H, ac.drive.Linear(-1, 1, 0.005))
    (event,) = result.events
    slope = event.crossing.slope_difference
    expected = np.exp(-np.pi * (2 * np.pi * 0.02) ** 2 / (2 * 2 * np.pi * slope * 0.005))
    assert float(event.jump) == pytest.approx(expected, rel=1e-6)
    assert result.exact.probabilities[1] == pytest.approx(expected, rel=1e-3)


def test_turning_point_inside_a_crossing_is_noted():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0.0, 0.3, 1.0))
    assert any("turns" in text for text in result.warnings)


@pytest.mark.parametrize(
    ("H", "drive", "arguments", "message"),
    [
        (
            ac.models.LandauZener(gap=[1.0, 2.0]),
            ac.drive.Linear(-1, 1, 1.0),
            {},
            "single parameter",
        ),
        (
            ac.models.LandauZener(gap=1.0),
            ac.drive.Linear(-1, 1, [1.0, 2.0]),
            {},
            "single parameter",
        ),
        (
            ac.models.LandauZener(gap=1.0),
            ac.drive.Linear(-1, 1, 1.0),
            {"initial": 5},
            "from 0 to 1",
        ),
        (ac.models.LandauZener(gap=1.0), ac.drive.Formula("2.0", 0, 1), {}, "does not move"),
        (3, ac.drive.Linear(-1, 1, 1.0), {}, "must be a Hamiltonian"),
    ],
)
def test_bad_input_is_one_clear_line(H, drive, arguments, message):
    with pytest.raises(ac.InputError, match=message):
        ac.passage(H, drive, **arguments)


def test_dephasing_has_a_closed_form_of_its_own():
    result = ac.passage(
        ac.models.LandauZener(gap=1.0),
        ac.drive.Linear(-1000, 1000, 0.01),
        environment=ac.Dephasing(0.3),
    )
    assert names(result) == ["Landau–Zener", "Landau–Zener with dephasing"]
    assert not result.predictions[0].valid
    assert "coherence is lost" in str(result)
    # The checked exact value of this case.
    assert result.exact.probabilities[1] == pytest.approx(1.831722e-3, abs=1e-9)
    assert result.predictions[1].probabilities[1] == pytest.approx(1.831722e-3, rel=2e-3)


def test_strong_fixed_axis_dephasing_has_a_closed_form_of_its_own():
    result = ac.passage(
        ac.models.LandauZener(gap=0.6),
        ac.drive.Linear(-60, 60, 1.0),
        environment=ac.FixedAxisDephasing(10),
        basis="diabatic",
    )
    law = result.predictions[names(result).index("strong dephasing (diabatic axis)")]
    assert law.difference < 1e-3


def test_decay_rates_at_a_crossing():
    from anticrossing.analysis.decay import decay_rates

    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, 1.0)
    thermal = ac.ThermalRelaxation(temperature=0.5, t1=4.0) + ac.Dephasing(rate=0.1)
    rates = decay_rates(H, drive, thermal, 0.0, (0, 1))
    assert rates.relaxation == pytest.approx(0.25)
    assert rates.dephasing == pytest.approx(0.1)
    assert rates.coherence == pytest.approx(0.225)
    # σ_z dephasing at rate Γ: at the crossing the eigenstates are those of σ_x.
    axis = decay_rates(H, drive, ac.FixedAxisDephasing(0.6), 0.0, (0, 1))
    assert axis.coherence == pytest.approx(0.3)
    assert axis.relaxation == pytest.approx(0.6)
    watched = decay_rates(H, drive, ac.FixedAxisDephasing(0.6), 0.0, (0, 1), diabatic=True)
    assert watched.dephasing == pytest.approx(0.6)
    assert watched.relaxation == pytest.approx(0.0, abs=1e-12)


def test_levels_without_a_gap_agree_without_complaint():
    result = ac.passage(ac.models.LandauZener(gap=0.0), ac.drive.Linear(-10, 10, 1.0))
    assert result.verdict.startswith("Within its domain, Landau–Zener gives 1 for level 1")


def test_gap_lost_in_the_rounding_of_a_huge_window_is_outside_the_domain():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1e15, 1e15, 1.0))
    assert result.verdict.startswith("Outside its domain (rounding of the levels")
    assert result.exact.probabilities[1] == pytest.approx(np.exp(-np.pi / 2), abs=1e-6)


def test_three_levels_through_one_point_are_analysed():
    H = ac.Hamiltonian.from_matrix([["x", 0.1, 0], [0.1, 0, 0.1], [0, 0.1, "-x"]])
    result = ac.passage(H, ac.drive.Linear(-10, 10, 1.0))
    assert sum(result.exact.probabilities) == pytest.approx(1.0)


def test_turning_at_a_crossing_is_told_from_adiabatic_following():
    H = ac.models.LandauZener(gap=1.0)
    touched = ac.passage(H, ac.drive.Piecewise([0, 10, 20], [-10, 0, -10]))
    assert "turns" in touched.verdict
    assert touched.exact.probabilities[0] < 0.8
    assert "through" not in ac.passage(H, ac.drive.Linear(20, 60, 0.1)).verdict


@pytest.mark.slow
def test_many_crossings_are_analysed_without_phases_and_more_are_refused():
    H = ac.Hamiltonian.from_matrix([["sin(f*x)", 0.3], [0.3, "-sin(f*x)"]], parameters={"f": 60.0})
    drive = ac.drive.Linear(0.02, 20.02, 30.0)
    result = ac.passage(H, drive)
    assert len(result.events) == 382
    assert [p.name for p in result.predictions] == ["independent crossings"]
    assert any("phases between 382 crossings" in text for text in result.warnings)
    with pytest.raises(ac.InputError, match="at most 1000 crossings"):
        ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0, 5, 1, stop_time=4000))


@pytest.mark.parametrize(
    ("formula", "stop", "message"),
    [
        ("1/t", 1, r"finite on its window, but x\(t\) is not at t = 0"),
        ("sqrt(t**2 - 0.01)", 1, "not at t = -0.1"),
        ("tan(t)", 3, "near t = 1.57"),
        ("sin(1e6*t)", 100, "turn at most 2000 times|turns too fast"),
    ],
)
def test_drives_that_cannot_be_followed_are_named(formula, stop, message):
    with pytest.raises(ac.InputError, match=message):
        ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Formula(formula, -1, stop))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", [1e300, 1e100, 1e-100, 1e-300])
def test_extreme_rates_give_an_answer_without_noise(rate):
    began = time.perf_counter()
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-10, 10, rate))
    assert result.verdict
    assert time.perf_counter() - began < 10


def test_regimes_are_told_from_numbers():
    H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1000, 1000, 0.01)
    slow = ac.passage(H, drive, environment=ac.Dephasing(0.3))
    (regime,) = slow.regimes
    assert regime.regime == "incoherent"
    assert regime.jump_probability == pytest.approx(slow.exact.probabilities[1], rel=0.01)
    fast = ac.passage(H, ac.drive.Linear(-50, 50, 2.0), environment=ac.Dephasing(1e-3))
    assert fast.regimes[0].regime == "coherent"
    watched = ac.passage(
        ac.models.LandauZener(gap=0.6),
        ac.drive.Linear(-3, 3, 1.0),
        environment=ac.FixedAxisDephasing(50.0),
        basis="diabatic",
    )
    assert watched.regimes[0].regime == "frozen"
    thermal = ac.passage(H, drive, environment=ac.ThermalRelaxation(temperature=0.5, t1=100.0))
    assert thermal.regimes[0].regime == "relaxed"
    assert "Decoherence regime" in str(thermal)
    assert ac.passage(H, ac.drive.Linear(-50, 50, 2.0)).regimes == ()


PULSED_FOR_LONG = {
    "-3+3*(tanh((t-313700)/0.1)-tanh((t-313710)/0.1))": (1e6, [313700.0, 313710.0]),
    "-3+6*t/2*exp(1-t/2)": (1e6, [-2 * lambertw(-0.5 / np.e, k).real for k in (0, -1)]),
    "-3+3*(tanh((t-1.1)/1e-5)-tanh((t-1.10005)/1e-5))": (4.0, [1.1, 1.10005]),
}


@pytest.mark.quick(1)
@pytest.mark.parametrize("formula", PULSED_FOR_LONG)
def test_crossings_within_a_pulse_far_shorter_than_the_window_are_met(formula):
    stop, right = PULSED_FOR_LONG[formula]
    result = ac.passage(ac.models.LandauZener(gap=0.3), ac.drive.Formula(formula, 0, stop))
    assert [event.time for event in result.events] == pytest.approx(right, rel=1e-8)


@pytest.mark.parametrize("rate", [0.1, [0.1, 0.2]])
def test_surroundings_that_do_not_fit_are_refused(rate):
    three = ac.models.DemkovOsherov(levels=[0.0, 1.0], couplings=[0.1, 0.2])
    with pytest.raises(ac.InputError):
        ac.passage(
            three,
            ac.drive.Linear(-5, 5, rate=1.0),
            environment=ac.environment.FixedAxisDephasing(rate),
        )


@pytest.mark.filterwarnings("error")
def test_positions_near_the_largest_double_are_refused_in_one_line():
    for reach in (1e160, 1e300):
        with pytest.raises(ac.InputError, match="must stay below 1e\\+150"):
            ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-reach, reach, rate=1.0))
    # Where H itself is of ordinary size they are nothing special.
    slight = ac.Hamiltonian.from_matrix([["x*1e-140", "0.25"], ["0.25", "-x*1e-140"]])
    found = ac.passage(slight, ac.drive.Linear(-9e140, 9e140, rate=1e140))
    assert found.events[0].jump.value == pytest.approx(np.exp(-np.pi * 0.5**2 / 4))
