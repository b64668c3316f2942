"""Time a warm ``anticrossing run`` of this tree against an earlier revision, in alternating pairs.

    python tools/against.py 183a1f9 --pairs 24

Run it with nothing else going on: the two differ by hundredths, and a busy machine by tenths.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
_RUN = "import sys; from anticrossing.cli import main; sys.argv[0] = 'anticrossing'; main()"


def timed(tree: Path, experiment: str, results: Path) -> float:
    """Return the seconds that one run of an experiment of `tree` takes."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(tree / "src")
    command = [sys.executable, "-P", "-c", _RUN, "run", str(tree / experiment), "-o", str(results)]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of the ratios, this tree over the earlier one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision")
    parser.add_argument("--experiment", default="examples/flux_qubit.toml")
    parser.add_argument("--pairs", type=int, default=12)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder, "before")
        archive = Path(folder, "before.tar")
        subprocess.run(["git", "archive", "-o", archive, given.revision], cwd=HERE, check=True)
        with tarfile.open(archive) as packed:
            packed.extractall(before, filter="data")
        trees = [(before, Path(folder, "old")), (HERE, Path(folder, "new"))]
        for _ in range(2):  # kernels and byte code are made, then loaded
            for tree, results in trees:
                timed(tree, given.experiment, results)
        seconds: list[list[float]] = [[], []]
        for pair in range(given.pairs):
            for k in (0, 1) if pair % 2 else (1, 0):
                seconds[k].append(timed(trees[k][0], given.experiment, trees[k][1]))
        ratio = statistics.median(new / old for old, new in zip(*seconds, strict=True))
        old, new = (statistics.median(values) for values in seconds)
        print(f"{given.revision}: {old:.3f} s, this tree: {new:.3f} s, median ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
