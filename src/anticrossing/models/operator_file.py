"""Vibronic models in the operator files (``.op``) of MCTDH and Quantics.

The PARAMETER-SECTION sets ``name = value, unit``; the HAMILTONIAN-SECTION names its modes,
``modes | el | v1 | v2``, and adds one product a line: a coefficient and operators, either one in
every column, or ``|2 q^2`` with the number of their column. ``KE`` is −∂²/2m with
``mass_NAME`` (1 unless set), ``S1&2`` is |1⟩⟨2| + |2⟩⟨1|, ``S1&1`` is |1⟩⟨1|, ``Z1&2`` is |1⟩⟨2|;
``I`` in a coefficient is the imaginary unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail, instance
from anticrossing._core.files import path_of, write_text
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models._operator_text import Operator, parse
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.units import ENERGIES, Units

_ATOMIC = Units("hartree", "atomic")
_SAME = 1e-9  # kinetic energies of states, matrices and their transposes
_LARGEST = 5 * 10**7  # numbers in all matrices
_MOST_STATES = 256
_HIGHEST = 12  # power of a coordinate
_FUNCTIONS = ("sin", "cos", "exp", "tan")

Monomial = tuple[tuple[int, str], ...]
"""A product: for each coordinate in it, its formula in ``q``."""


@dataclass(frozen=True, eq=False)
class OperatorModel(Result):
    """The Hamiltonian of an operator file.

    Attributes
    ----------
    hamiltonian : VibronicCoupling or TermHamiltonian
        The potential, hartree: the first where it is a polynomial of second degree.
    masses : array, shape (f,)
        m of the kinetic energies P²/2m (ħ = 1, atomic units); 1/ω for dimensionless coordinates.
    title : str
    others : tuple of str
        What was passed over: the names of other sections, the number of terms with time.
    """

    hamiltonian: Hamiltonian
    masses: FloatArray
    title: str = ""
    others: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """Return what was passed over."""
        return (f"passed over: {', '.join(self.others)}",) if self.others else ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mass": shown("coordinate", text="mass of the coordinate", unit="", of="masses")
    }


def read_operator(path: str | Path) -> OperatorModel:
    """Read the system Hamiltonian of an operator file of MCTDH or Quantics.

    Parameters
    ----------
    path : path
        A file such as ``pyrazine.op``.

    Returns
    -------
    OperatorModel
        In hartree and ħ/hartree, whatever the units of its parameters (CODATA 2018).

    Raises
    ------
    InputError
        Naming file and line, for a parameter, unit or operator that is not known, an expression
        whose value depends on the order of its operations, a kinetic energy that is missing or
        differs between states, or a matrix that is not Hermitian.

    References
    ----------
    M. H. Beck, A. Jäckle, G. A. Worth and H.-D. Meyer, Phys. Rep. 324, 1 (2000); documentation of
    Quantics and MCTDH, Hamiltonian documentation.

    Examples
    --------
    >>> import tempfile
    >>> text = '''PARAMETER-SECTION
    ... w = 0.2, ev
    ... k = 0.1, ev
    ... end-parameter-section
    ... HAMILTONIAN-SECTION
    ... modes | el | v1
    ... 1.0*w |2 KE
    ... 0.5*w |2 q^2
    ... k |1 S1&2 |2 q
    ... end-hamiltonian-section
    ... end-operator'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.op").write_text(text)
    ...     model = read_operator(Path(folder) / "a.op")
    >>> (model.hamiltonian(1.0) * 27.211386245988).round(12)
    array([[0.1, 0.1],
           [0.1, 0.1]])
    """
    source = path_of("path", path)
    found = parse(source)
    electronic = [k for k, name in enumerate(found.modes) if name.lower() == "el"]
    if len(electronic) > 1:
        raise InputError(f"{source} must have one electronic mode `el`, but it has several.")
    el = electronic[0] if electronic else None
    coordinates = [k for k, name in enumerate(found.modes) if name.lower() not in ("el", "time")]
    if found.driven:
        found.others.append(f"{found.driven} terms that depend on time")
    if not coordinates:
        raise InputError(f"{source} must have modes beside `el`, but it has none.")
    size = _states(found, el)
    if size > _MOST_STATES or size**2 * len(coordinates) ** 2 > _LARGEST:
        raise InputError(
            f"{source} must fit into memory, but it has {size} states and {len(coordinates)} modes."
        )
    kinetic = np.zeros((len(coordinates), size, size), dtype=np.complex128)
    potential: dict[Monomial, ComplexArray] = {}
    for number, value, operators in found.terms:
        electrons = operators.get(el) if el is not None else None
        matrix = value * _matrix(found, number, electrons, size)
        parts = {k: operators[place] for k, place in enumerate(coordinates) if place in operators}
        derivative = [k for k, text in parts.items() if _kinetic(text) is not None]
        if derivative:
            if len(parts) > 1:
                raise InputError(
                    f"{source}, line {number} must have kinetic energy alone: coordinates with "
                    "products of momenta are not read."
                )
            (k,) = derivative
            kinetic[k] += _inverse_mass(found, coordinates[k], parts[k]) * matrix
            continue
        key = tuple((k, _formula(found, number, text)) for k, text in sorted(parts.items()))
        potential[key] = potential.get(key, np.zeros((size, size))) + matrix
    for key, matrix in potential.items():
        if np.abs(matrix - matrix.conj().T).max() > _SAME * np.abs(matrix).max():
            where = " ".join(f"{found.modes[coordinates[k]]}:{text}" for k, text in key) or "1"
            raise InputError(f"{source} must be Hermitian, but the matrix of {where} is not.")
        potential[key] = (matrix + matrix.conj().T) / 2
    masses = _masses(found, kinetic, coordinates)
    names = _names(found, coordinates)
    quadratic = _quadratic(potential, masses, names, size, source)
    built = _general(potential, names, size, source) if quadratic is None else quadratic
    return OperatorModel(built, masses, found.title, tuple(found.others))


def write_operator(model: OperatorModel | VibronicCoupling, path: str | Path) -> Path:
    """Write a vibronic coupling model as an operator file, which `read_operator` reads again.

    Raises
    ------
    InputError
        For complex matrices, natural units, or a potential that is no `VibronicCoupling`.

    Examples
    --------
    >>> import tempfile
    >>> from anticrossing.models import Pyrazine
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = read_operator(write_operator(Pyrazine(), Path(folder) / "pyrazine.op"))
    >>> again.hamiltonian.coordinates
    ('Q1', 'Q6a', 'Q10a')
    """
    target = path_of("path", path)
    W = model.hamiltonian if isinstance(model, OperatorModel) else model
    instance("model", W, VibronicCoupling)
    assert isinstance(W, VibronicCoupling)
    if not W.units.energy:
        raise fail("model", "have a unit of energy", "its units are natural ones")
    if any(np.any(np.imag(array)) for array in (W.constant, W.linear, W.quadratic)):
        raise fail("model", "have real matrices", "they are complex")
    unit = ENERGIES[W.units.energy] / ENERGIES["hartree"]
    title = model.title if isinstance(model, OperatorModel) else W.name
    parameters, terms = list[str](), list[str]()

    def add(name: str, value: float, operators: str) -> None:
        if value:
            parameters.append(f"{name} = {unit * float(value)!r}, au".replace("e-", "d-"))
            terms.append(f"{name} {operators}")

    size, modes = W.dimension, len(W.coordinates)
    for p in range(modes):
        parameters.append(f"w{p + 1} = {unit * float(W.frequencies[p])!r}, au".replace("e-", "d-"))
        terms += [f"1.0*w{p + 1} |{p + 2} KE", f"0.5*w{p + 1} |{p + 2} q^2"]
    for i in range(size):
        for j in range(i, size):
            pair, el = f"{i + 1}_{j + 1}", f"|1 S{i + 1}&{j + 1}"
            add(f"c{pair}", W.constant[i, j].real, el)
            for p in range(modes):
                add(f"l{pair}_{p + 1}", W.linear[p, i, j].real, f"{el} |{p + 2} q")
                half = 0.5 * W.quadratic[p, p, i, j].real
                add(f"g{pair}_{p + 1}_{p + 1}", half, f"{el} |{p + 2} q^2")
                for q in range(p + 1, modes):
                    value = W.quadratic[p, q, i, j].real
                    add(f"g{pair}_{p + 1}_{q + 1}", value, f"{el} |{p + 2} q |{q + 2} q")
    # A term of the highest state tells their number where all of its elements vanish.
    last = f"|1 S{size}&{size}"
    if not any(last in term for term in terms):
        parameters.append("none = 0.0, au")
        terms.append(f"none {last}")
    write_text(
        target,
        [
            *("OP_DEFINE-SECTION", "title", title or "model", "end-title"),
            *("end-op_define-section", "", "PARAMETER-SECTION", *parameters),
            *("end-parameter-section", "", "HAMILTONIAN-SECTION"),
            " | ".join(["modes", "el", *W.coordinates]),
            *(*terms, "end-hamiltonian-section", "", "end-operator"),
        ],
    )
    return target


def _states(found: Operator, el: int | None) -> int:
    highest = 1
    for number, _, operators in found.terms:
        if el is not None and el in operators:
            highest = max(highest, *_indices(found, number, operators[el])[1])
    return highest


def _indices(found: Operator, number: int, text: str) -> tuple[str, tuple[int, int]]:
    one = re.fullmatch(r"([SZ])(\d{1,3})&(\d{1,3})", text)
    if one is None or "0" in (one[2].lstrip("0") or "0", one[3].lstrip("0") or "0"):
        raise InputError(
            f"{found.path}, line {number} must have an electronic operator Si&j or Zi&j, i and j "
            f"from 1, but it has {text[:30]!r}."
        )
    return one[1], (int(one[2]), int(one[3]))


def _matrix(found: Operator, number: int, text: str | None, size: int) -> FloatArray:
    if text is None:
        return np.eye(size)
    kind, (i, j) = _indices(found, number, text)
    matrix = np.zeros((size, size))
    matrix[i - 1, j - 1] = 1.0
    if kind == "S":
        matrix[j - 1, i - 1] = 1.0
    return matrix


def _kinetic(text: str) -> str | None:
    """Return which kinetic operator a text is, None for a function of the coordinate."""
    small = text.lower().replace(" ", "")
    if small == "ke":
        return "KE"
    return "dq" if small in ("dq^2", "dq*dq", "dq**2") else None


def _inverse_mass(found: Operator, mode: int, text: str) -> float:
    """Return 1/m of a kinetic operator, −∂²/2m with a coefficient of 1."""
    if _kinetic(text) == "dq":
        return -2.0
    mass = found.parameters.get(f"mass_{found.modes[mode]}", 1.0)
    if not mass > 0:
        name = found.modes[mode]
        raise InputError(f"{found.path}: mass_{name} must be positive, but it is {mass:g}.")
    return 1 / mass


def _masses(found: Operator, kinetic: ComplexArray, coordinates: list[int]) -> FloatArray:
    masses = np.empty(len(coordinates))
    for k, matrix in enumerate(kinetic):
        inverse, name = float(matrix[0, 0].real), found.modes[coordinates[k]]
        if np.abs(matrix - inverse * np.eye(len(matrix))).max() > _SAME * abs(inverse):
            raise InputError(
                f"{found.path}: the kinetic energy of {name} must be the same in all states, but "
                "it differs."
            )
        if not 0 < inverse < np.inf:
            raise InputError(
                f"{found.path}: {name} must have a positive kinetic energy, but its 1/m is "
                f"{inverse:g}."
            )
        masses[k] = 1 / inverse
    return masses


def _formula(found: Operator, number: int, text: str) -> str:
    """Return an operator of one coordinate as a formula in q, powers as ``q^n``."""
    small = text.replace(" ", "").replace("**", "^")
    power, others = 0, list[str]()
    for factor in small.split("*"):
        one = re.fullmatch(r"q(?:\^(\d{1,3}))?", factor)
        if one:
            power += int(one[1] or 1)
        elif factor in _FUNCTIONS:
            others.append(f"{factor}(q)")
        elif factor != "1":
            raise InputError(
                f"{found.path}, line {number} must have operators that are known (KE, dq^2, q^n, "
                f"{', '.join(_FUNCTIONS)}), but one is {factor[:30]!r}."
            )
    if power > _HIGHEST:
        raise InputError(f"{found.path}, line {number} must have powers up to {_HIGHEST}.")
    return "*".join(([f"q^{power}"] if power else []) + sorted(others)) or "1"


def _names(found: Operator, coordinates: list[int]) -> tuple[str, ...]:
    """Return the names of the modes as names of coordinates."""
    names = [re.sub(r"\W", "_", found.modes[k], flags=re.ASCII) for k in coordinates]
    names = [name if re.match(r"[A-Za-z]", name) else f"Q{name}" for name in names]
    if len(set(names)) < len(names):
        names = [f"Q{k + 1}" for k in range(len(names))]
    return tuple(names)


def _quadratic(
    potential: Mapping[Monomial, ComplexArray],
    masses: FloatArray,
    names: tuple[str, ...],
    size: int,
    source: Path,
) -> VibronicCoupling | None:
    """Return a polynomial of second degree as a vibronic coupling model, None for others."""
    modes = len(names)
    constant = np.zeros((size, size), dtype=np.complex128)
    linear = np.zeros((modes, size, size), dtype=np.complex128)
    bend = np.zeros((modes, modes, size, size), dtype=np.complex128)
    for key, matrix in potential.items():
        degree = {k: text for k, text in key if text != "1"}
        if any(not re.fullmatch(r"q\^[12]", text) for text in degree.values()):
            return None
        places = [k for k, text in degree.items() for _ in range(int(text[2:]))]
        if len(places) > 2:
            return None
        if not places:
            constant += matrix
        elif len(places) == 1:
            linear[places[0]] += matrix
        else:
            bend[places[0], places[1]] += matrix
            bend[places[1], places[0]] += matrix
    for k in range(modes):
        bend[k, k] -= np.eye(size) / masses[k]
    bend[np.abs(bend) < 1e-14 * np.abs(1 / masses).max()] = 0.0
    return VibronicCoupling(
        energies=constant,
        frequencies=1 / masses,
        linear=linear,
        quadratic=bend if np.any(bend) else None,
        coordinates=list(names),
        name=source.stem,
        units=_ATOMIC,
        source=source.name,
    )


def _general(
    potential: Mapping[Monomial, ComplexArray], names: tuple[str, ...], size: int, source: Path
) -> Hamiltonian:
    terms: list[tuple[Any, Any]] = [(1, np.zeros((size, size)))]
    for key, matrix in potential.items():
        factors = [re.sub(r"\bq\b", names[k], text).replace("^", "**") for k, text in key]
        terms.append(("*".join(factors) or "1", matrix))
    return Hamiltonian.from_terms(
        terms, coordinates=names, name=source.stem, units=_ATOMIC, source=source.name
    )
