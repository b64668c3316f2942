"""Landau–Zener with dephasing: transition probability and remainder, exact against the theorem."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.environment import Dephasing
from anticrossing.reproduce.reproduction import Number, Reproduction

_GAMMAS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
_TABLE = (1.0, 1e-1, 1e-2, 1e-4, 1e-6)  # ε
_UNIFORM = 0.5  # |R| ≤ Cγε² with this C, for every γ and ε here

_SOURCE = "M. Fraas and L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017)"


def compute() -> Reproduction:
    """Sweep from x = −10⁴ to 10⁴ with γ-dephasing in the eigenbasis, ε from 1 to 10⁻⁶."""
    epsilons = np.geomspace(1e-6, 1.0, 61)
    curves = {gamma: _exact(gamma, epsilons) for gamma in _GAMMAS}
    remainders = {
        gamma: (exact - _theory(gamma, epsilons)) / (gamma * epsilons**2)
        for gamma, exact in curves.items()
    }
    largest = max(float(np.max(np.abs(values))) for values in remainders.values())
    rows: list[list[Any]] = []
    numbers = []
    for gamma in _GAMMAS:
        table = np.array(_TABLE)
        for epsilon, exact in zip(_TABLE, _exact(gamma, table), strict=True):
            theory = float(_theory(gamma, epsilon))
            remainder = (exact - theory) / (gamma * epsilon**2)
            what, allowed = f"p at γ = {gamma:g}, ε = {epsilon:g} g²", _UNIFORM * gamma * epsilon**2
            numbers.append(Number(what, theory, float(exact), allowed, _SOURCE))
            rows.append([gamma, epsilon, f"{exact:.10g}", f"{theory:.10g}", f"{remainder:.4f}"])
    # Slow populations obey a rate equation, so R tends to minus the square of the incoherent term.
    limits = {gamma: -4 / 9 * gamma / (1 + gamma**2) ** 2 for gamma in _GAMMAS}
    numbers += [
        Number(
            f"R/γε² as ε → 0 at γ = {gamma:g}",
            limit,
            float(remainders[gamma][0]),
            2e-3 * abs(limit),
            _SOURCE,
        )
        for gamma, limit in limits.items()
    ]
    conclusion = (
        f"|R| ≤ {largest:.2f} γε² over γ = {_GAMMAS[0]:g} … {_GAMMAS[-1]:g} and ε = 10⁻⁶ … 1: one "
        f"constant for all. At γ = 0.3 the remainder tends to {remainders[0.3][0]:.4f} γε²; "
        f"second-order theory, −(4/9) γ/(1+γ²)² γε², gives {limits[0.3]:.4f}."
    )

    return Reproduction(
        name="dephasing-lindbladian",
        title="Landau–Zener tunnelling with dephasing in the instantaneous eigenbasis",
        source=f"{_SOURCE}: p = exp(−πg²/2ε) + ε ∫ γ/(1+γ²) g²/(64 e⁵) ds + R, |R| ≤ Cγε².",
        columns=["γ", "ε/g²", "p exact", "p of the theorem", "R/γε²"],
        rows=rows,
        conclusion=conclusion,
        agrees=largest < _UNIFORM,
        draw=lambda figure: _draw(figure, epsilons, curves, remainders),
        numbers=numbers,
    )


def _exact(gamma: float, epsilons: FloatArray) -> FloatArray:
    result = propagate(
        models.LandauZener(gap=1.0),
        drive.Linear(-1e4, 1e4, rate=epsilons),
        environment=Dephasing(gamma),
        tolerance=1e-12,
    )
    return result.transition_matrix[..., 1, 0]


def _theory(gamma: float, epsilon: float | FloatArray) -> FloatArray:
    return np.asarray(np.exp(-np.pi / (2 * epsilon)) + epsilon * 2 / 3 * gamma / (1 + gamma**2))


def _draw(
    figure: Any,
    epsilons: FloatArray,
    curves: dict[float, FloatArray],
    remainders: dict[float, FloatArray],
) -> None:
    from matplotlib import colormaps

    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    colors = colormaps["viridis"](np.linspace(0.0, 0.88, len(curves)))
    for color, (gamma, exact) in zip(colors, curves.items(), strict=True):
        left.plot(epsilons, _theory(gamma, epsilons), color=color, lw=1.4)
        left.plot(epsilons[::4], exact[::4], "o", ms=4, color=color, label=f"γ = {gamma:g}")
        size = np.abs(remainders[gamma]) * gamma
        right.plot(epsilons, size, color=color, lw=1.4)
    left.plot(
        epsilons, np.exp(-np.pi / (2 * epsilons)), color=style.MUTED, lw=1.2, ls="--", label="γ = 0"
    )
    left.set(ylim=(1e-9, 500), ylabel="transition probability")
    left.set_title("lines: theorem, points: exact")
    right.set(ylabel="|R|/ε²", title="remainder (colours as left)")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="ε/g² (sweep rate over gap squared)")
        style.grid(axes)
    left.legend(loc="upper left", ncols=2)
