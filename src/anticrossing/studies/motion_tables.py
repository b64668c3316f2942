"""The keys of wave packets and of trajectories in a file."""

from __future__ import annotations

from typing import Any, Literal

from anticrossing.studies.schema import Table

Vector = float | list[float]
"""One number for all coordinates, or a list with one for each."""


class GridTable(Table, frozen=True, kw_only=True):
    """The grid of the wave function.

    Attributes
    ----------
    start : coordinate
        The lower end.
    stop : coordinate
        The upper end.
    points
        How many points.
    basis
        "fft", "periodic" or "sine".
    """

    start: Vector
    stop: Vector
    points: int | list[int]
    basis: str | list[str] = "fft"


class PacketTable(Table, frozen=True, kw_only=True):
    """A Gaussian packet, its grid, and how long it is followed; ħ = 1.

    Attributes
    ----------
    grid
        The grid of the wave function: start, stop, points, basis.
    centre : coordinate
        x₀ of exp[−(x − x₀)²/σ² + ikx].
    momentum : ħ/coordinate
        k.
    width : coordinate
        σ.
    stop : time
        The last time.
    masses : `mass_unit`
        Of the coordinates; a vibronic model brings its own.
    mass_unit
        "amu", "electron" or "kg", where the coordinate is a length; else ħ² per energy and
        coordinate squared.
    state
        Where the packet begins, 0 the lowest.
    basis
        Of `state`: "adiabatic" or "diabatic".
    step : time
        The time step; chosen for `tolerance` by default.
    tolerance
        Of the wave function by the step, and in the check of convergence; 1e-4 by default.
    absorber : coordinate
        Width of absorbing layers at the ends, or [[lower, upper]] for each coordinate.
    divide : coordinate
        The position between what is reflected and what is transmitted.
    samples
        Recorded times; 101 by default, fewer on large grids.
    convergence
        true: repeat with finer steps and grids; takes six to nine times as long.
    """

    grid: GridTable
    centre: Vector
    momentum: Vector
    width: Vector
    stop: float
    masses: Vector | None = None
    mass_unit: str | None = None
    state: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"
    step: float | None = None
    tolerance: float | None = None
    absorber: float | list[float | list[float]] | None = None
    divide: float | None = None
    samples: int | None = None
    convergence: bool = False


class StartTable(Table, frozen=True, kw_only=True):
    """All trajectories begin at one point with one momentum.

    Attributes
    ----------
    kind
        "packet", "fixed" or "thermal".
    centre : coordinate
        Where they begin.
    momentum : ħ/coordinate
        With which momentum.
    state
        In which state, 0 the lowest.
    basis
        Of `state`: "adiabatic" or "diabatic".
    """

    kind: str
    centre: Vector
    momentum: Vector
    state: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"


class PacketStartTable(StartTable, frozen=True, kw_only=True):
    """Trajectories begin as a Gaussian packet, exp(−(x − x₀)²/σ²) with the width σ.

    Attributes
    ----------
    width : coordinate
        σ.
    """

    width: Vector


class ThermalStartTable(Table, frozen=True, kw_only=True):
    """Trajectories begin in the vibrations of the ground state, lifted to a state at once.

    Attributes
    ----------
    kind
        "packet", "fixed" or "thermal".
    centre : coordinate
        The minimum of the oscillators.
    temperature : energy
        k_B T.
    momentum : ħ/coordinate
        Mean momentum.
    frequencies : energy
        ħω of the oscillators; a vibronic model brings its own.
    distribution
        "wigner" or "classical".
    state
        In which state, 0 the lowest.
    basis
        Of `state`: "adiabatic" or "diabatic".
    """

    kind: str
    centre: Vector
    temperature: float
    momentum: Vector = 0.0
    frequencies: Vector | None = None
    distribution: str | None = None
    state: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"


STARTS: dict[str, type[Table]] = {
    "packet": PacketStartTable,
    "fixed": StartTable,
    "thermal": ThermalStartTable,
}


class TrajectoriesTable(Table, frozen=True, kw_only=True):
    """The method, how many trajectories, and how long; ħ = 1.

    Attributes
    ----------
    initial
        How the trajectories begin: kind, centre, momentum, …
    count
        Number of trajectories.
    seed
        Of all random numbers.
    step : time
        The time step.
    stop : time
        The last time, a whole number of steps.
    masses : `mass_unit`
        Of the coordinates; a vibronic model brings its own.
    mass_unit
        "amu", "electron" or "kg", where the coordinate is a length; else ħ² per energy and
        coordinate squared.
    method
        "fssh", "landau-zener", "ehrenfest", "mash" or "multi-state-mash".
    rescaling
        "coupling" or "velocity": the direction in which a hop changes the momentum; by method.
    frustrated
        Of a hop without the energy for it: "ignore", the default, or "reflect".
    decoherence
        Of "fssh": "none", the default, "energy", "overlap" or "augmented".
    decoherence_energy : energy
        Of the decoherence "energy".
    decoherence_width : coordinate
        Of the decoherence "overlap": the standard deviation of a packet; a vibronic model knows it.
    decoherence_threshold
        Of the decoherence "overlap": the largest Massey parameter, 0.01 by default.
    friction : 1/time
        At which velocities relax; with `temperature`.
    temperature : energy
        Of what exerts the friction.
    samples
        About how many times are recorded.
    box : coordinate
        [low, high], of several coordinates [[low, …], [high, …]]: a trajectory ends where it
        leaves.
    keep
        Trajectories whose points are kept, 20 by default.
    store
        A directory for finished batches, from which a killed run goes on.
    """

    initial: dict[str, Any]
    count: int
    seed: int
    step: float | None = None
    stop: float
    masses: Vector | None = None
    mass_unit: str | None = None
    method: str = "fssh"
    rescaling: str | None = None
    frustrated: str | None = None
    decoherence: str | None = None
    decoherence_energy: float | None = None
    decoherence_width: Vector | None = None
    decoherence_threshold: float | None = None
    friction: Vector | None = None
    temperature: float | None = None
    samples: int = 100
    box: list[Any] | None = None
    keep: int | None = None
    store: str | None = None
    dt: float | None = None
