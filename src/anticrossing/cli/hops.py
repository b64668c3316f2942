"""The command `hops`: what the energies of finished trajectories say about their hops."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anticrossing._core.checks import InputError
from anticrossing._version import __version__
from anticrossing.cli import terminal
from anticrossing.cli.app import PATH, app, json_flag

if TYPE_CHECKING:
    from anticrossing.molecules.finished import PredictedHops

_SHOWN = 1e-6  # smaller probabilities are counted only
_HOPPED = {1: "yes", 0: "no", -1: ""}
_METHODS = ("belyaev-lebedev", "zhu-nakamura")


@app.command("hops")
@click.argument("file", metavar="FILE", type=PATH)
@click.option("--method", type=click.Choice(_METHODS), default=_METHODS[0], help="The formula.")
@click.option("--initial", metavar="N", help="The level at the start, by number or name (S1).")
@click.option("--energy", metavar="UNIT", help="Of energies, if the file names none.")
@click.option("--time", metavar="UNIT", help="Of times, if the file names none.")
@json_flag
def hops_command(
    file: Path, method: str, initial: str | None, energy: str | None, time: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Predict the hops of finished trajectories from their energies.

    FILE is a table t, E0, E1, … (CSV), an energy.out of SHARC, an npz file, or a NetCDF file of
    shnitsel-tools.
    """
    from anticrossing.molecules.finished import predict_hops, read_trajectories
    from anticrossing.units import Units

    if (energy is None) != (time is None):
        raise InputError("Choose both of --energy and --time, or none.")
    units = None if energy is None or time is None else Units(energy, time)
    found = []
    for trajectory in read_trajectories(file, units=units):
        try:
            start = int(initial) if initial and re.fullmatch(r"-?[0-9]{1,9}", initial) else initial
            found.append(predict_hops(trajectory, method=method, initial=start))
        except InputError as error:
            raise InputError(f"{file}: {error}") from None
    if as_json:
        numbers = [{"trajectory": one.name, **one._as_json()} for one in found]
        print(json.dumps({"anticrossing": __version__, "hops": numbers}, indent=2))
        return
    for one in found:
        _print(one)


def _print(one: PredictedHops) -> None:
    from anticrossing.studies.outcome import Table

    rows = tuple(
        (
            float(one.times[n]),
            ", ".join(one.level_names[one.lower_levels[n] :][:2]),
            f"{one.gaps[n]:.4g} ± {one.gap_errors[n]:.1g}",
            f"{one.probabilities[n]:.4g} ± {one.errors[n]:.1g}",
            "jump" if one.crossings.at_jumps[n] else "trivial" if one.trivial[n] else "avoided",
            _HOPPED[int(one.observed[n])],
        )
        for n in range(len(one.times))
        if one.probabilities[n] + one.errors[n] > _SHOWN
    )
    columns = ("time (ħ/hartree)", "levels", "gap (hartree)", "probability", "kind", "hopped")
    terminal.print_table(Table(one.name, columns, rows, empty="no crossing"))
    if left_out := len(one.times) - len(rows):
        terminal.print_line(f"{left_out} more with probabilities below {_SHOWN:g}")
    if one.spin_times.size:
        crossed = tuple(
            (float(t), ", ".join(one.level_names[k] for k in pair), float(rate), _HOPPED[int(seen)])
            for t, pair, rate, seen in zip(
                one.spin_times, one.spin_levels, one.spin_rates, one.spin_observed, strict=True
            )
        )
        heads = ("time (ħ/hartree)", "levels", "rate (hartree²/ħ)", "hopped")
        terminal.print_table(Table("Multiplicities that cross", heads, crossed))
        terminal.print_line("Spin–orbit coupling V makes a hop of it with 1 − exp(−2π V²/rate).")
    last = ", ".join(
        f"{'' if name.isdigit() else name + ' '}{p:.4g} ± {e:.1g}"
        for name, p, e in zip(
            one.level_names, one.populations[-1], one.population_errors[-1], strict=True
        )
    )
    terminal.print_line(f"populations at the end: {last}")
    for note in one.warnings:
        terminal.print_line(f"note: {note}")
