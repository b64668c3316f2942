"""Maps as experiments give them: contrast, temperature, noise, counts, eigenstates that relax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

from anticrossing import InputError
from anticrossing.dynamics.interferogram import interferogram
from anticrossing.fits import Measurement, fit_interferogram, synthetic_interferogram
from anticrossing.fits._maps import MapModel
from anticrossing.fits._readout import PERFECT
from anticrossing.formulas import fast_passage_population
from tests.effort import slow

OMEGA = 7.54
QUBIT: dict[str, Any] = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5}
VALUES = {**QUBIT, "offset_shift": 0.4, "temperature": 3.0, "offset_noise": 0.0, **PERFECT}
WHERE = {
    "offset": np.array([-9.0, 2.0, 7.1, 15.0]),
    "amplitude": np.array([10.0, 30.0, 5.0, 44.0]),
    "frequency": np.full(4, OMEGA),
}


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        (MapModel("exact", "diabatic", "diabatic", "excited", 1e-10), {"visibility": 0.7}),
        slow(MapModel("exact", "diabatic", "diabatic", "upper", 1e-10), {"offset_noise": 1.5}),
        (MapModel("fast-passage", "diabatic", "diabatic", "excited", 1e-10), {"background": 0.1}),
        slow(MapModel("exact", "adiabatic", "diabatic", "upper", 1e-9), {"false_positive": 0.1}),
        slow(MapModel("exact", "adiabatic", "adiabatic", "excited", 1e-9), {"offset_noise": 0.5}),
    ],
)
def test_derivatives_are_those_of_differences(model: MapModel, extra: dict[str, float]) -> None:
    values = {**VALUES, **extra}
    names = [n for n in values if values[n] != 0] + ["false_negative"]
    population, slopes = model(values, WHERE, names)
    np.testing.assert_allclose(population, model(values, WHERE)[0], atol=1e-9)
    for name in names:
        step = 1e-3 * (abs(values[name]) if values[name] else 1.0)
        ends = [model({**values, name: values[name] + k * step}, WHERE)[0] for k in (-2, -1, 1, 2)]
        difference = (8 * (ends[2] - ends[1]) - ends[3] + ends[0]) / (12 * step)
        np.testing.assert_allclose(slopes[name], difference, atol=3e-6 / step * 1e-2, err_msg=name)


def test_the_formula_is_that_of_the_formulas() -> None:
    model = MapModel("fast-passage", "diabatic", "diabatic", "excited", 1e-9)
    values = {**VALUES, "temperature": 0.0, "gap": 0.5}
    place = {"offset": WHERE["offset"] + 0.4, "amplitude": 0.5 * WHERE["amplitude"]}
    formula = fast_passage_population(gap=0.5, t1=20.0, t2=8.0, frequency=OMEGA, **place).value
    np.testing.assert_allclose(model(values, WHERE)[0], formula, rtol=1e-12)


@pytest.mark.parametrize("width", [0.3, slow(5.0)])
def test_still_noise_is_an_average_over_offsets(width: float) -> None:
    model = MapModel("exact", "diabatic", "diabatic", "upper", 1e-10)
    found = model({**VALUES, "offset_noise": width}, WHERE)[0]

    def weighted(x: float, k: int) -> float:
        value = interferogram(
            gap=4.0,
            offset=WHERE["offset"][k] + 0.4 + width * x,
            frequency=OMEGA,
            t1=20.0,
            t2=8.0,
            amplitude=0.5 * WHERE["amplitude"][k],
            temperature=3.0,
            tolerance=1e-9,
        )
        return float(value) * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    for k in (1, 3):
        exact = quad(weighted, -7, 7, args=(k,), limit=400, epsabs=1e-8)[0]
        assert found[k] == pytest.approx(exact, abs=1e-7)


def test_still_noise_meets_resonances_a_thousand_times_narrower() -> None:
    model = MapModel("exact", "diabatic", "diabatic", "upper", 1e-9)
    values = {**VALUES, "gap": 0.003, "t1": 1000.0, "t2": 1000.0, "amplitude_scale": 1.0}
    x = np.linspace(-8, 8, 160_001)
    mean = OMEGA + np.array([0.19])  # a coarse rule has its nodes on neither side of ω
    where = {"offset": mean, "amplitude": np.array([8.0]), "frequency": np.array([OMEGA])}
    still = {"offset_shift": 0.0, "temperature": 2.0}
    found = model({**values, **still, "offset_noise": 1.0}, where)[0]
    every = {"offset": mean + x, "amplitude": np.full(x.size, 8.0), "frequency": OMEGA}
    exact = np.average(model({**values, **still}, every)[0], weights=np.exp(-x * x / 2))
    far = model({**values, **still, "gap": 1e-6, "offset_noise": 1.0}, where)[0]
    assert found - far > 5e-4
    assert found == pytest.approx(exact, abs=1e-6)


def test_without_contrast_t1_is_wrong_and_with_it_right() -> None:
    true = {**QUBIT, "t1": 50.0}
    data = synthetic_interferogram(
        seed=1, **true, offsets=31, amplitudes=15, error=0.004, visibility=0.75, background=0.05
    )
    start = {**true, "offset_shift": 0.4, "frequency": OMEGA, "search": False}
    names = ("gap", "t1", "t2", "amplitude_scale", "offset_shift")
    blind = fit_interferogram(data, **start, vary=names)
    assert blind["t1"].value < 35
    assert any("χ² is too large" in note for note in blind.warnings)
    seeing = fit_interferogram(data, **start, vary=(*names, "visibility", "background"))
    assert seeing["t1"].value == pytest.approx(50.0, abs=4 * seeing["t1"].error)
    assert seeing["t1"].error < 5
    assert seeing["visibility"].value == pytest.approx(0.75, abs=4 * seeing["visibility"].error)
    assert seeing.determined
    assert seeing.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "options"),
    [
        ({"visibility": 0.7, "background": 0.1}, {}),
        ({"false_positive": 0.05, "false_negative": 0.2}, {}),
        ({"temperature": 5.0, "visibility": 0.8}, {"measured": "upper"}),
        ({"offset_noise": 1.0}, {}),
    ],
)
def test_a_poor_guess_is_enough(extra: dict[str, float], options: dict[str, Any]) -> None:
    data = synthetic_interferogram(
        seed=4, **QUBIT, offsets=41, amplitudes=21, shots=3000, **extra, **options
    )
    guess = {"gap": 8.0, "t1": 12.0, "t2": 3.0, "amplitude_scale": 0.25, "frequency": OMEGA}
    start = {n: 0.5 * v + (0.5 if n == "visibility" else 0.0) for n, v in extra.items()}
    names = ("gap", "t1", "t2", "amplitude_scale", "offset_shift", *extra)
    result = fit_interferogram(data, **guess, **start, **options, vary=names)
    for name, value in {**QUBIT, "offset_shift": 0.4, **extra}.items():
        assert abs(result[name].value - value) < 4 * result[name].error, name
    assert result.determined


def test_counts_are_fitted_by_their_likelihood() -> None:
    small = {"offsets": np.linspace(-8, 8, 9), "amplitudes": [5.0, 20.0]}
    data = synthetic_interferogram(seed=2, **QUBIT, **small, shots=40)
    held = {**QUBIT, "offset_shift": 0.4, "frequency": OMEGA, "search": False}
    result = fit_interferogram(data, **held, vary=("gap", "visibility"))
    assert data.shots is not None
    counts = data.population * data.shots

    def negative(x: np.ndarray) -> float:
        p = (
            x[1]
            * interferogram(
                gap=x[0],
                offset=data.coordinate("offset") + 0.4,
                frequency=OMEGA,
                t1=20.0,
                t2=8.0,
                amplitude=0.5 * data.coordinate("amplitude"),
                equilibrium=0.0,
                tolerance=1e-10,
            ).population
        )
        return -float(np.sum(counts * np.log(p) + (data.shots - counts) * np.log(1 - p)))

    fine = {"xatol": 1e-7, "fatol": 1e-10}
    best = minimize(negative, [4.0, 0.9], method="Nelder-Mead", options=fine)
    assert result["gap"].value == pytest.approx(best.x[0], rel=1e-4)
    assert result["visibility"].value == pytest.approx(best.x[1], rel=1e-4)
    saturated = -np.sum(
        np.where(counts > 0, counts * np.log(np.maximum(data.population, 1e-300)), 0)
        + np.where(counts < 40, (40 - counts) * np.log(np.maximum(1 - data.population, 1e-300)), 0)
    )
    assert result.chi_square == pytest.approx(2 * (best.fun - saturated), rel=1e-6)
    (note,) = result.warnings  # 720 shots tell the gap to a tenth: its pulls average to −0.11
    assert "curved" in note
    assert "`gap`" in note
    bad = fit_interferogram(data, **{**held, "gap": 0.3}, vary=("visibility",))
    assert any("χ² is too large" in note for note in bad.warnings)


@pytest.mark.slow
def test_relaxation_of_eigenstates_is_told_from_that_of_diabatic_states() -> None:
    place = {"offsets": np.linspace(-18, 18, 11), "amplitudes": np.linspace(6, 50, 6)}
    true = {**QUBIT, "t1": 1.5, "t2": 1.2, "temperature": 4.0, "offset_shift": 0.4}
    options: dict[str, Any] = {"basis": "adiabatic", "readout": "diabatic", "measured": "upper"}
    data = synthetic_interferogram(seed=1, **true, **place, **options, error=0.005)
    names = ("gap", "t1", "t2", "offset_shift", "temperature", "visibility")
    start = {**true, "gap": 4.5, "t1": 1.2, "frequency": OMEGA}
    result = fit_interferogram(data, **start, **options, vary=names, search=False)
    for name in names[:-1]:
        assert abs(result[name].value - true[name]) < 4 * result[name].error, name
    assert result.warnings == ()
    other = fit_interferogram(data, **start, measured="upper", vary=names, search=False)
    assert any("χ² is too large" in note for note in other.warnings)


def test_units_as_they_are_written() -> None:
    plain = synthetic_interferogram(seed=3, offsets=15, amplitudes=7, **QUBIT)
    turn = 2 * np.pi
    data = Measurement(
        {"offset": plain.coordinate("offset") / turn, "amplitude": plain.coordinate("amplitude")},
        plain.population,
        plain.error,
        units={"offset": "GHz", "amplitude": "mV"},
    )
    names = ("gap", "t1", "t2", "amplitude_scale", "offset_shift")
    natural = fit_interferogram(
        plain, **QUBIT, offset_shift=0.4, frequency=OMEGA, vary=names, search=False
    )
    written = fit_interferogram(
        data,
        gap=f"{4000 / turn} MHz",
        t1="0.02 µs",
        t2="8 ns",
        amplitude_scale=f"{500 / turn} MHz/mV",
        offset_shift=f"{0.4 / turn} GHz",
        frequency=f"{OMEGA / turn} GHz",
        temperature="0 mK",
        vary=names,
        search=False,
    )
    factors = {"gap": 1e3 / turn, "t1": 1e-3, "t2": 1e-3, "amplitude_scale": 1e3 / turn}
    factors["offset_shift"] = 1 / turn
    for name, factor in factors.items():
        one, other = natural[name], written[name]
        assert other.value == pytest.approx(factor * one.value, rel=1e-5), name
        assert other.error == pytest.approx(factor * one.error, rel=1e-4), name
    assert str(written["gap"]).endswith(" MHz")
    assert written["amplitude_scale"].unit == "MHz/mV"
    assert written["t2"].unit == "µs"
    assert written.chi_square == pytest.approx(natural.chi_square, rel=1e-8)
    np.testing.assert_allclose(
        written.fisher_information() @ written.covariance, np.eye(5), atol=1e-6
    )
    again = written.next_measurement({"offset": [0.0, 1.2], "amplitude": 10.0})
    assert set(again.best) == {"offset", "amplitude", "frequency"}
    assert "offset 1.2 GHz, amplitude 10 mV, frequency 1.2" in str(again)
    assert all(f"{name} ±" in str(again) for name in names)
    assert again.plot().get_xlabel() == "offset (GHz)"
    assert again.variables()["amplitude"].unit == "mV"
    posterior = written.sample(seed=1, walkers=10, steps=20)
    assert posterior.units == {name: written[name].unit for name in names}
    assert posterior.plot().get_ylabel() == "t1 (µs)"
    assert " MHz" in str(posterior)


WRONG = {
    "no unit": ({"gap": 4.0}, "`gap` must have a unit, such as '4 MHz'"),
    "no energy": ({"gap": "4 ns"}, "`gap` must have a unit of energy"),
    "no time": ({"t1": "20 GHz"}, "`t1` must have a unit of time"),
    "per": ({"amplitude_scale": "80 MHz/V"}, "`amplitude_scale` must be per mV"),
    "text": ({"gap": "wide"}, "`gap` must be a number"),
    "pure": ({"t2": "50 ns"}, "`t2` must be at most"),
}


@pytest.mark.parametrize("name", WRONG)
def test_units_that_are_missing_or_mixed(name: str) -> None:
    options, message = WRONG[name]
    data = Measurement(
        {"offset": np.linspace(-1, 1, 9), "amplitude": np.ones(9)},
        np.full(9, 0.2),
        units={"offset": "GHz", "amplitude": "mV"},
    )
    written = {"gap": "4 MHz", "t1": "20 ns", "t2": "8 ns", "amplitude_scale": "80 MHz/mV"}
    with pytest.raises(InputError, match=message):
        fit_interferogram(data, **{**written, "frequency": "1.2 GHz", **options})
    bare = Measurement({**data.coordinates}, data.population)
    with pytest.raises(InputError, match="`data` must have a unit"):
        fit_interferogram(bare, **{**written, "frequency": "1.2 GHz"})


def test_options_that_make_no_sense_are_refused() -> None:
    data = synthetic_interferogram(seed=1, offsets=5, amplitudes=3)
    start = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "frequency": OMEGA}
    for options, message in (
        ({"temperature": -1.0}, "`temperature` must"),
        ({"vary": ("temperature",)}, "`temperature` must be positive where it is fitted"),
        ({"vary": ("offset_noise",)}, "`offset_noise` must be positive where it is fitted"),
        ({"measured": "upper", "offset_noise": 1.0}, "`temperature` must be positive where noise"),
        ({"model": "fast-passage", "basis": "adiabatic"}, "`basis` must be 'diabatic'"),
        ({"basis": "adiabatic", "measured": "upper"}, "`measured` must be left out"),
        ({"false_positive": 0.6}, "`false_positive` must be at least 0 and below 0.5"),
        ({"false_positive": 0.1, "visibility": 0.8}, "`visibility` must be left out"),
        ({"false_positive": 0.1, "vary": ("background",)}, "`background` must be left out"),
        ({"search": 1}, "`search` must"),
    ):
        with pytest.raises(InputError, match=message):
            fit_interferogram(data, **{**start, **options})
    with pytest.raises(InputError, match="did you mean `temperature`"):
        synthetic_interferogram(seed=1, temperatur=1.0)
