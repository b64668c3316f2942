"""What leads give to the levels between them: particles, energy, heat, entropy, and their noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import entr, expit, log_expit

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import DomainCheck, failures
from anticrossing.thermodynamics.leads import Arrangement


class Row(NamedTuple):
    """The junction at one time; what leads give is counted from the start."""

    occupations: FloatArray
    particles: FloatArray
    energy: FloatArray
    particle_currents: FloatArray
    energy_currents: FloatArray
    system_energy: float
    coupling_energy: float
    entropy: float
    mutual_information: float
    displacement: FloatArray
    particle_covariance: FloatArray | None
    energy_covariance: FloatArray | None


@dataclass(frozen=True, eq=False)
class TransportLedger(Result):
    """Levels between leads along their exact evolution.

    What a lead ν gives is counted from the start: particles ``N_ν = −Δ⟨Σ_i n_i⟩``, energy ``E_ν =
    −Δ⟨Σ_i ε_i n_i⟩``, heat ``Q_ν = E_ν − μ_ν N_ν``. With the energy of the couplings ``⟨V⟩``, which
    is neither small nor of either side::

        Δ(E_S + ⟨V⟩) = W + Σ_ν (Q_ν + μ_ν N_ν)
        Σ = ΔS − Σ_ν Q_ν/T_ν = D(ρ(t) ‖ ρ_S(t) ⊗ ρ_1(0) ⊗ … ⊗ ρ_R(0)) ≥ 0

    Attributes
    ----------
    times : array, shape (K,)
    occupations : array, shape (K, m)
        Of the basis states of the system.
    particles, energy : array, shape (K, R)
        ``N_ν`` and ``E_ν`` since the start.
    particle_currents, energy_currents : array, shape (K, R)
        Their rates at each time.
    system_energy : array, shape (K,)
        ``E_S = ⟨h(t)⟩``.
    coupling_energy : array, shape (K,)
        ``⟨V⟩``, zero at the start.
    entropy : array, shape (K,)
        Von Neumann entropy S of the system.
    mutual_information : array, shape (K,)
        ``S + Σ_ν S_ν − S_total``: how far system and leads are correlated. It is one part of Σ.
    displacement : array, shape (K, R)
        ``D(ρ_ν(t) ‖ ρ_ν(0))``: how far the leads have moved from their equilibrium, the rest of Σ.
    initial_energy, initial_entropy : float
        ``E_S`` and S at the start.
    particle_covariance, energy_covariance : array, shape (K, R, R), or None
        Covariances of the particles, and of the energies, that two measurements of the leads find
        given since the start. Their growth at long times is the noise at zero frequency.
    temperatures, chemical_potentials : array, shape (R,)
    lead_names : tuple of str
    error_estimate : float
        The largest element of ``W†W − 1`` of the last propagator, of which no use is made, and what
        the solver of the drive left out.

    References
    ----------
    M. Esposito, K. Lindenberg, C. Van den Broeck, New J. Phys. 12, 013013 (2010).
    """

    times: FloatArray
    occupations: FloatArray
    particles: FloatArray
    energy: FloatArray
    particle_currents: FloatArray
    energy_currents: FloatArray
    system_energy: FloatArray
    coupling_energy: FloatArray
    entropy: FloatArray
    mutual_information: FloatArray
    displacement: FloatArray
    particle_covariance: FloatArray | None
    energy_covariance: FloatArray | None
    initial_energy: float
    initial_entropy: float
    temperatures: FloatArray
    chemical_potentials: FloatArray
    lead_names: tuple[str, ...]
    error_estimate: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time"),
        "lead": shown("lead", text="name", unit="", of="lead_names"),
        "particle_current": shown("time", "lead", text="particles from the lead per time"),
        "energy_current": shown("time", "lead", text="energy from the lead per time"),
        "occupation": shown("time", "level", text="occupation of the level"),
        "particles": shown("time", "lead", text="particles from the lead since the start"),
        "energy": shown("time", "lead", text="energy from the lead since the start"),
        "heat": shown("time", "lead", text="heat from the lead since the start"),
        "system_energy": shown("time", text="energy of the system"),
        "coupling_energy": shown("time", text="energy of the couplings"),
        "work": shown("time", text="work done by the drive since the start"),
        "chemical_work": shown("time", text="chemical work since the start"),
        "entropy": shown("time", text="entropy of the system"),
        "entropy_production": shown("time", text="entropy produced since the start"),
        "mutual_information": shown("time", text="correlation of system and leads, in nats"),
        "displacement": shown("time", "lead", text="distance of the lead from its equilibrium"),
        "particle_covariance": shown(
            "time", "lead", "other_lead", text="covariance of the particles"
        ),
        "energy_covariance": shown("time", "lead", "other_lead", text="covariance of the energies"),
        "uncertainty_ratio": shown("time", "lead", text="variance × entropy / particles²"),
        "temperature": shown("lead", text="temperature of the lead"),
        "chemical_potential": shown("lead", text="chemical potential of the lead"),
    }

    @staticmethod
    def of(
        parts: Arrangement, times: FloatArray, rows: Sequence[Row], **details: Any
    ) -> TransportLedger:
        """Return the ledger of the rows of a junction."""
        columns: list[Any] = [
            None if column[0] is None else np.array(column) for column in zip(*rows, strict=True)
        ]
        named: dict[str, Any] = dict(zip(Row._fields, columns, strict=True))
        return TransportLedger(
            times=times,
            **named,
            initial_entropy=_entropy(expit(parts.log_odds[: parts.levels])),
            temperatures=np.array([lead.temperature for lead in parts.leads]),
            chemical_potentials=np.array([lead.chemical_potential for lead in parts.leads]),
            **details,
        )

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether the phases of the levels still have digits at the last time."""
        return (
            DomainCheck(
                "error of the propagator",
                self.error_estimate,
                1e-6,
                "energies times time have lost their digits to rounding",
            ),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with these numbers, in words."""
        return failures(self.checks)

    def _attributes(self) -> dict[str, Any]:
        return {"error_estimate": self.error_estimate}

    @property
    def heat(self) -> FloatArray:
        """``Q_ν = E_ν − μ_ν N_ν`` since the start, shape (K, R)."""
        return self.energy - self.chemical_potentials * self.particles

    @property
    def chemical_work(self) -> FloatArray:
        """``Σ_ν μ_ν N_ν`` since the start, shape (K,)."""
        return self.particles @ self.chemical_potentials

    @property
    def work(self) -> FloatArray:
        """Work of the drive since the start, the change of the total energy, shape (K,)."""
        own = self.system_energy - self.initial_energy
        return own + self.coupling_energy - self.energy.sum(axis=1)

    @property
    def entropy_production(self) -> FloatArray:
        """``Σ = ΔS − Σ_ν Q_ν/T_ν`` since the start, shape (K,)."""
        return self.entropy - self.initial_entropy - self.heat @ (1 / self.temperatures)

    @property
    def uncertainty_ratio(self) -> FloatArray | None:
        """``Var(N_ν) Σ/N_ν²``, shape (K, R): 2 at least in classical steady states; or None."""
        if self.particle_covariance is None:
            return None
        variance = np.diagonal(self.particle_covariance, axis1=1, axis2=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            return variance * self.entropy_production[:, None] / self.particles**2

    def plot(self, ax: Any = None) -> Any:
        """Draw the particle current from every lead against time."""
        from anticrossing.plot.transport import lead_currents

        return lead_currents(self, ax=ax)

    def __str__(self) -> str:
        lines = [
            f"Levels between {len(self.lead_names)} leads, to time {self.times[-1]:g}",
            f"  occupation            {'  '.join(f'{p:.10g}' for p in self.occupations[-1])}",
        ]
        for k, name in enumerate(self.lead_names):
            lines.append(f"  particles from {name:<7}{self.particles[-1, k]:.10g}")
            lines.append(f"  heat from {name:<12}{self.heat[-1, k]:.10g}")
        lines += [
            f"  work                  {self.work[-1]:.10g}",
            f"  chemical work         {self.chemical_work[-1]:.10g}",
            f"  coupling energy       {self.coupling_energy[-1]:.10g}",
            f"  entropy production    {self.entropy_production[-1]:.10g}",
            f"    correlations        {self.mutual_information[-1]:.10g}",
            f"    leads displaced     {self.displacement[-1].sum():.10g}",
        ]
        return "\n".join(lines)


def observe(
    parts: Arrangement, system: ComplexArray, propagator: ComplexArray, *, fluctuations: bool
) -> Row:
    """Return what the matrix of the system and the propagator from the start to a time say."""
    m, odds, energies = parts.levels, parts.log_odds, parts.energies
    moved = parts.from_natural(propagator)
    amplitudes = moved * np.sqrt(expit(odds))
    middle = amplitudes[:m]
    own = middle @ middle.conj().T
    occupied = np.sum(np.abs(amplitudes) ** 2, axis=1)
    change = expit(odds[m:]) - occupied[m:]
    # ⟨c_c† a_i⟩, from which flow and coupling energy follow
    mixed = np.sum(parts.couplings.conj() * (amplitudes[m:] @ middle.conj().T), axis=1)
    flow = 2 * mixed.imag
    entropy = _entropy(np.linalg.eigvalsh(own))
    information, displacement = entropy - _entropy(expit(odds)), []
    for part in parts.slices:
        block = amplitudes[part]
        with few_threads(block.shape[0]):
            levels = np.linalg.eigvalsh(block @ block.conj().T)
        information += _entropy(levels)
        displacement.append(_distance(occupied[part], odds[part]) - _entropy(levels))
    covariances: tuple[FloatArray | None, FloatArray | None] = (None, None)
    if fluctuations:
        covariances = _covariances(parts, moved)
    leads = [slice(s.start - m, s.stop - m) for s in parts.slices]
    return Row(
        occupied[:m],
        np.array([change[p].sum() for p in leads]),
        np.array([energies[p] @ change[p] for p in leads]),
        np.array([flow[p].sum() for p in leads]),
        np.array([energies[p] @ flow[p] for p in leads]),
        float(np.sum(system * own.T).real),
        float(2 * mixed.real.sum()),
        entropy,
        max(information, 0.0),
        np.maximum(displacement, 0.0),
        *covariances,
    )


def _covariances(parts: Arrangement, moved: ComplexArray) -> tuple[FloatArray, FloatArray]:
    """Return ``tr[f A_a (1 − f) A_b]`` with ``A = W†qW − q`` of particles and of energies."""
    weight = expit(parts.log_odds)[:, None] * expit(-parts.log_odds)
    found = []
    for name in ("particles", "energy"):
        changes = []
        for k, part in enumerate(parts.slices):
            values = parts.values(name, k)
            with few_threads(moved.shape[0]):
                change = (moved[part].conj().T * values[part]) @ moved[part]
            change[np.diag_indices_from(change)] -= values
            changes.append(change)
        found.append(
            np.array([[np.sum(weight * a * b.conj()).real for b in changes] for a in changes])
        )
    return found[0], found[1]


def _entropy(occupied: FloatArray) -> float:
    p = np.clip(occupied, 0.0, 1.0)
    return float(np.sum(entr(p) + entr(1 - p)))


def _distance(occupied: FloatArray, log_odds: FloatArray) -> float:
    """Return ``−Σ [n ln f + (1 − n) ln(1 − f)]``, of which Σ's relative entropies are made."""
    n = np.clip(occupied, 0.0, 1.0)
    return float(-np.sum(n * log_expit(log_odds) + (1 - n) * log_expit(-log_odds)))
