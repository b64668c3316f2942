"""From a TOML file to a validated experiment, its result, and files on disk.

An experiment file says which levels, how they are driven, and what is asked:

.. code-block:: toml

    title = "A flux qubit swept through its symmetry point"
    source = "where the numbers come from"
    description = "one paragraph for the report"

    [units]                      # optional; models with units of their own bring them
    energy = "GHz"               # a frequency unit means h times that frequency
    time = "ns"
    coordinate = "mPhi0"         # a label

    [hamiltonian]                # a named model and its arguments …
    model = "FluxQubit"
    gap = 0.013
    persistent_current = 230.0
    # … or a matrix of formulas in x:   matrix = [["x/2", "gap/2"], ["gap/2", "-x/2"]]
    # … or terms:                       terms = [{ coefficient = "x", matrix = [[1, 0], [0, -1]] }]
    # both with values of their names in [hamiltonian.parameters] and, if wanted, labels = […]

    [drive]                      # the arguments of the drive of that name
    kind = "linear"              # or tanh, sinusoidal, piecewise, formula, ballistic
    start = -2.0
    stop = 2.0
    rate = 0.001

    [environment]                # optional: dephasing, fixed-axis, thermal, qubit or lindblad;
    kind = "qubit"               # several act together as [[environment]] tables
    t1 = 20e3
    t2 = 8e3
    temperature = 0.4

    [question]                   # all optional
    initial = 0                  # a level (or state) of the read-out basis, 0 the lowest
    basis = "adiabatic"          # or "superadiabatic", "diabatic"
    tolerance = 1e-10
    samples = 400                # points of the curves in figure and data

    [scan]                       # optional: one parameter takes several values
    parameter = "drive.rate"     # or "hamiltonian.gap", …
    from = 1e-4
    to = 1e-2
    points = 25
    scale = "log"                # or "linear"; or give  values = […]
    label = "sweep rate"         # optional, for axes and tables
    unit = "mPhi0/ns"

If the scanned key is also given in its own table, that value is the one analysed in detail;
otherwise the middle value of the scan is.

Two kinds of drive are peculiar to files. ``ballistic`` (`start`, `stop`, `kinetic_energy`, `mass`,
optional `mass_unit`, "amu" by default) moves a particle at the constant velocity √(2E/m) in the
units of the file. ``formula`` (`formula`, `start_time`, `stop_time`, optional `breakpoints`, values
in [drive.parameters]) accepts text for the two times, so that a window can follow a parameter. For
the model ``Annealing`` the matrices may be given as ``initial = "transverse field"`` and
``problem = { fields = […], couplings = [[0, 1, -1.0], …] }``.

A file with [driven_level] instead of [hamiltonian] and [drive] describes a level driven through
a finite reservoir:

.. code-block:: toml

    [driven_level]               # natural units, hbar = k_B = 1
    levels = { from = 1, to = 9, count = 9 }    # or a list
    couplings = 0.2              # or a list, one for each level
    beta = 1.2                   # or temperature
    chemical_potential = 3.0
    start = 0.0
    stop = 10.0
    rate = 1.0                   # or a list, one for each level
    initial_occupation = 1.0     # or "equilibrium", which is the default

    [question]
    samples = 400                # points of the exact curve

    [work]                       # optional, or  work = false  above the tables
    scheme = "coupled"           # or "decoupled"
    directions = ["forward", "backward"]
    width = 0.5                  # resolution of the density

    [scan]                       # optional, as above: driven_level.rate, .couplings, .beta, …

A file with [hamiltonian] and [packet] describes a nuclear wave packet, one with [hamiltonian] and
[trajectories] an ensemble of trajectories, in the units of the model or of [units] (of Tully's
models: atomic units):

.. code-block:: toml

    [hamiltonian]
    model = "TullySimple"

    [packet]
    masses = 2000.0              # ħ = 1; or with  mass_unit = "amu"
    centre = -12.0               # lists in two coordinates
    momentum = 20.0
    width = 1.0
    stop = 2400.0
    step = 1.0                   # or tolerance = 1e-4
    divide = 0.0                 # reflected below, transmitted above
    convergence = true           # once more with everything refined
    grid = { start = -24.0, stop = 24.0, points = 768 }

    # … or
    [trajectories]
    masses = 2000.0
    method = "fssh"              # or "landau-zener", "ehrenfest", "mash"
    count = 4000
    seed = 1
    step = 4.0
    stop = 4000.0
    box = [-15.0, 15.0]

    [trajectories.initial]
    kind = "packet"              # or "fixed", "thermal"
    centre = -12.0
    momentum = 20.0
    width = 1.0

A file with [rates] describes thermal rates, with [units] and [scan] beside it; its keys are in
`anticrossing.studies.rates`.

Any of them but rates may hold ``[sweep]`` in place of ``[scan]``, see
`anticrossing.studies.sweep_file`; ``anticrossing sweep`` runs it.

Everything is checked before any work; a mistake gives one line that names the table and the key.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anticrossing._core.public import guard
from anticrossing.studies.file import load, parse
from anticrossing.studies.outcome import Outcome, Sentences, Study, Table
from anticrossing.studies.passage_file import Experiment, Question, Scan
from anticrossing.studies.result import Result, ScanResult, run
from anticrossing.studies.store import check_target, replace_directory, save
from anticrossing.studies.summary import summarize

if TYPE_CHECKING:
    from anticrossing.studies.sweep_file import SweepFile, load_sweep, parse_sweep

_OF_SWEEPS = ("SweepFile", "load_sweep", "parse_sweep")  # imported when first used


def __getattr__(name: str) -> Any:
    if name in _OF_SWEEPS:
        found = importlib.import_module("anticrossing.studies.sweep_file")
        guard(found.__name__)
        return getattr(found, name)
    raise AttributeError(f"module 'anticrossing.studies' has no attribute {name!r}")


__all__ = [
    "Experiment",
    "Outcome",
    "Question",
    "Result",
    "Scan",
    "ScanResult",
    "Sentences",
    "Study",
    "SweepFile",
    "Table",
    "check_target",
    "load",
    "load_sweep",
    "parse",
    "parse_sweep",
    "replace_directory",
    "run",
    "save",
    "summarize",
]

guard(__name__)
