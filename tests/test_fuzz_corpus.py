"""What once ended in a traceback, a hang or gibibytes of memory, read again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_past_failure_ends_in_data_or_one_line() -> None:
    count = len(list((ROOT / "fuzz" / "corpus").iterdir()))
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.data", "--seed", "-1", "--count", str(count)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} tried" in done.stdout
    assert "0 kinds of failure" in done.stdout
    assert count > 50
