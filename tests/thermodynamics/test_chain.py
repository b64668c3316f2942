import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import entr, expit, rel_entr

from anticrossing._core.checks import InputError
from anticrossing.formulas import demkov_osherov
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.dissipation import entropy_production
from tests.effort import cases

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text()
)
PAPER = {"couplings": 0.2, "speeds": 1.0, "temperature": 1 / 1.2, "chemical_potential": 3.0}


def paper_chain(**changes):
    given = {"energies": range(1, 10), "start": 0.0, "stop": 10.0, **PAPER, **changes}
    return LandauZenerChain(**given)


@st.composite
def chains(draw, largest=8):
    """Random rising and sinking chains; some reservoir levels may lie outside the sweep."""
    seed = draw(st.integers(0, 2**32 - 1))
    size = draw(st.integers(0, largest))
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.uniform(-4, 4, size))
    ends = [-4.1, 4.1] if rng.random() < 0.7 else [-2.0, 2.0]
    if draw(st.booleans()):
        energies, ends = energies[::-1], ends[::-1]
    return LandauZenerChain(
        energies=energies,
        couplings=rng.normal(size=size) * 10.0 ** rng.uniform(-3, 0.5),
        speeds=10.0 ** rng.uniform(-2, 2, size),
        temperature=1 / (10.0 ** rng.uniform(-1, 1)),
        chemical_potential=rng.uniform(-3, 3),
        start=ends[0],
        stop=ends[1],
    )


def divergence(p, q):
    return rel_entr(p, q) + rel_entr(1 - np.asarray(p), 1 - np.asarray(q))


@pytest.mark.parametrize(("start", "label"), [(1.0, "p1_is_1"), (None, "eq_start")])
def test_paper_parameters(start, label):
    reference = REFERENCE["occupation"]
    chain = paper_chain()
    ledger = chain.run(start)
    assert np.allclose(chain.diabatic_probabilities, reference["R"], rtol=1e-14)
    assert np.allclose(ledger.reservoir_occupations, reference["f"], rtol=1e-14)
    assert np.allclose(ledger.occupations, reference[f"chain_{label}"], rtol=0, atol=2e-15)
    sigma = reference[f"sigma_{label}"]
    for form in ("", "_from_rates", "_from_work"):
        values = getattr(ledger, f"entropy_production{form}")
        assert values[0] == pytest.approx(0, abs=2e-15)
        assert np.allclose(values[1:], sigma, rtol=0, atol=2e-15), form


def test_figure_3():
    reference = REFERENCE["entropy_production_f0.75"]
    surface = entropy_production(np.array(reference["R"])[:, None], reference["p"], 0.75)
    assert np.allclose(surface, reference["Sigma"], rtol=0, atol=1e-15)
    assert np.all(surface[-1] == 0)  # R = 1
    assert np.all(surface[:, 3] == 0)  # p = f


def test_entropy_production_keeps_its_relative_precision():
    rng = np.random.default_rng(5)
    kinds = [lambda: rng.random(), lambda: 10 ** rng.uniform(-12, 0)]
    with mpmath.workdps(60):
        for _ in range(300):
            r, p, f = (kinds[rng.integers(2)]() for _ in range(3))
            if rng.random() < 0.3:
                p = f * (1 - 10 ** rng.uniform(-12, -2))
            if rng.random() < 0.5:
                p, f = 1 - p, 1 - f
            exact_r, exact_p, exact_f = map(mpmath.mpf, (r, p, f))
            after = exact_r * exact_p + (1 - exact_r) * exact_f

            def relative(a, b):
                return a * mpmath.log(a / b) + (1 - a) * mpmath.log((1 - a) / (1 - b))

            exact = relative(exact_p, exact_f) - relative(after, exact_f)
            assert entropy_production(r, p, f) == pytest.approx(float(exact), rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("r", "p", "f", "expected"),
    [
        (0.3, 0.2, 0.0, np.inf),
        (0.3, 0.2, 1.0, np.inf),
        (0.3, 0.0, 0.0, 0.0),
        (0.3, 1.0, 1.0, 0.0),
        (1.0, 0.2, 0.0, 0.0),
        (0.0, 1.0, 0.25, np.log(4)),
        (0.0, 0.0, 0.25, -np.log(0.75)),
    ],
)
def test_entropy_production_at_the_corners(r, p, f, expected):
    assert entropy_production(r, p, f) == pytest.approx(expected, rel=1e-15)


@cases(80)
@given(chain=chains(), start=st.one_of(st.none(), st.floats(0, 1)))
def test_laws(chain, start):
    ledger = chain.run(start)
    scale = 1 + np.max(np.abs(ledger.positions)) + abs(chain.chemical_potential)
    work = ledger.mechanical_work + ledger.chemical_work
    assert np.allclose(ledger.energy_change, work + ledger.heat, rtol=0, atol=1e-14 * scale)
    produced = ledger.entropy_production
    assert np.all(produced >= 0)
    tolerance = 1e-13 * (1 + chain.beta * scale)
    second = ledger.entropy_change - chain.beta * ledger.heat
    assert np.allclose(produced, second, rtol=0, atol=tolerance)
    assert np.allclose(ledger.entropy_flow, chain.beta * ledger.heat, rtol=1e-12, atol=1e-300)
    assert np.allclose(produced, ledger.entropy_production_from_rates, rtol=0, atol=tolerance)
    assert np.allclose(produced, ledger.entropy_production_from_work, rtol=0, atol=tolerance)
    # T Σ = W − ΔΩ with the mechanical work
    potential = ledger.mechanical_work - np.diff(ledger.grand_potential)
    assert np.allclose(produced, chain.beta * potential, rtol=0, atol=tolerance)
    taken = np.sum(ledger.reservoir_occupations_after - ledger.reservoir_occupations)
    received = ledger.occupations[-1] - ledger.occupations[0]
    assert received == pytest.approx(-taken, abs=1e-14)


@cases(80)
@given(chain=chains(), start=st.floats(0, 1))
def test_sums_over_the_ledger(chain, start):
    ledger = chain.run(start)
    totals = ledger.totals
    assert totals.energy_change == pytest.approx(ledger.energy[-1] - ledger.energy[0], abs=1e-12)
    exact = chain.grand_potential_change
    assert totals.equilibrium_grand_potential_change == pytest.approx(exact, rel=1e-12, abs=1e-13)
    assert totals.dissipated_work == pytest.approx(totals.mechanical_work - exact, abs=1e-12)
    # (7) summed: the relative entropies of the ends remain
    x = chain.beta * (np.array([chain.start, chain.stop]) - chain.chemical_potential)
    p = ledger.occupations[[0, -1]]
    mixed = p * np.logaddexp(0, x) + (1 - p) * np.logaddexp(0, -x)
    change = np.diff(mixed - entr(p) - entr(1 - p))[0]
    scale = 1 + np.max(np.abs(x))
    assert totals.entropy_production == pytest.approx(
        chain.beta * totals.dissipated_work - change, rel=1e-12, abs=1e-13 * scale
    )


@cases(40)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 7), sign=st.sampled_from([1.0, -1.0]))
def test_against_demkov_osherov(seed, size, sign):
    """For one speed the chain is the exact solution between times −∞ and +∞, reservoir included."""
    rng = np.random.default_rng(seed)
    energies = sign * np.sort(rng.uniform(-3, 3, size))
    couplings, speed = rng.uniform(-0.6, 0.6, size), rng.uniform(0.2, 2)
    given = rng.random(size)
    chain = LandauZenerChain(
        energies=energies,
        couplings=couplings,
        speeds=speed,
        temperature=1.0,
        chemical_potential=0.0,
        start=-5.0 * sign,
        stop=5.0 * sign,
        reservoir_occupations=given,
    )
    start = rng.random()
    ledger = chain.run(start)
    matrix = demkov_osherov(
        levels=energies, couplings=couplings, sweep_rate=sign * speed
    ).transition_matrix
    exact = matrix @ np.concatenate(([start], given))
    assert ledger.occupations[-1] == pytest.approx(exact[0], abs=1e-14)
    assert np.allclose(ledger.reservoir_occupations_after, exact[1:], rtol=0, atol=1e-14)
    # a reservoir out of equilibrium: Σ = ΔS − entropy flow still, but not ΔS − Q/T
    produced = ledger.entropy_production
    assert np.all(produced >= 0)
    balance = ledger.entropy_change - ledger.entropy_flow
    assert np.allclose(produced, balance, rtol=0, atol=1e-13)
    assert np.allclose(produced, ledger.entropy_production_from_rates, rtol=0, atol=1e-13)


@pytest.mark.parametrize("start", [None, 0.9])
@pytest.mark.parametrize("direction", [1, -1])
def test_adiabatic_limit(start, direction):
    energies = np.array([1.0, 2.5, 3.1, 4.0])[::direction]
    ends = [0.5, 5.0][::direction]
    chain = paper_chain(energies=energies, start=ends[0], stop=ends[1]).adiabatic_limit()
    ledger = chain.run(start)
    f = expit(-1.2 * (np.concatenate((energies, [ends[1]])) - 3.0))
    first = expit(-1.2 * (ends[0] - 3.0)) if start is None else start
    p = np.concatenate(([first], f[:-1]))
    assert np.allclose(ledger.occupations, p, rtol=1e-15)
    assert np.allclose(ledger.reservoir_occupations_after, p[:-1], rtol=1e-15)
    assert np.allclose(ledger.entropy_production[1:], divergence(p[:-1], f[:-1]), rtol=1e-12)
    dissipated = divergence(f[:-1], f[1:]) / 1.2
    assert np.allclose(ledger.dissipated_work[1:], dissipated, rtol=1e-12)
    assert chain.regime == "adiabatic"
    slow = paper_chain(energies=energies, start=ends[0], stop=ends[1], speeds=1e-6).run(start)
    assert np.allclose(slow.occupations, ledger.occupations, rtol=1e-15)


def test_diabatic_limit():
    chain = paper_chain().diabatic_limit()
    ledger = chain.run(0.4)
    assert np.all(ledger.occupations == 0.4)
    assert np.all(ledger.entropy_production == 0)
    assert np.all(ledger.heat == 0)
    thermal = expit(-1.2 * (ledger.positions - 3.0))
    closed = np.diff(divergence(0.4, thermal)).sum() / 1.2
    assert ledger.totals.dissipated_work == pytest.approx(closed, rel=1e-13)
    assert chain.regime == "diabatic"


def test_nearly_diabatic_crossings_keep_their_digits():
    """1 − R ≈ 1e-15: what little is exchanged is right, and the entropy it produces."""
    chain = paper_chain(energies=[2.0], couplings=1e-8, speeds=0.5)
    ledger = chain.run(0.4)
    swap = 2 * np.pi * 1e-16 / 0.5
    f = expit(1.2)
    assert ledger.heat[1] == pytest.approx(-1.0 * swap * (f - 0.4), rel=1e-14)
    force = 1.2 + np.log(0.6 / 0.4)
    assert ledger.entropy_production[1] == pytest.approx(swap * (f - 0.4) * force, rel=1e-12)


def test_levels_far_from_the_chemical_potential():
    """Occupations that round to 0 and 1, against arithmetic with 400 digits."""
    energies = [-600.0, -35.0, 35.0, 600.0]
    chain = LandauZenerChain(
        energies=energies,
        couplings=0.3,
        speeds=1.0,
        temperature=1.0,
        chemical_potential=0.0,
        start=-700.0,
        stop=700.0,
    )
    with mpmath.workdps(400):
        for start in (0.9, None):
            keep = mpmath.mpf(float(chain.diabatic_probabilities[0]))
            swap = mpmath.mpf(float(chain.adiabatic_probabilities[0]))
            p = 1 / (mpmath.exp(-700) + 1) if start is None else mpmath.mpf(start)
            ledger = chain.run(start)
            for i, energy in enumerate(energies):
                f = 1 / (mpmath.exp(energy) + 1)
                after = keep * p + swap * f
                exact = p * mpmath.log(p / f) + (1 - p) * mpmath.log((1 - p) / (1 - f))
                exact -= after * mpmath.log(after / f)
                exact -= (1 - after) * mpmath.log((1 - after) / (1 - f))
                assert ledger.entropy_production[i + 1] == pytest.approx(float(exact), rel=1e-12)
                p = after
            assert ledger.occupations[-1] == pytest.approx(float(p), rel=1e-14)


def test_slow_limit_is_reversible_as_the_spacing_vanishes():
    """Between fixed ends the total falls as Δε, each crossing as Δε² (adiabatic limit)."""
    counts = np.array([200, 400, 800, 1600])
    total, largest, heat_gap = [], [], []
    for count in counts:
        energies = np.linspace(0, 6, count + 1)[1:-1]
        chain = paper_chain(energies=energies, stop=6.0).adiabatic_limit()
        ledger = chain.run()
        total.append(float(ledger.totals.entropy_production))
        largest.append(float(np.max(ledger.entropy_production)))
        heat_gap.append(float(np.max(np.abs(ledger.entropy_change))))
    spacing = np.log(6 / counts)
    assert np.polyfit(spacing, np.log(total), 1)[0] == pytest.approx(1, abs=0.01)
    assert np.polyfit(spacing, np.log(largest), 1)[0] == pytest.approx(2, abs=0.01)
    assert np.polyfit(spacing, np.log(heat_gap), 1)[0] == pytest.approx(1, abs=0.01)
    # and the constant: Σ → Δε β²/2 ∫ f(1−f) dε = Δε (β/2) [f(0) − f(6)]
    fermi = expit(-1.2 * (np.array([0.0, 6.0]) - 3.0))
    assert total[-1] == pytest.approx(6 / 1600 * 0.6 * (fermi[0] - fermi[1]), rel=1e-3)


def test_only_levels_between_the_ends_are_met():
    chain = paper_chain(
        energies=[-1.0, 0.0, 1.0, 2.0, 3.0],
        couplings=[0.1, 0.2, 0.3, 0.4, 0.5],
        speeds=[1.0, 2.0, 3.0, 4.0, 5.0],
        start=0.0,
        stop=2.5,
        reservoir_occupations=[0.1, 0.2, 0.3, 0.4, 0.5],
    )
    assert chain.energies.tolist() == [1.0, 2.0]
    assert chain.couplings.tolist() == [0.3, 0.4]
    assert chain.speeds.tolist() == [3.0, 4.0]
    assert chain.reservoir.occupied.tolist() == [0.3, 0.4]
    back = chain.backward()
    assert back.energies.tolist() == [2.0, 1.0]
    assert back.diabatic_probabilities.tolist() == chain.diabatic_probabilities[::-1].tolist()


def test_a_sweep_without_crossings_only_lifts():
    ledger = paper_chain(energies=[], stop=2.0).run(0.25)
    assert ledger.occupations.tolist() == [0.25]
    assert ledger.mechanical_work.tolist() == [0.5]
    assert ledger.entropy_production.tolist() == [0.0]
    assert ledger.reservoir_occupations_after.shape == (0,)


def test_batches_come_first():
    chain = paper_chain()
    starts = np.array([[0.0, 0.3, 1.0], [0.1, 0.5, 0.9]])
    ledger = chain.run(starts)
    assert ledger.occupations.shape == (2, 3, 10)
    assert ledger.particle_number.shape == ledger.energy.shape == (2, 3, 11)
    assert ledger.heat.shape == ledger.entropy_production.shape == (2, 3, 10)
    assert ledger.reservoir_occupations_after.shape == (2, 3, 9)
    assert ledger.totals.entropy_production.shape == (2, 3)
    alone = chain.run(0.9)
    assert np.array_equal(ledger.entropy_production[1, 2], alone.entropy_production)
    pure = chain.run(1.0).entropy_production_from_rates
    assert np.array_equal(ledger.entropy_production_from_rates[0, 2], pure)
    assert "shape (2, 3)" in str(ledger)


def test_domain_checks():
    edge = paper_chain()
    assert [float(check.worst) for check in edge.checks] == [1.0, 0.4, 1.0]
    assert all(np.all(check.satisfied) for check in edge.checks)
    fast = paper_chain(speeds=1.1, couplings=0.6)
    assert [bool(np.all(check.satisfied)) for check in fast.checks] == [False, False, False]
    # a reservoir level beyond the end still counts as a neighbour
    near = paper_chain(energies=[1.0, 2.0], speeds=0.01, couplings=0.01, stop=1.5)
    assert near.checks[0].worst == pytest.approx(0.1)
    assert near.checks[2].worst == pytest.approx(0.2)
    assert not paper_chain(energies=[1.0], speeds=0.01, stop=1.05).checks[2].satisfied.all()
    assert edge.regime == "intermediate"
    assert edge.backward().checks[0].worst == 1.0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"energies": [1.0, 1.0]}, "strictly ascend"),
        ({"energies": [2.0, 1.0]}, "strictly ascend"),
        ({"energies": [1.0, 2.0], "start": 5.0, "stop": 0.0}, "strictly descend"),
        ({"energies": [[1.0]]}, "energies"),
        ({"energies": [np.nan]}, "energies"),
        ({"couplings": [0.1, 0.2]}, "couplings"),
        ({"speeds": 0.0}, "speeds"),
        ({"speeds": [[1.0]]}, "speeds"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
        ({"chemical_potential": [1.0, 2.0]}, "chemical_potential"),
        ({"stop": 0.0}, "stop"),
        ({"reservoir_occupations": 1.2}, "reservoir_occupations"),
        ({"reservoir_occupations": [0.5]}, "reservoir_occupations"),
    ],
)
def test_bad_arguments(changes, text):
    with pytest.raises(InputError, match=text):
        paper_chain(**changes)


def test_bad_occupations():
    with pytest.raises(InputError, match="initial_occupation"):
        paper_chain().run(1.1)
    with pytest.raises(InputError, match="initial_occupation"):
        paper_chain().work_statistics([0.1, 0.2])
    with pytest.raises(InputError, match="diabatic_probability"):
        entropy_production(-0.1, 0.5, 0.5)
    with pytest.raises(InputError, match="broadcast"):
        entropy_production([0.1, 0.2], [0.1, 0.2, 0.3], 0.5)


def test_checks_are_ratios_to_the_level_spacing():
    chain = LandauZenerChain(
        energies=[0.0, 10.0, 14.0], couplings=0.05, speeds=0.04, temperature=1.0,
        chemical_potential=0.0, start=-20.0, stop=30.0,
    )  # fmt: skip
    values = {check.quantity: check.value for check in chain.checks}
    assert values["gap / level spacing"] == pytest.approx([0.01, 0.025, 0.025])
    assert values["√(speed) / level spacing"] == pytest.approx([0.02, 0.05, 0.05])
    assert values["width of a crossing / distance from the ends"] == pytest.approx(
        [0.01, 0.01, 0.0125]
    )
