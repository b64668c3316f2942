"""Times are in the unit of the Hamiltonian: the same physics in eV and fs as with ħ = 1."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing import Hamiltonian, InputError, Units
from anticrossing._core.checks import ConvergenceError
from anticrossing.molecules.packets import (
    Absorber,
    Grid,
    WavePacket,
    autocorrelation_spectrum,
    check_convergence,
    choose_step,
    propagate_lower_surface,
    propagate_packet,
    scatter,
)
from anticrossing.molecules.trajectories import Gaussian, run_trajectories

EV_FS = Units("eV", "fs", "angstrom")
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def crossing(units):
    return Hamiltonian.from_matrix(
        [["tanh(x)", "exp(-x**2)/5"], ["exp(-x**2)/5", "-tanh(x)"]], units=units
    )


def cone(units):
    surface = "(x**2 + y**2)/2"
    return Hamiltonian.from_matrix(
        [[f"{surface} + 2*x", "2*y"], ["2*y", f"{surface} - 2*x"]],
        coordinates=("x", "y"),
        units=units,
    )


def twice(run):
    """Return what `run` makes of natural units and of eV and fs, and fs per natural time."""
    return run(Units(), 1.0), run(EV_FS, 1 / EV_FS.angular), 1 / EV_FS.angular


PACKET = WavePacket(centre=-6.0, momentum=30.0, width=1.0)


def test_packets():
    def run(units, time):
        return propagate_packet(
            crossing(units), Grid(-14.0, 16.0, 640), 100.0, PACKET, stop=80.0 * time,
            step=0.1 * time, samples=5, absorber=Absorber([[0.0, 2.0]]), autocorrelation=True,
        )  # fmt: skip

    plain, named, time = twice(run)
    for key in ("populations", "norm", "energy", "positions", "momenta", "absorbed", "state"):
        assert_allclose(getattr(named, key), getattr(plain, key), **CLOSE)
    assert plain.absorbed.sum() > 0.1
    for key in ("times", "step", "autocorrelation_times"):
        assert_allclose(getattr(named, key), time * np.asarray(getattr(plain, key)), rtol=1e-14)
    assert named.times[-1] == 80.0 * time
    energies = [-0.5, 0.0, 4.0]
    found = [autocorrelation_spectrum(r, energies, broadening=0.2).density for r in (plain, named)]
    assert_allclose(found[1], found[0], **CLOSE)
    assert f"t = 0 to {80 * time:.6g} fs" in str(named)


def test_chosen_steps_and_convergence():
    def run(units, time):
        where = (crossing(units), Grid(-14.0, 16.0, 512), 100.0, PACKET)
        step = choose_step(*where, stop=10.0 * time, tolerance=1e-2)
        return step, check_convergence(*where, stop=10.0 * time, step=0.1 * time, divide=0.0)

    (step, plain), (named_step, named), time = twice(run)
    assert named_step == pytest.approx(step * time, rel=1e-9)
    assert_allclose(named.probabilities, plain.probabilities, **CLOSE)


@pytest.mark.slow
def test_scattering():
    def run(units, time):
        return scatter(
            crossing(units), Grid(-30.0, 22.0, 1024), 100.0,
            WavePacket(centre=-9.0, momentum=30.0, width=0.6), energies=[3.0, 3.6],
            lines=(-14.0, 9.0), absorber=Absorber(10.0), stop=300.0 * time, step=0.1 * time,
        )  # fmt: skip

    plain, named, _ = twice(run)
    for key in ("reflected", "transmitted", "incoming_density"):
        assert_allclose(getattr(named, key), getattr(plain, key), rtol=1e-11, atol=1e-12)


def test_one_surface():
    def run(units, time):
        packet = WavePacket(centre=[2.0, 0.0], momentum=[0.0, 1.5], width=0.9)
        grid = Grid([-10.0, -10.0], [10.1, 10.1], 64)
        return propagate_lower_surface(cone(units), grid, 1.0, packet, stop=1.5 * time, samples=3)

    plain, named, time = twice(run)
    assert_allclose(named.times, time * plain.times, rtol=1e-14)
    for key in ("densities", "positions", "momenta", "energy"):
        assert_allclose(getattr(named, key), getattr(plain, key), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "fssh", "decoherence": "energy", "decoherence_energy": 0.5},
        {"method": "fssh", "decoherence": "augmented"},
        {"method": "landau-zener"},
        {"method": "ehrenfest"},
        {"method": "mash"},
    ],
)
def test_trajectories(options):
    def run(units, time):
        return run_trajectories(
            crossing(units), masses=100.0, initial=Gaussian(-4.0, 20.0, 0.4), step=0.1 * time,
            steps=300, count=128, seed=3, keep=2, **options,
        )  # fmt: skip

    plain, named, time = twice(run)
    assert_allclose(named.times, time * plain.times, rtol=1e-14)
    assert_allclose(named.stop_times, time * plain.stop_times, rtol=1e-14)
    assert_allclose(named.hops.time, time * plain.hops.time, rtol=1e-14)
    for key in ("populations", "energy", "position", "momentum"):
        assert_allclose(getattr(named, key).value, getattr(plain, key).value, rtol=1e-9, atol=1e-10)
    assert named.to_dataset()["time"].attrs["units"] == "fs"


def test_messages_name_the_unit():
    H = crossing(EV_FS)
    with pytest.raises(InputError, match=r"`step` must be at most \S+ fs .* but it is 50 fs"):
        propagate_packet(H, Grid(-14.0, 16.0, 640), 100.0, PACKET, stop=100.0, step=50.0, samples=2)
    with pytest.raises(ConvergenceError, match=r"at t = \S+ fs with probability"):
        propagate_packet(H, Grid(-14.0, 16.0, 640), 100.0, PACKET, stop=100.0, step=0.1)


def test_stores_tell_units_apart(tmp_path):
    def run(units):
        return run_trajectories(
            crossing(units), masses=100.0, initial=Gaussian(-4.0, 20.0, 0.4), step=0.1, steps=2,
            count=4, seed=3, store=tmp_path,
        )  # fmt: skip

    run(EV_FS)
    with pytest.raises(InputError, match=r"another sweep: the content of `hamiltonian` is"):
        run(dataclasses.replace(EV_FS, time="ps"))
