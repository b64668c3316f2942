"""The text of operator files of MCTDH and Quantics: sections, parameters, expressions, terms."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from anticrossing._core.checks import InputError, nearest
from anticrossing._core.reading import read_text
from anticrossing._core.text_table import parse_number
from anticrossing.units import ENERGIES, LENGTHS, MASSES, TIMES

_H = ENERGIES["hartree"]
# What a number in the unit is multiplied by for atomic units, by the names of the programs.
UNITS = {
    "au": 1.0,
    "mh": 1e-3,
    "ev": ENERGIES["eV"] / _H,
    "mev": ENERGIES["meV"] / _H,
    "cm-1": ENERGIES["cm^-1"] / _H,
    "kcal/mol": 4184 / 6.02214076e23 / _H,
    "kj/mol": 1000 / 6.02214076e23 / _H,
    "kelvin": ENERGIES["K"] / _H,
    "aj": 1e-18 / _H,
    "invev": _H / ENERGIES["eV"],
    "amu": MASSES["amu"] / MASSES["electron"],
    "h-mass": 1837.15264409,
    "hmass": 1837.15264409,
    "d-mass": 3671.482934845,
    "dmass": 3671.482934845,
    "pmass": 1836.15267247,
    "angst": LENGTHS["angstrom"] / LENGTHS["bohr"],
    "pm": LENGTHS["pm"] / LENGTHS["bohr"],
    "nm": LENGTHS["nm"] / LENGTHS["bohr"],
    "angst-1": LENGTHS["bohr"] / LENGTHS["angstrom"],
    "deg": 0.017453292519943295,
    "fs": TIMES["fs"] / TIMES["atomic"],
    "ps": TIMES["ps"] / TIMES["atomic"],
    "invfs": TIMES["atomic"] / TIMES["fs"],
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)|(?P<call>[A-Za-z]+)\s*\[|(?P<name>[A-Za-z_][\w.']*)"
    r"|(?P<sign>\*\*|[-+*/^()\]]))",
    re.ASCII,
)
_CALLS = {
    name: getattr(math, name)
    for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "acos", "atan")
}
_MOST_LINES = 200_000
_MOST_MODES = 256
_DEEPEST = 30  # parentheses


@dataclass
class Operator:
    """What an operator file holds: parameters, names of the modes, terms with their lines."""

    path: Path
    title: str = ""
    parameters: dict[str, float] = field(default_factory=dict)
    modes: list[str] = field(default_factory=list)
    terms: list[tuple[int, complex, dict[int, str]]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    driven: int = 0  # terms that depend on time


def parse(path: Path) -> Operator:
    """Read the parameters and the system Hamiltonian; other sections are named only."""
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from None
    if len(lines) > _MOST_LINES:
        raise InputError(f"{path} must have at most {_MOST_LINES} lines, but it has {len(lines)}.")
    found, section, title = Operator(path), "", list[str]()
    seen = False
    for number, raw in enumerate(lines, start=1):
        line = raw.split("#")[0].strip()
        small = line.lower()
        if not line or (line[0] == "-" and not line.strip("-+|= ")):
            continue
        if small in ("end-operator", "end-input"):
            break
        if small.startswith("end-") and small.endswith("-section"):
            section = ""
        elif match := re.fullmatch(r"([a-z0-9_]+)-section(_\w+)?", small):
            if section:
                raise InputError(f"{path}, line {number}: the section {section} is not ended.")
            section = match[1] + (match[2] or "")
            if section == "hamiltonian":
                if seen:
                    raise InputError(f"{path}, line {number}: a second system Hamiltonian stands.")
                seen = True
            elif section not in ("op_define", "parameter"):
                found.others.append(section)
        elif section == "op_define":
            title.append(line)
        elif section == "parameter":
            _parameter(found, number, line)
        elif section == "hamiltonian":
            _term(found, number, line)
        elif not section:
            raise InputError(
                f"{path}, line {number} stands outside of all sections: {line[:60]!r}."
            )
    if not found.terms:
        raise InputError(f"{path} must hold a HAMILTONIAN-SECTION with terms, but there is none.")
    text = " ".join(title)
    between = re.search(r"(?i)\btitle\b(.*?)\bend-title\b", text)
    found.title = (between[1] if between else "").strip()
    return found


def _parameter(found: Operator, number: int, line: str) -> None:
    name, equals, value = line.partition("=")
    name = name.strip()
    if not equals or not re.fullmatch(r"[A-Za-z_][\w.']*", name, re.ASCII):
        raise InputError(
            f"{found.path}, line {number} must set a parameter, name = value, unit, but it is "
            f"{line[:60]!r}."
        )
    text, comma, unit = value.partition(",")
    factor = 1.0
    if comma:
        unit = unit.strip().lower()
        if unit not in UNITS:
            raise InputError(
                f"{found.path}, line {number} must have a known unit, but it has {unit[:30]!r}"
                f"{nearest(unit, UNITS)}."
            )
        factor = UNITS[unit]
    elif (last := value.split()[-1:]) and last[0].lower() in {*UNITS} - {*found.parameters}:
        raise InputError(
            f"{found.path}, line {number} must have a comma before the unit {last[0]!r}."
        )
    if name in found.parameters:
        raise InputError(f"{found.path}, line {number} sets {name} a second time.")
    value_ = value_of(found, number, text.strip())
    if value_.imag:
        raise InputError(f"{found.path}, line {number} must set a real parameter.")
    found.parameters[name] = factor * value_.real


def _term(found: Operator, number: int, line: str) -> None:
    first, *columns = (part.strip() for part in line.split("|"))
    if first.lower() == "modes":
        found.modes += [column for column in columns if column]
        if len(found.modes) > _MOST_MODES or len(set(found.modes)) < len(found.modes):
            raise InputError(
                f"{found.path}, line {number} must name up to {_MOST_MODES} different modes."
            )
        return
    if not found.modes:
        raise InputError(f"{found.path}, line {number}: a line `modes | … | …` is needed first.")
    operators: dict[int, str] = {}
    numbered = [re.fullmatch(r"(\d+)\s+(\S.*)", column) for column in columns]
    if columns and all(numbered):
        for one in numbered:
            assert one is not None
            place = int(one[1]) - 1
            if not 0 <= place < len(found.modes) or place in operators:
                raise InputError(
                    f"{found.path}, line {number} must name each mode once, from 1 to "
                    f"{len(found.modes)}, but it names {one[1]}."
                )
            operators[place] = one[2].strip()
    else:
        while len(columns) > len(found.modes) and not columns[-1]:
            columns.pop()
        if not columns or len(columns) > len(found.modes) or any(numbered):
            raise InputError(
                f"{found.path}, line {number} must have up to {len(found.modes)} operators, or "
                f"numbered ones, but it has {len(columns)}."
            )
        operators = dict(enumerate(columns))
    kept = {place: text for place, text in operators.items() if text not in ("1", "")}
    if any(found.modes[place].lower() == "time" for place in kept):
        found.driven += 1  # by a field, whose parameters the input may set
        return
    found.terms.append((number, value_of(found, number, first), kept))


def value_of(found: Operator, number: int, text: str) -> complex:
    """Return the value of an expression of numbers, parameters and the imaginary unit I.

    The programs take their operations one after the other; where the usual order would give
    something else, the line is refused.
    """
    tokens: list[str | complex] = []
    place = 0
    stripped = text.rstrip()
    while place < len(stripped):
        token = _TOKEN.match(stripped, place)
        if token is None:
            raise InputError(f"{found.path}, line {number} cannot be understood at {text[:60]!r}.")
        place = token.end()
        if token["number"]:
            tokens.append(parse_number(token["number"]))
        elif token["call"]:
            tokens.append(f"{token['call'].lower()}[")
        elif token["name"]:
            name = token["name"]
            if name == "I":
                tokens.append(1j)
                continue
            if name not in found.parameters:
                raise InputError(
                    f"{found.path}, line {number} must use parameters that are set, but {name[:60]}"
                    f" is not{nearest(name, found.parameters)}."
                )
            tokens.append(found.parameters[name])
        else:
            tokens.append("^" if token["sign"] == "**" else token["sign"])
    values = []
    for levels in ({"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}, dict.fromkeys("+-*/", 1) | {"^": 3}):
        try:
            value, end = _expression(tokens, 0, 0, levels, 0)
            if end != len(tokens):
                raise ValueError
        except (ValueError, IndexError, ZeroDivisionError, OverflowError, TypeError):
            raise InputError(
                f"{found.path}, line {number} must hold a number or an expression, but it holds "
                f"{text[:60]!r}."
            ) from None
        values.append(value)
    if not abs(values[0]) < float("inf"):
        raise InputError(f"{found.path}, line {number} must be finite, but it is {text[:60]!r}.")
    if abs(values[0] - values[1]) > 1e-12 * abs(values[0]):
        raise InputError(
            f"{found.path}, line {number}: {text[:60]!r} depends on the order of its operations: "
            "set a parameter for a part of it."
        )
    return values[0]


def _expression(
    tokens: list[str | complex], at: int, least: int, levels: dict[str, int], depth: int
) -> tuple[complex, int]:
    """Return the value of tokens from a place on, and where it ends, by precedence climbing."""
    if depth > _DEEPEST:
        raise ValueError
    token = tokens[at]
    if token == "(":
        value, at = _expression(tokens, at + 1, 0, levels, depth + 1)
        if tokens[at] != ")":
            raise ValueError
        at += 1
    elif isinstance(token, str) and token.endswith("["):
        if token[:-1] not in _CALLS:
            raise ValueError
        value, at = _expression(tokens, at + 1, 0, levels, depth + 1)
        if tokens[at] != "]":
            raise ValueError
        value, at = _CALLS[token[:-1]](_real(value)), at + 1
    elif token in ("-", "+"):
        value, at = _expression(tokens, at + 1, 2, {**levels, "*": 2, "/": 2}, depth + 1)
        value = -value if token == "-" else value
    elif not isinstance(token, str):
        value, at = token, at + 1
    else:
        raise ValueError
    while at < len(tokens) and isinstance(sign := tokens[at], str) and sign not in ")]":
        level = levels.get(sign, 0)
        if level == 0:
            raise ValueError
        if level < least or (level == least and least > 0):
            break
        right, at = _expression(tokens, at + 1, level, levels, depth + 1)
        if sign == "+":
            value += right
        elif sign == "-":
            value -= right
        elif sign == "*":
            value *= right
        elif sign == "/":
            value /= right
        else:
            value = _real(_real(value) ** _real(right))
    return value, at


def _real(value: complex) -> float:
    if value.imag:
        raise ValueError
    return float(value.real)
