"""The tables [trajectories] and [trajectories.initial] beside [hamiltonian], checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    known_keys,
    positive,
)
from anticrossing._core.unchanging import read_only
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import VibronicCoupling
from anticrossing.molecules.trajectories import Fixed, Gaussian, InitialConditions, Thermal
from anticrossing.molecules.trajectories.request import Request
from anticrossing.studies import motion, tables

MOST_COORDINATES = 64
LARGEST_COUNT = 1_000_000
_MOST_KEPT = 1000
_LARGEST_WORK = 5e9  # steps times trajectories times states²·coordinates: a few minutes
_LARGEST_LABEL = 200  # characters of the path of a store
_LARGEST_SEED = 2**63 - 1  # what a file of results can hold
_FEWEST_STEPS = 10  # through the box

_OPTIONS = ("method", "rescaling", "frustrated", "decoherence")
_KEYS = (
    "masses",
    "mass_unit",
    *_OPTIONS,
    "decoherence_energy",
    "count",
    "seed",
    "step",
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


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class TrajectoriesStudy(motion.MotionStudy):
    """A validated file with the table [trajectories].

    Attributes
    ----------
    request : Request
    batches : Path or None
        The directory of finished batches.
    """

    request: Request
    batches: Path | None

    @property
    def store(self) -> Path | None:
        """The directory of finished batches."""
        return self.batches

    @property
    def bounded(self) -> bool:
        """Whether there is a box."""
        return bool(np.all(np.isfinite(self.request.box)))

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, method, initial conditions, box and units, one line each."""
        request, given = self.request, self.entries["trajectories"]
        options = [
            f"{key} {value}" for key in _OPTIONS[1:] if (value := getattr(request, key)) is not None
        ]
        found = {
            "hamiltonian": repr(self.hamiltonian),
            "method": ", ".join([request.method, *options]),
            "trajectories": f"{request.count}, seed {request.seed}, "
            f"{motion.shown_masses(given)}, time step {self.shown_time(request.step)}, "
            f"until {self.shown_time(request.steps * request.step)}",
            "start": _in_words(given["initial"]),
        }
        if self.bounded:
            low, high = request.box
            found["box"] = f"{motion.shown(low)} … {motion.shown(high)}"
        units = motion.describe_units(self.hamiltonian.units, given.get("mass_unit"))
        return {**found, "units": units}


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> TrajectoriesStudy:
    """Validate the tables of an ensemble of trajectories."""
    given = tables.table(entries, "trajectories", required=True)
    hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
    with tables.inside("trajectories"):
        if "dt" in given:
            raise InputError("The time step is called `step`: write it in place of `dt`.")
        known_keys("[trajectories]", given, _KEYS)
        start = tables.table(given, "initial", required=True)
    initial = _initial(start, hamiltonian)
    with tables.inside("trajectories"):
        for key in _OPTIONS:
            if key in given:
                tables.text(key, given[key])
        step = motion.duration(given, "step")
        steps = _steps(motion.duration(given, "stop"), step)
        count = _bounded(given, "count", None, 1, LARGEST_COUNT)
        arguments: dict[str, Any] = {
            "masses": motion.masses(given, hamiltonian),
            "initial": initial,
            "step": step,
            "steps": steps,
            "every": max(1, steps // _bounded(given, "samples", 100, 2, 1000)),
            "count": count,
            "seed": _bounded(given, "seed", None, 0, _LARGEST_SEED),
            "keep": _bounded(given, "keep", min(20, count), 0, min(count, _MOST_KEPT)),
            **{key: given[key] for key in _OPTIONS if key in given},
        }
        if "decoherence_energy" in given:
            arguments["decoherence_energy"] = motion.number(given, "decoherence_energy")
        if "box" in given:
            arguments["box"] = motion.numbers(given, "box")
        request = Request.of(hamiltonian, **arguments)
        _check_effort(request)
        _check_passage(request)
        return TrajectoriesStudy(
            **heading,
            hamiltonian=hamiltonian,
            entries=motion.entries_of(entries, "trajectories"),
            request=request,
            batches=_store(given["store"]) if "store" in given else None,
        )


def _initial(entries: Mapping[str, Any], hamiltonian: Hamiltonian) -> InitialConditions:
    coordinates = len(hamiltonian.coordinates)

    def vector(key: str, default: Any = None) -> FloatArray:
        return motion.vector(entries, key, coordinates, default)

    with tables.inside("trajectories.initial"):
        kind = choice("kind", tables.required(entries, "kind"), _INITIAL)
        known_keys(f"initial conditions of kind {kind!r}", entries, (*_STATE, *_INITIAL[kind]))
        state = {key: entries[key] for key in ("state", "basis") if key in entries}
        centre = vector("centre")
        momentum = vector("momentum", 0.0 if kind == "thermal" else None)
        found: InitialConditions
        if kind == "fixed":
            found = Fixed(position=centre, momentum=momentum, **state)
        elif kind == "packet":
            # |ψ|² of exp(−(x − x₀)²/σ²) has the standard deviation σ/2.
            width = positive("width", vector("width") / 2)
            found = Gaussian(position=centre, momentum=momentum, width=width, **state)
        else:
            # The vibrations of the ground state, lifted to another state at once.
            own = None
            if isinstance(hamiltonian, VibronicCoupling) and "frequencies" not in entries:
                own = hamiltonian.frequencies
            options = {"distribution": entries["distribution"]} if "distribution" in entries else {}
            found = Thermal(
                position=centre,
                momentum=momentum,
                frequencies=own if own is not None else vector("frequencies"),
                temperature=motion.number(entries, "temperature"),
                **options,
                **state,
            )
        found.check(coordinates, hamiltonian.dimension)
        return found


def _check_passage(request: Request) -> None:
    """Refuse a time step in which the box is passed at once, and all that is in it missed."""
    phase = request.step * request.hamiltonian.units.angular
    momentum, size = request.initial.momentum, request.box[1] - request.box[0]
    beyond = np.abs(momentum) / request.masses * (phase * _FEWEST_STEPS) > size
    if np.any(beyond):
        raise fail(
            "step",
            f"be so small that the box is passed in {_FEWEST_STEPS} steps or more",
            f"along {request.hamiltonian.coordinates[int(np.argmax(beyond))]} it is not, with the "
            "mean momentum",
        )


def _in_words(entries: Mapping[str, Any]) -> str:
    said = [
        f"{key} {motion.shown(value) if not isinstance(value, str) else value}"
        for key, value in entries.items()
        if key not in _STATE
    ]
    basis = entries.get("basis", "adiabatic")
    return f"{entries['kind']}: {', '.join(said)}, on {basis} state {entries.get('state', 0)}"


def _steps(stop: float, step: float) -> int:
    steps = stop / step
    if steps > 1e9:
        raise fail("step", "make at most 1e9 steps", f"it is {step:g}")
    if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
        raise fail("stop", "be a whole number of `step`", f"they are {stop:g} and {step:g}")
    return round(steps)


def _bounded(given: Mapping[str, Any], key: str, default: int | None, low: int, high: int) -> int:
    value = tables.required(given, key) if default is None else given.get(key, default)
    found = integer(key, value, minimum=low)
    if found > high:
        raise fail(key, f"be at most {high}", f"it is {describe(found)}")
    return found


def _store(value: Any) -> Path:
    """Return the directory of finished batches: below the current one, for a file may not reach
    anywhere else."""
    path = Path(tables.text("store", value))
    plain = value.isprintable() and len(value) <= _LARGEST_LABEL and not value.startswith("~")
    if not plain or not path.parts or path.is_absolute() or ".." in path.parts:
        raise fail("store", "be a relative path without .. or ~", f"it is {describe(value)}")
    return path


def _check_effort(request: Request) -> None:
    """Refuse what would take far longer than some minutes."""
    states, coordinates = request.hamiltonian.dimension, request.masses.size
    work = float(request.steps) * request.count * states**2 * (coordinates + states)
    if work > _LARGEST_WORK:
        raise InputError(
            f"The trajectories would take {work / _LARGEST_WORK:.2g} times the limit of some "
            "minutes: fewer of them, a larger `step` or an earlier `stop`."
        )
