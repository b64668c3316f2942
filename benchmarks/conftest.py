"""What the benchmarks share: timing two things against each other, and reporting the figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from benchmarks.timing import Timing, best_of, keep_to_two_cores, timed
from numpy.typing import NDArray

__all__ = ["ACCURACY", "FloatArray", "Timing", "adiabatic_states", "best_of", "timed"]

FloatArray = NDArray[np.float64]

GAP = 1.0
ACCURACY = 1e-8  # wanted of every final probability


def adiabatic_states(x: FloatArray) -> FloatArray:
    """Eigenvectors (columns) of ½ [[x, g], [g, −x]], lower level first."""
    matrices = 0.5 * np.array([[x, np.full_like(x, GAP)], [np.full_like(x, GAP), -x]])
    return np.asarray(np.linalg.eigh(np.moveaxis(matrices, -1, 0))[1])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let warnings of other packages pass here; in the tests of this one they are errors."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def _two_cores() -> Iterator[None]:
    """Keep every benchmark on at most two processor cores, where the system can do that."""
    before = keep_to_two_cores()
    yield
    if before is not None:
        os.sched_setaffinity(0, before)


@pytest.fixture
def report(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, dict[str, Any]], None]:
    """Print one line of figures, whatever the capture mode, and keep them with the benchmark."""

    def line(title: str, figures: dict[str, Any]) -> None:
        values = "  ".join(f"{name} {_text(value)}" for name, value in figures.items())
        with capsys.disabled():
            print(f"\n{title:<36} {values}", flush=True)
        benchmark.extra_info.setdefault("figures", {})[title] = {
            name: float(value) if isinstance(value, (float, np.floating)) else value
            for name, value in figures.items()
        }

    return line


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)
