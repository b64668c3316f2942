"""Drives whose shape is known by pieces: slides, stretches and scales of one waveform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, parameter
from anticrossing.drive._pieces import Pieces
from anticrossing.drive.base import Argument, Drive, check_window, shape_clash

_ROUNDING = 3 * np.finfo(np.float64).eps  # of a time that is computed from several numbers


def moved_windows(
    start_time: Any, stop_time: Any, **arguments: tuple[float, float]
) -> dict[str, Argument]:
    """Return what arguments move by which the ends of a window are set that are not given."""
    found = {}
    for name, (first, last) in arguments.items():
        ends = (0.0 if start_time is not None else first, 0.0 if stop_time is not None else last)
        found[name] = Argument({name: 1.0}, ends)
    return found


class SteppedDrive(Drive):
    """A drive that is smooth but at times given by its parameters, and may jump there.

    A jump takes a few units in the last place of the time: x(t) has the value from before it, at
    the end of a pulse that from after it.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, npt.ArrayLike],
        start_time: npt.ArrayLike,
        stop_time: npt.ArrayLike,
        arguments: Mapping[str, Argument] | None = None,
    ) -> None:
        self.name = name
        self._arguments = dict(arguments or {})
        self.parameters = {key: parameter(key, value) for key, value in parameters.items()}
        self.start_time, self.stop_time = check_window(start_time, stop_time)
        window = {"start_time": self.start_time, "stop_time": self.stop_time}
        try:
            _ = self.batch_shape
        except ValueError:
            raise shape_clash({**self.parameters, **window}) from None

    def _knots(self, parameters: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Return knots (lanes, k), and -1, 0 or 1: whether a jump lies before, or after each."""
        raise NotImplementedError

    def breakpoints_of(self, batch_shape: tuple[int, ...]) -> FloatArray:
        knots, jumps = self._knots(self.flat_parameters(batch_shape))
        scale = np.max(np.abs(knots), axis=1, initial=0.0)
        beside = knots + 4 * _ROUNDING * jumps * scale[:, None]
        start = np.broadcast_to(self.start_time, batch_shape).reshape(-1, 1)
        stop = np.broadcast_to(self.stop_time, batch_shape).reshape(-1, 1)
        cuts = np.concatenate([knots, np.where(jumps == 0, np.nan, beside)], axis=1)
        cuts = np.sort(np.where((cuts > start) & (cuts < stop), cuts, np.nan), axis=1)
        # Knots that are one but for rounding are one.
        before = np.concatenate([start, cuts[:, :-1]], axis=1)
        apart = np.minimum(cuts - before, stop - cuts) > _ROUNDING * scale[:, None]
        cuts = np.sort(np.where(apart, cuts, np.nan), axis=1)
        return cuts[:, ~np.all(np.isnan(cuts), axis=0)]

    @property
    def breakpoints(self) -> FloatArray:
        cuts = self.breakpoints_of(self.batch_shape)
        return np.unique(cuts[np.isfinite(cuts)])


class WaveformDrive(SteppedDrive):
    """x(t) = offset + amplitude·w((t − centre)/width) of a waveform w given by pieces."""

    def __init__(
        self,
        name: str,
        waveform: Pieces,
        parameters: Mapping[str, npt.ArrayLike],
        start_time: npt.ArrayLike,
        stop_time: npt.ArrayLike,
        *,
        places: Mapping[str, str],
        arguments: Mapping[str, Argument] | None = None,
        samples: FloatArray | None = None,
        interpolate: Callable[[FloatArray], Pieces] | None = None,
    ) -> None:
        self.waveform = waveform
        self._places = dict(places)
        # Where `waveform` depends linearly on samples: how, and what each of them alone gives.
        self._samples, self._interpolate = samples, interpolate
        self._units: dict[int, Pieces] = {}
        super().__init__(name, parameters, start_time, stop_time, arguments)
        if not np.all(np.isfinite(np.stack([self.start, self.stop]))):
            raise fail("amplitude", "leave positions that are finite", "they are not")

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        return self.continued(t, t, parameters)

    def continued(
        self, centres: npt.NDArray[Any], t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        shift, width, height, level = self._values(parameters)
        piece = self._piece(centres, shift, width)
        return np.asarray(level + height * self.waveform((t - shift) / width, piece))

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        shift, width, height, _ = self._values(parameters)
        piece = self._piece(t, shift, width)
        return np.asarray(height / width * self.waveform((t - shift) / width, piece, slope=True))

    @property
    def differentiable(self) -> tuple[str, ...]:
        # A jump that moves is no derivative that panels can follow.
        moving = [self._places[n] for n in ("centre", "width") if n in self._places]
        still = moving if self.waveform.jumps.any() else []
        names = tuple(name for name in super().differentiable if name not in still)
        count = 0 if self._interpolate is None or self._samples is None else self._samples.size
        return tuple(f"values[{k}]" for k in range(count)) + names

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        shift, width, height, _ = self._values(parameters)
        u, piece = (t - shift) / width, self._piece(t, shift, width)
        if parameter.startswith("values["):
            one = self._unit(int(parameter[len("values[") : -1]))
            slack = _ROUNDING * (np.abs(t) + np.abs(shift)) / width
            return np.asarray(height * one(u, one.where(u, slack)))
        place = {own: name for name, own in self._places.items()}.get(parameter)
        if place == "offset":
            return np.ones(np.shape(u))
        if place == "amplitude":
            return np.asarray(self.waveform(u, piece))
        if place is None:  # an end of the window
            return np.zeros(np.shape(u))
        slope = height / width * self.waveform(u, piece, slope=True)
        return np.asarray(-slope if place == "centre" else -u * slope)

    def _unit(self, number: int) -> Pieces:
        """Return the waveform of one sample that is one, among zeros."""
        assert self._samples is not None
        assert self._interpolate is not None
        if number not in self._units:
            self._units[number] = self._interpolate(np.eye(self._samples.size)[number])
        return self._units[number]

    def _values(self, parameters: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        """Return centre, width, amplitude and offset, those of them that are no parameters too."""
        names = ("centre", "width", "amplitude", "offset")
        fixed = {"centre": 0.0, "width": 1.0, "amplitude": 1.0, "offset": 0.0}
        own = [
            parameters[self._places[name]] if name in self._places else fixed[name]
            for name in names
        ]
        return own[0], own[1], own[2], own[3]

    def _piece(self, t: npt.NDArray[Any], shift: Any, width: Any) -> npt.NDArray[np.intp]:
        when = np.real(t)
        slack = _ROUNDING * (np.abs(when) + np.abs(shift)) / width
        return self.waveform.where((when - shift) / width, slack)

    def _knots(self, parameters: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        shift, width, _, _ = (np.reshape(v, (-1, 1)) for v in self._values(parameters))
        knots = shift + width * self.waveform.knots
        sides = np.where(self.waveform.jumps, 1.0, 0.0)
        sides[-1] *= -1.0
        return knots, np.broadcast_to(sides, knots.shape)
