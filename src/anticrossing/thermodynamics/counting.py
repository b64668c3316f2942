"""Exact two-point statistics of free fermions from their single-particle propagator."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    last_axis,
    one_of,
    real_array,
    shaped_like,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads, processors
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.thermodynamics import enumeration, inversion, sampling
from anticrossing.thermodynamics.arguments import counting_field, exponential
from anticrossing.thermodynamics.atoms import draw_atoms, merge_atoms
from anticrossing.thermodynamics.modes import checked_log_odds, nearest_unitary

_BALANCED = 1e-9  # a shift that only scales need not be found better
_CHUNK_BYTES = 1 << 24  # of determinants worked on at a time, by each thread


@dataclass(frozen=True, eq=False, init=False)
class TwoPointStatistics(Result):
    """Statistics of a one-body observable measured before and after a unitary evolution.

    Before, the modes i are occupied independently with probability ``f_i`` (a Gibbs state of free
    fermions) and the occupied ones add up to ``Σ q0_i``; afterwards the occupied modes j add up to
    ``Σ qT_j``, and ``w = Σ qT_j − Σ q0_i`` is the outcome: the work, if the values are energies.
    With the propagator ``W[j, i]`` between the two eigenbases, ``E`` the diagonal matrices of the
    values::

        χ(u) = ⟨exp(iuw)⟩ = det[1 − f + f exp(−iu E0) W† exp(iu ET) W]
             = det[W† ∘ G] / det W†,   G_ij = (1 − f_i) + f_i exp(iu (qT_j − q0_i))

    The second form is evaluated, its rows and columns scaled in logarithms, so that complex u and
    energies of hundreds of temperatures neither overflow nor lose accuracy.

    Parameters
    ----------
    propagator : array, shape (N, N)
        ``W[final mode, initial mode]``, unitary to 1e-6; the nearest unitary matrix is used.
    initial_values, final_values : array, shape (N,) or (K, N)
        The values ``q0_i`` and ``qT_j``; a leading axis counts several observables jointly.
    occupations : array, shape (N,), optional
        Initial occupations ``f_i``, between 0 and 1.
    log_odds : array, shape (N,), optional
        ``ln(f_i/(1 − f_i))``, −β(ε_i − μ) in a Gibbs state, instead of `occupations`: keeps both f
        and 1 − f accurate however close to 0 or 1. It may be infinite.

    Raises
    ------
    InputError
        If the propagator is not unitary, shapes do not fit, or not exactly one of `occupations` and
        `log_odds` is given.

    References
    ----------
    L. S. Levitov, G. B. Lesovik, JETP Lett. 58, 230 (1993); I. Klich, in Quantum Noise in
    Mesoscopic Physics (Kluwer, 2003); M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665
    (2009).

    Examples
    --------
    A level at zero, half filled, lifted to 2 while it is exchanged with another at zero:

    >>> import numpy as np
    >>> c, s = np.cos(0.6), np.sin(0.6)
    >>> work = TwoPointStatistics(
    ...     propagator=[[c, -s], [s, c]],
    ...     initial_values=[0.0, 0.0],
    ...     final_values=[2.0, 0.0],
    ...     occupations=[0.5, 0.0],
    ... )
    >>> print(round(work.mean, 6))  # 2 · ½ cos²(0.6)
    0.681179
    >>> values, probabilities = work.atoms()
    >>> values, probabilities.round(4)
    (array([0., 2.]), array([0.6594, 0.3406]))
    """

    propagator: ComplexArray
    initial_values: FloatArray
    final_values: FloatArray
    log_odds: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean of w"),
        "variance": shown(text="variance of w"),
        "skewness": shown(text="skewness of w"),
        "occupation": shown("mode", text="initial occupation of the mode"),
        "initial_value": shown("mode", text="value of the initial mode"),
        "final_value": shown("mode", text="value of the final mode"),
        "propagator": shown("final_mode", "mode", text="propagator between the modes"),
    }

    def variables(self) -> dict[str, Variable]:
        found = super().variables()
        if not self.joint:
            return found
        names = ("mean", "variance", "skewness", "initial_value", "final_value")
        for name in names:
            dims = ("observable", *found[name].dims[1:])
            found[name] = found[name]._replace(dims=dims)
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value, or of each of K observables mean and spread."""
        listed = None if self.joint else self.atoms()
        if listed is not None:
            return draw_atoms(*listed, ax)
        ax = new_axes() if ax is None else ax
        mean, spread = np.atleast_1d(self.mean), np.sqrt(np.atleast_1d(self.variance))
        ax.errorbar(np.arange(mean.size), mean, spread, fmt="o")
        ax.set(xlabel="observable", ylabel="mean and standard deviation")
        return ax

    def __init__(
        self,
        *,
        propagator: npt.ArrayLike,
        initial_values: npt.ArrayLike,
        final_values: npt.ArrayLike,
        occupations: npt.ArrayLike | None = None,
        log_odds: npt.ArrayLike | None = None,
    ) -> None:
        unitary = nearest_unitary("propagator", propagator)
        modes = unitary.shape[0]
        initial = real_array("initial_values", initial_values)
        final = real_array("final_values", final_values)
        if initial.ndim not in (1, 2) or initial.shape[-1] != modes or initial.size == 0:
            raise fail(
                "initial_values",
                f"have shape ({modes},) or (K, {modes})",
                f"its shape is {initial.shape}",
            )
        shaped_like("final_values", final, "initial_values", initial.shape)
        odds = checked_log_odds(modes, occupations=occupations, log_odds=log_odds)
        for name, array in (
            ("propagator", unitary),
            ("initial_values", initial.copy()),
            ("final_values", final.copy()),
            ("log_odds", odds),
        ):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def modes(self) -> int:
        """The number N of modes."""
        return int(self.propagator.shape[0])

    @property
    def joint(self) -> bool:
        """Whether several observables are counted."""
        return self.initial_values.ndim == 2

    @property
    def occupations(self) -> FloatArray:
        """The initial occupations ``f_i``, shape (N,)."""
        return expit(self.log_odds)

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``ln χ(u)``: ln|χ| and, as imaginary part, the phase of χ in (−π, π].

        Parameters
        ----------
        u : array of complex, shape (...) or (..., K)
            Counting fields (1 / value); a last axis where K observables are counted. A positive
            imaginary part λ weighs with ``exp(−λw)``.

        Returns
        -------
        array of complex, shape (...)
        """
        fields = _fields(u, self.initial_values.shape[0] if self.joint else None)
        shape = fields.shape[:-1]
        fields = fields.reshape(-1, fields.shape[-1])
        values = self._centred_values
        tilts, place = np.unique(fields.imag, axis=0, return_inverse=True)
        place = place.reshape(-1)
        balance = balance_of(self.log_odds + tilts @ values[0], -tilts @ values[1])
        adjoint = self.propagator.conj().T
        sign_0, log_0 = self._determinant
        chunk = max(1, _CHUNK_BYTES // (48 * self.modes**2))
        parts = [slice(k, k + chunk) for k in range(0, fields.shape[0], chunk)]

        def logarithms(part: slice) -> ComplexArray:
            matrix, scale = scaled_transfers(
                self.log_odds, fields[part] @ values[0], fields[part] @ values[1],
                balance[place[part]],
            )  # fmt: skip
            matrix *= adjoint
            sign, log = np.linalg.slogdet(matrix)
            return np.asarray(log + scale - log_0 + 1j * np.angle(sign * np.conj(sign_0)))

        # Determinants side by side, one thread each: the result does not depend on their number.
        with few_threads(0), ThreadPoolExecutor(processors()) as pool:
            result = np.concatenate(
                [*pool.map(logarithms, parts), np.empty(0, dtype=np.complex128)]
            )
        return result.reshape(shape)

    def characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``χ(u) = ⟨exp(iuw)⟩``; fields as in `log_characteristic_function`.

        Examples
        --------
        >>> work = TwoPointStatistics(
        ...     propagator=[[1.0]], initial_values=[0.0], final_values=[1.0], occupations=[0.5]
        ... )
        >>> work.characteristic_function([0.0, np.pi / 2]).round(6) + 0.0
        array([1. +0.j , 0.5+0.5j])
        """
        return exponential(self.log_characteristic_function(u))

    def cumulants(self, order: int = 4) -> FloatArray:
        """Return the first cumulants of w, up to the fourth, in closed form.

        With ``B_n = f A_n`` and ``A_n = (W† ∘ (qT_j − q0_i)^n) W``, from ``ln χ = tr ln(1 + Σ B_n
        (iu)^n/n!)``: ``κ1 = tr B1``, ``κ2 = tr(B2 − B1²)``, ``κ3 = tr(B3 − 3 B1 B2 + 2 B1³)``,
        ``κ4 = tr(B4 − 4 B1 B3 − 3 B2² + 12 B1² B2 − 6 B1⁴)``.

        Returns
        -------
        array, shape (order,) or (K, order)
            κ1 … κ4 in powers of the unit of the values.
        """
        one_of("order", order, range(1, 5))
        return self._cumulants[..., :order].copy()

    @functools.cached_property
    def _cumulants(self) -> FloatArray:
        initial, final = np.atleast_2d(self.initial_values), np.atleast_2d(self.final_values)
        rows = [self._cumulants_of(i, f) for i, f in zip(initial, final, strict=True)]
        return np.array(rows) if self.joint else rows[0]

    def _cumulants_of(self, initial: FloatArray, final: FloatArray) -> FloatArray:
        full, empty = self.occupations[:, None], expit(-self.log_odds)
        adjoint = self.propagator.conj().T
        gaps = final - initial[:, None]
        weight = np.abs(adjoint) ** 2
        with few_threads(self.modes):
            a1, a2, a3 = ((adjoint * gaps**n) @ self.propagator for n in (1, 2, 3))
            b1, b2, b3 = full * a1, full * a2, full * a3
            square = b1 @ b1

        def trace(x: ComplexArray, y: ComplexArray) -> float:
            return float(np.sum(x * y.T).real)

        def moment(n: int) -> float:
            return float(np.sum(full * weight * gaps**n))

        second = float(np.sum(full * empty * np.abs(a1) ** 2))  # tr(B2 − B1²), all terms positive
        third = moment(3) - 3 * trace(b1, b2) + 2 * trace(square, b1)
        fourth = (
            moment(4)
            - 4 * trace(b1, b3)
            - 3 * trace(b2, b2)
            + 12 * trace(square, b2)
            - 6 * trace(square, square)
        )
        return np.array([moment(1), second, third, fourth])

    def covariance(self) -> FloatArray:
        """Return the covariances ``tr[f A_a (1 − f) A_b]`` of K observables, shape (K, K)."""
        initial, final = np.atleast_2d(self.initial_values), np.atleast_2d(self.final_values)
        adjoint = self.propagator.conj().T
        with few_threads(self.modes):
            change = np.stack(
                [
                    (adjoint * (f - i[:, None])) @ self.propagator
                    for i, f in zip(initial, final, strict=True)
                ]
            )
        weight = self.occupations[:, None] * expit(-self.log_odds)
        return np.einsum("ij,aij,bij->ab", weight, change, change.conj(), optimize=True).real

    @property
    def mean(self) -> float | FloatArray:
        """The mean of w, shape () or (K,)."""
        return self.cumulants(1)[..., 0][()]

    @property
    def variance(self) -> float | FloatArray:
        """The variance of w, shape () or (K,)."""
        return self.cumulants(2)[..., 1][()]

    @property
    def skewness(self) -> float | FloatArray:
        """The skewness ``κ3/κ2^{3/2}`` of w, shape () or (K,); NaN if w has a single value."""
        k = self._cumulants
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(k[..., 1] > 0, k[..., 2] / k[..., 1] ** 1.5, np.nan)[()]

    def lattice_step(self) -> float | None:
        """Return the largest step of which every ``qT_j − q0_i`` is a multiple, or None."""
        self._single("lattice")
        return inversion.lattice_step(self.initial_values, self.final_values)

    def atoms(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the values of w and their probabilities, or None where there are too many.

        Up to 11 modes all transitions are enumerated; beyond, values on a lattice are found by an
        exact Fourier sum, with absolute error below 1e-12 and relative accuracy for probabilities
        above about 1e-15.
        """
        return self._atoms

    @functools.cached_property
    def _atoms(self) -> tuple[FloatArray, FloatArray] | None:
        self._single("list of atoms")
        if self.modes <= enumeration.MOST_MODES:
            found = enumeration.enumerate_transitions(self.propagator, log_odds=self.log_odds)
            values = found.values(self.initial_values, self.final_values)
            return merge_atoms(values, found.probabilities)
        step = self.lattice_step()
        if step is None:
            return None
        return inversion.lattice_atoms(self, step)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values of w, shape (n,) or (n, K), drawn from the exact law."""
        found = sampling.sample_transitions(self.propagator, n, rng, log_odds=self.log_odds)
        return found.values(self.initial_values, self.final_values)

    def backward(
        self, *, occupations: npt.ArrayLike | None = None, log_odds: npt.ArrayLike | None = None
    ) -> TwoPointStatistics:
        """Return the statistics of the reversed protocol, which starts from the final modes.

        The propagator between the eigenbases becomes ``Wᵀ`` (of the complex conjugate Hamiltonian,
        the same one if it is real), and the two measurements change places.
        """
        return TwoPointStatistics(
            propagator=self.propagator.T,
            initial_values=self.final_values,
            final_values=self.initial_values,
            occupations=occupations,
            log_odds=log_odds,
        )

    def __str__(self) -> str:
        counted = f"{self.initial_values.shape[0]} observables" if self.joint else "one observable"
        return (
            f"two-point statistics of {counted}, {self.modes} modes, "
            f"{float(self.occupations.sum()):.6g} particles on average"
        )

    @functools.cached_property
    def _determinant(self) -> tuple[complex, float]:
        """The phase of det W† and the logarithm of its size, which rounding leaves near zero."""
        with few_threads(self.modes):
            sign, log = np.linalg.slogdet(self.propagator.conj().T)
        return complex(sign), float(log)

    @functools.cached_property
    def _centred_values(self) -> tuple[FloatArray, FloatArray]:
        # The number of particles is conserved: a shift common to both ends drops out, and small
        # values keep the phases accurate.
        initial, final = np.atleast_2d(self.initial_values), np.atleast_2d(self.final_values)
        both = np.concatenate((initial, final), axis=1)
        middle = 0.5 * (both.max(axis=1) + both.min(axis=1))[:, None]
        return initial - middle, final - middle

    def _single(self, what: str) -> None:
        if self.joint:
            raise InputError(
                f"Several observables counted jointly have no {what}: count one of them, or use "
                "`characteristic_function`, `sample` or `enumerate_transitions`."
            )


def _fields(u: npt.ArrayLike, observables: int | None) -> ComplexArray:
    """Return the counting fields with the observables on the last axis."""
    fields = counting_field("u", u)
    if observables is None:
        return fields[..., None]
    return last_axis("u", fields, observables)


def balance_of(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Return the shift c at which ``Σ σ(row + c) = Σ σ(column − c)``, for each first index."""
    # There the product of all the factors (1 + e^{row+c})(1 + e^{column−c}) that scale the matrix
    # is smallest, so that nothing is scaled further than needed.
    finite = np.where(np.isfinite(rows), rows, 0.0)
    reach = np.abs(finite).max(axis=-1) + np.abs(columns).max(axis=-1) + 1.0
    low, high = -reach, reach
    for _ in range(1100):  # halvings of the largest float; some thirty are usual
        middle = 0.5 * (low + high)
        if np.all(high - low <= _BALANCED + 1e-15 * np.abs(middle)):
            break
        surplus = (
            expit(rows + middle[:, None]).sum(axis=-1)
            - expit(columns - middle[:, None]).sum(axis=-1)
        )  # fmt: skip
        low, high = np.where(surplus > 0, low, middle), np.where(surplus > 0, middle, high)
    return 0.5 * (low + high)


def scaled_transfers(
    log_odds: FloatArray, initial: ComplexArray, final: ComplexArray, balance: FloatArray
) -> tuple[ComplexArray, FloatArray]:
    """Return G with rows and columns scaled to entries of at most one, and ln of the scale."""
    # ``G_ij = (1 − f_i)(1 + exp(r_i + c_j))`` with complex r and c is divided by ``(1 − f_i)(1 +
    # |exp r_i|)(1 + |exp c_j|)``; `initial` and `final` are u times the values, shape (u, N).
    c = balance[:, None]
    lift = initial.imag + c
    row, column = log_odds + lift, -final.imag - c
    empty = expit(-row)[:, :, None] * expit(-column)[:, None, :]
    turned_row = expit(row) * np.exp(-1j * initial.real)
    turned_column = expit(column) * np.exp(1j * final.real)
    matrix = turned_row[:, :, None] * turned_column[:, None, :]
    matrix += empty
    # ln[(1 − f)(1 + exp(row))] in a form that allows f = 0 and f = 1
    scale = np.logaddexp(log_expit(-log_odds), log_expit(log_odds) + lift).sum(axis=-1)
    return matrix, scale - log_expit(-column).sum(axis=-1)
