"""Atoms in an accelerated optical lattice leave the lowest band in steps, one a Bloch period.

In units of the recoil energy E_rec, with the quasi-momentum x in units of π/d (d the period of the
lattice) and plane waves n,

    H(x) = Σ_n (x + 2n)² |n⟩⟨n| + ¼V₀ Σ_n (|n⟩⟨n+1| + |n+1⟩⟨n|),   dx/dt = F₀/π,   F₀ = Fd/E_rec.

At odd x the two lowest bands are V₀/2 apart, and an atom tunnels with the probability

    P = exp(−π²V₀²/32F₀).

In the lattice's eigenstates (adiabatic basis) 1 − P is left after a passage; in plane waves
(diabatic basis) P is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.reproduce.reproduction import Number, Reproduction

_DEPTH, _FORCE = 1.0, 0.383
_PUBLISHED, _DIGITS = 0.44696, 5e-6
_MARGIN = 4  # plane waves beyond those that the atoms pass
_PERIODS = 4  # Bloch periods that are followed
_SHALLOWER = (1.0, 0.5, 0.25, 0.125)  # V₀ at the same V₀²/F₀
_POINTS = 240  # of the curves, in a Bloch period
_STEP = 0.01  # Bloch periods that the middle of a step may be off
_CLAIM = 1e-10
_ONE_STEP = 0.003  # what the other bands and the finite period do to the first step

_SOURCE = (
    "A. Zenesini, H. Lignier, G. Tayebirad, J. Radogostowicz, D. Ciampini, R. Mannella, "
    "S. Wimberger, O. Morsch, E. Arimondo, Phys. Rev. Lett. 103, 090403 (2009)"
)


@dataclass(frozen=True)
class Lattice:
    """A lattice that is accelerated for some Bloch periods, from the middle of the lowest band.

    Attributes
    ----------
    depth, force : float
        V₀ and F₀.
    periods : int
    """

    depth: float
    force: float
    periods: int = 1

    @property
    def predicted(self) -> float:
        """P = exp(−π²V₀²/32F₀), the probability to tunnel."""
        return float(formulas.landau_zener(gap=self.depth / 2, sweep_rate=self._rate))

    @property
    def _rate(self) -> float:
        """The rate of the difference of x² and (x − 2)²."""
        return 4 * self.force / np.pi

    @property
    def bloch_period(self) -> float:
        """2π/F₀."""
        return float(2 * np.pi / self.force)

    @property
    def waves(self) -> FloatArray:
        """The plane waves n."""
        return np.arange(-self.periods - _MARGIN, _MARGIN + 1.0)

    def hamiltonian(self) -> Hamiltonian:
        """Return H(x) without the common x²."""
        n = self.waves
        beside = np.eye(n.size, k=1) + np.eye(n.size, k=-1)
        return Hamiltonian.affine(np.diag(4 * n**2) + self.depth / 4 * beside, np.diag(4 * n))

    def acceleration(self) -> drive.Drive:
        """Return x(t)."""
        return drive.Linear(0.0, 2.0 * self.periods, rate=self.force / np.pi)

    def two_waves(self) -> float:
        """Return P of an exact sweep of the two plane waves that meet, alone and from far away."""
        far = 500 * np.sqrt(self._rate)
        sweep = drive.Linear(-far, far, rate=self._rate)
        meeting = models.LandauZener(gap=self.depth / 2)
        swept = propagate(meeting, sweep, basis="superadiabatic", tolerance=1e-12)
        return float(swept.transition_matrix[1, 0])

    def survival(self, times: FloatArray) -> FloatArray:
        """Return the population of the lowest band at times and at the end."""
        swept = propagate(self.hamiltonian(), self.acceleration(), times=times, whole=False)
        return np.append(swept.populations[:, 0], swept.probabilities[0])

    def at_rest(self, times: FloatArray) -> FloatArray:
        """Return how much keeps its free momentum, the plane wave n = 0, from that state alone."""
        swept = propagate(
            self.hamiltonian(),
            self.acceleration(),
            initial=int(np.flatnonzero(self.waves == 0)[0]),
            basis="diabatic",
            times=times,
            whole=False,
        )
        return np.asarray(swept.populations[:, self.waves == 0][:, 0])


def compute() -> Reproduction:
    """Accelerate a lattice for four Bloch periods and read its atoms out in two bases."""
    lattice = Lattice(_DEPTH, _FORCE, _PERIODS)
    tunnelled = lattice.predicted
    times = np.linspace(0.0, _PERIODS, _PERIODS * _POINTS + 1)[1:] * lattice.bloch_period
    survival = lattice.survival(times[:-1])
    plateaus = survival[_POINTS - 1 :: _POINTS]
    middles = _middles(times / lattice.bloch_period, survival)
    rows: list[list[Any]] = [
        [k + 1, float(middle), float(left), float((1 - tunnelled) ** (k + 1))]
        for k, (middle, left) in enumerate(zip(middles, plateaus, strict=True))
    ]
    alone = lattice.two_waves()
    numbers = [
        Number("P to tunnel, V₀ = 1, F₀ = 0.383", _PUBLISHED, alone, _DIGITS, _SOURCE),
        Number("P of two plane waves: formula", tunnelled, alone, _CLAIM, _SOURCE),
        Number("left after one Bloch period", 1 - tunnelled, plateaus[0], _ONE_STEP, _SOURCE),
    ]
    numbers += [
        Number(f"middle of step {k + 1} (Bloch periods)", k + 0.5, float(middle), _STEP, _SOURCE)
        for k, middle in enumerate(middles)
    ]
    off = []
    for depth in _SHALLOWER:
        one = Lattice(depth, _FORCE * (depth / _DEPTH) ** 2)
        off.append(abs(float(one.survival(np.empty(0))[-1]) - (1 - one.predicted)))
    conclusion = (
        f"Two plane waves that meet tunnel with P = {alone:.5f} (published {_PUBLISHED}). In the "
        f"lattice {plateaus[0]:.4f} are left after one Bloch period, {1 - tunnelled:.4f} by the "
        f"formula; in lattices of half, a quarter and an eighth of the depth with the same P the "
        f"two differ by {', '.join(f'{value:.0e}' for value in off[1:])}. The steps lie within "
        f"{float(np.abs(middles - np.arange(_PERIODS) - 0.5).max()):.1g} of a Bloch period from "
        "where two bands meet. Later steps are not (1 − P)ᵏ: passages interfere."
    )
    first = Lattice(_DEPTH, _FORCE)
    within = times[: _POINTS - 1]
    bases = {"adiabatic": survival[: within.size], "diabatic": first.at_rest(within)}

    return Reproduction(
        name="zenesini",
        title="Landau–Zener tunnelling in an accelerated lattice takes place in steps",
        source=f"{_SOURCE}.",
        columns=["step", "middle (Bloch periods)", "left in the lowest band", "(1 − P)ᵏ"],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(max(off[1:]) < 2e-4),
        draw=lambda figure: _draw(figure, times / lattice.bloch_period, survival, bases, tunnelled),
        numbers=numbers,
    )


def _middles(times: FloatArray, survival: FloatArray) -> FloatArray:
    """Return where in each Bloch period the survival is half-way between its two ends."""
    found = []
    edges = np.append(1.0, survival[_POINTS - 1 :: _POINTS])
    for k in range(edges.size - 1):
        own = slice(k * _POINTS, (k + 1) * _POINTS)
        half = 0.5 * (edges[k] + edges[k + 1])
        below = int(np.flatnonzero(survival[own] < half)[0]) + own.start
        ends = slice(below, below - 2, -1)
        found.append(np.interp(half, survival[ends], times[ends]))
    return np.array(found)


def _draw(
    figure: Any,
    periods: FloatArray,
    survival: FloatArray,
    bases: dict[str, FloatArray],
    tunnelled: float,
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    left.plot(periods, survival, color=style.EXACT_COLOR, lw=1.5, label="exact")
    steps = np.arange(_PERIODS + 1)
    left.step(
        np.concatenate([[0.0], steps[:-1] + 0.5, [_PERIODS]]),
        np.append((1 - tunnelled) ** steps, (1 - tunnelled) ** _PERIODS),
        where="post",
        color=style.FORMULA_COLORS[0],
        lw=1.2,
        ls="--",
        label="(1 − P)ᵏ",
    )
    left.set(yscale="log", ylabel="population of the lowest band")
    left.set_title(f"V₀ = {_DEPTH:g}, F₀ = {_FORCE:g}")
    left.legend(loc="upper right")
    levels = {"adiabatic": 1 - tunnelled, "diabatic": tunnelled}
    for index, (basis, population) in enumerate(bases.items()):
        color = style.FORMULA_COLORS[index]
        right.plot(periods[: population.size], population, color=color, lw=1.5, label=basis)
        right.axhline(levels[basis], color=color, lw=1.0, ls="--")
    right.set(ylabel="population left", title="One passage in two bases (dashed: 1 − P and P)")
    right.legend(loc="lower left")
    for axes in (left, right):
        axes.set_xlabel("time / Bloch period")
        style.grid(axes)
