"""Which closed form `passage` believes: solved families, sectors, half crossings, surroundings.

Every reference is a Magnus product, DOP853, mpmath or a closed form written out here.
"""

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing import formulas
from tests.effort import slow

LZ, Linear, Formula = ac.models.LandauZener, ac.drive.Linear, ac.drive.Formula
Environment = ac.environment
FOLD = "0.1*t**2-12"


def named(result, name):
    return next(p for p in result.predictions if p.name == name)


def own_checks(prediction):
    """Whether a formula's own checks hold, before it is held against the exact answer."""
    return all(w.startswith("contradicted") for w in prediction.warnings)


def evolution(h, drive, steps=2**12):
    """Return U by the fourth-order Magnus method with two exponentials a step, in one batch."""
    window = (float(drive.start_time), float(drive.stop_time))
    knots = [window[0], *(t for t in drive.breakpoints if window[0] < t < window[1]), window[1]]
    total = np.eye(h.dimension)
    for start, stop in itertools.pairwise(knots):
        step = (stop - start) / steps
        middle = start + step * (np.arange(steps) + 0.5)
        early, late = (h(drive(middle + side * step * np.sqrt(3) / 6)) for side in (-1, 1))
        near, far = 0.25 + np.sqrt(3) / 6, 0.25 - np.sqrt(3) / 6
        pieces = np.stack([near * early + far * late, far * early + near * late], axis=1)
        energies, vectors = np.linalg.eigh(pieces.reshape(-1, *total.shape))
        phases = np.exp(-1j * step * energies)[:, None, :]
        factors = (vectors * phases) @ vectors.conj().swapaxes(-1, -2)
        while len(factors) > 1:
            factors = factors[1::2] @ factors[::2]
        total = factors[0] @ total
    return total


def reference(h, drive, initial=0, basis="adiabatic", steps=2**12):
    """Return the final probabilities in either basis."""
    u = evolution(h, drive, steps)
    if basis == "adiabatic":
        first, last = (np.linalg.eigh(h(float(x)))[1] for x in (drive.start, drive.stop))
        u = last.conj().T @ u @ first
    return np.abs(u[:, initial]) ** 2


def bloch(gap, detuning, rate, reach, *, own_axis=False):
    """Return the upper level's final population from s′ = B × s less what dephasing takes.

    It takes Γ of what is across z, or with `own_axis` across B.
    """

    def slope(t, s):
        x, y, z = s
        d = detuning(t)
        lost = x, y, 0.0
        if own_axis:
            along = (gap * x + d * z) / (gap * gap + d * d)
            lost = x - along * gap, y, z - along * d
        return -d * y - rate * lost[0], d * x - gap * z - rate * lost[1], gap * y - rate * lost[2]

    first, last = (np.array([gap, 0.0, detuning(t)]) for t in (-reach, reach))
    s = solve_ivp(
        slope,
        (-reach, reach),
        -first / np.linalg.norm(first),
        method="DOP853",
        rtol=1e-6,
        atol=1e-8,
    ).y[:, -1]
    return (1 + s @ last / np.linalg.norm(last)) / 2


# ---- surroundings between passages ------------------------------------------------------------


def test_strong_dephasing_between_passages_leaves_the_classical_sum():
    watched = Environment.FixedAxisDephasing(0.3)
    result = ac.passage(LZ(gap=0.3), Formula(FOLD, -60, 60), environment=watched)
    assert result.exact.probabilities[1] == pytest.approx(0.11609, abs=1e-5)
    classical, coherent = (
        named(result, "independent crossings"),
        named(result, "crossings with phases"),
    )
    assert classical.valid
    assert classical.probabilities[1] == pytest.approx(0.11717, abs=1e-5)
    assert not own_checks(coherent)
    assert result.verdict.startswith("Within its domain, independent crossings")


@pytest.mark.parametrize("rate", [None, 1e-5])
def test_passages_interfere_without_dephasing(rate):
    environment = None if rate is None else Environment.FixedAxisDephasing(rate)
    result = ac.passage(LZ(gap=0.3), Formula(FOLD, -60, 60), environment=environment)
    assert named(result, "crossings with phases").valid
    assert not own_checks(named(result, "independent crossings"))


@pytest.mark.parametrize(
    ("text", "detuning", "gap", "rate", "believed"),
    [
        ("0.15*t**2-8", lambda t: 0.15 * t * t - 8, 0.4, 0.5, "independent crossings"),
        ("0.1*t**2-12", lambda t: 0.1 * t * t - 12, 0.4, 1e-4, "crossings with phases"),
        (
            "6*cos(0.15*t)+1",
            lambda t: 6 * math.cos(0.15 * t) + 1,
            0.3,
            0.4,
            "independent crossings",
        ),
    ],
)
def test_the_sum_that_is_believed_is_that_of_the_master_equation(
    text, detuning, gap, rate, believed
):
    right = bloch(gap, detuning, rate, 20.0)
    environment = Environment.FixedAxisDephasing(rate)
    result = ac.passage(LZ(gap=gap), Formula(text, -20, 20), environment=environment)
    for name in ("independent crossings", "crossings with phases"):
        prediction = named(result, name)
        assert prediction.valid == (name == believed)
    assert named(result, believed).probabilities[1] == pytest.approx(right, rel=0.1)


@pytest.mark.parametrize("life", [500.0, 2e3, 1e4, 3e4])
def test_relaxation_after_a_passage_is_counted_for_what_it_changes(life):
    gap, rate = 2 * np.pi * 0.4, 14.3
    thermal = Environment.ThermalRelaxation(temperature=2 * np.pi * 0.4, t1=life)
    drive = Linear(-150 * rate, 150 * rate, rate=rate)
    result = ac.passage(LZ(gap=gap), drive, environment=thermal, tolerance=1e-8)
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    # The levels are so far apart for nearly all of the time that nothing is excited.
    expected = jump * np.exp(-150 / life)
    assert result.exact.probabilities[1] == pytest.approx(expected, abs=6 / life)
    landau_zener = named(result, "Landau–Zener")
    (check,) = [c for c in landau_zener.checks if "relaxation" in c.quantity]
    assert check.value == pytest.approx((jump - expected) / 0.01, rel=0.02)
    assert own_checks(landau_zener) == (jump - expected < 0.01)


def test_crossings_with_other_sectors_are_no_neighbours():
    h = ac.Hamiltonian.affine(np.array([[0, 0.1, 0], [0.1, 1, 0], [0, 0, 2]]), np.diag([1.0, 0, 0]))
    result = ac.passage(h, Linear(-30, 30, rate=0.1))
    jump = np.exp(-2 * np.pi * 0.1**2 / 0.1)
    assert result.predictions[0].name == "Landau–Zener"
    assert result.predictions[0].valid
    assert result.exact.probabilities[2] == pytest.approx(jump, abs=1e-6)
    assert any(event.gap == 0 for event in result.events)
    assert "OUTSIDE  " not in str(result)


@pytest.mark.quick(2)
@pytest.mark.parametrize("initial", [0, 1, 2, 3])
@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
def test_two_pairs_that_pass_through_each_other(initial, basis):
    constant = np.array([[0, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0, 1, 0.3], [0, 0, 0.3, 1.0]])
    h = ac.Hamiltonian.affine(constant, np.diag([0.5, -0.5, 1.0, -1.0]))
    drive = Linear(-20, 25, rate=0.7)
    result = ac.passage(h, drive, basis=basis, initial=initial)
    right = reference(h, drive, initial, basis)
    weber = named(result, "finite window (Weber)")
    assert weber.probabilities == pytest.approx(right, abs=1e-5)
    assert "overlap" not in str(result)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("gap", "drive"),
    [
        (0.1356, ac.drive.Piecewise([0, 33.884, 60, 82.08], [-30, 21.61, 7.65, -30])),
        (0.3, ac.drive.Piecewise([0, 20, 21, 60], [-20, 19, 9, -20])),
        (0.6, Formula("0.1*t**2-12+3*sin(20*t)*exp(-(t/4)**2)", -60, 60)),
    ],
)
def test_phases_between_passages_count_what_the_drive_does_there(gap, drive):
    h = LZ(gap=gap)
    result = ac.passage(h, drive)
    with_phases = named(result, "crossings with phases")
    right = reference(h, drive, steps=2**15)
    assert with_phases.probabilities == pytest.approx(right, abs=5e-3 * gap)


@pytest.mark.parametrize(
    "drive",
    [
        ac.drive.Piecewise([0, 20, 21, 60], [-20, 19, 3, -20]),
        ac.drive.Piecewise([-40, 1.5, 60], [-40, 1.5, 5]),
    ],
)
def test_kinks_close_to_a_crossing_are_counted(drive):
    result = ac.passage(LZ(gap=0.3), drive)
    right = reference(LZ(gap=0.3), drive, steps=2**15)
    assert result.exact.probabilities == pytest.approx(right, abs=1e-8)
    for name in ("Landau–Zener", "crossings with phases"):
        for prediction in result.predictions:
            if prediction.name == name:
                off = np.abs(prediction.probabilities - right)[1]
                assert not own_checks(prediction) or off < 0.1 * right.min()
    assert result.verdict.startswith("Within its domain, linear pieces")


@pytest.mark.parametrize(("gap", "reach"), [(3.5, 40.0), (3.8, 60.0), (3.3, 34.0)])
def test_levels_that_move_at_the_ends_are_counted(gap, reach):
    result = ac.passage(LZ(gap=gap), Linear(-reach, reach, rate=1.0))
    jump = np.exp(-np.pi * gap**2 / 2)
    exact = formulas.finite_window(gap=gap, sweep_rate=1.0, start=-reach, stop=reach).value
    assert abs(exact - jump) > 0.1 * jump
    assert not own_checks(named(result, "Landau–Zener"))
    assert result.verdict.startswith("Within its domain, finite window")


@pytest.mark.parametrize(
    "environment", [Environment.Dephasing(rate=0.001), Environment.Dephasing(gamma=3.0)]
)
def test_what_is_no_probability_is_not_offered(environment):
    result = ac.passage(LZ(gap=0.016), Linear(-10, 10, rate=0.084), environment=environment)
    assert any("no probability" in text for text in result.warnings)
    for prediction in result.predictions:
        assert np.all((prediction.probabilities >= 0) & (prediction.probabilities <= 1))


# ---- half crossings ---------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "rate"), [(1.0, 1.0), (0.2, 3.0), (2.0, 0.7), (6.0, 1.0)])
def test_half_crossing_against_parabolic_cylinder_functions(gap, rate):
    """Kummer's functions at t = 0 and their connection to ±∞ give |E|² and the phase of E O."""
    delta = mpmath.mpf(gap) ** 2 / (4 * rate)
    z = mpmath.mpf(4000)
    with mpmath.workprec(200):
        even = mpmath.expj(-z * z / 4) * mpmath.hyp1f1(
            mpmath.mpc(0, delta / 2), 0.5, mpmath.mpc(0, z * z / 2)
        )
        odd = (
            -1j
            * mpmath.sqrt(delta)
            * z
            * mpmath.expj(-z * z / 4)
            * mpmath.hyp1f1(mpmath.mpc(1, delta / 2), 1.5, mpmath.mpc(0, z * z / 2))
        )
    jump = formulas.half_crossing(gap=gap, sweep_rate=rate).value
    kept = formulas.half_crossing(gap=gap, sweep_rate=rate, basis="diabatic").value
    assert jump == pytest.approx(float(0.5 + mpmath.re(even * odd)), abs=2e-3)
    assert kept == pytest.approx(float(mpmath.fabs(even) ** 2), abs=2e-3)


@pytest.mark.parametrize(
    ("drive", "initial", "basis", "linear"),
    [
        (Linear(0, 60, rate=1.5), 0, "adiabatic", True),
        (Linear(-60, 0, rate=1.5), 1, "adiabatic", True),
        (Linear(60, 0, rate=-1.5), 0, "diabatic", True),
        (Formula("12*tanh(t/8)", 0, 60), 0, "adiabatic", False),
        (Formula("4*sinh(t/5)", 0, 15), 1, "adiabatic", False),
    ],
)
def test_a_sweep_from_or_to_the_smallest_gap_is_half_a_crossing(drive, initial, basis, linear):
    h = LZ(gap=1.0)
    result = ac.passage(h, drive, initial=initial, basis=basis)
    right = reference(h, drive, initial, basis)
    half = named(result, "half crossing")
    assert half.probabilities == pytest.approx(right, abs=0.012 if basis == "diabatic" else 2e-3)
    assert own_checks(half)
    assert "meets no crossing" not in result.verdict
    if linear:
        weber = named(result, "finite window (Weber)")
        assert weber.probabilities == pytest.approx(right, abs=1e-5)


def test_a_drive_that_starts_in_a_crossing_and_meets_it_again_is_no_sequence():
    result = ac.passage(LZ(gap=0.5), Formula("5*sin(0.2*t)", 0, 40))
    assert not any(own_checks(p) for p in result.predictions)
    assert any("half a crossing" in text for text in result.warnings)


@pytest.mark.parametrize(
    ("drive", "environment", "basis"),
    [
        (Formula("5*sin(0.2*t)", 0, 5 * np.pi), None, "adiabatic"),
        (Linear(0, 60, rate=1.5), Environment.Dephasing(rate=0.1), "adiabatic"),
        (Linear(0, 60, rate=1.5), None, "superadiabatic"),
    ],
)
def test_half_crossings_without_a_closed_form_are_still_named(drive, environment, basis):
    result = ac.passage(LZ(gap=0.5), drive, environment=environment, basis=basis)
    assert "middle of a crossing" in result.verdict
    assert "meets no crossing" not in result.verdict


# ---- solved families --------------------------------------------------------------------------

PULSE = ac.Hamiltonian.from_matrix([["d/2", "x/2"], ["x/2", "-d/2"]], parameters={"d": 0.3})
KUNIKE = ac.Hamiltonian.from_matrix(
    [["(d+b*tanh(x/w))/2", "o/cosh(x/w)/2"], ["o/cosh(x/w)/2", "-(d+b*tanh(x/w))/2"]],
    parameters={"d": 0.4, "b": 1.3, "o": 0.9, "w": 1.5},
)
SPIN = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) * 0.25 * np.sqrt(2)
BOW = np.array([[0, 0.4, 0.4], [0.4, 0, 0], [0.4, 0, 0]])
BAND = np.array([[0, 0.2, 0.3, 0.1], [0.2, 0, 0, 0], [0.3, 0, 0, 0], [0.1, 0, 0, 3.0]])
FAMILIES = {
    "tanh sweep": (LZ(gap=0.7), Formula("3*tanh((t-1)/4)-1", -25, 30), 0),
    "Rosen–Zener": (PULSE, Formula("1.3/cosh((t-1)/2)", -25, 30), 1),
    "Demkov–Kunike": (KUNIKE, Formula("0.5*t", -30, 40), 0),
    "Allen–Eberly": (KUNIKE.replace(d=0.0), Formula("-0.5*t", -30, 40), 1),
    "linear pieces (Weber)": (
        ac.Hamiltonian.affine(np.array([[0, 0.2j], [-0.2j, 1.0]]), np.diag([1.0, -0.5])),
        ac.drive.Piecewise([0, 20, 25, 40], [-9, 10, 10, -3]),
        0,
    ),
    "spin 1": (
        ac.Hamiltonian.affine(SPIN / 2 * 2, np.diag([1.0, 0, -1.0])),
        Linear(-60, 60, rate=1.0),
        1,
    ),
    "bow-tie": (
        ac.Hamiltonian.affine(BOW * np.array([[1, 1, 0.9], [1, 1, 1], [0.9, 1, 1]]),
                              np.diag([0, 1.0, -1.5])),
        Linear(-60, 60, rate=1.0),
        1,
    ),
    "Demkov–Osherov": (
        ac.Hamiltonian.affine(BAND, np.diag([1.0, 0, 0, 0])),
        Linear(-40, 40, rate=1.0),
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_solved_families_are_offered_first(name):
    h, drive, initial = FAMILIES[name]
    result = ac.passage(h, drive, initial=initial)
    right = reference(h, drive, initial)
    first = result.predictions[0]
    assert first.name == name
    assert first.probabilities == pytest.approx(right, abs=2e-4)
    assert first.valid
    assert name in result.verdict


@pytest.mark.parametrize(
    ("h", "initial", "level", "value"),
    [
        (ac.Hamiltonian.affine(SPIN, np.diag([1.0, 0, -1.0])), 0, 1, 0.43858756),
        (ac.Hamiltonian.affine(BOW, np.diag([0, 1.0, -1.0])), 1, 0, 0.47798251),
    ],
)
def test_three_levels_through_one_point(h, initial, level, value):
    result = ac.passage(h, Linear(-200, 200, rate=1.0), initial=initial)
    assert result.exact.probabilities[level] == pytest.approx(value, abs=1e-6)
    assert result.predictions[0].valid
    assert result.predictions[0].probabilities[level] == pytest.approx(value, abs=1e-8)


@pytest.mark.quick(1)
@pytest.mark.parametrize("basis", ["adiabatic", slow("diabatic")])
@pytest.mark.parametrize("name", ["spin 1", "bow-tie", "Demkov–Osherov"])
def test_no_window_is_called_long_enough_that_is_not(name, basis):
    h, _, initial = FAMILIES[name]
    trusted = []
    for first, last in [(0.5, 1), (6, 30), (20, 15), (2e3, 2e3)]:
        result = ac.passage(h, Linear(-first, last, rate=1.0), basis=basis, initial=initial)
        solved = next((p for p in result.predictions if p.name == name), None)
        if solved is not None and own_checks(solved):
            assert not solved.warnings
            trusted.append(first)
    assert 2e3 in trusted
    assert 0.5 not in trusted


# ---- several zeros, coinciding crossings ------------------------------------------------------


@pytest.mark.slow
def test_chirped_pulse_with_the_signs_of_h():
    h = ac.Hamiltonian.from_matrix([["10*x", "5*exp(-x**2)"], ["5*exp(-x**2)", "-10*x"]])
    drive = Linear(-6, 6, rate=1.0)
    result = ac.passage(h, drive)
    slow = named(result, "Dykhne–Davis–Pechukas")
    # Both zeros with one sign; an integration in 30 digits gives 1.679e-6.
    assert slow.probabilities[1] == pytest.approx(1.3955e-6, rel=1e-3)
    assert result.exact.probabilities[1] == pytest.approx(1.679e-6, rel=1e-3)
    assert not any(prediction.valid for prediction in result.predictions)
    assert "1.679" in result.verdict
    assert not result.verdict.startswith("Within")


@pytest.mark.slow
def test_amplitudes_of_two_zeros_add_where_the_formula_says_so():
    trusted, estimates = 0, []
    for gap in (0.7, 1.0, 1.5, 2.0):
        for bend, depth in ((0.05, 3.0), (0.1, 4.0), (0.03, 5.0), (0.2, 4.0), (0.3, 6.0)):
            text = f"{bend}*t**2-{depth}"
            slow = formulas.dykhne_davis_pechukas(
                detuning=text, coupling=f"{gap}", window=(-30, 30)
            )
            reach = 3 * np.sqrt(depth / bend) + 10
            right = reference(LZ(gap=gap), Formula(text, -reach, reach))[1]
            off = abs(float(slow) - right) / right
            (estimate,) = [c.value for c in slow.checks if c.quantity.startswith("error")]
            if slow.valid:
                trusted += 1
                assert off < 0.2
            if estimate < 0.3:
                estimates.append(off / estimate)
    assert trusted >= 3
    assert min(estimates) > 0.1
    assert max(estimates) < 1.5


@pytest.mark.parametrize("gap", [0.02, slow(0.05), slow(0.1)])
def test_a_zero_close_to_the_real_axis_is_not_missed(gap):
    result = ac.passage(LZ(gap=gap), Formula("19*tanh(t/3)+0.7", -60, 60))
    slow = named(result, "Dykhne–Davis–Pechukas")
    exact = formulas.tanh_sweep(gap=gap, amplitude=19.0, width=3.0, offset=0.7)
    assert slow.probabilities[1] == pytest.approx(float(exact), rel=1e-3)
    assert not own_checks(slow)


@pytest.mark.parametrize("shift", [0.0, 3e-17, -2e-16])
def test_crossings_at_one_place_are_named_in_words(shift):
    mixing = 0.1 * (np.eye(3, k=1) + np.eye(3, k=-1))
    constant = np.diag([-0.1 * 3, 0.0, 0.3 + shift]) + mixing
    slopes = np.diag([1.0, 0, -1.0])
    h = ac.Hamiltonian.affine(constant, slopes)
    bent = ac.Hamiltonian.from_terms([(1, constant), ("x+0.01*(x-0.3)**3", slopes)])
    for hamiltonian in (h, bent):
        text = str(ac.passage(hamiltonian, Linear(-60, 60, rate=1.0)))
        assert "coincide" in text
        assert "e+30" not in text
        assert "e+1" not in text


# ---- regimes under dephasing of the eigenbasis ------------------------------------------------


def regime_of(gap, sweep_rate, decay, reach):
    h, drive = LZ(gap=gap), Linear(-sweep_rate * reach, sweep_rate * reach, rate=sweep_rate)
    environment = Environment.Dephasing(rate=decay)
    result = ac.passage(h, drive, environment=environment, tolerance=1e-8)
    return result.regimes[0], float(result.exact.probabilities[1])


@pytest.mark.parametrize(
    ("gap", "rate", "decay", "right"),
    [(0.1, 1, 0.003, 0.9840), (0.3, 2.19, 0.03, 0.9335), (1, 10, 0.3, 0.8347)],
)
def test_fast_passage_stays_coherent(gap, rate, decay, right):
    regime, exact = regime_of(gap, rate, decay, 100.0)
    assert regime.regime == "coherent"
    assert exact == pytest.approx(right, abs=1e-4)
    # What the loss of coherence changes is known, and no more than that is off.
    assert abs(regime.jump_probability - right) < regime.coherence_loss


@pytest.mark.parametrize("gap", [0.1, 0.3, 1.0, 3.0])
@pytest.mark.slow
def test_regimes_hold_what_they_say(gap):
    checked = 0
    for sweep_rate in (0.3, 1.0, 3.0, 10.0):
        if gap**2 > 9.5 * sweep_rate:
            continue
        reach = 20 * max(sweep_rate**-0.5, gap / sweep_rate)
        for decay in (0.003, 0.03, 0.3, 1.0):
            regime, exact = regime_of(gap, sweep_rate, decay, reach)
            off = abs(regime.jump_probability - exact)
            if decay == 0.3 and sweep_rate == 10.0:
                right = bloch(gap, lambda t: 10.0 * t, decay, reach, own_axis=True)
                assert exact == pytest.approx(right, abs=1e-5)
                checked += 1
            if regime.regime == "coherent":
                # 25 %: the loss is a first-order estimate.
                assert off < 1.25 * regime.coherence_loss <= 1.25 * 0.05
            else:
                assert regime.regime == "incoherent"
                # Nearer than the coherent law that it turns down, where that is far.
                assert off < max(abs(regime.landau_zener - exact), 0.07)
            if regime.clear:
                assert off < 0.03
    assert checked


# ---- what all levels share --------------------------------------------------------------------


def _shared(text):
    def function(x):
        return np.array([[text(x) + x / 2, 0.3], [0.3, text(x) - x / 2]])

    return ac.Hamiltonian.from_function(function, vectorised=False)


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    "h",
    [
        ac.Hamiltonian.from_matrix([["1e5*x**2+x/2", 0.3], [0.3, "1e5*x**2-x/2"]]),
        ac.Hamiltonian.from_matrix([["1e7*x+x/2", 0.3], [0.3, "1e7*x-x/2"]]),
        _shared(lambda x: 1e5 * x**2),
    ],
)
def test_what_all_levels_share_hides_no_crossing(h):
    result = ac.passage(h, Linear(-200, 200, rate=0.3))
    (crossing,) = result.crossings
    assert crossing.position == pytest.approx(0.0, abs=1e-6)
    assert crossing.gap == pytest.approx(0.6, rel=1e-6)
    energy = np.linalg.eigvalsh(h(crossing.position)).mean()
    assert crossing.centre_energy == pytest.approx(energy, abs=1e-6)
    first = result.predictions[0]
    assert first.valid
    assert first.probabilities[1] == pytest.approx(np.exp(-2 * np.pi * 0.09 / 0.3), rel=1e-6)


def test_a_gap_far_below_the_rounding_of_an_offset():
    h = ac.Hamiltonian.from_matrix([["1e10+x/2", 0.01], [0.01, "1e10-x/2"]])
    result = ac.passage(h, Linear(-200, 200, rate=0.003))
    jump = np.exp(-2 * np.pi * 1e-4 / 0.003)
    assert result.predictions[0].probabilities[1] == pytest.approx(jump, rel=1e-6)
    assert result.verdict.startswith("Within its domain, Landau–Zener")


@pytest.mark.parametrize("offset", [0.0, 1e10])
def test_a_bow_tie_is_told_from_a_spin_at_any_offset(offset):
    couplings = np.array([[0, 0.2, 0], [0.2, 0, 0.5], [0, 0.5, 0]])
    h = ac.Hamiltonian.affine(couplings + offset * np.eye(3), np.diag([1.0, 0, -1.0]))
    result = ac.passage(h, Linear(-200, 200, rate=0.3))
    # The amplitudes of the middle state at infinity, p = exp(−πV²/α) to leave each outer one.
    near, far = (np.exp(-np.pi * v * v / 0.3) for v in (0.2, 0.5))
    right = [near**2, (1 - near) * (near + far), (1 - near) * (1 - far)]
    assert result.predictions[0].name == "bow-tie"
    assert sorted(result.predictions[0].probabilities) == pytest.approx(sorted(right), abs=1e-9)


# ---- what a sequence takes over from its passages ---------------------------------------------


def test_a_sequence_takes_over_what_its_passages_need():
    flip, up, one = np.array([[0, 1.0], [1, 0]]), np.diag([1.0, -1.0]), np.eye(2)
    two_spins = ac.Hamiltonian.affine(
        0.15 * np.kron(flip, one) + 0.1 * np.kron(one, flip),
        0.5 * np.kron(up, one) + 0.5 * np.kron(one, up),
    )
    result = ac.passage(two_spins, Linear(-100, 100, rate=1.0))
    # Each spin jumps for itself.
    one, other = (np.exp(-np.pi * gap**2 / 2) for gap in (0.3, 0.2))
    assert result.exact.probabilities[3] == pytest.approx(one * other, abs=1e-4)
    chain = named(result, "independent crossings")
    assert not own_checks(chain)
    assert "third level" in chain.warnings[0]
    assert "its own checks hold" not in result.verdict


# ---- solved families in other constant states -------------------------------------------------

TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
PHASED = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 6)).view(complex))[0]
LEAN = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
FLIP, UP, ONE = np.array([[0, 1.0], [1, 0]]), np.diag([1.0, -1.0]), np.eye(2)
ARROW = np.array([[0, 0.2, 0], [0.2, 0, 0.5], [0, 0.5, 0]])


def seen_from(basis, constant, slope):
    return ac.Hamiltonian.affine(*(basis @ m @ basis.conj().T for m in (constant, slope)))


TURNED = {
    "parallel levels that are coupled": (
        ac.Hamiltonian.affine(
            np.array([[0, 0.2, 0.3], [0.2, 0, 0.1], [0.3, 0.1, 0]]), np.diag([1.0, 0, 0])
        ),
        Linear(-200, 200, rate=0.3),
        "Demkov–Osherov",
    ),
    "constant and driven term exchanged": (
        ac.Hamiltonian.from_matrix([[0.25, "x/2"], ["x/2", -0.25]]),
        Formula("0.3+4*tanh((t-3)/2)", -60, 70),
        "tanh sweep",
    ),
    "tanh": (seen_from(LEAN, 0.3 * FLIP, UP / 2), Formula("3*tanh(t/4)-1", -60, 60), "tanh sweep"),
    "pulse": (
        seen_from(LEAN, 0.15 * UP, FLIP / 2),
        Formula("1.3/cosh(t/2)", -60, 60),
        "Rosen–Zener",
    ),
    "spin": (seen_from(TURN, SPIN, np.diag([1.0, 0, -1.0])), Linear(-200, 200, rate=1.0), "spin 1"),
    "bow": (seen_from(TURN, ARROW, np.diag([1.0, 0, -1])), Linear(-200, 200, rate=0.3), "bow-tie"),
    "phases": (
        seen_from(PHASED, ARROW, np.diag([1.0, 0, -1])),
        Linear(-200, 200, rate=0.3),
        "bow-tie",
    ),
    "two spins": (
        ac.Hamiltonian.affine(
            0.15 * np.kron(FLIP, ONE) + 0.1 * np.kron(ONE, FLIP + 0.3 * UP),
            0.5 * np.kron(UP, ONE) + 0.3 * np.kron(ONE, UP),
        ),
        Linear(-100, 120, rate=1.0),
        "spin 0.5 beside spin 0.5",
    ),
}


@pytest.mark.quick(2)
@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize("initial", [0, slow(1)])
def test_solved_families_are_known_in_other_states(kind, initial):
    h, drive, name = TURNED[kind]
    result = ac.passage(h, drive, initial=initial)
    first = result.predictions[0]
    assert first.name == name
    right = reference(h, drive, initial, steps=2**15)
    assert first.probabilities == pytest.approx(right, abs=1e-3)
    assert first.valid


@pytest.mark.slow
def test_states_that_dephasing_holds_are_not_left_to_landau_zener():
    gap, rate, decay, before, after = 0.1524557, 0.196443, 19.8463, 72.156, 135.21
    drive = Linear(-rate * before, rate * after, rate=rate)
    surroundings = Environment.FixedAxisDephasing(decay)
    result = ac.passage(LZ(gap=gap), drive, environment=surroundings)
    # Diabatic states mix at the rate ½g²Γ/(Γ² + ε²), which the window cuts short.
    turned = sum(math.atan(rate * time / decay) for time in (before, after))
    kept = 0.5 * (1 + math.exp(-(gap**2) / rate * turned))
    assert result.exact.probabilities[1] == pytest.approx(kept, abs=1e-3)
    assert not own_checks(named(result, "Landau–Zener"))
    assert result.verdict.startswith("Within its domain, strong dephasing")


def test_levels_of_other_sectors_are_passed_without_conditions():
    h = ac.Hamiltonian.from_matrix([["x/2", 0.3, 0], [0.3, "-x/2", 0], [0, 0, "3*x+7"]])
    result = ac.passage(h, Linear(-50, 50, rate=1.0))
    assert result.exact.probabilities[2] == pytest.approx(1.0)  # it goes straight up
    assert named(result, "independent crossings").valid
