"""Periodic drives against exact solutions, Floquet matrices, and brute-force evolution."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import i0, jv

import anticrossing as ac
from anticrossing.dynamics import densities
from anticrossing.dynamics._period import Period
from anticrossing.dynamics.floquet import floquet
from anticrossing.dynamics.periodic import one_period_propagator, periodic_steady_state
from anticrossing.dynamics.quasi_energies import quasi_energies
from tests.effort import cases, slow
from tests.systems import random_hermitian
from tests.systems.lindblad import magnus, superoperator

SIGMA_X, SIGMA_Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
TRANSVERSE = ac.Hamiltonian.from_terms(
    [("splitting/2", SIGMA_Z), ("x", SIGMA_X)], parameters={"splitting": 1.0}
)


def folded(q, omega):
    return np.sort(q - omega * np.ceil(q / omega - 0.5))


def unitary(hamiltonian, drive, start, stop, steps=2000):
    def generator(t):
        return -1j * hamiltonian(drive(t)).astype(complex)

    return magnus(generator, start, stop, steps)


@cases(20)
@given(st.floats(0.2, 3.0), st.floats(0.05, 2.0), st.floats(0.3, 3.0))
def test_circularly_polarised_field(splitting, field, omega):
    # Rabi (1937): static in the rotating frame, H' = ½[(ω₀ − ω) σ_z + b σ_x].
    hamiltonian = ac.Hamiltonian.from_matrix(
        [["w/2", "b*exp(-I*x)/2"], ["b*exp(I*x)/2", "-w/2"]],
        parameters={"w": splitting, "b": field},
    )
    drive = ac.drive.Linear(0.0, 2 * np.pi, omega)
    found = floquet(hamiltonian, drive, period=2 * np.pi / omega)
    half = 0.5 * np.hypot(splitting - omega, field)
    expected = folded(np.array([half, -half]) + omega / 2, omega)
    assert np.max(np.abs(found.quasi_energies - expected)) < 1e-11


def test_quasi_energies_of_three_levels_are_those_of_the_floquet_matrix():
    # Shirley (1965): H_F = H₀ + nω on the diagonal, A H₁/2 beside it.
    rng = np.random.default_rng(5)
    constant, slope = random_hermitian(rng, 3), random_hermitian(rng, 3)
    omega, amplitude, offset, reach = 1.3, 0.9, 0.4, 40
    shift = np.diag(np.ones(2 * reach), 1)
    matrix = np.kron(np.eye(2 * reach + 1), constant + offset * slope)
    matrix = matrix + np.kron(np.diag(np.arange(-reach, reach + 1)) * omega, np.eye(3))
    matrix = matrix + np.kron(shift + shift.T, amplitude / 2 * slope)
    energies = np.linalg.eigvalsh(matrix)
    middle = energies[np.argsort(np.abs(energies))[:3]]
    found = floquet(
        ac.Hamiltonian.affine(constant, slope), ac.drive.Sinusoidal(offset, amplitude, omega)
    )
    assert np.max(np.abs(found.quasi_energies - folded(middle, omega))) < 1e-11


def test_high_frequency_gap_is_the_bessel_function_to_third_order():
    drive, errors = ac.drive.Sinusoidal(0.0, 1.5, 1.0), []
    for gap in (0.08, 0.04, 0.02):
        q = floquet(ac.models.LandauZener(gap=gap), drive, tolerance=1e-13).quasi_energies
        errors.append(abs(q[1] - q[0] - gap * jv(0, 1.5)))
    assert errors[0] < 0.08**3
    assert np.array(errors[:-1]) / errors[1:] == pytest.approx([8.0, 8.0], rel=0.02)


def test_modes_solve_the_equation_are_periodic_and_orthonormal():
    hamiltonian, drive = ac.models.LandauZener(gap=0.7), ac.drive.Sinusoidal(0.3, 2.0, 0.9)
    found = floquet(hamiltonian, drive)
    when = np.linspace(0.0, 2 * np.pi / 0.9, 5)
    modes = found.modes_at(when)
    assert np.max(np.abs(modes[-1] - found.modes)) < 1e-10
    assert np.max(np.abs(modes.conj().swapaxes(-1, -2) @ modes - np.eye(2))) < 1e-12
    for t, mode in zip(when[1:], modes[1:], strict=True):
        phases = np.exp(1j * found.quasi_energies * t)
        expected = unitary(hamiltonian, drive, 0.0, t) @ found.modes * phases
        assert np.max(np.abs(mode - expected)) < 1e-9


def test_degenerate_modes_stay_orthonormal():
    # Two independent equal qubits: every quasi-energy at zero is double.
    one = ac.models.LandauZener(gap=0.7)
    constant = np.kron(np.eye(2), one(0.0)) + np.kron(one(0.0), np.eye(2))
    slope = np.kron(np.eye(2), SIGMA_Z / 2) + np.kron(SIGMA_Z / 2, np.eye(2))
    drive = ac.drive.Sinusoidal(0.3, 2.0, 0.9)
    found = floquet(ac.Hamiltonian.affine(constant, slope), drive)
    q = floquet(one, drive).quasi_energies
    expected = folded(np.add.outer(q, q).ravel(), 0.9)
    assert np.max(np.abs(found.quasi_energies - expected)) < 1e-11
    assert np.max(np.abs(found.modes.conj().T @ found.modes - np.eye(4))) < 1e-12
    product = one_period_propagator(ac.Hamiltonian.affine(constant, slope), drive)
    phases = np.exp(-1j * found.quasi_energies * 2 * np.pi / 0.9)
    assert np.max(np.abs(product @ found.modes - found.modes * phases)) < 1e-10


def test_mean_energies_follow_from_the_derivative_by_frequency():
    # Hellmann and Feynman in the extended space: Ē = q − ω ∂q/∂ω.
    qubit, omega, step = ac.models.LandauZener(gap=0.5), 1.1, 1e-3
    near = omega + step * np.array([-2, -1, 0, 1, 2])
    found = floquet(qubit, ac.drive.Sinusoidal(0.4, 1.7, near), tolerance=1e-13)
    q = found.quasi_energies
    slope = (q[0] - 8 * q[1] + 8 * q[3] - q[4]) / (12 * step)
    assert np.max(np.abs(found.mean_energies[2] - (q[2] - omega * slope))) < 1e-8


@pytest.mark.quick(1)
@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
def test_average_over_all_time_against_many_periods(basis):
    hamiltonian, drive = ac.models.LandauZener(gap=0.6), ac.drive.Sinusoidal(0.8, 2.1, 1.0)
    samples, periods = 64, 300
    edges = 2 * np.pi * np.arange(samples + 1) / samples
    pieces = [unitary(hamiltonian, drive, a, b, 40) for a, b in pairwise(edges)]
    frames = np.linalg.eigh(hamiltonian(drive(edges[:-1])))[1] if basis == "adiabatic" else None
    state = frames[0][:, 0].astype(complex) if basis == "adiabatic" else np.array([1.0 + 0j, 0])
    # A smooth window in time leaves no end effects; the beat is fast against its length.
    weights = np.sin(np.pi * (np.arange(samples * periods) + 0.5) / (samples * periods)) ** 4
    mean = np.zeros(2)
    for n, weight in enumerate(weights / weights.sum()):
        seen = state if frames is None else frames[n % samples].T @ state
        mean += weight * np.abs(seen) ** 2
        state = pieces[n % samples] @ state
    found = floquet(hamiltonian, drive).time_averaged_populations(0, basis)
    assert np.max(np.abs(found - mean)) < 1e-9


def test_dressed_populations_add_up_and_batches_are_single_points():
    amplitudes = np.array([0.5, 2.0, 4.0])
    qubit = ac.models.LandauZener(gap=[[0.3], [0.9]])
    whole = floquet(qubit, ac.drive.Sinusoidal(0.2, amplitudes, 1.0))
    assert whole.quasi_energies.shape == (2, 3, 2)
    assert np.max(np.abs(whole.populations("adiabatic").sum(axis=-2) - 1)) < 1e-12
    one = floquet(ac.models.LandauZener(gap=0.9), ac.drive.Sinusoidal(0.2, 2.0, 1.0))
    assert np.max(np.abs(whole.quasi_energies[1, 1] - one.quasi_energies)) < 1e-12
    found = whole.populations("diabatic")[1, 1]
    assert np.max(np.abs(found - one.populations("diabatic"))) < 1e-9


def test_photons_carry_the_units_of_the_hamiltonian():
    qubit = ac.models.FluxQubit(gap=5.37, persistent_current=180.0)
    drive = ac.drive.Sinusoidal(0.5, 1e-9, 2 * np.pi * 30.0)  # 30 GHz, radians per ns
    found = floquet(qubit, drive)
    assert float(found.frequency) == pytest.approx(30.0, rel=1e-14)
    assert np.max(np.abs(found.quasi_energies - np.linalg.eigvalsh(qubit(0.5)))) < 1e-9


@pytest.mark.parametrize("place", [7.5 / 64, 1 / 8, 1 / 6])
def test_an_average_finds_the_place_of_a_jump(place):
    """Next to a dyadic fraction of the period the first halvings all miss by the same amount."""
    over = Period.of(ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0.0, 1.0, 2 * np.pi), None)
    mean = over.average(lambda t: np.where(t < place + 1e-5, 1.0, 0.0), 1e-10)
    assert abs(mean[0] - (place + 1e-5)) < 1e-10
    assert abs(over.average(lambda t: np.exp(np.cos(2 * np.pi * t)), 1e-12)[0] - i0(1.0)) < 1e-12
    with pytest.raises(ac.ConvergenceError, match="settle"):
        over.average(lambda t: np.sin(1e6 * t), 1e-10)


def test_triangular_drive_with_a_stated_period():
    hamiltonian = ac.models.LandauZener(gap=0.8)
    drive = ac.drive.Piecewise([0.0, 2.0, 5.0], [-1.5, 2.0, -1.5])
    found = one_period_propagator(hamiltonian, drive, period=5.0)
    expected = unitary(hamiltonian, drive, 2.0, 5.0) @ unitary(hamiltonian, drive, 0.0, 2.0)
    assert np.max(np.abs(found - expected)) < 1e-10
    means = floquet(hamiltonian, drive, period=5.0).mean_energies
    assert abs(means.sum()) < 1e-10  # the trace of H


def test_periods_of_one_and_two_turns_have_the_same_means():
    hamiltonian = ac.models.LandauZener(gap=0.8)
    drive = ac.drive.Piecewise([0.0, 2.0, 5.0, 7.0, 10.0], [-1.5, 2.0, -1.5, 2.0, -1.5])
    found = floquet(hamiltonian, drive, period=[5.0, 10.0])
    once = floquet(hamiltonian, drive, period=5.0)
    assert np.max(np.abs(found.mean_energies - once.mean_energies)) < 1e-9
    populations = found.time_averaged_populations(basis="diabatic")
    assert np.max(np.abs(populations - once.time_averaged_populations(basis="diabatic"))) < 1e-9


class TestResonances:
    @pytest.mark.slow
    def test_multiphoton_resonances_are_bessel_functions(self):
        gap = 0.02
        found = quasi_energies(
            ac.models.LandauZener(gap=gap),
            ac.drive.Sinusoidal(0.0, 2.5, 1.0),
            "offset",
            np.linspace(0.52, 4.48, 45),
        )
        assert [r.photons for r in found.resonances] == [1, 2, 3, 4]
        for r in found.resonances:
            bare = gap * abs(jv(r.photons, 2.5))
            assert r.gap == pytest.approx(bare, rel=2e-4)
            assert r.width == pytest.approx(bare, rel=1e-3)
            assert r.position == pytest.approx(r.photons, abs=2e-4)

    @pytest.mark.quick(1)
    @pytest.mark.parametrize("amplitude", [0.05, 0.1, 0.2, 0.3])
    def test_bloch_siegert_shift(self, amplitude):
        # Shirley (1965): ω = ω₀ + b²/ω₀ + b⁴/4ω₀³ − 35 b⁶/32ω₀⁵ + O(b⁸) for H = ½ω₀σ_z +
        # 2b cos ωt σ_x, where ω is that of the resonance at given b, found by varying ω₀.
        found = quasi_energies(
            TRANSVERSE,
            ac.drive.Sinusoidal(0.0, amplitude, 1.0),
            "splitting",
            np.linspace(0.8, 1.2, 11),
        )
        (resonance,) = found.resonances
        w, b = resonance.position, amplitude / 2
        series = w + b**2 / w + b**4 / (4 * w**3) - 35 * b**6 / (32 * w**5)
        assert resonance.photons == 1
        assert abs(series - 1.0) < 1.5 * b**8 + 5e-9

    def test_three_photon_resonance_of_a_transverse_field_is_found_though_narrow(self):
        found = quasi_energies(
            TRANSVERSE, ac.drive.Sinusoidal(0.0, 0.02, 1.0), "splitting", np.linspace(2.6, 3.4, 8)
        )
        (resonance,) = found.resonances
        assert resonance.photons == 3  # an even number is forbidden by parity
        # Three quanta of coupling b through detunings ±2ω: gap = 2 b³/(2ω)². Second-order shifts
        # by both circular components: ω₀ + 4 b² ω₀/(ω₀² − ω²) = 3ω.
        b = 0.01
        assert resonance.gap == pytest.approx(2 * b**3 / 4, rel=2e-3)
        assert resonance.position == pytest.approx(3 - 4 * b**2 * 3 / 8, abs=1e-7)

    def test_coherent_destruction_of_tunnelling_is_a_true_crossing(self):
        # At zero offset the two modes differ in parity: J₀ vanishes at 2.404826.
        found = quasi_energies(
            ac.models.LandauZener(gap=0.01),
            ac.drive.Sinusoidal(0.0, 1.0, 1.0),
            "amplitude",
            np.linspace(1.0, 4.0, 20),
        )
        (crossing,) = found.resonances
        assert crossing.gap < 1e-9
        assert crossing.position == pytest.approx(2.404825557695773, abs=1e-4)
        assert np.all(np.diff(found.branches, axis=0)[1:-1].prod(axis=1) < 0)

    def test_a_minimum_halfway_between_two_values(self):
        found = quasi_energies(
            ac.models.LandauZener(gap=0.3),
            ac.drive.Sinusoidal(0.0, 1.0, 4.0),
            "offset",
            [-0.3, -0.1, 0.1, 0.3],
        )
        (resonance,) = found.resonances
        assert abs(resonance.position) < 1e-7
        assert resonance.photons == 0
        assert "offset = " in str(found)


class TestSteadyState:
    def test_three_levels_against_a_brute_force_map(self):
        rng = np.random.default_rng(11)
        constant, slope = random_hermitian(rng, 3), random_hermitian(rng, 3)
        jumps = [0.3 * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))) for _ in range(2)]
        drive = ac.drive.Sinusoidal(0.2, 1.0, 1.5)
        length = 2 * np.pi / 1.5

        def generator(t):
            return np.array([superoperator(constant + x * slope, jumps) for x in drive(t)])

        edges = np.linspace(0.0, length, 65)
        pieces = [magnus(generator, a, b, 12) for a, b in pairwise(edges)]
        whole = np.eye(9)
        for piece in pieces:
            whole = piece @ whole
        values, vectors = np.linalg.eig(whole)
        rho = vectors[:, np.argmax(values.real)]
        rho = rho / rho.reshape(3, 3).trace()
        mean = np.zeros(3)
        for piece in pieces:
            mean += np.diag(rho.reshape(3, 3)).real / 64
            rho = piece @ rho
        found = periodic_steady_state(
            ac.Hamiltonian.affine(constant, slope), drive, ac.Lindblad(jumps), basis="diabatic"
        )
        assert np.max(np.abs(found.density_matrix - rho.reshape(3, 3))) < 1e-8
        assert np.max(np.abs(found.populations - mean)) < 1e-8
        second = np.sort(np.abs(values))[-2]
        assert float(found.contraction) == pytest.approx(1 - second, rel=1e-6)
        assert float(found.relaxation_time) == pytest.approx(-length / np.log(second), rel=1e-6)

    @pytest.mark.parametrize("initial", [0, 1])
    def test_every_initial_state_reaches_it(self, initial):
        qubit, omega = ac.models.LandauZener(gap=0.5), 1.3
        environment = ac.ThermalRelaxation(temperature=0.4, t1=4.0) + ac.Dephasing(0.2)
        inside = np.array([0.0, 1.0, 2.5])
        state = periodic_steady_state(
            qubit, ac.drive.Sinusoidal(0.3, 2.0, omega), environment, times=inside
        )
        periods = 30
        long = ac.drive.Sinusoidal(0.3, 2.0, omega, stop_time=(periods + 1) * 2 * np.pi / omega)
        late = periods * 2 * np.pi / omega + inside
        result = ac.propagate(qubit, long, environment=environment, initial=initial, times=late)
        assert np.max(np.abs(result.density_matrices - state.density_matrices)) < 1e-9
        assert np.max(np.abs(state.density_matrices[0] - state.density_matrix)) < 1e-12

    def test_weak_drive_is_thermal_equilibrium(self):
        qubit = ac.models.LandauZener(gap=0.5)
        state = periodic_steady_state(
            qubit,
            ac.drive.Sinusoidal(0.3, 1e-9, 1.0),
            ac.ThermalRelaxation(temperature=0.4, t1=20.0),
        )
        weights = np.exp(-np.linalg.eigvalsh(qubit(0.3)) / 0.4)
        assert np.max(np.abs(state.populations - weights / weights.sum())) < 1e-9
        assert "population averaged over a period" in str(state)

    def test_batches_and_weak_relaxation_keep_their_accuracy(self):
        qubit = ac.models.LandauZener(gap=0.2)
        environment = ac.ThermalRelaxation(temperature=0.3, t1=1e5)
        drive = ac.drive.Sinusoidal(np.array([1.0, 1.4]), 3.0, 1.0)
        coarse = periodic_steady_state(qubit, drive, environment, tolerance=1e-6)
        fine = periodic_steady_state(qubit, drive, environment, tolerance=1e-12)
        assert coarse.populations.shape == (2, 2)
        assert coarse.density_matrices.shape == (2, 0, 2, 2)
        assert np.max(np.abs(coarse.populations - fine.populations)) < 1e-6
        assert np.all(coarse.error_estimate < 1e-5)

    def test_without_relaxation_it_is_refused(self):
        with pytest.raises(ac.ConvergenceError, match="not unique"):
            periodic_steady_state(
                ac.models.LandauZener(gap=0.0),
                ac.drive.Sinusoidal(0.3, 1.0, 1.0),
                ac.FixedAxisDephasing(0.1),
            )


def test_one_period_map_keeps_trace_and_composes_with_the_steady_state():
    qubit, drive = ac.models.LandauZener(gap=0.5), ac.drive.Sinusoidal(0.3, 2.0, 1.3)
    environment = ac.ThermalRelaxation(temperature=0.4, t1=4.0)
    channel = one_period_propagator(qubit, drive, environment=environment)
    assert np.max(np.abs(channel[0] + channel[3] - [1, 0, 0, 1])) < 1e-12
    rho = periodic_steady_state(qubit, drive, environment).density_matrix
    assert np.max(np.abs((channel @ rho.ravel()).reshape(2, 2) - rho)) < 1e-9


QUBIT, DRIVE = ac.models.LandauZener(gap=0.5), ac.drive.Sinusoidal(0.0, 1.0, 1.0)
BATH = ac.ThermalRelaxation(temperature=0.4, t1=4.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: floquet(QUBIT, ac.drive.Linear(-1, 1, 1.0)), "`period` must be given"),
        (lambda: floquet(QUBIT, DRIVE, period=1.0), "`period` must not be given"),
        (lambda: floquet(QUBIT, ac.drive.Linear(-1, 1, 1.0), period=1.0), "bring H"),
        (lambda: floquet(QUBIT, ac.drive.Linear(-1, 1, 1.0), period=3.0), "fit into the window"),
        (lambda: floquet(QUBIT, ac.drive.Linear(-1, 1, 1.0), period=-1.0), "`period` must be pos"),
        (lambda: floquet("qubit", DRIVE), "`hamiltonian` must"),
        (lambda: floquet(QUBIT, DRIVE, tolerance=1.0), "`tolerance` must"),
        (lambda: floquet(QUBIT, DRIVE).modes_at([7.0]), "lie within one period"),
        (lambda: floquet(QUBIT, DRIVE).modes_at([1.0, 0.5]), "`times` must increase"),
        (lambda: floquet(QUBIT, DRIVE).populations("superadiabatic"), "`basis` must"),
        (lambda: floquet(QUBIT, DRIVE).time_averaged_populations(2), "`initial` must"),
        (lambda: periodic_steady_state(QUBIT, DRIVE, None), "`environment` must"),
        (lambda: periodic_steady_state(QUBIT, DRIVE, BATH, basis="bloch"), "`basis` must"),
        (lambda: periodic_steady_state(QUBIT, DRIVE, BATH, times=[np.nan]), "`times` must"),
        (lambda: quasi_energies(QUBIT, DRIVE, "ofset", [0, 1, 2]), "did you mean `offset`"),
        (lambda: quasi_energies(QUBIT, DRIVE, "offset", [0, 2, 1]), "`values` must"),
        (lambda: quasi_energies(QUBIT.replace(gap=[1, 2]), DRIVE, "offset", [0, 1, 2]), "single"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ac.InputError, match=message):
        call()


@pytest.mark.slow
def test_quasi_energies_of_a_photon_whose_square_is_no_double():
    drive = ac.drive.Sinusoidal(0.0, 2.0, 1e300)
    values = np.linspace(0.55, 2.45, 20)
    found = quasi_energies(ac.models.LandauZener(gap=0.1), drive, "offset", values)
    # H hardly does anything in so short a period: the levels at its mean, but no digit is sure.
    wrong = np.abs(found.branches[:, 1] - 0.5 * np.hypot(values, 0.1))
    assert np.all(wrong <= found.error_estimate)
    assert all(r.gap < found.error_estimate.max() for r in found.resonances)
    assert found.warnings


@pytest.mark.parametrize("phase", [0.0, np.pi / 2])
def test_an_average_of_what_is_even_or_odd_on_every_piece(phase):
    # Twenty periods on each of the first eight pieces: every other coefficient is zero there.
    over = Period.of(ac.models.LandauZener(gap=0.1), ac.drive.Sinusoidal(0.0, 1.0, 1.0), None)
    mean = over.average(lambda times: 0.25 + np.cos(160 * times + phase)[..., None], 1e-9)
    assert mean == pytest.approx(0.25, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, slow(3)])
def test_averages_by_steps_are_those_by_panels(levels, monkeypatch):
    H = ac.models.LandauZener(gap=0.3)
    if levels == 3:
        H = ac.models.DemkovOsherov(levels=[-0.5, 0.7], couplings=[0.2, 0.1])
    bath = ac.ThermalRelaxation(temperature=0.5, t1=20.0)
    bath += ac.FixedAxisDephasing(0.05, np.diag(np.linspace(1.0, -1.0, levels)))
    drive = ac.drive.Sinusoidal([-1.0, 0.4], 4.0, 1.0)
    found = []
    for cheaper in (True, False):
        monkeypatch.setattr(densities, "is_cheaper", lambda *_, cheaper=cheaper: cheaper)
        found.append(ac.dynamics.periodic_steady_state(H, drive, bath, times=[0.5, 3.0]))
    steps, panels = found
    bound = steps.error_estimate + panels.error_estimate
    assert np.all(np.max(np.abs(steps.populations - panels.populations), axis=-1) < bound)
    assert np.max(np.abs(steps.density_matrices - panels.density_matrices)) < np.max(bound) < 1e-8
