"""What Numba keeps between runs is compiled again when any source file beside it changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

KERNEL = """
from anticrossing._jit import entry
from {package}.part import part

@entry()
def whole(x):
    return part(x) + 1.0
"""
PART = """
from anticrossing._jit import inner

@inner()
def part(x):
    return {factor} * x
"""


def test_an_edit_of_another_file_is_not_missed(tmp_path: Path) -> None:
    package = tmp_path / "kernels"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "whole.py").write_text(KERNEL.format(package="kernels"))
    code = (
        "from kernels.whole import whole; print(whole(1.0), sum(whole.stats.cache_hits.values()))"
    )

    def run(factor: float, time: int) -> str:
        (package / "part.py").write_text(PART.format(factor=factor))
        os.utime(package / "part.py", (time, time))
        shutil.rmtree(package / "__pycache__", ignore_errors=True)
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}, timeout=120,
        ).stdout.strip()  # fmt: skip

    assert run(2.0, 1_000_000_000) == "3.0 0"
    assert run(2.0, 1_000_000_000) == "3.0 1"
    assert run(5.0, 1_000_000_100) == "6.0 0"
