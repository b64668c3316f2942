"""Published results, recomputed: a table, a figure, and whether they agree.

A module enters with one paper, and states the numbers it is compared with.

>>> reproduction = compute("demkov-osherov")
>>> reproduction.agrees
True
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path

from anticrossing._core.checks import choice
from anticrossing._core.public import guard
from anticrossing.reproduce.comparison import Comparison
from anticrossing.reproduce.reproduction import Number, Reproduction

_MODULES = {
    "landau-zener-limits": "landau_zener_limits",
    "demkov-osherov": "demkov_osherov",
    "finite-window": "finite_window",
    "dephasing-lindbladian": "dephasing_lindbladian",
    "barra-esposito": "barra_esposito",
    "geometric-phase": "geometric_phase",
    "stueckelberg": "stueckelberg",
    "tully": "tully",
    "marcus-hopping": "marcus_hopping",
    "berry-histories": "berry_histories",
    "brundobler-elser": "brundobler_elser",
    "retinal": "retinal",
    "quantum-annealing-24": "quantum_annealing",
    "fe8": "fe8",
    "kibble-zurek": "kibble_zurek",
    "wubs": "wubs",
    "zenesini": "zenesini",
    "amplitude-spectroscopy": "amplitude_spectroscopy",
    "akulin-schleich": "akulin_schleich",
    "wu-niu": "wu_niu",
    "nalbach-thorwart": "nalbach_thorwart",
    "albash-lidar": "albash_lidar",
    "kayanuma-noise": "kayanuma_noise",
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


def compute_all(
    directory: str | Path | None = None, *, report: Callable[[str, float], None] | None = None
) -> Comparison:
    """Recompute everything: one table with each published number beside the one found here.

    Parameters
    ----------
    directory : str or Path, optional
        A directory that is made if need be; figure and numbers of each are written below it.
    report : callable, optional
        Called with the name and the seconds that it took as each is done.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        For a directory that cannot be used.
    """
    from anticrossing.studies import check_target

    targets: dict[str, Path | None] = dict.fromkeys(NAMES)
    if directory is not None:
        Path(directory).mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            targets[name] = check_target(Path(directory) / name)
    found: dict[str, Reproduction] = {}
    seconds: dict[str, float] = {}
    for name, target in targets.items():
        start = time.perf_counter()
        found[name] = compute(name, target)
        seconds[name] = time.perf_counter() - start
        if report is not None:
            report(name, seconds[name])
    return Comparison.of(found, seconds)


__all__ = [
    "NAMES",
    "Comparison",
    "Number",
    "Reproduction",
    "compute",
    "compute_all",
    "descriptions",
]

guard(__name__)
