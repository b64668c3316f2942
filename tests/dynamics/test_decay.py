"""Levels that decay, against Runge–Kutta methods, closed forms and a sink as one more level."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.drive import Linear, Path
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator
from anticrossing.environment import (
    Bath,
    Decay,
    Dephasing,
    FixedAxisDephasing,
    Lindblad,
    ThermalRelaxation,
)
from anticrossing.environment.noise import TelegraphNoise
from anticrossing.environment.spectral_density import Ohmic
from tests.effort import slow

LZ = ac.models.LandauZener(gap=0.6)


def stepped(hamiltonian: Any, drive: Any, gamma: Any, rtol: float = 1e-12) -> np.ndarray:
    """Return the propagator of i ψ′ = (H − iΓ(t)/2) ψ by DOP853."""
    levels, factor = hamiltonian.dimension, hamiltonian.units.angular

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        h = factor * hamiltonian(float(drive(t))) - 0.5j * gamma(t)
        return (-1j * h @ y.reshape(levels, levels)).ravel()

    start = np.eye(levels, dtype=complex).ravel()
    window = float(drive.start_time), float(drive.stop_time)
    found = solve_ivp(slope, window, start, method="DOP853", rtol=rtol, atol=1e-16)
    return found.y[:, -1].reshape(levels, levels)


@pytest.mark.parametrize(
    "width", [slow(1e-6), slow(0.05), 0.6, slow(1.2), slow(1.21), slow(5.0), slow(60.0)]
)
def test_two_levels_against_steps(width: float) -> None:
    """Also at 1.2, where an exceptional point lies on the way."""
    sweep = Linear(-8.0, 8.0, rate=0.7)
    found = ac.propagate(LZ, sweep, environment=Decay([0.0, width]), basis="diabatic")
    expected = stepped(LZ, sweep, lambda t: np.diag([0.0, width]))
    np.testing.assert_allclose(found.propagator, expected, atol=3e-11)
    np.testing.assert_allclose(found.transition_matrix, np.abs(expected) ** 2, atol=3e-11)
    np.testing.assert_allclose(found.survival, np.sum(np.abs(expected[:, 0]) ** 2), rtol=1e-9)
    assert found.survival == pytest.approx(found.probabilities.sum(), rel=1e-14)
    assert np.log(found.survival) == pytest.approx(found.log_survival, abs=1e-12)
    assert np.max(np.abs(np.abs(expected) ** 2 - found.transition_matrix)) < found.error_estimate
    assert not found.is_unitary
    assert found.warnings == ()


def test_nothing_that_decays_is_unitary_evolution() -> None:
    sweep = Linear(-30.0, 30.0, rate=0.01)
    found = ac.propagate(LZ, sweep, environment=Decay([0.0, 0.0]), times=[0.0])
    exact = ac.propagate(LZ, sweep, times=[0.0])
    np.testing.assert_allclose(found.transition_matrix, exact.transition_matrix, atol=2e-10)
    np.testing.assert_allclose(found.populations, exact.populations, atol=2e-10)
    assert found.survival == pytest.approx(1.0, abs=1e-10)


def test_all_levels_decay_alike() -> None:
    """e^{−Γt} times unitary evolution, however small."""
    sweep = Linear(-20.0, 20.0, rate=1e-3)
    found = ac.propagate(LZ, sweep, environment=Decay([0.3, 0.3]), times=[0.0])
    assert found.log_survival == pytest.approx(-0.3 * 4e4, rel=1e-13)
    assert found.survival == 0.0
    assert found.survivals.shape == (1,)
    assert found.log_survival_error < 1e-8
    short = ac.propagate(LZ, Linear(-20.0, 20.0, rate=2.0), environment=Decay([0.3, 0.3]))
    exact = ac.propagate(LZ, Linear(-20.0, 20.0, rate=2.0))
    lost = np.exp(-0.3 * 20.0)
    np.testing.assert_allclose(short.propagator, exact.propagator * np.sqrt(lost), atol=1e-10)


@pytest.mark.parametrize("rate", [1e-2, 1e-3, 1e-5, 1e-8])
def test_slow_overdamped_passages_in_logarithms(rate: float) -> None:
    """Beyond the exceptional point ψ follows one mode: ∫ λ dt and its dual norm at both ends."""
    gap, width, reach = 0.6, 3.0, 5.0
    found = ac.propagate(
        LZ, Linear(-reach, reach, rate=rate), environment=Decay([0.0, width]), basis="diabatic"
    )
    # λ = −iγ/4 ± ½√((x + iγ/2)² + g²) of ½[[x, g], [g, −x]] − (i/2) diag(0, γ), the slower mode.
    slow = mpmath.quad(
        lambda x: abs(mpmath.im(mpmath.sqrt((x + 0.5j * width) ** 2 + gap**2))) - 0.5 * width,
        [-reach, 0, reach],
    )
    ends = []
    for x in (-reach, reach):
        m = np.array([[x / 2, gap / 2], [gap / 2, -x / 2 - 0.5j * width]])
        values, vectors = np.linalg.eig(m)
        r = vectors[:, np.argmax(values.imag)]
        ends.append(r / np.sqrt(r @ r))  # H is symmetric: the left eigenvector is the right one
    enters, leaves = abs(ends[0][0]) ** 2, np.linalg.norm(ends[1]) ** 2
    expected = float(slow / rate) + np.log(enters * leaves)
    # Corrections are of the order of α; a double knows the exponent to 16 digits.
    assert abs(found.log_survival - expected) < 2 * rate + 4e-16 * abs(expected) + 1e-9
    assert found.log_survival_error < 1e-6
    assert found.panels < 40


def test_cost_does_not_grow_with_slowness() -> None:
    counts = [
        ac.propagate(
            LZ, Linear(-20.0, 20.0, rate=rate), environment=Decay([0.0, 0.3])
        ).evaluated_panels
        for rate in (1e-2, 1e-4, 1e-8)
    ]
    assert max(counts) <= 60


def test_what_is_too_small_to_be_known_is_said() -> None:
    found = ac.propagate(LZ, Linear(-20.0, 20.0, rate=1e-3), environment=Decay([0.0, 0.3]))
    assert found.log_survival_error > 1
    assert any("not known" in warning for warning in found.warnings)


@pytest.mark.slow
def test_many_levels_formulas_and_bases() -> None:
    rng = np.random.default_rng(3)
    a, b = (m + m.T for m in rng.normal(size=(2, 5, 5)))
    hamiltonian = ac.Hamiltonian.affine(a, b)
    sweep = Linear(-2.0, 2.0, rate=0.5)
    m = rng.normal(size=(5, 5)) + 1j * rng.normal(size=(5, 5))
    m = 0.1 * m @ m.conj().T
    found = ac.propagate(hamiltonian, sweep, environment=Decay(operator=m, rate="exp(-x**2)"))
    expected = stepped(hamiltonian, sweep, lambda t: m * np.exp(-((0.5 * t) ** 2)))
    np.testing.assert_allclose(found.propagator, expected, atol=1e-10)
    widths = [0.0, 0.2, "0.1+x**2/10", lambda x: 0.3 + 0 * x, 1.0]
    found = ac.propagate(hamiltonian, sweep, environment=Decay(widths, basis="adiabatic"))

    def gamma(t: float) -> np.ndarray:
        vectors = np.linalg.eigh(hamiltonian(0.5 * t))[1]
        values = [0.0, 0.2, 0.1 + (0.5 * t) ** 2 / 10, 0.3, 1.0]
        return np.asarray((vectors * values) @ vectors.conj().T)

    np.testing.assert_allclose(found.propagator, stepped(hamiltonian, sweep, gamma), atol=1e-10)
    decay = Decay(widths, basis="adiabatic")
    one = ac.propagate(hamiltonian, sweep, environment=decay, whole=False)
    assert one.propagator is None
    np.testing.assert_allclose(one.probabilities, found.probabilities, atol=1e-12)


def test_from_a_matrix_that_is_not_hermitian() -> None:
    given = np.array([[0, 0.3], [0.3, 0.5 - 0.05j]])
    hamiltonian = ac.Hamiltonian.affine(0.5 * (given + given.conj().T), np.diag([0.5, -0.5]))
    sweep = Linear(-5.0, 5.0, rate=1.0)
    decay = Decay.from_hamiltonian(given)
    found = ac.propagate(hamiltonian, sweep, environment=decay)
    expected = stepped(hamiltonian, sweep, lambda t: np.diag([0.0, 0.1]))
    np.testing.assert_allclose(found.propagator, expected, atol=1e-11)
    with pytest.raises(InputError, match="from_hamiltonian"):
        ac.Hamiltonian.affine(given, np.diag([0.5, -0.5]))
    in_units = ac.Units(energy="GHz", time="ns")
    assert Decay.from_hamiltonian(given, in_units).operator[1, 1].real == pytest.approx(0.2 * np.pi)


def test_a_batch() -> None:
    widths = np.array([0.0, 0.3, 3.0])
    swept = ac.propagate(LZ, Linear(-9.0, 9.0, rate=1.0), environment=Decay([0.0, widths]))
    assert swept.survival.shape == (3,)
    for k, width in enumerate(widths):
        one = ac.propagate(LZ, Linear(-9.0, 9.0, rate=1.0), environment=Decay([0.0, width]))
        assert one.survival == pytest.approx(swept.survival[k], rel=1e-10)
    dataset = swept.to_dataset()
    assert dataset["log_survival"].shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize(
    "beside",
    [
        slow(FixedAxisDephasing(0.2)),
        slow(Dephasing(0.3)),
        ThermalRelaxation(temperature=0.5, t1=8.0),
        slow(Lindblad([[[0, 0.4], [0, 0]]])),
    ],
    ids=repr,
)
def test_beside_another_environment_as_a_jump_to_a_third_level(beside: Any) -> None:
    """ρ of two levels that decay is a block of ρ of three."""
    sweep, decay = Linear(-6.0, 6.0, rate=1.0), Decay([0.02, 0.3])
    found = ac.propagate(LZ, sweep, environment=decay + beside, times=[1.0], basis="diabatic")
    assert found.density_matrix is not None
    assert found.survival == pytest.approx(np.trace(found.density_matrix).real, rel=1e-12)
    assert found.survivals[0] == pytest.approx(np.trace(found.density_matrices[0]).real, rel=1e-12)
    gamma = np.diag([0.02, 0.3])
    lanes = Lanes.of(LZ, sweep)

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        total = generator(lanes, beside, np.array([[t]]))[0, 0]
        rho = y.reshape(2, 2)
        return (total @ y) - 0.5 * (gamma @ rho + rho @ gamma).ravel()

    start = np.diag([1.0, 0.0]).astype(complex).ravel()
    window = float(sweep.start_time), float(sweep.stop_time)
    expected = solve_ivp(slope, window, start, method="DOP853", rtol=1e-11, atol=1e-14).y[:, -1]
    np.testing.assert_allclose(found.density_matrix, expected.reshape(2, 2), atol=1e-10)
    mapped = found.superoperator @ start
    np.testing.assert_allclose(mapped, expected, atol=1e-10)
    np.testing.assert_allclose(found.transition_matrix[:, 0], found.probabilities, atol=1e-12)


def test_beside_a_fixed_axis_as_three_levels_of_the_usual_engine() -> None:
    """The sink as a level of its own, with the solver that keeps the trace."""
    three = ac.Hamiltonian.affine(
        [[0, 0.3, 0], [0.3, 0, 0], [0, 0, 5.0]], np.diag([0.5, -0.5, 0.0])
    )
    sweep = Linear(-6.0, 6.0, rate=1.0)
    sink = [np.zeros((3, 3)), np.zeros((3, 3))]
    sink[0][2, 0], sink[1][2, 1] = np.sqrt(0.02), np.sqrt(0.3)
    axis = np.diag([np.sqrt(0.1), -np.sqrt(0.1), 0.0])
    exact = ac.propagate(three, sweep, environment=Lindblad([*sink, axis]), basis="diabatic")
    decaying = Decay([0.02, 0.3]) + FixedAxisDephasing(0.2)
    found = ac.propagate(LZ, sweep, environment=decaying, basis="diabatic")
    np.testing.assert_allclose(found.density_matrix, exact.density_matrix[:2, :2], atol=1e-10)


@pytest.mark.parametrize("offset", [1e3, 1e7, 1e12])
def test_an_offset_costs_nothing(offset: float) -> None:
    far = ac.Hamiltonian.affine([[offset, 0.3], [0.3, offset]], np.diag([0.5, -0.5]))
    sweep, decay = Linear(-6.0, 6.0, rate=1.0), Decay([0.0, 0.3])
    found = ac.propagate(far, sweep, environment=decay, times=[0.0])
    near = ac.propagate(LZ, sweep, environment=decay, times=[0.0])
    np.testing.assert_allclose(found.transition_matrix, near.transition_matrix, atol=1e-14)
    np.testing.assert_allclose(found.populations, near.populations, atol=1e-14)
    assert found.panels == near.panels


def test_widths_in_pulses() -> None:
    """As narrow as a hundred thousandth of the window."""
    still = ac.Hamiltonian.affine(np.zeros((2, 2)), np.zeros((2, 2)))
    for size in (1e-1, 1e-3, 1e-5):
        decay = Decay([f"exp(-(x/{size})**2)/{size}", 0.0])
        found = ac.propagate(still, Linear(-1, 1, rate=1.0), environment=decay, basis="diabatic")
        assert found.log_survival == pytest.approx(-np.sqrt(np.pi), rel=1e-10)


@pytest.mark.parametrize("rate", [slow(1.0), 1e-3, slow(1e-5)])
def test_a_doublet_that_decays_together(rate: float) -> None:
    """Half of the state is the combination that does not couple: 2^−1 e^{−Γt}."""
    doublet = ac.Hamiltonian.affine(
        [[0, 0, 0.3], [0, 1e-9 * rate, 0.3], [0.3, 0.3, 0]], np.diag([0.5, 0.5, -0.5])
    )
    sweep = Linear(-6.0, 6.0, rate=rate)
    decay = Decay([0.1, 0.1, 300.0 * 0.1])
    found = ac.propagate(doublet, sweep, environment=decay, basis="diabatic")
    assert found.log_survival_error < 1e-8
    if rate < 0.1:
        assert found.log_survival == pytest.approx(-1.2 / rate - np.log(2), rel=1e-9)
    expected = ac.propagate(
        ac.Hamiltonian.affine([[0, 0.3 * 2**0.5], [0.3 * 2**0.5, 0]], np.diag([0.5, -0.5])),
        sweep,
        environment=Decay([0.1, 30.0]),
        basis="diabatic",
    )
    both = np.logaddexp(-1.2 / rate, expected.log_survival) - np.log(2)
    # ψ = (dark + bright)/√2, and the bright half is gone or nearly.
    assert found.log_survival == pytest.approx(both, abs=2e-9 + 1e-12 / rate)


@pytest.mark.parametrize(("rate", "width"), [(1e-8, 1e6), (1e-4, 1e6), (1.0, 1e6), (1e3, 1e6)])
def test_rates_of_strong_decay(rate: float, width: float) -> None:
    found = ac.propagate(
        LZ, Linear(-6, 6, rate=rate), environment=Decay([0.0, width]), basis="diabatic"
    )
    law = -(0.36 / rate) * np.arctan2(12.0, width)
    slip = 0.36 / width**2  # until the level that decays follows
    assert found.log_survival == pytest.approx(law, rel=1e-9, abs=2 * slip + 1e-9 * abs(law) + 4e-6)


def test_strong_decay_freezes_a_level() -> None:
    """Zeno: the width of what it leaves falls as 4V²/Γ."""
    resting = ac.Hamiltonian.affine([[0.0, 0.3], [0.3, 0.0]], np.zeros((2, 2)))
    for width in (1e2, 1e4, 1e6):
        found = ac.propagate(
            resting, Linear(0.0, 1.0, rate=0.1), environment=Decay([0.0, width]), basis="diabatic"
        )
        with mpmath.workdps(40):
            h = mpmath.matrix([[0, 0.3], [0.3, mpmath.mpc(0, -0.5 * width)]])
            u = mpmath.expm(-10j * h, method="pade")
            lost = float(mpmath.log(abs(u[0, 0]) ** 2 + abs(u[1, 0]) ** 2))
        assert lost == pytest.approx(-3.6 / width, rel=4e-3)
        assert found.log_survival == pytest.approx(lost, rel=1e-9, abs=1e-11)


def exceptional_loop(turns: int, time: float) -> Path:
    """Encircle x = 0, γ = 1.2 of ½[[x, .6], [.6, −x]] with a width γ of the second level."""
    return Path(
        x=ac.drive.Formula(f"0.5*sin({turns}*2*pi*t/{time})", 0.0, time),
        y=ac.drive.Formula(f"1.2-0.5*cos(2*pi*t/{time})", 0.0, time),
    )


PLANE = ac.Hamiltonian.from_matrix([["x/2 + 0*y", "0.3"], ["0.3", "-x/2"]], coordinates=("x", "y"))


@pytest.mark.slow
@pytest.mark.parametrize("time", [20.0, slow(200.0)])
def test_encircling_an_exceptional_point_is_chiral(time: float) -> None:
    """The final state depends on the direction, not on the level it starts in."""
    decay = Decay([0.0, "y"], coordinates=("x", "y"))
    ended = {}
    for turns in (1, -1):
        path = exceptional_loop(turns, time)
        found = ac.propagate(PLANE, path, environment=decay, basis="diabatic")

        def slope(t: float, y: np.ndarray, path: Path = path) -> np.ndarray:
            x, width = path(t)
            h = np.array([[x / 2, 0.3], [0.3, -x / 2 - 0.5j * width]])
            return (-1j * h @ y.reshape(2, 2)).ravel()

        start = np.eye(2, dtype=complex).ravel()
        steps = solve_ivp(slope, (0, time), start, method="DOP853", rtol=1e-12, atol=1e-30)
        expected = steps.y[:, -1].reshape(2, 2)
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(found.propagator / scale, expected / scale, atol=1e-8)
        ended[turns] = found.propagator / np.linalg.norm(found.propagator, axis=0)
    if time > 100:
        # Both columns end in one state, up to a phase, another one for each direction.
        for u in ended.values():
            assert abs(np.vdot(u[:, 0], u[:, 1])) == pytest.approx(1.0, abs=1e-6)
        assert abs(np.vdot(ended[1][:, 0], ended[-1][:, 0])) < 0.9


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Decay(), "exactly one"),
        (lambda: Decay([0.1], operator=[[1]]), "exactly one"),
        (lambda: Decay([]), "one width for each level"),
        (lambda: Decay(0.3), "widths"),
        (lambda: Decay([-0.1, 0.0]), "not be negative"),
        (lambda: Decay([0.1, 0.0], basis="superadiabatic"), "basis"),
        (lambda: Decay([0.1, 0.0], rate=1.0), "with an operator"),
        (lambda: Decay(operator=[[0, 1], [0, 0]]), "Hermitian"),
        (lambda: Decay(operator=[[0, 1], [1, 0]]), "positive semidefinite"),
        (lambda: Decay.from_hamiltonian([[0.1j]]), "decay, not gain"),
        (lambda: ac.propagate(LZ, Linear(-1, 1, rate=1.0), environment=Decay([0.1])), "2 levels"),
        (lambda: ac.propagate(LZ, Linear(-1, 1, rate=1.0), environment=Decay(["y", 0])), "y"),
        (
            lambda: ac.propagate(
                LZ, Linear(-1, 1, rate=1.0), environment=Decay([0.1, 0]), initial=[[1, 0], [0, 0]]
            ),
            "initial",
        ),
        (
            lambda: ac.analysis.decay_rates(
                LZ, Linear(-1, 1, rate=1.0), Decay([0.1, 0.0]), 0.0, (0, 1)
            ),
            "propagate",
        ),
        (
            lambda: ac.coherent_incoherent_split(LZ, Linear(-1, 1, rate=1.0), Decay([0.1, 0])),
            "keep the trace",
        ),
        (lambda: ac.passage(LZ, Linear(-9, 9, rate=1.0), environment=Decay([0.1, 0])), "decay"),
        (lambda: ac.adiabatic_expansion(LZ, Linear(-1, 1, rate=1.0), Decay([0.1, 0])), "decay"),
        (
            lambda: ac.propagate(
                ac.Hamiltonian.affine(np.eye(13), np.diag(np.arange(13.0))),
                Linear(-1, 1, rate=1.0),
                environment=Decay([0.1] * 13) + Dephasing(0.1),
            ),
            "quantum_jumps",
        ),
        (
            lambda: ac.propagate(
                LZ, Linear(-1, 1, rate=1.0), environment=Decay([0.1, 0]) + TelegraphNoise(0.1, 1.0)
            ),
            "forget at once where levels decay",
        ),
    ],
)
def test_bad_input_is_one_line(make: Any, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_doubts_of_a_bath_are_said_beside_levels_that_decay() -> None:
    density = Ohmic(reorganization_energy=2.0, cutoff=2.0)
    bath = Bath(np.diag([0.5, -0.5]), density, temperature=0.2, equation="redfield")
    sweep = Linear(-5, 5, rate=0.05)
    alone = ac.propagate(LZ, sweep, environment=bath)
    beside = ac.propagate(LZ, sweep, environment=Decay([0.0, 1e-9]) + bath)
    assert len(alone.warnings) == 3  # probabilities of −0.1 among them
    assert alone.warnings == beside.warnings


# ---- what is left of next to nothing ---------------------------------------------------------


def round_the_point(duration: float, sense: int) -> Any:
    """A loop round the exceptional point at y = 1.2."""
    plane = ac.Hamiltonian.from_matrix([["x/2 + 0*y", 0.3], [0.3, "-x/2"]], coordinates=("x", "y"))
    loop = ac.drive.Path(
        x=ac.drive.Formula(f"{sense}*0.5*sin(2*pi*t/{duration})", 0, duration),
        y=ac.drive.Formula(f"1.2 - 0.5*cos(2*pi*t/{duration})", 0, duration),
    )
    width = Decay([0.0, "y"], coordinates=("x", "y"))
    return ac.propagate(plane, loop, environment=width, basis="diabatic")


@pytest.mark.parametrize("sense", [slow(1), slow(-1)])
def test_a_slow_loop_leaves_a_state_where_its_norm_underflows(sense: int) -> None:
    """Against steps of a vector that is kept at norm 1, and the logarithm beside it."""
    duration = 4000.0
    found = round_the_point(duration, sense)
    assert found.survival == 0.0

    def change(t: float, y: np.ndarray) -> np.ndarray:
        angle = 2 * np.pi * t / duration
        x, width = sense * 0.5 * np.sin(angle), 1.2 - 0.5 * np.cos(angle)
        matrix = np.array([[x / 2, 0.3], [0.3, -x / 2 - 0.5j * width]])
        psi = y[:2] / np.linalg.norm(y[:2])
        moved = -1j * matrix @ psi
        rate = (psi.conj() @ moved).real
        return np.append(moved - rate * psi, rate)

    y0 = np.array([1.0, 0.0, 0.0], dtype=np.complex128)
    done = solve_ivp(change, (0.0, duration), y0, method="DOP853", rtol=1e-10, atol=1e-12)
    psi = done.y[:2, -1] / np.linalg.norm(done.y[:2, -1])
    assert abs(np.vdot(psi, found.surviving_state)) == pytest.approx(1.0, abs=1e-8)
    assert np.linalg.norm(found.surviving_state) == pytest.approx(1.0, abs=1e-14)
    assert found.log_survival == pytest.approx(2 * done.y[2, -1].real, rel=1e-8)


def test_what_survives_has_norm_one() -> None:
    sweep, decay = Linear(-6.0, 6.0, rate=1.0), Decay([0.0, 0.3])
    found = ac.propagate(LZ, sweep, environment=decay)
    norm = np.linalg.norm(found.final_state)
    np.testing.assert_allclose(found.surviving_state, found.final_state / norm, atol=1e-14)
    other = ac.propagate(LZ, sweep, environment=decay + ac.FixedAxisDephasing(0.1))
    trace = np.trace(other.density_matrix)
    np.testing.assert_allclose(
        other.surviving_density_matrix, other.density_matrix / trace, atol=1e-12
    )
    creeping = Linear(-6.0, 6.0, rate=1e-5)
    gone = ac.propagate(LZ, creeping, environment=Decay([1.0, 3.0]) + ac.FixedAxisDephasing(0.1))
    assert gone.survival == 0.0
    assert np.trace(gone.surviving_density_matrix) == pytest.approx(1.0, abs=1e-12)
