"""Draw the figure of docs/rates.md:  python docs/rates_figure.py [DIRECTORY]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from anticrossing.environment.spectral_density import Discrete
from anticrossing.molecules.rates import (
    landau_zener_rate,
    marcus,
    marcus_levich_jortner,
    spin_boson_golden_rule,
)
from anticrossing.plot import inverted_region, style

HERE = Path(__file__).parent
QUESTION, ANSWER = "#EEF3F8", "#FBEFE3"

# (text, x, y, is a question)
BOXES: dict[str, tuple[str, float, float, bool]] = {
    "bath": ("many passages in a bath\nin equilibrium?", 0.12, 0.84, True),
    "passage": ("one coherent passage:\nlandau_zener, passage", 0.12, 0.14, False),
    "surfaces": ("only the crossing point\nof two surfaces known?", 0.37, 0.84, True),
    "crossing": ("intersystem_crossing_rate\nrate_through_crossing", 0.37, 0.14, False),
    "weak": (
        "$\\pi^{3/2}V^2/\\omega\\sqrt{\\lambda T}\\leq 0.1$\n(passages weakly coupled)?",
        0.62,
        0.84,
        True,
    ),
    "strong": ("landau_zener_rate\n(classical bath)", 0.62, 0.14, False),
    "quantum": ("$\\lambda\\omega^2/192\\,T^3\\leq 0.1$\n(bath classical)?", 0.87, 0.84, True),
    "marcus": ("marcus", 0.745, 0.50, False),
    "mode": ("one fast vibration in a\nclassical solvent?", 0.87, 0.46, True),
    "mlj": ("marcus_levich_\njortner", 0.795, 0.14, False),
    "boson": ("spin_boson_\ngolden_rule", 0.94, 0.14, False),
}
ARROWS = [
    ("bath", "passage", "no"),
    ("bath", "surfaces", "yes"),
    ("surfaces", "crossing", "yes"),
    ("surfaces", "weak", "no"),
    ("weak", "strong", "no"),
    ("weak", "quantum", "yes"),
    ("quantum", "marcus", "yes"),
    ("quantum", "mode", "no"),
    ("mode", "mlj", "yes"),
    ("mode", "boson", "no"),
]


def _decisions(axes: Any) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_title("Which formula? Begin on the left")
    drawn = {
        name: axes.text(
            x,
            y,
            text,
            ha="center",
            va="center",
            fontsize=8,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.45",
                "facecolor": QUESTION if question else ANSWER,
                "edgecolor": "#5A7FA6" if question else "#C07830",
            },
        )
        for name, (text, x, y, question) in BOXES.items()
    }
    axes.figure.canvas.draw()
    for start, stop, label in ARROWS:
        arrow = axes.annotate(
            "",
            xy=BOXES[stop][1:3],
            xytext=BOXES[start][1:3],
            arrowprops={
                "arrowstyle": "-|>",
                "color": "#555555",
                "patchA": drawn[start].get_bbox_patch(),
                "patchB": drawn[stop].get_bbox_patch(),
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        del arrow
        x = (BOXES[start][1] + BOXES[stop][1]) / 2
        y = (BOXES[start][2] + BOXES[stop][2]) / 2
        sideways = BOXES[start][2] == BOXES[stop][2]
        axes.text(
            x if sideways else x + 0.01,
            y + (0.05 if sideways else 0.0),
            label,
            fontsize=8,
            color="#333333",
            ha="center" if sideways else "left",
            va="center",
        )


def _against_coupling(axes: Any) -> None:
    coupling = np.geomspace(1e-5, 0.1, 81)
    common = {"reorganization_energy": 1.0, "reaction_free_energy": -0.3, "temperature": 0.0257}
    weak = marcus(coupling=coupling, frequency=0.01, **common)
    rate = landau_zener_rate(coupling=coupling, frequency=0.01, **common)
    plateau = float(rate.value[-1])
    for index, (name, line) in enumerate({"Marcus, ∝ V²": weak, "Landau–Zener": rate}.items()):
        color = style.FORMULA_COLORS[index]
        valid = np.all([check.satisfied for check in line.checks], axis=0)
        axes.loglog(coupling, line.value, color=color, ls=":", lw=1.2)
        axes.loglog(coupling, np.where(valid, line.value, np.nan), color=color, label=name)
    axes.axhline(plateau, color=style.MUTED, ls="--", lw=1, label="transition-state theory")
    axes.set(xlabel="coupling V (eV)", ylabel="rate k (eV/ħ)", ylim=(plateau * 1e-5, plateau * 30))
    axes.set_title("From non-adiabatic to adiabatic")
    style.grid(axes)
    axes.legend(loc="lower right")


def _against_driving_force(axes: Any) -> None:
    free = np.linspace(0.3, -2.6, 59)
    common = {"coupling": 1e-3, "reaction_free_energy": free, "temperature": 0.0257}
    slow, factor, frequency = 0.7, 2.0, 0.15
    mode = {"huang_rhys": factor, "frequency": frequency}
    soft = Discrete(frequencies=[frequency, 0.05], huang_rhys=[factor, 4.0])
    rates = {
        "Marcus": marcus(reorganization_energy=1.0, frequency=frequency, **common),
        "Marcus–Levich–Jortner": marcus_levich_jortner(
            reorganization_energy=slow, **mode, **common
        ),
        "spin-boson golden rule, two modes": spin_boson_golden_rule(
            spectral_density=soft, slow_reorganization_energy=0.5, **common
        ),
    }
    inverted_region(free, rates, reorganization_energy=1.0, unit="eV", rate_unit="eV/ħ", ax=axes)
    axes.set_ylim(1e-13, 1e-4)


def rates() -> Figure:
    """Which rate to use when, and what the choice changes."""
    with style.style():
        figure = Figure(figsize=(9.6, 6.6), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.1))
        _decisions(upper.subplots())
        left, right = lower.subplots(1, 2)
        _against_coupling(left)
        _against_driving_force(right)
    return figure


def main(directory: Path) -> None:
    """Write the figure as a PNG file."""
    directory.mkdir(parents=True, exist_ok=True)
    rates().savefig(directory / "rates.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "images")
