"""Operators fixed in some basis, of any strength, on sweeps of any slowness: the cost is flat."""

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.dynamics import _spectral_kernels
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import magnus, superoperator

LANDAU_ZENER = ac.models.LandauZener(gap=1.0)
LOWERING = np.array([[0.0, 1.0], [0.0, 0.0]])
RATES = (1.0, 1e-2, 1e-4, 1e-6)


def lowering(strength):
    return ac.Lindblad([np.sqrt(strength) * LOWERING])


def ladder(levels):
    return np.diag(np.sqrt(np.arange(1.0, levels)), 1)


def affine(levels):
    """Return H = A + xB, and A and B."""
    rng = np.random.default_rng(levels)
    a, b = random_hermitian(rng, levels), random_hermitian(rng, levels)
    return ac.Hamiltonian.affine(a, b), a, b


def reference(a, b, jumps, reach, rate, steps):
    """ρ(start) → ρ(stop) of A + xB, x from −reach to reach, by Magnus steps."""
    still = superoperator(a, jumps)
    moving = superoperator(b, [])
    return magnus(
        lambda t: still + (rate * t)[:, None, None] * moving, -reach / rate, reach / rate, steps
    )


def steady_state(hamiltonian, jumps):
    """The stationary ρ, from the generator with one row replaced by the trace."""
    levels = hamiltonian.shape[0]
    equations = superoperator(hamiltonian, jumps)
    equations[0] = np.eye(levels).ravel()
    found = np.linalg.solve(equations, np.eye(levels**2)[0])
    return found.reshape(levels, levels)


@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e3, 1e6, slow(1e-6), slow(0.03), slow(10.0)])
@pytest.mark.parametrize(
    "kind", ["lowering", slow("along the diabatic states"), slow("along a tilted axis")]
)
def test_panels_do_not_grow_with_slowness(kind, strength):
    environment = {
        "lowering": lowering(strength),
        "along the diabatic states": ac.FixedAxisDephasing(strength),
        "along a tilted axis": ac.FixedAxisDephasing(strength, [[0.3, 1], [1, -0.3]]),
    }[kind]
    found = [
        ac.propagate(LANDAU_ZENER, ac.drive.Linear(-20, 20, rate), environment=environment)
        for rate in RATES
    ]
    panels = [int(result.panels) for result in found]
    assert panels[-1] <= 3 * panels[0]
    assert max(panels) <= 60
    assert max(float(result.error_estimate) for result in found) < 1e-9


@pytest.mark.parametrize("strength", [1e2, 1e3, 1e6])
def test_a_slow_sweep_stays_in_the_steady_state(strength):
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-20, 20, 1e-6), environment=lowering(strength)
    )
    expected = steady_state(LANDAU_ZENER(20.0), [np.sqrt(strength) * LOWERING])
    assert np.max(np.abs(result.density_matrix - expected)) < 1e-10


# A strength of 4 has an exceptional point at x = 0, one of 1 elsewhere in the complex plane.
@pytest.mark.parametrize("strength", [1.0, 4.0, slow(30.0), slow(300.0)])
@pytest.mark.parametrize("rate", [0.2, slow(0.05)])
def test_the_whole_map_agrees_with_magnus_steps(strength, rate):
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-4, 4, rate), environment=lowering(strength)
    )
    still, moving = LANDAU_ZENER(0.0), LANDAU_ZENER(1.0) - LANDAU_ZENER(0.0)
    steps = 2**14 if strength < 10 else 2**16
    expected = reference(still, moving, [np.sqrt(strength) * LOWERING], 4, rate, steps)
    error = np.max(np.abs(result.superoperator - expected))
    assert error < float(result.error_estimate) + 3e-11
    assert error < 2e-10


def test_an_exceptional_point_in_the_middle_of_a_panel_costs_nothing():
    # Its eigenvalues meet at x = 0, with all that lives beside the trace gone before.
    result = ac.propagate(LANDAU_ZENER, ac.drive.Linear(-7, 13, 1e-5), environment=lowering(4.0))
    expected = steady_state(LANDAU_ZENER(13.0), [2 * LOWERING])
    assert np.max(np.abs(result.density_matrix - expected)) < 1e-7
    assert result.panels <= 20


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_the_zeno_effect_keeps_its_rate(angle):
    # The diabatic population hops at 2V²Γ/(Γ² + x²), up to a relative (g/Γ)²; Γ = 10⁶ times
    # 4·10⁶ of time leaves nothing of that to a rate computed from rounded eigenvalues.
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    axis = turn @ np.diag([1.0, -1.0]) @ turn.T
    still, moving = 0.5 * np.array([[0, 1.0], [1, 0]]), 0.5 * np.diag([1.0, -1.0])
    H = ac.Hamiltonian.affine(turn @ still @ turn.T, turn @ moving @ turn.T)
    result = ac.propagate(
        H, ac.drive.Linear(-20, 20, 1e-5), environment=ac.FixedAxisDephasing(1e6, axis)
    )
    start = turn @ np.diag([1.0, 0.0]) @ turn.T
    final = (result.superoperator @ start.ravel()).reshape(2, 2)
    law = 0.5 * (1 + np.exp(-2e5 * np.arctan(20 / 1e6)))
    assert np.trace(start @ final).real == pytest.approx(law, rel=1e-9)


@pytest.mark.parametrize("strength", [1e-9, 1e-14])
def test_weak_operators_keep_the_digits_of_small_probabilities(strength):
    rate = 1e-3

    def excitation(x):
        _, vectors = np.linalg.eigh(LANDAU_ZENER(x))
        return abs(vectors[:, 1] @ LOWERING @ vectors[:, 0]) ** 2

    integral = sum(quad(excitation, a, b, epsabs=1e-13)[0] for a, b in ((-20, 0), (0, 20)))
    result = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-20, 20, rate), environment=lowering(strength)
    )
    # Left out: return of what was excited, and superadiabatic corrections of (α/g²)².
    left_out = strength * 40 / rate + 10 * rate**2
    assert result.probabilities[1] == pytest.approx(strength * integral / rate, rel=left_out)


@pytest.mark.parametrize("levels", [3, slow(4), slow(6)])
def test_strong_operators_of_several_levels(levels):
    H, a, b = affine(levels)
    jump = np.sqrt(1e3) * ladder(levels)
    environment = ac.Lindblad([jump])
    rates = (1e-2, 1e-6) if levels < 6 else (1e-2, 1e-4)
    found = [
        ac.propagate(H, ac.drive.Linear(-5, 5, rate), environment=environment) for rate in rates
    ]
    assert "density matrices" not in {result.method for result in found}
    assert found[-1].panels <= max(8, 3 * found[0].panels)
    expected = steady_state(a + 5 * b, [jump])
    assert np.max(np.abs(found[-1].density_matrix - expected)) < (1e-9 if levels < 6 else 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [3, 4])
@pytest.mark.parametrize("kind", ["ladder", "axis"])
def test_maps_of_several_levels_agree_with_magnus_steps(levels, kind):
    H, a, b = affine(levels)
    axis = random_hermitian(np.random.default_rng(50), levels)
    jump = np.sqrt(40) * ladder(levels) if kind == "ladder" else np.sqrt(40 / 2) * axis
    environment = ac.Lindblad([jump]) if kind == "ladder" else ac.FixedAxisDephasing(40, axis)
    result = ac.propagate(H, ac.drive.Linear(-2, 2, 0.3), environment=environment)
    expected = reference(a, b, [jump], 2, 0.3, 2**14)
    error = np.max(np.abs(result.superoperator - expected))
    assert error < float(result.error_estimate) + 3e-11


@pytest.mark.quick(1)
@pytest.mark.parametrize("rate", [1e-2, slow(1.0), slow(1e-6)])
@pytest.mark.parametrize("strength", [1e-3, 3.0, 30.0, 1e6])
def test_compiled_groups_are_those_of_the_stacks(monkeypatch, strength, rate):
    rng = np.random.default_rng(int(1e3 * strength + 1 / rate))
    decay = np.sqrt(strength) * LOWERING
    free = np.sqrt(strength) * (rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
    for jumps in ([decay], [free], [decay, free.T], [strength * np.diag([0.5, -0.5])]):
        arguments = LANDAU_ZENER, ac.drive.Linear(-20, 20, rate)
        compiled = ac.propagate(*arguments, environment=ac.Lindblad(jumps))
        with monkeypatch.context() as context:
            context.setattr(_spectral_kernels, "SIZE", 0)
            stacks = ac.propagate(*arguments, environment=ac.Lindblad(jumps))
        assert compiled.panels == stacks.panels
        assert np.max(np.abs(compiled.superoperator - stacks.superoperator)) < 3e-12
        assert compiled.error_estimate <= 2 * stacks.error_estimate
        assert stacks.error_estimate <= 2 * compiled.error_estimate
