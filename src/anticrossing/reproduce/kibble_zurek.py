"""Kinks left by a quench of the transverse-field Ising chain: their density and cumulants.

The field of H = −Σ σ^z σ^z − x Σ σ^x falls from 40 to 0 as −t/τ. A pair of fermions (k, −k) is left
with probability p_k, one after the other independently, and each fermion is a kink: the number of
kinks is a sum of independent numbers that are 0 or 2,

    κ₁ = Σ_k 2p_k,   κ₂ = Σ_k 4p_k(1 − p_k),   κ₃ = Σ_k 8p_k(1 − p_k)(1 − 2p_k),   k > 0.

For a slow quench p_k = exp(−2πτk²), and κ₁/L → 1/(2π√(2τ)), κ₂/κ₁ → 2 − √2 and
κ₃/κ₁ → 4(1 − 3/√2 + 2/√3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing import drive, formulas, models
from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import propagate
from anticrossing.reproduce.reproduction import Number, Reproduction

_FIELD = 40.0  # at the start
_TIMES = tuple(4.0**k for k in range(7))  # τ
_FASTEST = 4  # of these, the first that the scaling limit is compared with: τ = 256
# n, κ₂/κ₁ and κ₃/κ₁ by Magnus steps of order 4 for every mode.
_REFERENCES = {16.0: (0.0282603, 0.58900, 0.14016), 64.0: (0.01407683, 0.58637, 0.13472)}
_DIGITS = ((5e-8, 5e-6, 5e-6), (5e-9, 5e-6, 5e-6))  # of the references
_LIMITS = (2 - np.sqrt(2), 4 * (1 - 3 / np.sqrt(2) + 2 / np.sqrt(3)))
_CLAIM = 1e-10  # modes against Weber functions, and the ring of spins against modes
_SITES, _RING_FIELD, _RING_TIME = 8, 5.0, 1.0
_NAMES = ("density", "κ₂/κ₁", "κ₃/κ₁")

_INTEGRATED = "modes of the chain by Magnus steps of order 4"
_QUENCH = "W. H. Zurek, U. Dorner, P. Zoller, Phys. Rev. Lett. 95, 105701 (2005)"
_LAW = "J. Dziarmaga, Phys. Rev. Lett. 95, 245701 (2005)"
_STATISTICS = "A. del Campo, Phys. Rev. Lett. 121, 200601 (2018)"


def compute() -> Reproduction:
    """Quench chains so long that they are infinite, and a ring of eight spins as a whole."""
    chains = {tau: _chain(tau) for tau in _TIMES}
    rows: list[list[Any]] = []
    found: dict[float, tuple[float, float, float]] = {}
    for tau, probabilities in chains.items():
        kinks = cumulants(probabilities)
        found[tau] = kinks[0] / _length(tau), kinks[1] / kinks[0], kinks[2] / kinks[0]
        law = float(formulas.ising_chain_defects(exchange=1.0, quench_time=tau))
        rows.append([tau, _length(tau), found[tau][0], law, *found[tau][1:]])
    numbers = [
        Number(f"{name} at τ = {tau:g}", reference, value, allowed, _INTEGRATED)
        for (tau, references), digits in zip(_REFERENCES.items(), _DIGITS, strict=True)
        for name, reference, value, allowed in zip(
            _NAMES, references, found[tau], digits, strict=True
        )
    ]
    for row in rows[_FASTEST:]:
        # The next order of the scaling limit is 1/τ, with coefficients below these.
        tau, law = row[0], row[3]
        numbers.append(Number(f"density at τ = {tau:g}", law, row[2], 0.05 * law / tau, _LAW))
        for name, limit, value, next_order in zip(
            _NAMES[1:], _LIMITS, row[4:], (0.04, 0.08), strict=True
        ):
            what = f"{name} at τ = {tau:g}"
            numbers.append(Number(what, float(limit), value, next_order / tau, _STATISTICS))
    weber = max(float(np.abs(chains[tau] - _weber(tau)).max()) for tau in _REFERENCES)
    ring, independent = ring_of_spins(_SITES, _RING_FIELD, _RING_TIME)
    apart = float(np.abs(ring - independent).max())
    conclusion = (
        f"At τ = 64 there are {found[64.0][0]:.8f} kinks for each spin, κ₂/κ₁ = "
        f"{found[64.0][1]:.5f}, κ₃/κ₁ = {found[64.0][2]:.5f}; at τ = {_TIMES[-1]:g} the density "
        f"is within {abs(rows[-1][2] / rows[-1][3] - 1):.0e} of the scaling law. Modes agree with "
        f"Weber functions within {weber:.0e}, and the number of kinks on a ring of {_SITES} spins, "
        f"all {2**_SITES} states followed, is that of the modes within {apart:.0e} (claimed "
        f"{_CLAIM:.0e})."
    )

    return Reproduction(
        name="kibble-zurek",
        title="Kinks behind a quantum phase transition: how many, and how they scatter",
        source=f"{_QUENCH}; {_LAW}; {_STATISTICS}.",
        columns=["τ", "spins", "density of kinks", "1/(2π√(2τ))", *_NAMES[1:]],
        rows=rows,
        conclusion=conclusion,
        agrees=bool(max(weber, apart) < _CLAIM),
        draw=lambda figure: _draw(figure, rows, ring, independent),
        size=(15.0, 4.8),
        numbers=numbers,
    )


def cumulants(probabilities: FloatArray) -> tuple[float, float, float]:
    """Return the first three cumulants of a number of kinks of which each mode leaves 0 or 2."""
    p = probabilities
    moments = (2 * p, 4 * p * (1 - p), 8 * p * (1 - p) * (1 - 2 * p))
    return float(moments[0].sum()), float(moments[1].sum()), float(moments[2].sum())


def ring_of_spins(sites: int, field: float, tau: float) -> tuple[FloatArray, FloatArray]:
    """Return how probable 0, 2, 4 … kinks are on a ring, by its spins and by its modes."""
    ring = models.TransverseIsing(sites=sites)
    quench = _quench(field, tau)
    ground = np.linalg.eigh(ring(field))[1][:, 0]
    left = propagate(ring, quench, initial=ground, whole=False, basis="diabatic").probabilities
    spins = np.arange(2**sites)[:, None] >> np.arange(sites) & 1
    kinks = np.sum(spins != np.roll(spins, 1, axis=1), axis=1)
    modes = models.TransverseIsingMode(momentum=models.ising_momenta(sites))
    independent = np.ones(1)
    for p in propagate(modes, quench).transition_matrix[:, 1, 0]:
        independent = np.convolve(independent, [1 - p, p])
    counted = np.bincount(kinks // 2, weights=left, minlength=independent.size)
    return np.asarray(counted, dtype=np.float64), independent


def _quench(field: float, tau: float) -> drive.Drive:
    return drive.Linear(field, 0.0, rate=-1 / tau)


def _length(tau: float) -> int:
    """Return a number of spins that only 10⁻¹⁶ of the density tells from an infinite chain.

    p_k is periodic and analytic in k: the sum over modes converges exponentially, as
    exp(−L²/8πτ).
    """
    return 2 * int(np.ceil(32 * max(np.sqrt(tau), 4.0)))


def _chain(tau: float) -> FloatArray:
    """Return the probability that each mode is left excited."""
    modes = models.TransverseIsingMode(momentum=models.ising_momenta(_length(tau)))
    return np.asarray(propagate(modes, _quench(_FIELD, tau)).transition_matrix[:, 1, 0])


def _weber(tau: float) -> FloatArray:
    """Return the same in closed form: every mode is a linear passage over a finite window."""
    k = models.ising_momenta(_length(tau))
    exact = formulas.finite_window(
        gap=4 * np.sin(k),
        sweep_rate=4 / tau,
        start=-tau * (_FIELD - np.cos(k)),
        stop=tau * np.cos(k),
        basis="adiabatic",
    )
    return np.asarray(exact.value)


def _draw(figure: Any, rows: list[list[Any]], ring: FloatArray, independent: FloatArray) -> None:
    from anticrossing.plot import style

    left, middle, right = figure.subplots(1, 3)
    taus, densities, law = (np.array([row[k] for row in rows]) for k in (0, 2, 3))
    left.plot(taus, law, color=style.FORMULA_COLORS[0], lw=1.6, label="1/(2π√(2τ))")
    left.plot(taus, densities, "o", color=style.EXACT_COLOR, ms=5, label="exact")
    left.set(yscale="log", ylabel="kinks for each spin", title="Density")
    left.legend(loc="best")
    for index, (name, limit) in enumerate(zip(_NAMES[1:], _LIMITS, strict=True)):
        color = style.FORMULA_COLORS[index]
        ratios = [row[4 + index] for row in rows]
        middle.plot(taus, ratios, "o", color=color, ms=5, label=name)
        middle.axhline(limit, color=color, lw=1.2, ls="--")
    middle.set(ylabel="ratio of cumulants (dashed: limit)", title="Fluctuations")
    middle.legend(loc="center right")
    for axes in (left, middle):
        axes.set(xscale="log", xlabel="quench time τ")
        style.grid(axes)
    kinks = 2 * np.arange(ring.size)
    right.bar(kinks, ring, width=1.2, color=style.FORMULA_COLORS[0], alpha=0.45, label="spins")
    right.plot(kinks, independent, "o", color=style.EXACT_COLOR, ms=5, label="independent modes")
    right.set(yscale="log", xlabel="kinks", ylabel="probability")
    right.set_title(f"A ring of {_SITES} spins, τ = {_RING_TIME:g}")
    right.legend(loc="best")
    style.grid(right)
