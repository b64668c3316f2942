"""Interferograms of several levels: against panels, QuTiP, and the compiled qubit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

import anticrossing as ac
from anticrossing.drive import Formula, Sinusoidal
from anticrossing.dynamics import (
    _level_interferogram as kernels,
    interferogram,
    level_interferogram,
    periodic_steady_state,
)
from anticrossing.dynamics._generator_table import Table, identity_first_basis

X, Z, ONE = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0]), np.eye(2)
LOWER = np.array([[0.0, 0.0], [1.0, 0.0]])
# Two coupled qubits, one of them driven.
PAIR = ac.Hamiltonian.affine(
    0.25 * np.kron(X, ONE) + 0.3 * np.kron(ONE, X) + 0.65 * np.kron(ONE, Z) + 0.2 * np.kron(Z, Z),
    0.5 * np.kron(Z, ONE),
)
EIGEN = ac.ThermalRelaxation(temperature=0.3, t1=200.0) + ac.Dephasing(rate=0.02)
JUMPS = [0.1 * np.kron(LOWER, ONE), 0.07 * np.kron(ONE, LOWER), 0.1 * np.kron(Z, ONE)]
FIXED = ac.Lindblad(JUMPS)


def levels(count: int) -> ac.Hamiltonian:
    rng = np.random.default_rng(count)
    h = rng.normal(size=(count, count)) + 1j * rng.normal(size=(count, count))
    return ac.Hamiltonian.affine(0.3 * (h + h.conj().T), np.diag(np.arange(count) - 1.0))


def panels(hamiltonian: Any, environment: Any, drive: Any, readout: str) -> np.ndarray:
    return periodic_steady_state(hamiltonian, drive, environment, basis=readout).populations


@pytest.mark.parametrize("readout", ["diabatic", "adiabatic"])
def test_a_qubit_is_the_compiled_one(readout: str) -> None:
    qubit = {"offset": np.linspace(-3, 3, 7), "amplitude": [[0.0], [2.0], [6.0]], "frequency": 1.0}
    z, raising = np.diag([1.0, -1.0]), LOWER.T
    jumps = [np.sqrt(0.1 / 50) * raising, np.sqrt(0.9 / 50) * LOWER, np.sqrt(0.02) * z]
    # 1/T₂ = 1/2T₁ + 2·0.02
    expected = interferogram(
        **qubit, gap=0.5, t1=50.0, t2=20.0, equilibrium=0.1, readout=readout, tolerance=1e-9
    )
    found = level_interferogram(
        ac.models.LandauZener(gap=0.5), ac.Lindblad(jumps), **qubit, readout=readout
    )
    upper = found.populations[..., 0 if readout == "diabatic" else 1]
    error = np.abs(upper - expected.population)
    assert found.populations.shape == (3, 7, 2)
    assert np.all(error < found.error_estimate)
    assert np.all(found.error_estimate < 1e-6)
    assert not found.warnings


@pytest.mark.parametrize(
    ("hamiltonian", "environment", "readout", "point"),
    [
        (levels(3), EIGEN, "adiabatic", (0.4, 0.5)),
        pytest.param(PAIR, EIGEN, "diabatic", (2.3, 4.1), marks=pytest.mark.slow),
        pytest.param(PAIR, FIXED, "adiabatic", (-1.1, 3.0), marks=pytest.mark.slow),
        pytest.param(levels(3), EIGEN, "adiabatic", (0.4, 3.0), marks=pytest.mark.slow),
        pytest.param(levels(5), EIGEN, "diabatic", (0.4, 3.0), marks=pytest.mark.slow),
        pytest.param(levels(6), EIGEN + ac.Lindblad([0.1 * np.diag(range(6))]), "adiabatic",
                     (0.4, 3.0), marks=pytest.mark.slow),
        pytest.param(PAIR, EIGEN + FIXED, "adiabatic", (7.0, 9.0), marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_against_panels(
    hamiltonian: Any, environment: Any, readout: str, point: tuple[float, float]
) -> None:
    offset, amplitude = point
    found = level_interferogram(
        hamiltonian, environment, offset=offset, amplitude=amplitude, frequency=1.0, readout=readout
    )
    expected = panels(hamiltonian, environment, Sinusoidal(offset, amplitude, 1.0), readout)
    error = np.max(np.abs(found.populations - expected))
    assert error < found.error_estimate < 1e-6
    assert abs(found.populations.sum() - 1) < 1e-12


def test_two_tones_against_panels() -> None:
    phase = 0.3
    found = level_interferogram(
        PAIR,
        FIXED,
        offset=1.3,
        amplitude=0.8,
        frequency=0.9,
        tones=[(1, 1.0), (3, 0.4, [phase, phase + np.pi])],
    )
    drive = Formula("1.3 + 0.8*cos(0.9*t) + 0.32*cos(2.7*t + p)", 0, 2 * np.pi / 0.9, p=phase)
    expected = panels(PAIR, FIXED, drive, "diabatic")
    assert np.max(np.abs(found.populations[0] - expected)) < found.error_estimate[0] < 1e-6
    assert np.max(np.abs(found.populations[1] - expected)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_points_against_qutip(seed: int) -> None:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    rng = np.random.default_rng(seed)
    offset, amplitude, omega = rng.uniform(-6, 6), rng.uniform(0, 8), 1.0
    found = level_interferogram(PAIR, FIXED, offset=offset, amplitude=amplitude, frequency=omega)
    static = qutip.Qobj(PAIR(0.0) + offset * (PAIR(1.0) - PAIR(0.0)))
    moving = qutip.Qobj(amplitude * (PAIR(1.0) - PAIR(0.0)))
    times = np.linspace(0, 2 * np.pi / omega, 257)
    maps = qutip.propagator(
        qutip.QobjEvo([static, [moving, lambda t: np.cos(omega * t)]]),
        times,
        [qutip.Qobj(jump) for jump in JUMPS],
        options={"method": "vern9", "atol": 1e-11, "rtol": 1e-11, "nsteps": 10**7},
    )
    state = qutip.propagator_steadystate(maps[-1]).full().ravel(order="F")
    along = [np.diag((m.full() @ state).reshape(4, 4, order="F")).real for m in maps[:-1]]
    assert np.max(np.abs(found.populations - np.mean(along, axis=0))) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("environment", [EIGEN, FIXED], ids=["eigen", "fixed"])
@pytest.mark.parametrize("readout", ["diabatic", "adiabatic"])
def test_estimates_hold_over_a_grid(environment: Any, readout: str) -> None:
    rng = np.random.default_rng(7)
    grid = {
        "offset": rng.uniform(-10, 10, 60),
        "amplitude": rng.uniform(0, 15, 60),
        "frequency": rng.uniform(0.5, 2.0, 60),
        "readout": readout,
    }
    fine = level_interferogram(PAIR, environment, **grid, tolerance=1e-9)
    for tolerance in (1e-3, 1e-5, 1e-7):
        found = level_interferogram(PAIR, environment, **grid, tolerance=tolerance)
        error = np.max(np.abs(found.populations - fine.populations), axis=-1)
        assert np.all(error < found.error_estimate + fine.error_estimate)
        assert np.all(found.error_estimate < 1.1 * tolerance)


@pytest.mark.parametrize("rate", [1e-4, 1e-8])
def test_levels_that_hardly_relax(rate: float) -> None:
    weak = ac.Lindblad([np.sqrt(rate) * np.asarray(jump) for jump in JUMPS])
    point = {"offset": [0.3, -0.7], "amplitude": 2.0, "frequency": 4.0}
    found = level_interferogram(PAIR, weak, **point)
    # What comes back is known to some roundings, over what a period relaxes.
    assert np.all(found.error_estimate < 1e-6 + 1e-11 / rate)
    points = zip(point["offset"], found.populations, found.error_estimate, strict=True)
    for offset, populations, error in points:
        # To first order in the rates: Floquet states, mixed by what jumps between them on average.
        expected = floquet_mixture(lambda t, x=offset: PAIR(x + 2.0 * np.cos(4.0 * t)), 4.0)
        assert np.max(np.abs(populations - expected)) < error


def floquet_mixture(h: Any, omega: float, steps: int = 400) -> np.ndarray:
    """Return mean populations of a state that weak jumps settle, from its Floquet states."""
    length = 2 * np.pi / omega / steps
    generators = [
        scipy.linalg.expm(-1j * length * magnus4(h, k * length, length)) for k in range(steps)
    ]
    maps = [np.eye(4, dtype=complex)]
    for step in generators:
        maps.append(step @ maps[-1])
    phases, states = np.linalg.eig(maps[-1])
    assert np.min(np.abs(phases[:, None] - phases + np.eye(4))) > 1e-3
    modes = np.array([u @ states for u in maps[:-1]])
    rates = np.zeros((4, 4))
    for jump in JUMPS:
        inside = modes.conj().swapaxes(1, 2) @ np.asarray(jump) @ modes
        rates += np.mean(np.abs(inside) ** 2, axis=0)
    balance = rates - np.diag(rates.sum(axis=0))
    balance[0] = 1.0
    weights = np.linalg.solve(balance, np.eye(4)[0])
    return np.asarray(np.mean(np.abs(modes) ** 2 @ weights, axis=0))


def magnus4(h: Any, start: float, length: float) -> np.ndarray:
    first, last = (h(start + (0.5 + sign * np.sqrt(3) / 6) * length) for sign in (-1, 1))
    turned = 1j * np.sqrt(3) / 12 * length * (first @ last - last @ first)
    return np.asarray((first + last) / 2 + turned)


def test_eigenstates_that_jump_are_refused() -> None:
    crossing = ac.Hamiltonian.affine(0.3 * np.kron(ONE, X), 0.5 * np.kron(Z, ONE))
    point = {"offset": 0.4, "amplitude": 2.0, "frequency": 1.0}
    with pytest.raises(ac.ConvergenceError, match="jump"):
        level_interferogram(crossing, EIGEN, **point, readout="adiabatic")
    # In fixed states nothing jumps.
    found = level_interferogram(crossing, FIXED, **point)
    expected = panels(crossing, FIXED, Sinusoidal(0.4, 2.0, 1.0), "diabatic")
    assert np.max(np.abs(found.populations - expected)) < found.error_estimate < 1e-6


# ---- the parts ---------------------------------------------------------------------------------


def test_the_table_is_the_generator() -> None:
    from anticrossing.dynamics import liouville
    from anticrossing.dynamics.lanes import Lanes

    table = Table.of(PAIR, EIGEN, (-5.0, 5.0), True, 1e-9)
    x = np.random.default_rng(3).uniform(-5, 5, 50)
    exact = liouville.generator(Lanes.of(PAIR, Formula("t", -5, 5)), EIGEN, x[None])[0]
    basis = identity_first_basis(4).reshape(16, 16)
    exact = (basis.conj() @ exact @ basis.T).real
    for value, wanted in zip(x, exact, strict=True):
        k = np.clip(np.searchsorted(table.edges, value) - 1, 0, table.degrees.size - 1)
        left, right = table.edges[k : k + 2]
        u = (2 * value - left - right) / (right - left)
        found = np.polynomial.chebyshev.chebval(u, table.series[k, : table.degrees[k] + 1])
        assert np.max(np.abs(found - wanted)) < 1e-8 * np.max(np.abs(wanted))
    assert np.max(np.abs(table.series[:, :, 0])) < 1e-14  # the trace stays


def test_a_identity_first_basis() -> None:
    for count in (2, 3, 6):
        basis = identity_first_basis(count)
        gram = np.einsum("aij,bji->ab", basis, basis)
        assert np.max(np.abs(gram - np.eye(count**2))) < 1e-14
        assert np.max(np.abs(basis - basis.conj().swapaxes(1, 2))) < 1e-15
        assert np.max(np.abs(basis[0] - np.eye(count) / np.sqrt(count))) < 1e-14


# ---- bad input ---------------------------------------------------------------------------------

POINT = {"offset": 0.0, "amplitude": 1.0, "frequency": 1.0}


@pytest.mark.parametrize(
    ("hamiltonian", "environment", "changed"),
    [
        (levels(7), EIGEN, {}),
        (ac.models.LandauZener(gap=[0.1, 0.2]), EIGEN, {}),
        (PAIR, ac.Dephasing(rate=[0.1, 0.2]), {}),
        (PAIR, ac.Lindblad([("0.1*exp(-t)", JUMPS[0])]), {}),
        (PAIR, ac.Lindblad([(lambda x, t: 0.1 + 0.01 * t, JUMPS[0])]), {}),
        (PAIR, EIGEN, {"frequency": 0.0}),
        (PAIR, EIGEN, {"offset": [0.0, 1.0], "amplitude": [1.0, 2.0, 3.0]}),
        (PAIR, EIGEN, {"offset": []}),
        (PAIR, EIGEN, {"tones": []}),
        (PAIR, EIGEN, {"tones": [(0, 1.0)]}),
        (PAIR, EIGEN, {"tones": [(1.5, 1.0)]}),
        (PAIR, EIGEN, {"tones": [(1,)]}),
        (PAIR, EIGEN, {"tones": 3}),
        (PAIR, EIGEN, {"tolerance": 1e-12}),
        (PAIR, EIGEN, {"readout": "upper"}),
        (PAIR, EIGEN, {"amplitude": 1e308, "tones": [(1, 1e10)]}),
        (PAIR, JUMPS, {}),
    ],
)
def test_what_cannot_be_used_is_refused(hamiltonian: Any, environment: Any, changed: Any) -> None:
    with pytest.raises(ac.InputError) as raised:
        level_interferogram(hamiltonian, environment, **POINT | changed)
    assert "\n" not in str(raised.value)


def test_states_that_nothing_relaxes_are_refused() -> None:
    with pytest.raises(ac.ConvergenceError, match="not unique"):
        level_interferogram(PAIR, ac.Lindblad([np.kron(Z, ONE) * 0.0 + 0.1 * np.eye(4)]), **POINT)


def test_a_drive_that_is_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ac.ConvergenceError, match="too slow"):
        level_interferogram(PAIR, FIXED, offset=0.0, amplitude=1e5, frequency=1.0)
    assert kernels.MOST_STEPS > 1000


def test_the_result_shows_itself(tmp_path: Any) -> None:
    found = level_interferogram(
        PAIR, FIXED, offset=[0.0, 1.0, 2.0], amplitude=[[1.0], [2.0]], frequency=1.0, tolerance=1e-3
    )
    dataset = found.to_dataset()
    assert dataset["population"].dims == ("amplitude", "offset", "level")
    assert found.plot(level=2).get_xlabel() == "offset"
    assert "LevelInterferogram" in repr(found)
    found.save(tmp_path / "map.json")
    line = level_interferogram(
        PAIR, FIXED, offset=[0.0, 1.0], amplitude=1.0, frequency=1.0, tolerance=1e-3
    )
    assert line.plot().get_xlabel()
