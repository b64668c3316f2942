"""Rate constants from populations: closed forms, ensembles of jumps, the errors of both."""

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.fits import fit_kinetics

TIMES = np.linspace(0, 12, 61)
CHAIN = [(0, 1), (1, 2)]


def bateman(first, second):
    a = np.exp(-first * TIMES)
    b = first / (second - first) * (a - np.exp(-second * TIMES))
    return np.stack([a, b, 1 - a - b], axis=1)


def jumps(first, second, count, rng):
    """Return populations of single molecules that jump at exponential times."""
    one = rng.exponential(1 / first, (count, 1))
    two = one + rng.exponential(1 / second, (count, 1))
    state = (one < TIMES).astype(int) + (two < TIMES)
    return np.eye(3)[state]


@pytest.mark.parametrize(("first", "second"), [(0.3, 1.1), (2.0, 0.2)])
def test_two_steps_in_closed_form(first, second):
    fit = fit_kinetics(TIMES, bateman(first, second), CHAIN, resamples=20)
    np.testing.assert_allclose(fit.rates, [first, second], rtol=1e-6)
    np.testing.assert_allclose(fit.lifetimes, [1 / first, 1 / second, np.inf], rtol=1e-6)
    assert fit.errors.max() < 1e-6
    assert not fit.warnings


def test_there_and_back():
    forth, back = 0.7, 0.25
    total = forth + back
    left = (back + forth * np.exp(-total * TIMES)) / total
    fit = fit_kinetics(TIMES, np.stack([left, 1 - left], 1), [(0, 1), (1, 0)], resamples=20)
    np.testing.assert_allclose(fit.rates, [forth, back], rtol=1e-6)
    late = fit_kinetics(
        TIMES, np.stack([left, 1 - left], 1), [(0, 1), (1, 0)], initial=[1, 0], resamples=20
    )
    np.testing.assert_allclose(late.rates, fit.rates, rtol=1e-6)


@pytest.mark.slow
def test_trajectories_are_resampled_whole():
    """One exponential, fitted by least squares in a long window: the variance is a double sum."""
    rate, count = 0.5, 300
    singles = jumps(rate, 1e-9, count, np.random.default_rng(3))[:, :, :2]
    fit = fit_kinetics(TIMES, singles, [(0, 1)], resamples=40)
    survival = np.exp(-rate * TIMES)
    slope = -TIMES * survival
    covariance = np.minimum.outer(survival, survival) - np.outer(survival, survival)
    expected = np.sqrt(slope @ covariance @ slope / count) / (slope @ slope)
    assert fit.errors[0] == pytest.approx(expected, rel=0.35)
    assert abs(fit.rates[0] - rate) < 3 * expected
    # as if its points were independent the error would be far too small
    wrong = fit_kinetics(TIMES, singles.mean(axis=0), [(0, 1)], resamples=40)
    assert wrong.errors[0] < 0.6 * expected
    again = fit_kinetics(TIMES, singles, [(0, 1)], resamples=20)
    assert np.array_equal(again.samples, fit.samples[:20])


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say():
    rng, truth, hits = np.random.default_rng(11), np.array([0.3, 1.1]), []
    for k in range(60):
        fit = fit_kinetics(TIMES[::3], jumps(*truth, 100, rng)[:, ::3], CHAIN, resamples=50, seed=k)
        hits.append((fit.intervals[:, 0] < truth) & (truth < fit.intervals[:, 1]))
    covered = np.mean(hits, axis=0)
    assert np.all(np.abs(covered - 0.68) < 3 * np.sqrt(0.68 * 0.32 / 60)), covered


@pytest.mark.slow
def test_many_steps_are_begun_from_few_places():
    """Every step between five states: twenty rates, of which populations tell the sums."""
    singles = np.linspace(0.2, 1, TIMES.size)[:, None] * np.array([0.2] * 5)
    populations = np.concatenate([1 - singles[:, 1:].sum(axis=1, keepdims=True), singles[:, 1:]], 1)
    steps = [(i, j) for i in range(5) for j in range(5) if i != j]
    fit = fit_kinetics(TIMES[::6], populations[::6], steps, resamples=20)
    assert fit.residual < 0.02
    assert any("not told" in text for text in fit.warnings)


def test_doubts():
    slow = fit_kinetics(TIMES, bateman(1e-4, 1.0), CHAIN, resamples=20)
    assert "not told" in slow.warnings[0]
    singles = jumps(0.4, 2.0, 400, np.random.default_rng(5))
    wrong = fit_kinetics(TIMES, singles, [(0, 2), (2, 1)], resamples=20)
    assert any("misses the populations" in text for text in wrong.warnings)
    assert "note: " in str(wrong)
    means = fit_kinetics(TIMES, bateman(1.0, 0.3), [(0, 1)], resamples=20)
    assert "miss the network together" in means.warnings[0]


@pytest.mark.slow
def test_times_over_fifteen_decades():
    times = np.concatenate([[0.0], np.logspace(-15, 0, 13)])
    left = np.exp(-1e13 * times)
    fit = fit_kinetics(times, np.stack([left, 1 - left], 1), [(0, 1)], resamples=20)
    np.testing.assert_allclose(fit.rates, [1e13], rtol=1e-6)


@pytest.mark.slow
def test_a_state_too_short_lived_to_be_seen():
    times = np.concatenate([[0.0], np.logspace(-9, 0, 8)])
    left = np.exp(-3 * times)
    populations = np.stack([left, 0 * left, 1 - left], 1)
    fit = fit_kinetics(times, populations, CHAIN, resamples=20)
    assert any("rate of 1 → 2 is not told" in text for text in fit.warnings)


def test_refusals():
    good = bateman(0.3, 1.1)
    for times, populations, steps, options, text in (
        (TIMES[::-1], good, CHAIN, {}, "`times` must"),
        (TIMES[:-1], good, CHAIN, {}, "have shape"),
        (TIMES, good * 2, CHAIN, {}, "lie between 0 and 1"),
        (TIMES, good * 0.9, CHAIN, {}, "sum to one"),
        (TIMES, good, [(0, 0)], {}, "lead to another state"),
        (TIMES, good, [(0, 3)], {}, r"`steps\[0\]`"),
        (TIMES, good, [(0, 1), (0, 1)], {}, "each step once"),
        (TIMES, good, "ab", {}, "`steps` must be"),
        (TIMES, good, [3], {}, "`steps"),
        (TIMES, good, CHAIN, {"initial": [1, 1, 0]}, "sum to one"),
        (TIMES, good, CHAIN, {"resamples": 3}, "`resamples`"),
        (TIMES[:2], good[:2], CHAIN, {}, "more than the rates"),
        (TIMES, good[None], CHAIN, {}, "several trajectories"),
        (TIMES, np.zeros((0, *good.shape)), CHAIN, {}, "several trajectories"),
    ):
        with pytest.raises(InputError, match=text):
            fit_kinetics(times, populations, steps, **options)
