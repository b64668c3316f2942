"""Trajectories that jump, against density matrices, QuTiP, and levels that decay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.drive import Linear
from anticrossing.dynamics import quantum_jumps
from anticrossing.dynamics._channels import Channels
from anticrossing.environment import (
    Decay,
    Dephasing,
    EigenRates,
    Environment,
    FixedAxisDephasing,
    Lindblad,
    Nodes,
    ThermalRelaxation,
)
from tests.effort import slow
from tests.result_protocol import check

LZ = ac.models.LandauZener(gap=1.0)
SWEEP = Linear(-6.0, 6.0, rate=1.0)


def deviations(found: Any, exact: Any) -> np.ndarray:
    """Return differences of all populations in standard errors."""
    errors = np.concatenate([found.population_errors, found.probability_errors[None]])
    ours = np.concatenate([found.populations, found.probabilities[None]])
    theirs = np.concatenate([exact.populations, exact.probabilities[None]])
    return np.abs(ours - theirs) / np.maximum(errors, 1e-9)


ENVIRONMENTS = [
    slow(ThermalRelaxation(temperature=0.5, t1=5.0)),
    slow(Dephasing(rate=0.2)),
    Dephasing(0.1) + ThermalRelaxation(temperature=0.2, t1=9.0),
    slow(Dephasing(functions=[lambda e: 0.4 * np.exp(1j * e)])),
    slow(FixedAxisDephasing(0.3)),
    slow(Lindblad([("0.5*exp(-x**2)", [[0, 1], [0, 0]])]) + Dephasing(rate=0.1)),
    Decay([0.0, 0.2]) + FixedAxisDephasing(0.1),
    slow(Decay([0.1, 0.3])),
]


@pytest.mark.quick(3)
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=repr)
def test_two_levels_against_the_density_matrix(environment: Environment) -> None:
    found = quantum_jumps(
        LZ, SWEEP, environment, trajectories=500, seed=8, times=[0.0, 2.0], basis="diabatic"
    )
    exact = ac.propagate(LZ, SWEEP, environment=environment, times=[0.0, 2.0], basis="diabatic")
    assert np.max(deviations(found, exact)) < 3.0
    assert found.warnings == ()
    assert found.error_estimate < 1e-7
    assert found.jumps.sum() == found.jump_times.size == found.jump_kinds.size
    assert np.all(np.abs(found.jump_times) <= 6.0)
    for k in (0, 13, 499):
        assert np.all(np.diff(found.jump_times[found.jump_trajectories == k]) > 0)
    if exact.survival is not None:
        assert abs(found.survival - exact.survival) < 3 * found.survival_error + 1e-12
    else:
        assert np.trace(found.density_matrix).real == pytest.approx(1.0, abs=1e-12)
        distance = np.linalg.norm(found.density_matrix - exact.density_matrix)
        assert distance < 3 * np.sqrt(1.0 / 500)
    assert "±" not in str(found)
    assert found.to_dataset()["probability"].shape == (2,)


def test_the_last_requested_time_may_be_the_end() -> None:
    for environment in (ThermalRelaxation(temperature=0.5, t1=8.0), Decay([0.0, 0.5])):
        found = quantum_jumps(
            LZ, SWEEP, environment, trajectories=40, seed=3, times=[-6.0, 1.0, 6.0]
        )
        assert np.array_equal(found.populations[-1], found.probabilities)
        assert np.array_equal(found.population_errors[-1], found.probability_errors)
        assert np.array_equal(found.density_matrices[-1], found.density_matrix)
        assert found.populations[0, 0] == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("width", [0.05, slow(0.5)])
def test_what_does_not_jump_is_what_does_not_decay(width: float) -> None:
    """Jumps √γ|k⟩⟨k| leave the same state between jumps as a width γ of level k."""
    jumps = Lindblad([[[0, 0], [0, np.sqrt(width)]]])
    found = quantum_jumps(LZ, SWEEP, jumps, trajectories=2, seed=0)
    decaying = ac.propagate(LZ, SWEEP, environment=Decay([0.0, width]))
    assert found.no_jump_probability == pytest.approx(decaying.survival, rel=1e-8)
    assert found.log_no_jump_probability == pytest.approx(decaying.log_survival, rel=1e-8)
    still = np.flatnonzero(quantum_jumps(LZ, SWEEP, jumps, trajectories=200, seed=0).jumps == 0)
    many = quantum_jumps(LZ, SWEEP, jumps, trajectories=200, seed=0)
    expected = decaying.final_state / np.linalg.norm(decaying.final_state)
    assert abs(np.vdot(many.final_states[still[0]], expected)) == pytest.approx(1.0, abs=1e-8)
    share, error = still.size / 200, np.sqrt(decaying.survival * (1 - decaying.survival) / 200)
    assert abs(share - decaying.survival) < 3 * error


def test_times_of_single_decays_are_exponential() -> None:
    """Two levels that do not couple: the waiting time has a distribution in closed form."""
    resting = ac.Hamiltonian.affine(np.diag([0.0, 3.0]), np.diag([0.0, 1.0]))
    found = quantum_jumps(
        resting,
        Linear(0.0, 5.0, rate=0.05),
        Lindblad([[[0, 0.3], [0, 0]]]),
        initial=1,
        trajectories=400,
        seed=3,
    )
    assert np.all(found.jumps <= 1)
    from scipy.stats import kstest

    total = 1 - np.exp(-9.0)
    statistic = kstest(found.jump_times, lambda t: (1 - np.exp(-0.09 * t)) / total)
    assert statistic.pvalue > 1e-3
    assert abs(found.jumps.mean() - total) < 3 * np.sqrt(total * (1 - total) / 400) + 1e-12


@pytest.mark.slow
def test_streams_do_not_depend_on_how_many() -> None:
    few = quantum_jumps(LZ, SWEEP, FixedAxisDephasing(0.3), trajectories=5, seed=11)
    many = quantum_jumps(LZ, SWEEP, FixedAxisDephasing(0.3), trajectories=40, seed=11)
    again = quantum_jumps(LZ, SWEEP, FixedAxisDephasing(0.3), trajectories=40, seed=11)
    other = quantum_jumps(LZ, SWEEP, FixedAxisDephasing(0.3), trajectories=40, seed=12)
    np.testing.assert_allclose(few.final_states, many.final_states[:5], atol=1e-8)
    np.testing.assert_array_equal(few.jumps, many.jumps[:5])
    np.testing.assert_array_equal(again.final_states, many.final_states)
    np.testing.assert_array_equal(again.jump_times, many.jump_times)
    assert not np.array_equal(other.jumps, many.jumps)


def random_problem(levels: int, rate: float, strength: float) -> tuple[Any, Any, Environment]:
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, levels, levels)) / np.sqrt(2 * levels)
    hamiltonian = ac.Hamiltonian.affine(a + a.T, b + b.T)
    return hamiltonian, Linear(-1.5, 1.5, rate=rate), Lindblad([(strength, c)])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_sixteen_levels_within_three_standard_errors(seed: int) -> None:
    hamiltonian, sweep, environment = random_problem(16, 0.3, 0.6)
    found = quantum_jumps(hamiltonian, sweep, environment, trajectories=400, seed=seed)
    exact = ac.propagate(hamiltonian, sweep, environment=environment)
    assert exact.probabilities.shape == (16,)
    assert np.max(deviations(found, exact)) < 3.0


def test_six_levels_within_three_standard_errors() -> None:
    hamiltonian, sweep, environment = random_problem(6, 1.0, 1.0)
    found = quantum_jumps(hamiltonian, sweep, environment, trajectories=200, seed=1)
    exact = ac.propagate(hamiltonian, sweep, environment=environment)
    assert np.max(deviations(found, exact)) < 3.0


@pytest.mark.slow
def test_sixty_four_levels() -> None:
    """Beyond what density matrices are for: relaxation down a ladder has a closed form."""
    levels = 64
    ladder = ac.Hamiltonian.affine(np.diag(np.arange(levels) * 1.0), np.zeros((levels, levels)))
    lowering = np.diag(np.sqrt(np.arange(1.0, levels)), 1)
    found = quantum_jumps(
        ladder,
        Linear(0.0, 1.0, rate=0.5),
        Lindblad([(np.sqrt(0.1), lowering)]),
        initial=20,
        trajectories=100,
        seed=1,
    )
    quanta = found.final_states
    mean = np.sum(np.abs(quanta) ** 2 * np.arange(levels), axis=1)
    expected, kept = 20 * np.exp(-0.2), np.exp(-0.2)
    assert abs(mean.mean() - expected) < 3 * np.sqrt(20 * kept * (1 - kept) / 100)


@pytest.mark.slow
def test_qutip_does_the_same() -> None:
    qutip = pytest.importorskip("qutip")
    hamiltonian, sweep, environment = random_problem(4, 1.0, 1.0)
    found = quantum_jumps(hamiltonian, sweep, environment, trajectories=400, seed=2)
    a, b = (qutip.Qobj(hamiltonian(x)) for x in (0.0, 1.0))
    times = np.linspace(-1.5, 1.5, 7)
    operator = qutip.Qobj(environment.terms[0][1])
    first = np.linalg.eigh(hamiltonian(-1.5))[1][:, 0]
    last = np.linalg.eigh(hamiltonian(1.5))[1]
    solved = qutip.mcsolve(
        [a, [b - a, lambda t: t]],
        qutip.Qobj(first),
        times,
        c_ops=[operator],
        e_ops=[qutip.Qobj(np.outer(v, v.conj())) for v in last.T],
        ntraj=400,
        seeds=5,
        options={"progress_bar": ""},
    )
    theirs = np.array([values[-1] for values in solved.expect])
    errors = np.sqrt(2) * found.probability_errors
    assert np.max(np.abs(found.probabilities - theirs) / errors) < 3.0


@pytest.mark.slow
def test_panels_do_not_grow_with_slowness() -> None:
    """Nor do parts, but for the halvings that find a jump."""
    solved = []
    for rate in (1e-1, 1e-3, 1e-5):
        environment = FixedAxisDephasing(0.05 * rate)
        found = quantum_jumps(LZ, Linear(-6, 6, rate=rate), environment, trajectories=50, seed=1)
        exact = ac.propagate(LZ, Linear(-6, 6, rate=rate), environment=environment)
        assert np.max(deviations(found, exact)) < 3.0
        solved.append((found.panels, found.parts / max(found.jumps.sum(), 1)))
    assert max(panels for panels, _ in solved) < 60
    assert solved[-1][1] < solved[0][1] + 60


@pytest.mark.slow
def test_a_mixed_start() -> None:
    rho = np.array([[0.3, 0.1], [0.1, 0.7]])
    found = quantum_jumps(LZ, SWEEP, Dephasing(rate=0.2), initial=rho, trajectories=500, seed=3)
    exact = ac.propagate(LZ, SWEEP, environment=Dephasing(rate=0.2), initial=rho)
    assert np.max(deviations(found, exact)) < 3.0


def test_rates_of_the_eigenbasis_as_jumps() -> None:
    """The jumps of any rates give the dissipator of these rates, also with shifts of levels."""
    rng = np.random.default_rng(2)
    levels = 4
    f = rng.normal(size=(2, levels)) + 1j * rng.normal(size=(2, levels))
    size = np.abs(f) ** 2
    coherence = np.sum(
        0.5 * (size[:, :, None] + size[:, None]) - f[:, :, None] * f[:, None].conj(), 0
    )
    transfer = rng.uniform(size=(levels, levels))
    np.fill_diagonal(transfer, 0.0)
    out = transfer.sum(axis=0)
    rates = EigenRates(
        (coherence + 0.5 * (out[:, None] + out) * (1 - np.eye(levels)))[None],
        (transfer - np.diag(out))[None],
    )
    vectors = np.linalg.qr(rng.normal(size=(levels, levels)))[0].astype(complex)
    channels = object.__new__(Channels)
    channels.rates, channels.operators, channels.lost = rates, [], None
    nodes = object.__new__(Nodes)
    object.__setattr__(nodes, "vectors", vectors[None])
    object.__setattr__(nodes, "t", np.zeros(1))
    channels.nodes = nodes
    rho = rng.normal(size=(levels, levels)) + 1j * rng.normal(size=(levels, levels))
    rho = rho @ rho.conj().T
    inside = vectors.conj().T @ rho @ vectors
    change = -rates.coherence[0] * inside
    np.fill_diagonal(change, rates.transfer[0] @ np.diagonal(inside))
    expected = vectors @ change @ vectors.conj().T
    loss = channels.loss()[0]
    found = -0.5 * (loss @ rho + rho @ loss.conj().T)
    for i in range(levels):
        for j in range(levels):
            jump = np.sqrt(channels.transfer[0, i, j]) * np.outer(
                vectors[:, i], vectors[:, j].conj()
            )
            found += jump @ rho @ jump.conj().T
    for root in channels.dephasing_roots()[0]:
        jump = (vectors * root) @ vectors.conj().T
        found += jump @ rho @ jump.conj().T
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_no_jump_at_all_is_said() -> None:
    found = quantum_jumps(LZ, SWEEP, FixedAxisDephasing(1e-9), trajectories=20, seed=1)
    assert "no trajectory jumped" in found.warnings[0]
    exact = ac.propagate(LZ, SWEEP, environment=FixedAxisDephasing(1e-9))
    np.testing.assert_allclose(found.probabilities, exact.probabilities, atol=1e-7)
    assert found.no_jump_probability == pytest.approx(1 - 6e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"trajectories": 1}, "trajectories"),
        ({"trajectories": 10**9}, "trajectories"),
        ({"seed": -1}, "seed"),
        ({"environment": 3}, "environment"),
        ({"environment": Decay([0.1])}, "2 levels"),
        ({"environment": Dephasing([0.1, 0.2])}, "single parameter point"),
        ({"initial": [1.0, 1.0]}, "norm 1"),
        ({"tolerance": 1.0}, "tolerance"),
        ({"environment": FixedAxisDephasing(1e9)}, "most_jumps"),
        (
            {
                "hamiltonian": ac.Hamiltonian.affine(np.eye(300), np.eye(300)),
                "environment": Dephasing(0.1),
            },
            "256",
        ),
    ],
)
def test_bad_input_is_one_line(change: dict[str, Any], text: str) -> None:
    given: dict[str, Any] = {
        "hamiltonian": LZ,
        "drive": SWEEP,
        "environment": FixedAxisDephasing(0.1),
        "trajectories": 10,
        "seed": 1,
    }
    with pytest.raises(InputError, match=text) as caught:
        quantum_jumps(**(given | change))
    assert "\n" not in str(caught.value)


def test_result_protocol(tmp_path: Path) -> None:
    found = quantum_jumps(LZ, SWEEP, Dephasing(rate=0.2), trajectories=20, seed=1, times=[0.0])
    check(found, tmp_path)
    assert found.expect(np.diag([1.0, -1.0])).shape == (1,)
    check(ac.propagate(LZ, SWEEP, environment=Decay([0.1, 0.2]), times=[0.0]), tmp_path)


def test_drawn_trajectories_show_their_errors() -> None:
    levels, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-3, 3, rate=1.0)
    given: Any = {"environment": ac.Dephasing(0.3), "trajectories": 20, "seed": 1}
    along = ac.dynamics.quantum_jumps(levels, sweep, times=[-1.0, 0.0, 1.0], **given)
    axes = along.plot()
    (band, *_) = axes.collections
    corners = band.get_paths()[0].vertices[:, 1]
    exact = along.populations[:, 0] + along.population_errors[:, 0]
    assert np.all(np.min(np.abs(corners[:, None] - exact), axis=0) < 1e-12)
    bars = ac.dynamics.quantum_jumps(levels, sweep, **given).plot()
    assert len(bars.containers) == 2  # bars, and their errors
