"""Arguments of the wrong kind, and numbers beyond every range: one line, never a traceback."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import expression, formulas

ONE = np.eye(2)
Lindblad = ac.environment.Lindblad
FORMULAS = [
    "sin(" * 95 + "x" + ")" * 95,
    "cos(sin(" * 30 + "x" + "))" * 30,
    "exp(exp(exp(exp(10))))",
    "exp(exp(exp(exp(100))))",
    "exp(1000)*x",
    "cosh(cosh(cosh(5)))",
    "x*exp(exp(7))",
    "2**1000*2**1000*x",
    "exp(400)*exp(400)*x",
]
CALLS = {
    "a sum as one operator": lambda: Lindblad([[(1.0, ONE), ("cos(t)", ONE)]]),
    "operators": lambda: Lindblad(5),
    "an operator with a name too many": lambda: Lindblad([("a*x", ONE)]),
    "a table as units": lambda: ac.Units(np.array(["GHz", "ns"])),
    "a list as a unit": lambda: ac.Units(["eV"], "fs"),
    "a mapping as a unit": lambda: ac.Units({}),
    "a number as parameters": lambda: ac.Hamiltonian.from_matrix([[1, 0], [0, 1]], parameters=5.0),
    "a list as parameters": lambda: ac.Hamiltonian.from_terms([(1, ONE)], parameters=[1]),
    "text as parameters": lambda: ac.Hamiltonian.from_function(lambda x: ONE, parameters="a"),
    "parameters of a drive": lambda: ac.drive.FormulaDrive("t", 0, 1, parameters=5.0),
    "one slope": lambda: formulas.landau_zener_from_slopes(slopes=1.0, coupling=1.0, velocity=1.0),
    "no slopes": lambda: formulas.landau_zener_from_slopes(slopes=None, coupling=1.0, velocity=1.0),
    "an overflow": lambda: formulas.allen_eberly(chirp=1.0, peak_coupling=1e300, width=1.0),
    "a vanishing gap": lambda: formulas.constant_rate_dephasing_landau_zener(
        gap=1e-200, sweep_rate=1.0, rate=0.1
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_line(name):
    with pytest.raises(ac.AnticrossingError) as caught:
        CALLS[name]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_that_no_double_holds_are_refused(text):
    with pytest.raises(ac.InputError):
        expression.parse(text, ["x"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sqrt(7777777777777777777777777)", 2788866755113.5852),  # by hand: 25 digits
        ("10**30*x", 5e29),
        ("(10**300+1)**(1/2)", 1e150),
    ],
)
def test_large_integers_are_numbers_like_others(text, value):
    hamiltonian = ac.Hamiltonian.from_matrix([[text, 0], [0, 1]])
    assert abs(hamiltonian(0.5)[0, 0] / value - 1) < 1e-14


def test_every_public_name_is_listed():
    assert set(ac.__all__) <= set(dir(ac))
