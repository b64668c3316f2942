"""The keys of units, Hamiltonians and drives in a file, but for those of a function's arguments."""

from __future__ import annotations

from typing import Literal

from anticrossing.studies.schema import Matrix, Table


class UnitsTable(Table, frozen=True, kw_only=True):
    """Units of the numbers of a file; natural ones without it.

    Attributes
    ----------
    energy
        GHz, MHz, kHz, Hz (all E/h), eV, meV, ueV, cm^-1, hartree, K, mK or J; with `time` or
        not at all.
    time
        s, ms, us, ns, ps, fs or atomic.
    coordinate
        A label for the axis; a length (m, um, nm, angstrom, bohr, pm) for a ballistic drive, or
        masses in amu.
    """

    energy: str = ""
    time: str = ""
    coordinate: str = ""


class TermTable(Table, frozen=True, kw_only=True):
    """One term: a coefficient, a formula in the coordinates, times a constant matrix.

    Attributes
    ----------
    coefficient
        A number, or a formula in the coordinates and parameters.
    matrix : energy
        Rows of numbers, or of text such as "0.5 - 0.2*I".
    """

    coefficient: float | str
    matrix: Matrix


class OwnHamiltonian(Table, frozen=True, kw_only=True):
    """A matrix of formulas, or terms, with values of their names.

    Attributes
    ----------
    matrix : energy
        Rows of formulas in the coordinate, by default x, and the parameters.
    terms
        Instead of a matrix: tables { coefficient, matrix }.
    table
        Instead of both: a file below the current directory with columns such as R, E1, E2, V.
    parameters
        Values of the names in the formulas.
    labels
        Names of the diabatic states.
    coordinates
        Names of the coordinates of a path; without it there is one, x.
    """

    matrix: Matrix | None = None
    terms: list[TermTable] | None = None
    table: str | None = None
    parameters: dict[str, float] = {}
    labels: list[str] | None = None
    coordinates: list[str] | None = None


class IsingProblem(Table, frozen=True, kw_only=True):
    """The energy of qubits in fields and couplings [i, j, J].

    Attributes
    ----------
    fields : energy
        One for each qubit.
    couplings : energy
        Of two qubits: [i, j, J].
    """

    fields: list[float]
    couplings: list[tuple[int, int, float]] = []


class AnnealingTable(Table, frozen=True, kw_only=True):
    """An annealing schedule between two matrices.

    Attributes
    ----------
    model
        The name of the model.
    initial : energy
        "transverse field", or a matrix.
    problem : energy
        { fields, couplings } of qubits, or a matrix.
    """

    model: Literal["Annealing"]
    initial: str | Matrix
    problem: IsingProblem | Matrix


class FormulaTable(Table, frozen=True, kw_only=True):
    """A drive x(t) given by a formula; the ends of its window may follow its parameters.

    Attributes
    ----------
    kind
        The kind of the drive.
    formula : coordinate
        x(t), a formula of t and the parameters.
    start_time : time
        A number, or a formula of the parameters.
    stop_time : time
        A number, or a formula of the parameters.
    breakpoints : time
        Where the formula has kinks.
    parameters
        Values of the names in the formula.
    """

    kind: Literal["formula"]
    formula: float | str
    start_time: float | str
    stop_time: float | str
    breakpoints: list[float] = []
    parameters: dict[str, float] = {}


class PathTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Several coordinates at once: beside the kind, a drive or a number under each name.

    Attributes
    ----------
    kind
        The kind of the drive.
    """

    kind: Literal["path"]


class BallisticTable(Table, frozen=True, kw_only=True):
    """A particle that crosses at the constant velocity √(2E/m).

    Attributes
    ----------
    kind
        The kind of the drive.
    start : length
        First position.
    stop : length
        Last position.
    kinetic_energy : energy
        E.
    mass : `mass_unit`
        m.
    mass_unit
        amu, electron or kg.
    """

    kind: Literal["ballistic"]
    start: float
    stop: float
    kinetic_energy: float
    mass: float
    mass_unit: str = "amu"
