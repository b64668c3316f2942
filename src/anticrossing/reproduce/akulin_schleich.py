"""A passage to a level that decays: what survives does not depend on how fast it decays.

    H(t) = ½ [[vt, 2V], [2V, −vt]] − (i/2) diag(0, Γ)

leaves the first state occupied with the probability exp(−2πV²/v) for every Γ. A window |vt| ≤ X
cuts off (4V²/v)(π/2 − arctan(2X/Γ)) of the exponent at its ends, where the first state decays too.

Of the paper the abstract and what later papers quote of it could be read, not its figures: V, v and
Γ are chosen here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.environment import Decay
from anticrossing.formulas import akulin_schleich, decaying_window
from anticrossing.models import LandauZener
from anticrossing.reproduce.reproduction import Number, Reproduction

_WINDOW = 1e4  # |vt| at both ends
_CLAIM = 1e-7
_WIDTHS = np.array([0.1, 1.0, 10.0, 100.0])
_COUPLINGS = (0.3, 0.7, 1.2)
_DRAWN = (5.0, 30.0, 300.0)
_LAW_CLAIM = 2e-3  # of the law of a window, at widths that are strong

_SOURCE = "V. M. Akulin, W. P. Schleich, Phys. Rev. A 46, 4110 (1992)"
_WINDOWS = "Y. Avishai, Y. B. Band, Phys. Rev. A 90, 032116 (2014)"


def survival(coupling: float, widths: FloatArray, window: float) -> FloatArray:
    """Return the exact survival over |vt| ≤ window, v = 1, for every width."""
    swept = propagate(
        LandauZener(gap=2 * coupling),
        drive.Linear(-window, window, rate=1.0),
        environment=Decay([0.0, widths]),
        basis="diabatic",
    )
    return np.asarray(swept.probabilities[:, 0])


def beyond(coupling: float, widths: FloatArray, window: float) -> FloatArray:
    """Return what survives beyond the ends of a window, of what reaches them."""
    return np.asarray(np.exp(-4 * coupling**2 * np.arctan2(widths, 2 * window)))


def compute() -> Reproduction:
    """Sweep past levels of widths over three decades, and in windows short and long."""
    rows: list[list[Any]] = []
    numbers = []
    for coupling in _COUPLINGS:
        formula = float(akulin_schleich(gap=2 * coupling, sweep_rate=1.0).value)
        exact = survival(coupling, _WIDTHS, _WINDOW) * beyond(coupling, _WIDTHS, _WINDOW)
        for width, found in zip(_WIDTHS, exact, strict=True):
            rows.append([coupling, width, formula, found, abs(found - formula)])
            what = f"survival, V = {coupling:g}, Γ = {width:g}, v = 1"
            numbers.append(Number(what, formula, float(found), _CLAIM, _SOURCE))
    furthest = max(row[-1] for row in rows)
    strong = np.array([30.0, 100.0, 300.0])
    for window in _DRAWN[:2]:
        laws = decaying_window(gap=0.6, sweep_rate=1.0, width=strong, window=window).value
        for width, law, found in zip(
            strong, np.asarray(laws), survival(0.3, strong, window), strict=True
        ):
            what = f"survival in |vt| ≤ {window:g}, V = 0.3, Γ = {width:g}, v = 1"
            numbers.append(Number(what, float(law), float(found), _LAW_CLAIM, _WINDOWS))
    conclusion = (
        f"Exact survival for widths from {_WIDTHS[0]:g} to {_WIDTHS[-1]:g} is exp(−2πV²/v) within "
        f"{furthest:.0e} (claimed {_CLAIM:.0e}), the ends of a window of ±{_WINDOW:g} counted: "
        f"{rows[0][3]:.5f} at V = 0.3. In short windows more survives the faster the level decays."
    )
    widths = np.geomspace(0.05, 1e3, 60)
    curves = {window: survival(0.3, widths, window) for window in _DRAWN}
    times = np.linspace(-15.0, 15.0, 301)
    histories = {}
    for width in (0.1, 1.0, 10.0):
        followed = propagate(
            LandauZener(gap=0.6),
            drive.Linear(-300.0, 300.0, rate=1.0),
            environment=Decay([0.0, width]),
            basis="diabatic",
            times=times,
        )
        histories[width] = followed.populations[:, 0]

    return Reproduction(
        name="akulin-schleich",
        title="A passage to a level that decays",
        source=f"{_SOURCE}; windows: {_WINDOWS}.",
        columns=["V", "width", "formula", "exact", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, widths, curves, times, histories),
        numbers=numbers,
    )


def _draw(
    figure: Any,
    widths: FloatArray,
    curves: dict[float, FloatArray],
    times: FloatArray,
    histories: dict[float, FloatArray],
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    infinite = akulin_schleich(gap=0.6, sweep_rate=1.0).value
    for index, (window, exact) in enumerate(curves.items()):
        color = style.FORMULA_COLORS[index]
        law = decaying_window(gap=0.6, sweep_rate=1.0, width=widths, window=window)
        left.plot(widths, law.value, color=color, lw=1.5, label=f"|vt| ≤ {window:g}")
        left.plot(widths[::3], exact[::3], "o", ms=3.5, color=color)
    left.axhline(infinite, color=style.MUTED, lw=0.9, ls="--")
    left.set(xscale="log", xlabel="width Γ of the second level", ylabel="survival")
    left.set_title("lines: law of the window, points: exact")
    left.legend(loc="upper left")
    for index, (width, population) in enumerate(histories.items()):
        color = style.FORMULA_COLORS[index]
        right.plot(times, population, color=color, lw=1.3, label=f"Γ = {width:g}")
    right.axhline(infinite, color=style.MUTED, lw=0.9, ls="--")
    right.set(xlabel="vt", ylabel="population of the first state")
    right.set_title("V = 0.3, v = 1: one end for all widths")
    right.legend(loc="upper right")
    for axes in (left, right):
        style.grid(axes)
