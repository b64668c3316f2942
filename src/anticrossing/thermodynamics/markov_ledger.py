"""The books of a Markov chain: energy, particles, work, heat and entropy of every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from scipy.special import entr, rel_entr

from anticrossing._core.checks import FloatArray, at_most, fail, integer
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.pictures import Totals


@dataclass(frozen=True, eq=False)
class MarkovTotals(Totals):
    """Changes and exchanges of a run of steps, summed.

    Attributes
    ----------
    energy_change, particle_change, entropy_change : array, shape (...)
    energy_current, particle_current, heat, entropy_flow : array, shape (..., R)
        What entered the system from each reservoir.
    mechanical_work, chemical_work, entropy_production : array, shape (...)
    """

    energy_change: FloatArray
    particle_change: FloatArray
    entropy_change: FloatArray
    energy_current: FloatArray
    particle_current: FloatArray
    heat: FloatArray
    entropy_flow: FloatArray
    mechanical_work: FloatArray
    chemical_work: FloatArray
    entropy_production: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "energy_change": shown(text="change of energy"),
        "particle_change": shown(text="change of particles"),
        "entropy_change": shown(text="change of entropy"),
        "mechanical_work": shown(text="mechanical work"),
        "chemical_work": shown(text="chemical work"),
        "entropy_production": shown(text="entropy production"),
        "energy_current": shown("reservoir", text="energy from the reservoir"),
        "particle_current": shown("reservoir", text="particles from the reservoir"),
        "heat": shown("reservoir", text="heat from the reservoir"),
        "entropy_flow": shown("reservoir", text="entropy from the reservoir"),
    }


@dataclass(frozen=True, eq=False)
class MarkovLedger(Result):
    """Energy, particles, work, heat and entropy of every step of a Markov chain (k_B = 1).

    First and second law, step by step::

        ΔE = W_mech + W_chem + Σ_ν Q_ν                                              (A9)
        ΔS = Σ_ν (entropy flow)_ν + Σ,     (entropy flow)_ν = Q_ν/T_ν, Σ ≥ 0        (A11)

    The entropy production has two equal forms. The first is a sum of non-negative terms; its
    diagonal terms m = m′ belong to it::

        Σ = Σ_{ν,m,m′} M^ν_mm′ p_m′(i) ln [M^ν_mm′ p_m′(i) / (M^ν_m′m p_m(i+1))]              (A13)
        Σ = Σ_{ν,m≠m′} M^ν_mm′ p_m′(i) ln [M^ν_mm′ p_m′(i) / (M^ν_m′m p_m(i))]
            − D(p(i+1)|p(i))                                                                  (A15)

    The second is a difference, good to rounding only; both of its parts are infinite where a state
    is entered that was empty, but they cancel, and Σ is finite. A jump whose reverse is forbidden
    has Σ infinite; local detailed balance excludes it.

    Attributes
    ----------
    probabilities : array, shape (..., steps + 1, M)
        ``p_m(i)``.
    energy, particle_number, entropy : array, shape (..., steps + 1)
        ``E(i)``, ``N(i)``, and Shannon's ``S(i)``, (A3), (A4), (A10).
    energy_current, particle_current, heat : array, shape (..., steps, R)
        What enters the system from each reservoir in each step, (A5)-(A7); heat is energy less μ
        times particles.
    mechanical_work, chemical_work : array, shape (..., steps)
        Work done on the system by moving its levels after the jump, and by the particles that enter
        it, (A8).
    entropy_flow : array, shape (..., steps, R)
        Entropy that enters from each reservoir, (A12).
    entropy_production : array, shape (..., steps)
        Σ in its first form.
    entropy_production_schnakenberg_form : array, shape (..., steps)
        Σ in its second form.
    schnakenberg_production, relative_entropy : array, shape (..., steps)
        The two parts of the second form: the one that survives in continuous time, and
        ``D(p(i+1)|p(i))``, which vanishes there.
    reservoir_names : tuple of str

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equations (A3)–(A15), of which (A13) is
    printed without saying that m = m′ is meant to be included, and the inequality below it, which
    should read ``−ln X ≥ 1 − X``.

    Examples
    --------
    An empty level between two reservoirs is filled, and lifted from energy 0 to 1:

    >>> from anticrossing.thermodynamics.markov import MarkovChain
    >>> from anticrossing.thermodynamics.reservoirs import Reservoir
    >>> pair = [[0.0, 0.1], [0.1, 0.0]]
    >>> chain = MarkovChain.from_attempts(
    ...     energies=[[0.0, 0.0], [0.0, 1.0]],
    ...     particle_numbers=[0, 1],
    ...     reservoirs=[Reservoir(1.0, 0.5, name="left"), Reservoir(1.0, -0.5, name="right")],
    ...     attempts=[pair, pair],
    ... )
    >>> print(chain.run([1.0, 0.0]))
    Markov chain, 2 states, steps: 1
      energy change       +0.1
      mechanical work     +0.1
      chemical work       +0.0122459
      heat from left      -0.031123
      heat from right     +0.018877
      entropy change      +0.325083
      entropy from left   -0.031123
      entropy from right  +0.018877
      entropy production  +0.337329
    """

    probabilities: FloatArray
    energy: FloatArray
    particle_number: FloatArray
    entropy: FloatArray
    energy_current: FloatArray
    particle_current: FloatArray
    heat: FloatArray
    mechanical_work: FloatArray
    chemical_work: FloatArray
    entropy_flow: FloatArray
    entropy_production: FloatArray
    entropy_production_schnakenberg_form: FloatArray
    schnakenberg_production: FloatArray
    relative_entropy: FloatArray
    reservoir_names: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown("moment", "state", text="probability of the state"),
        "energy": shown("moment", text="energy"),
        "particle_number": shown("moment", text="number of particles"),
        "entropy": shown("moment", text="entropy"),
        "reservoir": shown("reservoir", text="name", unit="", of="reservoir_names"),
        "energy_change": shown("step", text="change of energy"),
        "entropy_change": shown("step", text="change of entropy"),
        "mechanical_work": shown("step", text="mechanical work"),
        "chemical_work": shown("step", text="chemical work"),
        "entropy_production": shown("step", text="entropy production"),
        "energy_current": shown("step", "reservoir", text="energy from the reservoir"),
        "particle_current": shown("step", "reservoir", text="particles from the reservoir"),
        "heat": shown("step", "reservoir", text="heat from the reservoir"),
        "entropy_flow": shown("step", "reservoir", text="entropy from the reservoir"),
        "entropy_production_schnakenberg_form": shown("step", text="its second form"),
        "schnakenberg_production": shown("step", text="part that survives in continuous time"),
        "relative_entropy": shown("step", text="D(p(i+1)|p(i))"),
        "first_law_residual": shown("step", text="residual of the first law"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every state after each step; the first of a batch."""
        ax = new_axes() if ax is None else ax
        first = self.probabilities.reshape(-1, *self.probabilities.shape[-2:])[0]
        for state, values in enumerate(first.T):
            ax.plot(values, marker=".", label=f"state {state}")
        ax.set(xlabel="steps made", ylabel="probability")
        ax.legend()
        return ax

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.heat.shape[-2]

    @property
    def energy_change(self) -> FloatArray:
        """``ΔE(i) = E(i+1) − E(i)``, shape (..., steps)."""
        return np.diff(self.energy, axis=-1)

    @property
    def entropy_change(self) -> FloatArray:
        """``ΔS(i) = S(i+1) − S(i)``, shape (..., steps)."""
        return np.diff(self.entropy, axis=-1)

    @property
    def first_law_residual(self) -> FloatArray:
        """``ΔE − W_mech − W_chem − Σ_ν Q_ν``, shape (..., steps): zero to rounding."""
        work = self.mechanical_work + self.chemical_work
        return self.energy_change - work - self.heat.sum(axis=-1)

    def total(self, start: int = 0, stop: int | None = None) -> MarkovTotals:
        """Return the sums over steps start, …, stop − 1; over all steps by default.

        Parameters
        ----------
        start, stop : int
            ``0 ≤ start < stop ≤ steps``.

        Returns
        -------
        MarkovTotals

        Raises
        ------
        InputError
            If there are no such steps.
        """
        last = self.steps if stop is None else integer("stop", stop, minimum=1)
        at_most("stop", last, self.steps)
        first = integer("start", start, minimum=0)
        if first >= last:
            raise fail("start", f"be below {last}", f"it is {first}")

        def change(values: FloatArray) -> FloatArray:
            return np.asarray(values[..., last] - values[..., first])

        def over_steps(values: FloatArray, axis: int = -1) -> FloatArray:
            return np.asarray(np.moveaxis(values, axis, 0)[first:last].sum(axis=0))

        return MarkovTotals(
            energy_change=change(self.energy),
            particle_change=change(self.particle_number),
            entropy_change=change(self.entropy),
            energy_current=over_steps(self.energy_current, -2),
            particle_current=over_steps(self.particle_current, -2),
            heat=over_steps(self.heat, -2),
            entropy_flow=over_steps(self.entropy_flow, -2),
            mechanical_work=over_steps(self.mechanical_work),
            chemical_work=over_steps(self.chemical_work),
            entropy_production=over_steps(self.entropy_production),
        )

    def __str__(self) -> str:
        total = self.total()
        batch = self.energy.shape[:-1]
        lines = [
            ("energy change", total.energy_change),
            ("mechanical work", total.mechanical_work),
            ("chemical work", total.chemical_work),
            *(
                (f"heat from {name}", total.heat[..., index])
                for index, name in enumerate(self.reservoir_names)
            ),
            ("entropy change", total.entropy_change),
            *(
                (f"entropy from {name}", total.entropy_flow[..., index])
                for index, name in enumerate(self.reservoir_names)
            ),
            ("entropy production", total.entropy_production),
        ]
        width = max(len(label) for label, _ in lines)
        head = f"Markov chain, {self.probabilities.shape[-1]} states, steps: {self.steps}"
        if batch:
            head += f", batch {batch}: smallest … largest"
        return "\n".join([head, *(f"  {label:<{width}}  {_range(v)}" for label, v in lines)])


def _range(values: FloatArray) -> str:
    if values.ndim == 0:
        return f"{float(values):+.6g}"
    if values.size == 0:
        return "none"
    return f"{np.min(values):+.6g} … {np.max(values):+.6g}"


def keep_ledger(
    *,
    probabilities: FloatArray,
    energies: FloatArray,
    particle_numbers: FloatArray,
    chemical_potentials: FloatArray,
    jumps: FloatArray,
    stay: FloatArray,
    log_ratio: FloatArray,
    names: tuple[str, ...],
) -> MarkovLedger:
    """Return the ledger of probabilities (..., steps + 1, M) that obey the chain.

    `jumps` (steps, R, M, M) has no diagonal, `stay` (steps, M) is Σ_ν M^ν_mm, and `log_ratio` is
    ln(M^ν/M^νᵀ), infinite where the reverse is forbidden.
    """
    before, after = probabilities[..., :-1, :], probabilities[..., 1:, :]
    flows = jumps * before[..., :, None, None, :]
    gaps = energies[:-1, :, None] - energies[:-1, None, :]
    particles = particle_numbers[:, None] - particle_numbers
    energy_current = np.einsum("imn,...irmn->...ir", gaps, flows)
    particle_current = np.einsum("mn,...irmn->...ir", particles, flows)
    heat = energy_current - chemical_potentials * particle_current

    # Logarithms of empty states are set to zero: they are multiplied by flows that vanish, or, in
    # the second form, would cancel.
    log_before, log_after = _log(before), _log(after)
    ratio = np.where(flows > 0, log_ratio, 0.0)
    source = log_before[..., :, None, None, :]
    first_form = _excess(
        flows,
        jumps.swapaxes(-1, -2) * after[..., :, None, :, None],
        ratio + source - log_after[..., :, None, :, None],
    ).sum(axis=(-3, -2, -1)) + _excess(stay * before, stay * after, log_before - log_after).sum(
        axis=-1
    )
    jump_terms = flows * (ratio + source - log_before[..., :, None, :, None])
    jump_part = jump_terms.sum(axis=(-3, -2, -1))
    second_form = jump_part - np.sum(after * (log_after - log_before), axis=-1)
    enters_empty = np.any((flows > 0) & (before == 0)[..., :, None, :, None], axis=(-3, -2, -1))
    return MarkovLedger(
        probabilities=probabilities,
        energy=np.einsum("im,...im->...i", energies, probabilities),
        particle_number=np.asarray(probabilities @ particle_numbers),
        entropy=entr(probabilities).sum(axis=-1),
        energy_current=energy_current,
        particle_current=particle_current,
        heat=heat,
        mechanical_work=np.einsum("im,...im->...i", np.diff(energies, axis=0), after),
        chemical_work=np.sum(chemical_potentials * particle_current, axis=-1),
        entropy_flow=-np.sum(flows * ratio, axis=(-2, -1)),
        entropy_production=first_form,
        entropy_production_schnakenberg_form=second_form,
        schnakenberg_production=np.where(enters_empty, np.inf, np.maximum(jump_part, 0.0)),
        relative_entropy=np.maximum(rel_entr(after, before).sum(axis=-1), 0.0),
        reservoir_names=names,
    )


def _excess(forward: FloatArray, reverse: FloatArray, log_ratio: FloatArray) -> FloatArray:
    """Return x ln(x/y) − x + y ≥ 0 for x = forward, y = reverse, given ln(x/y) where x > 0."""
    # Over all m, m′ the parts −x + y add to zero, so these terms add to (A13), none of them
    # negative.
    terms = forward * np.where(forward > 0, log_ratio, 0.0) - forward + reverse
    return np.asarray(np.maximum(terms, 0.0))


def _log(probabilities: FloatArray) -> FloatArray:
    return np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
