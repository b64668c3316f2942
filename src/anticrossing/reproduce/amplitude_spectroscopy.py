"""Amplitude spectroscopy: a strong slow drive maps the avoided crossings of a flux qubit.

In each of its two wells, left and right, the qubit has levels q = 0, 1, 2, 3. Along the flux x
from half a flux quantum the wells move against each other, and |0, left⟩ meets |q, right⟩ at x_q
with the gap g_q, |q, left⟩ meets |0, right⟩ at −x_q. The flux x + A cos ωt reaches a crossing from
the amplitude A = |x ∓ x_q| on. These straight fronts cut the plane of x and A into diamonds, and
what is beyond a front shows the fringes of passages to and fro.

Close behind a front, where the drive turns near the crossing, the amplitude to change the well is

    (g/2) ∫ e^{i(δt − at³/6)} dt = πg (2/a)^{1/3} Ai(−δ (2/a)^{1/3}),   a = mAω²,

with m the slope of the difference of energies and δ = m(x + A − x_q). The first fringe is largest
at the first maximum of Ai², so the crossing lies by 1.01879 (a/2)^{1/3}/m before it.

Positions and gaps are those that are quoted from the paper, whose full text was not at hand; what
they may be off by, the common slope, the relaxation times and the pulse are ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import drive, formulas, spectrum
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.reproduce.reproduction import Number, Reproduction
from anticrossing.units import Units

LEVELS = 4  # of each well
_POSITIONS = np.array([0.0, 8.4, 17.0, 25.8])  # x_q in mΦ₀
_GAPS = np.array([0.013, 0.090, 0.40, 2.2])  # g_q/h in GHz
_POSITION_ERRORS = (0.05, 0.2, 0.2, 0.4)
_GAP_ERRORS = (0.001, 0.005, 0.01, 0.1)
_SLOPE = 1.44  # m/h in GHz/mΦ₀; taken to be the same for all levels
_FREQUENCY = 0.16  # ω/2π in GHz
_FAST = 3  # the gaps below this number are passed fast, and leave fringes by Airy functions
_FLUXES = (-6.0, -3.0, -1.0)  # where fronts are looked at
_CUT = -3.0  # flux of the figure
_AIRY = 1.0187929716474710  # −z of the first maximum of Ai(z)²
_FRINGE_CLAIM = 0.03  # mΦ₀ between a crossing and where its first fringe puts it
_INTRAWELL, _T2, _PULSE = 50.0, 1.0, 3000.0  # ns
_TERMS = 10  # of a Taylor series of matrices below one quarter

_SOURCE = (
    "D. M. Berns, M. S. Rudner, S. O. Valenzuela, K. K. Berggren, W. D. Oliver, L. S. Levitov, "
    "T. P. Orlando, Nature 455, 51 (2008)"
)


def compute() -> Reproduction:
    """Find the crossings in the levels, and again in what a period of a strong drive does."""
    hamiltonian = qubit()
    crossings = spectrum.find_crossings(hamiltonian, -1.0, 30.0)
    rows: list[list[Any]] = []
    numbers = []
    furthest = 0.0
    for q in range(LEVELS):
        met = min(
            (c for c in crossings if c.gap > 0.5 * _GAPS[q]),
            key=lambda c: abs(c.position - _POSITIONS[q]),
        )
        position, gap = float(_POSITIONS[q]), float(_GAPS[q])
        fronts = [_front(hamiltonian, q, x) for x in _FLUXES] if q < _FAST else []
        rows.append([f"0, {q}", position, met.position, gap, met.gap])
        rows[-1] += [front for front, _ in fronts] or ["–"] * len(_FLUXES)
        numbers.append(
            Number(f"crossing {q} (mΦ₀)", position, met.position, _POSITION_ERRORS[q], _SOURCE)
        )
        numbers.append(Number(f"gap {q} (GHz)", gap, met.gap, _GAP_ERRORS[q], _SOURCE))
        for x, (_, seen) in zip(_FLUXES, fronts, strict=False):
            what = f"crossing {q} from the first fringe at x = {x:g} (mΦ₀)"
            numbers.append(Number(what, position, seen, _POSITION_ERRORS[q], _SOURCE))
            furthest = max(furthest, abs(seen - met.position))
    conclusion = (
        "The levels avoid each other where they should. The first fringes behind three fronts, in "
        f"exact evolution of {2 * LEVELS} levels over one period, put the crossings within "
        f"{furthest:.2g} mΦ₀ of where they are; the fourth is passed so slowly that no fringe "
        "marks it."
    )
    amplitudes = np.linspace(0.1, 32.0, 640)
    left_over = _left(hamiltonian, _CUT, amplitudes)
    fluxes, heights = np.linspace(-12.0, 12.0, 241), np.linspace(0.1, 32.0, 201)
    diamonds = after_pulse(fluxes[:, None], heights)[..., LEVELS:].sum(axis=-1)
    flux = np.linspace(-30.0, 30.0, 601)
    energies = spectrum.levels(hamiltonian, flux)

    return Reproduction(
        name="amplitude-spectroscopy",
        title="Amplitude spectroscopy of a flux qubit: crossings are where diamonds end",
        source=f"{_SOURCE}: positions, gaps and the first slope; the same slope is taken for all "
        "levels, and decay times are not a published set.",
        columns=["levels", "x_q (mΦ₀)", "found", "gap (GHz)", "found"]
        + [f"first fringe at x = {x:g}" for x in _FLUXES],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(furthest < _FRINGE_CLAIM),
        draw=lambda figure: _draw(
            figure, (flux, energies), (amplitudes, left_over), (fluxes, heights, diamonds)
        ),
        size=(15.0, 5.0),
        numbers=numbers,
    )


def qubit(levels: int = LEVELS) -> Hamiltonian:
    """Return H(x) in GHz, the levels of the left well first."""
    energies = _SLOPE * _POSITIONS[:levels]
    constant = np.diag(np.tile(energies, 2))
    for q, gap in enumerate(_GAPS[:levels]):
        for a, b in ((0, levels + q), (q, levels)):
            constant[a, b] = constant[b, a] = gap / 2
    slope = np.diag(np.repeat([_SLOPE / 2, -_SLOPE / 2], levels))
    return Hamiltonian.affine(constant, slope, units=Units("GHz", "ns"))


def after_pulse(
    flux: npt.ArrayLike, amplitude: npt.ArrayLike, *, levels: int = LEVELS, pulse: float = _PULSE
) -> FloatArray:
    """Return populations after a pulse that found the lowest level, by rate equations.

    Every crossing exchanges its two levels at the rate of `transition_rate`, the widest one at the
    rate of single passages; within a well each level decays to the next lower one.
    """
    x = np.asarray(np.broadcast_arrays(flux, amplitude)[0], dtype=np.float64)
    generator = np.zeros((*x.shape, 2 * levels, 2 * levels))
    for q in range(levels):
        for sign, pair in ((1, (0, levels + q)), (-1, (q, levels)))[: 1 + (q > 0)]:
            rate = exchange_rate(q, np.asarray(flux) - sign * _POSITIONS[q], amplitude)
            for a, b in (pair, pair[::-1]):
                generator[..., b, a] += rate
                generator[..., a, a] -= rate
    for well in (0, levels):
        for q in range(1, levels):
            generator[..., well + q - 1, well + q] += 1 / _INTRAWELL
            generator[..., well + q, well + q] -= 1 / _INTRAWELL
    start = np.zeros((*x.shape, 2 * levels))
    start[..., 0], start[..., levels] = np.heaviside(-x, 0.5), np.heaviside(x, 0.5)
    return np.asarray((_exponential(generator * pulse) @ start[..., None])[..., 0])


def _exponential(matrices: FloatArray) -> FloatArray:
    """Return exp of many small matrices of rates: squaring is stable, as probabilities stay so.

    `scipy.linalg.expm` takes more than a millisecond for each, a minute for a map.
    """
    squarings = int(np.ceil(np.log2(max(np.abs(matrices).max(), 0.25)))) + 2
    scaled = matrices / 2**squarings
    product = np.eye(matrices.shape[-1]) + scaled / _TERMS
    for k in range(_TERMS - 1, 0, -1):
        product = np.eye(matrices.shape[-1]) + scaled @ product / k
    for _ in range(squarings):
        product = product @ product
    return np.asarray(product)


def exchange_rate(q: int, distance: FloatArray, amplitude: npt.ArrayLike) -> FloatArray:
    """Return the rate at which the drive exchanges the levels of a crossing, per ns."""
    turn = 2 * np.pi
    place: dict[str, Any] = {
        "gap": turn * _GAPS[q],
        "offset": turn * _SLOPE * distance,
        "amplitude": turn * _SLOPE * np.asarray(amplitude),
        "frequency": turn * _FREQUENCY,
    }
    if q < _FAST:
        return np.asarray(formulas.transition_rate(**place, t2=_T2).value)
    return np.asarray(formulas.classical_transition_rate(**place).value)


def after_period(hamiltonian: Hamiltonian, flux: float, amplitudes: FloatArray) -> FloatArray:
    """Return populations after one period that began furthest to the left in |0, left⟩."""
    turning = drive.Sinusoidal(flux, amplitudes, 2 * np.pi * _FREQUENCY, phase=-np.pi)
    followed = propagate(hamiltonian, turning, basis="diabatic", whole=False, tolerance=1e-8)
    return np.asarray(followed.probabilities)


def _left(hamiltonian: Hamiltonian, flux: float, amplitudes: FloatArray) -> FloatArray:
    return 1 - after_period(hamiltonian, flux, amplitudes)[:, 0]


def _front(hamiltonian: Hamiltonian, q: int, flux: float) -> tuple[float, float]:
    """Return the amplitude of the first fringe of |q, right⟩, and the crossing it is due to."""
    reached = _POSITIONS[q] - flux
    amplitudes = np.linspace(reached - 0.3, reached + 2.0, 93)
    moved = after_period(hamiltonian, flux, amplitudes)[:, LEVELS + q]
    inner = moved[1:-1]
    peaks: npt.NDArray[np.intp] = np.flatnonzero(
        (inner > moved[:-2]) & (inner >= moved[2:]) & (inner > 0.1 * moved.max())
    )
    below, top, above = moved[peaks[0] : peaks[0] + 3]
    step = amplitudes[1] - amplitudes[0]
    fringe = amplitudes[peaks[0] + 1] + 0.5 * step * (below - above) / (below - 2 * top + above)
    slope = 2 * np.pi * _SLOPE
    bend = slope * fringe * (2 * np.pi * _FREQUENCY) ** 2
    return float(fringe), float(flux + fringe - _AIRY * (bend / 2) ** (1 / 3) / slope)


def _draw(
    figure: Any,
    spectrum_drawn: tuple[FloatArray, FloatArray],
    cut: tuple[FloatArray, FloatArray],
    diamonds: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    from anticrossing.plot import style

    left, middle, right = figure.subplots(1, 3)
    flux, energies = spectrum_drawn
    count = energies.shape[1]
    for index in range(count):
        left.plot(flux, energies[:, index], color=style.level_color(index, count), lw=1.3)
    for sign in (1, -1):
        left.plot(
            sign * _POSITIONS,
            0.5 * _SLOPE * _POSITIONS,
            "o",
            ms=9,
            mfc="none",
            color=style.EXACT_COLOR,
        )
    left.set(xlabel="flux from half a quantum x (mΦ₀)", ylabel="energy (GHz)")
    left.set_title("Levels, and crossings of the lowest")
    middle.plot(*cut, color=style.EXACT_COLOR, lw=1.0)
    for position in _POSITIONS:
        middle.axvline(position - _CUT, color=style.FORMULA_COLORS[0], lw=1.2, ls="--")
    middle.set(xlabel="amplitude A (mΦ₀)", ylabel="population that left after one period")
    middle.set_title(f"x = {_CUT:g} mΦ₀, exact (dashed: fronts)")
    fluxes, heights, populations = diamonds
    drawn = right.pcolormesh(
        fluxes,
        heights,
        populations.T,
        cmap="RdBu_r",
        vmin=0,
        vmax=1,
        shading="auto",
        rasterized=True,
    )
    figure.colorbar(drawn, ax=right, label="population of the right well")
    for position in np.unique(np.concatenate([_POSITIONS, -_POSITIONS])):
        right.plot(fluxes, np.abs(fluxes - position), color=style.EXACT_COLOR, lw=0.8, ls="--")
    right.set(ylim=(0, heights[-1]), xlabel="flux from half a quantum x (mΦ₀)")
    right.set(ylabel="amplitude A (mΦ₀)", title="Diamonds, by rate equations")
    for axes in (left, middle):
        style.grid(axes)
