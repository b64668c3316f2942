"""`level_interferogram`: periodic steady states of a few driven, relaxing levels on any grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    fail,
    instance,
    integer,
    number_between,
    parameter,
    positive,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.dynamics import noisy_interferogram
from anticrossing.dynamics._level_maps import Work, reach
from anticrossing.dynamics.qubit_maps import BASES, axes_of, draw_map
from anticrossing.dynamics.readout import unreached
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import Units

LARGEST_DIMENSION = 6
_MOST_TONES, _HIGHEST_HARMONIC = 16, 1000
_PROBES = 7  # positions where rates are looked at, to see whether they change with time


@dataclass(frozen=True, eq=False)
class LevelInterferogram(Result):
    """Mean populations of periodically driven levels on a grid, as `level_interferogram` returns.

    Attributes
    ----------
    populations : array, shape (..., N)
        Averaged over a period of the state that repeats itself; the grid comes first.
    error_estimate : array, shape (...)
        Bound on their error.
    parameters : dict of str to array
        Offset, amplitude and frequency, and the weight and phase of every tone, as they broadcast.
    harmonics : tuple of int
        The multiples of the frequency that the tones have.
    readout : str
        Whose populations are meant: of the states H is written in, or of the eigenstates of H.
    steps : array of int, shape (...)
        The steps of a period.
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    populations: FloatArray
    error_estimate: FloatArray
    parameters: Mapping[str, FloatArray]
    harmonics: tuple[int, ...]
    readout: str
    steps: npt.NDArray[np.intp]
    warnings: tuple[str, ...]
    units: Units

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name, along axes that are parameters where only one varies."""
        dims, found = axes_of(self.parameters, self.error_estimate.shape)
        text = f"mean population of the {self.readout} level"
        return {
            "population": Variable((*dims, "level"), self.populations, text),
            "error_estimate": Variable(
                dims, self.error_estimate, "bound on the error of the populations"
            ),
            "steps": Variable(dims, self.steps, "steps of a period"),
            **found,
        }

    def plot(self, ax: Any = None, *, level: int = -1) -> Any:
        """Draw the population of one level, the last by default, over two axes as colours.

        Along one axis, or at one point, the populations of all levels are drawn.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found = self.variables()
        shown = found["population"]
        if len(shown.dims) != 3:
            kept = {name: found[name] for name in ("population", *shown.dims) if name in found}
            return drawing.draw(f"{self.readout} levels", kept, ax=ax)
        number = integer(
            "level", level, minimum=-shown.values.shape[-1], maximum=shown.values.shape[-1] - 1
        )
        number %= shown.values.shape[-1]
        text = f"mean population of {self.readout} level {number}"
        one = Variable(shown.dims[:2], shown.values[..., number], text)
        return draw_map({**found, "population": one}, ax)

    def _attributes(self) -> dict[str, Any]:
        return {"readout": self.readout, "harmonics": ", ".join(map(str, self.harmonics))}


def level_interferogram(
    hamiltonian: Hamiltonian,
    environment: Environment,
    *,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    tones: Sequence[Sequence[Any]] = ((1, 1.0, 0.0),),
    readout: str = "diabatic",
    tolerance: float = 1e-6,
) -> LevelInterferogram:
    """Return the mean populations of periodically driven levels that relax and dephase.

    H(x(t)) has 2 to 6 levels and x(t) = x₀ + A Σ_k w_k cos(n_k ωt + φ_k); ρ obeys the Lindblad
    equation of the environment, in the eigenbasis of H(x), along fixed axes, or both. Populations
    are averaged over a period of the state that repeats itself. All parameters broadcast. The
    generator is tabulated as a function of x, once for all points.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), a single parameter point.
    environment : Environment
        What relaxes all levels; it must not depend on time but through x. Of noise that stands
        still every value has its own steady state, and the average is returned; telegraph noise is
        followed exactly, Gaussian noise until the averages settle. Eigenstates that are read out
        are those of H(x(t)) without the noise.
    offset, amplitude : float or array
        x₀ and A, in the unit of the coordinate.
    frequency : float or array
        Angular frequency ω > 0, radians per time.
    tones : sequence of (harmonic, weight, phase)
        n_k, an integer ≥ 1, with w_k and φ_k, numbers or arrays; phase 0 may be left out. By
        default one cosine.
    readout : {"diabatic", "adiabatic"}
        Whose populations are averaged: those of the states H is written in, or of the eigenstates
        of H(x(t)), the lowest first.
    tolerance : float
        Wanted accuracy, between 1e-9 and 1e-2.

    Returns
    -------
    LevelInterferogram
        Every point is computed on its own: on one range of x the values do not depend on the rest
        of the grid or on the number of threads.

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.
    ConvergenceError
        Where a period would need too many steps, or the steady state is not unique.

    Examples
    --------
    Two tones: the second harmonic breaks the symmetry of offsets.

    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=0.2)
    >>> warm = ac.ThermalRelaxation(temperature=0.3, t1=500.0) + ac.Dephasing(rate=0.01)
    >>> found = level_interferogram(
    ...     H, warm, offset=[-1.0, 1.0], amplitude=2.0, frequency=1.0,
    ...     tones=[(1, 1.0), (2, 0.5, 0.3)],
    ... )
    >>> found.populations.shape, bool(found.error_estimate.max() < 1e-6)
    ((2, 2), True)
    """
    instance("hamiltonian", hamiltonian, Hamiltonian)
    instance("environment", environment, Environment)
    adiabatic = choice("readout", readout, BASES) == "adiabatic"
    accuracy = number_between("tolerance", tolerance, 1e-9, 1e-2)
    _check_system(hamiltonian, environment)
    harmonics, parts = _tones(tones)
    given = {
        "offset": parameter("offset", offset),
        "amplitude": parameter("amplitude", amplitude),
        "frequency": positive("frequency", frequency),
        **parts,
    }
    for name, value in given.items():
        if value.size == 0:
            raise fail(name, "hold at least one number", f"its shape is {value.shape}")
    try:
        rows = np.broadcast_arrays(*given.values())
    except ValueError:
        shapes = ", ".join(f"{k} {value.shape}" for k, value in given.items() if value.ndim)
        raise InputError(
            f"The parameters must broadcast, but they are {shapes}; of a map one axis is "
            "`offset[:, None]`."
        ) from None
    shape = rows[0].shape
    points = np.stack([row.ravel() for row in rows], axis=1)
    ends = reach(points)
    _check_time(environment, ends)
    notes: tuple[str, ...] = ()
    work = Work(hamiltonian, environment, points, harmonics, ends, adiabatic, accuracy)
    if environment.noises:
        populations, error, steps, notes = noisy_interferogram.averaged(work)
    else:
        populations, error, steps = work.solve()
    error = error.reshape(shape)
    return LevelInterferogram(
        populations.reshape(*shape, -1),
        error,
        given,
        harmonics,
        BASES[adiabatic],
        steps.reshape(shape),
        (*unreached(error, accuracy), *notes),
        hamiltonian.units,
    )


def _check_system(hamiltonian: Hamiltonian, environment: Environment) -> None:
    """Refuse what has too many levels, several coordinates or points, or changes with time."""
    levels = hamiltonian.dimension
    if not 2 <= levels <= LARGEST_DIMENSION:
        raise fail("hamiltonian", f"have 2 to {LARGEST_DIMENSION} levels", f"it has {levels}")
    if len(hamiltonian.coordinates) != 1:
        found = f"it has {len(hamiltonian.coordinates)}"
        raise fail("hamiltonian", "have one coordinate to be driven", found)
    for name, batch in (
        ("hamiltonian", hamiltonian.batch_shape),
        ("environment", environment.batch_shape),
    ):
        if batch != ():
            raise fail(name, "be a single parameter point", f"its batch shape is {batch}")
    environment.check(levels, hamiltonian.coordinates)


def _check_time(environment: Environment, ends: tuple[float, float]) -> None:
    """Refuse rates that are seen to change while x does not."""
    x = np.linspace(*ends, _PROBES)
    first, *others = (environment.scalars(x, np.full(_PROBES, t)) for t in (0.0, 0.61, 17.3))
    if first is not None and any(np.any(first != other) for other in others):
        raise fail("environment", "depend on time through x alone", "its rates change with t")


def _tones(tones: Any) -> tuple[tuple[int, ...], dict[str, FloatArray]]:
    """Return the harmonics, and the weight and phase of each by name."""
    if not isinstance(tones, Sequence) or not 1 <= len(tones) <= _MOST_TONES:
        raise fail("tones", f"be a list of 1 to {_MOST_TONES} tones", f"it is {tones!r}")
    harmonics: list[int] = []
    parts: dict[str, FloatArray] = {}
    for k, tone in enumerate(tones, start=1):
        if not isinstance(tone, Sequence) or isinstance(tone, str) or not 2 <= len(tone) <= 3:
            raise fail("tones", "hold (harmonic, weight, phase) each", f"one is {tone!r}")
        harmonics.append(integer("harmonic", tone[0], minimum=1, maximum=_HIGHEST_HARMONIC))
        parts[f"weight_{k}"] = parameter("weight", tone[1])
        parts[f"phase_{k}"] = parameter("phase", tone[2] if len(tone) == 3 else 0.0)
    return tuple(harmonics), parts
