"""Random paths through random Hamiltonians of several coordinates, in plain Python beside ours."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.drive import Drive, Formula, Linear, Path, Piecewise, Sinusoidal

Scalar = Callable[[float], float]

COEFFICIENTS: dict[str, Callable[[dict[str, float]], float]] = {
    "x": lambda q: q["x"],
    "y": lambda q: q["y"],
    "z": lambda q: q["z"],
    "x*y": lambda q: q["x"] * q["y"],
    "sin(x + 0.3)": lambda q: math.sin(q["x"] + 0.3),
    "tanh(2*y)": lambda q: math.tanh(2 * q["y"]),
    "exp(-z**2)": lambda q: math.exp(-(q["z"] ** 2)),
    "sqrt(1 + x**2 + y**2)": lambda q: math.sqrt(1 + q["x"] ** 2 + q["y"] ** 2),
    "0.4": lambda q: 0.4,
}


@dataclass(frozen=True)
class Case:
    """A Hamiltonian, a path, and both once more in plain Python."""

    hamiltonian: ac.Hamiltonian
    path: Path
    terms: list[tuple[Callable[[dict[str, float]], float], np.ndarray]]
    scalars: dict[str, Scalar]

    def propagator(self) -> np.ndarray[Any, Any]:
        """Return U by DOP853, from breakpoint to breakpoint."""
        matrices = np.stack([matrix for _, matrix in self.terms])
        size = matrices.shape[-1]
        flat = matrices.reshape(len(self.terms), -1)

        def slope(t: float, y: np.ndarray) -> np.ndarray:
            q = {name: scalar(t) for name, scalar in self.scalars.items()}
            weights = np.array([f(q) for f, _ in self.terms])
            h = (weights @ flat).reshape(size, size)
            return -1j * (h @ y.reshape(size, size)).ravel()

        edges = [float(self.path.start_time), *self.path.breakpoints, float(self.path.stop_time)]
        state = np.eye(size, dtype=complex).ravel()
        for left, right in itertools.pairwise(edges):
            inside = np.nextafter(right, left)  # a kink belongs to the segment before it
            solved = solve_ivp(slope, (left, inside), state, "DOP853", rtol=1e-12, atol=1e-13)
            state = solved.y[:, -1]
        return state.reshape(size, size)


def random_case(seed: int, *, vary: bool = False) -> Case:
    """Return N = 2 … 6 levels and two or three coordinates, moved by drives of every kind."""
    rng = np.random.default_rng(seed)
    size, count = int(rng.integers(2, 7)), int(rng.integers(2, 4))
    names = "xyz"[:count]
    usable = [
        text for text in COEFFICIENTS if not set(text.replace("exp", "")) & set("xyz"[count:])
    ]
    texts = [names[0], names[1]]
    texts += list(rng.choice(usable, size=3, replace=False))
    matrices = []
    for _ in texts:
        raw = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
        matrices.append((raw + raw.conj().T) / (2 * math.sqrt(size)))
    h = ac.Hamiltonian.from_terms(list(zip(texts, matrices, strict=True)), coordinates=tuple(names))
    length = float(rng.uniform(4, 9))
    start = float(rng.uniform(-3, 1))
    kinds = list(rng.permutation(5)[:count])
    drives: dict[str, Any] = {}
    scalars: dict[str, Scalar] = {}
    for name, kind in zip(names, kinds, strict=True):
        drives[name], scalars[name] = _drive(int(kind), rng, start, start + length)
    path = Path(**drives)
    return Case(
        h, path, list(zip([COEFFICIENTS[t] for t in texts], matrices, strict=True)), scalars
    )


def _drive(
    kind: int, rng: np.random.Generator, start: float, stop: float
) -> tuple[Drive | float, Scalar]:
    a, b, c = (float(v) for v in rng.uniform(-1.5, 1.5, 3))
    middle, length = (start + stop) / 2, stop - start
    if kind == 0:
        rate = b if abs(b) > 0.1 else 0.7
        return (Linear(rate * start, rate * stop, rate=rate), lambda t: rate * t)
    if kind == 1:
        omega = 1.0 + abs(c)
        return (
            Sinusoidal(a, b, omega, start_time=start, stop_time=stop, phase=c),
            lambda t: a + b * math.cos(omega * t + c),
        )
    if kind == 2:
        width = length * float(rng.uniform(0.05, 0.3))
        return (
            Formula(
                "a*exp(-(t - m)**2/w**2) + b*tanh((t - m)/w)",
                start, stop, a=a, b=b, m=middle, w=width,
            ),
            lambda t: (
                a * math.exp(-((t - middle) ** 2) / width**2) + b * math.tanh((t - middle) / width)
            ),
        )  # fmt: skip
    if kind == 3:
        inner = np.sort(rng.uniform(start, stop, 3))
        times = np.array([start, *inner, stop])
        values = rng.uniform(-1.5, 1.5, 5)
        return Piecewise(times, values), lambda t: float(np.interp(t, times, values))
    return a, lambda t: a
