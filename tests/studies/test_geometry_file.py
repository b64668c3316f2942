"""Files on where levels meet: what is accepted, one clear line for the rest, what comes out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from anticrossing import studies
from anticrossing.geometry import berry_phase, derivative_couplings, find_intersections
from anticrossing.models import JahnTeller
from anticrossing.studies.kinds.geometry import GeometryOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "jahn_teller.toml"
FILES = Path(__file__).parents[1] / "reference_data" / "sharc_lvc"
CONE = """
[hamiltonian]
model = "JahnTeller"
linear = 1.0
[geometry]
bounds = [[-3, 3], [-3, 3]]
starts = 40
points = [[1.0, 0.0], [0.0, 2.0]]
"""
WARPED = CONE.replace("linear = 1.0", "linear = 1.0\nquadratic = 0.25")
WIDE = WARPED.replace("[[-3, 3], [-3, 3]]", "[[-12, 12], [-12, 12]]").replace("40", "200")
SCAN = '[scan]\nparameter = "hamiltonian.quadratic"\nvalues = [0.2, 0.5]\n'


def run(text: str) -> GeometryOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, GeometryOutcome)
    return found


@pytest.fixture(scope="module")
def cone() -> GeometryOutcome:
    return run(CONE)


@pytest.fixture(scope="module")
def wide() -> GeometryOutcome:
    return run(WIDE)


# ---- numbers ----------------------------------------------------------------------------------


def test_jahn_teller_has_a_cone_at_the_origin_with_phase_pi(cone: GeometryOutcome) -> None:
    (one,) = cone.intersections
    np.testing.assert_allclose(one.position, 0, atol=1e-10)
    assert one.kind == "conical"
    assert abs(cone.phases[0]) == pytest.approx(np.pi, abs=1e-9)


def test_energies_and_couplings_at_points(cone: GeometryOutcome) -> None:
    """E± = ½ρ² ± kρ; the coupling of a linear cone is 1/(2ρ), whatever k."""
    radii = np.array([1.0, 2.0])
    np.testing.assert_allclose(cone.energies[:, 0], radii**2 / 2 - radii, atol=1e-12)
    np.testing.assert_allclose(cone.energies[:, 1], radii**2 / 2 + radii, atol=1e-12)
    np.testing.assert_allclose(cone.couplings, 1 / (2 * radii), rtol=1e-10)
    direct = derivative_couplings(JahnTeller(linear=1.0), [[1.0, 0.0], [0.0, 2.0]])[..., 0, 1]
    np.testing.assert_allclose(cone.couplings, np.linalg.norm(direct, axis=-1), rtol=1e-12)


def test_the_gap_on_the_map_is_a_cone(cone: GeometryOutcome) -> None:
    np.testing.assert_allclose(
        cone.gaps, 2 * np.hypot(cone.plane[..., 0], cone.plane[..., 1]), atol=1e-10
    )


@pytest.mark.slow
def test_a_box_that_is_large_enough_has_the_three_satellites(wide: GeometryOutcome) -> None:
    """Three further cones at ρ = 2k/g, at φ = π/3 and 120° further, with ½ρ² for energy."""
    places = np.array([one.position for one in wide.intersections])
    radii = np.linalg.norm(places, axis=1)
    np.testing.assert_allclose(np.sort(radii), [0, 8, 8, 8], atol=1e-8)
    far = places[radii > 1]
    angles = np.sort(np.arctan2(far[:, 1], far[:, 0]) % (2 * np.pi))
    np.testing.assert_allclose(angles, np.pi * np.array([1 / 3, 1, 5 / 3]), atol=1e-8)
    energies = sorted(one.energy for one in wide.intersections)
    np.testing.assert_allclose(energies, [0, 32, 32, 32], atol=1e-8)
    np.testing.assert_allclose(np.abs(wide.phases), np.pi, atol=1e-8)
    direct = find_intersections(
        JahnTeller(linear=1.0, quadratic=0.25), [[-12, 12], [-12, 12]], starts=200, seed=0
    )
    np.testing.assert_array_equal(places, [one.position for one in direct])


def test_a_small_box_has_the_cone_alone() -> None:
    assert len(run(WARPED).intersections) == 1


def test_the_loop_has_the_radius_that_is_asked() -> None:
    """Around all four cones there is no phase: the box holds the one in the middle alone."""
    found = run(WARPED.replace("starts", "radius = 11.0\nstarts"))
    assert found.phases[0] is not None
    assert np.exp(1j * found.phases[0]) == pytest.approx(1.0, abs=1e-6)
    angle = 2 * np.pi * np.arange(400) / 400
    circle = 11.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    hamiltonian = JahnTeller(linear=1.0, quadratic=0.25)
    fine = berry_phase(hamiltonian, circle, level=0, closed=True)
    assert np.exp(1j * fine) == pytest.approx(1.0, abs=1e-6)


def test_levels_that_do_not_meet() -> None:
    text = CONE.replace("[[-3, 3], [-3, 3]]", "[[1, 3], [1, 3]]")
    found = run(text)
    assert len([one for one in found.intersections if one.found]) == 0
    assert "do not meet" in found.sentences().verdict


def test_a_model_of_sharc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two singlets along a tuning and a coupling mode meet where the file says, by hand."""
    modes = "  0.0" * 4 + "  0.004  0.006"
    rows = "\n".join("  ".join("1.0" if i == j else "0.0" for j in range(6)) for i in range(6))
    reference = (
        "Geometry\n C   6.0  0.0  0.0  0.0  12.0\n O   8.0  0.0  0.0  2.1  16.0\n"
        f"Frequencies\n{modes}\nMass-weighted normal modes\n{rows}\n"
    )
    (tmp_path / "V0.txt").write_text(reference, encoding="utf-8")
    template = (
        "V0.txt\n2\nepsilon\n2\n 1 1 0.0\n 1 2 0.01\nkappa\n2\n 1 1 5 0.002\n 1 2 5 -0.003\n"
        "lambda\n1\n 1 1 2 6 0.001\n"
    )
    (tmp_path / "LVC.template").write_text(template, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = run('geometry = { sharc = "LVC.template", bounds = [[-5, 5], [-5, 5]], starts = 20 }')
    (one,) = found.intersections
    np.testing.assert_allclose(one.position, [2.0, 0.0], atol=1e-9)  # 0.002 Q = 0.01 − 0.003 Q
    assert one.energy == pytest.approx(0.5 * 0.004 * 4 + 0.002 * 2)
    assert abs(found.phases[0] or 0) == pytest.approx(np.pi)
    assert found.to_dataset().intersection_energy.attrs["units"] == "hartree"


@pytest.mark.slow
def test_the_example_counts_the_cones_that_lie_in_its_box() -> None:
    found = run(EXAMPLE.read_text(encoding="utf-8"))
    assert len(found.intersections) == 4
    assert found.scan is not None
    angles = np.array([np.pi / 3, np.pi, 5 * np.pi / 3])
    for g, count in zip(found.scan.axis.values, found.scan["count"], strict=True):
        places = 2 * 1.5 / g * np.stack([np.cos(angles), np.sin(angles)])
        assert count == 1 + np.sum(np.all(np.abs(places) < 9.0, axis=0))
    # The minimum has the depth k²/2(1 − g), the saddle k²/2(1 + g).
    expected = [-(1.5**2) / (2 * 0.6), -(1.5**2) / (2 * 1.4)]
    np.testing.assert_allclose(found.energies[:2, 0], expected, atol=1e-8)


# ---- what comes out ---------------------------------------------------------------------------


def test_what_comes_out(wide: GeometryOutcome, tmp_path: Path) -> None:
    summary = check_outcome(wide, tmp_path)
    assert len(summary["intersection_energy"]) == 4
    check_tables(wide, ["intersections", "points"])
    assert "4 places" in wide.sentences().verdict


@pytest.mark.slow
def test_scan(tmp_path: Path) -> None:
    """The satellites at ρ = 2k/g enter the box as g grows."""
    found = run(CONE.replace("[[-3, 3], [-3, 3]]", "[[-5, 5], [-5, 5]]") + SCAN)
    check_outcome(found, tmp_path)
    check_tables(found, ["intersections", "points", "scan"])
    assert found.scan is not None
    np.testing.assert_array_equal(found.scan["count"], [1, 4])
    np.testing.assert_allclose(found.scan["lowest_energy"], 0, atol=1e-9)
    assert found.to_dataset()["scan_count"].dims == ("hamiltonian.quadratic",)


# ---- one clear line ---------------------------------------------------------------------------

SHARC = 'geometry = { sharc = "LVC.template", bounds = [[-1, 1]] }\n'
BAD = {
    "no levels": (CONE[CONE.index("[geometry]") :], r"has \[hamiltonian\], or `sharc`"),
    "both": (CONE + 'sharc = "LVC.template"\n', r"has \[hamiltonian\], or `sharc`"),
    "no bounds": (CONE.replace("bounds = [[-3, 3], [-3, 3]]", ""), "key `bounds` is missing"),
    "one bound": (CONE.replace("[[-3, 3], [-3, 3]]", "[[-3, 3]]"), "`bounds` must be a list of 2"),
    "turned": (CONE.replace("[[-3, 3], [-3", "[[3, -3], [-3"), "`bounds` must hold pairs"),
    "triple": (CONE.replace("[[-3, 3], [-3", "[[-3, 0, 3], [-3"), "must be a list of 2"),
    "infinite": (CONE.replace("[[-3, 3], [-3", "[[-inf, 3], [-3"), "`bounds` must be finite"),
    "one coordinate": (
        CONE.replace('"JahnTeller"\nlinear = 1.0', '"LandauZener"\ngap = 1.0'),
        "two coordinates or more",
    ),
    "model": (CONE.replace("JahnTeller", "JahnTelle"), "did you mean"),
    "key": (CONE + "start = 3\n", "did you mean `starts`"),
    "levels": (CONE + "levels = [0, 2]\n", "`levels` must be two neighbouring levels"),
    "high level": (CONE + "levels = [1, 2]\n", "`levels` must be two neighbouring levels"),
    "starts": (CONE.replace("= 40", "= 0"), "`starts` must"),
    "half": (CONE.replace("= 40", "= 4.5"), "`starts` must be an integer"),
    "seed": (CONE + "seed = -1\n", "`seed` must"),
    "radius": (CONE + "radius = 0.0\n", "`radius` must be positive"),
    "points": (CONE.replace("[1.0, 0.0]", "[1.0]"), "`points` must hold lists of 2 numbers"),
    "drive": (CONE + '[drive]\nkind = "linear"\n', r"\[drive\] has no meaning beside"),
    "absolute": (SHARC.replace("LVC", "/LVC"), "`sharc` must be a relative path"),
    "outside": (SHARC.replace("LVC", "../LVC"), "`sharc` must be a relative path"),
    "no file": (SHARC, "LVC.template cannot be read: No such file"),
    "units": ('[units]\nenergy = "eW"\ntime = "fs"\n' + CONE, "did you mean `eV`"),
    "scan": (
        CONE + SCAN.replace("hamiltonian.quadratic", "geometry.levels"),
        "`levels` must be a list",
    ),
    "value": (CONE + SCAN.replace("0.2", "1.5"), "At hamiltonian.quadratic = 1.5"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refuse(*BAD[name])


def test_a_molecule_of_one_vibration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in FILES.iterdir():
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    refuse(SHARC, "two coordinates or more, but it has Q6")
