"""Hopping between weakly coupled wells: whose rates grow with the square of the coupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing.environment.spectral_density import Discrete
from anticrossing.models import SpinBoson
from anticrossing.molecules.rates import marcus
from anticrossing.molecules.trajectories import Mean, Thermal, run_trajectories
from anticrossing.reproduce.reproduction import Number, Reproduction

# In units of the temperature. One overdamped mode, which forgets its place with the rate ω²/γ;
# the barrier is (λ + ΔG)²/4λ = 0.9 T.
_ENERGY, _FREE, _FREQUENCY, _FRICTION = 25.2, -15.8, 0.046, 0.158
_COUPLINGS = (0.025, 0.035, 0.05)
_STEP = 0.5
_EVERY = 150.0  # between outputs, twice γ/ω²; the first crossings are counted until the first
_WAIT = 3  # outputs until the thermal start has forgotten that the levels are coupled
_LEFT = 0.3  # of the trajectories, at least, when a rate is read
_SEED = 2011


@dataclass(frozen=True)
class _Way:
    """A method, the power of V that is published for it, and which crossings are counted."""

    options: dict[str, Any]
    published: tuple[float, str] | None
    count: int = 1024
    soon: bool = False  # only the first ones


_LANDRY = "B. R. Landry and J. E. Subotnik, J. Chem. Phys. 135, 191101 (2011)"
_LAWRENCE = (
    "J. E. Lawrence, J. R. Mannouch and J. O. Richardson, J. Phys. Chem. Lett. 15, 707 (2024)"
)
_MASH = {"method": "mash"}
_MANY = 32_768
_WAYS = {
    "fssh": _Way({}, (1.0, _LANDRY)),
    "fssh, first crossings": _Way({}, None, count=_MANY, soon=True),
    "fssh, overlap": _Way({"frustrated": "reflect", "decoherence": "overlap"}, (2.0, _LANDRY)),
    "fssh, augmented": _Way({"frustrated": "reflect", "decoherence": "augmented"}, None),
    "mash, first crossings": _Way(_MASH, (2.0, _LAWRENCE), count=_MANY, soon=True),
    "mash": _Way(_MASH, None),
}
_WITHIN = 0.3  # of the powers: three standard errors of ours


def compute() -> Reproduction:
    """Let ensembles react at three couplings, and fit the power of the coupling to their rates."""
    settings = {"reorganization_energy": _ENERGY, "temperature": 1.0}
    expected = np.array([
        float(marcus(coupling=v, reaction_free_energy=_FREE, **settings).value)
        for v in _COUPLINGS
    ])  # fmt: skip
    sampled = {
        name: Mean(
            *np.transpose([_rate(way, *pair) for pair in zip(_COUPLINGS, expected, strict=True)])
        )
        for name, way in _WAYS.items()
    }
    rows: list[list[Any]] = []
    powers = {}
    for name, rate in sampled.items():
        powers[name] = _power(rate)
        for v, golden, value, error in zip(
            _COUPLINGS, expected, rate.value, rate.error, strict=True
        ):
            ratio, spread = float(value / golden), float(error / golden)
            rows.append([name, v, float(golden), float(value), float(error), ratio, spread])
    numbers = tuple(
        Number(f"power of V, {name}", way.published[0], powers[name][0], _WITHIN, way.published[1])
        for name, way in _WAYS.items()
        if way.published is not None
    )
    found = ", ".join(f"{name} {p:.2f} ± {e:.2f}" for name, (p, e) in powers.items())

    def draw(figure: Any) -> None:
        from anticrossing.plot import style

        axes = figure.subplots()
        for index, (name, rate) in enumerate(sampled.items()):
            color = style.FORMULA_COLORS[index]
            axes.errorbar(_COUPLINGS, rate.value / expected, rate.error / expected, fmt="o-",
                          color=color, label=name)  # fmt: skip
        axes.axhline(1.0, color="black", lw=1.2, label="Marcus, ∝ V²")
        axes.set(xscale="log", yscale="log", xlabel="coupling V/T", ylabel="rate/Marcus rate")
        axes.legend()
        style.grid(axes)

    return Reproduction(
        name="marcus-hopping",
        title="Rates of hopping between weakly coupled wells",
        source=f"{_LANDRY}; {_LAWRENCE}. The bath is one of their kind, not one of theirs.",
        columns=[
            "method",
            "coupling (T)",
            "Marcus rate (T)",
            "rate (T)",
            "standard error",
            "rate/Marcus",
            "its error",
        ],
        rows=rows,
        conclusion=(
            f"Power of V in the rate, 2 in Marcus theory: {found}. Without decoherence amplitudes "
            "remember earlier crossings, and later hops are too many. So do the spins of MASH: its "
            "rate is that of the first crossings."
        ),
        agrees=all(number.agrees for number in numbers),
        draw=draw,
        size=(7.0, 4.8),
        numbers=numbers,
    )


def _rate(way: _Way, coupling: float, expected: float) -> tuple[float, float]:
    """Return the rate at which the first well empties, and its standard error."""
    mode = Discrete(frequencies=[_FREQUENCY], huang_rhys=[_ENERGY / _FREQUENCY])
    H = SpinBoson(coupling=coupling, reaction_free_energy=_FREE, spectral_density=mode)
    slope = H.linear[0, 0, 0]
    every = round(_EVERY / _STEP)
    outputs = 1 if way.soon else _WAIT + round(1 / (expected * _EVERY))
    found = run_trajectories(
        H,
        initial=Thermal(-slope / _FREQUENCY, _FREQUENCY, 1.0, state=0),
        friction=_FRICTION,
        temperature=1.0,
        step=_STEP,
        steps=outputs * every,
        every=every,
        count=way.count,
        keep=way.count,
        seed=_SEED,
        **way.options,
    )
    # On the first diabatic level: below on its own side of the crossing, above on the other.
    paths, first = found.trajectories(), 0 if way.soon else _WAIT
    own_side = slope * paths.position.values[..., 0] < 0.5 * _FREE
    left = np.sum(own_side == (paths.level.values == 0), axis=0)
    last = int(np.flatnonzero(left > _LEFT * way.count)[-1])
    span = found.times[last] - found.times[first]
    error = np.sqrt(1 / left[last] - 1 / left[first])
    return np.log(left[first] / left[last]) / span, error / span


def _power(rate: Mean) -> tuple[float, float]:
    """Return the slope of ln k against ln V, and its standard error."""
    error = rate.error / rate.value
    design = np.stack([np.log(_COUPLINGS), np.ones(len(_COUPLINGS))], axis=1) / error[:, np.newaxis]
    covariance = np.linalg.inv(design.T @ design)
    slope = covariance @ design.T @ (np.log(rate.value) / error)
    return float(slope[0]), float(np.sqrt(covariance[0, 0]))
