"""Levels that act on themselves: H(x) and a term that depends on the state itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    instance,
    integer,
    joint_shape,
    one_coordinate,
    real_array,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.hamiltonian.base import Hamiltonian
from anticrossing.units import Units

MOST_MODES = 64
_SYMMETRIC = 1e-12  # of the largest interaction


class Conversion(NamedTuple):
    """Pairs of particles in the mode `single` become one in the mode `pair`, and back."""

    single: int
    pair: int
    strength: FloatArray


class MeanField(Unchanging):
    """Modes whose energies, or couplings, depend on how the particles are spread among them.

    The amplitudes ψ, with Σ_i |ψ_i|² = 1, obey

        i dψ_i/dt = Σ_j H_ij(x) ψ_j + w_i Σ_j c_ij |ψ_j|² ψ_i + (conversions),   w_i = 1,

    the mean-field (Gross–Pitaevskii) limit of many bosons in N modes: ½ Σ c_ij |ψ_i|² |ψ_j|² is the
    energy of the interaction for each particle. A conversion (s, p, κ) turns two particles of mode
    s into one of mode p: it adds κ ψ_s* ψ_p to the equation of s and κ ψ_s² to the equation of p.
    Then |ψ_p|² is the fraction of particles that are bound in pairs, and w_p = 2.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) of one coordinate; its parameters may be a batch.
    interaction : array, shape (..., N, N)
        c, real and symmetric, in the energies of H. A number stands for c_ij = c δ_ij.
    conversions : sequence of (int, int, float or array)
        (s, p, κ): modes, and a real strength.

    Raises
    ------
    InputError
        If H has several coordinates or more than 64 modes, c has another shape or is not
        symmetric, a mode is unknown or both single and pair, or batches do not broadcast.

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000) (two modes); A. Ishkhanyan, M. Mackie, A.
    Carmichael, P. L. Gould, and J. Javanainen, Phys. Rev. A 69, 043612 (2004) (pairs).

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> model = MeanField(LandauZener(gap=1.0), [[-1.0, 1.0], [1.0, -1.0]])
    >>> model.field(0.5, [1.0, 0.0])            # of a state that is in the first mode
    array([[-0.75+0.j,  0.5 +0.j],
           [ 0.5 +0.j,  0.75+0.j]])
    """

    hamiltonian: Hamiltonian
    interaction: FloatArray
    conversions: tuple[Conversion, ...]

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        interaction: npt.ArrayLike = 0.0,
        *,
        conversions: Sequence[tuple[int, int, Any]] = (),
    ) -> None:
        instance("hamiltonian", hamiltonian, Hamiltonian)
        count = hamiltonian.dimension
        one_coordinate("hamiltonian", hamiltonian)
        if not 2 <= count <= MOST_MODES:
            raise fail("hamiltonian", f"have 2 to {MOST_MODES} modes", f"it has {count}")
        self.hamiltonian = hamiltonian
        self.interaction = _interaction(interaction, count)
        self.conversions = tuple(_conversion(one, count) for one in conversions)
        singles = {one.single for one in self.conversions}
        for one in self.conversions:
            if one.pair in singles:
                found = f"mode {one.pair} is both"
                raise fail("conversions", "make pairs of singles, not of pairs", found)
        shapes = {
            "hamiltonian": hamiltonian.batch_shape,
            "interaction": self.interaction.shape[:-2],
            "conversions": joint_shape(*(one.strength.shape for one in self.conversions)),
        }
        try:
            self._batch_shape = joint_shape(*shapes.values())
        except ValueError:
            said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise fail("interaction", "have a batch shape that fits", f"there are {said}") from None

    @property
    def dimension(self) -> int:
        """The number N of modes."""
        return self.hamiltonian.dimension

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The broadcast shape of all parameters."""
        return self._batch_shape

    @property
    def units(self) -> Units:
        """The units of H."""
        return self.hamiltonian.units

    @property
    def weights(self) -> FloatArray:
        """How many particles one of each mode is made of, shape (N,): 2 for pairs, else 1."""
        found = np.ones(self.dimension)
        found[[one.pair for one in self.conversions]] = 2.0
        return found

    @property
    def acting(self) -> FloatArray:
        """The matrix w_i c_ij that turns densities into energies of the modes, (..., N, N)."""
        return np.asarray(self.weights[:, None] * self.interaction)

    def field(self, x: npt.ArrayLike, state: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the Hermitian matrix G(x, ψ) with i dψ/dt = G ψ, shape batch_shape + (N, N).

        Parameters
        ----------
        x : float
        state : array, shape (N,)
            ψ.
        """
        psi = np.asarray(state, dtype=np.complex128)
        found = np.array(
            np.broadcast_to(self.hamiltonian(x), (*self.batch_shape, *(self.dimension,) * 2)),
            dtype=np.complex128,
        )
        density = np.abs(psi) ** 2
        np.einsum("...ii->...i", found)[...] += self.acting @ density
        for one in self.conversions:
            found[..., one.single, one.pair] += one.strength * psi[one.single].conj()
            found[..., one.pair, one.single] += one.strength * psi[one.single]
        return found

    def point(self, index: int, batch_shape: tuple[int, ...]) -> MeanField:
        """Return the model at one point of a batch, counted along one axis."""
        flat = self.hamiltonian.flat_parameters(batch_shape)
        matrices = np.broadcast_to(self.interaction, (*batch_shape, *self.interaction.shape[-2:]))
        return MeanField(
            self.hamiltonian.replace(**{key: value[index] for key, value in flat.items()}),
            matrices.reshape(-1, *matrices.shape[-2:])[index],
            conversions=[
                (s, p, np.broadcast_to(strength, batch_shape).reshape(-1)[index])
                for s, p, strength in self.conversions
            ],
        )

    def __repr__(self) -> str:
        acting = f"interaction {describe(self.interaction.tolist())}"
        pairs = [f"{one.single} + {one.single} ↔ {one.pair}" for one in self.conversions]
        return f"MeanField({self.hamiltonian!r}, {', '.join([acting, *pairs])})"


def _interaction(value: npt.ArrayLike, count: int) -> FloatArray:
    given = real_array("interaction", value)
    found = np.diag(np.full(count, given)) if given.ndim == 0 else given
    if found.shape[-2:] != (count, count):
        must = f"be a number, or have shape (…, {count}, {count})"
        raise fail("interaction", must, f"its shape is {given.shape}")
    apart = np.max(np.abs(found - np.swapaxes(found, -1, -2)), initial=0.0)
    if apart > _SYMMETRIC * np.max(np.abs(found), initial=0.0):
        raise fail("interaction", "be symmetric", f"c_ij and c_ji differ by {apart:.3g}")
    return found


def _conversion(value: Any, count: int) -> Conversion:
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        must = "hold (single mode, pair mode, strength)"
        raise fail("conversions", must, f"it holds {describe(value)}")
    single, pair = (integer("conversions", v, minimum=0, maximum=count - 1) for v in value[:2])
    if single == pair:
        raise fail("conversions", "join two different modes", f"both are {single}")
    return Conversion(single, pair, real_array("conversions", value[2]))
