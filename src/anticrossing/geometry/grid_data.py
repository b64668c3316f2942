"""Adiabatic data on points of one coordinate, as electronic-structure programs return them.

Energies are always known; derivative couplings come with signs that are arbitrary at every point,
overlaps of the states at neighbouring points with arbitrary signs too, dipole matrices likewise.
From any of the three a diabatic basis follows, and from it a Hamiltonian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    fail,
    increasing,
    instance,
    of_shape,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._data_transport import (
    from_couplings,
    from_dipoles,
    from_overlaps,
    signs_from_overlaps,
)
from anticrossing.geometry._diabatic_arguments import point_index
from anticrossing.geometry._sign_alignment import aligned_signs, swapped_intervals
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.spectrum import SampledCrossings, sampled_crossings
from anticrossing.units import NATURAL, Units

_ANTISYMMETRIC = 1e-6
_FEWEST = 4
_LARGEST_OVERLAP = 1 + 1e-6


@dataclass(frozen=True, eq=False)
class AdiabaticData(Result):
    """Energies, couplings, overlaps and dipoles of m real adiabatic states at k points.

    Parameters
    ----------
    x : array, shape (k,)
        The coordinate, ascending, at least four points.
    energies : array, shape (k, m)
        Ascending at every point (energy).
    couplings : array, shape (k, m, m), optional
        ``d_ij = ⟨φ_i|∂_x φ_j⟩`` (inverse coordinate), antisymmetric. The signs of the states may
        differ from point to point.
    overlaps : array, shape (k − 1, m, m), optional
        ``S_ij = ⟨φ_i(x_k)|φ_j(x_{k+1})⟩``.
    dipoles : array, shape (k, m, m) or (k, c, m, m), optional
        One component of the dipole matrix, or c of them; symmetric.
    units : Units
        The units of energies and coordinate.

    Raises
    ------
    InputError
        If shapes do not fit, x or the energies are not ascending, couplings are not antisymmetric,
        dipoles not symmetric, or overlaps larger than 1.

    Examples
    --------
    >>> x = np.linspace(-4, 4, 81)
    >>> E, d = np.sqrt(x**2 + 0.25), 0.25 / (x**2 + 0.25)
    >>> signs = np.random.default_rng(1).choice([-1, 1], x.size)       # as programs return them
    >>> coupling = (signs * d)[:, None, None] * np.array([[0, 1], [-1, 0]])
    >>> data = AdiabaticData(x, np.stack([-E, E], axis=-1), couplings=coupling)
    >>> W = data.diabatize().matrices
    >>> bool(abs(W[:, 0, 0] - W[:, 1, 1]).max() > 7.9)                 # the diabats cross
    True
    """

    x: FloatArray
    energies: FloatArray
    couplings: FloatArray | None = None
    overlaps: FloatArray | None = None
    dipoles: FloatArray | None = None
    units: Units = NATURAL

    _variables: ClassVar[Mapping[str, Shown]] = {
        "x": shown("x", text="coordinate", unit="coordinate"),
        "energy": shown("x", "level", text="energy", unit="energy"),
        "coupling": shown("x", "row", "column", text="derivative coupling", unit="1/coordinate"),
        "overlap": shown("link", "row", "column", text="overlap with the next"),
        "dipole": shown("x", "component", "row", "column", text="dipole matrix"),
    }

    def __post_init__(self) -> None:
        x = increasing("x", self.x, _FEWEST)
        energies = real_array("energies", self.energies, ndim=2)
        k, m = x.size, energies.shape[1]
        if energies.shape[0] != k or m < 1:
            raise fail("energies", f"have shape ({k}, m)", f"its shape is {energies.shape}")
        if np.any(energies[:, 1:] < energies[:, :-1]):
            raise fail("energies", "ascend at every point", "a later one is lower")
        checked = {"x": x, "energies": energies}
        if self.couplings is not None:
            d = of_shape("couplings", real_array("couplings", self.couplings), (k, m, m))
            allowed = _ANTISYMMETRIC * max(1.0, float(np.abs(d).max()))
            if np.abs(d / 2 + d.swapaxes(-1, -2) / 2).max() > allowed / 2:
                raise fail("couplings", "be antisymmetric", "d_ij + d_ji is not zero")
            checked["couplings"] = d / 2 - d.swapaxes(-1, -2) / 2
        if self.overlaps is not None:
            s = of_shape("overlaps", real_array("overlaps", self.overlaps), (k - 1, m, m))
            if np.linalg.norm(s, ord=2, axis=(-2, -1)).max() > _LARGEST_OVERLAP:
                raise fail("overlaps", "belong to normalised states", "a norm exceeds 1")
            checked["overlaps"] = s
        if self.dipoles is not None:
            mu = real_array("dipoles", self.dipoles)
            if mu.ndim not in (3, 4) or (mu.shape[0], *mu.shape[-2:]) != (k, m, m) or not mu.size:
                raise fail(
                    "dipoles", f"have shape ({k}, {m}, {m}) or ({k}, c, {m}, {m})",
                    f"its shape is {mu.shape}",
                )  # fmt: skip
            asymmetry = np.abs(mu / 2 - mu.swapaxes(-1, -2) / 2).max()
            if asymmetry > 5e-7 * max(1.0, np.abs(mu).max()):
                raise fail("dipoles", "be symmetric", "μ_ij − μ_ji is not zero")
            mu = mu if mu.ndim == 4 else mu[:, np.newaxis]
            checked["dipoles"] = mu / 2 + mu.swapaxes(-1, -2) / 2
        instance("units", self.units, Units)
        vars(self).update(checked)

    @property
    def count(self) -> int:
        """The number of states."""
        return self.energies.shape[1]

    def trivial_crossings(self) -> tuple[tuple[int, int], ...]:
        """Return the true crossings that fall between two points, as (interval, lower level).

        States that cross without coupling change their place in the order of energy. Overlaps show
        it directly; without them the energies do, where they go on smoothly only if two levels
        change places, and couplings between the points are too small to turn one into the other.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 10)
        >>> data = AdiabaticData(x, np.stack([-abs(x), abs(x)], axis=1),
        ...                      couplings=np.zeros((10, 2, 2)))
        >>> data.trivial_crossings()
        ((4, 0),)
        """
        return swapped_intervals(self.x, self.energies, self.couplings, self.overlaps)

    def crossings(self, *, error: float | None = None) -> SampledCrossings:
        """Return where neighbouring levels come nearest: gaps, V = Z/2 and slopes, with errors.

        They need the energies alone; `SampledCrossings.probabilities` gives those of Landau and
        Zener from them, by Belyaev and Lebedev.

        Parameters
        ----------
        error : float, optional
            Standard deviation of the energies; by default their scatter about smooth curves.

        Raises
        ------
        InputError
            If there are fewer than five points.

        Examples
        --------
        >>> x = np.linspace(-2, 2, 21)
        >>> Z = np.hypot(2 * x, 0.3)
        >>> found = AdiabaticData(x, np.stack([-Z / 2, Z / 2], axis=1)).crossings()
        >>> found.couplings.round(6), found.slope_differences.round(6)
        (array([0.15]), array([2.]))
        """
        return sampled_crossings(self.x, self.energies, error=error, units=self.units)

    def aligned(self) -> AdiabaticData:
        """Return the data with signs of the states that continue from point to point.

        From overlaps where they are known, otherwise from couplings and dipoles together, each
        sign being the one with which they continue best. Where all of these vanish over a stretch
        the signs beyond that stretch stay open, and `diabatize` warns.

        Raises
        ------
        InputError
            If there are energies only.

        Examples
        --------
        >>> x = np.linspace(0, 1, 5)
        >>> flip = np.array([1, -1, 1, 1, -1])[:, None, None] * np.array([[0, 1], [-1, 0]])
        >>> data = AdiabaticData(x, np.stack([-1 - x, 1 + x], axis=1), couplings=0.3 * flip)
        >>> data.aligned().couplings[:, 0, 1]
        array([0.3, 0.3, 0.3, 0.3, 0.3])
        """
        if self.overlaps is not None:
            signs = signs_from_overlaps(self.overlaps)
        else:
            known = [a for a in (self.couplings, self.dipoles) if a is not None]
            if not known:
                raise InputError("Signs follow from overlaps, couplings or dipoles: none are here.")
            # Each kind is put on its own scale, so that none of them is drowned.
            stacks = [_components(a) / max(float(np.abs(a).max()), 1e-300) for a in known]
            signs, _ = aligned_signs(self.x, np.concatenate(stacks, axis=1))
        pair = signs[:, :, np.newaxis] * signs[:, np.newaxis, :]
        link = signs[:-1, :, np.newaxis] * signs[1:, np.newaxis, :]
        return AdiabaticData(
            self.x,
            self.energies,
            None if self.couplings is None else pair * self.couplings,
            None if self.overlaps is None else link * self.overlaps,
            None if self.dipoles is None else pair[:, np.newaxis] * self.dipoles,
            self.units,
        )

    def diabatize(self, method: str | None = None, *, reference: int = 0) -> DiabaticBasis:
        """Return the diabatic basis.

        Parameters
        ----------
        method : {"couplings", "overlaps", "dipoles"}, optional
            ``"couplings"``: ``dT/dx = −d T`` with d a cubic spline through the aligned couplings.
            ``"overlaps"``: ``T_{k+1} = (unitary part of S_k)† T_k``; needs no couplings, resolves
            true crossings. ``"dipoles"``: the states whose dipoles lie farthest apart at every
            point (`boys_localization`; for one component `property_mixing`).
            By default the first of couplings, overlaps, dipoles that is there.
        reference : int
            For couplings and overlaps the index of the point where the diabatic states are the
            adiabatic ones.

        Returns
        -------
        DiabaticBasis
            Its adiabatic states have signs that continue from point to point. For couplings its
            `error_estimate` compares with the result from every second point; the other data do
            not tell, and it is NaN. Its `warnings` name what the data leave open.

        Raises
        ------
        InputError
            If the data for the method are missing, or an option would be ignored.
        """
        present = {
            name: getattr(self, name) is not None for name in ("couplings", "overlaps", "dipoles")
        }
        if method is None:
            method = next((name for name, there in present.items() if there), None)
            if method is None:
                raise InputError(
                    "A diabatic basis needs couplings, overlaps or dipoles, but the data hold "
                    "energies only."
                )
        choice("method", method, present)
        if not present[method]:
            raise fail("method", "name data that are there", f"there are no {method}")
        k = self.x.size
        origin = point_index("reference", reference, k)
        if self.dipoles is not None and method == "dipoles":
            if origin != 0:
                raise fail("reference", "be left out with dipoles", "it would be ignored")
            mixing, warnings = from_dipoles(self.x, self.energies, self.dipoles)
            return self._basis(mixing, np.nan, warnings, "states of extreme dipole")
        if self.overlaps is not None and method == "overlaps":
            mixing, warnings = from_overlaps(self.overlaps, origin)
            return self._basis(mixing, np.nan, warnings, "transport by overlaps")
        assert self.couplings is not None
        mixing, error, warnings = from_couplings(self.x, self.energies, self.couplings, origin)
        return self._basis(mixing, error, warnings, "transport by couplings")

    def _basis(
        self, mixing: FloatArray, error: float, warnings: tuple[str, ...], method: str
    ) -> DiabaticBasis:
        return DiabaticBasis(
            points=self.x,
            energies=self.energies,
            mixing=mixing,
            levels=tuple(range(self.count)),
            method=method,
            error_estimate=error,
            warnings=warnings,
            units=self.units,
        )


def _components(array: FloatArray) -> FloatArray:
    return array if array.ndim == 4 else array[:, np.newaxis]
