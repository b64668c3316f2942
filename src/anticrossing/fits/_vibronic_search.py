"""The search for a vibronic coupling matrix with given eigenvalues at many positions.

Lift and project, from many random couplings: the matrix with the wanted eigenvalues that lies
nearest to the present one, then the parameters that lie nearest to those matrices. Both steps are
least squares, so no step makes it worse, and none needs a guess that is near. Gauss and Newton's
steps finish. What cannot be reached by small steps, other signs of couplings, is tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from anticrossing._core.checks import FloatArray
from anticrossing.fits._vibronic_model import BoolArray, Form, Problem

_ROUNDS = ((8, 0.5), (16, 0.5), (32, 0.34), (64, 0.0))  # steps, share of starts that go on
_FOLLOWED = 4
_BETTER = 0.999  # of χ²
_EXACT = 1e-20  # of the squares of the energies: nothing is left to fit
_SURE = 4.0  # a change of χ², or a value in its deviations
_SAME = 1e-6  # of the largest coupling: none


@dataclass(frozen=True, eq=False)
class Found:
    """The best parameters, residuals and their derivatives, evaluations, whether it converged."""

    values: FloatArray
    residuals: FloatArray
    jacobian: FloatArray
    evaluations: int
    converged: bool

    @property
    def chi_square(self) -> float:
        """Σ residuals²."""
        return float(self.residuals @ self.residuals)


def search(problem: Problem, scale: FloatArray, starts: int, rng: np.random.Generator) -> Found:
    """Return the best minimum of χ² that is found from random couplings."""
    # `scale` (M,) is the size of those of every monomial
    lifted = _lifted(problem, scale, starts, rng)
    best = min((_settled(problem, one) for one in lifted), key=lambda one: one.chi_square)
    while best.chi_square > _floor(problem):
        other = _other_signs(problem, best)
        if other is None:
            break
        best = other
    return best


def polish(problem: Problem, values: FloatArray) -> Found:
    """Return the nearest minimum of χ²."""
    outcome = least_squares(
        lambda p: problem.evaluate(p)[0],
        values,
        jac=lambda p: problem.evaluate(p, derivatives=True)[1],
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=200,
    )
    residuals, jacobian = problem.evaluate(outcome.x, derivatives=True)
    return Found(outcome.x, residuals, jacobian, int(outcome.nfev), bool(outcome.success))


def _settled(problem: Problem, values: FloatArray) -> Found:
    """Return the minimum near parameters of the form whose constant matrix is not diagonal yet."""
    loose = replace(problem, form=_loosened(problem.form))
    X = loose.form.matrices(polish(loose, values).values)
    turn = np.zeros_like(X[0])
    for row in np.unique(problem.form.mixable, axis=0):
        alike = np.flatnonzero(row)
        turn[np.ix_(alike, alike)] = np.linalg.eigh(X[0][np.ix_(alike, alike)])[1]
    return polish(problem, problem.form.values(turn.T @ X @ turn))


def _loosened(form: Form) -> Form:
    """Return the form in which states that any monomial of even powers may couple are mixed."""
    # The states at Q = 0 may be chosen as those of the constant matrix. Searched for with others,
    # the way there is not blocked where two of them are close.
    free = form.free.copy()
    free[0] |= form.mixable
    return replace(form, free=free)


def flips(form: Form, values: FloatArray) -> list[tuple[int, FloatArray]]:
    """Return, for each mode, parameters with signs that its couplings might have as well.

    They are those of Q_i → −Q_i in the couplings alone, between states whose signs differ.
    """
    m, a, b = form.places
    found = []
    for mode in range(form.powers.shape[1]):
        odd = (form.powers[m, mode] % 2 == 1) & (a != b)
        if not np.any(values[odd]):
            continue
        for rest in itertools.product((1, -1), repeat=form.size - 1):
            sign = np.array((1, *rest))
            change = np.where(odd & (sign[a] * sign[b] < 0), -1.0, 1.0)
            if np.any(values * change != values):
                found.append((mode, values * change))
    return found


def ambiguous_modes(problem: Problem) -> list[int]:
    """Return the modes that are displaced alone only, with couplings that energies do not tell.

    Along one mode three and more states that all couple have several matrices with the same
    energies everywhere: the symmetric determinantal representations of a plane curve, two of a
    cubic, eight of a quartic.
    """
    data, form = problem.data, problem.form
    if data.force_weights is not None and np.any(
        data.force_weights[..., ~np.eye(form.size, dtype=bool)]
    ):
        return []
    moved = np.abs(data.positions) > _SAME * np.abs(data.positions).max(initial=1e-300)
    found = []
    for mode in range(moved.shape[1]):
        pairs = int(np.count_nonzero(np.triu(form.free[1 + mode], 1)))
        if pairs >= 3 and np.all(moved[moved[:, mode]].sum(axis=1) == 1):
            found.append(mode)
    return found


def unseen_flips(problem: Problem, best: Found) -> list[int]:
    """Return the modes whose couplings may have other signs without a change that is seen."""
    form, unit = problem.form, best.chi_square / max(best.residuals.size - best.values.size, 1)
    deviations = np.sqrt(unit) * np.linalg.norm(np.linalg.pinv(best.jacobian, rcond=1e-9), axis=1)
    seen = np.abs(best.values) > np.maximum(
        _SURE * deviations, _SAME * np.abs(best.values[form.places[0] > 0]).max(initial=0.0)
    )
    modes = set()
    for mode, other in flips(form, np.where(seen, best.values, 0.0)):
        whole = np.where(seen, other, best.values)
        if mode in modes or _same_but_for_states(form, other, np.where(seen, best.values, 0.0)):
            continue
        limit = max(best.chi_square + _SURE * unit, _floor(problem))
        if float(problem.chi_squares(whole)) <= limit:
            modes.add(mode)
    return sorted(modes)


def gauge_fixed(form: Form, values: FloatArray) -> FloatArray:
    """Return parameters with states in order, their strongest couplings positive.

    States are in the order of their energies at Q = 0, unless symmetry tells them apart.
    """
    X = form.matrices(values)
    order, E = np.argsort(np.diag(X[0]), kind="stable"), np.diag(X[0])
    if np.all(np.diff(E) >= -_SAME * np.ptp(X)):  # the order of degenerate states is rounding
        order = np.arange(form.size)
    if np.array_equal(form.free, form.free[:, order][:, :, order]):
        X = X[:, order][:, :, order]
    sign = np.ones(form.size)
    for state in range(1, form.size):
        block = X[1:, :state, state]
        if np.any(block):
            k, other = np.unravel_index(np.argmax(np.abs(block)), block.shape)
            sign[state] = sign[other] * (np.sign(block[k, other]) or 1.0)
    return form.values(X * sign[:, None] * sign)


def turned(problem: Problem, best: Found, blocks: list[list[int]]) -> tuple[Problem, Found]:
    """Return the problem and its minimum with the mixture of degenerate states fixed.

    Any rotation of states that are degenerate at Q = 0 describes the data as well. The one is
    taken in which the mode that splits them most couples none of them.
    """
    form, X = problem.form, problem.form.matrices(best.values)
    free = form.free.copy()
    linear = np.flatnonzero(form.first)
    for block in map(np.array, blocks):
        inside = X[np.ix_(linear, block, block)]
        trace = np.einsum("maa->m", inside)[:, None, None] * np.eye(len(block)) / len(block)
        mode = int(np.argmax(np.abs(inside - trace).sum(axis=(1, 2))))
        place = linear[mode]
        if not form.free[place][np.ix_(block, block)].all():
            continue  # symmetry fixes them
        turn = np.eye(form.size)
        turn[np.ix_(block, block)] = np.linalg.eigh(inside[mode])[1]
        rotated = turn.T @ X @ turn
        if np.abs(np.where(form.free, 0.0, rotated)).max() > 1e-6 * np.abs(rotated).max():
            continue
        X = rotated
        for a, b in itertools.permutations(block, 2):
            free[place, a, b] = False
    fixed = replace(problem, form=replace(form, free=free))
    return fixed, polish(fixed, fixed.form.values(X))


def _floor(problem: Problem) -> float:
    """Return χ² that is nothing but rounding."""
    data = problem.data
    return _EXACT * float(np.sum((data.energies * data.weights) ** 2))


def _same_but_for_states(form: Form, one: FloatArray, other: FloatArray) -> bool:
    return bool(
        np.allclose(gauge_fixed(form, one), gauge_fixed(form, other), atol=1e-12, rtol=1e-9)
    )


def _other_signs(problem: Problem, best: Found) -> Found | None:
    """Return a better minimum that begins at other signs of couplings, None where none is."""
    tried = [other for _, other in flips(problem.form, best.values)]
    if not tried:
        return None
    chi = problem.chi_squares(np.array(tried))
    for k in np.argsort(chi)[:_FOLLOWED]:
        found = polish(problem, tried[k])
        if found.chi_square < _BETTER * best.chi_square:
            return found
    return None


def _projection(free: BoolArray, design: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return the least-squares fit of matrices (S, K, N, N) as a function: (S, M, N, N)."""
    size = free.shape[-1]
    masks, which = np.unique(free.reshape(len(free), -1).T, axis=0, return_inverse=True)
    groups = [np.flatnonzero(np.ravel(which) == k) for k in range(len(masks))]
    solvers = np.zeros((len(masks), *design.T.shape))
    for k, mask in enumerate(masks):
        solvers[k, mask] = np.linalg.pinv(design[:, mask], rcond=1e-10)

    def project(matrices: FloatArray) -> FloatArray:
        flat = matrices.reshape(*matrices.shape[:-2], -1)
        found = np.zeros((len(flat), len(free), size * size))
        for solver, elements in zip(solvers, groups, strict=True):
            found[..., elements] = solver @ flat[..., elements]
        return found.reshape(len(flat), len(free), size, size)

    return project


def _with_moments(
    form: Form, positions: FloatArray, energies: FloatArray, count: int, rng: np.random.Generator
) -> FloatArray:
    """Return matrices (count, M, N, N) of the first degree with the right traces of W and W².

    Without its trace W is a vector Σ_i Q_i w_i of N(N+1)/2 − 1 numbers, whose square follows from
    the energies: a polynomial of second degree with the products of the w_i for coefficients. They
    tell the w_i up to a rotation, which is drawn. For two states any rotation will do.
    """
    size, states = 1 + positions.shape[1], form.size
    design = np.column_stack([np.ones(len(positions)), positions])
    i, j = np.triu_indices(size)
    mean = energies.mean(axis=1)
    spread = np.sum((energies - mean[:, None]) ** 2, axis=1)
    products = np.where(i == j, 1.0, 2.0) * design[:, i] * design[:, j]
    gram = np.zeros((size, size))
    gram[i, j] = gram[j, i] = np.linalg.lstsq(products, spread, rcond=1e-10)[0]
    basis = _traceless(states)
    sizes, axes = np.linalg.eigh(gram)
    kept = np.argsort(-sizes)[: len(basis)]
    roots = np.zeros((size, len(basis)))
    roots[:, : kept.size] = axes[:, kept] * np.sqrt(np.maximum(sizes[kept], 0.0))
    turns = np.linalg.qr(rng.standard_normal((count, len(basis), len(basis))))[0]
    X = np.zeros((count, len(form.powers), states, states))
    X[:, :size] = np.einsum("ia,sab,bnm->sinm", roots, turns, basis)
    trace = np.linalg.lstsq(design, mean, rcond=1e-10)[0]
    X[:, :size] += trace[:, None, None] * np.eye(states)
    return X


def _traceless(states: int) -> FloatArray:
    """Return an orthonormal basis of the symmetric matrices without trace."""
    found = []
    for a in range(states):
        for b in range(a):
            one = np.zeros((states, states))
            one[a, b] = one[b, a] = np.sqrt(0.5)
            found.append(one)
        if a:
            found.append(np.diag([1.0] * a + [-a] + [0.0] * (states - a - 1)) / np.sqrt(a * a + a))
    return np.array(found).reshape(-1, states, states)


def _lifted(
    problem: Problem, scale: FloatArray, starts: int, rng: np.random.Generator
) -> list[FloatArray]:
    """Return the parameters of a few starts after lifting and projecting."""
    form = _loosened(problem.form)
    positions, energies = problem.data.pseudo_points()
    design = form.design(positions)
    project = _projection(form.free, design)
    linear = _projection(form.free & (form.powers.sum(axis=1) <= 1)[:, None, None], design)
    base = project(energies[None, :, :, None] * np.eye(form.size))[0]
    m, a, b = form.places
    drawn = rng.standard_normal((starts, m.size)) * np.where(a == b, 0.0, scale[m])
    X = base + form.matrices(drawn)
    X[::2] = form.free * _with_moments(form, positions, energies, len(X[::2]), rng)
    for steps, share in _ROUNDS:
        for _ in range(steps):
            W = np.einsum("km,smab->skab", design, X)
            U = np.linalg.eigh(W)[1]
            nearest = (U * energies[:, None, :]) @ U.swapaxes(-1, -2)
            X = linear(nearest) if steps == _ROUNDS[0][0] else project(nearest)
        levels = np.linalg.eigvalsh(np.einsum("km,smab->skab", design, X))
        missed = np.sum((levels - energies) ** 2, axis=(1, 2))
        left = max(_FOLLOWED, int(share * starts))
        X = X[np.argsort(missed)[:left]]
    return [form.values(one) for one in X]
