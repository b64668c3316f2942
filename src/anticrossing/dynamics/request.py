"""The arguments of `propagate`, copied and checked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    hermitian,
    instance,
    integer,
    joint_shape,
    number_between,
    real_array,
)
from anticrossing._core.foreign import own
from anticrossing._core.unchanging import Unchanging
from anticrossing.drive import Clock, Drive, compose
from anticrossing.dynamics import panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.superadiabatic import HIGHEST_ORDER
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.spectrum import Symmetry

BASES = ("adiabatic", "superadiabatic", "diabatic")
LARGEST_OPEN_DIMENSION = 12
LARGEST_STATE_DIMENSION = 256  # of one density matrix, followed without the map of all of them
LARGEST_DECAY_DIMENSION = 128  # of levels that decay, without anything else


class Request(Unchanging):
    """A checked call of `propagate`.

    Attributes
    ----------
    lanes : Lanes
        The parameter points.
    environment : Environment or None
    initial : int or array
        The initial level, a state vector, or with an environment a density matrix.
    basis : str
        One of `BASES`.
    order : int or None
        Of the superadiabatic states; None for the best.
    accuracy : float
        Wanted accuracy of the probabilities.
    times : array, shape (lanes, K), or None
        Requested times.
    breakpoints : array, shape (lanes, k), or None
        Times where panels must end.
    symmetry : Symmetry or None
        Whose sectors H keeps; None for those that are found.
    whole : bool
        Whether all initial states are asked for, or the given one alone.
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        drive: Drive,
        *,
        environment: Environment | None = None,
        initial: int | npt.ArrayLike = 0,
        basis: str = "adiabatic",
        order: int | None = None,
        times: npt.ArrayLike | None = None,
        tolerance: float = 1e-10,
        breakpoints: npt.ArrayLike | None = None,
        symmetry: Symmetry | None = None,
        whole: bool | None = None,
        tell: Callable[[float], None] = lambda share: None,
    ) -> None:
        if whole is not None:
            instance("whole", whole, bool)
        if environment is None:
            hamiltonian, drive = check_kinds(hamiltonian, drive)
            self.whole = whole is not False
        else:
            hamiltonian, drive = check_open(hamiltonian, drive, environment, not whole)
            few = environment.decays or hamiltonian.dimension <= LARGEST_OPEN_DIMENSION
            self.whole = few if whole is None else whole
        self.environment = environment
        batch_shape = () if environment is None else environment.batch_shape
        self.lanes = Lanes.of(hamiltonian, drive, batch_shape, tell)
        self.basis = choice("basis", basis, BASES)
        self.order = check_order(self.basis, order)
        self.accuracy = check_tolerance(tolerance)
        self.times = None if times is None else self.lanes.check_times(times)
        mixed = environment is not None and environment.without_decay is not None
        self.initial = check_initial(hamiltonian.dimension, initial, mixed)
        self.breakpoints = _check_breakpoints(self.lanes, breakpoints)
        self.symmetry = check_symmetry(hamiltonian, symmetry, environment is not None)

    @property
    def description(self) -> str:
        """The problem in words."""
        said = f"{self.lanes.hamiltonian!r} under {self.lanes.drive!r}"
        return said if self.environment is None else f"{said} with {self.environment!r}"

    @property
    def panel_tolerance(self) -> float:
        """The coupling that one panel may neglect."""
        return max(0.02 * self.accuracy, panels.SMALLEST_TOLERANCE)

    @property
    def times_and_end(self) -> FloatArray:
        """The requested times and, last, the end of the window, (lanes, K + 1)."""
        ends = self.lanes.stop[:, None]
        return ends if self.times is None else np.concatenate([self.times, ends], axis=1)

    def shaped_times(self) -> FloatArray:
        """Return the requested times with the batch axes first."""
        batch = self.lanes.batch_shape
        return np.empty((*batch, 0)) if self.times is None else self.times.reshape(*batch, -1)


def check_kinds(
    hamiltonian: Any, drive: Any, batch_shape: tuple[int, ...] = ()
) -> tuple[Hamiltonian, Drive]:
    """Return a Hamiltonian of one coordinate and its drive, or raise `InputError`.

    Along a path of several coordinates the one coordinate is time.
    """
    instance("hamiltonian", hamiltonian, Hamiltonian)
    if not isinstance(drive, Drive):
        raise fail("drive", "be a drive from `anticrossing.drive`", f"it is {describe(drive)}")
    hamiltonian, drive = compose(hamiltonian, drive)
    if len(hamiltonian.coordinates) != 1:
        raise fail(
            "hamiltonian",
            "have one coordinate to be driven, or a `drive.Path` that moves all of them",
            f"it has {len(hamiltonian.coordinates)}",
        )
    try:
        joint_shape(hamiltonian.batch_shape, drive.batch_shape, batch_shape)
    except ValueError:
        environment = f" and environment {batch_shape}" if batch_shape else ""
        raise InputError(
            f"The batch shapes of Hamiltonian {hamiltonian.batch_shape}, drive "
            f"{drive.batch_shape}{environment} must broadcast, but they do not."
        ) from None
    return hamiltonian, drive


def check_open(
    hamiltonian: Any, drive: Any, environment: Any, one_state: bool = False
) -> tuple[Hamiltonian, Drive]:
    """Return what `check_kinds` does, or raise `InputError`, also for too many levels."""
    instance("environment", environment, Environment)
    hamiltonian, drive = check_kinds(hamiltonian, drive, environment.batch_shape)
    levels = hamiltonian.dimension
    if environment.decays:
        _check_decaying(levels, environment)
    elif not one_state and levels > LARGEST_OPEN_DIMENSION:
        raise fail(
            "hamiltonian",
            f"have at most {LARGEST_OPEN_DIMENSION} levels for the map of all density matrices",
            f"it has {levels}: the generator would be a dense {levels**2} × {levels**2} matrix at "
            "every node; `propagate` follows one initial state of more levels",
        )
    if levels > LARGEST_STATE_DIMENSION:
        raise fail(
            "hamiltonian",
            f"have at most {LARGEST_STATE_DIMENSION} levels with an environment",
            f"it has {levels}; quantum trajectories (`quantum_jumps`) end there too",
        )
    environment.check(levels, environment_coordinates(drive))
    return hamiltonian, drive


def _check_decaying(levels: int, environment: Environment) -> None:
    alone = environment.without_decay is None
    most = LARGEST_DECAY_DIMENSION if alone else LARGEST_OPEN_DIMENSION
    if levels > most:
        what = "levels that decay" if alone else "levels that decay beside another environment"
        raise fail(
            "hamiltonian",
            f"have at most {most} {what}",
            f"it has {levels}: `quantum_jumps` follows more",
        )


def refuse_noise(environment: Environment) -> None:
    """Raise `InputError` for noise that remembers, which only `propagate` and paths follow.

    They do not where levels decay.
    """
    if environment.noises:
        held = f"it holds {environment.noises[0]!r}"
        if environment.decays:
            raise fail("environment", "forget at once where levels decay", held)
        follow = f"{held}, which `propagate` and `dynamics.sample_paths` follow"
        raise fail("environment", "forget at once here", follow)


def check_single_open(
    hamiltonian: Any, drive: Any, environment: Any, *, decays: bool = False
) -> tuple[Hamiltonian, Drive]:
    """Return what `check_kinds` does, or raise `InputError`, also for a batch and for noise.

    Levels must not decay unless `decays` allows it.
    """
    instance("environment", environment, Environment)
    refuse_noise(environment)
    return check_noisy(hamiltonian, drive, environment, decays=decays)


def check_noisy(
    hamiltonian: Any, drive: Any, environment: Any, *, decays: bool = False
) -> tuple[Hamiltonian, Drive]:
    """Return what `check_kinds` does, or raise `InputError`, also for a batch.

    Levels must not decay unless `decays` allows it.
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    for name, shape in (
        ("hamiltonian", hamiltonian.batch_shape),
        ("drive", drive.batch_shape),
        ("environment", environment.batch_shape),
    ):
        if shape != ():
            raise fail(name, "be a single parameter point", f"its batch shape is {shape}")
    environment.check(hamiltonian.dimension, environment_coordinates(drive))
    if environment.decays and not decays:
        raise fail(
            "environment",
            "keep the trace",
            "its levels decay: `propagate` and `quantum_jumps` alone follow a norm that is lost",
        )
    return hamiltonian, drive


def environment_coordinates(drive: Drive) -> tuple[str, ...]:
    """Return the names of the coordinates that an environment may depend on."""
    return drive.path.coordinates if isinstance(drive, Clock) else ("x",)


def check_order(basis: str, order: Any) -> int | None:
    """Return the order of superadiabatic states, or raise `InputError`."""
    if order is None:
        return None
    if basis != "superadiabatic":
        raise fail("order", "be used with basis='superadiabatic'", f"the basis is {basis!r}")
    return integer("order", order, minimum=0, maximum=HIGHEST_ORDER)


def check_symmetry(
    hamiltonian: Hamiltonian, symmetry: Any, open_system: bool = False
) -> Symmetry | None:
    """Return a symmetry that may be one of H, or raise `InputError`."""
    if symmetry is None:
        return None
    instance("symmetry", symmetry, Symmetry)
    if open_system:
        raise fail(
            "symmetry", "be given without an environment", "there is one, which may break it"
        )
    if not isinstance(hamiltonian, TermHamiltonian):
        raise fail(
            "symmetry",
            "be one of constant matrices",
            "H is a Python function, known only where it is called",
        )
    if len(symmetry.labels) != hamiltonian.dimension:
        raise fail(
            "symmetry", f"label {hamiltonian.dimension} states", f"it labels {len(symmetry.labels)}"
        )
    return symmetry


def check_tolerance(tolerance: Any) -> float:
    """Return the wanted accuracy of probabilities, or raise `InputError`."""
    return number_between("tolerance", tolerance, 1e-13, 1e-2)


def _check_breakpoints(lanes: Lanes, breakpoints: npt.ArrayLike | None) -> FloatArray | None:
    if breakpoints is None:
        return None
    given = np.atleast_1d(real_array("breakpoints", breakpoints))
    if given.ndim != 1:
        raise fail("breakpoints", "have shape (k,)", f"its shape is {given.shape}")
    return np.broadcast_to(given, (lanes.count, given.shape[-1]))


def check_initial(levels: int, initial: Any, open_system: bool = False) -> int | ComplexArray:
    """Return an initial level, state vector or, of an open system, density matrix."""
    if isinstance(initial, (int, np.integer)) and not isinstance(initial, bool):
        if not 0 <= initial < levels:
            raise fail("initial", f"be a level from 0 to {levels - 1}", f"it is {initial}")
        return int(initial)
    try:
        state = np.asarray(own(initial), dtype=np.complex128)
    except (TypeError, ValueError):
        raise fail(
            "initial", "be a level or a state vector", f"it is {describe(initial)}"
        ) from None
    if open_system and state.shape == (levels, levels):
        return _check_density(hermitian("initial", state))
    if state.shape != (levels,):
        raise fail(
            "initial", f"be a level or have shape ({levels},)", f"its shape is {state.shape}"
        )
    if not np.all(np.isfinite(state)) or abs(np.linalg.norm(state) - 1) > 1e-8:
        raise fail("initial", "be a state of norm 1", f"its norm is {np.linalg.norm(state):.6g}")
    return state


def density(initial: ComplexArray) -> ComplexArray:
    """Return ρ of a state vector or a density matrix."""
    return initial if initial.ndim == 2 else np.outer(initial, initial.conj())


def _check_density(rho: ComplexArray) -> ComplexArray:
    if abs(np.trace(rho) - 1) > 1e-8:
        raise fail("initial", "have trace 1", f"its trace is {np.trace(rho).real:.6g}")
    lowest = float(np.linalg.eigvalsh(rho)[0])
    if lowest < -1e-10:
        raise fail("initial", "be positive", f"it has the eigenvalue {lowest:.3g}")
    return rho
