"""Evolution of a few states in steps, with the exact derivative of what the steps give.

A step is the exponential of the fourth-order Magnus series at its two Gauss nodes,
``K = ½h(H₁ + H₂) − i(√3/12)h²[H₂, H₁]``, U = e^{−iK}: exact where H is constant. Its derivative is
the one of Fréchet, in the eigenbasis of K ``(e^{−iκ_a} − e^{−iκ_b})/(κ_a − κ_b)`` times dK_ab; the
derivative of a number that depends on the final states is carried backwards beside them.

S. Blanes, F. Casas, J. A. Oteo, J. Ros, Phys. Rep. 470, 151 (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.hamiltonian import Hamiltonian

_OFFSET = 0.5 / math.sqrt(3.0)  # of the Gauss nodes from the middle, in steps
_COMMUTATOR = math.sqrt(3.0) / 12

# What is asked of the final states: numbers (M,) and their derivatives by conj(states) (M, N, d).
Figure = Callable[[ComplexArray], tuple[FloatArray, ComplexArray]]


def nodes(edges: FloatArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Gauss nodes (S, 2) and lengths (S,) of steps that divide every piece equally."""
    starts, lengths = [], []
    for a, b, count in zip(edges[:-1], edges[1:], steps.tolist(), strict=True):
        h = (b - a) / count
        starts.append(a + h * np.arange(count))
        lengths.append(np.full(count, h))
    size = np.concatenate(lengths)
    middle = np.concatenate(starts) + 0.5 * size
    return middle[:, None] + size[:, None] * _OFFSET * np.array([-1.0, 1.0]), size


@dataclass(frozen=True)
class Stepper:
    """The evolution of states of M points along S steps.

    Attributes
    ----------
    hamiltonian : Hamiltonian
    parameters : dict of array, shape (M,)
        Its parameters at every point.
    offsets : array, shape (M,)
        What is added to the coordinate at every point.
    lengths : array, shape (S,)
        Of the steps.
    """

    hamiltonian: Hamiltonian
    parameters: dict[str, FloatArray]
    offsets: FloatArray
    lengths: FloatArray

    def final(self, x: FloatArray, columns: ComplexArray) -> ComplexArray:
        """Return the final states (M, N, d) of a drive with the values x (S, 2) at the nodes."""
        angles, vectors = self._steps(self._hamiltonians(x))
        return self._forward(angles, vectors, columns)[-1]

    def history(self, x: FloatArray, columns: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the first state of the first point at all S + 1 times, and H at the nodes there.

        Shapes (S + 1, N) and (S, 2, N, N).
        """
        values = self._hamiltonians(x)
        states = self._forward(*self._steps(values), columns)
        return np.stack(states)[:, 0, :, 0], values[:, 0]

    def derivative(
        self, x: FloatArray, columns: ComplexArray, figure: Figure
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `figure` says (M,), and its derivatives by x (M, S, 2)."""
        values = self._hamiltonians(x)
        angles, vectors = self._steps(values)
        states = self._forward(angles, vectors, columns)
        found, outward = figure(states[-1])
        back = _steps_of(-angles, vectors)
        behind = np.empty((self.lengths.size, *outward.shape), dtype=np.complex128)
        for step in range(self.lengths.size - 1, -1, -1):
            behind[step] = outward
            outward = back[step] @ outward
        # 2 Re Σ ⟨behind|dU|state⟩ = 2 Re Σ_ij dK_ij weight_ij
        turned = dagger(vectors)
        left, right = turned @ behind, turned @ np.stack(states[:-1])
        inner = (left.conj() @ np.swapaxes(right, -1, -2)) * _divided(angles)
        weight = vectors.conj() @ inner @ np.swapaxes(vectors, -1, -2)
        return found, self._by_nodes(x, values, weight)

    def _hamiltonians(self, x: FloatArray, *, slope: bool = False) -> ComplexArray:
        """Return H or dH/dx at the nodes in radians per time, (S, M, 2, N, N)."""
        at = x[:, None, :] + self.offsets[:, None]
        own = {key: value[:, None] for key, value in self.parameters.items()}
        evaluate = self.hamiltonian.evaluate_derivative if slope else self.hamiltonian.evaluate
        return np.asarray(self.hamiltonian.units.angular * evaluate(at, own))

    def _steps(self, values: ComplexArray) -> tuple[FloatArray, ComplexArray]:
        """Return eigenvalues (S, M, N) and eigenvectors of K."""
        h = self.lengths[:, None, None, None]
        one, two = values[:, :, 0], values[:, :, 1]
        exponent = 0.5 * h * (one + two) - 1j * _COMMUTATOR * h**2 * (two @ one - one @ two)
        angles, vectors = np.linalg.eigh(exponent)
        return angles, vectors

    def _forward(
        self, angles: FloatArray, vectors: ComplexArray, columns: ComplexArray
    ) -> list[ComplexArray]:
        """Return the states before every step and at the end."""
        states = [columns]
        for step in _steps_of(angles, vectors):
            states.append(step @ states[-1])
        return states

    def _by_nodes(self, x: FloatArray, values: ComplexArray, weight: ComplexArray) -> FloatArray:
        """Return 2 Re Σ_ij dK_ij weight_ij by the positions at both nodes, (M, S, 2)."""
        slopes = self._hamiltonians(x, slope=True)
        h = self.lengths[:, None, None, None]
        across = np.swapaxes(weight, -1, -2)  # Σ_ij A_ij w_ij = tr A wᵀ

        def traced(node: int) -> FloatArray:
            other = values[:, :, 1 - node]
            sign = -1.0 if node == 0 else 1.0  # of [H₂′, H₁], or −[H₁′, H₂]
            turned = other @ across - across @ other  # tr [A, B]w = tr A [B, w]
            total = 0.5 * h * across - sign * 1j * _COMMUTATOR * h**2 * turned
            return np.asarray(np.einsum("smij,smji->ms", slopes[:, :, node], total).real)

        return 2 * np.stack([traced(0), traced(1)], axis=-1)


def _steps_of(angles: FloatArray, vectors: ComplexArray) -> ComplexArray:
    """Return e^{−iK} from the eigenvalues and eigenvectors of K."""
    return np.asarray((vectors * np.exp(-1j * angles)[..., None, :]) @ dagger(vectors))


def _divided(angles: FloatArray) -> ComplexArray:
    """Return (e^{−iκ_a} − e^{−iκ_b})/(κ_a − κ_b), its limit where they are equal."""
    mean = 0.5 * (angles[..., :, None] + angles[..., None, :])
    half = 0.5 * (angles[..., :, None] - angles[..., None, :])
    return np.asarray(-1j * np.exp(-1j * mean) * np.sinc(half / np.pi))
