"""What an exact answer depends on: slopes by parameters, and errors from those of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import FloatArray, describe, fail, non_negative_number
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import gradients
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


@dataclass(frozen=True, eq=False)
class Sensitivity(Result):
    """How probabilities change with K parameters, and how well they are known from these.

    To first order and for independent errors ``σ_P² = Σ_k (∂P/∂p_k)² σ_k²``.

    Attributes
    ----------
    names : tuple of str
        Of the parameters.
    slopes : array, shape (K, N)
        ∂P/∂p of the final probability of every level.
    deviations : array, shape (K,), or None
        σ_k, the standard deviations of the parameters, where they were given.
    errors : array, shape (K, N), or None
        |∂P/∂p_k| σ_k.
    total : array, shape (N,), or None
        σ_P of every level.
    """

    names: tuple[str, ...]
    slopes: FloatArray
    deviations: FloatArray | None
    errors: FloatArray | None
    total: FloatArray | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "parameter": shown("parameter", text="parameter", of="names"),
        "slope": shown("parameter", "level", text="slope of the probability"),
        "deviation": shown("parameter", text="its standard deviation"),
        "error": shown("parameter", "level", text="error that it leaves"),
        "total": shown("level", text="standard deviation of the probability"),
    }

    def __str__(self) -> str:
        width = max(map(len, self.names))
        lines = ["what the probabilities depend on"]
        for k, name in enumerate(self.names):
            values = "  ".join(f"{value:>10.4g}" for value in self.slopes[k])
            known = "" if self.deviations is None else f"  for ±{self.deviations[k]:.3g}"
            moved = "" if self.errors is None else f": ±{np.max(self.errors[k]):.2g} at most"
            lines.append(f"  ∂P/∂{name:<{width}}  {values}{known}{moved}")
        if self.total is not None:
            values = "  ".join(f"{value:>10.2g}" for value in self.total)
            lines.append(f"  {'σ of P':<{width + 4}}  {values}")
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw what every parameter contributes: errors where they are known, else slopes.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        values = self.slopes if self.errors is None else self.errors
        count, levels = values.shape
        for level in range(levels):
            places = np.arange(count) + 0.8 * (level + 0.5) / levels - 0.4
            axes.barh(places, values[:, level], 0.8 / levels, label=f"level {level}")
        axes.set_yticks(np.arange(count), self.names)
        axes.set_xlabel("slope of the probability" if self.errors is None else "error of P")
        axes.legend()
        return axes


def check_sensitivity(
    given: str | Sequence[str] | Mapping[str, float] | None,
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment | None,
    basis: str,
) -> tuple[tuple[str, ...], FloatArray | None]:
    """Return the names of parameters and their standard deviations, or raise `InputError`."""
    if given is None:
        return (), None
    deviations = None
    if isinstance(given, Mapping):
        values = [non_negative_number(f"sensitivity[{n!r}]", v) for n, v in given.items()]
        deviations = np.array(values)
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or not all(isinstance(name, str) for name in names):
        must = "name parameters, or map them to standard deviations"
        raise fail("sensitivity", must, f"it is {describe(given)}")
    request = Request(hamiltonian, drive, environment=environment, basis=basis)
    found = gradients.check(request, names, "sensitivity")
    if deviations is not None and deviations.size != len(found):
        must = "name one number each where deviations are given"
        several = f"a name stands for several of {[parameter.name for parameter in found]}"
        raise fail("sensitivity", must, several)
    return names, deviations


def sensitivity_of(exact: Propagation, deviations: FloatArray | None) -> Sensitivity | None:
    """Return what the gradients of an evolution say of its probabilities."""
    if not exact.gradients:
        return None
    slopes = np.stack([derivative.probabilities for derivative in exact.gradients.values()])
    errors = total = None
    if deviations is not None:
        errors = np.abs(slopes) * deviations[:, None]
        total = np.sqrt(np.sum(errors**2, axis=0))
    return Sensitivity(tuple(exact.gradients), slopes, deviations, errors, total)
