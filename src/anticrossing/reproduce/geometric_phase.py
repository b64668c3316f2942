"""Sign changes around conical intersections: loop phases, jumps past them, vibronic levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing import geometry, models
from anticrossing._core.checks import FloatArray
from anticrossing.analysis import intersection_passage
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.vibronic import RotorLevels, jahn_teller_levels, lower_surface_levels
from anticrossing.reproduce.reproduction import Number, Reproduction

_PHASE = 1e-9  # claimed for phases (radians) and probabilities
_LEVEL = 1e-7
_SLOPE, _SPEED = 1.3, 1.7
_IMPACT = (0.0, 0.3, 0.6, 1.0, 1.5)
_ANGLES = (np.pi / 6, np.pi / 3, 5 * np.pi / 9)  # of the field or the axis from the pole
_LEVELS = {
    2.0: (-1.44574261, -1.15966014, -0.74089648),
    4.0: (-7.49133139, -7.42288824, -7.29027465),
}
_CHERN = {-2.5: 0, -1.0: 1, 1.0: -1, 2.5: 0}
_SHOWN = 4.0  # the coupling whose ladders are drawn
_COUNT = 5

Row = tuple[str, float, float, float]
"""What, the reference, what was found, the difference claimed."""

_SOURCES = {
    "phases": "M. V. Berry, Proc. R. Soc. A 392, 45 (1984)",
    "quadrupole": "A. Zee, Phys. Rev. A 38, 1 (1988)",
    "jump": "E. Teller, J. Phys. Chem. 41, 109 (1937)",
    "vibronic": "H. C. Longuet-Higgins et al., Proc. R. Soc. A 244, 1 (1958)",
    "bands": "X.-L. Qi, Y.-S. Wu and S.-C. Zhang, Phys. Rev. B 74, 085308 (2006)",
}


def compute() -> Reproduction:
    """Compare phases, jumps, levels and Chern numbers with closed forms and published values."""
    parts = {
        "phases": [*_loops(), *_solid_angles()],
        "quadrupole": _holonomies(),
        "jump": _passages(),
        "vibronic": [*_vibronic_levels(), *_degeneracies()],
        "bands": _chern_numbers(),
    }
    found = [row for part in parts.values() for row in part]
    rows: list[list[Any]] = [
        [what, _number(reference), _number(value), f"{abs(value - reference):.0e}"]
        for what, reference, value, _ in found
    ]
    ladders = {
        "both\nsurfaces": jahn_teller_levels(_SHOWN, count=_COUNT),
        "lower surface,\nwith the phase": lower_surface_levels(
            _SHOWN, diagonal_correction=True, count=_COUNT
        ),
        "lower surface,\nwithout": lower_surface_levels(
            _SHOWN, geometric_phase=False, diagonal_correction=True, count=_COUNT
        ),
    }
    phases = max(abs(row[1] - row[2]) for row in found if row[3] == _PHASE)
    levels = max(abs(row[1] - row[2]) for row in found if row[3] == _LEVEL)
    conclusion = (
        f"Phases and probabilities agree within {phases:.1e} (claimed {_PHASE:.0e}), vibronic "
        f"levels within {levels:.1e} (claimed {_LEVEL:.0e}: the references have 8 decimals). The "
        "sign change around the intersection makes the ground level a doublet of half-odd "
        "pseudorotation; without it the ground level is single and the ladder one of integers."
    )

    return Reproduction(
        name="geometric-phase",
        title="A conical intersection: its surfaces, its couplings, its geometric phase",
        source="M. V. Berry, Proc. R. Soc. A 392, 45 (1984) (loops, solid angle); A. Zee, Phys. "
        "Rev. A 38, 1 (1988) (quadrupole); E. Teller, J. Phys. Chem. 41, 109 (1937) (jump); H. C. "
        "Longuet-Higgins et al., Proc. R. Soc. A 244, 1 (1958) (E⊗e levels; their digits from "
        "diagonalisation in a basis of two oscillators); X.-L. Qi, Y.-S. Wu and S.-C. Zhang, Phys. "
        "Rev. B 74, 085308 (2006) (two bands).",
        columns=["quantity", "reference", "recomputed", "difference"],
        rows=rows,
        conclusion=conclusion,
        draw=lambda figure: _draw(figure, ladders),
        size=(12.6, 4.6),
        numbers=tuple(
            Number(what, float(reference), float(value), claim, _SOURCES[group])
            for group, part in parts.items()
            for what, reference, value, claim in part
        ),
    )


# ---- what is compared -------------------------------------------------------------------------


def _loops() -> list[Row]:
    """Quadratic Jahn–Teller with cones at the origin and at 2k/g = 4 on three sides."""
    hamiltonian = models.JahnTeller(linear=1.0, quadratic=0.5)
    loops = {
        "Berry phase around one intersection": ((0.0, 0.0), 1.0, np.pi),
        "… around another one, off the origin": ((-4.0, 0.0), 1.0, np.pi),
        "… around two": ((-2.0, 0.0), 2.7, 0.0),
        "… around all four": ((0.0, 0.0), 6.0, 0.0),
        "… beside them": ((2.0, 0.0), 1.0, 0.0),
    }
    rows = []
    for what, (centre, radius, exact) in loops.items():
        found = geometry.berry_phase(hamiltonian, _circle(centre, radius), level=0)
        rows.append((what, exact, found, _PHASE))
    return rows


def _solid_angles() -> list[Row]:
    hamiltonian = Hamiltonian.from_terms(
        list(zip("xyz", _spin(0.5), strict=True)), coordinates=("x", "y", "z")
    )
    rows = []
    for angle in _ANGLES:
        exact = -np.pi * (1 - np.cos(angle))
        found = geometry.berry_phase(hamiltonian, _cone(angle), level=1)
        what = f"spin ½ along a field at {np.degrees(angle):.0f}°: −Ω/2"
        rows.append((what, exact, exact + _turn(found - exact), _PHASE))
    return rows


def _holonomies() -> list[Row]:
    """Kramers doublet m = ±½ of (n·J)²: eigenphases π ± π√(cos²θ + 4 sin²θ)."""
    spin = _spin(1.5)
    terms = [
        (f"{a}*{b}", (first @ second + second @ first) / 2)
        for a, first in zip("xyz", spin, strict=True)
        for b, second in zip("xyz", spin, strict=True)
    ]
    hamiltonian = Hamiltonian.from_terms(terms, coordinates=("x", "y", "z"))
    rows = []
    for angle in _ANGLES:
        half = np.pi * np.sqrt(np.cos(angle) ** 2 + 4 * np.sin(angle) ** 2)
        exact = abs(_turn(np.pi + half))
        loop = geometry.wilson_loop(hamiltonian, _cone(angle), levels=[0, 1])
        found = float(loop.phases[1])  # the eigenphases are a pair ±
        what = f"holonomy of a quadrupole, J = 3/2, at {np.degrees(angle):.0f}°"
        rows.append((what, exact, found, _PHASE))
    return rows


def _passages() -> list[Row]:
    hamiltonian = models.ConicalIntersection(slope=_SLOPE)
    found = intersection_passage(
        hamiltonian,
        geometry.find_intersection(hamiltonian, [0.1, 0.2]),
        direction=[1.0, 0.0],
        impact_parameter=_IMPACT,
        speed=_SPEED,
        length=400.0,
        tolerance=1e-12,
    )
    return [
        (
            f"jump at the distance b = {b:g}: exp(−πκb²/v)",
            float(np.exp(-np.pi * _SLOPE * b**2 / _SPEED)),
            float(probability),
            _PHASE,
        )
        for b, probability in zip(_IMPACT, found.probability, strict=True)
    ]


def _vibronic_levels() -> list[Row]:
    rows = []
    for linear, published in _LEVELS.items():
        levels = jahn_teller_levels(linear, count=len(published))
        for j, exact, found in zip(levels.angular_momenta, published, levels.energies, strict=True):
            what = f"E⊗e level |j| = {round(2 * j)}/2 at k = {linear:g}"
            rows.append((what, exact, float(found), _LEVEL))
    return rows


def _degeneracies() -> list[Row]:
    cases: dict[str, tuple[int, Callable[[], RotorLevels]]] = {
        "degeneracy of the ground level": (2, lambda: jahn_teller_levels(_SHOWN, count=1)),
        "… on the lower surface, with the phase": (
            2,
            lambda: lower_surface_levels(_SHOWN, count=1),
        ),
        "… and without": (1, lambda: lower_surface_levels(_SHOWN, geometric_phase=False, count=1)),
    }
    return [
        (what, float(exact), float(levels().degeneracies[0]), 0.0)
        for what, (exact, levels) in cases.items()
    ]


def _chern_numbers() -> list[Row]:
    bands = Hamiltonian.from_matrix(
        [
            ["m + cos(kx) + cos(ky)", "sin(kx) - I*sin(ky)"],
            ["sin(kx) + I*sin(ky)", "-m - cos(kx) - cos(ky)"],
        ],
        coordinates=("kx", "ky"),
        parameters={"m": 1.0},
    )
    rows = []
    for mass, exact in _CHERN.items():
        found = geometry.chern_number(bands.replace(m=mass), levels=0).value
        what = f"Chern number of two bands, mass {mass:g}".replace("-", "−")
        rows.append((what, float(exact), float(found), 0.0))
    return rows


def _circle(centre: tuple[float, float], radius: float) -> Callable[[float], FloatArray]:
    def loop(s: float) -> FloatArray:
        angle = 2 * np.pi * s
        return np.array(centre) + radius * np.array([np.cos(angle), np.sin(angle)])

    return loop


def _cone(theta: float) -> Callable[[float], FloatArray]:
    """Return a loop of unit vectors at the angle θ from the pole."""

    def loop(s: float) -> FloatArray:
        phi, sine = 2 * np.pi * s, np.sin(theta)
        return np.array([sine * np.cos(phi), sine * np.sin(phi), np.cos(theta)])

    return loop


def _spin(spin: float) -> tuple[Any, Any, Any]:
    s_x, s_z = models.spin_matrices(spin)
    return s_x, 1j * (s_x @ s_z - s_z @ s_x), s_z


def _turn(phase: float) -> float:
    """Return a phase in (−π, π]."""
    return float(np.angle(np.exp(1j * phase)))


def _number(value: float) -> str:
    return f"{value:.10f}" if value != round(value) else f"{value:.0f}"


# ---- the figure -------------------------------------------------------------------------------


def _draw(figure: Any, ladders: dict[str, RotorLevels]) -> None:
    from anticrossing.plot import coupling_field, energy_surfaces

    cone = models.ConicalIntersection(slope=1.0)
    radius, angle = np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 2 * np.pi, 61))
    disc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    # Placed by hand: panels with three dimensions and with colour bars keep other margins.
    left = figure.add_axes((0.0, 0.03, 0.31, 0.785), projection="3d")
    energies = np.linalg.eigvalsh(cone(disc))
    energy_surfaces(disc, energies, intersections=[[0.0, 0.0, 0.0]], ax=left)
    left.view_init(elev=14, azim=-62)
    left.set_box_aspect(None, zoom=1.15)
    left.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-1, 0, 1])

    middle = figure.add_axes((0.395, 0.125, 0.25, 0.69))
    path = _spiral(rings=8)
    field = geometry.transport(cone, path).couplings()[:, :, 0, 1]
    coupling_field(path, field, intersections=[[0.0, 0.0]], ax=middle)

    _draw_ladders(figure.add_axes((0.765, 0.125, 0.225, 0.69)), ladders)


def _spiral(rings: int) -> FloatArray:
    """Return evenly spread points of the unit disc, so ordered that the signs can follow."""
    points = []
    for ring in range(1, rings + 1):
        angle = np.linspace(0, 2 * np.pi, 6 * ring, endpoint=False)
        points.append(ring / rings * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    return np.concatenate(points)


def _draw_ladders(axes: Any, ladders: dict[str, RotorLevels]) -> None:
    from anticrossing.plot import style

    for column, levels in enumerate(ladders.values()):
        color = style.level_color(column, len(ladders))
        for energy, j, times in zip(
            levels.energies, levels.angular_momenta, levels.degeneracies, strict=True
        ):
            # A single level is one line, a double one two that stand side by side.
            ends = [(-0.3, 0.14)] if times == 1 else [(-0.3, -0.1), (-0.06, 0.14)]
            for start, stop in ends:
                axes.plot([column + start, column + stop], [energy, energy], color=color, lw=2.2)
            name = f"{j:g}" if j == round(j) else f"{round(2 * j)}/2"
            axes.text(column + 0.18, energy, name, fontsize=8, va="center", ha="left")
    axes.set_xticks(range(len(ladders)), list(ladders))
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.set(xlim=(-0.45, len(ladders) - 0.5), ylabel="energy (vibrational quanta)")
    axes.set_title(f"Levels and |j| at k = {_SHOWN:g}")
    axes.grid(True, axis="y", color=style.GRID, linewidth=0.6)
