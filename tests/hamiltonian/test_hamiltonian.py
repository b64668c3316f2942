"""Hamiltonians: values, exact derivatives, batches, and what they refuse."""

import mpmath
import numpy as np
import pytest
import scipy.sparse
import sympy

import anticrossing as ac
from anticrossing import Hamiltonian
from anticrossing.hamiltonian import describe_value
from tests.systems import random_hermitian

MATRIX = [["a*tanh(x)", "b*exp(-x**2) - I*c*x"], ["b*exp(-x**2) + I*c*x", "-a*tanh(x)/2"]]
VALUES = {"a": 1.3, "b": 0.4, "c": 0.7}


def test_matrix_of_formulas_has_the_written_values():
    H = Hamiltonian.from_matrix(MATRIX, parameters=VALUES)
    for x in (-1.2, 0.0, 0.8):
        coupling = 0.4 * np.exp(-(x**2)) - 0.7j * x
        expected = np.array([[1.3 * np.tanh(x), coupling], [np.conj(coupling), -0.65 * np.tanh(x)]])
        assert np.allclose(H(x), expected, rtol=1e-14)


def test_derivatives_are_exact():
    H = Hamiltonian.from_matrix(MATRIX, parameters=VALUES)
    for x in (-0.7, 0.3):
        for i in range(2):
            for j in range(2):

                def entry(z, i=i, j=j):
                    t = 1.3 * mpmath.tanh(z)
                    c = 0.4 * mpmath.exp(-(z**2))
                    return [[t, c - 0.7j * z], [c + 0.7j * z, -t / 2]][i][j]

                assert complex(H.derivative(x)[i, j]) == pytest.approx(
                    complex(mpmath.diff(entry, x)), abs=1e-12
                )
        assert np.allclose(
            H.parameter_derivative("b", x), np.exp(-(x**2)) * np.array([[0, 1], [1, 0]])
        )


def test_array_parameters_make_a_batch_with_batch_axes_first():
    H = Hamiltonian.from_matrix(MATRIX, parameters=VALUES)
    batch = H.replace(a=np.array([[1.0], [2.0]]), b=np.array([0.1, 0.2, 0.3]))
    assert batch.batch_shape == (2, 3)
    x = np.linspace(-1, 1, 5)
    values = batch(x)
    assert values.shape == (2, 3, 5, 2, 2)
    assert np.allclose(values[1, 2], H.replace(a=2.0, b=0.3)(x))
    assert H.batch_shape == ()


def test_real_matrices_stay_real():
    assert ac.models.LandauZener(gap=1.0)(0.5).dtype == np.float64
    assert Hamiltonian.from_matrix(MATRIX, parameters=VALUES)(0.5).dtype == np.complex128


def test_several_coordinates():
    H = Hamiltonian.from_matrix(
        [["k*x", "k*y"], ["k*y", "-k*x"]], parameters={"k": 2.0}, coordinates=("x", "y")
    )
    points = np.array([[0.1, 0.2], [0.3, -0.4]])
    assert H(points).shape == (2, 2, 2)
    assert np.allclose(H(points)[1], [[0.6, -0.8], [-0.8, -0.6]])
    assert np.allclose(H.derivative(points, coordinate="y")[0], [[0, 2], [2, 0]])
    with pytest.raises(ac.InputError, match="name one of x, y"):
        H.derivative(points)
    with pytest.raises(ac.InputError, match="last axis of length 2"):
        H(0.3)


def test_sparse_terms_equal_dense_ones():
    rng = np.random.default_rng(5)
    a, b = (
        np.diag(rng.normal(size=30)) + np.diag(np.ones(29), 1) + np.diag(np.ones(29), -1)
        for _ in "ab"
    )
    dense = Hamiltonian.affine(a, b)
    sparse = Hamiltonian.affine(scipy.sparse.csr_matrix(a), scipy.sparse.csr_matrix(b))
    assert sparse.is_sparse
    assert np.allclose(sparse(0.3), dense(0.3))
    assert np.allclose(sparse.sparse(0.3).toarray(), dense(0.3))


def test_function_hamiltonians_with_and_without_a_derivative():
    def matrix(x, g):
        return np.array([[np.sin(x), g], [g, -np.sin(x)]])

    numerical = Hamiltonian.from_function(matrix, parameters={"g": 0.5})
    exact = Hamiltonian.from_function(
        matrix,
        derivative=lambda x, g: np.array([[np.cos(x), 0], [0, -np.cos(x)]]),
        parameters={"g": 0.5},
    )
    assert np.allclose(numerical.derivative(0.4), exact.derivative(0.4), atol=1e-11)
    assert np.allclose(numerical.parameter_derivative("g", 0.4), [[0, 1], [1, 0]], atol=1e-11)
    assert numerical.replace(g=[0.1, 0.2])(np.zeros(3)).shape == (2, 3, 2, 2)


def test_vectorised_function_must_return_its_shape():
    H = Hamiltonian.from_function(lambda x: np.zeros((2, 2)), vectorised=True, dimension=2)
    with pytest.raises(ac.InputError, match="return shape"):
        H(np.zeros(3))


def fills_again(array):
    """Return a function of a point that gives back one array, filled with the sine of the sum."""

    def fill(point):
        array[...] = np.sin(np.sum(point))
        return array

    return fill


@pytest.mark.parametrize("count", [1, 2])
def test_a_function_may_fill_the_same_array_again(count):
    slopes = np.zeros((2, 2) if count == 1 else (2, 2, 2))
    H = Hamiltonian.from_function(
        fills_again(np.zeros((2, 2))),
        derivative=fills_again(slopes),
        coordinates=("x", "y")[:count],
    )
    x = np.array([0.0, 1.0, 2.0])
    points = x if count == 1 else np.stack((x, x), axis=-1)
    line = H.along_line(np.zeros(count), np.ones(count))
    for values in (H(points), H.derivative(points, coordinate="x"), line(x)):
        assert np.array_equal(values[:, 0, 0], np.sin(count * x))


def test_a_vectorised_function_may_fill_the_same_array_again():
    array = np.zeros((1, 2, 2), dtype=complex)

    def matrix(x):
        array[...] = x
        return array

    H = Hamiltonian.from_function(matrix, vectorised=True, dimension=2)
    assert np.allclose(H.derivative([0.5]), 1.0)


def test_masked_matrices_of_functions_are_refused():
    def matrix(x):
        return np.ma.array([[x, 0.1], [0.1, -x]], mask=[[0, x > 0], [x > 0, 0]])

    H = Hamiltonian.from_function(matrix, derivative=lambda x: matrix(x + 1.0))
    along = H.along_line(0.0, 1.0)
    for wrong in (lambda: H(1.0), lambda: H.derivative(1.0), lambda: along.derivative(1.0)):
        with pytest.raises(ac.InputError, match="must return a matrix of numbers"):
            wrong()
    with pytest.raises(ac.InputError, match="return numbers, but at 0 it returned"):
        Hamiltonian.from_function(lambda x: matrix(x + 1.0))


def test_sympy_entries_are_accepted():
    x, g = sympy.symbols("x g")
    H = Hamiltonian.from_matrix([[x / 2, g / 2], [g / 2, -x / 2]], parameters={"g": 1.0})
    assert np.allclose(H(0.4), ac.models.LandauZener(gap=1.0)(0.4))
    assert "x" in H.latex()


def test_terms_sharing_a_formula_are_merged():
    H = Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": 1.0})
    assert len(H.coefficients) == 2


def test_complex_continuation_is_analytic():
    rng = np.random.default_rng(1)
    a, b = random_hermitian(rng, 3), random_hermitian(rng, 3)
    z = np.array([0.3 + 0.7j])
    assert np.allclose(Hamiltonian.affine(a, b)(z)[0], a + z[0] * b)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Hamiltonian.affine([[0, 1], [0, 0]], np.eye(2)), "Hermitian"),
        (lambda: Hamiltonian.affine(np.eye(2), np.eye(3)), "one shape"),
        (lambda: Hamiltonian.affine([[np.nan, 0], [0, 1]], np.eye(2)), "finite"),
        (lambda: Hamiltonian.affine(np.ones((2, 3)), np.eye(2)), "square"),
        (lambda: Hamiltonian.from_terms([]), "at least one term"),
        (lambda: Hamiltonian.from_terms([("y", np.eye(2))]), "unknown name `y`"),
        (lambda: Hamiltonian.from_terms([("I*x", np.eye(2))]), "be real"),
        (lambda: Hamiltonian.from_terms([1, 2]), r"`terms\[0\]` must be a pair"),
        (lambda: Hamiltonian.from_terms(3), "list of pairs"),
        (lambda: Hamiltonian.from_matrix(3), "list of rows"),
        (lambda: Hamiltonian.from_matrix([["I*sqrt(x)"]]), r"diagonal entry \[0\]\[0\] is I\*sq"),
        (lambda: Hamiltonian.from_matrix([["sqrt(x**2)"]]), "has a kink"),
        (lambda: Hamiltonian.from_matrix([[sympy.Abs(sympy.Symbol("x"))]]), "has a kink"),
        (lambda: Hamiltonian.from_matrix([["x"]], units="GHz"), "be a Units"),
        (lambda: Hamiltonian.from_matrix([["x"]], labels=3), "list of names"),
        (lambda: Hamiltonian.from_matrix([["x"]], coordinates=3), "list of names"),
        (lambda: Hamiltonian.from_matrix([["x", 1], [2, "-x"]]), "Hermitian"),
        (lambda: Hamiltonian.from_matrix([["I*x", 0], [0, 1]]), "Hermitian"),
        (lambda: Hamiltonian.from_matrix([["x", 1]]), "square"),
        (lambda: ac.models.LandauZener(gap=[1.0, np.nan]), "finite"),
        (lambda: ac.models.LandauZener(gap=[]), "at least one number"),
        (lambda: ac.models.LandauZener(gap="wide"), "number"),
        (lambda: Hamiltonian.from_function(lambda x: [[1], [1, 2]]), "square matrix at 0"),
        (lambda: Hamiltonian.from_function(lambda x: [["a"]]), "return numbers"),
        (lambda: Hamiltonian.from_function(lambda x: [[1 / float(x)]]), "unless `dimension`"),
        (lambda: ac.models.LandauZener(gap=1.0).replace(gpa=2.0), "did you mean `gap`"),
        (lambda: Hamiltonian.from_matrix([["x"]], coordinates=("x", "x")), "distinct"),
        (lambda: Hamiltonian.from_matrix([["x"]], parameters={"x": 1}), "coordinate's name"),
        (lambda: Hamiltonian.from_function(3), "callable"),
        (
            lambda: Hamiltonian.from_function(lambda x, g: np.eye(2), parameters={"g": []}),
            "`g` must hold at least one number",
        ),
        (lambda: ac.Units("GHz", ""), "both an energy and a time"),
        (lambda: ac.Units("Ghz", "ns"), "did you mean `GHz`"),
    ],
)
def test_bad_input_is_one_clear_line(build, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_parameters_that_do_not_broadcast_are_refused():
    H = Hamiltonian.from_matrix(MATRIX, parameters=VALUES)
    with pytest.raises(ac.InputError, match="broadcast"):
        H.replace(a=[1.0, 2.0], b=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("text", ["sqrt(x)", "asin(x/5)", "log(x)", "acosh(x)", "x**0.5", "x**x"])
def test_formulas_that_are_real_on_a_part_of_the_axis_are_used_there(text):
    H = Hamiltonian.from_matrix([[text, f"I*({text})/3"], [f"-I*({text})/3", 0]])
    function = sympy.lambdify("x", sympy.sympify(text), "mpmath")
    for x in (1.5, 4.0):
        value = float(function(x))
        expected = [[value, 1j * value / 3], [-1j * value / 3, 0]]
        np.testing.assert_allclose(H(x), expected, rtol=1e-14)
    with pytest.raises(ac.InputError, match="NaN or infinity at x = -6"):
        ac.propagate(H, ac.drive.Linear(-6.5, -5.5, 1.0))


def test_energies_whose_square_overflows_are_refused():
    with pytest.raises(ac.InputError, match="choose other units"):
        ac.spectrum.levels(ac.models.LandauZener(gap=1e200), 0.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x**x**x**x", lambda x: x ** (x ** (x**x))),
        ("sqrt(sqrt(x + 20) - 1)", lambda x: mpmath.sqrt(mpmath.sqrt(x + 20) - 1)),
        ("(sqrt(x) + I)*(sqrt(x) - I)", lambda x: x + 1),
    ],
)
def test_nested_roots_and_real_powers_of_complex_numbers(text, value):
    H = Hamiltonian.from_matrix([[text, 0], [0, 1]])
    for x in (0.3, 1.7):
        assert H(x)[0, 0] == pytest.approx(float(value(mpmath.mpf(x))), rel=1e-13)


@pytest.mark.parametrize(
    ("upper", "lower", "value"),
    [
        ("sin(2*x)", "2*sin(x)*cos(x)", lambda x: np.sin(2 * x)),
        ("(x + I)**2", "x**2 - 1 - 2*I*x", lambda x: (x + 1j) ** 2),
        ("(x + 1)**2 - x**2 - 2*x - 1", "0", lambda x: 0 * x),
        ("exp(I*pi/3)*x", "exp(-I*pi/3)*x", lambda x: (0.5 + 0.75**0.5 * 1j) * x),
    ],
)
def test_mirrored_entries_may_be_written_differently(upper, lower, value):
    H = Hamiltonian.from_matrix([["x", upper], [lower, 0]])
    assert H(0.7)[0, 1] == pytest.approx(value(0.7), abs=1e-14)
    assert H(0.7)[1, 0] == pytest.approx(np.conj(value(0.7)), abs=1e-14)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("x + 1e-7*I", "x + 1e-7*I"),
        ("I*(x + 1)**900", "I*(x + 1)**900"),
        ("sin(2*x)", "2.000001*sin(x)*cos(x)"),
        ("x**300 + I", "x**300 + I"),
    ],
)
def test_small_differences_of_mirrored_entries_are_seen(upper, lower):
    with pytest.raises(ac.InputError, match="Hermitian"):
        Hamiltonian.from_matrix([["x", upper], [lower, 0]])
    if upper == lower:
        with pytest.raises(ac.InputError, match="Hermitian"):
            Hamiltonian.from_matrix([[upper, 0], [0, 0]])


@pytest.mark.parametrize("text", ["(x + I)**900", "*".join(["(x + I)**90"] * 20), "(x**900)**900"])
def test_powers_that_would_be_multiplied_out_are_refused(text):
    with pytest.raises(ac.InputError, match=r"power|exponent"):
        Hamiltonian.from_matrix([["x", text], [text, 0]])


def test_values_of_any_kind_are_described():
    assert describe_value(1j) == "0+1j"
    assert describe_value(np.array([])) == "<0 values>"


def test_names_of_arguments_that_are_not_known():
    with pytest.raises(ac.InputError, match="did you mean `coordinates`"):
        ac.Hamiltonian.from_terms([("x", np.eye(2))], coordinate="x")
    with pytest.raises(ac.InputError, match="`coordinates` in the arguments"):
        ac.Hamiltonian.affine(np.eye(2), np.eye(2), coordinates="y")
    with pytest.raises(ac.InputError, match="did you mean `vectorised`"):
        ac.Hamiltonian.from_function(lambda x: x * np.eye(2), vectorized=True)


def test_derivatives_by_all_parameters_are_those_by_each():
    parameters = {"a": np.array([[0.3], [0.7]]), "b": 1.2, "c": 0.4}
    terms = [("a*x + b", np.diag([1.0, -1.0])), ("b*exp(-x**2)", [[0, 1], [1, 0]])]
    terms.append(("a*c", [[0, -1j], [1j, 0]]))
    H = Hamiltonian.from_terms(terms, parameters=parameters)
    x, names = np.linspace(-1, 1, 5), ["c", "a", "b"]
    found = H.evaluate_parameter_derivatives(x, parameters, names)
    assert found.shape == (2, 5, 3, 2, 2)
    for k, name in enumerate(names):
        moved = {**parameters, name: parameters[name] + 1.0}
        change = H.evaluate(x, moved) - H.evaluate(x, parameters)
        assert np.abs(found[:, :, k] - change).max() < 1e-14
