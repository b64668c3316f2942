"""Linear sweeps of N levels: Brundobler–Elser formula, no-go rule and hierarchy constraints."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import models, spectrum
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.analysis import LinearSweepConstraints, linear_sweep_constraints
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.reproduce.reproduction import Number, Reproduction

_SEED = 2017
_CLAIM = 1e-10
_RATES = np.geomspace(0.2, 20.0, 7)
_SOURCES = {
    "survival": "S. Brundobler, V. Elser, J. Phys. A 26, 1211 (1993)",
    "no-go": "N. A. Sinitsyn, J. Phys. A 37, 10691 (2004)",
    "hierarchy": "N. A. Sinitsyn, J. Lin, V. Y. Chernyak, Phys. Rev. A 95, 012140 (2017)",
}


def compute() -> Reproduction:
    """Sweep random and solvable Hamiltonians and compare with what is exactly known of each."""
    generator = np.random.default_rng(_SEED)
    generic = _random(generator, (1.0, 0.4, 0.1, -0.3, -1.0))
    cases = {
        "five levels": generic,
        "two bands": _random(generator, (1.0, 1.0, 0.2, -0.5, -0.5)),
        "eight levels": _random(generator, tuple(np.linspace(1.0, -1.0, 8)), size=0.15),
        "one through four": models.DemkovOsherov(
            levels=(-2.0, -0.5, 0.5, 2.5), couplings=(0.3, 0.2, 0.4, 0.25)
        ),
    }
    found = {name: linear_sweep_constraints(hamiltonian) for name, hamiltonian in cases.items()}
    rows: list[list[Any]] = []
    numbers = []
    for name, constraints in found.items():
        for c in constraints.constraints:
            rows.append([name, c.kind, c.of, c.predicted, c.exact, abs(c.exact - c.predicted)])
            what = f"{name}: {c.of}"
            numbers.append(Number(what, c.predicted, c.exact, _CLAIM, _SOURCES[c.kind]))
    scans = [linear_sweep_constraints(generic, sweep_rate=float(rate)) for rate in _RATES]
    furthest = max(c.largest_difference for c in [*found.values(), *scans])
    conclusion = (
        f"All {len(rows)} constraints on {len(found)} sweeps hold within "
        f"{max(row[-1] for row in rows):.0e} (claimed {_CLAIM:.0e}), though only the last sweep is "
        f"solvable; at rates from {_RATES[0]:g} to {_RATES[-1]:g} within {furthest:.0e}."
    )
    positions = np.linspace(-4, 4, 400)
    energies = spectrum.levels(generic, positions)

    return Reproduction(
        name="brundobler-elser",
        title="Linear sweeps of many levels: what is known exactly, solvable or not",
        source="; ".join(_SOURCES.values()) + ".",
        columns=["sweep", "constraint", "of", "predicted", "exact", "difference"],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(furthest < _CLAIM),
        draw=lambda figure: _draw(figure, positions, energies, scans),
        numbers=numbers,
    )


def _random(
    generator: np.random.Generator, slopes: tuple[float, ...], size: float = 0.25
) -> Hamiltonian:
    """Return complex Hermitian A + xB with these slopes, in a random basis."""

    def normal() -> ComplexArray:
        shape = (2, len(slopes), len(slopes))
        real, imaginary = generator.normal(size=shape)
        return np.asarray(real + 1j * imaginary)

    basis = np.linalg.qr(normal())[0]
    coupled = normal()
    constant = size * (coupled + coupled.conj().T)
    return Hamiltonian.affine(*(basis @ m @ basis.conj().T for m in (constant, np.diag(slopes))))


def _draw(
    figure: Any, positions: FloatArray, energies: FloatArray, scans: list[LinearSweepConstraints]
) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    levels = energies.shape[1]
    for index in range(levels):
        left.plot(positions, energies[:, index], color=style.level_color(index, levels), lw=1.8)
    left.set(xlabel="coordinate x", ylabel="energy", title="Levels of a random sweep")
    chosen = scans[0].kind == "hierarchy"
    law, exact = (np.array([getattr(c, n)[chosen] for c in scans]) for n in ("predicted", "exact"))
    for index in range(levels - 1):
        color = style.formula_color(index)
        right.plot(_RATES, law[:, index], color=color, lw=1.6, label=f"k = {index + 1}")
        right.plot(_RATES, exact[:, index], "o", ms=4, color=color)
    right.set(xscale="log", yscale="log", xlabel="sweep rate α")
    right.set_ylabel("|det of the first k states|")
    right.set_title("lines: hierarchy constraints, points: exact")
    right.legend(loc="lower right")
    for axes in (left, right):
        style.grid(axes)
