"""What is computed at every point: a function of the user, or what an experiment stands for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anticrossing._core.checks import InputError, describe, fail, nearest
from anticrossing._core.unchanging import Unchanging
from anticrossing.sweeps import provenance
from anticrossing.sweeps.grid import Grid


@dataclass(eq=False, kw_only=True)
class Target(Unchanging):
    """A function of one point (or, vectorised, of many), and what is known about it.

    Attributes
    ----------
    function : callable
        Takes every swept parameter by name.
    identity : mapping of str to str
        What must agree for two runs to be the same sweep.
    vectorised : bool
        Whether it takes arrays (n,) and returns arrays (n, …).
    random : bool
        Whether it takes a random generator `rng`, or a list of n of them.
    strict : bool
        Whether the sweep ends with the exception of a point; else failures are recorded.
    argument : str
        What the caller calls the function, in messages about it.
    dims : mapping of str to sequence of str
        Names of the axes of each output.
    labels : mapping of str to sequence
        Coordinates along such axes.
    details : mapping of str to mapping
        Attributes of parameters and outputs, such as ``long_name``.
    attributes : mapping of str to str
        Attributes of the whole result.
    """

    function: Callable[..., Any]
    identity: Mapping[str, str]
    vectorised: bool = False
    random: bool = False
    strict: bool = False
    argument: str = "function"
    dims: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def target_of(subject: Any, grid: Grid) -> Target:
    """Return what is computed for `subject`: a function, or what has a method `sweep_target`."""
    if hasattr(subject, "sweep_target"):
        target: Target = subject.sweep_target(grid)
        return target
    if not callable(subject):
        raise fail("function", "be a function or an experiment", f"it is {describe(subject)}")
    return Target(
        function=subject,
        identity=provenance.identity_of(subject),
        random=_check_signature(subject, grid),
        attributes={"function": provenance.name_of(subject)},
    )


def _check_signature(function: Callable[..., Any], grid: Grid) -> bool:
    """Raise unless the function takes the swept parameters; return whether it takes `rng`."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions do not tell
        return False
    kinds = {name: entry.kind for name, entry in signature.parameters.items()}
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = [name for name, kind in kinds.items() if kind in by_name]
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    for name in grid.names:
        if name not in taken and not takes_any:
            hint = nearest(name, taken)
            raise InputError(f"The function takes no parameter `{name}`, which is swept{hint}.")
    for name, entry in signature.parameters.items():
        variadic = entry.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        needed = entry.default is inspect.Parameter.empty and not variadic
        if needed and name not in (*grid.names, "rng"):
            raise InputError(f"The function needs the parameter `{name}`, which is not swept.")
    return "rng" in taken
