"""The whole analysis: events, predictions with their domain, the exact answer, the words."""

import numpy as np
import pytest

import anticrossing as ac


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


def test_short_window_is_reported_outside_the_domain():
    result = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0))
    assert not result.predictions[0].valid
    assert "Outside its domain" in result.verdict
    assert "the sweep ends" in str(result)


def test_improbable_jump_is_sensitive_to_curvature_and_says_so():
    result = ac.passage(
        ac.models.LandauZener(gap=1.0), ac.drive.Tanh(-2, 2, rate=0.3, duration=200.0)
    )
    landau_zener = result.predictions[0]
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
    assert "meets no crossing" in result.verdict


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
