"""A coupling that is nothing but noise: Kayanuma's two limits, and what lies between.

    H(t) = ½ vt σ_z + J(t) σ_x,   ⟨J(t)J(t′)⟩ = J² exp(−|t − t′|/τ)

keeps its diabatic state with the probability ½ [1 + exp(−4πJ²/v)] where the noise is fast, whatever
its distribution, and with (1 + 4πJ²/v)^(−1/2) where it is slow and Gaussian. Beside fast noise a
steady coupling g/2 enters by exp(−πg²/2v), as Pokrovsky and Sinitsyn found.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive
from anticrossing.dynamics import propagate
from anticrossing.environment import Environment
from anticrossing.environment.noise import OrnsteinUhlenbeckNoise, QuasiStaticNoise, TelegraphNoise
from anticrossing.formulas.noise import noisy_coupling_landau_zener
from anticrossing.models.landau_zener import SIGMA_X, LandauZener
from anticrossing.reproduce.reproduction import Number, Reproduction

_SLOW_WINDOW, _FAST_WINDOW, _BETWEEN_WINDOW = 3e4, 1e5, 100.0  # |vt| at both ends, v = 1
_FAST_TIME, _STEADY_TIME, _STEADY_WINDOW = 0.03, 0.01, 1e6
_TIMES = np.geomspace(0.1, 300.0, 10)
_STEADY = 0.3  # g
_CLAIM = 1e-4
_PUBLISHED = {0.1: (0.64230, 0.66569), 0.2: (0.54050, 0.53351)}
_SOURCE = "Y. Kayanuma, J. Phys. Soc. Jpn. 54, 2037 (1985)"
_SOURCE_STEADY = "V. L. Pokrovsky, N. A. Sinitsyn, Phys. Rev. B 67, 144303 (2003)"


def exact(environment: Environment, window: float, gap: float = 0.0) -> float:
    """Return the probability to keep the diabatic state of a sweep at the rate 1."""
    found = propagate(
        LandauZener(gap=gap),
        drive.Linear(-window, window, rate=1.0),
        environment=environment,
        basis="diabatic",
        tolerance=1e-5,
        whole=False,
    )
    return float(found.probabilities[0])


def compute() -> Reproduction:
    """Sweep through a crossing whose coupling is Gaussian or telegraph noise."""
    rows: list[list[Any]] = []
    numbers = []
    for strength, (fast, slow) in _PUBLISHED.items():
        rms = strength**0.5
        jumping = TelegraphNoise(rms, _FAST_TIME, SIGMA_X)
        diffusing = OrnsteinUhlenbeckNoise(rms, _FAST_TIME, SIGMA_X)
        for name, noise in (("telegraph", jumping), ("Ornstein–Uhlenbeck", diffusing)):
            found = exact(noise, _FAST_WINDOW)
            rows.append([f"fast, {name}, J²/v = {strength:g}", fast, found, abs(found - fast)])
            what = f"P, fast {name} noise, J²/v = {strength:g}"
            numbers.append(Number(what, fast, found, _CLAIM, _SOURCE))
        found = exact(QuasiStaticNoise(rms, SIGMA_X), _SLOW_WINDOW)
        rows.append([f"slow, Gaussian, J²/v = {strength:g}", slow, found, abs(found - slow)])
        what = f"P, slow Gaussian noise, J²/v = {strength:g}"
        numbers.append(Number(what, slow, found, _CLAIM, _SOURCE))
        law = float(noisy_coupling_landau_zener(noise=rms, sweep_rate=1.0, gap=_STEADY).value)
        found = exact(TelegraphNoise(rms, _STEADY_TIME, SIGMA_X), _STEADY_WINDOW, _STEADY)
        name = f"fast, telegraph, J²/v = {strength:g}, g = {_STEADY:g}"
        rows.append([name, law, found, abs(found - law)])
        numbers.append(Number(f"P, {name}", law, found, _CLAIM, _SOURCE_STEADY))
    furthest = max(row[-1] for row in rows)
    conclusion = (
        f"Exact averages over the noise agree with both limits within {furthest:.0e} (claimed "
        f"{_CLAIM:.0e}). Between them the answer depends on the distribution of the noise: slow "
        "telegraph noise is a steady coupling of either sign."
    )
    strengths = list(_PUBLISHED)
    between = {
        kind.__name__: {
            strength: [
                exact(kind(strength**0.5, float(time), SIGMA_X), _BETWEEN_WINDOW) for time in _TIMES
            ]
            for strength in strengths
        }
        for kind in (OrnsteinUhlenbeckNoise, TelegraphNoise)
    }

    return Reproduction(
        name="kayanuma-noise",
        title="A Landau–Zener passage whose coupling is noise",
        source=f"{_SOURCE}; {_SOURCE_STEADY}.",
        columns=["noise", "formula", "exact", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, between),
        numbers=numbers,
    )


def _draw(figure: Any, between: dict[str, dict[float, list[float]]]) -> None:
    from anticrossing.plot import style

    panels = figure.subplots(1, len(_PUBLISHED))
    for axes, (strength, (fast, slow)) in zip(panels, _PUBLISHED.items(), strict=True):
        for index, (name, curves) in enumerate(between.items()):
            color = style.FORMULA_COLORS[index]
            words = "Gaussian" if name.startswith("Ornstein") else "telegraph"
            axes.plot(_TIMES, curves[strength], "o-", ms=3, lw=1.2, color=color, label=words)
        axes.axhline(fast, color=style.MUTED, lw=0.9, ls="--", label="fast noise")
        axes.axhline(slow, color=style.MUTED, lw=0.9, ls=":", label="slow Gaussian noise")
        kept = float(np.exp(-2 * np.pi * strength))
        axes.axhline(kept, color=style.MUTED, lw=0.9, ls="-.", label="steady coupling")
        axes.set(xscale="log", xlabel="correlation time √v τ")
        axes.set(ylabel="probability to keep the diabatic state", title=f"J²/v = {strength:g}")
        style.grid(axes)
    panels[0].legend(loc="best")
