"""The adiabatic expansion: transport, first order, remainder; and the split of a probability."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.analysis._kernel import expand
from anticrossing.analysis.adiabatic_expansion import adiabatic_expansion
from anticrossing.analysis.coherent_split import coherent_incoherent_split
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Dephasing, FixedAxisDephasing, Lindblad, ThermalRelaxation
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import magnus, superoperator

TWO = ac.models.LandauZener(gap=1.0)
CONSTANT = 2 * np.array([[0, 0.3, 0.1], [0.3, 0, 0.4j], [0.1, -0.4j, 0]])
SLOPE = np.diag([-1.0, 0.2, 1.0])
THREE = ac.Hamiltonian.affine(CONSTANT, SLOPE)
LINEAR = Dephasing(functions=[lambda energy: 0.4 * energy])


def eigenbasis_generator(hamiltonian, decay):
    """−i[H, ·] minus Λ_ij on the coherences, L(x) from nothing but eigenvectors."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    change = np.kron(vectors, vectors.conj())
    turn = 1j * (energies[:, None] - energies[None, :]) + decay(energies)
    return change @ np.diag(-turn.ravel()) @ change.conj().T


def diagonal(matrix, drive, hamiltonian=THREE):
    vectors = np.linalg.eigh(hamiltonian(float(drive.stop)))[1]
    return np.diagonal(vectors.conj().T @ matrix @ vectors).real


def exact_from(expansion, hamiltonian, drive, environment):
    map_ = ac.propagate(hamiltonian, drive, environment=environment, tolerance=1e-13).superoperator
    return (map_ @ expansion.start_state.ravel()).reshape(expansion.zeroth.shape)


# ---- the theorem's pieces ---------------------------------------------------------------------


def test_two_levels_reproduce_the_closed_coefficients():
    """Lemma 2 of the source: a = ∓g(…)E/16(1+γ²)e³ + g²(P₋−P₊)/64 ∫γ/(1+γ²)e⁵."""
    gamma, rate, reach = 0.3, 0.01, 3.0
    drive = ac.drive.Linear(-reach, reach, rate)
    a = adiabatic_expansion(TWO, drive, Dephasing(gamma)).coefficient
    e = 0.5 * np.hypot(reach, 1.0)
    minus, plus = np.linalg.eigh(TWO(reach))[1].T
    # ∫ (1 − u²) du / 2g² with u = x/√(x² + g²) is the integral of g²/64e⁵.
    u = reach / np.hypot(reach, 1.0)
    moved = gamma / (1 + gamma**2) * (u - u**3 / 3)
    assert minus @ a @ minus == pytest.approx(-moved, rel=1e-11)
    assert plus @ a @ plus == pytest.approx(moved, rel=1e-11)
    size = 1 / (16 * np.sqrt(1 + gamma**2) * e**3)
    assert abs(minus @ a @ plus) == pytest.approx(size, rel=1e-11)


def test_wide_window_gives_theorem_three():
    drive = ac.drive.Linear(-1e4, 1e4, 1e-3)
    expansion = adiabatic_expansion(TWO, drive, Dephasing("0.4/(1 + x**2)"))
    closed = ac.formulas.dephasing_landau_zener(
        gap=1.0, sweep_rate=1e-3, gamma="0.4/(1 + x**2)"
    ).incoherent
    assert expansion.probabilities[1] == pytest.approx(closed, rel=1e-10)
    assert expansion.epsilon == pytest.approx(1e-3)


@pytest.mark.quick(1)
@pytest.mark.parametrize(("hamiltonian", "environment"), [(TWO, Dephasing(0.3)), (THREE, LINEAR)])
def test_rate_equation_and_kernel_projection_agree(hamiltonian, environment):
    drive = ac.drive.Tanh(-2.0, 3.0, rate=0.1, duration=80.0)
    fast = adiabatic_expansion(hamiltonian, drive, environment, initial=1)
    slow = expand(Lanes.of(hamiltonian, drive), environment, 1)
    for one, other in (
        (fast.zeroth, slow.zeroth),
        (fast.first_order, slow.first),
        (fast.transport, slow.transport),
        (fast.start_state, slow.start_state),
    ):
        assert np.allclose(one, other, atol=1e-11)
    assert fast.kernel_dimension == slow.kernel_dimension == hamiltonian.dimension


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    "environment", [LINEAR, ThermalRelaxation(temperature=1.0, t1=3.0), Lindblad([SLOPE])]
)
def test_parallel_transport_is_completely_positive_and_keeps_the_trace(environment):
    drive = ac.drive.Linear(-3, 3, 0.1)
    result = adiabatic_expansion(
        THREE, drive, environment, initial=0 if environment is LINEAR else np.eye(3) / 3
    )
    tensor = result.transport.reshape(3, 3, 3, 3)
    assert np.allclose(np.einsum("iikl->kl", tensor), np.eye(3), atol=1e-11)
    choi = tensor.transpose(2, 0, 3, 1).reshape(9, 9)
    assert np.allclose(choi, choi.conj().T, atol=1e-11)
    assert np.linalg.eigvalsh(choi)[0] > -1e-11
    assert np.trace(result.zeroth) == pytest.approx(1.0, abs=1e-12)
    assert abs(np.trace(result.first_order)) < 1e-12


def test_transport_is_isometric_and_intertwines():
    """In trace norm on the stationary states, and the image is stationary."""
    drive = ac.drive.Linear(-2, 2, 0.1)
    transport = adiabatic_expansion(THREE, drive, LINEAR).transport
    first, last = (np.linalg.eigh(THREE(x))[1] for x in (-2.0, 2.0))
    weights = np.array([0.7, -0.4, 0.2])
    image = (transport @ (first @ np.diag(weights) @ first.conj().T).ravel()).reshape(3, 3)
    assert np.allclose(image, last @ np.diag(weights) @ last.conj().T, atol=1e-12)
    rng = np.random.default_rng(0)
    anything = random_hermitian(rng, 3)
    moved = (transport @ anything.ravel()).reshape(3, 3)
    assert np.max(np.abs(THREE(2.0) @ moved - moved @ THREE(2.0))) < 1e-12


@pytest.mark.slow
def test_non_dephasing_kernel_of_dimension_two():
    """Two uncoupled pairs, each relaxing to a state of its own: weights are kept, states follow."""
    pair = 0.5 * np.array([[0, 1], [1, 0]])
    lower = np.array([[0, 1], [0, 0]])

    def block(a, b):
        return np.block([[np.asarray(a), np.zeros((2, 2))], [np.zeros((2, 2)), np.asarray(b)]])

    h = ac.Hamiltonian.affine(block(pair, 2 * pair), 0.5 * np.diag([1.0, -1, -1, 1]))
    jumps = [block(0.7 * lower, 0 * lower), block(0 * lower, 0.9 * lower)]

    def generator(x):
        return superoperator(h(x), jumps)

    _, _, rows = np.linalg.svd(generator(-2.0))
    states = rows[-2:].conj().reshape(2, 4, 4)
    mixed = sum(
        weight * _one_state(states, inside) for weight, inside in ((0.7, [0, 1]), (0.3, [2, 3]))
    )
    remainders = []
    for rate in (0.004, 0.002):
        drive = ac.drive.Linear(-2, 2, rate)
        result = adiabatic_expansion(h, drive, Lindblad(jumps), initial=mixed)
        assert result.kernel_dimension == 2
        assert np.trace(result.density_matrix[:2, :2]).real == pytest.approx(0.7, abs=1e-10)
        assert np.max(np.abs(generator(2.0) @ result.zeroth.ravel())) < 1e-11
        exact = exact_from(result, h, drive, Lindblad(jumps))
        remainders.append(np.max(np.abs(result.remainder(exact))))
    assert np.log2(remainders[0] / remainders[1]) == pytest.approx(2, abs=0.05)


def _one_state(states, inside):
    """The stationary state that lives on the levels `inside`, trace one."""
    candidates = [state[np.ix_(inside, inside)] for state in states]
    best = max(candidates, key=lambda block: abs(np.trace(block)))
    full = np.zeros((4, 4), dtype=complex)
    full[np.ix_(inside, inside)] = best / np.trace(best)
    return full


# ---- the remainder ----------------------------------------------------------------------------

CASES = [
    ("two levels", TWO, Dephasing(0.3), 3.0),
    ("two levels, varying", TWO, Dephasing("0.5/(1 + x**2)"), 3.0),
    ("two levels, relaxing", TWO, ThermalRelaxation(temperature=0.5, spectral_density=0.5), 3.0),
    ("three levels", THREE, LINEAR, 3.0),
    ("three levels, one rate", THREE, Dephasing(rate=0.7), 3.0),
    (
        "three levels, relaxing",
        THREE,
        Dephasing(rate=0.2)
        + ThermalRelaxation(temperature=1.0, spectral_density=lambda w: 0.3 * w),
        3.0,
    ),
]


@pytest.mark.parametrize("case", [CASES[0], *map(slow, CASES[1:])], ids=[case[0] for case in CASES])
def test_remainder_is_of_second_order(case):
    _, hamiltonian, environment, reach = case
    rates = np.array([4e-3, 2e-3, 1e-3])
    whole, populations = [], []
    for rate in rates:
        drive = ac.drive.Linear(-reach, reach, rate)
        expansion = adiabatic_expansion(hamiltonian, drive, environment)
        remainder = expansion.remainder(exact_from(expansion, hamiltonian, drive, environment))
        whole.append(np.max(np.abs(remainder)))
        populations.append(np.max(np.abs(diagonal(remainder, drive, hamiltonian))))
    for values in (whole, populations):
        slope = np.polyfit(np.log(rates), np.log(values), 1)[0]
        assert slope == pytest.approx(2, abs=0.05)


@pytest.mark.slow
def test_probabilities_from_the_ground_state_are_right_to_second_order():
    """Without the theorem's corrected start: the difference is a coherence, not a population."""
    rates = np.array([4e-3, 2e-3, 1e-3])
    differences = []
    for rate in rates:
        drive = ac.drive.Linear(-10, 10, rate)
        exact = ac.propagate(THREE, drive, environment=LINEAR, tolerance=1e-13).probabilities
        differences.append(np.abs(exact - adiabatic_expansion(THREE, drive, LINEAR).probabilities))
    slope = np.polyfit(np.log(rates), np.log(np.max(differences, axis=1)), 1)[0]
    assert slope == pytest.approx(2, abs=0.05)


def test_first_order_against_equations_written_by_hand():
    """Magnus steps on a generator that shares no code with the library."""

    def decay(energies):
        return 0.5 * 0.16 * (energies[:, None] - energies[None, :]) ** 2

    rate, reach = 0.02, 2.0
    drive = ac.drive.Linear(-reach, reach, rate)
    expansion = adiabatic_expansion(THREE, drive, LINEAR)

    def generator(times):
        return np.array([eigenbasis_generator(CONSTANT + rate * t * SLOPE, decay) for t in times])

    evolution = magnus(generator, -reach / rate, reach / rate, 4_000)
    exact = (evolution @ expansion.start_state.ravel()).reshape(3, 3)
    remainder = np.max(np.abs(expansion.remainder(exact)))
    assert remainder < 0.5 * rate**2
    assert np.max(np.abs(expansion.first_order)) > 20 * remainder


def test_relaxation_follows_its_stationary_state():
    drive = ac.drive.Linear(-3, 3, 1e-3)
    bath = ThermalRelaxation(temperature=0.5, spectral_density=1.0)
    result = adiabatic_expansion(TWO, drive, bath)
    splitting = np.hypot(3, 1)
    assert result.kernel_dimension == 1
    assert diagonal(result.zeroth, drive, TWO)[1] == pytest.approx(
        1 / (1 + np.exp(splitting / 0.5)), rel=1e-10
    )


def test_slow_time_of_a_curved_drive_is_its_duration():
    drive = ac.drive.Tanh(-2.0, 2.0, rate=0.01, duration=1000.0)
    result = adiabatic_expansion(TWO, drive, Dephasing(0.2))
    assert result.epsilon == pytest.approx(1e-3)
    assert np.allclose(result.coefficient * result.epsilon, result.first_order)
    assert "stationary states  2" in str(result)


# ---- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("knots", [([0, 20, 30, 50], [-3, 3, 1, -3]), ([0, 20, 60], [-3, 0.2, 3])])
def test_a_kink_of_the_drive_is_no_obstacle(knots):
    """The rate 2λ(gα/2Δ²)²/(λ² + Δ²) of jumps, Δ² = x² + g², integrated over each piece in x."""
    gap, rate = 1.0, 0.3
    drive = ac.drive.Piecewise(*knots)
    total = 0.0
    for (start, stop), (first, last) in zip(*map(itertools.pairwise, knots), strict=True):
        speed = abs(last - first) / (stop - start)
        part, _ = quad(
            lambda x: (
                2 * rate * (gap / 2) ** 2 / (x * x + gap**2) ** 2 / (rate**2 + x * x + gap**2)
            ),
            *sorted((first, last)),
        )
        total += speed * part
    surroundings = Dephasing(rate=rate)
    found = adiabatic_expansion(TWO, drive, surroundings)
    assert found.probabilities[1] == pytest.approx(total, rel=1e-9)
    split = coherent_incoherent_split(TWO, drive, surroundings)
    assert split.first_order == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize(("height", "width"), [(3.0, 0.5), (4.6, 0.8), (45.0, 0.3)])
@pytest.mark.slow
def test_plateaus_of_a_ramp_are_no_obstacle(height, width):
    """The rate of jumps of the test above, in x: its speed is (h² − (x − 0.3)²)/hw."""
    rate = 0.3
    ramp = ac.drive.Formula("h*tanh(t/w)+0.3", -15, 20, h=height, w=width)
    total, _ = quad(
        lambda x: 0.5 * rate * (height - (x - 0.3) ** 2 / height) / width
        / ((x * x + 1) ** 2 * (rate**2 + x * x + 1)),
        0.3 - height, 0.3 + height, points=[0.0], limit=400, epsabs=0, epsrel=1e-12,
    )  # fmt: skip
    found = adiabatic_expansion(TWO, ramp, Dephasing(rate=rate))
    assert found.probabilities[1] == pytest.approx(total, rel=1e-9)
    split = coherent_incoherent_split(TWO, ramp, Dephasing(rate=rate))
    assert split.first_order == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("offset", [0.0, slow(0.123456)])
def test_closed_gap_is_refused(offset):
    crossing = ac.Hamiltonian.affine(np.diag([offset, -offset]), np.diag([0.5, -0.5]))
    drive = ac.drive.Linear(-3, 3, 0.1)
    with pytest.raises((InputError, ConvergenceError), match="levels"):
        adiabatic_expansion(crossing, drive, Dephasing(0.3))
    with pytest.raises(InputError, match="no gap"):
        # Where the levels meet the coherence neither turns nor decays.
        adiabatic_expansion(crossing, drive, FixedAxisDephasing(f"0.1*(x + {2 * offset})**2"))


def test_crossing_levels_do_not_matter_while_the_generator_keeps_its_gap():
    crossing = ac.Hamiltonian.affine(np.zeros((2, 2)), np.diag([0.5, -0.5]))
    drive = ac.drive.Linear(-3, 3, 0.1)
    result = adiabatic_expansion(crossing, drive, FixedAxisDephasing(0.3))
    assert result.kernel_dimension == 2
    assert np.allclose(result.probabilities, [0, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, ac.drive.Linear(-1, 1, 1.0), Dephasing(0.1)), "must be a Hamiltonian"),
        ((TWO, ac.drive.Linear(-1, 1, 1.0), 0.1), "`environment` must be"),
        ((TWO, ac.drive.Linear(-1, 1, [1.0, 2.0]), Dephasing(0.1)), "single parameter"),
        ((TWO, ac.drive.Linear(-1, 1, 1.0), Dephasing([0.1, 0.2])), "single parameter"),
        ((TWO, ac.drive.Linear(-1, 1, 1.0), FixedAxisDephasing(0.1, axis=SLOPE)), "shape"),
    ],
)
def test_bad_input(arguments, message):
    for function in (adiabatic_expansion, coherent_incoherent_split):
        with pytest.raises(InputError, match=message):
            function(*arguments)


@pytest.mark.parametrize(
    ("initial", "message"),
    [(2, "from 0 to 1"), (np.diag([1.0, 0.0]), "stationary"), (np.eye(2), "density matrix")],
)
def test_initial_state_must_be_stationary(initial, message):
    with pytest.raises(InputError, match=message):
        adiabatic_expansion(TWO, ac.drive.Linear(-1, 1, 1.0), Dephasing(0.1), initial=initial)


# ---- coherent and incoherent parts ------------------------------------------------------------


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    "environment",
    [Dephasing(0.3), FixedAxisDephasing(0.2), ThermalRelaxation(temperature=0.5, t1=20.0)],
)
def test_the_two_parts_add_exactly(environment):
    drive = ac.drive.Linear(-6, 6, 0.5)
    split = coherent_incoherent_split(TWO, drive, environment, tolerance=1e-9)
    exact = ac.propagate(TWO, drive, environment=environment, tolerance=1e-12)
    assert split.probability == pytest.approx(exact.probabilities[1], abs=1e-12)
    assert split.integral == pytest.approx(split.incoherent, abs=1e-9)
    coherent = ac.propagate(TWO, drive).transition_matrix[1, 0]
    assert split.coherent == pytest.approx(coherent, abs=1e-10)


@pytest.mark.slow
def test_equation_3_16_with_the_adjoint_written_by_hand():
    """(1/2ε) ∫ γ tr((U*(T,τ) P₊) D_τ U₀(τ,−T) P₋) dτ on a grid of Magnus steps."""
    gamma, rate, reach, intervals = 0.3, 0.5, 6.0, 600
    free, full, dissipator = [], [], []
    edges = np.linspace(-reach, reach, intervals + 1)

    def root(x):
        energies, vectors = np.linalg.eigh(TWO(x))
        return vectors @ np.diag(np.sign(energies) * np.sqrt(np.abs(energies))) @ vectors.T

    def generator(x, strength):
        return superoperator(TWO(x), [np.sqrt(strength) * root(x)])

    h = edges[1] - edges[0]
    for left in edges[:-1]:
        for strength, found in ((0.0, free), (gamma, full)):
            found.append(
                magnus(
                    lambda s, g=strength: np.array([generator(x, g) for x in s]) / rate,
                    left,
                    left + h,
                    1,
                )
            )
    dissipator = [superoperator(0 * TWO(x), [np.sqrt(gamma) * root(x)]) for x in edges]
    first, last = (np.linalg.eigh(TWO(x))[1] for x in (-reach, reach))
    forward = [np.outer(first[:, 0], first[:, 0]).ravel()]
    for step in free:
        forward.append(step @ forward[-1])
    backward = [np.outer(last[:, 1], last[:, 1]).ravel().astype(complex)]
    for step in reversed(full):
        backward.append(backward[-1] @ step)
    density = [
        (row @ d @ column).real / rate
        for row, d, column in zip(reversed(backward), dissipator, forward, strict=True)
    ]
    weights = np.full(intervals + 1, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    incoherent = h / 3 * weights @ np.array(density)
    split = coherent_incoherent_split(TWO, ac.drive.Linear(-reach, reach, rate), Dephasing(gamma))
    assert split.incoherent == pytest.approx(incoherent, rel=1e-6)


@pytest.mark.slow
def test_two_of_three_levels_to_first_order():
    """Section 4: p = p_coherent + ε ∫ γ/(1+γ²) tr(P₋Ṗ₊²P₋)/e, e half the gap of the two levels."""
    remainders = []
    rates = np.array([4e-3, 2e-3, 1e-3])
    for rate in rates:
        drive = ac.drive.Linear(-20, 20, rate)
        split = coherent_incoherent_split(THREE, drive, LINEAR, tolerance=0.05)
        assert split.first_order is not None
        assert split.coherent < 1e-12
        remainders.append(abs(split.remainder))
    assert np.polyfit(np.log(rates), np.log(remainders), 1)[0] == pytest.approx(2, abs=0.05)

    def rate_density(x, step=1e-5):
        energies, vectors = np.linalg.eigh(THREE(x))
        lower = np.outer(vectors[:, 0], vectors[:, 0].conj())
        upper = [
            np.outer(v, v.conj())
            for v in (np.linalg.eigh(THREE(x + s))[1][:, 1] for s in (-step, step))
        ]
        speed = (upper[1] - upper[0]) / (2 * step)
        gap = energies[1] - energies[0]
        gamma = 0.5 * 0.16 * gap**2 / gap
        return gamma / (1 + gamma**2) * np.trace(lower @ speed @ speed @ lower).real / (gap / 2)

    x = np.linspace(-20, 20, 8001)
    by_hand = rates[-1] * np.trapezoid([rate_density(position) for position in x], x)
    assert split.first_order == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("levels", [(0, 0), (0, 2), 1, (0, -1)])
def test_split_needs_two_levels(levels):
    with pytest.raises(InputError, match="levels"):
        coherent_incoherent_split(TWO, ac.drive.Linear(-1, 1, 1.0), Dephasing(0.1), levels=levels)
