"""Break the numerical code in one random place at a time, and see whether the tests notice.

    python tools/mutants.py --count 200 --seed 0
    python tools/mutants.py --report

The files stay as they are: the process that runs the tests compiles the changed text in place of
one module, so nothing has to be put back and compiled kernels stay valid. The tests of a folder run
once to see which functions each of them calls; then a change meets the tests that call the function
it is in, the shortest first, until one fails or a minute of tests has passed. Results are kept as
they come: the same command goes on where it was stopped.

Left alone is what moves the cost and not the answer: limits, tolerances and numbers of
samples (`TUNED`, `SMALL`, `MANY`), `strict=` of equal lengths, the −1 of `reshape`, for which NumPy
takes any negative number, and words for the reader. A survivor is a gap in the tests or a change
that changes nothing (a first guess, a bound with room): read it; those that were read and change
nothing that anybody may rely on stand in `mutants_survivors.toml` with the reason.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import signal
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "anticrossing"
READ = Path(__file__).with_name("mutants_survivors.toml")
FOLDERS = ("formulas", "spectrum", "dynamics", "control", "thermodynamics")
SWAPS = {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "**": "*",
    "//": "/",
    "%": "*",
    "@": "*",
    "<": ">=",
    ">": "<=",
    "<=": "<",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "and": "or",
    "or": "and",
}
# Words for the reader: a change there is no change of the numbers.
PROSE = {"fail", "warn", "describe", "InputError", "ConvergenceError", "DomainWarning", "field"}
# Constants of a module in capitals with a plain number, and numbers this small or whole ones this
# large, say how far to go and how finely.
TUNED = re.compile(r"_?[A-Z][A-Z0-9_]*")
SMALL, MANY = 1e-3, 50
SURVIVED = "SURVIVED"
UNDECIDED = "no end"  # an endless loop, or a busy machine
# Slow to import, and the same for every change.
LIBRARIES = ("numba", "pytest", "sympy", "mpmath", "xarray", "scipy.linalg")
LIBRARIES += ("scipy.integrate", "scipy.optimize", "scipy.special", "scipy.interpolate")


@dataclass(frozen=True)
class Mutant:
    """Replace the bytes from `start` to `stop` of a file."""

    path: Path
    start: int
    stop: int
    replacement: str

    @property
    def before(self) -> bytes:
        return self.path.read_bytes()

    @property
    def after(self) -> bytes:
        before = self.before
        return before[: self.start] + self.replacement.encode() + before[self.stop :]

    @property
    def line(self) -> int:
        return self.before.count(b"\n", 0, self.start) + 1

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def functions(self) -> set[int]:
        """Return the first lines of the functions that the change concerns; all if there are none.

        The innermost one that it is in, or those that use the constant. What is kept, or made while
        the module is imported, is called once, by whatever test comes first: it concerns all.
        """
        tree = ast.parse(self.before)
        every = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        first = {f: min(node.lineno for node in (f, *f.decorator_list)) for f in every}
        around = [f for f in every if f.lineno <= self.line <= (f.end_lineno or 0)]
        if around:
            inner = max(around, key=first.__getitem__)
            return set() if called_once(inner, tree) else {first[inner]}
        names = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign) and node.lineno <= self.line <= (node.end_lineno or 0)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return {
            first[f]
            for f in every
            if any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(f))
        }

    @property
    def difference(self) -> str:
        lines = (text.decode().splitlines() for text in (self.before, self.after))
        changed = difflib.unified_diff(*lines, n=0, lineterm="")
        return "\n".join(f"    {line}" for line in changed if re.match(r"[-+](?![-+]{2} )", line))


class Places(ast.NodeVisitor):
    """All single changes of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_bytes()
        lines = self.text.splitlines(keepends=True)
        self.offsets = [sum(len(line) for line in lines[:k]) for k in range(len(lines) + 1)]
        self.found: list[Mutant] = []
        self.names: list[str] = []
        self.returning = False
        self.visit(ast.parse(self.text))

    def begin(self, node: ast.expr) -> int:
        return self.offsets[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offsets[node.end_lineno - 1] + node.end_col_offset

    def add(self, start: int, stop: int, replacement: str) -> None:
        self.found.append(Mutant(self.path, start, stop, replacement))

    def between(self, left: ast.expr, right: ast.expr) -> None:
        """Swap the operator that stands between two expressions."""
        start = self.end(left)
        gap = self.text[start : self.begin(right)].decode("latin-1")
        found = re.search(r"\*\*|//|[<>=!]=|[-+*/%@<>]|\band\b|\bor\b", gap)
        if found and found[0] in SWAPS and "#" not in gap:
            self.add(start + found.start(), start + found.end(), SWAPS[found[0]])

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.op, ast.BitOr):  # a union of types
            self.between(node.left, node.right)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.between(node.target, node.value)
        self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
            self.between(left, right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(left, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            self.add(self.begin(node), self.begin(node) + 1, "+")
        elif isinstance(node.op, ast.Not):
            self.add(self.begin(node), self.begin(node.operand), "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(self.begin(node), self.end(node), str(not node.value))
        elif isinstance(node.value, int) and node.value < MANY:
            for value in (node.value + 1, node.value - 1):
                self.add(self.begin(node), self.end(node), f"({value})")
        elif isinstance(node.value, float) and (node.value == 0 or abs(node.value) > SMALL):
            self.add(self.begin(node), self.end(node), repr(2 * node.value or 1.0))

    def visit_Name(self, node: ast.Name) -> None:
        """Return another local variable."""
        others = [name for name in self.names if name != node.id]
        if self.returning and node.id in self.names and others:
            choice = others[hash((node.lineno, node.col_offset)) % len(others)]
            self.add(self.begin(node), self.end(node), choice)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.returning = True
            self.visit(node.value)
            self.returning = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer = self.names
        arguments = [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
        assigned = {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.names = sorted({*arguments, *assigned} - {"self", "cls"})
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self.names = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [name for target in node.targets for name in ast.walk(target)]
        if not (plain_numbers(node.value) and all(tuned(name) for name in names)):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave messages alone."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave words alone."""

    def visit_Call(self, node: ast.Call) -> None:
        if not (isinstance(node.func, ast.Name) and node.func.id in PROSE):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
                node.args = [a for a in node.args if ast.unparse(a) != "-1"]
            named = (keyword.value for keyword in node.keywords if keyword.arg != "strict")
            for argument in (*node.args, *named):
                self.visit(argument)
            self.visit(node.func)


def called_once(function: ast.FunctionDef, tree: ast.Module) -> bool:
    """Say whether a function keeps what it returned, or makes a constant of the module."""
    if any("cache" in ast.unparse(decorator) for decorator in function.decorator_list):
        return True
    made = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    names = [node for value in made for node in ast.walk(value) if isinstance(node, ast.Name)]
    return any(node.id == function.name for node in names)


def plain_numbers(node: ast.expr) -> bool:
    """Say whether an expression is a number, or a product or tuple of numbers."""
    operation = ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop
    number = ast.Constant | ast.Tuple | ast.expr_context
    return all(isinstance(part, operation | number) for part in ast.walk(node))


def tuned(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return TUNED.fullmatch(node.id) is not None
    return isinstance(node, ast.Tuple | ast.expr_context)


def sources() -> list[Path]:
    """Return the modules to break: kernels are left out, which Numba compiles for a minute each."""
    files = (path for folder in FOLDERS for path in sorted((PACKAGE / folder).glob("*.py")))
    return [f for f in files if f.name != "__init__.py" and "_jit import" not in f.read_text()]


def choose(count: int, seed: int) -> list[Mutant]:
    """Return random changes, each file as often as it has lines, none twice."""
    places = {path: Places(path).found for path in sources()}
    rng = random.Random(seed)
    chosen: list[Mutant] = []
    weights = [len(found) for found in places.values()]
    while len(chosen) < min(count, sum(weights)):
        (path,) = rng.choices(list(places), weights)
        mutant = rng.choice(places[path])
        if mutant not in chosen and compiles(mutant):
            chosen.append(mutant)
    return chosen


def compiles(mutant: Mutant) -> bool:
    try:
        ast.parse(mutant.after)
    except SyntaxError:
        return False
    return True


class Recorder:
    """A plug-in of pytest: what each test calls of the package, and how long it takes."""

    def __init__(self) -> None:
        self.calls: dict[str, set[str]] = {}
        self.seconds: Counter[str] = Counter()
        self.current: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, *_: object) -> None:
        self.current.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.when == "teardown":
            self.calls[report.nodeid] = {
                f"{Path(file).relative_to(ROOT)}:{line}"
                for file, line in list(self.current)
                if file.startswith(str(PACKAGE))
            }
            self.current.clear()

    def pytest_sessionstart(self) -> None:
        threading.settrace(self.trace)
        sys.settrace(self.trace)


@dataclass(eq=False)
class Chosen:
    """A plug-in of pytest: run these tests, in this order."""

    tests: list[str]
    failed: str = ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        order = {name: k for k, name in enumerate(self.tests)}
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def pytest_main(paths: list[str], plugin: object) -> int:
    import pytest

    options = ["-q", "-x", "-m", "not slow", "-p", "no:xdist", "--tb=no", *paths]
    return int(pytest.main(options, plugins=[plugin]))


@dataclass
class Tests:
    """Which tests call which function: asked once for each state of a folder, and kept."""

    path: Path
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.folders = json.loads(self.path.read_text())

    def learn(self, folder: str) -> None:
        state = state_of(folder)
        if self.folders.get(folder, {}).get("state") == state:
            return
        child = Child(lambda: self.record(folder), 3600.0)
        while not child.ended():
            time.sleep(0.2)
        if child.said in ("", UNDECIDED):
            sys.exit(f"the tests of {folder} do not pass without a change")
        self.folders[folder] = {"state": state, "calls": json.loads(child.said)}
        self.path.write_text(json.dumps(self.folders))

    @staticmethod
    def record(folder: str) -> str:
        recorder = Recorder()
        code = pytest_main([f"tests/{folder}", f"src/anticrossing/{folder}"], recorder)
        sys.settrace(None)
        known = {name: (recorder.seconds[name], sorted(c)) for name, c in recorder.calls.items()}
        return "" if code else json.dumps(known)

    def of(self, mutant: Mutant, effort: float) -> tuple[list[str], float]:
        """Return tests that call the changed function, shortest first, and their time.

        No more than take `effort` seconds together, but always one.
        """
        file = str(mutant.path.relative_to(ROOT))
        places = {f"{file}:{line}" for line in mutant.functions}
        found = sorted(
            (seconds, name)
            for name, (seconds, calls) in self.folders[mutant.path.parent.name]["calls"].items()
            if (places & set(calls) if places else any(c.startswith(f"{file}:") for c in calls))
        )
        total, names = 0.0, list[str]()
        for seconds, name in found:
            if names and total + seconds > effort:
                break
            total += seconds
            names.append(name)
        return names, total


def state_of(folder: str) -> str:
    """Return what changes with any line of a folder's code or tests."""
    files = [*(PACKAGE / folder).rglob("*.py"), *(ROOT / "tests" / folder).rglob("*.py")]
    texts = (hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files))
    return hashlib.sha256("".join(texts).encode()).hexdigest()


class Child:
    """A copy of this process, with its libraries, that does one thing and says one line."""

    running: ClassVar[set[int]] = set()

    def __init__(self, work: Callable[[], str], limit: float) -> None:
        self.deadline = time.monotonic() + limit
        self.said = ""
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            try:
                with os.fdopen(write, "w") as pipe:
                    pipe.write(work())
            finally:
                os._exit(0)
        self.running.add(self.pid)
        os.close(write)
        os.set_blocking(read, False)
        self.pipe = os.fdopen(read, "rb")

    def ended(self) -> bool:
        self.said += (self.pipe.read() or b"").decode()
        late = time.monotonic() > self.deadline
        if late:
            os.killpg(self.pid, signal.SIGKILL)
            self.said = UNDECIDED
        if os.waitpid(self.pid, 0 if late else os.WNOHANG)[0] == 0:
            return False
        self.running.discard(self.pid)
        self.said += (self.pipe.read() or b"").decode()
        self.pipe.close()
        return True

    @classmethod
    def end_all(cls, *_: object) -> None:
        for pid in cls.running:
            os.killpg(pid, signal.SIGKILL)
        os._exit(1)


def attempt(mutant: Mutant, tests: list[str]) -> str:
    """Run tests in this process with one change; return the first that fails."""
    module = ".".join(mutant.path.relative_to(SOURCE).with_suffix("").parts)

    class Changed(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType:
            return compile(mutant.after, self.path, "exec", dont_inherit=True)

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
            if name != module:
                return None
            loader = Changed(name, str(mutant.path))
            return importlib.util.spec_from_file_location(name, mutant.path, loader=loader)

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    try:  # before pytest does, which would take the file as it is
        importlib.import_module(module)
    except Exception:  # noqa: BLE001
        return "the module cannot be imported"
    chosen = Chosen(tests)
    code = pytest_main(sorted({name.split("::")[0] for name in tests}), chosen)
    if code > 1:  # a failure of pytest itself
        return UNDECIDED
    return chosen.failed or SURVIVED


@dataclass
class Results:
    """What became of each change, one line of JSON each."""

    path: Path
    known: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                r = json.loads(line)
                self.known[r["file"], r["change"]] = r["place"], r["noticed"]

    @staticmethod
    def key(mutant: Mutant) -> tuple[str, str]:
        return mutant.path.relative_to(ROOT).as_posix(), mutant.difference

    def add(self, mutant: Mutant, noticed: str) -> None:
        file, change = self.key(mutant)
        self.known[file, change] = mutant.place, noticed
        entry = {"place": mutant.place, "noticed": noticed, "file": file, "change": change}
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")

    def report(self) -> str:
        read = reasons()
        kept = {key: noticed for key, (_, noticed) in self.known.items()}
        lines = [
            f"{place}: {noticed}{' (read: ' + read[key] + ')' if key in read else ''}\n{key[1]}"
            for key, (place, noticed) in self.known.items()
            if noticed in (SURVIVED, UNDECIDED)
        ]
        survived = [key for key, noticed in kept.items() if noticed == SURVIVED]
        undecided = sum(noticed == UNDECIDED for noticed in kept.values())
        count, nothing = len(kept), sum(key in read for key in survived)
        killed = count - len(survived) - undecided
        lines.append(
            f"{killed} of {count} changes noticed ({100 * killed / max(count, 1):.0f} %), "
            f"{len(survived)} survived, of which {nothing} read and without a meaning, "
            f"{undecided} undecided"
        )
        return "\n".join(lines)


@functools.cache
def reasons() -> dict[tuple[str, str], str]:
    """Return the changes that change nothing that anybody may rely on, with the reason."""
    entries = tomllib.loads(READ.read_text())["survivor"] if READ.exists() else []
    return {(e["file"], f"    -{e['before']}\n    +{e['after']}"): e["reason"] for e in entries}


def run(mutants: list[Mutant], results: Results, jobs: int, limit: float, effort: float) -> None:
    tests = Tests(results.path.with_name("tests.json"))
    running: list[tuple[Mutant, Child]] = []
    while mutants or running:
        while mutants and len(running) < jobs:
            mutant = mutants.pop(0)
            tests.learn(mutant.path.parent.name)
            names, seconds = tests.of(mutant, effort)
            work = functools.partial(attempt, mutant, names) if names else lambda: SURVIVED
            running.append((mutant, Child(work, limit + 5 * seconds)))
        for mutant, child in [pair for pair in running if pair[1].ended()]:
            running = [pair for pair in running if pair[1] is not child]
            results.add(mutant, child.said or "pytest was killed")
            print(f"{mutant.place}: {child.said}", flush=True)
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds beyond the usual time")
    parser.add_argument("--effort", type=float, default=60.0, help="seconds of tests for a change")
    parser.add_argument("--only", default="", help="part of the names of the files to break")
    parser.add_argument("--list", action="store_true", help="show the changes, run nothing")
    parser.add_argument("--report", action="store_true", help="show what is known, run nothing")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "results" / "mutants", help="folder to keep them in"
    )
    given = parser.parse_args()
    results = Results(given.results / f"seed_{given.seed}.jsonl")
    if not given.report:
        mutants = [m for m in choose(given.count, given.seed) if given.only in str(m.path)]
        if given.list:
            print("\n".join(f"{mutant.place}\n{mutant.difference}" for mutant in mutants))
            return 0
        os.chdir(ROOT)
        sys.path.insert(0, str(SOURCE))
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        for name in LIBRARIES:
            importlib.import_module(name)
        left = [mutant for mutant in mutants if results.key(mutant) not in results.known]
        signal.signal(signal.SIGTERM, Child.end_all)
        signal.signal(signal.SIGINT, Child.end_all)
        run(left, results, given.jobs, given.limit, given.effort)
    print(results.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
