"""Random spectra with missing lines and outliers, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing import Hamiltonian
from anticrossing.fits import LevelFit, Lines, fit_levels

CONTROL = np.linspace(-2, 2, 21)


def avoided(gap: float = 0.8, error: float = 0.01, seed: int = 1, **more: Any) -> Lines:
    """Return lines of one avoided crossing with the slope difference 1."""
    noise = error * np.random.default_rng(seed).standard_normal(CONTROL.size)
    frequency = np.sqrt(CONTROL**2 + gap**2) + noise
    return Lines(CONTROL, frequency, np.full(CONTROL.size, error), **more)


@dataclass(frozen=True)
class Case:
    """A spectrum: the guess, the truth, the lines, and the true transition of each (−1: none)."""

    guess: Hamiltonian
    true: dict[str, float]
    lines: Lines
    labels: Any

    def pulls(self, fit: LevelFit) -> Any:
        """Return (fitted − true)/error of all parameters."""
        return np.array([(fit[n].value - v) / fit[n].error for n, v in self.true.items()])

    def share(self, fit: LevelFit) -> float:
        """Return the share of true lines with the right transition."""
        real = self.labels >= 0
        return float(np.mean(fit.assigned[real] == self.labels[real]))

    def assigned(self, fit: LevelFit) -> bool:
        """Whether the truth is within 5 σ and 95 % of the lines are right."""
        pulls = self.pulls(fit)
        return bool(np.all(np.abs(pulls) < 5)) and self.share(fit) >= 0.95


def random_case(
    levels: int,
    seed: int,
    *,
    columns: int = 41,
    missing: float = 0.2,
    outliers: float = 0.05,
    error: float = 0.004,
    off: float = 0.3,
) -> Case:
    """Return a chain of levels with different slopes: energies, couplings and a slope to be found.

    H = s x diag(slopes) + Σ_i e_i |i⟩⟨i| + Σ_i ½ g_i (|i⟩⟨i+1| + h.c.), transitions from the lowest
    level; 2N − 1 parameters, all of which are guessed up to `off` wrong.
    """
    random = np.random.default_rng([levels, seed])
    slopes = random.permutation(np.linspace(-1, 1, levels)) + random.uniform(-0.1, 0.1, levels)
    energies = np.arange(levels) + random.uniform(-0.3, 0.3, levels)
    true = {"s": 1.0}
    terms: list[tuple[Any, Any]] = [("x*s", np.diag(slopes))]
    for i in range(1, levels):
        matrix = np.zeros((levels, levels))
        matrix[i, i] = 1.0
        terms.append((f"e{i}", matrix))
        true[f"e{i}"] = float(energies[i] - energies[0])
    for i in range(levels - 1):
        matrix = np.zeros((levels, levels))
        matrix[i, i + 1] = matrix[i + 1, i] = 0.5
        terms.append((f"g{i}", matrix))
        true[f"g{i}"] = float(random.uniform(0.1, 0.5))
    H = Hamiltonian.from_terms(terms, parameters=true)
    x = np.linspace(-2, 2, columns)
    exact = np.linalg.eigvalsh(H(x))
    exact = exact[:, 1:] - exact[:, :1]
    seen = random.random(exact.shape) > missing
    column, label = np.nonzero(seen)
    frequency = exact[seen] + error * random.standard_normal(column.size)
    lost = round(outliers * column.size)
    column = np.concatenate([column, random.integers(columns, size=lost)])
    frequency = np.concatenate([frequency, random.uniform(0.0, 1.02 * exact.max(), lost)])
    label = np.concatenate([label, np.full(lost, -1)])
    kept = frequency > 0
    lines = Lines(x[column[kept]], frequency[kept], np.full(int(np.sum(kept)), error))
    guess = {name: value * (1 + off * random.uniform(-1, 1)) for name, value in true.items()}
    return Case(H.replace(**guess), true, lines, label[kept])


def fitted(case: Case, **options: Any) -> LevelFit:
    """Return the fit of a case."""
    return fit_levels(case.guess, case.lines, **options)
