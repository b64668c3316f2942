"""Process tensors of OQuPy: against QuTiP's hierarchy, Redfield, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.environment.spectral_density import Debye, Ohmic
from anticrossing.oqupy._tempo import _twice_integrated

HALF_Z = np.diag([0.5, -0.5])
LEVELS = ac.models.LandauZener(gap=1.0)
DEBYE = Debye(reorganization_energy=0.1, relaxation_rate=2.0)
BATH = ac.Bath(HALF_Z, DEBYE, 1.0, equation="redfield")
STEP = 0.25


def needs_oqupy() -> None:
    pytest.importorskip("oqupy", reason="the extra oqupy, which nothing else here needs")


@pytest.mark.slow
def test_one_tensor_serves_sweeps_as_the_hierarchy_follows_them() -> None:
    needs_oqupy()
    pytest.importorskip("qutip")
    tensor = ac.oqupy.ProcessTensor(BATH, step=STEP, duration=26.0)
    for rate in (0.5, 1.0, 2.0):
        sweep = ac.drive.Linear(-5, 8, rate=rate)
        found = ac.oqupy.tempo(LEVELS, sweep, tensor)
        hierarchy = ac.qutip.heom(LEVELS, sweep, BATH, tolerance=1e-4)
        off = np.max(np.abs(found.probabilities - hierarchy.probabilities))
        assert off < 1e-3
        assert off < found.error_estimate < 1e-2
        assert any("process tensor" in line for line in found.warnings)  # beyond the tolerance
    with pytest.raises(ac.InputError, match="`drive` must last at most 26"):
        ac.oqupy.tempo(LEVELS, ac.drive.Linear(-5, 8, rate=0.25), tensor)
    with pytest.raises(ac.InputError, match="`drive` must last a whole number of double steps"):
        ac.oqupy.tempo(LEVELS, ac.drive.Linear(-5, 8, rate=0.7), tensor)
    with pytest.raises(ac.InputError, match="`times`"):
        ac.oqupy.tempo(LEVELS, ac.drive.Linear(-5, 8, rate=1.0), tensor, times=[0.1])
    turns = LEVELS.with_units(ac.Units(energy="GHz", time="ns"))
    with pytest.raises(ac.InputError, match="`hamiltonian` must have the units"):
        ac.oqupy.tempo(turns, ac.drive.Linear(-5, 8, rate=1.0), tensor)


@pytest.mark.slow
def test_weakly_coupled_it_is_redfield() -> None:
    needs_oqupy()
    weak = ac.Bath(
        HALF_Z, Debye(reorganization_energy=0.005, relaxation_rate=2.0), 1.0, equation="redfield"
    )
    sweep = ac.drive.Linear(-5, 8, rate=1.0)
    tensor = ac.oqupy.ProcessTensor(weak, step=STEP, duration=13.0)
    found = ac.oqupy.tempo(LEVELS, sweep, tensor, times=[-1.0, 2.0])
    exact = ac.propagate(LEVELS, sweep, environment=weak, times=[-1.0, 2.0])
    assert found.probabilities == pytest.approx(exact.probabilities, abs=1e-3)
    assert found.populations == pytest.approx(exact.populations, abs=1e-3)


@pytest.mark.slow
def test_still_levels_dephase_as_the_closed_form_in_any_basis_and_unit() -> None:
    """e^{−Re g(t)} of coherences between eigenstates of A, cold and with three levels."""
    needs_oqupy()
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    places = np.array([0.5, 0.2, -0.3])
    cold = ac.Bath((turn * places) @ turn.T, Ohmic(reorganization_energy=0.3, cutoff=2.0), 0.0)
    units = ac.Units(energy="GHz", time="ns")
    tensor = ac.oqupy.ProcessTensor(cold, step=0.1, duration=1.0, memory=1.0, cut=1e-9, units=units)
    still = ac.Hamiltonian.affine(np.zeros((3, 3)), np.zeros((3, 3)), units=units)
    start = turn @ np.full(3, 3**-0.5)
    found = ac.oqupy.tempo(
        still, ac.drive.Linear(0, 1, rate=1.0), tensor, initial=start, basis="diabatic"
    )
    angle = 2 * np.pi * 2.0
    g = 0.15 * (np.log(1 + 1j * angle) - 1j * angle)
    a, b = places[:, None], places[None, :]
    exact = np.exp(-(a - b) * (a * g - b * g.conj())) / 3
    assert turn.T @ found.density_matrix @ turn == pytest.approx(exact, abs=1e-6)


def test_correlations_twice_integrated() -> None:
    """Cold and ohmic, (λ/ω_c) ln(1 + iω_c t) − iλt; warm and of Debye, e^{−νt} alone."""
    t = 0.2 * np.arange(66)
    cold = ac.Bath(HALF_Z, Ohmic(reorganization_energy=0.1, cutoff=3.0), 0.0)
    exact = 0.1 / 3 * np.log(1 + 3j * t) - 0.1j * t
    assert _twice_integrated(cold, 0.2, 66, 1.0) == pytest.approx(exact, abs=1e-8)
    turns = _twice_integrated(cold, 0.2 / (2 * np.pi), 66, 2 * np.pi)
    assert turns == pytest.approx(exact, abs=1e-8)
    heat, width = 1.0, 2.0
    most = 20_000
    nu = 2 * np.pi * heat * np.arange(1, most + 1)
    strength = 0.1 * width * (1 / np.tan(width / (2 * heat)) - 1j)
    warm = strength * (np.exp(-width * t) - 1 + width * t) / width**2
    rest = 4 * 0.1 * width * heat / (nu * (nu**2 - width**2))
    warm = warm + np.array([np.sum(rest * (np.expm1(-nu * x) + nu * x)) for x in t])
    warm = warm + 4 * 0.1 * width * heat * t / ((2 * np.pi * heat) ** 2 * (most + 0.5))
    assert _twice_integrated(BATH, 0.2, 66, 1.0) == pytest.approx(warm, abs=1e-8)


def test_bad_arguments() -> None:
    def tensor(bath: object = BATH, step: float = 0.1, duration: float = 2.0) -> None:
        ac.oqupy.ProcessTensor(bath, step=step, duration=duration)

    with pytest.raises(ac.InputError, match="`bath`"):
        tensor(ac.Dephasing(0.1))
    with pytest.raises(ac.InputError, match="`bath` must be a single"):
        tensor(ac.Bath(HALF_Z, DEBYE, [1.0, 2.0]))
    with pytest.raises(ac.InputError, match="`duration` must last a whole number"):
        tensor(duration=1.9)
    with pytest.raises(ac.InputError, match="`duration` must last a whole number"):
        tensor(step=1e-300, duration=1e300)
    with pytest.raises(ac.InputError, match="`duration` must be 4 to"):
        tensor(duration=0.2)
    with pytest.raises(ac.InputError, match="`step`"):
        tensor(step=-1.0)
    with pytest.raises(ac.InputError, match="`tensor`"):
        ac.oqupy.tempo(LEVELS, ac.drive.Linear(-5, 8, rate=1.0), BATH)
