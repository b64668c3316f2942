"""Problems of the benchmark table: two levels, alone, in batches, open, and as a scalar."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
from benchmarks import solvers
from benchmarks.harness import Case
from benchmarks.many_levels import OWN, STEPS, by_steps
from benchmarks.page import number
from benchmarks.solvers import ALWAYS, Answer, Problem, Solver, Straight

import anticrossing as ac

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
LOWERING = np.array([[0.0, 1.0], [0.0, 0.0]])
WEBER = "parabolic cylinder functions"
GAP = 1.0
BATCH, HALF_WINDOW = 200, 50.0


def _adiabatic(x: Any) -> Any:
    """Eigenvectors (columns) of ½ [[x, g], [g, −x]], lower level first."""
    return np.linalg.eigh(0.5 * (np.multiply.outer(x, Z) + GAP * X))[1]


def _linear(reach: float, rate: float, operators: Any = ()) -> Problem:
    """The sweep over |x| ≤ reach, with x as the time."""
    terms = [(ALWAYS, GAP / 2 / rate * X), (Straight(0.0, 1.0), 0.5 / rate * Z)]
    first, last = _adiabatic(-reach)[:, 0], _adiabatic(reach)[:, 1]
    return Problem(terms, -reach, reach, first, last[None], operators)


def _exact(time: Any, rate: Any = 1.0, gap: float = GAP) -> Answer:
    """P of the window from −time to time."""
    found = ac.formulas.finite_window(gap=gap, sweep_rate=rate, start=-time, stop=time)
    return np.atleast_1d(found.value)


def sweep() -> Iterator[Case]:
    """Gap 1, rate 1, and windows in which the phase goes round 1 to 10¹⁰ times: P stays 0.208."""
    H = ac.models.LandauZener(gap=GAP)
    for power in (0, 1, 2, 3, 4, 6, 8, 10):
        reach = float(np.sqrt(2 * np.pi * 10.0**power))

        def ours(tolerance: float, reach: float = reach) -> Answer:
            drive = ac.drive.Linear(-reach, reach, rate=1.0)
            return ac.propagate(H, drive, tolerance=tolerance).transition_matrix[[1], 0]

        problem = _linear(reach, 1.0)
        yield Case(
            f"window ±{number(reach)}",
            10.0**power,
            partial(_exact, reach),
            WEBER,
            ours,
            (solvers.qutip(problem), solvers.dynamiqs(problem), solvers.scipy(problem)),
            group="sweep",
            quick=power in (1, 3, 8),
        )


def scalar() -> Iterator[Case]:
    """A barrier crossed slowly: the share exp(−πg²/4) of a wave that turns back above it."""
    gap = float(np.sqrt(2.0))
    H = ac.models.LandauZener(gap=gap)
    for power in (0, 2, 4, 6, 8, 10):
        reach = float(np.sqrt(np.pi * 10.0**power))  # of the time; x = 2t

        def ours(tolerance: float, reach: float = reach) -> Answer:
            drive = ac.drive.Linear(-2 * reach, 2 * reach, rate=2.0)
            return ac.propagate(H, drive, tolerance=tolerance).transition_matrix[[1], 0]

        yield Case(
            f"window ±{number(reach)}",
            10.0**power,
            partial(_exact, reach, 2.0, gap),
            WEBER,
            ours,
            (solvers.riccati(gap, reach),),
            quick=power in (2, 8),
        )


# --- batches ------------------------------------------------------------------


def batch() -> Iterator[Case]:
    """Two hundred sweeps over |t| ≤ 50, in two ranges of rates."""
    H = ac.models.LandauZener(gap=GAP)
    targets = (("QuTiP sesolve", 100.0), ("dynamiqs sesolve", 20.0))
    for slowest, fastest, wanted in ((0.1, 10.0, targets), (0.05, 2.0, ())):
        rates = np.geomspace(slowest, fastest, BATCH)
        reach = HALF_WINDOW * rates

        def ours(tolerance: float, rates: Any = rates, reach: Any = reach) -> Answer:
            drive = ac.drive.Linear(-reach, reach, rates)
            return ac.propagate(H, drive, tolerance=tolerance).transition_matrix[:, 1, 0]

        few = [solvers.qutip(_in_time(rate)) for rate in rates[::FEW]]
        loop = Solver(
            "QuTiP sesolve",
            "qutip",
            ("vern7", "vern9"),
            lambda m, tol, few=few: np.concatenate([one.solve(m, tol) for one in few]),
            LADDER,
            exact=partial(_exact, HALF_WINDOW, rates[::FEW]),
            times=FEW,
        )
        block, together = solvers.qutip(_as_one(rates)), _Together(rates)

        yield Case(
            f"200 rates, {slowest:g}–{fastest:g}",
            float(np.sum(reach**2 / rates) / (2 * np.pi)),
            partial(_exact, HALF_WINDOW, rates),
            WEBER,
            ours,
            (
                loop,
                Solver("QuTiP, one block", "qutip", ("vern9",), block.solve, LADDER),
                Solver("dynamiqs sesolve", "dynamiqs", ("Dopri8",), together.solve, LADDER, True),
            ),
            targets=wanted,
        )


FEW = 20  # the loop solves every twentieth sweep, and its time is that of all
LADDER = solvers.TOLERANCES[8:]


def _in_time(rate: float) -> Problem:
    reach = HALF_WINDOW * rate
    first, last = _adiabatic(-reach)[:, 0], _adiabatic(reach)[:, 1]
    terms = [(ALWAYS, GAP / 2 * X), (Straight(0.0, 1.0), rate / 2 * Z)]
    return Problem(terms, -HALF_WINDOW, HALF_WINDOW, first, last[None])


def _as_one(rates: Any) -> Problem:
    """All sweeps as one block-diagonal problem: not what users write, but quicker."""
    import scipy.sparse as sparse

    one = [_in_time(rate) for rate in rates]
    blocks = [sparse.block_diag([p.terms[k][1] for p in one], "csr") for k in range(2)]
    final = sparse.block_diag([p.final for p in one]).toarray()
    first = np.concatenate([p.state for p in one])
    terms = [(ALWAYS, blocks[0]), (Straight(0.0, 1.0), blocks[1])]
    return Problem(terms, -HALF_WINDOW, HALF_WINDOW, first, final, layout="csr")


class _Together:
    """The batch of dynamiqs: sparse diagonals, quicker here than dense matrices."""

    def __init__(self, rates: Any) -> None:
        self.rates = rates

    @cached_property
    def _parts(self) -> Any:
        import dynamiqs as dq
        import jax.numpy as jnp

        dq.set_precision("double")
        dq.set_device("cpu")
        terms = [dq.asqarray(m.astype(complex), layout=dq.dia) for m in (GAP / 2 * X, Z / 2)]
        first = _adiabatic(-HALF_WINDOW * self.rates)[..., :1].astype(complex)
        times = jnp.array([-HALF_WINDOW, HALF_WINDOW])
        return terms, [], jnp.asarray(first), times

    def _bias(self, t: Any, _: Any) -> Any:
        return self.rates * t

    def solve(self, method: str, tolerance: float) -> Answer:
        """Return all probabilities by one compiled call."""
        final = solvers.compiled(method, (ALWAYS, self._bias), ())(*self._parts, tolerance)
        wanted = _adiabatic(HALF_WINDOW * self.rates)[..., 1]
        return np.abs(np.sum(wanted * np.asarray(final)[..., 0], axis=-1)) ** 2


# --- open systems -------------------------------------------------------------

DEPHASING, DECAY = 0.1, 0.03  # the second in units of the rate of the sweep


def _root(x: Any, m: Any) -> Any:
    return (0.25 * (x * x + GAP * GAP)) ** -0.25


def _root_times_x(x: Any, m: Any) -> Any:
    return x * _root(x, m)


def dissipation() -> Iterator[Case]:
    """Two levels over |x| ≤ 30 with dephasing in the eigenbasis, or decay between diabats."""
    H, reach = ac.models.LandauZener(gap=GAP), 30.0
    for kind in ("dephasing", "decay"):
        for rate in (3.0, 0.1, 1e-2, 1e-4, 1e-6):
            if kind == "dephasing":
                environment: Any = ac.Dephasing(DEPHASING)
                operator = _dephasing(rate)
            else:
                environment = ac.Lindblad([np.sqrt(DECAY * rate) * LOWERING])
                operator = [(ALWAYS, np.sqrt(DECAY) * LOWERING)]

            def ours(
                tolerance: float, rate: float = rate, environment: Any = environment
            ) -> Answer:
                drive = ac.drive.Linear(-reach, reach, rate)
                found = ac.propagate(H, drive, environment=environment, tolerance=tolerance)
                return found.transition_matrix[[1], 0]

            problem, fast = _linear(reach, rate, (operator,)), rate >= 1e-2
            yield Case(
                f"{kind}, rate {rate:g}",
                reach**2 / rate / (2 * np.pi),
                partial(by_steps, problem) if fast else partial(ours, 1e-12),
                STEPS if fast else OWN,
                ours,
                (solvers.qutip(problem), solvers.dynamiqs(problem, ("Dopri8",))),
                group=kind,
                quick=rate == 0.1,
            )


def _dephasing(rate: float) -> Any:
    """√γ H/√e, where ±e are the levels, in the time x."""
    scale = np.sqrt(DEPHASING / rate) / 2
    return [(_root_times_x, scale * Z), (_root, scale * GAP * X)]
