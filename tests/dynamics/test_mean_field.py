"""Modes that act on themselves: against linear evolution, SciPy, and the quantum particles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.drive import Drive, Linear, Sinusoidal
from anticrossing.dynamics import evolve_mean_field, propagate
from anticrossing.hamiltonian import MeanField
from anticrossing.models import (
    AtomMolecule,
    BoseHubbardDimer,
    DemkovOsherov,
    LandauZener,
    TwoModeCondensate,
)
from anticrossing.spectrum import stationary_states


def integrated(
    slope: Callable[[float, Any], Any], start: Any, window: tuple[float, float], times: Any = None
) -> Any:
    """Return states at times, or at the end, by the Runge–Kutta method of order 8."""
    solved = solve_ivp(
        slope,
        window,
        np.asarray(start, dtype=complex),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-13,
    )
    return solved.y[:, -1] if times is None else solved.y.T


def of_model(model: MeanField, drive: Drive) -> Callable[[float, Any], Any]:
    """Return dψ/dt written out from the equation of the class."""
    weights = model.weights

    def slope(t: float, psi: Any) -> Any:
        acting = model.hamiltonian(float(drive(t))) @ psi
        acting = acting + weights * (model.interaction @ np.abs(psi) ** 2) * psi
        for one in model.conversions:
            acting[one.single] += one.strength * psi[one.single].conj() * psi[one.pair]
            acting[one.pair] += one.strength * psi[one.single] ** 2
        return -1j * model.units.angular * acting

    return slope


@pytest.mark.parametrize("rate", [0.2, 1.0, 1e3])
def test_without_interaction_it_is_landau_zener(rate: float) -> None:
    far = max(30.0, 5 * rate**0.5)
    drive = Linear(-far, far, rate=rate)
    exact = propagate(LandauZener(gap=[0.3, 1.0]), drive)
    found = evolve_mean_field(TwoModeCondensate(gap=[0.3, 1.0], interaction=0.0), drive)
    assert found.probabilities[:, 1] == pytest.approx(exact.transition_matrix[:, 1, 0], abs=1e-9)
    assert np.all(np.abs(found.probabilities - exact.transition_matrix[..., 0]) < 1e-9)
    assert np.all(found.error_estimate < 1e-9)


def test_three_modes_without_interaction() -> None:
    levels = DemkovOsherov(levels=[-1.0, 1.0], couplings=[0.3, 0.5])
    drive = Linear(-30, 30, rate=0.5)
    exact = propagate(levels, drive, times=[-5.0, 0.0, 20.0], basis="diabatic")
    found = evolve_mean_field(
        MeanField(levels), drive, initial=[1, 0, 0], times=[-5.0, 0.0, 20.0], basis="diabatic"
    )
    assert found.populations == pytest.approx(exact.populations, abs=1e-9)
    overlap = abs(np.vdot(found.final_state, exact.final_state))
    assert overlap == pytest.approx(1.0, abs=1e-9)


def test_many_modes_pulses_units_and_complex_elements() -> None:
    rng = np.random.default_rng(17)
    A = 0.3 * (rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))
    B = 0.3 * rng.normal(size=(4, 4))
    levels = ac.Hamiltonian.affine(A + A.conj().T, np.diag([1.0, 0.3, -0.4, -1.0]))
    model = MeanField(levels.with_units(ac.Units("GHz", "ns")), B + B.T)
    drive = Sinusoidal(offset=0.2, amplitude=3.0, frequency=2.0, stop_time=0.6)
    start = np.array([1.0, 1j, 0.0, -1.0]) / 3**0.5
    times = np.array([0.0, 0.3, 0.6])
    found = evolve_mean_field(
        model, drive, initial=start, times=times, basis="diabatic", tolerance=1e-10
    )
    exact = integrated(of_model(model, drive), start, (0.0, 0.6), times)
    assert found.states == pytest.approx(exact, abs=1e-8)
    assert found.populations == pytest.approx(np.abs(exact) ** 2, abs=1e-9)
    assert found.states[0] == pytest.approx(start, abs=1e-15)
    assert found.final_state == pytest.approx(found.states[-1], abs=1e-15)


@pytest.mark.slow
def test_pairs() -> None:
    levels = ac.Hamiltonian.affine(
        [[0.3, 0.2, 0.0], [0.2, -0.1, 0.0], [0.0, 0.0, 0.4]], np.diag([0.0, 0.0, 1.0])
    )
    model = MeanField(
        levels,
        [[0.5, 0.1, -0.3], [0.1, -0.2, 0.2], [-0.3, 0.2, 0.7]],
        conversions=[(0, 2, 0.8), (1, 2, -0.4)],
    )
    drive = Linear(-4, 4, rate=0.5)
    start = np.array([0.6, 0.64j, 0.48]) / np.linalg.norm([0.6, 0.64, 0.48])
    found = evolve_mean_field(model, drive, initial=start, basis="diabatic", tolerance=1e-10)
    exact = integrated(of_model(model, drive), start, (-8.0, 8.0))
    assert found.final_state == pytest.approx(exact, abs=1e-9)
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-13)


def test_pairs_alone_are_told_to_stay() -> None:
    model, drive = AtomMolecule(coupling=0.5), Linear(-9, 9, rate=2.0)
    alone = evolve_mean_field(model, drive)
    assert alone.probabilities == pytest.approx([0.0, 1.0], abs=1e-14)
    assert "no pair breaks" in alone.warnings[0]
    seeded = np.array([1e-3, (1 - 1e-6) ** 0.5])
    found = evolve_mean_field(model, drive, initial=seeded, basis="diabatic")
    assert found.probabilities[0] > 2e-6
    assert found.warnings == ()


def test_atoms_become_molecules_when_the_sweep_is_slow() -> None:
    left = evolve_mean_field(
        AtomMolecule(coupling=0.5),
        Linear(40, -40, rate=-np.array([1.0, 0.2, 0.05])),
        initial=[1.0, 0.0],
        basis="diabatic",
    ).probabilities[:, 0]
    assert np.all(np.diff(left) < 0)
    assert left[-1] < 0.1


def test_a_stationary_state_stays() -> None:
    model = TwoModeCondensate(gap=1.0, interaction=3.0)
    drive = Linear(0.2, 0.2 + 1e-12, rate=1e-13)
    for number, stable in enumerate(stationary_states(model, 0.2).stable):
        if stable:
            found = evolve_mean_field(model, drive, initial=number, basis="diabatic")
            begun = np.abs(stationary_states(model, 0.2).states[number]) ** 2
            assert found.probabilities == pytest.approx(begun, abs=1e-9)


def test_above_the_critical_interaction_no_sweep_is_slow_enough() -> None:
    rate, limit = 0.02, (1 - np.array([1.5, 4.0]) ** (-2 / 3)) ** 1.5
    found = evolve_mean_field(
        TwoModeCondensate(gap=1.0, interaction=[1.5, 4.0]), Linear(-30, 30, rate=rate)
    )
    more = (found.probabilities[:, 1] - limit) / rate**0.75
    assert np.all((more > 0.1) & (more < 0.6))
    assert np.all(found.error_estimate < 1e-8)


@pytest.mark.slow
def test_slow_sweep_by_runge_kutta() -> None:
    model, drive = TwoModeCondensate(gap=1.0, interaction=1.5), Linear(-15, 15, rate=2e-2)
    start = stationary_states(model, -15.0).states[0]

    def slope(t: float, psi: Any) -> Any:
        u = 0.5 * (0.02 * t - 1.5 * (abs(psi[0]) ** 2 - abs(psi[1]) ** 2))
        return np.array([-1j * (u * psi[0] + 0.5 * psi[1]), -1j * (0.5 * psi[0] - u * psi[1])])

    exact = integrated(slope, start, (-750.0, 750.0))
    found = evolve_mean_field(model, drive, basis="diabatic")
    assert found.probabilities == pytest.approx(np.abs(exact) ** 2, abs=1e-8)


@pytest.mark.slow
def test_numbers_at_a_rate_of_a_thousandth() -> None:
    """Converged with the window and in the tolerance; the read-out in modes is off by 0.02."""
    model = TwoModeCondensate(gap=1.0, interaction=[1.0, 1.5, 4.0])
    far = {x: evolve_mean_field(model, Linear(-x, x, rate=1e-3)) for x in (20.0, 40.0)}
    assert far[40.0].probabilities[:, 1] == pytest.approx([0.002773, 0.118565, 0.469496], abs=2e-6)
    assert far[20.0].probabilities[:, 1] == pytest.approx(far[40.0].probabilities[:, 1], abs=5e-5)


def split_steps(start: Any, interaction: float, reach: float, steps: int) -> Any:
    """Return (a, b) after γ = −reach … reach at a rate of a thousandth, of norm 1.

    Phases of the modes and turns between them, each exact, in Yoshida's order of 4.
    """
    import numba

    @numba.njit
    def walk(a: complex, b: complex) -> tuple[complex, complex]:
        weight, step = 1 / (2 - 2 ** (1 / 3)), 2e3 * reach / steps
        for k in range(steps):
            t = -1e3 * reach + k * step
            for part in (weight, 1 - 2 * weight, weight):
                d = part * step
                for half in range(2):
                    if half == 1:
                        c, s = np.cos(0.5 * d), np.sin(0.5 * d)
                        a, b = c * a - 1j * s * b, c * b - 1j * s * a
                    detuning = 1e-3 * (t + 0.25 * d) - interaction * (abs(a) ** 2 - abs(b) ** 2)
                    phase = np.exp(-0.25j * d * detuning)
                    a, b, t = a * phase, b * np.conj(phase), t + 0.5 * d
        return a, b

    found = np.array(walk(complex(start[0]), complex(start[1])))
    return found / np.linalg.norm(found)


@pytest.mark.slow
def test_the_slow_sweep_by_two_integrators_and_how_its_number_is_read() -> None:
    """c/v = 1.5 at α/v² = 10⁻³: .11857 leave the level; .123 ± .003 is one reading in the modes.

    Of a sweep that begins in the first mode at γ = −40v, |a|² at γ = 40v is .1235, and .1246 for
    ±30v. It turns about the answer with √(P(1 − P)) v/γ for the start, and as much for the end:
    ±.016 for ±40v, so that other windows read other numbers.
    """
    model, left = TwoModeCondensate(gap=1.0, interaction=1.5), 0.118565
    lower = stationary_states(model, -40.0).states[0]
    a, b = split_steps(lower, 1.5, 40.0, 8_000_000)
    bias = 0.5 * (40.0 - 1.5 * (abs(a) ** 2 - abs(b) ** 2))
    upper = np.linalg.eigh([[bias, 0.5], [0.5, -bias]])[1][:, 1]  # of H as it acts at the end
    assert abs(upper @ [a, b]) ** 2 == pytest.approx(left, abs=1e-6)
    slow = evolve_mean_field(model, Linear(-40, 40, rate=1e-3))
    assert slow.probabilities[1] == pytest.approx(left, abs=1e-6)
    for reach, reading in ((20.0, 0.1109), (30.0, 0.1246), (40.0, 0.1235)):
        sweep = Linear(-reach, reach, rate=1e-3)
        read = evolve_mean_field(model, sweep, initial=[1, 0], basis="diabatic").probabilities[0]
        assert read == pytest.approx(reading, abs=1e-4)
        assert abs(read - left) < 2 * (left * (1 - left)) ** 0.5 / reach
        assert (abs(read - 0.123) < 0.003) == (reach > 20)
    # The phase, some 10⁶ radians, takes the other integrator many steps.
    modes = np.abs(split_steps([1, 0], 1.5, 30.0, 12_000_000)) ** 2
    assert modes[0] == pytest.approx(0.1246, abs=1e-3)


@pytest.mark.parametrize("interaction", [0.5, 1.5])
def test_many_particles_follow_their_mean_field(interaction: float) -> None:
    """The difference falls as 1/N, above the critical interaction as far as phases have not spread.

    There modes are off by the oscillation of about gap/x that the particles have lost.
    """
    drive = Linear(-25, 25, rate=1.0)
    mean = evolve_mean_field(
        TwoModeCondensate(gap=1.0, interaction=interaction), drive, initial=[1, 0], basis="diabatic"
    ).probabilities[0]
    off = []
    for particles in (20, 40):
        quantum = propagate(
            BoseHubbardDimer(particles=particles, gap=1.0, interaction=interaction),
            drive,
            initial=np.eye(particles + 1)[0],
            basis="diabatic",
            whole=False,
        )
        first = np.arange(particles, -1.0, -1.0) / particles
        off.append(float(quantum.probabilities @ first) - mean)
    if interaction < 1:
        assert np.array(off) * [20, 40] == pytest.approx(-0.1, abs=0.02)
    else:
        assert np.all(np.abs(off) < 0.02)


def test_narrow_pulses_jumps_and_functions() -> None:
    """Features of a window are looked for, as in linear evolution."""
    levels = ac.Hamiltonian.from_matrix([[0.3, "x"], ["x", -0.3]])
    pulse = ac.drive.Gaussian(50.0, 2e-2, centre=7.123, start_time=0.0, stop_time=20.0)
    linear = propagate(levels, pulse, basis="diabatic")
    found = evolve_mean_field(MeanField(levels), pulse, initial=[1, 0], basis="diabatic")
    assert found.probabilities == pytest.approx(linear.probabilities, abs=1e-9)
    model = TwoModeCondensate(gap=1.0, interaction=3.0)
    jumping = ac.drive.Piecewise([0.0, 3.0, 3.5, 9.0], [-2.0, 2.0, 2.0, -1.0])
    found = evolve_mean_field(model, jumping, initial=[1, 0], basis="diabatic")
    exact = np.array([1.0, 0.0])
    for window in ((0.0, 3.0), (3.0, 3.5), (3.5, 9.0)):
        exact = integrated(of_model(model, jumping), exact, window)
    assert found.final_state == pytest.approx(exact, abs=1e-8)
    function = ac.Hamiltonian.from_function(lambda x: np.array([[x / 2, 0.5], [0.5, -x / 2]]))
    same = evolve_mean_field(MeanField(function, model.interaction), SWEEP)
    assert same.probabilities == pytest.approx(
        evolve_mean_field(model, SWEEP).probabilities, abs=1e-9
    )


def test_a_batch_is_its_members() -> None:
    times = [-20.0, 0.0, 20.0]
    batch = TwoModeCondensate(gap=[[1.0], [0.5]], interaction=[0.0, 1.0, 2.0])
    drive = Linear(-20, 20, rate=1.0)
    found = evolve_mean_field(batch, drive, times=times)
    assert found.populations.shape == (2, 3, 3, 2)
    assert found.populations[..., -1, :] == pytest.approx(found.probabilities, abs=1e-14)
    one = evolve_mean_field(TwoModeCondensate(gap=0.5, interaction=2.0), drive, times=times)
    assert one.populations == pytest.approx(found.populations[1, 2], abs=1e-10)


@pytest.mark.parametrize("interaction", [1e-12, 1e4])
def test_weak_and_strong_interactions(interaction: float) -> None:
    drive = Linear(-20, 20, rate=2.0)
    found = evolve_mean_field(TwoModeCondensate(gap=1.0, interaction=interaction), drive)
    exact = evolve_mean_field(TwoModeCondensate(gap=1.0, interaction=0.0), drive)
    if interaction < 1:
        assert found.probabilities == pytest.approx(exact.probabilities, abs=1e-11)
    else:  # trapped by itself
        assert abs(found.final_state[0]) ** 2 == pytest.approx(1.0, abs=1e-6)


def test_what_all_modes_share_does_not_matter() -> None:
    drive = Linear(-20, 20, rate=0.5)
    raised = ac.Hamiltonian.affine([[1e7, 0.5], [0.5, 1e7]], [[0.5, 0.0], [0.0, -0.5]])
    acting = 0.5 * 2.0 * np.array([[-1.0, 1.0], [1.0, -1.0]])
    one = evolve_mean_field(MeanField(raised, acting), drive)
    other = evolve_mean_field(TwoModeCondensate(gap=1.0, interaction=2.0), drive)
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-8)


def test_uncoupled_modes_keep_their_particles() -> None:
    found = evolve_mean_field(
        TwoModeCondensate(gap=0.0, interaction=2.0),
        Linear(-5, 5, rate=1.0),
        initial=[0.6, 0.8],
        basis="diabatic",
    )
    assert found.probabilities == pytest.approx([0.36, 0.64], abs=1e-12)


CONDENSATE, SWEEP = TwoModeCondensate(gap=1.0, interaction=1.5), Linear(-9, 9, rate=1.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: evolve_mean_field(LandauZener(gap=1.0), SWEEP), "model"),
        (lambda: evolve_mean_field(CONDENSATE, 3.0), "drive"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, initial=2), "initial"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, initial=[1.0, 1.0]), "initial"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, initial=[1.0, 0, 0]), "initial"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, initial=[np.nan, 0]), "initial"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, basis="superadiabatic"), "basis"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, tolerance=0.0), "tolerance"),
        (lambda: evolve_mean_field(CONDENSATE, SWEEP, times=[0.0, 99.0]), "times"),
        (lambda: MeanField(LandauZener(gap=1.0), [[0.0, 1.0], [0.5, 0.0]]), "interaction"),
        (lambda: MeanField(LandauZener(gap=1.0), [1.0, 2.0]), "interaction"),
        (lambda: MeanField(LandauZener(gap=[1.0, 2.0]), np.zeros((3, 2, 2))), "interaction"),
        (lambda: MeanField(LandauZener(gap=1.0), conversions=[(0, 0, 1.0)]), "conversions"),
        (lambda: MeanField(LandauZener(gap=1.0), conversions=[(0, 2, 1.0)]), "conversions"),
        (
            lambda: MeanField(
                DemkovOsherov(levels=[0, 1], couplings=[1, 1]),
                conversions=[(0, 1, 1.0), (1, 2, 1.0)],
            ),
            "conversions",
        ),
        (lambda: BoseHubbardDimer(particles=0, gap=1.0, interaction=0.0), "particles"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(ac.InputError, match=rf"Argument `{name}.*` must .*, but") as error:
        call()
    assert "\n" not in str(error.value)


def test_too_slow_a_sweep_is_refused_at_once() -> None:
    with pytest.raises(ac.ConvergenceError, match="slow limit"):
        evolve_mean_field(CONDENSATE, Linear(-99, 99, rate=1e-9))


def test_results_show_themselves(tmp_path: Any) -> None:
    found = evolve_mean_field(CONDENSATE, SWEEP, times=[-9.0, 0.0, 9.0])
    assert found.plot() is not None
    assert set(found.to_dataset()) >= {"population", "probability", "error_estimate"}
    assert found.save(tmp_path / "found.json").exists()
    assert "MeanFieldEvolution" in str(found)
