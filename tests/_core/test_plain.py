"""Plain formulas mean what SymPy makes of them, and everything else is left to SymPy."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st

import anticrossing as ac
from anticrossing._core import expression, plain

NAMES = ("x", "gap", "width", "k")
PLAIN = (
    "x",
    "-x/2",
    "gap/2 - x*width",
    "-(x - gap)*0.25*k",
    "2*x*gap",
    "1/2*x + 3",
    "+x",
    "(gap - (width + x))/4",
    "-2.5e-3*(1 - x)",
    7,
    -0.5,
    np.float64(1.5),
)
NOT_PLAIN = (
    "x*x", "x - x", "x**2", "sin(x)", "1/x", "x/0", "0*x", "y", "pi*x", "I", "x if x else 1",
    "1e400*x", "1e308*x", "3 - 3", "", "x +", "x@gap", "-" * 30 + "x", "x" + 300 * " " + "+1",
    True, None, float("inf"), float("nan"), 1j, sympy.Symbol("x"), "x // 2", "(1).real", "x!",
)  # fmt: skip


def values(count):
    rng = np.random.default_rng(3)
    return [rng.normal(size=count) for _ in NAMES]


def by_sympy(formula):
    symbols = [expression.symbol(name) for name in NAMES]
    return sympy.lambdify(symbols, formula, modules="numpy")(*values(5))


@pytest.mark.parametrize("text", PLAIN, ids=str)
def test_plain_formulas_and_their_derivatives_agree_with_sympy(text):
    formula = plain.read(text, NAMES)
    assert isinstance(formula, plain.Plain)
    reference = expression.parse(text if isinstance(text, str) else float(text), NAMES)
    computed = plain.compile_formula(NAMES, formula)(*values(5))
    np.testing.assert_allclose(computed, by_sympy(reference), rtol=1e-14)
    assert sympy.simplify(formula.symbolic() - reference) == 0
    for name in NAMES:
        once, exact = plain.differentiate(formula, name), reference
        for _ in range(2):
            exact = exact.diff(expression.symbol(name))
            np.testing.assert_allclose(
                plain.compile_formula(NAMES, once)(*values(5)), by_sympy(exact), rtol=1e-14
            )
            assert plain.is_zero(once) == (exact == 0)
            once = plain.differentiate(once, name)


@pytest.mark.slow
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_random_plain_formulas_agree_with_sympy(data):
    names = list(NAMES)
    number = st.floats(0.1, 9.0)

    def build(depth):
        kind = data.draw(st.sampled_from("n+-*/u" if depth < 4 else "n"))
        if kind == "n":
            if names and data.draw(st.booleans()):
                return names.pop()
            return repr(data.draw(number))
        if kind == "u":
            return f"(-{build(depth + 1)})"
        right = repr(data.draw(number)) if kind == "/" else build(depth + 1)
        return f"({build(depth + 1)} {kind} {right})"

    text = build(0)
    formula = plain.read(text, NAMES)
    if formula is None:  # a difference of two numbers
        return
    reference = expression.parse(text, NAMES)
    computed = plain.compile_formula(NAMES, formula)(*values(5))
    np.testing.assert_allclose(computed, by_sympy(reference), rtol=1e-9, atol=1e-9)
    slope = plain.compile_formula(NAMES, plain.differentiate(formula, "x"))(*values(5))
    exact = by_sympy(reference.diff(expression.symbol("x")))
    np.testing.assert_allclose(slope, exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("text", NOT_PLAIN, ids=lambda value: repr(value)[:20])
def test_all_else_is_left_to_sympy(text):
    assert plain.read(text, NAMES) is None


def test_a_name_like_a_number_is_not_taken_for_it():
    assert plain.read(float("inf"), ("inf",)) is None


def test_coefficients_and_formulas_are_sympy_all_the_same():
    H = ac.models.LandauZener(gap=0.5)
    assert all(isinstance(c, sympy.Expr) for c in H.coefficients)
    sweep = ac.drive.Linear(-1.0, 1.0, 2.0)
    t, rate = expression.symbol("t"), expression.symbol("rate")
    assert sweep.formula == rate * t
    again = pickle.loads(pickle.dumps((H, sweep)))
    np.testing.assert_array_equal(again[0](0.3), H(0.3))
    assert again[1](0.25) == sweep(0.25) == 0.5
    assert sweep.replace(rate=3.0).velocity(0.1) == 3.0


def test_a_plain_model_and_sweep_load_no_sympy():
    code = (
        "import sys, anticrossing as ac;"
        "H = ac.models.FluxQubit(gap=0.013, persistent_current=230.7);"
        "print(len(ac.find_crossings(H, -1, 1)), ac.drive.Linear(-1, 1, 2.0)(0.25));"
        "print('sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0.5", "False"]
