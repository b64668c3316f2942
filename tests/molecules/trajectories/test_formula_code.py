"""Machine code from formulas and from functions: the values of H and of its derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian, models
from anticrossing.hamiltonian._compiled import compile_terms
from anticrossing.molecules.trajectories._tracing import compile_function
from tests.molecules.trajectories.random_vibronic import vibronic


@pytest.mark.parametrize(
    "H",
    [
        models.TullyDual(),
        models.Pyrazine(modes=4),
        vibronic(),
        Hamiltonian.from_matrix(
            [
                ["sech(x)**2 + a*sqrt(1+x**2)", "I*tan(x/9)"],
                ["-I*tan(x/9)", "atan(x) - log(2+x*x)"],
            ],
            parameters={"a": 0.3},
        ),
    ],
    ids=lambda H: H.name,
)
def test_machine_code_gives_the_values_of_the_formulas(H):
    x = np.random.default_rng(0).uniform(-2, 2, (20, len(H.coordinates)))
    value, slope = compile_terms(H).matrices(x)
    where = x if len(H.coordinates) > 1 else x[:, 0]
    size = np.abs(value).max()
    assert_allclose(value, H(where), atol=1e-14 * size)
    assert_allclose(slope, H.gradient(where).reshape(slope.shape), atol=1e-13 * size)


@pytest.mark.parametrize("H", [models.TullySimple(), models.TullyExtended()], ids=lambda H: H.name)
def test_functions_with_kinks_become_machine_code(H):
    x = np.linspace(-3.03, 4, 20)
    compiled = compile_function(H, x[:, np.newaxis])
    value, slope = compiled.matrices(x[:, np.newaxis])
    assert_allclose(value, H(x), atol=1e-17)
    assert_allclose(slope[:, 0], H.derivative(x), atol=1e-17)


def test_what_cancels_near_a_kink_is_exact():
    x = np.concatenate([s * np.logspace(-300, 2, 200) for s in (1.0, -1.0)])
    compiled = compile_function(models.TullySimple(), x[:, np.newaxis])
    value = compiled.matrices(x[:, np.newaxis])[0]
    assert_allclose(value[:, 0, 0], -0.01 * np.sign(x) * np.expm1(-1.6 * np.abs(x)), rtol=1e-15)


def test_a_function_that_is_not_its_formula_is_refused():
    def lookup(x):
        return np.interp(float(x), [-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]) * np.eye(2)

    assert compile_function(Hamiltonian.from_function(lookup), np.zeros((1, 1))) is None
    wrong = Hamiltonian.from_function(
        lambda x: np.array([[x**2, 0.0], [0.0, 1.0]]),
        derivative=lambda x: np.array([[3.0 * x, 0.0], [0.0, 0.0]]),
    )
    # The derivative that was given is not the one of the formula: the user's own is used.
    assert compile_function(wrong, np.array([[0.5]])) is None
