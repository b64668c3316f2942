"""The funnel of retinal: where its levels meet, and what its numbers stand for."""

import numpy as np
import pytest

from anticrossing import geometry
from anticrossing._core.checks import InputError
from anticrossing.models import RETINAL_MASSES, Retinal


def test_values_written_out_independently():
    phi, x = 1.2, -0.7
    up = (1 - np.cos(phi)) / 2
    expected = [
        [3.6 * up + 0.095 * x**2, 0.19 * x],
        [0.19 * x, 2.48 - 1.09 * up + 0.1 * x + 0.095 * x**2],
    ]
    np.testing.assert_allclose(Retinal()([phi, x]), expected, rtol=1e-14)
    np.testing.assert_allclose(Retinal()([phi + 2 * np.pi, x]), expected, rtol=1e-13)


def test_levels_touch_at_93_degrees():
    angle = np.arccos(1 - 2 * 2.48 / (3.6 + 1.09))
    assert np.degrees(angle) == pytest.approx(93.3, abs=0.05)
    (point,) = geometry.find_intersections(Retinal(), [[0.5, 2.5], [-1.0, 1.0]])
    assert point.position == pytest.approx([angle, 0.0], abs=1e-8)


def test_photon_and_vibration_of_cis():
    # Absorbed at 500 nm = 2.48 eV; the torsion in the well of cis: √(½W₀/I) = 238 cm⁻¹.
    lower, upper = np.linalg.eigvalsh(Retinal()([0.0, 0.0]))
    assert 1239.842 / (upper - lower) == pytest.approx(500, abs=0.1)
    frequency = np.sqrt(3.6 / 2 / RETINAL_MASSES[0])
    assert frequency / 1.239842e-4 == pytest.approx(238, abs=0.5)


def test_other_funnels():
    H = Retinal(excitation=[2.0, 2.5], coupling=0.0)
    np.testing.assert_allclose(H([0.0, 1.0])[:, 1, 1], [2.0 + 0.195, 2.5 + 0.195])
    with pytest.raises(InputError, match="`frequency` must be positive"):
        Retinal(frequency=0.0)
