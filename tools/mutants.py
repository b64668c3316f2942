"""Break the numerical code in one random place at a time, and see whether the tests notice.

    python tools/mutants.py --count 200 --seed 0

The files stay as they are: the process that runs the tests compiles the changed text in place of
one module, so nothing has to be put back and compiled kernels stay valid. Each change is run
against the test file of the same name, then against its whole folder. A survivor is a gap in the
tests or a change that changes nothing (a tolerance, a first guess, a limit of iterations): read it.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.machinery
import importlib.util
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "anticrossing"
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


UNDECIDED = "no end"  # an endless loop, or a busy machine


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
        elif isinstance(node.value, int):
            for value in (node.value + 1, node.value - 1):
                self.add(self.begin(node), self.end(node), f"({value})")
        elif isinstance(node.value, float):
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

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave messages alone."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave words alone."""

    def visit_Call(self, node: ast.Call) -> None:
        if not (isinstance(node.func, ast.Name) and node.func.id in PROSE):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                self.visit(argument)
            self.visit(node.func)


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


def mirrors(path: Path) -> Iterator[Path]:
    """Yield the tests that ought to notice: the file of the same name, then its folder."""
    folder = ROOT / "tests" / path.parent.relative_to(PACKAGE)
    own = folder / f"test_{path.stem.lstrip('_')}.py"
    if own.exists():
        yield own
    yield folder


def run(mutant: Mutant, limit: float) -> str | None:
    """Return how the tests noticed, or None."""
    for tests in mirrors(mutant.path):
        place = f"{mutant.path}:{mutant.start}:{mutant.stop}:{mutant.replacement}"
        command = [sys.executable, __file__, "--apply", place, str(tests)]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{UNDECIDED} within {limit:g} s"
        if done.returncode != 0:
            failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            return failed[0] if failed else f"pytest ended with {done.returncode}"
    return None


class Changed(importlib.machinery.SourceFileLoader):
    """Load one module from other text than its file holds."""

    text: bytes

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


def apply(place: str, tests: list[str]) -> int:
    """Run tests in this process with one change."""
    path, start, stop, replacement = place.split(":", 3)
    mutant = Mutant(Path(path), int(start), int(stop), replacement)
    module = ".".join(mutant.path.relative_to(SOURCE).with_suffix("").parts)

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
            if name != module:
                return None
            loader = Changed(name, path)
            loader.text = mutant.after
            return importlib.util.spec_from_file_location(name, path, loader=loader)

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]
    import pytest

    return pytest.main(["-q", "-x", "-m", "not slow", "-p", "no:xdist", "--tb=no", *tests])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for a run of tests")
    parser.add_argument("--only", default="", help="part of the names of the files to break")
    parser.add_argument("--list", action="store_true", help="show the changes, run nothing")
    parser.add_argument("--apply", help=argparse.SUPPRESS)
    parser.add_argument("tests", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.apply:
        return apply(given.apply, given.tests)
    mutants = [m for m in choose(given.count, given.seed) if given.only in str(m.path)]
    if given.list:
        for mutant in mutants:
            print(f"{mutant.path.relative_to(ROOT)}:{mutant.line}\n{mutant.difference}")
        return 0
    began, survivors, undecided = time.monotonic(), 0, 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutant, noticed in zip(
            mutants, pool.map(lambda m: run(m, given.limit), mutants), strict=True
        ):
            survivors += noticed is None
            undecided += (noticed or "").startswith(UNDECIDED)
            print(f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {noticed or 'SURVIVED'}")
            if noticed is None:
                print(mutant.difference, flush=True)
    count = len(mutants) - survivors - undecided
    share = 100 * count / max(len(mutants), 1)
    print(
        f"{count} of {len(mutants)} changes noticed ({share:.0f} %), {survivors} survived, "
        f"{undecided} undecided; seed {given.seed}, {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
