"""One level driven through hundreds of others: propagation and work distribution, time and memory.

Each case of these runs in a process of its own, so that its memory can be told.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from benchmarks.timing import best_of

CASES: dict[str, dict[str, Any]] = {
    "200 levels at unit spacing": {
        "system": {
            "levels": list(range(1, 201)),
            "couplings": 0.2,
            "temperature": 1 / 1.2,
            "chemical_potential": 100.0,
            "start": 0.0,
            "stop": 201.0,
            "rate": 1.0,
        },
        "width": 0.1,
        "range": (-40.0, 250.0),
        "samples": 1000,
        "limit": 60.0,
    },
    "1000 levels in a band of width 10": {
        "system": {
            "levels": np.linspace(0.0, 10.0, 1000).tolist(),
            "couplings": 0.02,
            "temperature": 1 / 1.2,
            "chemical_potential": 3.0,
            "start": -1.0,
            "stop": 11.0,
            "rate": 1.0,
        },
        "width": 0.05,
        "range": (-20.0, 30.0),
        "samples": 200,
        "limit": 600.0,
    },
}
MEMORY = 2.0  # GiB


@pytest.mark.parametrize("name", CASES)
def test_propagation_and_work_distribution(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], name: str
) -> None:
    case = CASES[name]
    done = benchmark.pedantic(
        subprocess.run,
        ([sys.executable, __file__, name],),
        {"capture_output": True, "text": True, "check": True},
        rounds=1,
    )
    found = json.loads(done.stdout)
    report(
        f"driven level, {name}",
        {
            "propagation (s)": found["propagation"],
            "moments (s)": found["moments"],
            "distribution (s)": found["distribution"],
            "sampling (s)": found["sampling"],
            "together (s)": found["together"],
            "memory (GiB)": found["memory"],
            "unitarity defect": found["unitarity"],
            "Jarzynski ratio - 1": found["jarzynski"],
            "norm of the distribution - 1": found["norm"],
            "its mean against the closed form": found["mean"],
            "sample mean, in standard errors": found["sample"],
        },
    )
    assert found["together"] < case["limit"]
    assert found["memory"] < MEMORY
    assert abs(found["jarzynski"]) < 1e-10
    assert abs(found["norm"]) < 1e-9
    assert abs(found["mean"]) < 1e-7
    assert abs(found["sample"]) < 3


def test_cost_over_eight_decades(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    """The published system, one level through eight, at rates 1 to 1e-8."""
    from anticrossing.thermodynamics import DrivenLevel

    def propagator(rate: float) -> Any:
        return DrivenLevel(
            levels=np.arange(1.0, 9.0),
            couplings=0.2,
            temperature=1 / 1.2,
            chemical_potential=3.0,
            start=0.0,
            stop=9.0,
            rate=rate,
        ).propagator

    rates = 10.0 ** -np.arange(9)
    timings = best_of([partial(propagator, rate) for rate in rates], rounds=9)
    taken = np.array([timing.processor for timing in timings])
    for rate, seconds in zip(rates, taken, strict=True):
        report(f"driven level, eight others, rate {rate:.0e}", {"processor time": seconds})
    benchmark.pedantic(propagator, (rates[-1],), rounds=3, warmup_rounds=1)
    report(
        "driven level, eight decades",
        {
            "slowest / fastest": taken.max() / taken.min(),
            "slowest / fastest from 0.0001 down": taken[4:].max() / taken[4:].min(),
        },
    )
    assert taken.max() <= 3 * taken.min()
    assert taken[4:].max() <= 1.5 * taken[4:].min()


def measure(case: dict[str, Any]) -> dict[str, float]:
    """Run one case and return its figures."""
    from anticrossing.thermodynamics import DrivenLevel

    marks = [time.perf_counter()]
    system = DrivenLevel(**case["system"])
    propagator = system.propagator
    marks.append(time.perf_counter())
    work = system.work_distribution()
    mean, variance, jarzynski = work.mean, work.variance, work.jarzynski_ratio
    marks.append(time.perf_counter())
    values = np.arange(*case["range"], case["width"] / 2)
    density = work.density(values, width=case["width"])
    marks.append(time.perf_counter())
    drawn = work.sample(case["samples"], np.random.default_rng(2016))
    marks.append(time.perf_counter())
    step = values[1] - values[0]
    defect = propagator.conj().T @ propagator - np.eye(propagator.shape[0])
    durations = np.diff(marks)
    return {
        "propagation": durations[0],
        "moments": durations[1],
        "distribution": durations[2],
        "sampling": durations[3],
        "together": float(durations.sum()),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "unitarity": float(np.abs(defect).max()),
        "jarzynski": jarzynski - 1,
        "norm": float(density.sum() * step - 1),
        "mean": float(values @ density * step - mean),
        "sample": float((drawn.mean() - mean) / np.sqrt(variance / drawn.size)),
    }


if __name__ == "__main__":
    print(json.dumps(measure(CASES[sys.argv[1]])))
