"""The driven level of Barra and Esposito: every reference number, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import simpson, solve_ivp

import anticrossing as ac
from anticrossing.dynamics import GaussianState
from anticrossing.thermodynamics import DrivenLevel, driven_level
from tests.effort import cases
from tests.systems.fermions import lowering_operators

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text()
)
OCCUPATION, WORK = REFERENCE["occupation"], REFERENCE["work"]
PUBLISHED = {
    "levels": np.arange(1.0, 10.0),
    "couplings": 0.2,
    "temperature": 1 / 1.2,
    "chemical_potential": 3.0,
    "start": 0.0,
    "stop": 10.0,
    "rate": 1.0,
}


@pytest.fixture(scope="module")
def published() -> DrivenLevel:
    return DrivenLevel(**PUBLISHED)


def unit_bins(values, probabilities):
    """Probabilities of the bins [k − 1/2, k + 1/2), by k."""
    bins = {}
    for value, probability in zip(np.floor(values + 0.5), probabilities, strict=True):
        bins[int(value)] = bins.get(int(value), 0.0) + probability
    return bins


def distances(first, second):
    """Total variation in unit bins, Wasserstein and Kolmogorov distance of two lists of atoms."""
    bins = [unit_bins(*law) for law in (first, second)]
    keys = set(bins[0]) | set(bins[1])
    variation = 0.5 * sum(abs(bins[0].get(k, 0.0) - bins[1].get(k, 0.0)) for k in keys)
    points = np.concatenate([first[0], second[0]])
    weights = np.concatenate([first[1], -second[1]])
    order = np.argsort(points, kind="stable")
    gap = np.abs(np.cumsum(weights[order]))
    steps = np.diff(points[order])
    apart = np.append(steps, 1.0) > 1e-9  # atoms closer than rounding count as one
    return variation, float(gap[:-1] @ steps), float(gap[apart].max())


# ---- the reference numbers ----------------------------------------------------------------------


def test_occupations_of_the_chain(published):
    assert abs(published.chain.diabatic_probabilities[0] - OCCUPATION["R"]) < 1e-12
    assert np.max(np.abs(published.reservoir_occupations - OCCUPATION["f"])) < 1e-12
    for key, initial in (("p1_is_1", 1.0), ("eq_start", None)):
        ledger = published.run(initial)
        assert np.max(np.abs(ledger.occupations - OCCUPATION[f"chain_{key}"])) < 1e-12
        produced = ledger.entropy_production[1:]
        assert np.max(np.abs(produced - OCCUPATION[f"sigma_{key}"])) < 1e-12


def test_exact_occupations(published):
    times = [float(t) for t in OCCUPATION["exact"]]
    exact = published.evolve(1.0, times=times)
    values = [float(value) for value in OCCUPATION["exact"].values()]
    assert np.max(np.abs(exact.occupations - values)) < 1e-9
    grid = np.array([float(t) for t in OCCUPATION["p_grid01"]])
    curve = published.evolve(1.0, times=grid).occupations
    assert np.max(np.abs(curve - list(OCCUPATION["p_grid01"].values()))) < 1e-9
    # The staircase counts a crossing from the moment at which the levels are equal.
    crossed = np.searchsorted(published.levels, grid, side="right")
    deviation = curve - published.run(1.0).occupations[crossed]
    assert abs(np.max(np.abs(deviation)) - OCCUPATION["max_dev"]) < 1e-9
    assert abs(np.sqrt(np.mean(deviation**2)) - OCCUPATION["rms_dev"]) < 1e-9


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_work_of_the_chain(published, direction):
    work = published.work_distribution(method="landau-zener", direction=direction)
    expected = WORK[f"LZ_{direction}"]
    check_moments(work, expected, 1e-12)
    values, probabilities = work.atoms()
    bins = unit_bins(values, probabilities)
    for key, value in WORK[f"LZ_{direction}_pmf"].items():
        assert abs(bins[int(key)] - value) < 1e-12


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("scheme", ["coupled", "decoupled"])
def test_exact_work(published, scheme, direction):
    key = {"coupled": "A", "decoupled": "B"}[scheme] + f"_{scheme}_"
    key += {"forward": "fwd", "backward": "bwd"}[direction]
    work = published.work_distribution(scheme=scheme, direction=direction)
    check_moments(work, WORK[key], 1e-9)
    values, probabilities = work.atoms()
    assert abs(probabilities.sum() - WORK[key]["norm"]) < 1e-9
    bins = unit_bins(values, probabilities)
    for place, value in WORK[f"{key}_binned"].items():
        assert abs(bins[int(place)] - value) < 1e-9
    listed = {int(place) for place in WORK[f"{key}_binned"]}
    assert all(value < 1e-9 for place, value in bins.items() if place not in listed)

    chain = published.work_distribution(method="landau-zener", direction=direction)
    found = distances((values, probabilities), chain.atoms())
    expected = WORK[f"{key}_dist"]
    for value, name in zip(found, ("TV_unitbin", "W1", "KS"), strict=True):
        assert abs(value - expected[name]) < 1e-9, name
    if direction == "forward":
        dot = chain.free_energy_difference
        ratio = work.exponential_average * np.exp(1.2 * dot)
        assert abs(ratio - WORK[key]["jarz_ratio_dot"]) < 1e-9


def check_moments(work, expected, tolerance):
    assert abs(work.mean - expected["mean"]) < tolerance
    assert abs(work.variance - expected["var"]) < tolerance
    assert abs(work.skewness - expected["skew"]) < tolerance
    assert abs(work.exponential_average / expected["jarz"] - 1) < tolerance
    assert abs(work.jarzynski_ratio - 1) < max(tolerance, 1e-10) / 10
    assert abs(work.free_energy_difference - expected["dOmega"]) < tolerance
    dissipated = work.mean - work.free_energy_difference
    assert abs(dissipated - expected["diss"]) < tolerance


def test_number_of_transitions_counted(published):
    from anticrossing.thermodynamics import enumerate_transitions

    found = enumerate_transitions(published.propagator, occupations=np.full(10, 0.5))
    assert found.probabilities.size == WORK["A_coupled_natoms"] == WORK["B_decoupled_natoms"]


# ---- fluctuation relations ----------------------------------------------------------------------


@cases(15)
@given(
    size=st.integers(1, 7),
    seed=st.integers(0, 10_000),
    beta=st.floats(0.1, 3.0),
    mu=st.floats(-2.0, 6.0),
    rate=st.floats(0.05, 20.0),
    rising=st.booleans(),
    scheme=st.sampled_from(["coupled", "decoupled"]),
)
def test_jarzynski_and_crooks_for_any_parameters(size, seed, beta, mu, rate, rising, scheme):
    rng = np.random.default_rng(seed)
    levels = np.cumsum(rng.uniform(0.2, 1.5, size=size))
    start, stop = -0.7, levels[-1] + 0.6
    system = DrivenLevel(
        levels=levels,
        couplings=rng.normal(size=size) * 0.4,
        temperature=1 / beta,
        chemical_potential=mu,
        start=start if rising else stop,
        stop=stop if rising else start,
        rate=rate if rising else -rate,
    )
    forward = system.work_distribution(scheme=scheme)
    backward = system.work_distribution(scheme=scheme, direction="backward")
    assert abs(forward.jarzynski_ratio - 1) < 1e-10
    assert abs(backward.jarzynski_ratio - 1) < 1e-10
    assert abs(forward.free_energy_difference + backward.free_energy_difference) < 1e-12
    u = rng.uniform(-3, 3, size=5)
    left = forward.characteristic_function(u + 1j * beta)
    left = left * np.exp(beta * forward.free_energy_difference)
    assert np.max(np.abs(left - backward.characteristic_function(-u))) < 1e-10


def test_product_scheme_breaks_jarzynski_and_is_only_enumerated(published):
    work = published.work_distribution(scheme="product")
    values, probabilities = work.atoms()
    assert abs(probabilities.sum() - 1) < 1e-12
    assert abs(work.jarzynski_ratio - 1) > 1e-3
    # Its mean is Tr[H_T U ρ U†] − Tr[H_0 ρ], which the dephasing in between changes: by hand.
    first, before = np.linalg.eigh(published.hamiltonian(0.0))
    occupied = [1 / (np.exp(-3 * 1.2) + 1), *published.reservoir_occupations]
    dephased = np.diag(np.diag(before.T @ np.diag(occupied) @ before))
    last, after = np.linalg.eigh(published.hamiltonian(10.0))
    moved = after.T @ published.propagator @ before
    mean = (moved @ dephased @ moved.conj().T).diagonal().real @ last - dephased.diagonal() @ first
    assert abs(work.mean - mean) < 1e-10
    u = np.array([0.0, 0.4, 0.4 + 0.3j])
    direct = np.exp(1j * u[:, None] * values) @ probabilities
    assert np.max(np.abs(work.characteristic_function(u) - direct)) < 1e-10
    drawn = work.sample(4000, np.random.default_rng(5))
    assert abs(drawn.mean() - work.mean) < 3 * np.sqrt(work.variance / 4000)

    eleven = DrivenLevel(**(PUBLISHED | {"levels": np.arange(1.0, 12.0)}))
    with pytest.raises(ac.InputError, match="at most 10 reservoir levels, not 11"):
        eleven.work_distribution(scheme="product")


def test_full_counting_obeys_the_joint_relation_and_the_first_law(published):
    forward, backward = published.full_counting(), published.full_counting(direction="backward")
    fields = np.array([0.3, -0.2, 0.7])
    change = published.work_distribution(scheme="decoupled").free_energy_difference
    shifted = forward.characteristic_function(fields + np.array([1.2j, 0, 0]))
    assert abs(shifted * np.exp(1.2 * change) - backward.characteristic_function(-fields)) < 1e-10
    # ΔE = w + q + μN holds in every single run: the coupled fields see only the level's energy.
    exact = published.evolve()
    work, heat, particles = forward.mean
    energy = work + heat + 3.0 * particles
    assert abs(heat - exact.heat[-1]) < 1e-10
    assert abs(particles - (exact.occupations[-1] - exact.initial.occupations[0])) < 1e-10
    assert abs(energy - (10 * exact.occupations[-1] - 0.0)) < 1e-10


def boltzmann(matrix, beta):
    """exp(−β H) of a real symmetric matrix."""
    energies, vectors = np.linalg.eigh(matrix)
    return (vectors * np.exp(-beta * energies)) @ vectors.T


@pytest.mark.parametrize("rising", [True, False])
def test_every_scheme_against_the_whole_fock_space(rising):
    """Both protocols integrated in the 8-dimensional Fock space, the reversed drive by itself."""
    levels, couplings, beta, mu = np.array([1.0, 2.2]), np.array([0.35, -0.2]), 0.8, 1.3
    ends, rate = ((0.2, 3.1), 1.3) if rising else ((3.1, 0.2), -1.3)
    system = DrivenLevel(
        levels=levels, couplings=couplings, temperature=1 / beta, chemical_potential=mu,
        start=ends[0], stop=ends[1], rate=rate,
    )  # fmt: skip
    operators = lowering_operators(3)
    number, *others = [operator.T @ operator for operator in operators]
    total = number + sum(others)
    free = sum(level * other for level, other in zip(levels, others, strict=True))
    hops = sum(g * operators[0].T @ c for g, c in zip(couplings, operators[1:], strict=True))
    coupled = free + hops + hops.T
    u = np.linspace(-6, 6, 25)
    for direction in ("forward", "backward"):
        first, last = ends if direction == "forward" else ends[::-1]
        duration = 2.9 / 1.3

        def slope(t, y, first=first, last=last, duration=duration):
            position = first + (last - first) * t / duration
            return (-1j * (coupled + position * number) @ y.reshape(8, 8)).ravel()

        start = np.eye(8, dtype=complex).ravel()
        solved = solve_ivp(slope, (0, duration), start, method="DOP853", rtol=1e-11, atol=1e-12)
        U = solved.y[:, -1].reshape(8, 8)
        for scheme, prepared, measured in (
            ("coupled", coupled, coupled),
            ("decoupled", free, free),
            ("product", free, coupled),
        ):
            rho = boltzmann(prepared + first * number - mu * total, beta)
            before, v = np.linalg.eigh(measured + first * number)
            after, w = np.linalg.eigh(measured + last * number)
            chances = np.abs(w.T @ U @ v) ** 2 * np.diag(v.T @ rho @ v) / np.trace(rho)
            values, chances = (after[:, None] - before).ravel(), chances.ravel()
            partition = [
                np.trace(boltzmann(measured + end * number - mu * total, beta))
                for end in (first, last)
            ]
            work = system.work_distribution(scheme=scheme, direction=direction)
            change = -np.log(partition[1] / partition[0]) / beta
            assert work.free_energy_difference == pytest.approx(change, abs=1e-13)
            assert work.mean == pytest.approx(chances @ values, abs=1e-9)
            expected = np.exp(1j * np.outer(u, values)) @ chances
            assert np.max(np.abs(work.characteristic_function(u) - expected)) < 1e-9
            listed, weights = work.atoms()
            assert np.max(np.abs(np.exp(1j * np.outer(u, listed)) @ weights - expected)) < 1e-9
            average = chances @ np.exp(-beta * values)
            assert work.exponential_average == pytest.approx(average, rel=1e-9)


# ---- exact thermodynamics -----------------------------------------------------------------------


def test_entropy_production_is_information_plus_relative_entropy(published):
    exact = published.evolve(0.4, times=[0.0, 3.3, 10.0])
    final, reservoir = exact.evolution.state, list(range(1, 10))
    change = exact.reservoir_occupations[-1] - published.reservoir_occupations
    energy = change @ (published.levels - 3.0)
    thermal = GaussianState.product(published.reservoir_occupations)
    relative = 1.2 * energy - (final.entropy(reservoir) - thermal.entropy())
    assert abs(exact.entropy_production[-1] - exact.mutual_information - relative) < 1e-10
    assert exact.mutual_information > 0
    assert relative > 0
    assert abs(exact.entropy_production[0]) < 1e-12
    assert np.all(exact.entropy_production >= -1e-12)
    # Work is the change of the whole energy, the work of the driving force its integral.
    times = np.linspace(0, 10, 401)
    power = published.evolve(0.4, times=times)
    integral = simpson(power.occupations, x=times)
    assert abs(integral - power.work[-1]) < 1e-6


def test_coupled_start_is_stationary_without_a_drive(published):
    still = DrivenLevel(**(PUBLISHED | {"start": 0.0, "stop": 1e-9, "rate": 1e-9}))
    exact = still.evolve(coupled=True)
    assert np.max(np.abs(exact.evolution.occupations[-1] - exact.initial.occupations)) < 1e-8
    assert exact.initial.occupations[0] != pytest.approx(published.evolve().initial.occupations[0])


@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0])
def test_chain_is_demkov_osherov_for_infinite_drives(rate):
    levels, couplings = np.array([-2.0, -0.5, 0.4, 1.7]), np.array([0.3, 0.15, 0.25, 0.2])
    system = DrivenLevel(
        levels=levels, couplings=couplings, temperature=1 / 0.9, start=-50.0, stop=50.0, rate=rate
    )
    matrix = ac.formulas.demkov_osherov(
        levels=levels, couplings=couplings, sweep_rate=rate
    ).transition_matrix
    occupied = np.concatenate([[0.3], system.reservoir_occupations])
    ledger = system.run(0.3)
    final = matrix @ occupied
    assert abs(ledger.occupations[-1] - final[0]) < 1e-12
    assert np.max(np.abs(ledger.reservoir_occupations_after - final[1:])) < 1e-12


@pytest.mark.slow
def test_exact_occupation_tends_to_the_chain_as_the_window_grows():
    levels, couplings = np.array([-1.0, 0.0, 1.5]), np.array([0.3, 0.2, 0.25])
    hamiltonian = ac.models.DemkovOsherov(levels=levels, couplings=couplings)
    differences = []
    for reach in (1e2, 1e4, 1e6, 1e8):
        system = DrivenLevel(
            levels=levels,
            couplings=couplings,
            temperature=1 / 0.9,
            start=-reach,
            stop=reach,
            rate=1.0,
        )
        exact = ac.propagate(
            hamiltonian,
            ac.drive.Linear(-reach, reach, rate=1.0),
            basis="superadiabatic",
            tolerance=1e-12,
        )
        # Superadiabatic levels at the start: driven level lowest; at the end: highest.
        occupied = np.concatenate([[0.3], system.reservoir_occupations])
        final = exact.transition_matrix @ occupied
        differences.append(abs(final[-1] - system.run(0.3).occupations[-1]))
    assert differences[-1] < 1e-8
    assert max(differences) < exact.error_estimate


# ---- varying speed, direction, windows ----------------------------------------------------------


def test_speed_that_varies_from_level_to_level():
    rates = np.array([0.5, 2.0, 1.0])
    system = DrivenLevel(
        levels=[1.0, 3.0, 5.0], couplings=0.2, temperature=1.0, start=0.0, stop=6.0, rate=rates
    )
    assert np.allclose(system.chain.diabatic_probabilities, np.exp(-2 * np.pi * 0.04 / rates))
    passing = [np.interp(level, *_path(system)) for level in (1.0, 3.0, 5.0)]
    assert np.allclose(system.drive.velocity(passing), rates)
    same = DrivenLevel(
        levels=[1.0, 3.0, 5.0], couplings=0.2, temperature=1.0, start=0.0, stop=6.0, rate=[1.0] * 3
    )
    plain = DrivenLevel(
        levels=[1.0, 3.0, 5.0], couplings=0.2, temperature=1.0, start=0.0, stop=6.0, rate=1.0
    )
    assert np.max(np.abs(same.propagator - plain.propagator)) < 1e-12


@pytest.mark.parametrize("sinks", [False, True])
@pytest.mark.parametrize(
    ("window", "expected"),
    [
        # speeds 0.5, 2, 1 at 1, 3, 5: they change at 2 and 4, whether a level is met or not
        ((0.0, 6.0), 2 / 0.5 + 2 / 2 + 2 / 1),
        ((1.5, 6.0), 0.5 / 0.5 + 2 / 2 + 2 / 1),
        ((3.2, 3.8), 0.6 / 2),
        ((3.5, 4.5), 0.5 / 2 + 0.5 / 1),
        ((20.0, 21.0), 1 / 1),
        ((-3.0, -1.0), 2 / 0.5),
    ],
)
def test_speed_changes_half_way_between_levels(window, expected, sinks):
    start, stop = window[::-1] if sinks else window
    rates = np.array([0.5, 2.0, 1.0]) * (-1 if sinks else 1)
    system = DrivenLevel(
        levels=[1.0, 3.0, 5.0], couplings=0.2, temperature=1.0, start=start, stop=stop, rate=rates
    )
    duration = float(system.drive.stop_time) - float(system.drive.start_time)
    assert duration == pytest.approx(expected, rel=1e-14)


def _path(system):
    times = np.linspace(float(system.drive.start_time), float(system.drive.stop_time), 20001)
    return np.asarray(system.drive(times)), times


def test_sinking_level_is_the_mirror_image():
    rising = DrivenLevel(**PUBLISHED)
    sinking = DrivenLevel(
        levels=-PUBLISHED["levels"][::-1],
        couplings=0.2,
        temperature=1 / 1.2,
        chemical_potential=-3.0,
        start=0.0,
        stop=-10.0,
        rate=-1.0,
    )
    # Particle–hole symmetry: holes of the mirrored level behave as particles.
    assert abs(sinking.run(0.0).occupations[-1] - (1 - rising.run(1.0).occupations[-1])) < 1e-12
    holes = 1 - sinking.evolve(0.0).occupations[-1]
    assert abs(holes - rising.evolve(1.0).occupations[-1]) < 1e-12


def test_levels_outside_the_window_are_reported_not_refused():
    system = DrivenLevel(**(PUBLISHED | {"start": 2.5, "stop": 6.5}))
    assert system.chain.energies.tolist() == [3.0, 4.0, 5.0, 6.0]
    assert any("5 of 9 levels are never met" in text for text in system.warnings)
    assert "OUTSIDE" in str(system)
    assert system.evolve().occupations.shape == (2,)
    beyond = DrivenLevel(**(PUBLISHED | {"start": 20.0, "stop": 21.0}))
    assert beyond.chain.energies.size == 0
    assert abs(beyond.work_distribution(method="landau-zener").jarzynski_ratio - 1) < 1e-12


def test_crossings_that_overlap_are_reported():
    crowded = DrivenLevel(**(PUBLISHED | {"couplings": 0.8, "rate": 5.0}))
    text = "\n".join(crowded.warnings)
    assert "√(speed) / level spacing" in text
    assert "gap / level spacing" in text


def test_a_model_does_not_follow_changes_of_its_arguments():
    levels, couplings = np.array([1.0, 2.0]), np.array([0.1, 0.2])
    system = DrivenLevel(**(PUBLISHED | {"levels": levels, "couplings": couplings}))
    levels[0] = couplings[0] = 7.0
    assert system.levels.tolist() == [1.0, 2.0]
    assert system.couplings.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="read-only"):
        system.levels[0] = 0.0
    with pytest.raises(AttributeError):
        system.temperature = 2.0


def test_product_scheme_is_refused_before_any_work(monkeypatch):
    def nothing(*arguments):
        raise AssertionError("propagated before the arguments were checked")

    monkeypatch.setattr(driven_level, "Paths", nothing)
    large = DrivenLevel(**(PUBLISHED | {"levels": np.linspace(1, 9, 11)}))
    with pytest.raises(ac.InputError, match="at most 10 reservoir levels, not 11"):
        large.work_distribution(scheme="product")


def test_entropy_of_a_level_that_stays_full():
    """Rounding takes its occupation above one in some of these."""
    full = []
    for coupling in np.random.default_rng(0).uniform(0, 1e-7, 30):
        system = DrivenLevel(
            levels=[1.0, 2.0, 3.0], couplings=coupling, temperature=0.02,
            chemical_potential=10.0, start=0.0, stop=4.0, rate=1.0,
        )  # fmt: skip
        exact = system.evolve(1.0)
        full.append(exact.occupations[-1])
        assert np.all(np.abs(exact.entropy_production) < 1e-8)
    assert max(full) > 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": [2.0, 1.0]}, "strictly ascending, but level 0 at 2 is above level 1 at 1"),
        ({"levels": [1.0, 1.0]}, "level 0 at 1 is equal to level 1 at 1"),
        ({"levels": []}, "at least one number"),
        ({"levels": 3.0}, "1 dimension"),
        ({"levels": [1.0, np.nan]}, "finite"),
        ({"couplings": [0.1, 0.2]}, r"be one number or have shape \(9,\)"),
        ({"couplings": "strong"}, "number"),
        ({"temperature": 0.0}, "`temperature` must be positive"),
        ({"temperature": -1.0}, "`temperature` must be positive"),
        ({"temperature": [1.0, 2.0]}, "single number"),
        ({"chemical_potential": np.inf}, "finite"),
        ({"stop": 0.0}, "differ from `start`"),
        ({"rate": -1.0}, "point from `start` to `stop`"),
        ({"rate": 0.0}, "point from `start` to `stop`"),
        ({"rate": [1.0] * 8}, r"be one number or have shape \(9,\)"),
    ],
)
def test_bad_models_are_refused(change, message):
    with pytest.raises(ac.InputError, match=message):
        DrivenLevel(**(PUBLISHED | change))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.run(1.5), "initial_occupation"),
        (lambda s: s.run(-0.1), "initial_occupation"),
        (lambda s: s.evolve(1.5), "initial_occupation"),
        (lambda s: s.evolve(0.5, coupled=True), "would be ignored"),
        (lambda s: s.evolve(times=[0, 20]), "must lie in the window"),
        (lambda s: s.work_distribution(method="exakt"), "did you mean `exact`"),
        (lambda s: s.work_distribution(scheme="uncoupled"), "did you mean"),
        (lambda s: s.work_distribution(direction="back"), "did you mean `backward`"),
        (
            lambda s: s.work_distribution(method="landau-zener", scheme="coupled"),
            "would be ignored",
        ),
        (lambda s: s.full_counting(direction="up"), "direction"),
    ],
)
def test_bad_questions_are_refused(published, call, message):
    with pytest.raises(ac.InputError, match=message):
        call(published)
