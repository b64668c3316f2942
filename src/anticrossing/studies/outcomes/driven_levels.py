"""Driven levels that cross in sequence, as variables, tables and sentences."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table
from anticrossing.studies.outcomes.work import Work
from anticrossing.thermodynamics.sequential_exact import SequentialExact
from anticrossing.thermodynamics.sequential_ledger import SequentialLedger


@record
class DrivenLevelsOutcome(Outcome):
    """What came out of driven levels that cross in sequence.

    Attributes
    ----------
    experiment : DrivenLevelsStudy
    chain : SequentialLedger
        By independent crossings.
    exact : SequentialExact
        The exact evolution of the same levels.
    positions : array, shape (K, S)
        Energies of the driven levels at its times.
    work : Work or None
    scan : Scanned or None
    """

    experiment: Any
    chain: SequentialLedger
    exact: SequentialExact
    positions: FloatArray
    work: Work | None
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("time", "work_value", "work_bin")

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = ["the energies of the driven levels, and their occupations by crossings and exact"]
        if self.work is not None:
            shown.append("the distribution of the work and its fluctuation theorem")
        if self.scan is not None:
            shown.append(f"particles and work against the {self.scan.axis.label}")
        return "; ".join(shown)

    def figure(self) -> Any:
        """Draw levels, occupations, the work, and the scan."""
        from anticrossing.plot.driven_levels import figure

        return figure(self)

    def own_variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        system, chain, exact = self.experiment.system, self.chain, self.exact
        events = chain.events
        number = np.arange(self.positions.shape[1])
        found: dict[str, Variable] = {
            "time": Variable(("time",), exact.times, "time"),
            "driven_level": Variable(("driven_level",), number, "number of the driven level"),
            "level": Variable(("level",), chain.reservoir_energies, "energy of reservoir level"),
            "position": Variable(
                ("time", "driven_level"), self.positions, "energy of the driven level"
            ),
            "occupation": Variable(
                ("time", "driven_level"), exact.occupations, "occupation, exact"
            ),
            "reservoir_occupation": Variable(
                ("time", "level"), exact.reservoir_occupations, "occupation of the reservoir, exact"
            ),
            "work": Variable(("time",), exact.work, "work done so far, exact"),
            "heat": Variable(("time",), exact.heat, "heat from the reservoir so far, exact"),
            "coupling": Variable(("driven_level", "level"), system.couplings, "half the gap"),
            "crossing_time": Variable(("crossing_time",), events.times, "time of the crossing"),
            "crossing_driven_level": Variable(
                ("crossing_time",), events.system_levels, "driven level that crosses"
            ),
            "crossing_level": Variable(
                ("crossing_time",), events.reservoir_levels, "number of the level it crosses"
            ),
            "chain_diabatic_probability": Variable(
                ("crossing_time",),
                system.diabatic_probabilities,
                "probability to keep the diabatic state",
            ),
            "chain_occupation_after": Variable(
                ("crossing_time", "driven_level"),
                chain.system_occupations[1:],
                "occupation after the crossing, by crossings",
            ),
            "chain_heat": Variable(("crossing_time",), chain.heat, "heat at the crossing"),
            "chain_entropy_production": Variable(
                ("crossing_time",), chain.entropy_production[1:], "entropy produced so far"
            ),
            "exact_entropy_production": Variable(
                (), exact.entropy_production, "entropy produced in all, exact"
            ),
            "mutual_information": Variable(
                (), exact.mutual_information, "of levels and reservoir at the end, exact"
            ),
            "error_estimate": Variable(
                (), exact.error_estimate, "estimated error of the exact evolution"
            ),
        }
        if self.work is not None:
            found |= self.work.variables()
        return found

    def totals(self) -> dict[str, tuple[float, float]]:
        """Return what crossings and exact evolution both know of the whole drive, in that order."""
        chain, exact = self.chain, self.exact
        found = {
            f"final occupation of level {s}": (
                float(chain.system_occupations[-1, s]),
                float(exact.occupations[-1, s]),
            )
            for s in range(exact.levels)
        }
        received = float(np.sum(exact.occupations[-1] - exact.initial.occupations[: exact.levels]))
        return found | {
            "mechanical work": (float(chain.mechanical_work.sum()), float(exact.work[-1])),
            "chemical work": (
                float(chain.chemical_work.sum()),
                chain.chemical_potential * received,
            ),
            "heat from the reservoir": (float(chain.heat.sum()), float(exact.heat[-1])),
            "entropy production": (float(chain.entropy_production[-1]), exact.entropy_production),
        }

    def numbers(self) -> dict[str, Any]:
        """Return everything but the curves as nested dicts."""
        exact, system = self.exact, self.experiment.system
        work = {} if self.work is None else {"work": self.work.numbers()}
        return {
            "totals": {
                name: {"chain": pair[0], "exact": pair[1]} for name, pair in self.totals().items()
            },
            "exact": {
                "mutual_information": exact.mutual_information,
                "panels": exact.evolution.panels,
                "method": exact.evolution.method,
                "error_estimate": exact.error_estimate,
            },
            "checks": [check.summary() for check in system.checks],
            **work,
        }

    def own_tables(self) -> list[Table]:
        """Return totals, crossings, the work, and the conditions of the theory of crossings."""
        rows: list[tuple[Cell, ...]] = [
            (name, chain, exact, chain - exact) for name, (chain, exact) in self.totals().items()
        ]
        totals = Table(
            "the whole drive",
            ("", "crossings", "exact", "difference"),
            (*rows, ("mutual information", None, self.exact.mutual_information, None)),
            "The exact work is the change of the total energy, the couplings included; the exact "
            "entropy is that of all driven levels together.",
        )
        work = [] if self.work is None else [self.work.table()]
        return [totals, self._crossings_table(), *work, self._checks_table()]

    def _crossings_table(self) -> Table:
        chain, events = self.chain, self.chain.events
        rows: list[tuple[Cell, ...]] = []
        for k, (s, r) in enumerate(zip(events.system_levels, events.reservoir_levels, strict=True)):
            rows.append(
                (
                    float(events.times[k]),
                    int(s),
                    float(chain.reservoir_energies[r]),
                    float(self.experiment.system.diabatic_probabilities[k]),
                    float(chain.reservoir_occupations[k, r]),
                    float(chain.system_occupations[k, s]),
                    float(chain.system_occupations[k + 1, s]),
                    float(chain.entropy_production[k + 1]),
                )
            )
        return Table(
            "crossings",
            ("time", "driven level", "energy", "R", "n before", "p before", "p after", "Σ so far"),
            tuple(rows),
            "R: probability to keep the diabatic state; n: occupation of the reservoir level, p: "
            "of the driven level; Σ: entropy production.",
            empty="no reservoir level is met",
        )

    def _checks_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for check in self.experiment.system.checks:
            if np.size(check.value) == 0:
                continue
            good = bool(np.all(check.satisfied))
            relation = "≥" if check.at_least else "≤"
            limit = f"{relation} {check.limit:.3g}"
            message = "" if good else check.message
            rows.append((check.quantity, float(f"{check.worst:.3g}"), limit, good, message))
        return Table(
            "may the crossings be trusted?",
            ("condition", "value", "limit", "", "meaning"),
            tuple(rows),
        )

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        study = self.experiment
        work, exact_work = self.totals()["mechanical work"]
        apart = np.abs(self.chain.system_occupations[-1] - self.exact.occupations[-1]).max()
        domain = "Within" if study.trusted else "Outside"
        verdict = (
            f"{domain} their domain, independent crossings give the work {work:.6g}, and the exact "
            f"evolution {exact_work:.6g}; final occupations differ by up to {apart:.2g}."
        )
        notes = [
            str(check.message)
            for check in study.system.checks
            if np.size(check.value) and not np.all(check.satisfied)
        ]
        if self.chain.events.times.size == 0:
            notes.append("no reservoir level is met: the levels keep their occupations")
        if self.work is not None:
            notes.append(self.work.in_words())
        return Sentences(verdict, study.trusted, tuple(notes))
