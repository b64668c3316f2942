"""The Landau–Zener probability from the fast to the slow limit, against the exact evolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing.dynamics import log_probability, propagate
from anticrossing.reproduce.reproduction import Number, Reproduction

_WINDOW = 1e5
_CLAIM = 1e-11  # absolute, for probabilities
_CLAIM_LOGARITHM = 1e-8  # relative, for ln P
_DECISIVE = 2 / np.pi  # g²/α at which P = 1/e
_SLOW = (1e3, 1e6)

_SOURCE = (
    "L. D. Landau, Phys. Z. Sowjetunion 2, 46 (1932); C. Zener, Proc. R. Soc. A 137, 696 (1932)"
)


def compute() -> Reproduction:
    """Sweep a crossing of gap 1 over ±10⁵ at rates that span the fast and the slow limit."""
    parameters = np.sort(np.append(np.logspace(-2, 1, 13), _DECISIVE))
    rates = 1 / parameters
    hamiltonian = models.LandauZener(gap=1.0)
    exact = propagate(
        hamiltonian, drive.Linear(-_WINDOW, _WINDOW, rate=rates), tolerance=1e-13
    ).transition_matrix[:, 1, 0]
    formula = np.asarray(formulas.landau_zener(gap=1.0, sweep_rate=rates).value)
    difference = np.abs(exact - formula)
    rows: list[list[Any]] = [
        [float(x), float(p), float(f), float(d), _golden(float(x))]
        for x, p, f, d in zip(parameters, exact, formula, difference, strict=True)
    ]
    logarithms = np.array(
        [
            log_probability(hamiltonian, drive.Linear(-100, 100, rate=1 / x)).log_probability
            for x in _SLOW
        ]
    )
    expected = -0.5 * np.pi * np.asarray(_SLOW)
    relative = np.abs(logarithms / expected - 1)
    decisive = float(exact[np.argmin(np.abs(parameters - _DECISIVE))])
    conclusion = (
        f"Exact and closed form differ by at most {difference.max():.1e} (claimed {_CLAIM:.0e}); "
        f"at sweep rate π g²/2 P = {decisive:.12f}, and 1/e = {np.exp(-1):.12f}; in the slow "
        f"limit, where P has no place on the real time axis, ln P agrees within "
        f"{relative.max():.1e} up to g²/α = {_SLOW[-1]:.0e}."
    )

    return Reproduction(
        name="landau-zener-limits",
        title="Landau–Zener: from the fast to the slow limit",
        source=f"{_SOURCE}: P = exp(−π g²/2α), golden rule 1 − P = π g²/2α when fast, "
        "P = 1/e at α = π g²/2.",
        columns=["g²/α", "exact P", "formula", "difference", "golden rule"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, parameters, exact, np.asarray(_SLOW), logarithms),
        numbers=(
            *(Number(f"P at g²/α = {row[0]:.4g}", row[2], row[1], _CLAIM, _SOURCE) for row in rows),
            Number("P at sweep rate π g²/2: 1/e", float(np.exp(-1)), decisive, _CLAIM, _SOURCE),
            *(
                Number(
                    f"ln P at g²/α = {x:.0e}",
                    float(published),
                    float(found),
                    float(_CLAIM_LOGARITHM * abs(published)),
                    _SOURCE,
                )
                for x, published, found in zip(_SLOW, expected, logarithms, strict=True)
            ),
        ),
    )


def _golden(parameter: float) -> float | None:
    value = 1 - np.pi * parameter / 2
    return float(value) if value > 0 else None


def _draw(figure: Any, parameters: Any, exact: Any, slow: Any, logarithms: Any) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    curve = np.logspace(-2, 1, 300)
    left.plot(
        curve, np.exp(-np.pi * curve / 2), color=style.FORMULA_COLORS[0], lw=2.4, label="formula"
    )
    fast = curve[curve < 0.5]
    left.plot(
        fast,
        1 - np.pi * fast / 2,
        color=style.FORMULA_COLORS[1],
        lw=1.2,
        ls="--",
        label="golden rule",
    )
    left.plot(parameters, exact, "o", ms=5, color=style.EXACT_COLOR, label="exact")
    left.axhline(np.exp(-1), color=style.MUTED, lw=0.8, ls=":")
    left.axvline(_DECISIVE, color=style.MUTED, lw=0.8, ls=":")
    left.text(0.0115, np.exp(-1) + 0.015, "P = 1/e", fontsize=8, color="#555555")
    left.set(xscale="log", xlabel="g²/α", ylabel="jump probability P", title="Probability")
    left.legend(loc="upper right")
    style.grid(left)
    both = np.append(parameters, slow)
    minus = np.append(-np.log(exact), -logarithms)
    wide = np.logspace(-2, 6, 200)
    right.plot(wide, np.pi * wide / 2, color=style.FORMULA_COLORS[0], lw=2.4, label="π g²/2α")
    count = parameters.size
    right.plot(
        both[:count], minus[:count], "o", ms=5, color=style.EXACT_COLOR, label="exact, real time"
    )
    right.plot(
        both[count:], minus[count:], "s", ms=5, mfc="white", color=style.EXACT_COLOR,
        label="exact, complex contour",
    )  # fmt: skip
    right.set(xscale="log", yscale="log", xlabel="g²/α", ylabel="−ln P")
    right.set_title("Its logarithm, into the slow limit")
    right.legend(loc="upper left")
    style.grid(right)
