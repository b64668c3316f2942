"""A driven level as variables, numbers, tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.variables import Variable
from anticrossing.studies.outcome import Cell, Scanned, Sentences, Table

if TYPE_CHECKING:
    from anticrossing.studies.kinds.driven_level import DrivenLevelOutcome, Work

METHOD_NAMES = {"landau-zener": "chain", "exact": "exact"}
_METHODS = tuple(METHOD_NAMES)


# ---- variables --------------------------------------------------------------------------------


def variables(result: DrivenLevelOutcome) -> dict[str, Variable]:
    """Return everything, for the dataset."""
    system, chain, exact = result.experiment.system, result.chain, result.exact
    found: dict[str, Variable] = {
        "time": Variable(("time",), exact.times, "time"),
        "level": Variable(("level",), system.levels, "energy of the reservoir level"),
        "crossing": Variable(("crossing",), chain.positions[1:-1], "level crossed"),
        "position": Variable(("time",), result.positions, "energy of the driven level"),
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
            ("crossing",), chain.diabatic_probabilities, "probability to keep the diabatic state"
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
    if result.work is not None:
        found |= _work_variables(result.work)
    if result.scan is not None:
        found |= result.scan.variables()
    return found


def _work_variables(work: Work) -> dict[str, Variable]:
    directions = work.question.directions
    found: dict[str, Variable] = {}
    # Not "method": `Dataset.sel` has an argument of that name.
    found["solution"] = Variable(("solution",), list(_METHODS), "", "")
    found["direction"] = Variable(("direction",), list(directions), "", "")
    found["work_value"] = Variable(("work_value",), work.values, "work w; −w of the backward drive")
    both = ("solution", "direction")

    def stacked(laws: dict[tuple[str, str], Any]) -> Any:
        return np.array([[laws[m, d] for d in directions] for m in _METHODS])

    found["work_density"] = Variable(
        (*both, "work_value"),
        stacked(work.densities),
        f"density of the work, smoothed with width {work.width:.6g}",
    )
    laws = work.distributions
    for name, text in (
        ("mean", "mean work"),
        ("variance", "variance of the work"),
        ("skewness", "skewness of the work"),
        ("free_energy_difference", "difference of the grand potentials"),
        ("jarzynski_ratio", "⟨exp(−βw)⟩ exp(βΔΩ)"),
    ):
        values = {key: getattr(law, name) for key, law in laws.items()}
        found[f"work_{name}"] = Variable(both, stacked(values), text)
    if work.edges is not None:
        found["work_bin"] = Variable(
            ("work_bin",), 0.5 * (work.edges[1:] + work.edges[:-1]), "centre of the bin"
        )
        found["work_probability"] = Variable(
            (*both, "work_bin"), stacked(work.probabilities), "probability of the bin"
        )
    return found


# ---- numbers ----------------------------------------------------------------------------------


def totals(result: DrivenLevelOutcome) -> dict[str, tuple[float, float]]:
    """Return what chain and exact evolution both know about the whole drive, in that order."""
    chain, exact = result.chain, result.exact
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


def numbers(result: DrivenLevelOutcome) -> dict[str, Any]:
    """Return everything but the curves as nested dicts."""
    study, chain, exact = result.experiment, result.chain, result.exact
    system = study.system
    found: dict[str, Any] = {
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
            name: {"chain": pair[0], "exact": pair[1]} for name, pair in totals(result).items()
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
    }
    if result.work is not None:
        found["work"] = _work_numbers(result.work)
    if result.scan is not None:
        scan = result.scan
        found["scan"] = {
            **scan.numbers(),
            "inside_domain": _trusted(scan),
            **{
                name: {"chain": scan[f"chain_{name}"], "exact": scan[name]}
                for name in ("occupation", "entropy_production")
            },
        }
    return found


def _work_numbers(work: Work) -> dict[str, Any]:
    found: dict[str, Any] = {
        "scheme": work.question.scheme,
        "width": work.width,
        "distributions": [
            {
                "direction": direction,
                "method": method,
                "mean": law.mean,
                "variance": law.variance,
                "skewness": law.skewness,
                "free_energy_difference": law.free_energy_difference,
                "dissipated_work": law.dissipated_work,
                "jarzynski_ratio": law.jarzynski_ratio,
            }
            for (method, direction), law in work.distributions.items()
        ],
    }
    if work.edges is not None:
        found["bins"] = {
            "edges": work.edges,
            "probabilities": [
                {"direction": direction, "method": method, "values": values}
                for (method, direction), values in work.probabilities.items()
            ],
        }
    return found


# ---- tables -----------------------------------------------------------------------------------


def result_tables(result: DrivenLevelOutcome) -> tuple[Table, ...]:
    """Return all tables, those of the work and the scan if there are any."""
    found = [_totals_table(result), _crossings_table(result)]
    if result.work is not None:
        found.append(_work_table(result.work))
    found.append(_checks_table(result))
    if result.scan is not None:
        found.append(_scan_table(result.scan))
    return tuple(found)


def _totals_table(result: DrivenLevelOutcome) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, chain, exact, chain - exact) for name, (chain, exact) in totals(result).items()
    ]
    return Table(
        "the whole drive",
        ("", "chain", "exact", "difference"),
        (*rows, ("mutual information", None, result.exact.mutual_information, None)),
        "The exact work is the change of the total energy, the couplings included.",
    )


def _crossings_table(result: DrivenLevelOutcome) -> Table:
    chain = result.chain
    couplings = result.experiment.system.chain.couplings
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
        "R: probability to keep the diabatic state; f: occupation of the reservoir level before "
        "its crossing; p: occupation of the driven level.",
    )


def _work_table(work: Work) -> Table:
    rows = tuple(
        (
            direction,
            METHOD_NAMES[method],
            law.mean,
            float(np.sqrt(max(law.variance, 0.0))),
            law.skewness if np.isfinite(law.skewness) else None,
            law.free_energy_difference,
            law.dissipated_work,
            law.jarzynski_ratio,
        )
        for (method, direction), law in work.distributions.items()
    )
    return Table(
        "work",
        (
            "direction",
            "method",
            "mean",
            "standard deviation",
            "skewness",
            "ΔΩ",
            "mean − ΔΩ",
            "Jarzynski ratio",
        ),
        rows,
        f"Beginning in equilibrium, whatever the occupation above; exact: {work.question.scheme} "
        "scheme. The Jarzynski ratio ⟨exp(−βw)⟩ exp(βΔΩ) must be one.",
    )


def _checks_table(result: DrivenLevelOutcome) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for check in result.experiment.system.checks:
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


def _scan_table(scan: Scanned) -> Table:
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


# ---- sentences --------------------------------------------------------------------------------


def sentences(result: DrivenLevelOutcome) -> Sentences:
    """Return verdict and notes."""
    checks, trusted = result.experiment.system.checks, result.experiment.trusted
    found = totals(result)
    p, exact_p = found["final occupation"]
    s, exact_s = found["entropy production"]
    domain = "Within" if trusted else "Outside"
    verdict = (
        f"{domain} its domain, the Landau–Zener chain gives the occupation {p:.6f} and the entropy "
        f"production {s:.6g}; the exact answers are {exact_p:.6f} and {exact_s:.6g}."
    )
    missed = [str(check.message) for check in checks[-1:] if not np.all(check.satisfied)]
    notes = [*missed, _regime(result)]
    if result.work is not None:
        notes.append(_jarzynski(result.work))
    if result.scan is not None:
        notes += [_scan_sentence(result.scan), *result.scan.failures[:5]]
    return Sentences(verdict, trusted, tuple(notes))


def _regime(result: DrivenLevelOutcome) -> str:
    kept = result.chain.diabatic_probabilities
    if kept.size == 0:
        return "no reservoir level is met: the level keeps its occupation in the chain"
    low, high = f"{kept.min():.4g}", f"{kept.max():.4g}"
    span = low if low == high else f"{low} … {high}"
    return f"R = {span} at the crossings (regime: {result.experiment.system.chain.regime})"


def _jarzynski(work: Work) -> str:
    worst = max(abs(law.jarzynski_ratio - 1) for law in work.distributions.values())
    return f"Jarzynski's relation holds to {worst:.1e} in all {len(work.distributions)} cases"


def _trusted(scan: Scanned) -> Any:
    """Return where every condition of the chain holds."""
    return np.asarray(scan["inside_domain"]) == 1


def _scan_sentence(scan: Scanned) -> str:
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
