import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.formulas import allen_eberly, demkov_kunike, landau_zener, rosen_zener, tanh_sweep


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("detuning", "chirp", "peak", "width"),
    [
        (0.5, 1.0, 1.0, 1.0),  # Ω₀ = B
        (0.3, 2.0, 1.0, 0.7),  # Ω₀ < B: hyperbolic
        (2.0, 0.5, 3.0, 0.4),  # no crossing
        (0.0, 1.5, 4.0, 1.0),
        (-0.8, -0.4, 2.0, 0.6),
        (0.7, 0.0, 1.3, 1.1),
    ],
)
def test_demkov_kunike_against_the_equation_of_motion(
    detuning, chirp, peak, width, two_level, propagator
):
    hamiltonian = two_level(
        lambda t: detuning + chirp * np.tanh(t / width), lambda t: peak / np.cosh(t / width)
    )
    u = propagator(hamiltonian, -35 * width, 35 * width, 1e-12)
    result = demkov_kunike(detuning=detuning, chirp=chirp, peak_coupling=peak, width=width)
    assert result.value == pytest.approx(abs(u[1, 0]) ** 2, abs=1e-11)


def test_rosen_zener_and_allen_eberly_in_their_own_form():
    rng = np.random.default_rng(5)
    d, b, a, w = rng.uniform(0.1, 1.5, size=(4, 50))
    own = (np.sin(np.pi * a * w / 2) / np.cosh(np.pi * d * w / 2)) ** 2
    assert np.allclose(rosen_zener(detuning=d, peak_coupling=a, width=w).value, own, rtol=1e-12)
    cosine = np.cos(0.5 * np.pi * w * np.sqrt((a**2 - b**2).astype(complex))).real
    own = 1 - (cosine / np.cosh(np.pi * b * w / 2)) ** 2
    assert np.allclose(allen_eberly(chirp=b, peak_coupling=a, width=w).value, own, rtol=1e-11)


def test_pulse_area_theorem_on_resonance():
    area = np.array([0.0, 0.5, 1.0, 2.0]) * np.pi
    result = rosen_zener(detuning=0.0, peak_coupling=area / np.pi, width=1.0)
    assert np.allclose(result.value, np.sin(area / 2) ** 2, atol=1e-15)


def test_demkov_kunike_contains_landau_zener():
    """B → ∞ at fixed rate: near the crossing sweep and coupling are linear and constant."""
    gap, rate, b = 1.0, 1.0, 1e4
    width = b / rate
    follow = allen_eberly(chirp=b, peak_coupling=gap, width=width).value
    assert 1 - follow == pytest.approx(landau_zener(gap=gap, sweep_rate=rate).value, rel=1e-6)


def test_nothing_overflows():
    result = demkov_kunike(
        detuning=[0.0, 1e3, 1e3], chirp=[1e3, 0.0, 1e3], peak_coupling=[2e3, 10.0, 0.0], width=10.0
    )
    assert result.value == pytest.approx([1.0, 0.0, 0.0])
    assert tanh_sweep(gap=1e3, amplitude=1e3, width=100.0).log_value == pytest.approx(
        -np.pi * 1e5 * (np.sqrt(2) - 1), rel=1e-10
    )


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("gap", "amplitude", "width", "offset"),
    [
        (1.0, 5.0, 2.0, 0.0),
        (1.0, 2.0, 1.0, 0.5),
        (0.7, 1.0, 2.0, -0.3),
        (1.0, 0.5, 0.6, 0.9),  # the detuning keeps its sign
    ],
)
def test_tanh_sweep(gap, amplitude, width, offset, two_level, adiabatic_matrix):
    hamiltonian = two_level(lambda t: offset + amplitude * np.tanh(t / width), gap)
    numeric = adiabatic_matrix(hamiltonian, -20 * width, 20 * width, 1e-12)
    result = tanh_sweep(gap=gap, amplitude=amplitude, width=width, offset=offset)
    assert result.value == pytest.approx(numeric[1, 0], abs=1e-11)


def test_tanh_sweep_limits():
    # sudden: the state stays, P is the overlap of the two end eigenstates
    sudden = tanh_sweep(gap=1.0, amplitude=2.0, width=1e-6).value
    assert sudden == pytest.approx(4 / 5, rel=1e-9)
    # linear over the passage: Landau-Zener
    linear = tanh_sweep(gap=1.0, amplitude=1e4, width=1e4).value
    assert linear == pytest.approx(landau_zener(gap=1.0, sweep_rate=1.0).value, rel=1e-7)
    # slow: the exponent of the complex zero
    slow = tanh_sweep(gap=1.0, amplitude=1.0, width=20.0).log_value
    assert slow == pytest.approx(-np.pi * 20 * (np.sqrt(2) - 1), rel=1e-12)


def test_tanh_sweep_degenerate_arguments():
    values = tanh_sweep(
        gap=[0.0, 0.0, 1.0], amplitude=[1.0, 1.0, 0.0], width=1.0, offset=[0.2, 2.0, 0.2]
    ).value
    assert np.array_equal(values, [1.0, 0.0, 0.0])


def test_exact_models_say_so():
    text = str(rosen_zener(detuning=1.0, peak_coupling=1.0, width=1.0))
    assert "exact for the Hamiltonian stated" in text


def test_bad_arguments():
    with pytest.raises(InputError, match="width"):
        rosen_zener(detuning=1.0, peak_coupling=1.0, width=0.0)
    with pytest.raises(InputError, match="broadcast"):
        tanh_sweep(gap=[1.0, 2.0], amplitude=[1.0, 2.0, 3.0], width=1.0)
    with pytest.raises(InputError, match="`gap` must not be negative"):
        tanh_sweep(gap=-1.0, amplitude=1.0, width=1.0)
