"""Peaks of derivative couplings against closed forms, and what they predict against dynamics."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing import Hamiltonian
from anticrossing._core.roots import bracketed
from anticrossing.analysis.coupling_peak import coupling_peak
from tests.effort import slow
from tests.systems import random_unitary

LINEAR = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])


@pytest.mark.slow
@given(
    v=st.floats(1e-3, 10.0),
    slope=st.floats(1e-2, 100.0),
    centre=st.floats(-5.0, 5.0),
    mean=st.floats(-3.0, 3.0),
)
def test_linear_diabats_in_closed_form(v, slope, centre, mean):
    H = Hamiltonian.from_matrix(
        [["(m + f/2)*(x - c)", "v"], ["v", "(m - f/2)*(x - c)"]],
        parameters={"v": v, "f": slope, "c": centre, "m": mean},
    )
    width = 4 * v / slope
    low, high = centre - 30 * width, centre + 50 * width
    peak = coupling_peak(H, (low, high))
    assert peak.height == pytest.approx(slope / (4 * v), rel=1e-10)
    assert peak.gap == pytest.approx(2 * v, rel=1e-10)
    assert peak.width == pytest.approx(width, rel=1e-9)
    assert peak.position == pytest.approx(centre, abs=1e-9 * width + 1e-14)
    assert peak.closest == pytest.approx(centre, abs=1e-9 * width + 1e-14)
    # d = ½ d/dx arctan(...): the two ends are missing from π/2.
    expected = 0.5 * (np.arctan(60.0) + np.arctan(100.0))
    assert peak.area == pytest.approx(expected, abs=1e-9)
    assert peak.slope_difference == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("reach", [1e9, 1e12])
def test_the_integral_is_half_pi(reach):
    peak = coupling_peak(LINEAR, (-reach, 0.3 * reach))
    assert peak.area == pytest.approx(np.pi / 2, abs=1e-8)
    assert peak.width == pytest.approx(1.0, rel=1e-12)


def test_an_exponential_coupling_turns_levels_by_a_quarter_only():
    # Rosen–Zener–Demkov: gap √(Δ² + 4V²) falls all the way, and d peaks where 2V = Δ.
    H = Hamiltonian.from_matrix([[0.1, "2*exp(-1.5*x)"], ["2*exp(-1.5*x)", -0.1]])
    peak = coupling_peak(H, (-20, 30))
    centre = np.log(4 / 0.2) / 1.5
    assert peak.area == pytest.approx(np.pi / 4, abs=1e-10)
    assert peak.position == pytest.approx(centre, abs=1e-10)
    assert peak.height == pytest.approx(1.5 / 4, rel=1e-12)
    assert peak.width == pytest.approx(np.log((2 + np.sqrt(3)) / (2 - np.sqrt(3))) / 1.5, rel=1e-10)
    assert peak.gap == pytest.approx(0.2, rel=1e-14)


def test_a_line_past_a_cone_is_a_landau_zener_passage():
    strength, b, v = 0.7, 0.4, 1.3
    cone = Hamiltonian.from_matrix(
        [["k*x", "k*y"], ["k*y", "-k*x"]], parameters={"k": strength}, coordinates=("x", "y")
    )
    peak = coupling_peak(cone, (-1000, 1000), origin=[0.0, b], direction=[1.0, 0.0], velocity=v)
    assert peak.gap == pytest.approx(2 * strength * b, rel=1e-13)
    assert peak.height == pytest.approx(1 / (2 * b), rel=1e-13)
    assert float(peak.jump) == pytest.approx(np.exp(-np.pi * strength * b**2 / v), rel=1e-12)
    # |v d|/gap = α/2g² with α = 2κv
    assert float(peak.massey) == pytest.approx(v / (2 * b) / (2 * strength * b), rel=1e-12)
    assert not peak.massey.valid
    exact = ac.propagate(
        peak.hamiltonian, ac.drive.Linear(-200, 200, v), basis="superadiabatic"
    ).transition_matrix
    assert float(peak.jump) == pytest.approx(exact[1, 0], abs=1e-8)
    # Any direction, not normalized: s counts units of n, the integral does not change.
    slanted = coupling_peak(cone, (-700, 900), origin=[0.3, 0.7], direction=[-1.2, 2.0])
    length = np.hypot(1.2, 2.0)
    distance = abs(0.3 * 2.0 + 0.7 * 1.2) / length
    assert slanted.height == pytest.approx(length / (2 * distance), rel=1e-12)
    assert slanted.position == pytest.approx(-(0.3 * -1.2 + 0.7 * 2.0) / length**2, abs=1e-9)


def test_units_of_energy_and_time():
    H = Hamiltonian.from_matrix([["x", 0.05], [0.05, "-x"]], units=ac.Units("eV", "fs", "angstrom"))
    peak = coupling_peak(H, (-10, 10), velocity=0.01)
    hbar = 0.6582119569509067  # eV fs
    assert float(peak.jump) == pytest.approx(
        np.exp(-2 * np.pi * 0.05**2 / (hbar * 0.01 * 2.0)), rel=1e-9
    )
    assert float(peak.massey) == pytest.approx(hbar * 0.01 * peak.height / 0.1, rel=1e-9)
    text = str(peak)
    assert "x (angstrom) from -10 to 10" in text
    assert "gap       0.1 eV" in text


def test_three_levels_with_complex_couplings():
    # Two crossings of level 0 with level 1 and of level 1 with level 2, far apart.
    base = Hamiltonian.from_matrix(
        [["x", "0.1*I", 0.02], ["-0.1*I", 0, "0.2 + 0.1*I"], [0.02, "0.2 - 0.1*I", "20 - x"]]
    )
    turn = random_unitary(np.random.default_rng(1), 3)
    H = Hamiltonian.from_terms(
        [
            (f, turn @ m @ turn.conj().T)
            for f, m in zip(base.coefficients, base.matrices, strict=True)
        ]
    )
    low = coupling_peak(H, (-9, 5))
    assert low.gap == pytest.approx(0.2, rel=1e-3)
    assert low.height == pytest.approx(1 / 0.4, rel=1e-3)
    plain = coupling_peak(base, (-9, 5))
    assert low.area == pytest.approx(plain.area, abs=1e-10)
    assert low.width == pytest.approx(plain.width, rel=1e-9)
    # Levels 1 and 2 at x = 10 are those of the slopes 1 and −1; 0 and 1 meet again at 20.
    upper = coupling_peak(H, (7, 13), levels=(2, 1))
    assert upper.levels == (1, 2)
    # The direct coupling 0.02 and the one through the flat level below, |V₁||V₂|/10, add up.
    assert upper.gap == pytest.approx(2 * abs(0.02 + 0.1j * (0.2 + 0.1j) / 10), rel=1e-2)


def test_sodium_iodide_turns_over_nearly_completely():
    H = ac.models.SodiumIodide()
    peak = coupling_peak(H, (4.0, 12.0), velocity=0.01)
    angle = [0.5 * np.arctan2(2 * m[0, 1], m[0, 0] - m[1, 1]) for m in (H(4.0), H(12.0))]
    assert peak.area == pytest.approx(abs(angle[1] - angle[0]), abs=1e-10)
    crossing = ac.spectrum.find_crossings(H, 4.0, 12.0)
    assert len(crossing) == 1
    assert peak.gap == pytest.approx(crossing[0].gap, rel=1e-8)
    assert peak.massey.valid


def test_a_peak_at_the_end_of_the_window_has_no_width():
    peak = coupling_peak(LINEAR, (0.1, 10))
    assert peak.width is None
    assert peak.position == pytest.approx(0.1, abs=1e-15)
    assert peak.closest == 0.1
    assert "not within the window" in str(peak)
    assert peak.jump is None
    assert peak.massey is None
    assert "velocity" not in str(peak)


def test_very_narrow_crossings_are_found():
    H = Hamiltonian.from_matrix([["x - 0.123", 1e-9], [1e-9, "-(x - 0.123)"]])
    peak = coupling_peak(H, (-50, 70))
    assert peak.height == pytest.approx(5e8, rel=1e-6)
    assert peak.area == pytest.approx(np.pi / 2, abs=1e-8)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("place", [0.0, 0.123])
def test_levels_that_meet_are_refused(turned, place):
    constant, slope = np.diag([-place, place, 5.0]), np.diag([1.0, -1.0, 0.0])
    constant[2, 2] = 5.0
    if turned:
        turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
        constant, slope = turn @ constant @ turn.T, turn @ slope @ turn.T
    H = Hamiltonian.affine(0.5 * (constant + constant.T), 0.5 * (slope + slope.T))
    with pytest.raises(ac.InputError, match="levels 0 and 1 are degenerate at x = "):
        coupling_peak(H, (-1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("window", [slow((-10, 10)), (-10, 12)])
def test_levels_that_meet_at_the_origin_of_a_line_are_refused(window):
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    with pytest.raises(ac.InputError, match="`window` must be one in which the levels stay apart"):
        coupling_peak(cone, window, origin=[0, 0], direction=[1, 0])


@pytest.mark.parametrize("window", [(-10, 10), (-10, 12)])
def test_a_peak_at_a_kink_of_the_slope(window):
    # Tully's simple crossing: ΔF = 2AB and V = C at x = 0, where the second derivative jumps.
    peak = coupling_peak(ac.models.TullySimple(), window)
    assert peak.gap == pytest.approx(0.01, rel=1e-12)
    assert peak.height == pytest.approx(0.01 * 1.6 / (2 * 0.005), rel=1e-9)
    assert peak.position == pytest.approx(0.0, abs=1e-9)
    # The mixing angle goes from that of diabats a pure ±0.01 apart to the mirror image of it.
    left, right = (ac.models.TullySimple()(float(end)) for end in window)
    angles = [0.5 * np.arctan2(2 * m[0, 1], m[0, 0] - m[1, 1]) for m in (left, right)]
    assert peak.area == pytest.approx(abs(angles[1] - angles[0]), abs=1e-9)


def test_a_third_level_that_crosses_is_reported():
    H = Hamiltonian.from_terms(
        [("x", np.diag([1.0, -1.0, 0.3])), (1, [[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0.9]])]
    )
    with pytest.raises(ac.ConvergenceError, match=r"near x = .*another level may cross level"):
        coupling_peak(H, (-5, 5))


CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coupling_peak(LINEAR, (1, -1)), "`window` must be a pair"),
        (lambda: coupling_peak(LINEAR, 3.0), "`window` must be a pair"),
        (lambda: coupling_peak(LINEAR, (0, np.inf)), "`window` must be finite"),
        (lambda: coupling_peak(LINEAR, (-1, 1), levels=(0, 2)), "levels from 0 to 1"),
        (lambda: coupling_peak(LINEAR, (-1, 1), levels=(1, 1)), "two different levels"),
        (lambda: coupling_peak(LINEAR, (-1, 1), levels=3), "`levels` must be a pair"),
        (lambda: coupling_peak(LINEAR, (-1, 1), velocity=0.0), "`velocity` must be positive"),
        (lambda: coupling_peak(LINEAR, (-1, 1), origin=[0.0]), "`origin` must be left out"),
        (lambda: coupling_peak(CONE, (-1, 1), origin=[0, 1]), "`direction` must be given"),
        (lambda: coupling_peak(CONE, (-1, 1), origin=[0], direction=[1, 0]), "`origin` must hold"),
        (lambda: coupling_peak("H", (-1, 1)), "must be a Hamiltonian"),
        (
            lambda: coupling_peak(ac.models.LandauZener(gap=[1.0, 2.0]), (-1, 1)),
            "single parameter values",
        ),
        (
            lambda: coupling_peak(Hamiltonian.affine(np.diag([0.0, 1.0]), np.eye(2)), (-1, 1)),
            "`levels` must be coupled",
        ),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("v", "slope", "centre", "mean"),
    [
        (1e-3, 1 / 3, 1e-3, 1.0),
        (1e-3, 0.01, 5.0, 3.0),
        (2.0, 0.7, -1.3, 0.0),
        (1e-3, 7.0, 0.1, -2.0),
    ],
)
@pytest.mark.parametrize("sample", [0, 64, 96, 255])
def test_a_sample_right_on_the_peak(v, slope, centre, mean, sample):
    """Its slope is rounding, of either sign, and another one in a batch than alone."""
    H = Hamiltonian.from_matrix(
        [["(m + f/2)*(x - c)", "v"], ["v", "(m - f/2)*(x - c)"]],
        parameters={"v": v, "f": slope, "c": centre, "m": mean},
    )
    width = 4 * v / slope
    low = centre - sample / 256 * 80 * width
    peak = coupling_peak(H, (low, low + 80 * width))
    assert peak.gap == pytest.approx(2 * v, rel=1e-10)
    assert peak.closest == pytest.approx(centre, abs=1e-9 * width)


def test_a_bracket_whose_end_is_the_root_to_rounding():
    for low, high, root in ((1e-17, 1.0, 1e-17), (-1.0, -1e-17, -1e-17), (-1.0, 0.5, 0.0)):
        assert bracketed(lambda x: x, low, high, xtol=1e-15) == pytest.approx(root, abs=1e-15)
    with pytest.raises(ValueError, match="sign"):
        bracketed(lambda x: x, 1.0, 2.0)


@pytest.mark.quick(1)
@pytest.mark.parametrize("levels", [(0, 1), (1, 2)])
@pytest.mark.parametrize("window", [(-500.0, 80.0), (-87.0, 513.0)])
def test_the_smallest_of_gaps_that_lie_close_together(levels, window):
    """Three levels within 1 of each other in a window of 600; eigenvalues on a fine grid."""
    constant = np.array([[0, 0.02, 0.01], [0.02, 0.3, 0.7], [0.01, 0.7, -0.3]])
    slopes = np.diag([5.0, 0.3, -1.0])
    peak = ac.coupling_peak(ac.Hamiltonian.affine(constant, slopes), window, levels=levels)
    x = np.linspace(-3, 3, 60_001)
    energies = np.linalg.eigvalsh(constant + x[:, None, None] * slopes)
    gaps = energies[:, levels[1]] - energies[:, levels[0]]
    k = int(np.argmin(gaps))
    bend, tilt, _ = np.polyfit(np.arange(-1.0, 2.0), gaps[k - 1 : k + 2] ** 2, 2)
    smallest = np.sqrt(gaps[k] ** 2 - tilt**2 / (4 * bend))
    assert peak.gap == pytest.approx(smallest, rel=1e-6)
    assert peak.closest == pytest.approx(x[k], abs=1e-4)
