"""Problems of the benchmark table: generic levels, spins, and pulses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from benchmarks import solvers
from benchmarks.harness import Case
from benchmarks.solvers import ALWAYS, Answer, Problem, Straight

import anticrossing as ac

STEPS = "QuTiP's vern9 at 1e-12"
OWN = "this package at 1e-12"
RATES = (10.0, 1e-1, 1e-2, 1e-4, 1e-8)
REACH = 3.0


def oscillations(problem: Problem) -> float:
    """Return how often the phase between the highest and the lowest level goes round."""
    times = np.linspace(problem.start, problem.stop, 101)
    matrices = [sum(f(t, np) * m for f, m in problem.terms) for t in times]
    levels = np.linalg.eigvalsh(np.array(matrices))
    return float(np.trapezoid(levels[:, -1] - levels[:, 0], times) / (2 * np.pi))


def by_steps(problem: Problem) -> Answer:
    """Return the answer of a Runge–Kutta method at a tight tolerance."""
    return solvers.qutip(problem).solve("vern9", 1e-12)


# --- generic levels -----------------------------------------------------------


def _matrix(levels: int, seed: int) -> Any:
    """A matrix of the Gaussian unitary ensemble with a spectrum of width four."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(levels, levels)) + 1j * rng.normal(size=(levels, levels))
    return (matrix + matrix.conj().T) / np.sqrt(4 * levels)


def generic() -> Iterator[Case]:
    """H = A + x B over |x| ≤ 3 at five rates, from the lowest level to every level."""
    for levels in (2, 4, 8, 16, 32, 64):
        a, b = _matrix(levels, 1), _matrix(levels, 2)
        first, last = (np.linalg.eigh(a + x * b)[1] for x in (-REACH, REACH))
        H = ac.Hamiltonian.affine(a, b)
        for rate in RATES:

            def ours(tolerance: float, H: Any = H, rate: float = rate) -> Answer:
                sweep = ac.drive.Linear(-REACH, REACH, rate=rate)
                return ac.propagate(H, sweep, tolerance=tolerance, whole=False).probabilities

            terms = [(ALWAYS, a / rate), (Straight(0.0, 1.0), b / rate)]  # of x as the time
            problem = Problem(terms, -REACH, REACH, first[:, 0], last.T)
            fast = rate >= 1e-2
            rivals = [solvers.qutip(problem)]
            if levels in (2, 8, 32):
                rivals.append(solvers.dynamiqs(problem, ("Dopri8",)))
            if levels in (2, 16):
                rivals.append(solvers.scipy(problem))
            yield Case(
                f"{levels} levels, rate {rate:g}",
                oscillations(problem),
                partial(by_steps, problem) if fast else partial(ours, 1e-12),
                STEPS if fast else OWN,
                ours,
                tuple(rivals),
                group=f"generic {levels}",
                quick=levels == 8 and fast,
            )


# --- spins --------------------------------------------------------------------


def _rise(s: Any, m: Any) -> Any:
    return m.sin(m.pi * s / 2)


def _fall(s: Any, m: Any) -> Any:
    return m.cos(m.pi * s / 2)


def triangle() -> Iterator[Case]:
    """Three frustrated spins, annealed: QuantumAnnealing.jl, issue 24."""
    ising = ac.models.ising_problem([0.1, 0.0, 0.0], {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0})
    first, second = _dense(ac.models.transverse_field_driver(3)), _dense(ising)
    H = ac.Hamiltonian.from_terms(
        [("cos(pi*s/2)", first), ("sin(pi*s/2)", second)], coordinates="s"
    )
    start, wanted = np.full(8, 8**-0.5), np.eye(8)[[0b100, 0b101, 0b110]]
    for power in range(1, 8):
        duration = 10.0**power

        def ours(tolerance: float, duration: float = duration) -> Answer:
            sweep = ac.drive.Linear(0.0, 1.0, rate=1 / duration)
            options: Any = {"initial": start, "basis": "diabatic", "tolerance": tolerance}
            final = ac.propagate(H, sweep, whole=False, **options).probabilities
            return np.asarray(wanted @ final)

        terms = [(_fall, duration * first), (_rise, duration * second)]
        problem = Problem(terms, 0.0, 1.0, start, wanted)
        fast = duration <= 1e4
        rivals = (solvers.qutip(problem), solvers.scipy(problem))
        dynamiqs = (solvers.dynamiqs(problem, ("Dopri8",)),)
        yield Case(
            f"T = {duration:g}",
            oscillations(problem),
            partial(by_steps, problem) if fast else partial(ours, 1e-12),
            STEPS if fast else OWN,
            ours,
            rivals + dynamiqs,
            group="triangle",
            quick=duration == 1e3,
        )


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


def rings() -> Iterator[Case]:
    """Rings of spins swept through their critical field: does the ground state survive?"""
    start, stop, rate = 3.0, 0.2, 0.1
    for sites in (3, 4, 6, 8, 10, 12):
        H = ac.models.TransverseIsing(sites=sites)
        few = {"whole": False} if H.dimension <= 512 else {"levels": 1}

        def ours(tolerance: float, H: Any = H, few: Any = few) -> Answer:
            sweep = ac.drive.Linear(start, stop, rate=-rate)
            return ac.propagate(H, sweep, tolerance=tolerance, **few).probabilities[:1]

        bonds, field = H.matrices
        terms = [(ALWAYS, bonds), (Straight(start, -rate), field)]
        ends = [_even_ground_state(bonds + x * field) for x in (start, stop)]
        problem = Problem(terms, 0.0, (start - stop) / rate, ends[0], ends[1][None], layout="csr")
        fields = np.linspace(stop, start, 101)
        momenta = 2 * np.pi * np.arange(sites) / sites
        width = 2 * np.sqrt(1 + fields**2 - 2 * fields * np.cos(momenta)[:, None]).sum(0)
        rivals = (solvers.qutip(problem),)
        if sites in (4, 8):
            rivals += (solvers.scipy(problem),)
        yield Case(
            f"{sites} spins",
            float(np.trapezoid(width, fields) / rate / (2 * np.pi)),
            partial(_ring, sites, start, stop, rate),
            "independent fermion modes by DOP853 at 1e-12",
            ours,
            rivals,
            quick=sites == 6,
        )


def _even_ground_state(matrix: Any) -> Any:
    """The ground state among those that turning all spins over leaves unchanged."""
    import scipy.sparse as sparse
    from scipy.sparse.linalg import eigsh

    size = matrix.shape[0]
    turned = sparse.csr_array((np.ones(size), (np.arange(size), np.arange(size)[::-1])))
    both = sparse.csr_array(matrix) - turned
    if size <= 256:
        return np.linalg.eigh(both.toarray())[1][:, 0]
    return eigsh(both, k=1, which="SA", tol=1e-14, v0=np.ones(size))[1][:, 0]


def _ring(sites: int, start: float, stop: float, rate: float) -> Answer:
    """The survival of the ground state: a product over pairs of momenta, two levels each."""
    survival = 1.0
    for momentum in np.pi * (2 * np.arange(sites // 2) + 1) / sites:
        x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
        constant = 2 * (np.sin(momentum) * x - np.cos(momentum) * z)
        first, last = (np.linalg.eigh(constant + 2 * f * z)[1][:, 0] for f in (start, stop))
        terms = [(ALWAYS, constant), (Straight(start, -rate), 2 * z)]
        mode = Problem(terms, 0.0, (start - stop) / rate, first, last[None])
        survival *= float(solvers.dop853(mode, 1e-12)[0])
    return np.array([survival])


def annealing() -> Iterator[Case]:
    """Twelve qubits with random fields and couplings, T = 10 and 100: the four lowest energies."""
    rng, qubits = np.random.default_rng(1), 12
    pairs = [(i, j) for i in range(qubits) for j in range(i + 1, qubits)]
    couplings = {p: float(rng.uniform(-1, 1)) for p in pairs if rng.random() < 0.5}
    ising = ac.models.ising_problem(rng.uniform(-0.5, 0.5, qubits), couplings)
    driver = ac.models.transverse_field_driver(qubits)
    H = ac.models.Annealing(initial=driver, problem=ising)
    start, energies = np.full(H.dimension, H.dimension**-0.5), ising.diagonal()
    wanted = np.eye(H.dimension)[np.argsort(energies)[:4]]
    for duration in (10.0, 100.0):

        def ours(tolerance: float, duration: float = duration) -> Answer:
            sweep = ac.drive.Linear(0.0, 1.0, rate=1 / duration)
            options: Any = {"initial": start, "levels": 1, "tolerance": tolerance}
            return np.abs(wanted @ ac.propagate(H, sweep, **options).state) ** 2

        terms = [(Straight(1.0, -1 / duration), driver), (Straight(0.0, 1 / duration), ising)]
        problem = Problem(terms, 0.0, duration, start, wanted, layout="csr")
        width = qubits + np.ptp(energies) / 2  # on average
        yield Case(
            f"12 qubits, T = {duration:g}",
            float(width * duration / (2 * np.pi)),
            partial(by_steps, problem),
            STEPS,
            ours,
            (solvers.qutip(problem), solvers.scipy(problem)),
            group="annealing",
            targets=(("QuTiP sesolve", 1.0),) if duration == 100.0 else (),
        )


# --- pulses -------------------------------------------------------------------


def _pump(t: Any, m: Any) -> Any:
    return m.exp(-((t - 0.7) ** 2) / 2)


def _stokes(t: Any, m: Any) -> Any:
    return m.exp(-((t + 0.7) ** 2) / 2)


def stirap() -> Iterator[Case]:
    """The Λ system under two pulses in counter-intuitive order."""
    pump, stokes = np.zeros((2, 3, 3))
    pump[0, 1] = pump[1, 0] = stokes[1, 2] = stokes[2, 1] = 0.5
    for power in (1, 2, 3, 4, 6, 8):
        peak = 10.0**power
        system = ac.models.LambdaSystem(
            pump="peak*exp(-(x - 0.7)**2/2)",
            stokes="peak*exp(-(x + 0.7)**2/2)",
            parameters={"peak": peak},
        )

        def ours(tolerance: float, system: Any = system) -> Answer:
            time = ac.drive.Linear(-8, 8, rate=1.0)
            options: Any = {"basis": "diabatic", "tolerance": tolerance, "whole": False}
            return ac.propagate(system, time, **options).probabilities

        terms = [(_pump, peak * pump), (_stokes, peak * stokes)]
        problem = Problem(terms, -8.0, 8.0, np.eye(3)[0], np.eye(3))
        fast = peak <= 1e4
        rivals: tuple[Any, ...] = (solvers.qutip(problem), solvers.scipy(problem))
        rivals += (solvers.dynamiqs(problem, ("Dopri8",)),)
        yield Case(
            f"Ω·width = {peak:g}",
            oscillations(problem),
            partial(by_steps, problem) if fast else partial(ours, 1e-12),
            STEPS if fast else OWN,
            ours,
            rivals,
            group="stirap",
            quick=peak == 1e2,
        )
