"""What a finite window does to the Landau–Zener probability, read out in either basis."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.reproduce.reproduction import Number, Reproduction

_WINDOWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # T √α
_GAPS = (1.0, 3.0)  # g/√α
_CLAIM = 1e-10
_BASES = ("diabatic", "adiabatic")

_SOURCE = "N. V. Vitanov and B. M. Garraway, Phys. Rev. A 53, 4288 (1996)"


def compute() -> Reproduction:
    """Read a sweep from −T to T out in both bases; the exact answer solves the Weber equation."""
    windows = np.asarray(_WINDOWS)
    rows: list[list[Any]] = []
    numbers: list[Number] = []
    errors: dict[tuple[float, str], FloatArray] = {}
    largest = 0.0
    for gap in _GAPS:
        infinite = float(formulas.landau_zener(gap=gap, sweep_rate=1.0))
        found: dict[str, tuple[FloatArray, FloatArray]] = {}
        for basis in _BASES:
            weber = np.asarray(
                formulas.finite_window(
                    gap=gap, sweep_rate=1.0, start=-windows, stop=windows, basis=basis
                ).value
            )
            computed = _propagated(gap, basis, windows)
            found[basis] = weber, computed
            errors[gap, basis] = np.abs(weber / infinite - 1)
            largest = max(largest, float(np.abs(weber - computed).max()))
        for index, window in enumerate(_WINDOWS):
            row: list[Any] = [gap, window]
            for basis in _BASES:
                weber, computed = found[basis]
                what = f"P {basis}, g/√α = {gap:g}, T√α = {window:g}"
                own = float(computed[index])
                numbers.append(Number(what, float(weber[index]), own, _CLAIM, _SOURCE))
                row += [float(computed[index]), f"{abs(computed[index] - weber[index]):.0e}"]
                row.append(_percent(float(errors[gap, basis][index])))
            rows.append(row)
    at_50, at_100 = _WINDOWS.index(50.0), _WINDOWS.index(100.0)
    published = (
        abs(errors[1.0, "diabatic"][at_50] - 0.063) < 0.001
        and errors[1.0, "adiabatic"][at_50] < 3e-5
        and 400 < errors[3.0, "diabatic"][at_100] < 600
        and abs(errors[3.0, "adiabatic"][at_100] - 0.006) < 0.001
    )
    conclusion = (
        f"Propagation and Weber functions agree within {largest:.1e} (claimed {_CLAIM:.0e}). "
        f"Against the infinite-time formula: gap 1, T√α = 50: diabatic read-out "
        f"{_percent(errors[1.0, 'diabatic'][at_50])} off, adiabatic "
        f"{_percent(errors[1.0, 'adiabatic'][at_50])}; gap 3, T√α = 100: diabatic "
        f"{errors[3.0, 'diabatic'][at_100]:.0f} times the value off, adiabatic "
        f"{_percent(errors[3.0, 'adiabatic'][at_100])}."
    )

    curve = np.geomspace(_WINDOWS[0], _WINDOWS[-1], 500)
    smooth = {(gap, basis): _relative_error(gap, basis, curve) for gap in _GAPS for basis in _BASES}

    return Reproduction(
        name="finite-window",
        title="Landau–Zener over a finite window: the basis of the read-out decides",
        source=f"{_SOURCE}: amplitudes are "
        "parabolic cylinder (Weber) functions of order i g²/4α − 1.",
        columns=[
            "g/√α",
            "T√α",
            "P diabatic",
            "− Weber",
            "off the formula",
            "P adiabatic",
            "− Weber",
            "off the formula",
        ],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(largest < _CLAIM and published),
        draw=lambda figure: _draw(figure, windows, errors, curve, smooth),
        numbers=numbers,
    )


def _propagated(gap: float, basis: str, windows: FloatArray) -> FloatArray:
    """Return the probability to keep the diabatic state, or to jump between adiabatic ones."""
    matrix = propagate(
        models.LandauZener(gap=gap),
        drive.Linear(-windows, windows, rate=1.0),
        basis=basis,
        tolerance=1e-12,
    ).transition_matrix
    return matrix[:, 0, 0] if basis == "diabatic" else matrix[:, 1, 0]


def _relative_error(gap: float, basis: str, windows: FloatArray) -> FloatArray:
    infinite = float(formulas.landau_zener(gap=gap, sweep_rate=1.0))
    return np.abs(_propagated(gap, basis, windows) / infinite - 1)


def _percent(error: float) -> str:
    return f"{100 * error:.2g} %" if error < 1 else f"{error:.3g} ×"


def _draw(
    figure: Any,
    windows: FloatArray,
    errors: dict[tuple[float, str], FloatArray],
    curve: FloatArray,
    smooth: dict[tuple[float, str], FloatArray],
) -> None:
    from anticrossing.plot import style

    for axes, gap in zip(figure.subplots(1, 2), _GAPS, strict=True):
        for index, basis in enumerate(_BASES):
            axes.plot(curve, smooth[gap, basis], color=style.FORMULA_COLORS[index], lw=1.0)
            axes.plot(
                windows,
                errors[gap, basis],
                marker=style.FORMULA_MARKERS[index],
                ms=5.5,
                ls="none",
                color=style.FORMULA_COLORS[index],
                label=f"{basis} read-out (points: Weber)",
            )
        axes.axhline(1, color=style.MUTED, lw=0.8, ls=":")
        axes.set(xscale="log", yscale="log")
        style.logarithmic(axes.xaxis, float(windows[0]), float(windows[-1]))
        axes.set_xlabel("half the window, T√α")
        axes.set(ylabel="relative error of the infinite-time formula", title=f"g = {gap:g} √α")
        axes.legend(loc="best")
        style.grid(axes)
