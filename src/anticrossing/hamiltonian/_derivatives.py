"""All derivatives of Σ_k f_k(x; p) M_k in the coordinates, in one matrix product.

Every derivative of every coefficient is a sum of products w(p) u(x; p) of a factor without
coordinates and one with them. The distinct u are few (1 and the coordinates themselves for a
quadratic model of any size), so their values at all points times one constant tensor give all
components at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression

if TYPE_CHECKING:
    import sympy


class DerivativeTable:
    """First or second derivatives of coefficients, differentiated once and for all.

    A component is one derivative: ∂_a (`order` 1) or ∂_a∂_b (`order` 2, all pairs, a-major).
    """

    def __init__(
        self,
        coefficients: Sequence[sympy.Expr],
        coordinates: Sequence[sympy.Symbol],
        parameters: Sequence[sympy.Symbol],
        order: int,
    ) -> None:
        self.components = len(coordinates) ** order
        self._symbols = (*coordinates, *parameters)
        self._parameters = tuple(parameters)
        functions: dict[sympy.Expr, int] = {}
        weights: dict[sympy.Expr, int] = {}
        entries: list[tuple[int, int, int, int]] = []
        for term, coefficient in enumerate(coefficients):
            for components, derivative in _derivatives(coefficient, coordinates, order):
                for part in _summands(derivative):
                    weight, function = part.as_independent(*coordinates, as_Add=False)
                    u = functions.setdefault(function, len(functions))
                    w = weights.setdefault(weight, len(weights))
                    entries += [(u, component, term, w) for component in components]
        self._functions, self._weights = tuple(functions), tuple(weights)
        self._entries = np.array(entries, dtype=np.intp).reshape(-1, 4)
        self._latest: tuple[tuple[float, ...] | None, npt.NDArray[Any]] | None = None

    def evaluate(
        self,
        points: Sequence[npt.NDArray[Any]],
        parameters: Mapping[str, Any],
        stack: npt.NDArray[Any],
    ) -> npt.NDArray[Any]:
        """Return Σ_k ∂f_k M_k, shape ``(…, components, M.size)``, for flattened matrices `stack`.

        Points and parameters broadcast against each other.
        """
        own = [np.asarray(parameters[symbol.name]) for symbol in self._parameters]
        shape = np.broadcast_shapes(*(a.shape for a in (*points, *own)))
        if not self._entries.size:
            return np.zeros((*shape, self.components, stack.shape[-1]), dtype=stack.dtype)
        complex_values = any(np.iscomplexobj(a) for a in points)
        # A formula outside its real domain becomes NaN here and is refused by the caller.
        with np.errstate(all="ignore"):
            values = np.empty(
                (len(self._functions), *shape), dtype=np.complex128 if complex_values else float
            )
            compiled = _compile(self._symbols, self._functions)
            for k, value in enumerate(compiled(*points, *own)):
                values[k] = value
            if all(a.size == 1 for a in own):
                tensor = self._tensor(tuple(a.item() for a in own), stack)
            else:
                # The weights differ from point to point: every entry is a function of its own.
                weights = _compile(self._parameters, self._weights)(*own)
                used = self._entries[:, [0, 3]]
                values = np.stack([values[u] * np.broadcast_to(weights[w], shape) for u, w in used])
                tensor = self._tensor(None, stack)
            flat = values.reshape(values.shape[0], -1).T @ tensor
        return flat.reshape(*shape, self.components, stack.shape[-1])

    def _tensor(
        self, parameters: tuple[float, ...] | None, stack: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """Return what the function values are multiplied with: (functions, components · M.size)."""
        # For None it has one row per entry, without the weights.
        latest = self._latest
        if latest is not None and latest[0] == parameters:
            return latest[1]
        functions, components, terms, kinds = self._entries.T
        if parameters is None:
            rows, weights = np.arange(functions.size), np.ones(functions.size)
        else:
            kinds_values = _compile(self._parameters, self._weights)(*parameters)
            rows, weights = functions, np.array(kinds_values, dtype=np.float64)[kinds]
        tensor = np.zeros((int(rows.max()) + 1, self.components, stack.shape[-1]), stack.dtype)
        np.add.at(tensor, (rows, components), weights[:, np.newaxis] * stack[terms])
        tensor = tensor.reshape(tensor.shape[0], -1)
        self._latest = (parameters, tensor)
        return tensor


def _derivatives(
    coefficient: sympy.Expr, coordinates: Sequence[sympy.Symbol], order: int
) -> list[tuple[list[int], sympy.Expr]]:
    """Return every derivative that does not vanish, with the components it stands for."""
    present = [a for a, symbol in enumerate(coordinates) if symbol in coefficient.free_symbols]
    first = {a: coefficient.diff(coordinates[a]) for a in present}
    if order == 1:
        found = [([a], derivative) for a, derivative in first.items()]
    else:
        count = len(coordinates)
        found = [
            (sorted({a * count + b, b * count + a}), first[a].diff(coordinates[b]))
            for a, b in itertools.combinations_with_replacement(present, 2)
            if coordinates[b] in first[a].free_symbols
        ]
    return [(components, derivative) for components, derivative in found if derivative != 0]


def _summands(derivative: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Return the terms of a sum as it stands: expanding products could cost accuracy."""
    import sympy

    return tuple(sympy.Add.make_args(derivative))


def _compile(arguments: Sequence[sympy.Symbol], functions: Sequence[sympy.Expr]) -> Any:
    import sympy

    return expression.compile_function(arguments, sympy.Tuple(*functions))
