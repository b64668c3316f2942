"""Character tables of a few point groups, with the words that make their elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, choice
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown


class Group(NamedTuple):
    """A group by generators: words that are its elements, by class, and words that are one."""

    generators: tuple[str, ...]
    classes: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    relations: tuple[tuple[str, ...], ...]
    irreps: Mapping[str, tuple[float, ...]]


def _commuting(*names: str) -> tuple[tuple[str, ...], ...]:
    """Return the relations of commuting operations of order two."""
    squares = tuple((name, name) for name in names)
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]
    return (*squares, *((a, b, a, b) for a, b in pairs))


def _one(name: str, *word: str) -> tuple[str, tuple[tuple[str, ...], ...]]:
    return name, (word,)


def _threefold(second: str, classes: str) -> Group:
    c, s = "C3", second
    return Group(
        (c, s),
        (_one("E"), ("2 C3", ((c,), (c, c))), (classes, ((s,), (s, c), (s, c, c)))),
        ((c, c, c), (s, s), (s, c, s, c)),
        {"A1": (1, 1, 1), "A2": (1, 1, -1), "E": (2, -1, 0)},
    )


_GROUPS: Mapping[str, Group] = {
    "Cs": Group(
        ("σh",), (_one("E"), _one("σh", "σh")), _commuting("σh"), {"A'": (1, 1), 'A"': (1, -1)}
    ),
    "Ci": Group(
        ("i",), (_one("E"), _one("i", "i")), _commuting("i"), {"Ag": (1, 1), "Au": (1, -1)}
    ),
    "C2": Group(
        ("C2",), (_one("E"), _one("C2", "C2")), _commuting("C2"), {"A": (1, 1), "B": (1, -1)}
    ),
    "C2v": Group(
        ("C2", "σv"),
        (_one("E"), _one("C2", "C2"), _one("σv", "σv"), _one("σv'", "C2", "σv")),
        _commuting("C2", "σv"),
        {"A1": (1, 1, 1, 1), "A2": (1, 1, -1, -1), "B1": (1, -1, 1, -1), "B2": (1, -1, -1, 1)},
    ),
    "C2h": Group(
        ("C2", "i"),
        (_one("E"), _one("C2", "C2"), _one("i", "i"), _one("σh", "C2", "i")),
        _commuting("C2", "i"),
        {"Ag": (1, 1, 1, 1), "Bg": (1, -1, 1, -1), "Au": (1, 1, -1, -1), "Bu": (1, -1, -1, 1)},
    ),
    "D2": Group(
        ("C2z", "C2y"),
        (_one("E"), _one("C2z", "C2z"), _one("C2y", "C2y"), _one("C2x", "C2z", "C2y")),
        _commuting("C2z", "C2y"),
        {"A": (1, 1, 1, 1), "B1": (1, 1, -1, -1), "B2": (1, -1, 1, -1), "B3": (1, -1, -1, 1)},
    ),
    "D2h": Group(
        ("C2z", "C2y", "i"),
        (
            _one("E"),
            _one("C2z", "C2z"),
            _one("C2y", "C2y"),
            _one("C2x", "C2z", "C2y"),
            _one("i", "i"),
            _one("σxy", "i", "C2z"),
            _one("σxz", "i", "C2y"),
            _one("σyz", "i", "C2z", "C2y"),
        ),
        _commuting("C2z", "C2y", "i"),
        {
            "Ag": (1, 1, 1, 1, 1, 1, 1, 1),
            "B1g": (1, 1, -1, -1, 1, 1, -1, -1),
            "B2g": (1, -1, 1, -1, 1, -1, 1, -1),
            "B3g": (1, -1, -1, 1, 1, -1, -1, 1),
            "Au": (1, 1, 1, 1, -1, -1, -1, -1),
            "B1u": (1, 1, -1, -1, -1, -1, 1, 1),
            "B2u": (1, -1, 1, -1, -1, 1, -1, 1),
            "B3u": (1, -1, -1, 1, -1, 1, 1, -1),
        },
    ),
    "C3v": _threefold("σv", "3 σv"),
    "D3": _threefold("C2", "3 C2"),
}


@dataclass(frozen=True, eq=False)
class CharacterTable(Result):
    """The irreducible representations of a point group.

    Attributes
    ----------
    group : str
        Its Schoenflies symbol.
    generators : tuple of str
        The operations from which all others follow: what `Symmetry.point_group` asks for.
    classes : tuple of str
    sizes : array of int, shape (c,)
        The number of operations in each class.
    irreps : tuple of str
    characters : array, shape (r, c)
        Real in all these groups.
    """

    group: str
    generators: tuple[str, ...]
    classes: tuple[str, ...]
    sizes: npt.NDArray[np.intp]
    irreps: tuple[str, ...]
    characters: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "irrep": shown("irrep", text="irreducible representation"),
        "operation": shown("class", text="class of operations", of="classes"),
        "size": shown("class", text="operations in the class"),
        "characters": shown("irrep", "class", text="character"),
    }

    @property
    def order(self) -> int:
        """The number of operations."""
        return int(self.sizes.sum())

    def product(self, *irreps: str) -> dict[str, int]:
        """Return how often each irreducible representation is in a direct product.

        Two states are coupled at first order along a coordinate, or by an operator, whose
        representation is in the product of theirs; by H itself, where the totally symmetric one is.

        Parameters
        ----------
        *irreps : str
            Representations of the group, any number of them.

        Returns
        -------
        dict
            Only what occurs, in the order of the table.

        Raises
        ------
        InputError
            For a name that is not in the table.

        Examples
        --------
        >>> character_table("C2v").product("A2", "B1")
        {'B2': 1}
        >>> character_table("C3v").product("E", "E")
        {'A1': 1, 'A2': 1, 'E': 1}
        """
        product = np.ones(self.sizes.size)
        for name in irreps:
            product = (
                product * self.characters[self.irreps.index(choice("irreps", name, self.irreps))]
            )
        times = np.rint(self.characters @ (self.sizes * product) / self.order).astype(int)
        return {name: int(n) for name, n in zip(self.irreps, times, strict=True) if n}

    def _attributes(self) -> dict[str, Any]:
        return {"group": self.group, "generators": ", ".join(self.generators)}

    def __str__(self) -> str:
        rows = [(self.group, *self.classes)]
        rows += [
            (name, *(f"{value:g}" for value in row))
            for name, row in zip(self.irreps, self.characters, strict=True)
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


def character_table(group: str) -> CharacterTable:
    """Return the characters of a point group.

    Parameters
    ----------
    group : {"Cs", "Ci", "C2", "C2v", "C2h", "D2", "D2h", "C3v", "D3"}

    Returns
    -------
    CharacterTable

    Raises
    ------
    InputError
        For any other group.

    References
    ----------
    F. A. Cotton, Chemical Applications of Group Theory (1990), appendix II. In C2v the plane of
    σv is xz, in D2h the axes are as named.

    Examples
    --------
    >>> print(character_table("C2v"))
    C2v  E  C2  σv  σv'
    A1   1   1   1    1
    A2   1   1  -1   -1
    B1   1  -1   1   -1
    B2   1  -1  -1    1
    """
    found = group_of(group)
    return CharacterTable(
        group,
        found.generators,
        tuple(name for name, _ in found.classes),
        np.array([len(words) for _, words in found.classes]),
        tuple(found.irreps),
        np.array(list(found.irreps.values()), dtype=np.float64),
    )


def group_of(name: str) -> Group:
    """Return a group by its symbol."""
    return _GROUPS[choice("group", name, _GROUPS)]
