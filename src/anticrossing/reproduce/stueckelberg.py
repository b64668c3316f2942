"""Stückelberg interference: two passages, interferograms, and where resonances vanish."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.analysis.impulse import adiabatic_impulse
from anticrossing.drive import Sinusoidal
from anticrossing.dynamics import propagate
from anticrossing.dynamics.interferogram import interferogram
from anticrossing.formulas.periodic import fast_passage_population
from anticrossing.models import LandauZener
from anticrossing.reproduce.reproduction import Number, Reproduction

_FIRST_ZERO = 2.404825557695773  # of the Bessel function J₀
_QUBIT: dict[str, Any] = {"gap": 0.5, "frequency": 2.0, "t1": 40.0, "t2": 15.0}
_FAST = 40.0  # frequency over gap where quasi-energies are compared with Bessel functions

# Two passages and steady states: one-period maps of the Bloch equations integrated to 1e-13 by an
# explicit Runge-Kutta method; QuTiP's propagator and steady state agree within 2e-11.
_TWO_PASSAGES = 0.076019261660
_STEADY = (
    (0.0, 3.0, 0.487423326342),
    (2.0, 3.0, 0.488690906453),
    (3.1, 5.0, 0.125132842958),
    (4.0, 8.0, 0.475933423322),
    (0.0, 2.0 * _FIRST_ZERO, 0.054275844594),
)
_BESSEL = ((1.0, 0.765197686558), (2.0, 0.223890779141), (_FIRST_ZERO, 0.0), (4.0, -0.397149809864))

_REVIEW = "S. N. Shevchenko, S. Ashhab and F. Nori, Phys. Rep. 492, 1 (2010)"
_BESSEL_SOURCE = "F. Grossmann, T. Dittrich, P. Jung and P. Hänggi, Phys. Rev. Lett. 67, 516 (1991)"


def compute() -> Reproduction:
    """Recompute two passages, steady states of a driven qubit, and the Bessel-function limit."""
    drive = Sinusoidal(0.5, 5.0, 0.3)
    model = adiabatic_impulse(LandauZener(gap=0.2), drive)
    exact = propagate(LandauZener(gap=0.2), drive).transition_matrix[1, 0]
    compared: list[tuple[str, float, float, float]] = [
        ("two passages, exact", _TWO_PASSAGES, float(exact), 1e-9),
        ("two passages, adiabatic-impulse", 0.074821, model.probabilities[1], 5e-7),
    ]
    offsets, amplitudes, references = np.array(_STEADY).T
    steady = _steady(offsets, amplitudes, 1e-10)
    for offset, amplitude, reference, value in zip(
        offsets, amplitudes, references, steady, strict=True
    ):
        name = f"steady population at ε₀ = {offset:g}, A = {amplitude:.6g}"
        compared.append((name, reference, value, 1e-9))
    ratios = np.array([ratio for ratio, _ in _BESSEL])
    for (ratio, bessel), value in zip(_BESSEL, _splitting(ratios, _FAST), strict=True):
        # The next order is (g/ω)² of the gap.
        name = f"quasi-energy splitting over gap at A = {ratio:.6g} ω"
        compared.append((name, abs(bessel), value, 1 / _FAST**2))
    rows: list[list[Any]] = [
        [name, float(reference), float(value), float(abs(value - reference))]
        for name, reference, value, _ in compared
    ]

    x, y = np.linspace(-10, 10, 401), np.linspace(0, 10, 161)
    map_exact = _steady(x[:, None], y, 1e-6)
    formula = np.asarray(fast_passage_population(offset=x[:, None], amplitude=y, **_QUBIT).value)
    furthest = float(np.abs(formula - map_exact).max())
    steps = [row[3] for row in rows[2:7]]
    conclusion = (
        f"Two passages give {exact:.6f}, the adiabatic-impulse model {model.probabilities[1]:.6f}. "
        f"Steady states agree with the integrated Bloch equations within {max(steps):.0e}; the "
        f"fast-passage formula is within {furthest:.2g} of them over the whole interferogram. "
        "Tunnelling stops where J₀(A/ω) = 0."
    )

    def draw(figure: Any) -> None:
        from anticrossing import plot
        from anticrossing.plot import style

        left, middle, right = figure.subplots(1, 3)
        plot.interference_map(x, y, map_exact, frequency=_QUBIT["frequency"], ax=left)
        left.axhline(_FIRST_ZERO * _QUBIT["frequency"], color="white", lw=0.9, ls=(0, (4, 3)))
        row = int(np.argmin(np.abs(y - 5.0)))
        middle.plot(x, formula[:, row], color="#D55E00", lw=1.2, ls="--", label="fast passage")
        middle.plot(x, map_exact[:, row], color=style.EXACT_COLOR, lw=1.4, label="exact")
        middle.set(ylim=(0, 0.55), xlabel="offset", ylabel="population")
        middle.set_title(f"Cut at amplitude {y[row]:g}")
        style.grid(middle)
        style.strip_legend(middle)
        _draw_bessel(right)

    return Reproduction(
        name="stueckelberg",
        title="Repeated passages of a driven qubit",
        source=f"{_REVIEW}; {_BESSEL_SOURCE}.",
        columns=["quantity", "reference", "recomputed", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=draw,
        size=(15.0, 5.3),
        numbers=tuple(
            Number(name, float(reference), float(value), claim, source)
            for (name, reference, value, claim), source in zip(
                compared, [_REVIEW] * 7 + [_BESSEL_SOURCE] * len(_BESSEL), strict=True
            )
        ),
    )


def _steady(offset: FloatArray, amplitude: FloatArray, tolerance: float) -> FloatArray:
    """Return mean populations of the diabatic state that relaxation empties."""
    return interferogram(
        offset=offset, amplitude=amplitude, equilibrium=0.0, tolerance=tolerance, **_QUBIT
    ).population


def _splitting(ratios: FloatArray, frequency: float) -> FloatArray:
    """Return the quasi-energy splitting of H = ½[A cos ωt σ_z + σ_x] at A = ratio · ω."""
    drive = Sinusoidal(0.0, ratios * frequency, frequency)
    period = propagate(LandauZener(gap=1.0), drive, basis="diabatic", tolerance=1e-12).propagator
    assert period is not None
    # det U = 1: the eigenvalues are exp(±iθ), θ = ½ · splitting · period.
    cosine = 0.5 * np.trace(period, axis1=-2, axis2=-1).real
    sine = np.sqrt(np.sum(np.abs(period - cosine[..., None, None] * np.eye(2)) ** 2, (-2, -1)) / 2)
    return np.asarray(np.arctan2(sine, cosine) * frequency / np.pi)


def _draw_bessel(axes: Any) -> None:
    from scipy.special import j0

    from anticrossing.plot import style

    ratios = np.linspace(0.0, 8.0, 161)
    axes.plot(ratios, np.abs(j0(ratios)), color="#0072B2", lw=2.6, alpha=0.5, label="|J₀(A/ω)|")
    for frequency, color in ((_FAST, style.EXACT_COLOR), (2.0, "#D55E00")):
        label = f"exact, ω = {frequency:g} g"
        axes.plot(ratios, _splitting(ratios, frequency), color=color, lw=1.1, ls="--", label=label)
    axes.axvline(_FIRST_ZERO, color=style.MUTED, lw=0.9, ls=(0, (4, 3)), zorder=0)
    axes.set(ylim=(0, 1.02), xlim=(0, 8), xlabel="amplitude / frequency, A/ω")
    axes.set(ylabel="quasi-energy splitting / gap", title="Tunnelling stops at zeros of J₀")
    style.grid(axes)
    axes.legend(loc="upper right")
