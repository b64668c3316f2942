"""What `propagate_packet` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, of_shape, real_number
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.plot.packets import density
from anticrossing.units import Units

_UNTOUCHED = 1e-9  # absorbed probability up to which the energy on the grid is the whole


@dataclass(frozen=True, eq=False)
class WavePacketPropagation(Result):
    """A packet at K times, f coordinates, N states; `propagate_packet` makes it.

    Attributes
    ----------
    times : array, shape (K,)
        In the unit of time of the Hamiltonian, as all times here.
    populations : array, shape (K, N)
        Probability of every adiabatic state on the grid.
    diabatic_populations : array, shape (K, N)
    norm : array, shape (K,)
        Probability on the grid: 1 less what was absorbed.
    energy : array, shape (K,)
        ``⟨ψ|T + H|ψ⟩``, not divided by the norm.
    positions, momenta : array, shape (K, f)
        Means of x and p in what is on the grid, divided by its norm.
    absorbed : array, shape (K, sides, N)
        Probability absorbed until then, by side and adiabatic state.
    sides : tuple of str
        "x start", "x stop", …: the layers of the absorber.
    state : array, shape (N,) + grid.shape
        The last wave function, in the diabatic basis.
    states : array, shape (K, N) + grid.shape, or None
        The wave function at all times, if asked for.
    autocorrelation_times, autocorrelation : array, shape (M,), or None
        ``⟨ψ(0)|ψ(t)⟩`` after every step, if asked for.
    step : float
        The time step.
    order : int
    edge_weights : dict of str to float
        The largest probability that was ever in the outermost points at the ends without absorber,
        "x start", "x stop", …
    fast_weights : dict of str to float
        By coordinate, the largest probability that ever had a momentum above 95 % of the largest of
        the grid. None of these exceeds 1e-6: the run would have ended with an error.
    """

    _variables: ClassVar = {
        "time": shown("time", text="time", unit="time", of="times"),
        "population": shown(
            "time", "state", text="probability of the adiabatic state on the grid", of="populations"
        ),
        "diabatic_population": shown(
            "time",
            "diabatic_state",
            text="probability of the diabatic state on the grid",
            of="diabatic_populations",
        ),
        "norm": shown("time", text="probability on the grid"),
        "energy": shown("time", text="expectation value on the grid", unit="energy"),
        "position": shown(
            "time", "coordinate", text="mean on the grid", unit="coordinate", of="positions"
        ),
        "momentum": shown(
            "time", "coordinate", text="mean on the grid", unit="ħ/coordinate", of="momenta"
        ),
        "absorbed": shown("time", "side", "state", text="probability absorbed so far"),
        "autocorrelation_time": shown(
            "autocorrelation_time", text="time", unit="time", of="autocorrelation_times"
        ),
        "autocorrelation": shown("autocorrelation_time", text="overlap with the first ψ"),
        "step": shown(text="time step", unit="time"),
        "energy_drift": shown(text="change while nothing was absorbed", unit="energy"),
    }

    times: FloatArray
    populations: FloatArray
    diabatic_populations: FloatArray
    norm: FloatArray
    energy: FloatArray
    positions: FloatArray
    momenta: FloatArray
    absorbed: FloatArray
    sides: tuple[str, ...]
    state: ComplexArray
    states: ComplexArray | None
    autocorrelation_times: FloatArray | None
    autocorrelation: ComplexArray | None
    step: float
    order: int
    grid: Grid
    operator: GridHamiltonian
    edge_weights: Mapping[str, float]
    fast_weights: Mapping[str, float]

    @property
    def units(self) -> Units:
        """The units of the Hamiltonian."""
        return self.operator.units

    def variables(self) -> dict[str, Variable]:
        """Return the numbers of the result, the wave functions on the points of the grid."""
        hamiltonian = self.operator.hamiltonian
        points = places(self.grid, hamiltonian)
        found = {
            **super().variables(),
            "diabatic_state": _labels("diabatic_state", hamiltonian.labels, "state of the basis"),
            "coordinate": _labels("coordinate", hamiltonian.coordinates, "coordinate"),
            "side": _labels("side", self.sides, "absorbing layer"),
            **points,
            "wave_function": Variable(("diabatic_state", *points), self.state, "the last ψ"),
        }
        if self.states is not None:
            dims = ("time", "diabatic_state", *points)
            found["wave_functions"] = Variable(dims, self.states, "ψ at all times")
        return found

    def _attributes(self) -> dict[str, Any]:
        weights = {**self.edge_weights, **self.fast_weights}
        return {
            "hamiltonian": repr(self.operator.hamiltonian),
            "masses": self.operator.masses,
            "order": self.order,
            **{f"largest_weight_{name}": weight for name, weight in weights.items()},
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the packet upon its levels, at the start, half-way and at the end, if it was kept.

        In two coordinates its density at the end is drawn as a map.
        Without the states, the populations of the adiabatic states against time.

        Returns
        -------
        matplotlib.axes.Axes
        """
        if self.states is None or self.grid.coordinates > 2:
            return super().plot(ax)
        last = float(self.times[-1])
        return density(self, [0.0, last / 2, last] if self.grid.coordinates == 1 else last, ax=ax)

    @property
    def energy_drift(self) -> float:
        """The largest change of the energy while nothing has been absorbed."""
        whole = self.absorbed.sum(axis=(1, 2)) <= _UNTOUCHED
        return float(np.abs(self.energy[whole] - self.energy[0]).max())

    def channels(self, divide: float) -> FloatArray:
        """Return the probability on each side of x = `divide`, absorbed or still there.

        Parameters
        ----------
        divide : float
            A position on the grid of one coordinate.

        Returns
        -------
        array, shape (2, N)
            Below and above, by adiabatic state. For a packet that came from below: reflected and
            transmitted.

        Raises
        ------
        InputError
            For a grid of two coordinates or a position outside it.
        """
        x = dividing_position(self.grid, divide)
        density = np.abs(self.operator.adiabatic_amplitudes(self.state)) ** 2 * self.grid.volume
        above = self.grid.axes[0] >= x
        found = np.stack([density[:, ~above].sum(axis=1), density[:, above].sum(axis=1)])
        for side, lost in zip(self.sides, self.absorbed[-1], strict=True):
            found[int(side.endswith("stop"))] += lost
        return found

    def within(self, region: Callable[[FloatArray], npt.ArrayLike]) -> FloatArray:
        """Return the probability on a part of the grid, by adiabatic state, at all times.

        Parameters
        ----------
        region : callable
            Which points belong to it: takes them as the Hamiltonian does, shape (n,) or (…, 2), and
            returns True or False for each, or a weight between 0 and 1.

        Returns
        -------
        array, shape (K, N)
            Of a run without ``keep_states`` the last time alone, shape (1, N).

        Raises
        ------
        InputError
            For a region that does not return one number from 0 to 1 for every point.

        Examples
        --------
        >>> from anticrossing import models
        >>> from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
        >>> result = propagate_packet(
        ...     models.TullySimple(), Grid(-20.0, 22.0, 512), 2000.0,
        ...     WavePacket(centre=-12.0, momentum=20.0, width=1.0), stop=2400.0, step=4.0,
        ...     samples=2, keep_states=True,
        ... )
        >>> result.within(lambda x: x > 0).round(3)
        array([[0.   , 0.   ],
               [0.508, 0.492]])
        """
        try:
            weights = np.asarray(region(self.grid.points), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise fail("region", "return a number for every point", str(error)) from error
        of_shape("region", weights, self.grid.shape)
        if not np.all((weights >= 0) & (weights <= 1)):
            raise fail(
                "region", "return True, False or weights from 0 to 1", "others are among them"
            )
        states = self.state[np.newaxis] if self.states is None else self.states
        each = (np.abs(self.operator.adiabatic_amplitudes(psi)) ** 2 for psi in states)
        return np.array([density @ weights.ravel() for density in each]) * self.grid.volume

    def __str__(self) -> str:
        shown_time = self.units.time_text
        lines = [
            f"Wave packet, {self.operator.hamiltonian.name}, t = 0 to {shown_time(self.times[-1])}",
            f"  {self.grid}",
            f"  step               {shown_time(self.step)}, order {self.order}",
            f"  norm               {self.norm[-1]:.6g} on the grid",
            "  populations        " + "  ".join(f"{p:.6g}" for p in self.populations[-1]),
            f"  energy             {self.energy[0]:.6g}, drift {self.energy_drift:.1e}",
        ]
        edges = max(self.edge_weights.values(), default=0.0)
        fast = max(self.fast_weights.values())
        lines.append(f"  at the edges       {edges:.1e} of the grid, {fast:.1e} of its momenta")
        for side, lost in zip(self.sides, self.absorbed[-1], strict=True):
            values = "  ".join(f"{p:.6g}" for p in lost)
            lines.append(f"  absorbed           {side}: {values}")
        return "\n".join(lines)


def dividing_position(grid: Grid, divide: float) -> float:
    """Return the position that divides a grid of one coordinate, or raise `InputError`."""
    x = real_number("divide", divide)
    if grid.coordinates != 1:
        raise fail("divide", "be used with one coordinate", "the grid has two")
    if not grid.start[0] < x < grid.stop[0]:
        raise fail("divide", "lie on the grid", f"it is {x:g}")
    return x


def places(grid: Grid, hamiltonian: Hamiltonian) -> dict[str, Variable]:
    """Return the points along each coordinate of a grid as variables."""
    unit = in_units("coordinate", hamiltonian.units)
    return {
        f"grid_{name}": Variable((f"grid_{name}",), axis, f"points along {name}", unit)
        for name, axis in zip(hamiltonian.coordinates, grid.axes, strict=True)
    }


def _labels(dim: str, labels: Sequence[Any], text: str) -> Variable:
    return Variable((dim,), np.array([str(label) for label in labels], dtype=np.str_), text)
