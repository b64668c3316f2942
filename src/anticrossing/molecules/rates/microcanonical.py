"""Rates through a crossing point at a given energy of an isolated molecule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    choice,
    describe,
    fail,
    instance,
    non_negative_number,
    numbers,
    positive_number,
    real_number,
)
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, Prediction, unwrap
from anticrossing.formulas.zhu_nakamura_scattering import WEAKEST
from anticrossing.molecules.rates._passages import (
    PASSAGES,
    Probability,
    probability,
    tunnelling_energy,
    weakness,
)
from anticrossing.molecules.rates._thermal import quiet
from anticrossing.molecules.rates.states import RovibrationalStates

_LARGEST_PROBABILITY = 0.3  # of one passage in lowest order of the coupling
_CELLS, _STEPS = 4000, 200  # of the energy, and of the lowest vibration


def microcanonical_rate(
    *,
    energies: npt.ArrayLike,
    coupling: float,
    slopes: tuple[float, float],
    reduced_mass: float,
    barrier: float,
    reactant: RovibrationalStates,
    crossing: RovibrationalStates,
    passage: str = "landau-zener",
    cell: float | None = None,
    grain: float | None = None,
    product_energy: float | None = None,
) -> Prediction:
    """Rate of an isolated molecule of given energy through a minimum-energy crossing point.

    ``k(E) = (1/2πρ_R(E)) ∫ dε P(ε) ρ_X(E − E₀ − ε)`` with ``E₀ = E_b + E_zp,X − E_zp,R`` and the
    passages of `intersystem_crossing_rate`, from the higher of the lowest energies of reactant and
    product up where they tunnel. Its thermal average ``∫ρ_R k e^{−E/T}/Q_R`` is the rate of
    `intersystem_crossing_rate`.

    Parameters
    ----------
    energies : array_like
        ``E ≥ 0`` above the zero-point level of the reactant (energy); each is moved to the nearest
        cell.
    coupling : float
        ``|V|`` at the crossing (energy).
    slopes : pair of float
        Slopes ``F₁, F₂`` along the direction of passage (energy / length).
    reduced_mass : float
        ``μ > 0`` of that direction.
    barrier : float
        ``E_b ≥ 0`` of the crossing point above the minimum of the reactant, without zero-point
        energies: they come from the frequencies.
    reactant, crossing : RovibrationalStates
        The states of the two; the crossing has one vibration fewer.
    passage : {"landau-zener", "weak coupling", "zhu-nakamura"}
        The probability of a passage.
    cell : float, optional
        Width of the cells in which states are counted (energy), by default 1/4000 of the largest
        energy or of E₀, or 1/200 of the lowest vibration if that is finer.
    grain : float, optional
        Width over which the density of the reactant is averaged; by default one cell. It has to be
        given where nothing turns, for single lines have no density.
    product_energy : float, optional
        Zero-point level of the product above that of the reactant, of either sign, at most ``E₀``;
        by default not above it. Where something tunnels alone.

    Returns
    -------
    Prediction
        The rate (energy / ħ), of the shape of the energies. Checked: tunnelling against the energy
        above the crossing, or the probability in lowest order, or a of Zhu and Nakamura.

    Raises
    ------
    InputError
        If an energy is negative, slopes are equal (or vanish where something tunnels), the
        crossing has not one vibration fewer, it lies below the reactant with zero-point energies,
        or no reactant state lies in a grain.

    References
    ----------
    J. N. Harvey, M. Aschi, Phys. Chem. Chem. Phys. 1, 5555 (1999); A. O. Lykhin,
    D. S. Kaliakin, G. E. dePolo, A. A. Kuzubov, S. A. Varganov, Int. J. Quantum Chem. 116, 750
    (2016), eqs. 1–3.

    Examples
    --------
    In cm⁻¹, with ħ = 1: the mass is in 1/(cm⁻¹ bohr²), and rates come out in cm⁻¹.

    >>> reactant = RovibrationalStates(frequencies=[600, 900, 1200], rotational_constants=[5, 2, 1])
    >>> crossing = RovibrationalStates(frequencies=[500, 1000], rotational_constants=[5, 2, 1])
    >>> rate = microcanonical_rate(
    ...     energies=[2000.0, 3000.0], coupling=50.0, slopes=(6000.0, -9000.0), reduced_mass=0.05,
    ...     barrier=1500.0, reactant=reactant, crossing=crossing)
    >>> rate.value.round(2)
    array([0.64, 1.01])
    """
    how = choice("passage", passage, PASSAGES)
    for name, state in (("reactant", reactant), ("crossing", crossing)):
        instance(name, state, RovibrationalStates)
    if crossing.frequencies.size != reactant.frequencies.size - 1:
        raise fail(
            "crossing",
            "have one vibration fewer than `reactant`",
            f"it has {crossing.frequencies.size} and the reactant {reactant.frequencies.size}",
        )
    asked = numbers("energies", energies)
    if not np.all(asked >= 0) or not np.all(np.isfinite(asked)):
        raise fail("energies", "be finite and not negative", f"it is {describe(energies)}")
    try:
        first, second = (real_number("slopes", one) for one in slopes)
    except (TypeError, ValueError):
        raise fail("slopes", "be a pair of slopes", f"it is {describe(slopes)}") from None
    if first == second:
        raise fail("slopes", "differ, for the surfaces to cross", "they are equal")
    if how != "landau-zener" and 0 in (first, second):
        raise fail("slopes", f"not vanish for passage={how!r}", "one of them is zero")
    v, mass = abs(real_number("coupling", coupling)), positive_number("reduced_mass", reduced_mass)
    height = non_negative_number("barrier", barrier)
    threshold = height + crossing.zero_point_energy - reactant.zero_point_energy
    if threshold < 0:
        raise fail(
            "barrier",
            "lie above the reactant, zero-point energies included",
            f"it lies {-threshold:g} below",
        )
    product = 0.0 if product_energy is None else real_number("product_energy", product_energy)
    if how == "landau-zener" and product_energy is not None:
        raise fail("product_energy", "be left out where nothing tunnels", "it is given")
    if product > threshold:
        must = "not lie above the crossing, zero-point energies included"
        raise fail("product_energy", must, f"it lies {product - threshold:g} above")
    if grain is None and not reactant.rotational_constants.size:
        raise fail("grain", "be given where the reactant does not turn", "it is not")
    top = float(asked.max(initial=0.0))
    lowest = min(state.frequencies.min(initial=np.inf) for state in (reactant, crossing))
    finest = min(max(top, threshold) / _CELLS, lowest / _STEPS)
    width = positive_number("cell", finest if cell is None else cell)
    half = 0.0 if grain is None else positive_number("grain", grain) / 2
    one = probability(how, v, (first, second), mass)
    cells = np.rint(asked / width).astype(np.int64)
    counts = crossing.counts(width, int(cells.max(initial=0)) + 1)
    # On average the states of a cell lie in its middle; without rotation at its lower edge.
    offset = 0.5 if crossing.rotational_constants.size else 0.0
    centres = np.asarray(width * (np.arange(counts.size) - offset) - threshold)
    passing = _means(one, centres, width, product - threshold if product > 0 else -np.inf)
    if crossing.rotational_constants.size:
        passing[0] = 0.0  # those states lie above the energy
    flux = np.array([counts[: i + 1] @ passing[i::-1] for i in cells.flat]).reshape(cells.shape)
    half = max(half, width / 2)
    low, high = np.maximum(cells * width - half, 0.0), cells * width + half
    known = reactant.number_of_states(np.stack([low, high]), cell=width)
    density = (known[1] - known[0]) / (high - low)
    if np.any(density == 0):
        empty = float(asked[density == 0].flat[0])
        raise fail(
            "grain", "hold a state of the reactant", f"at the energy {empty:g} it holds none"
        )
    value = np.asarray(flux / (2 * np.pi * density))
    scale = tunnelling_energy((first, second), mass)
    above = np.where(asked > threshold, asked - threshold, np.nan)
    with quiet():
        ratio = np.where(np.isnan(above), np.inf, scale / above)
        largest = float(np.max(one(np.linspace(0.0, 4 * scale, 41)))) if v else 0.0
    check = {
        "landau-zener": DomainCheck(
            "tunnelling energy / energy above the crossing",
            unwrap(np.asarray(ratio)),
            RATIO_LIMIT,
            "tunnelling below the crossing adds to the rate: see passage='weak coupling'",
        ),
        "weak coupling": DomainCheck(
            "largest probability of a passage",
            largest,
            _LARGEST_PROBABILITY,
            "the coupling is too strong for perturbation theory: see passage='zhu-nakamura'",
        ),
        "zhu-nakamura": DomainCheck(
            "a of Zhu and Nakamura",
            weakness(v, (first, second), mass),
            WEAKEST,
            "the coupling is weak: passage='weak coupling' is better",
        ),
    }[how]
    return Prediction(
        value=unwrap(value),
        name=f"microcanonical rate, {how}",
        checks=(check,),
        equation="k(E) = integral of P(e) rho_X(E - E_0 - e) / (2 pi rho_R(E))",
    )


def _means(one: Probability, centres: FloatArray, width: float, lowest: float) -> FloatArray:
    """Return P averaged over cells, zero below the lowest energy.

    Above the crossing it may begin as a root, so in √ε there.
    """
    x, weights = gauss_legendre(4)
    left, right = (np.maximum(centres + half, lowest) for half in (-width / 2, width / 2))
    low, high = np.minimum(left, 0.0), np.minimum(right, 0.0)
    below = (high - low) / 2 * (one(low + (high - low) * (x[:, None] + 1) / 2).T @ weights)
    start, end = np.sqrt(np.maximum(left, 0.0)), np.sqrt(np.maximum(right, 0.0))
    y = start + (end - start) * (x[:, None] + 1) / 2
    above = (end - start) / 2 * ((2 * y * one(y**2)).T @ weights)
    return np.asarray((below + above) / width)
