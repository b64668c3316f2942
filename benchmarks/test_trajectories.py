"""Surface hopping against mudslide and against a loop written for one model only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import FloatArray, best_of

from anticrossing.models import TullySimple
from anticrossing.molecules.trajectories import EnsembleResult, Fixed, run_trajectories

MASS = 2000.0
START = -5.0
BOX = (-6.0, 6.0)
MOMENTA = (6.0, 9.0, 12.0, 16.0, 20.0, 28.0)
FEW = 300  # trajectories of the other package, for each momentum
FINE_STEP = 5.0
STEPS = 2000  # at most; most trajectories leave the box long before
FASTER = 500.0
MOMENTS = 1.5  # times plain hopping; 1.2 was measured
WITHIN = 2.0  # of the loop for one model, per core; 1.9 was measured


def _run(
    momentum: float, count: int, dt: float = 20.0, threads: int = 2, **options: Any
) -> EnsembleResult:
    steps = math.ceil(STEPS * 20.0 / dt)
    return run_trajectories(
        TullySimple(),
        masses=MASS,
        initial=Fixed(START, momentum),
        step=dt,
        steps=steps,
        every=steps,
        count=count,
        seed=1,
        box=BOX,
        threads=threads,
        **options,
    )


def _mudslide(momentum: float, count: int, dt: float) -> list[Any]:
    mudslide = pytest.importorskip("mudslide", reason="needs the package `mudslide`")
    model = mudslide.models.TullySimpleAvoidedCrossing()
    ends = []
    for index in range(count):
        own = np.random.SeedSequence([round(momentum), index])  # other numbers for each momentum
        trajectory = mudslide.SurfaceHoppingMD(
            model, [START], [momentum / MASS], 0, dt=dt, bounds=[[BOX[0]], [BOX[1]]],
            max_steps=10 * STEPS, seed_sequence=own,
            trace_every=10_000,
        )  # fmt: skip
        trajectory.simulate()
        ends.append((trajectory.position[0], trajectory.state))
    return ends


@pytest.mark.parametrize("momentum", MOMENTA)
def test_populations_against_mudslide(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], momentum: float
) -> None:
    # Its probabilities are of first order in the time step: 20 is too long for it to agree.
    x, level = np.array(_mudslide(momentum, FEW, FINE_STEP)).T
    expected = np.array(
        [[np.mean(side & (level == j)) for j in (0, 1)] for side in (x < 0, x >= 0)]
    )
    found = benchmark.pedantic(_run, (momentum, 10_000, FINE_STEP), rounds=1).channels()
    value = found.value[:2]
    error = np.sqrt(found.error[:2] ** 2 + value * (1 - value) / FEW)
    deviation = np.max(np.abs(value - expected) / np.maximum(error, 1 / FEW))
    report(
        f"Tully 1, k = {momentum:g}",
        {
            "transmitted above": float(value[1, 1]),
            "mudslide": float(expected[1, 1]),
            "deviation/standard error": float(deviation),
        },
    )
    assert deviation <= 3.0


def test_speed_against_mudslide(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    _mudslide(20.0, 1, 20.0)  # skips where it is missing
    _run(20.0, 64)  # compiles, or loads what was compiled
    (theirs,) = best_of([lambda: _mudslide(20.0, 100, 20.0)], rounds=2)
    (ours,) = best_of([lambda: _run(20.0, 10_000)], rounds=5)
    benchmark.pedantic(_run, (20.0, 10_000), rounds=1)
    ratio = (theirs.wall / 100) / (ours.wall / 10_000)
    report(
        "10⁴ trajectories, k = 20, dt = 20",
        {
            "per trajectory": f"{1e6 * ours.wall / 10_000:.1f} us",
            "mudslide": f"{1e3 * theirs.wall / 100:.1f} ms",
            "ratio": ratio,
        },
    )
    assert ratio >= FASTER


def test_moments_cost_no_more_than_the_rest(report: Callable[[str, dict[str, Any]], None]) -> None:
    plain, augmented = best_of(
        [
            lambda: _run(20.0, 4096, threads=1),
            lambda: _run(20.0, 4096, threads=1, decoherence="augmented"),
        ],
        rounds=10,
    )
    ratio = augmented.processor / plain.processor
    report("augmented hopping beside plain", {"ratio": ratio})
    assert ratio <= MOMENTS


def _loop() -> Callable[..., int]:
    """Return the same algorithm for this model as one compiled loop, everything in registers.

    But it hops at the end of whole steps: until its first hop a trajectory is the same.
    """
    import numba

    @numba.njit(error_model="numpy", fastmath={"contract"})  # type: ignore[untyped-decorator]
    def loop(
        seeds: Any, start: float, momentum: float, dt: float, steps: int, low: float, high: float,
        ends: Any,
    ) -> int:  # fmt: skip
        depth, steepness, coupling, narrowness, mass = 0.01, 1.6, 0.005, 1.0, 2000.0
        total = 0
        for i in range(seeds.size):
            x, v, level, draws = start, momentum / mass, 0, np.uint64(0)
            u00, u10, u01, u11 = 1.0, 0.0, 0.0, 1.0
            c0, c1, turn = 1.0 + 0.0j, 0.0j, 1.0 + 0.0j
            force, first, drift = 0.0, 0.0, 0.0
            for step in range(steps + 1):
                if step > 0:
                    v += 0.5 * dt * force / mass
                    x += dt * v
                decay = math.exp(-steepness * abs(x))
                d = math.copysign(depth * (1.0 - decay), x)
                w = coupling * math.exp(-narrowness * x * x)
                slope_d, slope_w = depth * steepness * decay, -2.0 * narrowness * x * w
                h00, h11 = d, -d
                a, b = h00 * u00 + w * u10, w * u00 + h11 * u10
                lower, mixed = u00 * a + u10 * b, u01 * a + u11 * b
                trace = 0.5 * (h00 + h11)
                half = trace - lower
                root = math.sqrt(half * half + mixed * mixed)
                double = root + abs(half)
                scale = 1.0 / math.sqrt(2.0 * root * double)
                cosine, sine = double * scale, mixed * scale
                if half < 0.0:
                    sine = -sine
                    r00, r01, r10, r11 = sine, cosine, cosine, -sine
                else:
                    r00, r01, r10, r11 = cosine, sine, -sine, cosine
                u00, u01 = u00 * r00 + u01 * r10, u00 * r01 + u01 * r11
                u10, u11 = u10 * r00 + u11 * r10, u10 * r01 + u11 * r11
                b0, b1 = c0, turn * c1
                # Nothing makes use of tr H = 0, nor does the package.
                low_energy, high_energy = trace - root, trace + root
                angle = 0.5 * dt * (high_energy - low_energy)
                turn = complex(math.cos(angle), -math.sin(angle))
                if step == 0:
                    c0, c1 = 1.0 + 0.0j, 0.0j
                    draw, lost, old = 1.0, 0.0, 1.0
                else:
                    c0, c1 = r00 * b0 + r10 * b1, turn * (r01 * b0 + r11 * b1)
                    old = b0.real**2 + b0.imag**2 if level == 0 else b1.real**2 + b1.imag**2
                    if r00 * r00 < 0.5:
                        level = 1 - level
                    new = c0.real**2 + c0.imag**2 if level == 0 else c1.real**2 + c1.imag**2
                    lost = old - new
                    draws += np.uint64(1)
                    z = seeds[i] + draws * np.uint64(0x9E3779B97F4A7C15)
                    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    draw = np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
                one, two = (u00, u10) if level == 0 else (u01, u11)
                force = -slope_d * (one * one - two * two) - 2.0 * slope_w * one * two
                if step > 0:
                    total += 1
                    v += 0.5 * dt * force / mass
                    target = 1 - level if draw * old < lost else level
                    if target != level:
                        needed = 2.0 * root if level == 0 else -2.0 * root
                        left = v * v - 2.0 * needed / mass
                        if left >= 0.0:
                            v = math.copysign(math.sqrt(left), v)
                            level = target
                            force = -force
                energy = 0.5 * mass * v * v + (high_energy if level == 1 else low_energy)
                if step == 0:
                    first = energy
                drift = max(drift, abs(energy - first))
                if x < low or x > high:
                    break
            ends[i, 0], ends[i, 1], ends[i, 2] = x, level, drift
        return total

    return loop


def test_throughput_against_a_loop_for_this_model(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    loop, count = _loop(), 50_000
    result = _run(20.0, count, threads=1)
    ends: FloatArray = np.zeros((count, 3))
    steps = STEPS

    def own() -> int:
        return loop(result.seeds, START, 20.0, 20.0, steps, *BOX, ends)

    total = own()
    ours, theirs = best_of([lambda: _run(20.0, count, threads=1), own], rounds=10)
    benchmark.pedantic(_run, (20.0, count), rounds=1)
    report(
        "one core, per step",
        {
            "here": f"{1e9 * ours.processor / total:.0f} ns",
            "loop": f"{1e9 * theirs.processor / total:.0f} ns",
            "ratio": ours.processor / theirs.processor,
        },
    )
    calm = ~np.isin(np.arange(count), result.hops.trajectory)
    assert 0.2 < calm.mean() < 0.8
    assert np.array_equal(ends[calm, 1], result.final_levels[calm])
    assert np.abs(ends[calm, 0] - result.final_positions[calm, 0]).max() < 1e-9
    assert abs(np.mean(ends[:, 1]) - np.mean(result.final_levels)) < 4 * math.sqrt(0.5 / count)
    assert ours.processor <= WITHIN * theirs.processor
