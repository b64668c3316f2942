"""Time a warm ``anticrossing run`` of this tree against an earlier revision, in alternating pairs.

    python tools/against.py 183a1f9 --pairs 24
    python tools/against.py 125b024 --setup "import anticrossing as ac" \\
        --snippet "ac.propagate(ac.models.LandauZener(gap=1), ac.drive.Linear(-1000, 1000, rate=1))"

With a snippet, its best time within a process is compared, wall and processor time.

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


_SNIPPET = """
import sys, time, timeit
setup, snippet, seconds = sys.argv[1:]
found = []
for clock in (time.perf_counter, time.process_time):
    timer = timeit.Timer(snippet, setup, timer=clock)
    once = max(timer.timeit(1), min(timer.repeat(3, 1)), 1e-6)
    found.append(min(timer.repeat(max(3, int(float(seconds) / once)), 1)))
print(*found)
"""


def timed_snippet(tree: Path, setup: str, snippet: str, seconds: float) -> tuple[float, float]:
    """Return the best wall and processor time of a snippet within one process of `tree`."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(tree / "src")
    command = [sys.executable, "-P", "-c", _SNIPPET, setup, snippet, str(seconds)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    wall, processor = map(float, done.stdout.split()[-2:])
    return wall, processor


def compare_snippet(before: Path, given: argparse.Namespace) -> None:
    """Print the ratios of wall and of processor time, the earlier tree over this one."""
    pairs = []
    for pair in range(given.pairs):
        order = (HERE, before) if pair % 2 else (before, HERE)
        found = {
            tree: timed_snippet(tree, given.setup, given.snippet, given.seconds) for tree in order
        }
        pairs.append((found[before], found[HERE]))
    for k, clock in enumerate(("wall", "processor")):
        old, new = (min(pair[which][k] for pair in pairs) for which in range(2))
        ratio = statistics.median(old[k] / new[k] for old, new in pairs)
        print(
            f"{clock}: {given.revision} {1e3 * old:.3f} ms, this tree {1e3 * new:.3f} ms, "
            f"median ratio {ratio:.2f}"
        )


def main() -> None:
    """Print the median of the ratios, this tree over the earlier one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision")
    parser.add_argument("--experiment", default="examples/flux_qubit.toml")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--snippet", help="Python to be timed within a process instead")
    parser.add_argument("--setup", default="import anticrossing as ac")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each time of a snippet")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder, "before")
        archive = Path(folder, "before.tar")
        subprocess.run(["git", "archive", "-o", archive, given.revision], cwd=HERE, check=True)
        with tarfile.open(archive) as packed:
            # Python 3.11.2 and older have no filters.
            packed.extraction_filter = getattr(tarfile, "data_filter", None)  # type: ignore[assignment]
            packed.extractall(before)
        if given.snippet:
            compare_snippet(before, given)
            return
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
