"""One state of a large sparse H against free fermions, DOP853 and the other method."""

import numpy as np
import pytest
import scipy.integrate
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import anticrossing as ac
from anticrossing import InputError


def annealing(qubits, seed=1):
    """Return an annealing problem with random fields and couplings."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(qubits) for j in range(i + 1, qubits) if rng.random() < 0.5]
    couplings = {pair: float(rng.uniform(-1, 1)) for pair in pairs}
    problem = ac.models.ising_problem(rng.uniform(-0.5, 0.5, qubits), couplings)
    driver = ac.models.transverse_field_driver(qubits)
    return ac.models.Annealing(initial=sp.csr_array(driver), problem=sp.csr_array(problem))


def by_dop853(H, drive, state, times=None):
    """Return the state at the end, or at times, by an independent integrator."""
    csr = [sp.csr_matrix(m).astype(complex) for m in H.matrices]

    def slope(t, y):
        values = H._coefficient_values(H.formulas, np.asarray(drive(t)), H.parameters)
        return -1j * sum(v * (m @ y) for v, m in zip(values, csr, strict=True))

    span = (float(drive.start_time), float(drive.stop_time))
    solved = scipy.integrate.solve_ivp(
        slope, span, state.astype(complex), method="DOP853", rtol=1e-11, atol=1e-13, t_eval=times
    )
    return solved.y.T if times is not None else solved.y[:, -1]


def fermions(sites, drive):
    """Return the probability of the ground state of a chain by its independent modes."""
    modes = ac.models.TransverseIsingMode(momentum=ac.models.ising_momenta(sites))
    return float(np.prod(ac.propagate(modes, drive).transition_matrix[:, 0, 0]))


def test_a_chain_swept_through_its_critical_point_equals_its_fermions():
    chain = ac.models.TransverseIsing(sites=10)
    drive = ac.drive.Linear(3.0, 0.2, rate=-0.4)
    found = ac.propagate(chain, drive, levels=2)
    assert found.method == "direct"
    assert found.probabilities[0] == pytest.approx(fermions(10, drive), abs=1e-10)
    assert found.probabilities[1] == pytest.approx(0.0, abs=1e-12)  # the other parity
    assert found.error_estimate < 2e-10
    assert found.norm_defect < 1e-11


@pytest.mark.slow
def test_curved_drives_with_times_and_knots_equal_dop853():
    H = ac.models.RydbergChain(sites=10, rabi=1.0, interaction=4.0)
    ground = np.zeros(1024)
    ground[0] = 1.0
    times = [-1.0, 0.3, 2.0]
    for drive in (
        ac.drive.Formula("3*tanh(t) + 0.2*cos(9*t)", -2, 2),
        ac.drive.Piecewise([-2.0, -0.5, 0.0, 2.0], [-3.0, 1.0, 1.0, 4.0]),
    ):
        found = ac.propagate(H, drive, initial=ground, times=times, levels=3)
        expected = by_dop853(H, drive, ground, times)
        np.testing.assert_allclose(found.states, expected, atol=2e-9)
        x = float(drive(0.3))
        energies, vectors = sla.eigsh(H.sparse(x), k=3, which="SA")
        vectors = vectors[:, np.argsort(energies)]
        np.testing.assert_allclose(
            found.populations[1], np.abs(vectors.T @ expected[1]) ** 2, atol=1e-8
        )
        np.testing.assert_allclose(found.state, expected[2], atol=2e-9)


def test_a_narrow_pulse_is_not_missed():
    # The pulse takes 10⁻⁴ of the window; the qubits not touched by it stand still.
    size, width = 1024, 1e-3
    flip = sp.kron(sp.csr_array([[0.0, 1.0], [1.0, 0.0]]), sp.identity(size // 2)).tocsr()
    H = ac.Hamiltonian.from_terms([("x", flip), (1e-3, sp.diags_array(np.ones(size)).tocsr())])
    pulse = ac.drive.Formula(
        "a*exp(-(t-4.321)**2/(2*w**2))", 0, 10, a=0.9 / (width * np.sqrt(2 * np.pi)), w=width
    )
    start = np.zeros(size)
    start[0] = 1.0
    found = ac.propagate(H, pulse, initial=start, basis="diabatic")
    assert found.probabilities[size // 2] == pytest.approx(np.sin(0.9) ** 2, abs=1e-9)


@pytest.mark.slow
def test_units_and_complex_matrices():
    rng = np.random.default_rng(3)
    part = sp.random(600, 600, 0.01, rng=rng) + 1j * sp.random(600, 600, 0.01, rng=rng)
    diagonal = sp.diags_array(rng.uniform(0, 3, 600))
    units = ac.Units("GHz", "ns")
    H = ac.Hamiltonian.from_terms(
        [("x", (part + part.conj().T).tocsr()), (1, diagonal.tocsr())], units=units
    )
    drive = ac.drive.Linear(0.0, 1.0, rate=2.0)
    found = ac.propagate(H, drive, initial=1)
    energies, states = sla.eigsh(H.sparse(0.0), k=2, which="SA")
    plain = ac.Hamiltonian.from_terms(
        [("x", units.angular * H.matrices[0]), (units.angular, H.matrices[1])]
    )
    expected = by_dop853(plain, drive, states[:, np.argmax(energies)])
    assert abs(np.vdot(expected, found.state)) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.quick(1)
@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 1e-12])
def test_the_error_estimate_bounds_the_error(tolerance):
    H, drive = annealing(10), ac.drive.Linear(0.0, 1.0, rate=0.2)
    found = ac.propagate(H, drive, tolerance=tolerance, levels=1)
    best = ac.propagate(H, drive, tolerance=1e-13, levels=1)
    error = abs(found.probabilities[0] - best.probabilities[0])
    assert error <= found.error_estimate <= max(3 * tolerance, 1e-11)


@pytest.mark.slow
def test_a_slow_chain_in_its_lowest_levels_equals_its_fermions():
    chain, drive = ac.models.TransverseIsing(sites=10), ac.drive.Linear(2.0, 0.5, rate=-1e-4)
    found = ac.propagate(chain, drive, levels=2, method="lowest")
    both = found.probabilities.sum()  # the doublet of both parities
    assert abs(both - fermions(10, drive)) <= found.error_estimate < 1e-3
    assert 0 < found.leakage < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("backwards", [False, True])
def test_lowest_levels_and_direct_evolution_agree_within_the_bound(backwards):
    H = annealing(10)
    for duration in (100.0, 300.0, 1000.0):
        ends = (1.0, 0.0) if backwards else (0.0, 1.0)
        drive = ac.drive.Linear(*ends, rate=(ends[1] - ends[0]) / duration)
        times = sorted([float(drive.start_time) + duration * f for f in (0.3, 0.6)])
        options = {"levels": 3, "times": times}
        direct = ac.propagate(H, drive, method="direct", **options)
        slow = ac.propagate(H, drive, method="lowest", **options)
        bound = slow.error_estimate + direct.error_estimate
        assert np.abs(slow.probabilities - direct.probabilities).max() <= bound
        assert np.abs(slow.populations - direct.populations).max() <= bound
    # Backwards the levels above the lowest end as one: no rule tells which states are theirs.
    known = slice(0, 1 if backwards else None)
    assert np.abs(slow.probabilities - direct.probabilities)[known].max() < 1e-4


@pytest.mark.slow
def test_smooth_drives_in_the_lowest_levels():
    H = annealing(10)
    smooth = ac.drive.Formula("sin(pi*t/2000)**2", 0, 1000)
    direct = ac.propagate(H, smooth, method="direct", levels=2)
    slow = ac.propagate(H, smooth, method="lowest", levels=2)
    difference = np.abs(slow.probabilities - direct.probabilities).max()
    assert difference <= slow.error_estimate + direct.error_estimate
    assert slow.error_estimate < 0.1


@pytest.mark.slow
def test_a_slow_chain_costs_no_more_and_equals_its_fermions():
    chain = ac.models.TransverseIsing(sites=10)
    counts = []
    for rate in (1e-3, 1e-6, 1e-9):
        drive = ac.drive.Linear(2.0, 0.5, rate=-rate)
        found = ac.propagate(chain, drive, levels=2, method="lowest")
        expected = fermions(10, drive)
        both = found.probabilities.sum()
        assert abs(both - expected) <= found.error_estimate
        counts.append(found.products)
    assert len(set(counts)) == 1


def test_a_slow_sweep_chooses_the_lowest_levels():
    from anticrossing.dynamics import state_evolution

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_evolution, "_followed", lambda *a: seen.append("lowest"))
        ac.propagate(annealing(10), ac.drive.Linear(0.0, 1.0, rate=1e-6))
    assert seen == ["lowest"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"basis": "superadiabatic"}, "`basis` must be one of 'adiabatic', 'diabatic'"),
        ({"method": "krylov"}, "`method` must be one of"),
        ({"levels": 0}, "`levels` must be at least 1"),
        ({"levels": 40}, "`levels` must be at most 32"),
        ({"order": 2}, "`order` must be left out"),
        ({"initial": 40}, "`initial` must be at most 31"),
        ({"initial": [1.0, 0.0]}, "`initial` must be a level or have shape"),
        ({"environment": ac.Dephasing(rate=0.1)}, "`environment` must be left out"),
        ({"times": [2.0]}, "`times` must lie in the window"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, line):
    with pytest.raises(InputError, match=line):
        ac.propagate(
            ac.models.TransverseIsing(sites=10), ac.drive.Linear(0.0, 1.0, rate=1.0), **options
        )


def test_large_requests_are_refused_with_numbers():
    chain = ac.models.TransverseIsing(sites=10)
    slow = ac.drive.Linear(0.0, 1.0, rate=1e-9)
    with pytest.raises(InputError, match=r"products of H .* hours: method='lowest'"):
        ac.propagate(chain, slow, method="direct")
    with pytest.raises(InputError, match="GiB"):
        ac.propagate(
            ac.models.TransverseIsing(sites=14),
            ac.drive.Linear(0.0, 1.0, rate=1.0),
            times=np.linspace(0, 1, 200_000),
        )
    turning = ac.drive.Sinusoidal(0.0, 1.0, frequency=1.0)
    with pytest.raises(InputError, match="must move one way"):
        ac.propagate(chain, turning, method="lowest")
    batch = ac.models.TransverseIsing(sites=10, coupling=[1.0, 2.0])
    with pytest.raises(InputError, match="must be a single parameter point"):
        ac.propagate(batch, ac.drive.Linear(0.0, 1.0, rate=1.0))
    with pytest.raises(InputError, match="`levels` must be given for a large sparse"):
        ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, rate=1.0), levels=2)


def test_the_result_shows_itself(tmp_path):
    found = ac.propagate(
        ac.models.TransverseIsing(sites=10), ac.drive.Linear(0.5, 1.0, rate=1.0), times=[0.6, 0.9]
    )
    assert "method          direct" in str(found)
    assert found.to_dataset()["population"].shape == (2, 4)
    assert found.plot().get_xlabel()
    assert found.save(tmp_path / "result.json").exists()


@pytest.mark.slow
def test_what_follows_all_levels_refuses_in_one_line():
    chain = ac.models.RydbergChain(sites=10, rabi=1.0, interaction=2.0)
    with pytest.raises(InputError, match="`propagate` follows one state of a large sparse"):
        ac.dynamics.floquet(chain, ac.drive.Sinusoidal(0.0, 1.0, frequency=1.0))
    found = ac.propagate(chain, ac.drive.Linear(0.0, 0.1, rate=1.0), levels=1)
    with pytest.raises(InputError, match="fewer levels for `transition_matrix`"):
        _ = found.transition_matrix
    assert not hasattr(found, "density_matrix")
