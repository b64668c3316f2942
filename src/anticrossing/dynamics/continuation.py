"""The Lindblad generator at complex times near real ones: its analytic continuation.

Taylor coefficients of a generator from values on circles in the complex plane keep all their
digits; differences of values on the real axis lose some with every derivative.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.linalg import dagger
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import commutator, eigen_generator, kron, nodes_of
from anticrossing.environment import Environment, Nodes


def continued_generator(
    lanes: Lanes, environment: Environment, centres: FloatArray, shifts: ComplexArray
) -> ComplexArray:
    """Return the generator at ``centres + shifts``, real (n,) and complex (m,): (n, m, N², N²).

    What cannot be continued raises whatever the Hamiltonian, the drive or a function raises.
    """
    if lanes.is_function:
        raise InputError("A Hamiltonian given by a function has no continuation.")
    if not environment.keeps_positivity:
        raise InputError("An environment that is in no Lindblad form has no continuation.")
    lane = np.zeros(1, dtype=np.intp)
    times = centres[:, None] + shifts
    x = _positions(lanes, centres, times)
    parameters = {key: value[:, None] for key, value in lanes.h_parameters.items()}
    values, offset = lanes.hamiltonian.evaluate_split(x, parameters)
    angular = lanes.hamiltonian.units.angular
    matrices = angular * values.astype(np.complex128)
    _, real = nodes_of(lanes, centres[None], lane)
    total = commutator(matrices)
    if lanes.path is not None:
        x = lanes.coordinates(times, np.zeros(times.shape[0], dtype=np.intp))
    nodes = Nodes(
        cast(FloatArray, x),  # here, and here alone, all of them are complex
        cast(FloatArray, times),
        np.empty((*times.shape, 0)),
        np.empty((*times.shape, 0), dtype=np.complex128),
        angular,
        np.zeros(times.shape, dtype=np.intp),
        offset,
    )
    if environment.eigen_rates(real) is not None:
        nodes = _eigen(matrices, nodes)
        rates = environment.eigen_rates(nodes)
        assert rates is not None
        assert nodes.left is not None
        change = kron(nodes.vectors, nodes.left.swapaxes(-1, -2))
        back = kron(nodes.left, nodes.vectors.swapaxes(-1, -2))
        total = total + change @ eigen_generator(rates) @ back
    mirrored = replace(nodes, x=nodes.x.conj(), t=nodes.t.conj())
    identity = np.eye(matrices.shape[-1])
    pairs = zip(
        environment.jump_operators(nodes), environment.jump_operators(mirrored), strict=True
    )
    for jump, other in pairs:
        adjoint = dagger(other)
        square = adjoint @ jump
        anticommutator = kron(square, identity) + kron(identity, square.swapaxes(-1, -2))
        total = total + kron(jump, adjoint.swapaxes(-1, -2)) - 0.5 * anticommutator
    if not np.all(np.isfinite(total)):
        raise InputError("The continuation of the generator is not finite.")
    return np.asarray(total)


def _positions(lanes: Lanes, centres: FloatArray, times: ComplexArray) -> ComplexArray:
    parameters = {key: value[:, None] for key, value in lanes.d_parameters.items()}
    found = lanes.drive.continued(centres[:, None], times, parameters)
    return np.asarray(found, dtype=np.complex128)


def _eigen(matrices: ComplexArray, nodes: Nodes) -> Nodes:
    """Return the nodes with energies and biorthonormal eigenvectors, ordered by real part."""
    energies, vectors = np.linalg.eig(matrices)
    order = np.argsort(energies.real, axis=-1)
    energies = np.take_along_axis(energies, order, axis=-1)
    vectors = np.take_along_axis(vectors, order[..., None, :], axis=-1)
    left: npt.NDArray[Any] = np.linalg.inv(vectors)
    return replace(nodes, energies=energies / nodes.angular, vectors=vectors, left=left)
