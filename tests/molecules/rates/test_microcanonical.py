"""Rates at one energy against other programs, their own thermal average, and counted states."""

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.molecules.rates import (
    RovibrationalStates,
    intersystem_crossing_rate,
    microcanonical_rate,
)
from anticrossing.molecules.rates._passages import probability
from tests.effort import slow
from tests.systems.linear_crossing import in_momentum

HARTREE, AMU, LIGHT, BOLTZMANN = 219474.6313632, 1822.888486, 2.99792458e10, 0.695034800
FILE = Path(__file__).parents[2] / "reference_data" / "intersystem_crossing_rates.json"
KNOWN = json.loads(FILE.read_text())
TUNNELLING = ("landau-zener", "weak coupling")


def point(given):
    """Return the arguments of one crossing point, in cm⁻¹ and bohr."""
    difference, mean = given["slope_difference"] * HARTREE, given["mean_slope"] * HARTREE
    # The directions of the slopes do not matter to these passages.
    first = (difference + np.sqrt(difference**2 + 4 * mean**2)) / 2
    mass = given["reduced_mass"] * AMU / HARTREE
    return {
        "coupling": given["coupling"],
        "slopes": (first, first - difference),
        "reduced_mass": mass,
    }


@pytest.mark.parametrize("passage", [slow(TUNNELLING[0]), TUNNELLING[1]])
@pytest.mark.parametrize("given", [KNOWN["nast"][0], slow(KNOWN["nast"][1])])
def test_nast_with_its_count_of_overtones(given, passage):
    """The passages and their convolution give its rates; its vibrational densities are its own."""
    count = given["cells"]
    energies = np.arange(1.0, count + 1)

    def density(frequencies, inertia):
        lines = np.zeros(count)
        lines[0] = 1
        for frequency in frequencies:
            overtones = np.ceil(frequency * np.arange(1, count // frequency + 1)).astype(int)
            np.add.at(lines, overtones[overtones <= count] - 1, 1)
        turning = 4 * np.sqrt(2 * energies / HARTREE * np.prod(np.array(inertia) * AMU)) / HARTREE
        return np.convolve(turning, lines)[:count]

    reactant = density(given["reactant"], given["inertia_reactant"])
    crossing = density(given["crossing"], given["inertia_crossing"])
    if "density" in given:
        assert reactant[given["states_at"] - 1] == pytest.approx(given["density"], rel=1e-5)
    threshold = given["barrier"] * HARTREE
    threshold += (sum(given["crossing"]) - sum(given["reactant"])) / 2
    p = probability(passage, *point(given).values())(energies - threshold)
    if passage == "landau-zener":
        p[: int(np.ceil(threshold))] = 0  # it begins one cell above the crossing
    passing = np.convolve(p, crossing)[:count]
    weight = np.exp(-energies / (BOLTZMANN * given["temperature"]))
    rate = LIGHT * (passing @ weight) / (reactant @ weight)
    assert rate == pytest.approx(given[passage], rel=5e-3)  # three digits are printed


def states_of_mesmer():
    given = KNOWN["mesmer"]
    return [
        RovibrationalStates(frequencies=given[name], rotational_constants=given[f"rotation_{name}"])
        for name in ("reactant", "crossing")
    ]


def test_states_of_mesmer():
    reactant, _ = states_of_mesmer()
    for start, expected in KNOWN["mesmer"]["states"]:
        low, high = reactant.number_of_states([start, start + 200.0], cell=1.0)
        assert high - low == pytest.approx(expected, rel=3e-6)


@pytest.mark.parametrize("passage", [TUNNELLING[0], slow(TUNNELLING[1])])
def test_rates_of_mesmer(passage):
    given, (reactant, crossing) = KNOWN["mesmer"], states_of_mesmer()
    threshold = given["threshold_kJ_mol"] / 2625.49964 * HARTREE
    barrier = threshold + reactant.zero_point_energy - crossing.zero_point_energy
    arguments = point(given) | {"passage": passage}
    for start, expected in zip(given["grains"], given[passage], strict=True):
        edges = np.arange(start, start + 201.0)
        weights = np.diff(reactant.number_of_states(edges, cell=1.0))
        found = microcanonical_rate(
            **arguments, energies=edges, barrier=barrier, reactant=reactant, crossing=crossing,
            cell=1.0,
        )  # fmt: skip
        middle = (found.value[1:] + found.value[:-1]) / 2
        rate = 2 * np.pi * LIGHT * (middle @ weights) / weights.sum()
        if passage == "weak coupling":
            assert rate == pytest.approx(expected, rel=1.5e-3)
            continue
        # It takes P in the middle of cells of 1 cm⁻¹, at whose lower end P begins as 1/√ε.
        assert rate == pytest.approx(expected, rel=0.02)
        counts = crossing.counts(1.0, int(start) + 200)
        energies = np.arange(counts.size) + 0.5 - threshold
        p = probability(passage, *point(given).values())(energies)
        passing = np.convolve(counts, p)[int(start) : int(start) + 200]
        assert LIGHT * passing.sum() / weights.sum() == pytest.approx(expected, rel=6e-3)
    thermal = given["thermal"]
    heat = BOLTZMANN * np.array(thermal["temperatures"])
    ratio = crossing.partition_function(heat) / reactant.partition_function(heat)
    rate = intersystem_crossing_rate(
        **arguments, barrier=threshold, temperature=heat, partition_ratio=ratio
    )
    np.testing.assert_allclose(2 * np.pi * LIGHT * rate.value, thermal[passage], rtol=7e-3)


TURNING = {"rotational_constants": [3.0, 2.0, 1.5]}
SMALL = {
    "coupling": 60.0,
    "slopes": (7000.0, -9000.0),
    "reduced_mass": 0.06,
    "barrier": 2100.0,
    "reactant": RovibrationalStates(frequencies=[500, 900, 1100], **TURNING),
    "crossing": RovibrationalStates(frequencies=[450, 1000], **TURNING, symmetry_number=0.5),
}


def test_cells_too_coarse_for_the_vibrations_are_told():
    """Of 150 cm⁻¹ the rate is off by per cents, of 4.5 cm⁻¹ by less than in a thousand."""
    given = {**SMALL, "energies": [3000.0, 6000.0], "grain": 100.0}
    fine = microcanonical_rate(**given).value
    for cell, trusted in ((150.0, False), (4.5, True)):
        found = microcanonical_rate(**given, cell=cell)
        assert any(said.startswith("cell") for said in found.warnings) != trusted
        assert (np.abs(found.value / fine - 1).max() < 5e-3) == trusted


@pytest.mark.parametrize("passage", ["landau-zener", "weak coupling", "zhu-nakamura"])
def test_thermal_average_is_the_canonical_rate(passage):
    heat, cell = 400.0, 4.0
    energies = np.arange(2.0, 16000.0, cell)
    reactant, crossing = SMALL["reactant"], SMALL["crossing"]
    found = microcanonical_rate(**SMALL, energies=energies, passage=passage, cell=1.0)
    weight = np.exp(-energies / heat) * np.diff(
        reactant.number_of_states(np.arange(0.0, 16001.0, cell), cell=1.0)
    )
    threshold = SMALL["barrier"] + crossing.zero_point_energy - reactant.zero_point_energy
    expected = intersystem_crossing_rate(
        coupling=60.0, slopes=SMALL["slopes"], reduced_mass=0.06, barrier=threshold,
        temperature=heat, passage=passage,
        partition_ratio=crossing.partition_function(heat) / reactant.partition_function(heat),
    )  # fmt: skip
    average = weight @ found.value / reactant.partition_function(heat)
    assert average == pytest.approx(expected.value, rel=6e-3)


@pytest.mark.parametrize(
    ("slopes", "a", "close"),
    [
        ((7000.0, -9000.0), 1.5, 0.02),
        *(slow((7000.0, -9000.0), a, 0.02) for a in (0.5, 4.0)),
        *(slow((9000.0, 7000.0), a, 0.1) for a in (0.5, 1.5, 4.0)),
    ],
)
def test_zhu_nakamura_in_thermal_average_against_exact_scattering(slopes, a, close):
    force, difference = np.sqrt(63e6), abs(slopes[0] - slopes[1])
    coupling = np.cbrt(force * difference / (16 * 0.06 * a * a))
    scale = 2 * coupling * force / difference  # of b²
    b2 = np.linspace(-1200 / scale, 5000 / scale, 400)
    exact = in_momentum(np.full(b2.size, a), b2, slopes[0] * slopes[1] > 0, step=0.06)
    weight = np.exp(-b2 * scale / 400.0)
    expected = np.trapezoid(weight * exact, b2) * scale / 400.0
    found = intersystem_crossing_rate(
        coupling=coupling, slopes=slopes, reduced_mass=0.06, barrier=1200.0,
        temperature=400.0, partition_ratio=1.0, passage="zhu-nakamura",
    )  # fmt: skip
    average = found.value * 2 * np.pi / 400.0 * np.exp(3.0)
    assert average == pytest.approx(expected, rel=close)


def test_states_counted_one_by_one():
    modes = np.array([300.0, 500.0, 800.0])
    states = RovibrationalStates(frequencies=modes)
    levels = np.sort([np.dot(modes, n) for n in product(range(20), range(12), range(8))])
    energies = np.array([100.0, 1100.0, 3100.0, 6000.0])  # the edges of cells
    found = states.number_of_states(energies, cell=100.0)
    assert found == pytest.approx(np.searchsorted(levels, energies))
    linear = RovibrationalStates(
        frequencies=modes, rotational_constants=[2.0], symmetry_number=2, degeneracy=3
    )
    heat = 350.0
    counts = linear.counts(1.0, 12000)
    summed = counts @ np.exp(-(np.arange(12000) + 0.5) / heat)
    assert summed == pytest.approx(linear.partition_function(heat), rel=1e-5)
    assert states.partition_function(heat) == pytest.approx(np.exp(-levels / heat).sum(), rel=1e-6)


def test_refusals():
    good = SMALL | {"energies": [3000.0]}
    still = RovibrationalStates(frequencies=[500, 900, 1100])
    level = RovibrationalStates(frequencies=[600, 1000], **TURNING)
    for change, text in (
        ({"energies": [-1.0]}, "`energies` must be finite and not negative"),
        ({"energies": np.nan}, "`energies`"),
        ({"slopes": (1.0, 1.0)}, "`slopes` must differ"),
        ({"slopes": 1.0}, "pair"),
        ({"slopes": (0.0, 1.0), "passage": "zhu-nakamura"}, "not vanish"),
        ({"crossing": still}, "one vibration fewer"),
        ({"crossing": 3}, "`crossing` must be a RovibrationalStates"),
        ({"reactant": still}, "`grain` must be given"),
        ({"reactant": still, "grain": 1.0, "energies": 3003.3}, "hold a state"),
        ({"barrier": 10.0}, "lie above the reactant"),
        ({"cell": 1e4}, "finer than the lowest vibration"),
        ({"cell": 1e-9}, "at most"),
        ({"passage": "airy"}, "`passage` must be one of"),
        ({"energies": 0.0, "barrier": 450.0, "cell": None, "crossing": level}, "`cell` must"),
    ):
        with pytest.raises(InputError, match=text):
            microcanonical_rate(**good | change)
    for change, text in (
        ({"rotational_constants": [1.0, 2.0]}, "hold three"),
        ({"frequencies": [[1.0]]}, "be a list"),
        ({"frequencies": [0.0]}, "must be positive"),
        ({"degeneracy": 0.0}, "`degeneracy` must be positive"),
    ):
        with pytest.raises(InputError, match=text):
            RovibrationalStates(**{"frequencies": [1.0]} | change)


@pytest.mark.slow
def test_default_cells_resolve_a_slow_vibration():
    slow_mode = RovibrationalStates(frequencies=[9, 900, 1100], **TURNING)
    crossing = RovibrationalStates(frequencies=[8, 1000], **TURNING)
    change = {"energies": 9000.0, "reactant": slow_mode, "crossing": crossing}
    coarse = microcanonical_rate(**SMALL | change).value
    fine = microcanonical_rate(**SMALL | change, cell=0.01).value
    assert coarse == pytest.approx(fine, rel=2e-3)


def test_domains():
    for passage, text in (
        ("landau-zener", "tunnelling below"),
        ("weak coupling", "too strong"),
        ("zhu-nakamura", "coupling is weak"),
    ):
        change = {"coupling": 600.0 if passage == "weak coupling" else 0.5}
        found = microcanonical_rate(**SMALL | change, energies=[2500.0], passage=passage)
        assert text in found.warnings[0]
    assert microcanonical_rate(**SMALL | {"coupling": 0.0}, energies=9000.0).value == 0


def test_tunnelling_begins_at_the_energy_of_the_reactant():
    """Below all vibrations only rotation counts: ``k = ∫₀^E P(E − E₀ − x) √x dx/2π√E``."""
    turning = {"rotational_constants": [5, 2, 1]}
    given = {"coupling": 5.0, "slopes": (6000.0, -9000.0), "reduced_mass": 0.05}
    rate = microcanonical_rate(
        **given, energies=[0.0, 40.0], barrier=1500.0, passage="weak coupling", cell=1.0,
        reactant=RovibrationalStates(frequencies=[600, 900, 1200], **turning),
        crossing=RovibrationalStates(frequencies=[500, 1000], **turning),
    ).value  # fmt: skip
    x = (np.arange(4000) + 0.5) / 100
    passing = probability("weak coupling", *given.values())(40 - 900 - x)
    expected = np.sum(passing * np.sqrt(x)) / 100 / (2 * np.pi * np.sqrt(40))
    assert rate == pytest.approx([0.0, expected], rel=1e-3)


@pytest.mark.parametrize("passage", ["weak coupling", "zhu-nakamura"])
def test_tunnelling_begins_at_the_energy_of_the_product(passage):
    """Out and back there are as many passages: ``k/k_back = e^{−D/T}``, partition sums alike."""
    from scipy.integrate import quad

    given = {"coupling": 30.0, "slopes": (6000.0, -9000.0), "reduced_mass": 0.05}
    above, heat = 300.0, np.array([25.0, 60.0, 250.0])
    common = given | {"passage": passage, "temperature": heat, "partition_ratio": 1.0}
    out = intersystem_crossing_rate(barrier=900.0, product_energy=above, **common)
    back = intersystem_crossing_rate(barrier=900.0 - above, product_energy=-above, **common)
    np.testing.assert_allclose(out.value / back.value, np.exp(-above / heat), rtol=1e-10)
    by_default = intersystem_crossing_rate(barrier=900.0, **common)
    assert by_default.value[0] > 1.5 * out.value[0]  # waves cannot go where there is no state
    if passage == "zhu-nakamura":  # the same integral, slower
        return
    p = probability(passage, *given.values())
    for T, value in zip(heat, out.value, strict=True):
        peak = np.linspace(-600.0, 45 * T, 40)
        parts = [quad(lambda e, T=T: float(p(np.array([e]))[0]) * np.exp(-(e + 900) / T), a, b,
                      epsabs=0, epsrel=1e-9)[0]
                 for a, b in pairwise(peak)]  # fmt: skip
        assert value == pytest.approx(sum(parts) / (2 * np.pi), rel=2e-4)


def test_no_rate_below_the_product():
    turning = {"rotational_constants": [5, 2, 1]}
    given = {"coupling": 5.0, "slopes": (6000.0, -9000.0), "reduced_mass": 0.05}
    states = {
        "reactant": RovibrationalStates(frequencies=[600, 900, 1200], **turning),
        "crossing": RovibrationalStates(frequencies=[500, 1000], **turning),
    }
    rate = microcanonical_rate(
        **given, **states, energies=[99.0, 140.0], barrier=1500.0, passage="weak coupling",
        cell=1.0, product_energy=100.0,
    ).value  # fmt: skip
    x = (np.arange(4000) + 0.5) / 100  # E_zp lowers the crossing to 900
    passing = probability("weak coupling", *given.values())(140 - 900 - x)
    expected = np.sum(passing * np.sqrt(x)) / 100 / (2 * np.pi * np.sqrt(140))
    assert rate == pytest.approx([0.0, expected], rel=1e-3)
    point = given | {"barrier": 1500.0}
    thermal = {"temperature": 200.0, "partition_ratio": 1.0}
    for passage, product_energy, text in (
        ("weak coupling", 901.0, "not lie above the crossing, zero-point energies included"),
        ("landau-zener", 0.0, "be left out where nothing tunnels"),
    ):
        wrong = {"passage": passage, "product_energy": product_energy}
        with pytest.raises(InputError, match=f"`product_energy` must {text}"):
            microcanonical_rate(**point, **states, energies=99.0, **wrong)
    for passage, product_energy, text in (
        ("weak coupling", [100.0, 1501.0], "not lie above the crossing, but it lies 1 above"),
        ("landau-zener", 0.0, "be left out where nothing tunnels"),
    ):
        wrong = {"passage": passage, "product_energy": product_energy}
        with pytest.raises(InputError, match=f"`product_energy` must {text}"):
            intersystem_crossing_rate(**point, **thermal, **wrong)
