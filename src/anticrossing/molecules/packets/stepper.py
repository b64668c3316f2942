"""Split-operator steps of second and fourth order."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing.molecules.packets.absorber import Layer
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.watch import Watch

# exp(−iV v₀h) exp(−iT t₀h) exp(−iV v₁h) … exp(−iV v₀h): Strang (1968), and the scheme S₆ of
# S. Blanes and P. C. Moan, J. Comput. Appl. Math. 142, 313 (2002), table 2.
_V0, _V1, _V2 = 0.0792036964311957, 0.353172906049774, -0.0420650803577195
_T0, _T1 = 0.209515106613362, -0.143851773179818
_V3, _T2 = 1 - 2 * (_V0 + _V1 + _V2), 0.5 - _T0 - _T1
SCHEMES: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    2: ((0.5, 0.5), (1.0,)),
    4: ((_V0, _V1, _V2, _V3, _V2, _V1, _V0), (_T0, _T1, _T2, _T2, _T1, _T0)),
}


class Stepper:
    """Advance a wave function by steps of one size; factors are computed once.

    Attributes
    ----------
    absorbed : array, shape (layers, N)
        Probability taken away so far, by layer and adiabatic state.
    watch : Watch or None
        Looks after every step at the ends of the grid and, without layers, at its largest momenta:
        what layers break up does not count, and does not travel.
    """

    def __init__(
        self,
        operator: GridHamiltonian,
        step: float,
        order: int,
        layers: tuple[Layer, ...] = (),
        workers: int | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.operator = operator
        self.watch = watch
        self.steps = 0
        self.step = step
        self.layers = layers
        self.workers = workers
        self.absorbed = np.zeros((len(layers), operator.states))
        potential, kinetic = SCHEMES[order]
        known: dict[float, ComplexArray] = {}
        for share in (*potential, 2 * potential[0]):
            if share not in known:
                known[share] = operator.potential_factor(share * step)
        drifts = {share: operator.kinetic_factor(share * step) for share in set(kinetic)}
        # The last factor of a step and the first of the next are one.
        self._first, self._joint = known[potential[0]], known[2 * potential[0]]
        self._inner = [known[share] for share in potential[1:-1]]
        self._drifts = [drifts[share] for share in kinetic]
        self._masks = [layer.mask(operator.angular * step) for layer in layers]

    def advance(self, psi: ComplexArray, count: int) -> ComplexArray:
        """Return ψ after `count` steps; `psi` is overwritten."""
        operator = self.operator
        look = None if self.watch is None or self.layers else self._look
        psi = operator.multiply(self._first, psi)
        for k in range(count):
            for drift, factor in zip(self._drifts[:-1], self._inner, strict=True):
                psi = operator.multiply(factor, operator.drift(drift, psi, self.workers))
            psi = operator.drift(self._drifts[-1], psi, self.workers, look)
            # The factor that follows does not change the probability at a point.
            self.steps += 1
            if self.watch is not None:
                self.watch.places(psi, self.steps * self.step)
            psi = operator.multiply(self._first if k == count - 1 else self._joint, psi)
            if self.layers:
                self._absorb(psi)
        return psi

    def _look(self, coefficients: ComplexArray) -> None:
        if self.watch is not None:
            self.watch.momenta(coefficients, self.steps * self.step)

    def _absorb(self, psi: ComplexArray) -> None:
        from anticrossing.molecules.packets import _kernels

        flat = self.operator.flat(psi)
        lost = np.zeros(self.operator.states)
        for k, (layer, mask) in enumerate(zip(self.layers, self._masks, strict=True)):
            lost[:] = 0.0
            _kernels.absorb(flat, layer.index, mask, layer.frames, lost)
            self.absorbed[k] += lost * self.operator.grid.volume
