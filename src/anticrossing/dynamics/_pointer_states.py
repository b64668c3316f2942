"""The basis in which strong jump operators act on single elements of a density matrix."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger
from anticrossing.dynamics._stacks import BoolArray

_SHARED = 1e-14  # of operators in their common basis, what is not diagonal
_ATTEMPTS = 4  # at a basis: eigenvalues may lie close together by accident, not in all of them


def pointer_states(
    jumps: list[ComplexArray], panels: int, levels: int
) -> tuple[ComplexArray, list[ComplexArray]]:
    """Return the basis that the strongest jump operators choose, (P, N, N), and all in it.

    There they have one element in a row and a column at most, as dephasing and decay have: what
    they leave alone is left alone exactly, not to the rounding of their rates. Operators join in
    the order of their strength as long as there is such a basis; the others follow.
    """
    frame = np.broadcast_to(np.eye(levels, dtype=np.complex128), (panels, levels, levels)).copy()
    if not jumps:
        return frame, jumps
    middles = np.stack([jump[:, jump.shape[1] // 2] for jump in jumps], axis=1)
    order = np.argsort(-np.max(np.abs(middles), axis=(2, 3)), axis=1, kind="stable")
    every, stacked = np.arange(panels), np.stack(jumps, axis=1)
    chosen = np.zeros((panels, len(jumps)), dtype=np.bool_)
    total = np.zeros((panels, levels, levels), dtype=np.complex128)
    for k, which in enumerate(order.T):
        for attempt in range(_ATTEMPTS):
            rows = np.flatnonzero(~chosen[every, which])
            if rows.size == 0:
                break
            trial = total[rows] + _signature(middles[rows, which[rows]], k, attempt)
            found = np.linalg.eigh(trial)[1]
            with_this = chosen[rows].copy()
            with_this[np.arange(rows.size), which[rows]] = True
            inside = dagger(found)[:, None, None] @ stacked[rows] @ found[:, None, None]
            sparse = np.all(_is_monomial(inside) | ~with_this, axis=1)
            good = rows[sparse]
            frame[good], chosen[good] = found[sparse], with_this[sparse]
            total[good] = trial[sparse]
    turned = dagger(frame)[:, None, None] @ stacked @ frame[:, None, None]
    largest = np.max(np.abs(turned), axis=(-3, -2, -1), keepdims=True)
    rounding = chosen[..., None, None, None] & (np.abs(turned) <= _SHARED * largest)
    turned = np.where(rounding, 0.0, turned)
    plain = ~chosen.any(axis=1)
    turned[plain] = stacked[plain]
    return frame, list(np.moveaxis(turned, 1, 0))


def _signature(jump: ComplexArray, k: int, attempt: int) -> ComplexArray:
    """Return a Hermitian matrix whose eigenvectors are the basis that an operator chooses.

    Of several operators they are added: with factors, so that eigenvalues meet by accident only.
    """
    size = np.max(np.abs(jump), axis=(1, 2), initial=0.0)[:, None, None]
    jump = jump / np.where(size > 0, size, 1.0)
    before, after = dagger(jump) @ jump, jump @ dagger(jump)
    normal = np.max(np.abs(before - after), axis=(1, 2), initial=0.0)[:, None, None] <= _SHARED
    phase = np.exp(1j * (k + 1 + 0.7 * attempt)) / (k + 1)
    share = np.sqrt(0.3 + 0.4 * attempt)
    own = phase * jump + np.conj(phase) * dagger(jump)
    return np.asarray(np.where(normal, own, (before + share * after) / (k + 1)))


def _is_monomial(jumps: ComplexArray) -> BoolArray:
    """Whether operators (P, K, n, N, N) have one element at most in a row and in a column."""
    largest = np.max(np.abs(jumps), axis=(-3, -2, -1))
    there = np.max(np.abs(jumps), axis=-3) > _SHARED * largest[..., None, None]
    return np.asarray(np.all((there.sum(axis=-1) <= 1) & (there.sum(axis=-2) <= 1), axis=-1))
