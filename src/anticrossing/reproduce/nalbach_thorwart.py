"""A passage in contact with a bath: the slower the sweep, not always the better it follows.

A qubit swept at the rate v through its gap Δ, with a bath on σ_z, ends in its ground state with a
probability that has a maximum and a minimum as a function of v: fast sweeps jump, slow ones have
time to be excited near the crossing, the slowest ones time to relax again.

Of the article its summary alone could be read, and so the numbers of the bath are ours: Kondo's
parameter 0.002, cutoff 10Δ, temperature 4Δ. That there is one minimum is what is compared, and the
population at rates where a rate equation of the adiabatic levels holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.environment import Bath
from anticrossing.environment.spectral_density import Ohmic
from anticrossing.reproduce.reproduction import Number, Reproduction

_KONDO, _CUTOFF, _TEMPERATURE = 0.002, 10.0, 4.0
_WINDOW = 400.0
_RATES = np.geomspace(1e-5, 30.0, 61)
_SLOW = (1e-5, 1e-4, 1e-3, 1e-2)
_AGREE = 2e-4  # of the rate equation, at rates of a hundredth of the gap and less

_SOURCE = "P. Nalbach, M. Thorwart, Phys. Rev. Lett. 103, 220401 (2009)"

_RATES_SOURCE = "P. Ao, J. Rammer, Phys. Rev. B 43, 5397 (1991)"


def density() -> Ohmic:
    """Return J(ω) = 2πα ω exp(−ω/ω_c)."""
    return Ohmic(reorganization_energy=2 * _KONDO * _CUTOFF, cutoff=_CUTOFF)


def followed(rates: FloatArray, equation: str = "secular") -> FloatArray:
    """Return the probabilities to end in the ground state."""
    bath = Bath(np.diag([0.5, -0.5]), density(), _TEMPERATURE, equation=equation)
    sweep = drive.Linear(-_WINDOW, _WINDOW, rate=rates)
    swept = propagate(models.LandauZener(gap=1.0), sweep, environment=bath)
    return np.asarray(swept.probabilities[..., 0])


def extrema(values: FloatArray) -> tuple[list[int], list[int]]:
    """Return the places of maxima and of minima inside."""
    turns = np.diff(np.sign(np.diff(values)))
    return [int(k) + 1 for k in np.flatnonzero(turns < 0)], [
        int(k) + 1 for k in np.flatnonzero(turns > 0)
    ]


def compute() -> Reproduction:
    """Sweep a qubit at rates over six decades in contact with a warm bath."""
    found, alone = followed(_RATES), 1 - np.exp(-0.5 * np.pi / _RATES)
    maxima, minima = extrema(found)
    slow = np.array(_SLOW)
    exact = followed(slow)
    rate_equation = 1 - np.asarray(
        formulas.weak_bath_landau_zener(
            gap=1.0, sweep_rate=slow, spectral_density=density(), temperature=_TEMPERATURE
        ).value
    )
    numbers = [
        Number("maxima of the probability to follow, over v", 1, len(maxima), 0, _SOURCE),
        Number("minima of the probability to follow, over v", 1, len(minima), 0, _SOURCE),
    ]
    numbers += [
        Number(f"P, v = {v:g}: rate equation", float(law), float(value), _AGREE, _RATES_SOURCE)
        for v, law, value in zip(slow, rate_equation, exact, strict=True)
    ]
    rows: list[list[Any]] = [
        [float(v), float(without), float(value)]
        for v, without, value in zip(_RATES[::6], alone[::6], found[::6], strict=True)
    ]
    turning = [f"{found[k]:.3f} at v = {_RATES[k]:.2g}Δ²" for k in (*minima, *maxima)]
    conclusion = (
        f"Towards faster sweeps the probability to follow falls from {found[0]:.3f} at "
        f"{_RATES[0]:.0e}Δ² to {turning[0]}, rises to {turning[-1]}, and falls again."
    )

    def draw(figure: Any) -> None:
        from anticrossing.plot import style

        axes = figure.subplots()
        axes.semilogx(_RATES, alone, color=style.MUTED, lw=1.0, ls="--", label="without bath")
        for color, equation in zip(style.FORMULA_COLORS, ("secular", "universal"), strict=False):
            curve = found if equation == "secular" else followed(_RATES, equation)
            axes.semilogx(_RATES, curve, color=color, lw=1.5, label=equation)
        axes.semilogx(slow, rate_equation, "o", ms=4, color=style.MUTED, label="rate equation")
        axes.set(xlabel="v / Δ²", ylabel="probability to end in the ground state")
        axes.legend(loc="best")
        style.grid(axes)

    return Reproduction(
        name="nalbach-thorwart",
        title="Relaxation and driving compete at a crossing",
        source=f"{_SOURCE}.",
        columns=["v", "without bath", "with bath"],
        rows=rows,
        conclusion=conclusion,
        draw=draw,
        numbers=numbers,
    )
