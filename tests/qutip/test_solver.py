"""Inside QuTiP's solvers: the same numbers as its own methods, and refusals in one line."""

import warnings

import numpy as np
import pytest

import anticrossing as ac
from tests.effort import slow

qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")

# QuTiP runs texts by itself where Cython is missing, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*cython.*")

X, Z, LOWER, NUMBER = qutip.sigmax(), qutip.sigmaz(), qutip.destroy(2), qutip.num(2)
TIMES = np.linspace(-4.0, 4.0, 33)
START = qutip.basis(2, 0)
TIGHT = {"method": "vern9", "atol": 1e-13, "rtol": 1e-12, "nsteps": 10**6}
OURS = {"method": "anticrossing"}
SWEEP = [X, [Z, "2*t"]]
OBSERVED = [NUMBER, X]
LADDER = qutip.tensor(qutip.qeye(2), qutip.destroy(3))
BOTH = qutip.tensor(X, qutip.qeye(3)) + LADDER + LADDER.dag()
MOVING = qutip.tensor(Z, qutip.num(3))


@pytest.fixture(autouse=True, scope="module")
def registered():
    """Register, and leave QuTiP as it was found."""
    before = [dict(solver._avail_integrators) for solver in (qutip.SESolver, qutip.MESolver)]
    ac.qutip.register()
    yield
    for solver, kept in zip((qutip.SESolver, qutip.MESolver), before, strict=True):
        solver._avail_integrators = kept


def both(solve):
    return np.asarray(solve(OURS)), np.asarray(solve(TIGHT))


def opened(given, jumps):
    return lambda options: (
        qutip.mesolve(given, START, TIMES, c_ops=jumps, e_ops=OBSERVED, options=options).expect
    )


CASES = {
    "a ket": lambda o: qutip.sesolve(SWEEP, START, TIMES, e_ops=OBSERVED, options=o).expect,
    "a ket of another norm": lambda o: (
        qutip.sesolve(SWEEP, 3 * START, TIMES, e_ops=OBSERVED, options=o).expect
    ),
    "a mixture without jumps": lambda o: (
        qutip.mesolve(
            SWEEP, (NUMBER + 2 * X @ NUMBER @ X) / 3, TIMES, e_ops=OBSERVED, options=o
        ).expect
    ),
    "jumps": opened(SWEEP, [0.3 * LOWER, 0.2 * Z]),
    "jumps of one Liouvillian": opened(
        qutip.liouvillian(qutip.QobjEvo([X, [Z, lambda t: 2 * t]]), [0.3 * LOWER]), None
    ),
    "jumps that change": opened(SWEEP, [[LOWER, "0.3*exp(-t/4)"], [Z, "0.4*cos(t)"]]),
    "jumps that are functions": opened(SWEEP, [[Z, lambda t: 0.4 * np.cos(t)]]),
    "jumps of a constant H": opened(X, [[LOWER, lambda t: 0.3 * np.sin(t)]]),
    "an argument called time": lambda o: (
        qutip.mesolve(
            [X, [Z, "time*t"]],
            START,
            TIMES,
            c_ops=[[Z, lambda t: 0.4 * np.cos(t)]],
            e_ops=OBSERVED,
            args={"time": 2.0},
            options=o,
        ).expect
    ),
    "a function as H": opened(qutip.QobjEvo(lambda t: X + 2 * t * Z), [0.3 * LOWER]),
    "a rotating field": opened(
        [Z, [LOWER, lambda t: np.exp(1j * t)], [LOWER.dag(), lambda t: np.exp(-1j * t)]],
        [0.3 * LOWER],
    ),
    "three levels of one, two of another": lambda o: [
        qutip.mesolve(
            [BOTH, [MOVING, "t"]],
            qutip.basis([2, 3], [0, 1]),
            TIMES,
            c_ops=[0.3 * LADDER],
            options=o,
        )
        .states[-1]
        .full()
    ],
    "a propagator": lambda o: qutip.propagator(SWEEP, 1.0, options=o).full(),
    "a map at several times": lambda o: [
        u.full() for u in qutip.propagator(SWEEP, [0.0, 0.5, 1.0], [0.3 * LOWER], options=o)
    ],
    "a correlation": lambda o: qutip.correlation_2op_1t(
        qutip.QobjEvo(SWEEP), (START + X @ START).unit(), [0, 1, 2], [0.3 * LOWER], X, Z, options=o
    ),
}
QUICK = ("a ket", "jumps", "jumps that change", "a propagator", "a correlation")


@pytest.mark.parametrize("name", [name if name in QUICK else slow(name) for name in CASES])
def test_it_is_the_same_evolution(name):
    ours, theirs = both(CASES[name])
    assert ours.shape == theirs.shape
    assert np.max(np.abs(ours - theirs)) < 1e-8 * max(1.0, np.max(np.abs(theirs)))


def test_it_steps_with_new_arguments():
    H = qutip.QobjEvo([X, [Z, "w*t"]], args={"w": 1.0})
    ends = []
    for options in (OURS, TIGHT):
        solver = qutip.SESolver(H, options=options)
        solver.start(START, 0.0)
        solver.step(1.0)
        ends.append(solver.step(2.0, args={"w": 3.0}).full())
    assert np.max(np.abs(ends[0] - ends[1])) < 1e-9


def test_the_spacing_of_times_changes_nothing():
    """A pulse between two distant times is not stepped over."""
    pulse = [0 * X, [X, "exp(-((t - 500)/0.05)**2)"]]
    found = qutip.sesolve(pulse, START, [0.0, 1000.0], e_ops=[NUMBER], options=OURS)
    assert found.expect[0][-1] == pytest.approx(np.sin(0.05 * np.sqrt(np.pi)) ** 2, abs=1e-9)


def test_what_is_not_accurate_says_so():
    fast = [1e6 * X, [1e6 * Z, "cos(t)"]]
    with pytest.warns(UserWarning, match="anticrossing: the error"):
        qutip.sesolve(fast, START, [0.0, 10.0, 20.0], options={**OURS, "tolerance": 1e-10})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qutip.sesolve(X, START, [0.0, 1.0], options=OURS)


def feedback():
    arguments = {"psi": qutip.SESolver.StateFeedback(START)}
    H = qutip.QobjEvo([X, [Z, lambda t, psi: 1.0]], args=arguments)
    return qutip.sesolve(H, START, TIMES, options=OURS)


BAD = {
    "matrix_form": lambda: opened(SWEEP, [LOWER])({**OURS, "matrix_form": True}),
    "feedback": feedback,
    "a negative rate": lambda: opened(X, [-0.1 * qutip.lindblad_dissipator(LOWER)])(OURS),
    "a rate that turns negative": lambda: opened(
        X, [qutip.QobjEvo([[qutip.lindblad_dissipator(LOWER), "t"]])]
    )(OURS),
    "a generator that loses trace": lambda: opened(X, [-0.1 * qutip.sprepost(LOWER, LOWER.dag())])(
        OURS
    ),
    "a tolerance": lambda: qutip.sesolve(X, START, TIMES, options={**OURS, "tolerance": 1.0}),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_what_it_cannot_do_is_one_line(call):
    with pytest.raises(ac.AnticrossingError) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_option_that_would_be_ignored_is_refused():
    with pytest.raises(KeyError, match="max_step"):
        qutip.sesolve(X, START, TIMES, options={**OURS, "max_step": 0.1})
