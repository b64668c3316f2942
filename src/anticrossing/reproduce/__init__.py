"""Published results, recomputed: a table, a figure, and whether they agree.

A module enters with one paper, and states the numbers it is compared with.

>>> reproduction = compute("demkov-osherov")
>>> reproduction.agrees
True
"""

from __future__ import annotations

import importlib
from pathlib import Path

from anticrossing._core.checks import choice
from anticrossing._core.public import guard
from anticrossing.reproduce.reproduction import Reproduction

_MODULES = {
    "landau-zener-limits": "landau_zener_limits",
    "demkov-osherov": "demkov_osherov",
    "finite-window": "finite_window",
    "dephasing-lindbladian": "dephasing_lindbladian",
    "barra-esposito": "barra_esposito",
    "geometric-phase": "geometric_phase",
    "stueckelberg": "stueckelberg",
    "tully": "tully",
    "retinal": "retinal",
}

NAMES = tuple(_MODULES)
"""What can be reproduced."""


def descriptions() -> dict[str, str]:
    """Return one line on each published result."""
    modules = {name: importlib.import_module(f"{__name__}.{m}") for name, m in _MODULES.items()}
    return {name: (module.__doc__ or "").partition("\n")[0] for name, module in modules.items()}


def compute(name: str, directory: str | Path | None = None) -> Reproduction:
    """Recompute a published result and, if a directory is given, write figure and numbers there.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    directory : str or Path, optional
        See `anticrossing.studies.check_target`.

    Raises
    ------
    InputError
        For an unknown name (naming the nearest) or a directory that cannot be used.
    """
    from anticrossing.studies import check_target

    choice("name", name, NAMES)
    if directory is not None:
        check_target(directory)
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    reproduction: Reproduction = module.compute()
    if directory is not None:
        reproduction.write(directory)
    return reproduction


__all__ = ["NAMES", "Reproduction", "compute", "descriptions"]

guard(__name__)
