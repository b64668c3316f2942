"""Panels of repeated passages: what is drawn is what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anticrossing import dynamics, plot
from anticrossing._core.checks import InputError
from anticrossing.units import NATURAL


def test_interferogram_shows_every_point_at_its_place() -> None:
    offsets, amplitudes = np.linspace(-4, 4, 9), np.linspace(0, 6, 4)
    population = np.arange(36.0).reshape(9, 4) / 72
    drawn = plot.interference_map(offsets, amplitudes, population, frequency=2.0, unit="GHz")
    (mesh,) = drawn.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(4, 9), population.T)
    assert mesh.get_clim() == (0, 35 / 72)
    assert drawn.get_xlabel() == "offset (GHz)"
    (upper,) = drawn.child_axes
    np.testing.assert_allclose(upper.get_xticks(), [-4, -2, 0, 2, 4])
    assert [label.get_text() for label in upper.get_xticklabels()] == ["−2", "−1", "0", "1", "2"]


def test_an_empty_interferogram_and_many_resonances_can_be_drawn() -> None:
    offsets = np.linspace(-50, 50, 5)
    drawn = plot.interference_map(offsets, [0.0, 1.0], np.zeros((5, 2)), frequency=0.1)
    assert drawn.child_axes == []
    drawn = plot.interference_map(offsets, [0.0, 1.0], np.zeros((5, 2)), frequency=2.0)
    assert 0 < len(drawn.child_axes[0].get_xticks()) <= 30


def test_fringes_are_sorted_and_a_fit_may_be_finer() -> None:
    drawn = plot.fringes(
        [2.0, 1.0, 3.0],
        [0.2, 0.1, 0.3],
        error=[0.02, 0.01, 0.03],
        fit=[0.0, 0.5, 1.0, 0.5],
        fit_coordinate=[0.0, 1.0, 2.0, 3.0],
    )
    lines = {line.get_label(): line.get_xydata() for line in drawn.get_lines()}
    np.testing.assert_array_equal(lines["measured"], [[1, 0.1], [2, 0.2], [3, 0.3]])
    np.testing.assert_array_equal(lines["fit"], [[0, 0], [1, 0.5], [2, 1], [3, 0.5]])


def followed(x: Any, branches: Any, resonances: Any = ()) -> dynamics.QuasiEnergies:
    return dynamics.QuasiEnergies(
        "offset", np.asarray(x), np.asarray(branches), resonances, np.zeros(len(x)), (), NATURAL
    )


def test_quasi_energies_are_folded_and_broken_at_the_edge_of_the_zone() -> None:
    parameter = np.linspace(0, 2, 5)
    energy = np.array([0.3, 0.45, 0.6, 0.75, 0.9])
    resonance = dynamics.Resonance(1.0, 0.1, 1.0, 0.1, 3, (0, 1), NATURAL)
    result = followed(parameter, np.stack([energy, -energy], 1), (resonance,))
    drawn = plot.quasi_energy_diagram(result, frequency=1.0, unit="GHz")
    first = np.asarray(drawn.get_lines()[0].get_ydata())
    assert np.isnan(first[2])
    np.testing.assert_allclose(first[~np.isnan(first)], [0.3, 0.45, -0.4, -0.25, -0.1], atol=1e-15)
    assert "3" in [text.get_text() for text in drawn.texts]
    assert drawn.get_ylabel() == "quasi-energy (GHz)"
    whole = plot.quasi_energy_diagram(result)
    np.testing.assert_array_equal(whole.get_lines()[0].get_ydata(), energy)


def test_shapes_are_checked_in_words() -> None:
    with pytest.raises(InputError, match="`population` must have shape"):
        plot.interference_map([0, 1], [0, 1, 2], np.zeros((3, 2)))
    with pytest.raises(InputError, match="increase"):
        plot.interference_map([1, 0], [0, 1], np.zeros((2, 2)))
    with pytest.raises(InputError, match="`error` must have shape"):
        plot.fringes([0, 1], [0, 1], error=[0.1])
    with pytest.raises(InputError, match="`fit_coordinate` must be left out"):
        plot.fringes([0, 1], [0, 1], fit_coordinate=[0, 1])
