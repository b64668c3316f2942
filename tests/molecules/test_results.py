"""Every result has a line, a table, HTML, a dataset, a file and a picture, and does not change."""

import functools

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.molecules.ab_initio import diabatic_crossing
from anticrossing.molecules.packets import (
    Absorber,
    Grid,
    WavePacket,
    autocorrelation_spectrum,
    check_convergence,
    propagate_lower_surface,
    propagate_packet,
    scatter,
    stationary_states,
)
from anticrossing.molecules.trajectories import Gaussian, run_trajectories
from anticrossing.molecules.vibronic import (
    jahn_teller_levels,
    lower_surface_levels,
    propagate_vibronic,
    vibronic_levels,
)
from tests.result_protocol import check_html

TULLY = models.TullySimple()
FAST = WavePacket(centre=-12.0, momentum=20.0, width=1.0)
WELL = Hamiltonian.from_terms([("x**2/2", [[1.0]])])


@functools.cache
def packet():
    return propagate_packet(
        TULLY, Grid(-24.0, 24.0, 512), 2000.0, FAST, stop=200.0, step=4.0, samples=3,
        absorber=Absorber(5.0), keep_states=True, autocorrelation=True,
    )  # fmt: skip


@functools.cache
def ensemble():
    return run_trajectories(
        TULLY, masses=2000.0, initial=Gaussian(-5.0, 20.0, 0.5), step=20.0, steps=60, count=100,
        seed=1, keep=2,
    )  # fmt: skip


def crossing():
    x = np.linspace(-4, 4, 81)
    _, vectors = np.linalg.eigh(x[:, None, None] * [[1, 0], [0, -1]] + [[0, 0.1], [0.1, 0]])
    ionic = np.einsum("kai,ab,kbj->kij", vectors, np.diag([-5.0, 0.0]), vectors)
    energies = np.sqrt(x**2 + 0.01)[:, None] * [-1, 1]
    return diabatic_crossing(AdiabaticData(x, energies, dipoles=ionic).diabatize())


RESULTS = {
    "packet": packet,
    "convergence": lambda: check_convergence(
        TULLY, Grid(-20.0, 22.0, 512), 2000.0, FAST, stop=20.0, step=4.0, divide=0.0
    ),
    "spectrum": lambda: autocorrelation_spectrum(packet(), [0.05, 0.1], broadening=0.1),
    "surface": lambda: propagate_lower_surface(
        models.JahnTeller(linear=3.0), Grid([-12.0] * 2, [12.1] * 2, 64), 1.0,
        WavePacket(centre=[-3.0, 0.0], momentum=0.0, width=1.2), stop=0.1, samples=3,
    ),
    "scattering": lambda: scatter(
        TULLY, Grid(-34.0, 24.0, 512), 2000.0, FAST, energies=[0.09, 0.1], lines=(-19.0, 9.0),
        absorber=Absorber(12.0), stop=6000.0, step=2.0,
    ),
    "stationary": lambda: stationary_states(WELL, Grid(-10.0, 10.0, 64), 1.0, count=2),
    "ensemble": ensemble,
    "hops": lambda: ensemble().hops,
    "mean": lambda: ensemble().populations,
    "vibronic": lambda: vibronic_levels(
        models.JahnTeller(linear=1.0), count=3, frequencies=[1.0, 1.0]
    ),
    "vibronic motion": lambda: propagate_vibronic(
        models.JahnTeller(linear=1.0), [0.0, 1.0], state=0, frequencies=[1.0, 1.0]
    ),
    "rotor": lambda: jahn_teller_levels(2.0, count=3),
    "radial": lambda: lower_surface_levels(2.0, count=3),
    "crossing": crossing,
}  # fmt: skip


@pytest.mark.quick(8)
@pytest.mark.parametrize("name", RESULTS)
def test_protocol(name, tmp_path):
    import xarray

    result = RESULTS[name]()
    assert len(repr(result)) < 200
    assert "\n" not in repr(result)
    assert 10 < len(str(result)) < 3000
    assert "array(" not in str(result)
    check_html(result)
    data = result.to_dataset()
    assert data.attrs["result"] == type(result).__name__
    assert result.save(tmp_path / "x.json").stat().st_size > 100
    with xarray.open_dataset(result.save(tmp_path / "x.nc"), engine="h5netcdf") as read:
        xarray.testing.assert_identical(read.load().drop_attrs(), data.drop_attrs())
        for variable in data.variables:
            assert read[variable].attrs == data[variable].attrs
    assert result.plot().has_data()


@pytest.mark.parametrize("name", RESULTS)
def test_results_do_not_change(name):
    result = RESULTS[name]()
    with pytest.raises(AttributeError):
        result.new = 1
    for value in vars(result).values():
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable


def test_kept_wave_functions_are_not_copied():
    result = packet()
    assert np.shares_memory(result.states[:1], result.states)
    assert np.array_equal(result.states[-1], result.state)
    with pytest.raises(ValueError, match="read-only"):
        result.states[0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        result.operator.energies[0] = 0.0


def test_a_grid_does_not_change():
    grid = Grid(-1.0, 1.0, 8)
    with pytest.raises(AttributeError, match="does not change"):
        grid.shape = (4,)
    with pytest.raises(ValueError, match="read-only"):
        grid.axes[0][0] = 5.0


def test_other_endings_are_refused():
    with pytest.raises(InputError, match="`path` must end in"):
        ensemble().save("run.txt")


def test_pictures_show_the_packet_and_the_levels():
    assert packet().plot().get_title() == "Packet at t = 0, 100, 200 (ħ/hartree)"
    bare = propagate_packet(TULLY, Grid(-24.0, 24.0, 512), 2000.0, FAST, stop=20.0, step=4.0)
    assert "probability of the adiabatic state" in bare.plot().get_ylabel()
    rotor = RESULTS["rotor"]()
    assert [text.get_text() for text in rotor.plot().texts] == [
        f"{symmetry}, |j| = {j}" for symmetry, j in (("E", 0.5), ("A1+A2", 1.5), ("E", 2.5))
    ]
    ladder = RESULTS["vibronic"]().plot()
    assert [line.get_ydata()[0] for line in ladder.lines] == pytest.approx(
        RESULTS["vibronic"]().energies
    )
