"""An evolution as a gate: against a Magnus series, a two-design of states, and limits."""

import numpy as np
import pytest

import anticrossing as ac
from tests.systems import random_hermitian

QUBITS = ["00", "01", "10", "11"]
PAIR = ac.models.CoupledTransmons(
    fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=0.03
).with_units(ac.Units("GHz", "ns"))


def pulse(duration):
    shape = {"gap": 0.085, "coefficients": [1.0, -0.1], "offset": 5.3}
    return ac.drive.FastAdiabatic(0.8, 0.0, duration=duration, **shape)


def magnus(moved, columns, steps=4000):
    """Return the columns at the end, by exponentials of the fourth-order Magnus series."""
    h = float(moved.stop_time - moved.start_time) / steps
    middle = float(moved.start_time) + h * (np.arange(steps) + 0.5)
    one, two = (2 * np.pi * PAIR(moved(middle + s * h * np.sqrt(3) / 6)) for s in (-1, 1))
    turned = 0.5 * h * (one + two) - 1j * np.sqrt(3) / 12 * h**2 * (two @ one - one @ two)
    angles, vectors = np.linalg.eigh(turned)
    for angle, own in zip(angles, vectors, strict=True):
        columns = own @ (np.exp(-1j * angle)[:, None] * (own.conj().T @ columns))
    return columns


def test_a_controlled_phase_agrees_with_a_magnus_series():
    moved = pulse(20.0)
    vectors = np.linalg.eigh(PAIR(float(moved.start)))[1]
    columns = vectors[:, [np.argmax(abs(vectors[PAIR.labels.index(s)])) for s in QUBITS]]
    last = magnus(moved, columns)
    kept = np.diag(columns.T @ last)
    dressed = ac.spectrum.dressed_states(PAIR, moved.start, QUBITS)
    gate = ac.propagate(PAIR, moved).gate(dressed)
    phase = np.angle(kept[3] * kept[0] / (kept[1] * kept[2]))
    assert gate.conditional_phase == pytest.approx(phase, abs=1e-8)
    lost = 1 - np.sum(np.abs(columns.T @ last) ** 2, axis=0)
    assert np.allclose(gate.leakage, lost, atol=1e-9)
    assert 3e-4 < gate.leakage[3] < 5e-4
    assert gate.average_leakage == pytest.approx(gate.leakage.mean(), rel=1e-12)


def test_a_phase_of_the_vectors_changes_nothing():
    rng = np.random.default_rng(1)
    found = ac.propagate(PAIR, pulse(16.0))
    dressed = ac.spectrum.dressed_states(PAIR, 6.1, QUBITS)
    turned = dressed * np.exp(2j * np.pi * rng.random(4))
    one, other = found.gate(dressed), found.gate(turned)
    assert one.conditional_phase == pytest.approx(other.conditional_phase, abs=1e-12)
    assert np.allclose(one.fidelity(), other.fidelity(), atol=1e-13)


def test_the_fidelity_is_the_mean_over_a_design_of_states():
    rng = np.random.default_rng(0)
    H = ac.Hamiltonian.affine(random_hermitian(rng, 5), random_hermitian(rng, 5))
    gate = ac.propagate(H, ac.drive.Linear(-0.5, 0.5, rate=1.0)).gate([0, 3])
    target = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
    # The eigenvectors of the three Pauli matrices.
    states = np.array([[1, 0], [0, 1], [1, 1], [1, -1], [1, 1j], [1, -1j]]).T
    states = states / np.linalg.norm(states, axis=0)
    overlap = np.einsum("ik,ik->k", (target @ states).conj(), gate.matrix @ states)
    assert gate.fidelity(target) == pytest.approx(np.mean(np.abs(overlap) ** 2), rel=1e-12)
    assert gate.conditional_phase is None
    assert gate.leakage[0] == pytest.approx(1 - np.sum(np.abs(gate.matrix[:, 0]) ** 2), abs=1e-12)


def test_a_perfect_gate_and_the_digits_of_small_leakage():
    # Slow: what is left behind in the other level is exp(−πg²/4α) of an amplitude.
    H = ac.models.LandauZener(gap=1.0)
    gate = ac.propagate(H, ac.drive.Linear(-200, 200, rate=0.1)).gate(
        ac.spectrum.dressed_states(H, -200.0, ["up"]),
        after=ac.spectrum.dressed_states(H, 200.0, ["down"]),
    )
    assert gate.leakage[0] == pytest.approx(np.exp(-np.pi / 0.2), rel=1e-2)
    still = ac.propagate(
        ac.Hamiltonian.from_terms([(1, np.diag([0.0, 1.0, 2.0, 3 + np.pi]))]),
        ac.drive.Linear(0, 1, rate=1.0),
    ).gate(range(4))
    assert still.fidelity() == pytest.approx(1.0, abs=1e-12)
    assert abs(still.conditional_phase) == pytest.approx(np.pi, abs=1e-12)
    assert not still.leakage.any()


def test_batches_and_dressed_states_of_each_point():
    couplings = np.array([0.02, 0.03])
    pairs = PAIR.replace(coupling=couplings)
    gates = ac.propagate(pairs, pulse(20.0)).gate(
        ac.spectrum.dressed_states(pairs, [6.1, 6.1], QUBITS)
    )
    assert gates.matrix.shape == (2, 4, 4)
    for k, coupling in enumerate(couplings):
        one = PAIR.replace(coupling=coupling)
        gate = ac.propagate(one, pulse(20.0)).gate(ac.spectrum.dressed_states(one, 6.1, QUBITS))
        assert gates.conditional_phase[k] == pytest.approx(gate.conditional_phase, abs=1e-9)
        assert np.allclose(gates.fidelity()[k], gate.fidelity(), atol=1e-9)


RING = 1j * np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])  # whose states are plane waves
CROSSED = ac.models.LandauZener(gap=1.0)


def passed():
    return ac.propagate(CROSSED, ac.drive.Linear(-5, 5, rate=1.0))


BAD = {
    "a state too high": (lambda: passed().gate([0, 2]), "`states` must number states from 0 to 1"),
    "a state twice": (lambda: passed().gate([1, 1]), "`states` must differ"),
    "no columns": (lambda: passed().gate(np.eye(3)), "columns of shape"),
    "not orthonormal": (lambda: passed().gate(2 * np.eye(2)), "orthonormal"),
    "not finite": (lambda: passed().gate(np.nan * np.eye(2)), "orthonormal"),
    "more after": (lambda: passed().gate([0], after=[0, 1]), "`after` must be as many"),
    "another batch": (lambda: passed().gate(np.stack([np.eye(2)] * 3)[None]), None),
    "no propagator": (
        lambda: ac.propagate(
            CROSSED, ac.drive.Linear(-5, 5, rate=1.0), environment=ac.Dephasing(0.1)
        ).gate([0, 1]),
        "there is none",
    ),
    "a target of another size": (lambda: passed().gate([0]).fidelity(np.eye(2)), "`target`"),
    "a target that is no unitary": (lambda: passed().gate([0]).fidelity([[2.0]]), "unitary"),
    "an unknown label": (
        lambda: ac.spectrum.dressed_states(CROSSED, 1.0, ["upp"]),
        "did you mean `up`",
    ),
    "a third of three": (
        lambda: ac.spectrum.dressed_states(ac.Hamiltonian.affine(RING, np.eye(3)), 0.0, [0]),
        "at least half .* '0' one holds",
    ),
    "a name twice": (lambda: ac.spectrum.dressed_states(CROSSED, 1.0, ["up", 0]), "each once"),
}


@pytest.mark.parametrize(("call", "told"), BAD.values(), ids=BAD)
def test_what_makes_no_gate_is_refused(call, told):
    if told is None:
        assert call().matrix.shape == (1, 3, 2, 2)  # states of their own batch are allowed
        return
    with pytest.raises(ac.InputError, match=told):
        call()


def test_what_decays_has_leaked():
    # The other route has a fourth level, to which the three decay.
    ladder = np.diag([0.0, 1.0, 2.0]) + 0.2 * (np.ones((3, 3)) - np.eye(3))
    hamiltonian = ac.Hamiltonian.affine(ladder, np.diag([1.0, -1.0, 0.3]))
    widths = [0.0, 0.1, 0.5]
    sweep = ac.drive.Linear(-2, 2, rate=1.0)
    found = ac.propagate(hamiltonian, sweep, environment=ac.Decay(widths)).gate([0, 1])
    bigger = ac.Hamiltonian.affine(np.pad(ladder, (0, 1)), np.diag([1.0, -1.0, 0.3, 0.0]))
    sink = [np.sqrt(width) * np.eye(4)[[3]].T @ np.eye(4)[[k]] for k, width in enumerate(widths)]
    for state in (0, 1):
        kept = ac.propagate(
            bigger,
            sweep,
            environment=ac.Lindblad(sink[1:]),
            initial=np.eye(4)[state],
            basis="diabatic",
        ).probabilities[:2]
        assert abs(found.leakage[state] - (1 - kept.sum())) < 1e-10
    everything = ac.propagate(hamiltonian, sweep, environment=ac.Decay(widths)).gate([0, 1, 2])
    assert everything.average_leakage > 0.1
