"""JAX differentiates, compiles and maps exact evolution."""

import numpy as np
import pytest

import anticrossing as ac

jax = pytest.importorskip("jax", reason="needs the extra `jax`")

H, DRIVE = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-40, 40, rate=1.0)


@pytest.fixture(autouse=True)
def doubles():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def test_the_jump_and_its_derivatives_in_closed_form():
    drive = ac.drive.Linear(-4000, 4000, rate=1.0)
    matrix = ac.jax.differentiable(H, drive, basis="adiabatic")
    jump, slopes = jax.value_and_grad(lambda p: matrix(p)[1, 0])({"gap": 0.8, "rate": 1.5})
    exact = np.exp(-np.pi * 0.64 / 3)
    assert jump == pytest.approx(exact, rel=1e-6)
    assert slopes["gap"] == pytest.approx(-np.pi * 0.8 / 1.5 * exact, rel=1e-4)
    assert slopes["rate"] == pytest.approx(np.pi * 0.64 / 4.5 * exact, rel=1e-4)


def test_forwards_backwards_compiled_and_mapped_agree():
    matrix = ac.jax.differentiable(H, DRIVE)

    def jump(gap, rate):
        return matrix({"gap": gap, "rate": rate})[1, 0] ** 2

    slope = jax.grad(jump, argnums=(0, 1))
    plain = np.array(slope(1.1, 0.9))
    forwards = [jax.jvp(jump, (1.1, 0.9), shift)[1] for shift in ((1.0, 0.0), (0.0, 1.0))]
    assert np.allclose(forwards, plain, rtol=1e-12, atol=0)
    assert np.allclose(jax.jit(slope)(1.1, 0.9), plain, rtol=1e-12, atol=0)
    gaps = np.array([0.7, 1.1, 1.3])
    mapped = jax.vmap(slope, in_axes=(0, None))(gaps, 0.9)
    assert np.allclose(np.array(mapped)[:, 1], plain, rtol=1e-9, atol=0)
    # An array of parameters is a batch.
    batch = matrix({"gap": gaps, "rate": 0.9})
    assert batch.shape == (3, 2, 2)
    assert batch[1, 1, 0] ** 2 == pytest.approx(float(jump(1.1, 0.9)), rel=1e-12)
    step = 1e-4
    difference = (jump(1.1 + step, 0.9) - jump(1.1 - step, 0.9)) / (2 * step)
    assert plain[0] == pytest.approx(float(difference), rel=1e-6)


def test_a_loss_of_complex_amplitudes():
    unitary = ac.jax.differentiable(H, DRIVE, of="propagator", basis="diabatic")
    target = np.array([[0, 1j], [1j, 0]])

    def overlap(gap):
        return abs(jax.numpy.trace(target.conj().T @ unitary({"gap": gap}))) ** 2

    step, found = 1e-4, float(jax.grad(overlap)(1.2))
    difference = (overlap(1.2 + step) - overlap(1.2 - step)) / (2 * step)
    assert found == pytest.approx(float(difference), rel=1e-5)


def test_numbers_of_an_environment():
    environment = ac.Dephasing(rate=0.02)
    name = "environment.rate"  # the drive has one as well
    ends = ac.jax.differentiable(H, DRIVE, of="probabilities", environment=environment)
    slope = jax.jacrev(lambda rate: ends({name: rate}))(0.02)
    again = ac.propagate(H, DRIVE, environment=environment, gradient=name)
    assert np.allclose(slope, again.gradients[name].probabilities, atol=1e-12)
    with pytest.raises(Exception, match="not be negative"):
        ends({name: -0.1})
    with pytest.raises(ac.InputError, match=r"hamiltonian\.gap, .*'rate'"):
        ends({"rate": 0.1})


def test_what_the_evolution_doubts_is_a_warning():
    both = np.sqrt([0.5, 0.5])  # whose phase, of 1e13 radians, no double knows
    slow = ac.drive.Linear(-40, 40, rate=1e-10)
    ends = ac.jax.differentiable(H, slow, of="probabilities", initial=both)
    with pytest.warns(UserWarning, match="the wanted accuracy"):
        ends({"gap": 1.0})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ac.jax.differentiable(H, DRIVE, of="phase"), "`of` must"),
        (lambda: ac.jax.differentiable(H, DRIVE, gradient="gap"), "`gradient` must be left out"),
        (lambda: ac.jax.differentiable(H.replace(gap=[1, 2]), DRIVE), "no batch"),
        (
            lambda: ac.jax.differentiable(H, DRIVE, environment=ac.Dephasing(rate=[0.1, 0.2])),
            "`environment` must be no batch",
        ),
        (lambda: ac.jax.differentiable(H, DRIVE)({"gapp": 1.0}), r"hamiltonian\.gap.*'gapp'"),
        (lambda: ac.jax.differentiable(H, DRIVE)({}), "at least one"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(call, message):
    with pytest.raises(ac.InputError, match=message):
        call()
