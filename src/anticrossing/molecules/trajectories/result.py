"""What an ensemble of trajectories gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    require,
)
from anticrossing._core.files import path_of, write_netcdf
from anticrossing.models.sharc import SharcModel
from anticrossing.models.xyz import write_xyz
from anticrossing.molecules.trajectories.request import Request
from anticrossing.units import ENERGIES, TIMES

if TYPE_CHECKING:
    import xarray

REASONS = ("accepted", "frustrated", "reflected", "followed")
"""Of a hop: made; refused for want of energy, the momentum kept or turned around; or no hop at all,
the state having been followed through a crossing that the time step does not resolve."""

TIME_VARIABLES = ("time", "hop_time", "stop_time")
"""What is a time in the dataset of an ensemble."""
_PLACES = ("position", "mean_position", "mean_position_error", "final_position")
_MOMENTA = ("momentum", "mean_momentum", "mean_momentum_error", "final_momentum")
_ENERGIES = (
    "mean_energy",
    "mean_energy_error",
    "mean_kinetic_energy",
    "mean_kinetic_energy_error",
    "kinetic_energy",
    "potential_energy",
    "hop_energy",
    "energy_drift",
)


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean over trajectories and its standard error, of the same shape."""

    value: FloatArray
    error: FloatArray

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
class HopLog:
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
    """

    trajectory: npt.NDArray[np.int64]
    time: FloatArray
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    energy: FloatArray
    reason: npt.NDArray[np.int64]
    lost: int

    def count(self, reason: str) -> int:
        """Return the number of entries with this reason, one of `REASONS`."""
        return int(np.sum(self.reason == REASONS.index(choice("reason", reason, REASONS))))


@dataclass(frozen=True, eq=False)
class EnsembleResult:
    """An ensemble of trajectories, as `run_trajectories` returns it.

    A trajectory that has left the box counts with its last values from then on. Times are in units
    of ħ over the energy unit of H, energies in that unit.

    Attributes
    ----------
    times : array, shape (K,)
    populations : Mean, shape (K, N)
        Of the adiabatic levels: trajectories on each level, for Ehrenfest the mean |c_j|².
    electronic_populations : Mean, shape (K, N)
        The mean |c_j|²; agrees with `populations` where hopping is consistent.
    diabatic_populations : Mean or None, shape (K, N)
        For hopping ⟨j|ρ|j⟩ with the populations of the active levels and the coherences of the
        amplitudes; None for MASH.
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
        The seeds of the trajectories' own random numbers, which follow from `seed`.
    request : Request
        The arguments.
    compiled : bool
        Whether H ran as machine code (otherwise it was evaluated for all trajectories together).
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
        if integer("coordinate", coordinate, minimum=0) >= coordinates:
            raise fail("coordinate", f"be below {coordinates}", f"it is {coordinate}")
        low, high = self.request.box[:, coordinate]
        if not (np.isfinite(low) and np.isfinite(high)):
            raise InputError("Channels need a box: pass `box` to `run_trajectories`.")
        x = self.final_positions[:, coordinate]
        side = np.where(x < low, 0, np.where(x > high, 1, 2))
        if self.request.method == "ehrenfest":
            weights = self.final_weights
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
        xarray = require("xarray", "files", "A dataset")

        f, n = self.final_positions.shape[1], self.final_weights.shape[1]
        kept, names = self._kept, list(self.request.hamiltonian.coordinates)
        dims = ("trajectory", "time")
        return xarray.Dataset(
            {
                "position": ((*dims, "coordinate"), kept[..., :f]),
                "momentum": ((*dims, "coordinate"), kept[..., f : 2 * f]),
                "weight": ((*dims, "state"), kept[..., 2 * f : 2 * f + n]),
                "level": (dims, kept[..., 2 * f + n].astype(np.int64)),
                "kinetic_energy": (dims, kept[..., 2 * f + n + 1]),
                "potential_energy": (dims, kept[..., 2 * f + n + 2]),
            },
            coords={
                "trajectory": np.arange(kept.shape[0]),
                "time": self.times,
                "coordinate": names,
                "state": np.arange(n),
            },
            attrs=self._attributes(),
        )

    def to_dataset(self) -> xarray.Dataset:
        """Return means with their errors, the hop log, and the trajectories that were kept."""
        xarray = require("xarray", "files", "A dataset")

        dims = {"populations": ("time", "state"), "electronic_populations": ("time", "state"),
                "diabatic_populations": ("time", "state"), "kinetic_energy": ("time",),
                "energy": ("time",), "position": ("time", "coordinate"),
                "momentum": ("time", "coordinate")}  # fmt: skip
        data: dict[str, Any] = {}
        for name, axes in dims.items():
            mean = getattr(self, name)
            if mean is not None:
                data[f"mean_{name}"] = (axes, mean.value)
                data[f"mean_{name}_error"] = (axes, mean.error)
        for name in ("trajectory", "time", "source", "target", "energy", "reason"):
            data[f"hop_{name}"] = (("hop",), getattr(self.hops, name))
        for name, axes, values in (
            ("seed", (), self.seeds),
            ("stop_time", (), self.stop_times),
            ("energy_drift", (), self.energy_drift),
            ("final_level", (), self.final_levels),
            ("final_weight", ("state",), self.final_weights),
            ("final_position", ("coordinate",), self.final_positions),
            ("final_momentum", ("coordinate",), self.final_momenta),
        ):
            data[name] = (("member", *axes), values)
        kept = self.trajectories()
        found = xarray.merge(
            [kept, xarray.Dataset(data, attrs=self._attributes())], combine_attrs="override"
        )
        units = self.request.hamiltonian.units
        momentum = f"ħ/{units.coordinate}" if units.coordinate else ""
        for names, unit in (
            (TIME_VARIABLES, units.natural_time),
            (_PLACES, units.coordinate),
            (_MOMENTA, momentum),
            (_ENERGIES, units.energy),
        ):
            for name in names:
                found[name].attrs["units"] = unit or "1"
        return found

    def write(self, path: str | Path) -> Path:
        """Write `to_dataset` to a NetCDF file that xarray reads, complete or not at all.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        target, data = path_of("path", path), self.to_dataset()
        write_netcdf(target, data)
        return target

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
        if not isinstance(model, SharcModel):
            raise fail("model", "be a SharcModel", f"it is {describe(model)}")
        own, other = self.request.hamiltonian, model.hamiltonian
        if own.coordinates != other.coordinates or not np.array_equal(
            own(np.eye(len(own.coordinates))), other(np.eye(len(own.coordinates)))
        ):
            raise fail("model", "have the Hamiltonian of this ensemble", "it has another one")
        if integer("trajectory", trajectory, minimum=0) >= len(self._kept):
            raise fail("trajectory", f"be below {len(self._kept)}, what `keep` kept",
                       f"it is {trajectory}")  # fmt: skip
        one = self.trajectories().isel(trajectory=trajectory)
        electronvolt = ENERGIES["hartree"] / ENERGIES["eV"]
        info = {"energy": one.potential_energy.values * electronvolt}
        if self.request.method != "ehrenfest":
            info["state"] = one.level.values
        return write_xyz(
            path,
            model,
            one.position.values,
            times=self.times * (TIMES["atomic"] / TIMES["fs"]),
            momenta=one.momentum.values,
            info=info,
        )

    def _attributes(self) -> dict[str, Any]:
        r = self.request
        return {
            "method": r.method, "hamiltonian": repr(r.hamiltonian), "dt": r.dt,
            # NetCDF holds integers of 64 bits, seeds may be longer.
            "seed": r.seed if r.seed < 2**63 else str(r.seed),
            "count": r.count, "hop_reasons": ", ".join(REASONS),
            **{k: v for k, v in (("rescaling", r.rescaling), ("frustrated", r.frustrated),
                                 ("decoherence", r.decoherence)) if v is not None},
        }  # fmt: skip

    def __str__(self) -> str:
        r, hops = self.request, self.hops
        choices = [f"{k} {v}" for k, v in (("rescaling", r.rescaling), ("frustrated", r.frustrated),
                                           ("decoherence", r.decoherence)) if v]  # fmt: skip
        pairs = zip(self.populations.value[-1], self.populations.error[-1], strict=True)
        ends = ", ".join(f"{value:.4f} ± {error:.4f}" for value, error in pairs)
        counts = ", ".join(f"{hops.count(reason)} {reason}" for reason in REASONS)
        lost = f" ({hops.lost} not logged)" if hops.lost else ""
        return (
            f"{r.count} trajectories, {', '.join([r.method, *choices])}, seed {r.seed}"
            f"\n  time         0 to {self.times[-1]:g}, dt {r.dt:g}"
            f"\n  populations  {ends}"
            f"\n  hops         {counts}{lost}"
            f"\n  energy drift {self.energy_drift.max():.1e} at most"
        )
