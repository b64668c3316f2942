"""Models that others have published in the files of their programs: read, and energies compared.

    python -m tests.models.public_files FOLDER [--sharc FOLDER]

looks through a folder, such as one with clones of sharc-md/sharc, sharc-md/sharc4, schnarc/SchNarc,
bjb2chen/VEmodel and ral9000/VibronicTrotterMCTDH on GitHub, none of which comes with this package.
Every different template of SHARC and every operator file of MCTDH and Quantics must be read, or
refused in one line; H at the reference and displaced must have the energies that parsers written
here find in the file, and where outputs of the programs are beside (`output.dat` of a trajectory,
`op.log`), their energies and parameters too. ``--sharc`` names a folder with `bin` and `lib` of
SHARC 4, whose own code then computes the energies as well.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import logging
import math
import operator
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from anticrossing import InputError
from anticrossing.models import SharcModel, read_operator, read_sharc

ENERGIES = 1e-8  # hartree
_TEMPLATE = re.compile(r"^\s*epsilon\s*\n\s*\d+\s*\n\s*\d+\s+\d+\s+[-+\d.]", re.I | re.M)
_EV = 27.211386245988
_OLDER = _EV / 27.21138386  # CODATA 2018 and 2006
_CM = 219474.6313632
_ELECTRONS = 1822.888486209
_FUNCTIONS = ("sin", "cos", "exp", "tan")
_OPERATIONS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


def vibronic_matrix(template: str, reference: str, Q: np.ndarray) -> np.ndarray:
    """Return H of a SHARC template at Q of all 3n modes, from its numbers alone."""
    atoms = reference.lower().split("frequencies")[0].strip().splitlines()[1:]
    omega = np.array(reference.lower().split("frequencies")[1].split()[: 3 * len(atoms)], float)
    lines = [line.split("#")[0] for line in template.splitlines()]
    lines = [line for line in lines if line.strip()][1:]
    states = [int(word) for word in lines[0].split()]
    size = sum((m + 1) * n for m, n in enumerate(states))
    H = np.zeros((size, size), complex)

    def add(multiplicity: int, i: int, j: int, value: float) -> None:
        first = sum((m + 1) * n for m, n in enumerate(states[: multiplicity - 1]))
        for k in range(multiplicity):
            a, b = (first + k * states[multiplicity - 1] + s - 1 for s in (i, j))
            H[a, b] += value
            if a != b:
                H[b, a] += value

    for at, line in enumerate(lines):
        name = line.strip()
        if name in ("SOC R", "SOC I"):
            rows = np.array([row.split() for row in lines[at + 1 : at + 1 + size]], float)
            H += rows * (1j if name[-1] == "I" else 1)
        elif name in ("epsilon", "eta", "kappa", "lambda", "gamma", "lambda_soc"):
            for entry in lines[at + 2 : at + 2 + int(lines[at + 1])]:
                *words, value = entry.split()
                if name == "lambda_soc":
                    a, b, mode = (int(word) - 1 for word in words[:3])
                    z = float(value) * Q[mode] * (1j if words[3] == "I" else 1)
                    H[a, b] += z
                    H[b, a] += np.conj(z)
                    continue
                m, *rest = map(int, words)
                pair = 1 if name in ("epsilon", "kappa") else 2
                modes = [Q[mode - 1] for mode in rest[pair:]]
                add(m, rest[0], rest[pair - 1], float(value) * math.prod(modes))
    return H + 0.5 * np.sum(omega * Q**2) * np.eye(size)


def _value(text: str, names: Mapping[str, complex]) -> complex:
    """Return the value of an expression."""
    python = re.sub(r"(?<![\w.])(\d+\.?\d*|\.\d+)[dD](?=[-+\d])", r"\1e", text).replace("^", "**")

    def walk(node: ast.expr) -> complex:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=one):
                return -walk(one)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATIONS[type(op)](walk(left), walk(right))
        raise ValueError(f"{text} is no expression")

    return walk(ast.parse(python.strip(), mode="eval").body)


def operator_matrix(text: str, q: np.ndarray) -> np.ndarray:
    """Return the potential of an operator file at q, from its numbers alone."""
    units = {
        "ev": 1 / _EV,
        "mev": 1e-3 / _EV,
        "cm-1": 1 / _CM,
        "au": 1.0,
        "amu": _ELECTRONS,
        "": 1.0,
    }
    names: dict[str, complex] = {"I": 1j}

    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    section, terms, modes = "", [], []
    for line in filter(None, lines):
        if re.fullmatch(r"(?i)[a-z_]+-section\w*", line):
            section = "" if line.lower().startswith("end-") else line.lower()
        elif section == "parameter-section" and "=" in line:
            name, right = (part.strip() for part in line.split("=", 1))
            number, _, unit = right.partition(",")
            names[name] = _value(number, names) * units[unit.strip().lower()]
        elif section == "hamiltonian-section" and "|" in line and line.strip("-|+ "):
            first, *columns = (part.strip() for part in line.split("|"))
            if first == "modes":
                modes += [column for column in columns if column]
            elif re.match(r"\d+ ", columns[0]):
                numbered = [column.split(None, 1) for column in columns]
                terms.append((first, {modes[int(k) - 1]: text for k, text in numbered}))
            else:
                terms.append((first, dict(zip(modes, columns, strict=False))))
    place = dict(
        zip([mode for mode in modes if mode.lower() not in ("el", "time")], q, strict=True)
    )
    pairs = [
        re.findall(r"\d+", text) if "&" in (text := of.get("el", "")) else [] for _, of in terms
    ]
    size = max([1, *(int(k) for pair in pairs for k in pair)])
    H = np.zeros((size, size), complex)
    for (first, of), pair in zip(terms, pairs, strict=True):
        parts = {mode: text for mode, text in of.items() if mode in place}
        if re.search(r"(?i)\bKE\b|dq", " ".join(parts.values())) or "Time" in of or "time" in of:
            continue
        factor = _value(first, names)
        for mode, text in parts.items():
            if text not in ("1", ""):
                x = place[mode]
                factor *= _value(text, {"q": x} | {f: getattr(math, f)(x) for f in _FUNCTIONS})
        if not pair:
            H += factor * np.eye(size)
            continue
        i, j = (int(k) - 1 for k in pair)
        H[i, j] += factor
        if i != j and of["el"][0] == "S":
            H[j, i] += factor
    return H


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvalsh(one) - np.linalg.eigvalsh(other)).max())


def template_errors(model: SharcModel, template: Path, reference: Path) -> dict[str, float]:
    """Return how far the energies of a model are from what the files and outputs say."""
    kept = np.flatnonzero(model.frequencies > 1e-10)
    rng = np.random.default_rng(1)
    found = {"numbers": 0.0}
    for scale in (0.0, 0.7, 3.0):
        Q = np.zeros(len(model.frequencies))
        Q[kept] = scale * rng.normal(size=kept.size)
        own = vibronic_matrix(template.read_text(), reference.read_text(), Q)
        found["numbers"] = max(found["numbers"], _apart(own, model.hamiltonian(Q[kept])))
    results = Path(str(template.parents[1]).replace("INPUT", "RESULTS")) / "output.dat"
    if "pysharc" in str(results) and results.is_file():
        found["trajectory"] = _trajectory_error(model, results.read_text())
    return found


def _trajectory_error(model: SharcModel, text: str) -> float:
    """Return the largest error of energies without spin–orbit coupling along a trajectory.

    The program leaves out couplings of states that a run keeps frozen.
    """
    worst = 0.0
    parts = re.split(r"! (\d+) [^\n]*\n", text.split("End of header array data", 1)[1])
    size = model.hamiltonian.dimension
    energies = np.zeros(size)
    for kind, body in zip(parts[1::2], parts[2::2], strict=True):
        if kind == "1":
            energies = np.diag(np.array(body.split(), float).reshape(size, size, 2)[..., 0])
        elif kind == "11":
            atoms = np.array(body.split(), float).reshape(-1, 3)
            H, first = model.hamiltonian(model.coordinates(atoms)), 0
            for multiplicity, states in enumerate(model.states, start=1):
                for _ in range(multiplicity):
                    block = slice(first, first + states)
                    levels = np.linalg.eigvalsh(H[block, block])
                    worst = max(worst, float(np.abs(levels - energies[block]).max(initial=0.0)))
                    first += states
    return worst


def sharc_error(model: SharcModel, template: Path, reference: Path) -> float:
    """Return how far the energies are from SHARC 4's own code, at two geometries."""
    SHARC_LVC = importlib.import_module("SHARC_LVC").SHARC_LVC
    text = template.read_text()
    states = " ".join(map(str, model.states))
    charge = re.search(r"(?m)^charge(.*)$", text)
    charges = charge[1] if charge else " ".join(str(m % 2) for m in range(len(model.states)))
    rng = np.random.default_rng(2)
    worst = 0.0
    for scale in (0.0, 0.7):
        Q = scale * rng.normal(size=len(model.hamiltonian.coordinates))
        atoms = model.cartesian(Q)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "LVC.template").write_text(
                f"{reference.absolute()}\n{text.split(chr(10), 1)[1]}"
            )
            rows = [f"{e} {x:.14f} {y:.14f} {z:.14f}"
                    for e, (x, y, z) in zip(model.elements, atoms, strict=True)]  # fmt: skip
            more = f"unit bohr\nstates {states}\ncharge {charges}\nstep 0\nsavedir {name}\nSOC\n"
            (folder / "QM.in").write_text("\n".join([str(len(rows)), "", *rows, more]))
            program = SHARC_LVC()
            program.log.setLevel(logging.CRITICAL)
            program.setup_mol(str(folder / "QM.in"))
            program._read_resources = True
            program.read_template(str(folder / "LVC.template"))
            program.setup_interface()
            program.QMin.coords["coords"] = atoms
            program.read_requests({"soc": True, "h": True})
            program.QMin.save["step"] = 1  # at step 0 it wants a geometry near the reference
            program.run()
            found = program.QMout.h
        worst = max(worst, _apart(found, model.hamiltonian(model.coordinates(atoms))))
    return worst


def operator_errors(path: Path) -> dict[str, float]:
    """Return how far an operator file's energies are from its own numbers and from `op.log`."""
    model = read_operator(path)
    text = path.read_text(errors="replace")
    rng = np.random.default_rng(3)
    found = {"numbers": 0.0}
    for scale in (0.0, 1.0):
        q = scale * rng.normal(size=len(model.masses))
        found["numbers"] = max(
            found["numbers"], _apart(operator_matrix(text, q), model.hamiltonian(q))
        )
    log = path.parent / "op.log"
    if log.is_file() and (listed := log.read_text().partition("\n  Parameters")[2]):
        from anticrossing.models._operator_text import parse

        rows = re.findall(r"^(\w+) +([-+.\dE]+) *$", listed, re.M)
        logged = {name: float(value) for name, value in rows}
        ours = parse(path).parameters
        common = logged.keys() & ours.keys()
        both = np.array([[logged[name], ours[name]] for name in common]).T
        # energies in eV differ by the program's older value of the unit
        found["op.log"] = float(np.minimum(*np.abs(both[0] - np.outer([1, _OLDER], both[1]))).max())
    return found


def _nearest(template: Path, references: list[Path]) -> list[Path]:
    """Return the references of a template, the likeliest first."""
    first = template.read_text(errors="replace").split("\n", 1)[0]
    named = os.path.basename(first.strip())

    def far(path: Path) -> tuple[bool, int]:
        return path.name != named, -len(os.path.commonpath([path, template]))

    return sorted(references, key=far)


def look_through(folder: Path, *, sharc: bool = False) -> Counter[str]:
    """Print a line for each different file, and count what was read, refused and wrong."""
    count: Counter[str] = Counter()
    seen: set[str] = set()
    templates, references, operators = [], [], []
    # of files that are the same, those first whose output the program wrote without rounded files
    for path in sorted(folder.rglob("*"), key=lambda path: ("pysharc" not in str(path), path)):
        if not path.is_file() or path.stat().st_size > 3_000_000 or path.suffix in (".py", ".rst"):
            continue
        text = path.read_text(errors="replace")
        if text.lower().lstrip().startswith("geometry") and "requencies" in text:
            references.append(path)
        elif hashlib.sha1(text.encode()).hexdigest() in seen:
            continue
        elif _TEMPLATE.search(text):
            templates.append(path)
        elif path.suffix == ".op":
            operators.append(path)
        seen.add(hashlib.sha1(text.encode()).hexdigest())
    for kind, paths in (("template", templates), ("operator", operators)):
        for path in paths:
            where = path.relative_to(folder)
            try:
                if kind == "operator":
                    errors = operator_errors(path)
                else:
                    model, reference = _read_template(path, _nearest(path, references))
                    errors = template_errors(model, path, reference)
                    if sharc:
                        errors["SHARC"] = sharc_error(model, path, reference)
            except InputError as error:
                count[f"{kind} refused"] += 1
                print(f"{where}: refused: {str(error).removeprefix(str(path))}")
                continue
            count[f"{kind} read"] += 1
            count["wrong"] += any(not error < ENERGIES for error in errors.values())
            count.update(f"{kind} against {name}" for name in errors if name != "numbers")
            print(f"{where}: " + ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    return count


def _read_template(path: Path, references: list[Path]) -> tuple[SharcModel, Path]:
    first: InputError | None = None
    for reference in references[:20]:
        try:
            return read_sharc(path, reference), reference
        except InputError as error:
            first = first or error
    raise first or InputError(f"{path} has no reference.")


if __name__ == "__main__":
    own = "--sharc" in sys.argv
    if own:
        program = Path(sys.argv[sys.argv.index("--sharc") + 1])
        sys.path[:0] = [str(program / "bin"), str(program / "lib")]
    total = look_through(Path(sys.argv[1]), sharc=own)
    print(", ".join(f"{name} {number}" for name, number in sorted(total.items()) if number))
    sys.exit(bool(total["wrong"]))
