"""Circuits of scqubits in a basis that stays: levels as in the circuits' own, full basis."""

import numpy as np
import pytest

import anticrossing as ac

scq = pytest.importorskip("scqubits", reason="needs the extra `scqubits`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of scqubits and what it imports


def transmons(d=0.2, levels=6):
    q1 = scq.TunableTransmon(
        EJmax=30.0, EC=0.3, d=d, flux=0.1, ng=0.0, ncut=8, truncated_dim=levels, id_str="q1"
    )
    q2 = scq.Transmon(EJ=15.0, EC=0.3, ng=0.0, ncut=8, truncated_dim=levels, id_str="q2")
    pair = scq.HilbertSpace([q1, q2])
    pair.add_interaction(g=0.02, op1=q1.n_operator, op2=q2.n_operator)
    return pair, q1, q2


def whole(q1, q2, flux, coupling):
    """Return H in the product of the charge bases."""
    q1.flux = flux
    one = np.eye(q1.hilbertdim())
    h1, h2 = (np.asarray(q.hamiltonian()) for q in (q1, q2))
    return np.kron(h1, one) + np.kron(one, h2) + coupling(q1, q2)


def charges(q1, q2):
    return 0.02 * np.kron(q1.n_operator(), q2.n_operator())


@pytest.mark.slow
def test_two_transmons_in_ten_lines():
    pair, q1, q2 = transmons()
    H = ac.Hamiltonian.from_scqubits(pair, "q1.flux", (0.2, 0.4))
    assert q1.flux == 0.1
    assert H.units == ac.Units("GHz", "ns", "q1.flux")
    assert len(H.matrices) == 2  # the Josephson energy alone moves
    for flux in (0.2, 0.27, 0.4):
        exact = np.linalg.eigvalsh(whole(q1, q2, flux, charges))[:4]
        assert np.max(np.abs(np.linalg.eigvalsh(H(flux))[:4] - exact)) < 2e-7
    (crossing,) = ac.find_crossings(H, 0.2, 0.4, count=4)

    def gap(flux):
        energies = np.linalg.eigvalsh(whole(q1, q2, flux, charges))
        return energies[2] - energies[1]

    near = crossing.position + np.array([-1e-3, 0.0, 1e-3])
    gaps = [gap(flux) for flux in near]
    assert gaps[1] < min(gaps[0], gaps[2])
    assert crossing.gap == pytest.approx(gaps[1], abs=1e-6)


@pytest.mark.slow
def test_an_evolution_is_the_one_in_the_charge_basis():
    from scipy.integrate import solve_ivp

    pair, q1, q2 = transmons(levels=3)
    q1.ncut = q2.ncut = 4
    H = ac.Hamiltonian.from_scqubits(pair, "q1.flux", (0.32, 0.37), tolerance=1e-8)
    sweep = ac.drive.Linear(0.32, 0.37, rate=0.02)
    found = ac.propagate(H, sweep, initial=1, whole=False)
    start, stop = (whole(q1, q2, flux, charges) for flux in (0.32, 0.37))
    middle = whole(q1, q2, 0.34, charges)

    # H is linear in the Josephson energy of the first.
    def energy(flux):
        return 30 * np.sqrt(np.cos(np.pi * flux) ** 2 + 0.04 * np.sin(np.pi * flux) ** 2)

    slope = (stop - start) / (energy(0.37) - energy(0.32))
    assert np.allclose(start + slope * (energy(0.34) - energy(0.32)), middle, atol=1e-10)
    shift = np.linalg.eigvalsh(start)[0] * np.eye(start.shape[0])

    def slopes(t, psi):
        h = start - shift + slope * (energy(0.02 * t) - energy(0.32))
        return -2j * np.pi * (h @ psi)

    first, last = np.linalg.eigh(start)[1], np.linalg.eigh(stop)[1]
    psi = solve_ivp(
        slopes, (16.0, 18.5), first[:, 1].astype(complex), method="DOP853", rtol=1e-9, atol=1e-10
    ).y[:, -1]
    exact = np.abs(last.conj().T @ psi)[:4] ** 2
    assert np.max(np.abs(found.probabilities[:4] - exact)) < 3e-4  # three states of each
    assert 0.01 < exact[2] < 0.99


def test_a_sweep_knows_its_range():
    pair, q1, _ = transmons(levels=3)
    sweep = scq.ParameterSweep(
        pair,
        {"flux": np.linspace(0.2, 0.4, 5), "charge": np.array([0.0])},
        lambda flux, charge: (setattr(q1, "flux", flux), setattr(q1, "ng", charge)),
        evals_count=4,
        autorun=False,
    )
    H = ac.Hamiltonian.from_scqubits(sweep, "flux")
    same = ac.Hamiltonian.from_scqubits(pair, "q1.flux", (0.2, 0.4))
    assert np.allclose(*(np.linalg.eigvalsh(one(0.3)) for one in (H, same)), atol=1e-9)
    with pytest.raises(ac.InputError, match="one of flux, charge"):
        ac.Hamiltonian.from_scqubits(sweep, "q1.flux")


@pytest.mark.slow
def test_a_fluxonium_and_a_resonator():
    qubit = scq.Fluxonium(
        EJ=8.9, EC=2.5, EL=0.5, flux=0.5, cutoff=40, truncated_dim=4, id_str="qubit"
    )
    mode = scq.Oscillator(E_osc=6.0, truncated_dim=4, id_str="mode")
    space = scq.HilbertSpace([qubit, mode])
    space.add_interaction(g=0.05, op1=qubit.n_operator, op2=mode.creation_operator, add_hc=True)
    H = ac.Hamiltonian.from_scqubits(space, "qubit.flux", (0.48, 0.52))
    qubit.flux = 0.49
    ladder = np.asarray(mode.creation_operator())
    product = np.kron(qubit.n_operator(), 0.05 * ladder)
    exact = np.kron(qubit.hamiltonian(), np.eye(4)) + np.kron(
        np.eye(40), np.diag(6.0 * np.arange(4))
    )
    exact = exact + product + product.conj().T
    energies = [np.linalg.eigvalsh(one)[:4] for one in (H(0.49), exact)]
    assert np.max(np.abs(energies[0] - energies[1])) < 1e-4  # four states of the qubit


def test_what_has_no_fixed_form_is_refused():
    pair, *_ = transmons(levels=3)
    for parameter in ("q3.flux", "q1.fluxx", "flux", 5):
        with pytest.raises(ac.InputError):
            ac.Hamiltonian.from_scqubits(pair, parameter, (0.0, 0.1))
    with pytest.raises(ac.InputError, match="increase"):
        ac.Hamiltonian.from_scqubits(pair, "q1.flux")
    with pytest.raises(ac.InputError, match="HilbertSpace"):
        ac.Hamiltonian.from_scqubits(pair.subsystem_list[0], "flux", (0.0, 0.1))
    kink, *_ = transmons(d=0.0, levels=2)
    with pytest.raises(ac.ConvergenceError, match="smooth"):
        ac.Hamiltonian.from_scqubits(kink, "q1.flux", (0.4, 0.6))
