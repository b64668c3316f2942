"""What an environment does to a state vector: how fast it jumps, and where to."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing._core.linalg import dagger
from anticrossing.environment import Bath, EigenRates, Environment, Nodes
from anticrossing.environment.base import Combined

_NEGATIVE = 1e-10  # of the largest rate: rounding


def refuse_shifts(environment: Environment) -> None:
    """Raise `InputError` for what is in no Lindblad form whatever the levels are, a `Bath`."""
    parts = environment.parts if isinstance(environment, Combined) else (environment,)
    for part in parts:
        if isinstance(part, Bath) and not part.has_lindblad_form:
            _refuse(part)


def _refuse(part: Environment) -> NoReturn:
    instead = f"{part!r} is not, or shifts levels by an operator of its own"
    raise fail("environment", "be of Lindblad form for jumps", instead)


class Channels:
    """The jumps of an environment at some nodes (…).

    Rates in the instantaneous eigenbasis are written as jumps between levels, |i⟩⟨j| at the rate of
    the transfer, and as jumps Σ_a B_ka |a⟩⟨a| that dephase: with the coherence rates κ_ij beyond
    those of the transfer, B†B = −JκJ, J the projector on what sums to zero, which is positive for
    every Lindblad form.
    """

    def __init__(self, environment: Environment, nodes: Nodes) -> None:
        rest = environment.without_decay
        if rest is not None and rest.superoperator(nodes) is not None:
            _refuse(rest)
        self.nodes = nodes
        self.lost = environment.loss(nodes)
        self.operators: list[ComplexArray] = [] if rest is None else rest.jump_operators(nodes)
        self.rates: EigenRates | None = None if rest is None else rest.eigen_rates(nodes)

    def at(self, node: int) -> Channels:
        """Return the jumps at one of the nodes (T, n) of each of T, as ones at nodes (T,)."""
        found = object.__new__(Channels)
        found.nodes = replace(
            self.nodes,
            x=self.nodes.x[:, node],
            t=self.nodes.t[:, node],
            energies=self.nodes.energies[:, node],
            vectors=self.nodes.vectors[:, node],
            lane=self.nodes.lane[:, node],
            offset=self.nodes.offset[:, node],
        )
        found.lost = None if self.lost is None else self.lost[:, node]
        found.operators = [operator[:, node] for operator in self.operators]
        rates = self.rates
        if rates is not None:
            rates = EigenRates(rates.coherence[:, node], rates.transfer[:, node])
        found.rates = rates
        return found

    def loss(self) -> ComplexArray:
        """Return Γ of i dψ/dt = (H − iΓ/2) ψ between jumps, (…, N, N); it may shift levels too."""
        levels = self.nodes.vectors.shape[-1]
        total = np.zeros((*self.nodes.t.shape, levels, levels), dtype=np.complex128)
        if self.lost is not None:
            total += self.lost
        for operator in self.operators:
            total += dagger(operator) @ operator
        if self.rates is not None:
            vectors = self.nodes.vectors
            own = self.out + np.einsum("...aa->...a", self.dephasing).real + 2j * self.shift
            total += (vectors * own[..., None, :]) @ dagger(vectors)
        return total

    @functools.cached_property
    def transfer(self) -> FloatArray:
        """The rates j → i between levels, (…, i, j)."""
        assert self.rates is not None
        levels = self.rates.transfer.shape[-1]
        return np.where(np.eye(levels, dtype=np.bool_), 0.0, self.rates.transfer)

    @functools.cached_property
    def out(self) -> FloatArray:
        """The rate at which every level is left for another, (…, N)."""
        return np.asarray(np.sum(self.transfer, axis=-2))

    @functools.cached_property
    def dephasing(self) -> ComplexArray:
        """The positive matrix B†B of dephasing jumps, conjugated, (…, a, b)."""
        return -_centred(self._beyond)

    @functools.cached_property
    def shift(self) -> FloatArray:
        """How far the environment moves every level, (…, N)."""
        # κ_ij = ½(c_ii + c_jj) − c_ij + i(s_i − s_j) with c = −JκJ.
        return np.asarray(np.mean(self._beyond.imag, axis=-1))

    @functools.cached_property
    def _beyond(self) -> ComplexArray:
        """Decay of coherences beyond what the transfer does, (…, i, j)."""
        assert self.rates is not None
        levels = self.out.shape[-1]
        pairs = 0.5 * (self.out[..., :, None] + self.out[..., None, :])
        kept = np.where(np.eye(levels, dtype=np.bool_), 0.0, self.rates.coherence - pairs)
        return np.asarray(kept)

    def dephasing_roots(self) -> ComplexArray:
        """Return B, (…, k, a), or raise `InputError` where there is none."""
        values, vectors = np.linalg.eigh(self.dephasing)
        largest = np.max(np.abs(self.rates.coherence), axis=(-2, -1), initial=0.0)  # type: ignore[union-attr]
        if np.any(values[..., 0] < -_NEGATIVE * largest):
            worst = float(np.min(values[..., 0]))
            raise InputError(
                f"The environment must be of Lindblad form for jumps, but its rates of dephasing "
                f"have the eigenvalue {worst:.3g}."
            )
        roots = np.sqrt(np.maximum(values, 0.0))
        # Σ_k L_k ρ L_k† has the elements c_ab ρ_ab with c_ab = Σ_k B_ka B_kb*.
        return np.asarray(roots[..., :, None] * vectors.swapaxes(-1, -2))

    def jumped(
        self, states: ComplexArray, share: FloatArray
    ) -> tuple[ComplexArray, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return states (T, N) after a jump that `share` in [0, 1) chooses, its kind, what is lost.

        Kinds count the jump operators, then one for jumps between levels and one for dephasing,
        then one for what is lost.
        """
        made: list[ComplexArray] = [(op @ states[..., None])[..., 0] for op in self.operators]
        kinds = list(range(len(made)))
        weights = [np.sum(np.abs(after) ** 2, axis=-1) for after in made]
        between = 0
        if self.rates is not None:
            vectors = self.nodes.vectors
            inside = (dagger(vectors) @ states[..., None])[..., 0]
            flow = self.transfer * (np.abs(inside) ** 2)[..., None, :]
            levels = inside.shape[-1]
            between = levels**2
            weights += list(np.moveaxis(flow.reshape(len(states), -1), -1, 0))
            kinds += [len(made)] * between
            turned = self.dephasing_roots() * inside[..., None, :]
            weights += list(np.moveaxis(np.sum(np.abs(turned) ** 2, axis=-1), -1, 0))
            kinds += [len(made) + 1] * levels
        if self.lost is not None:
            gone = np.einsum("ti,tij,tj->t", states.conj(), self.lost, states).real
            weights.append(np.maximum(gone, 0.0))
            kinds.append(len(made) + (2 if self.rates is not None else 0))
        size = np.stack(weights, axis=-1)
        total = np.cumsum(size, axis=-1)
        chosen = np.sum(total <= share[:, None] * total[:, -1:], axis=-1)
        chosen = np.minimum(chosen, size.shape[-1] - 1)
        after = np.zeros_like(states)
        lost = np.zeros(len(states), dtype=np.bool_)
        for t, k in enumerate(chosen):
            if k < len(made):
                after[t] = made[k][t]
            elif self.rates is not None and k < len(made) + between:
                after[t] = vectors[t, :, (k - len(made)) // levels]
            elif self.rates is not None and k < len(made) + between + levels:
                after[t] = vectors[t] @ turned[t, k - len(made) - between]
            else:
                lost[t] = True
        norm = np.linalg.norm(after, axis=-1, keepdims=True)
        return after / np.where(norm > 0, norm, 1.0), np.asarray(kinds)[chosen], lost


def kinds(environment: Environment, nodes: Nodes) -> tuple[str, ...]:
    """Return the names of the kinds of jumps, as `Channels.jumped` counts them."""
    channels = Channels(environment, nodes)
    found = [f"operator {k}" for k in range(len(channels.operators))]
    if channels.rates is not None:
        found += ["between levels", "dephasing"]
    return (*found, "lost") if channels.lost is not None else tuple(found)


def _centred(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return J values J with J = 1 − 11ᵀ/N."""
    values = values - np.mean(values, axis=-1, keepdims=True)
    return np.asarray(values - np.mean(values, axis=-2, keepdims=True))
