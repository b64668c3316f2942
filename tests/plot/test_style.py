"""Numbers in figures."""

import pytest
from matplotlib.figure import Figure

from anticrossing.plot import style


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-10, "10⁻¹⁰"), (1.0, "10⁰"), (2e-3, "2×10⁻³"), (-3.456e12, "−3.46×10¹²"), (9.999e5, "10⁶")],
)
def test_scientific(value, text):
    assert style.scientific(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.25, "0.25"), (-1.5, "−1.5"), (2.5e-7, "2.5×10⁻⁷")]
)
def test_number(value, text):
    assert style.number(value) == text


def test_powers_on_an_axis_need_no_mathematics():
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.set_ylim(1e-9, 1.0)
    style.logarithmic(axes.yaxis, 0.0, 1.0)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert "10⁻⁴" in labels
    assert not any("$" in label for label in labels)
