"""Averages over classical noise against doubled Lindblad equations, drawn paths, closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.dynamics import noise_averages, sample_paths
from anticrossing.environment.noise import (
    GaussianNoise,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
    WhiteNoise,
)

X, Y, Z = (
    np.array([[0.0, 1.0], [1.0, 0.0]]),
    np.array([[0.0, -1j], [1j, 0.0]]),
    np.diag([1.0, -1.0]),
)
ONE = np.eye(2)
LOWER = np.array([[0.0, 1.0], [0.0, 0.0]])
H = ac.models.LandauZener(gap=0.4)
SWEEP = ac.drive.Linear(-10, 10, rate=1.0)


def kept(environment: Any, h: Any = H, sweep: Any = SWEEP, **details: Any) -> Any:
    return ac.propagate(h, sweep, environment=environment, **{"basis": "diabatic", **details})


def doubled(
    amplitude: float,
    time: float,
    operator: Any,
    rate: float = 1.0,
    jumps: Any = (),
    up: float = 0.5,
) -> float:
    """Return what remains in state 0: the telegraph's state is one more two-level system."""
    h = ac.Hamiltonian.from_terms(
        [
            ("x", np.kron(ONE, Z / 2)),
            ("1", np.kron(ONE, 0.2 * X) + amplitude * np.kron(Z, operator)),
        ]
    )
    flips = [np.sqrt(up / time) * LOWER, np.sqrt((1 - up) / time) * LOWER.T]
    operators = [np.kron(flip, ONE) for flip in flips] + [np.kron(ONE, jump) for jump in jumps]
    found = ac.propagate(
        h,
        ac.drive.Linear(-10, 10, rate=rate),
        environment=ac.Lindblad(operators),
        initial=np.kron(np.diag([up, 1 - up]), np.diag([1.0, 0.0])),
        basis="diabatic",
        tolerance=1e-12,
    )
    return float(found.probabilities[0] + found.probabilities[2])


@pytest.mark.parametrize(
    ("amplitude", "time", "rate", "operator"),
    [
        (0.5, 1.0, 1.0, X),
        (0.3, 50.0, 1.0, Y),
        (1.0, 0.05, 1.0, Z + 0.3 * X),
        (3.0, 0.3, 0.3, X),
        (1e-6, 1.0, 30.0, Z),
    ],
)
def test_telegraph_is_the_doubled_lindblad_equation(
    amplitude: float, time: float, rate: float, operator: Any
) -> None:
    sweep = ac.drive.Linear(-10, 10, rate=rate)
    found = kept(TelegraphNoise(amplitude, time, operator), sweep=sweep, tolerance=1e-12)
    assert found.probabilities[0] == pytest.approx(
        doubled(amplitude, time, operator, rate), abs=1e-10
    )


@pytest.mark.parametrize(
    ("amplitude", "time", "up", "operator"),
    [(0.5, 1.0, 0.2, X), (0.3, 50.0, 0.999, Z), (1.0, 0.05, 1e-6, X + 0.3 * Z)],
)
def test_rates_up_and_down_may_differ(
    amplitude: float, time: float, up: float, operator: Any
) -> None:
    noise = TelegraphNoise(amplitude, time, operator, occupation=up)
    found = kept(noise, tolerance=1e-12)
    exact = doubled(amplitude, time, operator, up=up)
    assert found.probabilities[0] == pytest.approx(exact, abs=1e-10)
    assert [said for said in found.warnings if "mean" in said] == list(noise.notes)


def test_occupations_make_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """By steps and by panels, where the noise at rest is another vector in every lane."""
    ups = np.array([0.1, 0.5, 0.9])
    exact = [doubled(0.3, 2.0, X, up=up) for up in ups]
    bath = ac.ThermalRelaxation(temperature=0.3, t1=5.0)
    noise = TelegraphNoise(0.3, 2.0, X, occupation=ups)
    steps = kept(noise + bath, tolerance=1e-9)
    for cost in (None, 1e9):
        if cost is not None:
            monkeypatch.setattr(noise_averages, "_PER_RADIAN", cost)
        found = kept(noise, tolerance=1e-9)
        assert ("panels" in found.method) == (cost is not None)
        assert found.probabilities[:, 0] == pytest.approx(exact, abs=1e-8)
    panels = kept(noise + bath, tolerance=1e-9)
    assert panels.density_matrix == pytest.approx(steps.density_matrix, abs=1e-7)


@pytest.mark.slow
def test_unequal_fluctuators_against_drawn_paths() -> None:
    for up, count in ((0.2, 1), (0.7, 3)):
        noise = TelegraphNoise(0.3, 2.0, X, fluctuators=count, occupation=up)
        exact = kept(noise).probabilities
        paths = sample_paths(
            H,
            SWEEP,
            environment=noise,
            paths=20_000,
            rng=np.random.default_rng(5),
            basis="diabatic",
        )
        off = np.abs(paths.probabilities - exact)[0]
        assert off < 4 * paths.standard_error[0] + paths.step_error


@pytest.mark.slow
def test_slow_sweeps_go_by_panels_at_a_cost_that_does_not_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both methods where both are able; panels alone beyond."""
    monkeypatch.setattr(noise_averages, "_PER_RADIAN", 1e9)
    noise, panels = TelegraphNoise(0.3, 5.0, X), []
    for rate in (1.0, 0.1, 1e-4, 1e-6):
        sweep = ac.drive.Linear(-10, 10, rate=rate)
        found = kept(noise, sweep=sweep, tolerance=1e-9)
        assert "panels" in found.method
        panels.append(int(found.panels))
        exact, off = (doubled(0.3, 5.0, X, rate), 1e-9) if rate > 1e-3 else (0.5, 1e-3)
        assert found.probabilities[0] == pytest.approx(exact, abs=off)
    assert panels[-1] < 3 * panels[0]


def test_noise_adds_up_with_jump_operators_and_with_noise() -> None:
    noise = TelegraphNoise(0.3, 2.0, X)
    found = kept(noise + ac.Lindblad([0.3 * LOWER])).probabilities[0]
    assert found == pytest.approx(doubled(0.3, 2.0, X, jumps=[0.3 * LOWER]), abs=1e-10)
    twice = kept(noise + noise).probabilities
    assert twice == pytest.approx(
        kept(TelegraphNoise(0.3, 2.0, X, fluctuators=2)).probabilities, abs=1e-12
    )
    still = kept(QuasiStaticNoise(0.3, X) + QuasiStaticNoise(0.4, X)).probabilities
    assert still == pytest.approx(kept(QuasiStaticNoise(0.5, X)).probabilities, abs=1e-9)
    quiet = kept(TelegraphNoise(0.0, 1.0, X) + ac.ThermalRelaxation(temperature=0.3, t1=10.0))
    alone = kept(ac.ThermalRelaxation(temperature=0.3, t1=10.0))
    assert quiet.probabilities == pytest.approx(alone.probabilities, abs=1e-10)
    assert quiet.superoperator == pytest.approx(alone.superoperator, abs=1e-9)


@pytest.mark.slow
def test_two_orders_that_agree_by_chance_are_not_enough() -> None:
    """Strong, slow noise of two parts beside decay: found by chance, 0.004 off at first."""
    noise = GaussianNoise([9.26, 4.63], [30.0, 300.0], X) + ac.Lindblad([0.2 * LOWER])
    h, sweep = ac.models.LandauZener(gap=0.01), ac.drive.Linear(-6, 5, rate=1.0)
    rough = kept(noise, h=h, sweep=sweep, tolerance=1e-4)
    fine = kept(noise, h=h, sweep=sweep, tolerance=1e-7)
    off = np.max(np.abs(rough.transition_matrix - fine.transition_matrix))
    assert off <= rough.error_estimate + fine.error_estimate


@pytest.mark.slow
def test_still_noise_beside_jump_operators() -> None:
    """Compiled panels for each value, or one equation for density matrices: the same."""
    jumps = ac.Lindblad([0.2 * LOWER])
    found = kept(QuasiStaticNoise(0.3, X) + jumps, times=[-3.0, 2.0], tolerance=1e-8)
    other = kept(OrnsteinUhlenbeckNoise(0.3, 1e9, X) + jumps, times=[-3.0, 2.0], tolerance=1e-7)
    assert found.populations == pytest.approx(other.populations, abs=1e-7)
    assert found.density_matrix == pytest.approx(other.density_matrix, abs=1e-6)
    both = kept(QuasiStaticNoise(0.3, X) + ac.FixedAxisDephasing([0.1, 0.2])).probabilities
    alone = kept(QuasiStaticNoise(0.3, X) + ac.FixedAxisDephasing(0.2)).probabilities
    assert both[1] == pytest.approx(alone, abs=1e-9)


def test_relaxation_follows_the_levels_that_the_noise_moves() -> None:
    """Beside every state of the noise its own eigenbasis: two Lindblad equations when it rests."""
    amplitude = 0.4
    bath = ac.ThermalRelaxation(temperature=0.3, t1=5.0)
    found = kept(TelegraphNoise(amplitude, 1e9, X) + bath).density_matrix
    parts = [
        kept(bath, h=ac.Hamiltonian.affine((0.2 + sign * amplitude) * X, Z / 2)).density_matrix
        for sign in (1, -1)
    ]
    assert found == pytest.approx(0.5 * (parts[0] + parts[1]), abs=1e-7)


def test_noise_on_the_coordinate_is_not_linearised() -> None:
    """H(x + δ): linear in x it is an operator; else two evolutions when it rests."""
    on_x = kept(TelegraphNoise(0.3, 2.0)).probabilities
    assert on_x == pytest.approx(kept(TelegraphNoise(0.3, 2.0, Z / 2)).probabilities, abs=1e-11)
    function = ac.Hamiltonian.from_function(lambda x: np.array([[x / 2, 0.2], [0.2, -x / 2]]))
    assert on_x == pytest.approx(
        kept(TelegraphNoise(0.3, 2.0), h=function).probabilities, abs=1e-10
    )
    bent = ac.Hamiltonian.from_matrix([["x/2 + x**2/10", "0.2"], ["0.2", "-x/2"]])
    found = kept(TelegraphNoise(0.5, 1e9), h=bent).density_matrix
    parts = [
        ac.propagate(bent, ac.drive.Formula(f"t + {shift}", -10, 10), basis="diabatic").final_state
        for shift in (0.5, -0.5)
    ]
    mean = 0.5 * sum(np.outer(psi, psi.conj()) for psi in parts)
    assert found == pytest.approx(mean, abs=1e-7)


def test_batches_times_and_states_alone() -> None:
    noise = TelegraphNoise([0.1, 0.3], [[1.0], [2.0]], X)
    many = kept(noise, times=[-1.0, 0.0, 4.0])
    assert many.populations.shape == (2, 2, 3, 2)
    one = kept(TelegraphNoise(0.3, 1.0, X), times=[-1.0, 0.0, 4.0], initial=[0.6, 0.8j])
    alone = kept(
        TelegraphNoise(0.3, 1.0, X), times=[-1.0, 0.0, 4.0], initial=[0.6, 0.8j], whole=False
    )
    assert one.populations == pytest.approx(alone.populations, abs=1e-10)
    assert one.density_matrices == pytest.approx(alone.density_matrices, abs=1e-10)
    assert many.probabilities[0, 1] == pytest.approx(
        kept(TelegraphNoise(0.3, 1.0, X)).probabilities, abs=1e-10
    )
    assert many.choi_eigenvalues().min() > -1e-9
    gaps = ac.models.LandauZener(gap=np.array([0.2, 0.4]))
    still = kept(QuasiStaticNoise(np.array([0.1, 0.3]), X), h=gaps).probabilities
    assert still[1] == pytest.approx(kept(QuasiStaticNoise(0.3, X)).probabilities, abs=1e-9)


def test_units_are_explicit() -> None:
    angular = 2 * np.pi  # radians per GHz and ns
    h = ac.Hamiltonian.affine(
        0.2 * X / angular, Z / 2 / angular, units=ac.Units(energy="GHz", time="ns")
    )
    for noise, same in (
        (TelegraphNoise(0.3 / angular, 2.0, X), TelegraphNoise(0.3, 2.0, X)),
        (QuasiStaticNoise(0.3 / angular, X), QuasiStaticNoise(0.3, X)),
        (WhiteNoise(0.02 / angular**2, X), WhiteNoise(0.02, X)),
    ):
        assert kept(noise, h=h).probabilities == pytest.approx(kept(same).probabilities, abs=1e-9)


def test_three_levels() -> None:
    levels = ac.models.DemkovOsherov(levels=[1.0, 2.0], couplings=[0.2, 0.2])
    operator = np.zeros((3, 3))
    operator[0, 1] = operator[1, 0] = 1.0
    slow = kept(TelegraphNoise(0.2, 1e9, operator), h=levels).density_matrix
    parts = []
    for sign in (1, -1):
        other = ac.Hamiltonian.affine(
            levels(0.0) + 0.2 * sign * operator, levels(1.0) - levels(0.0)
        )
        psi = ac.propagate(other, SWEEP, basis="diabatic").final_state
        parts.append(np.outer(psi, psi.conj()))
    assert slow == pytest.approx(0.5 * (parts[0] + parts[1]), abs=1e-7)


# ---- limits -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_gaussian_noise_that_stands_still_and_a_slow_process() -> None:
    """Gauss–Hermite by hand, the trapezoidal average, and the process with a long memory."""
    still = kept(QuasiStaticNoise(0.3, X), tolerance=1e-9).probabilities[0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    gaps = ac.Hamiltonian.from_terms([("x", Z / 2), ("v", X)], parameters={"v": 0.2 + 0.3 * nodes})
    each = ac.propagate(gaps, SWEEP, basis="diabatic").probabilities[:, 0]
    assert still == pytest.approx(each @ weights / weights.sum(), abs=1e-9)
    slow = kept(OrnsteinUhlenbeckNoise(0.3, 1e9, X), tolerance=1e-8)
    assert slow.probabilities[0] == pytest.approx(still, abs=3e-8)
    assert slow.warnings == ()


@pytest.mark.slow
def test_what_forgets_at_once_is_white() -> None:
    white = kept(WhiteNoise(0.02, X)).probabilities[0]
    for time, apart in ((1e-2, 2e-3), (1e-3, 2e-4)):
        fast = kept(OrnsteinUhlenbeckNoise((0.01 / time) ** 0.5, time, X), tolerance=1e-6)
        assert fast.probabilities[0] == pytest.approx(white, abs=apart)


def test_pure_dephasing_has_the_exponent_of_gaussian_noise() -> None:
    """Coherence of fixed levels: exp(−∬C), exactly; of a telegraph its own closed form."""
    rest = ac.Hamiltonian.affine(0.5 * Z, 0.0 * Z)
    window, plus = ac.drive.Linear(0.0, 4.0, rate=1.0), [0.5**0.5, 0.5**0.5]
    noises = [
        OrnsteinUhlenbeckNoise(0.6, 1.5, Z / 2),
        GaussianNoise([0.5, 0.4], [0.3, 5.0], Z / 2),
        PinkNoise(0.1, 0.03, 30.0, Z / 2),
        QuasiStaticNoise(0.7, Z / 2),
    ]
    for noise in noises:
        exponent = quad(lambda t: (4.0 - t) * noise.correlation(t)[0], 0, 4.0)[0]  # noqa: B023
        found = kept(noise, h=rest, sweep=window, initial=plus, tolerance=1e-8)
        assert 2 * abs(found.density_matrix[0, 1]) == pytest.approx(np.exp(-exponent), abs=1e-6)
    a, rate = 0.6, 1 / 3.0  # flips
    root = np.sqrt(complex(rate**2 - a**2))
    exact = np.exp(-rate * 4) * (np.cosh(4 * root) + rate / root * np.sinh(4 * root))
    found = kept(TelegraphNoise(a, 1.5, Z / 2), h=rest, sweep=window, initial=plus)
    assert 2 * abs(found.density_matrix[0, 1]) == pytest.approx(abs(exact), abs=1e-10)


@pytest.mark.parametrize(("strength", "slow"), [(0.1, 0.66569), (0.2, 0.53351)])
def test_kayanuma_slow_gaussian(strength: float, slow: float) -> None:
    found = kept(
        QuasiStaticNoise(strength**0.5, X),
        h=ac.models.LandauZener(gap=0.0),
        sweep=ac.drive.Linear(-3e4, 3e4, rate=1.0),
        tolerance=1e-5,
    )
    assert found.probabilities[0] == pytest.approx(slow, abs=2e-5)


@pytest.mark.quick(1)
@pytest.mark.parametrize(("strength", "fast"), [(0.1, 0.64230), (0.2, 0.54050)])
def test_kayanuma_fast_telegraph(strength: float, fast: float) -> None:
    found = kept(
        TelegraphNoise(strength**0.5, 0.01, X),
        h=ac.models.LandauZener(gap=0.0),
        sweep=ac.drive.Linear(-1e6, 1e6, rate=1.0),
        tolerance=1e-3,
    )
    assert found.probabilities[0] == pytest.approx(fast, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("strength", "fast"), [(0.1, 0.64230), (0.2, 0.54050)])
def test_kayanuma_fast_gaussian(strength: float, fast: float) -> None:
    found = kept(
        OrnsteinUhlenbeckNoise(strength**0.5, 0.03, X),
        h=ac.models.LandauZener(gap=0.0),
        sweep=ac.drive.Linear(-1e5, 1e5, rate=1.0),
        tolerance=1e-4,
    )
    assert found.probabilities[0] == pytest.approx(fast, abs=1e-4)


@pytest.mark.slow
def test_the_formulas_domain_is_where_exact_answers_agree() -> None:
    """A memory from far too short to far too long: where a limit is valid it holds to 0.003."""
    h, strength = ac.models.LandauZener(gap=0.0), 0.1
    said = {"fast": [], "slow": []}  # type: dict[str, list[bool]]
    for time in (0.1, 0.6, 2.0, 20.0):
        window = 600.0 if time < 0.5 else 60.0
        exact = kept(
            OrnsteinUhlenbeckNoise(strength**0.5, time, X),
            h=h,
            sweep=ac.drive.Linear(-window, window, rate=1.0),
            tolerance=1e-4,
            whole=False,
        ).probabilities[0]
        for limit, found in said.items():
            formula = ac.formulas.noisy_coupling_landau_zener(
                noise=strength**0.5, sweep_rate=1.0, limit=limit, correlation_time=time
            )
            found.append(bool(formula.valid))
            assert abs(formula.value - exact) < 0.003 or not formula.valid
    assert said == {"fast": [True, False, False, False], "slow": [False, False, False, True]}


# ---- strengths and memories without measure --------------------------------------------------


@pytest.mark.parametrize(
    "size", [1e-12, *(pytest.param(s, marks=pytest.mark.slow) for s in (1e-6, 1e2, 1e6))]
)
def test_strengths_of_any_size(size: float) -> None:
    plain = ac.propagate(H, SWEEP, basis="diabatic").probabilities[0]
    for noise in (TelegraphNoise(size, 1.0, X), OrnsteinUhlenbeckNoise(size, 1.0, X)):
        found = kept(noise, tolerance=1e-4)
        assert found.probabilities[0] == pytest.approx(plain if size < 1 else 0.5, abs=1e-4)


@pytest.mark.parametrize("time", [1e-8, 1e8])
def test_memories_of_any_length(time: float) -> None:
    expected = ac.propagate(H, SWEEP, basis="diabatic").probabilities[0]
    if time > 1:
        values = [0.2 + 0.3, 0.2 - 0.3]
        both = ac.models.LandauZener(gap=2 * np.abs(values))
        expected = ac.propagate(both, SWEEP, basis="diabatic").probabilities[:, 0].mean()
    found = kept(TelegraphNoise(0.3, time, X), tolerance=1e-6)
    assert found.probabilities[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_an_average_that_may_miss_passages_says_so() -> None:
    """Couplings spread over 10⁶: the few that are small are found by no rule of 10⁴ places."""
    wide = kept(QuasiStaticNoise(1e6, X), tolerance=1e-2)
    assert any("may be missed" in said for said in wide.warnings)


def test_places_in_step_with_a_phase_are_seen() -> None:
    """Phases of whole turns from place to place of the first rules would look like rest."""
    rest = ac.Hamiltonian.affine(0.5 * Z, 0.0 * Z)
    plus = [0.5**0.5, 0.5**0.5]
    for step in (0.75, 0.375, 0.1875):
        sigma = 2 * np.pi / step  # in a window of 1
        found = kept(
            QuasiStaticNoise(sigma, Z / 2),
            h=rest,
            sweep=ac.drive.Linear(0.0, 1.0, rate=1.0),
            initial=plus,
        )
        read = np.array([[1.0, 1.0], [1.0, 1.0]]) / 2
        assert found.expect(read) == pytest.approx(0.5, abs=1e-7)


def test_too_many_states_are_refused_with_numbers() -> None:
    pink = PinkNoise(0.01, 1e-3, 1e3, X, per_decade=1.7, fluctuators=True)
    with pytest.raises(ac.InputError, match=r"2048 states .*sample_paths") as caught:
        kept(pink)
    assert "\n" not in str(caught.value)
    with pytest.raises(ac.InputError, match="`operator` must have shape"):
        kept(
            TelegraphNoise(0.1, 1.0, X),
            h=ac.models.DemkovOsherov(levels=[1.0, 2.0], couplings=[0.1, 0.1]),
        )


# ---- drawn paths --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        TelegraphNoise(0.5, 1.0, X),
        OrnsteinUhlenbeckNoise(0.5, 2.0),
        pytest.param(QuasiStaticNoise(0.3, X) + TelegraphNoise(0.3, 2.0), marks=pytest.mark.slow),
    ],
    ids=repr,
)
def test_drawn_paths_have_the_mean(noise: Any) -> None:
    sweep = ac.drive.Linear(-4, 4, rate=1.0)
    exact = kept(noise, sweep=sweep, times=[0.0, 2.0], tolerance=1e-8)
    drawn = sample_paths(
        H,
        sweep,
        environment=noise,
        paths=4000,
        rng=np.random.default_rng(7),
        basis="diabatic",
        times=[0.0, 2.0],
    )
    allowed = 4 * drawn.standard_error + drawn.step_error
    assert np.all(np.abs(drawn.probabilities - exact.probabilities) < allowed)
    allowed = 4 * drawn.population_errors + drawn.step_error
    assert np.all(np.abs(drawn.populations - exact.populations) < allowed)
    assert drawn.warnings == ()


@pytest.mark.slow
def test_telegraph_against_many_drawn_paths() -> None:
    noise = TelegraphNoise(0.5, 1.0, X)
    exact = kept(noise).probabilities[0]
    drawn = sample_paths(
        H,
        SWEEP,
        environment=noise,
        paths=100_000,
        step=0.1,
        rng=np.random.default_rng(11),
        basis="diabatic",
    )
    assert drawn.standard_error[0] < 1e-3
    assert abs(drawn.probabilities[0] - exact) < 3 * drawn.standard_error[0] + drawn.step_error


@pytest.mark.slow
def test_three_levels_by_paths() -> None:
    levels = ac.models.DemkovOsherov(levels=[1.0, 2.0], couplings=[0.3, 0.3])
    operator = np.zeros((3, 3))
    operator[0, 2] = operator[2, 0] = 1.0
    noise = OrnsteinUhlenbeckNoise(0.3, 1.0, operator)
    sweep = ac.drive.Linear(-2, 4, rate=1.0)
    exact = kept(noise, h=levels, sweep=sweep, tolerance=1e-6)
    drawn = sample_paths(
        levels, sweep, environment=noise, paths=1500, rng=np.random.default_rng(3), basis="diabatic"
    )
    allowed = 4 * drawn.standard_error + drawn.step_error
    assert np.all(np.abs(drawn.probabilities - exact.probabilities) < allowed)
    assert drawn.density_matrix.trace() == pytest.approx(1.0, abs=1e-12)


def test_what_paths_refuse_is_one_line() -> None:
    noise = TelegraphNoise(0.1, 0.5, X)
    rng = np.random.default_rng(1)
    for change, said in (
        ({"step": 1.0}, "`step` must not exceed the shortest correlation time, 0.5"),
        ({"environment": noise + ac.Dephasing(0.1)}, "`environment` must be noise with a memory"),
        ({"environment": WhiteNoise(0.1, X)}, "`environment` must be noise with a memory"),
        ({"environment": TelegraphNoise([0.1, 0.2], 0.5, X)}, "must be a single parameter point"),
        ({"paths": 1}, "`paths` must be"),
        ({"paths": 10**9}, "`paths` must take at most"),
        ({"initial": np.eye(2) / 2}, "`initial` must be a level or a state vector"),
    ):
        details = {"environment": noise, "paths": 10, "rng": rng, **change}
        with pytest.raises(ac.InputError, match=said) as caught:
            sample_paths(H, SWEEP, **details)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


# ---- a double passage ---------------------------------------------------------------------------


def there_and_back(wait: float) -> ac.drive.Drive:
    """Return a drive through the crossing and back."""
    far, ramp = 6.0, 6.0 / 0.45
    return ac.drive.Piecewise(np.cumsum([0.0, 2 * ramp, wait, 2 * ramp]), [-far, far, far, -far])


def echo(wait: float) -> ac.drive.Drive:
    """Return the same with a slow passage halfway, which swaps the levels' slopes."""
    far, ramp = 6.0, 6.0 / 0.45
    steps = [0.0, 2 * ramp, wait / 2, 2 * far / 0.05, wait / 2, 2 * ramp]
    return ac.drive.Piecewise(np.cumsum(steps), [-far, far, far, -far, -far, far])


def contrast(drive: Any, noise: Any, wait: float) -> float:
    """Return how far the fringes of two passages reach, from a quarter of a turn to the next."""
    found = [
        kept(
            noise,
            h=ac.models.LandauZener(gap=0.45),
            sweep=drive(wait + shift),
            basis="adiabatic",
            tolerance=1e-3,
            whole=False,
        ).probabilities[0]
        for shift in np.linspace(0.0, 2 * np.pi / 6.0, 5)[:4]
    ]
    return float(np.hypot(found[0] - found[2], found[1] - found[3]))


@pytest.mark.slow
def test_two_passages_dephase_and_an_echo_does_not() -> None:
    """Still noise takes the fringes by exp(−σ²T²/2), T between the passages; an echo keeps them."""
    still = QuasiStaticNoise(0.03)
    one, two = (contrast(there_and_back, still, wait) for wait in (5.0, 60.0))
    free = 2 * 6.0 / 0.45  # of the ramps
    law = np.exp(-(0.03**2) * ((60 + free) ** 2 - (5 + free) ** 2) / 2)
    assert two / one == pytest.approx(law, rel=0.03)
    assert contrast(echo, still, 60.0) == pytest.approx(1.0, abs=0.01)
    moving = OrnsteinUhlenbeckNoise(0.03, 2e3)
    near, far = (contrast(echo, moving, wait) for wait in (5.0, 60.0))
    assert 0.2 < far < near < 0.6


@pytest.mark.slow
def test_one_over_f_noise_in_a_double_passage_against_drawn_paths() -> None:
    h = ac.models.LandauZener(gap=0.45)
    noise = PinkNoise(2e-3, 1e-2, 1.0)
    for wait in (1.0, 5.0, 20.0):
        drive = there_and_back(wait)
        exact = kept(noise, h=h, sweep=drive, tolerance=1e-5)
        drawn = sample_paths(
            h, drive, environment=noise, paths=3000, rng=np.random.default_rng(2), basis="diabatic"
        )
        allowed = 3 * drawn.standard_error + drawn.step_error
        assert np.all(np.abs(drawn.probabilities - exact.probabilities) < allowed)


def test_the_two_ways_of_writing_a_process_are_one() -> None:
    """In the values of the noise, as beside relaxation, and in the basis of its decay."""
    noise = OrnsteinUhlenbeckNoise(0.4, 1.0, X)
    by_decay = kept(noise, tolerance=1e-7)
    in_values = kept(noise + ac.Dephasing(0.0), tolerance=1e-7)
    assert by_decay.superoperator == pytest.approx(in_values.superoperator, abs=1e-6)
