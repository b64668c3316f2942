"""White noise: it forgets at once, and is a jump operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, hermitian, of_shape
from anticrossing.environment.base import Environment, Nodes
from anticrossing.environment.noise.base import points, strength
from anticrossing.environment.noise.telegraph import said


class WhiteNoise(Environment):
    """White noise δ(t) A with ⟨δ(t)δ(t′)⟩ = S δ(t − t′): dρ/dt = −i[H, ρ] − (S/2)[A, [A, ρ]].

    What forgets much faster than anything else happens is white with S = S(0), for
    `OrnsteinUhlenbeckNoise` 2σ²τ. On a coordinate it is the operator dH/dx.

    Parameters
    ----------
    density : float or array
        S ≥ 0, energy² times time; an array makes a batch.
    operator : array, shape (N, N)
        Hermitian A.

    Raises
    ------
    InputError
        For a negative density or an operator that is not Hermitian.

    Examples
    --------
    >>> WhiteNoise(0.02, [[1, 0], [0, -1]])
    WhiteNoise(density=0.02, operator)
    """

    def __init__(self, density: npt.ArrayLike, operator: npt.ArrayLike) -> None:
        self.density = strength("density", density)
        self.operator = hermitian("operator", operator, single=True)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.density.shape

    def flat(self, batch_shape: tuple[int, ...]) -> WhiteNoise:
        return self._with(density=np.broadcast_to(self.density, batch_shape).reshape(-1))

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        of_shape("operator", self.operator, (levels, levels))

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        """Return S at angular frequencies (F,), shape (..., F).

        Parameters
        ----------
        frequency : array, shape (F,)
        """
        return np.repeat(self.density[..., None], points("frequency", frequency).size, axis=-1)

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        size = nodes.angular * np.sqrt(self.density)
        size = np.broadcast_to(size[nodes.lane] if size.ndim else size, nodes.t.shape)
        return [size[..., None, None] * self.operator]

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return {"density": self.density}

    def with_number(self, name: str, value: FloatArray) -> WhiteNoise:
        return self._with(density=value)

    def __repr__(self) -> str:
        return f"WhiteNoise(density={said(self.density)}, operator)"
