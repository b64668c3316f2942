"""The shipped data set and the experiment files of atoms in tilted lattices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import loggamma

from anticrossing import studies
from anticrossing.fits import read_measurement, synthetic_interferogram
from anticrossing.studies.kinds.passage import PassageOutcome

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = EXAMPLES / "data" / "interferogram_synthetic.csv"


def test_shipped_data_are_what_their_comment_says() -> None:
    comment = [line for line in DATA.read_text().splitlines() if line.startswith("#")]
    assert "Synthetic" in comment[0]
    assert "synthetic_interferogram(seed=2005)" in comment[1]
    shipped, made = read_measurement(DATA), synthetic_interferogram(seed=2005)
    np.testing.assert_allclose(shipped.population, made.population, atol=2e-9)
    for name in ("offset", "amplitude"):
        np.testing.assert_allclose(shipped.coordinate(name), made.coordinate(name), rtol=1e-8)


@pytest.mark.slow
def test_tunnelling_in_a_tilted_lattice_is_that_of_a_free_atom_at_the_edge() -> None:
    result = studies.run(studies.load(EXAMPLES / "tilted_lattice.toml"))
    assert isinstance(result, PassageOutcome)
    assert result.scan is not None
    tilt, depth = result.scan.scan.values, 0.5
    formula = np.exp(-(np.pi**2) * depth**2 / (32 * tilt))
    # Finite zone and curvature of the bands; the formula is for free atoms and an infinite sweep.
    inside = tilt < 0.12
    assert np.max(np.abs(result.scan.exact[inside, 1] - formula[inside])) < 0.01
    assert result.scan.exact[0, 1] < 0.01
    assert result.scan.exact[-1, 1] > 0.8


@pytest.mark.slow
def test_fringes_of_two_bloch_periods_have_the_phase_of_the_bands() -> None:
    result = studies.run(studies.load(EXAMPLES / "bloch_interferometer.toml"))
    assert isinstance(result, PassageOutcome)
    assert result.scan is not None
    tilt, hopping, gap = result.scan.scan.values, 2 / np.pi, 0.2

    def splitting(x: float) -> float:
        return 2 * np.sqrt(4 * hopping**2 * np.cos(x / 2) ** 2 + (gap / 2 * np.sin(x / 2)) ** 2)

    area = quad(splitting, np.pi, 3 * np.pi)[0]
    slope = np.sqrt(4 * hopping**2 - gap**2 / 4)
    p = np.exp(-np.pi * gap**2 / (2 * slope * tilt))
    delta = gap**2 / (4 * slope * tilt)
    stokes = np.pi / 4 + delta * (np.log(delta) - 1) + loggamma(1 - 1j * delta).imag
    phase = area / (2 * tilt) + stokes
    # The two passages are the same but for a reciprocal lattice vector: a cosine, where a passage
    # to and one fro give a sine.
    fringes = 4 * p * (1 - p) * np.cos(phase) ** 2
    exact = result.scan.exact[:, 1]
    assert np.max(np.abs(exact - fringes)) < 0.03
    assert exact.max() > 0.95
    assert exact.min() < 0.01
    maxima = np.count_nonzero((exact[1:-1] > exact[2:]) & (exact[1:-1] > exact[:-2]))
    assert maxima == pytest.approx(area / 2 * (1 / 0.06 - 1 / 0.2) / np.pi, abs=2)
