"""A transfer by Krotov's method; its package needs QuTiP before 5, so in a Python of its own.

``python benchmarks/with_krotov.py DURATION CONSTANTS LAMBDA`` prints infidelity, seconds, steps.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import krotov
import numpy as np

import qutip

END = 10.0


def transfer(duration: float, constants: int, weight: float) -> tuple[float, float, int]:
    """Search from the straight line, without bounds, until the infidelity is 1e-4."""
    z, x = 0.5 * qutip.sigmaz(), 0.5 * qutip.sigmax()
    start, goal = ((end * z + x).groundstate()[1] for end in (-END, END))

    def line(t: float, _: Any) -> float:
        return END * (2 * t / duration - 1)

    def shape(t: float) -> Any:
        return krotov.shapes.flattop(t, 0, duration, t_rise=duration / 20, func="sinsq")

    def infidelity(**known: Any) -> float:
        return float(1 - abs(known["tau_vals"][0]) ** 2)

    begun = time.perf_counter()
    found = krotov.optimize_pulses(
        [krotov.Objective(initial_state=start, target=goal, H=[x, [z, line]])],
        {line: {"lambda_a": weight, "update_shape": shape}},
        np.linspace(0, duration, constants + 1),
        propagator=krotov.propagators.expm,
        chi_constructor=krotov.functionals.chis_ss,
        info_hook=infidelity,
        check_convergence=lambda result: "reached" if result.info_vals[-1] < 1e-4 else None,
        iter_stop=60,
    )
    return found.info_vals[-1], time.perf_counter() - begun, found.iters[-1]


if __name__ == "__main__":
    duration, constants, weight = sys.argv[1:]
    print(*transfer(float(duration), int(constants), float(weight)))
