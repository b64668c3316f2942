"""Retinal lifted to S1, on a periodic grid, against rotor and oscillator functions."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import RETINAL_MASSES, Retinal
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.molecules.packets.limits import reach
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.trajectories import Gaussian, run_trajectories
from tests import effort

EXAMPLE = Path(__file__).parents[3] / "examples" / "retinal.toml"
HBAR = 0.6582119569  # eV fs
INVERSE_INERTIA, OMEGA = 4.84e-4, 0.19
WIDTHS = (np.sqrt(2) * (1.8 / INVERSE_INERTIA) ** -0.25, np.sqrt(2))


def expansion(times, rotors, oscillators):
    """Populations of S1, and of trans, at times one interval apart: ψ in cos(mφ) and n quanta."""
    m, n = np.arange(rotors + 1), np.arange(oscillators)
    neighbours = np.full(rotors, 0.5)
    neighbours[0] = np.sqrt(0.5)
    cosine = sparse.kron(sparse.diags([neighbours] * 2, [-1, 1]), sparse.eye(oscillators))
    ladder = np.sqrt(n[1:] / 2)
    x = sparse.kron(sparse.eye(rotors + 1), sparse.diags([ladder] * 2, [-1, 1]))
    free = np.add.outer(m**2 * INVERSE_INERTIA / 2, OMEGA * (n + 0.5)).ravel()
    one = sparse.eye(free.size)
    S0 = sparse.diags(free) + 1.8 * (one - cosine)
    S1 = sparse.diags(free) + 2.48 * one - 0.545 * (one - cosine) + 0.1 * x
    H = sparse.bmat([[S0, 0.19 * x], [0.19 * x, S1]]).tocsr()
    psi = np.zeros((2, rotors + 1, oscillators), dtype=complex)
    psi[1, :, 0] = np.exp(-((m * WIDTHS[0] / 2) ** 2)) * np.where(m == 0, np.sqrt(0.5), 1)
    psi /= np.linalg.norm(psi)
    # ∫ cos(mφ) cos(kφ) dφ from π/2 to 3π/2, normalised
    sums, differences = np.add.outer(m, m), np.subtract.outer(m, m)
    part = [
        np.where(k, (np.sin(1.5 * np.pi * k) - np.sin(np.pi * k / 2)) / np.where(k, k, 1), np.pi)
        for k in (sums, differences)
    ]
    norm = np.where(m == 0, np.sqrt(0.5), 1) / np.sqrt(np.pi)
    trans = 0.5 * (part[0] + part[1]) * np.outer(norm, norm)
    found = []
    for _ in times:
        psi = expm_multiply(-1j * H * times[0] / HBAR, psi.ravel()).reshape(psi.shape)
        found.append(
            [np.sum(np.abs(psi[1]) ** 2), np.einsum("smn,mk,skn->", psi.conj(), trans, psi).real]
        )
        assert np.abs(psi[:, -2:]).max() < 1e-6
        assert np.abs(psi[:, :, -2:]).max() < 1e-6
    return np.array(found).T


@pytest.mark.slow
def test_the_example_follows_the_expansion():
    text = EXAMPLE.read_text(encoding="utf-8")
    for key, value in {
        "stop = 300.0": "stop = 160.0",
        "step = 0.25": "step = 0.125",
        "samples = 61": "samples = 5",
        "points = [350, 48]": "points = [270, 36]",
    }.items():
        assert key in text
        text = text.replace(key, value)
    found = studies.run(studies.parse(text)).motion
    S1, _ = expansion([80.0, 160.0], 130, 22)
    assert found.diabatic_populations[2::2, 1] == pytest.approx(S1, abs=5e-5)
    assert found.populations[-1, 1] < 0.35  # most of it has come through the funnel


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times", "step", "order", "size", "functions", "tolerance"),
    [
        ([100.0], 0.4, 2, [270, 36], (100, 20), 1e-4),
        effort.slow([100.0, 200.0, 300.0, 400.0], 0.8, 4, [350, 48], (130, 26), 2e-6),
    ],
)
def test_trans_and_cis(times, step, order, size, functions, tolerance):
    """More of it lies beyond 90° than returns: 0.69 after 200 fs."""
    result = propagate_packet(
        Retinal(),
        Grid([-np.pi, -8.0], [np.pi, 8.0], size, basis=["periodic", "fft"]),
        RETINAL_MASSES,
        WavePacket(centre=[0.0, 0.0], momentum=0.0, width=WIDTHS, state=1, basis="diabatic"),
        stop=times[-1],
        step=step,
        order=order,
        samples=len(times) + 1,
        keep_states=True,
    )
    S1, trans = expansion(times, *functions)
    found = result.within(lambda points: np.cos(points[..., 0]) < 0)
    assert found.shape == (len(times) + 1, 2)
    # The border of the region is as sharp as the spacing, which resolves the fringes across it.
    assert found.sum(axis=1)[1:] == pytest.approx(trans, abs=2e-4)
    assert result.diabatic_populations[1:, 1] == pytest.approx(S1, abs=tolerance)
    whole = result.within(lambda points: np.ones(points.shape[:-1]))
    assert whole == pytest.approx(result.populations, abs=1e-12)


def test_what_a_region_must_be():
    pendulum = Hamiltonian.from_terms([("-cos(x)", [[1.0]])])
    result = propagate_packet(
        pendulum,
        Grid(-np.pi, np.pi, 32, basis="periodic"),
        4.0,
        WavePacket(centre=0.0, momentum=0.0, width=0.7),
        stop=0.1,
        step=0.05,
        samples=2,
    )
    half = result.within(lambda x: np.heaviside(x, 0.5))
    assert half.shape == (1, 1)  # without `keep_states` the last time
    assert half == pytest.approx(0.5, abs=1e-6)
    for region, text in (
        (lambda x: True, "`region` must have shape"),
        (lambda x: 2.0 * (x > 0), "weights from 0 to 1"),
        (lambda x: ["left"] * 32, "a number for every point"),
    ):
        with pytest.raises(InputError, match=text):
            result.within(region)


def test_what_is_reached_does_not_end_at_the_seam():
    pendulum = Hamiltonian.from_terms([("-cos(x - place)", [[1.0]])], parameters={"place": 0.0})
    found = []
    for place in (0.0, -np.pi):
        grid = Grid(-np.pi - 0.05, np.pi - 0.05, 64, basis="periodic")
        operator = GridHamiltonian(pendulum.replace(place=place), grid, 100.0)
        start = WavePacket(centre=place + 0.4, momentum=1.0, width=0.3)
        found.append(reach(operator, start.on_grid(operator)))
    there = np.count_nonzero(found[0].inside)
    assert 10 < there < 40
    assert np.count_nonzero(found[1].inside) == pytest.approx(there, abs=1)
    assert found[1].kinetic == pytest.approx(found[0].kinetic, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fssh", "landau-zener"])
def test_trajectories_slide_into_the_funnel_with_the_packet(method):
    count = 800
    found = run_trajectories(
        Retinal(),
        masses=RETINAL_MASSES,
        initial=Gaussian([0.0, 0.0], [0.0, 0.0], np.array(WIDTHS) / 2, state=1, basis="diabatic"),
        step=0.1,
        steps=1100,
        count=count,
        seed=9,
        method=method,
    )
    _, (trans,) = expansion([110.0], 130, 26)
    share = np.mean(np.cos(found.final_positions[:, 0]) < 0)
    assert abs(share - trans) < 3 * np.sqrt(trans * (1 - trans) / count)
    assert found.energy_drift.max() < 0.05  # eV, at the point where the levels touch
