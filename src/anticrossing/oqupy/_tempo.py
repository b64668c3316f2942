"""A bath of oscillators to all orders, by OQuPy's process tensors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    fail,
    instance,
    number_between,
    positive_number,
    require,
    single_point,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.unchanging import Unchanging
from anticrossing.drive import Drive
from anticrossing.dynamics import Propagation, panels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.open_systems import Seen, propagation, read_out
from anticrossing.dynamics.request import Request, density
from anticrossing.environment import Bath
from anticrossing.environment.spectral_density.integration import (
    adaptive_panels,
    finer_panels,
    integrate,
    oscillating_sum,
    panel_nodes,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import NATURAL, Units

_FORGOTTEN = 1e-4  # that the exponent of the influence may neglect
_MOST_STEPS = 10_000
_WHOLE = 1e-9  # of a number of steps, how far it may be from an integer
_TAIL = 1e-8  # of ∫J/ω², beyond the highest frequency
_MOST_DOUBLINGS, _MOST_NODES = 60, 20_000_000
_RADIANS = 16.0  # of one panel


class ProcessTensor(Unchanging):
    """All that a bath does to a system in equal steps of time, whatever moves the system.

    Found once, it serves every Hamiltonian and every drive of the same number of levels: see
    `tempo`. A second one of twice the step, found beside it, tells the error of the step.

    Parameters
    ----------
    bath : Bath
        Operator, spectral density and temperature, of a single point; its `equation` and
        `lamb_shift` play no part.
    step : float
        Length of a step, time. Errors fall as its square.
    duration : float
        Of the longest window, time: a whole number of double steps.
    memory : float, optional
        How long the bath remembers, time; by default until what is left out of the exponent of
        its influence is below 1e-4.
    cut : float
        Singular values below this share of the largest are dropped, 1e-12 to 1e-2.
    units : Units
        Of the Hamiltonians to come.

    Raises
    ------
    MissingExtraError
        If OQuPy is not installed.
    InputError
        For arguments that cannot be used.

    References
    ----------
    M. R. Jørgensen, F. A. Pollock, Phys. Rev. Lett. 123, 240602 (2019);
    G. E. Fux, E. P. Butler, P. R. Eastham, B. W. Lovett, J. Keeling, Phys. Rev. Lett. 126, 200401
    (2021).

    Examples
    --------
    >>> import numpy as np
    >>> import anticrossing as ac
    >>> from anticrossing.environment.spectral_density import Debye
    >>> density = Debye(reorganization_energy=0.1, relaxation_rate=2.0)
    >>> bath = ac.Bath(np.diag([0.5, -0.5]), density, temperature=1.0)
    >>> tensor = ac.oqupy.ProcessTensor(bath, step=0.1, duration=20.0)           # doctest: +SKIP
    """

    def __init__(
        self,
        bath: Bath,
        *,
        step: float,
        duration: float,
        memory: float | None = None,
        cut: float = 1e-6,
        units: Units = NATURAL,
    ) -> None:
        instance("bath", bath, Bath)
        instance("units", units, Units)
        single_point("bath", bath)
        self.bath, self.units = bath, units
        self.step = positive_number("step", step)
        self.cut = number_between("cut", cut, 1e-12, 1e-2)
        self.steps = self.count("duration", positive_number("duration", duration))
        if not 4 <= self.steps <= _MOST_STEPS:
            must = f"be 4 to {_MOST_STEPS} steps of {self.step:g}"
            raise fail("duration", must, f"it is {self.steps}")
        if memory is not None:
            memory = positive_number("memory", memory)
        require("oqupy", "oqupy", "`ProcessTensor`")
        from anticrossing.oqupy import _parts

        places, self._ways = np.linalg.eigh(bath.operator)
        twice = _twice_integrated(bath, self.step, self.steps + 2, units.angular)
        far = self.steps - np.arange(1, self.steps + 1)
        size = np.ptp(places) ** 2 * far * np.abs(np.diff(twice, 2))
        left = np.append(np.cumsum(size[::-1])[::-1], 0.0)  # beyond k steps, by k
        most = float(np.argmax(left <= _FORGOTTEN)) if memory is None else memory / self.step
        self.memory = max(2, round(min(most, self.steps)))
        self.neglected = float(left[self.memory])
        self._fine, self._coarse = (
            _parts.process_tensor(
                places, k * self.step, twice[::k], self.steps // k, -(-self.memory // k), self.cut
            )
            for k in (1, 2)
        )

    def count(self, name: str, duration: float) -> int:
        """Return how many steps a time is, an even number, or raise `InputError`."""
        pairs = duration / (2 * self.step)
        if not np.isfinite(pairs) or abs(pairs - round(pairs)) > _WHOLE * max(pairs, 1.0):
            raise fail(
                name,
                f"last a whole number of double steps, {2 * self.step:g} each",
                f"it lasts {duration:.10g}, {pairs:.10g} of them",
            )
        return 2 * round(pairs)

    def follow(
        self, halves: ComplexArray, rho: ComplexArray, places: npt.NDArray[np.intp]
    ) -> tuple[ComplexArray, ComplexArray]:
        """Return ρ (K, N, N) after so many steps, moved by their halves, and what doubling changes.

        That is what steps of twice the length change of it, an odd number of steps rounded down.
        """
        from anticrossing.oqupy import _parts

        into = dagger(self._ways)
        inside = into @ halves @ self._ways
        fine, coarse = (
            self._ways @ _parts.follow(tensor, maps, into @ rho @ self._ways) @ into
            for tensor, maps in ((self._fine, inside), (self._coarse, inside[1::2] @ inside[::2]))
        )
        pairs = places // 2
        return fine[places], coarse[pairs] - fine[2 * pairs]

    def __repr__(self) -> str:
        return f"ProcessTensor({self.bath!r}, {self.steps} steps of {self.step:g})"


def tempo(
    hamiltonian: Hamiltonian,
    drive: Drive,
    tensor: ProcessTensor,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-3,
) -> Propagation:
    """Follow a system and its bath to all orders in their coupling, with a process tensor.

    System and bath begin without correlations. Between the bath's steps H moves the system
    exactly. The `error_estimate` holds how far populations are off with twice the step, about three
    times the error of the step; the trace that was cut away; what the bath's memory leaves out.

    Parameters
    ----------
    hamiltonian, drive, initial, basis
        As of `propagate`, for one parameter point; the window is a whole number of double steps,
        at most the tensor's.
    tensor : ProcessTensor
        Of the bath.
    times : array, shape (K,), optional
        Times wanted beside the end, whole steps after the start.
    tolerance : float
        Wanted accuracy of the populations, 1e-8 to 1e-2; `warnings` say where it is not reached.

    Returns
    -------
    Propagation
        Of the given state alone.

    Raises
    ------
    InputError
        For arguments that cannot be used.

    References
    ----------
    A. Strathearn, P. Kirton, D. Kilda, J. Keeling, B. W. Lovett, Nat. Commun. 9, 3322 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> import anticrossing as ac
    >>> from anticrossing.environment.spectral_density import Debye
    >>> density = Debye(reorganization_energy=0.1, relaxation_rate=2.0)
    >>> bath = ac.Bath(np.diag([0.5, -0.5]), density, temperature=1.0)
    >>> tensor = ac.oqupy.ProcessTensor(bath, step=0.1, duration=20.0)           # doctest: +SKIP
    >>> for rate in (0.5, 1.0, 5.0):                                             # doctest: +SKIP
    ...     sweep = ac.drive.Linear(-5, 5, rate=rate)
    ...     found = ac.oqupy.tempo(ac.models.LandauZener(gap=1.0), sweep, tensor)
    """
    instance("tensor", tensor, ProcessTensor)
    request = Request(
        hamiltonian,
        drive,
        environment=tensor.bath,
        initial=initial,
        basis=basis,
        times=times,
        tolerance=number_between("tolerance", tolerance, 1e-8, 1e-2),
        whole=False,
    )
    lanes = request.lanes
    single_point("hamiltonian and drive", lanes)
    if hamiltonian.units.angular != tensor.units.angular:
        must = f"have the units of the tensor, {tensor.units}"
        raise fail("hamiltonian", must, f"it has {hamiltonian.units}")
    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    steps = tensor.count("drive", stop - start)
    if steps > tensor.steps:
        most = tensor.steps * tensor.step
        raise fail("drive", f"last at most {most:g}, as the tensor", f"it lasts {stop - start:g}")
    after = (request.times_and_end[0] - start) / tensor.step
    places = np.round(after).astype(np.intp)
    if np.any(np.abs(after - places) > _WHOLE * np.maximum(after, 1.0)):
        must = f"be whole steps of {tensor.step:g} after the start"
        raise fail("times", must, f"they are {request.times}")
    warnings: list[str] = []
    read = read_out(request, warnings)
    if isinstance(request.initial, int):
        vector = read.first[0, :, request.initial]
        rho = np.outer(vector, vector.conj())
    else:
        rho = density(np.asarray(request.initial))
    grid = np.linspace(start, stop, 2 * steps + 1)[None, 1:-1]
    kernel = UnitaryKernel(hamiltonian.dimension)
    moved = panels.solve(lanes, kernel, tolerance=request.panel_tolerance, times=grid)
    maps = np.concatenate([moved.snapshots[0], moved.propagator])
    halves = maps @ dagger(np.concatenate([np.eye(hamiltonian.dimension)[None], maps[:-1]]))
    states, change = tensor.follow(halves, rho, places)
    ways = np.concatenate([read.between, read.last[:, None]], axis=1)[0]

    def populations(matrices: ComplexArray) -> FloatArray:
        return np.einsum("kaa->ka", dagger(ways) @ matrices @ ways).real

    lost = np.abs(np.einsum("kii->k", states) - 1)
    error = np.max(np.abs(populations(change))) + np.max(lost) + tensor.neglected
    seen = Seen(
        states=states[None],
        populations=populations(states)[None],
        error=moved.error + error,
        phase=moved.phase,
        panels=moved.panels,
        evaluated=moved.evaluated,
        method=f"process tensor of OQuPy, {steps} steps, memory of {tensor.memory}",
        limit="with these steps, this memory and this cut of the process tensor",
    )
    return propagation(request, read, warnings, seen)


def _twice_integrated(bath: Bath, step: float, count: int, angular: float) -> ComplexArray:
    """Return ∫₀^t∫₀^t′ of ⟨B(t″)B⟩, without dimension, at t = 0, step, …, (count,)."""
    density, temperature = bath.spectral_density, float(bath.temperature)
    edges = sorted({0.0, *density.scales, *([temperature] if temperature else [])})
    while (
        integrate(lambda w: density.continuum(w) / w**2, density.scales, edges[-1]) or 0
    ) > _TAIL:
        edges.append(2 * edges[-1])
    rough = adaptive_panels(lambda w: density.continuum(w) / w, edges)
    panels = finer_panels(rough, _RADIANS / (angular * step * count), _MOST_NODES)
    if panels is None:
        raise ConvergenceError(
            f"The bath remembers frequencies up to {edges[-1]:.3g}, too high to be followed for "
            f"{step * count:.3g}: its spectral density falls too slowly, or `duration` is too long."
        )
    omega, weights = (part.ravel() for part in panel_nodes(panels))
    net = weights * density.continuum(omega) / (np.pi * omega**2)
    both = net if temperature == 0 else net / np.tanh(omega / (2 * temperature))
    found = oscillating_sum(omega, both, net, angular * step, count)
    still = angular * step * np.arange(count) * density.reorganization_energy
    return np.asarray(-found - 1j * still)
