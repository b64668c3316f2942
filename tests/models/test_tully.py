"""Tully's problems against scattering probabilities published for exact wave packets."""

import numpy as np
import pytest
import scipy.sparse as sparse
from scipy.sparse.linalg import spsolve

from anticrossing._core.checks import InputError
from anticrossing.models.tully import TULLY_MASS, TullyDual, TullyExtended, TullySimple


def scatter(H, momentum, ends, step=0.01):
    """Return (R₁, R₂, T₁, T₂) of a plane wave on the lower level: close coupling by Numerov."""
    x = np.arange(ends[0], ends[1] + step / 2, step)
    V = H(x)
    (eL, uL), (eR, uR) = np.linalg.eigh(V[0]), np.linalg.eigh(V[-1])
    energy = momentum**2 / (2 * TULLY_MASS) + eL[0]
    W = 2 * TULLY_MASS * step**2 * (V - energy * np.eye(2)) / 12

    def outgoing(levels):
        """The factor from one point to the next, and the flux of a unit wave."""
        w = 2 * TULLY_MASS * step**2 * (levels - energy) / 12
        cosine = (1 + 5 * w) / (1 - w)
        closed = cosine - np.sqrt(np.maximum(cosine**2 - 1, 0))
        factor = np.where(cosine > 1, closed, np.exp(1j * np.arccos(np.clip(cosine, -1, 1))))
        return factor, (1 - w) ** 2 * np.abs(factor.imag)

    (zL, fluxL), (zR, fluxR) = outgoing(eL), outgoing(eR)
    n, rows, one = len(x), np.arange(len(x) - 1), np.eye(2, dtype=complex)

    def band(blocks, shift):
        return sparse.bsr_matrix(
            (blocks, np.arange(n - 2) + shift, rows), shape=(2 * (n - 2), 2 * n)
        )

    left, right = (uL * zL) @ uL.T, (uR * zR) @ uR.T
    inner = (
        band(np.eye(2) - W[:-2], 0)
        + band(-(2 * np.eye(2) + 10 * W[1:-1]), 1)
        + band(np.eye(2) - W[2:], 2)
    )
    first = sparse.bsr_matrix((np.array([one, -left]), [0, 1], [0, 2]), shape=(2, 2 * n))
    last = sparse.bsr_matrix((np.array([-right, one]), [n - 2, n - 1], [0, 2]), shape=(2, 2 * n))
    source = np.zeros(2 * n, dtype=complex)
    incoming = uL[:, 0].astype(complex)
    source[:2] = incoming - left @ (incoming * zL[0])
    psi = spsolve(sparse.vstack([first, inner, last]).tocsc(), source).reshape(n, 2)
    reflected, transmitted = uL.T @ (psi[0] - incoming), uR.T @ psi[-1]
    return (
        np.concatenate([np.abs(reflected) ** 2 * fluxL, np.abs(transmitted) ** 2 * fluxR])
        / fluxL[0]
    )


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("H", "momentum", "ends", "published", "tolerance"),
    [
        (TullySimple(), 20.0, (-12, 12), [0.0, 0.0, 0.50765, 0.49235], 2e-5),
        # Resonances below the upper channel's threshold make this average hard.
        (TullyDual(), 16.0, (-12, 12), [0.00001, 0.00021, 0.81388, 0.18590], 1e-3),
        (TullyExtended(), 10.0, (-15, 15), [0.08980, 0.20977, 0.70043, 0.0], 1e-4),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_scattering_probabilities_of_the_published_packets(H, momentum, ends, published, tolerance):
    # A packet exp(−(x−x₀)²/σ² + ikx) with σ = 20/k: its momenta have the spread 1/σ.
    nodes, weights = np.polynomial.hermite.hermgauss(31)
    momenta = momentum * (1 + np.sqrt(2) * nodes / 20)
    found = [scatter(H, k, ends) for k in momenta]
    np.testing.assert_allclose(np.sum(found, axis=1), 1, atol=1e-6)  # flux is conserved
    np.testing.assert_allclose(weights @ found / weights.sum(), published, atol=tolerance)


def coupling(H, x):
    """d₁₂ from the mixing angle θ of the diabats, ½ arctan(2V/Δ): d = dθ/dx."""
    values, slopes = H(x), H.derivative(x)
    difference, V = values[..., 0, 0] - values[..., 1, 1], values[..., 0, 1]
    dd, dV = slopes[..., 0, 0] - slopes[..., 1, 1], slopes[..., 0, 1]
    return (V * dd - dV * difference) / (difference**2 + 4 * V**2)


def test_peak_of_the_derivative_coupling():
    # Slope difference 2AB = 0.032, gap 2C = 0.01: the peak is 0.032/(4 · 0.005).
    assert coupling(TullySimple(), 0.0) == pytest.approx(1.6, rel=1e-14)
    crossing = np.sqrt(np.log(0.1 / 0.05) / 0.28)
    values = TullyDual()(np.array([-crossing, crossing]))
    np.testing.assert_allclose(values[:, 1, 1], 0, atol=1e-16)
    slope = 2 * 0.28 * crossing * 0.05  # of V₂₂ where it vanishes
    V = 0.015 * np.exp(-0.06 * crossing**2)
    np.testing.assert_allclose(
        np.abs(coupling(TullyDual(), np.array([-crossing, crossing]))), slope / (4 * V), rtol=1e-12
    )


@pytest.mark.parametrize("H", [TullySimple(), TullyDual(), TullyExtended()])
def test_slopes_are_those_of_the_values(H):
    x, h = np.array([-3.1, -0.7, -0.002, 0.0021, 0.4, 2.2]), 1e-5
    np.testing.assert_allclose(H.derivative(x), (H(x + h) - H(x - h)) / (2 * h), atol=1e-9)


def test_limits_far_out():
    np.testing.assert_allclose(TullySimple()(30.0), np.diag([0.01, -0.01]), atol=1e-15)
    np.testing.assert_allclose(TullySimple()(-30.0), np.diag([-0.01, 0.01]), atol=1e-15)
    np.testing.assert_allclose(TullyDual()(40.0), np.diag([0.0, 0.05]), atol=1e-15)
    extended = TullyExtended()(np.array([-60.0, 60.0]))
    np.testing.assert_allclose(extended[0], np.diag([6e-4, -6e-4]), atol=1e-15)
    np.testing.assert_allclose(extended[1], [[6e-4, 0.2], [0.2, -6e-4]], atol=1e-15)


def test_parameters_batch():
    assert TullySimple(coupling=[0.005, 0.01])(np.zeros(3)).shape == (2, 3, 2, 2)
    assert TullySimple().replace(depth=0.02)(30.0)[0, 0] == pytest.approx(0.02)


@pytest.mark.parametrize(
    "bad", [{"depth": 0.0}, {"steepness": -1.0}, {"coupling": np.nan}, {"depth": []}]
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(InputError, match="Argument `"):
        TullySimple(**bad)
