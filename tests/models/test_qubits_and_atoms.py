"""Transmons, Λ system, Rydberg atoms, NV centre, rhombic spins and the annealer."""

import numpy as np
import pytest
from scipy.special import mathieu_a, mathieu_b

import anticrossing as ac
from anticrossing import drive, models

SIGMA_X, SIGMA_Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
EXCITED = np.diag([0.0, 1.0])


def on(matrix, index, count):
    """A matrix on one of many equal systems."""
    size = len(matrix)
    left, right = np.eye(size**index), np.eye(size ** (count - 1 - index))
    return np.kron(np.kron(left, matrix), right)


# ---- transmons --------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.5, 5.0, 50.0])
def test_transmon_levels_are_characteristic_values_of_mathieu(ratio):
    charging = 0.3
    H = models.Transmon(charging_energy=charging, josephson_energy=ratio * charging, cutoff=20)
    q = ratio / 2
    even = [mathieu_a(0, q), mathieu_b(2, q), mathieu_a(2, q), mathieu_b(4, q), mathieu_a(4, q)]
    assert np.allclose(np.linalg.eigvalsh(H(0.0))[:5], charging * np.array(even), rtol=1e-9)
    odd = sorted([mathieu_a(1, q), mathieu_b(1, q), mathieu_a(3, q), mathieu_b(3, q)])
    assert np.allclose(np.linalg.eigvalsh(H(0.5))[:4], charging * np.array(odd), rtol=1e-9)


def test_transmon_reaches_its_limits():
    def asymptotic_error(ratio):
        H = models.Transmon(charging_energy=1.0, josephson_energy=ratio, cutoff=25)
        m = np.arange(3)
        quartic = (6 * m**2 + 6 * m + 3) / 12
        expected = -ratio + np.sqrt(8 * ratio) * (m + 0.5) - quartic
        return np.max(np.abs(np.diff(np.linalg.eigvalsh(H(0.25))[:3] - expected)))

    assert asymptotic_error(100.0) < 0.15  # of E_C
    # The next term is of the order of E_C √(E_C/E_J).
    assert asymptotic_error(1600.0) == pytest.approx(asymptotic_error(400.0) / 2, rel=0.05)
    charging, josephson = 0.25, 20.0
    H = models.Transmon(charging_energy=charging, josephson_energy=josephson)
    # Koch et al., eq. (2.5): the dispersion of the ground state with the charge.
    ratio = josephson / charging
    dispersion = charging * 2**5 * np.sqrt(2 / np.pi) * (ratio / 2) ** 0.75
    dispersion *= np.exp(-np.sqrt(8 * ratio))
    change = np.linalg.eigvalsh(H(0.5))[0] - np.linalg.eigvalsh(H(0.0))[0]
    assert change == pytest.approx(dispersion, rel=0.05)
    box = models.Transmon(charging_energy=10.0, josephson_energy=0.1)
    low, high = np.linalg.eigvalsh(box(0.5))[:2]
    assert high - low == pytest.approx(0.1, rel=1e-5)


def test_transmon_is_tuned_by_the_flux_of_its_loop():
    given = {"charging_energy": 0.25, "josephson_energy": 15.0}
    for asymmetry in (0.0, 0.3):
        H = models.Transmon(**given, coordinate="flux", asymmetry=asymmetry, offset_charge=0.2)
        scale = np.sqrt(np.cos(0.3 * np.pi) ** 2 + (asymmetry * np.sin(0.3 * np.pi)) ** 2)
        plain = models.Transmon(charging_energy=0.25, josephson_energy=15.0 * scale)
        assert np.allclose(np.linalg.eigvalsh(H(0.3)), np.linalg.eigvalsh(plain(0.2)), atol=1e-11)


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_coupled_transmons_are_the_operators_of_qutip(levels):
    qutip = pytest.importorskip("qutip")
    a = qutip.tensor(qutip.destroy(levels), qutip.qeye(levels))
    b = qutip.tensor(qutip.qeye(levels), qutip.destroy(levels))
    n, m = a.dag() * a, b.dag() * b
    expected = 5.4 * n - 0.15 * n * (n - 1) + 5.0 * m - 0.1 * m * (m - 1)
    expected += 0.02 * (a.dag() * b + a * b.dag())
    H = models.CoupledTransmons(
        fixed_frequency=5.0, anharmonicities=(-0.3, -0.2), coupling=0.02, levels=levels
    )
    assert np.max(np.abs(H(5.4) - expected.full())) < 1e-12
    tuned = models.CoupledTransmons(
        fixed_frequency=5.0,
        anharmonicities=(-0.3, -0.2),
        coupling=0.02,
        tunable_frequency=6.0,
        asymmetry=0.4,
        levels=levels,
    )
    flux = 0.2
    energy = (np.cos(np.pi * flux) ** 2 + (0.4 * np.sin(np.pi * flux)) ** 2) ** 0.25
    assert np.allclose(tuned(flux), H(6.3 * energy - 0.3), atol=1e-12)


def test_the_crossing_of_a_controlled_z_gate_has_the_gap_of_two_root_two_couplings():
    g = 1e-3  # the third state of the block is 600 g away
    H = models.CoupledTransmons(fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=g)
    found = ac.find_crossings(H, 5.25, 5.35)
    near = [c for c in found if abs(c.position - 5.3) < 1e-3 and c.kind == "avoided"]
    assert min(c.gap for c in near) == pytest.approx(2 * np.sqrt(2) * g, rel=1e-4)


# ---- atoms ------------------------------------------------------------------------------------


def pulse(t, centre):
    return 8.0 * np.exp(-((t - centre) ** 2) / 2)


@pytest.mark.parametrize("order", [1.0, -1.0], ids=["stokes first", "pump first"])
def test_stirap_is_that_of_qutip(order):
    qutip = pytest.importorskip("qutip")
    H = models.LambdaSystem(
        pump="w*exp(-(x - c)**2/2)",
        stokes="w*exp(-(x + c)**2/2)",
        detuning=0.7,
        two_photon_detuning=0.1,
        parameters={"w": 8.0, "c": 0.7 * order},
    )
    found = ac.propagate(H, drive.Linear(-7, 7, rate=1.0), basis="diabatic")
    ladder = [np.zeros((3, 3)), np.zeros((3, 3))]
    ladder[0][0, 1] = ladder[0][1, 0] = ladder[1][1, 2] = ladder[1][2, 1] = 0.5
    system = [
        qutip.Qobj(np.diag([0.0, 0.7, 0.1])),
        [qutip.Qobj(ladder[0]), lambda t: pulse(t, 0.7 * order)],
        [qutip.Qobj(ladder[1]), lambda t: pulse(t, -0.7 * order)],
    ]
    options = {"method": "dop853", "atol": 1e-12, "rtol": 1e-12, "max_step": 0.1, "nsteps": 10**6}
    for k in range(3):
        end = qutip.sesolve(system, qutip.basis(3, k), [-7, 7], options=options).final_state
        exact = np.abs(end.full()[:, 0]) ** 2
        assert np.max(np.abs(found.transition_matrix[:, k] - exact)) < 1e-9
    moved = found.transition_matrix[2, 0]
    assert moved > 0.85 if order > 0 else moved < 0.85


@pytest.mark.parametrize("rate", [0.5, -2.0])
def test_chirped_tone_is_that_of_qutip(rate):
    qutip = pytest.importorskip("qutip")
    H = ac.Hamiltonian.from_matrix([["d/2", "x"], ["x", "-d/2"]], parameters={"d": 6.0})
    tone = drive.Chirp(0.8, 6.0, rate, width=3.0, phase=0.3)
    start, stop = float(tone.start_time), float(tone.stop_time)
    found = ac.propagate(H, tone, basis="diabatic").transition_matrix

    def amplitude(t):
        return 0.8 * np.cos(0.3 + 6 * t + rate * t**2 / 2) * np.exp(-(t**2) / 18)

    system = [3 * qutip.sigmaz(), [qutip.sigmax(), amplitude]]
    options = {"method": "dop853", "atol": 1e-12, "rtol": 1e-12, "max_step": 0.1, "nsteps": 10**6}
    end = qutip.sesolve(system, qutip.basis(2, 0), [start, stop], options=options).final_state
    assert np.max(np.abs(found[:, 0] - np.abs(end.full()[:, 0]) ** 2)) < 1e-9


def test_the_dark_state_is_dark_and_two_coordinates_are_the_same_system():
    both = models.LambdaSystem(detuning=0.4)
    one = models.LambdaSystem(pump="2*x", stokes="3*x", detuning=0.4)
    assert np.allclose(both(np.array([2.0, 3.0])), one(1.0), atol=0)
    dark = np.array([3.0, 0.0, -2.0]) / np.sqrt(13)
    assert np.max(np.abs(one(1.7) @ dark)) < 1e-15
    with pytest.raises(ac.InputError, match="`stokes` must be given as well"):
        models.LambdaSystem(pump=1.0)


@pytest.mark.parametrize("sites", [1, 2, 4])
def test_rydberg_chain_is_a_sum_over_its_atoms(sites):
    rabi, strength, detuning = 0.7, 5.0, 1.3
    expected = np.zeros((2**sites, 2**sites))
    for i in range(sites):
        expected += rabi / 2 * on(SIGMA_X, i, sites) - detuning * on(EXCITED, i, sites)
        for j in range(i):
            both = on(EXCITED, i, sites) @ on(EXCITED, j, sites)
            expected += strength / (i - j) ** 6 * both
    H = models.RydbergChain(sites=sites, rabi=rabi, interaction=strength)
    assert np.allclose(H(detuning), expected, atol=1e-14)
    spaced = models.RydbergChain(sites=sites, rabi=rabi, c6=5.0 * 4.0**6, spacing=4.0)
    assert np.allclose(spaced(detuning), expected, atol=1e-12)
    if sites == 2:
        pair = models.RydbergPair(rabi=rabi, detuning=detuning, c6=5.0 * 4.0**6)
        assert np.allclose(pair(4.0), expected, atol=1e-13)


def test_a_ring_of_atoms_takes_the_shorter_way():
    H = models.RydbergChain(sites=4, rabi=1.0, interaction=5.0, periodic=True)
    assert H(0.0)[0b1001, 0b1001] == pytest.approx(5.0)
    assert H(0.0)[0b1010, 0b1010] == pytest.approx(5.0 / 64)


def test_a_long_chain_is_sparse():
    assert models.RydbergChain(sites=8, rabi=1.0, interaction=2.0).is_sparse


def test_blockaded_atoms_turn_together():
    # Two atoms: √2 Ω, and |rr⟩ is left empty to second order in Ω/V.
    H = models.RydbergChain(sites=2, rabi=1.0, interaction=2e4)
    rest = drive.Gaussian(0.0, 1.0, start_time=0.0, stop_time=np.pi / np.sqrt(2))
    found = ac.propagate(H, rest, basis="diabatic").transition_matrix[:, 0]
    assert found[1:3] == pytest.approx([0.5, 0.5], abs=1e-4)
    assert found[3] < 1e-8


def test_rydberg_chain_refuses_what_contradicts_itself():
    with pytest.raises(ac.InputError, match="`interaction` must be given"):
        models.RydbergChain(sites=2, rabi=1.0, c6=3.0)
    with pytest.raises(ac.InputError, match="`interaction` must be left out"):
        models.RydbergChain(sites=2, rabi=1.0, c6=3.0, spacing=1.0, interaction=1.0)
    with pytest.raises(ac.InputError, match="`sites` must"):
        models.RydbergChain(sites=40, rabi=1.0, interaction=1.0)


def test_nv_centre_crosses_at_1024_gauss():
    field, strain = 2.0, 3.0
    S = dict(zip("xyz", spin_one(), strict=True))
    H = models.NVCentre(transverse_field=field, strain=strain)
    expected = 2870 * S["z"] @ S["z"] + 2.8025 * (500 * S["z"] + field * S["x"])
    expected = expected + strain * (S["x"] @ S["x"] - S["y"] @ S["y"])
    assert np.max(np.abs(H(500.0) - expected)) < 1e-12
    centre = models.NVCentre(transverse_field=0.01)
    (crossing,) = ac.find_crossings(centre, 900.0, 1100.0)
    assert crossing.position == pytest.approx(1024.1, abs=0.05)
    assert crossing.gap == pytest.approx(np.sqrt(2) * 2.8025 * 0.01, rel=1e-4)
    assert models.NVCentre().units.energy == "MHz"


def spin_one():
    raising = np.diag([np.sqrt(2), np.sqrt(2)], 1)
    return (raising + raising.T) / 2, (raising - raising.T) / 2j, np.diag([1.0, 0.0, -1.0])


@pytest.mark.parametrize("spin", [2, 4, 4.5])
def test_rhombic_spins_lose_their_splitting_at_the_fields_of_garg(spin):
    axis, rhombic = -0.275, 0.046
    spacing = 2 * np.sqrt(2 * rhombic * (rhombic - axis))
    zeros = spacing * (np.arange(2) + (0.5 if spin == int(spin) else 1.0))
    H = models.SpinInField(
        spin=spin,
        transverse_field=[*zeros, zeros[0] + spacing / 2],
        anisotropy=axis,
        rhombic=rhombic,
    )
    energies = np.linalg.eigvalsh(H(0.0))
    split = energies[:, 1] - energies[:, 0]
    assert np.max(split[:2]) < 1e-13 * np.max(np.abs(energies)) * 10
    assert split[2] > 1e3 * np.max(split[:2])


def test_a_rhombic_spin_is_made_of_the_operators_of_qutip():
    qutip = pytest.importorskip("qutip")
    x, y, z = (qutip.jmat(2.5, axis).full() for axis in "xyz")
    H = models.SpinInField(spin=2.5, transverse_field=0.3, anisotropy=-0.4, rhombic=0.1)
    expected = 0.7 * z + 0.3 * x - 0.4 * z @ z + 0.1 * (x @ x - y @ y)
    assert np.max(np.abs(H(0.7) - expected)) < 1e-14
    assert "rhombic" not in models.SpinInField(spin=1, transverse_field=0.1).parameters


# ---- annealer ---------------------------------------------------------------------------------


def test_annealer_is_the_sum_over_its_qubits():
    fields, couplings = [0.4, -0.2, 0.1], {(0, 1): -1.0, (1, 2): 0.5}
    H = models.Annealer(
        fields=fields, couplings=couplings, transverse="6*(1 - x)**3", problem="1 + 11*x**2"
    )
    s = 0.3
    problem = sum(h * on(SIGMA_Z, i, 3) for i, h in enumerate(fields))
    for (i, j), strength in couplings.items():
        problem = problem + strength * on(SIGMA_Z, i, 3) @ on(SIGMA_Z, j, 3)
    flips = sum(on(SIGMA_X, i, 3) for i in range(3))
    expected = -0.5 * 6 * 0.7**3 * flips + 0.5 * (1 + 11 * 0.09) * problem
    assert np.max(np.abs(H(s) - expected)) < 1e-13
    assert H.units.energy == "GHz"


def test_an_annealers_table_is_followed_between_its_rows():
    def transverse(s):
        return 9.0 * np.exp(-4.5 * s) * (1 - s)

    def problem(s):
        return 0.3 + 11.5 * s**1.0 * (0.2 + 0.8 * s)

    rows = np.linspace(0, 1, 41)
    given = {"fields": [0.5, 0.1], "couplings": [(0, 1, -1.0)]}
    table = models.Annealer(
        **given, transverse=transverse(rows), problem=problem(rows), fractions=rows
    )
    exact = models.Annealer(
        **given, transverse="9*exp(-4.5*x)*(1 - x)", problem="0.3 + 11.5*x*(0.2 + 0.8*x)"
    )
    between = rows[:-1] + 0.011
    assert np.max(np.abs(table(between) - exact(between))) < 1e-11
    path = drive.AnnealingSchedule([(0, 1), (2, 0.4), (6, 0.4), (8, 1)])
    one = ac.propagate(table, path).transition_matrix
    assert np.max(np.abs(one - ac.propagate(exact, path).transition_matrix)) < 1e-9
    rounded = models.Annealer(
        **given,
        transverse=transverse(rows).round(4),
        problem=problem(rows).round(4),
        fractions=rows,
    )
    assert np.max(np.abs(rounded(between) - exact(between))) < 5e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fractions": None}, "`fractions` must be given with a table"),
        ({"problem": "x"}, "`problem` must|only one of them"),
        ({"transverse": "x"}, "`problem` must be a formula"),
        ({"transverse": "x", "problem": "x"}, "left out beside formulas"),
        ({"transverse": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]}, "smooth curve"),
        ({"transverse": [1.0, 0.0]}, "`transverse` must"),
        ({"couplings": [(0, 1)]}, r"list of \(i, j, J\)"),
        ({"couplings": [(0, 5, 1.0)]}, "different qubits"),
        ({"fractions": np.linspace(0, 2, 8)}, "between 0 and 1"),
    ],
)
def test_annealer_refuses_in_one_line(change, message):
    rows = np.linspace(0, 1, 8)
    given = {"fields": [0.1, 0.2], "transverse": 1 - rows, "problem": rows, "fractions": rows}
    with pytest.raises(ac.InputError, match=message) as caught:
        models.Annealer(**{**given, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: models.Transmon(charging_energy=0.0, josephson_energy=1.0), "`charging_energy`"),
        (
            lambda: models.Transmon(charging_energy=1.0, josephson_energy=1.0, coordinate="phase"),
            "`coordinate` must be one of",
        ),
        (
            lambda: models.Transmon(
                charging_energy=1.0, josephson_energy=1.0, coordinate="flux", asymmetry=2.0
            ),
            "`asymmetry` must",
        ),
        (
            lambda: models.CoupledTransmons(
                fixed_frequency=5.0, anharmonicities=(1.0, 2.0), coupling=0.1, levels=1
            ),
            "`levels` must",
        ),
        (lambda: models.RydbergPair(rabi=1.0, detuning=0.0, c6=0.0), "`c6` must"),
        (lambda: models.NVCentre(zero_field_splitting=-1.0), "`zero_field_splitting` must"),
        (
            lambda: models.SpinInField(spin=1, transverse_field=0.0, rhombic=np.nan),
            "`rhombic` must",
        ),
    ],
)
def test_models_refuse_in_one_line(build, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)
