"""Two levels whose detuning and coupling follow a course in time that has been solved."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import FloatArray
from anticrossing.analysis.meetings import sample_path
from anticrossing.analysis.offers import both_ends
from anticrossing.drive import Drive
from anticrossing.formulas import MatrixPrediction, Prediction
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum._grid import ROUNDING

_SAME = 1e-9  # of the largest value: how well a course must be followed to be recognised
_MOST_PIECES = 8
_MOST_POWER = 30
_SMALLEST_BEND = 1e-6  # of a sweep that is not taken to be a straight line


@dataclass(frozen=True)
class Piece:
    """A stretch of time over which the detuning moves uniformly between two values."""

    start: float
    stop: float
    first: float
    last: float


@dataclass(frozen=True)
class TwoLevels:
    """H = ½ [[Δ, Ω], [Ω, −Δ]] + … along a drive, in radians per time, with its derivatives."""

    drive: Drive
    times: FloatArray
    detuning: FloatArray
    coupling: FloatArray
    detuning_slope: FloatArray
    coupling_slope: FloatArray

    @classmethod
    @functools.lru_cache(maxsize=8)
    def along(cls, hamiltonian: Hamiltonian, drive: Drive) -> TwoLevels | None:
        """Return the course of a 2×2 H; None if the phase of its coupling turns."""
        times, positions = sample_path(drive)
        angular = hamiltonian.units.angular
        h = hamiltonian(positions) * angular
        slope = hamiltonian.derivative(positions) * drive.velocity(times)[:, None, None] * angular
        couplings = h[:, 0, 1]
        turn = np.exp(-1j * np.angle(couplings[np.argmax(np.abs(couplings))]))
        if np.abs((couplings * turn).imag).max() > _SAME * np.abs(couplings).max():
            return None
        return cls(
            drive,
            times,
            (h[:, 0, 0] - h[:, 1, 1]).real,
            2 * (couplings * turn).real,
            (slope[:, 0, 0] - slope[:, 1, 1]).real,
            2 * (slope[:, 0, 1] * turn).real,
        )

    @property
    def gap(self) -> float | None:
        """The coupling Ω where it is constant."""
        largest = float(np.abs(self.coupling).max())
        if largest == 0 or np.ptp(self.coupling) > _SAME * largest:
            return None
        return float(self.coupling.mean())

    def tanh_sweep(self) -> tuple[str, MatrixPrediction] | None:
        """Recognise Δ = Δ₀ + B tanh((t − t₀)/T) at constant coupling, from Δ′ = a + bΔ + cΔ²."""
        gap, scale = self.gap, float(np.abs(self.detuning).max())
        if gap is None or scale == 0:
            return None
        y = self.detuning / scale
        rise = float(np.abs(self.detuning_slope).max())
        table = np.stack([np.ones_like(y), y, y**2], axis=1)
        a, b, c = np.linalg.lstsq(table, self.detuning_slope / rise, rcond=None)[0]
        square = (b / (2 * c)) ** 2 - a / c if c else -1.0
        if not square > 0:
            return None
        offset, amplitude = -b / (2 * c) * scale, np.sqrt(square) * scale
        width = scale * scale / (abs(c) * rise * amplitude)
        inner = np.argmin(np.abs(self.detuning - offset))
        signed = -np.sign(c) * amplitude
        part = (self.detuning[inner] - offset) / signed
        if abs(part) >= 1:
            return None
        centre = self.times[inner] - width * np.arctanh(part)
        course = offset + signed * np.tanh((self.times - centre) / width)
        if np.abs(course - self.detuning).max() > _SAME * scale:
            return None
        jump = formulas.tanh_sweep(gap=abs(gap), amplitude=amplitude, width=width, offset=offset)
        return "tanh sweep", _exchange(jump, "adiabatic")

    def parabola(self) -> tuple[str, MatrixPrediction] | None:
        """Recognise Δ = a(t − t₀)² − b at constant coupling, with t₀ inside the window."""
        gap, scale = self.gap, float(np.abs(self.detuning).max())
        start, stop = both_ends(self.drive)
        if gap is None or scale == 0 or self.drive.breakpoints.size:
            return None
        middle, half = (start + stop) / 2, (stop - start) / 2
        u = (self.times - middle) / half
        table = np.stack([np.ones_like(u), u, u**2], axis=1)
        c, b, a = np.linalg.lstsq(table, self.detuning / scale, rcond=None)[0]
        off = np.abs(table @ [c, b, a] - self.detuning / scale).max()
        if off > _SAME or abs(a) <= _SMALLEST_BEND or abs(b) >= 2 * abs(a):
            return None
        found = formulas.parabolic_sweep(
            gap=abs(gap), coefficient=a * scale / half**2, depth=(b * b / (4 * a) - c) * scale
        )
        return "parabolic sweep", dataclasses.replace(_exchange(found, "adiabatic"), exact=False)

    def power_law(self) -> tuple[str, MatrixPrediction] | None:
        """Recognise Δ = a(t − t₀)^N, N > 2, at constant coupling, from N Δ = (t − t₀)Δ′."""
        gap, scale = self.gap, float(np.abs(self.detuning).max())
        start, stop = both_ends(self.drive)
        if gap is None or scale == 0 or self.drive.breakpoints.size:
            return None
        middle, half = (start + stop) / 2, (stop - start) / 2
        u, slope = (self.times - middle) / half, self.detuning_slope * (half / scale)
        table = np.stack([u * slope, slope], axis=1)
        inverse, shift = np.linalg.lstsq(table, self.detuning / scale, rcond=None)[0]
        power = round(1 / inverse) if abs(inverse) > 1 / _MOST_POWER else 0
        if power < 3 or abs(shift) >= abs(inverse):
            return None
        shape = (u + shift * power) ** power
        height = float(shape @ self.detuning / (shape @ shape))
        if np.abs(height * shape - self.detuning).max() > _SAME * scale:
            return None
        found = formulas.power_law_sweep(
            gap=abs(gap), coefficient=height / half**power, power=power
        )
        return "power-law sweep", dataclasses.replace(_exchange(found, "adiabatic"), exact=False)

    def pulse(self) -> tuple[str, MatrixPrediction] | None:
        """Recognise Ω = Ω₀ sech((t − t₀)/T), Δ = Δ₀ + B tanh((t − t₀)/T): Demkov–Kunike."""
        peak = float(np.abs(self.coupling).max())
        steepest = int(np.argmax(np.abs(self.coupling_slope)))
        rise = float(abs(self.coupling_slope[steepest]))
        if peak == 0 or rise == 0:
            return None
        square = (self.coupling / peak) ** 2
        table = np.stack([square, square**2], axis=1)
        a, b = np.linalg.lstsq(table, (self.coupling_slope / rise) ** 2, rcond=None)[0]
        if not (a > 0 > b) or self.coupling[steepest] == 0:
            return None
        width, height = peak / (rise * np.sqrt(a)), peak * np.sqrt(-a / b)
        part = -self.coupling_slope[steepest] / self.coupling[steepest] * width
        if abs(part) >= 1:
            return None
        centre = self.times[steepest] - width * np.arctanh(part)
        with np.errstate(over="ignore"):
            course = height / np.cosh((self.times - centre) / width)
        if np.abs(course - np.abs(self.coupling)).max() > _SAME * height:
            return None
        step = np.tanh((self.times - centre) / width)
        table = np.stack([np.ones_like(step), step], axis=1)
        offset, chirp = np.linalg.lstsq(table, self.detuning, rcond=None)[0]
        largest = max(float(np.abs(self.detuning).max()), height)
        if np.abs(table @ [offset, chirp] - self.detuning).max() > _SAME * largest:
            return None
        name = "Demkov–Kunike"
        if abs(chirp) < _SAME * largest:
            name, chirp = "Rosen–Zener", 0.0
        elif abs(offset) < _SAME * largest:
            name, offset = "Allen–Eberly", 0.0
        change = formulas.demkov_kunike(
            detuning=offset, chirp=chirp, peak_coupling=height, width=width
        )
        return name, _exchange(change, "diabatic")

    def linear_pieces(self) -> list[Piece] | None:
        """Return the stretches of uniform motion, if the drive is made of few of them."""
        gap = self.gap
        start, stop = both_ends(self.drive)
        inner = self.drive.breakpoints
        knots = np.array([start, *inner[(inner > start) & (inner < stop)], stop])
        if gap is None or knots.size - 1 > _MOST_PIECES:
            return None
        values = np.interp(knots, self.times, self.detuning)
        course = np.interp(self.times, knots, values)
        scale = float(np.abs(self.detuning).max())
        if abs(gap) <= ROUNDING * scale or np.abs(course - self.detuning).max() > _SAME * scale:
            return None
        rates = np.abs(np.diff(values) / np.diff(knots))
        moving = rates * np.diff(knots) > 1e-12 * scale
        if not moving.any():
            return None
        return [
            Piece(*map(float, piece))
            for piece in zip(knots[:-1], knots[1:], values[:-1], values[1:], strict=True)
        ]

    def through(self, pieces: list[Piece], basis: str) -> MatrixPrediction:
        """Return the exact probabilities of linear sweeps one after another."""
        gap = self.gap
        assert gap is not None
        if len(pieces) == 1:
            piece = pieces[0]
            window = formulas.finite_window(gap=abs(gap), basis=basis, **_own_time(piece))
            # Where the window holds no crossing there is no endless sweep to be compared with.
            checks = window.checks if piece.first * piece.last < 0 else ()
            matrix, equation = window.transition_matrix, window.equation
        else:
            evolution = np.eye(2, dtype=np.complex128)
            for piece in pieces:
                evolution = _evolution(piece, gap) @ evolution
            if basis == "adiabatic":
                first, last = (
                    np.linalg.eigh([[value, gap], [gap, -value]])[1]
                    for value in (pieces[0].first, pieces[-1].last)
                )
                evolution = last.T @ evolution @ first
            matrix, checks = np.abs(evolution) ** 2, ()
            equation = "product of the exact U(t1, t0) of linear sweeps"
        return MatrixPrediction(matrix, "linear sweeps", checks, equation, basis=basis, exact=True)


def _exchange(prediction: Prediction, basis: str) -> MatrixPrediction:
    """Return the matrix of a probability to change between two levels or states."""
    p = float(prediction)
    return MatrixPrediction(
        np.array([[1 - p, p], [p, 1 - p]]),
        prediction.name,
        prediction.checks,
        prediction.equation,
        basis=basis,
        exact=True,
    )


def _own_time(piece: Piece) -> dict[str, float]:
    """Return rate and window of a piece, in time from where its levels cross."""
    rate = (piece.last - piece.first) / (piece.stop - piece.start)
    start = piece.first / rate
    return {"sweep_rate": abs(rate), "start": start, "stop": start + piece.stop - piece.start}


def _evolution(piece: Piece, gap: float) -> np.ndarray:
    """Return U of H = ½ [[Δ, g], [g, −Δ]] over one piece."""
    duration = piece.stop - piece.start
    if abs(piece.last - piece.first) <= 1e-12 * max(abs(piece.first), abs(gap)):
        axis = np.array([[piece.first, gap], [gap, -piece.first]])
        size = np.hypot(piece.first, gap)
        angle = size * duration / 2
        return np.cos(angle) * np.eye(2) - 1j * np.sin(angle) * axis / size
    flip = np.eye(2) if piece.last > piece.first else np.array([[0, 1], [1, 0]])
    sign = np.diag([1.0, np.sign(gap)])
    u = formulas.finite_window_propagator(gap=abs(gap), **_own_time(piece))
    return flip @ (sign @ u @ sign) @ flip
