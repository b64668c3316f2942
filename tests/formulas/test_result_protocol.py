"""Every result of the closed forms shows, stores and draws itself."""

from __future__ import annotations

import numpy as np
import pytest

from anticrossing import formulas
from tests.result_protocol import check

CROSSING = {"gap": 1.0, "sweep_rate": 1.0}
RESULTS = {
    "prediction": lambda: formulas.landau_zener(**CROSSING, window=50.0),
    "batch": lambda: formulas.landau_zener(gap=np.linspace(0, 1, 5), sweep_rate=1.0, window=5.0),
    "map": lambda: formulas.landau_zener(gap=np.ones((3, 1)), sweep_rate=np.arange(1.0, 5)),
    "check": lambda: formulas.landau_zener(**CROSSING, window=2.0).checks[0],
    "checks": lambda: formulas.landau_zener(gap=[0.5, 1.0], sweep_rate=1.0, window=2.0).checks[0],
    "matrix": lambda: formulas.demkov_osherov(
        levels=[0.0, 1.0], couplings=[0.2, 0.3], sweep_rate=1.0
    ),
    "finite window": lambda: formulas.finite_window(**CROSSING, start=-5.0, stop=5.0),
    "complex time": lambda: formulas.dykhne_davis_pechukas(lambda t: (t**2 + 1) ** 0.5),
    "coefficients": lambda: formulas.dephasing_coefficients(
        gap=1.0, gamma=0.3, start=-1.0, stop=[0.0, 1.0]
    ),
    "history": lambda: formulas.transition_history(
        "sqrt(1 + (0.1*t)**2)", time=np.linspace(-9, 9, 7)
    ),
    "dephasing": lambda: formulas.dephasing_landau_zener(**CROSSING, gamma=0.1),
    "resonances": lambda: formulas.multiphoton_resonances(
        gap=0.1, amplitude=5.0, frequency=1.0, orders=[1, 2]
    ),
    "times": lambda: formulas.time_scales(**CROSSING),
    "times of several": lambda: formulas.time_scales(gap=[0.5, 1.0], sweep_rate=1.0),
}


@pytest.mark.parametrize("name", RESULTS)
def test_result_protocol(name, tmp_path):
    check(RESULTS[name](), tmp_path)


def test_single_numbers_without_checks_are_not_drawn(tmp_path):
    check(formulas.landau_zener(**CROSSING), tmp_path, drawable=False)
    canonical = formulas.canonical_dephasing(energies=(-0.5, 0.5), functions=[(0.0, 0.2)])
    check(canonical, tmp_path, drawable=False)


def test_a_batch_is_drawn_by_its_values_not_by_its_checks():
    axes = RESULTS["batch"]().plot()
    assert axes.get_ylabel() == "value of the closed form"
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(RESULTS["batch"]().value)
