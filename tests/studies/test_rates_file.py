"""Files with thermal rates: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anticrossing import studies
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.environment.spectral_density import Debye, Discrete, Ohmic
from anticrossing.molecules.rates import (
    RovibrationalStates,
    fermi_golden_rule,
    harmonic_partition_ratio,
    intersystem_crossing_rate,
    landau_zener_rate,
    marcus,
    marcus_levich_jortner,
    microcanonical_rate,
    spin_boson_golden_rule,
)
from anticrossing.studies.kinds.rates import RatesOutcome, RatesStudy

EXAMPLES = Path(__file__).parents[2] / "examples"
UNITS = '[units]\nenergy = "eV"\ntemperature = "K"\ntime = "s"\n'
MARCUS = """
[rates]
formulas = ["marcus"]
coupling = 0.001
reorganization_energy = 1.0
reaction_free_energy = -0.5
temperature = 300.0
frequency = 0.01
"""
NATURAL = MARCUS.replace("300.0", "0.02585")
QUANTUM = """
[rates]
formulas = ["marcus", "marcus_levich_jortner", "spin_boson_golden_rule"]
coupling = 0.001
reorganization_energy = 0.5
reaction_free_energy = -0.5
temperature = 0.03
vibration = { frequency = 0.15, huang_rhys = 2.0, thermal = true }

[[rates.bath]]
kind = "ohmic"
reorganization_energy = 0.1
cutoff = 0.005

[[rates.bath]]
kind = "debye"
reorganization_energy = 0.1
relaxation_rate = 0.002
"""
CROSSING = """
[rates]
formulas = "intersystem_crossing_rate"
coupling = 50.0
temperature = 300.0

[rates.crossing]
slopes = [1000.0, -2000.0]
reduced_mass = 7.0
barrier = 800.0
partition_ratio = 2.0
"""
SCAN = '[scan]\nparameter = "rates.reaction_free_energy"\nfrom = -2.0\nto = 0.0\npoints = 5\n'


def study(text: str) -> RatesStudy:
    found = studies.parse(text)
    assert isinstance(found, RatesStudy)
    return found


def run(text: str) -> RatesOutcome:
    return study(text).run()


# ---- what comes out ---------------------------------------------------------------------------


def test_units_are_converted() -> None:
    # eV/ħ = 1.519267447e15 1/s, k_B = 8.617333262e-5 eV/K
    found = run(UNITS + MARCUS)
    direct = marcus(
        coupling=0.001,
        reorganization_energy=1.0,
        reaction_free_energy=-0.5,
        temperature=300 * 8.617333262e-5,
    )
    assert found.rates["marcus"] == pytest.approx(direct.value * 1.519267447e15, rel=1e-9)
    wavenumbers = run(
        UNITS.replace("eV", "cm^-1").replace('"s"', '"ps"')
        + MARCUS.replace("0.001", "8.06554394")
        .replace("1.0", "8065.54394")
        .replace("-0.5", "-4032.77197")
        .replace("0.01\n", "80.6554394\n")
    )
    assert wavenumbers.rates["marcus"] == pytest.approx(found.rates["marcus"] * 1e-12, rel=1e-8)
    natural = run(NATURAL)
    assert natural.rates["marcus"] == float(natural.predictions["marcus"])
    assert natural.experiment.units.rate == ""


def test_every_formula_describes_the_same_environment() -> None:
    found = run(QUANTUM)
    states = {"coupling": 0.001, "reaction_free_energy": -0.5, "temperature": 0.03}
    bath = Ohmic(reorganization_energy=0.1, cutoff=0.005) + Debye(
        reorganization_energy=0.1, relaxation_rate=0.002
    )
    mode = {"huang_rhys": 2.0, "frequency": 0.15}
    assert found.rates == pytest.approx(
        {
            "marcus": marcus(reorganization_energy=1.0, **states).value,
            "marcus_levich_jortner": marcus_levich_jortner(
                reorganization_energy=0.7, thermal_mode=True, **mode, **states
            ).value,
            "spin_boson_golden_rule": spin_boson_golden_rule(
                spectral_density=bath + Discrete(frequencies=[0.15], huang_rhys=[2.0]),
                slow_reorganization_energy=0.5,
                **states,
            ).value,
        },
        rel=1e-12,
    )
    # The vibration is quantum, so Marcus theory is not to be trusted.
    assert not found.predictions["marcus"].valid
    assert found.predictions["marcus_levich_jortner"].valid
    # A classical solvent is a slow bath: both agree.
    assert found.rates["spin_boson_golden_rule"] == pytest.approx(
        found.rates["marcus_levich_jortner"], rel=5e-3
    )


def test_landau_zener_and_golden_rule() -> None:
    text = NATURAL.replace('["marcus"]', '["landau_zener_rate"]') + 'average = "mean exponent"\n'
    direct = landau_zener_rate(
        coupling=0.001,
        reorganization_energy=1.0,
        reaction_free_energy=-0.5,
        temperature=0.02585,
        frequency=0.01,
        average="mean exponent",
    )
    assert run(text).rates["landau_zener_rate"] == direct.value
    text = '[rates]\nformulas = "fermi_golden_rule"\ncoupling = 0.1\ndensity_of_states = 2.0\n'
    unknown = run(text + SCAN.replace("reaction_free_energy", "coupling"))
    assert unknown.summary()["formulas"][0]["inside_domain"] is None
    assert unknown.tables()[0].rows[0][-1] is None
    assert not unknown.sentences().trusted
    assert "within its domain" not in " ".join(unknown.sentences().notes)
    found = run(text + "bandwidth = 5.0\n")
    direct = fermi_golden_rule(coupling=0.1, density_of_states=2.0, bandwidth=5.0)
    assert found.rates["fermi_golden_rule"] == direct.value


def test_intersystem_crossing_in_wavenumbers_is_that_in_atomic_units() -> None:
    units = '[units]\nenergy = "cm^-1"\ntemperature = "K"\ntime = "s"\n'
    found = run(units + 'length = "angstrom"\nmass = "amu"\n' + CROSSING)
    hartree, bohr, amu = 219474.6313632, 0.529177210903, 1822.888486209
    direct = intersystem_crossing_rate(
        coupling=50 / hartree,
        slopes=(1000 / hartree * bohr, -2000 / hartree * bohr),
        reduced_mass=7 * amu,
        barrier=800 / hartree,
        temperature=300 * 3.166811563e-6,
        partition_ratio=2.0,
    )
    rate = found.rates["intersystem_crossing_rate"]
    assert rate == pytest.approx(direct.value * 4.134137333518e16, rel=1e-7)


def test_partition_ratio_follows_the_temperature() -> None:
    text = CROSSING.replace(
        "partition_ratio = 2.0",
        "reactant_frequencies = [400.0, 700.0]\ncrossing_frequencies = [500.0]",
    )
    found = run(text + '[scan]\nparameter = "rates.temperature"\nvalues = [200, 400]\n')
    assert found.scan is not None
    for heat, rate in zip((200.0, 400.0), found.scan["rate"][:, 0], strict=True):
        ratio = harmonic_partition_ratio(
            reactant_frequencies=[400.0, 700.0], crossing_frequencies=[500.0], temperature=heat
        )
        direct = intersystem_crossing_rate(
            coupling=50.0,
            slopes=(1000.0, -2000.0),
            reduced_mass=7.0,
            barrier=800.0,
            temperature=heat,
            partition_ratio=ratio,
        )
        assert rate == direct.value


ISOLATED = CROSSING.replace("intersystem_crossing_rate", "microcanonical_rate")
ISOLATED = ISOLATED.replace("temperature = 300.0", "energy = 3000.0").replace(
    "partition_ratio = 2.0",
    """reactant_frequencies = [300.0, 900.0]
crossing_frequencies = [500.0]
reactant_rotation = [3.0, 2.0, 1.0]
crossing_rotation = [2.0, 2.0, 1.0]""",
)


def test_high_frequencies_are_no_fault() -> None:
    """Zero-point energies of more than 709, whose exponential overflows at the temperature 1."""
    text = ISOLATED.replace("[300.0", "[4300.0").replace("barrier = ", "barrier = 9")
    assert run(text).rates["microcanonical_rate"] >= 0


def test_rotation_belongs_to_the_partition_ratio() -> None:
    thermal = ISOLATED.replace("microcanonical_rate", "intersystem_crossing_rate")
    thermal = thermal.replace("energy = 3000.0", "temperature = 300.0")
    still = "\n".join(line for line in thermal.splitlines() if "rotation" not in line)
    turning, resting = run(thermal), run(still)
    ratio = turning.rates["intersystem_crossing_rate"] / resting.rates["intersystem_crossing_rate"]
    assert ratio == pytest.approx(np.sqrt(3 / 2))


def test_tunnelling_from_the_product_up() -> None:
    text = CROSSING.replace("= 300.0", "= 5.0") + 'passage = "weak coupling"\n'
    found = run(text + "product_energy = 500.0\n").rates["intersystem_crossing_rate"]
    direct = intersystem_crossing_rate(
        coupling=50.0, slopes=(1000.0, -2000.0), reduced_mass=7.0, barrier=800.0,
        temperature=5.0, partition_ratio=2.0, passage="weak coupling", product_energy=500.0,
    )  # fmt: skip
    assert found == direct.value
    assert found < run(text).rates["intersystem_crossing_rate"]


def test_an_isolated_molecule_in_wavenumbers_is_that_in_atomic_units() -> None:
    found = studies.load(EXAMPLES / "isolated_molecule.toml").run()
    assert isinstance(found, RatesOutcome)
    given = found.experiment.tables["rates"]["crossing"]
    hartree = 219474.6313632
    states = [
        RovibrationalStates(
            frequencies=np.array(given[f"{name}_frequencies"]) / hartree,
            rotational_constants=np.array(given[f"{name}_rotation"]) / hartree,
        )
        for name in ("reactant", "crossing")
    ]
    direct = microcanonical_rate(
        energies=7000.0 / hartree, coupling=45.7 / hartree,
        slopes=tuple(slope / hartree for slope in given["slopes"]),
        reduced_mass=1.3188641 * 1822.888486, barrier=5001.3 / hartree,
        reactant=states[0], crossing=states[1], passage="weak coupling",
    )  # fmt: skip
    rate = found.rates["microcanonical_rate"]
    assert rate == pytest.approx(4.134137333e16 * float(direct), rel=1e-5)
    assert found.scan is not None
    assert np.all(np.diff(found.scan["rate"][:, 0]) > 0)


def test_scan_tables_and_dataset() -> None:
    seen = []
    found = study(UNITS + MARCUS + SCAN).run(lambda done, total: seen.append((done, total)))
    assert seen == [(n, 5) for n in range(1, 6)]
    assert found.scan is not None
    rates = found.scan["rate"][:, 0]
    assert rates[0] == pytest.approx(rates[4], rel=1e-12)  # symmetric about −ΔG = λ
    assert np.argmax(rates) == 2
    for table in found.tables():
        assert {len(row) for row in table.rows} == {len(table.columns)}
    assert [table.title for table in found.tables()] == ["rates", "domain checks", "scan"]
    assert "none is the probability of one passage" in found.tables()[0].note
    summary = found.summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    data = found.to_dataset()
    assert data["scan_rate"].dims == ("rates.reaction_free_energy", "formula")
    assert data["rate"].attrs["units"] == "1/s"
    assert data["rates.reaction_free_energy"].attrs["units"] == "eV"
    said = found.sentences()
    assert said.trusted
    assert "1/s" in said.verdict


def test_a_point_without_a_rate_does_not_lose_the_others() -> None:
    text = NATURAL.replace('["marcus"]', '["marcus", "spin_boson_golden_rule"]')
    text = text.replace("reorganization_energy = 1.0", "").replace("frequency = 0.01", "")
    text += 'bath = { kind = "ohmic", reorganization_energy = 1.0, cutoff = 0.05 }\n'
    found = run(text + SCAN.replace("-2.0", "-16.0"))
    assert found.scan is not None
    assert np.isfinite(found.scan["rate"][:, 0]).all()
    assert np.isnan(found.scan["rate"][:, 1][0])
    assert np.isfinite(found.scan["rate"][:, 1][-1])
    assert any("gave no rate: The golden-rule integral" in n for n in found.sentences().notes)
    assert found.summary()["scan"]["rates"]["spin_boson_golden_rule"][0] is None
    assert found.figure().axes
    alone = text.replace('"marcus", ', "").replace("-0.5", "-16.0")
    with pytest.raises(ConvergenceError, match="cannot be resolved"):
        run(alone)


@pytest.mark.quick(1)
@pytest.mark.parametrize("name", ["marcus_rates", "arrhenius_rates"])
def test_examples(name: str) -> None:
    text = (EXAMPLES / f"{name}.toml").read_text()
    found = run(text)
    assert found.sentences().trusted
    assert found.scan is not None
    assert np.isfinite(found.scan["rate"]).all()
    assert found.tables()[0].rows[0][0] == "Marcus"
    left, right = found.figure().axes
    assert left.get_yscale() == right.get_yscale() == "log"
    assert len(run(text[: text.index("[scan]")]).figure().axes) == 2


@pytest.mark.slow
def test_miller_and_closs() -> None:
    """The maximum of about 1e10 1/s near 1.2 eV, and three decades less at zero, not ten."""
    found = run((EXAMPLES / "marcus_rates.toml").read_text())
    assert found.scan is not None
    classical, quantum, golden = found.scan["rate"].T
    assert quantum.max() == pytest.approx(7e9, rel=0.2)
    np.testing.assert_allclose(golden, quantum, rtol=0.05)
    assert quantum[0] > 500 * classical[0]


# ---- one clear line ---------------------------------------------------------------------------

BAD = {
    "no formulas": (MARCUS.replace('formulas = ["marcus"]', ""), "key `formulas` is missing"),
    "formula": (MARCUS.replace('"marcus"', '"markus"'), "did you mean `marcus`"),
    "none": (MARCUS.replace('"marcus"', ""), "name each formula once"),
    "twice": (MARCUS.replace('"marcus"', '"marcus", "marcus"'), "name each formula once"),
    "number": (MARCUS.replace('"marcus"', "3"), "`formulas` must be text"),
    "key": (MARCUS + "couplin = 1\n", "did you mean `coupling`"),
    "unused": (MARCUS + 'average = "thermal"\n', "`average` has no meaning for marcus"),
    "missing": (MARCUS.replace("coupling = 0.001", ""), "`coupling` is missing: marcus needs it"),
    "solvent": (MARCUS.replace("reorganization_energy = 1.0", ""), "marcus needs `reorg"),
    "negative": (MARCUS.replace("energy = 1.0", "energy = -1.0"), "must not be negative"),
    "cold": (MARCUS.replace("300.0", "0"), "`temperature` must be positive"),
    "nan": (MARCUS.replace("300.0", "nan"), "`temperature` must be finite"),
    "text": (MARCUS.replace("300.0", '"300 K"'), "`temperature` must be a number"),
    "true": (MARCUS.replace("0.001", "true"), "`coupling` must be a number"),
    "list": (MARCUS.replace("0.001", "[1, 2]"), "`coupling` must be a number"),
    "table": ("rates = 3\n", "`rates` must be a table"),
    "mode": (QUANTUM.replace("vibration", "# "), "marcus_levich_jortner needs it"),
    "vibration": (QUANTUM.replace("huang_rhys = 2.0", "huang_rhys = -1"), "`huang_rhys` must not"),
    "thermal": (QUANTUM.replace("= true", "= 1"), "`thermal` must be true or false"),
    "bath kind": (QUANTUM.replace('"ohmic"', '"ohmik"'), "did you mean `ohmic`"),
    "bath key": (QUANTUM.replace("cutoff", "cut_off"), "did you mean `cutoff`"),
    "bath number": (QUANTUM.replace("0.005", "0"), "`cutoff` must be positive"),
    "bath": (MARCUS + "bath = 3\n", "`bath` must be a list or a table"),
    "lines": (
        MARCUS.replace('["marcus"]', '"spin_boson_golden_rule"')
        .replace("reorganization_energy = 1.0", "")
        .replace("frequency = 0.01", "vibration = { frequency = 0.1, huang_rhys = 1.0 }"),
        "single modes give lines",
    ),
    "no bath": (
        MARCUS.replace('["marcus"]', '"spin_boson_golden_rule"').replace("frequency = 0.01", ""),
        "needs `bath` or `vibration`",
    ),
    "quantum": (
        MARCUS.replace('"marcus"', '"landau_zener_rate", "marcus"')
        + "vibration = { frequency = 0.1, huang_rhys = 1.0 }\n",
        "knows a classical bath only",
    ),
    "two frequencies": (
        MARCUS + "vibration = { frequency = 0.1, huang_rhys = 1.0 }\n",
        "`frequency` must be left out beside `vibration`",
    ),
    "crossing": (CROSSING.replace("1000.0, -2000.0", "1.0"), "`slopes` must be a list of 2"),
    "parallel": (CROSSING.replace("-2000.0", "1000.0"), "`slopes` must differ"),
    "partition": (CROSSING.replace("partition_ratio", "partition_ration"), "did you mean `part"),
    "both": (CROSSING + "classical = true\n", "be left out beside"),
    "neither": (CROSSING.replace("partition_ratio = 2.0", ""), "`partition_ratio` is missing"),
    "seam": (
        CROSSING.replace(
            "partition_ratio = 2.0", "reactant_frequencies = [1.0]\ncrossing_frequencies = [1.0]"
        ),
        "one frequency fewer",
    ),
    "half units": ('[units]\nenergy = "eV"\n' + MARCUS, r"\[units\].*`time` is missing"),
    "unit": (UNITS.replace("eV", "ev") + MARCUS, "did you mean `eV`"),
    "kelvin": (UNITS.replace('"K"', '"C"') + MARCUS, "`temperature` must be one of"),
    "length": (UNITS + 'length = "bohr"\n' + MARCUS, "`length` has no meaning without"),
    "isolated ratio": (ISOLATED + "partition_ratio = 2.0\n", "be left out for microcanonical"),
    "isolated still": (ISOLATED.replace("reactant_rotation = [3.0, 2.0, 1.0]", ""), "is missing"),
    "isolated low": (
        ISOLATED.replace("reactant_frequencies = [300.0", "reactant_frequencies = [30000.0"),
        "lies .* below",
    ),
    "product alone": (CROSSING + "product_energy = 1.0\n", "be left out where nothing tunnels"),
    "product above": (
        CROSSING + 'passage = "weak coupling"\nproduct_energy = 801.0\n',
        "`product_energy` must be at most the crossing's 800, but it is 801",
    ),
    "isolated product": (
        ISOLATED + 'passage = "weak coupling"\nproduct_energy = 451.0\n',
        "`product_energy` must be at most the crossing's 450, but it is 451",
    ),
    "negative energy": (ISOLATED.replace("= 3000.0", "= -1.0"), "`energy` must not be negative"),
    "no mass": (UNITS + CROSSING, "key `length` is missing"),
    "scan": (MARCUS + SCAN.replace("rates.reaction", "rate.reaction"), "`parameter` must be one"),
    "not scanned": (
        MARCUS + SCAN.replace("reaction_free_energy", "bath"),
        "`bath` must be a list or a table",
    ),
    "no effect": (
        CROSSING + SCAN.replace("rates.reaction_free_energy", "rates.reaction_free_energi"),
        "Unknown key `reaction_free_energi`",
    ),
    "scan value": (
        MARCUS + SCAN.replace("reaction_free_energy", "temperature"),
        r"\[scan\]: At rates.temperature = -2: .*positive",
    ),
    "scan unit": (UNITS + MARCUS + SCAN + 'unit = "meV"\n', "`unit` must be left out or 'eV'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        study(text)
    assert "\n" not in str(caught.value)
