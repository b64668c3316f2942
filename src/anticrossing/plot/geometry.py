"""Surfaces, gaps and couplings over a plane of configuration space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, of_shape, real_array
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

__all__ = ["coupling_field", "energy_surfaces", "gap_map"]

_SMALLEST_GAP = 1e-3  # of the largest: closer to an intersection colours tell nothing


@draws(5.6, 4.4, projection="3d")
def energy_surfaces(
    points: npt.ArrayLike,
    energies: npt.ArrayLike,
    *,
    intersections: npt.ArrayLike | None = None,
    coordinates: Sequence[str] = ("x", "y"),
    energy: str = "energy",
    ax: Axes = None,
) -> Axes:
    """Draw adiabatic surfaces over a plane, lower ones first, with their intersections marked.

    Parameters
    ----------
    points : array, shape (n, m, 2)
        A grid of the plane, of any form: a polar one shows a cone best.
    energies : array, shape (n, m, N)
        The surfaces, lowest first.
    intersections : array, shape (k, 3), optional
        Points (x, y, energy) to mark.
    coordinates : pair of str
        Labels of the two coordinates.
    energy : str
        Label of the energy, with its unit.
    ax : mpl_toolkits.mplot3d.Axes3D, optional
        Three-dimensional axes to draw into, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the axes are flat or the shapes do not fit.

    Examples
    --------
    >>> from anticrossing.models import ConicalIntersection
    >>> radius, angle = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 2 * np.pi, 37))
    >>> points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    >>> levels = np.linalg.eigvalsh(ConicalIntersection(slope=1.0)(points))
    >>> axes = energy_surfaces(points, levels, intersections=[[0, 0, 0]])
    >>> len(axes.collections)
    3
    """
    from matplotlib.ticker import MaxNLocator

    if getattr(ax, "name", "") != "3d":
        raise fail("ax", "be three-dimensional", f"it is {describe(ax)}")
    mesh = _mesh(points)
    heights = real_array("energies", energies)
    if heights.ndim != 3 or heights.shape[:2] != mesh.shape[:2] or heights.shape[2] == 0:
        raise fail(
            "energies",
            f"have shape ({mesh.shape[0]}, {mesh.shape[1]}, N) as the points do",
            f"its shape is {heights.shape}",
        )
    marked = None if intersections is None else _places("intersections", intersections, 3)
    names = _names(coordinates)
    count = heights.shape[2]
    ax.computed_zorder = False  # seen from above, an upper surface hides the lower ones
    for index in range(count):
        ax.plot_surface(
            mesh[..., 0],
            mesh[..., 1],
            heights[..., index],
            color=style.level_color(index, count),
            rstride=1,
            cstride=1,
            alpha=0.9,
            edgecolor=(1.0, 1.0, 1.0, 0.35),
            linewidth=0.25,
            rasterized=True,
            zorder=index,
        )
    if marked is not None:
        ax.scatter(
            *marked.T,
            s=34,
            color="white",
            edgecolors=style.EXACT_COLOR,
            linewidths=1.2,
            depthshade=False,
            zorder=count,
        )
    ax.set(xlabel=names[0], ylabel=names[1], zlabel=style.plain(energy))
    ax.set_title("Adiabatic surfaces")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set_alpha(0.0)
        axis.set_tick_params(pad=0)
        axis.set_major_locator(MaxNLocator(4))
        axis.labelpad = -2
    return ax


@draws(5.6, 4.4)
def gap_map(
    points: npt.ArrayLike,
    gaps: npt.ArrayLike,
    *,
    intersections: npt.ArrayLike | None = None,
    seam: npt.ArrayLike | None = None,
    coordinates: Sequence[str] = ("x", "y"),
    gap: str = "gap",
    ax: Axes = None,
) -> Axes:
    """Draw the gap between two levels over a plane, on a logarithmic scale of colour.

    Parameters
    ----------
    points : array, shape (n, m, 2)
        A grid of the plane.
    gaps : array, shape (n, m)
        Not negative; gaps below 10⁻³ of the largest have one colour.
    intersections : array, shape (k, 2), optional
        Points to mark.
    seam : array, shape (k, 2), optional
        A line of intersections to draw.
    coordinates : pair of str
        Labels of the two coordinates.
    gap : str
        Label of the scale of colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A colour bar stands beside them.

    Raises
    ------
    InputError
        If the shapes do not fit, or a gap is negative or none positive.

    Examples
    --------
    >>> x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21), indexing="ij")
    >>> gap_map(np.stack([x, y], axis=-1), 2 * np.hypot(x, y), gap="gap (eV)").get_title()
    'Gap'
    """
    from matplotlib.colors import LogNorm

    mesh = _mesh(points)
    values = of_shape("gaps", real_array("gaps", gaps), mesh.shape[:2])
    if np.any(values < 0):
        raise fail("gaps", "not be negative", f"the smallest is {values.min():g}")
    if not values.any():
        raise fail("gaps", "be positive somewhere", "they are all zero")
    marked = None if intersections is None else _places("intersections", intersections, 2)
    line = None if seam is None else _places("seam", seam, 2)
    names = _names(coordinates)
    top = float(values.max())
    floor = min(max(float(values.min()), _SMALLEST_GAP * top), 0.999 * top)
    drawn = ax.pcolormesh(
        mesh[..., 0],
        mesh[..., 1],
        np.maximum(values, floor),
        norm=LogNorm(floor, top),
        cmap="viridis",
        shading="gouraud",
        rasterized=True,
    )
    _color_bar(ax, drawn, style.plain(gap), floor, top)
    if line is not None:
        ax.plot(*line.T, color="white", lw=2.0, label="seam")
    if marked is not None:
        _mark(ax, marked)
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.set(aspect="equal", title="Gap")
    if line is not None or marked is not None:
        ax.legend(loc="best", facecolor="#9aa7ad")
    return ax


@draws(5.6, 4.4)
def coupling_field(
    points: npt.ArrayLike,
    couplings: npt.ArrayLike,
    *,
    intersections: npt.ArrayLike | None = None,
    coordinates: Sequence[str] = ("x", "y"),
    coupling: str = "|d|",
    ax: Axes = None,
) -> Axes:
    """Draw a derivative coupling as a field of arrows: their direction, and its size as colour.

    All arrows are equally long, because the coupling grows as 1/distance towards an intersection;
    the colours run on a logarithmic scale. The field circles around every intersection.

    Parameters
    ----------
    points : array, shape (..., 2)
        Where; the arrows are about as long as the distance between neighbours.
    couplings : array, shape (..., 2)
        ``d_ij`` of one pair of levels at the points, real, with signs that do not jump (see
        `anticrossing.geometry.transport`). Where it is NaN or zero there is no arrow.
    intersections : array, shape (k, 2), optional
        Points to mark.
    coordinates : pair of str
        Labels of the two coordinates.
    coupling : str
        Label of the scale of colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A colour bar stands beside them.

    Raises
    ------
    InputError
        If the shapes do not fit, or couplings are complex or vanish everywhere.

    Examples
    --------
    >>> x, y = np.meshgrid(np.linspace(-1, 1, 10), np.linspace(-1, 1, 10), indexing="ij")
    >>> vortex = np.stack([-y, x], axis=-1) / (2 * (x**2 + y**2))[..., np.newaxis]
    >>> axes = coupling_field(np.stack([x, y], axis=-1), vortex)
    >>> axes.collections[0].N
    100
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, LogNorm

    where = real_array("points", points)
    if where.ndim < 2 or where.shape[-1] != 2:
        raise fail("points", "have shape (..., 2)", f"its shape is {where.shape}")
    field = np.asarray(couplings)
    if field.dtype.kind not in "fiu":
        raise fail("couplings", "be real numbers", f"they are {describe(couplings)}")
    of_shape("couplings", field, where.shape)
    marked = None if intersections is None else _places("intersections", intersections, 2)
    names = _names(coordinates)
    flat, arrows = where.reshape(-1, 2), field.reshape(-1, 2)
    sizes = np.hypot(*arrows.T)
    shown = np.isfinite(sizes) & (sizes > 0)
    if not shown.any():
        raise fail("couplings", "be finite and not zero somewhere", "they are not")
    flat, arrows, sizes = flat[shown], arrows[shown], sizes[shown]
    low, high = float(sizes.min()), max(float(sizes.max()), 1.001 * float(sizes.min()))
    spacing = _spacing(flat)
    drawn = ax.quiver(
        *flat.T,
        *(arrows / sizes[:, np.newaxis]).T,
        sizes,
        norm=LogNorm(low, high),
        cmap=ListedColormap(colormaps["plasma_r"](np.linspace(0.15, 1.0, 256))),
        pivot="mid",
        angles="xy",
        scale_units="xy",
        scale=1 / (0.8 * spacing),
        units="xy",
        width=0.09 * spacing,
        headwidth=3.6,
        headlength=4.0,
        headaxislength=3.6,
    )
    _color_bar(ax, drawn, style.plain(coupling), low, high)
    if marked is not None:
        _mark(ax, marked)
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.set_aspect("equal")
    ax.margins(0.06)
    ax.set_title("Derivative coupling")
    return ax


# ---- helpers ----------------------------------------------------------------------------------


def _mesh(points: npt.ArrayLike) -> FloatArray:
    mesh = real_array("points", points)
    if mesh.ndim != 3 or mesh.shape[2] != 2 or min(mesh.shape) < 2:
        raise fail(
            "points", "have shape (n, m, 2), n and m at least 2", f"its shape is {mesh.shape}"
        )
    return mesh


def _places(name: str, value: npt.ArrayLike, size: int) -> FloatArray:
    places = real_array(name, value)
    if places.ndim != 2 or places.shape[1] != size:
        raise fail(name, f"have shape (k, {size})", f"its shape is {places.shape}")
    return places


def _names(coordinates: Sequence[str]) -> list[str]:
    names = [style.plain(name) for name in coordinates]
    if isinstance(coordinates, str) or len(names) != 2:
        raise fail("coordinates", "be two labels", f"it is {describe(coordinates)}")
    return names


def _color_bar(axes: Axes, drawn: Any, label: str, low: float, high: float) -> None:
    """Draw a logarithmic colour bar as high as the axes, whatever their aspect."""
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0.0, 0.045, 1.0)))
    bar.set_label(label)
    bar.outline.set_visible(False)
    style.logarithmic(bar.ax.yaxis, low, high)
    bar.ax.minorticks_off()


def _mark(axes: Axes, places: FloatArray) -> None:
    axes.plot(
        *places.T,
        ls="none",
        marker="o",
        ms=6.5,
        mfc="white",
        mec=style.EXACT_COLOR,
        mew=1.3,
        label="intersection",
        zorder=4,
    )


def _spacing(points: FloatArray) -> float:
    """Return the median distance of a point from its nearest neighbour."""
    if len(points) < 2:
        return 1.0
    from scipy.spatial import cKDTree

    distances, _ = cKDTree(points).query(points, k=2)
    return float(np.median(distances[:, 1])) or 1.0


guard(__name__)
