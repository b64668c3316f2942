"""Derivatives along straight lines: against doubled steps, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import _line_gradient, gradients
from tests.dynamics.test_direct import gaussian
from tests.effort import slow


def followed(monkeypatch):
    """Count the lines that are followed."""
    seen = []

    def follow(*given):
        found = _line_gradient.follow(*given)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(gradients, "_line_gradient", type("Seen", (), {"follow": follow}))
    return seen


def without(monkeypatch):
    never = type("Never", (), {"follow": lambda *given: None})
    monkeypatch.setattr(gradients, "_line_gradient", never)


def several(levels, *, real, offset, units=None):
    """H with a parameter in every place that leaves it a straight line."""
    a, b, c, d = (gaussian(levels, seed, real=real) for seed in range(4))
    terms = [("x", d + offset * np.eye(levels)), ("p", a), ("2*q*(x - r)", b), ("s/3 - x", c)]
    values = {"p": 0.7, "q": 0.3, "r": np.array([0.2, -0.4]), "s": 0.5}
    more = {} if units is None else {"units": units}
    return ac.Hamiltonian.from_terms(terms, parameters=values, **more)


@pytest.mark.parametrize(
    ("levels", "real", "offset", "basis"),
    [(3, False, 0.0, "adiabatic"), (2, True, 5.0, "diabatic")]
    + [
        slow(n, real, offset, basis)
        for n in (2, 3, 5, 8)
        for real in (True, False)
        for offset in (0.0, 1e3)
        for basis in ("adiabatic", "diabatic")
    ],
)
def test_lines_and_doubled_steps_agree(levels, real, offset, basis, monkeypatch):
    units = ac.Units("MHz", "us") if real else None
    hamiltonian = several(levels, real=real, offset=offset, units=units)
    drives = ac.drive.Linear(-1.0, 2.0, rate=0.5), ac.drive.Formula("v*t + w", -1, 3, v=0.4, w=0.3)
    for drive in drives:
        names = ["p", "q", "r", "s", *drive.differentiable]
        given = {"gradient": names, "basis": basis, "initial": levels - 1}
        with monkeypatch.context() as patch:
            seen = followed(patch)
            found = ac.propagate(hamiltonian, drive, **given)
            assert seen == [True]
        with monkeypatch.context() as patch:
            without(patch)
            wanted = ac.propagate(hamiltonian, drive, **given)
        assert not found.warnings
        assert not wanted.warnings
        rounding = 4 * np.max(found.phase_error)  # of phases common to all levels, in ∂U alone
        for name in names:
            one, other = found.gradients[name], wanted.gradients[name]
            size = 1 + np.max(np.abs(other.propagator))
            known = np.max(one.error_estimate) + np.max(other.error_estimate)
            for what in ("transition_matrix", "probabilities"):
                apart = np.max(np.abs(getattr(one, what) - getattr(other, what)))
                assert apart < min(known, 1e-10 * size + rounding * size)
            for what in ("propagator", "amplitudes"):
                apart = np.max(np.abs(getattr(one, what) - getattr(other, what)))
                assert apart < (1e-10 + rounding) * size
            assert one.populations.shape == other.populations.shape == (2, 0, levels)
            assert np.shape(one.error_estimate) == (2,)


def test_where_nothing_moves(monkeypatch):
    seen = followed(monkeypatch)
    terms = [("p", np.diag([1.0, 0.0, -1.0])), ("q", [[0, 1, 0], [1, 0, 0], [0, 0, 0]])]
    still = ac.Hamiltonian.from_terms([*terms, ("x", np.eye(3))], parameters={"p": 0.0, "q": 0.0})
    found = ac.propagate(still, ac.drive.Formula("t", -1, 3), gradient=["p", "q"], basis="diabatic")
    phase = np.exp(-4j)  # of x
    for name, (_, matrix) in zip("pq", terms, strict=True):
        exact = -4j * phase * np.asarray(matrix)
        assert np.abs(found.gradients[name].propagator - exact).max() < 1e-14
    assert seen == [True]


def test_a_time_that_nothing_else_feels(monkeypatch):
    """With H = a + b σz along x = vt all is known: phases alone, and their derivatives."""
    seen = followed(monkeypatch)
    z = np.diag([1.0, -1.0])
    line = ac.Hamiltonian.from_terms([("a", z), ("b*x", z)], parameters={"a": 0.3, "b": 2.0})
    drive = ac.drive.Formula("v*t", -2.0, 5.0, v=1.5)
    found = ac.propagate(line, drive, gradient=["a", "b", "v"], basis="diabatic")
    area = (5.0**2 - 2.0**2) / 2
    phases = np.diag(z) * (0.3 * 7 + 2.0 * 1.5 * area)
    for name, slope in (("a", 7.0), ("b", 1.5 * area), ("v", 2.0 * area)):
        exact = np.diag(-1j * np.diag(z) * slope * np.exp(-1j * phases))
        assert np.abs(found.gradients[name].propagator - exact).max() < 2e-13 * slope
    assert seen == [True]


@pytest.mark.parametrize(
    ("terms", "drive", "more"),
    [
        ([("x", 1), ("p", 2)], ac.drive.Formula("t*t", -1, 1), {}),
        ([("x*x", 1), ("p", 2)], ac.drive.Formula("t", -1, 1), {}),
        ([("x", 1), ("p*x*x", 2)], ac.drive.Formula("t", -1, 1), {}),
        ([("x", 1), ("p", 2)], ac.drive.Formula("t", -1, 1), {"times": [0.5]}),
        ([("x", 1), ("p", 2)], ac.drive.Formula("t", -4e3, 4e3), {}),
    ],
)
def test_what_is_no_short_line_is_left_to_others(terms, drive, more, monkeypatch):
    matrices = [(formula, gaussian(3, seed)) for formula, seed in terms]
    hamiltonian = ac.Hamiltonian.from_terms(matrices, parameters={"p": 0.5})
    seen = followed(monkeypatch)
    ac.propagate(hamiltonian, drive, gradient="p", **more)
    assert not any(seen)
