"""Timing several calls against each other within one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The best of several runs, in seconds; processor time counts all threads."""

    wall: float
    processor: float


def timed(call: Callable[[], object]) -> Timing:
    """Time one call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Timing(time.perf_counter() - wall, time.process_time() - processor)


def best_of(
    calls: Sequence[Callable[[], object]], rounds: int, seconds: float = float("inf")
) -> list[Timing]:
    """Time the calls in turn, `rounds` times, and return the best of each.

    Taking turns exposes all of them to the same disturbances by other work on the machine. A call
    that has taken `seconds` so far sits out the rounds that are left.
    """
    timings: list[list[Timing]] = [[] for _ in calls]
    for _ in range(rounds):
        for own, call in zip(timings, calls, strict=True):
            if sum(t.wall for t in own) < seconds:
                own.append(timed(call))
    return [Timing(min(t.wall for t in own), min(t.processor for t in own)) for own in timings]


def keep_to_two_cores() -> set[int] | None:
    """Restrict this process to two processor cores where the system can; return what it had."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:2]))
    return before
