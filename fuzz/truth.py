"""Error estimates against the truth, on random problems that an independent integrator solves.

``python -m fuzz.truth --count 5000 --seed 0`` prints one line; it fails if an exact answer is off
by more than three times its error estimate and says nothing. The reference is SciPy's DOP853 where
something happens, told by the generator where that is, and matrix exponentials where H stands
still; how far it can be trusted is measured by the norm it loses.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate
import scipy.linalg

import anticrossing as ac

BAD = "silent", "nan", "raised"
MOST = 3.0  # times the estimate
_UNIT = 2.2e-16
KINDS, SHARES = ("closed", "open", "periodic", "fermions"), (0.5, 0.2, 0.15, 0.15)

Matrix = np.ndarray[Any, Any]


@dataclass
class Problem:
    """H = A + f(t) B + offset, what surrounds it, and where f moves."""

    kind: str
    constant: Matrix
    slope: Matrix
    formula: str
    parameters: dict[str, float]
    window: tuple[float, float]
    busy: tuple[tuple[float, float], ...]
    step: float
    offset: float
    jump: Matrix | None
    jump_formula: str
    tolerance: float

    def function(self, formula: str) -> Callable[[float], float]:
        """Return a formula in t as a Python function."""
        names = {**vars(math), "cosh": np.cosh, "exp": np.exp, **self.parameters}
        return eval(f"lambda t: {formula}", names)  # noqa: S307


def draw(rng: np.random.Generator, kind: str) -> Problem:
    """Return a random problem of one kind."""
    levels = 2 if rng.random() < 0.4 else int(rng.integers(3, 9))
    if kind in ("open", "periodic"):
        levels = min(levels, 3)
    complex_part = 1j * rng.normal(size=(levels, levels)) if rng.random() < 0.3 else 0.0
    a = rng.normal(size=(levels, levels)) + complex_part
    a = 0.3 * (a + a.conj().T) * 10 ** rng.uniform(-1.5, 0.3)
    b = rng.normal(size=(levels, levels))
    b = 0.5 * (b + b.T)
    shape = str(rng.choice(["sweep", "pulse", "tanh", "cosine", "tail"]))
    if shape == "sweep":
        # Levels that move against each other, coupled by a constant.
        b = np.diag(np.sort(rng.normal(size=levels)))
        rate = 10 ** rng.uniform(-1.0, 1.0)
        span = np.sqrt(rng.uniform(20, 150) / rate)
        formula, parameters = "rate*t", {"rate": float(rate)}
        window, busy, step = (-span, span * rng.uniform(0.2, 1)), ((-span, span),), 0.3 / span
    elif shape in ("pulse", "tail"):
        # Levels stand still, and are coupled by a pulse far shorter than the window, or by the
        # tails of one that reach below the smallest double.
        width = 10 ** rng.uniform(-6, -1.5) if shape == "pulse" else 10 ** rng.uniform(-1.9, -1.3)
        length = 1 / width
        at = float(rng.uniform(0.03, 0.97) * length)
        form, reach = [
            ("height*exp(-(t-at)**2/2)", 40.0),
            ("height/cosh(t-at)", 45.0),
            ("height*(tanh(4*(t-at))-tanh(4*(t-at-1.5)))", 14.0),
            ("height*exp(-(t-at)**2/2)*cos(3*(t-at))", 40.0),
            ("height*exp(-(t-at)**4)", 8.0),
        ][int(rng.integers(5))]
        step = 0.25
        others = rng.spawn(1)[0]  # forms that came later, and change no problem of a known number
        if others.random() < 0.4:
            form, reach, step = [
                ("height/(1+(t-at)**2)**12", 40.0, 0.25),
                ("height*exp(-(t-at)**16)", 40.0, 0.1),
                ("height*exp(-sqrt((t-at)**2+0.0001))", 45.0, 0.01),
                ("height*log(1+exp(-(t-at)**2/2))", 40.0, 0.25),
                ("height*exp(-(t-at)**2/2)*cos(2*(t-at)**2)", 40.0, 0.05),
                ("height*(exp(-(t-at)**2/2)+exp(-(t-at-9)**2/0.005))", 40.0, 0.02),
            ][int(others.integers(6))]
        a = np.diag(np.sort(rng.normal(size=levels))) * rng.choice([0.0, 0.1, 1.0])
        formula, parameters = form, {"height": float(rng.uniform(0.3, 3)), "at": at}
        window = (0.0, length)
        busy = ((at - reach, at - 3), (at - 3, at), (at, at + 3), (at + 3, at + reach))
    elif shape == "tanh":
        width = 10 ** rng.uniform(-4, 0)
        formula = "height*tanh((t-at)/width)"
        parameters = {"height": float(rng.uniform(0.3, 3)), "at": float(rng.uniform(-15, 15))}
        parameters["width"] = float(width)
        at = parameters["at"]
        window, step = (-20.0, 20.0), min(0.3 * width, 0.3)
        busy = ((at - 20 * width, at), (at, at + 20 * width))
    else:
        omega = float(rng.uniform(0.2, 4))
        formula = "height*cos(omega*t)+bias"
        parameters = {"height": float(rng.uniform(0.3, 4)), "omega": omega}
        parameters["bias"] = float(rng.normal())
        window, step = (0.0, float(2 * np.pi / omega * rng.integers(1, 4))), 0.3
        busy = (window,)
    jump, jump_formula = None, "1"
    if kind in ("open", "periodic"):
        jump = rng.normal(size=(levels, levels)) * 0.3
        if rng.random() < 0.5:
            jump = np.diag(np.arange(levels) - 0.5 * (levels - 1))
        strength = 10 ** rng.uniform(-3, 0) / np.sqrt(max(1.0, window[1] - window[0]))
        jump_formula = repr(float(strength))
        if shape == "pulse" and rng.random() < 0.5:
            jump_formula = f"{float(10 ** rng.uniform(-1, 0))!r}*exp(-(t-at)**2/2)"
    if kind == "periodic":
        formula_width = 10 ** rng.uniform(-2.5, 0)
        formula = "bias+height*cos(t)+kick*exp((cos(t-at)-1)/width**2)"
        parameters = {
            "bias": float(rng.normal()),
            "height": float(rng.uniform(0, 2)),
            "kick": float(rng.uniform(0.3, 2) / max(formula_width, 0.01)),
            "width": float(formula_width),
            "at": float(rng.uniform(0.5, 5.5)),
        }
        at = parameters["at"]
        window, step = (0.0, 2 * np.pi), 0.3 * min(1.0, formula_width)
        busy = ((0, at - 8 * formula_width), (at - 8 * formula_width, at))
        busy += ((at, at + 8 * formula_width), (at + 8 * formula_width, 2 * np.pi))
        lower = np.diag(np.sqrt(np.arange(1, levels)), 1)
        jump, jump_formula = lower, repr(float(rng.uniform(0.2, 0.6)))
    if kind == "fermions":
        # A driven level among fixed ones that do not couple to one another.
        a = np.diag(np.sort(rng.normal(size=levels)))
        a[0, 1:] = a[1:, 0] = 0.3 * rng.normal(size=levels - 1)
        b = np.diag(np.eye(levels)[0])
    offset = 0.0 if rng.random() < 0.6 else float(10 ** rng.uniform(2, 12) * rng.choice([-1, 1]))
    tolerance = float(10.0 ** rng.choice([-10, -8, -6]))
    return Problem(
        kind, a, b, formula, parameters, window, busy, step, offset, jump, jump_formula, tolerance
    )


def solve(problem: Problem) -> tuple[Matrix, float, bool]:
    """Return diabatic probabilities [final, initial], their error estimate, and any warning."""
    levels = problem.constant.shape[0]
    terms = [(1, problem.constant), ("x", problem.slope)]
    if problem.offset:
        terms.append((problem.offset, np.eye(levels)))
    hamiltonian = ac.Hamiltonian.from_terms(terms)
    drive = ac.drive.Formula(problem.formula, *problem.window, **problem.parameters)
    if problem.kind == "fermions":
        state = ac.dynamics.GaussianState.product(np.zeros(levels))
        fermions = ac.dynamics.evolve_fermions(
            hamiltonian, drive, state=state, tolerance=problem.tolerance
        )
        return np.abs(fermions.propagator) ** 2, float(fermions.error_estimate), False
    if problem.jump is None:
        closed = ac.propagate(hamiltonian, drive, basis="diabatic", tolerance=problem.tolerance)
        return closed.transition_matrix, float(closed.error_estimate), bool(closed.warnings)
    coefficient = problem.jump_formula
    for name, value in problem.parameters.items():
        coefficient = coefficient.replace(name, repr(value)) if name == "at" else coefficient
    environment = ac.environment.Lindblad([(coefficient, problem.jump)])
    if problem.kind == "periodic":
        steady = ac.dynamics.periodic_steady_state(
            hamiltonian, drive, environment, period=2 * np.pi, tolerance=problem.tolerance
        )
        rho = steady.density_matrix
        return rho.diagonal().real[:, None], float(steady.error_estimate), False
    opened = ac.propagate(
        hamiltonian, drive, environment=environment, basis="diabatic", tolerance=problem.tolerance
    )
    return opened.transition_matrix, float(opened.error_estimate), bool(opened.warnings)


def truth(problem: Problem, *, fine: bool = False) -> tuple[Matrix, float]:
    """Return the same probabilities from SciPy, and how far they may be off."""
    levels = problem.constant.shape[0]
    identity = np.eye(levels)

    value, rate = problem.function(problem.formula), problem.function(problem.jump_formula)
    if problem.jump is None:
        fixed, moving = -1j * problem.constant, -1j * problem.slope
        lindblad = np.zeros_like(fixed)
    else:
        fixed, moving = (
            -1j * (np.kron(h, identity) - np.kron(identity, h.T))
            for h in (problem.constant, problem.slope)
        )
        square = problem.jump.conj().T @ problem.jump
        lindblad = np.kron(problem.jump, problem.jump.conj()) - 0.5 * (
            np.kron(square, identity) + np.kron(identity, square.T)
        )

    def generator(t: float) -> Matrix:
        return fixed + value(t) * moving + rate(t) ** 2 * lindblad

    size = levels if problem.jump is None else levels**2
    product = np.eye(size, dtype=np.complex128)
    rounding = 0.0  # of long phases, and of what f is given times to rounding
    for left, right, busy in _segments(problem):
        middle = generator(0.5 * (left + right))
        rounding += 0.0 if busy else _UNIT * float(np.linalg.norm(middle, 2)) * (right - left)
        if busy:
            along = [value(t) for t in np.linspace(left, right, 1001)]
            steepness = float(np.sum(np.abs(np.diff(along)))) * np.linalg.norm(moving, 2)
            rounding += _UNIT * max(abs(left), abs(right)) * float(steepness)
        if busy:
            product = _integrate(generator, left, right, product, problem.step, fine)
        elif problem.jump is None:
            product = scipy.linalg.expm(middle * (right - left)) @ product
        else:
            product = _power(middle, right - left) @ product
    if problem.jump is None:
        lost = np.max(np.abs(product.conj().T @ product - np.eye(size)))
        return np.abs(product) ** 2, float(10 * lost + rounding + 1e-12)
    populations = np.arange(levels) * (levels + 1)
    lost = np.max(np.abs(product[populations].sum(axis=0) - identity.ravel()))
    if problem.kind != "periodic":
        return product[np.ix_(populations, populations)].real, float(10 * lost + rounding + 1e-11)
    values, vectors = np.linalg.eig(product)
    best = int(np.argmin(np.abs(values - 1)))
    rho = vectors[:, best].reshape(levels, levels)
    rho = rho / np.trace(rho)
    apart = np.min(np.abs(np.delete(values, best) - 1))
    return rho.diagonal().real[:, None], float((10 * lost + rounding + 1e-11) / apart)


def _power(generator: Matrix, length: float) -> Matrix:
    """Return exp(L t) by eigenvectors: squaring 2²⁰ times would lose digits."""
    values, vectors = np.linalg.eig(generator)
    if np.linalg.cond(vectors) > 1e3:
        return np.asarray(scipy.linalg.expm(generator * length))
    return np.asarray(vectors * np.exp(values * length) @ np.linalg.inv(vectors))


def _segments(problem: Problem) -> list[tuple[float, float, bool]]:
    """Cut the window into parts in which f moves, and parts in which it stands still."""
    start, stop = problem.window
    busy = [(max(a, start), min(b, stop)) for a, b in problem.busy if min(b, stop) > max(a, start)]
    parts, at = [], start
    for left, right in sorted(busy):
        if left > at:
            parts.append((at, left, False))
        parts.append((max(left, at), right, True))
        at = right
    if at < stop:
        parts.append((at, stop, False))
    return parts


def _integrate(
    generator: Callable[[float], Matrix],
    left: float,
    right: float,
    y: Matrix,
    step: float,
    fine: bool,
) -> Matrix:
    shape = y.shape
    solution = scipy.integrate.solve_ivp(
        lambda t, v: (generator(t) @ v.reshape(shape)).ravel(),
        (left, right),
        y.ravel(),
        method="DOP853",
        rtol=2.3e-14 if fine else 1e-12,
        atol=1e-16 if fine else 1e-14,
        first_step=min(step * 1e-2, right - left),
        max_step=0.25 * step if fine else np.inf,
    )
    return np.asarray(solution.y[:, -1].reshape(shape))


@np.errstate(over="ignore")  # 1/cosh far away is zero
def judge(problem: Problem) -> tuple[str, float]:
    """Return what became of a problem, and the error over the estimate."""
    try:
        found, estimate, warned = solve(problem)
    except ac.AnticrossingError:
        return "refused", 0.0
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return "raised", np.inf
    if not (np.all(np.isfinite(found)) and np.isfinite(estimate)):
        return "nan", np.inf
    for fine in (False, True):  # an error of the reference goes away with its steps
        right, uncertain = truth(problem, fine=fine)
        error = float(np.max(np.abs(found - right)))
        ratio = max(error - uncertain, 0.0) / estimate
        if ratio <= MOST:
            return "right", ratio
    return ("warned" if warned else "silent"), ratio


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="index of the first problem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    tally = dict.fromkeys(("right", "refused", "warned", "silent", "nan", "raised"), 0)
    began, worst, slowest = time.monotonic(), 0.0, 0.0
    for index in range(options.first, options.first + options.count):
        rng = np.random.default_rng([options.seed, index])
        problem = draw(rng, str(rng.choice(KINDS, p=SHARES)))
        started = time.monotonic()
        verdict, ratio = judge(problem)
        took = time.monotonic() - started
        slowest = max(slowest, took)
        tally[verdict] += 1
        worst = max(worst, ratio)
        if verdict in BAD or (options.verbose and verdict != "right"):
            print(f"{index}: {verdict}, {ratio:.3g} times the estimate: {problem}", flush=True)
    told = ", ".join(f"{count} {name}" for name, count in tally.items())
    seconds = time.monotonic() - began
    far = f"worst {worst:.2g} times the estimate, slowest {slowest:.0f} s"
    print(f"truth: {options.count} problems, {told}; {far}, {seconds:.0f} s")
    return int(any(tally[verdict] for verdict in BAD))


if __name__ == "__main__":
    sys.exit(main())
