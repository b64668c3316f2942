"""Nonlinear sweeps: the Dykhne-Davis-Pechukas formula at complex zeros of the gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from anticrossing._core.checks import ConvergenceError, InputError, fail, real_number, returned
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas._branch_points import Analytic, find_zeros, minimum, strip, visible
from anticrossing.formulas.result import ComplexArray, DomainCheck, FloatArray, Prediction

if TYPE_CHECKING:
    import sympy

Formula: TypeAlias = "sympy.Expr | str | float | Callable[[Any], Any]"

_NAME = "Dykhne-Davis-Pechukas"
_EQUATION = "P = |sum_k s_k exp(i int gap dt)|^2 to the complex zeros t_k of the gap"
_SMALLEST_EXPONENT = 2.0  # the formula is asymptotic: P should be well below one
_LARGEST_ERROR = 0.2  # of the probability, by what is left out of the phases of several amplitudes
_RELEVANT = 1e-6  # amplitudes smaller than this against the largest are not summed


@dataclass(frozen=True, eq=False)
class ComplexTimePrediction(Prediction):
    """A Dykhne-Davis-Pechukas probability with what it was made of.

    Attributes
    ----------
    zeros : ndarray
        Complex times in the upper half plane where the gap vanishes and that were summed, nearest
        (smallest exponent) first.
    actions : ndarray
        ``D(t_c) = ∫ gap dt`` from the real reference time to each zero; ``2 Im D`` is the exponent.
    signs : ndarray
        Sign with which each amplitude ``exp(i D)`` enters the sum.
    """

    zeros: ComplexArray | None = None
    actions: ComplexArray | None = None
    signs: FloatArray | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        **Prediction._variables,
        "zeros": shown("zero", text="complex time of a zero of the gap"),
        "actions": shown("zero", text="action up to the zero"),
        "signs": shown("zero", text="sign of its amplitude"),
    }


def dykhne_davis_pechukas(
    gap: Formula | None = None,
    *,
    detuning: Formula | None = None,
    coupling: Formula | None = None,
    squared: bool = False,
    near: float | complex = 0.0,
    window: tuple[float, float] | None = None,
    height: float | None = None,
    variable: str = "t",
    parameters: Mapping[str, float] | None = None,
    signs: Sequence[float] | None = None,
) -> ComplexTimePrediction:
    """Jump probability of a smooth nonlinear sweep from the complex zeros of its gap.

    ``P = |Σ_k s_k exp(i ∫^{t_k} gap dt)|²``, which for one zero is
    ``P = exp(−2 Im ∫₀^{t_c} gap dt)``. The integral runs along the real axis and then straight up
    to ``t_c``, on the branch of the square root that is positive on the real axis.

    Zeros hidden behind another one on the same vertical line are not summed, nor those whose
    amplitude is below 1e-6 of the largest. The signs of several amplitudes are not determined by
    the gap: ``s = +1`` where ``coupling = i detuning``, ``−1`` where ``coupling = −i detuning``.
    Give `detuning` and `coupling` instead of the gap, or `signs`; otherwise signs alternate in
    time, as for a constant coupling and a detuning that passes zero to and fro, and a check says
    so.

    Parameters
    ----------
    gap : SymPy expression, text, number or callable
        The adiabatic gap as a function of time (energy, ħ = 1). A callable takes complex arrays of
        times and must be analytic (up to the sign of the square root).
    detuning, coupling : same kinds, optional
        ``ε(t)`` and ``g(t)`` of ``H = ½ [[ε, g], [g, −ε]]``, instead of `gap`.
    squared : bool
        Whether `gap` is the square of the gap, which unlike the gap itself is single-valued.
    near : float or complex
        Time around which zeros are sought (near the minimum of the gap); a complex value is
        itself a start for the search.
    window : (float, float), optional
        Real parts between which zeros are sought. By default eight widths of the gap minimum found
        from `near`, on either side.
    height : float, optional
        Largest imaginary part sought; by default three widths of the gap minimum, or with `window`
        half the window if that is more.
    variable : str
        Name of the time in expressions and text.
    parameters : mapping, optional
        Values of every other name in expressions and text.
    signs : sequence of float, optional
        Signs of the amplitudes, in the order of the real parts of the zeros that are summed.

    Returns
    -------
    ComplexTimePrediction
        Probability, ``log_value``, zeros, actions and signs; the checks say whether the sweep is
        adiabatic enough and whether the signs were assumed.

    Raises
    ------
    InputError
        If neither or both descriptions are given, a name is unknown, or the gap is not real and
        positive at the reference time.
    ConvergenceError
        If no zero of the gap is found in the strip searched.

    References
    ----------
    A. M. Dykhne, Sov. Phys. JETP 14, 941 (1962); J. P. Davis, P. Pechukas, J. Chem. Phys. 64, 3129
    (1976); N. V. Vitanov, K.-A. Suominen, Phys. Rev. A 59, 4580 (1999), for the sum over zeros.

    Examples
    --------
    >>> sweep = dykhne_davis_pechukas("sqrt((a*t)**2 + g**2)", parameters={"a": 1.0, "g": 2.0})
    >>> sweep.zeros.round(9)
    array([0.+2.j])
    >>> round(sweep.log_value / (-3.141592653589793 * 2.0), 12)
    1.0
    """
    found = branch_points(
        gap,
        detuning=detuning,
        coupling=coupling,
        squared=squared,
        near=near,
        window=window,
        height=height,
        variable=variable,
        parameters=parameters,
        signs=signs,
    )
    if found.closes:
        return _true_crossing(found.centre)
    zeros, actions, chosen, assumed = found.zeros, found.actions, found.signs, found.assumed

    exponent = actions.imag.min()
    amplitude = np.sum(chosen * np.exp(1j * actions.real - (actions.imag - exponent)))
    size = abs(amplitude)
    log_value = float(2 * np.log(size) - 2 * exponent) if size > 0 else -np.inf
    checks = [
        DomainCheck(
            "2 Im D",
            float(2 * exponent),
            _SMALLEST_EXPONENT,
            "the sweep is not adiabatic enough for this asymptotic formula",
            at_least=True,
        ),
        DomainCheck(
            "probability", float(np.exp(min(log_value, 700.0))), 1.0, "it is not a probability"
        ),
    ]
    if zeros.size > 1:
        checks.append(
            DomainCheck(
                "zeros whose sign was assumed",
                float(zeros.size if assumed else 0),
                0.0,
                "the gap alone does not determine the signs of several amplitudes; they were taken "
                "to alternate, as for a constant coupling (give `detuning` and `coupling`)",
            )
        )
    if zeros.size > 1 and signs is None:
        total = float(np.sum(np.exp(exponent - actions.imag)))
        checks.append(
            DomainCheck(
                "error of the sum of the amplitudes",
                max(_phase_error(exponent, float(size), total), _pair_error(actions)),
                _LARGEST_ERROR,
                "several amplitudes that are not small do not simply add",
            )
        )
    order = np.argsort(actions.imag, kind="stable")
    return ComplexTimePrediction(
        value=float(np.exp(min(log_value, 700.0))),
        name=_NAME,
        checks=tuple(checks),
        equation=_EQUATION,
        log_value=log_value,
        zeros=zeros[order],
        actions=actions[order],
        signs=chosen[order],
    )


@dataclass(frozen=True)
class BranchPoints:
    """The zeros that count, in time; none where the gap closes at the real time `centre`."""

    square: Analytic
    centre: float
    closes: bool
    zeros: ComplexArray
    actions: ComplexArray
    signs: FloatArray
    assumed: bool


def branch_points(
    gap: Formula | None,
    *,
    detuning: Formula | None,
    coupling: Formula | None,
    squared: bool,
    near: float | complex,
    window: tuple[float, float] | None,
    height: float | None,
    variable: str,
    parameters: Mapping[str, float] | None,
    signs: Sequence[float] | None,
) -> BranchPoints:
    """Return the complex zeros of a gap, from the arguments of `dykhne_davis_pechukas`."""
    given = parameters or {}
    if (gap is None) == (detuning is None and coupling is None):
        raise InputError(
            "Give either `gap`, or `detuning` and `coupling`, but not both or neither."
        )
    epsilon: Analytic | None = None
    g: Analytic | None = None
    if gap is not None:
        square = _function("gap", gap, variable, given, power=1 if squared else 2)
    else:
        if detuning is None or coupling is None:
            raise InputError("Arguments `detuning` and `coupling` must be given together.")
        if squared:
            raise fail("squared", "be used with `gap` only", "`detuning` and `coupling` are given")
        epsilon = _function("detuning", detuning, variable, given, power=1)
        g = _function("coupling", coupling, variable, given, power=1)
        square = _sum_of_squares(epsilon, g)

    centre, width, closes = minimum(square, complex(near).real, window)
    if closes:
        none = np.zeros(0, dtype=np.complex128)
        return BranchPoints(square, centre, True, none, none, np.zeros(0), False)
    zeros = find_zeros(
        square, strip(centre, width, window, height, complex(near).real), width, complex(near)
    )
    if zeros.size == 0:
        raise ConvergenceError(
            "No complex zero of the gap was found; give `window=` and `height=` (or `near=`) "
            "around the time where the gap is smallest."
        )
    zeros, actions = visible(square, zeros, centre)
    relevant = actions.imag <= actions.imag.min() - np.log(_RELEVANT)
    zeros, actions = zeros[relevant], actions[relevant]
    in_time = np.lexsort((zeros.imag, zeros.real))
    zeros, actions = zeros[in_time], actions[in_time]
    chosen, assumed = _signs(zeros, epsilon, g, signs)
    return BranchPoints(square, centre, False, zeros, actions, chosen, assumed)


def _phase_error(exponent: float, size: float, total: float) -> float:
    """Return the relative error of a probability from the phases of its amplitudes."""
    # The sum leaves out what is left of the Stokes phase, 1/12δ with 2 Im D = 2πδ, and the share
    # e^{−2 Im D} of what has already jumped. Amplitudes that nearly cancel feel the phase most.
    phase = np.pi / (12 * exponent) if exponent > 0 else np.inf
    if size == 0 or not np.isfinite(phase):
        return np.inf
    share = min(size / total, 1.0)
    turned = 2 * np.sqrt(1 - share**2) / share * phase + (phase / share) ** 2
    return float(turned + np.exp(-2 * exponent))


def _pair_error(actions: ComplexArray) -> float:
    """Return the relative error of a probability from zeros that lie close to each other."""
    # Two zeros are a crossing of their own, 2πδ = |D_j − D_k|; each amplitude lacks its 1/12δ.
    first, second = np.triu_indices(actions.size, 1)
    share = np.exp(actions.imag.min() - np.maximum(actions.imag[first], actions.imag[second]))
    apart = np.maximum(np.abs(actions[first] - actions[second]), 1e-300)
    with np.errstate(over="ignore"):
        return float(np.max(share * np.pi / (3 * apart)))


def _true_crossing(time: float) -> ComplexTimePrediction:
    """The result where the gap closes on the real axis: the zero is there, and nothing decays."""
    check = DomainCheck(
        "2 Im D",
        0.0,
        _SMALLEST_EXPONENT,
        f"the gap closes at t = {time:g}: a true crossing, which the levels pass with certainty",
        at_least=True,
    )
    return ComplexTimePrediction(
        value=1.0,
        name=_NAME,
        checks=(check,),
        equation=_EQUATION,
        log_value=0.0,
        zeros=np.array([time + 0j]),
        actions=np.array([0j]),
        signs=np.array([1.0]),
    )


def _function(
    name: str, formula: Formula, variable: str, parameters: Mapping[str, float], *, power: int
) -> Analytic:
    """Compile a formula, raised to `power`, into a function of a complex array."""
    import sympy

    if callable(formula) and not isinstance(formula, sympy.Basic):
        user = formula

        def evaluate(t: ComplexArray) -> ComplexArray:
            return returned(name, user(t), t.shape, np.complex128) ** power

        return evaluate
    from anticrossing._core.expression import compile_function, parse

    if isinstance(formula, sympy.Basic):
        expression = formula
    else:
        expression = parse(formula, [variable, *parameters])
    values = {key: real_number(key, value) for key, value in parameters.items()}
    expression = expression.subs(
        {s: values[s.name] for s in expression.free_symbols if s.name in values}
    )
    unknown = [s.name for s in expression.free_symbols if s.name != variable]
    if unknown:
        raise fail(name, f"depend on `{variable}` and `parameters` only", f"it uses `{unknown[0]}`")
    if expression.has(sympy.Abs, sympy.conjugate, sympy.re, sympy.im, sympy.Heaviside):
        raise fail(name, "be analytic", f"it is {expression}")
    # A fresh complex symbol: assumptions of a real one would turn sqrt(t**2) into |t|.
    time = sympy.Symbol("time")
    expression = (expression**power).subs(
        {s: time for s in expression.free_symbols if s.name == variable}
    )
    for name_of, inverse in ((sympy.sech, sympy.cosh), (sympy.csch, sympy.sinh)):
        expression = expression.replace(name_of, lambda x, inverse=inverse: 1 / inverse(x))
    compiled = compile_function((time,), expression)

    def evaluate_expression(t: ComplexArray) -> ComplexArray:
        return np.broadcast_to(np.asarray(compiled(t), dtype=np.complex128), t.shape)

    return evaluate_expression


def _sum_of_squares(epsilon: Analytic, g: Analytic) -> Analytic:
    def square(t: ComplexArray) -> ComplexArray:
        return np.asarray(epsilon(t) ** 2 + g(t) ** 2)

    return square


def _signs(
    zeros: ComplexArray, epsilon: Analytic | None, g: Analytic | None, signs: Sequence[float] | None
) -> tuple[FloatArray, bool]:
    if signs is not None:
        chosen = np.asarray(signs, dtype=np.float64)
        if chosen.shape != zeros.shape or not np.all(np.abs(chosen) == 1):
            raise fail(
                "signs", f"hold +1 or -1 for each of the {zeros.size} zeros", f"it is {signs!r}"
            )
        return chosen, False
    if epsilon is not None and g is not None:
        ratio = g(zeros) / (1j * epsilon(zeros))
        return np.where(ratio.real > 0, 1.0, -1.0), False
    return np.where(np.arange(zeros.size) % 2 == 0, 1.0, -1.0), zeros.size > 1
