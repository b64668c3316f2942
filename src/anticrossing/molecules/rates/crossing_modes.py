"""From two gradients and two Hessians at a crossing point to what its rate needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, fail, of_shape, positive, real_array
from anticrossing._core.result import Result
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import FloatArray
from anticrossing.molecules.rates.states import RovibrationalStates

_PARALLEL = 0.1  # sine of the angle between the gradients, up to which it is a crossing point
_LINEAR = 1e-6  # of the largest moment of inertia
RIGID = 5e-3  # of a Hessian's norm, up to which it belongs to a free molecule


@read_only
@dataclass(frozen=True, eq=False)
class CrossingModes(Result):
    """Direction of passage and vibrations within the seam of a crossing point.

    Attributes
    ----------
    slopes : array, shape (2,)
        Of the two surfaces along the direction of passage (energy / length).
    reduced_mass : float
        Of that direction.
    frequencies : array, shape (f,)
        Within the seam, without translations and rotations, negative where imaginary (energy).
    rotational_constants : array, shape (0,), (1,) or (3,)
        1/2I of the principal moments (energy).
    angle : float
        Between one gradient and the line of the other, in mass-weighted coordinates; zero at a
        minimum of the seam.
    warnings : tuple of str
    """

    slopes: FloatArray
    reduced_mass: float
    frequencies: FloatArray
    rotational_constants: FloatArray
    angle: float
    warnings: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "slope": shown("surface", text="along the direction of passage", of="slopes"),
        "reduced_mass": shown(text="of the direction of passage"),
        "frequency": shown("mode", text="within the seam, negative: imaginary", of="frequencies"),
        "angle": shown(text="between the gradients, zero at a minimum of the seam"),
    }

    def states(
        self, *, symmetry_number: float = 1.0, degeneracy: float = 1.0
    ) -> RovibrationalStates:
        """Return the states of the seam, for rates.

        Raises
        ------
        InputError
            If a frequency is imaginary: the point is no minimum of the seam.
        """
        if self.frequencies.min(initial=1.0) <= 0:
            raise InputError(
                f"The crossing point must be a minimum of the seam, but the frequency "
                f"{self.frequencies.min():.3g} is imaginary."
            )
        return RovibrationalStates(
            frequencies=self.frequencies, rotational_constants=self.rotational_constants,
            symmetry_number=symmetry_number, degeneracy=degeneracy,
        )  # fmt: skip


def crossing_modes(
    *,
    gradients: npt.ArrayLike,
    hessians: npt.ArrayLike,
    masses: npt.ArrayLike,
    positions: npt.ArrayLike,
) -> CrossingModes:
    """Slopes, reduced mass and vibrations at a minimum-energy crossing point of a molecule.

    On the seam the energy is that of the effective Hessian ``H = H₁ − λ(H₁ − H₂)``,
    ``λ = g₁·Δg/|Δg|²``, ``Δg = g₁ − g₂`` in mass-weighted coordinates, of which translations,
    rotations and the direction of Δg are projected out. Along the unit vector ``e ∝ Δg`` in
    Cartesian coordinates the slopes are ``e·g``, and ``1/μ = Σ e_i²/m_i`` belongs to them: rates
    depend on ``ΔF²/μ = |M^{−1/2}Δg|²``. The reduced mass of a normal mode is another.

    Parameters
    ----------
    gradients : array_like, shape (2, 3n)
        Of the two surfaces (energy / length), atom by atom.
    hessians : array_like, shape (2, 3n, 3n)
        Symmetric (energy / length²).
    masses : array_like, shape (n,)
        Of the atoms; in atomic units in electron masses.
    positions : array_like, shape (n, 3)
        Of the atoms (length).

    Returns
    -------
    CrossingModes
        With a warning where the gradients are not parallel, and where shifting all atoms gives a
        force, or turning them does not turn the gradient: where units or orientations are mixed.

    Raises
    ------
    InputError
        If shapes do not fit, a mass is not positive, a Hessian is not symmetric, or the gradients
        are equal.

    References
    ----------
    J. N. Harvey, Phys. Chem. Chem. Phys. 9, 331 (2007), section 2; A. O. Lykhin, D. S. Kaliakin,
    G. E. dePolo, A. A. Kuzubov, S. A. Varganov, Int. J. Quantum Chem. 116, 750 (2016).

    Examples
    --------
    Two atoms whose bond is stretched on one surface and compressed on the other:

    >>> line = np.array([0, 0, -1, 0, 0, 1.0])
    >>> bond = np.outer(line, line)
    >>> found = crossing_modes(
    ...     gradients=[0.1 * line, -0.2 * line], hessians=[bond, 2 * bond], masses=[2.0, 2.0],
    ...     positions=[[0, 0, 0], [0, 0, 1.5]])
    >>> found.reduced_mass, found.frequencies.size, found.slopes.round(4)
    (2.0, 0, array([ 0.1414, -0.2828]))
    """
    mass = positive("masses", masses)
    if mass.ndim != 1 or not mass.size:
        raise fail("masses", "be a list", f"the shape is {mass.shape}")
    count = 3 * mass.size
    slopes = of_shape("gradients", real_array("gradients", gradients), (2, count))
    curved = of_shape("hessians", real_array("hessians", hessians), (2, count, count))
    place = of_shape("positions", real_array("positions", positions), (mass.size, 3))
    scale = np.abs(curved).max()
    if np.abs(curved - np.swapaxes(curved, 1, 2)).max() > 1e-3 * scale:
        raise fail("hessians", "be symmetric", "one is not")
    root = np.sqrt(np.repeat(mass, 3))
    difference = slopes[0] - slopes[1]
    length = float(np.linalg.norm(difference))
    if length == 0:
        raise fail("gradients", "differ, for the surfaces to cross", "they are equal")
    weighted = slopes / root
    across = weighted[0] - weighted[1]
    share = float(weighted[0] @ across / (across @ across))
    effective = (curved[0] - share * (curved[0] - curved[1])) / np.outer(root, root)
    effective = (effective + effective.T) / 2
    place = place - mass @ place / mass.sum()
    outside, constants = _rigid(place, mass, root)
    basis = np.linalg.svd(np.vstack([outside, across / np.linalg.norm(across)]))[2]
    kept = basis[len(outside) + 1 :]
    squares = np.linalg.eigvalsh(kept @ effective @ kept.T)
    unit = difference / length
    along = weighted @ (across / np.linalg.norm(across))
    rest = np.linalg.norm(weighted - np.outer(along, across / np.linalg.norm(across)), axis=1)
    angle = float(np.arctan2(rest, np.abs(along)).max())
    notes: tuple[str, ...] = ()
    if np.sin(angle) > _PARALLEL:
        notes = (
            f"the gradients are {np.degrees(angle):.3g} degrees from parallel: the point is no "
            "minimum of the seam",
        )
    defects = [rigid_defects(place, g, H) for g, H in zip(slopes, curved, strict=True)]
    if (defect := float(np.max(defects))) > RIGID:
        notes += (
            "shifted and turned as a whole, the molecule does not keep its forces: "
            f"{defect:.2g} of a Hessian's norm is left; are units and orientation the same?",
        )
    return CrossingModes(
        slopes=slopes @ unit,
        reduced_mass=float(1 / np.sum((unit / root) ** 2)),
        frequencies=np.sign(squares) * np.sqrt(np.abs(squares)),
        rotational_constants=constants,
        angle=angle,
        warnings=notes,
    )


def rigid_defects(
    positions: FloatArray, gradient: FloatArray, hessian: FloatArray
) -> tuple[float, float]:
    """Return what is left of ``Hs = 0`` and ``H(ω×r) = ω×g`` for a free molecule, over ‖H‖."""
    axes, unit = np.eye(3), max(float(np.abs(hessian).max()), 1e-300)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        place, H, g = positions - positions.mean(axis=0), hessian / unit, gradient / unit
        shifts = np.array([np.tile(axis, len(place)) for axis in axes])
        turns = np.array([np.cross(axis, place).ravel() for axis in axes])
        turned = np.array([np.cross(axis, g.reshape(-1, 3)).ravel() for axis in axes])
        shift = np.linalg.norm(shifts @ H, axis=1).max() / np.sqrt(len(place))
        sizes = np.linalg.norm(turns, axis=1)
        real = sizes > _LINEAR * sizes.max(initial=0.0)
        turn = np.linalg.norm(turns @ H - turned, axis=1)[real] / sizes[real]
        scale = max(float(np.linalg.norm(H, 2)), 1e-300)
    return float(shift) / scale, float(turn.max(initial=0.0)) / scale


def _rigid(place: FloatArray, mass: FloatArray, root: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return an orthonormal basis of translations and rotations, and the rotational constants."""
    axes = np.eye(3)
    shifts = [root * np.tile(axis, mass.size) for axis in axes]
    turns = [root * np.cross(axis, place).ravel() for axis in axes]
    moved = np.array([*shifts, *turns])
    _, _, basis = np.linalg.svd(moved, full_matrices=False)
    moments = np.linalg.eigvalsh(
        np.sum(mass[:, None, None] * (np.sum(place**2, axis=1)[:, None, None] * axes
               - place[:, :, None] * place[:, None, :]), axis=0)
    )  # fmt: skip
    turning = moments > _LINEAR * max(moments.max(), 1e-300)
    constants = 1 / (2 * moments[turning])
    if constants.size == 2:  # of a linear molecule, both alike
        constants = constants[:1]
    # the largest singular values: one fewer for a linear molecule, three for an atom
    return basis[: 3 + int(turning.sum())], constants
