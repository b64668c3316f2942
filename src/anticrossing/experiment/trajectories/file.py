"""The tables [trajectories] and [trajectories.initial] beside [hamiltonian], checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing.checks import FloatArray, InputError, choice, describe, fail, integer, known_keys
from anticrossing.checks import positive as positive_array
from anticrossing.experiment import motion, tables
from anticrossing.experiment.outcome import Progress, Study
from anticrossing.trajectories import Fixed, Gaussian, InitialConditions, Thermal
from anticrossing.trajectories.request import Request, check

if TYPE_CHECKING:
    from anticrossing.experiment.trajectories.result import TrajectoriesOutcome

MOST_COORDINATES = 64
LARGEST_COUNT = 1_000_000
_MOST_KEPT = 1000
_LARGEST_WORK = 5e9  # steps times trajectories times states²·coordinates: a few minutes
_LARGEST_LABEL = 200  # characters of the path of a store

_OPTIONS = ("method", "rescaling", "frustrated", "decoherence")
_KEYS = (
    "masses",
    *_OPTIONS,
    "decoherence_energy",
    "count",
    "seed",
    "dt",
    "stop",
    "samples",
    "box",
    "keep",
    "store",
    "initial",
)
_INITIAL = {
    "packet": ("centre", "momentum", "width"),
    "fixed": ("centre", "momentum"),
    "thermal": ("centre", "momentum", "frequencies", "temperature", "distribution"),
}
_STATE = ("kind", "state", "basis")


@dataclass(frozen=True, eq=False, kw_only=True)
class TrajectoriesStudy(Study):
    """A validated file with the table [trajectories].

    Attributes
    ----------
    arguments : dict
        Those of `anticrossing.trajectories.run_trajectories`.
    request : Request
        The same with every default filled in.
    start : str
        The initial conditions in words.
    """

    arguments: dict[str, Any]
    request: Request
    start: str

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, method, initial conditions, box and units, one line each."""
        request = self.request
        options = [
            f"{key} {value}" for key in _OPTIONS[1:] if (value := getattr(request, key)) is not None
        ]
        found = {
            "hamiltonian": repr(request.hamiltonian),
            "method": ", ".join([request.method, *options]),
            "trajectories": f"{request.count}, seed {request.seed}, time step {request.dt:g}, "
            f"until {request.steps * request.dt:g}",
            "initial": self.start,
        }
        if np.all(np.isfinite(request.box)):
            low, high = request.box
            found["box"] = f"{motion.shown(low)} … {motion.shown(high)}"
        return {**found, "units": motion.describe_units(request.hamiltonian.units)}

    def run(self, progress: Progress | None = None) -> TrajectoriesOutcome:
        """Follow the ensemble."""
        from anticrossing.experiment.trajectories.result import run

        return run(self)


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> TrajectoriesStudy:
    """Validate the tables of an ensemble of trajectories."""
    given = tables.table(entries, "trajectories", required=True)
    hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
    with tables.inside("trajectories"):
        known_keys("[trajectories]", given, _KEYS)
        for key in _OPTIONS:
            if key in given:
                tables.text(key, given[key])
        dt = float(positive_array("dt", motion.number(given, "dt")))
        steps = _steps(motion.number(given, "stop"), dt)
        arguments: dict[str, Any] = {
            "masses": motion.numbers(given, "masses"),
            "initial": _initial(tables.table(given, "initial", required=True)),
            "dt": dt,
            "steps": steps,
            "every": max(1, steps // _bounded(given, "samples", 100, 2, 1000)),
            "count": _bounded(given, "count", None, 1, LARGEST_COUNT),
            "seed": integer("seed", tables.required(given, "seed"), minimum=0),
            "keep": _bounded(given, "keep", 20, 0, _MOST_KEPT),
            **{key: given[key] for key in _OPTIONS if key in given},
        }
        if "decoherence_energy" in given:
            arguments["decoherence_energy"] = motion.number(given, "decoherence_energy")
        if "box" in given:
            arguments["box"] = motion.numbers(given, "box")
        complete = {
            **dict.fromkeys(("rescaling", "frustrated", "decoherence", "decoherence_energy")),
            "box": None,
            "method": "fssh",
            **arguments,
        }
        request = check(hamiltonian, **complete, log=32, batch=None, threads=None)
        _check_effort(request)
        if "store" in given:
            arguments["store"] = _store(given["store"])
        return TrajectoriesStudy(
            **{key: heading[key] for key in ("name", "title", "source", "description", "text")},
            arguments={"hamiltonian": hamiltonian, **arguments},
            request=request,
            start=_in_words(given["initial"]),
        )


def _initial(entries: Mapping[str, Any]) -> InitialConditions:
    with tables.inside("trajectories.initial"):
        kind = choice("kind", tables.required(entries, "kind"), _INITIAL)
        known_keys(f"initial conditions of kind {kind!r}", entries, (*_STATE, *_INITIAL[kind]))
        state = {key: entries[key] for key in ("state", "basis") if key in entries}
        centre = motion.numbers(entries, "centre")
        if kind == "fixed":
            return Fixed(position=centre, momentum=motion.numbers(entries, "momentum"), **state)
        if kind == "packet":
            width = _array("width", motion.numbers(entries, "width"))
            # |ψ|² of exp(−(x − x₀)²/σ²) has the standard deviation σ/2.
            return Gaussian(
                position=centre,
                momentum=motion.numbers(entries, "momentum"),
                width=width / 2,
                **state,
            )
        options = {"distribution": entries["distribution"]} if "distribution" in entries else {}
        return Thermal(
            position=centre,
            momentum=motion.numbers(entries, "momentum", 0.0),
            frequencies=motion.numbers(entries, "frequencies"),
            temperature=motion.number(entries, "temperature"),
            **options,
            **state,
        )


def _array(name: str, value: Any) -> FloatArray:
    return positive_array(name, value)


def _in_words(entries: Mapping[str, Any]) -> str:
    said = [
        f"{key} {motion.shown(value) if not isinstance(value, str) else value}"
        for key, value in entries.items()
        if key not in _STATE
    ]
    basis = entries.get("basis", "adiabatic")
    return f"{entries['kind']}: {', '.join(said)}, on {basis} state {entries.get('state', 0)}"


def _steps(stop: float, dt: float) -> int:
    if not stop > 0:
        raise fail("stop", "be positive", f"it is {stop:g}")
    steps = stop / dt
    if steps > 1e9:
        raise fail("dt", "make at most 1e9 steps", f"it is {dt:g}")
    if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
        raise fail("stop", "be a whole number of steps `dt`", f"they are {stop:g} and {dt:g}")
    return round(steps)


def _bounded(given: Mapping[str, Any], key: str, default: int | None, low: int, high: int) -> int:
    value = tables.required(given, key) if default is None else given.get(key, default)
    found = integer(key, value, minimum=low)
    if found > high:
        raise fail(key, f"be at most {high}", f"it is {found}")
    return found


def _store(value: Any) -> Path:
    """Return the directory of finished batches: below the current one, for a file may not reach
    anywhere else."""
    text = tables.text("store", value)
    path = Path(text)
    if not text or len(text) > _LARGEST_LABEL or path.is_absolute() or ".." in path.parts:
        raise fail("store", "be a relative path without ..", f"it is {describe(value)}")
    return path


def _check_effort(request: Request) -> None:
    """Refuse what would take far longer than some minutes."""
    states, coordinates = request.hamiltonian.dimension, request.masses.size
    work = float(request.steps) * request.count * states**2 * (coordinates + states)
    if work > _LARGEST_WORK:
        raise InputError(
            f"The trajectories would take {work / _LARGEST_WORK:.2g} times the limit of some "
            "minutes: fewer of them, a larger `dt` or an earlier `stop`."
        )
