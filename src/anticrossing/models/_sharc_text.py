"""The text of SHARC's model files, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, nearest
from anticrossing._core.reading import read_text

LIST_BLOCKS = {"epsilon": 2, "eta": 3, "kappa": 3, "lambda": 4, "gamma": 5}  # how many indices
MATRIX_BLOCKS = ("SOC", "DMX", "DMY", "DMZ")
COMPONENTS = "lambda_soc"  # linear couplings of spin components
_KNOWN = (*LIST_BLOCKS, COMPONENTS, *(f"{name} {part}" for name in MATRIX_BLOCKS for part in "RI"))
# Dipoles beyond the constant ones and fitted charges, none of which enters the Hamiltonian.
SKIPPED = ("charge", "multipolar", "mdmx", "mdmy", "mdmz", "eqmx", "eqmy", "eqmz")
_LARGEST = 5 * 10**7  # numbers in all matrices of a model


@dataclass(frozen=True)
class Reference:
    path: Path
    elements: tuple[str, ...]
    charges: FloatArray
    masses: FloatArray
    geometry: FloatArray
    frequencies: FloatArray
    modes: FloatArray


class Lines:
    """The lines of a file with their numbers; blank lines and ``#`` comments are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        try:
            self._text = read_text(path).splitlines()
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(f"The file {path} cannot be read: {why}.") from None

    def following(self) -> str | None:
        """Return the next line that says something, None at the end."""
        while self.number < len(self._text):
            self.number += 1
            line = self._text[self.number - 1].split("#")[0]
            if line.strip():
                return line
        return None

    def next(self, what: str) -> str:
        """Return the next line, or raise because `what` is missing."""
        line = self.following()
        if line is None:
            raise InputError(
                f"{self.path} must hold {what}, but it ends after {self.number} lines."
            )
        return line

    def back(self) -> None:
        self.number -= 1

    def error(self, problem: str) -> InputError:
        return InputError(f"{self.path}, line {self.number} {problem}.")

    def integers(self, line: str) -> list[int]:
        try:
            return [int(word) for word in line.split()]
        except ValueError:
            raise self.error(f"must hold integers, but it is {line.strip()!r}") from None

    def numbers(self, what: str, count: int | None = None) -> FloatArray:
        return self.parse(self.next(what).split(), count)

    def parse(self, words: list[str], count: int | None = None) -> FloatArray:
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            raise self.error(f"must hold numbers, but it is {' '.join(words)!r}") from None
        if count is not None and len(values) != count:
            raise self.error(f"must hold {count} numbers, but it holds {len(values)}")
        if not np.all(np.isfinite(values)):
            raise self.error("must hold finite numbers, but it contains NaN or infinity")
        return values


class Blocks:
    """What the blocks of a template add up to, over all spin components and all modes."""

    def __init__(self, states: tuple[int, ...], modes: int) -> None:
        self.states, self.modes = states, modes
        size = sum((m + 1) * n for m, n in enumerate(states))
        if size**2 * (modes**2 + 20) > _LARGEST:
            raise InputError(f"A SHARC model must fit into memory, but this has {size} states.")
        self.constant = np.zeros((size, size))
        self.linear: ComplexArray = np.zeros((modes, size, size), dtype=np.complex128)
        self.quadratic = np.zeros((modes, modes, size, size))
        self.matrices: ComplexArray = np.zeros((4, size, size), dtype=np.complex128)
        self.seen: set[tuple[str, tuple[int, ...]]] = set()
        self.others: list[str] = []  # lines that do not enter the Hamiltonian

    def pairs(self, multiplicity: int, first: int, second: int) -> Iterator[tuple[int, int]]:
        """Yield the indices of two states, once for every spin component, M_S ascending."""
        start = sum((m + 1) * n for m, n in enumerate(self.states[: multiplicity - 1]))
        count = self.states[multiplicity - 1]
        for component in range(multiplicity):
            offset = start + component * count - 1
            yield offset + first, offset + second

    def labels(self) -> list[str]:
        names = []
        for multiplicity, count in enumerate(self.states, start=1):
            letter = "SDTQ"[multiplicity - 1] if multiplicity <= 4 else f"{multiplicity}-"
            for component in range(multiplicity):
                twice = 2 * component - multiplicity + 1
                spin = f"{twice // 2:+d}" if twice % 2 == 0 else f"{twice:+d}/2"
                suffix = f" m={spin.replace('+0', '0')}" if multiplicity > 1 else ""
                names += [f"{letter}{state}{suffix}" for state in range(1, count + 1)]
        return names


def read_reference(path: Path) -> Reference:
    lines = Lines(path)
    _expect(lines, "Geometry")
    elements: list[str] = []
    rows: list[FloatArray] = []
    while True:
        words = lines.next("the line Frequencies").split()
        if words[0].lower() == "frequencies":
            break
        elements.append(words[0])
        rows.append(lines.parse(words[1:], 5))
    if not rows:
        raise lines.error("must follow at least one atom, but there is none")
    table = np.array(rows)
    if np.any(table[:, 4] <= 0):
        raise InputError(f"{path} must list positive masses, but one is {table[:, 4].min():g}.")
    size = 3 * len(rows)
    frequencies = lines.numbers("the frequencies", size)
    if np.any(frequencies < 0):
        raise lines.error(f"must hold no negative frequency, but one is {frequencies.min():g}")
    _expect(lines, "Mass-weighted normal modes")
    modes = np.array(
        [lines.numbers("one line of the modes per displacement", size) for _ in range(size)]
    )
    return Reference(
        path, tuple(elements), table[:, 0], table[:, 4], table[:, 1:4], frequencies, modes
    )


def _expect(lines: Lines, header: str) -> None:
    line = lines.next(f"the line {header}").strip()
    if line.lower().split() != header.lower().split():
        raise lines.error(f"must read {header!r}, but it is {line!r}")


def read_block(words: list[str], lines: Lines, blocks: Blocks) -> None:
    name = words[0].lower()
    if name in (*LIST_BLOCKS, COMPONENTS) and len(words) == 1:
        count = lines.integers(lines.next(f"the number of lines of {name}"))
        if len(count) != 1 or count[0] < 0:
            raise lines.error(f"must hold the number of lines of {name}")
        read = _read_component if name == COMPONENTS else _read_entry
        for _ in range(count[0]):
            read(name, lines, blocks)
        return
    kind = words[0].upper()
    if kind in MATRIX_BLOCKS and len(words) == 2 and words[1].upper() in ("R", "I"):
        size = len(blocks.constant)
        unit = 1.0 if words[1].upper() == "R" else 1.0j
        for row in range(size):
            values = lines.numbers(f"{size} rows of {kind} {words[1]}", size)
            blocks.matrices[MATRIX_BLOCKS.index(kind), row] += unit * values
        return
    if name.startswith(SKIPPED):
        blocks.others += [" ".join(words), *_passed_over(lines)]
        return
    raise lines.error(
        f"starts no known block, {' '.join(words)!r}{nearest(' '.join(words), _KNOWN)}"
    )


def _read_entry(name: str, lines: Lines, blocks: Blocks) -> None:
    count = LIST_BLOCKS[name]
    words = lines.next(f"all lines of {name}").split()
    if len(words) != count + 1:
        raise lines.error(f"must hold {count} indices and a value, but it holds {len(words)} words")
    indices = lines.integers(" ".join(words[:count]))
    value = float(lines.parse(words[count:])[0])
    multiplicity = indices[0]
    two_states = name in ("eta", "lambda", "gamma")
    states, modes = (indices[1:3], indices[3:]) if two_states else (indices[1:2] * 2, indices[2:])
    limit = len(blocks.states)
    if not 1 <= multiplicity <= limit:
        raise lines.error(f"must name a multiplicity from 1 to {limit}, but it is {multiplicity}")
    available = blocks.states[multiplicity - 1]
    for state in states:
        if not 1 <= state <= available:
            raise lines.error(f"must name a state from 1 to {available}, but it is {state}")
    _modes(modes, lines, blocks)
    _once(name, (multiplicity, *sorted(states), *modes), lines, blocks)
    for i, j in blocks.pairs(multiplicity, *states):
        targets = {(i, j), (j, i)}
        for a, b in targets:
            if name in ("epsilon", "eta"):
                blocks.constant[a, b] += value
            elif name in ("kappa", "lambda"):
                blocks.linear[modes[0] - 1, a, b] += value
            else:  # ½ G_ij Q_i Q_j with G symmetric: both orders, so that the sum is value·Q_i Q_j
                blocks.quadratic[modes[0] - 1, modes[1] - 1, a, b] += value
                blocks.quadratic[modes[1] - 1, modes[0] - 1, a, b] += value


def _read_component(name: str, lines: Lines, blocks: Blocks) -> None:
    words = lines.next(f"all lines of {name}").split()
    if len(words) != 5 or words[3] not in ("R", "I"):
        raise lines.error("must hold two spin components, a mode, R or I, and a value")
    first, second, mode = lines.integers(" ".join(words[:3]))
    value = float(lines.parse(words[4:])[0])
    size = len(blocks.constant)
    if first == second or min(first, second) < 1 or max(first, second) > size:
        raise lines.error(f"must name two spin components from 1 to {size}")
    _modes([mode], lines, blocks)
    _once(f"{name} {words[3]}", (*sorted((first, second)), mode), lines, blocks)
    element = value if words[3] == "R" else 1j * value
    blocks.linear[mode - 1, first - 1, second - 1] += element
    blocks.linear[mode - 1, second - 1, first - 1] += np.conj(element)


def _modes(modes: list[int], lines: Lines, blocks: Blocks) -> None:
    for mode in modes:
        if not 1 <= mode <= blocks.modes:
            raise lines.error(f"must name a mode from 1 to {blocks.modes}, but it is {mode}")


def _once(name: str, indices: tuple[int, ...], lines: Lines, blocks: Blocks) -> None:
    if (name, indices) in blocks.seen:
        raise lines.error(f"must name an element of {name} once, but it is repeated")
    blocks.seen.add((name, indices))


def _passed_over(lines: Lines) -> Iterator[str]:
    """Yield a block that does not enter the Hamiltonian: the lines up to the next known header."""
    known = (*LIST_BLOCKS, *(name.lower() for name in MATRIX_BLOCKS), *SKIPPED)
    while (line := lines.following()) is not None:
        if line.split()[0].lower().startswith(known):
            lines.back()
            return
        yield line.rstrip()
