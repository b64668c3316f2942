"""Files with a periodic drive: what is accepted, one clear line for the rest, what comes out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import j0, jv

from anticrossing import studies
from anticrossing.drive import Sinusoidal
from anticrossing.dynamics import floquet, periodic_steady_state
from anticrossing.environment import ThermalRelaxation
from anticrossing.models import LandauZener
from anticrossing.studies.kinds.floquet import FloquetOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "flux_qubit_floquet.toml"
DRIVEN = """
[hamiltonian]
model = "LandauZener"
gap = 0.6
[drive]
kind = "sinusoidal"
offset = 0.8
amplitude = 1.5
frequency = 1.0
[floquet]
"""
BATH = '[environment]\nkind = "thermal"\ntemperature = 0.5\nt1 = 100.0\n'
SCAN = '[scan]\nparameter = "drive.offset"\nvalues = [0.4, 0.8]\n'


def run(text: str) -> FloquetOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, FloquetOutcome)
    return found


@pytest.fixture(scope="module")
def open_result() -> FloquetOutcome:
    return run(DRIVEN + 'basis = "adiabatic"\n' + BATH)


def folded(energies: object, frequency: float) -> np.ndarray:
    """Return energies in (−ω/2, ω/2], ascending."""
    energy = np.asarray(energies, dtype=float)
    return np.sort(energy - frequency * np.ceil(energy / frequency - 0.5))


# ---- numbers ----------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_functions(open_result: FloquetOutcome) -> None:
    levels, drive = LandauZener(gap=0.6), Sinusoidal(offset=0.8, amplitude=1.5, frequency=1.0)
    modes = floquet(levels, drive)
    np.testing.assert_array_equal(open_result.modes.quasi_energies, modes.quasi_energies)
    np.testing.assert_array_equal(open_result.mean_energies, modes.mean_energies)
    steady = periodic_steady_state(
        levels, drive, ThermalRelaxation(temperature=0.5, t1=100.0), basis="adiabatic"
    )
    assert open_result.steady is not None
    np.testing.assert_allclose(open_result.steady.populations, steady.populations, atol=1e-8)


def test_quasi_energies_are_phases_of_one_period_integrated_step_by_step(
    open_result: FloquetOutcome,
) -> None:
    def slope(t: float, u: np.ndarray) -> np.ndarray:
        energy = 0.8 + 1.5 * math.cos(t)
        matrix = 0.5 * np.array([[energy, 0.6], [0.6, -energy]])
        return (-1j * matrix @ u.reshape(2, 2)).ravel()

    start = np.eye(2, dtype=complex).ravel()
    end = solve_ivp(slope, (0, 2 * np.pi), start, method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    phases = -np.angle(np.linalg.eigvals(end.reshape(2, 2))) / (2 * np.pi)
    np.testing.assert_allclose(
        open_result.modes.quasi_energies, folded(phases, 1.0), rtol=0, atol=1e-9
    )


def test_without_amplitude_the_levels_are_folded() -> None:
    text = DRIVEN.replace("amplitude = 1.5", "amplitude = 0.0").replace(
        "offset = 0.8", "offset = 3.3"
    )
    energies = 0.5 * math.hypot(3.3, 0.6) * np.array([-1, 1])
    found = run(text)
    np.testing.assert_allclose(found.modes.quasi_energies, folded(energies, 1.0), atol=1e-10)
    np.testing.assert_allclose(np.sort(found.mean_energies), energies, atol=1e-9)
    np.testing.assert_allclose(np.sort(found.populations, axis=0), [[0, 0], [1, 1]], atol=1e-9)


def test_a_fast_drive_scales_the_gap_by_a_bessel_function() -> None:
    text = DRIVEN.replace("offset = 0.8", "offset = 0.0").replace("gap = 0.6", "gap = 0.01")
    expected = 0.5 * 0.01 * j0(1.5) * np.array([-1, 1])
    np.testing.assert_allclose(run(text).modes.quasi_energies, expected, rtol=1e-4)


def test_a_static_drive_leads_to_detailed_balance() -> None:
    text = DRIVEN.replace("amplitude = 1.5", "amplitude = 0.0") + BATH
    found = run(text)
    assert found.steady is not None
    lower, upper = found.steady.populations
    assert upper / lower == pytest.approx(math.exp(-math.hypot(0.8, 0.6) / 0.5), rel=1e-7)
    # Coherences die slowest, at 1/(2T₁).
    assert float(found.steady.relaxation_time) == pytest.approx(200.0, rel=1e-6)


def test_a_period_of_its_own() -> None:
    text = DRIVEN.replace('kind = "sinusoidal"', 'kind = "formula"\nformula = "0.8 + 1.5*cos(t)"')
    text = text.replace("offset = 0.8\namplitude = 1.5\nfrequency = 1.0\n", "")
    text = text.replace("[floquet]", "start_time = 0.0\nstop_time = 6.283185307179586\n[floquet]")
    found = run(text + "period = 6.283185307179586\n")
    closed = run(DRIVEN)
    np.testing.assert_allclose(
        found.modes.quasi_energies, closed.modes.quasi_energies, rtol=0, atol=1e-9
    )


@pytest.mark.slow
def test_the_example_is_at_a_two_photon_resonance() -> None:
    """The quasi-energies are apart by g J₂(A/ω), and the diabatic states are half populated."""
    found = run(EXAMPLE.read_text(encoding="utf-8"))
    slope = 230.7e-9 / 1.602176634e-19 * 1e-12  # I_p/e in GHz per mΦ₀
    expected = 0.013 * abs(jv(2, 2.5 * slope / 1.2))
    q = found.modes.quasi_energies
    assert q[1] - q[0] == pytest.approx(expected, rel=0.02)
    assert found.steady is not None
    np.testing.assert_allclose(found.steady.populations, 0.5, atol=2e-3)
    assert found.scan is not None
    apart = np.diff(found.scan["quasi_energy"], axis=1)[:, 0]
    assert int(np.argmin(apart)) == 10
    assert np.abs(found.scan["population"][[0, -1]] - 0.5).min() > 0.1


# ---- what comes out ---------------------------------------------------------------------------


def test_what_comes_out(open_result: FloquetOutcome, tmp_path: Path) -> None:
    summary = check_outcome(open_result, tmp_path)
    assert summary["quasi_energy"] == open_result.modes.quasi_energies.tolist()
    assert sum(summary["steady_population"]) == pytest.approx(1)
    check_tables(open_result, ["Floquet modes", "steady state"])
    assert open_result.sentences().trusted


@pytest.mark.slow
def test_without_an_environment_and_with_a_scan(tmp_path: Path) -> None:
    found = run(DRIVEN + SCAN)
    check_outcome(found, tmp_path)
    check_tables(found, ["Floquet modes", "scan"])
    assert found.steady is None
    assert found.scan is not None
    along = found.scan["quasi_energy"]
    np.testing.assert_array_equal(along[1], found.modes.quasi_energies)
    assert found.to_dataset()["scan_quasi_energy"].dims == ("drive.offset", "mode")
    both = run(DRIVEN + BATH + SCAN)
    assert both.scan is not None
    np.testing.assert_allclose(both.scan["population"].sum(axis=1), 1, atol=1e-9)


def test_energies_have_the_unit_of_the_model() -> None:
    text = """
    hamiltonian = { model = "FluxQubit", gap = 1.0, persistent_current = 100.0 }
    floquet = {}
    [drive]
    kind = "sinusoidal"
    offset = 1.0
    amplitude = 2.0
    frequency = 6.283185307179586
    """
    data = run(text).to_dataset()
    assert data.quasi_energy.attrs["units"] == data.mean_energy.attrs["units"] == "GHz"
    assert float(data.frequency) == pytest.approx(1.0)  # one photon, ω/2π, in GHz


# ---- one clear line ---------------------------------------------------------------------------

BAD = {
    "no drive": (DRIVEN[: DRIVEN.index("[drive]")] + "[floquet]", r"table \[drive\] is missing"),
    "no levels": (DRIVEN[DRIVEN.index("[drive]") :], r"table \[hamiltonian\] is missing"),
    "key": (DRIVEN + "perod = 1.0\n", "did you mean `period`"),
    "basis": (DRIVEN + 'basis = "superadiabatic"\n', "`basis` must be one of"),
    "tolerance": (DRIVEN + "tolerance = 1.0\n", r"\[floquet\]: Argument `tolerance` must"),
    "text": (DRIVEN + 'period = "one"\n', "`period` must be a number"),
    "table": (DRIVEN.replace("[floquet]", "") + "\n[[floquet]]\n", "`floquet` must be a table"),
    "question": (DRIVEN + "[question]\ninitial = 1\n", r"\[question\] has no meaning beside"),
    "frequency": (DRIVEN.replace("frequency = 1.0", "frequency = 0"), "`frequency` must"),
    "drive key": (DRIVEN.replace("amplitude", "amplitud"), "did you mean `amplitude`"),
    "kind": (DRIVEN.replace("sinusoidal", "sinusoidl"), "did you mean"),
    "gap": (DRIVEN.replace("gap = 0.6", "gap = [0.6, 0.7]"), r"belong into \[scan\]"),
    "coordinates": (
        DRIVEN.replace('"LandauZener"\ngap = 0.6', '"JahnTeller"\nlinear = 1.0'),
        "one coordinate",
    ),
    "environment": (DRIVEN + BATH.replace("thermal", "termal"), "did you mean `thermal`"),
    "cold": (DRIVEN + BATH.replace("0.5", "0.0"), "`temperature` must be positive"),
    "axis": (
        DRIVEN
        + '[environment]\nkind = "fixed-axis"\nrate = 0.1\n'
        + "axis = [[1,0,0],[0,0,0],[0,0,-1]]\n",
        r"\[environment\].*`axis` must",
    ),
    "scan": (DRIVEN + SCAN.replace("drive.offset", "drive.kind"), "name a single number"),
    "scan of a table": (
        DRIVEN + SCAN.replace("drive.offset", "drives.offset"),
        "did you mean `drive.offset`",
    ),
    "scanned value": (
        DRIVEN + SCAN.replace("drive.offset", "drive.frequency").replace("0.4", "-1.0"),
        r"\[scan\]: At drive.frequency = -1",
    ),
    "sweep output": (
        DRIVEN + SCAN.replace("[scan]", '[sweep]\noutput = ["population"]\n[[sweep.parameters]]'),
        "quasi_energy",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str) -> None:
    refuse(*BAD[name])


def test_a_drive_that_does_not_repeat_itself_is_refused() -> None:
    text = DRIVEN.replace("sinusoidal", "linear").replace("offset = 0.8", "start = -1.0")
    text = text.replace("amplitude = 1.5", "stop = 1.0").replace("frequency", "rate")
    from anticrossing import InputError

    with pytest.raises(InputError, match="period") as caught:
        run(text)
    assert "\n" not in str(caught.value)
