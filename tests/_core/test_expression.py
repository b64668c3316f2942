"""The formula language: what it reads, and what it refuses without evaluating anything."""

import math
import time

import numpy as np
import pytest
import sympy
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing._core.expression import check_name, compile_function, parse, symbol
from tests.effort import cases

REFERENCES = [
    ("2*x + 1", lambda x: 2 * x + 1),
    ("-x**2/3", lambda x: -(x**2) / 3),
    ("sin(x)*cos(x) - tan(x)", lambda x: math.sin(x) * math.cos(x) - math.tan(x)),
    ("sqrt(x) + log(x) + exp(-x)", lambda x: math.sqrt(x) + math.log(x) + math.exp(-x)),
    ("sech(x)", lambda x: 1 / math.cosh(x)),
    (
        "atan(x) + asinh(x) + acosh(x + 1)",
        lambda x: math.atan(x) + math.asinh(x) + math.acosh(x + 1),
    ),
    ("pi*x", lambda x: math.pi * x),
    ("2**-x", lambda x: 2**-x),
]


@pytest.mark.parametrize(("text", "reference"), REFERENCES)
def test_formulas_have_their_usual_values(text, reference):
    function = compile_function([symbol("x")], parse(text, ["x"]))
    for x in (0.3, 1.7):
        assert function(x) == pytest.approx(reference(x), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "not allowed"),
        ("x.__class__", "Attribute"),
        ("(lambda: x)()", "not allowed"),
        ("[x for x in (1,)]", "ListComp"),
        ("eval('x')", "not a known function"),
        ("exp", "unknown name `exp`"),
        ("exp(x, x)", "one argument"),
        ("9**9**9", "exponent larger"),
        ("10**1000", "too large"),
        ("((10**64)**64)**64", "too large"),
        ("1" * 500, "too large"),
        ("1e999", "not finite"),
        ("1/0", "divides by zero"),
        ("0**-1", "zero"),
        ("x +", "not valid"),
        ("", "not valid"),
        ("x if x else 1", "IfExp"),
        ("x == 1", "Compare"),
        ("'x'", "not a real number"),
        ("True", "not a real number"),
        ("2j*x", "not a real number"),
        ("gpa + x", "did you mean `gap`"),
        ("x" + "+x" * 3000, "shorter"),
        ("(" * 300 + "x" + ")" * 300, "not valid|nested"),
        ("-" * 200 + "x", "nested too deeply"),
        ("x @ x", "not arithmetic"),
        ("x^2", r"a power is written `\*\*`"),
        ("sqrt(x**2)", "has a kink"),
        ("sin(sqrt(x**2))*gap", "has a kink"),
        ("x // 2", "not arithmetic"),
        ("x\nimport os", "not valid"),
    ],
)
def test_everything_outside_the_grammar_is_one_clear_line(text, message):
    began = time.perf_counter()
    with pytest.raises(InputError, match=message) as caught:
        parse(text, ["x", "gap"])
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize("name", ["lambda", "sin", "pi", "I", "_x", "a b", "1x", "", "Δ"])
def test_reserved_and_malformed_names_are_refused(name):
    with pytest.raises(InputError):
        check_name(name)


@cases(200)
@given(st.text(alphabet="x()+-*/.0123456789 esincotahplgqr_'[]{}:,", max_size=40))
def test_random_text_either_parses_or_is_refused_cleanly(text):
    formula, message = None, ""
    try:
        formula = parse(text, ["x"])
    except InputError as error:
        message = str(error)
    if formula is None:
        assert message
        assert "\n" not in message
    else:
        assert {s.name for s in formula.free_symbols} <= {"x"}


def test_compiled_formulas_continue_to_complex_arguments():
    function = compile_function([symbol("x")], parse("sqrt(x**2 + 1)*tanh(x)", ["x"]))
    z = np.array([0.3 + 0.2j, -1.0 + 0.5j])
    assert np.allclose(function(z), np.sqrt(z**2 + 1) * np.tanh(z), rtol=1e-14)


def test_large_powers_of_what_is_real_are_formulas():
    assert parse("(t/(2*tau))**40*exp(-t/tau)", ["t", "tau"]).has(parse("t", ["t"]))
    with pytest.raises(InputError, match="complex power larger than 32"):
        parse("asin(t)**40", ["t"])


@pytest.mark.parametrize(
    ("formula", "t", "value"),
    [
        ("exp(0.5*t - 800.5)", 1603.0, np.e),
        ("exp(t - 3000.5)", 3000.5, 1.0),
        ("exp(1e4*(cos(t) - 1))", 0.0, 1.0),
        ("exp(2.5 - t)*exp(t - 1e3)", 3.0, np.exp(-997.5)),
    ],
)
def test_constants_stay_in_the_exponent(formula, t, value):
    """e^(t − 3000.5) is not e^(−3000.5) e^t, which is zero times infinity."""
    name = symbol("t")
    found = parse(formula, ["t"])
    assert compile_function([name], found)(t) == pytest.approx(value, rel=1e-13)
    other = symbol("u")
    again = found.xreplace({name: other})  # which SymPy builds anew
    assert compile_function([other], again)(t) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("formula", ["exp(t)*exp(-3000.5)", "1e-200*t*1e-200", "exp(-800)*t"])
def test_constants_too_small_for_a_double_are_refused(formula):
    with pytest.raises(InputError, match="too small to represent"):
        parse(formula, ["t"])


def test_a_constant_that_sympy_took_out_is_refused():
    with pytest.raises(InputError, match="too small to represent"):
        ac.drive.Formula(sympy.exp(sympy.Symbol("t") - 3000.5), 2990.0, 3010.0)
