"""Hopping between weakly coupled wells: whose rates grow with the square of the coupling."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.environment.spectral_density import BrownianOscillator, Discrete
from anticrossing.models import SpinBoson
from anticrossing.molecules.rates import marcus, spin_boson_golden_rule
from anticrossing.molecules.trajectories import Mean, Thermal, run_trajectories
from anticrossing.reproduce.reproduction import Number, Reproduction

# In units of the temperature. One damped mode, a barrier of (λ + ΔG)²/4λ = 0.9 T.
_ENERGY, _FREE, _FREQUENCY, _FRICTION = 25.2, -15.8, 0.37, 0.37
_COUPLINGS = (0.08, 0.14, 0.25)
# Times V²: rates have an error of first order in the step, beside the probability of a passage.
_STEP = 0.75
_OUTPUTS = 40
_LONG = 0.7  # times of the Marcus rate
_LEFT = 0.3  # of the trajectories, at least, when a rate is read
_COUNT, _SEED = 384, 2011
_METHODS: dict[str, dict[str, Any]] = {
    "fssh": {},
    "fssh, overlap": {"frustrated": "reflect", "decoherence": "overlap"},
    "fssh, augmented": {"frustrated": "reflect", "decoherence": "augmented"},
    "mash": {"method": "mash"},
}
_LANDRY = "B. R. Landry and J. E. Subotnik, J. Chem. Phys. 135, 191101 (2011)"
_LAWRENCE = (
    "J. E. Lawrence, J. R. Mannouch and J. O. Richardson, J. Phys. Chem. Lett. 15, 707 (2024)"
)
_PUBLISHED = {
    "fssh": (1.0, _LANDRY), "fssh, overlap": (2.0, _LANDRY), "fssh, augmented": (2.0, _LANDRY),
    "mash": (2.0, _LAWRENCE),
}  # fmt: skip
_WITHIN = 0.3  # of the exponents; the errors of ours are a fifth of the difference between them


def compute() -> Reproduction:
    """Let ensembles react at three couplings, and fit the power of the coupling to their rates."""
    settings = {"reorganization_energy": _ENERGY, "temperature": 1.0}
    expected = np.array([
        float(marcus(coupling=v, reaction_free_energy=_FREE, **settings).value)
        for v in _COUPLINGS
    ])  # fmt: skip
    bath = BrownianOscillator(
        reorganization_energy=_ENERGY, frequency=_FREQUENCY, damping=_FRICTION
    )
    quantum = float(
        spin_boson_golden_rule(
            coupling=_COUPLINGS[0], reaction_free_energy=_FREE, spectral_density=bath,
            temperature=1.0,
        ).value
    )  # fmt: skip
    sampled = {name: _rates(expected, options) for name, options in _METHODS.items()}
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
        Number(f"power of V, {name}", published, powers[name][0], _WITHIN, source)
        for name, (published, source) in _PUBLISHED.items()
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
            f"Power of V in the rate: {found}. Of the bath the golden rule gives "
            f"{quantum / expected[0]:.3f} of the Marcus rate."
        ),
        agrees=all(number.agrees for number in numbers),
        draw=draw,
        size=(7.0, 4.8),
        numbers=numbers,
    )


def _rates(expected: FloatArray, options: dict[str, Any]) -> Mean:
    """Return the rates at all couplings, of what is left in the first well after a while."""
    values, errors = [], []
    mode = Discrete(frequencies=[_FREQUENCY], huang_rhys=[_ENERGY / _FREQUENCY])
    for v, rate in zip(_COUPLINGS, expected, strict=True):
        H = SpinBoson(coupling=v, reaction_free_energy=_FREE, spectral_density=mode)
        slope = H.linear[0, 0, 0]
        step = _STEP * v**2
        steps = _OUTPUTS * round(_LONG / (rate * step * _OUTPUTS))
        found = run_trajectories(
            H,
            initial=Thermal(-slope / _FREQUENCY, _FREQUENCY, 1.0, state=0),
            friction=_FRICTION,
            temperature=1.0,
            step=step,
            steps=steps,
            every=steps // _OUTPUTS,
            count=_COUNT,
            keep=_COUNT,
            seed=_SEED,
            **options,
        )
        # Which well a trajectory is in is read from its place, so that all methods count the same.
        x = found.trajectories().position.values[..., 0]
        left = np.sum(slope * x < 0.5 * _FREE, axis=0)
        # The first stretch lets the thermal start forget that the levels are coupled.
        last = int(np.flatnonzero(left > _LEFT * _COUNT)[-1])
        span = found.times[last] - found.times[1]
        values.append(np.log(left[1] / left[last]) / span)
        errors.append(np.sqrt(1 / left[last] - 1 / left[1]) / span)
    return Mean(np.array(values), np.array(errors))


def _power(rate: Mean) -> tuple[float, float]:
    """Return the slope of ln k against ln V, and its standard error."""
    error = rate.error / rate.value
    design = np.stack([np.log(_COUPLINGS), np.ones(len(_COUPLINGS))], axis=1) / error[:, np.newaxis]
    covariance = np.linalg.inv(design.T @ design)
    slope = covariance @ design.T @ (np.log(rate.value) / error)
    return float(slope[0]), float(np.sqrt(covariance[0, 0]))
