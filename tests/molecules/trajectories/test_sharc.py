"""Trajectories of models in SHARC's files: SO2 against SHARC's own run, and other routes."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import expm_multiply

from anticrossing import models
from anticrossing.models import read_sharc
from anticrossing.molecules.trajectories import Fixed, run_trajectories, vertical_excitation
from tests.effort import slow

# The file states where the numbers come from: a paper, and a run that SHARC ships as a test.
SO2 = json.loads(
    (Path(__file__).parents[2] / "reference_data" / "sharc_so2.json").read_text("utf-8")
)
RUN = SO2["run"]  # of the first 21 steps, on the fifth spin-mixed state, before it hops
STEP, POTENTIAL = RUN["step"], RUN["potential"]
BLOCKS = ("epsilon", "kappa", "lambda")
HARTREE = 27.211386245988
FEMTOSECOND = 41.341373336


def write_so2(folder, *, imaginary=False):
    """Write the two files; couplings of singlets to triplets as they are, or times −i."""
    matrices = np.zeros((2, 12, 12))
    for i, j, value in SO2["spin_orbit"]:
        if imaginary and i < 3:
            matrices[1, i, j], matrices[1, j, i] = -value, value
        else:
            matrices[0, i, j] = matrices[0, j, i] = value
    modes = np.hstack([np.eye(9)[:, :6], SO2["modes"]])
    frequencies = [0.0] * 6 + SO2["frequencies"]
    reference = ["Geometry", *map(words, SO2["atoms"]), "Frequencies", words(frequencies)]
    reference += ["Mass-weighted normal modes", *map(words, modes)]
    template = ["V.txt", words(SO2["states"])]
    for block in BLOCKS:
        template += [block, str(len(SO2[block])), *map(words, SO2[block])]
    for part, matrix in zip("RI", matrices, strict=True):
        template += [f"SOC {part}", *map(words, matrix)]
    (folder / "V.txt").write_text("\n".join(reference) + "\n")
    (folder / "LVC.template").write_text("\n".join(template) + "\n")
    return read_sharc(folder / "LVC.template")


def words(row):
    return " ".join(map(str, row))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_so2(tmp_path_factory.mktemp("so2"))


@pytest.fixture(scope="module")
def start(model):
    """The start of SHARC's run: Q and P."""
    Q = model.coordinates(RUN["geometry"])
    rates = model.coordinates(model.geometry + np.array(RUN["velocities"]))
    return Q, rates / model.hamiltonian.frequencies


def test_the_run_of_sharc(model, start):
    """Its forces mix the gradients of the spin-free states and leave out their couplings."""
    H, (Q, P) = model.hamiltonian, start
    omega = H.frequencies
    kinetic = 0.5 * np.sum(omega * P**2) * HARTREE
    assert kinetic == pytest.approx(RUN["kinetic"], abs=3e-5)  # SHARC's includes 24 μeV of rotation

    def evaluate(Q):
        full, slopes = H(Q), H.gradient(Q)
        vectors, gradients = np.zeros((12, 12)), np.zeros((3, 12))
        for k in range(0, 12, 3):
            own = slice(k, k + 3)
            v = vectors[own, own] = np.linalg.eigh(full[own, own])[1]
            gradients[:, own] = np.einsum("ij,aik,kj->aj", v, slopes[:, own, own], v)
        energies, mixed = np.linalg.eigh(full)
        return energies[4], -gradients @ (vectors.T @ mixed[:, 4]) ** 2

    energy, force = evaluate(Q)
    followed = [energy]
    q, p = Q, P
    for _ in POTENTIAL[1:]:
        p = p + 0.5 * STEP * force
        q = q + STEP * omega * p
        energy, force = evaluate(q)
        p = p + 0.5 * STEP * force
        followed.append(energy)
    assert_allclose(np.array(followed) * HARTREE, POTENTIAL, atol=1.2e-5)

    # The forces of the spin-mixed state itself keep the energy, which in SHARC's run drifts by
    # 2.6 meV; the paths stay as close as that.
    found = run_trajectories(
        H, initial=Fixed(Q, P, state=RUN["state"]), step=STEP / 20, steps=20 * 21, every=20,
        count=1, seed=1, keep=1, method="landau-zener",
    )  # fmt: skip
    kept = found.trajectories()
    assert np.all(kept.level.values == RUN["state"])
    assert found.energy_drift[0] * HARTREE < 1e-5
    assert_allclose(kept.potential_energy.values[0] * HARTREE, POTENTIAL, atol=3.5e-3)
    assert kept.potential_energy.values[0, 0] * HARTREE == pytest.approx(POTENTIAL[0], abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("imaginary", [False, slow(True)])
def test_ehrenfest_solves_its_equations(tmp_path, start, imaginary):
    H, (Q, P) = write_so2(tmp_path, imaginary=imaginary).hamiltonian, start
    assert np.iscomplexobj(H(Q)) == imaginary
    omega, stop = H.frequencies, 400.0

    def equations(_, y):
        q, p, psi = y[:3].real, y[3:6].real, y[6:]
        force = -np.einsum("i,aij,j->a", psi.conj(), H.gradient(q), psi).real
        return np.concatenate([omega * p, force, -1j * (H(q) @ psi)])

    y = np.concatenate([Q, P, np.eye(12)[1]]).astype(complex)
    expected = solve_ivp(equations, (0, stop), y, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
    found = run_trajectories(
        H, initial=Fixed(Q, P, state=1, basis="diabatic"), step=0.04, steps=10_000, count=1, seed=1,
        method="ehrenfest",
    )  # fmt: skip
    assert_allclose(found.final_positions[0], expected[:3].real, atol=1e-6)
    assert_allclose(found.final_momenta[0], expected[3:6].real, atol=1e-6)
    weights = np.abs(expected[6:]) ** 2
    assert weights[3:].sum() > 5e-4  # spin–orbit coupling has acted
    assert_allclose(found.diabatic_populations.value[-1], weights, atol=1e-6)
    assert found.energy_drift[0] < 1e-9


@pytest.mark.slow
def test_a_phase_of_the_triplets_changes_nothing(tmp_path, model):
    H = write_so2(tmp_path, imaginary=True).hamiltonian
    one, other = (
        run_trajectories(
            hamiltonian, initial=vertical_excitation(hamiltonian, state=1), step=4.0, steps=100,
            count=64, seed=3,
        )
        for hamiltonian in (model.hamiltonian, H)
    )  # fmt: skip
    assert_array_equal(one.final_levels, other.final_levels)
    assert_allclose(one.final_positions, other.final_positions, atol=1e-8)
    assert_allclose(one.diabatic_populations.value, other.diabatic_populations.value, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fssh", "ehrenfest"])
def test_norm_and_energy_after_a_vertical_excitation(model, method):
    H = model.hamiltonian
    found = run_trajectories(
        H, initial=vertical_excitation(H, state=1), step=1.0, steps=800, every=40, count=192,
        seed=2, method=method,
    )  # fmt: skip
    assert_array_equal(found.request.masses, H.masses)
    for mean in (found.populations, found.electronic_populations, found.diabatic_populations):
        assert_allclose(mean.value.sum(axis=1), 1.0, atol=1e-12)
    assert found.energy_drift.max() * HARTREE < 1e-3
    first, last = (found.diabatic_populations.value[k] for k in (0, -1))
    assert last[2] > 0.2  # to the other singlet through the intersection
    if method == "fssh":  # active levels are drawn
        assert_allclose(first, np.eye(12)[1], atol=0.05)
        return
    assert_allclose(first, np.eye(12)[1], atol=1e-12)
    # ε + ½Σω: half of the zero-point energy is in Q, half in P.
    expected = H.constant[1, 1] + 0.5 * H.frequencies.sum()
    assert abs(found.energy.value[0] - expected) < 3.5 * found.energy.error[0]


def exact_populations(H, state, times, sizes):
    """Populations of diabatic states from oscillator functions, their product the basis."""

    def along(axis, matrix):
        product = sp.identity(1)
        for a, n in enumerate(sizes):
            product = sp.kron(product, matrix if a == axis else sp.identity(n), format="csr")
        return product

    count = int(np.prod(sizes))
    total = sp.kron(sp.csr_matrix(H.constant), sp.identity(count))
    for a, n in enumerate(sizes):
        root = np.sqrt(np.arange(1, n) / 2)
        energy = H.frequencies[a] * sp.diags([np.arange(n) + 0.5], [0])
        total = total + sp.kron(sp.identity(H.dimension), along(a, energy))
        position = along(a, sp.diags([root, root], [1, -1]))
        total = total + sp.kron(sp.csr_matrix(H.linear[a]), position)
    psi = np.zeros(H.dimension * count, dtype=complex)
    psi[state * count] = 1.0
    found = expm_multiply(-1j * total.tocsr(), psi, start=times[0], stop=times[-1],
                          num=len(times))  # fmt: skip
    return (np.abs(found.reshape(len(times), H.dimension, count)) ** 2).sum(axis=-1)


def test_short_times_are_those_of_the_exact_packet(model):
    """To second order in time the transfer is that of the mean over the Wigner function."""
    own = [1, 2]  # the two singlets that intersect
    whole = model.hamiltonian
    H = models.VibronicCoupling(
        energies=whole.constant[np.ix_(own, own)],
        frequencies=whole.frequencies,
        linear=whole.linear[:, own][:, :, own],
    )
    found = run_trajectories(
        H, initial=vertical_excitation(H, state=0), step=FEMTOSECOND / 40, steps=40, every=10,
        count=20_000, seed=1, method="ehrenfest",
    )  # fmt: skip
    exact = exact_populations(H, 0, found.times, (8, 12, 10))[:, 1]
    assert_allclose(exact, exact_populations(H, 0, found.times, (7, 10, 9))[:, 1], atol=1e-9)
    mean = found.diabatic_populations
    assert 0.02 < exact[-1] < 0.03
    difference = np.abs(mean.value[:, 1] - exact)
    assert np.all(difference[:3] <= 3 * mean.error[:3, 1])  # to half a femtosecond
    assert np.all(difference[3:] <= 0.05 * exact[3:])


def test_masses_of_the_atoms_are_not_those_of_the_modes(model):
    # SO2 has three atoms and three vibrations: the wrong masses have the right number.
    with pytest.raises(ValueError, match=r"`masses` must be 1/ω for the normal coordinates"):
        run_trajectories(model.hamiltonian, masses=model.masses, step=1.0, steps=1, count=1, seed=1,
                         initial=vertical_excitation(model.hamiltonian, state=0))  # fmt: skip


def read_frames(path):
    """Return comment entries, positions, momenta and masses of each frame."""
    lines = path.read_text().splitlines()
    atoms = int(lines[0])
    frames = []
    for k in range(0, len(lines), atoms + 2):
        words = lines[k + 1].split()
        info = dict(word.split("=", 1) for word in words if "=" in word)
        rows = np.array([line.split()[1:] for line in lines[k + 2 : k + 2 + atoms]], dtype=float)
        frames.append((info, rows[:, :3], rows[:, 3:6], rows[:, 6]))
    return frames


@pytest.fixture(scope="module")
def kept(model, start):
    return run_trajectories(
        model.hamiltonian, initial=Fixed(*start, state=4), step=STEP, steps=20, every=2, count=3,
        seed=1, keep=2, box=[[-50.0] * 3, [50.0] * 3],
    )  # fmt: skip


def test_frames_of_a_trajectory(model, kept, tmp_path):
    frames = read_frames(kept.write_xyz(tmp_path / "path.xyz", model, 1))
    one = kept.trajectories().isel(trajectory=1)
    assert len(frames) == 11
    info, positions, _, _ = frames[0]
    assert_allclose(positions / 0.529177210903, model.cartesian(one.position.values[0]), atol=1e-8)
    assert float(frames[1][0]["time"]) == pytest.approx(1.0, abs=1e-7)  # fs
    assert float(info["energy"]) == pytest.approx(POTENTIAL[0], abs=2e-6)  # eV
    for k, (info, _, momenta, masses) in enumerate(frames):
        assert info["state"] == str(one.level.values[k])
        # Σp²/2m in eV, momenta in √(u eV), masses in u; the modes are orthonormal to 1e-5.
        energy = 0.5 * np.sum(momenta**2 / masses[:, None])
        assert energy == pytest.approx(one.kinetic_energy.values[k] * HARTREE, abs=2e-5)


def test_frames_of_a_trajectory_in_ase(model, kept, tmp_path):
    io = pytest.importorskip("ase.io", reason="needs the package `ase`")
    units = pytest.importorskip("ase.units", reason="needs the package `ase`")
    frames = io.read(kept.write_xyz(tmp_path / "path.xyz", model), ":")
    one = kept.trajectories().isel(trajectory=0)
    kinetic = [atoms.get_kinetic_energy() for atoms in frames]
    assert_allclose(kinetic, one.kinetic_energy.values * units.Hartree, atol=2e-5)
    potential = [atoms.get_potential_energy() for atoms in frames]
    assert_allclose(potential, one.potential_energy.values * units.Hartree, rtol=1e-6)
    assert [atoms.info["state"] for atoms in frames] == one.level.values.tolist()
    # Velocities are those of the positions: a central difference over two output times.
    times = np.array([atoms.info["time"] for atoms in frames]) * units.fs
    moved = (frames[6].positions - frames[4].positions) / (times[6] - times[4])
    assert_allclose(frames[5].get_velocities(), moved, atol=0.02 * np.abs(moved).max())


def test_ehrenfest_frames_have_no_state(model, start, tmp_path):
    found = run_trajectories(
        model.hamiltonian, initial=Fixed(*start), step=10.0, steps=2, count=1, seed=1, keep=1,
        method="ehrenfest",
    )  # fmt: skip
    assert "state" not in read_frames(found.write_xyz(tmp_path / "a.xyz", model))[0][0]


def test_what_cannot_be_written(model, kept, tmp_path):
    path = tmp_path / "a.xyz"
    with pytest.raises(ValueError, match="`model` must be a SharcModel"):
        kept.write_xyz(path, model.hamiltonian)
    other = write_so2(tmp_path, imaginary=True)
    with pytest.raises(ValueError, match="`model` must have the Hamiltonian of this ensemble"):
        kept.write_xyz(path, other)
    with pytest.raises(ValueError, match="`trajectory` must be below 2"):
        kept.write_xyz(path, model, 2)
    with pytest.raises(ValueError, match="`trajectory` must be an integer"):
        kept.write_xyz(path, model, 1.0)
    with pytest.raises(ValueError, match=r"nowhere/a\.xyz cannot be written"):
        kept.write_xyz(tmp_path / "nowhere" / "a.xyz", model)
    assert not path.exists()
