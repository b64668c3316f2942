"""All derivatives at once, and Hamiltonians along straight lines, against SymPy and differences."""

import numpy as np
import pytest
import sympy
from numpy.testing import assert_allclose

import anticrossing as ac
from anticrossing import Hamiltonian

NAMES = ("x", "y", "z")
MATRIX = [
    ["k*x**2 + tanh(y)", "a*x*y*exp(-z) + I*z*x", "k*a*z"],
    ["a*x*y*exp(-z) - I*z*x", "sin(k*x*z)", "(x - y)**3"],
    ["k*a*z", "(x - y)**3", "a"],
]
VALUES = {"k": 1.3, "a": -0.4}
POINT = np.array([0.3, -0.7, 1.1])


def symbolic(*variables, values=VALUES, point=POINT):
    """Differentiate the whole matrix of formulas with SymPy and put the numbers in."""
    matrix = sympy.Matrix([[sympy.sympify(entry) for entry in row] for row in MATRIX])
    for variable in variables:
        matrix = matrix.diff(sympy.Symbol(variable))
    numbers = {**values, **dict(zip(NAMES, point, strict=True))}
    return np.array(matrix.subs(numbers).evalf(25), dtype=complex)


@pytest.fixture
def H():
    return Hamiltonian.from_matrix(MATRIX, parameters=VALUES, coordinates=NAMES)


def test_gradient_and_second_derivatives_of_formulas(H):
    gradient, second = H.gradient(POINT), H.second_derivatives(POINT)
    assert gradient.shape == (3, 3, 3)
    assert second.shape == (3, 3, 3, 3)
    for a, one in enumerate(NAMES):
        assert_allclose(gradient[a], symbolic(one), atol=1e-14)
        assert_allclose(gradient[a], H.derivative(POINT, coordinate=one), atol=1e-14)
        for b, two in enumerate(NAMES):
            assert_allclose(second[a, b], symbolic(one, two), atol=1e-14)


def test_batches_of_parameters_and_points(H):
    batch = H.replace(k=np.array([[0.5], [1.5]]), a=[0.1, 0.2, 0.3])
    points = np.random.default_rng(1).normal(size=(4, 3))
    gradient, second = batch.gradient(points), batch.second_derivatives(points)
    assert gradient.shape == (2, 3, 4, 3, 3, 3)
    assert second.shape == (2, 3, 4, 3, 3, 3, 3)
    values = {"k": 1.5, "a": 0.2}
    assert_allclose(gradient[1, 1, 2, 1], symbolic("y", values=values, point=points[2]), atol=1e-13)
    assert_allclose(
        second[1, 1, 2, 0, 2], symbolic("x", "z", values=values, point=points[2]), atol=1e-13
    )


def test_a_copy_with_other_parameters_has_its_own_derivatives(H):
    first = H.gradient(POINT)
    other = H.replace(k=2.0).gradient(POINT)
    assert_allclose(other[0], symbolic("x", values={"k": 2.0, "a": -0.4}), atol=1e-14)
    assert_allclose(H.gradient(POINT), first, atol=0)


def test_one_coordinate_has_no_axis():
    H = Hamiltonian.from_matrix([["x**3", 1], [1, "-x"]])
    assert_allclose(H.gradient([1.0, 2.0])[1], [[12.0, 0.0], [0.0, -1.0]])
    assert_allclose(H.second_derivatives(2.0), [[12.0, 0.0], [0.0, 0.0]])
    assert H.evaluate_gradient(np.array([1.0]), {}).shape == (1, 1, 2, 2)


def test_a_constant_hamiltonian_has_zero_derivatives():
    H = Hamiltonian.from_matrix([[1, 2], [2, 3]], coordinates=("x", "y"))
    assert not H.gradient(np.ones((5, 2))).any()
    assert H.second_derivatives(np.ones((5, 2))).shape == (5, 2, 2, 2, 2)
    # Linear ones have none of second order.
    assert not Hamiltonian.affine([[0, 1], [1, 0]], np.eye(2)).second_derivatives(0.3).any()


def test_sparse_terms_and_complex_points():
    import scipy.sparse

    a, b = np.diag([1.0, 2.0, 3.0]), np.ones((3, 3))
    H = Hamiltonian.from_terms([("x**2", scipy.sparse.csr_matrix(a)), ("x", b)])
    assert_allclose(H.gradient(2.0), 4 * a + b)
    assert_allclose(H.gradient(2.0j), 4j * a + b)


def plain(point, k, a):
    x, y, z = point
    return np.array([[k * x**2, np.sin(a * y) * z], [np.sin(a * y) * z, np.exp(-x * z)]])


def slopes(point, k, a):
    x, y, z = point
    s, c, e = np.sin(a * y), a * np.cos(a * y) * z, np.exp(-x * z)
    return np.array([[[2 * k * x, 0], [0, -z * e]], [[0, c], [c, 0]], [[0, s], [s, -x * e]]])


def curvatures(point, k, a):
    x, y, z = point
    found = np.zeros((3, 3, 2, 2))
    e = np.exp(-x * z)
    found[0, 0] = np.diag([2 * k, z * z * e])
    found[1, 1, 0, 1] = found[1, 1, 1, 0] = -(a**2) * np.sin(a * y) * z
    found[1, 2, 0, 1] = found[1, 2, 1, 0] = a * np.cos(a * y)
    found[2, 1] = found[1, 2]
    found[2, 2, 1, 1] = x * x * e
    found[0, 2, 1, 1] = found[2, 0, 1, 1] = (x * z - 1) * e
    return found


@pytest.mark.parametrize("derivative", [None, slopes])
def test_functions_of_several_coordinates(derivative):
    H = Hamiltonian.from_function(
        plain, derivative=derivative, parameters=VALUES, coordinates=NAMES
    )
    points = np.array([POINT, [-1.0, 0.4, 0.2]])
    gradient, second = H.gradient(points), H.second_derivatives(points)
    for n, point in enumerate(points):
        tolerance = 1e-11 if derivative is None else 1e-15
        assert_allclose(gradient[n], slopes(point, **VALUES), atol=tolerance)
        tolerance = 1e-9 if derivative is None else 1e-11
        assert_allclose(second[n], curvatures(point, **VALUES), atol=tolerance)
    assert_allclose(H.derivative(points, coordinate="y"), gradient[:, 1], atol=0)
    batch = H.replace(k=[0.5, 1.5])
    assert batch.gradient(points).shape == (2, 2, 3, 2, 2)
    assert_allclose(
        batch.second_derivatives(points)[0, 1], curvatures(points[1], 0.5, VALUES["a"]), atol=1e-9
    )


def test_the_step_of_a_difference_does_not_depend_on_other_points():
    H = Hamiltonian.from_function(lambda x: np.array([[np.sin(x), 1.0], [1.0, 0.0]]))
    assert_allclose(H.gradient([0.3, 1e6])[0], H.gradient(0.3), atol=0)
    assert H.second_derivatives(0.3)[0, 0] == pytest.approx(-np.sin(0.3), abs=1e-10)


def test_a_derivative_of_the_wrong_shape_is_refused():
    H = Hamiltonian.from_function(
        plain, derivative=lambda p, k, a: np.eye(2), parameters=VALUES, coordinates=NAMES
    )
    with pytest.raises(ac.InputError, match=r"`derivative` must return an array of shape \(3, 2"):
        H.gradient(POINT)


def vectorised(points, k, a):
    return np.moveaxis(plain(np.moveaxis(points, -1, 0), k, a), (0, 1), (-2, -1))


@pytest.mark.parametrize(
    "H",
    [
        Hamiltonian.from_matrix(MATRIX, parameters=VALUES, coordinates=NAMES),
        Hamiltonian.from_function(
            plain, derivative=slopes, parameters=VALUES, coordinates=NAMES, labels=["one", "two"]
        ),
        Hamiltonian.from_function(
            vectorised, vectorised=True, parameters=VALUES, coordinates=NAMES
        ),
    ],
    ids=["terms", "function", "vectorised"],
)
def test_along_a_line(H):
    direction = np.array([0.5, 0.0, -2.0])
    line = H.along_line(POINT, direction)
    assert line.coordinates == ("s",)
    assert line.labels == H.labels
    s = np.array([-0.4, 0.0, 0.7])
    points = POINT + s[:, None] * direction
    assert_allclose(line(s), H(points), atol=1e-14)
    expected = np.einsum("a,naij->nij", direction, H.gradient(points))
    assert_allclose(line.derivative(s), expected, atol=1e-10)
    expected = np.einsum("a,b,nabij->nij", direction, direction, H.second_derivatives(points))
    assert_allclose(line.second_derivatives(s), expected, atol=1e-8)
    assert_allclose(line.replace(k=0.1)(s), H.replace(k=0.1)(points), atol=1e-14)


def test_a_line_of_a_function_of_one_coordinate():
    H = Hamiltonian.from_function(
        lambda x: np.array([[x**2, 1.0], [1.0, -x]]),
        derivative=lambda x: np.array([[2 * x, 0.0], [0.0, -1.0]]),
    )
    line = H.along_line(1.0, -3.0, coordinate="t")
    assert_allclose(line(0.5), H(-0.5))
    assert_allclose(line.derivative(0.5), -3 * H.derivative(-0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0, 0.0, 0.0]), "`origin` must hold one number for each of x, y, z"),
        (([0.0, 1.0, 0.0], [1.0]), "`direction` must hold one number"),
        (([0.0, 1.0, 0.0], [0.0, 0.0, 0.0]), "`direction` must not vanish"),
        (([0.0, np.nan, 0.0], [1.0, 0.0, 0.0]), "`origin` must be finite"),
    ],
)
def test_bad_lines_are_refused(H, arguments, message):
    with pytest.raises(ac.InputError, match=message):
        H.along_line(*arguments)


def test_names_of_the_line(H):
    with pytest.raises(ac.InputError, match="`coordinate` must be"):
        H.along_line(POINT, POINT, coordinate=np.eye(3))
    assert H.along_line(POINT, POINT, coordinate="r").coordinates == ("r",)
    with pytest.raises(ac.InputError, match="coordinate's name"):
        H.along_line(POINT, POINT, coordinate="k")


def test_points_with_the_wrong_number_of_coordinates_are_refused(H):
    for method in (H.gradient, H.second_derivatives, H.flat_points):
        with pytest.raises(ac.InputError, match="last axis of length 3"):
            method([1.0, 2.0])
        with pytest.raises(ac.InputError, match="`x` must be a number or an array of numbers"):
            method([[0.0, 1.0], [1.0]])
        with pytest.raises(ac.InputError, match="`x` must be finite"):
            method([0.0, 1.0, complex(0, np.nan)])


def test_a_bad_point_of_several_coordinates_is_named():
    H = Hamiltonian.from_matrix([["1/x", 0], [0, "y"]], coordinates=("x", "y"))
    with pytest.raises(ac.InputError, match=r"infinity at x = \(0, 2\)"):
        ac.spectrum.levels(H, [[1.0, 1.0], [0.0, 2.0]])
