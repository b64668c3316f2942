"""Any linear equation y′ = G(t) y of D complex numbers, panel by panel.

Panels on which little happens are integrated in the interaction picture of the diagonal of G; on
others the eigenvalues of G are told apart and the invariant subspaces of their groups followed over
the nodes, so that the cost does not grow with slowness. What decays to nothing is dropped; at
exceptional points eigenvalues stay together. It needs no structure of G: not that it is Hermitian,
nor a Lindblad form, nor that anything is conserved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import _spectral
from anticrossing.dynamics._elimination import Ends, Solutions, integrate
from anticrossing.dynamics._stacks import diagonals, largest_entries, tails
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES, Kernel, PanelResults, unresolved
from anticrossing.dynamics.lanes import Lanes

Generators = Callable[[Lanes, FloatArray, npt.NDArray[np.intp]], npt.NDArray[Any]]
_WEAK = 3.0  # radians, and decay, of a panel that is integrated as it is
_CHUNK_NUMBERS = 400_000
_ROUNDING = 4e-15


class LinearKernel(Kernel):
    """y′ = G(t) y; propagators are complex, (D, D), and need not keep any norm.

    Parameters
    ----------
    generators : callable
        Takes lanes, times (P, n) and the lane of every panel (P,); returns G per time at the nodes,
        (P, n, D, D).
    size : int
        D.
    conserved : array, shape (D,), optional
        A row w with w G = 0 at all times, such as the trace: w y is then kept exactly.
    nodes : int
        Chebyshev nodes of a panel, odd.
    """

    def __init__(
        self,
        generators: Generators,
        size: int,
        *,
        conserved: npt.ArrayLike | None = None,
        nodes: int = MANY_LEVEL_NODES,
    ) -> None:
        self.generators = generators
        self.size = size
        self.grid = grid(nodes)
        self.conserved = None if conserved is None else np.array(conserved, dtype=np.complex128)
        self._to, self._from = coordinates(size, self.conserved)

    def solve(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        panels, width = half_width.size, self._to.shape[0]
        found = Solutions.empty(panels, width)
        missed = np.zeros(panels)
        step = max(1, _CHUNK_NUMBERS // (self.grid.size * width**2))
        for first in range(0, panels, step):
            rows = np.arange(first, min(first + step, panels))
            g = self.generators(lanes, times[rows], lane[rows])
            missed[rows] = unresolved(self.grid, half_width[rows], g)
            g = self._to @ g @ self._from * half_width[rows][:, None, None, None]
            g[:, :, 0] = 0.0
            found.put(rows, self._solved(g, tolerance))
        propagator = self._from @ found.propagator @ self._to
        return PanelResults(found.accepted, propagator, found.error + missed, found.phase)

    def finish(self, product: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], FloatArray]:
        """Keep what is conserved; nothing else is known of a general product."""
        if self.conserved is None:
            return product, np.zeros(product.shape[:-2])
        excess = self.conserved @ product - self.conserved
        weight = self.conserved.conj() / np.sum(np.abs(self.conserved) ** 2)
        mended = product - weight[:, None] * excess[..., None, :]
        return mended, np.max(np.abs(excess), axis=-1, initial=0.0)

    def _solved(self, g: ComplexArray, tolerance: float) -> Solutions:
        """Carry generators scaled to [−1, 1], whose first row is zero, across their panels."""
        panels, _, width, _ = g.shape
        result = Solutions.empty(panels, width)
        resolved = tails(self.grid, g) <= np.maximum(tolerance, _ROUNDING * largest_entries(g))
        identity = np.broadcast_to(np.eye(width, dtype=np.complex128), (panels, width, width))
        ends = Ends(identity, identity)
        strength = np.max(np.sum(np.abs(g), axis=-1), axis=(1, 2))
        for few in (True, False):
            rows = np.flatnonzero(resolved & ~result.accepted & (~few | (strength < _WEAK)))
            if rows.size == 0:
                continue
            if few:
                solved = integrate(g[rows], ends.of(rows), self.grid, tolerance)
            else:
                solved = _spectral.solve(g[rows], ends.of(rows), self.grid, tolerance)
            turned = np.max(np.abs(diagonals(g[rows])), axis=-1) @ self.grid.weights
            solved.phase = np.maximum(solved.phase, turned)
            result.put(rows, solved)
        return result


def coordinates(size: int, conserved: ComplexArray | None) -> tuple[ComplexArray, ComplexArray]:
    """Return the matrices to and from coordinates whose first is conserved.

    Without anything that is, the first is one more that stands for nothing.
    """
    if conserved is None:
        to = np.eye(size + 1, size, k=-1, dtype=np.complex128)
        return to, np.asarray(to.T)
    k = int(np.argmax(np.abs(conserved)))
    order = np.concatenate([[k], np.delete(np.arange(size), k)])
    to = np.eye(size, dtype=np.complex128)
    to[k] = conserved
    to = to[order]
    back = np.eye(size, dtype=np.complex128)
    back[k] = -conserved / conserved[k]
    back[k, k] = 1 / conserved[k]
    return to, back[:, order]
