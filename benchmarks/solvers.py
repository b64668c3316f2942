"""The other solvers of the benchmark table, each in its quickest form.

A problem is H(t) = Σ_k f_k(t) M_k from one state or density matrix; the answer is how probable
given states are at the end. What a solver needs is made at its first call, which is not timed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Function = Callable[[Any, Any], Any]  # f(t, module), where module is math, numpy or jax.numpy
Terms = Sequence[tuple[Function, Any]]
Answer = NDArray[np.float64]
Solve = Callable[[str, float], Answer]  # method and tolerance

TOLERANCES = tuple(10.0 ** -(k / 2) for k in range(10, 27))  # 1e-5 … 1e-13 in half decades
QUTIP_METHODS = ("adams", "dop853", "vern7", "vern9")
DYNAMIQS_METHODS = ("Dopri8", "Tsit5")
SAMPLES = 4001  # of a function that QuTiP interpolates by a cubic spline


@dataclass(frozen=True)
class Solver:
    """A function of a package, and the methods and tolerances of which the quickest counts."""

    name: str
    package: str
    methods: tuple[str, ...]
    solve: Solve
    tolerances: tuple[float, ...] = TOLERANCES
    compiles: bool = False  # at the first call of a method, which is not counted
    exact: Callable[[], Answer] | None = None  # where it answers another question than the rest
    times: float = 1.0  # how often as long it would take for the whole of the problem

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return find_spec(self.package) is not None


@dataclass(frozen=True)
class Straight:
    """f(t) = constant + slope·t, for which every package has a form of its own."""

    constant: float
    slope: float

    def __call__(self, t: Any, _: Any) -> Any:
        return self.constant + self.slope * t


ALWAYS = Straight(1.0, 0.0)


@dataclass(frozen=True)
class Problem:
    """H(t), its window, the first state, and the states looked for at the end (rows)."""

    terms: Terms
    start: float
    stop: float
    state: NDArray[Any]
    final: NDArray[Any]
    operators: Sequence[Terms] = ()  # of Lindblad
    layout: str = "dense"

    def found(self, end: Any) -> Answer:
        """Return how probable the states looked for are in a state or a density matrix."""
        end = np.asarray(end)
        if self.operators:
            return np.einsum("fi,ij,fj->f", self.final.conj(), end, self.final).real
        return np.asarray(np.abs(self.final.conj() @ end.ravel()) ** 2)

    @property
    def first(self) -> NDArray[Any]:
        """The first state, or its density matrix if the system is open."""
        state = self.state.astype(complex)
        return np.outer(state, state.conj()) if self.operators else state


# --- QuTiP --------------------------------------------------------------------


def qutip(problem: Problem, methods: tuple[str, ...] = QUTIP_METHODS) -> Solver:
    """QuTiP's `sesolve`, or `mesolve` with Lindblad operators."""
    name = "mesolve" if problem.operators else "sesolve"
    return Solver(f"QuTiP {name}", "qutip", methods, _Qutip(problem).solve)


def qutip_options(method: str, tolerance: float) -> dict[str, Any]:
    """Keep nothing but the final state, as it is."""
    return {
        "method": method,
        "atol": tolerance,
        "rtol": tolerance,
        "nsteps": 10**9,
        "progress_bar": "",
        "store_states": False,
        "store_final_state": True,
        "normalize_output": False,
    }


class _Qutip:
    """A problem in QuTiP's terms; its functions of time are straight lines or splines, compiled."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def parts(self) -> tuple[Any, Any, list[Any]]:
        """H(t), the first state, and the operators."""
        import qutip as qt

        operators = [self._sum(terms) for terms in self.problem.operators]
        first = qt.Qobj(self.problem.first).to("dense")
        return self._sum(self.problem.terms), first, operators

    def _sum(self, terms: Terms) -> Any:
        import qutip as qt

        found = []
        for function, matrix in terms:
            part = qt.Qobj(matrix).to(self.problem.layout)
            if function == ALWAYS:
                found.append(part)
                continue
            straight = isinstance(function, Straight)
            times = np.linspace(self.problem.start, self.problem.stop, 2 if straight else SAMPLES)
            coefficient = qt.coefficient(
                function(times, np), tlist=times, order=1 if straight else 3
            )
            found.append([part, coefficient])
        return qt.QobjEvo(found)

    def solve(self, method: str, tolerance: float) -> Answer:
        """Return what is looked for."""
        import qutip as qt

        (hamiltonian, state, operators), problem = self.parts, self.problem
        options = qutip_options(method, tolerance)
        times = [problem.start, problem.stop]
        try:
            if operators:
                end = qt.mesolve(hamiltonian, state, times, c_ops=operators, options=options)
            else:
                end = qt.sesolve(hamiltonian, state, times, options=options)
        except qt.solver.integrator.IntegratorException:  # it gives up, "probably stiff"
            return np.full(len(problem.final), np.nan)
        return problem.found(end.final_state.full())


# --- dynamiqs -----------------------------------------------------------------


def dynamiqs(problem: Problem, methods: tuple[str, ...] = DYNAMIQS_METHODS) -> Solver:
    """The compiled `sesolve` or `mesolve` of dynamiqs in double precision, on the processor."""
    name = "mesolve" if problem.operators else "sesolve"
    solve = _Dynamiqs(problem).solve
    return Solver(f"dynamiqs {name}", "dynamiqs", methods, solve, compiles=True)


class _Dynamiqs:
    """A problem in the terms of dynamiqs."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def parts(self) -> tuple[Any, ...]:
        """Matrices, the first state and the window, as the compiled function takes them."""
        import dynamiqs as dq
        import jax.numpy as jnp

        dq.set_precision("double")
        dq.set_device("cpu")
        problem = self.problem
        layout = dq.dense if problem.layout == "dense" else dq.dia

        def arrays(terms: Terms) -> list[Any]:
            own = [m.toarray() if hasattr(m, "toarray") else np.asarray(m) for _, m in terms]
            return [dq.asqarray(matrix.astype(complex), layout=layout) for matrix in own]

        first = jnp.asarray(problem.first.reshape(problem.state.size, -1))
        times = jnp.array([problem.start, problem.stop])
        return arrays(problem.terms), [arrays(terms) for terms in problem.operators], first, times

    def solve(self, method: str, tolerance: float) -> Answer:
        """Return what is looked for."""
        parts, problem = self.parts, self.problem
        functions = tuple(function for function, _ in problem.terms)
        losses = tuple(tuple(function for function, _ in terms) for terms in problem.operators)
        end = compiled(method, functions, losses)(*parts, tolerance)
        return problem.found(np.asarray(end))


@cache
def compiled(
    method: str, functions: tuple[Function, ...], losses: tuple[tuple[Function, ...], ...]
) -> Callable[..., Any]:
    """Return a solver for any matrices, window and tolerance: compiling takes seconds."""
    import dynamiqs as dq
    import jax
    import jax.numpy as jnp

    def total(functions: Sequence[Function], matrices: Sequence[Any]) -> Any:
        parts = [
            matrix if f == ALWAYS else dq.modulated(lambda t, f=f: f(t, jnp), matrix)
            for f, matrix in zip(functions, matrices, strict=True)
        ]
        return sum(parts[1:], start=parts[0])

    @jax.jit
    def run(matrices: Any, operators: Any, first: Any, times: Any, tolerance: Any) -> Any:
        hamiltonian = total(functions, matrices)
        chosen = getattr(dq.method, method)(rtol=tolerance, atol=tolerance, max_steps=10**9)
        options = {"method": chosen, "save_states": False, "progress_meter": False}
        options["cartesian_batching"] = False
        if losses:
            own = [total(f, m) for f, m in zip(losses, operators, strict=True)]
            return dq.mesolve(hamiltonian, own, first, times, **options).final_state.to_jax()
        return dq.sesolve(hamiltonian, first, times, **options).final_state.to_jax()

    return run


# --- SciPy --------------------------------------------------------------------


def scipy(problem: Problem) -> Solver:
    """SciPy's DOP853 on products with the matrix: what one writes without any other package."""
    return Solver("SciPy DOP853", "scipy", ("DOP853",), lambda _, tol: dop853(problem, tol))


def dop853(problem: Problem, tolerance: float) -> Answer:
    """Integrate the Schrödinger or the Lindblad equation by SciPy's DOP853."""
    from scipy.integrate import solve_ivp

    size = problem.state.size

    def total(terms: Terms, t: float) -> Any:
        return sum(function(t, math) * matrix for function, matrix in terms)

    def closed(t: float, y: Any) -> Any:
        return -1j * (total(problem.terms, t) @ y)

    def dissipative(t: float, y: Any) -> Any:
        rho = y.reshape(size, size)
        operators = [total(terms, t) for terms in problem.operators]
        inner = -1j * total(problem.terms, t) - sum(m.conj().T @ m for m in operators) / 2
        change = inner @ rho
        change = change + change.conj().T + sum(m @ rho @ m.conj().T for m in operators)
        return change.ravel()

    solved = solve_ivp(
        dissipative if problem.operators else closed,
        (problem.start, problem.stop),
        problem.first.ravel(),
        method="DOP853",
        rtol=tolerance,
        atol=tolerance / 10,
    )
    end = solved.y[:, -1]
    return problem.found(end.reshape(size, size) if problem.operators else end)


# --- riccati ------------------------------------------------------------------


def riccati(gap: float, reach: float) -> Solver:
    """The package `riccati` on Weber's equation y″ + (t² + g²/4) y = 0, |t| ≤ reach.

    The answer is how much of a wave has turned back: |β|² in y = (α e^{−i∫ω} + β e^{i∫ω})/√(2ω).
    For long windows it tends to exp(−πg²/4), as P of a sweep of gap g at the rate 2 does.
    """
    solve, exact = partial(_weber, gap, reach), cache(partial(turned_back, gap, reach))
    return Solver("riccati", "riccati", ("16 nodes", "32 nodes"), solve, exact=exact)


def _wave(gap: float, time: Any, root: Any = math.sqrt) -> tuple[Any, Any]:
    """Return e^{−i∫ω}/√(2ω) without its phase, and its derivative."""
    omega = root(time * time + gap * gap / 4)
    value = 1 / root(2 * omega)
    return value, (-1j * omega - time / (2 * omega**2)) * value


def _weber(gap: float, reach: float, method: str, tolerance: float) -> Answer:
    import riccati as package

    nodes = int(method.split()[0])

    def frequency(t: Any) -> Any:
        return np.sqrt(t * t + gap * gap / 4)

    with warnings.catch_warnings():  # it sets a filter for the whole process
        info = package.solversetup(frequency, np.zeros_like, n=nodes, p=nodes)
        first, tolerances = _wave(gap, -reach), {"eps": tolerance, "epsh": tolerance}
        solved = package.solve(info, -reach, reach, *first, hard_stop=True, **tolerances)
    value, derivative = _wave(gap, reach)
    return np.array([abs(value * solved[2][-1] - derivative * solved[1][-1]) ** 2])


def turned_back(gap: float, reach: float) -> Answer:
    """The same by parabolic cylinder functions, U(ia, √2 t e^{−iπ/4}) and its conjugate."""
    import mpmath as mp

    with mp.workdps(30):
        end, order, turn = mp.mpf(reach), -0.125j * mp.mpf(gap) ** 2, mp.expjpi(-0.25)

        def solution(t: Any) -> tuple[Any, Any]:
            z = mp.sqrt(2) * t * turn
            value, next_one = mp.pcfu(order, z), mp.pcfu(order + 1, z)
            return value, -(z / 2 * value + (order + 0.5) * next_one) * turn * mp.sqrt(2)

        (left, left_slope), (right, right_slope) = solution(-end), solution(end)
        rows = [[left, mp.conj(left)], [left_slope, mp.conj(left_slope)]]
        c = mp.lu_solve(mp.matrix(rows), mp.matrix(_wave(gap, -end, mp.sqrt)))
        y = c[0] * right + c[1] * mp.conj(right)
        slope = c[0] * right_slope + c[1] * mp.conj(right_slope)
        value, derivative = _wave(gap, end, mp.sqrt)
        return np.array([float(abs(value * slope - derivative * y) ** 2)])
