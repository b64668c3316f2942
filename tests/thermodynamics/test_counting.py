"""Characteristic functions and cumulants against many-body traces and 40-digit determinants."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.linalg import expm
from scipy.special import expit, log_expit
from scipy.stats import unitary_group

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics.counting import TwoPointStatistics
from tests.effort import slow
from tests.systems.fermions import lowering_operators


class ManyBody:
    """The same measurement in Fock space, where only traces of 2^N-dimensional matrices enter."""

    def __init__(self, modes, occupations, generator):
        self.c = lowering_operators(modes)
        self.number = [c.T @ c for c in self.c]
        self.state = np.eye(2**modes)
        for n, f in zip(self.number, occupations, strict=True):
            self.state = self.state @ (f * n + (1 - f) * (np.eye(2**modes) - n))
        h = sum(
            generator[j, i] * self.c[j].T @ self.c[i] for j in range(modes) for i in range(modes)
        )
        self.evolution = expm(-1j * h)

    def observable(self, values):
        return np.diag(sum(v * n for v, n in zip(values, self.number, strict=True)))

    def characteristic_function(self, u, initial, final):
        before = sum(x * self.observable(q) for x, q in zip(u, initial, strict=True))
        after = sum(x * self.observable(q) for x, q in zip(u, final, strict=True))
        inner = self.evolution.conj().T @ np.diag(np.exp(1j * after)) @ self.evolution
        return np.trace(self.state @ np.diag(np.exp(-1j * before)) @ inner)


def hermitian(modes, rng):
    matrix = rng.normal(size=(modes, modes)) + 1j * rng.normal(size=(modes, modes))
    return matrix + matrix.conj().T


@pytest.mark.parametrize("modes", [1, 2, 5])
def test_characteristic_function_is_the_many_body_trace(modes):
    rng = np.random.default_rng(modes)
    generator, f = hermitian(modes, rng), rng.random(modes)
    initial, final = rng.normal(size=(2, 2, modes))
    many = ManyBody(modes, f, generator)
    joint = TwoPointStatistics(
        propagator=expm(-1j * generator), initial_values=initial, final_values=final, occupations=f
    )
    fields = rng.normal(size=(3, 4, 2)) + 1j * rng.normal(size=(3, 4, 2))
    got = joint.characteristic_function(fields)
    assert got.shape == (3, 4)
    for index in np.ndindex(3, 4):
        expected = many.characteristic_function(fields[index], initial, final)
        assert got[index] == pytest.approx(expected, rel=1e-12)


def precise_log(W, log_odds, initial, final, u):
    """ln det[1 − f + f e^{−iuE0} W† e^{iuET} W] in 400 digits, the form that is not evaluated."""
    with mpmath.workdps(400):
        n = len(initial)
        matrix = mpmath.matrix(n)
        phase_final = [mpmath.exp(1j * mpmath.mpc(u) * mpmath.mpf(q)) for q in final]
        for i in range(n):
            f = 1 / (1 + mpmath.exp(-mpmath.mpf(log_odds[i])))
            weight = f * mpmath.exp(-1j * mpmath.mpc(u) * mpmath.mpf(initial[i]))
            for k in range(n):
                inner = sum(mpmath.conj(W[j, i]) * phase_final[j] * W[j, k] for j in range(n))
                matrix[i, k] = (1 - f if i == k else 0) + weight * inner
        return complex(mpmath.log(mpmath.det(matrix)))


def precise_unitary(n, seed):
    """A Haar unitary, orthonormal to 400 digits, and its rounding."""
    with mpmath.workdps(400):
        start = mpmath.matrix(unitary_group.rvs(n, random_state=seed).tolist())
        q, _ = mpmath.qr(start)
    return q, np.array(q.tolist(), dtype=complex).reshape(n, n)


@pytest.mark.parametrize("beta", [0.7, 30.0])
@pytest.mark.parametrize("tilt", [0.0, 0.3, 1.0])
def test_tilted_fields_at_energies_of_hundreds_of_temperatures(beta, tilt):
    n = 6
    exact, W = precise_unitary(n, 3)
    rng = np.random.default_rng(5)
    initial, final = rng.normal(scale=10, size=(2, n))
    odds = -beta * (initial - 1.0)
    u = 0.37 + 1j * tilt * beta
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=odds
    )
    log = complex(work.log_characteristic_function(u))
    expected = precise_log(exact, odds, initial, final, u)
    assert abs(np.expm1(log - expected)) < 2e-12 * max(1, abs(expected.real) / 100)


@pytest.mark.parametrize(("modes", "beta"), [(10, 1.2), (60, 50.0), slow(200, 4.0)])
def test_jarzynski_and_crooks(modes, beta):
    W = unitary_group.rvs(modes, random_state=modes)
    rng = np.random.default_rng(0)
    initial, final = rng.uniform(-10, 10, size=(2, modes))
    mu = 0.6
    forward = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=-beta * (initial - mu)
    )
    change = (log_expit(beta * (final - mu)) - log_expit(beta * (initial - mu))).sum() / beta
    log = complex(forward.log_characteristic_function(1j * beta))
    assert abs(np.expm1(log + beta * change)) < 1e-14 * modes
    backward = forward.backward(log_odds=-beta * (final - mu))
    u = np.array([0.0, 0.01, 0.4, 0.2 - 0.3j * beta])
    left = forward.log_characteristic_function(u + 1j * beta) + beta * change
    right = backward.log_characteristic_function(-u)
    size = np.abs(np.exp(right))
    assert np.all(np.abs(np.exp(left) - np.exp(right)) < 1e-11 * np.maximum(size, 1))


def test_log_odds_keep_levels_that_occupations_lose():
    """An occupation of 1 − e⁻¹⁰⁰ is 1 in double precision; its hole decides the tilted average."""
    work = {"propagator": [[1.0]], "initial_values": [0.0], "final_values": [50.0]}
    statistics = TwoPointStatistics(**work, log_odds=[100.0])
    # ⟨e^{−3w}⟩ = 1 − f + f e^{−150}
    log = complex(statistics.log_characteristic_function(3j))
    expected = np.logaddexp(log_expit(-100.0), log_expit(100.0) - 150.0)
    assert log.real == pytest.approx(expected, abs=1e-13)
    assert statistics.variance == pytest.approx(2500 * np.exp(-100.0), rel=1e-13)
    assert TwoPointStatistics(**work, occupations=[1.0]).variance == 0.0


@pytest.mark.parametrize("size", [1e5, 1e18, 1e300])
def test_enormous_log_odds_are_full_and_empty_modes(size):
    """One particle, surely in the first mode, that stays there or moves by one."""
    work = TwoPointStatistics(
        propagator=[[0.8, -0.6], [0.6, 0.8]],
        initial_values=[0.0, 5.0],
        final_values=[2.0, 1.0],
        log_odds=[size, -size],
    )
    u = np.array([0.0, 0.3, 2j, -30j])
    expected = 0.64 * np.exp(2j * u) + 0.36 * np.exp(1j * u)
    assert np.max(np.abs(work.characteristic_function(u) / expected - 1)) < 1e-13


def test_full_and_empty_modes():
    W = unitary_group.rvs(4, random_state=2)
    initial, final = np.arange(4.0), np.array([0.5, 2.0, -1.0, 3.0])
    occupied = np.array([1.0, 0.0, 1.0, 0.0])
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, occupations=occupied
    )
    u = 0.8 - 0.4j
    inner = (W.conj().T * np.exp(1j * u * final)) @ W
    pair = inner[np.ix_([0, 2], [0, 2])] * np.exp(-1j * u * initial[[0, 2]])[:, None]
    assert work.characteristic_function(u) == pytest.approx(np.linalg.det(pair), rel=1e-13)
    full = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=[np.inf] * 4
    )
    expected = np.exp(1j * u * (final.sum() - initial.sum()))
    assert full.characteristic_function(u) == pytest.approx(expected, rel=1e-13)
    assert full.variance == 0.0
    assert np.isnan(full.skewness)
    nothing = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=[-np.inf] * 4
    )
    assert nothing.characteristic_function(u) == pytest.approx(1.0, abs=1e-14)


def test_cumulants_are_derivatives_of_the_logarithm():
    n = 5
    exact, W = precise_unitary(n, 8)
    rng = np.random.default_rng(1)
    initial, final, odds = rng.normal(size=(3, n))
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=odds
    )
    with mpmath.workdps(60):

        def generating(s):
            matrix = mpmath.matrix(n)
            for i in range(n):
                f = 1 / (1 + mpmath.exp(-mpmath.mpf(odds[i])))
                weight = f * mpmath.exp(-s * initial[i])
                for k in range(n):
                    inner = sum(
                        mpmath.conj(exact[j, i]) * mpmath.exp(s * final[j]) * exact[j, k]
                        for j in range(n)
                    )
                    matrix[i, k] = (1 - f if i == k else 0) + weight * inner
            return mpmath.re(mpmath.log(mpmath.det(matrix)))

        expected = [float(d) for d in list(mpmath.diffs(generating, 0, 4))[1:]]
    assert work.cumulants() == pytest.approx(expected, rel=1e-13, abs=1e-13)
    assert work.cumulants(2) == pytest.approx(expected[:2], rel=1e-13)
    assert work.mean == work.cumulants()[0]
    assert work.skewness == pytest.approx(expected[2] / expected[1] ** 1.5, rel=1e-13)


def test_joint_cumulants_and_covariance():
    W = unitary_group.rvs(7, random_state=4)
    rng = np.random.default_rng(2)
    initial, final = rng.normal(size=(2, 3, 7))
    f = rng.random(7)
    joint = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, occupations=f
    )
    single = [
        TwoPointStatistics(
            propagator=W, initial_values=initial[k], final_values=final[k], occupations=f
        )
        for k in range(3)
    ]
    assert joint.cumulants() == pytest.approx(np.array([one.cumulants() for one in single]))
    covariance = joint.covariance()
    assert np.diag(covariance) == pytest.approx(joint.variance, rel=1e-14)
    mixed = TwoPointStatistics(
        propagator=W,
        initial_values=initial[0] + initial[2],
        final_values=final[0] + final[2],
        occupations=f,
    )
    both = covariance[0, 0] + covariance[2, 2] + covariance[0, 2] + covariance[2, 0]
    assert mixed.variance == pytest.approx(both, rel=1e-13)
    with pytest.raises(InputError, match="counted jointly have no"):
        joint.atoms()


@given(seed=st.integers(0, 10**6), modes=st.integers(1, 8), beta=st.floats(0.01, 200.0))
def test_properties_of_any_characteristic_function(seed, modes, beta):
    rng = np.random.default_rng(seed)
    W = unitary_group.rvs(modes, random_state=seed) if modes > 1 else np.ones((1, 1))
    initial, final = rng.normal(size=(2, modes))
    odds = -beta * initial
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=odds
    )
    u = rng.normal(scale=5, size=6)
    value = work.characteristic_function(u)
    assert np.all(np.abs(value) < 1 + 1e-12)
    assert work.characteristic_function(0.0) == pytest.approx(1.0, abs=1e-13)
    assert np.allclose(work.characteristic_function(-u), value.conj(), atol=1e-12)
    change = (log_expit(beta * final) - log_expit(beta * initial)).sum() / beta
    log = complex(work.log_characteristic_function(1j * beta))
    assert abs(np.expm1(log + beta * change)) < 1e-12
    # phases of the eigenvectors and a common zero of energy mean nothing
    left, right = np.exp(1j * rng.normal(size=(2, modes)))
    other = TwoPointStatistics(
        propagator=left[:, None] * W * right,
        initial_values=initial + 3.0,
        final_values=final + 3.0,
        log_odds=odds,
    )
    assert np.allclose(other.characteristic_function(u), value, atol=1e-12)
    assert np.allclose(other.cumulants(), work.cumulants(), atol=1e-11)
    # exp(K(s)) is log-convex, with slope the mean at zero
    s = np.array([-0.5, 0.0, 0.5])
    k = work.log_characteristic_function(-1j * s).real
    assert k[0] + k[2] >= 2 * k[1] - 1e-12
    assert k[2] >= 0.5 * work.mean - 1e-12


def test_statistics_are_immutable_and_print():
    work = TwoPointStatistics(
        propagator=np.eye(2), initial_values=[0, 1], final_values=[1, 2], occupations=[0.5, 0.25]
    )
    assert str(work) == "two-point statistics of one observable, 2 modes, 0.75 particles on average"
    assert work.occupations == pytest.approx([0.5, 0.25], rel=1e-15)
    with pytest.raises(AttributeError):
        work.propagator = np.eye(2)
    with pytest.raises(ValueError, match="read-only"):
        work.initial_values[0] = 3.0
    assert expit(work.log_odds[1]) == pytest.approx(0.25)


def test_a_nearly_unitary_propagator_is_replaced_by_the_nearest():
    W = unitary_group.rvs(5, random_state=0)
    rng = np.random.default_rng(0)
    values = {"initial_values": rng.normal(size=5), "final_values": rng.normal(size=5)}
    exact = TwoPointStatistics(propagator=W, **values, occupations=[0.3] * 5)
    scaled = TwoPointStatistics(propagator=W * (1 + 1e-7), **values, occupations=[0.3] * 5)
    assert scaled.propagator == pytest.approx(exact.propagator, abs=1e-14)


GOOD = {
    "propagator": np.eye(2),
    "initial_values": [0.0, 1.0],
    "final_values": [0.0, 1.0],
    "occupations": [0.5, 0.5],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propagator": np.eye(3)}, r"`initial_values` must have shape \(3,\)"),
        ({"propagator": np.ones((2, 3))}, "`propagator` must be a square matrix"),
        ({"propagator": 1.1 * np.eye(2)}, "`propagator` must be unitary"),
        ({"propagator": [[np.nan, 0], [0, 1]]}, "`propagator` must be finite"),
        ({"propagator": "W"}, "`propagator` must be"),
        ({"final_values": [0.0]}, "`final_values` must have the shape"),
        ({"initial_values": [0.0, np.inf]}, "`initial_values` must be finite"),
        ({"occupations": [0.5, 1.5]}, "`occupations` must lie between 0 and 1"),
        ({"occupations": [0.5]}, "`occupations` must have shape"),
        ({"occupations": None}, "`occupations` must be given, or else `log_odds`, but neither"),
        ({"log_odds": [0.0, 0.0]}, "`occupations` must be given, or else `log_odds`, but both"),
        ({"occupations": None, "log_odds": [0.0, np.nan]}, "`log_odds` must not contain NaN"),
        ({"occupations": None, "log_odds": "hot"}, "`log_odds` must be a number or an array"),
    ],
)
def test_arguments_are_checked(change, message):
    with pytest.raises(InputError, match=message):
        TwoPointStatistics(**(GOOD | change))


def test_fields_and_orders_are_checked():
    work = TwoPointStatistics(**GOOD)
    with pytest.raises(InputError, match="`u` must be finite"):
        work.characteristic_function([0.0, np.nan])
    with pytest.raises(InputError, match="`u` must be a number"):
        work.characteristic_function("zero")
    with pytest.raises(InputError, match="`u` must be a number"):
        work.characteristic_function(["1"])
    assert work.characteristic_function([]).shape == (0,)
    with pytest.raises(InputError, match="`order` must be 1, 2, 3 or 4"):
        work.cumulants(5)
    with pytest.raises(InputError, match="`order` must be an integer"):
        work.cumulants(2.0)
    joint = TwoPointStatistics(
        **(GOOD | {"initial_values": [[0.0, 1.0]] * 2, "final_values": [[0.0, 1.0]] * 2})
    )
    with pytest.raises(InputError, match="`u` must have a last axis of length 2"):
        joint.characteristic_function([0.0, 0.0, 1.0])
