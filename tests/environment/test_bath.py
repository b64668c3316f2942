"""Master equations of a bath against QuTiP, closed forms, quadrature, and to all orders."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.dynamics import liouville
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment.bath_noise import BathNoise
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Continuum,
    Debye,
    Discrete,
    Ohmic,
)
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.path_integral import follow, influence

SIGMA_Z = np.diag([1.0, -1.0])
TILTED = np.array([[0.5, 0.1], [0.1, -0.5]])
LEVELS = ac.models.LandauZener(gap=1.0)
DENSITIES = {
    "ohmic": Ohmic(reorganization_energy=1.0, cutoff=5.0),
    "debye": Debye(reorganization_energy=1.0, relaxation_rate=0.5),
    "vibration": BrownianOscillator(reorganization_energy=1.0, frequency=1.0, damping=0.1),
    "cubic": Continuum(lambda w: w**3 * np.exp(-w), scales=1.0),
}


def white(strength: float) -> Ohmic:
    """J = strength · ω/2, with a cutoff that is out of sight."""
    return Ohmic(reorganization_energy=strength / 2 * 1e7 / np.pi, cutoff=1e7)


def test_the_checked_numbers() -> None:
    """η = .05, T = 1, g = 1, rate .5: with and without noise at zero frequency."""
    sweep = ac.drive.Linear(-30, 30, rate=0.5)
    bath = ac.Bath(SIGMA_Z, white(0.05), 1.0, lamb_shift=False)
    assert ac.propagate(LEVELS, sweep, environment=bath).probabilities[1] == pytest.approx(
        0.09328, abs=5e-6
    )
    for zero_frequency, expected in ((True, 0.09328), (False, 0.09009)):
        thermal = ac.ThermalRelaxation(
            temperature=1.0,
            spectral_density=lambda w: 0.05 * w,
            operator=SIGMA_Z,
            zero_frequency=zero_frequency,
        )
        found = ac.propagate(LEVELS, sweep, environment=thermal)
        assert found.probabilities[1] == pytest.approx(expected, abs=5e-6)


def by_cauchy(noise: BathNoise, first: float, second: float) -> float:
    """−(1/2π) P∫ dx √γ(a + x) √γ(b + x)/x by SciPy."""

    def product(x: float) -> float:
        return float(
            np.sqrt(noise.rate(np.array([first + x])) * noise.rate(np.array([second + x])))[0]
        )

    near = 0.05
    total = quad(product, -near, near, weight="cauchy", wvar=0.0, epsabs=1e-12, limit=500)[0]
    marks = [s - shift for shift in (first, second) for s in (0.0, *noise.scales)]
    marks += [-s - shift for shift in (first, second) for s in noise.scales]
    edges = sorted({near, *(abs(m) for m in marks if abs(m) > near), 300.0})
    for low, high in [*itertools.pairwise(edges), (edges[-1], np.inf)]:
        total += quad(
            lambda x: (product(x) - product(-x)) / x, low, high, limit=1000, epsabs=1e-11
        )[0]
    return -total / (2 * np.pi)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("name", "temperature"),
    [
        ("ohmic", 1.0),
        ("cubic", 0.0),
        *(slow(name, heat) for name in DENSITIES for heat in (1.0, 0.05, 0.0)),
    ],
)
def test_shifts_are_principal_values(name: str, temperature: float) -> None:
    noise = BathNoise(DENSITIES[name], temperature)
    for omega in (-1.1, 0.3, 2.7):
        shift = float(noise.shift(np.array([omega]))[0])
        assert shift == pytest.approx(by_cauchy(noise, omega, omega), abs=2e-9)
    assert noise.shift(np.zeros(1))[0] == pytest.approx(
        -DENSITIES[name].reorganization_energy, abs=1e-9
    )
    # the table against the quadrature that fills it, over all scales
    many = np.array([-40.0, -3e-3, 1e-7, 0.02, 0.8, 90.0])
    assert np.max(np.abs(noise.shift(many) - noise.cross(many, many))) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ohmic", "debye"])
def test_mixed_shifts_of_the_universal_equation(name: str) -> None:
    noise = BathNoise(DENSITIES[name], 0.7)
    for first, second in ((0.0, 0.8), (0.0, -1.3), (0.5, -0.4)):
        found = float(noise.mixed(np.array([first]), np.array([second]))[0])
        assert found == pytest.approx(by_cauchy(noise, first, second), abs=1e-8)


@pytest.mark.slow
def test_half_sided_transform_of_exponentials() -> None:
    """A Debye bath's correlations are exponentials, whose Γ(ω) = Σ c_k/(ν_k − iω) is known."""
    strength, width, heat = 1.0, 0.5, 0.6
    noise = BathNoise(Debye(reorganization_energy=strength, relaxation_rate=width), heat)
    matsubara = 2 * np.pi * heat * np.arange(1, 2_000_001)
    first = strength * width * (1 / np.tan(width / (2 * heat)) - 1j)
    rest = 4 * strength * width * heat * matsubara / (matsubara**2 - width**2)
    for omega in (-0.9, 0.2, 3.0):
        exact = first / (width - 1j * omega) + np.sum(rest / (matsubara - 1j * omega))
        at = np.array([omega])
        assert 0.5 * noise.rate(at)[0] == pytest.approx(exact.real, abs=2e-6)
        assert noise.shift(at)[0] == pytest.approx(exact.imag, abs=2e-6)


def redfield_by_definition(h: np.ndarray, a: np.ndarray, noise: BathNoise) -> np.ndarray:
    """−[A, Λρ − ρΛ†] applied to every matrix unit."""
    energies, vectors = np.linalg.eigh(h)
    inside = vectors.conj().T @ a @ vectors
    lost = energies[None, :] - energies[:, None]
    lagging = (
        vectors @ ((0.5 * noise.rate(lost) + 1j * noise.shift(lost)) * inside) @ vectors.conj().T
    )
    columns = []
    for unit in np.eye(h.size).reshape(-1, *h.shape):
        part = lagging @ unit
        other = unit @ lagging.conj().T
        columns.append((-(a @ part - part @ a) + a @ other - other @ a).ravel())
    return np.array(columns).T


@pytest.mark.parametrize("size", [slow(2), 3])
def test_redfield_is_its_definition(size: int) -> None:
    rng = np.random.default_rng(size)
    h, a = random_hermitian(rng, size), random_hermitian(rng, size)
    H = ac.Hamiltonian.affine(h, 0 * h)
    bath = ac.Bath(a, DENSITIES["debye"], 0.7, equation="redfield")
    lanes = Lanes.of(H, ac.drive.Linear(0, 1, rate=1.0))
    whole = liouville.generator(lanes, bath, np.array([[0.5]]))[0, 0]
    expected = liouville.commutator(h) + redfield_by_definition(
        h, a, BathNoise(DENSITIES["debye"], 0.7)
    )
    assert np.max(np.abs(whole - expected)) < 1e-12


@pytest.mark.parametrize("equation", ["secular", "redfield", "universal"])
def test_the_basis_means_nothing(equation: str) -> None:
    rng = np.random.default_rng(4)
    still, moving, a = (random_hermitian(rng, 3) for _ in range(3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    results = [
        ac.propagate(
            ac.Hamiltonian.affine(u @ still @ u.conj().T, u @ moving @ u.conj().T),
            ac.drive.Linear(-1, 1, rate=1.0),
            environment=ac.Bath(
                u @ a @ u.conj().T, DENSITIES["debye"], 0.7, equation=equation, lamb_shift=False
            ),
        ).transition_matrix
        for u in (np.eye(3), turn)
    ]
    assert np.max(np.abs(results[0] - results[1])) < 1e-10


@pytest.mark.parametrize(
    ("equation", "size"),
    [("redfield", 2), slow("secular", 2), slow("secular", 3), slow("redfield", 3)],
)
def test_against_qutip(equation: str, size: int) -> None:
    qutip = pytest.importorskip("qutip")
    rng = np.random.default_rng(4)
    # Real: the tensor of QuTiP 5.3 for complex ones changes when the basis does.
    still, moving, a = (random_hermitian(rng, size).real for _ in range(3))
    if size == 2:
        still, moving, a = 0.5 * np.array([[0, 1], [1, 0]]), 0.5 * SIGMA_Z, TILTED
    bath = ac.Bath(
        a, Ohmic(reorganization_energy=0.2, cutoff=3.0), 1.0, equation=equation, lamb_shift=False
    )
    noise = BathNoise(bath.spectral_density, 1.0)
    rate, reach = 0.5, 3.0
    start = np.linalg.eigh(still - reach * moving)[1][:, 0]
    theirs = qutip.brmesolve(
        qutip.QobjEvo([qutip.Qobj(still), [qutip.Qobj(moving), lambda t: rate * t]]),
        qutip.Qobj(np.outer(start, start.conj())),
        [-reach / rate, reach / rate],
        a_ops=[[qutip.Qobj(a), lambda w: float(noise.rate(np.array([float(w)]))[0])]],
        sec_cutoff=-1 if equation == "redfield" else 1e-9,
        options={"atol": 1e-10, "rtol": 1e-9, "nsteps": 10**7, "progress_bar": ""},
    )
    ours = ac.propagate(
        ac.Hamiltonian.affine(still, moving),
        ac.drive.Linear(-reach, reach, rate=rate),
        environment=bath,
    )
    assert np.max(np.abs(ours.density_matrix - theirs.states[-1].full())) < 1e-6


@pytest.mark.quick(1)
@pytest.mark.parametrize("equation", ["secular", "redfield", slow("universal")])
@pytest.mark.parametrize("operator", [TILTED, slow(SIGMA_Z / 2)], ids=["tilted", "fixed"])
def test_cost_is_flat_in_slowness(equation: str, operator: np.ndarray) -> None:
    """Six decades: the second order of what fast elements move shows how equilibria shift."""
    bath = ac.Bath(
        operator, Debye(reorganization_energy=0.05, relaxation_rate=2.0), 1.0, equation=equation
    )
    for rate in 10.0 ** -np.arange(0, 7, 2):
        found = ac.propagate(LEVELS, ac.drive.Linear(-20, 20, rate=rate), environment=bath)
        assert found.panels <= 40
        assert found.error_estimate < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("equation", ["redfield", "universal"])
def test_slow_panels_against_a_stepping_solver(equation: str) -> None:
    from tests.systems.lindblad import propagator

    bath = ac.Bath(
        TILTED, Debye(reorganization_energy=0.2, relaxation_rate=2.0), 1.0, equation=equation
    )
    sweep = ac.drive.Linear(-4, 4, rate=0.05)
    found = ac.propagate(LEVELS, sweep, environment=bath)
    assert np.max(np.abs(found.superoperator - propagator(LEVELS, sweep, bath))) < 1e-9


def test_populations_relax_to_equilibrium() -> None:
    """Detailed balance, whatever the operator: the steady state of the secular equation."""
    still = np.diag([-1.0, 0.2, 1.1]) + 0j
    a = random_hermitian(np.random.default_rng(1), 3)
    bath = ac.Bath(a, DENSITIES["ohmic"], 0.8)
    rest = ac.propagate(
        ac.Hamiltonian.affine(still, 0 * still), ac.drive.Linear(0, 1, rate=1e-5), environment=bath
    )
    weights = np.exp(-np.diag(still).real / 0.8)
    assert np.max(np.abs(rest.probabilities - weights / weights.sum())) < 1e-9


@pytest.mark.slow
def test_a_bath_on_sigma_z_does_not_count_when_cold() -> None:
    """Wubs et al. at θ = 0: the exact answer is blind to the bath, the weak equations nearly."""
    sweep = ac.drive.Linear(-60, 60, rate=1.0)
    alone = ac.propagate(ac.models.LandauZener(gap=0.5), sweep).probabilities[0]
    for coupling in (0.01, 0.02):
        bath = ac.Bath(
            SIGMA_Z / 2, Ohmic(reorganization_energy=coupling, cutoff=1.0), 0.0, equation="redfield"
        )
        found = ac.propagate(ac.models.LandauZener(gap=0.5), sweep, environment=bath)
        assert abs(found.probabilities[0] - alone) < 0.3 * coupling


@pytest.mark.slow
def test_no_coupling_is_no_bath() -> None:
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    alone = ac.propagate(LEVELS, sweep).transition_matrix
    faint = Debye(reorganization_energy=1e-12, relaxation_rate=1.0)
    for equation in ("secular", "redfield", "universal"):
        found = ac.propagate(
            LEVELS, sweep, environment=ac.Bath(TILTED, faint, 1.0, equation=equation)
        )
        assert np.max(np.abs(found.transition_matrix - alone)) < 1e-9


def test_negative_probabilities_are_said() -> None:
    bath = ac.Bath(
        TILTED, Debye(reorganization_energy=0.05, relaxation_rate=2.0), 1.0, equation="redfield"
    )
    found = ac.propagate(LEVELS, ac.drive.Linear(-20, 20, rate=1e-4), environment=bath)
    least = np.linalg.eigvalsh(found.density_matrix)[0]
    assert least < -1e-3
    assert any("not positive" in line and f"{least:.2g}" in line for line in found.warnings)
    assert any("completely positive" in line for line in found.warnings)
    one = ac.propagate(LEVELS, ac.drive.Linear(-20, 20, rate=1e-4), environment=bath, whole=False)
    assert any("not positive" in line for line in one.warnings)


@pytest.mark.slow
def test_the_other_equations_stay_positive() -> None:
    for equation in ("secular", "universal"):
        kept = ac.Bath(
            TILTED, Debye(reorganization_energy=0.05, relaxation_rate=2.0), 1.0, equation=equation
        )
        found = ac.propagate(LEVELS, ac.drive.Linear(-20, 20, rate=1e-4), environment=kept)
        assert found.choi_eigenvalues().min() > -1e-10


def test_equal_steps_of_a_ladder_are_in_doubt() -> None:
    """Coherences that turn alike pass on to each other: the secular equation leaves that out."""
    ladder = np.diag(np.sqrt(np.arange(1.0, 3)), 1)
    H = ac.Hamiltonian.affine(np.diag([0.0, 1.0, 2.0]), np.zeros((3, 3)))
    weak = Debye(reorganization_energy=1e-4, relaxation_rate=2.0)
    bath = ac.Bath(ladder + ladder.T, weak, 1.0)
    found = ac.propagate(H, ac.drive.Linear(0, 1, rate=0.1), environment=bath)
    assert any("secular" in line for line in found.warnings)
    far = ac.Bath(TILTED, weak, 1.0)
    swept = ac.propagate(LEVELS, ac.drive.Linear(-5, 5, rate=1.0), environment=far)
    assert swept.warnings == ()


def test_strong_coupling_is_in_doubt() -> None:
    bath = ac.Bath(SIGMA_Z, Debye(reorganization_energy=3.0, relaxation_rate=1.0), 1.0)
    found = ac.propagate(LEVELS, ac.drive.Linear(-5, 5, rate=1.0), environment=bath)
    assert any("Weak coupling" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SIGMA_Z, 0.1, 1.0), "`spectral_density` must be a SpectralDensity"),
        ((SIGMA_Z, Discrete(frequencies=[1.0], huang_rhys=[1.0]), 1.0), "be a continuum"),
        ((SIGMA_Z, DENSITIES["ohmic"], -1.0), "`temperature`"),
        (([[0, 1], [0, 0]], DENSITIES["ohmic"], 1.0), "`operator`"),
        (
            (SIGMA_Z, Continuum(lambda w: np.sqrt(w) * np.exp(-w), scales=1.0), 1.0),
            "begin at least linearly",
        ),
    ],
)
def test_bad_baths(arguments: tuple, message: str) -> None:
    with pytest.raises(ac.InputError, match=message):
        ac.Bath(*arguments)
    with pytest.raises(ac.InputError, match="equation"):
        ac.Bath(SIGMA_Z, DENSITIES["ohmic"], 1.0, equation="redfeld")
    with pytest.raises(ac.InputError, match="not negative"):
        Continuum(lambda w: np.sin(w) * np.exp(-w), scales=1.0)


def test_a_white_density_diverges_where_levels_differ() -> None:
    thermal = ac.ThermalRelaxation(temperature=1.0, spectral_density=0.1, operator=SIGMA_Z)
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    with pytest.raises(ac.InputError, match="zero_frequency=False"):
        ac.propagate(LEVELS, sweep, environment=thermal)


def test_rates_that_diverge_where_sectors_cross_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T J/ω between levels that meet; not where A couples no two of them."""
    still = np.array([[0, 0.3, 0, 0], [0.3, 0, 0, 0], [0, 0, 0.7, 0.2], [0, 0, 0.2, 0.7]])
    moving, sweep = np.diag([1.0, -1.0, 0.5, -0.5]), ac.drive.Linear(-5, 5, rate=1.0)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    apart = np.kron(np.eye(2), [[0.2, 1.0], [1.0, -0.3]])

    def swept(operator: np.ndarray | None, turn: np.ndarray) -> ac.dynamics.Propagation:
        H = ac.Hamiltonian.affine(turn @ still @ turn.T, turn @ moving @ turn.T)
        thermal = ac.ThermalRelaxation(
            temperature=1.0, spectral_density=0.1, operator=operator, zero_frequency=False
        )
        return ac.propagate(H, sweep, environment=thermal + ac.Dephasing(0.1))

    kept = swept(turn @ apart @ turn.T, turn).probabilities
    assert kept.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.sum(kept > 1e-9) == 2  # of the sector that it began in
    from anticrossing.dynamics import panels

    monkeypatch.setattr(panels, "solve", None)
    for operator in (None, turn @ np.ones((4, 4)) @ turn.T):
        with pytest.raises(ac.InputError, match="where two levels meet"):
            swept(operator, turn)


@pytest.mark.slow
def test_all_orders_by_path_integral_and_hierarchy() -> None:
    """A biased sweep: QuTiP's hierarchy, a path integral and, weakly coupled, Redfield."""
    pytest.importorskip("qutip")
    sweep, step, heat = ac.drive.Linear(-5, 8, rate=1.0), 0.1, 1.0
    for strength, agree in ((0.1, None), (0.005, 1e-3)):
        density = Debye(reorganization_energy=strength, relaxation_rate=2.0)
        chain = influence(density.continuum, heat, step, 130, 40, 1e-7)
        ground = np.linalg.eigh(np.asarray(LEVELS(-5.0)))[1][:, 0]
        upper = np.linalg.eigh(np.asarray(LEVELS(8.0)))[1][:, 1]
        rho = follow(
            chain, lambda t: np.asarray(LEVELS(t)), np.outer(ground, ground), -5.0, step, 130
        )
        by_path = float((upper @ rho @ upper).real)
        bath = ac.Bath(SIGMA_Z / 2, density, heat, equation="redfield")
        hierarchy = ac.qutip.heom(LEVELS, sweep, bath, tolerance=1e-4).probabilities[1]
        assert hierarchy == pytest.approx(by_path, abs=1e-3)
        if agree is not None:
            weak = ac.propagate(LEVELS, sweep, environment=bath).probabilities[1]
            assert weak == pytest.approx(hierarchy, abs=agree)


@pytest.mark.slow
def test_one_influence_serves_every_sweep() -> None:
    """Exact dephasing between still levels, from one chain for several durations."""
    density, heat, step = Debye(reorganization_energy=0.3, relaxation_rate=2.0), 1.0, 0.1
    from tests.systems.path_integral import twice_integrated

    chain = influence(density.continuum, heat, step, 40, 40, 1e-10)
    rho = np.full((2, 2), 0.5)
    for steps in (10, 40):
        found = follow(chain, lambda t: np.zeros((2, 2)), rho, 0.0, step, steps)[0, 1]
        exact = 0.5 * np.exp(
            -twice_integrated(density.continuum, heat, np.array([steps * step]))[0].real
        )
        assert found == pytest.approx(exact, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1.0, 1e-3, 1e-5])
def test_the_spectrum_of_the_generator_is_another_way(rate: float) -> None:
    """Redfield's equation as any linear one, whose panels know nothing of H."""
    from anticrossing.dynamics import panels
    from anticrossing.dynamics.linear import LinearKernel

    bath = ac.Bath(
        TILTED, Debye(reorganization_energy=0.05, relaxation_rate=2.0), 1.0, equation="redfield"
    )
    sweep = ac.drive.Linear(-20, 20, rate=rate)
    lanes = Lanes.of(LEVELS, sweep)

    def generators(lanes: Lanes, times: np.ndarray, lane: np.ndarray) -> np.ndarray:
        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        rates = liouville.eigen_generator(bath.eigen_rates(nodes))
        inside = liouville.in_basis(rates, nodes.vectors)
        return liouville.commutator(matrices) + inside + bath.superoperator(nodes)

    kernel = LinearKernel(generators, 4, conserved=np.eye(2).ravel())
    other = panels.solve(lanes, kernel, tolerance=1e-11).propagator[0]
    found = ac.propagate(LEVELS, sweep, environment=bath).superoperator
    assert np.max(np.abs(found - other)) < 1e-9


@pytest.mark.parametrize(
    ("equation", "coldest", "lamb_shift"),
    [
        ("secular", 0.0, False),
        pytest.param("secular", 0.0, True, marks=pytest.mark.slow),
        pytest.param("redfield", 0.0, True, marks=pytest.mark.slow),
        pytest.param("universal", 0.3, True, marks=pytest.mark.slow),
    ],
)
def test_temperatures_and_couplings_make_a_batch(
    equation: str, coldest: float, lamb_shift: bool
) -> None:
    """Every point is what it is alone, also beside a batch of gaps, and at T = 0."""
    made: Any = {"equation": equation, "lamb_shift": lamb_shift}
    warm, strong = np.array([coldest, 1.0]), np.array([0.5, 1.0, 2.0])[:, None]
    density = Ohmic(reorganization_energy=0.02, cutoff=5.0)
    operators = np.sqrt(strong)[..., None, None] * TILTED
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    many = ac.Bath(operators, density, warm, **made)
    assert many.batch_shape == (3, 2)
    levels = ac.models.LandauZener(gap=np.array([0.8, 1.2]))
    found = ac.propagate(levels, sweep, environment=many).probabilities
    for i, k in ((0, 0), (1, 1), (2, 0)):
        scaled = Ohmic(reorganization_energy=0.02 * float(strong[i, 0]), cutoff=5.0)
        one = ac.Bath(TILTED, scaled, float(warm[k]), **made)
        gap = ac.models.LandauZener(gap=[0.8, 1.2][k])
        alone = ac.propagate(gap, sweep, environment=one).probabilities
        assert found[i, k] == pytest.approx(alone, abs=1e-9)


def test_batches_of_a_bath_that_do_not_fit() -> None:
    density = Ohmic(reorganization_energy=0.02, cutoff=5.0)
    with pytest.raises(ac.InputError, match="`temperature`"):
        ac.Bath(np.stack([TILTED] * 3), density, [0.1, 0.2])
    bath = ac.Bath(TILTED, density, [0.1, 0.2, 0.3])
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    with pytest.raises(ac.InputError):
        ac.propagate(ac.models.LandauZener(gap=np.array([0.8, 1.2])), sweep, environment=bath)
    with pytest.raises(ac.InputError, match="single"):
        ac.qutip.heom(LEVELS, sweep, bath)


def test_a_bath_along_a_path_is_the_one_along_its_coordinate() -> None:
    """And noise of an operator beside it; noise of no coordinate is meant along a path."""
    plane = ac.Hamiltonian.from_matrix([["x/2", "y/2"], ["y/2", "-x/2"]], coordinates=("x", "y"))
    path = ac.drive.Path(x=ac.drive.Linear(-5, 5, rate=1.0), y=1.0)
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    density = Ohmic(reorganization_energy=0.02, cutoff=5.0)
    noise = ac.environment.noise.TelegraphNoise(0.2, 1.0, SIGMA_Z)
    for equation in ("secular", "redfield"):
        bath = ac.Bath(TILTED, density, 1.0, equation=equation, lamb_shift=False)
        for environment in (bath, bath + noise):
            along = ac.propagate(plane, path, environment=environment, tolerance=1e-8)
            alone = ac.propagate(LEVELS, sweep, environment=environment, tolerance=1e-8)
            assert along.probabilities == pytest.approx(alone.probabilities, abs=1e-7)
    moving = bath + ac.environment.noise.TelegraphNoise(0.2, 1.0)
    with pytest.raises(ac.InputError, match="`operator`"):
        ac.propagate(plane, path, environment=moving)
