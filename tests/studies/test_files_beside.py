"""Measured spectra in files beside an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.environment.noise import NoiseSpectrum
from anticrossing.environment.spectral_density import Measured, Ohmic
from anticrossing.studies.problems import check

OMEGA = np.geomspace(0.1, 10.0, 20)
PASSAGE = """
[hamiltonian]
model = "LandauZener"
gap = 0.4
[drive]
kind = "linear"
start = -5
stop = 5
rate = 1.0
[environment]
"""
NOISE = PASSAGE + 'kind = "spectrum"\nlorentzians = 1\nfile = "measured/spectrum.csv"\n'
BATH = (
    PASSAGE
    + """kind = "bath"
operator = [[0.5, 0], [0, -0.5]]
temperature = 1.0
lamb_shift = false
spectral_density = { kind = "measured", file = "measured/spectrum.csv" }
"""
)


def written(folder: Path, text: str, density: Any) -> Path:
    (folder / "measured").mkdir()
    rows = "\n".join(f"{w!r}, {s!r}" for w, s in zip(OMEGA.tolist(), density.tolist(), strict=True))
    (folder / "measured" / "spectrum.csv").write_text(f"omega, S  # of one run\n{rows}\n")
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_noise_is_read_beside_the_experiment_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    density = 0.02 / (1 + OMEGA**2)
    path = written(tmp_path, NOISE, density)
    monkeypatch.chdir(tmp_path.parent)
    study: Any = studies.load(path)
    noise = NoiseSpectrum(OMEGA, density).noise(lorentzians=1)
    assert study.environment.spectrum(OMEGA) == pytest.approx(noise.spectrum(OMEGA), rel=1e-12)
    changed: Any = studies.load(path, settings=["hamiltonian.gap=0.5"])
    (tmp_path / "measured" / "spectrum.csv").unlink()
    for one in (study, changed):  # what is kept needs the file no more
        again: Any = studies.parse(one.text)
        assert np.array_equal(again.environment.spectrum(OMEGA), one.environment.spectrum(OMEGA))
    assert changed.changes == ("hamiltonian.gap=0.5",)


def test_a_bath_has_the_rates_that_were_measured(tmp_path: Path) -> None:
    density = Ohmic(reorganization_energy=0.02, cutoff=5.0)
    study: Any = studies.load(written(tmp_path, BATH, density.continuum(OMEGA)))
    measured = study.environment.spectral_density
    assert isinstance(measured, Measured)
    assert measured.continuum(OMEGA) == pytest.approx(density.continuum(OMEGA), rel=1e-13)
    between = np.sqrt(OMEGA[1:] * OMEGA[:-1])
    assert measured.continuum(between) == pytest.approx(density.continuum(between), rel=0.01)
    assert measured.slope == pytest.approx(density.slope, rel=0.01)
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    found, exact = (
        ac.propagate(
            ac.models.LandauZener(gap=0.4),
            sweep,
            environment=ac.Bath(np.diag([0.5, -0.5]), J, 1.0, lamb_shift=False),
        ).probabilities
        for J in (measured, density)
    )
    assert found == pytest.approx(exact, abs=1e-4)
    with pytest.raises(ac.InputError, match="`lamb_shift`"):
        ac.Bath(np.diag([0.5, -0.5]), measured, 1.0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../spectrum.csv", "relative path"),
        ("/tmp/spectrum.csv", "relative path"),
        ("none.csv", "there is no"),
        ("empty.csv", "at least 3|`frequency`"),
        ("words.csv", "two numbers"),
    ],
)
def test_what_is_wrong_is_one_line_before_any_work(tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(NOISE.replace("measured/spectrum.csv", name))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "words.csv").write_text("0.1 0.2\none two\n")
    with pytest.raises(ac.InputError, match=said) as caught:
        studies.load(path)
    assert "\n" not in str(caught.value)
    (problem,) = check(path.read_text(), folder=tmp_path).problems[:1]
    assert problem.line is None or problem.line >= 10


def test_text_alone_has_no_folder() -> None:
    with pytest.raises(ac.InputError, match="folder"):
        studies.parse(NOISE)
    both = NOISE + "frequency = [1.0]\n"
    with pytest.raises(ac.InputError, match="`file`"):
        studies.parse(both)
