"""Closed forms for one crossing alone, with and without dephasing."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.analysis.meetings import PassageEvent, nonlinearity
from anticrossing.analysis.offers import both_ends
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Dephasing, Environment, FixedAxisDephasing
from anticrossing.formulas import Prediction
from anticrossing.hamiltonian import Hamiltonian

_REAL = 1e-12
_LINEAR = 1e-6


def single_crossing(
    hamiltonian: Hamiltonian, drive: Drive, event: PassageEvent, *, coherent: bool
) -> list[tuple[str, Prediction, float]]:
    """Return (name, prediction, probability to jump between adiabatic levels)."""
    forms: list[tuple[str, Prediction, float]] = [("Landau–Zener", event.jump, float(event.jump))]
    if event.gap == 0 or not coherent:
        return forms
    start, stop = both_ends(drive)
    if hamiltonian.dimension == 2:
        reach = np.geomspace(1e-3, 1.0, 12) * max(event.time - start, stop - event.time)
        linear = nonlinearity(hamiltonian, drive, event, reach) < _LINEAR
        if not linear and not drive.breakpoints.size:
            # A gap without a complex zero that the formula could use has no such prediction.
            with contextlib.suppress(InputError, ConvergenceError):
                slow = formulas.dykhne_davis_pechukas(
                    **_gap_functions(hamiltonian, drive),
                    near=complex(event.time, event.gap / event.sweep_rate),  # of a linear sweep
                    window=(start, stop),
                )
                forms.append(("Dykhne–Davis–Pechukas", slow, float(slow)))
    fast = formulas.golden_rule(gap=event.gap, sweep_rate=event.sweep_rate)
    if fast.valid:
        fast = dataclasses.replace(fast, checks=(*fast.checks, *event.jump.checks))
        forms.append(("golden rule (fast limit)", fast, 1 - float(fast)))
    return forms


def with_dephasing(
    drive: Drive, event: PassageEvent, environment: Environment | None, basis: str
) -> list[tuple[str, Prediction, float]]:
    """Return the closed forms for two levels with one kind of dephasing of constant strength."""
    strength = getattr(environment, "strength", None)
    if strength is None or strength.values is None or strength.values.ndim:
        return []
    local = {"gap": event.gap, "sweep_rate": event.sweep_rate}
    value = float(strength.values)
    if isinstance(environment, Dephasing):
        if environment.form == "gamma":
            prediction: Prediction = formulas.dephasing_landau_zener(**local, gamma=value)
        else:
            prediction = formulas.constant_rate_dephasing_landau_zener(**local, rate=value)
        return [("Landau–Zener with dephasing", prediction, float(prediction))]
    if isinstance(environment, FixedAxisDephasing) and value > 0:
        sides = np.abs(np.array(both_ends(drive)) - event.time)
        frozen, longer = (
            formulas.fixed_axis_dephasing_landau_zener(**local, rate=value, window=float(side))
            for side in np.sort(sides)
        )
        # What is left of the polarisation, 2P − 1, is a product over both sides of the window.
        left = np.sqrt((2 * float(frozen) - 1) * (2 * float(longer) - 1))
        if basis != "diabatic":  # the levels at the ends are not quite the states that are held
            reach = event.sweep_rate * sides
            left *= float(np.prod(reach / np.hypot(reach, event.gap)))
        # To keep the diabatic state is to jump between adiabatic levels.
        return [("strong dephasing (diabatic axis)", frozen, 0.5 * (1 + left))]
    return []


def _gap_functions(hamiltonian: Hamiltonian, drive: Drive) -> dict[str, Any]:
    """Return detuning and coupling, which fix the signs; the squared gap if the phase turns."""
    lanes = Lanes.of(hamiltonian, drive)

    def entries(t: Any) -> Any:
        times = np.asarray(t, dtype=np.complex128)
        h = lanes.matrices(times.reshape(1, -1), np.zeros(1, dtype=np.intp))[0]
        return h.reshape(*times.shape, 2, 2)

    def squared_gap(t: Any) -> Any:
        h = entries(t)
        return (h[..., 0, 0] - h[..., 1, 1]) ** 2 + 4 * h[..., 0, 1] * h[..., 1, 0]

    def detuning(t: Any) -> Any:
        h = entries(t)
        return h[..., 0, 0] - h[..., 1, 1]

    axis = entries(np.linspace(float(drive.start_time), float(drive.stop_time), 65))[:, 0, 1]
    turn = np.exp(-1j * np.angle(axis[np.argmax(np.abs(axis))]))
    if np.abs((axis * turn).imag).max() > _REAL * np.abs(axis).max():
        return {"gap": squared_gap, "squared": True}
    return {"detuning": detuning, "coupling": lambda t: 2 * turn * entries(t)[..., 0, 1]}
