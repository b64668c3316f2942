"""Reservoirs, and what they make of the energies of a system: heats, ratios, relaxation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    non_negative,
    of_shape,
    positive,
    real_array,
)
from anticrossing._core.unchanging import frozen

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Reservoir:
    """A reservoir of heat and particles, in equilibrium with itself at every step.

    Parameters
    ----------
    temperature : float or array, shape (steps,)
        Temperature ``T_ν`` (energy), positive.
    chemical_potential : float or array, shape (steps,)
        Chemical potential ``μ_ν`` (energy).
    name : str
        What the printed ledger calls it.

    Raises
    ------
    InputError
        If a temperature is not positive, or an array has more than one axis.

    Examples
    --------
    >>> Reservoir(0.5, name="cold").temperature
    array(0.5)
    """

    temperature: npt.ArrayLike
    chemical_potential: npt.ArrayLike = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise fail("name", "be text", f"it is {describe(self.name)}")
        for name, check in (("temperature", positive), ("chemical_potential", real_array)):
            values = check(name, getattr(self, name))
            if values.ndim > 1:
                raise fail(name, "be a number or one per step", f"its shape is {values.shape}")
            object.__setattr__(self, name, frozen(values))

    def at(self, steps: npt.NDArray[np.int64]) -> Reservoir:
        """Return the reservoir of a chain that makes these steps of the present one."""

        def taken(values: npt.ArrayLike) -> FloatArray:
            array = np.asarray(values)
            return array[steps] if array.ndim else array

        return Reservoir(taken(self.temperature), taken(self.chemical_potential), self.name)


@dataclass(frozen=True, eq=False)
class DrivenSystem:
    """Checked energies e(0) … e(steps) and reservoirs, and what follows from them alone."""

    energies: FloatArray
    reservoirs: tuple[Reservoir, ...]
    particle_numbers: FloatArray
    temperatures: FloatArray
    potentials: FloatArray

    @staticmethod
    def check(
        energies: npt.ArrayLike,
        reservoirs: Sequence[Reservoir],
        particle_numbers: npt.ArrayLike | None,
    ) -> DrivenSystem:
        e = real_array("energies", energies, ndim=2)
        if e.shape[0] < 2 or e.shape[1] < 1:
            raise fail(
                "energies", "have shape (steps + 1, states)", f"its shape is {np.shape(energies)}"
            )
        steps, states = e.shape[0] - 1, e.shape[1]
        if not isinstance(reservoirs, Sequence) or not reservoirs:
            raise fail("reservoirs", "list at least one Reservoir", f"it is {describe(reservoirs)}")
        parameters: dict[str, list[FloatArray]] = {"temperature": [], "chemical_potential": []}
        for index, reservoir in enumerate(reservoirs):
            if not isinstance(reservoir, Reservoir):
                raise fail(
                    "reservoirs", "list Reservoirs", f"item {index} is {describe(reservoir)}"
                )
            for name, rows in parameters.items():
                values = np.asarray(getattr(reservoir, name))
                if values.shape not in ((), (steps,)):
                    raise fail(
                        "reservoirs",
                        f"give one {name.replace('_', ' ')}, or one for each of {steps} steps",
                        f"item {index} has shape {values.shape}",
                    )
                rows.append(np.broadcast_to(values, steps))
        potentials = np.stack(parameters["chemical_potential"], axis=-1)
        if particle_numbers is None:
            if np.any(potentials != 0):
                raise fail(
                    "particle_numbers", "be given with a chemical potential", "it is missing"
                )
            numbers = np.zeros(states)
        else:
            given = real_array("particle_numbers", particle_numbers)
            numbers = of_shape("particle_numbers", given, (states,))
        temperatures = np.stack(parameters["temperature"], axis=-1)
        return DrivenSystem(e, tuple(reservoirs), numbers, temperatures, potentials)

    @property
    def steps(self) -> int:
        return self.energies.shape[0] - 1

    @property
    def states(self) -> int:
        return self.energies.shape[1]

    @property
    def exchange(self) -> FloatArray:
        """Heat (e_m − e_m′) − μ_ν (n_m − n_m′) that a jump takes in, (steps, R, M, M)."""
        grand = self.energies[:-1, None, :] - self.potentials[..., None] * self.particle_numbers
        return grand[..., :, None] - grand[..., None, :]

    def per_pair(self, name: str, value: npt.ArrayLike) -> FloatArray:
        """Return non-negative numbers for each step, reservoir and pair, (steps, R, M, M)."""
        array = non_negative(name, value)
        shape = (len(self.reservoirs), self.states, self.states)
        of_shape(name, array, shape, (self.steps, *shape))
        return np.broadcast_to(array, (self.steps, *shape))

    def symmetric(self, name: str, value: npt.ArrayLike) -> FloatArray:
        array = self.per_pair(name, value)
        if np.any(array != array.swapaxes(-1, -2)):
            raise fail(name, "be symmetric in the two states", "it is not")
        if np.any(np.diagonal(array, axis1=-2, axis2=-1) != 0):
            raise fail(name, "be zero on the diagonal", "it is not")
        return array

    def heat_bath(self, strength: FloatArray) -> FloatArray:
        return np.asarray(strength * expit(-self.exchange / self.temperatures[..., None, None]))


def log_ratios(matrices: FloatArray, predicted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ln(M/Mᵀ), zero where both vanish, and its distance from the prediction.

    Where the smaller of the two should lie below the range of normal floats, its logarithm says
    nothing, and the prediction stands in for it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(matrices)
        reverse = logs.swapaxes(-1, -2)
        ratio = np.where(logs == reverse, 0.0, logs - reverse)
        smaller = np.where(logs >= reverse, logs - predicted, reverse + predicted)
    lost = (np.minimum(logs, reverse) < np.log(_TINY)) & (smaller < np.log(_TINY))
    neither = np.isneginf(logs) & np.isneginf(reverse)
    ratio = np.where(lost & ~neither, predicted, ratio)
    diagonal = np.eye(matrices.shape[-1], dtype=bool)
    return ratio, np.where(neither | diagonal, 0.0, np.abs(ratio - predicted))


def relax(flows: FloatArray) -> FloatArray:
    """Return the exponential of the generators whose off-diagonal elements are `flows` (s, M, M).

    A Taylor series of the generator shifted to non-negative elements, and squaring: nothing is
    subtracted, so that small elements, too, have a small relative error and obey detailed balance.
    """
    identity = np.eye(flows.shape[-1])
    leaving = flows.sum(axis=-2, keepdims=True)
    shift = leaving.max(axis=-1, keepdims=True)
    squarings = max(0, int(np.ceil(np.log2(max(float(np.max(shift)), 1.0)))))
    shifted = (flows + identity * (shift - leaving)) / 2.0**squarings
    matrix = term = np.broadcast_to(identity, flows.shape)
    for order in range(1, 31):
        term = shifted @ term / order
        matrix = matrix + term
    matrix = matrix / matrix.sum(axis=-2, keepdims=True)
    for _ in range(squarings):
        matrix = matrix @ matrix
        matrix = matrix / matrix.sum(axis=-2, keepdims=True)
    return np.asarray(matrix)
