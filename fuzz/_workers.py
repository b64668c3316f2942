"""Cases tried one after another in a process that may hang, crash, or eat memory.

A case is a function of its number. It may return or raise `AnticrossingError` with one line; all
else is a failure: another exception or a RuntimeWarning, ten seconds, two gibibytes, a dead
process. The alarm of a process works between two steps of Python only, so its parent watches too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anticrossing as ac

LONGEST = 10.0  # seconds of processor time for one case
GRACE = 30.0  # seconds until the parent ends a process that does not answer its alarm
MEMORY = 2**31  # bytes
LONGEST_LINE = 1000  # characters
_BATCH = 5000  # cases of one process
FINE = ("accepted", "refused")


class Verdict(NamedTuple):
    index: int
    kind: str
    where: str = ""
    seconds: float = 0.0


class _Alarm(BaseException):
    """Raised where a case has taken too long."""


def _ring(number: int, frame: Any) -> None:
    raise _Alarm


def examine(case: Callable[[int], object], index: int) -> Verdict:
    """Try one case in this process."""
    began, kind, where = time.monotonic(), "accepted", ""
    ignored: list[Any] = []
    sys.unraisablehook = lambda what: ignored.append(what.exc_value)
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            case(index)
    except ac.AnticrossingError as error:
        said, kind = str(error), "refused"
        if len(said.splitlines()) != 1 or not said.isprintable() or len(said) > LONGEST_LINE:
            kind, where = "not one line", repr(said)[:200]
        elif "llocate" in said or "MemoryError" in said:
            kind, where = "memory", said[:200]
    except _Alarm as error:
        kind, where = "hang", _place(error)
    except MemoryError as error:
        kind, where = "memory", _place(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        kind, where = "traceback", _place(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if kind in FINE and ignored:
        kind, where = "traceback", f"ignored: {ignored[0]!r}"
    if kind in FINE and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MEMORY:
        kind = "memory"
    return Verdict(index, kind, where, time.monotonic() - began)


def _place(error: BaseException) -> str:
    """Name the error and the last place in the package that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "anticrossing" in f.filename] or frames
    places = {f"{Path(f.filename).name}:{f.lineno}": None for f in (inside[-1], frames[-1])}
    said = " ".join(str(error).split())[:100]
    return f"{type(error).__name__} in {' > '.join(places)}: {said}"


def _work(case: Callable[[int], object], first: int, stop: int, pipe: Any) -> None:
    """Try the cases of one batch, each verdict told at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for index in range(first, stop):
        pipe.send(examine(case, index))
    pipe.close()
    os._exit(0)


def campaign(
    case: Callable[[int], object],
    count: int,
    minutes: float | None = None,
    say: Callable[[Verdict], object] = print,
) -> tuple[Counter[str], Counter[str]]:
    """Try `count` cases, or as many as there is time for; return verdicts, and kinds of failure."""
    tally, kinds = Counter[str](), Counter[str]()
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    context, index = multiprocessing.get_context("fork"), 0
    while index < count and time.monotonic() < end:
        ours, theirs = context.Pipe(duplex=False)
        stop = min(count, index + _BATCH)
        worker = context.Process(target=_work, args=(case, index, stop, theirs), daemon=True)
        worker.start()
        theirs.close()
        while index < stop and time.monotonic() < end:
            try:
                answered = ours.poll(LONGEST + GRACE)
                verdict = ours.recv() if answered else Verdict(index, "hang", "no answer")
            except EOFError:
                worker.join()
                verdict = Verdict(index, "crash", f"exit code {worker.exitcode}")
            index += 1
            tally[verdict.kind] += 1
            if verdict.kind not in FINE:
                name = f"{verdict.kind}: {verdict.where.partition(':')[0]}"
                name += verdict.where.partition(":")[2].partition(":")[0]
                kinds[name] += 1
                if kinds[name] <= 2:
                    say(verdict)
            if verdict.where == "no answer" or verdict.kind == "crash":
                break
        worker.kill()
        worker.join()
        ours.close()
    return tally, kinds


def main(name: str, doc: str | None, make: Callable[[int], tuple[Any, Any]], count: int) -> int:
    """Run from the command line: `make(seed)` returns the cases, and what describes one."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after so many")
    parser.add_argument("--only", type=int, help="try this case alone, here and unprotected")
    options = parser.parse_args()
    case, show = make(options.seed)
    if options.only is not None:
        print(show(options.only))
        print(case(options.only))
        return 0
    began = time.monotonic()

    def say(verdict: Verdict) -> None:
        print(f"{verdict.index}: {verdict.kind}, {verdict.where}\n    {show(verdict.index)}")

    tally, kinds = campaign(case, options.count, options.minutes, say)
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(tally.items()))
    took = time.monotonic() - began
    for kind, number in kinds.most_common():
        print(f"{number} times {kind}")
    print(f"{name}: {tally.total()} tried, {counts}; {len(kinds)} kinds of failure, {took:.0f} s")
    return int(bool(kinds))
