"""States of a molecule that vibrates harmonically and turns classically, counted by energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, numbers, positive, positive_number
from anticrossing._core.unchanging import frozen, read_only
from anticrossing.formulas.result import FloatArray, unwrap
from anticrossing.molecules.rates._thermal import quiet

_MOST_CELLS = 10**7


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class RovibrationalStates:
    """Harmonic vibrations and classical rotation of one stationary point.

    ``Q = (g/s) Q_rot(T) Π 1/(1 − e^{−ω/T})`` above the zero-point level, with ``Q_rot = 1``,
    ``T/B`` of a linear molecule, or ``√(πT³/ABC)``.

    Parameters
    ----------
    frequencies : array_like, shape (f,)
        All ``ω > 0`` (energy); at a crossing point those within the seam, one fewer.
    rotational_constants : array_like, shape (0,), (1,) or (3,)
        ``A, B, C`` or ``B`` of a linear molecule (energy); without them nothing turns.
    symmetry_number : float
        ``s > 0``: two for two like orientations, one half for two mirror images.
    degeneracy : float
        ``g > 0`` of the electrons.

    Raises
    ------
    InputError
        If a number is not positive, or there are two rotational constants.

    References
    ----------
    T. Beyer, D. F. Swinehart, Commun. ACM 16, 379 (1973); S. E. Stein, B. S. Rabinovitch, J. Chem.
    Phys. 58, 2438 (1973).

    Examples
    --------
    >>> water = RovibrationalStates(
    ...     frequencies=[1595, 3657, 3756], rotational_constants=[27.9, 14.5, 9.3],
    ...     symmetry_number=2)
    >>> round(water.partition_function(207.2), 1)          # cm⁻¹, 298 K
    43.1
    >>> water.number_of_states([0.0, 5000.0], cell=1.0).round()
    array([   0., 7885.])
    """

    frequencies: FloatArray
    rotational_constants: FloatArray = ()  # type: ignore[assignment]
    symmetry_number: float = 1.0
    degeneracy: float = 1.0

    def __post_init__(self) -> None:
        modes = positive("frequencies", self.frequencies)
        turning = numbers("rotational_constants", self.rotational_constants)
        if turning.size:
            turning = positive("rotational_constants", turning)
        if modes.ndim != 1:
            raise fail("frequencies", "be a list", f"the shape is {modes.shape}")
        if turning.shape not in ((0,), (1,), (3,)):
            raise fail(
                "rotational_constants",
                "hold three, one of a linear molecule, or none",
                f"the shape is {turning.shape}",
            )
        object.__setattr__(self, "frequencies", frozen(np.array(modes)))
        object.__setattr__(self, "rotational_constants", frozen(np.array(turning)))
        for name in ("symmetry_number", "degeneracy"):
            object.__setattr__(self, name, positive_number(name, getattr(self, name)))

    @property
    def zero_point_energy(self) -> float:
        """``Σ ω/2``."""
        return float(np.sum(self.frequencies) / 2)

    @property
    def _weight(self) -> float:
        """g/s over the root of the rotational constants."""
        root = float(np.prod(np.sqrt(self.rotational_constants)))
        if self.rotational_constants.size == 1:
            root = float(self.rotational_constants[0])
        return self.degeneracy / (self.symmetry_number * root)

    @property
    def _power(self) -> float:
        """Of T in the partition function of the rotation."""
        return {0: 0.0, 1: 1.0, 3: 1.5}[self.rotational_constants.size]

    def partition_function(self, temperature: npt.ArrayLike) -> float | FloatArray:
        """Return Q from the zero-point level, for temperatures in energy."""
        heat = positive("temperature", temperature)
        with quiet():
            modes = -np.sum(np.log(-np.expm1(-self.frequencies / heat[..., np.newaxis])), axis=-1)
            turning = np.sqrt(np.pi) if self._power == 1.5 else 1.0
            found = self._weight * turning * heat**self._power * np.exp(modes)
        return unwrap(np.asarray(found))

    def counts(self, cell: float, count: int) -> FloatArray:
        """Return how many states lie in each of so many cells, from the zero-point level up.

        The direct count of Beyer and Swinehart, begun with the states of the rotation.
        """
        width = positive_number("cell", cell)
        if not 1 <= count <= _MOST_CELLS:
            raise fail("cell", f"make at most {_MOST_CELLS:g} cells", f"it makes {count:g}")
        steps = np.rint(self.frequencies / width).astype(np.int64)
        if steps.min(initial=1) < 1:
            raise fail("cell", "be finer than the lowest vibration", f"it is {cell:g}")
        found = np.zeros(count)
        if self._power:
            volume = 4 / 3 if self._power == 1.5 else 1.0
            edges = width * np.arange(count + 1.0)
            found = self._weight * volume * np.diff(edges**self._power)
        else:
            found[0] = self._weight
        for step in steps:
            rows = -(-count // step)
            padded = np.zeros(rows * step)
            padded[:count] = found
            found = np.cumsum(padded.reshape(rows, step), axis=0).ravel()[:count]
        return found

    def number_of_states(self, energies: npt.ArrayLike, *, cell: float) -> FloatArray:
        """Return the states up to energies above the zero-point level, in cells of one width."""
        asked = numbers("energies", energies)
        width = positive_number("cell", cell)
        top = int(np.ceil(max(asked.max(initial=0.0), 0.0) / width)) + 1
        total = np.concatenate([[0.0], np.cumsum(self.counts(width, top))])
        return np.interp(asked, width * np.arange(total.size), total, left=0.0)
