"""The arguments of `run_trajectories`, checked before any work."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    non_negative,
    non_negative_number,
    positive,
    positive_number,
    real_array,
    real_number,
    single_point,
)
from anticrossing._core.threads import processors
from anticrossing._core.unchanging import read_only
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.electronic.base import ElectronicStates
from anticrossing.molecules.trajectories import _state
from anticrossing.molecules.trajectories._state import CHOICES, DECOHERENCE, METHODS
from anticrossing.molecules.trajectories.initial import InitialConditions
from anticrossing.units import convert_energy

_MASH = {"rescaling": "coupling", "frustrated": "reflect"}  # what the method itself prescribes
_FILLED_IN: Any = None  # where it is not given
_DECOHERENCE_ENERGY = 0.1  # hartree, or the unit of H where it has no name
_DECOHERENCE_THRESHOLD = 0.01
_NARROWEST = 1e-100  # width of a packet: its square enters
_ONLY_FOR = {
    "decoherence_energy": "energy", "decoherence_width": "overlap",
    "decoherence_threshold": "overlap",
}  # fmt: skip
_ROOM, _ROOM_ON_THE_FLY = 16, 1024  # hops per trajectory, if no number is given
_MOST_STEPS = 2**53  # more are no longer exact as floating-point numbers
_SAME_MASS = 1e-3  # relative, between masses as they are written in files and 1/ω


class Options(NamedTuple):
    """What the kernels do, with the codes of `_state`; ħ = 1."""

    method: int
    friction: bool
    along_velocity: bool
    reflect: bool
    decoherence: int
    decoherence_energy: float
    decoherence_threshold: float
    dt: float
    steps: int
    every: int
    state: int
    diabatic: bool


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """What `run_trajectories` was asked for: checked, every default filled in.

    The fields are the arguments of `run_trajectories`; `box` becomes an array (2, f).
    """

    # what moves
    hamiltonian: Hamiltonian | ElectronicStates
    masses: FloatArray = _FILLED_IN
    initial: InitialConditions
    box: FloatArray = _FILLED_IN
    friction: FloatArray | None = None
    temperature: float | None = None
    # when, and how often
    step: float
    steps: int
    every: int = _FILLED_IN
    count: int
    seed: int
    # how
    method: str = "fssh"
    rescaling: str | None = None
    frustrated: str | None = None
    decoherence: str | None = None
    decoherence_energy: float | None = None
    decoherence_width: FloatArray | None = None
    decoherence_threshold: float | None = None
    # what is kept, and the work
    keep: int = 0
    log: int | None = None
    batch: int = _FILLED_IN
    threads: int = _FILLED_IN

    @classmethod
    def of(cls, hamiltonian: object, **arguments: Any) -> Request:
        """Return a request, its arguments checked; None stands for what is not given."""
        if not isinstance(hamiltonian, (Hamiltonian, ElectronicStates)):
            hint = ": pass its `hamiltonian`" if hasattr(hamiltonian, "hamiltonian") else ""
            raise fail("hamiltonian", "be a Hamiltonian", f"it is {describe(hamiltonian)}{hint}")
        return cls(hamiltonian=hamiltonian, **arguments)

    def __post_init__(self) -> None:
        for check in (self._motion, self._time, self._hopping, self._work):
            for name, value in check().items():
                object.__setattr__(self, name, value)
        _check_memory(self)

    def _motion(self) -> dict[str, Any]:
        """Return the checked fields of what moves."""
        H = self.hamiltonian
        if isinstance(H, Hamiltonian):
            single_point("hamiltonian", H)
        coordinates = len(H.coordinates)
        masses = _masses(H, self.masses)
        self.initial.check(coordinates, H.dimension)
        _check_spread(self.initial, masses)
        box, heat = _box(self.box, coordinates), self._surroundings(coordinates)
        return {"masses": masses, "box": box, **heat}

    def _surroundings(self, coordinates: int) -> dict[str, Any]:
        """Return the checked friction and temperature; nothing where there are none."""
        if self.friction is None and self.temperature is None:
            return {}
        for name, other in (("friction", "temperature"), ("temperature", "friction")):
            if getattr(self, name) is None:
                raise fail(name, f"be given with `{other}`", "it is None")
        if self.method == "landau-zener":
            text = "the method is 'landau-zener', which needs smooth motion"
            raise fail("friction", "be left out", text)
        friction = non_negative("friction", self.friction)
        return {
            "friction": _for_all("friction", friction, coordinates),
            "temperature": non_negative_number("temperature", self.temperature),
        }

    def _time(self) -> dict[str, Any]:
        """Return the checked fields of time and number."""
        steps = integer("steps", self.steps, minimum=1, maximum=_MOST_STEPS)
        step = positive_number("step", self.step)
        if not math.isfinite(steps * step * self.hamiltonian.units.angular):
            text = f"{steps} steps of {step:g} are too long"
            raise fail("step", "leave the last time finite", text)
        every = self.every
        every = max(1, steps // 100) if every is None else integer("every", every, minimum=1)
        if every > steps:
            raise fail("every", f"be at most `steps`, {steps}", f"it is {every}")
        return {
            "step": step,
            "steps": steps,
            "every": every,
            "count": integer("count", self.count, minimum=1),
            "seed": integer("seed", self.seed, minimum=0),
        }

    def _hopping(self) -> dict[str, Any]:
        """Return the checked method and its options."""
        method = choice("method", self.method, METHODS)
        found: dict[str, Any] = {"method": method}
        for name, methods in CHOICES.items():
            value = getattr(self, name)
            if value is not None:
                choice(name, value, methods["fssh"])
                if method not in methods:
                    known = " or ".join(repr(m) for m in methods)
                    is_not = f"the method is {method!r}"
                    raise fail(name, f"be given for method {known} only", is_not)
            found[name] = value or methods.get(method, (None,))[0]
        if method == "multi-state-mash":
            found |= _MASH
        if method == "mash":
            found |= _MASH
            if self.hamiltonian.dimension != 2:
                states = f"it has {self.hamiltonian.dimension}"
                raise fail(
                    "method", "be 'multi-state-mash' or another one unless H has two states", states
                )
            if self.initial.basis != "adiabatic":
                must = "start in an adiabatic state for 'mash'"
                raise fail("initial", must, "its basis is diabatic")
        if isinstance(self.hamiltonian, ElectronicStates):
            found = self._for_states(self.hamiltonian, found)
        for name, decoherence in _ONLY_FOR.items():
            if getattr(self, name) is not None and found["decoherence"] != decoherence:
                must = f"be given for decoherence {decoherence!r} only"
                raise fail(name, must, f"it is {found['decoherence']!r}")
        return found | self._decoherence(found["decoherence"])

    def _decoherence(self, kind: str | None) -> dict[str, Any]:
        """Return the checked constants of a kind of decoherence."""
        if kind == "energy":
            constant, name = self.decoherence_energy, "decoherence_energy"
            if constant is None:
                unit = self.hamiltonian.units.energy or "hartree"
                constant = convert_energy(_DECOHERENCE_ENERGY, "hartree", unit)
            return {name: positive_number(name, real_number(name, constant))}
        if kind != "overlap":
            return {}
        threshold, name = self.decoherence_threshold, "decoherence_threshold"
        if threshold is None:
            threshold = _DECOHERENCE_THRESHOLD
        return {
            "decoherence_width": self._width(),
            name: positive_number(name, real_number(name, threshold)),
        }

    def _width(self) -> FloatArray:
        """Return the widths of the packets whose overlap counts, for all coordinates."""
        name, coordinates = "decoherence_width", len(self.hamiltonian.coordinates)
        if self.decoherence_width is not None:
            width = _for_all(name, positive(name, self.decoherence_width), coordinates)
            if np.any((width < _NARROWEST) | (width > 1 / _NARROWEST)):
                must = f"be from {_NARROWEST:g} to {1 / _NARROWEST:g}"
                raise fail(name, must, f"it is {describe(width)}")
            return width
        if isinstance(self.hamiltonian, VibronicCoupling):
            return np.full(coordinates, math.sqrt(0.5))  # of the ground state of each mode
        must = "be given for decoherence 'overlap' unless H is a VibronicCoupling"
        raise fail(name, must, "it is None")

    def _for_states(self, states: ElectronicStates, found: dict[str, Any]) -> dict[str, Any]:
        """Return the options for states that a program gives; without couplings not all can be."""
        if self.initial.basis != "adiabatic":
            must = "start in an adiabatic state where the states are given point by point"
            raise fail("initial", must, "its basis is diabatic")
        if states.provides in ("couplings", "both"):
            return found
        if found["rescaling"] == "coupling" and self.rescaling is None and self.method == "fssh":
            found["rescaling"] = "velocity"
        for name, value in (
            ("method", "mash"), ("method", "multi-state-mash"), ("method", "ehrenfest"),
            ("rescaling", "coupling"), ("decoherence", "augmented"), ("decoherence", "overlap"),
        ):  # fmt: skip
            if found[name] == value:
                raise fail(name, f"be another one than {value!r} without couplings",
                           f"the states provide {states.provides}")  # fmt: skip
        return found

    def _work(self) -> dict[str, Any]:
        """Return the checked fields of what is kept and of the work."""
        size, batch, threads = _state.BLOCK, self.batch, self.threads
        batch = 64 * size if batch is None else integer("batch", batch, minimum=1)
        threads = processors() if threads is None else integer("threads", threads, minimum=1)
        return {
            "keep": min(integer("keep", self.keep, minimum=0), self.count),
            "log": None if self.log is None else integer("log", self.log, minimum=0),
            "batch": -(-batch // size) * size,
            "threads": threads,
        }

    @property
    def room(self) -> int:
        """How many hops of a trajectory are noted while it runs."""
        if self.log is not None:
            return self.log
        # What a program gives is not asked for twice, so that these trajectories need room at once.
        once = isinstance(self.hamiltonian, ElectronicStates)
        return min(2 * self.steps, _ROOM_ON_THE_FLY if once else _ROOM)

    @property
    def thermostat(self) -> FloatArray:
        """What friction leaves of velocities in a step, and how far noise spreads them, (2, f)."""
        if self.friction is None or self.temperature is None:
            return np.zeros((2, self.masses.size))
        lost = -np.expm1(-2 * self.friction * self.step)
        return np.stack(
            [np.exp(-self.friction * self.step), np.sqrt(self.temperature / self.masses * lost)]
        )

    @property
    def stiffness(self) -> FloatArray:
        """γ of Gaussian packets with the density exp(−γ x²); 1 where none are needed."""
        width = self.decoherence_width
        return np.ones_like(self.masses) if width is None else 1 / (2 * width**2)

    @property
    def outputs(self) -> int:
        """Number of output times."""
        return self.steps // self.every + 1

    @property
    def times(self) -> FloatArray:
        """The output times."""
        return np.asarray(np.arange(self.outputs) * (self.every * self.step), dtype=np.float64)

    def options(self) -> Options:
        """Return what the kernels take."""
        return Options(
            method=METHODS[self.method],
            friction=self.friction is not None,
            along_velocity=self.rescaling == "velocity",
            reflect=self.frustrated == "reflect",
            decoherence=DECOHERENCE[self.decoherence or "none"],
            decoherence_energy=float(self.decoherence_energy or 0.0),
            decoherence_threshold=float(self.decoherence_threshold or 0.0),
            dt=self.step * self.hamiltonian.units.angular,
            steps=self.steps,
            every=self.every,
            state=self.initial.state,
            diabatic=self.initial.basis == "diabatic",
        )


def _masses(
    hamiltonian: Hamiltonian | ElectronicStates, masses: npt.ArrayLike | None
) -> FloatArray:
    """Return the masses of all coordinates; a vibronic coupling model has 1/ω."""
    coordinates = len(hamiltonian.coordinates)
    vibronic = isinstance(hamiltonian, VibronicCoupling)
    known = vibronic or isinstance(hamiltonian, ElectronicStates)
    own = hamiltonian.masses if known else None  # type: ignore[union-attr]
    if masses is None:
        if own is None:
            raise fail("masses", "be given unless H is a VibronicCoupling", "it is None")
        return np.array(own)
    mass = positive("masses", masses)
    filled = _for_all("masses", mass, coordinates)
    # One number is a choice; as many as there are modes may be atomic masses by mistake.
    if (
        vibronic
        and own is not None
        and mass.size > 1
        and np.any(np.abs(mass / own - 1) > _SAME_MASS)
    ):
        raise fail(
            "masses",
            "be 1/ω for the normal coordinates of a VibronicCoupling, which is the default",
            f"it is {describe(masses)}",
        )
    return filled


def _for_all(name: str, values: FloatArray, coordinates: int) -> FloatArray:
    """Return one number for each coordinate."""
    if values.shape not in ((), (1,), (coordinates,)):
        count = "one number" if coordinates == 1 else f"one number or {coordinates}"
        raise fail(name, f"be {count}", f"its shape is {values.shape}")
    return np.broadcast_to(values, (coordinates,)).copy()


def _check_spread(initial: InitialConditions, masses: FloatArray) -> None:
    """Raise `InputError` unless positions and velocities at the start are finite numbers."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        widths = initial.spread(masses)
        # Ten standard deviations: more than a random number ever is.
        reach = np.abs(initial.position) + 10 * widths[0]
        speed = (np.abs(initial.momentum) + 10 * widths[1]) / masses
        energy = masses * speed**2
    if not np.all(np.isfinite(reach)):
        raise fail("initial", "give finite positions", f"they reach {reach.max():g}")
    if not np.all(np.isfinite(energy)):
        raise fail(
            "masses",
            "leave speeds and kinetic energies finite",
            f"speeds of {speed.max():.3g} are asked for",
        )


def _check_memory(request: Request) -> None:
    """Raise `InputError` if what is kept of an ensemble is larger than the machine's memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return  # not told by this system
    n, f = request.hamiltonian.dimension, len(request.hamiltonian.coordinates)
    together = min(request.batch, request.count)
    sums = -(-together // _state.BLOCK) * request.outputs * _state.observables(n, f) * 2
    logs = together * 5 * request.room
    work = together * (8 * f + n * n * (10 + f) + 1)
    kept = request.keep * request.outputs * (2 * f + n + 3)
    ends = request.count * (2 * f + n + 6)
    # Of a batch there are up to three copies, on its way from the kernels to the result.
    size = 8 * (3 * (sums + logs) + work + 2 * kept + 2 * ends)
    if size > memory:
        raise fail(
            "count",
            f"be such that the ensemble fits into {memory / 1e9:.3g} GB of memory",
            f"with these `steps`, `every`, `keep`, `log` and `batch` it takes {size / 1e9:.3g} GB",
        )


def _box(box: Any, coordinates: int) -> FloatArray:
    """Return lower and upper bounds, (2, f)."""
    if box is None:
        return np.stack([np.full(coordinates, -math.inf), np.full(coordinates, math.inf)])
    array = real_array("box", box)
    if array.shape == (2,):
        if coordinates > 1:
            raise fail("box", f"have the shape (2, {coordinates})", "its shape is (2,)")
        array = array[:, np.newaxis]
    if array.shape != (2, coordinates):
        raise fail("box", f"have the shape (2, {coordinates})", f"its shape is {array.shape}")
    if np.any(array[0] >= array[1]):
        raise fail("box", "hold lower bounds below the upper ones", f"it is {describe(box)}")
    return array.copy()
