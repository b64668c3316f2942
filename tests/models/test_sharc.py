"""SHARC's model files: read, written again, refused with the line where they are wrong."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.models.sharc import read_sharc, write_sharc
from tests.result_protocol import check

FILES = Path(__file__).parents[1] / "reference_data" / "sharc_lvc"
ELECTRONS_PER_DALTON = 1822.888486


@pytest.fixture(scope="module")
def model():
    return read_sharc(FILES / "LVC.template")


def test_result_protocol(model, tmp_path):
    check(model, tmp_path)


def test_hamiltonian_is_what_the_file_says(model):
    # Two singlets and one triplet along mode 6, by hand; the order is T(-1), T(0), T(+1).
    Q, omega = 0.7, 0.0098866
    spin_free = np.array([[0.0, 4e-3 * Q], [4e-3 * Q, 0.31 + 2.5e-2 * Q - 1e-3 * Q**2]])
    triplet = 0.22 + 1.75e-2 * Q + 5e-4 * Q**2
    expected = np.zeros((5, 5), dtype=complex)
    expected[:2, :2] = spin_free
    expected[2:, 2:] = triplet * np.eye(3)
    expected[0, 2], expected[0, 4], expected[1, 3] = -3e-4j, 3e-4j, 1e-4
    expected[2, 0], expected[4, 0], expected[3, 1] = 3e-4j, -3e-4j, 1e-4
    expected += 0.5 * omega * Q**2 * np.eye(5)
    np.testing.assert_allclose(model.hamiltonian(Q), expected, atol=1e-15)
    assert model.hamiltonian.labels == ("S1", "S2", "T1 m=-1", "T1 m=0", "T1 m=+1")
    assert model.hamiltonian.coordinates == ("Q6",)
    assert model.hamiltonian.units.energy == "hartree"


def test_molecule(model):
    assert model.elements == ("C", "O")
    np.testing.assert_array_equal(model.charges, [6, 8])
    np.testing.assert_array_equal(model.masses, [12.0, 15.99491462])
    assert model.geometry[1, 2] == 2.132
    assert model.dipoles.shape == (3, 5, 5)
    assert model.dipoles[2, 0, 1] == 0.4


def test_harmonic_surface_in_cartesian_coordinates(model):
    # ½ωQ² must be ½μω²Δr² for a diatomic stretched by Δr.
    stretched = model.geometry.copy()
    stretched[1, 2] += 0.1
    Q = model.coordinates(stretched)[0]
    reduced = 12.0 * 15.99491462 / (12.0 + 15.99491462) * ELECTRONS_PER_DALTON
    energy = 0.5 * model.hamiltonian.frequencies[0] * Q**2
    assert energy == pytest.approx(0.5 * reduced * 0.0098866**2 * 0.01, rel=1e-8)


def test_cartesian_and_normal_coordinates_are_inverse(model):
    Q = np.random.default_rng(1).normal(size=(4, 3, 1))
    geometries = model.cartesian(Q)
    assert geometries.shape == (4, 3, 2, 3)
    np.testing.assert_allclose(model.coordinates(geometries), Q, rtol=1e-9)  # modes: 10 digits


def test_momenta_of_the_atoms_keep_the_kinetic_energy(model):
    P = np.random.default_rng(2).normal(size=(5, 1))
    momenta = model.cartesian_momenta(P)
    kinetic = 0.5 * np.sum(momenta**2 / (model.masses[:, None] * ELECTRONS_PER_DALTON), axis=(1, 2))
    np.testing.assert_allclose(kinetic, 0.5 * 0.0098866 * P[:, 0] ** 2, rtol=1e-8)
    np.testing.assert_allclose(momenta.sum(axis=1), 0, atol=1e-8)


def test_round_trip(model, tmp_path):
    write_sharc(model, tmp_path / "LVC.template", tmp_path / "V0.txt")
    again = read_sharc(tmp_path / "LVC.template")
    Q = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(again.hamiltonian(Q), model.hamiltonian(Q))
    for name in ("charges", "masses", "geometry", "frequencies", "modes", "dipoles"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    assert again.hamiltonian.labels == model.hamiltonian.labels
    assert again.states == model.states


def test_bilinear_terms_and_constant_couplings_round_trip(tmp_path):
    text = (FILES / "V0.txt").read_text().replace("0.0  0.0  0.0098866", "0.0  0.004  0.0098866")
    (tmp_path / "V0.txt").write_text(text)
    (tmp_path / "LVC.template").write_text(
        "V0.txt\n2\nepsilon\n2\n1 1 0.0\n1 2 0.1\neta\n1\n1 1 2 0.01\n"
        "gamma\n3\n1 1 2 5 6 0.003\n1 1 1 5 6 0.001\n1 1 1 6 5 0.002\n"
    )
    first = read_sharc(tmp_path / "LVC.template")
    H = first.hamiltonian([0.5, 2.0])  # every line adds its value times Q₅Q₆ = 1
    assert H[0, 1] == pytest.approx(0.01 + 0.003)
    assert H[0, 0] == pytest.approx(0.5 * 0.004 * 0.25 + 0.5 * 0.0098866 * 4 + 0.003)
    write_sharc(first, tmp_path / "again.template", tmp_path / "again.txt")
    second = read_sharc(tmp_path / "again.template")
    np.testing.assert_allclose(second.hamiltonian([0.3, -1.1]), first.hamiltonian([0.3, -1.1]))


SPIN_ORBIT = "lambda_soc\n3\n1 3 6 I -2e-4\n5 1 6 I -2e-4\n2 4 6 R 1e-5\n"


def test_linear_spin_orbit_coupling(model, tmp_path):
    # SHARC reads the blocks in one order alone: lambda_soc stands before gamma
    text = (FILES / "LVC.template").read_text().replace("gamma", f"{SPIN_ORBIT}gamma")
    (tmp_path / "LVC.template").write_text(text)
    first = read_sharc(tmp_path / "LVC.template", FILES / "V0.txt")
    expected = np.zeros((5, 5), complex)
    expected[0, 2], expected[2, 0] = -2e-4j, 2e-4j
    expected[4, 0], expected[0, 4] = -2e-4j, 2e-4j
    expected[1, 3] = expected[3, 1] = 1e-5
    found = first.hamiltonian(0.6) - model.hamiltonian(0.6)
    np.testing.assert_allclose(found, 0.6 * expected, atol=1e-15)
    write_sharc(first, tmp_path / "two", tmp_path / "V0.txt")
    written = (tmp_path / "two").read_text()
    assert written.index("lambda\n") < written.index("lambda_soc") < written.index("gamma")
    np.testing.assert_array_equal(
        read_sharc(tmp_path / "two").hamiltonian([[0.3], [-1.7]]),
        first.hamiltonian([[0.3], [-1.7]]),
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1 3 6 I", "1 1 6 I", "must name two spin components from 1 to 5"),
        ("1 3 6 I", "0 3 6 I", "must name two spin components from 1 to 5"),
        ("1 3 6 I", "1 6 6 I", "must name two spin components from 1 to 5"),
        ("1 3 6 I", "1 3 7 I", "must name a mode from 1 to 6"),
        ("1 3 6 I", "1 3 6 i", "must hold two spin components, a mode, R or I, and a value"),
        ("1 3 6 I", "1 3 6", "must hold two spin components, a mode, R or I, and a value"),
        ("1 3 6 I", "1 5 6 I", "must name an element of lambda_soc I once"),
        ("1 3 6 I", "1 3 5 I", "must couple only modes that vibrate"),
        ("I -2e-4", "I inf", "must hold finite numbers"),
    ],
)
def test_errors_in_linear_spin_orbit_coupling(tmp_path, old, new, says):
    text = (FILES / "LVC.template").read_text() + SPIN_ORBIT.replace(old, new, 1)
    (tmp_path / "LVC.template").write_text(text)
    with pytest.raises(InputError, match=says):
        read_sharc(tmp_path / "LVC.template", FILES / "V0.txt")


def test_blocks_that_do_not_enter_the_hamiltonian_are_passed_over(tmp_path):
    text = (FILES / "LVC.template").read_text().replace("2 0 1\n", "2 0 1\ncharge 0 1 0\n")
    text += "MDMX R\n" + "1.0 2.0\n" * 2 + "Multipolar Density Fit settings\n1\n1 1 1 0 0.1 0.2\n"
    (tmp_path / "LVC.template").write_text("# comment\n\n" + text)
    again = read_sharc(tmp_path / "LVC.template", FILES / "V0.txt")
    reference = read_sharc(FILES / "LVC.template")
    np.testing.assert_array_equal(again.hamiltonian(0.4), reference.hamiltonian(0.4))


MULTIPOLES = (
    "Multipolar Density Fit settings\n2\n1 1 1 0 0.1 -0.2\n3  1 1 1 -0.458  1e-3\n"
    "MDMX R\n1.0 2.0\n2.0 1.0\n"
)


def test_what_does_not_enter_the_hamiltonian_is_written_again(tmp_path):
    text = (FILES / "LVC.template").read_text().replace("2 0 1\n", "2 0 1\ncharge 0 1 0\n")
    epsilon = text.index("epsilon")
    (tmp_path / "one").write_text(text[:epsilon] + MULTIPOLES + text[epsilon:])
    first = read_sharc(tmp_path / "one", FILES / "V0.txt")
    write_sharc(first, tmp_path / "two", tmp_path / "V0.txt")
    written = (tmp_path / "two").read_text()
    assert written.splitlines()[2] == "charge 0 1 0"
    assert [line.split() for line in MULTIPOLES.splitlines()] == [
        line.split() for line in written.splitlines()[-7:]
    ]
    second = read_sharc(tmp_path / "two")
    for field in fields(first):
        one, two = getattr(first, field.name), getattr(second, field.name)
        if field.name == "hamiltonian":
            one, two = one([[0.3], [-1.7]]), two([[0.3], [-1.7]])
        np.testing.assert_array_equal(one, two)
    write_sharc(second, tmp_path / "two", tmp_path / "V0.txt")
    assert (tmp_path / "two").read_text() == written


@pytest.mark.parametrize("line", ["$SHARC_TEST/V0.txt", "${SHARC_TEST}/V0.txt", "~/V0.txt"])
def test_variables_in_the_path_of_the_reference(tmp_path, monkeypatch, line):
    text = (FILES / "LVC.template").read_text().split("\n", 1)[1]
    (tmp_path / "LVC.template").write_text(f"{line}\n{text}")
    monkeypatch.setenv("SHARC_TEST", str(FILES))
    monkeypatch.setenv("HOME", str(FILES))
    monkeypatch.setenv("USERPROFILE", str(FILES))
    assert read_sharc(tmp_path / "LVC.template").elements == ("C", "O")
    monkeypatch.delenv("SHARC_TEST")
    if "$" in line:
        with pytest.raises(InputError, match=r"line 1 .*SHARC_TEST"):
            read_sharc(tmp_path / "LVC.template")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("V0.txt\n", "3\n", "line 1 must hold the path of V0.txt, but it holds the number 3"),
        ("2 0 1\n", "two\n", "line 2 must hold integers"),
        ("2 0 1\n", "0 0 0\n", "line 2 must list how many states"),
        ("kappa", "kapa", "line 8 starts no known block, 'kapa'; did you mean `kappa`"),
        ("  3   1     6  1.75000e-02", "  3   2     6  1.75e-02", "line 11 must name a state"),
        ("  3   1     6  1.75000e-02", "  2   1     6  1.75e-02", "line 11 must name a state"),
        ("  3   1     6  1.75000e-02", "  4   1     6  1.75e-02", "line 11 must name a multi"),
        ("  3   1     6  1.75000e-02", "  3   1     7  1.75e-02", "line 11 must name a mode"),
        ("  3   1     6  1.75000e-02", "  1   2     6  1.75e-02", "line 11 must name .* once"),
        ("  3   1     6  1.75000e-02", "  3   1     6  x", "line 11 must hold numbers"),
        ("  3   1     6  1.75000e-02", "  3   1     6  nan", "line 11 must hold finite"),
        ("  3   1     6  1.75000e-02", "  3   1     6", "line 11 must hold 3 indices and a value"),
        ("  3   1     6  1.75000e-02", "  3   1     5  1.75e-02", "only modes that vibrate"),
        ("kappa\n2", "kappa\n3", "line 12 must hold 3 indices"),
        ("kappa\n2", "kappa\n-1", "line 9 must hold the number of lines"),
        ("SOC I", "SOC X", "starts no known block"),
        (" -3.0000000e-04  0.0", "  3.0000000e-04  0.0", "Hermitian"),
        ("2.0000000e-01\n", "2.0000000e-01 7\n", "must hold 5 numbers, but it holds 6"),
    ],
)
def test_errors_name_the_line(tmp_path, old, new, says):
    text = (FILES / "LVC.template").read_text()
    assert old in text
    (tmp_path / "LVC.template").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=says):
        read_sharc(tmp_path / "LVC.template", FILES / "V0.txt")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Geometry", "Geometri", "line 1 must read 'Geometry'"),
        ("Frequencies", "Frequency", "line 4 must hold 5 numbers"),
        ("12.00000000", "0.0", "positive masses"),
        ("0.0098866", "-0.0098866", "line 5 must hold no negative frequency"),
        ("0.0098866", "", "line 5 must hold 6 numbers, but it holds 5"),
        ("0.7558774503 0.0  0.0  0.65", "0.7558774503 0.0  0.0  0.75", "orthonormal normal modes"),
        ("  0.0  0.0  0.7558774503 0.0  0.0  0.6547131281\n", "", "ends after 11 lines"),
    ],
)
def test_errors_in_the_reference(tmp_path, old, new, says):
    text = (FILES / "V0.txt").read_text()
    assert old in text
    (tmp_path / "V0.txt").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=says):
        read_sharc(FILES / "LVC.template", tmp_path / "V0.txt")


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_sharc(tmp_path / "LVC.template")
    (tmp_path / "LVC.template").write_text("V0.txt\n1\n")
    with pytest.raises(InputError, match=r"V0\.txt cannot be read"):
        read_sharc(tmp_path / "LVC.template")


def test_what_the_files_cannot_hold_is_refused(model, tmp_path):
    from dataclasses import replace

    from anticrossing.models.vibronic_coupling import VibronicCoupling

    H = model.hamiltonian
    linear, quadratic = H.linear.astype(complex), H.quadratic.astype(complex)
    linear[0, 2, 2] += 1e-3  # the gradient of T1 m=-1 alone
    quadratic[0, 0, 0, 2], quadratic[0, 0, 2, 0] = 1e-3j, -1e-3j
    for changed in ({"linear": linear}, {"linear": H.linear, "quadratic": quadratic}):
        other = VibronicCoupling(
            energies=H.constant, frequencies=H.frequencies, units=H.units, **changed
        )
        with pytest.raises(InputError, match="Argument `model` must have gradients alike"):
            write_sharc(replace(model, hamiltonian=other), tmp_path / "a", tmp_path / "b")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="Argument `model` must be a SharcModel"):
        write_sharc("LVC.template", tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="Argument `reference` must"):
        write_sharc(model, tmp_path / "a", None)
    with pytest.raises(InputError, match="Argument `template` must"):
        read_sharc(3)
    with pytest.raises(InputError, match="Argument `reference` must be another file"):
        write_sharc(model, tmp_path / "a", tmp_path / "a")
    with pytest.raises(InputError, match=r"nowhere/b cannot be written"):
        write_sharc(model, tmp_path / "a", tmp_path / "nowhere" / "b")
    assert not list(tmp_path.iterdir())


def test_coordinates_of_wrong_shape(model):
    with pytest.raises(InputError, match="Argument `geometry` must have last axes"):
        model.coordinates(np.zeros((3, 3)))
    with pytest.raises(InputError, match="Argument `coordinates` must have a last axis"):
        model.cartesian(np.zeros(2))
    with pytest.raises(InputError, match="Argument `momenta` must have a last axis"):
        model.cartesian_momenta(np.zeros(2))


@pytest.mark.parametrize(
    "changed",
    [
        {"masses": [12.0]},
        {"masses": [-12.0, 16.0]},
        {"masses": [np.nan, 16.0]},
        {"elements": ("C",)},
        {"elements": ("C", "Frequencies")},
        {"elements": ("C", "O 1")},
        {"states": (1,)},
        {"states": (-1, 2)},
        {"charges": np.ones((2, 2))},
        {"geometry": np.zeros(3)},
        {"frequencies": np.zeros(6)},
        {"frequencies": -np.ones(6)},
        {"modes": np.eye(5)},
        {"dipoles": np.eye(3)},
        {"dipoles": np.triu(np.ones((3, 5, 5)))},
        {"others": ("what nobody reads",)},
        {"others": ("charge 0", "a\nb")},
    ],
    ids=str,
)
def test_models_made_by_hand_are_checked(model, changed):
    with pytest.raises(InputError, match="Argument `"):
        replace(model, **changed)


@pytest.mark.parametrize("name", ["a#b.txt", "$V0.txt", "~V0.txt", " V0.txt", "a\nb.txt"])
def test_a_reference_that_would_not_be_found_again_is_refused(model, tmp_path, name):
    with pytest.raises(InputError, match="reference"):
        write_sharc(model, tmp_path / "LVC.template", tmp_path / name)
    assert not list(tmp_path.iterdir())
