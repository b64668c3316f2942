"""The time step: which are refused and why, that usual ones are not, and the count of progress."""

import re

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing.molecules.packets import (
    Absorber,
    Grid,
    WavePacket,
    check_convergence,
    propagate_packet,
)
from anticrossing.molecules.packets.packets import initial_state
from anticrossing.molecules.packets.stepper import Stepper

# Two levels 0.5 apart whose states turn by a right angle on the way.
TURNING = Hamiltonian.from_matrix(
    [
        ["0.25*cos(pi*(1 + tanh(x/2))/2)", "0.25*sin(pi*(1 + tanh(x/2))/2)"],
        ["0.25*sin(pi*(1 + tanh(x/2))/2)", "-0.25*cos(pi*(1 + tanh(x/2))/2)"],
    ]
)


def arguments(**changed):
    given = {
        "hamiltonian": models.TullySimple(),
        "grid": Grid(-24.0, 24.0, 768),
        "masses": 2000.0,
        "initial": WavePacket(centre=-12.0, momentum=20.0, width=1.0),
        "stop": 100.0,
        "step": 1.0,
    }
    return given | changed


def test_a_gap_between_levels_that_mix_bounds_the_step():
    message = r"`step` must be at most 9.42 for levels that mix 0.5 apart, but it is 13"
    with pytest.raises(InputError, match=message):
        propagate_packet(**arguments(hamiltonian=TURNING, step=13.0, stop=1300.0))


def test_what_a_step_refused_for_the_gap_would_do():
    """Kicks at intervals 2π/gap are no kicks: what follows adiabatically would seem to jump."""
    given = arguments(hamiltonian=TURNING, stop=2000.0, samples=2)
    right = propagate_packet(**given | {"step": 5.0})
    assert right.populations[-1, 0] > 1 - 1e-8
    longest = propagate_packet(**given | {"step": 9.4})
    assert np.abs(longest.populations - right.populations).max() < 1e-6
    operator = right.operator
    stepper = Stepper(operator, 4 * np.pi, 2)
    psi = stepper.advance(initial_state(given["initial"], operator), 159)
    wrong = np.sum(np.abs(operator.adiabatic_amplitudes(psi)[0]) ** 2) * operator.grid.volume
    assert wrong < 0.01


def three(energy, coupling):
    """Two levels that cross, and one far above them."""
    return Hamiltonian.from_matrix(
        [
            ["0.01*tanh(x)", "0.005*exp(-x**2)", "0*x"],
            ["0.005*exp(-x**2)", "-0.01*tanh(x)", f"{coupling}*exp(-x**2)"],
            ["0*x", f"{coupling}*exp(-x**2)", f"{energy} + 0*x"],
        ]
    )


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("energy", "coupling", "bound"), [(20.0, 0.0, 1e-12), (1e3, 0.0, 1e-12), (1e3, 0.1, 1e-6)]
)
def test_a_far_state_that_hardly_mixes_is_no_reason_for_a_short_step(energy, coupling, bound):
    """Against the two levels alone, one of them pushed down by V²/E."""
    push = coupling**2 / energy
    two = Hamiltonian.from_matrix(
        [
            ["0.01*tanh(x)", "0.005*exp(-x**2)"],
            ["0.005*exp(-x**2)", f"-0.01*tanh(x) - {push}*exp(-2*x**2)"],
        ]
    )
    given = arguments(stop=2000.0, step=10.0, samples=2)
    found = propagate_packet(**given | {"hamiltonian": three(energy, coupling)}).populations[-1]
    alone = propagate_packet(**given | {"hamiltonian": two}).populations[-1]
    assert np.abs(found[:2] - alone).max() < bound
    assert found[2] < bound


@pytest.mark.slow
def test_a_far_state_that_mixes_a_little_against_a_step_that_resolves_it():
    given = arguments(hamiltonian=three(20.0, 0.1), stop=2000.0, samples=2)
    long, short = (propagate_packet(**given | {"step": h}) for h in (10.0, 0.1))
    assert np.abs(long.populations - short.populations).max() < 2e-4


@pytest.mark.parametrize(
    "changed",
    [
        {"hamiltonian": TURNING, "step": 13.0, "stop": 1300.0},
        {"step": 100.0, "samples": 2},
        {"hamiltonian": models.TullyDual(), "step": 90.0, "stop": 90.0, "samples": 2},
    ],
)
def test_the_step_that_a_message_names_will_do(changed):
    given = arguments(**changed)
    with pytest.raises(InputError, match=r"`step` must be at most") as caught:
        propagate_packet(**given)
    step = float(re.search(r"at most ([\d.e+-]+)", str(caught.value))[1].rstrip("."))
    propagate_packet(**given | {"step": step, "stop": step, "samples": 2})


@pytest.mark.parametrize("momentum", [5.0, 20.0, 100.0])
def test_the_spacing_that_a_message_names_will_do(momentum):
    start = WavePacket(centre=-12.0, momentum=momentum, width=1.0)
    given = arguments(initial=start, step=0.5, samples=2)
    with pytest.raises(InputError, match=r"`grid` must have a spacing") as caught:
        propagate_packet(**given | {"grid": Grid(-24.0, 24.0, 60)})
    spacing = float(re.search(r"at most ([\d.e-]+)", str(caught.value))[1])
    propagate_packet(**given | {"grid": Grid(-24.0, 24.0, int(np.ceil(48.0 / spacing)))})


@pytest.mark.parametrize(
    ("model", "momentum", "step"),
    [
        ("TullySimple", 10.0, 20.0),
        ("TullySimple", 100.0, 20.0),
        ("TullyDual", 30.0, 20.0),
        ("TullyDual", 50.0, 20.0),
        ("TullyExtended", 30.0, 20.0),
    ],
)
def test_usual_steps_are_allowed(model, momentum, step):
    """Times of an atomic unit or twenty are usual; their error is a few in 1e-3."""
    width = 20.0 / momentum if momentum < 20 else 1.0
    given = arguments(
        hamiltonian=getattr(models, model)(),
        grid=Grid(-28.0, 28.0, 2048),
        initial=WavePacket(centre=-10.0, momentum=momentum, width=width),
        stop=2.0e4 / momentum,
        samples=2,
    )
    coarse, fine = (propagate_packet(**given | {"step": h}) for h in (step, 0.25 * step))
    assert np.abs(coarse.populations - fine.populations).max() < 6e-3


def test_progress_counts_the_times_recorded():
    counts = []
    tell = lambda done, total: counts.append((done, total))  # noqa: E731
    propagate_packet(**arguments(samples=5, progress=tell))
    assert counts == [(1, 4), (2, 4), (3, 4), (4, 4)]
    counts.clear()
    report = check_convergence(**arguments(progress=tell, absorber=Absorber(5.0)))
    assert list(report.changes) == ["step", "spacing", "box", "absorber"]
    assert counts == [(k, 100) for k in range(1, 101)]
