"""A condensate swept through an avoided crossing, whose level turns back in a loop.

In units of the gap v, with γ = αt and s = |a|² − |b|²,

    i d(a, b)/dt = ½ [[γ − c s, v], [v, −γ + c s]] (a, b).

Above the critical interaction c = v the lower level has a loop, and some of the condensate leaves
it however slow the sweep. At c = v this part falls as α^{3/4}, below exponentially, with a part q
of Landau and Zener's exponent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models, spectrum
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import evolve_mean_field
from anticrossing.reproduce.reproduction import Number, Reproduction

_FAR = 40.0  # ends of the sweep
_RATES = (8e-3, 4e-3, 2e-3, 1e-3)  # α/v²
_ABOVE = (1.5, 4.0)  # c/v
_BELOW, _BELOW_RATES = 0.5, (0.06, 0.05, 0.04)
_WU = "B. Wu, Q. Niu, Phys. Rev. A 61, 023402 (2000)"
_LIU = (
    "J. Liu, L. Fu, B.-Y. Ou, S.-G. Chen, D.-I. Choi, B. Wu, Q. Niu, Phys. Rev. A 66, 023404 (2002)"
)


def left_level(interaction: float, rates: tuple[float, ...], far: float = _FAR) -> FloatArray:
    """Return the part of the condensate that leaves the lower level, for each rate."""
    model = models.TwoModeCondensate(gap=1.0, interaction=interaction)
    sweep = drive.Linear(-far, far, rate=np.array(rates))
    found = evolve_mean_field(model, sweep, tolerance=1e-10)
    return np.asarray(found.probabilities[:, 1])


def critical_interaction() -> float:
    """Return c/v from which on the lower level turns back, by halving."""
    low, high = 0.5, 2.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        model = models.TwoModeCondensate(gap=1.0, interaction=middle)
        if spectrum.stationary_states(model, 0.0).potentials.size > 2:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def slow_limit(left: FloatArray) -> float:
    """Return P(α → 0) from the two slowest sweeps, P = P₀ + K α^{3/4}."""
    share = (_RATES[-2] / _RATES[-1]) ** 0.75
    return float((share * left[-1] - left[-2]) / (share - 1))


def exponent(left: FloatArray, rates: tuple[float, ...]) -> float:
    """Return q of P = K α^p exp(−qπ/2α) through three rates."""
    alpha = np.array(rates)
    terms = np.stack([np.ones(3), np.log(alpha), -np.pi / (2 * alpha)], axis=1)
    return float(np.linalg.solve(terms, np.log(left))[2])


def compute() -> Reproduction:
    """Sweep condensates of several interactions slower and slower."""
    critical = left_level(1.0, _RATES)
    above = {c: left_level(c, _RATES) for c in _ABOVE}
    below = left_level(_BELOW, _BELOW_RATES, 60.0)
    power = float(np.log2(critical[-2] / critical[-1]))
    part = formulas.mean_field_exponent(gap=1.0, interaction=_BELOW).value
    numbers = [
        Number("critical interaction c/v", 1.0, critical_interaction(), 1e-8, _WU),
        Number("power of α at c = v", 0.75, power, 0.02, _LIU),
        Number(
            "part q of the exponent, c/v = 0.5",
            float(part),
            exponent(below, _BELOW_RATES),
            0.01,
            _LIU,
        ),
    ]
    limits = {}
    for c, left in above.items():
        limits[c] = float(
            formulas.mean_field_landau_zener(gap=1.0, interaction=c, sweep_rate=1e-6).value
        )
        name = f"P(α → 0), c/v = {c:g}: area of the loop through the cusp"
        numbers.append(Number(name, limits[c], slow_limit(left), 1e-3, _LIU))
    rows: list[list[Any]] = [
        [rate, float(critical[k]), *(float(left[k]) for left in above.values())]
        for k, rate in enumerate(_RATES)
    ]
    conclusion = (
        f"The lower level turns back from c/v = {numbers[0].found:.6f} on. At c = v the part that "
        f"leaves it falls as α^{power:.3f}; below, for c/v = {_BELOW:g}, as exp(−q πv²/2α) with "
        f"q = {numbers[2].found:.4f} ({float(part):.4f} by the integral). Above, "
        + " and ".join(f"{slow_limit(left):.4f} for c/v = {c:g}" for c, left in above.items())
        + " are left in the limit of slow sweeps, the area (1 − (v/c)^⅔)^{3/2} that the condensate "
        "is left on. What is compared are the papers' laws, not points of their figures."
    )

    return Reproduction(
        name="wu-niu",
        title="A condensate cannot follow a level that turns back",
        source=f"{_WU}; {_LIU}.",
        columns=["α/v²", "P, c/v = 1", *(f"P, c/v = {c:g}" for c in _ABOVE)],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, {1.0: critical, **above}, limits),
        numbers=numbers,
    )


def _draw(figure: Any, left: dict[float, FloatArray], limits: dict[float, float]) -> None:
    from anticrossing.plot import loop_diagram, style

    first, second = figure.subplots(1, 2)
    model = models.TwoModeCondensate(gap=1.0, interaction=2.0)
    known = spectrum.mean_field_levels(model, -1.5, 1.5)
    loop_diagram(known.x, known.potentials, known.growth, cusps=known.cusps, name="γ / v", ax=first)
    first.set_title("Levels for c = 2v")
    for index, (c, values) in enumerate(left.items()):
        color = style.level_color(index, len(left))
        second.loglog(_RATES, values, "o-", color=color, label=f"c/v = {c:g}")
        if c in limits:
            second.axhline(limits[c], color=color, ls="--", lw=1.0)
    second.loglog(
        _RATES,
        left[1.0][-1] * (np.array(_RATES) / _RATES[-1]) ** 0.75,
        color=style.MUTED,
        ls=":",
        label="α^¾",
    )
    second.set(xlabel="α / v²", ylabel="part that leaves the level")
    second.set_title("Slow sweeps (dashed: the limit)")
    second.legend(loc="lower right")
    style.grid(second)
