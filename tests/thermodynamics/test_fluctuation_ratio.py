"""ln P(w)/P̃(−w) lies on the line β(w − ΔΩ), value by value and smoothed."""

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics import (
    AtomicStatistics,
    DrivenLevel,
    SequentialCrossings,
    WorkDistribution,
    fluctuation_ratio,
)

BATH = {"temperature": 1 / 1.2, "chemical_potential": 3.0}
PAPER = DrivenLevel(levels=range(1, 10), couplings=0.2, start=0.0, stop=10.0, rate=1.0, **BATH)


def both(model, **options):
    return [model.work_distribution(direction=way, **options) for way in ("forward", "backward")]


def test_every_value_of_the_published_chain():
    ratio = fluctuation_ratio(*both(PAPER, method="landau-zener"))
    assert ratio.values.tolist() == list(range(11))
    assert ratio.width is None
    expected = 1.2 * (np.arange(11) - 3.022276875802411)  # ΔΩ in forty digits, another program
    np.testing.assert_allclose(ratio.log_ratios, expected, atol=1e-11)


@pytest.mark.parametrize(
    ("scheme", "change"), [("coupled", 3.0567805823), ("decoupled", 3.0222768758)]
)
def test_exact_work_of_the_published_level(scheme, change):
    pair = both(PAPER, scheme=scheme)
    for width in (0.2, 0.5):
        ratio = fluctuation_ratio(*pair, width=width, values=np.linspace(-3, 12, 16))
        np.testing.assert_allclose(ratio.log_ratios, 1.2 * (ratio.values - change), atol=1e-7)
    assert fluctuation_ratio(*pair).deviation < 1e-7


def test_the_broken_scheme_is_seen():
    small = DrivenLevel(levels=[1.0, 2.0], couplings=0.4, start=0.0, stop=3.0, rate=1.0, **BATH)
    assert fluctuation_ratio(*both(small, scheme="product"), width=0.3).deviation > 0.01
    assert fluctuation_ratio(*both(small, scheme="coupled"), width=0.3).deviation < 1e-7


def test_values_that_only_one_direction_has_are_left_out():
    forward = AtomicStatistics([0.0, 1.0, 2.0], [0.2, 0.3, 0.5])
    backward = AtomicStatistics([-2.0, 0.0], [0.25, 0.75])
    pair = [
        WorkDistribution(law, temperature=1.0, free_energy_difference=0.0)
        for law in (forward, backward)
    ]
    ratio = fluctuation_ratio(*pair)
    assert ratio.values.tolist() == [0.0, 2.0]
    np.testing.assert_allclose(ratio.log_ratios, np.log([0.2 / 0.75, 2.0]), atol=1e-15)
    one = AtomicStatistics([5.0], [1.0])
    with pytest.raises(InputError, match="positive probability in both"):
        fluctuation_ratio(
            pair[0], WorkDistribution(one, temperature=1.0, free_energy_difference=0.0)
        )


def test_levels_that_return():
    model = SequentialCrossings(
        times=[0.0, 4.0, 8.0], system_energies=[[0.0, 4.0, 0.5], [-1.6, 2.3, -1.0]],
        reservoir_energies=[1.0, 2.0], couplings=0.3, **BATH,
    )  # fmt: skip
    assert fluctuation_ratio(*both(model, method="landau-zener")).deviation < 1e-10
    assert fluctuation_ratio(*both(model), width=0.3).deviation < 1e-7


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda f, b: fluctuation_ratio(f, b, width=-1.0), "width"),
        (lambda f, b: fluctuation_ratio(f, b, width=0.3, values="no"), "values"),
        (lambda f, b: fluctuation_ratio(f, 3.0), "backward"),
        (
            lambda f, b: fluctuation_ratio(
                f, WorkDistribution(b.statistics, temperature=2.0, free_energy_difference=0.0)
            ),
            "one temperature",
        ),
    ],
)
def test_bad_arguments(call, text):
    pair = both(PAPER, method="landau-zener")
    with pytest.raises(InputError, match=text):
        call(*pair)
