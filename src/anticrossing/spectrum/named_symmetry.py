"""Symmetries with a name: labels of states, or operators that commute with H(x)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    InputError,
    describe,
    fail,
    is_numeric,
    known_keys,
    listed,
    real_array,
    square_matrix,
)
from anticrossing._core.result import Printed
from anticrossing.hamiltonian import Matrices
from anticrossing.spectrum.point_groups import group_of

_SAME = 1e-9  # how well operators must keep what they claim
_LARGEST = 1e6  # of an angular momentum
_LETTERS = "ΣΠΔΦΓHIKLMNOQ"


@dataclass(frozen=True, eq=False)
class Symmetry(Printed):
    """A label for every vector of a basis, which H(x) couples to equal labels only.

    Made by `labelled`, `operator`, `parity`, `axial`, `spin` and `point_group`; two of them are
    combined by ``&``, which writes one label after the other.

    Attributes
    ----------
    labels : tuple of str, length N
        The label of each basis vector.
    basis : array, shape (N, N), or None
        Its columns are the basis vectors; None for the states H is written in.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.Hamiltonian.from_matrix([["x", 0, 0.1], [0, "-x", 0], [0.1, 0, "1 - x"]])
    >>> named = ac.spectrum.Symmetry.labelled(["Σg+", "Σu+", "Σg+"])
    >>> for crossing in ac.find_crossings(H, -1, 2, symmetry=named):
    ...     print(crossing.kind, crossing.reason)
    true Σg+ × Σu+: no coupling is allowed by symmetry
    avoided both Σg+, coupled by H(x)
    """

    labels: tuple[str, ...]
    basis: Matrices | None = None

    @classmethod
    def labelled(cls, labels: Sequence[str]) -> Symmetry:
        """Return the symmetry of states that are labelled one by one.

        Parameters
        ----------
        labels : sequence of str, length N
            In the order of the states H is written in.

        Raises
        ------
        InputError
            If there is none, or one is no text.
        """
        if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
            raise fail("labels", "be a list of names", f"it is {describe(labels)}")
        if not labels:
            raise fail("labels", "name at least one state", "it is empty")
        return cls(tuple(labels))

    @classmethod
    def operator(cls, operator: npt.ArrayLike, names: Mapping[Any, str] | None = None) -> Symmetry:
        """Return the symmetry whose labels are the eigenvalues of an operator.

        Parameters
        ----------
        operator : array, shape (N, N), or permutation, shape (N,)
            Hermitian or unitary; N different integers say which state each one is turned into.
        names : mapping, optional
            From eigenvalues to labels; by default the eigenvalue is the label.

        Raises
        ------
        InputError
            If the operator is neither Hermitian nor unitary, or has an eigenvalue without a name.

        Examples
        --------
        >>> Symmetry.operator([1, 0], {1: "even", -1: "odd"}).labels     # exchange of two states
        ('odd', 'even')
        """
        values, basis = _eigenvectors(_matrix("operator", operator), operator)
        if names is not None and not all(is_numeric(key) for key in names):
            raise fail("names", "be a mapping from eigenvalues", f"it is {describe(names)}")
        if names is None:
            return cls(tuple(_text(value) for value in values), basis)
        return cls(tuple(_named(value, names) for value in values), basis)

    @classmethod
    def parity(cls, inversion: npt.ArrayLike) -> Symmetry:
        """Return g and u from the operator of inversion, or a permutation of the states.

        Parameters
        ----------
        inversion : array, shape (N, N) or (N,)
            With the eigenvalues ±1.

        Raises
        ------
        InputError
            For other eigenvalues.

        Examples
        --------
        >>> Symmetry.parity([1, 0, 2]).labels
        ('u', 'g', 'g')
        """
        return cls.operator(inversion, {1: "g", -1: "u"})

    @classmethod
    def axial(cls, angular_momentum: npt.ArrayLike) -> Symmetry:
        """Return Σ, Π, Δ, … from the operator of the angular momentum about the axis.

        ``Λ = |m|``; half-odd values (Ω) are written as numbers. Components m and −m have one
        label, and are two sectors.

        Parameters
        ----------
        angular_momentum : array, shape (N, N), or (N,) for the values m of the states
            L_z, in units of ħ.

        Raises
        ------
        InputError
            If an eigenvalue is not a multiple of ½, or too large for a letter.

        Examples
        --------
        >>> Symmetry.axial([0, 1, -1, 2]).labels
        ('Σ', 'Π', 'Π', 'Δ')
        """
        return cls._by_number("angular_momentum", angular_momentum, _axial)

    @classmethod
    def spin(cls, squared_spin: npt.ArrayLike) -> Symmetry:
        """Return the multiplicity 2S + 1 from the operator of the squared spin.

        Parameters
        ----------
        squared_spin : array, shape (N, N), or (N,) for the values S(S + 1) of the states
            In units of ħ².

        Raises
        ------
        InputError
            If an eigenvalue is not S(S + 1) with S a multiple of ½.

        Examples
        --------
        >>> Symmetry.spin([0, 2, 2, 2, 0.75]).labels
        ('1', '3', '3', '3', '2')
        """
        return cls._by_number("squared_spin", squared_spin, _multiplicity)

    @classmethod
    def point_group(cls, group: str, operations: Mapping[str, npt.ArrayLike]) -> Symmetry:
        """Return irreducible representations from the operations that generate a point group.

        The space of representation μ is what ``P_μ = (d_μ/|G|) Σ_g χ_μ(g) D(g)`` projects on.

        Parameters
        ----------
        group : str
            Its symbol, as for `character_table`.
        operations : mapping
            A matrix (N, N), or a permutation (N,), for every generator that the table names.

        Raises
        ------
        InputError
            For a group without a table, an operation that is missing or unknown, and operations
            that do not multiply as those of the group.

        References
        ----------
        M. Tinkham, Group Theory and Quantum Mechanics (1964), equation (3-26).

        Examples
        --------
        Three equal sites at the corners of a triangle:

        >>> corners = {"C3": [1, 2, 0], "σv": [0, 2, 1]}
        >>> Symmetry.point_group("C3v", corners).labels
        ('A1', 'E', 'E')
        """
        found = group_of(group)
        known_keys("`operations`", operations, found.generators)
        for name in found.generators:
            if name not in operations:
                raise fail("operations", f"hold {', '.join(found.generators)}", f"it lacks {name}")
        matrices = {name: _matrix(f"operations[{name}]", m) for name, m in operations.items()}
        size = next(iter(matrices.values())).shape[0]
        if any(m.shape[0] != size for m in matrices.values()):
            raise fail("operations", "have one size", "their sizes differ")
        for name, matrix in matrices.items():
            _unitary(f"operations[{name}]", matrix)
        for word in found.relations:
            off = float(np.abs(_product(matrices, word, size) - np.eye(size)).max())
            if off > _SAME:
                raise fail(
                    "operations",
                    f"multiply as in {group}",
                    f"{'·'.join(word)} differs from 1 by {off:.2g}",
                )
        order = sum(len(words) for _, words in found.classes)
        columns, labels = [], []
        for irrep, characters in found.irreps.items():
            projector = np.zeros((size, size), dtype=np.complex128)
            for character, (_, words) in zip(characters, found.classes, strict=True):
                for word in words:
                    projector += character * characters[0] / order * _product(matrices, word, size)
            values, vectors = np.linalg.eigh(_real_if_real(projector))
            inside = vectors[:, values > 0.5]
            columns.append(inside)
            labels += [irrep] * inside.shape[1]
        return cls(tuple(labels), np.concatenate(columns, axis=1))

    def __and__(self, other: Symmetry) -> Symmetry:
        """Return both symmetries together; their operators must commute."""
        if not isinstance(other, Symmetry):
            return NotImplemented
        if len(self.labels) != len(other.labels):
            raise InputError(
                f"Symmetries must speak of the same states, but one has {len(self.labels)} and "
                f"the other {len(other.labels)}."
            )
        if self.basis is None and other.basis is None:
            return Symmetry(tuple(a + b for a, b in zip(self.labels, other.labels, strict=True)))
        columns, labels = [], []
        numbers = {label: k for k, label in enumerate(dict.fromkeys(other.labels))}
        second = _columns(other)
        rank = second @ np.diag([float(numbers[label]) for label in other.labels])
        rank = rank @ second.conj().T
        for label in dict.fromkeys(self.labels):
            inside = _columns(self)[:, [k for k, name in enumerate(self.labels) if name == label]]
            values, vectors = np.linalg.eigh(inside.conj().T @ rank @ inside)
            nearest = np.rint(values)
            if np.abs(values - nearest).max() > 1e-6 or _leaves(rank, inside) > 1e-6:
                raise InputError(
                    f"Symmetries must commute to be combined, but the states of {label} are mixed "
                    "by the other one."
                )
            columns.append(inside @ vectors)
            names = list(numbers)
            labels += [label + names[int(k)] for k in nearest]
        return Symmetry(tuple(labels), np.concatenate(columns, axis=1))

    def __str__(self) -> str:
        counted = {label: self.labels.count(label) for label in dict.fromkeys(self.labels)}
        listed = ", ".join(f"{label} ({count})" for label, count in counted.items())
        return f"symmetry of {len(self.labels)} states: {listed}"

    def __repr__(self) -> str:
        return f"Symmetry({', '.join(dict.fromkeys(self.labels))})"

    @classmethod
    def _by_number(cls, name: str, operator: npt.ArrayLike, label: Any) -> Symmetry:
        if np.ndim(operator) == 1:
            values = real_array(name, operator)
            return cls(tuple(label(name, float(value)) for value in listed(name, values)))
        found, basis = _eigenvectors(_matrix(name, operator))
        if np.abs(found.imag).max() > _SAME:
            raise fail(name, "be Hermitian", "it has eigenvalues that are not real")
        return cls(tuple(label(name, float(value)) for value in found.real), basis)


def _columns(symmetry: Symmetry) -> Matrices:
    return np.eye(len(symmetry.labels)) if symmetry.basis is None else symmetry.basis


def _leaves(matrix: Matrices, inside: Matrices) -> float:
    image = matrix @ inside
    return float(np.abs(image - inside @ (inside.conj().T @ image)).max())


def _matrix(name: str, operator: npt.ArrayLike) -> Matrices:
    """Return a matrix, also from a permutation."""
    array = np.asarray(operator)
    if array.ndim != 1 or not array.size:
        return square_matrix(name, operator, single=True)
    if array.dtype.kind not in "iu" or sorted(array.tolist()) != list(range(array.size)):
        raise fail(
            name,
            f"be a matrix, or a permutation of 0 … {array.size - 1}",
            f"it is {describe(operator)}",
        )
    matrix = np.zeros((array.size, array.size))
    matrix[array, np.arange(array.size)] = 1.0
    return matrix


def _unitary(name: str, matrix: Matrices) -> None:
    off = float(np.abs(matrix.conj().T @ matrix - np.eye(matrix.shape[0])).max())
    if off > _SAME:
        raise fail(name, "be unitary", f"it is not, by {off:.2g}")


def _real_if_real(matrix: Matrices) -> Matrices:
    return matrix.real if np.abs(matrix.imag).max() <= 1e-14 else matrix


def _eigenvectors(matrix: Matrices, given: Any = None) -> tuple[npt.NDArray[Any], Matrices]:
    """Return the eigenvalues of a Hermitian or unitary matrix, and orthonormal eigenvectors."""
    if np.ndim(given) == 1:
        return _of_permutation(np.asarray(given))
    scale = max(float(np.abs(matrix).max()), 1e-300)
    adjoint = matrix.conj().T
    if np.abs(matrix - adjoint).max() <= _SAME * scale:
        values, vectors = np.linalg.eigh(_real_if_real((matrix + adjoint) / 2))
        return values.astype(np.complex128), vectors
    off = np.abs(matrix @ adjoint - np.eye(matrix.shape[0])).max()
    if off > _SAME:
        raise fail("operator", "be Hermitian or unitary", "it is neither")
    # A Hermitian mixture of the real and the imaginary part has the same eigenvectors.
    mixture = (matrix + adjoint) / 2 + 0.7310585786 * (matrix - adjoint) / 2j
    _, vectors = np.linalg.eigh(mixture)
    return np.diagonal(vectors.conj().T @ matrix @ vectors).copy(), vectors


def _of_permutation(turned: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Matrices]:
    """Return the eigenvalues and eigenvectors of a permutation: plane waves on its cycles."""
    size = turned.size
    values, basis = np.empty(size, np.complex128), np.zeros((size, size), np.complex128)
    pending = np.ones(size, dtype=np.bool_)
    first = 0
    for start in range(size):
        cycle, state = [], start
        while pending[state]:
            pending[state] = False
            cycle.append(state)
            state = int(turned[state])
        if cycle:
            steps = np.arange(len(cycle))
            own = slice(first, first + steps.size)
            first += steps.size
            angles = 2 * np.pi / steps.size * (steps[:, None] * steps % steps.size)
            basis[cycle, own] = np.exp(-1j * angles) / np.sqrt(steps.size)
            values[own] = np.exp(2j * np.pi * steps / steps.size)
    order = np.lexsort((np.round(values.imag, 9), np.round(values.real, 9)))
    return values[order], _real_if_real(basis[:, order])


def _product(matrices: Mapping[str, Matrices], word: tuple[str, ...], size: int) -> Matrices:
    product: Matrices = np.eye(size)
    for name in word:
        product = product @ matrices[name]
    return product


def _text(value: complex) -> str:
    rounded = complex(np.round(value, 6))
    if rounded.imag == 0:
        return f"{rounded.real + 0.0:g}"
    return f"{rounded.real + 0.0:g}{rounded.imag:+g}i"


def _named(value: complex, names: Mapping[Any, str]) -> str:
    for known, name in names.items():
        if abs(value - complex(known)) <= 1e-6 * max(1.0, abs(value)):
            return str(name)
    given = ", ".join(_text(complex(known)) for known in names)
    raise fail("operator", f"have the eigenvalues {given}", f"{_text(value)} is one of them")


def _axial(name: str, value: float) -> str:
    twice = round(2 * min(abs(value), _LARGEST))
    if not abs(2 * abs(value) - twice) <= 1e-6:
        raise fail(name, "have multiples of 1/2 as eigenvalues", f"{value:.6g} is one of them")
    if twice % 2:
        return f"{twice}/2"
    if twice // 2 >= len(_LETTERS):
        raise fail(name, f"stay below {len(_LETTERS)}", f"it reaches {value:.6g}")
    return _LETTERS[twice // 2]


def _multiplicity(name: str, value: float) -> str:
    multiplicity = float(np.sqrt(max(1 + 4 * min(value, _LARGEST), 0.0)))
    nearest = round(multiplicity)
    if value > _LARGEST or nearest < 1 or not abs(multiplicity - nearest) <= 1e-6:
        raise fail(name, "have the eigenvalues S(S + 1)", f"{value:.6g} is one of them")
    return str(round(multiplicity))
