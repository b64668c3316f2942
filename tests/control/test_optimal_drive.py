"""Drives found by a search: exact derivatives, bounds, ensembles, and what they must reach."""

import numpy as np
import pytest
from scipy.linalg import expm

import anticrossing as ac
from anticrossing import control
from anticrossing._core.checks import InputError
from anticrossing.control import GateTarget, PopulationTarget, StateTarget, optimal_drive
from anticrossing.control._arguments import make_ensemble, make_shape
from anticrossing.control._problem import Problem
from anticrossing.control._shapes import SHAPES, Limits

RNG = np.random.default_rng(20)
THREE = ac.Hamiltonian.from_matrix(
    [["x", "g", "0.2*I"], ["g", "x**2/4", "0.3"], ["-0.2*I", "0.3", "-x"]],
    parameters={"g": [0.3, 0.5]},
)
TARGETS = {
    "levels": StateTarget(0, 2),
    "states": StateTarget([1, 1j, 0], [0, 1, 1]),
    "populations": PopulationTarget([[0.5, 0.2], [0.3, 0.7], [0.2, 0.1]]),
    "diabatic": PopulationTarget([[0], [0], [1]], basis="diabatic"),
    "gate": GateTarget(np.eye(2)[::-1], states=[0, 2]),
    "phases": GateTarget(np.diag([1, 1j, -1]), states=np.eye(3), phases="each"),
}
TRANSMONS = ac.models.CoupledTransmons(
    fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=0.03
).with_units(ac.Units("GHz", "ns"))


def shape_of(kind, count=6, duration=3.0, ends=(-1.0, 1.5)):
    width = 3.0 if kind == "filtered" else None
    return make_shape(
        kind, duration, ends, coefficients=count, bandwidth=width, flat_ends=kind == "splines"
    )


def problem_of(target, kind="splines", per_piece=6):
    return Problem.make(make_ensemble(THREE, target, -1.0, 1.5, 0.1), shape_of(kind), per_piece)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_derivatives_are_exact(target):
    problem = problem_of(target)
    c, phases = RNG.normal(size=6), RNG.normal(size=target.phases)
    values, slopes = problem.value(c, phases)
    assert values.shape == (2,)
    assert slopes.shape == (2, 6 + target.phases)
    whole, step = np.concatenate([c, phases]), 1e-5
    for k in range(whole.size):
        shift = step * np.eye(whole.size)[k]
        ends = [problem.value((whole + s)[:6], (whole + s)[6:])[0] for s in (shift, -shift)]
        assert slopes[:, k] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)


@pytest.mark.quick(2)
@pytest.mark.parametrize("kind", SHAPES)
def test_steps_give_what_the_exact_evolution_gives(kind):
    target = StateTarget(0, 1)
    problem = problem_of(target, kind, {"filtered": 8, "sines": 96}.get(kind, 24))
    c = RNG.normal(size=6)
    exact, notes = problem.ensemble.exact(
        lambda offset: problem.shape.drive(c, offset), np.zeros(0), 1e-9
    )
    assert notes == ()
    assert problem.value(c, np.zeros(0))[0] == pytest.approx(exact, abs=2e-6)


def test_constant_pieces_are_exponentials():
    problem = problem_of(StateTarget([1, 0, 0], [0, 1, 0]), "steps", 1)
    c = RNG.normal(size=6)
    x = c[:, None] + problem.ensemble.offsets
    found = []
    for g in (0.3, 0.5):
        for q in range(x.shape[1]):
            u = np.eye(3)
            for value in x[:, q]:
                u = expm(-0.5j * THREE.replace(g=g)(value)) @ u
            found.append(1 - abs(u[1, 0]) ** 2)
    mean = np.reshape(found, (2, -1)) @ problem.ensemble.shares
    assert problem.value(c, np.zeros(0))[0] == pytest.approx(mean, abs=1e-13)


@pytest.mark.quick(2)
@pytest.mark.parametrize("kind", SHAPES)
def test_conditions_bound_the_drive_everywhere(kind):
    shape = shape_of(kind)
    limits = Limits(-2.0, 2.5, None if kind == "steps" else 8.0)
    matrix, bound = shape.conditions(limits)
    t = np.linspace(0, 3.0, 501)
    met = 0
    for _ in range(30):
        c = shape.start() + RNG.normal(size=6) * RNG.choice([0.1, 0.4, 1.0])
        drive = shape.drive(c)
        assert drive(t[1:-1]) == pytest.approx(
            shape.base(t[1:-1]) + shape.basis(t[1:-1]) @ c, abs=1e-9
        )
        if np.all(matrix @ c <= bound):
            met += 1
            assert np.all((drive(t) <= 2.5 + 1e-6) & (drive(t) >= -2 - 1e-6))
            if kind != "steps":
                assert np.max(np.abs(drive.velocity(t))) <= 8.0 + 1e-4
    assert met > 3


def test_straight_splines_are_straight():
    shape = make_shape("splines", 3.0, (-1, 2), coefficients=5, bandwidth=None, flat_ends=False)
    t = np.linspace(0, 3, 31)
    assert shape.drive(shape.start())(t) == pytest.approx(t - 1, abs=1e-14)


def test_the_infidelity_of_a_gate_is_the_one_of_its_fidelity():
    qubits = ac.spectrum.dressed_states(TRANSMONS, 6.1, ["00", "01", "10", "11"])
    run = ac.propagate(TRANSMONS, ac.drive.Cosine(-0.8, width=20.0, offset=6.1))
    gate = run.gate(qubits)
    target = GateTarget(np.diag([1, 1, 1, -1]), states=qubits, phases="single_qubit")
    ensemble = make_ensemble(TRANSMONS, target, 6.1, 6.1)
    final = (run.propagator @ qubits)[None]
    asked = ensemble.asked()
    phases = target.first_phases(asked, final)
    found = target.infidelity(asked, final, phases)[0]
    assert found == pytest.approx(1 - gate.fidelity(), abs=1e-12)


def test_small_infidelities_keep_their_digits():
    final = np.array([[[np.sqrt(1 - 1e-20)], [1e-10]]], dtype=complex)
    eye = np.eye(2, dtype=complex)[None]
    for target in (StateTarget(0, 0), PopulationTarget([[1], [0]])):
        found = target.infidelity(target.ask(eye, eye), final, np.zeros(0))[0]
        assert found == pytest.approx(1e-20, rel=1e-6)
    gate = GateTarget([[1]], states=[0])
    found = gate.infidelity(gate.ask(eye, eye), final, np.zeros(0))[0]
    assert found == pytest.approx(1e-20, rel=1e-6)


def test_a_jump_is_found_and_told():
    H = ac.models.LandauZener(gap=1.0)
    found = optimal_drive(
        H,
        StateTarget(0, 1),
        duration=4.0,
        start=-5.0,
        stop=5.0,
        lower=-5.0,
        upper=5.0,
        slope=20.0,
        coefficients=6,
    )
    assert found.reached
    assert found.warnings == ()
    run = ac.propagate(H, found.drive)
    assert run.probabilities[0] == pytest.approx(float(found.infidelity), abs=1e-8)
    assert found.check() == pytest.approx(found.infidelity, abs=1e-9)
    assert found.stepped == pytest.approx(found.infidelity, abs=2e-5)
    again = optimal_drive(
        H, StateTarget(0, 1), duration=4.0, start=-5.0, stop=5.0, starts=1, evaluations=1
    )
    assert not again.reached
    assert any("not reached" in warning for warning in again.warnings)


BAD = {
    "levels": {"target": StateTarget(0, 2)},
    "target": {"target": 1},
    "duration": {"duration": 0.0},
    "shape": {"shape": "spline"},
    "coefficients": {"coefficients": 1},
    "bounds": {"lower": 2.0, "upper": -2.0},
    "ends": {"lower": -2.0, "upper": 2.0},
    "slope": {"slope": 0.1},
    "bandwidth": {"bandwidth": 1e-3},
    "filter": {"shape": "filtered"},
    "settling": {"shape": "filtered", "bandwidth": 0.01},
    "steps with slope": {"shape": "steps", "slope": 9.0},
    "flat": {"shape": "sines", "flat_ends": True},
    "over": {"over": "best"},
    "weights": {"weights": [1.0]},
    "goal": {"goal": 0.0},
    "guess": {"guess": [1.0]},
    "noise": {"offset_noise": -1.0},
    "starts": {"starts": 0},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_bad_arguments_are_refused_in_a_line(change):
    given = {"target": StateTarget(0, 1), "duration": 1.0, "start": -5.0, "stop": 5.0, **change}
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        optimal_drive(ac.models.LandauZener(gap=1.0), **given)


def test_levels_that_are_not_told_apart_are_refused():
    H = ac.Hamiltonian.from_terms([("x", np.diag([1, -1, 0])), (1, np.diag([0, 0, 1.0]))])
    options = {"duration": 1.0, "start": 0.0, "stop": 2.0}
    for target in (StateTarget(0, 1), PopulationTarget([[1], [0], [0]])):
        with pytest.raises(InputError, match="stand alone"):
            optimal_drive(H, target, **options)
    make_ensemble(H, StateTarget(2, 1), 0.0, 2.0)  # the third is not degenerate there


def test_a_batch_on_two_axes_and_units():
    units = ac.Units("GHz", "ns")
    H = ac.models.LandauZener(gap=[[0.9, 1.1], [1.0, 1.05]]).with_units(units)
    found = optimal_drive(
        H, StateTarget(0, 1), duration=0.7, start=-5.0, stop=5.0, coefficients=5, goal=1e-3
    )
    assert found.infidelity.shape == (2, 2)
    run = ac.propagate(H, found.drive)
    assert run.transition_matrix[..., 0, 0] == pytest.approx(found.infidelity, abs=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StateTarget([0, 0], 1),
        lambda: StateTarget("a", 1),
        lambda: PopulationTarget([[0.5], [0.4]]),
        lambda: PopulationTarget([[1.5], [-0.5]]),
        lambda: GateTarget([[1, 1], [0, 1]], states=[0, 1]),
        lambda: GateTarget(np.eye(2), states=[0, 1], phases="single_qubit"),
        lambda: GateTarget(np.eye(2), states=[0, 1], phases="some"),
    ],
)
def test_bad_targets_are_refused(make):
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        make()


@pytest.mark.slow
def test_robust_transfer_over_ten_percent_of_the_gap():
    H = ac.models.LandauZener(gap=np.linspace(0.9, 1.1, 5))
    found = optimal_drive(
        H,
        StateTarget(0, 0),
        duration=12.0,
        start=-10.0,
        stop=10.0,
        lower=-10.0,
        upper=10.0,
        slope=40.0,
    )
    assert found.reached
    assert found.warnings == ()
    dense = ac.models.LandauZener(gap=np.linspace(0.9, 1.1, 201))
    assert found.check(dense).max() <= 1e-4
    # A straight sweep of this duration is a thousand times worse.
    straight = ac.propagate(dense, ac.drive.Linear(-10, 10, rate=20 / 12))
    assert straight.transition_matrix[:, 1, 0].max() > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["splines", "sines"])
def test_controlled_z_by_a_flux_pulse(kind):
    qubits = ac.spectrum.dressed_states(TRANSMONS, 6.1, ["00", "01", "10", "11"])
    found = optimal_drive(
        TRANSMONS,
        GateTarget(np.diag([1, 1, 1, -1]), states=qubits, phases="single_qubit"),
        duration=18.0,
        start=6.1,
        stop=6.1,
        lower=5.1,
        upper=6.1,
        shape=kind,
        bandwidth=0.3 if kind == "splines" else 0.4,
        flat_ends=kind == "splines",
        goal=1e-9,
        starts=8,
    )
    gate = ac.propagate(TRANSMONS, found.drive).gate(qubits)
    assert gate.leakage.max() < 1e-5
    assert abs(gate.conditional_phase % (2 * np.pi) - np.pi) < 1e-4
    assert 1 - gate.fidelity() < 1e-8
    x = found.drive(np.linspace(0, 18, 5001))
    assert (x.min() > 5.1 - 1e-6, x.max() < 6.1 + 1e-6) == (True, True)


@pytest.mark.slow
def test_still_noise_is_averaged():
    H = ac.models.LandauZener(gap=1.0)
    common = {"duration": 12.0, "start": -6.0, "stop": 6.0, "lower": -6.0, "upper": 6.0}
    found = optimal_drive(
        H, StateTarget(0, 0), offset_noise=0.3, coefficients=12, goal=1e-2, **common
    )
    assert found.reached
    rng = np.random.default_rng(5)
    whole = np.concatenate([[-6.0], found.coefficients, [6.0]])
    assert ac.drive.Spline(whole, 0.0, 12.0)(5.0) == pytest.approx(found.drive(5.0), abs=1e-12)
    shifted = ac.drive.Spline(whole, 0.0, 12.0, offset=0.3 * rng.normal(size=400))
    lost = 1 - ac.propagate(H, shifted, tolerance=1e-8).probabilities[:, 0]
    error = np.std(lost) / 20
    assert np.mean(lost) == pytest.approx(float(found.infidelity), abs=4 * error + 1e-6)


@pytest.mark.slow
def test_populations_are_set_over_an_ensemble():
    H = ac.models.LandauZener(gap=[0.95, 1.0, 1.05])
    found = optimal_drive(
        H,
        PopulationTarget([[0.5, 0.5], [0.5, 0.5]]),
        duration=8.0,
        start=-8.0,
        stop=8.0,
        lower=-8.0,
        upper=8.0,
        over="mean",
        weights=[1.0, 2.0, 1.0],
        coefficients=10,
        goal=1e-6,
    )
    assert found.reached
    final = ac.propagate(H, found.drive).transition_matrix
    assert final == pytest.approx(np.full((3, 2, 2), 0.5), abs=5e-3)
    assert found.figure == pytest.approx(found.infidelity @ [0.25, 0.5, 0.25])


def test_everything_is_public():
    for name in ("StateTarget", "PopulationTarget", "GateTarget", "optimal_drive", "OptimalDrive"):
        assert name in control.__all__
