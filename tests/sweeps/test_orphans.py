"""Short runs of `fuzz.kills`: the same bits after any kill, and no process is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import kills

from tests.effort import slow

LINUX = Path("/proc/self/environ").exists()


@pytest.mark.skipif(not LINUX, reason="processes are found in /proc")
@pytest.mark.parametrize("kind", [slow("pool"), slow("dask"), slow("interrupt"), slow("parent")])
def test_whatever_is_killed_the_store_is_the_same_and_nobody_is_left(
    kind: str, tmp_path: Path
) -> None:
    said: list[str] = []
    assert kills.campaign({kind: 1}, tmp_path, said.append) == []
    assert said
