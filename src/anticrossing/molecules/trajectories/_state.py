"""The arrays that the compiled kernels work on, one row a trajectory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.hamiltonian._arguments import Matrices
from anticrossing.hamiltonian._compiled import IndexArray, Structure

BLOCK = 64
"""Trajectories that are summed one after the other.

The sums of the blocks are added in their order, so that no sum depends on threads or batches.
"""

FSSH, LANDAU_ZENER, EHRENFEST, MASH, MULTI_STATE_MASH = range(5)
METHODS = {
    "fssh": FSSH, "landau-zener": LANDAU_ZENER, "ehrenfest": EHRENFEST, "mash": MASH,
    "multi-state-mash": MULTI_STATE_MASH,
}  # fmt: skip
NO_DECOHERENCE, ENERGY_BASED, OVERLAP_BASED, AUGMENTED = range(4)
DECOHERENCE = {
    "none": NO_DECOHERENCE, "energy": ENERGY_BASED, "overlap": OVERLAP_BASED,
    "augmented": AUGMENTED,
}  # fmt: skip
CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "rescaling": {"fssh": ("coupling", "velocity"), "landau-zener": ("velocity", "coupling")},
    "frustrated": {"fssh": ("ignore", "reflect"), "landau-zener": ("ignore", "reflect")},
    "decoherence": {"fssh": tuple(DECOHERENCE)},
}
"""What may be chosen for which method, the default first."""
ACCEPTED, FRUSTRATED, REFLECTED, FOLLOWED = range(4)


ACTIVE, STEPS, EVENTS, ENDED, SMOOTH, STAGE, OTHER, DRAWN = range(8)  # of `whole`
START_ENERGY, DRIFT, HEAT, EARLIER_HEAT, SHARE = range(5)  # of `energy`
WHOLE, TO_HOP, TO_CROSSING, AFTER_HOP, AFTER_CROSSING = range(5)  # of STAGE


Size = int | tuple[int, ...]
"""A number, or a tuple of that length: then the kernels are compiled for this size alone."""


class Model(NamedTuple):
    """H for the kernels (see `hamiltonian._compiled.Structure`), masses and the box."""

    parameters: FloatArray
    first: IndexArray  # (K + 1,): entries of term k begin at first[k]
    entries: IndexArray  # (entries, 3): term, row, column of the upper triangle
    values: Matrices  # (entries,)
    places: IndexArray  # (slots, 2): term and coordinate of each derivative
    pairs: Matrices  # (K, 3): elements 00, 11 and 01 of every term, for two states
    masses: FloatArray  # (f,)
    inverse_masses: FloatArray  # (f,)
    thermostat: FloatArray  # (2, f): e^(−friction dt), standard deviation of the kick to v
    stiffness: FloatArray  # (f,), for overlaps: γ of packets of density exp(−γ x²)
    box: FloatArray  # (2, f)
    states: Size
    coordinates: Size


class State(NamedTuple):
    """Everything that changes: T trajectories, N states, f coordinates, K terms."""

    motion: FloatArray  # (T, 6, f): x, v, force, direction of a hop, x and v before the step
    coefficients: FloatArray  # (T, K)
    slopes: FloatArray  # (T, slots)
    weights: FloatArray  # (T, K), scratch: expectation values of the terms
    elements: ComplexArray  # (T, K), scratch: matrix elements of the terms
    matrices: Matrices  # (T, 4, N, N): H, eigenvectors, scratch, ⟨i before | j now⟩
    energies: FloatArray  # (T, 3, N): now, one step ago, two steps ago
    rates: FloatArray  # (T, 3, N), for Landau–Zener hopping: dE/dt likewise
    # amplitudes c, e^(−iE dt/2) now and of the step before, the product of the latter with c then
    waves: ComplexArray  # (T, 4, N)
    forces: FloatArray  # (T, f), of another level, for decoherence by overlaps
    # for augmented hopping: δR and δP as U† δ U, their imaginary parts below the diagonal; scratch
    moments: FloatArray  # (T, 2, f, N, N)
    turns: ComplexArray  # (T, N, N)
    half: ComplexArray  # (T, N² + N max(N, f))
    shares: FloatArray  # (T, N, N)
    # level, steps, events, whether it ended, points since a jump of v; of a step that is divided:
    # its stage, the other level of the hop at its beginning, the random numbers drawn before it
    whole: IndexArray  # (T, 8)
    # E(0), largest |E − heat − E(0)|, heat taken up, heat before the step, share before the hop
    energy: FloatArray  # (T, 5)
    stream: npt.NDArray[np.uint64]  # (T, 2): seed, numbers drawn
    log: FloatArray  # (T, L, 5): step, total energy; from, to, reason


class Records(NamedTuple):
    """What is reported at the output times."""

    sums: FloatArray  # (blocks, outputs, M)
    squares: FloatArray  # (blocks, outputs, M)
    kept: FloatArray  # (trajectories kept, outputs, 2f + N + 3)


def model(
    structure: Structure,
    parameters: FloatArray,
    masses: FloatArray,
    thermostat: FloatArray,
    stiffness: FloatArray,
    box: FloatArray,
    *,
    known: bool,
) -> Model:
    """Return the data of H that the kernels take, compiled for the smallest size if `known`."""
    s = structure
    term = np.repeat(np.arange(s.terms), np.diff(s.first))
    entries = np.stack([term, s.rows, s.columns], axis=-1)
    places = np.stack([s.slope_terms, s.slope_coordinates], axis=-1)
    pairs = np.zeros((s.terms if s.dimension == 2 else 1, 3), dtype=s.values.dtype)
    if s.dimension == 2:
        np.add.at(pairs, (term, np.where(s.rows == s.columns, s.rows, 2)), s.values)
    n, f = s.dimension, masses.size
    sizes: tuple[Size, Size] = ((0, 0), (0,)) if known and (n, f) == (2, 1) else (n, f)
    return Model(
        parameters, s.first, entries, s.values, places, pairs, masses, 1 / masses, thermostat,
        stiffness, box, *sizes,
    )  # fmt: skip


def observables(states: int, coordinates: int) -> int:
    """Return M: three kinds of populations, two energies, positions and momenta."""
    return 3 * states + 2 + 2 * coordinates


def allocate(
    structure: Structure,
    x: FloatArray,
    v: FloatArray,
    seeds: npt.NDArray[np.uint64],
    *,
    outputs: int,
    kept: int,
    log: int,
    decoherence: int,
) -> tuple[State, Records]:
    """Return the arrays for trajectories that start at `x` with velocities `v`, both (T, f)."""
    t, f = x.shape
    n, k = structure.dimension, structure.terms
    m = observables(n, f)
    blocks, augmented = -(-t // BLOCK), decoherence == AUGMENTED
    state = State(
        motion=np.stack([x, v, *np.zeros((4, t, f))], axis=1),
        coefficients=np.zeros((t, k)),
        slopes=np.zeros((t, max(structure.slope_terms.size, 1))),
        weights=np.zeros((t, k)),
        elements=np.zeros((t, k), dtype=np.complex128),
        matrices=np.zeros((t, 4, n, n), dtype=structure.values.dtype),
        energies=np.zeros((t, 3, n)),
        rates=np.zeros((t, 3, n)),
        waves=np.zeros((t, 4, n), dtype=np.complex128),
        forces=np.zeros((t, f if decoherence == OVERLAP_BASED else 0)),
        moments=np.zeros((t, 2, f if augmented else 0, n, n)),
        turns=np.zeros((t, n, n), dtype=np.complex128),
        half=np.zeros((t, n * (n + max(n, f)) if augmented else 0), dtype=np.complex128),
        shares=np.zeros((t, n, n)),
        whole=np.zeros((t, 8), dtype=np.int64),
        energy=np.zeros((t, 5)),
        stream=np.stack([seeds, np.zeros_like(seeds)], axis=-1),
        log=np.zeros((t, log, 5)),
    )
    records = Records(
        sums=np.zeros((blocks, outputs, m)),
        squares=np.zeros((blocks, outputs, m)),
        kept=np.zeros((kept, outputs, 2 * f + n + 3)),
    )
    return state, records
