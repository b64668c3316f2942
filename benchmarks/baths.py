"""Which master equation of a bath is right: each against QuTiP's hierarchy, to all orders.

``python benchmarks/baths.py`` prints, for couplings, temperatures and rates of a biased sweep, the
population of the upper level and how far the equations are from it; ``*`` marks within 1 %, and
nan a formula that is outside its domain. It takes minutes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

import anticrossing as ac
from anticrossing.environment.bath import EQUATIONS
from anticrossing.environment.spectral_density import Debye
from anticrossing.formulas import weak_bath_landau_zener

COUPLINGS, TEMPERATURES, RATES = (0.01, 0.1, 0.5), (0.5, 2.0), (0.1, 0.5, 2.0)
RELAXATION = 2.0
START, STOP = -6.0, 9.0
WITHIN = 0.01


def rows() -> Iterator[tuple[float, float, float, float, dict[str, float]]]:
    """Yield coupling, temperature, rate, the truth and what each equation says."""
    H, operator = ac.models.LandauZener(gap=1.0), np.diag([0.5, -0.5])
    for coupling, temperature, rate in itertools.product(COUPLINGS, TEMPERATURES, RATES):
        density = Debye(reorganization_energy=coupling, relaxation_rate=RELAXATION)
        sweep = ac.drive.Linear(START, STOP, rate=rate)
        baths = {name: ac.Bath(operator, density, temperature, equation=name) for name in EQUATIONS}
        truth = float(ac.qutip.heom(H, sweep, baths["redfield"]).probabilities[1])
        found = {
            name: float(ac.propagate(H, sweep, environment=bath).probabilities[1])
            for name, bath in baths.items()
        }
        weak = weak_bath_landau_zener(
            gap=1.0, sweep_rate=rate, spectral_density=density, temperature=temperature
        )
        found["weak formula"] = float(weak) if weak.valid else np.nan
        yield coupling, temperature, rate, truth, found


def main() -> None:
    """Print the table as it is found."""
    names = (*EQUATIONS, "weak formula")
    print("λ/g   T/g  rate/g²  all orders  " + "  ".join(f"{name:>13}" for name in names))
    for coupling, temperature, rate, truth, found in rows():
        off = {name: value / truth - 1 for name, value in found.items()}
        cells = "  ".join(
            f"{100 * off[name]:+11.2f}%{'*' if abs(off[name]) <= WITHIN else ' '}" for name in names
        )
        print(f"{coupling:<5g} {temperature:<4g} {rate:<8g} {truth:<10.5f}  {cells}", flush=True)


if __name__ == "__main__":
    main()
