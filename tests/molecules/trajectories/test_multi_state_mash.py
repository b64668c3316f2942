"""Multi-state MASH: its populations, against exact evolution, packets and the two-state method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing._core.checks import InputError
from anticrossing.models import TullySimple
from anticrossing.molecules.trajectories import Fixed, mash_population, run_trajectories
from tests.effort import slow
from tests.molecules.trajectories.random_vibronic import vibronic

pytestmark = pytest.mark.slow  # its kernel takes ten seconds to compile
METHOD = {"method": "multi-state-mash"}


@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
@pytest.mark.parametrize("states", [2, slow(5)])
def test_starts_in_one_state(states, basis):
    found = run_trajectories(
        vibronic(modes=1, states=states), masses=1.0, initial=Fixed(0.3, 0.0, 1, basis),
        step=1e-9, steps=1, count=4096, seed=4, **METHOD,
    )  # fmt: skip
    mean = found.populations if basis == "adiabatic" else found.diabatic_populations
    pull = (mean.value[0] - np.eye(states)[1]) / mean.error[0]
    assert np.abs(pull).max() < 4.5
    if basis == "adiabatic":
        assert np.all(found.final_levels == 1)
    assert_allclose(found.populations.value.sum(axis=1), 1.0, atol=1e-12)
    assert_allclose(mash_population(found.final_weights).mean(axis=0), found.populations.value[-1])


@pytest.mark.slow
def test_populations_are_exact_when_nothing_pushes_back():
    """Of heavy nuclei all trajectories are one path: the mean of Φ obeys Schrödinger's equation."""
    options = {
        "masses": 1e12, "initial": Fixed(-4.0, 1e12, state=1), "step": 0.02, "steps": 400,
        "seed": 3,
    }  # fmt: skip
    H = vibronic(modes=1, states=4)
    exact = run_trajectories(H, **options, count=1).electronic_populations.value
    found = run_trajectories(H, **options, count=4096, **METHOD).populations
    assert np.abs((found.value - exact)[1:] / found.error[1:]).max() < 4.5
    assert exact[-1].max() < 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("momentum", "transmitted"), [(10.0, 0.84479), (20.0, 0.50765)])
def test_first_problem_of_tully(momentum, transmitted):
    """Against Tully's exact numbers, which the method should meet within 0.05 there."""
    found = run_trajectories(
        TullySimple(), masses=2000.0, initial=Fixed(-8.0, momentum), step=4.0 * 20 / momentum,
        steps=1000, count=8192, seed=2, box=[-10.0, 8.0], **METHOD,
    )  # fmt: skip
    channels = found.channels()
    assert channels.value[1, 0] == pytest.approx(transmitted, abs=0.05)
    assert channels.value.sum() == pytest.approx(1.0, abs=1e-12)


def test_weights_of_one_state_are_refused():
    for bad in (0.5, [1.0]):
        with pytest.raises(InputError):
            mash_population(bad)
