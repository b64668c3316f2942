"""Vibronic coupling models from adiabatic energies along normal modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    check_flag,
    choice,
    fail,
    integer,
    listed,
    of_shape,
    positive,
    positive_number,
    real_array,
)
from anticrossing.fits._vibronic_model import Data, Form, Problem, monomials
from anticrossing.fits._vibronic_search import (
    Found,
    ambiguous_modes,
    gauge_fixed,
    misses,
    polish,
    search,
    turned,
    unseen_flips,
)
from anticrossing.fits.vibronic_result import VibronicFit, report
from anticrossing.hamiltonian import check_entries
from anticrossing.spectrum import character_table
from anticrossing.units import NATURAL, Units

_MOST_STATES, _MOST_MODES, _MOST_PARAMETERS = 12, 256, 2000
_TOUCHING = 1e-7  # of the range of energies: degenerate data, where errors are not known
_ALIKE = 1e-7  # of the range of energies: the same on both sides, where errors are not known
_SURE = 4.0  # standard deviations


def fit_vibronic(
    positions: npt.ArrayLike,
    energies: npt.ArrayLike,
    *,
    frequencies: npt.ArrayLike,
    order: int = 1,
    coupling_order: int = 1,
    error: npt.ArrayLike | None = None,
    gradients: npt.ArrayLike | None = None,
    couplings: npt.ArrayLike | None = None,
    derivative_error: float | None = None,
    group: str | None = None,
    mode_irreps: Sequence[str] | None = None,
    state_irreps: Sequence[str] | None = None,
    detect_parity: bool = False,
    coordinates: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    units: Units = NATURAL,
    starts: int = 16,
    seed: int = 0,
) -> VibronicFit:
    """Fit a vibronic coupling model to adiabatic energies at displaced geometries.

    W(Q) = ½ Σ_i ω_i Q_i² 𝟙 + C + Σ_i Q_i L_i (+ ½ Σ_ij Q_i Q_j G_ij),

    with C diagonal, so that its eigenvalues at Q_k are E_k: κ_i^(n) are on the diagonals of L_i,
    λ_i^(nm) off them. No guess is needed: the search begins with the traces of W and W², which the
    energies tell, and with random couplings, and goes on by lifting and projecting and by Newton's
    method.

    Energies tell λ² and products of couplings round loops, not signs: those of states are chosen so
    that the strongest couplings are positive; where the data do not tell the signs of one mode
    against those of another, as scans along single modes do not, the warnings say so; nor do such
    scans tell the couplings of three and more states, which several matrices have alike. States
    that are degenerate at Q = 0 are mixed so that the mode that splits them most does not couple
    them.

    Parameters
    ----------
    positions : array, shape (K, f)
        Q_k, dimensionless normal coordinates.
    energies : array, shape (K, N)
        Adiabatic energies, those of one geometry in any order.
    frequencies : array, shape (f,)
        ω_i > 0 of the reference state (energy).
    order : {1, 2}
        1 for C and L, 2 with G on the diagonal.
    coupling_order : {1, 2}
        2 with G off the diagonal too. Energies alone tell it badly: a rotation of the states by an
        angle that grows with Q changes them in higher order only.
    error : array, shape (), (K, 1) or (K, N), optional
        Standard deviations of the energies; without them they follow from the residuals.
    gradients : array, shape (K, f, N), optional
        ∂E_n/∂Q_i (energy); NaN where one is not known.
    couplings : array, shape (K, f, N, N), optional
        ⟨φ_n|∂φ_m/∂Q_i⟩, antisymmetric, states with any sign at every geometry; NaN where not known.
    derivative_error : float, optional
        Standard deviation of gradients, and of couplings times differences of energies; by default
        the mean `error`.
    group : str, optional
        A point group of `spectrum.character_table`: a monomial stands only between states whose
        product contains its representation.
    mode_irreps, state_irreps : sequence of str, optional
        The representations of the f modes, and of the N states in the order of their energies at
        Q = 0.
    detect_parity : bool
        Look for modes along which all energies are even, at geometries ±Q_i that are otherwise the
        same: the states then have a parity under Q_i → −Q_i, and what breaks it is left out.
    coordinates, labels : sequence of str, optional
        Names of the modes, ``Q1`` … otherwise, and of the states.
    units : Units
        Of the energies.
    starts : int
        How many couplings the search begins with.
    seed : int
        Of these.

    Returns
    -------
    VibronicFit
        Its `hamiltonian` is a `VibronicCoupling`, for `models.write_operator`, or in a
        `models.SharcModel`.

    Raises
    ------
    InputError
        For shapes that do not fit, fewer data than parameters, couplings that are not
        antisymmetric, or representations without a group.

    References
    ----------
    H. Köppel, W. Domcke and L. S. Cederbaum, Adv. Chem. Phys. 57, 59 (1984); M. T. Chu,
    SIAM Rev. 40, 1 (1998) (lift and project).

    Examples
    --------
    >>> import anticrossing as ac
    >>> pyrazine = ac.models.Pyrazine()
    >>> Q = np.random.default_rng(1).uniform(-3, 3, (60, 3))
    >>> energies = np.linalg.eigvalsh(pyrazine(Q))
    >>> fit = fit_vibronic(Q, energies, frequencies=pyrazine.frequencies)
    >>> bool(abs(fit.hamiltonian.linear - pyrazine.linear).max() < 1e-10)
    True
    >>> print(round(fit["lambda(Q3, 1, 2)"].value, 6), fit.warnings)
    0.262 ()
    """
    Q = real_array("positions", positions, ndim=2)
    count, modes = Q.shape
    omega = of_shape(
        "frequencies", positive("frequencies", listed("frequencies", frequencies)), (modes,)
    )
    E = real_array("energies", energies, ndim=2)
    if E.shape[0] != count or not 1 <= E.shape[1] <= _MOST_STATES:
        must = f"have shape ({count}, N), 1 ≤ N ≤ {_MOST_STATES}"
        raise fail("energies", must, f"its shape is {E.shape}")
    states = E.shape[1]
    if not 1 <= modes <= _MOST_MODES:
        raise fail("positions", f"have 1 to {_MOST_MODES} columns", f"it has {modes}")
    highest = integer("order", order, minimum=1, maximum=2)
    integer("coupling_order", coupling_order, minimum=1, maximum=highest)
    check_flag("detect_parity", detect_parity)
    names = tuple(f"Q{i + 1}" for i in range(modes))
    if coordinates is not None:
        names = tuple(check_entries("coordinates", coordinates, modes, f"hold {modes} name(s)"))
    titles = tuple(str(n + 1) for n in range(states))
    if labels is not None:
        titles = tuple(check_entries("labels", labels, states, f"hold {states} name(s)"))
    spread = None if error is None else _errors(error, E.shape)
    form = _form(modes, states, (order, coupling_order), group, mode_irreps, state_irreps)
    if detect_parity and group is not None:
        raise fail("detect_parity", "be left out where a group is given", "it is True")
    data, notes = _data(Q, E, omega, spread, gradients, couplings, derivative_error)
    size = form.places[0].size
    if data.count < size or size > _MOST_PARAMETERS:
        must = f"hold at least {size} numbers for as many parameters"
        raise fail("energies", must, f"there are {data.count} with derivatives")
    integer("starts", starts, minimum=1, maximum=1000)
    rng = np.random.default_rng(integer("seed", seed, minimum=0))
    scale = np.array(
        [np.mean(omega), *omega, *np.full(len(form.powers) - 1 - modes, 0.1 * np.mean(omega))]
    )
    odd = _odd_modes(Q, E, spread) if detect_parity else []
    for mode in odd:
        among = (form.powers[:, mode] % 2 == 1)[:, None, None] & np.eye(states, dtype=bool)
        form = replace(form, free=form.free & ~among)
    problem = Problem(form, data)
    best = search(problem, scale, starts, rng)
    evaluations = best.evaluations
    for mode in odd:
        problem, best = _with_parity(problem, best, mode, spread is not None)
    blocks = _degenerate(problem, best)
    if blocks:
        problem, best = turned(problem, best, blocks)
        notes += [
            f"states {', '.join(titles[n] for n in block)} are degenerate at Q = 0: they are known "
            "up to a rotation among them"
            for block in blocks
        ]
    best = polish(problem, gauge_fixed(problem.form, best.values))
    unseen = [names[mode] for mode in unseen_flips(problem, best)]
    if unseen:
        notes.append(
            f"the signs of couplings along {', '.join(unseen)} are not determined against those of "
            "other modes or states"
        )
    scanned, doubts = [names[mode] for mode in ambiguous_modes(problem)], list[str]()
    if scanned:
        doubts.append(
            f"other couplings along {', '.join(scanned)} give the same energies: scans of one mode "
            "do not tell those of three and more states; displace two modes at once"
        )
    if misses(problem, best):
        notes.append(
            "energies of neighbouring geometries deviate together: the model does not describe the "
            "data, or the search has not found its best couplings and needs more `starts`"
        )
    if odd:
        notes.append(f"all energies are even along {', '.join(names[mode] for mode in odd)}")
    return report(
        problem,
        replace(best, evaluations=evaluations),
        omega,
        names,
        labels=titles if labels is not None else None,
        units=units,
        errors_known=spread is not None,
        notes=notes,
        doubts=doubts,
    )


def _errors(error: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    given = positive("error", error)
    if given.shape not in ((), (shape[0], 1), shape):
        raise fail(
            "error", f"have shape (), ({shape[0]}, 1) or {shape}", f"its shape is {given.shape}"
        )
    return np.broadcast_to(given, shape).copy()


def _form(
    modes: int,
    states: int,
    orders: tuple[int, int],
    group: str | None,
    mode_irreps: Sequence[str] | None,
    state_irreps: Sequence[str] | None,
) -> Form:
    """Return where each monomial may stand, by symmetry."""
    powers = monomials(modes, orders[0])
    free = np.ones((len(powers), states, states), dtype=bool)
    mixable = np.ones((states, states), dtype=bool)
    if group is None:
        for name, given in (("mode_irreps", mode_irreps), ("state_irreps", state_irreps)):
            if given is not None:
                raise fail(name, "come with a `group`", "there is none")
    else:
        table = character_table(group)
        if mode_irreps is None or state_irreps is None:
            raise fail("group", "come with `mode_irreps` and `state_irreps`", "one is missing")
        of_modes = check_entries("mode_irreps", mode_irreps, modes, f"hold {modes} name(s)")
        of_states = check_entries("state_irreps", state_irreps, states, f"hold {states} name(s)")
        for name, all_irreps in (("mode_irreps", of_modes), ("state_irreps", of_states)):
            for irrep in all_irreps:
                choice(name, irrep, table.irreps)
        for k, row in enumerate(powers):
            kinds = [of_modes[i] for i in np.flatnonzero(row) for _ in range(row[i])]
            held = set(table.product(*kinds))
            for a in range(states):
                for b in range(states):
                    free[k, a, b] = bool(held & set(table.product(of_states[a], of_states[b])))
        mixable = np.array([[a == b for b in of_states] for a in of_states])
    free[0] &= np.eye(states, dtype=bool)
    free[powers.sum(axis=1) > orders[1]] &= np.eye(states, dtype=bool)
    return Form(powers, free, mixable)


def _data(
    Q: FloatArray,
    E: FloatArray,
    omega: FloatArray,
    spread: FloatArray | None,
    gradients: npt.ArrayLike | None,
    couplings: npt.ArrayLike | None,
    derivative_error: float | None,
) -> tuple[Data, list[str]]:
    """Return the data without the reference oscillators, sorted, and notes."""
    notes = []
    order = np.argsort(E, axis=1, kind="stable")
    crossed = int(np.count_nonzero(np.any(order != np.arange(E.shape[1]), axis=1)))
    if crossed:
        notes.append(
            f"energies of {crossed} geometries were not in ascending order: they are sorted"
        )
    E = np.take_along_axis(E, order, axis=1)
    weights = np.ones_like(E)
    if spread is not None:
        weights = 1 / np.take_along_axis(spread, order, axis=1)
    below = E - 0.5 * (Q**2 @ omega)[:, None]
    if gradients is None and couplings is None:
        if derivative_error is not None:
            raise fail("derivative_error", "come with gradients or couplings", "there are none")
        return Data(Q, below, weights), notes
    shape = (len(Q), Q.shape[1], *E.shape[1:] * 2)
    forces, known = np.zeros(shape), np.zeros(shape, dtype=bool)
    diagonal = np.arange(E.shape[1])
    if gradients is not None:
        given = _derivatives("gradients", gradients, shape[:3])
        given = np.take_along_axis(given, order[:, None, :], axis=2)
        forces[..., diagonal, diagonal] = given - (omega * Q)[..., None]
        known[..., diagonal, diagonal] = np.isfinite(given)
    if couplings is not None:
        given = _derivatives("couplings", couplings, shape)
        held = np.where(np.isfinite(given), given, 0.0)
        if np.abs(held + held.swapaxes(-1, -2)).max() > 1e-6 * max(np.abs(held).max(), 1e-300):
            raise fail("couplings", "be antisymmetric in the states", "they are not")
        given = np.take_along_axis(given, order[:, None, :, None], axis=2)
        given = np.take_along_axis(given, order[:, None, None, :], axis=3)
        off = ~np.eye(E.shape[1], dtype=bool)
        forces[..., off] = (given * (E[:, None, None, :] - E[:, None, :, None]))[..., off]
        known[..., off] = np.isfinite(given)[..., off]
    close = np.abs(E[:, :, None] - E[:, None, :]) <= _TOUCHING * float(np.ptp(E))
    mixed = np.count_nonzero(close, axis=2) > 1
    dropped = known & (mixed[:, None, :, None] | mixed[:, None, None, :])
    if np.any(dropped):
        where = int(np.count_nonzero(mixed.sum(axis=1)))
        notes.append(f"derivatives of degenerate states are passed over at {where} geometries")
    known &= ~dropped
    size = (
        positive_number("derivative_error", derivative_error)
        if derivative_error is not None
        else (1.0 if spread is None else float(spread.mean()))
    )
    return Data(Q, below, weights, np.where(known, forces, 0.0), known / size), notes


def _derivatives(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return derivatives of the wanted shape, NaN where they are not known."""
    raw = np.array(value, dtype=np.float64) if np.size(value) else np.zeros(0)
    if raw.shape != shape:
        raise fail(name, f"have shape {shape}", f"its shape is {raw.shape}")
    real_array(name, np.where(np.isnan(raw), 0.0, raw))
    return raw


def _odd_modes(Q: FloatArray, E: FloatArray, spread: FloatArray | None) -> list[int]:
    """Return the modes along which energies are even, wherever both sides are known."""
    E = np.sort(E, axis=1)
    near = 1e-9 * max(float(np.abs(Q).max()), 1e-300)
    found = []
    for mode in range(Q.shape[1]):
        mirrored = Q.copy()
        mirrored[:, mode] *= -1
        same = np.all(np.abs(Q[:, None] - mirrored) <= near, axis=-1)
        same &= (Q[:, mode] > near)[:, None]
        k, other = np.nonzero(same)
        if k.size < 2:
            continue
        apart = E[k] - E[other]
        if spread is None:
            even = bool(np.all(np.abs(apart) <= _ALIKE * np.ptp(E)))
        else:  # all together, and the slope of each level
            size = np.hypot(spread[k], spread[other])
            along = Q[k, mode][:, None] / size
            slopes = np.sum(along * apart / size, axis=0) / np.sqrt(np.sum(along**2, axis=0))
            scatter = np.sum((apart / size) ** 2) - apart.size
            even = bool(
                np.all(np.abs(slopes) <= _SURE) and scatter <= _SURE * np.sqrt(2 * apart.size)
            )
        if even:
            found.append(mode)
    return found


def _with_parity(
    problem: Problem, best: Found, mode: int, errors_known: bool
) -> tuple[Problem, Found]:
    """Return problem and minimum with parities of the states under Q_mode → −Q_mode, if any fit."""
    form = problem.form
    X = (
        np.abs(form.matrices(best.values))
        * np.array([np.abs(problem.data.positions).max() ** n for n in form.powers.sum(axis=1)])[
            :, None, None
        ]
    )
    odd = form.powers[:, mode] % 2 == 1
    if not np.any(X[odd]):
        return problem, best
    choices = []
    for number in range(2 ** (form.size - 1)):
        parity = np.array([1, *(1 - 2 * (number >> n & 1) for n in range(form.size - 1))])
        even = parity[:, None] * parity > 0
        kept = np.where(odd[:, None, None], ~even, even)
        choices.append((float(np.sum(X[~kept] ** 2)), number, kept))
    _, _, kept = min(choices, key=lambda one: one[:2])
    narrowed = replace(
        problem, form=replace(form, free=form.free & kept, mixable=form.mixable & kept[0])
    )
    fewer = form.places[0].size - narrowed.form.places[0].size
    again = polish(narrowed, narrowed.form.values(form.matrices(best.values)))
    freedom = problem.data.count - form.places[0].size
    unit = 1.0 if errors_known else max(best.chi_square / max(freedom, 1), 1e-300)
    worse = (again.chi_square - best.chi_square) / unit
    small = 1e-16 * float(np.sum((problem.data.energies * problem.data.weights) ** 2))
    if again.chi_square > small and worse > fewer + _SURE * np.sqrt(2 * fewer):
        return problem, best
    return narrowed, again


def _degenerate(problem: Problem, best: Found) -> list[list[int]]:
    """Return the sets of states whose energies at Q = 0 are the same within their errors."""
    form, X = problem.form, problem.form.matrices(best.values)
    E = np.diag(X[0])
    freedom = max(best.residuals.size - best.values.size, 1)
    scale = np.sqrt(best.chi_square / freedom) / problem.data.weights.mean()
    near = max(_TOUCHING * float(np.ptp(problem.data.energies)), scale)
    blocks: list[list[int]] = []
    for n in np.argsort(E):
        if blocks and abs(E[n] - E[blocks[-1][-1]]) <= near and form.mixable[n, blocks[-1][-1]]:
            blocks[-1].append(int(n))
        else:
            blocks.append([int(n)])
    couples = np.logical_or.reduce(form.free[1:])
    return [sorted(b) for b in blocks if len(b) > 1 and couples[np.ix_(b, b)].all()]
