"""Diabats from data with arbitrary signs, against the models the data were made from."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.geometry.grid_files import read_data, write_data
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import SodiumIodide
from anticrossing.units import Units
from tests.effort import cases


def data_of(H, x, seed=None, *, dipole=None, kinds=("couplings", "overlaps", "dipoles")):
    """Return the data of a model as a program would: random signs at every point."""
    E, U = np.linalg.eigh(H(x))
    if seed is not None:
        U = U * np.random.default_rng(seed).choice([-1, 1], size=E.shape)[:, None, :]
    gap = E[:, None, :] - E[:, :, None]
    one = np.eye(H.dimension)
    d = np.einsum("kai,kab,kbj->kij", U, H.derivative(x), U)
    d = np.where(one, 0.0, d) / np.where(one, 1.0, gap)
    made = {"couplings": d, "overlaps": U[:-1].swapaxes(-1, -2) @ U[1:]}
    if dipole is not None:
        made["dipoles"] = np.einsum("kai,ab,kbj->kij", U, dipole, U)
    return AdiabaticData(x, E, **{k: v for k, v in made.items() if k in kinds}), U


def turned(H, x, U, origin):
    """The exact W: H in the adiabatic states at the origin, up to the signs of those."""
    return U[origin].T @ H(x) @ U[origin]


LADDER = Hamiltonian.from_matrix(
    [["x", "0.3", "0.1"], ["0.3", "-x", "0.2"], ["0.1", "0.2", "0.5*x + 1.5"]]
)


@cases(15)
@given(st.integers(0, 2**31))
def test_couplings_with_random_signs_give_the_diabats(seed):
    x = np.linspace(-3, 3, 121)
    data, U = data_of(LADDER, x, seed, kinds=("couplings",))
    basis = data.diabatize(reference=60)
    exact = turned(LADDER, x, U, 60)
    assert basis.warnings == ()
    np.testing.assert_allclose(np.abs(basis.matrices), np.abs(exact), atol=2e-5)
    assert np.abs(np.abs(basis.matrices) - np.abs(exact)).max() < 3 * basis.error_estimate


@cases(15)
@given(st.integers(0, 2**31))
def test_overlaps_with_random_signs_give_the_diabats_exactly(seed):
    # All levels of the model are there: nothing leaves the set, the overlaps are unitary.
    x = np.linspace(-3, 3, 13)
    data, U = data_of(LADDER, x, seed, kinds=("overlaps",))
    basis = data.diabatize(reference=3)
    np.testing.assert_allclose(np.abs(basis.matrices), np.abs(turned(LADDER, x, U, 3)), atol=1e-12)


@cases(15)
@given(st.integers(0, 2**31))
def test_dipoles_with_random_signs_give_the_diabats_exactly(seed):
    H, x = SodiumIodide(), np.linspace(5.5, 8.5, 61)
    data, _ = data_of(H, x, seed, dipole=np.diag([-6.0, 0.0]), kinds=("dipoles",))
    W = data.diabatize().matrices
    exact = H(x)
    np.testing.assert_allclose(W[:, [0, 1], [0, 1]], exact[:, [0, 1], [0, 1]], atol=1e-11)
    np.testing.assert_allclose(W[:, 0, 1] * np.sign(W[0, 0, 1]), exact[:, 0, 1], atol=1e-11)


def test_aligned_couplings_are_smooth_and_signs_do_not_matter():
    x = np.linspace(-3, 3, 61)
    first = data_of(LADDER, x, 1)[0]
    for kinds in (("couplings",), ("overlaps", "couplings")):
        again = data_of(LADDER, x, 2, kinds=kinds)[0].aligned().couplings
        reference = first.aligned().couplings
        np.testing.assert_allclose(np.abs(again), np.abs(reference), atol=1e-12)
        assert np.abs(np.diff(again, axis=0)).max() < 0.5  # a wrong sign jumps by 2


def test_mixing_angle_of_a_landau_zener_crossing():
    x = np.linspace(-4, 4, 161)
    H = Hamiltonian.from_matrix([["x", "0.5"], ["0.5", "-x"]])
    basis = data_of(H, x, 4, kinds=("couplings",))[0].diabatize()
    exact = (np.arctan(2 * x) - np.arctan(2 * x[0])) / 2
    np.testing.assert_allclose(np.abs(basis.mixing_angle), exact, atol=5e-7)


def crossing_pair_under_a_third(x):
    """Levels ±x of different symmetry; the upper one of them is coupled to a third."""
    H = Hamiltonian.from_matrix([["x", "0", "0.2"], ["0", "-x", "0"], ["0.2", "0", "1.2 - x"]])
    return H, data_of(H, x, 7)


@pytest.mark.parametrize("method", ["couplings", "overlaps"])
def test_trivial_crossings_are_passed_straight(method):
    x = np.linspace(-2, 2, 80)
    H, (data, U) = crossing_pair_under_a_third(x)
    only = AdiabaticData(x, data.energies, **{method: getattr(data, method)})
    crossed = only.trivial_crossings()
    basis = only.diabatize(method)
    assert len(crossed) >= 1
    exact = np.abs(turned(H, x, U, 0))
    atol = 1e-11 if method == "overlaps" else 1e-3
    np.testing.assert_allclose(np.abs(basis.matrices), exact, atol=atol)
    if method == "couplings":
        assert "cross" in basis.warnings[0]


def test_open_signs_are_reported():
    # Two bumps of coupling with nothing between: their relative sign is not in the data.
    x = np.linspace(-10, 10, 81)
    bump = np.exp(-4 * (x - 5) ** 2) + np.exp(-4 * (x + 5) ** 2)
    d = bump[:, None, None] * np.array([[0, 1], [-1, 0]])
    energies = np.stack([-np.ones_like(x), np.ones_like(x)], axis=1)
    assert "stay open at" in AdiabaticData(x, energies, couplings=d).diabatize().warnings[0]


def test_lost_state_is_reported():
    x = np.linspace(0, 1, 4)
    overlaps = np.tile(np.diag([1.0, 0.1]), (3, 1, 1))
    data = AdiabaticData(x, np.tile([0.0, 1.0], (4, 1)), overlaps=overlaps)
    assert "overlap less than 0.5" in data.diabatize().warnings[0]


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".nc"])
def test_files_return_what_was_written(tmp_path, suffix):
    x = np.linspace(5.5, 8.5, 7)
    data = data_of(SodiumIodide(), x, 3, dipole=np.diag([-6.0, 0.0]))[0]
    data = AdiabaticData(
        x, data.energies, data.couplings, data.overlaps, data.dipoles, Units("eV", "fs", "angstrom")
    )
    back = read_data(write_data(data, tmp_path / f"data{suffix}"))
    for name in ("x", "energies", "couplings", "overlaps", "dipoles"):
        np.testing.assert_array_equal(getattr(back, name), getattr(data, name))
    assert back.units == data.units


def test_energies_alone_are_sorted_and_diabats_diagonalised(tmp_path):
    x = np.linspace(-1, 1, 9)
    rows = "".join(f"{a};{-a};{a}\n" for a in x).replace(".", ",")
    (tmp_path / "a.csv").write_text("R [bohr];S0 [eV];S1 [eV]\n".replace("S", "E") + rows)
    data = read_data(tmp_path / "a.csv")
    np.testing.assert_array_equal(data.energies, np.stack([-abs(x), abs(x)], axis=1))
    assert data.units == Units("eV", "fs", "bohr")
    (tmp_path / "b.csv").write_text("R,E1,E2,V\n" + "".join(f"{a},{a},{-a},0.3\n" for a in x))
    data = read_data(tmp_path / "b.csv")
    np.testing.assert_allclose(data.energies[:, 1], np.hypot(x, 0.3), rtol=1e-14)
    W = data.diabatize(reference=4).matrices
    rotation = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)  # at x = 0 the states are the sums
    diabats = np.linalg.eigvalsh(W)
    np.testing.assert_allclose(diabats[:, 1], np.hypot(x, 0.3), rtol=1e-12)
    turned = rotation @ W @ rotation.T
    np.testing.assert_allclose(abs(turned[:, 0, 1]), 0.3, atol=1e-9)


def test_bad_files(tmp_path):
    with pytest.raises(InputError, match="`path` must be"):
        read_data(3)
    with pytest.raises(InputError, match="`data` must be an AdiabaticData"):
        write_data([1.0, 2.0], tmp_path / "data.csv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="`path` must end in"):
        read_data(tmp_path / "data.xls")
    with pytest.raises(InputError, match="`path` must name a file"):
        read_data(tmp_path / "data.csv")
    for text, message in (
        ("", "is empty"),
        ("x,energy_0\n1,a\n", "line 2: `energy_0` must be a number, but it is 'a'"),
        ("x,energy_0\n1,2\n", "`x` must hold at least 4"),
        ("energy_0,energy_1\n1,2\n", "columns x, energy_i.*coordinate is missing"),
        ("x,energy_0,width_0\n1,2,3\n", "columns x, energy_i"),
    ):
        (tmp_path / "data.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_data(tmp_path / "data.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": [0.0, 1.0]}, "`x` must hold at least 4"),
        ({"x": [0.0, 1.0, 1.0, 2.0]}, "`x` must hold at least 4 numbers that"),
        ({"energies": np.zeros((3, 2))}, r"`energies` must have shape \(4, m\)"),
        ({"energies": np.tile([1.0, 0.0], (4, 1))}, "`energies` must ascend"),
        ({"couplings": np.zeros((4, 3, 3))}, r"`couplings` must have shape \(4, 2, 2\)"),
        ({"couplings": np.ones((4, 2, 2))}, "`couplings` must be antisymmetric"),
        ({"couplings": np.full((4, 2, 2), np.nan)}, "`couplings` must be finite"),
        ({"overlaps": np.ones((3, 2, 2))}, "`overlaps` must belong to normalised states"),
        ({"dipoles": np.zeros((4, 2))}, "`dipoles` must have shape"),
        ({"dipoles": np.zeros((4, 0, 2, 2))}, "`dipoles` must have shape"),
        ({"units": "eV"}, "`units` must be a Units"),
        ({"dipoles": np.tile([[0.0, 1.0], [0.0, 0.0]], (4, 1, 1))}, "`dipoles` must be symmetric"),
    ],
)
def test_bad_data(change, message):
    good = {"x": [0.0, 1.0, 2.0, 3.0], "energies": np.tile([0.0, 1.0], (4, 1))}
    with pytest.raises(InputError, match=message):
        AdiabaticData(**(good | change))


def test_missing_data_and_ignored_options():
    x = np.linspace(5.5, 8.5, 7)
    data = data_of(SodiumIodide(), x, dipole=np.diag([-6.0, 0.0]))[0]
    bare = AdiabaticData(x, data.energies)
    with pytest.raises(InputError, match="needs couplings, overlaps or dipoles"):
        bare.diabatize()
    with pytest.raises(InputError, match="none are here"):
        bare.aligned()
    with pytest.raises(InputError, match="there are no overlaps"):
        AdiabaticData(x, data.energies, couplings=data.couplings).diabatize("overlaps")
    with pytest.raises(InputError, match="did you mean `couplings`"):
        data.diabatize("coupling")
    with pytest.raises(InputError, match="`reference` must be left out with dipoles"):
        data.diabatize("dipoles", reference=2)
    with pytest.raises(InputError, match="`reference` must be an index"):
        data.diabatize(reference=9)
    for bad in (None, 0.5, "first", True):
        with pytest.raises(InputError, match="`reference` must be an integer"):
            data.diabatize(reference=bad)
    H = data.diabatize().hamiltonian()
    with pytest.raises(InputError, match=r"`x` must lie within the points, 5.5 … 8.5"):
        H(9.0)


@pytest.mark.parametrize(
    ("columns", "values", "says"),
    [
        ("coupling_0_1,coupling_1_0", "0.1,0.2", "contradicts"),
        ("coupling_0_1,coupling_00_01", "0.1,0.2", "contradicts"),
        ("dipole_0_0_1,dipole_0_1_0", "0.1,0.2", "contradicts"),
        ("coupling_0_1,coupling_1_0", "0.1,-0.1", None),
        ("dipole_0_0_1,dipole_0_1_0", "0.1,0.1", None),
        ("overlap_0_0", "1", "all 4 columns"),
        ("overlap_0_0,overlap_0_1,overlap_1_0,overlap_1_1", "1,0,0,1", "last row"),
    ],
)
def test_no_column_of_a_table_is_lost(tmp_path, columns, values, says):
    rows = [f"{k},-1,1,{values}" for k in range(4)]
    (tmp_path / "a.csv").write_text("\n".join([f"x,energy_0,energy_1,{columns}", *rows]))
    if says is None:
        data = read_data(tmp_path / "a.csv")
        assert (data.dipoles if data.couplings is None else data.couplings)[0].max() == 0.1
    else:
        with pytest.raises(InputError, match=says):
            read_data(tmp_path / "a.csv")


@pytest.mark.parametrize(("factor", "doubtful"), [(1.0, 0), (2.0, 1), (0.529, 1), (0.0, 0)])
def test_couplings_of_another_scale_are_told(factor: float, doubtful: int) -> None:
    """Energies alone tell by how much two levels turn at an avoided crossing, here of gap 0.6."""
    x = np.linspace(-4, 4, 81)
    half = np.hypot(x / 2, 0.3)
    couplings = np.zeros((81, 2, 2))
    couplings[:, 0, 1] = factor * np.random.default_rng(1).choice([-1, 1], 81) * 0.3 / (x**2 + 0.36)
    couplings[:, 1, 0] = -couplings[:, 0, 1]
    basis = AdiabaticData(x, np.stack([-half, half], axis=1), couplings=couplings).diabatize()
    assert sum("the couplings turn levels 0 and 1" in note for note in basis.warnings) == doubtful
