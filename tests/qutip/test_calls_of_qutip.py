"""Calls as QuTiP has them are answered by one line that tells what to write here."""

import inspect

import numpy as np
import pytest

import anticrossing as ac

qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*cython.*"),
    pytest.mark.filterwarnings("ignore:The signature f.t, args. is deprecated"),
]

X, Z, KET = qutip.sigmax(), qutip.sigmaz(), qutip.basis(2, 0)
H, TIMES = [0.5 * X, [0.5 * Z, "t"]], np.linspace(-5.0, 5.0, 11)

CALLS = {
    "the state second": (lambda: ac.propagate(H, KET, TIMES), r"3 arguments: .* is `initial`"),
    "all of mesolve": (lambda: ac.propagate(H, KET, TIMES, [Z], [X]), "5 arguments: "),
    "the state for times": (
        lambda: ac.propagate(H, KET),
        "`drive` .* complex: a state .*`initial`",
    ),
    "psi0": (lambda: ac.propagate(H, TIMES, psi0=KET), "`psi0` must be left out.*`initial`"),
    "tlist": (lambda: ac.propagate(H, tlist=TIMES), "`tlist` .* second argument"),
    "e_ops": (lambda: ac.propagate(H, TIMES, e_ops=[Z]), "`e_ops` .*expect"),
    "c_ops": (lambda: ac.propagate(H, TIMES, c_ops=[Z]), "`c_ops` .*Lindblad"),
    "args": (lambda: ac.propagate(H, TIMES, args={"w": 1}), "`args` .*from_qutip"),
    "options": (lambda: ac.propagate(H, TIMES, options={}), "`options` .*tolerance"),
    "no args for a text": (
        lambda: ac.propagate([X, [Z, "w*t"]], TIMES),
        "unknown name `w`.* the `args` of `drive.from_qutip`",
    ),
    "no args for a function": (
        lambda: ac.propagate([X, [Z, lambda t, w: w * t]], TIMES),
        r"`hamiltonian\[1\]\[1\]` .*'w'.* the `args`",
    ),
    "no args for a dictionary": (
        lambda: ac.propagate([X, [Z, lambda t, args: args["w"] * t]], TIMES),
        r"`hamiltonian\[1\]\[1\]` .*KeyError: 'w'.* the `args`",
    ),
    "no args for H": (lambda: ac.propagate(lambda t, w: w * t * Z, TIMES), "the `args` of"),
    "not Hermitian": (
        lambda: ac.propagate([X, [qutip.sigmap(), "t"]], TIMES),
        "`hamiltonian` must be Hermitian",
    ),
    "a third entry": (lambda: ac.propagate([X, [Z, "t", 3]], TIMES), r"`hamiltonian\[1\]` .*pair"),
    "an operator for a coefficient": (
        lambda: ac.propagate([X, [Z, X]], TIMES),
        r"`hamiltonian\[1\]\[1\]` .*operator too",
    ),
    "times that fall": (lambda: ac.propagate(H, [5.0, 1.0]), "`drive` .*increase"),
    "an operator for surroundings": (
        lambda: ac.propagate(H, TIMES, environment=Z),
        "`environment` must be an Environment .*or None, but it is Quantum",
    ),
}


@pytest.mark.parametrize(("call", "told"), CALLS.values(), ids=CALLS)
def test_one_line_tells_what_to_write(call, told):
    with pytest.raises(ac.InputError, match=told) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "`given" not in str(caught.value)


def test_the_signature_is_what_it_was():
    names = list(inspect.signature(ac.propagate).parameters)
    assert names[:4] == ["hamiltonian", "drive", "environment", "initial"]
    with pytest.raises(TypeError, match="nonsense"):
        ac.propagate(H, TIMES, nonsense=1)


def test_a_function_of_time_is_taken_with_its_times():
    one = ac.propagate(lambda t: 0.5 * X + 0.5 * t * Z, TIMES, initial=KET)
    other = ac.propagate(H, TIMES, initial=KET)
    assert np.allclose(one.populations, other.populations, atol=1e-10)


def test_before_it_is_registered_qutip_does_not_know_the_method():
    before = dict(qutip.SESolver._avail_integrators)
    qutip.SESolver._avail_integrators = {
        name: one for name, one in before.items() if name != "anticrossing"
    }
    try:
        with pytest.raises(KeyError, match="anticrossing"):
            qutip.sesolve(H, KET, TIMES, options={"method": "anticrossing"})
    finally:
        qutip.SESolver._avail_integrators = before
