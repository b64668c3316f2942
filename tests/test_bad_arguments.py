"""Arguments of the wrong kind, and numbers beyond every range: one line, never a traceback."""

import pickle
import warnings

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import formulas
from anticrossing._core import expression

ONE = np.eye(2)
Lindblad = ac.environment.Lindblad
HUGE = 10**400
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
    "an infinite exponent": lambda: formulas.allen_eberly(chirp=3, peak_coupling=1, width=1e200),
    "an infinite rate": lambda: ac.molecules.rates.fermi_golden_rule(
        coupling=1e200, density_of_states=1
    ),
    "an infinite velocity": lambda: ac.units.velocity(1e308, 5e-324),
    "qubits": lambda: ac.models.Grover(qubits=HUGE),
    "qubits of a driver": lambda: ac.models.transverse_field_driver(64),
    "qubits of a problem": lambda: ac.models.ising_problem(np.zeros(64), {}),
    "sites": lambda: ac.models.ising_momenta(HUGE),
    "a long spin": lambda: formulas.spin_landau_zener(spin=1e200, gap=1, sweep_rate=1),
    "many levels": lambda: formulas.independent_crossings(
        [formulas.CrossingStep((0, 1), 0.5)], levels=10**6
    ),
    "a huge formula": lambda: ac.drive.Formula(HUGE, 0, 1),
    "a huge rate": lambda: ac.environment.FixedAxisDephasing(HUGE),
    "a huge axis": lambda: ac.environment.FixedAxisDephasing(0.1, [[HUGE]]),
    "a huge gap": lambda: formulas.dykhne_davis_pechukas(HUGE),
    "a number of thousands of digits": lambda: ac.models.Grover(qubits=10**5000),
    "a number as functions": lambda: ac.environment.Dephasing(functions=0.3),
    "a number as a sum": lambda: ac.environment.Combined(0.1),
    "a number as a pair": lambda: formulas.canonical_dephasing(energies=1e-300, functions=1),
    "a number as crossings": lambda: formulas.independent_crossings(0.05, levels=50),
    "numbers as crossings": lambda: formulas.transfer_matrices([[[1]], 0.3], 0.1, levels=3),
    "a number as a name": lambda: formulas.dykhne_davis_pechukas(0.1, variable=0.3),
    "an array as parameters": lambda: formulas.dykhne_davis_pechukas("t", parameters=np.ones(2)),
    "an array as a sign": lambda: formulas.transfer_matrix(
        gap=1, sweep_rate=1, direction=np.array([1, -1])
    ),
    "text as a prediction": lambda: formulas.Prediction(value="a", name="b"),
    "nothing as a prediction": lambda: formulas.FiniteWindow(None, "a"),
    "a function that returns text": lambda: formulas.dephasing_landau_zener(
        gap=1.0, sweep_rate=1.0, gamma=lambda x: "a"
    ),
    "a drive as a Hamiltonian": lambda: ac.spectrum.levels(ac.drive.Linear(-1, 1, 1), 0.0),
    "rows of an array as reservoirs": lambda: ac.thermodynamics.MarkovChain(
        energies=[[0.0, 1.0]], reservoirs=np.ones((2, 2)), transition_matrices=[np.eye(2)]
    ),
    "a number as axes": lambda: ac.plot.fringes([0, 1], [0, 1], ax=3),
    "text as one of several": lambda: ac.Hamiltonian.from_matrix([["x"]], labels=[3]),
    "a list as a file": lambda: ac.studies.load([1]),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_line(name):
    with pytest.raises(ac.AnticrossingError) as caught:
        CALLS[name]()
    assert "\n" not in str(caught.value)


def test_several_environments_are_a_sum():
    one = ac.FixedAxisDephasing(0.1)
    with pytest.raises(ac.InputError, match=r"of several the sum, a \+ b"):
        ac.propagate(
            ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1), environment=[one, one]
        )


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


def test_what_fits_an_annotation_is_taken():
    crossings = (
        formulas.CrossingStep((0, 1), 0.5),
        formulas.CrossingStep([1, 2], np.float64(0.25)),
    )
    assert formulas.independent_crossings(crossings, levels=np.int64(3)).value.shape == (3, 3)
    assert formulas.landau_zener.__wrapped__ is not formulas.landau_zener
    assert pickle.loads(pickle.dumps(formulas.landau_zener)) is formulas.landau_zener


def test_a_function_of_the_user_sees_real_numbers_alone():
    def turning(x):
        assert not np.iscomplexobj(x)
        return np.array([[np.tanh(float(x)), 0.15], [0.15, -np.tanh(float(x))]])

    hamiltonian = ac.Hamiltonian.from_function(turning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ac.passage(hamiltonian, ac.drive.Tanh(-5, 5, rate=0.3, duration=80.0))
    assert 0 < result.exact.transition_matrix[1, 0] < 1
    with pytest.raises(ac.InputError, match="complex"):
        ac.dynamics.log_probability(hamiltonian, ac.drive.Linear(-20, 20, rate=0.01))
    with pytest.raises(ac.InputError, match="complex"):
        hamiltonian(0.1j)


def test_every_public_name_is_listed():
    assert set(ac.__all__) <= set(dir(ac))


@pytest.mark.parametrize("kind", [ac.Dephasing, ac.FixedAxisDephasing])
def test_a_rate_of_no_numbers_is_refused(kind):
    with pytest.raises(ac.InputError, match="at least one number"):
        kind([])
