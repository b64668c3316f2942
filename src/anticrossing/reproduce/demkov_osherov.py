"""The Demkov–Osherov transition matrix of six levels, against the exact evolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models, spectrum
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.reproduce.reproduction import Number, Reproduction

_LEVELS = (-4.0, -1.5, 0.0, 2.2, 5.0)
_COUPLINGS = (0.30, 0.15, 0.25, 0.40, 0.20)
_RATE = 1.0
_WINDOW = 1000.0
_CLAIM = 1e-10

_SOURCE = "Yu. N. Demkov and V. I. Osherov, Sov. Phys. JETP 26, 916 (1968)"


def compute() -> Reproduction:
    """Sweep one level through five and compare all 36 probabilities with their products."""
    hamiltonian = models.DemkovOsherov(levels=_LEVELS, couplings=_COUPLINGS)
    sweep = drive.Linear(-_WINDOW, _WINDOW, rate=_RATE)
    exact = propagate(hamiltonian, sweep, basis="superadiabatic", tolerance=1e-12).transition_matrix
    formula = formulas.demkov_osherov(
        levels=_LEVELS, couplings=_COUPLINGS, sweep_rate=_RATE, basis="adiabatic"
    ).transition_matrix
    difference = np.abs(exact - formula)
    size = len(_LEVELS) + 1
    rows: list[list[Any]] = [
        [i, j, float(exact[j, i]), float(formula[j, i]), float(difference[j, i])]
        for i in range(size)
        for j in range(size)
    ]
    forbidden = formula < 1e-15
    conclusion = (
        f"All {size**2} probabilities agree within {difference.max():.1e} (claimed {_CLAIM:.0e}); "
        f"the {int(forbidden.sum())} transitions against the order of the crossings, which the "
        f"formula forbids, are below {max(exact[forbidden].max() * 10, 1e-16):.0e}."
    )
    positions = np.linspace(-9, 10, 500)
    energies = spectrum.levels(hamiltonian, positions)

    return Reproduction(
        name="demkov-osherov",
        title="Demkov–Osherov: one level through five",
        source=f"{_SOURCE}: products of p = exp(−2π γ²/α) and 1 − p in the order of the crossings.",
        columns=["from level", "to level", "exact", "formula", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, positions, energies, exact, difference),
        numbers=tuple(
            Number(f"P {i} → {j}", published, found, _CLAIM, _SOURCE)
            for i, j, found, published, _ in rows
        ),
    )


def _draw(
    figure: Any,
    positions: FloatArray,
    energies: FloatArray,
    exact: FloatArray,
    difference: FloatArray,
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    size = energies.shape[1]
    for index in range(size):
        left.plot(positions, energies[:, index], color=style.level_color(index, size), lw=1.8)
        left.annotate(
            str(index),
            (positions[-1], energies[-1, index]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    left.set(xlim=(positions[0], positions[-1] + 0.9), xlabel="coordinate x", ylabel="energy")
    left.set_title("Levels")
    style.grid(left)
    right.imshow(exact, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for i in range(size):
        for j in range(size):
            value = exact[i, j]
            right.text(
                j,
                i,
                f"{value:.4f}" if value > 1e-9 else "0",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if value > 0.55 else "white",
            )
    right.set(xlabel="from level", ylabel="to level", title="Exact probabilities")
    style.remark(right, f"the formula agrees within {difference.max():.0e}")
    for side in right.spines.values():
        side.set_visible(False)
