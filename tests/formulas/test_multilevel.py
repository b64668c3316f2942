import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    bow_tie,
    demkov_osherov,
    finite_window,
    landau_zener,
    spin_landau_zener,
)
from tests.effort import slow


def star(diagonal, couplings):
    """Hamiltonian whose level 0 is coupled to all others."""
    h = np.diag(np.asarray(diagonal, dtype=float))
    h[0, 1:] = couplings
    h[1:, 0] = couplings
    return h


@pytest.mark.parametrize("rate", [slow(1.0), -1.5])
def test_demkov_osherov_against_the_equation_of_motion(rate, adiabatic_matrix):
    levels, couplings = [1.2, -0.8, 0.3], [0.25, 0.5, -0.35]

    def hamiltonian(t):
        return star([rate * t, *levels], couplings)

    numeric = adiabatic_matrix(hamiltonian, -60.0, 60.0, 1e-9)
    exact = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=rate, basis="adiabatic")
    # eigenstates at the ends still turn: an error of order γ α/(α T)² in amplitude
    assert np.max(np.abs(numeric - exact.transition_matrix)) < 5e-4


@pytest.mark.slow
def test_demkov_osherov_labels_follow_the_sloped_level(propagator):
    levels, couplings = [1.0, -0.7], [0.4, 0.3]
    numeric = propagator(lambda t: star([t, *levels], couplings), -100.0, 100.0, 1e-8)
    exact = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=1.0).transition_matrix
    # diabatic read-out converges like γ/(α T) only; the zero is the counterintuitive transition
    assert np.max(np.abs(np.abs(numeric) ** 2 - exact)) < 8e-3
    assert exact[2, 1] == 0.0
    assert exact[1, 2] > 0.05


@pytest.mark.slow
def test_demkov_osherov_of_equal_levels(propagator):
    """Levels of one energy act through a superposition; checked from the dark side too."""
    levels, couplings = [1.0, 1.0, -0.5], [0.3, 0.4, 0.2]
    exact = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=1.0).transition_matrix
    numeric = propagator(lambda t: star([t, *levels], couplings), -100.0, 100.0, 1e-8)
    assert np.max(np.abs(np.abs(numeric) ** 2 - exact)) < 8e-3
    assert np.allclose(exact.sum(axis=0), 1, atol=1e-14)
    assert np.allclose(exact.sum(axis=1), 1, atol=1e-14)
    # with one superposition of weight one this must be the model with a single level of it
    merged = demkov_osherov(levels=[1.0, -0.5], couplings=[0.5, 0.2], sweep_rate=1.0)
    assert exact[0, 0] == pytest.approx(merged.value[0, 0], rel=1e-14)
    assert exact[1:3, 0].sum() == pytest.approx(merged.value[1, 0], rel=1e-14)


def test_demkov_osherov_with_one_level_is_landau_zener():
    two = landau_zener(gap=0.8, sweep_rate=2.0).value
    matrix = demkov_osherov(levels=[0.3], couplings=[0.4], sweep_rate=2.0).value
    assert np.allclose(matrix, [[two, 1 - two], [1 - two, two]], rtol=1e-14)
    sorted_matrix = demkov_osherov(
        levels=[0.3], couplings=[0.4], sweep_rate=2.0, basis="adiabatic"
    ).value
    assert np.allclose(sorted_matrix, [[1 - two, two], [two, 1 - two]], rtol=1e-14)
    exact = finite_window(gap=0.8, sweep_rate=2.0, start=-1e3, stop=1e3).transition_matrix
    assert np.allclose(sorted_matrix, exact, atol=1e-7)


def test_demkov_osherov_is_doubly_stochastic_and_broadcasts():
    rng = np.random.default_rng(7)
    result = demkov_osherov(
        levels=rng.normal(size=5),
        couplings=rng.normal(size=(3, 1, 5)),
        sweep_rate=[0.5, -2.0],
        window=100.0,
    )
    assert result.transition_matrix.shape == (3, 2, 6, 6)
    assert np.allclose(result.transition_matrix.sum(axis=-1), 1, atol=1e-14)
    assert np.allclose(result.transition_matrix.sum(axis=-2), 1, atol=1e-14)
    assert result.valid
    assert not demkov_osherov(levels=[0.0], couplings=[1.0], sweep_rate=1.0, window=3.0).valid


def test_reversed_sweep_transposes_real_models():
    levels, couplings = [0.5, 1.5, 2.0], [0.2, 0.3, 0.4]
    forward = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=1.0)
    backward = demkov_osherov(levels=levels, couplings=couplings, sweep_rate=-1.0)
    assert np.allclose(backward.value, forward.value.T, rtol=1e-14)


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("slopes", "couplings", "slope_0"),
    [
        slow([1.0, -1.0], [0.4, 0.4], 0.0),
        ([1.0, -1.5, 0.5], [0.4, 0.3, 0.5], 0.2),  # both sides
        ([1.0, 2.0, 3.0], [0.4, 0.6, 0.5], 0.0),  # one side: interfering paths
    ],
)
def test_bow_tie_against_the_equation_of_motion(slopes, couplings, slope_0, adiabatic_matrix):
    tilt = np.array([slope_0, *slopes])
    numeric = adiabatic_matrix(lambda t: star(tilt * t, couplings), -50.0, 50.0, 1e-9)
    exact = bow_tie(slopes=slopes, couplings=couplings, slope_0=slope_0, basis="adiabatic")
    # eigenstates at the ends still turn: amplitude error of order V/(Δb T²)
    assert np.max(np.abs(numeric - exact.transition_matrix)) < 1.5e-3


@pytest.mark.slow
def test_bow_tie_improves_with_the_window(adiabatic_matrix):
    """The remaining difference is that of the window: it falls with its square."""
    slopes, couplings = [1.0, 2.0], [0.5, 0.6]
    exact = bow_tie(slopes=slopes, couplings=couplings, basis="adiabatic").transition_matrix
    tilt = np.array([0.0, *slopes])
    errors = [
        np.max(np.abs(adiabatic_matrix(lambda t: star(tilt * t, couplings), -T, T, 1e-10) - exact))
        for T in (10.0, 40.0)
    ]
    assert errors[1] < errors[0] / 8
    assert errors[1] < 1e-3


def test_bow_tie_special_cases():
    # one level: Landau-Zener with gap 2V and the difference of slopes
    one = bow_tie(slopes=[1.5], couplings=[0.3], slope_0=0.5, sweep_rate=2.0).value
    assert one[0, 0] == pytest.approx(landau_zener(gap=0.6, sweep_rate=2.0).value, rel=1e-13)
    # spin one in a swept field: couplings g/√2 between m = 0 and ±1
    g = 0.8
    spin = spin_landau_zener(spin=1, gap=g, sweep_rate=1.0, basis="diabatic").value
    three = bow_tie(slopes=[1.0, -1.0], couplings=[g / np.sqrt(2)] * 2).value
    assert np.allclose(three[np.ix_([1, 0, 2], [1, 0, 2])], spin, atol=1e-14)


def test_bow_tie_is_doubly_stochastic_and_broadcasts():
    rng = np.random.default_rng(3)
    result = bow_tie(
        slopes=[1.0, -2.0, 0.5, 3.0],
        couplings=rng.uniform(0, 2, size=(4, 1, 4)),
        sweep_rate=[0.1, -1.0, 10.0],
    ).transition_matrix
    assert result.shape == (4, 3, 5, 5)
    assert np.allclose(result.sum(axis=-1), 1, atol=1e-13)
    assert np.allclose(result.sum(axis=-2), 1, atol=1e-13)
    assert np.all(result >= 0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: demkov_osherov(levels=[1.0], couplings=[1.0, 2.0], sweep_rate=1.0), "couplings"),
        (lambda: demkov_osherov(levels=[1.0], couplings=[1.0], sweep_rate=0.0), "sweep_rate"),
        (lambda: demkov_osherov(levels=[], couplings=[], sweep_rate=1.0), "levels"),
        (
            lambda: demkov_osherov(
                levels=[1.0, 1.0], couplings=[1.0, 1.0], sweep_rate=1.0, basis="adiabatic"
            ),
            "levels",
        ),
        (lambda: bow_tie(slopes=[1.0, 1.0], couplings=[1.0, 1.0]), "slopes"),
        (lambda: bow_tie(slopes=[1.0, 0.0], couplings=[1.0, 1.0]), "slope_0"),
        (lambda: bow_tie(slopes=[], couplings=[]), "slopes"),
        (
            lambda: bow_tie(slopes=[1.0], couplings=np.ones((2, 1)), sweep_rate=[1.0, 2.0, 3.0]),
            "broadcast",
        ),
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(InputError, match=text):
        call()


@pytest.mark.quick(1)
@pytest.mark.parametrize("offset", [3.0, -3.0])
def test_generalised_bow_tie_against_exact_evolution(offset):
    slopes, couplings = [1.0, -0.6, 2.5], [0.4, 0.3, 0.5]
    h = ac.models.BowTie(slopes=slopes, couplings=couplings, offset=offset)
    for rate in (1.0, -1.0):
        drive = ac.drive.Linear(-400.0 * rate, 400.0 * rate, rate=rate)
        numeric = ac.propagate(h, drive, basis="superadiabatic").transition_matrix
        found = bow_tie(
            slopes=slopes, couplings=couplings, offset=offset, sweep_rate=rate, basis="adiabatic"
        )
        assert np.abs(found.transition_matrix - numeric).max() < 1e-9


def test_generalised_bow_tie_adds_up_to_the_bow_tie():
    slopes, couplings = (
        [0.5, 1.2, -2.2, 4.0],
        np.array([[0.2, 0.4, 0.5, 1.0], [0.1, 0.1, 0.2, 0.0]]),
    )
    whole = bow_tie(slopes=slopes, couplings=couplings).transition_matrix
    split = bow_tie(slopes=slopes, couplings=couplings, offset=1e-12).transition_matrix
    assert np.allclose(split.sum(axis=-1), 1, atol=1e-13)
    assert np.allclose(split.sum(axis=-2), 1, atol=1e-13)
    assert np.allclose(split[:, 2:, 2:], whole[:, 1:, 1:], atol=1e-14)
    assert np.allclose(split[:, :2, 2:].sum(axis=-2), whole[:, 0, 1:], atol=1e-14)
    with pytest.raises(InputError, match="offset"):
        bow_tie(slopes=slopes, couplings=couplings, offset=0.0)
