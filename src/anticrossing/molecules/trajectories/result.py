"""The result of an ensemble of trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    index,
    instance,
    integer,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units, shown
from anticrossing.models.sharc import SharcModel
from anticrossing.models.xyz import write_xyz
from anticrossing.molecules.trajectories.mapping import mash_population
from anticrossing.molecules.trajectories.request import Request
from anticrossing.units import ENERGIES, NATURAL, TIMES, Units

if TYPE_CHECKING:
    import xarray

_MOST_MEANS = 20  # that are written out

REASONS = ("accepted", "frustrated", "reflected", "followed")
"""Of a hop: made; refused for want of energy, the momentum kept or turned around; or no hop at all,
the state having been followed through a crossing that the time step does not resolve."""

_MEANS = {
    "populations": (("time", "state"), "population of the adiabatic level", "1"),
    "electronic_populations": (("time", "state"), "mean |c|² of the adiabatic level", "1"),
    "diabatic_populations": (("time", "state"), "population of the diabatic state", "1"),
    "kinetic_energy": (("time",), "mean kinetic energy", "energy"),
    "energy": (("time",), "mean total energy", "energy"),
    "position": (("time", "coordinate"), "mean position", "coordinate"),
    "momentum": (("time", "coordinate"), "mean momentum", "ħ/coordinate"),
}


@dataclass(frozen=True, eq=False)
class Mean(Result):
    """A mean over trajectories and its standard error, of the same shape."""

    _variables: ClassVar = {
        "value": shown(text="mean over the trajectories"),
        "error": shown(text="standard error"),
    }

    value: FloatArray
    error: FloatArray

    def plot(self, ax: Any = None) -> Any:
        """Draw the means along their first axis with error bars, one line for each of the rest."""
        from anticrossing._core.drawing import new_axes

        ax = new_axes() if ax is None else ax
        values, errors = (np.atleast_1d(part) for part in (self.value, self.error))
        count = len(values)
        for one, error in zip(
            values.reshape(count, -1).T, errors.reshape(count, -1).T, strict=True
        ):
            ax.errorbar(np.arange(count), one, error, fmt="o-")
        return ax

    def __str__(self) -> str:
        if np.size(self.value) > _MOST_MEANS:
            return super().__str__()
        pairs = zip(np.ravel(self.value), np.ravel(self.error), strict=True)
        return ", ".join(f"{value:.4g} ± {error:.2g}" for value, error in pairs)

    @staticmethod
    def of_sums(total: FloatArray, squares: FloatArray, count: int) -> Mean:
        """Return the mean of `count` members, of which one alone has no standard error (NaN)."""
        if np.shape(total) != np.shape(squares):
            raise fail("squares", "have the shape of `total`", f"it is {describe(squares)}")
        mean = np.asarray(total) / integer("count", count, minimum=1, maximum=2**53)
        if count == 1:
            return Mean(mean, np.full_like(mean, np.nan))
        variance = np.maximum(np.asarray(squares) / count - mean**2, 0.0)
        return Mean(mean, np.sqrt(variance / (count - 1)))


@dataclass(frozen=True, eq=False)
class HopLog(Result):
    """Every hop, in the order of the trajectories; one entry per hop in each array.

    Attributes
    ----------
    trajectory, source, target : array of int
        Trajectory, and the levels before and after.
    time, energy : array
        When, and the total energy then, which an accepted hop keeps.
    reason : array of int
        Index into `REASONS`.
    lost : int
        Entries beyond the room that each trajectory had (`log`).
    reasons : tuple of str
        `REASONS`.
    """

    _variables: ClassVar = {
        "trajectory": shown("hop", text="trajectory"),
        "time": shown("hop", text="time of the hop", unit="time"),
        "source": shown("hop", text="level before"),
        "target": shown("hop", text="level after"),
        "energy": shown("hop", text="total energy", unit="energy"),
        "reason": shown("hop", text="index of the reason"),
        "lost": shown(text="hops that the log had no room for"),
    }

    trajectory: npt.NDArray[np.int64]
    time: FloatArray
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    energy: FloatArray
    reason: npt.NDArray[np.int64]
    lost: int
    units: Units = NATURAL
    reasons: ClassVar[tuple[str, ...]] = REASONS

    def plot(self, ax: Any = None) -> Any:
        """Draw how many hops of each reason fall into equal stretches of time."""
        from anticrossing._core.drawing import new_axes

        ax = new_axes() if ax is None else ax
        kinds = range(len(REASONS))
        ax.hist([self.time[self.reason == k] for k in kinds], 30, stacked=True, label=REASONS)
        ax.set(xlabel=self.units.label("time", "time"), ylabel="hops")
        ax.legend()
        return ax

    def __str__(self) -> str:
        counts = ", ".join(f"{self.count(reason)} {reason}" for reason in REASONS)
        return counts + (f" ({self.lost} not logged)" if self.lost else "")

    def count(self, reason: str) -> int:
        """Return the number of entries with this reason, one of `REASONS`."""
        return int(np.sum(self.reason == REASONS.index(choice("reason", reason, REASONS))))


@dataclass(frozen=True, eq=False)
class EnsembleResult(Result):
    """An ensemble of trajectories, as `run_trajectories` returns it.

    A trajectory that has left the box counts with its last values from then on. Everything is in
    the units of H.

    Attributes
    ----------
    times : array, shape (K,)
    populations : Mean, shape (K, N)
        The share of the trajectories on each adiabatic level, for Ehrenfest the mean |c_j|², for
        multi-state MASH 1/N + α(|c_j|² − 1/N) with α = (N − 1)/(1/2 + … + 1/N).
    electronic_populations : Mean, shape (K, N)
        The mean |c_j|²; agrees with `populations` where hopping is consistent.
    diabatic_populations : Mean or None, shape (K, N)
        For hopping ⟨j|ρ|j⟩ with the populations of the active levels and the coherences of the
        amplitudes; None for MASH, and for states that a program gives, which are adiabatic.
    kinetic_energy, energy : Mean, shape (K,)
        `energy` is the total.
    position, momentum : Mean, shape (K, f)
    final_positions, final_momenta : array, shape (count, f)
    final_levels : array of int, shape (count,)
        The active levels; for Ehrenfest they mean nothing.
    final_weights : array, shape (count, N)
        |c_j|² at the end.
    stop_times : array, shape (count,)
        When each trajectory left the box, or the end.
    energy_drift : array, shape (count,)
        The largest |E(t) − E(0)| of each trajectory over all steps.
    hops : HopLog
    seeds : array of uint64, shape (count,)
        The seed of each trajectory, which follows from `seed`.
    request : Request
        The arguments, checked, with every default filled in.
    compiled : bool
        Whether H ran as machine code (otherwise it was evaluated for all trajectories together).
    warnings : tuple of str
        How many trajectories ended before their time, and why, where a program gave the states;
        whether the energy drifts by more than 5 % of the mean kinetic energy, or with friction a
        tenth of the temperature: then `step` is too long.
    """

    times: FloatArray
    populations: Mean
    electronic_populations: Mean
    diabatic_populations: Mean | None
    kinetic_energy: Mean
    energy: Mean
    position: Mean
    momentum: Mean
    final_positions: FloatArray
    final_momenta: FloatArray
    final_levels: npt.NDArray[np.int64]
    final_weights: FloatArray
    stop_times: FloatArray
    energy_drift: FloatArray
    hops: HopLog
    seeds: npt.NDArray[np.uint64]
    request: Request
    compiled: bool
    _kept: FloatArray
    warnings: tuple[str, ...] = ()

    def channels(self, coordinate: int = 0) -> Mean:
        """Return the probabilities to have left the box on each side, on each level.

        Parameters
        ----------
        coordinate : int
            Which coordinate, from 0.

        Returns
        -------
        Mean, shape (3, N)
            Rows: below the lower bound of the coordinate (reflected, for a packet that comes from
            there), above the upper one (transmitted), and still between them.

        Raises
        ------
        InputError
            If the ensemble had no box, or there is no such coordinate.
        """
        coordinates = self.final_positions.shape[1]
        index("coordinate", coordinate, coordinates)
        low, high = self.request.box[:, coordinate]
        if not (np.isfinite(low) and np.isfinite(high)):
            raise InputError("Channels need a box: pass `box` to `run_trajectories`.")
        x = self.final_positions[:, coordinate]
        side = np.where(x < low, 0, np.where(x > high, 1, 2))
        if self.request.method == "ehrenfest":
            weights = self.final_weights
        elif self.request.method == "multi-state-mash":
            weights = mash_population(self.final_weights)
        else:
            weights = np.eye(self.final_weights.shape[1])[self.final_levels]
        each = (side[:, np.newaxis] == np.arange(3))[..., np.newaxis] * weights[:, np.newaxis]
        return Mean.of_sums(each.sum(axis=0), (each**2).sum(axis=0), len(x))

    def trajectories(self) -> xarray.Dataset:
        """Return the trajectories that were kept at the output times.

        Returns
        -------
        xarray.Dataset
            ``position`` and ``momentum`` (trajectory, time, coordinate), ``weight`` |c_j|²
            (trajectory, time, state), ``level``, ``kinetic_energy`` and ``potential_energy``
            (trajectory, time), in the units of the result.
        """
        from anticrossing._core import dataset

        names = self._coordinates()
        return dataset.make(names | self._kept_variables(), self._all_attributes())

    def variables(self) -> dict[str, Variable]:
        """Return means with errors, the hop log, the ends, and the trajectories that were kept."""
        units = self.units
        found = self._coordinates()
        for name, (dims, text, unit) in _MEANS.items():
            mean = getattr(self, name)
            if mean is not None:
                unit = in_units(unit, units)
                found[f"mean_{name}"] = Variable(dims, mean.value, text, unit)
                found[f"mean_{name}_error"] = Variable(dims, mean.error, "standard error", unit)
        found |= {f"hop_{name}": v for name, v in self.hops.variables().items()}
        for name, axes, values, text, unit in (
            ("seed", (), self.seeds, "seed of the trajectory", "1"),
            ("stop_time", (), self.stop_times, "when it left the box, or the end", "time"),
            ("energy_drift", (), self.energy_drift, "largest change of its energy", "energy"),
            ("final_level", (), self.final_levels, "active level at the end", "1"),
            ("final_weight", ("state",), self.final_weights, "|c|² at the end", "1"),
            ("final_position", ("coordinate",), self.final_positions, "at the end", "coordinate"),
            ("final_momentum", ("coordinate",), self.final_momenta, "at the end", "ħ/coordinate"),
        ):
            found[name] = Variable(("member", *axes), values, text, in_units(unit, units))
        return found | self._kept_variables()

    @property
    def units(self) -> Units:
        """The units of the Hamiltonian."""
        return self.request.hamiltonian.units

    def _coordinates(self) -> dict[str, Variable]:
        names = np.array(self.request.hamiltonian.coordinates, dtype=np.str_)
        levels = np.arange(self.final_weights.shape[1])
        return {
            "time": Variable(("time",), self.times, "time", in_units("time", self.units)),
            "state": Variable(("state",), levels, "the lowest first"),
            "coordinate": Variable(("coordinate",), names, "", ""),
        }

    def _kept_variables(self) -> dict[str, Variable]:
        kept, f, n = self._kept, self.final_positions.shape[1], self.final_weights.shape[1]
        found = {"trajectory": Variable(("trajectory",), np.arange(len(kept)), "that was kept")}
        for name, axes, values, text, unit in (
            ("position", ("coordinate",), kept[..., :f], "position", "coordinate"),
            ("momentum", ("coordinate",), kept[..., f : 2 * f], "momentum", "ħ/coordinate"),
            ("weight", ("state",), kept[..., 2 * f : 2 * f + n], "|c|²", "1"),
            ("level", (), kept[..., 2 * f + n].astype(np.int64), "active level", "1"),
            ("kinetic_energy", (), kept[..., 2 * f + n + 1], "kinetic energy", "energy"),
            ("potential_energy", (), kept[..., 2 * f + n + 2], "potential energy", "energy"),
        ):
            dims = ("trajectory", "time", *axes)
            found[name] = Variable(dims, values, text, in_units(unit, self.units))
        return found

    def write_xyz(self, path: str | Path, model: SharcModel, trajectory: int = 0) -> Path:
        """Write a trajectory that was kept as extended XYZ, one frame an output time.

        Positions in Å and the momenta of the atoms in the unit of ASE; in the comment lines the
        time (fs), the potential energy ``energy`` (eV) and the active level ``state`` from 0,
        which Ehrenfest trajectories do not have.

        Parameters
        ----------
        path : path
            The file to write, whole or not at all.
        model : SharcModel
            The molecule, the Hamiltonian of which the ensemble was run with.
        trajectory : int
            Which of those that were kept, from 0.

        Raises
        ------
        InputError
            If the ensemble was run with another Hamiltonian, the trajectory was not kept, or the
            file cannot be written.
        """
        instance("model", model, SharcModel)
        own, other = self.request.hamiltonian, model.hamiltonian
        if own.coordinates != other.coordinates or not np.array_equal(
            own(np.eye(len(own.coordinates))), other(np.eye(len(own.coordinates)))
        ):
            raise fail("model", "have the Hamiltonian of this ensemble", "it has another one")
        if integer("trajectory", trajectory, minimum=0) >= len(self._kept):
            raise fail("trajectory", f"be below {len(self._kept)}, what `keep` kept",
                       f"it is {trajectory}")  # fmt: skip
        one = self.trajectories().isel(trajectory=trajectory)
        electronvolt = ENERGIES[self.units.energy or "hartree"] / ENERGIES["eV"]
        info = {"energy": one.potential_energy.values * electronvolt}
        if self.request.method != "ehrenfest":
            info["state"] = one.level.values
        return write_xyz(
            path,
            model,
            one.position.values,
            times=self.times * (TIMES[self.units.time or "atomic"] / TIMES["fs"]),
            momenta=one.momentum.values,
            info=info,
        )

    def _attributes(self) -> dict[str, Any]:
        r = self.request
        return {
            "method": r.method, "hamiltonian": repr(r.hamiltonian), "step": r.step,
            # NetCDF holds integers of 64 bits, seeds may be longer.
            "seed": r.seed if r.seed < 2**63 else str(r.seed),
            "count": r.count, "hop_reasons": ", ".join(REASONS),
            **{k: v for k, v in (("rescaling", r.rescaling), ("frustrated", r.frustrated),
                                 ("decoherence", r.decoherence)) if v is not None},
        }  # fmt: skip

    def __str__(self) -> str:
        r, shown_time = self.request, self.units.time_text
        choices = [f"{k} {v}" for k, v in (("rescaling", r.rescaling), ("frustrated", r.frustrated),
                                           ("decoherence", r.decoherence)) if v]  # fmt: skip
        pairs = zip(self.populations.value[-1], self.populations.error[-1], strict=True)
        ends = ", ".join(f"{value:.4f} ± {error:.4f}" for value, error in pairs)
        return (
            f"{r.count} trajectories, {', '.join([r.method, *choices])}, seed {r.seed}"
            f"\n  time         0 to {shown_time(self.times[-1])}, step {shown_time(r.step)}"
            f"\n  populations  {ends}"
            f"\n  hops         {self.hops}"
            f"\n  energy drift {self.energy_drift.max():.1e} at most"
            + "".join(f"\n  Warning: {text}." for text in self.warnings)
        )
