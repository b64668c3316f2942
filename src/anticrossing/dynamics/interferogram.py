"""`interferogram`: the periodic steady state of a driven, relaxing qubit on any grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    number_between,
    parameter,
    single_point,
)
from anticrossing.dynamics import _noisy_qubit, still_noise
from anticrossing.dynamics.qubit_maps import (
    BASES,
    Kernel,
    QubitMap,
    broadcast_of,
    check_rounding,
    computed,
    named,
    parameters_of,
    shown,
    slopes_of,
)
from anticrossing.environment import Environment
from anticrossing.environment.base import Combined
from anticrossing.environment.noise import Noise, QuasiStaticNoise, WhiteNoise

_NAMES = ("gap", "offset", "amplitude", "frequency", "t1", "t2")
_INSTEAD = "periodic_steady_state"
_AT_ONCE, _MOST_PLACES = 200_000, 200_000  # points, and values of a noise


@dataclass(frozen=True, eq=False)
class Interferogram(NDArrayOperatorsMixin, QubitMap):
    """Mean upper populations of a periodically driven qubit on a grid, as `interferogram` returns.

    In NumPy's functions and operators, in indices and in the methods of arrays it stands for its
    array of populations.

    Attributes
    ----------
    population : array
        Of the broadcast shape of the parameters.
    parameters : dict of str to array
        What was given, each as it broadcasts against the others.
    readout : str
        Whose upper level is meant.
    gradients : dict of str to array
        Derivatives of the population by the parameters that were named, each of its shape.
    warnings : tuple of str
        What is said of a noise.
    """

    warnings: tuple[str, ...] = ()

    _seen: ClassVar[str] = "mean population"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        return np.array(self.population, dtype=dtype, copy=copy is not False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = (x.population if isinstance(x, Interferogram) else x for x in inputs)
        return getattr(ufunc, method)(*plain, **kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self.population[index]

    def __len__(self) -> int:
        return len(self.population)

    def __float__(self) -> float:
        return float(self.population)

    def __getattr__(self, name: str) -> Any:
        if name[0] == "_" or name == "population":
            raise AttributeError(name)
        return getattr(self.population, name)


def interferogram(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    t1: npt.ArrayLike,
    t2: npt.ArrayLike,
    temperature: npt.ArrayLike | None = None,
    equilibrium: npt.ArrayLike | None = None,
    basis: str = "diabatic",
    readout: str | None = None,
    noise: Environment | None = None,
    tolerance: float = 1e-6,
    gradient: str | Sequence[str] = (),
) -> Interferogram:
    """Return the mean upper population of a periodically driven qubit with T₁ and T₂.

    H(t) = ½[ε(t) σ_z + Δ σ_x], ε(t) = ε₀ + A cos ωt. In the chosen basis the populations relax
    towards their equilibrium at 1/T₁ and the coherences decay at 1/T₂; the population of the upper
    level is averaged over a period of the state that repeats itself, which every initial state
    reaches. All parameters broadcast; a point costs microseconds in the diabatic basis and, where
    the instantaneous eigenbasis comes in, a hundred times or so as much.

    Parameters
    ----------
    gap : float or array
        Δ > 0, energy.
    offset, amplitude : float or array
        ε₀ and A, energies.
    frequency : float or array
        Angular frequency ω > 0, radians per time (ħ = 1).
    t1, t2 : float or array
        Relaxation time T₁ and coherence time T₂ ≤ 2T₁.
    temperature : float or array, optional
        T ≥ 0, energy (k_B = 1), 0 if neither it nor `equilibrium` is given. In the adiabatic basis
        the equilibrium follows the instantaneous splitting; in the diabatic basis it is the one of
        the offset alone, so that at T = 0 the qubit relaxes to the state that is lower at A = 0.
    equilibrium : float or array, optional
        Instead of a temperature: the upper population in equilibrium, from 0 to 1.
    basis : {"diabatic", "adiabatic"}
        Where T₁ and T₂ act: on the eigenstates of σ_z or of H(t).
    readout : {"diabatic", "adiabatic"}, optional
        Whose upper level is meant: σ_z = +1, or the upper eigenstate of H(t). Default: `basis`.
    noise : Noise, optional
        Of the offset or of an operator, or a sum of several. What stands still keeps its value
        while the steady state is reached and measured: the populations are averaged over its
        values. Telegraph noise is followed exactly, Gaussian and 1/f noise until averages settle,
        which takes a thousand times as long and more; with these T₁ and T₂ act in the diabatic
        basis. Populations are read out there; where T₁ and T₂ act there, the equilibrium is the one
        of the offset without the noise.
    tolerance : float
        Wanted accuracy, between 1e-10 and 1e-2.
    gradient : str or sequence of str
        Parameters by which to differentiate, from the adjoint equation: all together cost about as
        much as the populations. They are as accurate as the populations relative to their own
        size, or to the scale 1/T₂ of a resonance for energies and to the parameter for the others.

    Returns
    -------
    Interferogram
        Its `population` has the broadcast shape of the parameters. Every point is computed on its
        own: the values do not depend on the rest of the grid or on the number of threads.

    Raises
    ------
    InputError
        For parameters that cannot be used, such as T₂ > 2T₁, before any work.
    ConvergenceError
        Where the drive is so slow that a period would need more harmonics or steps than allowed,
        or the noise so much wider than the resonances that its average does not settle.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010), section 3; W. D. Oliver et al.,
    Science 310, 1653 (2005).

    Examples
    --------
    Two-photon resonance, where the fast-passage formula gives nearly ½, and off resonance:

    >>> population = interferogram(
    ...     gap=0.2, offset=[2.0, 2.5], amplitude=3.0, frequency=1.0, t1=1000.0, t2=1000.0
    ... )
    >>> population.round(4)
    array([0.4994, 0.0275])
    """
    relax_eigen = choice("basis", basis, BASES) == "adiabatic"
    read_eigen = relax_eigen if readout is None else choice("readout", readout, BASES) == BASES[1]
    accuracy = number_between("tolerance", tolerance, 1e-10, 1e-2)
    given = parameters_of(
        gap=gap,
        offset=offset,
        # A half-period later −A is A: the average does not see the sign.
        amplitude=np.abs(parameter("amplitude", amplitude)),
        frequency=frequency,
        t1=t1,
        t2=t2,
        relax_eigen=relax_eigen,
        temperature=temperature,
        equilibrium=equilibrium,
    )
    heat = ["temperature"] * (temperature is not None)
    kept = ["equilibrium"] * (equilibrium is not None)
    names = named(gradient, [*_NAMES, *heat, *kept])
    if noise is not None:
        if names:
            raise fail("gradient", "be left out where there is noise", f"it is {gradient!r}")
        still = _still(noise, relax_eigen, read_eigen)
        if still is not None:
            given["noise"] = still.rms
    rows, shape = broadcast_of(given)
    if relax_eigen or read_eigen:
        check_rounding(given, accuracy)
    known = shown(given)
    notes: tuple[str, ...] = ()
    slopes: dict[str, FloatArray] = {}
    kernel = _kernel(relax_eigen, read_eigen, accuracy, sloped=bool(names))
    if names:
        population, every = computed(rows, kernel, _INSTEAD, len(rows))
        found = dict(zip(given, (part.reshape(shape) for part in every), strict=True))
        slopes = slopes_of(found, names, given, amplitude, None if relax_eigen else temperature)
    elif noise is None:
        population, _ = computed(rows, kernel, _INSTEAD)
    else:
        points = np.stack([row.ravel() for row in rows])
        if still is None:
            population, notes = _noisy_qubit.averaged(points, noise, accuracy)
        else:
            half = _kernel(relax_eigen, read_eigen, 0.5 * accuracy)
            population = _averaged(
                points, lambda each: computed(list(each), half, _INSTEAD)[0], accuracy
            )
    return Interferogram(population.reshape(shape), known, BASES[read_eigen], slopes, notes)


def _still(noise: Any, relax_eigen: bool, read_eigen: bool) -> QuasiStaticNoise | None:
    """Return noise if it is of the offset and stands still, or refuse what cannot be followed."""
    parts = noise.parts if isinstance(noise, Combined) else (noise,)
    if not all(isinstance(part, Noise) for part in parts):
        found = describe(noise)
        if any(isinstance(part, WhiteNoise) for part in parts):
            found = "white noise: on σ_z it is part of `t2`"
        raise fail("noise", "be noise with a memory, or a sum of several", f"it is {found}")
    if read_eigen:
        raise fail("readout", "be 'diabatic' with noise", "eigenstates move with the offset")
    if isinstance(noise, QuasiStaticNoise) and noise.operator is None:
        return noise
    single_point("noise", noise)
    noise.check(2)
    if relax_eigen:
        must = "be 'diabatic' with noise other than a `QuasiStaticNoise` of the offset"
        raise fail("basis", must, "it is 'adiabatic': `level_interferogram` takes both")
    return None


def _averaged(
    points: FloatArray, solve: Callable[[FloatArray], FloatArray], accuracy: float
) -> FloatArray:
    """Return populations averaged over offsets, whose root mean squares are the last row."""
    *parameters, rms = points
    widest = float(np.max(rms * points[_NAMES.index("t2")]))
    step = still_noise.resolving(widest)

    def summed(places: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = np.zeros(rms.size)
        some = max(1, _AT_ONCE // rms.size)
        for first in range(0, weights.size, some):
            own = weights[first : first + some]
            each = np.repeat(np.array(parameters), own.size, axis=1)
            shifts = rms[:, None] * places[first : first + some, 0]
            each[_NAMES.index("offset")] += shifts.ravel()
            total += solve(each).reshape(rms.size, -1) @ own
        return total, np.zeros(rms.size)

    return still_noise.rule(summed, 1, step, 0.5 * accuracy, _MOST_PLACES)[0]


def _kernel(relax_eigen: bool, read_eigen: bool, accuracy: float, sloped: bool = False) -> Kernel:
    """Return what fills populations, and perhaps derivatives, at some points."""
    from anticrossing.dynamics import _interferogram, _interferogram_gradient

    module: Any = _interferogram_gradient if sloped else _interferogram

    def fill(points: FloatArray, out: FloatArray, slopes: FloatArray) -> None:
        derived = (slopes,) if sloped else ()
        if relax_eigen or read_eigen:
            module.steps(points, relax_eigen, read_eigen, accuracy, out, *derived)
        else:
            module.fourier(points, accuracy, out, *derived)

    return fill
