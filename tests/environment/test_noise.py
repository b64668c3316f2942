"""Classical noise: spectra, correlations, Markov processes, drawn paths, measured spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

import anticrossing as ac
from anticrossing.environment.noise import (
    GaussianNoise,
    MarkovNoise,
    NoiseSpectrum,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
    WhiteNoise,
)

X = np.array([[0.0, 1.0], [1.0, 0.0]])

MARKOV = [
    TelegraphNoise(0.3, 2.0),
    TelegraphNoise(0.3, 2.0, fluctuators=5),
    TelegraphNoise(0.3, 2.0, fluctuators=3, occupation=0.2),
    OrnsteinUhlenbeckNoise(0.3, 2.0),
    GaussianNoise([0.1, 0.2, 0.3], [1.0, 10.0, 0.1]),
    PinkNoise(0.01, 0.1, 10.0, per_decade=1.5),
    PinkNoise(0.01, 0.1, 10.0, fluctuators=True),
]


@pytest.mark.parametrize("noise", MARKOV, ids=repr)
def test_a_process_has_the_correlation_of_its_noise(noise: MarkovNoise) -> None:
    """⟨x e^{Mt} x⟩ from matrices, and the spectrum as its Fourier integral."""
    process = noise.process(1)
    root, x, rates = process.root[0], process.position[0], process.rates[0]
    assert np.allclose(rates @ root, 0.0, atol=1e-13)
    assert root @ root == pytest.approx(1.0, rel=1e-13)
    assert np.linalg.eigvalsh(rates).max() < 1e-12
    assert noise.states(1) == root.size
    assert root @ x @ root == pytest.approx(float(noise.mean), abs=1e-15)
    for t in (0.0, 0.3, 4.0):
        found = root @ x @ expm(rates * t) @ x @ root - float(noise.mean) ** 2
        assert found == pytest.approx(noise.correlation(t)[0], rel=1e-12)
    assert noise.correlation(0.0)[0] == pytest.approx(float(noise.variance), rel=1e-12)
    integral = quad(lambda t: 2 * np.cos(0.7 * t) * noise.correlation(t)[0], 0, 400, limit=2000)
    assert noise.spectrum(0.7)[0] == pytest.approx(integral[0], rel=1e-6)
    values = process.in_values()
    diagonal = values.position[0].diagonal()
    assert np.allclose(values.position[0], np.diag(diagonal))
    square = float(noise.variance + noise.mean**2)
    assert values.root[0] ** 2 @ diagonal**2 == pytest.approx(square, rel=1e-12)


@pytest.mark.parametrize("noise", [*MARKOV, QuasiStaticNoise(0.2)], ids=repr)
def test_drawn_means_have_the_variance_of_the_noise(noise: Any) -> None:
    """Of the integral over a window: 2∫(T − t)C(t)dt, whatever the steps, below τ and above."""
    for steps in (np.full(12, 0.25), np.array([0.002, 0.008, 0.49, 2.5])):
        means = list(noise.means(np.random.default_rng(5), 20_000, steps))
        window = float(steps.sum())
        total = np.sum(steps[:, None] * np.array(means), axis=0)
        exact = quad(lambda t: 2 * (window - t) * noise.correlation(t)[0], 0, window)[0]  # noqa: B023
        mean = float(noise.mean) * window
        assert np.mean(total) == pytest.approx(mean, abs=5 * np.sqrt(exact / 20_000))
        assert np.var(total) == pytest.approx(exact, rel=0.06)


def test_batches_of_parameters() -> None:
    noise = TelegraphNoise([0.1, 0.2, 0.3], [[1.0], [2.0]])
    assert noise.batch_shape == (2, 3)
    flat = noise.flat((2, 3))
    assert flat.process(0).position.shape == (6, 2, 2)
    assert flat.process(0).position[4, 1, 1] == 0.2
    assert noise.spectrum([0.0, 1.0]).shape == (2, 3, 2)


def test_pink_noise_shows_how_well_it_is_one_over_f() -> None:
    coarse, fine = (PinkNoise(2e-3, 1e-3, 1e3, per_decade=n) for n in (0.5, 2.0))
    assert fine.misfit < 0.05 < 0.3 < coarse.misfit
    omega = np.geomspace(0.1, 10.0, 20)
    assert fine.spectrum(omega) * omega == pytest.approx(2e-3, rel=0.05)


def test_a_measured_spectrum_from_a_file(tmp_path: Path) -> None:
    omega = np.geomspace(1e-2, 1e1, 60)
    density = 0.02 / (1 + omega**2) + 0.5 / (1 + (30 * omega) ** 2)
    path = tmp_path / "noise.csv"
    lines = [f"{a:.12g}, {b:.12g}" for a, b in zip(omega, density, strict=True)]
    path.write_text("\n".join(["omega, S", "# a remark", *lines]))
    measured = NoiseSpectrum.from_file(path)
    noise = measured.noise(X, lorentzians=4)
    assert noise.misfit < 1e-5
    assert noise.notes == ()
    assert noise.spectrum(omega) == pytest.approx(density, rel=1e-5)
    peak = NoiseSpectrum(omega, density + np.exp(-((omega - 3) ** 2) / 0.1)).noise(lorentzians=3)
    assert peak.misfit > 0.1
    assert "is met to within" in peak.notes[0]
    path.write_text("1 2\n2 inf\n3 1\n")
    with pytest.raises(ac.InputError, match=r"Line 2 .* diverges"):
        NoiseSpectrum.from_file(path)
    path.write_text("1 2\n2 3 4\n3 1\n")
    with pytest.raises(ac.InputError, match=r"Line 2 .* must hold two numbers"):
        NoiseSpectrum.from_file(path)
    path.write_text("0.1D+01 0.2d1\n2 3\n3.0D0 1\n")  # the first line is no header
    read = NoiseSpectrum.from_file(path)
    assert read.frequency.tolist() == [1.0, 2.0, 3.0]
    assert read.density.tolist() == [2.0, 3.0, 1.0]
    path.write_text("1 2\n1_0 3\n")
    with pytest.raises(ac.InputError, match=r"Line 2 .* must hold two numbers"):
        NoiseSpectrum.from_file(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TelegraphNoise(-0.1, 1.0), "`amplitude` must not be negative"),
        (lambda: TelegraphNoise(0.1, 0.0), "`correlation_time` must be positive"),
        (lambda: TelegraphNoise(0.1, 1.0, [[0, 1], [0, 0]]), "`operator` must be Hermitian"),
        (lambda: TelegraphNoise(0.1, 1.0, fluctuators=0), "`fluctuators` must be"),
        (lambda: OrnsteinUhlenbeckNoise(np.nan, 1.0), "`rms` must be finite"),
        (lambda: OrnsteinUhlenbeckNoise([0.1, 0.2], [1, 2, 3]), "`rms` must fit the shape"),
        (lambda: GaussianNoise([0.1], [1.0, 2.0]), "`correlation_times` must have as many"),
        (lambda: QuasiStaticNoise(-1.0), "`rms` must not be negative"),
        (lambda: QuasiStaticNoise(1.0).spectrum(0.0), "`frequency` must not be 0"),
        (lambda: WhiteNoise(-1.0, X), "`density` must not be negative"),
        (lambda: PinkNoise(1.0, 0.0, 1.0), "`lowest` must be positive, .* diverges"),
        (lambda: PinkNoise(1.0, 2.0, 1.0), "`highest` must lie above 2"),
        (lambda: NoiseSpectrum([1.0, 2.0, 3.0], [1.0, -1.0, 1.0]), "`density` must not be neg"),
        (lambda: NoiseSpectrum([0.0, 2.0, 3.0], [1.0, 1.0, 1.0]), "`frequency` must be positive"),
        (lambda: NoiseSpectrum([1.0, 2.0, 3.0], [1.0, np.inf, 1.0]), "`density` must be finite"),
        (lambda: NoiseSpectrum([1.0, 2.0], [1.0, 1.0]), "`frequency` must hold at least 3"),
    ],
)
def test_bad_input_is_one_line(make: Any, said: str) -> None:
    with pytest.raises(ac.InputError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_noise_is_refused_where_it_is_not_followed() -> None:
    noise = TelegraphNoise(0.1, 1.0, X)
    h, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-3, 3, rate=1.0)
    wave = ac.drive.Formula("cos(t)", 0.0, 2 * np.pi)
    calls = [
        lambda: ac.dynamics.one_period_propagator(h, wave, environment=noise),
        lambda: ac.adiabatic_expansion(h, sweep, environment=noise),
        lambda: ac.analysis.lindblad_structure_at(h, sweep, noise, 0.0),
    ]
    for call in calls:
        with pytest.raises(ac.InputError, match="propagate") as caught:
            call()
        assert "\n" not in str(caught.value)
