"""A driven level as variables, numbers, tables and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table
from anticrossing.studies.outcomes.work import Work
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.equilibrium import fermi
from anticrossing.thermodynamics.exact import ExactLedger


@record
class DrivenLevelOutcome(Outcome):
    """What came out of a driven level.

    Attributes
    ----------
    experiment : DrivenLevelStudy
    chain : ChainLedger
        The Landau-Zener chain.
    exact : ExactLedger
        The exact evolution at `positions`.
    positions : array, shape (K,)
        Energies of the level at the sampled times.
    work : Work or None
    scan : Scanned or None
    """

    experiment: Any
    chain: ChainLedger
    exact: ExactLedger
    positions: FloatArray
    work: Work | None
    scan: Scanned | None

    @property
    def equilibrium(self) -> FloatArray:
        """The occupation in equilibrium at `positions`, (K,)."""
        system = self.experiment.system
        return fermi(
            self.positions,
            temperature=system.temperature,
            chemical_potential=system.chemical_potential,
        )

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = ["the occupation of the level and the entropy production, chain and exact"]
        if self.work is not None:
            shown.append("the distribution of the work")
        if self.scan is not None:
            shown.append(f"occupation and entropy production against the {self.scan.axis.label}")
        return "; ".join(shown)

    def _attributes(self) -> dict[str, Any]:
        system = self.experiment.system
        work = {} if self.work is None else {"work_scheme": self.work.question.scheme}
        return {
            **super()._attributes(),
            **work,
            "beta": system.beta,
            "chemical_potential": system.chemical_potential,
            "initial_occupation": float(self.chain.occupations[0]),
        }

    def figure(self) -> Any:
        """Draw occupation and entropy production, the work, and the scan."""
        from anticrossing.plot.driven_level import figure

        return figure(self)

    def own_variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        system, chain, exact = self.experiment.system, self.chain, self.exact
        found: dict[str, Variable] = {
            "time": Variable(("time",), exact.times, "time"),
            "level": Variable(("level",), system.levels, "energy of the reservoir level"),
            "crossing": Variable(("crossing",), chain.positions[1:-1], "level crossed"),
            "position": Variable(("time",), self.positions, "energy of the driven level"),
            "occupation": Variable(
                ("time",), exact.occupations, "occupation of the driven level, exact"
            ),
            "work": Variable(("time",), exact.work, "work done so far, exact"),
            "heat": Variable(("time",), exact.heat, "heat from the reservoir so far, exact"),
            "entropy_production": Variable(
                ("time",), exact.entropy_production, "entropy production so far, exact"
            ),
            "reservoir_occupation": Variable(
                ("time", "level"), exact.reservoir_occupations, "occupation of the reservoir, exact"
            ),
            "coupling": Variable(("level",), system.couplings, "half the gap"),
            "speed": Variable(("level",), system.rates, "rate of the driven level"),
            "chain_diabatic_probability": Variable(
                ("crossing",),
                chain.diabatic_probabilities,
                "probability to keep the diabatic state",
            ),
            "chain_occupation_before": Variable(
                ("crossing",), chain.occupations[:-1], "occupation of the driven level, chain"
            ),
            "chain_occupation_after": Variable(
                ("crossing",), chain.occupations[1:], "occupation of the driven level, chain"
            ),
            "chain_heat": Variable(("crossing",), chain.heat[1:], "heat at the crossing, chain"),
            "chain_entropy_production": Variable(
                ("crossing",), chain.entropy_production[1:], "entropy production, chain"
            ),
            "mutual_information": Variable(
                (), exact.mutual_information, "of level and reservoir at the end, exact"
            ),
            "error_estimate": Variable(
                (), exact.evolution.error_estimate, "estimated error of the exact evolution"
            ),
        }
        if self.work is not None:
            found |= self.work.variables()
        return found

    def totals(self) -> dict[str, tuple[float, float]]:
        """Return what chain and exact evolution both know about the whole drive, in that order."""
        chain, exact = self.chain, self.exact
        sums = chain.totals
        received = exact.occupations[-1] - exact.initial.occupations[0]
        change = exact.entropy_production[-1] + exact.beta * exact.heat[-1]
        return {
            "final occupation": (float(chain.occupations[-1]), float(exact.occupations[-1])),
            "mechanical work": (float(sums.mechanical_work), float(exact.work[-1])),
            "chemical work": (
                float(sums.chemical_work),
                float(exact.chemical_potential * received),
            ),
            "heat from the reservoir": (float(sums.heat), float(exact.heat[-1])),
            "entropy change of the level": (float(sums.entropy_change), float(change)),
            "entropy production": (
                float(sums.entropy_production),
                float(exact.entropy_production[-1]),
            ),
        }

    def numbers(self) -> dict[str, Any]:
        """Return everything but the curves as nested dicts."""
        study, chain, exact = self.experiment, self.chain, self.exact
        system = study.system
        work = {} if self.work is None else {"work": self.work.numbers()}
        return {
            "system": {
                "levels": system.levels,
                "couplings": system.couplings,
                "rate": system.rates,
                "beta": system.beta,
                "chemical_potential": system.chemical_potential,
                "start": system.start,
                "stop": system.stop,
                "initial_occupation": float(chain.occupations[0]),
            },
            "totals": {
                name: {"chain": pair[0], "exact": pair[1]} for name, pair in self.totals().items()
            },
            "crossings": {
                "position": chain.positions[1:-1],
                "diabatic_probability": chain.diabatic_probabilities,
                "reservoir_occupation": chain.reservoir_occupations,
                "occupation_before": chain.occupations[:-1],
                "occupation_after": chain.occupations[1:],
                "entropy_production": chain.entropy_production[1:],
            },
            "exact": {
                "mutual_information": exact.mutual_information,
                "panels": exact.evolution.panels,
                "error_estimate": exact.evolution.error_estimate,
            },
            "regime": system.chain.regime,
            "checks": [check.summary() for check in system.checks],
            **work,
        }

    def scan_numbers(self, scan: Scanned) -> dict[str, Any]:
        """Return chain and exact evolution along the scan, for JSON."""
        return {
            **scan.numbers(),
            "inside_domain": _trusted(scan),
            **{
                name: {"chain": scan[f"chain_{name}"], "exact": scan[name]}
                for name in ("occupation", "entropy_production")
            },
        }

    def own_tables(self) -> list[Table]:
        """Return all tables, those of the work and the scan if there are any."""
        found = [self._totals_table(), self._crossings_table()]
        if self.work is not None:
            found.append(self.work.table())
        found.append(self._checks_table())
        return found

    def _totals_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = [
            (name, chain, exact, chain - exact) for name, (chain, exact) in self.totals().items()
        ]
        return Table(
            "the whole drive",
            ("", "chain", "exact", "difference"),
            (*rows, ("mutual information", None, self.exact.mutual_information, None)),
            "The exact work is the change of the total energy, the couplings included.",
        )

    def _crossings_table(self) -> Table:
        chain = self.chain
        couplings = self.experiment.system.chain.couplings
        columns = zip(
            chain.positions[1:-1].tolist(),
            couplings.tolist(),
            chain.diabatic_probabilities.tolist(),
            chain.reservoir_occupations.tolist(),
            chain.occupations[:-1].tolist(),
            chain.occupations[1:].tolist(),
            chain.entropy_production[1:].tolist(),
            strict=True,
        )
        return Table(
            "crossings of the chain",
            ("energy", "coupling", "R", "f", "p before", "p after", "entropy production"),
            tuple(columns),
            "R: probability to keep the diabatic state; f: occupation of the reservoir level "
            "before its crossing; p: occupation of the driven level.",
        )

    def _checks_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for check in self.experiment.system.checks:
            good = bool(np.all(check.satisfied))
            relation = "≥" if check.at_least else "≤"
            rows.append(
                (
                    check.quantity,
                    float(f"{check.worst:.3g}"),
                    f"{relation} {check.limit:.3g}",
                    good,
                    "" if good else check.message,
                )
            )
        return Table(
            "may the chain be trusted?", ("condition", "value", "limit", "", "meaning"), tuple(rows)
        )

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        checks, trusted = self.experiment.system.checks, self.experiment.trusted
        found = self.totals()
        p, exact_p = found["final occupation"]
        s, exact_s = found["entropy production"]
        domain = "Within" if trusted else "Outside"
        verdict = (
            f"{domain} its domain, the Landau–Zener chain gives the occupation {p:.6f} and the "
            f"entropy production {s:.6g}; the exact answers are {exact_p:.6f} and {exact_s:.6g}."
        )
        missed = [str(check.message) for check in checks[-1:] if not np.all(check.satisfied)]
        notes = [*missed, self._regime()]
        if self.work is not None:
            notes.append(self.work.in_words())
        return Sentences(verdict, trusted, tuple(notes))

    def scan_table(self, scan: Scanned) -> Table:
        """Return chain and exact evolution along the scan."""
        rows = zip(
            scan.axis.values.tolist(),
            scan["chain_occupation"].tolist(),
            scan["occupation"].tolist(),
            scan["chain_entropy_production"].tolist(),
            scan["entropy_production"].tolist(),
            _trusted(scan).tolist(),
            strict=True,
        )
        return Table(
            "scan",
            (
                scan.axis.parameter,
                "occupation, chain",
                "occupation, exact",
                "entropy production, chain",
                "entropy production, exact",
                "domain",
            ),
            tuple(rows),
            detail=True,
        )

    def scan_sentence(self, scan: Scanned) -> str:
        """Return where the chain is within its domain, and how far off it is."""
        trusted = _trusted(scan)
        apart = np.abs(scan["chain_occupation"] - scan["occupation"])
        text = f"{scan.axis}: the chain is "
        if not trusted.any():
            off = np.nanmax(apart)
            return text + f"nowhere within its domain; its occupation is off by up to {off:.2g}"
        where = "everywhere" if trusted.all() else f"at {int(trusted.sum())} of them"
        return text + (
            f"within its domain {where}, and its occupation is off there by up to "
            f"{apart[trusted].max():.2g}"
        )

    def _regime(self) -> str:
        kept = self.chain.diabatic_probabilities
        if kept.size == 0:
            return "no reservoir level is met: the level keeps its occupation in the chain"
        low, high = f"{kept.min():.4g}", f"{kept.max():.4g}"
        span = low if low == high else f"{low} … {high}"
        return f"R = {span} at the crossings (regime: {self.experiment.system.chain.regime})"


def _trusted(scan: Scanned) -> Any:
    """Return where every condition of the chain holds."""
    return np.asarray(scan["inside_domain"]) == 1
