"""The PySCF bridge: couplings against overlaps of the wave functions, stored LiF data."""

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from anticrossing._core.checks import InputError, MissingExtraError
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.geometry.grid_files import read_data
from anticrossing.molecules.ab_initio.casscf import bond_scan
from anticrossing.molecules.ab_initio.collision import diabatic_crossing
from anticrossing.units import velocity

STORED = Path(__file__).parents[3] / "examples" / "data" / "lif_casscf.csv"

needs_pyscf = pytest.mark.filterwarnings("ignore")  # what PySCF warns of is not ours to fix


@pytest.fixture(scope="module")
def lithium_fluoride():
    return read_data(STORED)


# ---- stored data ------------------------------------------------------------------------------


def test_states_exchange_ionic_character(lithium_fluoride):
    # An ion pair e·R apart has the dipole −R (F at larger z), two neutral atoms have none.
    data = lithium_fluoride
    ends = data.dipoles[:, 2]
    assert ends[-1, 0, 0] == pytest.approx(0.0, abs=0.01)
    assert ends[-1, 1, 1] == pytest.approx(-data.x[-1], rel=1e-3)
    assert ends[0, 0, 0] == pytest.approx(-data.x[0], rel=0.08)


def test_ionic_diabat_follows_coulombs_law(lithium_fluoride):
    data = lithium_fluoride
    W = data.diabatize("dipoles").matrices
    far = data.x > 11
    slope = np.gradient(W[:, 0, 0], data.x)[far][1:-1]
    charge = slope * data.x[far][1:-1] ** 2  # e² where the ions are points
    assert np.all(np.diff(np.abs(charge - 1)) < 0)
    assert charge[-1] == pytest.approx(1.0, abs=0.025)


def test_three_ways_agree_on_the_crossing(lithium_fluoride):
    data = lithium_fluoride
    gap = np.diff(data.energies, axis=1)[:, 0]
    by_overlaps, by_couplings = (
        diabatic_crossing(data.diabatize(method, reference=-1))
        for method in ("overlaps", "couplings")
    )
    by_dipoles = diabatic_crossing(data.diabatize("dipoles"))
    # Two routes to the same transport: couplings by response theory, overlaps by wave functions.
    assert by_couplings.position == pytest.approx(by_overlaps.position, abs=2e-3)
    assert by_couplings.coupling == pytest.approx(by_overlaps.coupling, rel=5e-4)
    # The dipole is another definition of the same character: as near as such definitions come.
    assert by_dipoles.position == pytest.approx(by_overlaps.position, abs=0.1)
    assert by_dipoles.coupling == pytest.approx(by_overlaps.coupling, rel=0.02)
    assert by_dipoles.coupling >= gap.min() / 2 * (1 - 1e-3)


def test_collision_prediction(lithium_fluoride):
    crossing = diabatic_crossing(lithium_fluoride.diabatize("dipoles"))
    v = float(velocity(500.0, 5.12, length="bohr", time="atomic"))
    predicted = crossing.prediction(v)
    force = abs(crossing.slopes[0] - crossing.slopes[1])
    expected = np.exp(-2 * np.pi * crossing.coupling**2 / (v * force))
    assert float(predicted.value) == pytest.approx(expected, rel=1e-9)
    assert 0 < float(predicted.value) < 1


def test_bad_crossings(lithium_fluoride):
    data = lithium_fluoride
    far = data.x > 9
    apart = AdiabaticData(data.x[far], data.energies[far], dipoles=data.dipoles[far])
    with pytest.raises(InputError, match="must cross once, but these cross 0 times"):
        diabatic_crossing(apart.diabatize())
    crossing = diabatic_crossing(data.diabatize("dipoles"))
    with pytest.raises(InputError, match="`velocity` must be positive"):
        crossing.prediction(0.0)
    with pytest.raises(InputError, match="`basis` must be a DiabaticBasis"):
        diabatic_crossing(data)


# ---- bad input, with and without PySCF --------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"atoms": "LiH"}, "`atoms` must be a pair"),
        ({"distances": [3.0, 4.0]}, "`distances` must hold at least four"),
        ({"distances": [0.0, 3.0, 4.0, 5.0]}, "`distances` must hold at least four positive"),
        ({"active_electrons": 3}, "`active_electrons` must be even"),
        ({"active_electrons": 4}, "`active_electrons` must be even and below 4"),
        ({"states": 1}, "`states` must be at least 2"),
        ({"atoms": 3}, "`atoms` must be a pair"),
        ({"basis": 3}, "`basis` must"),
        ({"electron_translation": "no"}, "`electron_translation` must be True or False"),
    ],
)
def test_bad_input(change, message):
    good = {"atoms": ("Li", "H"), "distances": [3.0, 4.0, 5.0, 6.0]}
    with pytest.raises(InputError, match=message):
        bond_scan(**(good | change))


def test_without_pyscf_the_extra_is_named(monkeypatch):
    for name in {"pyscf", *(name for name in sys.modules if name.startswith("pyscf."))}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"anticrossing\[pyscf\]"):
        bond_scan(("Li", "H"), [3.0, 4.0, 5.0, 6.0])


# ---- the real calculation ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def pyscf():
    yield pytest.importorskip("pyscf", reason="PySCF is not installed (extra `pyscf`)")
    gc.collect()  # PySCF closes its scratch files on collection, with a warning


def lithium_hydride(distance, previous=None, basis="sto-3g"):
    from anticrossing.molecules.ab_initio.casscf import casscf_at

    return casscf_at(("Li", "H"), distance, basis, 2, 2, 2, previous)


@needs_pyscf
@pytest.mark.parametrize("basis", ["sto-3g", "6-31g"])
def test_couplings_are_the_derivative_of_the_wave_functions(pyscf, basis):
    from anticrossing.molecules.ab_initio.casscf import bond_couplings
    from anticrossing.molecules.ab_initio.wavefunctions import state_overlaps

    # Orbitals are known to about 1e-7, in an order of additions that depends on the threads: steps
    # of 0.01 bohr keep what that makes of the difference quotient below its tolerance.
    h = 1e-2
    with pyscf.lib.with_omp_threads(1):
        here = lithium_hydride(5.0, basis=basis)
        sides = [state_overlaps(here, lithium_hydride(5.0 + s * h, here, basis)) for s in (1, -1)]
        analytic = bond_couplings(here)
    after, before = (side * np.sign(np.diag(side)) for side in sides)
    numerical = (after - before) / (2 * h)
    # Sign included; with translation factors the same states give another coupling.
    np.testing.assert_allclose(numerical[0, 1], analytic[0, 1], atol=3e-5)
    np.testing.assert_allclose(numerical[1, 0], analytic[1, 0], atol=3e-5)
    assert abs(bond_couplings(here, electron_translation=True)[0, 1] - analytic[0, 1]) > 3e-3


@needs_pyscf
def test_energies_of_another_program(pyscf):
    # OpenMolcas, SA(2)-CASSCF(2,2)/STO-3G of LiH at 1.5 Å, as quoted in pyscf/nac/sacasscf.py.
    energies = lithium_hydride(1.5 / 0.52917721092).e_states
    np.testing.assert_allclose(energies, [-7.85629118, -7.72175252], atol=2e-7)


@needs_pyscf
def test_dipoles_of_the_average_are_pyscfs(pyscf):
    from anticrossing.molecules.ab_initio.wavefunctions import state_dipoles

    here = lithium_hydride(5.0)
    dipoles = state_dipoles(here)
    np.testing.assert_allclose(dipoles[:2], 0, atol=1e-8)
    # The state-averaged density's dipole, by PySCF itself.
    averaged = here._scf.dip_moment(dm=here.make_rdm1(), unit="au", verbose=0)
    np.testing.assert_allclose(np.einsum("cii->c", dipoles) / 2, averaged, atol=1e-7)


@needs_pyscf
def test_overlaps_against_the_expansion_in_all_determinants(pyscf):
    # With the core in the active space, as PySCF's own transformation of CI vectors does it.
    from pyscf import fci, gto

    from anticrossing.molecules.ab_initio.wavefunctions import state_overlaps

    a = lithium_hydride(5.0)
    b = lithium_hydride(5.3, a)
    atomic = gto.intor_cross("int1e_ovlp", a.mol, b.mol)
    size = a.ncore + a.ncas
    orbitals = (a.mo_coeff.T @ atomic @ b.mo_coeff)[:size, :size]

    def embedded(ci):  # the core orbital occupied in every string
        strings = [int(s) for s in fci.cistring.make_strings(range(size), 2)]
        inner = fci.cistring.make_strings(range(a.ncas), 1)
        place = [strings.index((int(s) << a.ncore) | 1) for s in inner]
        full = np.zeros((len(strings), len(strings)))
        full[np.ix_(place, place)] = ci
        return full

    expected = [
        [fci.addons.overlap(embedded(x), embedded(y), size, (2, 2), orbitals) for y in b.ci]
        for x in a.ci
    ]
    np.testing.assert_allclose(state_overlaps(a, b), expected, atol=1e-12)


@needs_pyscf
def test_scan_of_the_bond(pyscf):
    data = bond_scan(("Li", "H"), np.arange(4.0, 7.1, 0.5), basis="sto-3g")
    assert data.overlaps.shape == (6, 2, 2)
    couplings, overlaps = (data.diabatize(m).matrices for m in ("couplings", "overlaps"))
    np.testing.assert_allclose(np.abs(couplings), np.abs(overlaps), atol=2e-3)
