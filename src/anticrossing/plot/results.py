"""Pictures of results that many rooms have: populations, probabilities, conditions, ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, describe, fail, real_array
from anticrossing._core.drawing import draws
from anticrossing._core.public import guard
from anticrossing.plot import style
from anticrossing.plot.style import Axes

if TYPE_CHECKING:
    # Results of rooms above, told by their names: they draw themselves with this room.
    ChainLedger = Any
    MarkovLedger = Any

__all__ = ["checks", "final_probabilities", "ledger", "populations", "transition_matrix"]

_MOST_LABELS = 12
_MOST_NUMBERS = 12  # levels of a matrix whose numbers can still be read
_WITHIN, _OUTSIDE = "#0072B2", "#D55E00"
_FARTHEST = 1e3  # times a limit: bars are neither longer nor shorter than this


@draws()
def populations(
    result: Any, *, names: Sequence[str] | None = None, unit: str | None = None, ax: Axes = None
) -> Axes:
    """Draw populations in time; means over trajectories with bands of one standard error.

    Parameters
    ----------
    result : object
        With `times`, shape (K,), and `populations`, shape (K, N): a propagation, a wave packet or
        an ensemble of trajectories. What a packet has lost to its absorber is dashed.
    names : sequence of str, optional
        Of the N levels or states.
    unit : str, optional
        Of the times, where the result does not know it.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If no times were asked for, for several parameter points, or a wrong number of names.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-10, 10, rate=1.0)
    >>> result = ac.propagate(H, sweep, times=np.linspace(-10, 10, 101))
    >>> [line.get_label() for line in populations(result).lines]
    ['level 0', 'level 1']
    """
    times: Any = getattr(result, "times", None)
    found: Any = getattr(result, "populations", None)
    values = np.asarray(getattr(found, "value", found), dtype=np.float64)
    if times is None or values.ndim != 2 or not values.size or np.shape(times) != values.shape[:1]:
        raise fail(
            "result",
            "hold populations of one parameter point at times, shapes (K,) and (K, N)",
            f"the populations have shape {values.shape} and the times {np.shape(times)}",
        )
    count = values.shape[1]
    labels = _names(result, names, count)
    listed = set(np.argsort(values.max(axis=0))[::-1][:_MOST_LABELS].tolist())
    for index in range(count):
        color = style.level_color(index, count)
        label = labels[index] if index in listed else None
        ax.plot(times, values[:, index], color=color, label=label)
        if hasattr(found, "error"):
            low, high = (values[:, index] + sign * found.error[:, index] for sign in (-1, 1))
            ax.fill_between(times, low, high, color=color, alpha=0.3, lw=0)
    if np.size(getattr(result, "absorbed", ())):
        lost = np.reshape(result.absorbed, (values.shape[0], -1)).sum(axis=1)
        ax.plot(times, lost, color=style.MUTED, ls="--", label="absorbed")
    ax.set_xlim(times[0], times[-1])
    _probability(ax)
    ax.set_ylabel("population")
    ax.set_xlabel(style.label("time", _time_unit(result) if unit is None else unit))
    ax.set_title("Populations")
    style.strip_legend(ax, columns=4)
    return ax


@draws()
def final_probabilities(
    result: Any,
    *,
    predictions: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw final probabilities as bars, and predictions of them as points.

    Parameters
    ----------
    result : object
        With `probabilities`, shape (N,), or such an array.
    predictions : mapping of str to object, optional
        By name: arrays of shape (N,), or objects with such `probabilities`. What is outside its
        domain (``valid`` is False) is hollow.
    names : sequence of str, optional
        Of the N levels or states.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For several parameter points, or shapes that do not fit.

    Examples
    --------
    >>> axes = final_probabilities([0.2, 0.8], predictions={"Landau–Zener": [0.208, 0.792]})
    >>> [float(bar.get_height()) for bar in axes.patches]
    [0.2, 0.8]
    """
    exact = real_array("result", getattr(result, "probabilities", result))
    if exact.ndim != 1 or not exact.size:
        raise fail("result", "hold probabilities of shape (N,)", f"their shape is {exact.shape}")
    given = predictions or {}
    place = np.arange(exact.size)
    ax.bar(place, exact, width=0.62, color="#CFE0EE", edgecolor=_WITHIN, lw=0.8, label="exact")
    offsets = np.linspace(-0.2, 0.2, len(given)) if len(given) > 1 else np.zeros(1)
    for index, (name, prediction) in enumerate(given.items()):
        values = real_array("predictions", getattr(prediction, "probabilities", prediction))
        if values.shape != exact.shape:
            raise fail("predictions", f"have shape {exact.shape}", f"{name!r} has {values.shape}")
        color = style.formula_color(index)
        inside = getattr(prediction, "valid", True)
        ax.plot(
            place + offsets[index],
            values,
            ls="none",
            marker=style.FORMULA_MARKERS[index % len(style.FORMULA_MARKERS)],
            ms=6,
            color=color,
            mfc=color if inside else "white",
            label=style.plain(name) + ("" if inside else " (outside)"),
        )
    _probability(ax)
    labels = _names(result, names, exact.size)
    ax.set_xticks(place, labels, rotation=0 if exact.size <= 6 else 90)
    ax.set(ylabel="final probability", title="Final probabilities")
    if given:
        style.strip_legend(ax, columns=3)
    return ax


@draws()
def checks(prediction: Any, *, ax: Axes = None) -> Axes:
    """Draw the conditions of a formula as bars against their limits.

    A bar is a value over its limit, or its limit over the value where the value must be large: what
    reaches beyond 1 is outside the domain, and coloured so. Of arrays the worst point is drawn.

    Parameters
    ----------
    prediction : Prediction
        Any object with `checks`, see `anticrossing.formulas.DomainCheck`.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no condition.

    Examples
    --------
    >>> from anticrossing import formulas
    >>> found = formulas.landau_zener(gap=1.0, sweep_rate=1.0, window=3.0)
    >>> checks(found).get_xlabel()
    'condition / its limit'
    """
    conditions = getattr(prediction, "checks", None)
    if not conditions:
        raise fail("prediction", "have conditions to draw", f"it is {describe(prediction)}")
    ratios = [_ratio(check) for check in conditions]
    for index, (check, ratio) in enumerate(zip(conditions, ratios, strict=True)):
        color = _WITHIN if np.all(check.satisfied) else _OUTSIDE
        ax.barh(index, ratio, height=0.38, color=color)
        relation = "≥" if check.at_least else "≤"
        text = f"{check.quantity} = {style.number(check.worst)} ({relation} {check.limit:g})"
        ax.text(
            0.008,
            index - 0.3,
            style.plain(text),
            transform=ax.get_yaxis_transform(),
            fontsize=8,
            va="center",
        )
    for color, label in ((_WITHIN, "within"), (_OUTSIDE, "outside")):
        ax.barh([0], [0], color=color, label=label)
    ax.axvline(1.0, color=style.EXACT_COLOR, lw=1.0, ls="--", label="limit")
    ax.set_xscale("log")
    style.logarithmic(ax.xaxis, 0.0, 1.0)
    ax.set_xlim(min(0.1, 0.5 * min(ratios)), max(10.0, 2 * max(ratios)))
    ax.set_yticks([])
    ax.set(ylim=(max(len(ratios), 3) - 0.5, -0.7), xlabel="condition / its limit")
    name = getattr(prediction, "name", "")
    ax.set_title(f"Domain of {style.plain(name)}" if name else "Domain", pad=20)
    style.grid(ax)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, borderaxespad=0.2)
    return ax


@draws(5.2, 4.4)
def transition_matrix(result: Any, *, names: Sequence[str] | None = None, ax: Axes = None) -> Axes:
    """Draw a matrix of transition probabilities as colours with their numbers.

    Parameters
    ----------
    result : object
        With `transition_matrix`, shape (N, N), ``[final, initial]``, or such an array.
    names : sequence of str, optional
        Of the N levels or states.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A colour bar stands beside them.

    Raises
    ------
    InputError
        For several parameter points, or a matrix that is not square.

    Examples
    --------
    >>> axes = transition_matrix([[0.2, 0.8], [0.8, 0.2]])
    >>> [text.get_text() for text in axes.texts]
    ['0.2', '0.8', '0.8', '0.2']
    """
    matrix = real_array("result", getattr(result, "transition_matrix", result))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise fail("result", "hold a matrix of shape (N, N)", f"its shape is {matrix.shape}")
    count = len(matrix)
    labels = _names(result, names, count)
    drawn = ax.imshow(matrix, cmap="Blues", vmin=0.0, vmax=1.0)
    if count <= _MOST_NUMBERS:
        for final, initial in np.ndindex(count, count):
            value = float(matrix[final, initial])
            text = style.number(value if count <= 3 or value > 1e-3 else float(f"{value:.0e}"))
            ax.text(
                initial,
                final,
                text,
                ha="center",
                va="center",
                fontsize=6.5 if count > 6 or (count > 3 and 0 < value < 1e-3) else 9.0,
                color="white" if value > 0.55 else style.EXACT_COLOR,
            )
    short = count > 4
    every = -(-count // 16)
    places = np.arange(0, count, every)
    shown = [labels[k].removeprefix("level ").removeprefix("state ") for k in places]
    ax.set_xticks(places, shown if short else labels)
    ax.set_yticks(places, shown if short else labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="initial", ylabel="final", title="Transition probabilities")
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
    bar.set_label("probability")
    bar.outline.set_visible(False)
    style.keep_ticks(bar.ax)
    return ax


@draws()
def ledger(
    result: ChainLedger | MarkovLedger,
    quantities: Sequence[str] = ("mechanical_work", "chemical_work", "heat"),
    *,
    unit: str = "",
    ax: Axes = None,
) -> Axes:
    """Draw quantities of a ledger, summed from the start to each step.

    Parameters
    ----------
    result : ChainLedger or MarkovLedger
        Of one run; see `anticrossing.thermodynamics`.
    quantities : sequence of str
        Attributes with one number a step; heat or flows with one for each reservoir, too.
        ``("entropy_change", "entropy_flow", "entropy_production")`` is the second law.
    unit : str
        Of the quantities.
    ax : matplotlib.axes.Axes, optional
        Where to draw, by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For several runs, or an attribute that is not there.
    """
    if np.ndim(result.entropy_production) != 1:
        shape = np.shape(result.entropy_production)[:-1]
        raise fail("result", "be one run", f"it holds runs of shape {shape}")
    lines: list[tuple[str, FloatArray]] = []
    for quantity in quantities:
        values = getattr(result, quantity, None)
        if not isinstance(values, np.ndarray) or values.ndim not in (1, 2):
            raise fail("quantities", "name attributes with a number a step", f"{quantity!r} is not")
        name = quantity.replace("_", " ")
        if values.ndim == 1:
            lines.append((name, values))
        else:
            owners = getattr(result, "reservoir_names", ())
            lines += [(f"{name}, {who}", line) for who, line in zip(owners, values.T, strict=True)]
    if not lines:
        raise InputError("Argument `quantities` must name at least one quantity.")
    for index, (name, values) in enumerate(lines):
        ax.stairs(
            np.cumsum(values),
            np.arange(values.size + 1),
            baseline=None,
            color=style.level_color(index, len(lines)),
            lw=1.6,
            label=style.plain(name),
        )
    ax.axhline(0.0, color=style.MUTED, lw=0.8, zorder=0)
    ax.set_xlim(0, max(values.size for _, values in lines))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="step", ylabel=style.label("sum since the start", unit), title="Ledger")
    style.grid(ax)
    style.strip_legend(ax)
    return ax


# ---- helpers ----------------------------------------------------------------------------------


def _names(result: Any, names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        kind = "state" if getattr(result, "basis", "") == "diabatic" else "level"
        return [f"{kind} {index}" for index in range(count)]
    if len(names) != count:
        raise fail("names", f"name {count} levels", f"there are {len(names)}")
    return [style.plain(name) for name in names]


def _time_unit(result: Any) -> str:
    """Return the unit of the times of a result, "" where it does not say."""
    variables = result.variables() if hasattr(result, "variables") else {}
    if "time" in variables:
        unit = str(variables["time"].unit)
        return "" if unit == "1" else unit
    for owner in ("operator", "request"):  # of a packet, of an ensemble
        hamiltonian = getattr(getattr(result, owner, None), "hamiltonian", None)
        if hamiltonian is not None:
            return str(hamiltonian.units.shown_time)
    return ""


def _probability(ax: Axes) -> None:
    ax.set_ylim(-0.03, 1.05)
    ax.set_yticks(np.linspace(0, 1, 6))
    style.grid(ax)


def _ratio(check: Any) -> float:
    """Return by how much a condition exhausts its limit, between 10⁻³ and 10³; above 1 it fails."""
    over, under = (check.limit, check.worst) if check.at_least else (check.worst, check.limit)
    if not under > 0:
        return _FARTHEST if over > 0 else 1 / _FARTHEST
    return float(np.clip(over / under, 1 / _FARTHEST, _FARTHEST))


guard(__name__)
