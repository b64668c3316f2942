"""The page for those who come from other packages: their code and ours give the same."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anticrossing as ac

PAGE = Path(__file__).parents[1] / "docs" / "moving_over.md"
BLOCKS = re.findall(
    r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def block(package: str) -> dict[str, Any]:
    """Run what the page shows in another package, and return its names."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs the package `{package}`")
    (code,) = (one for one in BLOCKS if f" {package}" in one)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - the page of this repository
    return names


def stay() -> float:
    """Return the probability to stay in the first diabatic state, as on the page."""
    sweep = ac.drive.Linear(-50, 50, rate=1.0)
    found = ac.propagate(ac.models.LandauZener(gap=1.0), sweep, basis="diabatic")
    return float(found.probabilities[0])


def test_every_package_is_shown() -> None:
    assert len(BLOCKS) == 3
    for name in ("QuTiP", "HOQST", "Qiskit Dynamics", "mudslide", "SHARC"):
        assert f"**Stay with {name}**" in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_qutip_gives_the_same() -> None:
    assert block("qutip")["stay"] == pytest.approx(stay(), abs=1e-6)


@pytest.mark.slow
def test_qiskit_dynamics_gives_the_same() -> None:
    assert block("qiskit_dynamics")["stay"] == pytest.approx(stay(), abs=1e-6)


@pytest.mark.slow
def test_mudslide_gives_the_same() -> None:
    outcomes = np.asarray(block("mudslide")["outcomes"])
    assert outcomes.sum() == pytest.approx(1, abs=1e-12)
    assert outcomes[:, 0] == pytest.approx(0, abs=1e-12)  # none is reflected
    # The exact packet gives one half to each level within 0.01; twenty trajectories, four errors.
    assert outcomes[0, 1] == pytest.approx(0.5, abs=0.01 + 4 * np.sqrt(0.25 / 20))
