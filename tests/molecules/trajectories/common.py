"""What tests of ensembles share, light enough to be imported by processes that are killed."""

from numpy.testing import assert_array_equal

from anticrossing import models
from anticrossing.molecules.trajectories import Gaussian, run_trajectories


def ensemble(**options):
    return run_trajectories(
        models.TullyDual(), masses=2000.0, initial=Gaussian(-5.0, 25.0, 0.4), step=0.1,
        **{"steps": 8000, "count": 630, "batch": 64, "keep": 100, "seed": 11, "threads": 2,
           **options},
    )  # fmt: skip


def assert_identical(one, other):
    for name in ("final_positions", "final_momenta", "final_levels", "final_weights", "seeds",
                 "energy_drift", "stop_times"):  # fmt: skip
        assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("populations", "electronic_populations", "diabatic_populations", "energy",
                 "kinetic_energy", "position", "momentum"):  # fmt: skip
        assert_array_equal(getattr(one, name).value, getattr(other, name).value)
        assert_array_equal(getattr(one, name).error, getattr(other, name).error)
    for name in ("trajectory", "time", "source", "target", "energy", "reason"):
        assert_array_equal(getattr(one.hops, name), getattr(other.hops, name))
    assert one.trajectories().identical(other.trajectories())
