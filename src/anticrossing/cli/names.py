"""Names that commands take: kinds of files, published results, pages and what they are about."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

ADDRESS = "https://anticrossing.readthedocs.io/en/stable/"
PAGES = {
    "quickstart": "a first result, step by step",
    "theory": "conventions, formulas, and how the exact answer is computed",
    "choosing": "which formula, basis, or tolerance",
    "sharp_edges": "what goes wrong, and how to notice",
    "open_systems": "dephasing, relaxation, noise, baths, decay, quantum jumps",
    "driven_level": "work, heat and entropy of a level and a finite reservoir",
    "stochastic_thermodynamics": "the same for any system that jumps between states",
    "transport": "currents, noise and entropy between several reservoirs",
    "geometry": "couplings, Berry phases and intersections",
    "diabatization": "diabatic states, from H or from ab initio data",
    "vibronic": "vibronic models and levels, Jahn-Teller, SHARC files",
    "molecules": "wave packets, surface hopping",
    "mean_field": "condensates, loops of levels, self-trapping",
    "rates": "thermal rates, and which formula to use; rate constants from populations",
    "sweeps": "a function at every point of a grid, resumable",
    "fits": "gap, T1 and T2 from populations, H from the lines of a spectrum",
    "page": "the numbers of an experiment, moved in a browser",
    "recipes": "pulses that move populations",
    "moving_over": "from QuTiP, HOQST, Qiskit Dynamics, mudslide, SHARC",
    "other_packages": "objects of QuTiP and scqubits in, and ours out",
    "files": "experiment files, table by table",
    "command_line": "this command",
    "benchmarks": "how long it takes, here and elsewhere",
    "public_interface": "what stays from release to release",
    "contributing": "how the project is laid out",
    "changelog": "what has changed",
}

# What a page tells of that its name and description do not, in words that stand there.
TOLD = {
    "theory": ("gradient", "derivatives", "sensitivity", "superadiabatic", "Dykhne"),
    "open_systems": (
        *("classical noise", "telegraph", "1/f", "quasi-static", "T_2^*", "echo"),
        *("bath", "Redfield", "lamb_shift", "universal Lindblad", "polaron", "HEOM"),
        *("levels that decay", "survival", "exceptional points", "quantum jumps", "Zeno"),
    ),
    "mean_field": ("mean field", "swallow tail", "cusps", "Bogoliubov", "wu-niu"),
    "fits": (
        *("spectroscopy", "fit", "avoided crossing", "outlier", "assigned", "peak"),
        *("binomial", "counts", "SPAM", "read-out", "posterior", "Fisher information"),
        *("measure next", "units", "map", "interval"),
    ),
    "diabatization": ("table", "ab initio", "energies alone", "Landau and Zener"),
    "vibronic": (
        *("operator file", "MCTDH", "Quantics", "fit_vibronic", "several coordinates"),
        "spin–orbit",
    ),
    "molecules": (
        *("hops", "finished trajectories", "Belyaev", "Zhu-Nakamura"),
        *("on the fly", "crossing point", "ASE", "PySCF"),
    ),
    "rates": ("microcanonical", "Hessian", "bootstrap", "tunnelling", "spin–orbit"),
    "recipes": ("STIRAP", "chirped", "controlled-Z", "reverse annealing", "optimal control"),
    "files": (
        *("[mean_field]", "[jumps]", "[environment]", "[control]", "[level_fit]"),
        "[kinetic_fit]",
        *("telegraph", "pink", "sensitivity", "table"),
    ),
    "other_packages": ("sesolve", "mesolve"),
}


class Known(click.ParamType[str]):
    """A name of a list that is made when it is needed; the command refuses others."""

    name = "name"

    def __init__(self, source: str) -> None:
        self.source = source

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin as what is typed."""
        return [CompletionItem(n) for n in names(self.source) if n.startswith(incomplete)]


def names(source: str) -> Iterable[str]:
    """Return the names of published results, of kinds of files, or of topics of the manual."""
    if source == "kinds":
        from anticrossing.studies import file

        return file.names()
    if source == "results":
        from anticrossing import reproduce

        return reproduce.NAMES
    from anticrossing.models import MODELS

    public = sys.modules["anticrossing"]
    return [*PAGES, *MODELS, *(name for name in public.__all__ if name[0] != "_")]
