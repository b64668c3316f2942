"""Transport between any number of terminals: against two, finite leads, and exact theorems."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import thermodynamics as td
from tests.effort import slow

Reservoir = td.Reservoir
BATHS = [Reservoir(0.3, 0.5), Reservoir(0.4, 0.0), Reservoir(0.35, -0.3)]
RATES = (0.3, 0.5, 0.4)


def level(e, rates=RATES):
    return td.scattering_matrix(e, hamiltonian=0.2, couplings=np.sqrt(rates))


@pytest.fixture(scope="module")
def three():
    return td.MultiTerminal(level, BATHS)


def test_two_terminals_are_those_of_levitov_and_lesovik():
    baths = Reservoir(0.3, 0.5), Reservoir(0.2, -0.4)
    many = td.MultiTerminal(lambda e: level(e, (0.3, 0.5)), baths)
    two = td.LevitovLesovik(lambda e: td.transmission(e, hamiltonian=0.2, rates=[0.3, 0.5]), *baths)
    assert np.allclose(many.currents, [two.current, -two.current], rtol=1e-12)
    assert np.allclose(many.energy_currents, [two.energy_current, -two.energy_current], rtol=1e-12)
    assert np.allclose(many.heat_currents, two.heat_currents, rtol=1e-12)
    assert np.allclose(many.covariance, two.noise * np.array([[1, -1], [-1, 1]]), atol=1e-14)
    assert abs(many.entropy_production_rate / two.entropy_production_rate - 1) < 1e-12
    for u, v in ((0.3 + 0.1j, 0.2 - 0.2j), (-40j, 0.0), (500j, 0.0)):
        found = many.cumulant_generating_function([u + 0.4, 0.4], [v + 0.1, 0.1])
        wanted = two.cumulant_generating_function(u, v)
        assert abs(found - wanted) < 1e-13 * max(1, abs(wanted))


@pytest.mark.slow
def test_currents_and_covariances_are_derivatives(three):
    """Contour sums of the generating function over the fields of two terminals."""
    turns = np.exp(2j * np.pi * np.arange(8) / 8)
    fields = np.zeros((8, 8, 3), dtype=complex)
    fields[..., 0] = -0.1j * turns[:, None]
    fields[..., 2] = -0.1j * turns
    series = np.fft.fft2(three.cumulant_generating_function(fields)) / 64
    assert abs(series[1, 0].real / 0.1 - three.currents[0]) < 1e-9
    assert abs(series[0, 1].real / 0.1 - three.currents[2]) < 1e-9
    assert abs(series[1, 1].real / 0.01 - three.covariance[0, 2]) < 1e-8
    assert abs(2 * series[2, 0].real / 0.01 - three.covariance[0, 0]) < 1e-8


def test_conservation_and_the_exchange_theorem(three):
    assert abs(three.currents.sum()) < 1e-15
    assert np.max(abs(three.covariance.sum(axis=0))) < 1e-14
    flows = three.heat_currents / three.temperatures
    assert abs(three.entropy_production_rate + flows.sum()) < 1e-14
    u, v = np.array([0.3, 0.1, -0.2 + 0.1j]), np.array([0.1, 0.0, 0.2j])
    beta = 1 / three.temperatures
    one = three.cumulant_generating_function(u, v)
    other = three.cumulant_generating_function(
        -u + 1j * beta * three.chemical_potentials, -v - 1j * beta
    )
    assert abs(one - other) < 1e-11
    assert abs(three.cumulant_generating_function(np.full(3, 0.7), 0.0)) < 1e-14


@pytest.mark.parametrize("edge", [6.0, slow(9.0)])
@pytest.mark.slow
def test_finite_leads_settle_there(edge):
    """Currents and growing covariances of three finite leads, whose edges shift the level."""
    leads = [
        td.Lead.band(
            rate=g, low=-edge, high=edge, levels=int(24 * edge), temperature=float(b.temperature),
            chemical_potential=float(b.chemical_potential),
        )
        for g, b in zip(RATES, BATHS, strict=True)
    ]  # fmt: skip
    early, late = 17.0, 21.0
    ledger = td.Junction(hamiltonian=0.2, leads=leads).evolve([early, late], fluctuations=True)

    def scattered(e):
        shift = sum(RATES) / (2 * np.pi) * np.log((e + edge) / (edge - e))
        return td.scattering_matrix(e - shift, hamiltonian=0.2, couplings=np.sqrt(RATES))

    wanted = td.MultiTerminal(scattered, BATHS, band=(-edge, edge))
    assert np.max(abs(ledger.particle_currents[1] - wanted.currents)) < 1e-6
    growth = np.diff(ledger.particle_covariance, axis=0)[0] / (late - early)
    assert np.max(abs(growth - wanted.covariance)) < 1e-5
    produced = np.diff(ledger.entropy_production)[0] / (late - early)
    assert abs(produced - wanted.entropy_production_rate) < 1e-3


def test_no_terminal_is_more_precise_than_the_bound():
    """Without a magnetic field S is symmetric, and y/sinh(y/2) bounds every current."""
    rng = np.random.default_rng(11)
    for _ in range(12):
        h = rng.normal(size=(3, 3))
        w = rng.normal(size=(3, 3)) * 0.7
        baths = [Reservoir(0.1 + rng.exponential(0.4), rng.normal()) for _ in range(3)]
        found = td.MultiTerminal(
            lambda e, h=h + h.T, w=w: td.scattering_matrix(e, hamiltonian=h, couplings=w), baths
        )
        sigma, currents = found.entropy_production_rate, abs(found.currents)
        ratios = np.diag(found.covariance) * sigma / currents**2
        y = sigma / currents
        assert np.all(ratios >= 2 * y * np.exp(-y / 2) / -np.expm1(-y) * (1 - 1e-9))


def test_the_matrix_is_unitary_and_has_the_transmission_of_its_levels():
    rng = np.random.default_rng(4)
    h = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    w = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
    energies = np.linspace(-3, 3, 7)
    s = td.scattering_matrix(energies, hamiltonian=h + h.conj().T, couplings=w)
    assert np.max(abs(s.conj().swapaxes(1, 2) @ s - np.eye(2))) < 1e-13
    gamma = [np.outer(w[:, k], w[:, k].conj()) for k in (0, 1)]
    passed = td.transmission(energies, hamiltonian=h + h.conj().T, rates=gamma)[:, -1]
    assert np.max(abs(abs(s[:, 1, 0]) ** 2 - passed)) < 1e-13


def test_tiny_biases_keep_their_digits():
    baths = [Reservoir(0.3, 1e-13), Reservoir(0.3, 0.0), Reservoir(0.3, -1e-13)]
    mixer = np.exp(2j * np.pi * np.outer(range(3), range(3)) / 3) / np.sqrt(3)
    found = td.MultiTerminal(lambda e: np.broadcast_to(mixer, (e.size, 3, 3)), baths)
    assert np.allclose(found.currents * 2 * np.pi / 1e-13, [1, 0, -1], atol=1e-12)


REFUSED = {
    "one reservoir": lambda: td.MultiTerminal(level, BATHS[:1]),
    "no unitary matrix": lambda: (
        td.MultiTerminal(lambda e: 0.5 * np.ones((e.size, 2, 2)), BATHS[:2]).currents
    ),
    "a wrong shape": lambda: td.MultiTerminal(level, BATHS[:2]).currents,
    "two fields for three": lambda: td.MultiTerminal(level, BATHS).cumulant_generating_function(
        [0.1, 0.2]
    ),
    "an energy tilt too large": lambda: td.MultiTerminal(level, BATHS).cumulant_generating_function(
        [0.0, 0.0, 0.0], [9j, 0.0, 0.0]
    ),
    "a matrix of text": lambda: td.MultiTerminal(lambda e: "a", BATHS).currents,
    "seventeen reservoirs": lambda: td.MultiTerminal(level, BATHS[:1] * 17),
    "couplings that are no numbers": lambda: td.scattering_matrix(
        0.0, hamiltonian=0.0, couplings=[np.nan, 1.0]
    ),
    "a reservoir that changes": lambda: td.MultiTerminal(level, [Reservoir([0.1, 0.2]), *BATHS]),
    "couplings of another system": lambda: td.scattering_matrix(
        0.0, hamiltonian=np.eye(2), couplings=[0.1, 0.2]
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_line(name):
    with pytest.raises(ac.InputError) as error:
        REFUSED[name]()
    assert "\n" not in str(error.value)
