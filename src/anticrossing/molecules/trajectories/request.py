"""The arguments of `run_trajectories`, checked before any work."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    positive,
    positive_number,
    real_array,
    real_number,
)
from anticrossing._core.threads import processors
from anticrossing._core.unchanging import read_only
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.trajectories import _state
from anticrossing.molecules.trajectories.initial import InitialConditions
from anticrossing.units import convert_energy

METHODS = {
    "fssh": _state.FSSH,
    "landau-zener": _state.LANDAU_ZENER,
    "ehrenfest": _state.EHRENFEST,
    "mash": _state.MASH,
}
RESCALING = ("coupling", "velocity")
FRUSTRATED = ("ignore", "reflect")
DECOHERENCE = {
    "none": _state.NO_DECOHERENCE,
    "energy": _state.ENERGY_BASED,
    "augmented": _state.AUGMENTED,
}
_DECOHERENCE_ENERGY = 0.1  # hartree, or the unit of H where it has no name
_MOST_STEPS = 2**53  # more are no longer exact as floating-point numbers
_SAME_MASS = 1e-3  # relative, between masses as they are written in files and 1/ω


@read_only
@dataclass(frozen=True, eq=False)
class Request:
    """What `run_trajectories` was asked for, every default filled in."""

    hamiltonian: Hamiltonian
    masses: FloatArray
    initial: InitialConditions
    method: str
    dt: float
    steps: int
    every: int
    count: int
    seed: int
    box: FloatArray
    rescaling: str | None
    frustrated: str | None
    decoherence: str | None
    decoherence_energy: float | None
    keep: int
    log: int
    batch: int
    threads: int

    @property
    def outputs(self) -> int:
        """Number of output times."""
        return self.steps // self.every + 1

    @property
    def times(self) -> FloatArray:
        """The output times."""
        return np.asarray(np.arange(self.outputs) * (self.every * self.dt), dtype=np.float64)

    def options(self) -> _state.Options:
        """Return the codes that the kernels take."""
        return _state.Options(
            method=METHODS[self.method],
            along_velocity=self.rescaling == "velocity",
            reflect=self.frustrated == "reflect",
            decoherence=DECOHERENCE[self.decoherence or "none"],
            decoherence_energy=float(self.decoherence_energy or 0.0),
            dt=self.dt,
            steps=self.steps,
            every=self.every,
            state=self.initial.state,
            diabatic=self.initial.basis == "diabatic",
        )


def check(
    hamiltonian: object,
    *,
    masses: npt.ArrayLike | None,
    initial: InitialConditions,
    method: str,
    dt: float,
    steps: int,
    every: int | None,
    count: int,
    seed: int,
    box: Any,
    rescaling: str | None,
    frustrated: str | None,
    decoherence: str | None,
    decoherence_energy: float | None,
    keep: int,
    log: int,
    batch: int | None,
    threads: int | None,
) -> Request:
    """Return the arguments, checked."""
    if not isinstance(hamiltonian, Hamiltonian):
        hint = ": pass its `hamiltonian`" if hasattr(hamiltonian, "hamiltonian") else ""
        raise fail("hamiltonian", "be a Hamiltonian", f"it is {describe(hamiltonian)}{hint}")
    if hamiltonian.batch_shape:
        raise fail("hamiltonian", "have single parameter values", "an array of them was given")
    coordinates = len(hamiltonian.coordinates)
    mass = _masses(hamiltonian, masses)
    if not isinstance(initial, InitialConditions):
        raise fail("initial", "be `Fixed`, `Gaussian` or `Thermal`", f"it is {describe(initial)}")
    initial.check(coordinates, hamiltonian.dimension)
    _check_spread(initial, mass)
    choice("method", method, METHODS)
    steps = integer("steps", steps, minimum=1)
    if steps > _MOST_STEPS:
        raise fail("steps", f"be at most {_MOST_STEPS}", f"it is {steps}")
    dt = positive_number("dt", real_number("dt", dt))
    if not math.isfinite(steps * dt):
        raise fail("dt", "leave the last time finite", f"{steps} steps of {dt:g} are too long")
    every = max(1, steps // 100) if every is None else integer("every", every, minimum=1)
    if every > steps:
        raise fail("every", f"be at most `steps`, {steps}", f"it is {every}")
    count = integer("count", count, minimum=1)
    _check_method(hamiltonian, initial, method, rescaling, frustrated, decoherence)
    if decoherence_energy is not None and decoherence != "energy":
        raise fail(
            "decoherence_energy",
            "be given for decoherence 'energy' only",
            f"that is {decoherence!r}",
        )
    if method == "fssh":
        rescaling, frustrated = rescaling or "coupling", frustrated or "ignore"
        decoherence = decoherence or "none"
    elif method == "landau-zener":
        rescaling, frustrated = rescaling or "velocity", frustrated or "ignore"
    elif method == "mash":
        rescaling, frustrated = "coupling", "reflect"
    constant = decoherence_energy
    if constant is None:
        unit = hamiltonian.units.energy or "hartree"
        constant = convert_energy(_DECOHERENCE_ENERGY, "hartree", unit)
    size = _state.BLOCK
    batch = 64 * size if batch is None else integer("batch", batch, minimum=1)
    request = Request(
        hamiltonian=hamiltonian,
        masses=mass,
        initial=initial,
        method=method,
        dt=dt,
        steps=steps,
        every=every,
        count=count,
        seed=integer("seed", seed, minimum=0),
        box=_box(box, coordinates),
        rescaling=rescaling,
        frustrated=frustrated,
        decoherence=decoherence,
        decoherence_energy=(
            positive_number("decoherence_energy", real_number("decoherence_energy", constant))
            if decoherence == "energy"
            else None
        ),
        keep=min(integer("keep", keep, minimum=0), count),
        log=integer("log", log, minimum=0),
        batch=-(-batch // size) * size,
        threads=processors() if threads is None else integer("threads", threads, minimum=1),
    )
    _check_memory(request)
    return request


def _masses(hamiltonian: Hamiltonian, masses: npt.ArrayLike | None) -> FloatArray:
    """Return the masses of all coordinates; those of a vibronic coupling model are 1/ω."""
    coordinates = len(hamiltonian.coordinates)
    own = hamiltonian.masses if isinstance(hamiltonian, VibronicCoupling) else None
    if masses is None:
        if own is None:
            raise fail("masses", "be given unless H is a VibronicCoupling", "it is None")
        return own
    mass = positive("masses", masses)
    if mass.shape not in ((), (1,), (coordinates,)):
        count = "one number" if coordinates == 1 else f"one number or {coordinates}"
        raise fail("masses", f"be {count}", f"its shape is {mass.shape}")
    # One number is a choice; as many as there are modes may be those of the atoms by mistake.
    if own is not None and mass.size > 1 and np.any(np.abs(mass / own - 1) > _SAME_MASS):
        raise fail(
            "masses",
            "be 1/ω for the normal coordinates of a VibronicCoupling, which is the default",
            f"it is {describe(masses)}",
        )
    return np.broadcast_to(mass, (coordinates,)).copy()


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
    work = together * (4 * f + n * n * (10 + f) + 5 * request.log)
    kept = request.keep * request.outputs * (2 * f + n + 3)
    ends = request.count * (2 * f + n + 6)
    starts = request.count * (4 * f + 1)
    size = 8 * (sums + work + starts + 2 * kept + 2 * ends)
    if size > memory:
        raise fail(
            "count",
            f"be such that the ensemble fits into {memory / 1e9:.3g} GB of memory",
            f"with these `steps`, `every`, `keep`, `log` and `batch` it takes {size / 1e9:.3g} GB",
        )


def _check_method(
    hamiltonian: Hamiltonian,
    initial: InitialConditions,
    method: str,
    rescaling: str | None,
    frustrated: str | None,
    decoherence: str | None,
) -> None:
    options: list[tuple[str, str | None, Any, tuple[str, ...]]] = [
        ("rescaling", rescaling, RESCALING, ("fssh", "landau-zener")),
        ("frustrated", frustrated, FRUSTRATED, ("fssh", "landau-zener")),
        ("decoherence", decoherence, DECOHERENCE, ("fssh",)),
    ]
    for name, value, allowed, methods in options:
        if value is None:
            continue
        choice(name, value, allowed)
        if method not in methods:
            known = " or ".join(repr(m) for m in methods)
            raise fail(name, f"be given for method {known} only", f"the method is {method!r}")
    if method == "mash":
        if hamiltonian.dimension != 2:
            raise fail("method", "be another one than 'mash' unless H has two states",
                       f"it has {hamiltonian.dimension}")  # fmt: skip
        if initial.basis != "adiabatic":
            raise fail("initial", "start in an adiabatic state for 'mash'", "its basis is diabatic")


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
