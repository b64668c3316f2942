"""What is drawn is what was given, dotted outside the domain."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from anticrossing._core.checks import InputError
from anticrossing.molecules.rates import marcus
from anticrossing.plot import arrhenius, inverted_region

COMMON = {"coupling": 1e-3, "reorganization_energy": 1.0}


def legend(axes):
    found = axes.get_legend()
    return {
        text.get_text(): handle.get_linestyle()
        for text, handle in zip(found.get_texts(), found.legend_handles, strict=True)
    }


def test_inverted_region():
    axes = Figure().subplots()
    free = np.linspace(0.5, -2, 30)
    rate = marcus(**COMMON, reaction_free_energy=free, temperature=0.03)
    given = {"Marcus": rate, "half": np.asarray(rate) / 2}
    assert inverted_region(free, given, reorganization_energy=1.0, unit="eV", ax=axes) is axes
    dotted, solid, *_ = axes.get_lines()
    for line in (dotted, solid):
        np.testing.assert_array_equal(line.get_xdata(), -free)
        np.testing.assert_array_equal(line.get_ydata(), rate.value)
    assert legend(axes) == {"Marcus": "-", "half": "-", "−ΔG = λ": "--"}
    assert axes.get_xlabel() == "driving force −ΔG (eV)"


def test_arrhenius_leaves_out_what_is_not_valid():
    axes = Figure().subplots()
    heat = np.linspace(0.005, 0.1, 40)
    rate = marcus(**COMMON, reaction_free_energy=0.0, temperature=heat, frequency=0.03)
    assert not rate.valid
    arrhenius(heat, {"Marcus": rate}, ax=axes)
    dotted, solid, _ = axes.get_lines()
    assert legend(axes) == {"Marcus": "-", "dotted: outside the domain": ":"}
    assert np.all(np.diff(dotted.get_xdata()) > 0)
    assert np.isfinite(dotted.get_ydata()).all()
    assert 0 < np.isfinite(solid.get_ydata()).sum() < heat.size


def test_a_formula_that_is_never_valid_is_dotted_in_the_legend():
    axes = Figure().subplots()
    free = np.linspace(0.0, -2, 5)
    common = {**COMMON, "reaction_free_energy": free, "temperature": 0.03}
    rates = {"hot": marcus(**common, frequency=0.001), "cold": marcus(**common, frequency=0.2)}
    inverted_region(free, rates, ax=axes)
    assert legend(axes) == {"hot": "-", "cold": ":", "dotted: outside the domain": ":"}


def test_bad_arguments():
    with pytest.raises(InputError, match="'a' has the shape"):
        inverted_region([0.0, 1.0], {"a": [1.0]})
    with pytest.raises(InputError, match="`temperature` must be positive"):
        arrhenius([0.0, 1.0], {"a": [1.0, 1.0]})
    with pytest.raises(InputError, match="`reorganization_energy` must be positive"):
        inverted_region([0.0, 1.0], {"a": [1.0, 1.0]}, reorganization_energy=-1.0)
    with pytest.raises(InputError, match=r"`reorganization_energy` must be .*a single number"):
        inverted_region([0.0, 1.0], {"a": [1.0, 1.0]}, reorganization_energy=[1.0])
    with pytest.raises(InputError, match="`temperature` must have 1"):
        arrhenius(1.0, {"a": 1.0})
