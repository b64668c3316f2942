"""Vibronic coupling against sums written out, and pyrazine against experiment."""

import numpy as np
import pytest
from scipy.optimize import minimize

from anticrossing import Hamiltonian
from anticrossing._core.checks import InputError
from anticrossing.models.vibronic_coupling import Pyrazine, VibronicCoupling

STATES, MODES = 3, 4


@pytest.fixture(params=["real", "complex"])
def arrays(request):
    rng = np.random.default_rng(4)

    def hermitian(*shape):
        a = rng.normal(size=(*shape, STATES, STATES))
        if request.param == "complex":
            a = a + 1j * rng.normal(size=a.shape)
        return a + a.conj().swapaxes(-1, -2)

    quadratic = hermitian(MODES, MODES)
    return {
        "energies": hermitian(),
        "frequencies": rng.uniform(0.1, 1.0, MODES),
        "linear": hermitian(MODES),
        "quadratic": quadratic + quadratic.swapaxes(0, 1),
    }


def test_value_is_the_sum_written_out(arrays):
    W = VibronicCoupling(**arrays)
    Q = np.random.default_rng(5).normal(size=(6, MODES))
    for point, value in zip(Q, W(Q), strict=True):
        expected = arrays["energies"] + 0j
        for i in range(MODES):
            expected = expected + 0.5 * arrays["frequencies"][i] * point[i] ** 2 * np.eye(STATES)
            expected = expected + point[i] * arrays["linear"][i]
            for j in range(MODES):
                expected = expected + 0.5 * point[i] * point[j] * arrays["quadratic"][i, j]
        np.testing.assert_allclose(value, expected, atol=1e-12)
    assert W(Q).dtype == (np.complex128 if np.iscomplexobj(arrays["energies"]) else np.float64)


def test_slope_at_the_reference_is_the_linear_coupling(arrays):
    W = VibronicCoupling(**arrays)
    for i, name in enumerate(W.coordinates):
        slope = W.derivative(np.zeros(MODES), coordinate=name)
        np.testing.assert_allclose(slope, arrays["linear"][i], atol=1e-14)


@pytest.mark.parametrize("modes", [1, MODES])
@pytest.mark.parametrize("line", [False, True])
def test_matrices_agree_with_the_formulas(arrays, modes, line):
    """Products of arrays against the same model as formulas that SymPy differentiates."""
    given = {k: v[:modes] for k, v in arrays.items() if k in ("frequencies", "linear")}
    if not line:
        given["quadratic"] = arrays["quadratic"][:modes, :modes]
    W = VibronicCoupling(energies=arrays["energies"], **given)
    formulas = Hamiltonian.from_terms(
        list(zip(W.coefficients, W.matrices, strict=True)), coordinates=W.coordinates
    )
    rng = np.random.default_rng(6)
    Q = rng.normal(size=(2, 5, modes)) if modes > 1 else rng.normal(size=(2, 5))
    for points in (Q, Q + 0.3j, Q[0, 0]):
        for name in ("__call__", "gradient", "second_derivatives"):
            found, expected = getattr(W, name)(points), getattr(formulas, name)(points)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
        for coordinate in W.coordinates:
            found, expected = (H.derivative(points, coordinate=coordinate) for H in (W, formulas))
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_masses_make_the_kinetic_energy(arrays):
    W = VibronicCoupling(**arrays)
    P = np.array([0.5, -1.0, 2.0, 0.1])
    kinetic = np.sum(P**2 / (2 * W.masses))
    assert kinetic == pytest.approx(0.5 * np.sum(arrays["frequencies"] * P**2), rel=1e-14)


def test_few_terms():
    # Constant, oscillators, one for each mode that couples, one for each pair that does.
    linear = np.zeros((5, 2, 2))
    linear[1] = np.eye(2)
    quadratic = np.zeros((5, 5, 2, 2))
    quadratic[0, 3] = quadratic[3, 0] = np.eye(2)
    W = VibronicCoupling(
        energies=[0, 1], frequencies=np.ones(5), linear=linear, quadratic=quadratic
    )
    assert len(W.matrices) == 4
    assert W.coordinates == ("Q1", "Q2", "Q3", "Q4", "Q5")
    with pytest.raises(ValueError, match="read-only"):
        W.linear[0, 0, 0] = 1.0


def test_one_mode():
    W = VibronicCoupling(energies=[0, 1], frequencies=[2.0], linear=[np.diag([1.0, -1.0])])
    np.testing.assert_allclose(W(0.5), np.diag([0.25 + 0.5, 1 + 0.25 - 0.5]))


GOOD = {"energies": [0.0, 1.0], "frequencies": [0.1, 0.2], "linear": np.zeros((2, 2, 2))}
CROOKED = np.zeros((2, 2, 2, 2))
CROOKED[0, 1, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("name", "bad", "says"),
    [
        ("energies", [], "shape"),
        ("energies", [0.0, np.nan], "finite"),
        ("energies", [[0.0, 1.0], [0.5, 0.0]], "Hermitian"),
        ("frequencies", [0.1, -0.2], "positive"),
        ("frequencies", 0.1, "1 dimension"),
        ("linear", np.zeros((3, 2, 2)), "shape"),
        ("linear", [[[0, 1], [0, 0]], [[0, 0], [0, 0]]], "Hermitian"),
        ("linear", "kappa", "numbers"),
        ("quadratic", CROOKED, "symmetric in the two coordinates"),
        ("quadratic", np.zeros((2, 2)), "shape"),
        ("coordinates", ["Q1"], r"2 name\(s\)"),
        ("coordinates", "Q1", "list of names"),
        ("coordinates", 3, "list of names"),
        ("energies", [[0.0, 1.0], [0.5]], "numbers"),
        ("name", None, "be text"),
    ],
)
def test_bad_arguments(name, bad, says):
    with pytest.raises(InputError, match=f"Argument `{name}` must .*{says}"):
        VibronicCoupling(**{**GOOD, name: bad})


def lowest_intersection(W):
    """Closed form at zero coupling coordinate: the minimum of the mean on a linear seam."""
    tuning = [i for i in range(len(W.frequencies)) if W.linear[i, 0, 1] == 0]
    omega = W.frequencies[tuning]
    kappa = np.diagonal(W.linear[tuning], axis1=1, axis2=2)
    mean, half = kappa.mean(axis=1), (kappa[:, 1] - kappa[:, 0]) / 2
    energies = np.diag(W.constant)
    gap = (energies[1] - energies[0]) / 2 - np.sum(half * mean / omega)
    return energies.mean() - np.sum(mean**2 / omega) / 2 + gap**2 / (2 * np.sum(half**2 / omega))


@pytest.mark.parametrize("modes", [3, 4])
def test_pyrazine_intersects_below_its_bright_state(modes):
    W = Pyrazine(modes=modes)
    found = minimize(
        lambda Q: np.linalg.eigvalsh(W(Q)).mean(),
        np.zeros(modes),
        constraints=[
            {"type": "eq", "fun": lambda Q: W(Q)[1, 1] - W(Q)[0, 0]},
            {"type": "eq", "fun": lambda Q: W(Q)[0, 1]},
        ],
        options={"ftol": 1e-14},
    )
    levels = np.linalg.eigvalsh(W(found.x))
    assert levels[1] - levels[0] < 1e-6
    assert levels.mean() == pytest.approx(lowest_intersection(W), abs=1e-8)
    assert levels.mean() < W.constant[1, 1] - 0.15  # S₂ reaches it downhill, in femtoseconds


def test_pyrazine_models_agree_on_what_they_share():
    # Two ab initio studies: the same gap and couplings to some ten per cent.
    three, four = Pyrazine(), Pyrazine(modes=4)
    for name in ("Q6a", "Q1", "Q10a"):
        i, j = three.coordinates.index(name), four.coordinates.index(name)
        assert three.frequencies[i] == pytest.approx(four.frequencies[j], rel=0.05)
    gaps = [W.constant[1, 1] - W.constant[0, 0] for W in (three, four)]
    assert gaps[0] == pytest.approx(0.90, abs=1e-12)
    assert gaps[1] == pytest.approx(gaps[0], rel=0.07)


@pytest.mark.parametrize("bad", [2, True, "3", 3.0, np.zeros((2, 2))])
def test_pyrazine_has_three_or_four_modes(bad):
    with pytest.raises(InputError, match=r"be (3 or 4|an integer)"):
        Pyrazine(modes=bad)


def test_bilinear_terms_of_pyrazine():
    plain, whole = Pyrazine(modes=4), Pyrazine(modes=4, bilinear=True)
    Q = np.array([0.5, -1.0, 2.0, 0.7])
    # twice the published coefficients, one for each order of a pair: 6a·1, 1·9a, 6a·9a on S1
    added = 2 * (0.00108 * Q[1] * Q[2] - 0.00474 * Q[2] * Q[3] + 0.00204 * Q[1] * Q[3])
    coupling = 2 * Q[0] * (0.01 * Q[1] + 0.00553 * Q[2] + 0.00126 * Q[3])
    more = whole(Q) - plain(Q)
    np.testing.assert_allclose([more[0, 0], more[0, 1]], [added, coupling], atol=1e-15)
    with pytest.raises(InputError, match="bilinear"):
        Pyrazine(bilinear=True)
