"""Pictures of transport hold the numbers of their results."""

from __future__ import annotations

import numpy as np

from anticrossing import plot, thermodynamics as td


def test_currents_from_the_leads():
    leads = [
        td.Lead([0.0, 0.7], 0.2, temperature=0.5, chemical_potential=mu, name=name)
        for mu, name in ((0.5, "left"), (-0.5, "right"))
    ]
    ledger = td.Junction(hamiltonian=0.3, leads=leads).evolve([0.0, 1.0, 2.0])
    for energy, wanted in ((False, ledger.particle_currents), (True, ledger.energy_currents)):
        axes = plot.lead_currents(ledger, energy=energy)
        drawn = [line.get_ydata() for line in axes.get_lines()[:2]]
        assert np.array_equal(np.transpose(drawn), wanted)
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["from left", "from right"]


def test_transmission_between_the_reservoirs():
    conductor = td.LevitovLesovik(
        lambda e: np.full_like(e, 0.25), td.Reservoir(0.5, 0.5), td.Reservoir(0.5, -0.5),
        band=(-1.0, 2.0),
    )  # fmt: skip
    passed, left, right = (line.get_ydata() for line in conductor.plot().get_lines())
    energies = conductor.spectrum()[0]
    assert np.array_equal(passed, np.where((energies > -1) & (energies < 2), 0.25, 0.0))
    assert np.allclose(left[200] + right[200], 1.0)  # half-way between the chemical potentials


def test_dense_reservoirs():
    limit = td.dense_limit(
        [1.0, 0.5], rate=0.2, band=(-2.0, 5.0), temperature=0.5, chemical_potential=1.0,
        start=0.0, stop=3.0, speed=1.0,
    )  # fmt: skip
    chain, exact, golden, wide = plot.dense_occupations(limit).get_lines()
    assert np.array_equal(chain.get_ydata(), limit.chain)
    assert np.array_equal(exact.get_ydata(), limit.exact)
    assert set(golden.get_ydata()) == {limit.golden_rule}
    assert set(wide.get_ydata()) == {limit.wide_band}
