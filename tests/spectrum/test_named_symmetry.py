"""Symmetries with a name: characters by orthogonality, operators by their own algebra."""

import itertools

import numpy as np
import pytest
import scipy.sparse

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.spectrum import Symmetry, character_table, find_crossings, sectors
from anticrossing.spectrum.point_groups import _GROUPS

GROUPS = list(_GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_characters_are_orthogonal(group):
    table = character_table(group)
    rows = (table.characters * table.sizes) @ table.characters.T
    assert np.array_equal(rows, table.order * np.eye(len(table.irreps)))
    columns = table.characters.T @ table.characters
    assert np.array_equal(columns, np.diag(table.order / table.sizes))
    assert np.sum(table.characters[:, 0] ** 2) == table.order
    assert len(table.irreps) == len(table.classes)


def regular(group):
    """The regular representation, by closing the words of the generators under the relations."""
    order = character_table(group).order
    # Faithful permutations of each group, written down by hand.
    by_hand = {"C3v": {"C3": [1, 2, 0], "σv": [0, 2, 1]}, "D3": {"C3": [1, 2, 0], "C2": [0, 2, 1]}}
    names = _GROUPS[group].generators
    generators = by_hand.get(group) or {
        name: [k ^ (1 << 0) if 2 * n == k - k % 2 else k for k in range(2 * len(names))]
        for n, name in enumerate(names)
    }
    identity = tuple(range(len(next(iter(generators.values())))))
    elements = [identity]
    for element in elements:
        for generator in generators.values():
            product = tuple(generator[k] for k in element)
            if product not in elements:
                elements.append(product)
    assert len(elements) == order
    return {
        name: [elements.index(tuple(generator[k] for k in element)) for element in elements]
        for name, generator in generators.items()
    }


@pytest.mark.parametrize("group", GROUPS)
def test_the_regular_representation_holds_each_as_often_as_its_dimension(group):
    table, operations = character_table(group), regular(group)
    named = Symmetry.point_group(group, operations)
    for irrep, row in zip(table.irreps, table.characters, strict=True):
        assert named.labels.count(irrep) == row[0] ** 2
    # In the basis found the operations are block diagonal, with the characters of the table.
    for word_class, size, column in zip(
        _GROUPS[group].classes, table.sizes, table.characters.T, strict=True
    ):
        assert len(word_class[1]) == size
        for word in word_class[1]:
            matrix = np.eye(table.order)
            for name in word:
                permuted = np.zeros_like(matrix)
                permuted[operations[name], np.arange(table.order)] = 1
                matrix = matrix @ permuted
            turned = named.basis.conj().T @ matrix @ named.basis
            for irrep, character, row in zip(table.irreps, column, table.characters, strict=True):
                inside = np.array([label == irrep for label in named.labels])
                assert np.abs(turned[np.ix_(inside, ~inside)]).max(initial=0) < 1e-12
                assert np.trace(turned[np.ix_(inside, inside)]) == pytest.approx(character * row[0])


def test_products_of_representations():
    table = character_table("D2h")
    assert table.product("B1g", "B2g", "B3g") == {"Ag": 1}
    assert table.product("B1u", "B3g") == {"B2u": 1}
    assert character_table("C3v").product("E", "E", "E") == {"A1": 1, "A2": 1, "E": 3}
    with pytest.raises(InputError, match="irreps"):
        table.product("A1")
    with pytest.raises(InputError, match="group"):
        character_table("C5")


# ---- crossings ---------------------------------------------------------------------------------


def diatomic(coupling=0.02):
    """Four curves, Σg and Σu twice each, in the order g u g u."""
    terms = [
        ("x", np.diag([1.0, -1.0, -1.0, 1.0])),
        ("1", np.diag([0.0, 0.1, 0.2, 0.5])),
        ("1", coupling * (np.eye(4, k=2) + np.eye(4, k=-2))),
    ]
    return ac.Hamiltonian.from_terms(terms)


def test_crossings_say_which_symmetries_meet():
    found = find_crossings(diatomic(), -1, 1, symmetry=Symmetry.labelled(list("gugu")))
    assert len(found) == 4
    for crossing in found:
        one, two = crossing.symmetries
        assert (crossing.kind == "avoided") == (one == two)
        assert crossing.between_sectors == (one != two)
        if one != two:
            assert crossing.reason == f"{one} × {two}: no coupling is allowed by symmetry"
        else:
            assert crossing.reason == f"both {one}, coupled by H(x)"
    plain = find_crossings(diatomic(), -1, 1)
    assert np.allclose(plain.positions, found.positions, rtol=0, atol=1e-12)
    assert [c.kind for c in plain] == [c.kind for c in found]
    assert "g × u" in str(found)
    assert found.to_dataset()["symmetries"].shape == (4, 2)


def test_the_symmetry_of_the_lower_level_comes_first():
    h = ac.Hamiltonian.affine(np.zeros((2, 2)), np.diag([1.0, -1.0]))
    (crossing,) = find_crossings(h, -1, 1, symmetry=Symmetry.labelled(["rising", "falling"]))
    assert crossing.symmetries == ("rising", "falling")  # just below x₀ the rising one is lower


def test_two_states_of_one_label_that_h_does_not_couple():
    h = ac.Hamiltonian.affine(np.zeros((2, 2)), np.diag([1.0, -1.0]))
    (crossing,) = find_crossings(h, -1, 1, symmetry=Symmetry.labelled(["A1", "A1"]))
    assert crossing.kind == "true"
    assert crossing.reason == "both A1, but in different sectors of H(x)"


def test_a_gap_below_rounding_is_not_between_sectors():
    h = ac.Hamiltonian.affine([[0, 1e-30], [1e-30, 0]], np.diag([1.0, -1.0]))
    (crossing,) = find_crossings(h, -1, 1, symmetry=Symmetry.labelled(["A1", "A1"]))
    assert crossing.reason == "both A1, gap below rounding"
    assert not crossing.between_sectors


def test_labels_that_h_contradicts_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"H couples g and u by 0\.016 of") as error:
        sectors(diatomic(), symmetry=Symmetry.labelled(list("gguu")))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="label 4 states"):
        sectors(diatomic(), symmetry=Symmetry.labelled(list("gu")))
    weak = ac.Hamiltonian.affine([[0, 1e-13], [1e-13, 0.1]], np.diag([1.0, -1.0]))
    with pytest.raises(InputError, match="H couples g and u by 1e-12"):  # weak, but no rounding
        sectors(weak, symmetry=Symmetry.labelled(["g", "u"]))


def test_sparse_matrices_and_functions_are_checked_too():
    size = 600
    flip = scipy.sparse.coo_matrix(
        (np.ones(size - 2), (np.arange(size - 2), np.arange(2, size))), shape=(size, size)
    )
    diagonal = scipy.sparse.diags(np.arange(size, dtype=float))
    h = ac.Hamiltonian.from_terms([("x", diagonal), ("1", flip + flip.T)])
    found = sectors(h, symmetry=Symmetry.labelled(["even", "odd"] * (size // 2)))
    assert set(found.names) == {"even", "odd"}
    with pytest.raises(InputError, match="symmetry"):
        sectors(h, symmetry=Symmetry.labelled(["even"] * 5 + ["odd"] * (size - 5)))

    def function(x):
        return np.array([[x, 0.1, 0], [0.1, -x, 0], [0, 0, 0.5]])

    h = ac.Hamiltonian.from_function(function)
    assert sectors(h, symmetry=Symmetry.labelled(["g", "g", "u"])).names == ("g", "u")
    with pytest.raises(InputError, match="symmetry"):
        sectors(h, symmetry=Symmetry.labelled(["g", "u", "u"]))


def test_operators_give_sectors_that_no_state_shows():
    """A ring of three sites: A1 + E, and two levels of E cross those of A1."""
    ring = np.ones((3, 3)) - np.eye(3)
    h = ac.Hamiltonian.from_terms([("x", ring), ("0.2", np.eye(3))])
    named = Symmetry.point_group("C3v", {"C3": [1, 2, 0], "σv": [0, 2, 1]})
    found = sectors(h, symmetry=named)
    assert sorted(found.names) == ["A1", "E", "E"]
    assert "E (2 times)" in str(found)
    assert sorted(found.to_dataset()["symmetry"].values) == ["A1", "E", "E"]
    (crossing,) = find_crossings(h, -1, 1, symmetry=named)
    assert set(crossing.symmetries) == {"A1", "E"}
    bent = ac.Hamiltonian.from_terms([("x", ring), ("0.2", np.diag([1.0, 0, 0]))])
    with pytest.raises(InputError, match="symmetry"):
        sectors(bent, symmetry=named)


def test_symmetries_combine():
    swap = np.kron(np.array([[0, 1], [1, 0]]), np.eye(2))
    spin = Symmetry.spin([0, 2, 0, 2])
    both = spin & Symmetry.parity(swap)
    assert sorted(both.labels) == ["1g", "1u", "3g", "3u"]
    other = Symmetry.parity(swap) & spin
    assert sorted(other.labels) == ["g1", "g3", "u1", "u3"]
    labels = Symmetry.labelled(["1Σ", "3Π"]) & Symmetry.labelled(["g", "u"])
    assert labels.labels == ("1Σg", "3Πu")
    with pytest.raises(InputError, match="commute"):
        Symmetry.parity([1, 0]) & Symmetry.labelled(["left", "right"])
    with pytest.raises(InputError, match="same states"):
        Symmetry.labelled(["a"]) & spin


def test_spin_and_axial_operators():
    """Two spins 1/2: S² and S_z as matrices."""
    x, y, z = (np.array(m) / 2 for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))
    total = [np.kron(s, np.eye(2)) + np.kron(np.eye(2), s) for s in (x, y, z)]
    squared = sum(s @ s for s in total)
    assert sorted(Symmetry.spin(squared).labels) == ["1", "3", "3", "3"]
    assert sorted(Symmetry.axial(total[2]).labels) == ["Π", "Π", "Σ", "Σ"]
    assert sorted(Symmetry.axial(np.kron(z, np.eye(1))).labels) == ["1/2", "1/2"]
    both = Symmetry.spin(squared) & Symmetry.axial(total[2])
    assert sorted(both.labels) == ["1Σ", "3Π", "3Π", "3Σ"]
    heisenberg = sum(np.kron(s, s) for s in (x, y, z)).real
    h = ac.Hamiltonian.from_terms([("x", heisenberg), ("0.3", total[2].real)])
    found = find_crossings(h, -1, 1, symmetry=both)
    assert {c.kind for c in found} == {"true"}
    for crossing in found:
        assert "no coupling is allowed" in crossing.reason


def test_operators_that_are_none_are_refused():
    cases = [
        (Symmetry.operator, ([[0, 1], [0, 0]],), "Hermitian or unitary"),
        (Symmetry.operator, ([0, 0],), "permutation"),
        (Symmetry.operator, ([0.5, 1.5],), "permutation"),
        (Symmetry.parity, (np.diag([1.0, 2.0]),), "eigenvalues 1, -1"),
        (Symmetry.axial, ([0.3],), "multiples of 1/2"),
        (Symmetry.axial, ([99.0],), "stay below"),
        (Symmetry.axial, ([np.nan],), "finite"),
        (Symmetry.axial, ([],), "angular_momentum"),
        (Symmetry.spin, ([1.0],), r"S\(S \+ 1\)"),
        (Symmetry.spin, ([1e308],), r"S\(S \+ 1\)"),
        (Symmetry.operator, ([1, 0], {"x": "g"}), "names"),
        (Symmetry.labelled, ("gu",), "list of names"),
        (Symmetry.labelled, ([],), "at least one"),
        (Symmetry.point_group, ("C2v", {"C2": np.eye(2)}), "lacks σv"),
        (Symmetry.point_group, ("C2v", {"C2": np.eye(2), "σ": np.eye(2)}), "Unknown key"),
        (Symmetry.point_group, ("C2", {"C2": [1, 2, 0]}), "multiply as in C2"),
        (Symmetry.point_group, ("C2", {"C2": 2 * np.eye(2)}), "unitary"),
        (Symmetry.point_group, ("C2h", {"C2": np.eye(2), "i": np.eye(3)}), "one size"),
    ]
    for make, arguments, message in cases:
        with pytest.raises(InputError, match=message) as error:
            make(*arguments)
        assert "\n" not in str(error.value)
    half = np.diag([1j, -1j])  # C₂ of a spin 1/2: its square is −1
    with pytest.raises(InputError, match="C2·C2 differs from 1 by 2"):
        Symmetry.point_group("C2", {"C2": half})


def test_unitary_operators_label_by_complex_eigenvalues():
    named = Symmetry.operator(
        [1, 2, 0], {1: "k=0", np.exp(2j * np.pi / 3): "k=1", np.exp(-2j * np.pi / 3): "k=-1"}
    )
    assert sorted(named.labels) == ["k=-1", "k=0", "k=1"]
    hopping = np.roll(np.eye(3), 1, axis=0)
    h = ac.Hamiltonian.from_terms(
        [("cos(x)", hopping + hopping.T), ("sin(x)", 1j * (hopping - hopping.T))]
    )
    found = find_crossings(h, 0.1, 3.0, symmetry=named)
    assert len(found) > 0
    for crossing in found:
        assert crossing.kind == "true"
        assert "×" in crossing.reason


def test_random_symmetric_matrices_fall_into_the_sectors_of_their_group():
    rng = np.random.default_rng(3)
    operations = regular("C3v")
    matrices = []
    for _ in range(2):
        matrix = rng.normal(size=(6, 6))
        matrix = matrix + matrix.T
        mean = np.zeros((6, 6))
        for word in itertools.chain(*(words for _, words in _GROUPS["C3v"].classes)):
            turn = np.eye(6)
            for name in word:
                turn = turn[:, np.argsort(operations[name])]
            mean += turn @ matrix @ turn.T / 6
        matrices.append(mean)
    h = ac.Hamiltonian.affine(*matrices)
    found = sectors(h, symmetry=Symmetry.point_group("C3v", operations))
    sizes = sorted(zip(found.names, found.sizes, strict=True))
    assert sizes == [("A1", 1), ("A2", 1), ("E", 2), ("E", 2)]


def test_passage_and_files_name_the_symmetries(tmp_path):
    named = Symmetry.labelled(["g", "u", "g", "u"])
    result = ac.passage(diatomic(), ac.drive.Linear(-30, 30, rate=1.0), symmetry=named)
    assert "both g, coupled by H(x)" in str(result)
    bare = ac.passage(diatomic(), ac.drive.Linear(-30, 30, rate=1.0))
    assert np.array_equal(bare.exact.probabilities, result.exact.probabilities)
    assert [p.name for p in bare.predictions] == [p.name for p in result.predictions]
    from anticrossing import studies

    text = """
[hamiltonian]
matrix = [["x", 0.0], [0.0, "-x"]]

[drive]
kind = "linear"
start = -5.0
stop = 5.0
rate = 1.0

[question]
symmetry = ["g", "LABEL"]
"""
    path = tmp_path / "named.toml"
    path.write_text(text.replace("LABEL", "u"), encoding="utf-8")
    assert "g × u" in str(studies.load(path).crossings())
    path.write_text(text.replace("0.0]", "0.1]").replace("[0.0,", "[0.1,"), encoding="utf-8")
    with pytest.raises(InputError, match="symmetry"):
        studies.load(path)


@pytest.mark.parametrize("turned", [[1, 2, 0, 3], [1, 0, 3, 2], [0, 1], [2, 3, 4, 5, 0, 1, 6]])
def test_a_permutation_has_plane_waves_on_its_cycles(turned):
    matrix = np.zeros((len(turned), len(turned)))
    matrix[turned, np.arange(len(turned))] = 1.0
    found = Symmetry.operator(turned)
    basis = found.basis
    assert np.abs(basis.conj().T @ basis - np.eye(len(turned))).max() < 1e-15
    values = np.diag(basis.conj().T @ matrix @ basis)
    assert np.abs(matrix @ basis - basis * values).max() < 1e-15
    labels = Symmetry.operator(matrix).labels
    assert sorted(found.labels) == sorted(labels)
    assert np.iscomplexobj(basis) == bool(np.abs(values.imag).max() > 1e-9)
