"""Environments from the [environment] tables of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, Literal

from anticrossing._core import expression
from anticrossing._core.checks import InputError, choice, fail, positive_number
from anticrossing.drive import Drive
from anticrossing.dynamics import noise_averages
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import LARGEST_OPEN_DIMENSION
from anticrossing.environment import (
    Bath,
    Decay,
    Dephasing,
    Environment,
    FixedAxisDephasing,
    Lindblad,
    ThermalRelaxation,
)
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Debye,
    Measured,
    Ohmic,
    SpectralDensity,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import noises, tables
from anticrossing.studies.levels import constant_matrix, optional_matrix
from anticrossing.studies.schema import Matrix, Numbers, Table, decode
from anticrossing.studies.study import Cost


class DephasingTable(Table, frozen=True, kw_only=True):
    """Dephasing in the instantaneous eigenbasis, by γ or by a rate.

    Attributes
    ----------
    kind
        The kind of the environment.
    gamma : dimensionless
        Canonical γ: a number, or a formula in the coordinate; instead of `rate`.
    rate : 1/time
        A number, or a formula in the coordinate; instead of `gamma`.
    """

    kind: Literal["dephasing"]
    gamma: Numbers | str | None = None
    rate: Numbers | str | None = None


class FixedAxisTable(Table, frozen=True, kw_only=True):
    """Dephasing along a fixed axis.

    Attributes
    ----------
    kind
        The kind of the environment.
    rate : 1/time
        A number, or a formula in the coordinate.
    axis
        A Hermitian matrix, σ_z by default.
    """

    kind: Literal["fixed-axis"]
    rate: Numbers | str
    axis: Matrix | None = None


class ThermalTable(Table, frozen=True, kw_only=True):
    """Relaxation in detailed balance, by T₁ or a spectral density (a formula in omega).

    Attributes
    ----------
    kind
        The kind of the environment.
    temperature : energy
        k_B T.
    t1 : time
        T₁; instead of `spectral_density`.
    spectral_density : 1/time
        A number, or a formula in omega; instead of `t1`.
    """

    kind: Literal["thermal"]
    temperature: float
    t1: float | None = None
    spectral_density: float | str | None = None


class QubitTable(Table, frozen=True, kw_only=True):
    """T₁ and T₂ as they are measured.

    Attributes
    ----------
    kind
        The kind of the environment.
    t1 : time
        T₁.
    t2 : time
        T₂ ≤ 2T₁.
    temperature : energy
        k_B T.
    """

    kind: Literal["qubit"]
    t1: float
    t2: float
    temperature: float


class OperatorTable(Table, frozen=True, kw_only=True):
    """A jump operator with its coefficient, a formula in x (along a path, its names) and t.

    Attributes
    ----------
    matrix
        The jump operator.
    coefficient
        A number, or a formula in the coordinate and t.
    """

    matrix: Matrix
    coefficient: float | str = 1.0


class LindbladTable(Table, frozen=True, kw_only=True):
    """Any jump operators.

    Attributes
    ----------
    kind
        The kind of the environment.
    operators
        Tables { matrix, coefficient }.
    """

    kind: Literal["lindblad"]
    operators: list[OperatorTable]


class DecayTable(Table, frozen=True, kw_only=True):
    """Levels that decay to what is not followed.

    Attributes
    ----------
    kind
        The kind of the environment.
    widths : 1/time
        One for each level: numbers, or formulas in the coordinate; instead of `operator`.
    operator
        A positive semidefinite matrix.
    rate : 1/time
        A number, or a formula in the coordinate, that multiplies the operator.
    basis
        Whose states the widths belong to: "diabatic" or "adiabatic".
    """

    kind: Literal["decay"]
    widths: list[Numbers | str] | None = None
    operator: Matrix | None = None
    rate: Numbers | str | None = None
    basis: Literal["diabatic", "adiabatic"] = "diabatic"


class DensityTable(Table, frozen=True, kw_only=True):
    """A spectral density with a name, and its own numbers.

    Attributes
    ----------
    kind
        "ohmic" with `cutoff`, "debye" with `relaxation_rate`, "vibration" with `frequency` and
        `damping`; or "measured" with lists `frequency` and `density`, or their `file`.
    reorganization_energy : energy
        λ.
    cutoff : energy
        Of an Ohmic bath, exponential.
    relaxation_rate : energy
        Of a Debye bath.
    frequency : energy
        Of a damped vibration; or a list, where the density was measured.
    damping : energy
        Its full width.
    density : energy
        A list, of what was measured.
    file
        Instead of both lists: two columns, beside the experiment file.
    """

    kind: Literal["ohmic", "debye", "vibration", "measured"]
    reorganization_energy: float | None = None
    cutoff: float | None = None
    relaxation_rate: float | None = None
    frequency: float | list[float] | None = None
    damping: float | None = None
    density: list[float] | None = None
    file: str | None = None


class BathTable(Table, frozen=True, kw_only=True):
    """A bath of oscillators coupled to one operator.

    Attributes
    ----------
    kind
        The kind of the environment.
    operator
        A Hermitian matrix, without dimension.
    spectral_density
        A table of its kind and numbers.
    temperature : energy
        k_B T, zero or more.
    equation
        "secular" (the adiabatic master equation), "redfield" or "universal".
    lamb_shift
        Whether the bath shifts levels.
    """

    kind: Literal["bath"]
    operator: Matrix
    spectral_density: DensityTable
    temperature: float
    equation: Literal["secular", "redfield", "universal"] = "secular"
    lamb_shift: bool = True


def environment(
    entries: Sequence[Mapping[str, Any]],
    overrides: Mapping[str, Any] | None = None,
    *,
    coordinates: tuple[str, ...] = ("x",),
) -> Environment | None:
    """Build the sum of all [environment] tables; None if there are none.

    Formulas are in these coordinates. `overrides` replaces the strength of the only table while
    many points are computed at once.
    """
    parts = []
    for number, table in enumerate(entries):
        where = f"environment {number + 1}" if len(entries) > 1 else "environment"
        with tables.inside(where):
            kind = choice("kind", tables.required(table, "kind"), KINDS)
            structure, make = KINDS[kind]
            given: Any = decode({**table, **dict.fromkeys(overrides or (), 0.0)}, structure, where)
            parts.append(make(given, coordinates, **(overrides or {})))
    return reduce(add, parts) if parts else None


def tables_of(entries: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the environment tables of a file: one [environment] or several [[environment]]."""
    found = entries.get("environment", [])
    listed = [found] if isinstance(found, Mapping) else found
    fits = isinstance(listed, (list, tuple)) and all(isinstance(t, Mapping) for t in listed)
    if not fits:
        raise fail("environment", "be a table or a list of tables", "it is not")
    return list(listed)


def check_open(
    found: Environment | None, dimension: int, coordinates: tuple[str, ...] = ("x",)
) -> None:
    """Refuse what open evolution cannot do, before any work."""
    if found is not None:
        with tables.inside("environment"):
            found.check(dimension, coordinates)
            if found.decays:
                raise InputError(
                    "Levels that decay are followed in a file with [state] or [jumps], but this "
                    "one has neither."
                )
            if dimension > LARGEST_OPEN_DIMENSION:
                raise InputError(
                    f"At most {LARGEST_OPEN_DIMENSION} levels can be given an environment, but "
                    f"there are {dimension}."
                )


_Names = tuple[str, ...]


def _dephasing(given: DephasingTable, coordinates: _Names, **new: Any) -> Environment:
    strength = {"gamma": given.gamma, "rate": given.rate, **new}
    return Dephasing(**strength, coordinates=coordinates)


def _fixed_axis(given: FixedAxisTable, coordinates: _Names, **new: Any) -> Environment:
    axis = None if given.axis is None else constant_matrix("axis", given.axis)
    return FixedAxisDephasing(new.get("rate", given.rate), axis, coordinates=coordinates)


def _thermal(given: ThermalTable, coordinates: _Names) -> Environment:
    density: Any = given.spectral_density
    if isinstance(density, str):
        formula = expression.parse(density, ["omega"])
        density = expression.compile_function([expression.symbol("omega")], formula)
    return ThermalRelaxation(temperature=given.temperature, t1=given.t1, spectral_density=density)


def _qubit(given: QubitTable, coordinates: _Names) -> Environment:
    """T₁ and T₂ as they are measured: relaxation, and pure dephasing at 1/T₂ − 1/2T₁."""
    t1, t2 = positive_number("t1", given.t1), positive_number("t2", given.t2)
    if t2 > 2 * t1 * (1 + 1e-12):
        raise fail("t2", "be at most 2 t1", f"t1 is {t1:g} and t2 is {t2:g}")
    relaxation = ThermalRelaxation(temperature=given.temperature, t1=t1)
    return relaxation + Dephasing(rate=max(1 / t2 - 1 / (2 * t1), 0.0))


def _lindblad(given: LindbladTable, coordinates: _Names) -> Environment:
    return Lindblad(
        [
            (o.coefficient, constant_matrix(f"operators[{k}] matrix", o.matrix))
            for k, o in enumerate(given.operators)
        ],
        coordinates=coordinates,
    )


def _decay(given: DecayTable, coordinates: _Names, **new: Any) -> Environment:
    return Decay(
        given.widths,
        operator=optional_matrix("operator", given.operator),
        rate=new.get("rate", given.rate),
        basis=given.basis,
        coordinates=coordinates,
    )


_DENSITIES: dict[str, tuple[Callable[..., SpectralDensity], tuple[str, ...]]] = {
    "ohmic": (Ohmic, ("reorganization_energy", "cutoff")),
    "debye": (Debye, ("reorganization_energy", "relaxation_rate")),
    "vibration": (BrownianOscillator, ("reorganization_energy", "frequency", "damping")),
    "measured": (Measured, ("frequency", "density", "file")),
}


def _density(given: DensityTable) -> SpectralDensity:
    """Return the spectral density of a table."""
    every = {name for _, own in _DENSITIES.values() for name in own}
    make, names = _DENSITIES[given.kind]
    for name in sorted(every):
        if (getattr(given, name) is not None) != (name in names):
            if given.kind == "measured" and name in names:
                continue  # or its file
            must = f"{'be given' if name in names else 'be left out'} for `{given.kind}`"
            raise fail(name, must, "it is not" if name in names else "it is given")
    if given.kind == "measured":
        return make(*noises.columns(given))
    if isinstance(given.frequency, list):
        raise fail("frequency", "be a number", "it is a list")
    return make(**{name: getattr(given, name) for name in names})


def _bath(given: BathTable, coordinates: _Names, **new: Any) -> Environment:
    with tables.inside("spectral_density"):
        made = _density(given.spectral_density)
    return Bath(
        constant_matrix("operator", given.operator),
        made,
        new.get("temperature", given.temperature),
        equation=given.equation,
        lamb_shift=given.lamb_shift,
    )


KINDS: dict[str, tuple[type[Table], Callable[..., Environment]]] = {
    "dephasing": (DephasingTable, _dephasing),
    "fixed-axis": (FixedAxisTable, _fixed_axis),
    "thermal": (ThermalTable, _thermal),
    "qubit": (QubitTable, _qubit),
    "lindblad": (LindbladTable, _lindblad),
    "bath": (BathTable, _bath),
    "decay": (DecayTable, _decay),
    **noises.KINDS,
}
"""Kinds of environments: what a table of each may hold, and what makes it."""


def noise_cost(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    points: int,
    *,
    whole: bool = True,
) -> Cost | None:
    """Return what averages over noise that remembers take at most, None without such noise."""
    if not environment.noises:
        return None
    columns = hamiltonian.dimension**2 if whole else 1
    lanes = Lanes.of(hamiltonian, drive)
    seconds = noise_averages.most_seconds(lanes, environment, columns)
    return Cost(points * seconds, None, "averages over noise take at most")


BATCHED = {
    "dephasing": ("gamma", "rate"),
    "fixed-axis": ("rate",),
    "decay": ("rate",),
    "bath": ("temperature",),
    **noises.BATCHED,
}
"""Strengths that may be arrays, by kind."""


def can_be_batched(entries: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> bool:
    """Whether these keys of the only environment may be arrays."""
    known = BATCHED.get(str(entries[0].get("kind")), ()) if len(entries) == 1 else ()
    return all(key in known for key in keys)
