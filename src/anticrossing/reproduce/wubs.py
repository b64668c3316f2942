"""A qubit swept in contact with a bath at zero temperature: an exact final probability.

    H(t) = ½ vt σ_z + ½ Δ σ_x + Σ_j [½ γ_j (cos θ σ_z + sin θ σ_x)(b_j + b_j†) + Ω_j b_j†b_j]

leaves its ground state at t → −∞ for the other state of the qubit with the probability

    P = 1 − exp(−πW²/2v),   W² = (Δ − ½E₀ sin 2θ)² + S sin² θ,   E₀ = Σγ_j²/Ω_j,   S = Σγ_j².

The bath counts by these two numbers alone, and not at all where it couples to σ_z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import drive
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.formulas import cold_bath_landau_zener
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z
from anticrossing.reproduce.reproduction import Number, Reproduction

_WINDOW = 200.0  # |vt| at both ends
_ORDER = 4  # of the superadiabatic states that stand for t → ±∞ there
_CLAIM = 1e-10
_DELTA = 0.5
_DRAWN = 30.0  # |vt| in the figure

_SOURCE = "M. Wubs, K. Saito, S. Kohler, P. Hänggi, Y. Kayanuma, Phys. Rev. Lett. 97, 200404 (2006)"


@dataclass(frozen=True)
class Sweep:
    """A qubit and its bath.

    Attributes
    ----------
    couplings, frequencies : sequence of float
        γ_j and Ω_j.
    angle : float
        θ.
    states : int
        How many of each oscillator are kept.
    rate : float
        v.
    splitting : float
        Δ.
    """

    couplings: Sequence[float]
    frequencies: Sequence[float]
    angle: float
    states: int
    rate: float = 1.0
    splitting: float = _DELTA

    @property
    def predicted(self) -> float:
        """The exact probability to leave the state of the qubit, in closed form."""
        gamma, omega = np.asarray(self.couplings), np.asarray(self.frequencies)
        kept = cold_bath_landau_zener(
            gap=self.splitting,
            sweep_rate=self.rate,
            reorganization_energy=float(np.sum(gamma**2 / omega)),
            strength=float(np.sum(gamma**2)),
            angle=self.angle,
        )
        return 1.0 - float(kept)

    def hamiltonian(self) -> Hamiltonian:
        """Return H as a function of vt, states of the qubit first, σ_z = 1 in the upper half."""
        many = len(self.couplings)
        whole = np.eye(self.states**many)
        towards = np.cos(self.angle) * SIGMA_Z.real + np.sin(self.angle) * SIGMA_X.real
        lowering = np.diag(np.sqrt(np.arange(1.0, self.states)), 1)
        constant = 0.5 * self.splitting * np.kron(SIGMA_X.real, whole)
        for j, (gamma, omega) in enumerate(zip(self.couplings, self.frequencies, strict=True)):
            before, after = np.eye(self.states**j), np.eye(self.states ** (many - 1 - j))
            position, number = (
                np.kron(np.kron(before, own), after)
                for own in (lowering + lowering.T, lowering.T @ lowering)
            )
            constant += 0.5 * gamma * np.kron(towards, position) + omega * np.kron(
                np.eye(2), number
            )
        return Hamiltonian.affine(constant, 0.5 * np.kron(SIGMA_Z.real, whole))

    def probability(self) -> float:
        """Return the probability of an exact sweep over a finite window.

        At its ends the levels of the two states of the qubit lie apart: those of the one fill the
        lower half at the beginning, those of the other at the end.
        """
        swept = propagate(
            self.hamiltonian(),
            drive.Linear(-_WINDOW, _WINDOW, rate=self.rate),
            basis="superadiabatic",
            order=_ORDER,
            whole=False,
        )
        final = swept.probabilities
        return float(final[: final.size // 2].sum())

    def history(self, positions: FloatArray) -> FloatArray:
        """Return the population of the other state of the qubit at values of vt."""
        hamiltonian = self.hamiltonian()
        followed = propagate(
            hamiltonian,
            drive.Linear(-_DRAWN, _DRAWN, rate=self.rate),
            initial=np.linalg.eigh(hamiltonian(-_DRAWN))[1][:, 0],
            basis="diabatic",
            times=positions / self.rate,
            whole=False,
        )
        half = hamiltonian.dimension // 2
        return np.asarray(followed.populations[:, half:].sum(axis=-1))


_SWEEPS = {
    "θ = 0": Sweep((0.6,), (1.0,), 0.0, 10),
    "θ = 45°": Sweep((0.6,), (1.0,), np.pi / 4, 10),
    "θ = 90°": Sweep((0.6,), (1.0,), np.pi / 2, 10),
    "θ = 135°": Sweep((0.6,), (1.0,), 3 * np.pi / 4, 10),
    "θ = 45°, Ω = 0.5": Sweep((0.6,), (0.5,), np.pi / 4, 18),
    "θ = 45°, v = 0.3": Sweep((0.6,), (1.0,), np.pi / 4, 10, rate=0.3),
    "θ = 45°, two oscillators": Sweep((0.36, 0.48), (0.7, 1.6), np.pi / 4, 7),
}
_PUBLISHED = {"θ = 0": 0.32477, "θ = 45°": 0.35827}
_DIGITS = 5e-6  # of these


def compute() -> Reproduction:
    """Sweep a qubit in contact with one and with two oscillators."""
    rows: list[list[Any]] = []
    numbers = []
    for name, sweep in _SWEEPS.items():
        exact = sweep.probability()
        rows.append([name, sweep.predicted, exact, abs(exact - sweep.predicted)])
        if name in _PUBLISHED:
            what = f"P, Δ = 0.5, γ = 0.6, Ω = 1, {name}"
            numbers.append(Number(what, _PUBLISHED[name], exact, _DIGITS, _SOURCE))
        numbers.append(Number(f"P, {name}: formula", sweep.predicted, exact, _CLAIM, _SOURCE))
    furthest = max(row[-1] for row in rows)
    conclusion = (
        f"Exact sweeps of the qubit with up to {2 * 7**2} states agree with the formula within "
        f"{furthest:.0e} (claimed {_CLAIM:.0e}): {rows[0][2]:.5f} for a bath that couples to σ_z, "
        f"as without a bath, and {rows[1][2]:.5f} at 45°."
    )
    angles = np.linspace(0.0, np.pi, 13)
    curves = {
        gamma: [Sweep((gamma,), (1.0,), float(angle), 12).probability() for angle in angles]
        for gamma in (0.3, 0.6, 0.9)
    }
    positions = np.linspace(-10.0, _DRAWN, 402)[:-1]
    histories = {
        gamma: Sweep((gamma,), (1.0,), 0.0, 14).history(positions) for gamma in (0.0, 0.6, 1.2)
    }

    return Reproduction(
        name="wubs",
        title="A Landau–Zener passage gauges its bath at zero temperature",
        source=f"{_SOURCE}.",
        columns=["bath", "formula", "exact", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, angles, curves, positions, histories),
        numbers=numbers,
    )


def _draw(
    figure: Any,
    angles: FloatArray,
    curves: dict[float, list[float]],
    positions: FloatArray,
    histories: dict[float, npt.NDArray[np.float64]],
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    fine = np.linspace(0.0, np.pi, 181)
    for index, (gamma, exact) in enumerate(curves.items()):
        color = style.FORMULA_COLORS[index]
        law = [Sweep((gamma,), (1.0,), float(angle), 2).predicted for angle in fine]
        left.plot(fine * 180 / np.pi, law, color=color, lw=1.5, label=f"γ = {gamma:g}")
        left.plot(angles * 180 / np.pi, exact, "o", ms=4, color=color)
    left.set_xticks(np.arange(0, 181, 45))
    left.set(xlabel="angle θ of the coupling (degrees)", ylabel="P")
    left.set_title("lines: formula, points: exact")
    left.legend(loc="best")
    for index, (gamma, population) in enumerate(histories.items()):
        color = style.FORMULA_COLORS[index]
        right.plot(positions, population, color=color, lw=1.3, label=f"γ = {gamma:g}")
    right.axhline(Sweep((0.0,), (1.0,), 0.0, 2).predicted, color=style.MUTED, lw=0.9, ls="--")
    right.set(xlabel="vt", ylabel="population of the other state")
    right.set_title("θ = 0: the end does not feel the bath")
    right.legend(loc="lower right")
    for axes in (left, right):
        style.grid(axes)
