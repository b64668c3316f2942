"""An ensemble of trajectories on coupled levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    positive,
    positive_number,
)
from anticrossing._core.unchanging import record
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import VibronicCoupling
from anticrossing.molecules.trajectories import (
    REASONS,
    Fixed,
    Gaussian,
    InitialConditions,
    Mean,
    Thermal,
)
from anticrossing.molecules.trajectories.ensemble import follow
from anticrossing.molecules.trajectories.request import Request
from anticrossing.studies import motion, tables
from anticrossing.studies.motion_tables import STARTS, ThermalStartTable, TrajectoriesTable
from anticrossing.studies.outcome import Output, Progress
from anticrossing.studies.outcomes.trajectories import SIDES, TrajectoriesOutcome
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile, decode
from anticrossing.studies.study import Heading, chosen_outputs

MOST_COORDINATES = 64
LARGEST_COUNT = 1_000_000
_MOST_KEPT = 1000
_LARGEST_WORK = 5e9  # steps times trajectories times states²·coordinates: a few minutes
_LARGEST_LABEL = 200  # characters of the path of a store
_LARGEST_SEED = 2**63 - 1  # what a file of results can hold
_FEWEST_STEPS = 10  # through the box
_OPTIONS = ("method", "rescaling", "frustrated", "decoherence")
_SURROUNDINGS = (
    "box", "friction", "temperature", "decoherence_energy", "decoherence_width",
    "decoherence_threshold",
)  # fmt: skip
_SEED = "trajectories.seed"
_STATE = ("kind", "state", "basis")
_MEANS = {
    "channel": Output("probability by side of the box and adiabatic level", ("side", "state")),
    "population": Output("final probability by adiabatic level", ("state",)),
    "electronic_population": Output("final mean |c|² by adiabatic level", ("state",)),
    "diabatic_population": Output("final probability by diabatic state", ("diabatic_state",)),
}
_OTHERS = {
    "hops": Output("hops per trajectory by reason", ("reason",)),
    "energy_drift": Output("largest change of a trajectory's energy"),
}


class TrajectoriesFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of an ensemble of trajectories."""

    hamiltonian: dict[str, Any]
    trajectories: TrajectoriesTable
    units: dict[str, Any] = {}


@record(kw_only=True)
class TrajectoriesStudy(motion.MotionStudy):
    """A validated file with the table [trajectories].

    Attributes
    ----------
    request : Request
    asked : TrajectoriesTable
    """

    request: Request
    asked: TrajectoriesTable

    structure: ClassVar[type[TableOfFile]] = TrajectoriesFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "trajectories")
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "TullySimple"},
        "trajectories": {
            "initial": {"kind": "packet", "centre": -12.0, "momentum": 20.0, "width": 1.0},
            "count": 400,
            "seed": 1,
            "step": 4.0,
            "stop": 4000.0,
            "masses": 2000.0,
            "box": [-15.0, 15.0],
        },
    }
    choices: ClassVar[Mapping[str, tuple[type[TableOfFile], ...]]] = {
        "initial": tuple(STARTS.values())
    }

    @classmethod
    def read(cls, given: TrajectoriesFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the ensemble."""
        asked = given.trajectories
        hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
        initial = _initial(asked.initial, hamiltonian)
        with tables.inside("trajectories"):
            request = _request(asked, hamiltonian, initial)
            _check_passage(request)
            if asked.store is not None:
                _check_store(asked.store)
            found = cls(
                **heading._asdict(),
                tables=entries,
                hamiltonian=hamiltonian,
                request=request,
                asked=asked,
            )
            if found.effort > 1:
                raise InputError(
                    f"The trajectories would take {found.effort:.2g} times the limit of some "
                    "minutes: fewer of them, a larger `step` or an earlier `stop`."
                )
        return found

    @property
    def effort(self) -> float:
        """Steps of all trajectories, over what takes some minutes."""
        states, count = self.hamiltonian.dimension, float(self.request.count)
        per_step = states**2 * (self.request.masses.size + states)
        return self.request.steps * count * per_step / _LARGEST_WORK

    @property
    def store(self) -> Path | None:
        """The directory of finished batches."""
        return None if self.asked.store is None else Path(self.asked.store)

    @property
    def bounded(self) -> bool:
        """Whether there is a box."""
        return bool(np.all(np.isfinite(self.request.box)))

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, method, initial conditions, box and units, one line each."""
        request, given = self.request, self.asked
        options = [
            f"{key} {value}" for key in _OPTIONS[1:] if (value := getattr(request, key)) is not None
        ]
        found = {
            "hamiltonian": repr(self.hamiltonian),
            "method": ", ".join([request.method, *options]),
            "trajectories": f"{request.count}, seed {request.seed}, "
            f"{motion.shown_masses(given.masses)}, time step {self.shown_time(request.step)}, "
            f"until {self.shown_time(request.steps * request.step)}",
            "start": _in_words(given.initial),
        }
        if self.bounded:
            low, high = request.box
            found["box"] = f"{motion.shown(low)} … {motion.shown(high)}"
        units = motion.describe_units(self.hamiltonian.units, given.mass_unit)
        return {**found, "units": units}

    # ---- points -------------------------------------------------------------------------------

    @property
    def outputs(self) -> dict[str, Output]:
        """What can be had at every point of a sweep: means with standard errors, and hops."""
        means = {**_MEANS}
        if self.request.method == "mash":
            del means["diabatic_population"]
        if not self.bounded:
            del means["channel"]
        elif len(self.hamiltonian.coordinates) > 1:
            dims = ("coordinate", *means["channel"].dims)
            means["channel"] = means["channel"]._replace(dims=dims)
        first = next(iter(means))
        means[first] = means[first]._replace(default=True)
        return {**means, **_OTHERS}

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """Sides, states and reasons."""
        return {
            "coordinate": self.hamiltonian.coordinates,
            "side": SIDES,
            "state": range(self.hamiltonian.dimension),
            "diabatic_state": [str(label) for label in self.hamiltonian.labels],
            "reason": REASONS,
        }

    def extras(self, outputs: Sequence[str]) -> dict[str, Output]:
        """Return what comes with outputs: the standard errors of means, the seed of the point."""
        known = self.outputs
        found = {
            f"{name}_error": Output(f"standard error of {name}", known[name].dims)
            for name in outputs
            if name in _MEANS
        }
        return {**found, "seed": Output("seed of the point")}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Follow the ensemble, and return outputs at its end."""
        with tables.inside("trajectories"):
            ensemble = follow(self.request)
        found: dict[str, Any] = {"seed": float(self.request.seed)}
        for name in outputs:
            if name == "energy_drift":
                found[name] = float(ensemble.energy_drift.max())
            elif name == "hops":
                counts = [ensemble.hops.count(reason) for reason in REASONS]
                found[name] = np.array(counts) / self.request.count
            else:
                mean = _mean(ensemble, name)
                found[name], found[f"{name}_error"] = mean.value, mean.error
        return found

    @classmethod
    def at_point(cls, entries: Mapping[str, Any], values: Mapping[str, float]) -> Self:
        """Return the ensemble at other values, with a seed of its own, keeping no trajectory."""
        found = tables.thawed(entries)
        own = found["trajectories"]
        own |= {"seed": point_seed(own["seed"], values), "keep": 0}
        return super().at_point(found, {k: v for k, v in values.items() if k != _SEED})

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter can vary, in a study without a store of its own."""
        if self.store is not None:
            raise fail("store", "be left out of a sweep, which has its own", "it is given")
        super().check_varied(parameter)

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> TrajectoriesOutcome:
        """Follow an ensemble of trajectories."""
        with tables.inside("trajectories"):
            ensemble = follow(self.request, store=self.store, progress=progress)
        scanned = scan(self, chosen_outputs(self, None), progress)
        return TrajectoriesOutcome(self, ensemble, scanned)


KIND = TrajectoriesStudy


# ---- reading ----------------------------------------------------------------------------------


def _request(
    given: TrajectoriesTable, hamiltonian: Hamiltonian, initial: InitialConditions
) -> Request:
    if given.dt is not None:
        raise InputError("The time step is called `step`: write it in place of `dt`.")
    if given.step is None:
        raise tables.missing("step")
    step = positive_number("step", given.step)
    steps = _steps(positive_number("stop", given.stop), step)
    count = integer("count", given.count, minimum=1, maximum=LARGEST_COUNT)
    most = min(count, _MOST_KEPT)
    keep = min(20, count) if given.keep is None else given.keep
    return Request(
        hamiltonian=hamiltonian,
        masses=motion.masses(given.masses, given.mass_unit, hamiltonian),
        initial=initial,
        step=step,
        steps=steps,
        every=max(1, steps // integer("samples", given.samples, minimum=2, maximum=1000)),
        count=count,
        seed=integer("seed", given.seed, minimum=0, maximum=_LARGEST_SEED),
        keep=integer("keep", keep, minimum=0, maximum=most),
        **{key: getattr(given, key) for key in (*_OPTIONS, *_SURROUNDINGS)},
    )


def _initial(entries: Mapping[str, Any], hamiltonian: Hamiltonian) -> InitialConditions:
    coordinates = len(hamiltonian.coordinates)
    where = "trajectories.initial"
    with tables.inside(where):
        kind = choice("kind", tables.required(entries, "kind"), STARTS)
        given: Any = decode(entries, STARTS[kind], where)

        def vector(key: str) -> FloatArray:
            return motion.vector(key, getattr(given, key), coordinates)

        place: dict[str, Any] = {"position": vector("centre"), "momentum": vector("momentum")}
        place |= {"state": given.state, "basis": given.basis}
        found: InitialConditions
        if kind == "fixed":
            found = Fixed(**place)
        elif kind == "packet":
            # |ψ|² of exp(−(x − x₀)²/σ²) has the standard deviation σ/2.
            found = Gaussian(**place, width=positive("width", vector("width") / 2))
        else:
            found = _thermal(given, place, hamiltonian)
        found.check(coordinates, hamiltonian.dimension)
        return found


def _thermal(
    given: ThermalStartTable, place: dict[str, Any], hamiltonian: Hamiltonian
) -> InitialConditions:
    if given.frequencies is not None:
        own = motion.vector("frequencies", given.frequencies, len(hamiltonian.coordinates))
    elif isinstance(hamiltonian, VibronicCoupling):
        own = hamiltonian.frequencies
    else:
        raise tables.missing("frequencies")
    options: dict[str, Any] = (
        {} if given.distribution is None else {"distribution": given.distribution}
    )
    return Thermal(**place, frequencies=own, temperature=given.temperature, **options)


def _check_store(value: str) -> None:
    """Refuse a directory that is not below the current one: a file may not reach elsewhere."""
    path = Path(value)
    plain = value.isprintable() and len(value) <= _LARGEST_LABEL and not value.startswith("~")
    if not plain or not path.parts or path.is_absolute() or ".." in path.parts:
        raise fail("store", "be a relative path without .. or ~", f"it is {describe(value)}")


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


# ---- points -----------------------------------------------------------------------------------


def point_seed(seed: int, values: Mapping[str, float]) -> int:
    """Return the seed of a point, from that of the file and from the values of the point alone.

    It is below 2⁵³, so that a dataset of floating-point numbers keeps it as it is.
    """
    if _SEED in values:
        own: Any = values[_SEED]
        own = int(own) if float(own).is_integer() else own
        return integer("seed", own, minimum=0, maximum=_LARGEST_SEED)
    words = [seed]
    for name in sorted(values):
        words += [int.from_bytes(name.encode(), "little"), int(np.float64(values[name]).view("u8"))]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(11))


def _mean(ensemble: Any, name: str) -> Mean:
    """Return the final mean under the name of an output."""
    if name == "channel":
        axes = range(len(ensemble.request.hamiltonian.coordinates))
        along = [ensemble.channels(axis) for axis in axes]
        if len(along) == 1:
            return along[0]
        return Mean(np.array([m.value for m in along]), np.array([m.error for m in along]))
    mean = getattr(ensemble, f"{name}s")
    return Mean(mean.value[-1], mean.error[-1])
