"""An ensemble of trajectories as variables, numbers, tables and sentences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.molecules.trajectories import REASONS, EnsembleResult, Mean
from anticrossing.studies import motion
from anticrossing.studies.motion import rough
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table

SIDES = (*motion.SIDES, "inside")
_DRIFT = 0.01  # of the kinetic energy
_CONSISTENT = 5.0  # standard errors between two ways to count populations that are still noise
_MEANINGS = {
    "accepted": "made",
    "frustrated": "refused for want of energy, the momentum kept",
    "reflected": "refused for want of energy, the momentum turned around",
    "followed": "no hop: a crossing that the time step does not resolve",
}


@record
class TrajectoriesOutcome(Outcome):
    """What came out of an ensemble of trajectories.

    Attributes
    ----------
    experiment : TrajectoriesStudy
    ensemble : EnsembleResult
    scan : Scanned or None
    """

    experiment: Any
    ensemble: EnsembleResult
    scan: Scanned | None

    @property
    def channels(self) -> dict[str, Mean]:
        """For each coordinate with a box: probabilities below, above and inside it, (3, N)."""
        if not self.experiment.bounded:
            return {}
        names = self.experiment.hamiltonian.coordinates
        return {name: self.ensemble.channels(k) for k, name in enumerate(names)}

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = "the populations of the levels against time with their standard errors"
        kept = "trajectories that were kept, coloured by their level"
        ends = "where the trajectories end"
        return f"{shown}; {kept if self.ensemble.request.keep else ends}"

    def figure(self) -> Any:
        """Draw populations and the paths that were kept."""
        from anticrossing.plot.motion import trajectories_figure

        return trajectories_figure(self)

    def _attributes(self) -> dict[str, Any]:
        return {**self.ensemble._attributes(), **super()._attributes()}

    def own_variables(self) -> dict[str, Variable]:
        """Return means with their errors, channels, hops, and the trajectories that were kept."""
        found = dict(self.ensemble.variables())
        dims = ("side", "state")
        for name, mean in self.channels.items():
            found[f"channel_{name}"] = Variable(dims, mean.value, "probability by side of the box")
            found[f"channel_{name}_error"] = Variable(dims, mean.error, "standard error")
            found["side"] = Variable(("side",), list(SIDES), "", "")
        return found

    def numbers(self) -> dict[str, Any]:
        """Return everything but the curves as nested dicts."""
        ensemble = self.ensemble
        request, hops = ensemble.request, ensemble.hops
        found: dict[str, Any] = {
            "trajectories": {
                "method": request.method,
                "rescaling": request.rescaling,
                "frustrated": request.frustrated,
                "decoherence": request.decoherence,
                "decoherence_energy": request.decoherence_energy,
                "count": request.count,
                "seed": request.seed,
                "time_unit": self.experiment.time_unit,
                "step": request.step,
                "steps": request.steps,
            },
            "populations": _last(ensemble.populations),
            "electronic_populations": _last(ensemble.electronic_populations),
            "channels": {
                name: {
                    side: {"value": mean.value[k], "error": mean.error[k]}
                    for k, side in enumerate(SIDES)
                }
                for name, mean in self.channels.items()
            },
            "hops": {**{reason: hops.count(reason) for reason in REASONS}, "not_logged": hops.lost},
            "energy": {
                "initial": ensemble.energy.value[0],
                "largest_drift": ensemble.energy_drift.max(),
                "mean_drift": ensemble.energy_drift.mean(),
            },
        }
        if ensemble.diabatic_populations is not None:
            found["diabatic_populations"] = _last(ensemble.diabatic_populations)
        return found

    def own_tables(self) -> list[Table]:
        """Return all tables."""
        found = [self._populations_table()]
        count = self.ensemble.request.count
        found += [_channels_table(name, mean, count) for name, mean in self.channels.items()]
        found += [self._hops_table(), self._energy_table()]
        return found

    def _populations_table(self) -> Table:
        ensemble = self.ensemble
        means = {"population": ensemble.populations, "mean |c|²": ensemble.electronic_populations}
        if ensemble.diabatic_populations is not None:
            means["diabatic"] = ensemble.diabatic_populations
        rows = []
        for level in range(ensemble.populations.value.shape[1]):
            pairs = [_estimate(m.value[-1, level], m.error[-1, level]) for m in means.values()]
            rows.append((level, *(cell for pair in pairs for cell in pair)))
        return Table(
            "populations at the end",
            # The headings of the columns of errors must differ.
            ("level", *(head for k, name in enumerate(means) for head in (name, "±" + " " * k))),
            tuple(rows),
            "Of adiabatic levels, the lowest first, but for the diabatic ones; ± one standard "
            "error. The mean |c|² of the amplitudes agrees with the population where hopping is "
            "consistent.",
        )

    def _hops_table(self) -> Table:
        hops, count = self.ensemble.hops, self.ensemble.request.count
        rows: list[tuple[Cell, ...]] = [
            (reason, hops.count(reason), hops.count(reason) / count, _MEANINGS[reason])
            for reason in REASONS
        ]
        if hops.lost:
            rows.append(("not logged", hops.lost, hops.lost / count, "beyond the room of the log"))
        return Table("hops", ("reason", "count", "per trajectory", "meaning"), tuple(rows))

    def _energy_table(self) -> Table:
        ensemble = self.ensemble
        drift = ensemble.energy_drift
        return Table(
            "energy",
            ("", "value"),
            (
                ("mean at the start", float(f"{ensemble.energy.value[0]:.6g}")),
                ("mean at the end", float(f"{ensemble.energy.value[-1]:.6g}")),
                ("largest drift of a trajectory", rough(drift.max())),
                ("mean drift", rough(drift.mean())),
            ),
            "Drift: the largest change of a trajectory's energy over all steps.",
        )

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        ensemble = self.ensemble
        request = ensemble.request
        when = f"At t = {self.experiment.shown_time(ensemble.times[-1])}"
        pairs = zip(ensemble.populations.value[-1], ensemble.populations.error[-1], strict=True)
        shown = ", ".join(f"P{n} = {_said(*pair)}" for n, pair in enumerate(pairs))
        notes = [
            "the standard errors are those of sampling; that of the method itself only an exact "
            "packet shows ([packet])"
        ]
        drift, moving = (
            float(ensemble.energy_drift.max()),
            float(ensemble.kinetic_energy.value.max()),
        )
        conserved = drift <= _DRIFT * moving
        if not conserved:
            notes.append(
                f"the energy of a trajectory changes by up to {drift:.1e}, over {_DRIFT:.0%} of "
                "the kinetic energy: take a smaller `step`"
            )
        apart = self._inconsistency()
        if apart is not None:
            notes.append(
                f"populations and mean |c|² differ by up to {apart:.3f} on the way: the ensemble "
                "is not consistent with its amplitudes (`decoherence` may help)"
            )
        if self.experiment.bounded:
            low, high = request.box
            x = ensemble.final_positions
            inside = int(np.sum(np.all((x >= low) & (x <= high), axis=1)))
            if inside:
                notes.append(f"{inside} of {request.count} trajectories are still inside the box")
        return Sentences(f"{when} {request.method} gives {shown}.", conserved, tuple(notes))

    def _inconsistency(self) -> float | None:
        """Return how far active levels and amplitudes are apart, None if that may be noise."""
        ensemble = self.ensemble
        if ensemble.request.method != "fssh" or ensemble.request.count < 2:
            return None
        count = ensemble.request.count
        active, electronic = ensemble.populations.value, ensemble.electronic_populations.value
        # Where the two agree, the trajectories on a level are binomial about the mean |c|².
        noise = np.sqrt(np.clip(electronic * (1 - electronic), 0.0, None) / count)
        apart = np.abs(active - electronic)
        beyond = apart > _CONSISTENT * (noise + 1 / count)
        return float(apart[beyond].max()) if beyond.any() else None


def _last(mean: Mean) -> dict[str, Any]:
    return {"value": mean.value[-1], "error": mean.error[-1]}


def _channels_table(name: str, mean: Mean, count: int) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (side, level, *_estimate(mean.value[k, level], mean.error[k, level]))
        for k, side in enumerate(SIDES)
        for level in range(mean.value.shape[1])
    ]
    return Table(
        f"channels along {name}",
        ("side of the box", "level", "probability", "±"),
        tuple(rows),
        "Of a packet that came from below, what is below was reflected, what is above transmitted. "
        f"A channel that none of {count} trajectories took has a probability below {3 / count:.2g} "
        "(with 95 % confidence).",
    )


def _estimate(value: float, error: float) -> tuple[float, float | None]:
    """Return a mean and its standard error with the digits worth reading."""
    if not error > 0:  # none, or, of a single trajectory, unknown
        return float(f"{value:.5g}"), 0.0 if error == 0 else None
    digits = 1 - math.floor(math.log10(error))
    return round(float(value), digits), rough(error)


def _said(value: float, error: float) -> str:
    """Return a population with its standard error, which a single trajectory does not have."""
    return f"{value:.4f}" + (f" ± {error:.4f}" if math.isfinite(error) else "")
