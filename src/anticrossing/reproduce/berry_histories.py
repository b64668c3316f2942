"""Berry's histories: a slow transition in superadiabatic bases, and the error function."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, pi
from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.formulas import TransitionHistory
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.reproduce.reproduction import Number, Reproduction

_SLOWNESS = 16.0  # g²/α of the table and of the first panel
_ORDERS = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20)
_DRAWN = (0, 2, 4, 6, 18)
_DISTANCE = 0.25  # over √F: what the universal history leaves out
_OTHERS = (6.0, 10.0, 24.0)
_CUBIC = 0.1  # of a sweep that is not linear
_SOURCE = "M. V. Berry, Proc. R. Soc. A 429, 61 (1990)"
_LATER = "R. Lim, M. V. Berry, J. Phys. A 24, 3255 (1991)"


@dataclass(frozen=True)
class _Passage:
    """A slow passage: its universal history, and its amplitudes in any superadiabatic basis."""

    label: str
    hamiltonian: Hamiltonian
    sweep: drive.Drive
    times: FloatArray
    history: TransitionHistory
    action: float  # F

    @property
    def natural(self) -> FloatArray:
        return np.asarray(self.history.natural_time)

    @property
    def final(self) -> float:
        """e^{−F}, the amplitude that is left."""
        return float(np.exp(-self.action))

    def amplitudes(self, order: int | None) -> tuple[FloatArray, int]:
        """Return |c| at all times in units of e^{−F}, and the order."""
        result = propagate(
            self.hamiltonian,
            self.sweep,
            basis="superadiabatic",
            order=order,
            times=self.times,
            tolerance=1e-13,
        )
        assert result.readout_order is not None
        return np.sqrt(result.populations[:, 1]) / self.final, int(result.readout_order)

    def deviation(self, amplitudes: FloatArray) -> float:
        """Return how far amplitudes are from the universal history."""
        universal = np.abs(np.asarray(self.history.amplitude)) / self.final
        return float(np.max(np.abs(amplitudes - universal)))


def compute() -> Reproduction:
    """Follow slow passages in superadiabatic states of every order."""
    passage = _linear(_SLOWNESS)
    found = {order: passage.amplitudes(order)[0] for order in _ORDERS}
    best, optimal = passage.amplitudes(None)
    rows: list[list[Any]] = []
    for order, amplitudes in found.items():
        left_out, late = _term(order), _late(order + 1, passage.action)
        deviation = passage.deviation(amplitudes)
        rows.append([order, float(np.max(amplitudes)), left_out, late, deviation])
    others = [_linear(x) for x in _OTHERS] + [_cubic()]
    steps = [(p, *p.amplitudes(None)) for p in others]
    middle = float(np.interp(0.0, passage.natural, best))
    law = "term {} of the series at the crossing: (n−1)!/πFⁿ, over e^−F"
    numbers = [
        Number(f"{law.format(n + 1)}", row[3], row[2], share * row[3], _SOURCE)
        for n, share in ((4, 0.03), (8, 0.01), (12, 0.003))
        for row in rows
        if row[0] == n
    ]
    numbers += [
        Number("optimal order: F", passage.action, optimal, 1.0, _SOURCE),
        Number("amplitude at the Stokes line, over e^−F", 0.5, middle, 0.02, _SOURCE),
    ]
    for p, amplitudes in [(passage, best), *((p, a) for p, a, _ in steps)]:
        quantity = f"distance from the error function, {p.label}"
        allowed = _DISTANCE / np.sqrt(p.action)
        numbers.append(Number(quantity, 0.0, p.deviation(amplitudes), float(allowed), _LATER))
    conclusion = (
        f"With g²/α = {_SLOWNESS:g} (F = πg²/4α = {passage.action:.2f}) the adiabatic amplitude "
        f"overshoots its final value {np.max(found[0]):.0f} times. In the optimal basis, of order "
        f"{optimal}, it rises in one step, within {passage.deviation(best):.3f} e^−F of "
        f"e^−F ½ erfc(−T); beyond, it overshoots again, at order {_ORDERS[-1]} by "
        f"{np.max(found[_ORDERS[-1]]) - 1:.1f} e^−F."
    )

    return Reproduction(
        name="berry-histories",
        title="Histories of adiabatic transitions in superadiabatic bases",
        source=f"{_SOURCE}; {_LATER}: the series of superadiabatic states has terms (n−1)!/πFⁿ; in "
        "the basis of order n ≈ F the amplitude is e^−F ½ erfc(−T). Amplitudes in units of e^−F.",
        columns=["order", "largest |c|", "next term", "n!/πFⁿ⁺¹", "from ½ erfc(−T)"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, passage, found, (best, optimal), steps),
        numbers=numbers,
    )


def _linear(slowness: float) -> _Passage:
    rate = 1 / slowness
    times = np.linspace(-2.2, 2.2, 177) * np.sqrt(pi / (2 * rate))
    return _Passage(
        f"g²/α = {slowness:g}",
        models.LandauZener(gap=1.0),
        drive.Linear(-40.0, 40.0, rate=rate),
        times,
        formulas.landau_zener_history(time=times, gap=1.0, sweep_rate=rate),
        pi * slowness / 4,
    )


def _cubic() -> _Passage:
    rate, bend = 1 / _SLOWNESS, _CUBIC
    detuning = f"{rate}*t + {bend}*({rate}*t)**3"
    times = np.linspace(-2.2, 2.2, 177) * np.sqrt(pi / (2 * rate))
    log_value = formulas.dykhne_davis_pechukas(detuning=detuning, coupling=1.0).log_value
    return _Passage(
        "cubic sweep",
        models.LandauZener(gap=1.0),
        drive.Formula(detuning, -8.0 / rate, 8.0 / rate),
        times,
        formulas.transition_history(detuning=detuning, coupling=1.0, time=times),
        float(-0.5 * np.asarray(log_value)),
    )


def _term(order: int) -> float:
    """Return the first term that an order leaves out, at the crossing, in units of e^{−F}."""
    rate = 1 / _SLOWNESS
    half = propagate(
        models.LandauZener(gap=1.0),
        drive.Linear(-40.0, 0.0, rate=rate),
        basis="superadiabatic",
        order=order,
    )
    assert half.readout_residual is not None
    return float(half.readout_residual * np.exp(pi * _SLOWNESS / 4))


def _late(term: int, action: float) -> float:
    """Return (n − 1)!/πFⁿ, what the terms of the series tend to, in units of e^{−F}."""
    return float(np.exp(lgamma(term) - term * np.log(action) + action) / pi)


def _draw(
    figure: Any,
    passage: _Passage,
    found: dict[int, FloatArray],
    optimal: tuple[FloatArray, int],
    steps: list[tuple[_Passage, FloatArray, int]],
) -> None:
    from matplotlib import colormaps

    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    colors = colormaps["viridis"](np.linspace(0.0, 0.85, len(_DRAWN)))
    for color, order in zip(colors, _DRAWN, strict=True):
        left.plot(passage.natural, found[order], color=color, lw=1.4, label=f"n = {order}")
    left.plot(
        passage.natural, optimal[0], color=style.EXACT_COLOR, lw=2.2, label=f"n = {optimal[1]}"
    )
    left.set(yscale="log", ylim=(1e-3, 1e6), xlabel="natural time T", ylabel="amplitude |c| / e⁻ᶠ")
    left.set_title(f"{passage.label}: from the adiabatic to the optimal basis")
    left.legend(loc="upper right", ncols=3)
    universal = np.abs(np.asarray(passage.history.amplitude)) / passage.final
    right.plot(passage.natural, universal, color=style.EXACT_COLOR, lw=2.4, label="½ erfc(−T)")
    for index, (other, amplitudes, order) in enumerate(steps):
        right.plot(
            other.natural[::4],
            amplitudes[::4],
            style.FORMULA_MARKERS[index],
            ms=4,
            color=style.formula_color(index),
            label=f"{other.label}, n = {order}",
        )
    right.set(xlim=(-2.6, 2.6), xlabel="natural time T", ylabel="amplitude |c| / e⁻ᶠ")
    right.set_title("Optimal bases: one history for all")
    right.legend(loc="upper left")
    for axes in (left, right):
        style.grid(axes)
