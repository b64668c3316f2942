"""States from functions, Hamiltonians and a folder; searches over them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from anticrossing._core.checks import ConvergenceError, InputError, MissingExtraError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import TullySimple
from anticrossing.molecules.electronic import (
    AseStates,
    CachedStates,
    FunctionStates,
    HamiltonianStates,
)


def test_states_of_a_hamiltonian_are_its_levels():
    H = TullySimple()
    states = HamiltonianStates(H, provides="couplings")
    step = 1e-5
    for x in (-1.0, 0.3):
        found = states.at([x])
        assert_allclose(found.energies, np.linalg.eigvalsh(H(x)), atol=1e-16)
        numeric = (states([x + step])[0] - states([x - step])[0]) / (2 * step)
        assert_allclose(found.gradients[:, 0], numeric, atol=1e-9)
        here = HamiltonianStates(H)
        first = here.at([x - step])
        turn = here.at([x + step], first).overlaps / (2 * step)
        assert abs(found.couplings[0, 0, 1]) == pytest.approx(abs(turn[0, 1]), rel=1e-6)


def test_a_folder_gives_back_the_same_bits(tmp_path):
    first = CachedStates(HamiltonianStates(TullySimple()), tmp_path / "a")
    one = first.at([0.1])
    two = first.at([0.2], one)
    again = CachedStates(HamiltonianStates(TullySimple()), tmp_path / "a")
    assert_array_equal(again.at([0.2], again.at([0.1])).overlaps, two.overlaps)
    assert (again.computed, again.reused) == (0, 2)
    for file in (tmp_path / "a").glob("*.npz"):
        file.write_bytes(file.read_bytes()[:40])
    assert_array_equal(again.at([0.1]).energies, one.energies)
    assert again.computed == 1
    with pytest.raises(InputError, match="keeps other states"):
        CachedStates(FunctionStates(lambda x: 0, states=3, coordinates=2), tmp_path / "a")


def test_a_folder_of_other_states_is_found_out(tmp_path):
    """A function does not tell what it computes, nor a model its parameters."""
    kept = CachedStates(HamiltonianStates(TullySimple()), tmp_path)
    other = Hamiltonian.from_matrix([["x/100", "1/200"], ["1/200", "-x/100"]])
    kept([0.3])
    again = CachedStates(HamiltonianStates(other), tmp_path)
    again([0.2])  # is not there, and therefore computed
    with pytest.raises(InputError, match="keeps other states, whose energies differ by"):
        again([0.3])
    for text in (b"", b"\xff\n", b"\x1b[31m"):
        (tmp_path / "states.txt").write_bytes(text)
        with pytest.raises(InputError, match="keeps other states") as caught:
            CachedStates(HamiltonianStates(other), tmp_path)
        assert str(caught.value).isprintable()


def test_what_a_function_returns_is_checked():
    def states(function, **options):
        return FunctionStates(function, states=2, coordinates=1, **options)

    for bad in (lambda x: 3, lambda x: ([0, 1],), lambda x: ([0, 1, 2], [[0], [0]])):
        with pytest.raises(InputError):
            states(bad)([0.0])
    with pytest.raises(InputError):
        states(lambda x: ([0, 1], [[0], [0]]), couplings=True)([0.0])
    with pytest.raises(ConvergenceError, match="not finite"):
        states(lambda x: ([0, np.nan], [[0], [0]]))([0.0])
    with pytest.raises(InputError):
        states(lambda x: ([0, 1], [[0], [0]]))([0.0, 1.0])
    with pytest.raises(InputError):
        states(lambda x: x, largest_jump=-1.0)


def test_without_ase_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ase", None)
    with pytest.raises(MissingExtraError, match="anticrossing\\[ase\\]"):
        AseStates(None, [])
