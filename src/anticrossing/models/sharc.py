"""Vibronic coupling models in the files of the SHARC program: `LVC.template` and `V0.txt`.

`V0.txt` holds the reference: a line ``Geometry`` and one line per atom (element, nuclear charge,
x, y, z in bohr, mass in u), ``Frequencies`` and one line of 3n numbers (hartree), ``Mass-weighted
normal modes`` and 3n lines of 3n numbers (one column a mode). `LVC.template` holds the path of
`V0.txt`, the number of states per multiplicity, and blocks, all indices from 1:

    epsilon   multiplicity state value                      vertical energy
    eta       multiplicity state state value                constant coupling
    kappa     multiplicity state mode value                 gradient
    lambda    multiplicity state state mode value           linear coupling
    gamma     multiplicity state state mode mode value      adds value·Q·Q
    lambda_soc  component component mode R|I value          linear spin–orbit coupling

each headed by its name and its number of lines, and matrices ``SOC R``, ``SOC I``, ``DMX R`` …
over all spin components, in the order multiplicity, M_S, state.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    instance,
    last_axis,
    non_negative,
    of_shape,
    positive,
    real_array,
)
from anticrossing._core.files import path_of, write_text
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.hamiltonian import Matrices
from anticrossing.models._sharc_text import (
    COMPONENTS,
    LIST_BLOCKS,
    MATRIX_BLOCKS,
    SKIPPED,
    Blocks,
    Lines,
    read_block,
    read_reference,
)
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.units import MASSES, Units

_MASS_UNIT = MASSES["amu"] / MASSES["electron"]
_ROUNDED = 1e-6  # matrices are written with eight digits
_ORTHONORMAL = 1e-2  # modes written with few digits pass, Cartesian ones do not
_LONGEST_PATH = 4096
_NO_VIBRATION = 1e-10  # hartree: translations and rotations are written with frequency 0


@dataclass(frozen=True, eq=False)
class SharcModel(Result):
    """A vibronic coupling model and the molecule it belongs to.

    Attributes
    ----------
    hamiltonian : VibronicCoupling
        In hartree, over all N spin components (labels ``S1``, ``T1 m=-1`` …) and the f vibrations.
        Coordinate ``Q7`` is mode 7 of the file; modes of frequency 0 are left out. The masses of
        these dimensionless coordinates are ``hamiltonian.masses``, 1/ω in units of 1/hartree, so
        that times are in ħ/hartree (atomic units, 0.0242 fs).
    states : tuple of int
        Number of states of each multiplicity, from singlets on.
    elements : tuple of str
    charges, masses : array, shape (n,)
        Nuclear charges (e) and masses (u) of the atoms; no masses of the coordinates Q.
    geometry : array, shape (n, 3)
        The reference geometry, bohr.
    frequencies : array, shape (3n,)
        Of all modes of the file, hartree.
    modes : array, shape (3n, 3n)
        The mass-weighted normal modes, one column each.
    dipoles : array, shape (3, N, N), or None
        The constant dipole matrices (x, y, z), atomic units.
    others : tuple of str
        What the template holds besides, line by line: total charges, dipole derivatives, multipole
        fits. Nothing here uses it; `write_sharc` writes it again.

    Raises
    ------
    InputError
        If the Hamiltonian is in another unit, shapes do not fit each other, masses are not
        positive, frequencies are negative or are not the Hamiltonian's, dipoles are not Hermitian,
        or a text would not be read again.
    """

    hamiltonian: VibronicCoupling
    states: tuple[int, ...]
    elements: tuple[str, ...]
    charges: FloatArray
    masses: FloatArray
    geometry: FloatArray
    frequencies: FloatArray
    modes: FloatArray
    dipoles: ComplexArray | None
    others: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "frequency": shown("mode", text="frequency of the mode, hartree"),
        "element": shown("atom", text="element", unit=""),
        "mass": shown("atom", text="mass", unit="u", of="masses"),
        "charge": shown("atom", text="nuclear charge", unit="e"),
        "geometry": shown("atom", "direction", text="reference geometry", unit="bohr"),
        "modes": shown("displacement", "mode", text="mass-weighted normal modes"),
        "dipole": shown("direction", "row", "column", text="dipole matrix"),
    }

    def __post_init__(self) -> None:
        atoms, size = len(self.elements), self.hamiltonian.dimension
        if not atoms or not all(map(_is_word, self.elements)):
            raise fail("elements", "be names of atoms", f"they are {describe(self.elements)}")
        components = sum((m + 1) * n for m, n in enumerate(self.states))
        if min(self.states, default=-1) < 0 or components != size:
            raise fail(
                "states", f"make up the {size} spin components of the Hamiltonian",
                f"they are {describe(self.states)}",
            )  # fmt: skip
        shapes = {"charges": (atoms,), "masses": (atoms,), "geometry": (atoms, 3)}
        shapes |= {"frequencies": (3 * atoms,), "modes": (3 * atoms, 3 * atoms)}
        for name, shape in shapes.items():
            array = of_shape(name, real_array(name, getattr(self, name)), shape)
            object.__setattr__(self, name, array)
        positive("masses", self.masses)
        non_negative("frequencies", self.frequencies)
        if (unit := self.hamiltonian.units.energy) not in ("", "hartree"):
            raise fail("hamiltonian", "be in hartree or natural units", f"it is in {unit}")
        moving = self.frequencies[self._vibrations()]
        if not np.array_equal(moving, self.hamiltonian.frequencies):
            raise fail(
                "frequencies", "be the Hamiltonian's and zeros",
                f"they are {describe(self.frequencies)}",
            )  # fmt: skip
        if self.dipoles is not None:
            dipoles = of_shape("dipoles", hermitian("dipoles", self.dipoles), (3, size, size))
            object.__setattr__(self, "dipoles", dipoles)
        for k, line in enumerate(self.others):
            if not line.isprintable() or (k == 0 and not line.lower().startswith(SKIPPED)):
                raise fail(f"others[{k}]", "be a line of a template", f"it is {describe(line)}")

    def coordinates(self, geometry: npt.ArrayLike) -> FloatArray:
        """Return Q, shape (..., f), of geometries (..., n, 3) in bohr, aligned as the reference.

        Q_i = √ω_i Σ_a K_ai √m_a (r_a − r_a⁰), masses in electron masses.
        """
        atoms = real_array("geometry", geometry)
        if atoms.shape[-2:] != self.geometry.shape:
            raise fail(
                "geometry", f"have last axes {self.geometry.shape}", f"its shape is {atoms.shape}"
            )
        displacement = (atoms - self.geometry).reshape(*atoms.shape[:-2], -1)
        return np.asarray(displacement @ self._weights())

    def cartesian(self, coordinates: npt.ArrayLike) -> FloatArray:
        """Return the geometries (..., n, 3) in bohr at Q, shape (..., f)."""
        Q = self._normal("coordinates", coordinates)
        vibrations = self._vibrations()
        roots = np.sqrt(np.repeat(self.masses, 3) * _MASS_UNIT)
        columns = self.modes[:, vibrations] / np.sqrt(self.frequencies[vibrations])
        return np.asarray(
            self.geometry + (Q @ (columns / roots[:, None]).T).reshape(*Q.shape[:-1], -1, 3)
        )

    def cartesian_momenta(self, momenta: npt.ArrayLike) -> FloatArray:
        """Return the momenta (..., n, 3) of the atoms, ħ/bohr, that go with P, shape (..., f).

        p_a = √m_a Σ_i K_ai √ω_i P_i, so that Σ_a p_a²/2m_a = ½ Σ_i ω_i P_i².
        """
        P = self._normal("momenta", momenta)
        return np.asarray((P @ self._weights().T).reshape(*P.shape[:-1], -1, 3))

    def _normal(self, name: str, value: npt.ArrayLike) -> FloatArray:
        """Return an argument whose last axis runs over the vibrations."""
        return last_axis(name, real_array(name, value), int(self._vibrations().sum()))

    def _vibrations(self) -> npt.NDArray[np.bool_]:
        return self.frequencies > _NO_VIBRATION

    def _weights(self) -> FloatArray:
        roots = np.sqrt(np.repeat(self.masses, 3) * _MASS_UNIT)
        vibrations = self._vibrations()
        return np.asarray(
            roots[:, None] * self.modes[:, vibrations] * np.sqrt(self.frequencies[vibrations])
        )


def _is_word(name: str) -> bool:
    """Return whether a text can head a line of numbers in `V0.txt`."""
    whole = name.isprintable() and len(name.split()) == 1 and name.strip() == name
    return whole and "#" not in name and name.lower() != "frequencies"


def read_sharc(template: str | Path, reference: str | Path | None = None) -> SharcModel:
    """Read a SHARC vibronic coupling model from `LVC.template` and `V0.txt`.

    H(Q) = ½ Σ ω_i Q_i² 𝟙 + ε + η + Σ κ Q + Σ λ Q + Σ γ Q Q + H_SO + Σ λ_SO Q, hartree. Every line
    of a ``gamma`` block adds γ Q_i Q_j to its element and to the transposed one, as SHARC 4
    evaluates the energy; a force constant written as two lines (i, j) and (j, i) counts twice.

    Parameters
    ----------
    template : path
        The file `LVC.template`.
    reference : path, optional
        `V0.txt`; otherwise the path in the first line of the template, relative to the template
        and with the values of environment variables.

    Returns
    -------
    SharcModel

    Raises
    ------
    InputError
        Naming file and line, for a file that is missing, a number that cannot be read, an index
        out of range, an unknown block or one that ends early, a matrix that is not Hermitian, or
        normal modes that are not orthonormal.

    References
    ----------
    F. Plasser, S. Gómez, M. F. S. J. Menger, S. Mai and L. González, Phys. Chem. Chem. Phys. 21,
    57 (2019); the SHARC manual, interface to vibronic coupling models.

    Examples
    --------
    >>> import tempfile
    >>> place = tempfile.TemporaryDirectory()
    >>> folder = Path(place.name)
    >>> _ = (folder / "V0.txt").write_text(
    ...     "Geometry\\nH 1 0 0 0 1.008\\nFrequencies\\n0 0 0.01\\n"
    ...     "Mass-weighted normal modes\\n1 0 0\\n0 1 0\\n0 0 1\\n"
    ... )
    >>> _ = (folder / "LVC.template").write_text(
    ...     "V0.txt\\n2\\nepsilon\\n1\\n1 2 0.1\\nlambda\\n1\\n1 1 2 3 0.02\\n"
    ... )
    >>> read_sharc(folder / "LVC.template").hamiltonian(1.0)
    array([[0.005, 0.02 ],
           [0.02 , 0.105]])
    >>> place.cleanup()
    """
    path = path_of("template", template)
    lines = Lines(path)
    first = lines.next("the path of V0.txt")
    if len(first) > _LONGEST_PATH:
        raise lines.error("must hold the path of V0.txt")
    if first.strip().isdigit():
        raise lines.error(
            f"must hold the path of V0.txt, but it holds the number {first.strip()[:20]}: files in "
            "the form of SHARC before 2.0, with the geometry, are not read"
        )
    molecule = read_reference(
        path_of("reference", reference)
        if reference is not None
        else path.parent / _expanded(first.strip(), lines)
    )
    states = tuple(lines.integers(lines.next("the number of states per multiplicity")))
    if not states or min(states) < 0 or sum(states) == 0:
        raise lines.error("must list how many states each multiplicity has, at least one in all")
    blocks = Blocks(states, len(molecule.frequencies))
    while (header := lines.following()) is not None:
        read_block(header.split(), lines, blocks)
    vibrations = molecule.frequencies > _NO_VIBRATION
    still = np.concatenate(
        [blocks.linear[~vibrations].ravel(), blocks.quadratic[~vibrations].ravel()]
    )
    if np.any(still):
        raise InputError(f"{path} must couple only modes that vibrate, but one has frequency 0.")
    kept = np.flatnonzero(vibrations)
    columns = molecule.modes[:, kept]
    with np.errstate(over="ignore", invalid="ignore"):
        skew = np.abs(columns.T @ columns - np.eye(kept.size)).max(initial=0.0)
    if not skew <= _ORTHONORMAL:
        raise InputError(
            f"{molecule.path} must hold mass-weighted, orthonormal normal modes, but the products "
            f"of two of them are off by {skew:.2g}."
        )
    asymmetry = np.abs(blocks.matrices - blocks.matrices.conj().swapaxes(-1, -2)).max()
    if asymmetry > _ROUNDED * np.abs(blocks.matrices).max():
        raise InputError(
            f"{path} must hold Hermitian matrices, but one differs from its conjugate transpose by "
            f"{asymmetry:.3g}."
        )
    symmetric = (blocks.matrices + blocks.matrices.conj().swapaxes(-1, -2)) / 2
    dipoles = symmetric[1:]
    return SharcModel(
        hamiltonian=VibronicCoupling(
            energies=blocks.constant + symmetric[0],
            frequencies=molecule.frequencies[kept],
            linear=blocks.linear[kept],
            quadratic=blocks.quadratic[np.ix_(kept, kept)] if np.any(blocks.quadratic) else None,
            coordinates=[f"Q{i + 1}" for i in kept],
            name=path.stem,
            units=Units("hartree", "atomic"),
            labels=blocks.labels(),
            source=str(path.name),
        ),
        states=states,
        elements=molecule.elements,
        charges=molecule.charges,
        masses=molecule.masses,
        geometry=molecule.geometry,
        frequencies=molecule.frequencies,
        modes=molecule.modes,
        dipoles=dipoles if np.any(dipoles) else None,
        others=tuple(blocks.others),
    )


def _expanded(name: str, lines: Lines) -> Path:
    """Return the path in the first line, with the values of environment variables."""
    for variable in re.findall(r"\$(\w+|\{\w+\})", name):
        if variable.strip("{}") not in os.environ:
            raise lines.error(f"must name a file, but the variable ${variable} is not set")
    return Path(os.path.expandvars(name)).expanduser()


def write_sharc(model: SharcModel, template: str | Path, reference: str | Path) -> None:
    """Write a model as `LVC.template` and `V0.txt`; `read_sharc` returns it again.

    Parameters
    ----------
    model : SharcModel
        Its Hamiltonian must not couple states of different multiplicity or M_S by quadratic terms,
        and every M_S must have the same gradients: more the files cannot hold.
    template, reference : path
        The two files; the first line of the template names the second, relative to itself where
        both lie in one directory.

    Raises
    ------
    InputError
        If `model` is not a SharcModel, has couplings that the files cannot hold, or if the files
        cannot be written or the name of `reference` not be read again.
    """
    instance("model", model, SharcModel)
    place, name = path_of("template", template), path_of("reference", reference)
    if place.absolute() == name.absolute():
        raise fail("reference", "be another file than `template`", f"both are {place}")
    first = name.name if name.parent == place.parent else str(name.absolute())
    if first != first.strip() or not first.isprintable() or re.search(r"[#$]|^~", first):
        raise fail("reference", "have a name that a template can hold", f"it is {first!r}")
    entries, coupling = _split(model)
    # total charges follow the states, fits and further dipoles come last
    last = [line.lower().startswith(SKIPPED[1:]) for line in (*model.others, SKIPPED[-1])].index(
        True
    )
    text = [first, " ".join(map(str, model.states)), *model.others[:last]]
    for block, lines in entries.items():
        text += [block, str(len(lines)), *lines]
    matrices = [coupling, *(model.dipoles if model.dipoles is not None else [])]
    for kind, matrix in zip(MATRIX_BLOCKS, matrices, strict=False):
        for part, values in (("R", matrix.real), ("I", matrix.imag)):
            if np.any(values):
                text += [f"{kind} {part}", *map(_row, values)]
    text += model.others[last:]
    molecule = ["Geometry"]
    for element, charge, position, mass in zip(
        model.elements, model.charges, model.geometry, model.masses, strict=True
    ):
        molecule.append(f"{element} {_row([charge, *position, mass])}")
    molecule += ["Frequencies", _row(model.frequencies), "Mass-weighted normal modes"]
    molecule += map(_row, model.modes)
    write_text(name, molecule)
    write_text(place, text)


def _split(model: SharcModel) -> tuple[dict[str, list[str]], Matrices]:
    """Return the lines of every list block, and what is left for the spin–orbit matrix."""
    H = model.hamiltonian
    blocks = Blocks(model.states, len(model.frequencies))
    numbers = np.flatnonzero(model._vibrations()) + 1
    modes = range(len(numbers))
    # SHARC reads them in this order alone.
    *others, last = LIST_BLOCKS
    entries: dict[str, list[str]] = {name: [] for name in (*others, COMPONENTS, last)}
    left = [H.constant.copy(), H.linear.copy(), H.quadratic.copy()]

    def add(block: str, indices: tuple[int, ...], value: float) -> None:
        if value:
            entries[block].append(" ".join(map(str, indices)) + f" {float(value)!r}")

    for multiplicity, count in enumerate(model.states, start=1):
        for i in range(1, count + 1):
            for j in range(i, count + 1):
                pairs = list(blocks.pairs(multiplicity, i, j))
                a, b = pairs[0]
                constant = H.constant[a, b].real
                states = (multiplicity, i) if i == j else (multiplicity, i, j)
                add("epsilon" if i == j else "eta", states, constant)
                for p in modes:
                    kind = "kappa" if i == j else "lambda"
                    add(kind, (*states, numbers[p]), H.linear[p, a, b].real)
                    for q in range(p, len(numbers)):
                        half = 0.5 if p == q else 1.0
                        value = half * H.quadratic[p, q, a, b].real
                        add("gamma", (multiplicity, i, j, numbers[p], numbers[q]), value)
                held = [constant, H.linear[:, a, b].real, H.quadratic[:, :, a, b].real]
                for c, d in pairs:
                    for e, f in {(c, d), (d, c)}:
                        for array, values in zip(left, held, strict=True):
                            array[..., e, f] -= values
    for p, i, j in np.argwhere(np.triu(left[1], 1)):
        for part, value in (("R", left[1][p, i, j].real), ("I", left[1][p, i, j].imag)):
            if value:
                line = f"{i + 1} {j + 1} {numbers[p]} {part} {float(value)!r}"
                entries[COMPONENTS].append(line)
    if np.any(left[1][:, range(H.dimension), range(H.dimension)]) or np.any(left[2]):
        raise fail(
            "model",
            "have gradients alike for every M_S, and quadratic couplings within one multiplicity "
            "and M_S alone, alike for every M_S and real",
            "the files cannot hold what is left",
        )
    return {name: lines for name, lines in entries.items() if lines}, left[0]


def _row(values: npt.ArrayLike) -> str:
    return " ".join(repr(float(value)) for value in np.asarray(values))
