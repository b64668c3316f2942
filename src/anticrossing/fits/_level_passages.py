"""Populations after single passages of fitted levels, with their exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, describe, fail, instance, level, real_array
from anticrossing.drive import FormulaDrive, Linear, Path
from anticrossing.dynamics import propagate
from anticrossing.fits._transitions import OFFSET, SCALE, SHIFT
from anticrossing.fits.measurement import Measurement
from anticrossing.hamiltonian import FunctionHamiltonian, Hamiltonian

VISIBILITY, BACKGROUND = "visibility", "background"
READ_OUT = {VISIBILITY: 1.0, BACKGROUND: 0.0}
_ACCURACY = 1e-9


@dataclass(frozen=True, eq=False)
class Passages:
    """Sweeps of the control over a window, and the population of a level after them.

    p = background + visibility · P(final ← initial), for adiabatic levels.
    """

    data: Measurement
    hamiltonian: Hamiltonian
    window: tuple[float, float]
    levels: tuple[int, int]
    varied: tuple[str, ...]

    @property
    def rates(self) -> FloatArray:
        """The rates of the control."""
        return self.data.coordinate("sweep_rate")

    @property
    def weights(self) -> FloatArray:
        """One over the errors."""
        assert self.data.error is not None
        return np.asarray(1 / self.data.error)

    def residuals(self, named: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
        """Return (measured − fitted)/error (M,) and ∂fitted/∂p/error (M, K)."""
        wanted = [name for name in self.varied if name not in (OFFSET, VISIBILITY, BACKGROUND)]
        calibrated = named[SCALE] != 1 or named[SHIFT] != 0 or {SCALE, SHIFT} & set(wanted)
        H = self.hamiltonian.replace(**{n: named[n] for n in self.hamiltonian.parameters})
        if calibrated:
            text = "control_shift + control_scale*t"
            start, stop = sorted(self.window)
            own = {"control_shift": named[SHIFT], "control_scale": named[SCALE]}
            drive = FormulaDrive(text, start, stop, parameters=own)
            H = H.along(Path(**{H.coordinates[0]: drive}))
        prefix = f"{self.hamiltonian.coordinates[0]}_"
        keys = [prefix + n if n in (SCALE, SHIFT) else n for n in wanted]
        each, place = np.unique(self.rates, return_inverse=True)
        start, stop = self.window
        sweep = Linear(start, stop, rate=each * np.sign(stop - start))
        options: dict[str, Any] = {"gradient": keys} if keys else {}
        run = propagate(H, sweep, tolerance=_ACCURACY, **options)
        first, last = self.levels
        jump = run.transition_matrix[..., last, first][place]
        visibility = named[VISIBILITY]
        derived = np.zeros((jump.size, len(self.varied)))
        for name, key in zip(wanted, keys, strict=True):
            assert run.gradients is not None
            moved = run.gradients[key].transition_matrix[..., last, first][place]
            derived[:, self.varied.index(name)] = visibility * moved
        if VISIBILITY in self.varied:
            derived[:, self.varied.index(VISIBILITY)] = jump
        if BACKGROUND in self.varied:
            derived[:, self.varied.index(BACKGROUND)] = 1.0
        fitted = named[BACKGROUND] + visibility * jump
        weights = self.weights
        return (self.data.population - fitted) * weights, derived * weights[:, None]


def check_passages(
    data: Measurement | None, window: Any, levels: Any, H: Hamiltonian, varied: tuple[str, ...]
) -> Passages | None:
    """Return what is to be fitted besides lines, or raise `InputError`."""
    if data is None:
        if window is not None:
            raise fail("passage_window", "be left out without passages", "it would be ignored")
        return None
    instance("passages", data, Measurement)
    if data.error is None:
        raise fail("passages", "have errors, to be weighed against lines", "they have none")
    rates = data.coordinate("sweep_rate")
    if np.any(rates <= 0):
        raise fail("passages", "have positive sweep rates", f"one is {rates.min():g}")
    if window is None:
        raise fail("passage_window", "be given with passages", "it is not")
    ends = real_array("passage_window", window)
    if ends.shape != (2,) or ends[0] == ends[1]:
        raise fail("passage_window", "be two controls", f"it is {describe(window)}")
    if isinstance(H, FunctionHamiltonian):
        must = "be given by formulas to be fitted to passages"
        raise fail("H", must, "it is a Python function")
    if not isinstance(levels, (tuple, list)) or len(levels) != 2:
        raise fail("passage_levels", "be a pair of levels", f"it is {describe(levels)}")
    first, last = (level("passage_levels", one, H.dimension) for one in levels)
    return Passages(data, H, (float(ends[0]), float(ends[1])), (first, last), varied)
