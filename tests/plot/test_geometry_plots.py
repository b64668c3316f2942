"""Figures of surfaces, couplings and phases: what is drawn is what was given."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from anticrossing import Hamiltonian, analysis, geometry, models, plot
from anticrossing._core.checks import InputError

LINE = np.linspace(-1.0, 1.0, 8)
GRID = np.stack(np.meshgrid(LINE, LINE, indexing="ij"), axis=-1)
CONE = models.ConicalIntersection(slope=1.0)
LEVELS = np.linalg.eigvalsh(CONE(GRID))
VORTEX = np.stack([-GRID[..., 1], GRID[..., 0]], axis=-1) / (
    2 * np.sum(GRID**2, axis=-1, keepdims=True)
)
STEPS = np.linspace(0, 1, 101)


def flat() -> Any:
    return Figure().subplots()


def deep() -> Any:
    return Figure().add_subplot(projection="3d")


def turning(center: tuple[float, float]) -> Any:
    angle = 2 * np.pi * STEPS
    loop = np.stack([np.cos(angle), np.sin(angle)], axis=-1) + center
    vectors = geometry.transport(CONE, loop).vectors[:, :, 0]
    return vectors @ vectors[0]


def curve(peak: analysis.CouplingPeak, **where: Any) -> Any:
    """The coupling of the peak, sampled closely around it."""
    low, high = peak.window
    reach = 5 / peak.height
    s = np.linspace(max(low, peak.position - reach), min(high, peak.position + reach), 801)
    coupling = geometry.derivative_couplings(peak.hamiltonian, s)[:, 0, 1]
    return plot.coupling_curve(s, coupling, peak=peak, **where)


def test_every_function_returns_the_axes_it_is_given_and_changes_nothing_global() -> None:
    before = dict(matplotlib.rcParams)
    peak = analysis.coupling_peak(models.LandauZener(gap=1.0), (-50, 50))
    basis = geometry.diabatize(models.LandauZener(gap=1.0), np.linspace(-3, 3, 31))
    for given, draw in (
        (deep(), lambda axes: plot.energy_surfaces(GRID, LEVELS, ax=axes)),
        (flat(), lambda axes: plot.gap_map(GRID, LEVELS[..., 1] - LEVELS[..., 0], ax=axes)),
        (flat(), lambda axes: plot.coupling_field(GRID, VORTEX, ax=axes)),
        (flat(), lambda axes: plot.loop_phase(STEPS, [turning((0, 0))], labels=["a"], ax=axes)),
        (flat(), lambda axes: curve(peak, ax=axes)),
        (flat(), lambda axes: plot.diabats(basis, ax=axes)),
    ):
        assert draw(given) is given
        title = given.get_title(loc="left") or given.get_title()
        assert title
        assert given.get_xlabel()
        assert given.get_ylabel()
        given.figure.canvas.draw()
    assert dict(matplotlib.rcParams) == before


def test_surfaces_draws_one_per_level_upper_ones_later_and_marks_the_intersection() -> None:
    mark = [[0.0, 0.0, 0.0]]
    axes = plot.energy_surfaces(
        GRID, LEVELS, intersections=mark, coordinates=("Q_1", "Q_2"), energy="E (eV)"
    )
    *drawn, points = axes.collections
    assert len(drawn) == 2
    assert [c.get_zorder() for c in axes.collections] == [0, 1, 2]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()) == ("Q_1", "Q_2", "E (eV)")
    low, high = axes.get_zlim()
    assert low <= LEVELS.min()
    assert high >= LEVELS.max()
    assert np.array(points._offsets3d).T.tolist() == mark


def test_gap_map_shows_the_gaps_with_seam_and_intersections() -> None:
    gaps = np.abs(np.sum(GRID**2, axis=-1) - 0.5)
    gaps[0, 0] = 0.0
    ring = np.sqrt(0.5) * np.stack([np.cos(STEPS), np.sin(STEPS)], axis=-1)
    axes = plot.gap_map(
        GRID, gaps, intersections=[[0.5, 0.5]], seam=ring, gap="gap (eV)", ax=flat()
    )
    (mesh,) = axes.collections
    floor = 1e-3 * gaps.max()
    assert np.array_equal(mesh.get_array(), np.maximum(gaps, floor))
    assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx((floor, gaps.max()))
    seam, marks = axes.lines
    assert np.array_equal(seam.get_xydata(), ring)
    assert marks.get_xydata().tolist() == [[0.5, 0.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["seam", "intersection"]
    assert axes.child_axes[0].get_ylabel() == "gap (eV)"


def test_gap_map_of_one_gap_everywhere() -> None:
    axes = plot.gap_map(GRID, np.full(GRID.shape[:2], 0.3), ax=flat())
    axes.figure.canvas.draw()
    assert axes.collections[0].norm.vmax == 0.3


def test_coupling_field_gives_direction_and_size_apart() -> None:
    axes = plot.coupling_field(GRID, VORTEX, intersections=[[0, 0]], ax=flat())
    (arrows,) = axes.collections
    flat_points, flat_field = GRID.reshape(-1, 2), VORTEX.reshape(-1, 2)
    assert np.array_equal(arrows.get_offsets(), flat_points)
    directions = np.stack([arrows.U, arrows.V], axis=-1)
    assert np.allclose(np.hypot(*directions.T), 1, atol=1e-15)
    assert np.allclose(np.sum(directions * flat_points, axis=-1), 0, atol=1e-15)
    sizes = 1 / (2 * np.hypot(*flat_points.T))
    assert np.allclose(arrows.get_array(), sizes, rtol=1e-14)
    assert np.all(np.sum(directions * flat_field, axis=-1) > 0)
    assert arrows.scale == pytest.approx(1 / (0.8 * (LINE[1] - LINE[0])))
    assert axes.lines[0].get_xydata().tolist() == [[0.0, 0.0]]


def test_coupling_field_of_the_library_circles_the_intersection() -> None:
    path = GRID.copy()
    path[1::2] = path[1::2, ::-1]
    points = path.reshape(-1, 2)
    field = geometry.transport(CONE, points).couplings()[:, :, 0, 1]
    (arrows,) = plot.coupling_field(points, field, ax=flat()).collections
    sense = points[:, 0] * arrows.V - points[:, 1] * arrows.U
    assert np.allclose(np.abs(sense), np.hypot(*points.T), atol=1e-12)
    assert abs(np.sign(sense).sum()) == len(points)


def test_coupling_field_leaves_out_points_without_coupling() -> None:
    field = VORTEX.copy()
    field[0, 0] = np.nan
    field[1, 1] = 0.0
    assert plot.coupling_field(GRID, field, ax=flat()).collections[0].N == 62
    assert plot.coupling_field([[0.0, 1.0]], [[2.0, 0.0]], ax=flat()).collections[0].N == 1


def test_loop_phase_names_the_sign_at_the_end() -> None:
    around, beside = turning((0, 0)), turning((3, 0))
    axes = plot.loop_phase(STEPS, [around, beside], labels=["around", "spin-1 $"], ax=flat())
    lines = [line for line in axes.lines if line.get_label()[0] != "_"]
    assert [line.get_label() for line in lines] == ["around: −1", "spin-1 \\$: +1"]
    assert np.array_equal(lines[0].get_ydata(), around)
    assert np.allclose(around, np.cos(np.pi * STEPS), atol=1e-10)  # half the angle of the loop


def test_loop_phase_of_complex_overlaps_ends_at_minus_half_the_solid_angle() -> None:
    s_x, s_z = models.spin_matrices(0.5)
    terms = list(zip("xyz", (s_x, 1j * (s_x @ s_z - s_z @ s_x), s_z), strict=True))
    spin = Hamiltonian.from_terms(terms, coordinates=("x", "y", "z"))
    angle, theta = 2 * np.pi * STEPS, np.pi / 3
    loop = np.stack(
        [np.sin(theta) * np.cos(angle), np.sin(theta) * np.sin(angle), np.cos(theta) + 0 * angle],
        axis=-1,
    )
    vectors = geometry.transport(spin, loop, tolerance=1e-12).vectors[:, :, 1]
    axes = plot.loop_phase(STEPS, [vectors @ vectors[0].conj()], labels=["60°"], ax=flat())
    assert axes.lines[0].get_label() == "60°: −0.5π"
    # the corners are joined by straight lines, which enclose a little less
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(-np.pi / 2, abs=2e-3)


def test_coupling_curve_of_linear_diabats_is_its_lorentzian() -> None:
    peak = analysis.coupling_peak(models.LandauZener(gap=0.5), (-40, 40))
    axes = curve(peak, ax=flat())
    exact, linear = axes.lines[:2]
    assert np.allclose(exact.get_ydata(), linear.get_ydata(), atol=1e-12)
    s = exact.get_xdata()
    closed = 0.25 / (s**2 + 0.25)  # V ΔF/(ΔF²s² + 4V²) with V = 1/4, ΔF = 1
    assert np.allclose(exact.get_ydata(), closed, atol=1e-12)
    assert "area" in axes.texts[-1].get_text()
    assert "width" in axes.texts[-1].get_text()
    low, high = axes.get_xlim()
    assert s[0] < low < 0 < high < s[-1]
    assert -low == pytest.approx(high)


def test_coupling_curve_keeps_to_a_window_that_ends_early() -> None:
    peak = analysis.coupling_peak(models.LandauZener(gap=1.0), (-0.1, 0.2))
    axes = curve(peak, ax=flat())
    assert axes.get_xlim() == (-0.1, 0.2)
    assert peak.width is None
    assert "width" not in axes.texts[-1].get_text()


@pytest.mark.parametrize("twin", [True, False])
def test_diabats_shows_both_pictures_and_the_coupling(twin: bool) -> None:
    basis = geometry.diabatize(models.LandauZener(gap=0.4), np.linspace(-3, 3, 61))
    upper, lower = Figure().subplots(2, 1)
    other = upper.twinx() if twin else lower
    plot.diabats(basis, coupling_ax=other, labels=["ionic", "covalent"], coordinate="R", ax=upper)
    drawn = {line.get_label(): line.get_ydata() for line in upper.lines if len(line.get_xdata())}
    matrices = basis.matrices
    for index, name in enumerate(("ionic", "covalent")):
        assert np.array_equal(drawn[f"diabat {name}"], matrices[:, index, index])
    adiabatic = [line.get_ydata() for line in upper.lines[:2]]
    assert np.array_equal(np.stack(adiabatic, axis=1), basis.energies)
    assert np.array_equal(other.lines[0].get_ydata(), np.abs(matrices[:, 0, 1]))
    assert upper.get_xlabel() == "R"
    texts = [text.get_text() for text in upper.get_legend().get_texts()]
    assert texts == [
        "adiabatic",
        "diabat ionic",
        "diabat covalent",
        *(["coupling (right)"] if twin else []),
    ]


def test_diabats_along_a_path_are_drawn_against_its_length() -> None:
    path = np.array([[-1.0, 0.5], [2.0, 4.5], [2.0, 5.5]])
    axes = plot.diabats(geometry.diabatize(CONE, path), ax=flat())
    assert axes.lines[0].get_xdata().tolist() == [0.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.energy_surfaces(GRID, LEVELS, ax=flat()), "`ax` must be three-dimensional"),
        (lambda: plot.energy_surfaces(GRID[0], LEVELS), r"`points` must have shape \(n, m, 2\)"),
        (lambda: plot.energy_surfaces(GRID, LEVELS[:3]), "`energies` must have shape"),
        (
            lambda: plot.energy_surfaces(GRID, LEVELS, intersections=[[0, 0]]),
            r"`intersections` must have shape \(k, 3\)",
        ),
        (
            lambda: plot.energy_surfaces(GRID, LEVELS, coordinates="xy"),
            "`coordinates` must be a list of names",
        ),
        (lambda: plot.gap_map(GRID, LEVELS), "`gaps` must have shape"),
        (lambda: plot.gap_map(GRID, LEVELS[..., 0]), "`gaps` must not be negative"),
        (lambda: plot.gap_map(GRID, 0 * LEVELS[..., 0]), "`gaps` must be positive some"),
        (
            lambda: plot.gap_map(GRID, LEVELS[..., 1], seam=[0, 0]),
            r"`seam` must have shape \(k, 2\)",
        ),
        (lambda: plot.coupling_field(GRID[..., 0], VORTEX), "`points` must have shape"),
        (lambda: plot.coupling_field(GRID, VORTEX[0]), "`couplings` must have shape"),
        (lambda: plot.coupling_field(GRID, 1j * VORTEX), "`couplings` must be real"),
        (lambda: plot.coupling_field(GRID, 0 * VORTEX), "`couplings` must be finite and"),
        (lambda: plot.loop_phase(STEPS, STEPS, labels=["a"]), "`overlaps` must have sha"),
        (
            lambda: plot.loop_phase(STEPS, [STEPS], labels=["a", "b"]),
            r"`labels` must name 1 loop\(s\), but there are 2",
        ),
        (
            lambda: plot.loop_phase(STEPS, [np.full(101, np.nan)], labels=["a"]),
            "`overlaps` must be finite",
        ),
        (
            lambda: plot.loop_phase(STEPS, [1j * STEPS], labels=["a"]),
            "`overlaps` must not vanish where they are complex",
        ),
        (
            lambda: plot.diabats(
                geometry.diabatize(CONE, [[0, 1], [1, 1]]), labels=["a"], ax=flat()
            ),
            "`labels` must name 2 diabats, but there are 1",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw()


def test_diabats_on_a_grid_are_refused() -> None:
    axis = np.linspace(0.5, 1.5, 3)
    found = geometry.diabatize_grid(CONE, [axis, axis])
    with pytest.raises(InputError, match="`basis` must lie along a path"):
        plot.diabats(found.basis)
