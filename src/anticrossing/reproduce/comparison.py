"""All reproductions in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.provenance import plain
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing._version import __version__
from anticrossing.reproduce.reproduction import Reproduction


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """Every published number beside the one found here, a line for each.

    Attributes
    ----------
    reproduction, quantity, source : array of str, shape (K,)
    published, found, allowed : array, shape (K,)
        `allowed` is the largest difference that counts as agreement.
    within : array of bool, shape (K,)
        Whether the difference is allowed.
    verdicts : dict of str to bool
        Whether each reproduction agrees as a whole.
    seconds : dict of str to float
        How long each took.
    """

    reproduction: npt.NDArray[np.str_]
    quantity: npt.NDArray[np.str_]
    published: FloatArray
    found: FloatArray
    allowed: FloatArray
    within: npt.NDArray[np.bool_]
    source: npt.NDArray[np.str_]
    verdicts: dict[str, bool]
    seconds: dict[str, float]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "reproduction": shown("number", text="reproduction"),
        "quantity": shown("number", text="what it is"),
        "published": shown("number", text="published number"),
        "found": shown("number", text="number found here"),
        "difference": shown("number", text="found less published"),
        "allowed": shown("number", text="difference that is allowed"),
        "within": shown("number", text="whether the difference is allowed"),
        "source": shown("number", text="where it was published"),
    }

    @classmethod
    def of(cls, found: Mapping[str, Reproduction], seconds: Mapping[str, float]) -> Comparison:
        """Put the numbers of all reproductions together."""
        lines = [(name, number) for name, result in found.items() for number in result.numbers]
        return cls(
            reproduction=np.array([name for name, _ in lines], dtype=np.str_),
            quantity=np.array([number.quantity for _, number in lines], dtype=np.str_),
            published=np.array([number.published for _, number in lines], dtype=np.float64),
            found=np.array([number.found for _, number in lines], dtype=np.float64),
            allowed=np.array([number.allowed for _, number in lines], dtype=np.float64),
            within=np.array([number.agrees for _, number in lines], dtype=np.bool_),
            source=np.array([number.source for _, number in lines], dtype=np.str_),
            verdicts={name: result.agrees for name, result in found.items()},
            seconds=dict(seconds),
        )

    @property
    def difference(self) -> FloatArray:
        """Found less published, shape (K,)."""
        return self.found - self.published

    @property
    def agrees(self) -> bool:
        """Whether every number is within what is allowed, and every reproduction agrees."""
        return bool(self.within.all()) and all(self.verdicts.values())

    def rows(self) -> list[list[Any]]:
        """Return the table, a list for each number."""
        columns = (self.quantity, self.published, self.found, self.difference, self.within)
        table = zip(self.reproduction, *columns, self.source, strict=True)
        return [[cell.item() for cell in row] for row in table]

    def summary(self) -> dict[str, Any]:
        """Return everything as plain data."""
        names = ("reproduction", "quantity", "published", "found", "difference", "within", "source")
        return plain(
            {
                "anticrossing": __version__,
                "agrees": self.agrees,
                "reproductions": [
                    {"name": name, "agrees": agrees, "seconds": round(self.seconds[name], 1)}
                    for name, agrees in self.verdicts.items()
                ],
                "numbers": [dict(zip(names, row, strict=True)) for row in self.rows()],
            }
        )

    def _attributes(self) -> dict[str, Any]:
        return {"agrees": str(self.agrees)}

    def __str__(self) -> str:
        lines = []
        rows = self.rows()
        for name, agrees in self.verdicts.items():
            own = [row for row in rows if row[0] == name]
            verdict = "agrees" if agrees else "DOES NOT AGREE"
            lines.append(f"{name}: {verdict}, {len(own)} numbers, {self.seconds[name]:.0f} s")
            wide = max((len(row[1]) for row in own), default=0)
            source = ""
            for row in own:
                if row[6] != source:
                    source = row[6]
                    lines.append(f"  {source}")
                mark = "" if row[5] else "  OUTSIDE"
                lines.append(
                    f"    {row[1]:<{wide}}  {row[2]:<13.8g} found {row[3]:<13.8g} "
                    f"difference {row[4]:.1e}{mark}"
                )
        many = f"{int(self.within.sum())} of {self.within.size} numbers"
        lines.append(f"{many} are within what is allowed.")
        return "\n".join(lines)
