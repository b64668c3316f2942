"""Hostile calls: every public function, class and method with arguments that do not belong there.

``python -m fuzz.api --count 50000 --seed 1`` prints a line for each kind of failure, one that can
be pasted after ``import numpy as np, anticrossing as ac``, and a line of counts. Half of the calls
are examples of the documentation with an argument or two replaced, half are made from signatures.
A call may end in a value or in one line of the package's own errors; not in another exception, in
NaN or infinity without a warning, after ten seconds, or with two gibibytes more than it began with.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import doctest
import importlib
import inspect
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import anticrossing as ac

ROOT = Path(__file__).parents[1]
LONGEST = 10  # seconds
GRACE = 5.0  # seconds more until a call that does not heed the alarm is killed
MEMORY = 2 << 30
SLOW_EXAMPLE = 0.5  # seconds; examples that take longer are not used
HOSTILE = """0|-1|1.5|1e300|-1e300|1e-300|1e-200|1e200|5e-324|np.inf|-np.inf|np.nan|10**400|-10**400
10**6|10**9|2**63|True|None|1j|np.array([1+1j])|object()|...|b'a'|''|'a'|'1'|'x'|'x/0'|'x'*3000
'\\0'|{}|{'a': 1}|{1: 2}|[]|[1, 2]|[[1]]|(1,)|[None]|['a']|[[1, 2], [3]]|[[[1, 2]], 3]|range(3)
iter([1, 2])|np.zeros((2, 0))|np.array([.1, .2])|np.array(['a'])|np.array([np.nan, 1])|np.eye(2)
np.full((2, 2), 1e200)|np.zeros((1,) * 30)|np.datetime64(0, 's')|np.ma.array([1, 2], mask=[0, 1])
lambda *a, **k: None|lambda *a, **k: np.nan|lambda *a, **k: 'a'|np.array([None, 1])|-1e-300
[10**400]|[1e300, -1e300]|np.float32(3)|np.int64(2)|slice(None)|ac.models.LandauZener(gap=1.0)
ac.drive.Linear(-5, 5, rate=1.0)|ac.environment.Dephasing(0.1)|[[0, 1], [1, 0]]|set()|ac"""
MAY_DIVERGE = ("ac.thermodynamics.entropy_pro", "ac.thermodynamics.binary_relative_entropy(")
HOSTILE_VALUES = [text for line in HOSTILE.splitlines() for text in line.split("|")]
GOOD = {  # by a pattern in the annotation, then by nothing
    "Hamiltonian": [
        "ac.models.LandauZener(gap=0.5)",
        "ac.models.BowTie(slopes=[1, 0, -1], couplings=[.1, 0, .2])",
    ],
    "Drive": ["ac.drive.Linear(-5, 5, rate=1.0)", "ac.drive.Sinusoidal(0.0, 2.0, 1.0)"],
    "Environment": ["ac.environment.Dephasing(0.1)"],
    "SpectralDensity": [
        "ac.environment.spectral_density.Ohmic(reorganization_energy=0.1, cutoff=5.0)"
    ],
    "Callable|Function": ["lambda *a: a[0]", "lambda x: np.array([[x, .1], [.1, -x]])"],
    "bool": ["True", "False"],
    "int": ["1", "2", "3"],
    "str": ["'x'", "'a'"],
    "Array|Sequence": ["[0.3, 1.0]", "[[0, .1], [.1, 1]]", "0.3", "np.linspace(-1, 1, 5)", "2"],
    "": ["0.3", "1", "0.1", "2.0", "0.05", "50", "3"],
}


def public() -> dict[str, Any]:
    """Return what is public, by its dotted name."""
    found: dict[str, Any] = {}
    late = [thing for thing in (getattr(ac, n) for n in ac.__all__) if inspect.ismodule(thing)]
    for module in (ac, *late):
        names = getattr(module, "__all__", None) or [
            name
            for name, thing in vars(module).items()
            if name[0] != "_" and getattr(thing, "__module__", "") == module.__name__
        ]
        for name in names:
            thing = getattr(module, name)
            if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
                continue
            path = f"{module.__name__}.{name}".replace("anticrossing", "ac", 1)
            if thing in found.values():
                continue
            found[path] = thing
            if inspect.isclass(thing):
                for key, member in vars(thing).items():
                    if key[0] != "_" and isinstance(member, (classmethod, staticmethod)):
                        found[f"{path}.{key}"] = getattr(thing, key)
    return found


class Rename(ast.NodeTransformer):
    """Names of a module as names that are public; `lost` if there is one that is not."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.lost = False

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Store):
            self.names[node.id] = node.id
        elif node.id in self.names:
            return ast.copy_location(ast.parse(self.names[node.id], mode="eval").body, node)
        elif not hasattr(__builtins__, node.id) and node.id not in dir(__import__("builtins")):
            self.lost = True
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.names[node.arg] = node.arg
        return node


def examples(everything: dict[str, Any]) -> list[str]:
    """Return the examples of the documentation, in public names."""
    paths = {id(thing): path for path, thing in everything.items()}
    scripts = {}
    for thing in everything.values():
        members = vars(thing).values() if inspect.isclass(thing) else ()
        module = importlib.import_module(thing.__module__)
        names = {"np": "np", "ac": "ac"}
        for name, value in vars(module).items():
            if id(value) in paths:
                names[name] = paths[id(value)]
            elif inspect.ismodule(value) and value.__name__.startswith("anticrossing"):
                names[name] = value.__name__.replace("anticrossing", "ac", 1)
        for part in (thing, *members):
            source = "".join(
                example.source
                for example in doctest.DocTestParser().get_examples(inspect.getdoc(part) or "")
                if not re.match(r"import numpy as np|import anticrossing as ac", example.source)
            )
            rename = Rename(dict(names))
            tree = ast.parse(source)
            for node in ast.walk(tree):
                if isinstance(node, (ast.Lambda, ast.FunctionDef)):
                    rename.names |= {a.arg: a.arg for a in ast.walk(node) if type(a) is ast.arg}
                    if isinstance(node, ast.FunctionDef):
                        rename.names[node.name] = node.name
            for node in ast.walk(tree):
                if isinstance(node, ast.comprehension):
                    stores = [n for n in ast.walk(node.target) if isinstance(n, ast.Name)]
                    rename.names |= {n.id: n.id for n in stores}
            text = ast.unparse(rename.visit(tree))
            if text and not rename.lost and "import" not in text:
                scripts[text] = None
    return list(scripts)


def calls_in(tree: ast.AST) -> list[ast.Call]:
    """Return the calls with arguments, of public names and of methods."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and (n.args or n.keywords)]
    own = [n for n in found if isinstance(n.func, ast.Attribute)]
    own = [n for n in own if n.func.attr not in dir(np.ndarray)]
    return [n for n in own if "np." not in ast.unparse(n.func)]


class Generator:
    """Lines of Python that call something public."""

    def __init__(self, seed: int, scripts: list[tuple[str, float]]) -> None:
        self.rng = np.random.default_rng(seed)
        self.everything = {
            path: (thing, signature)
            for path, thing in public().items()
            if (signature := signature_of(thing)) is not None
        }
        self.scripts = [text for text, _ in scripts]
        weights = np.array([1 / (0.02 + seconds) for _, seconds in scripts])
        self.weights = weights / weights.sum()
        self.known: dict[str, list[str]] = {}
        for text in self.scripts:
            for call in calls_in(ast.parse(text)):
                for keyword in call.keywords:
                    names = {n.id for n in ast.walk(keyword.value) if isinstance(n, ast.Name)}
                    if keyword.arg and names <= {"ac", "np"}:
                        value = ast.unparse(keyword.value)
                        self.known.setdefault(keyword.arg, []).append(value)

    def choose(self, options: list[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def value(self, name: str, annotation: str, hostile: float) -> str:
        if self.rng.random() < hostile:
            return self.choose(HOSTILE_VALUES)
        if name in self.known and self.rng.random() < 0.7:
            return self.choose(self.known[name])
        fitting = [values for pattern, values in GOOD.items() if re.search(pattern, annotation)]
        return self.choose(fitting[0])

    def from_signature(self) -> str:
        path = self.choose(list(self.everything))
        arguments = []
        hostile = self.choose(["0.1", "0.3"])
        for parameter in self.everything[path][1].parameters.values():
            name, kind = parameter.name, parameter.kind
            if kind is parameter.VAR_KEYWORD:
                continue
            if parameter.default is not parameter.empty and self.rng.random() < 0.7:
                continue
            text = self.value(name, str(parameter.annotation), float(hostile))
            by_name = kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            arguments.append(f"{name}={text}" if by_name else text)
        return f"{path}({', '.join(arguments)})"

    def from_example(self) -> str:
        text = self.scripts[int(self.rng.choice(len(self.scripts), p=self.weights))]
        tree = ast.parse(text)
        calls = calls_in(tree)
        if not calls:
            return text
        for _ in range(int(self.rng.integers(1, 3))):
            call = calls[int(self.rng.integers(len(calls)))]
            places = [*enumerate(call.args), *((k, k.value) for k in call.keywords)]
            place, _ = places[int(self.rng.integers(len(places)))]
            name = place.arg or "" if isinstance(place, ast.keyword) else ""
            new = ast.parse(self.value(name, "", 0.85), mode="eval").body
            if isinstance(place, ast.keyword):
                place.value = new
            else:
                call.args[place] = new
            known = self.everything.get(ast.unparse(call.func))
            if known is not None and self.rng.random() < 0.2:
                used = {k.arg for k in call.keywords}
                more = [
                    p
                    for p in known[1].parameters.values()
                    if p.kind is p.KEYWORD_ONLY and p.name not in used
                ]
                if more:
                    extra = more[int(self.rng.integers(len(more)))]
                    given = self.value(extra.name, str(extra.annotation), 0.5)
                    value = ast.parse(given, mode="eval").body
                    call.keywords.append(ast.keyword(arg=extra.name, value=value))
        return ast.unparse(ast.fix_missing_locations(tree))

    def line(self) -> str:
        return self.from_example() if self.rng.random() < 0.5 else self.from_signature()


def signature_of(thing: Any) -> inspect.Signature | None:
    """Return how to call a thing, if it can be called."""
    if "__call__" in vars(type(thing)) and getattr(thing, "__init__", None) is object.__init__:
        return None  # an unchanging class, made by its class methods alone
    try:
        return inspect.signature(thing)
    except (TypeError, ValueError):
        return None


class Hang(BaseException):
    """The alarm went off."""


def infinite(result: Any) -> bool:
    """Return whether a number that was computed is NaN or infinite, and nothing says so."""
    if isinstance(result, ac.formulas.Prediction):
        result = 0.0 if result.warnings else result.value
    if not isinstance(result, (float, complex, np.ndarray, np.number)):
        return False
    return np.asarray(result).dtype.kind in "fc" and not bool(np.all(np.isfinite(result)))


def examine(text: str) -> tuple[str, str, str]:
    """Run a line: what came of it, where, and what was said."""
    names = {"np": np, "ac": ac, "print": lambda *_, **__: None}
    tree = ast.parse(text)
    last = tree.body[-1]
    line = ast.unparse(last)
    try:
        if isinstance(last, ast.Expr):
            tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], last.value)
        exec(compile(ast.fix_missing_locations(tree), "<call>", "exec"), names)  # noqa: S102
    except ac.AnticrossingError as error:
        return ("two lines" if "\n" in str(error) else "refused"), "", str(error)
    except Hang as error:
        return "hang", _place(error)[1], ""
    except OSError as error:  # documented for files that cannot be read or written
        return "refused", "", str(error)
    except MemoryError as error:
        return "memory", _place(error)[1], str(error)
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        inside, place = _place(error)
        kind = f"{type(error).__name__}"
        return (kind if inside else "outside"), place, str(error)
    with contextlib.suppress(Exception):  # of results that were made from nonsense
        # NumPy may make infinities of what is finite here.
        if line.startswith("ac.") and infinite(names["_"]) and not line.startswith(MAY_DIVERGE):
            return "silent", text.split("(")[0], str(names["_"])
    return "value", "", ""


def _place(error: BaseException) -> tuple[bool, str]:
    """Return whether the package raised it, not the line itself, and where it did."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename == "<call>" or "anticrossing" in f.filename]
    if isinstance(error, TypeError) and ours[-1].filename.endswith(
        ("_public.py", "_unchanging.py")
    ):
        ours = ours[:1]  # missing and unknown arguments are left to Python
    where = ours[-1] if ours else frames[-1]
    return where.filename != "<call>", f"{Path(where.filename).name}:{where.lineno} {where.name}"


def work() -> None:
    """Run the lines of standard input."""
    answers = os.fdopen(os.dup(1), "w")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    warnings.simplefilter("ignore")
    public()
    import matplotlib.pyplot as plt

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))

    def alarm(*_: Any) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, alarm)
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        signal.alarm(LONGEST)
        try:
            answer = examine(json.loads(line))
            signal.alarm(0)
            plt.close("all")
        except Hang:
            answer = ("hang", "", "")
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Worker:
    """A process that runs lines, started anew when it is lost."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="fuzz-api-", ignore_cleanup_errors=True)
        self.process: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-c", "from fuzz.api import work; work()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder.name,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1",
                 "MPLBACKEND": "Agg"},
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def run(self, text: str) -> tuple[str, str, str]:
        self.process = self.process or self._start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(text) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], LONGEST + GRACE)
        answer = self.process.stdout.readline() if ready else ""
        if answer:
            return tuple(json.loads(answer))
        self.close()
        return ("crash" if ready else "hang"), text.split("(")[0], ""

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            self.process = None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=25.0, help="stop after as many")
    parser.add_argument("--only", default="", help="a pattern in the line")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    worker = Worker()
    scripts = []
    for text in examples(public()):
        began = time.monotonic()
        kind, place, what = worker.run(text)
        if kind != "value":
            print(f"not usable as an example ({kind} {place} {what}): {text!r}")
        elif (seconds := time.monotonic() - began) < SLOW_EXAMPLE:
            scripts.append((text, seconds))
    generator = Generator(options.seed, scripts)
    tally: Counter[str] = Counter()
    bad: dict[tuple[str, str], str] = {}
    count = 0
    while count < options.count and time.monotonic() < end:
        text = generator.line()
        if not re.search(options.only, text):
            continue
        count += 1
        kind, place, what = worker.run(text)
        fine = kind in ("value", "refused", "outside")
        tally[kind if fine else "failed"] += 1
        if not fine and (kind, place) not in bad:
            bad[kind, place] = text
            print(f"{kind} in {place}: {what[:100]!r}\n    {text!r}", flush=True)
    worker.close()
    counts = ", ".join(f"{number} {name}" for name, number in sorted(tally.items()))
    print(
        f"api: {count} calls of {len(generator.everything)} names and {len(scripts)} examples, "
        f"{counts or 'none'}, {len(bad)} kinds of failure"
    )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
