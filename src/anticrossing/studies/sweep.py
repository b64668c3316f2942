"""An experiment as something to sweep: any of its numbers may vary, several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import ConvergenceError, InputError, choice, describe, fail
from anticrossing.dynamics import propagate
from anticrossing.studies import build, motion_sweep, passage_file, surroundings
from anticrossing.studies.dataset import provenance
from anticrossing.studies.driven_level import file as driven_level_file
from anticrossing.studies.motion import MotionStudy
from anticrossing.studies.outcome import Study
from anticrossing.studies.parameters import HEADING, Tables, owner_of, with_values
from anticrossing.studies.passage_file import Experiment
from anticrossing.studies.tables import thawed
from anticrossing.sweeps.grid import Grid, Values
from anticrossing.sweeps.target import Target

OUTPUTS = {
    "passage": ("probability", "panels", "error_estimate"),
    "driven_level": (
        "occupation",
        "entropy_production",
        "chain_occupation",
        "chain_entropy_production",
    ),
    "packet": tuple(motion_sweep.PACKET),
    "trajectories": tuple(motion_sweep.TRAJECTORIES),
}
"""What can be computed at the points, by kind of experiment."""
DEFAULTS = {"passage": ("probability",), "driven_level": ("occupation", "entropy_production")}
"""What is computed where a file names no outputs; for moving nuclei see `motion_sweep`."""

_NAMES = {
    "probability": "exact final probability",
    "panels": "accepted panels of the exact evolution",
    "error_estimate": "bound on the neglected amplitude",
    "occupation": "exact final occupation",
    "entropy_production": "exact entropy production",
    "chain_occupation": "final occupation by the Landau-Zener chain",
    "chain_entropy_production": "entropy production by the Landau-Zener chain",
}
_WHERE = ("hamiltonian", "drive", "environment")


def experiment_target(
    experiment: Experiment | Study, grid: Grid, outputs: Sequence[str] | None = None
) -> Target:
    """Return what is computed at every point of a grid of an experiment's parameters.

    Parameters
    ----------
    experiment : Experiment or Study
        Of any kind but rates.
    grid : Grid
        Its parameters are named ``TABLE.KEY``.
    outputs : sequence of str, optional
        See `OUTPUTS`.

    Raises
    ------
    InputError
        If a parameter is none of the experiment's numbers, or an output is unknown.
    """
    kind, tables = _tables(experiment)
    if isinstance(experiment, MotionStudy):
        default = motion_sweep.defaults(experiment)
    else:
        default = DEFAULTS[kind]
    chosen = default if outputs is None else tuple(outputs)
    for output in chosen:
        choice("output", output, OUTPUTS[kind])
    if not chosen or len(set(chosen)) < len(chosen):
        raise fail("output", "name each output once, and at least one", f"it is {list(chosen)}")
    for axis in grid.axes:
        for name, values in axis.parameters.items():
            if values.dtype.kind not in "if":
                raise fail(name, "hold numbers", f"its values are {describe(values)}")
            _check_parameter(tables, name)
    identity = {
        "the list of outputs": ", ".join(chosen),
        **{
            f"`{key}`": text for key, text in _flat(tables).items() if _short(key) not in grid.names
        },
    }
    heading = {key: text for key, text in provenance(experiment).items() if key != "versions"}
    if isinstance(experiment, MotionStudy):
        return motion_sweep.target(experiment, chosen, identity, heading)
    details = {name: {"long_name": _NAMES[name]} for name in chosen}
    if isinstance(experiment, Study):
        function: Any = DrivenLevelPoint(tables, chosen)
        return Target(function=function, identity=identity, details=details, attributes=heading)
    points = PassagePoints(tables, chosen)
    labels = list(experiment.hamiltonian.labels)
    diabatic = experiment.question.basis == "diabatic"
    final = [str(label) for label in labels] if diabatic else list(range(len(labels)))
    return Target(
        function=points,
        identity=identity,
        vectorised=_can_be_batched(points, grid),
        dims={"probability": ("final",)} if "probability" in chosen else {},
        labels={"final": final},
        details={**details, "final": {"long_name": f"final {'state' if diabatic else 'level'}"}},
        attributes=heading,
    )


class PassagePoints:
    """Exact evolution at values of the parameters: one point, or many as one batch.

    The solver gives every point of a batch the same bits as alone.
    """

    def __init__(self, tables: Tables, outputs: Sequence[str]) -> None:
        self.tables, self.outputs = dict(tables), tuple(outputs)

    def __call__(self, **values: Any) -> dict[str, Any]:
        hamiltonian, drive, environment, question = self.parts(values)
        evolution = propagate(
            hamiltonian,
            drive,
            environment=environment,
            initial=question.initial,
            basis=question.basis,
            tolerance=question.tolerance,
        )
        if not np.all(np.abs(evolution.probabilities.sum(axis=-1) - 1) < 1e-6):
            raise ConvergenceError("The evolution overflowed: choose other units.")
        found = {
            "probability": evolution.probabilities,
            "panels": evolution.panels,
            "error_estimate": evolution.error_estimate,
        }
        return {name: found[name] for name in self.outputs}

    def parts(self, values: Mapping[str, Any]) -> tuple[Any, Any, Any, passage_file.Question]:
        """Build Hamiltonian, drive, environment and question at one point or at arrays of them."""
        if not any(np.ndim(value) for value in values.values()):
            point = passage_file.read(with_values(self.tables, values), HEADING)
            return point.hamiltonian, point.drive, point.environment, point.question
        middle = {name: float(array[array.size // 2]) for name, array in values.items()}
        question = passage_file.read(with_values(self.tables, middle), HEADING).question
        overrides: dict[str, dict[str, Any]] = {where: {} for where in _WHERE}
        for name, array in values.items():
            where, _, key = name.partition(".")
            overrides[where][key] = np.asarray(array, dtype=np.float64)
        file_units = build.units(self.tables.get("units", {}))
        hamiltonian = build.hamiltonian(
            self.tables["hamiltonian"], file_units, overrides["hamiltonian"]
        )
        drive = build.drive(self.tables["drive"], hamiltonian.units, overrides["drive"])
        environment = surroundings.environment(
            surroundings.tables_of(self.tables), overrides["environment"]
        )
        return hamiltonian, drive, environment, question


class DrivenLevelPoint:
    """Final occupation and entropy production of a driven level at one point."""

    def __init__(self, tables: Tables, outputs: Sequence[str]) -> None:
        self.tables = {"driven_level": tables["driven_level"], "work": False}
        self.outputs = tuple(outputs)

    def __call__(self, **values: float) -> dict[str, float]:
        study = driven_level_file.read(with_values(self.tables, values), HEADING)
        system, occupation = study.system, study.initial_occupation
        found = {}
        if any(not name.startswith("chain_") for name in self.outputs):
            exact = system.evolve(occupation)
            found["occupation"] = float(exact.occupations[-1])
            found["entropy_production"] = float(exact.entropy_production[-1])
        if any(name.startswith("chain_") for name in self.outputs):
            ledger = system.run(occupation)
            found["chain_occupation"] = float(ledger.occupations[-1])
            found["chain_entropy_production"] = float(ledger.totals.entropy_production)
        return {name: found[name] for name in self.outputs}


# ---- helpers ----------------------------------------------------------------------------------


def _tables(experiment: Experiment | Study) -> tuple[str, dict[str, Any]]:
    """Return the kind of an experiment and the tables that matter at a point."""
    if isinstance(experiment, Experiment):
        kept = ("units", *_WHERE, "question")
        return "passage", {k: thawed(v) for k, v in experiment.tables.items() if k in kept}
    if isinstance(experiment, driven_level_file.DrivenLevelStudy):
        return "driven_level", {"driven_level": thawed(experiment.entries)}
    if isinstance(experiment, MotionStudy):
        return motion_sweep.kind(experiment), thawed(experiment.entries)
    raise InputError(f"An experiment of the kind {type(experiment).__name__} cannot be swept.")


def _check_parameter(tables: Tables, parameter: str) -> None:
    where, _, key = parameter.partition(".")
    known = [name for name in (*_WHERE, "driven_level", "packet", "trajectories") if name in tables]
    if where not in known or not key:
        named = " or ".join(f"`{name}.NAME`" for name in known)
        raise fail("parameter", f"be {named}", f"it is {describe(parameter)}")
    table = tables[where]
    if isinstance(table, list) and len(table) != 1:
        raise InputError(
            f"A sweep of `{parameter}` needs exactly one environment table, but there are "
            f"{len(table)}."
        )
    owner, key = owner_of(thawed(tables), parameter)
    given = owner.get(key, 0.0)
    equilibrium = parameter == "driven_level.initial_occupation" and isinstance(given, str)
    if isinstance(given, bool) or not (isinstance(given, (int, float)) or equilibrium):
        raise fail("parameter", "name a single number", f"`{parameter}` is {describe(given)}")


def _can_be_batched(points: PassagePoints, grid: Grid) -> bool:
    """Whether all swept parameters may be arrays; else the points are computed one by one."""
    scanned = {f"environment.{key}" for keys in surroundings.SCANNED.values() for key in keys}
    if any(n.startswith("environment.") and n not in scanned for n in grid.names):
        return False
    two = grid.points(np.array([0, grid.size - 1]))
    shapes = []
    try:
        for name in grid.names:  # each by itself: one array hides that another was ignored
            alone: dict[str, Values] = {key: two[key][:1] for key in grid.names}
            hamiltonian, drive, environment, _ = points.parts({**alone, name: two[name]})
            objects = (hamiltonian, drive, environment)
            shapes.append(np.broadcast_shapes(*(o.batch_shape for o in objects if o is not None)))
    except (InputError, TypeError, ValueError):
        return False
    return all(shape == (2,) for shape in shapes)


def _short(key: str) -> str:
    """Return the name by which a parameter is swept, from that of its key in the file."""
    return key.replace(".parameters.", ".")


def _flat(tables: Any, prefix: str = "") -> dict[str, str]:
    """Return nested tables as one level of text under dotted names."""
    if not isinstance(tables, Mapping):
        return {prefix: repr(tables)}
    found: dict[str, str] = {}
    for key, value in tables.items():
        found.update(_flat(value, f"{prefix}.{key}" if prefix else key))
    return found
