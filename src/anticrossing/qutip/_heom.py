"""A bath of oscillators to all orders, by QuTiP's hierarchy of equations of motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    fail,
    instance,
    integer,
    number_between,
    require,
)
from anticrossing._core.linalg import dagger
from anticrossing.drive import Drive
from anticrossing.dynamics import Propagation
from anticrossing.dynamics.open_systems import Seen, propagation, read_out
from anticrossing.dynamics.request import Request
from anticrossing.environment import Bath
from anticrossing.environment.bath_noise import BathNoise
from anticrossing.environment.spectral_density import BrownianOscillator, Debye
from anticrossing.hamiltonian import Hamiltonian

_FIRST_DEPTH, _FIRST_EXPONENTS, _MOST_EXPONENTS = 2, 2, 14
_FIT_POINTS = 400
_PLACES = 33  # of a window, where the levels' distances are looked at
_STEP_TOLERANCE = 0.01  # of the wanted accuracy


def exponentials(bath: Bath, exponents: int, *, angular: float = 1.0) -> Any:
    """Return QuTiP's environment of a few decaying exponentials that stand for a bath.

    Padé's series for `Debye` and `BrownianOscillator`, else a rational fit of γ(ω).
    """
    qutip = require("qutip", "qutip", "`heom`")
    _check_single(bath)
    density, temperature = bath.spectral_density, angular * float(bath.temperature)
    if temperature == 0:
        raise fail("bath", "have a temperature above zero here", "it is at zero temperature")
    if isinstance(density, Debye):
        whole = qutip.DrudeLorentzEnvironment(
            temperature, angular * density.reorganization_energy, angular * density.relaxation_rate
        )
        return whole.approximate("pade", exponents)
    if isinstance(density, BrownianOscillator):
        frequency = angular * density.frequency
        coupling = frequency * np.sqrt(2 * angular * density.reorganization_energy)
        whole = qutip.UnderDampedEnvironment(
            temperature, coupling, angular * density.damping, frequency
        )
        return whole.approximate("matsubara", exponents)
    noise = BathNoise(density, float(bath.temperature))
    low, high = 1e-3 * noise.scales[0], 50 * noise.scales[-1]
    places = np.geomspace(low, high, _FIT_POINTS)
    places = angular * np.concatenate([-places[::-1], [0.0], places])

    def spectrum(omega: Any) -> Any:
        return angular * noise.rate(np.atleast_1d(np.asarray(omega, np.float64)) / angular)

    whole = qutip.BosonicEnvironment.from_power_spectrum(
        spectrum, wMax=float(places[-1]), T=temperature
    )
    return whole.approximate("aaa", places, Nmax=exponents)[0]


def misfit(bath: Bath, exponents: int, reach: float) -> float:
    """Return by how much the exponentials miss γ(ω) at most up to |ω| = reach (energies)."""
    _check_single(bath)
    noise = BathNoise(bath.spectral_density, float(bath.temperature))
    omega = np.linspace(-reach, reach, _FIT_POINTS)
    theirs = exponentials(bath, exponents).power_spectrum(omega)
    return float(np.max(np.abs(theirs - noise.rate(omega))))


def _check_single(bath: Bath) -> None:
    if bath.batch_shape:
        raise fail("bath", "be of a single point here", f"its batch is {bath.batch_shape}")


def heom(
    hamiltonian: Hamiltonian,
    drive: Drive,
    bath: Bath,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-4,
    most_depth: int = 12,
) -> Propagation:
    """Follow a system and its bath to all orders in their coupling, with QuTiP's `HEOMSolver`.

    System and bath begin without correlations. The depth of the hierarchy and the number of
    exponentials grow until the populations at the end stand still; `method` names both. The last
    change, and what the exponentials miss of γ(ω) between the levels, are the `error_estimate`.
    Every oscillation is followed: the cost grows with the window, unlike that of `propagate`, for
    which this is the referee.

    Parameters
    ----------
    hamiltonian, drive, initial, basis, times
        As of `propagate`, for one parameter point.
    bath : Bath
        Operator, spectral density and temperature T > 0; its `equation` plays no part.
    tolerance : float
        Wanted accuracy of the populations, 1e-8 to 1e-2.
    most_depth : int
        Where the hierarchy is given up.

    Returns
    -------
    Propagation
        Of the given state alone.

    Raises
    ------
    MissingExtraError
        If QuTiP is not installed.
    InputError
        For arguments that cannot be used.
    ConvergenceError
        If the populations still change at `most_depth`, with the change.

    References
    ----------
    Y. Tanimura, J. Chem. Phys. 153, 020901 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> import anticrossing as ac
    >>> from anticrossing.environment.spectral_density import Debye
    >>> density = Debye(reorganization_energy=0.1, relaxation_rate=2.0)
    >>> bath = ac.Bath(np.diag([0.5, -0.5]), density, temperature=1.0)
    >>> sweep = ac.drive.Linear(-5, 5, rate=1.0)
    >>> found = ac.qutip.heom(ac.models.LandauZener(gap=1.0), sweep, bath)       # doctest: +SKIP
    """
    qutip = require("qutip", "qutip", "`heom`")
    from qutip.solver.heom import HEOMSolver

    instance("bath", bath, Bath)
    accuracy = number_between("tolerance", tolerance, 1e-8, 1e-2)
    deepest = integer("most_depth", most_depth, minimum=_FIRST_DEPTH + 1)
    request = Request(
        hamiltonian,
        drive,
        environment=bath,
        initial=initial,
        basis=basis,
        times=times,
        tolerance=accuracy,
        whole=False,
    )
    lanes = request.lanes
    if lanes.batch_shape:
        raise fail("hamiltonian", "be of a single point here", f"its batch is {lanes.batch_shape}")
    warnings: list[str] = []
    read = read_out(request, warnings)
    if isinstance(request.initial, int):
        vector = read.first[0, :, request.initial]
        start = np.outer(vector, vector.conj())
    else:
        given = np.asarray(request.initial)
        start = given if given.ndim == 2 else np.outer(given, given.conj())
    h, angular = hamiltonian.to_qutip(drive), hamiltonian.units.angular
    ends = np.array([lanes.start[0], lanes.stop[0]])
    when = ends if request.times is None else np.concatenate([ends, request.times[0]])
    when, places = np.unique(when, return_inverse=True)
    places = np.append(places[2:], places[1])
    ways = np.concatenate([read.between, read.last[:, None]], axis=1)[0]
    kind = {"dims": h.dims}

    def solved(depth: int, exponents: int) -> tuple[npt.NDArray[Any], FloatArray]:
        solver = HEOMSolver(
            h,
            (exponentials(bath, exponents, angular=angular), qutip.Qobj(bath.operator, **kind)),
            max_depth=depth,
            options={
                "atol": _STEP_TOLERANCE * accuracy,
                "rtol": _STEP_TOLERANCE * accuracy,
                "nsteps": 10**7,
                "progress_bar": "",
                "store_states": True,
            },
        )
        run = solver.run(qutip.Qobj(start, **kind), when)
        states = np.array([run.states[k].full() for k in places])
        inside = dagger(ways) @ states @ ways
        return states, np.einsum("kaa->ka", inside).real

    depth, exponents = _FIRST_DEPTH, _FIRST_EXPONENTS
    states, populations = solved(depth, exponents)
    changes = {"depth": np.inf, "exponents": np.inf}
    while max(changes.values()) > 0.5 * accuracy:
        worse = max(changes, key=lambda key: changes[key])
        depth, exponents = (depth + 1, exponents) if worse == "depth" else (depth, exponents + 1)
        if depth > deepest or exponents > _MOST_EXPONENTS:
            raise ConvergenceError(
                f"The hierarchy does not settle: with depth {depth - (worse == 'depth')} and "
                f"{exponents - (worse != 'depth')} exponentials the populations still change by "
                f"{changes[worse]:.1g}. Allow more `most_depth`, or a larger tolerance."
            )
        before = populations
        states, populations = solved(depth, exponents)
        changes[worse] = float(np.max(np.abs(populations - before)))
    some = np.linspace(lanes.start[0], lanes.stop[0], _PLACES)[None]
    levels = np.linalg.eigvalsh(lanes.traceless(some, np.zeros(1, dtype=np.intp)))
    reach = float(np.max(np.ptp(levels, axis=-1))) / angular
    spread = float(np.ptp(np.linalg.eigvalsh(bath.operator)))
    missed = 0.5 * angular * misfit(bath, exponents, reach) * spread**2 * float(ends[1] - ends[0])
    seen = Seen(
        states=states[None],
        populations=populations[None],
        error=np.array([sum(changes.values()) + missed]),
        phase=np.zeros(1),
        panels=np.zeros(1, dtype=np.intp),
        evaluated=0,
        method=f"hierarchy of QuTiP, depth {depth}, {exponents} exponentials",
        limit=f"as {exponents} exponentials miss γ(ω) of the bath between the levels",
    )
    return propagation(request, read, warnings, seen)
