"""Annealing in contact with a bath: dephasing of eigenstates does no harm, that of qubits does.

A qubit annealed from σ_x to σ_z in a time t_f, H = −½[(1 − s)σ_x + sσ_z], s = t/t_f, with a bath
on σ_z. Weakly coupled, it obeys the adiabatic master equation: however short T₂ is beside t_f, the
qubit ends in the ground state as nearly as temperature lets it. In the limit of singular coupling
the same dephasing acts in the computational basis, and nothing but chance is left.

Of the article its summary alone could be read, and so the numbers of qubit and bath are ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.environment import Bath, Environment, FixedAxisDephasing
from anticrossing.environment.spectral_density import Ohmic
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z
from anticrossing.reproduce.reproduction import Number, Reproduction

_TEMPERATURE = 0.1  # of the gap at the end
_DENSITY = Ohmic(reorganization_energy=0.02, cutoff=8.0)
_DEPHASING = _TEMPERATURE * _DENSITY.slope  # 1/T₂ of the qubit at the end: ½γ(0)
_DURATIONS = np.geomspace(0.01, 1000.0, 26)  # t_f / T₂
_LONG = 1000.0
_HARMLESS, _CHANCE = 1e-3, 5e-3

_SOURCE = "T. Albash, D. A. Lidar, Phys. Rev. A 91, 062320 (2015)"


def annealer() -> Hamiltonian:
    """Return H as a function of s."""
    return Hamiltonian.affine(-0.5 * SIGMA_X.real, 0.5 * (SIGMA_X - SIGMA_Z).real)


def environments() -> dict[str, Environment]:
    """Return what the bath does in the two limits."""
    return {
        "weak coupling": Bath(0.5 * SIGMA_Z.real, _DENSITY, _TEMPERATURE),
        "singular coupling": FixedAxisDephasing(_DEPHASING),
    }


def success(environment: Environment, durations: FloatArray) -> FloatArray:
    """Return the probabilities to end in the ground state, for t_f in units of T₂."""
    sweep = drive.Linear(0.0, 1.0, rate=_DEPHASING / durations)
    return np.asarray(propagate(annealer(), sweep, environment=environment).probabilities[..., 0])


def compute() -> Reproduction:
    """Anneal a qubit for times from a hundredth to a thousand times T₂."""
    curves = {name: success(one, _DURATIONS) for name, one in environments().items()}
    weak, singular = (float(success(one, np.array([_LONG]))[0]) for one in environments().values())
    warm = float(1 / (1 + np.exp(-1 / _TEMPERATURE)))
    numbers = (
        Number("weak coupling, t_f = 1000 T₂: ground state", warm, weak, _HARMLESS, _SOURCE),
        Number("singular coupling, t_f = 1000 T₂: ground state", 0.5, singular, _CHANCE, _SOURCE),
    )
    rows: list[list[Any]] = [
        [float(t), *(float(curve[k]) for curve in curves.values())]
        for k, t in enumerate(_DURATIONS)
        if k % 5 == 0
    ]
    conclusion = (
        f"Annealed for a thousand T₂ the qubit is in its ground state with {weak:.5f} if coupling "
        f"is weak (in equilibrium {warm:.5f}), and with {singular:.3f} if it is singular."
    )

    def draw(figure: Any) -> None:
        from anticrossing.plot import style

        axes = figure.subplots()
        for color, (name, curve) in zip(style.FORMULA_COLORS, curves.items(), strict=False):
            axes.semilogx(_DURATIONS, curve, color=color, lw=1.5, label=name)
        axes.axvline(1.0, color=style.MUTED, lw=0.9, ls="--")
        axes.set(xlabel="t_f / T₂", ylabel="probability of the ground state")
        axes.legend(loc="best")
        style.grid(axes)

    return Reproduction(
        name="albash-lidar",
        title="Decoherence in adiabatic quantum computation",
        source=f"{_SOURCE}.",
        columns=["t_f / T₂", "weak coupling", "singular coupling"],
        rows=rows,
        conclusion=conclusion,
        draw=draw,
        numbers=numbers,
    )
