"""Driven or resting levels between several finite reservoirs: transport, exactly."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    fraction,
    hermitian,
    instance,
    is_numeric,
    of_shape,
    real_array,
    real_number,
    single_point,
)
from anticrossing._core.result import Printed
from anticrossing._core.threads import few_threads
from anticrossing._core.unchanging import Unchanging
from anticrossing.drive import Drive
from anticrossing.dynamics import features
from anticrossing.dynamics.fermions import check_times
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.star import Star, evolve
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.fluctuation import EntropyProduction
from anticrossing.thermodynamics.leads import Arrangement, Lead
from anticrossing.thermodynamics.modes import checked_correlation
from anticrossing.thermodynamics.transport import TransportLedger, observe

COUNTED = ("particles", "energy", "heat")
MOST_LEVELS = 8000  # whose propagator takes a gibibyte
_LANE = np.zeros(1, dtype=np.intp)


class Junction(Printed, Unchanging):
    """Levels between R finite reservoirs of free fermions, each in an equilibrium of its own.

    ``H(t) = Σ h_cd(t) c_c†c_d + Σ_ν Σ_i [ε_νi a_νi†a_νi + Σ_c (γ_νic a_νi†c_c + h.c.)]``. At the
    start system and leads are uncorrelated. Everything is exact: it follows from the propagator of
    single particles.

    Parameters
    ----------
    hamiltonian : float, array of shape (m, m), or Hamiltonian
        The level, the matrix h of m levels (energy), or h(x), in natural units, of a system that is
        driven.
    leads : sequence of Lead
        R of them, each with couplings to the m levels.
    drive : Drive, optional
        x(t), with a Hamiltonian.
    occupations : float, or array of shape (m,) or (m, m), optional
        Of the m basis states at the start, or their correlation matrix ``⟨c_d†c_c⟩``. By default
        what the golden rule fills the levels of h with, ``Σ_ν Γ_ν f_ν/Σ_ν Γ_ν``.

    Raises
    ------
    InputError
        If shapes do not fit, occupations leave [0, 1], or a drive is missing or would be ignored.

    References
    ----------
    M. Esposito, K. Lindenberg, C. Van den Broeck, New J. Phys. 12, 013013 (2010), the entropy
    production; I. Klich, in Quantum Noise in Mesoscopic Physics (Kluwer, 2003), the determinant.

    Examples
    --------
    A resonant level between two bands settles at Landauer's current:

    >>> from anticrossing.thermodynamics import LevitovLesovik, Reservoir, transmission
    >>> bands = {"rate": 0.5, "low": -5.0, "high": 5.0, "levels": 120}
    >>> left = Lead.band(**bands, temperature=0.2, chemical_potential=0.5, name="left")
    >>> right = Lead.band(**bands, temperature=0.2, chemical_potential=-0.5, name="right")
    >>> junction = Junction(hamiltonian=0.1, leads=[left, right])
    >>> ledger = junction.evolve([0.0, 20.0])
    >>> conductor = LevitovLesovik(
    ...     lambda e: transmission(e, hamiltonian=0.1, rates=[0.5, 0.5], band=(-5.0, 5.0)),
    ...     Reservoir(0.2, 0.5), Reservoir(0.2, -0.5), band=(-5.0, 5.0),
    ... )
    >>> round(float(ledger.particle_currents[-1, 0]), 5), round(conductor.current, 5)
    (0.11027, 0.11027)
    """

    def __init__(
        self,
        *,
        hamiltonian: Any,
        leads: Sequence[Lead],
        drive: Drive | None = None,
        occupations: npt.ArrayLike | None = None,
    ) -> None:
        if isinstance(hamiltonian, Hamiltonian):
            if drive is None:
                raise fail("drive", "be given with a Hamiltonian", "it is missing")
            instance("drive", drive, Drive)
            lanes = Lanes.of(hamiltonian, drive)
            single_point("hamiltonian and drive", lanes)
            if hamiltonian.units.angular != 1.0:
                raise fail("hamiltonian", "be in natural units", f"they are {hamiltonian.units!r}")
            self.start, self.stop = float(lanes.start[0]), float(lanes.stop[0])
            self._lanes: Lanes | None = lanes
        else:
            if drive is not None:
                raise fail("drive", "not be given with levels at rest", "it would be ignored")
            if not is_numeric(hamiltonian):
                must = "be a number, a matrix or a Hamiltonian"
                raise fail("hamiltonian", must, f"it is {describe(hamiltonian)}")
            self._rest = hermitian("hamiltonian", np.atleast_2d(hamiltonian), single=True).copy()
            self.start, self.stop = 0.0, np.inf
            self._lanes = None
        start = self.system_hamiltonian(self.start)
        self.leads = _leads(leads, start.shape[0])
        self.lead_names = tuple(lead.name or str(k) for k, lead in enumerate(self.leads))
        self.initial_correlation = _filled(start, self.leads, occupations)
        self._parts = Arrangement(self.leads, self.initial_correlation)

    # ---- the model --------------------------------------------------------------------------

    @property
    def levels(self) -> int:
        """The number m of levels of the system."""
        return self._parts.levels

    @property
    def modes(self) -> int:
        """The number of levels of system and leads together; the system comes first."""
        return self.levels + int(self._parts.energies.size)

    def system_hamiltonian(self, time: float) -> ComplexArray:
        """Return the matrix h at a time, shape (m, m)."""
        return self._system(np.array([real_number("time", time)]))[0]

    def hamiltonian(self, time: float) -> ComplexArray:
        """Return the matrix of system and leads at a time, the system first."""
        m = self.levels
        parts = self._parts
        matrix = np.diag(np.concatenate([np.zeros(m), parts.energies])).astype(np.complex128)
        matrix[:m, :m] = self.system_hamiltonian(time)
        matrix[m:, :m], matrix[:m, m:] = parts.couplings, parts.couplings.conj().T
        return matrix

    # ---- transport --------------------------------------------------------------------------

    def evolve(
        self, times: npt.ArrayLike | None = None, *, fluctuations: bool = False
    ) -> TransportLedger:
        """Follow currents, heat, work and entropy exactly.

        Parameters
        ----------
        times : array, shape (K,), optional
            Increasing times: not before 0 at rest, inside the window of a drive, whose ends are the
            default.
        fluctuations : bool
            Also the covariances of the particles, and of the energy, that the leads have given.

        Returns
        -------
        TransportLedger

        Raises
        ------
        InputError
            For times that cannot be used.
        ConvergenceError
            If a drive is so slow that it would take more than a million panels.
        """
        wanted = self._times(times)
        rows, error = [], 0.0
        for time, (matrix, left_out) in zip(wanted, self._propagators(wanted), strict=True):
            system = self.system_hamiltonian(time)
            rows.append(observe(self._parts, system, matrix, fluctuations=fluctuations))
            if time == wanted[-1]:
                with few_threads(self.modes):
                    defect = matrix.conj().T @ matrix
                defect[np.diag_indices_from(defect)] -= 1
                error = float(np.abs(defect).max()) + left_out
        start = self.system_hamiltonian(self.start)
        return TransportLedger.of(
            self._parts,
            wanted,
            rows,
            initial_energy=float(np.sum(start * self.initial_correlation.T).real),
            lead_names=self.lead_names,
            error_estimate=error,
        )

    def propagator(self, time: float | None = None) -> ComplexArray:
        """Return the propagator of single particles from the start to a time; the system first.

        The time is the end of the drive by default.
        """
        if time is None and self._lanes is None:
            raise fail("time", "be given for levels at rest", "it is missing")
        wanted = self._times(None if time is None else [real_number("time", time)])[-1:]
        (found,) = (matrix.copy() for matrix, _ in self._propagators(wanted))
        return found

    def counting(
        self,
        time: float | None = None,
        *,
        of: Sequence[str] | str = ("particles", "energy"),
        lead: int | str | None = None,
    ) -> TwoPointStatistics:
        """Return the exact joint statistics of what the leads have given until a time.

        Every lead is measured at the start and at that time. Counted are, for each quantity of `of`
        in turn, what each lead has lost: particles, energy ``Σ ε_i n_i``, or heat ``Σ (ε_i − μ)
        n_i``.

        Parameters
        ----------
        time : float, optional
            The end of the drive by default.
        of : sequence of {"particles", "energy", "heat"}
            What to count; one name, or several.
        lead : int or str, optional
            Count one lead alone, by number or name.

        Returns
        -------
        TwoPointStatistics
            Of one observable if one quantity of one lead is counted, otherwise of all jointly.
        """
        names = [of] if isinstance(of, str) else list(of)
        if not names:
            raise fail("of", "name what to count", "it is empty")
        chosen = range(len(self.leads)) if lead is None else [self._lead(lead)]
        rows = [
            -self._parts.values(choice("of", name, COUNTED), k) for name in names for k in chosen
        ]
        values = rows[0] if isinstance(of, str) and lead is not None else np.stack(rows)
        return TwoPointStatistics(
            propagator=self._parts.from_natural(self.propagator(time)),
            initial_values=values,
            final_values=values,
            log_odds=self._parts.log_odds,
        )

    def entropy_production(
        self, time: float | None = None, *, reference: npt.ArrayLike | None = None
    ) -> EntropyProduction:
        """Return the statistics of the entropy produced until a time.

        ``σ = ln P(S) − ln P′(S′)``: the leads are measured in their levels, before and after, and
        the system in the eigenstates of its correlation matrix, before, and of the reference,
        after. P′ is the reference beside leads as they were at first. ``⟨exp(−σ)⟩ = 1``, and
        ``P(σ) = exp(σ) P̃(−σ)`` with its `backward`.

        Parameters
        ----------
        time : float, optional
            The end of the drive by default.
        reference : array, shape (m, m), optional
            A correlation matrix of the system. By default its own at that time: the mean of σ is
            then ``Σ = ΔS − Σ_ν Q_ν/T_ν`` of `evolve`. With the equilibrium of h at the end, for
            leads alike and a system that starts in equilibrium with them, ``σ = (w − ΔΩ)/T``, and
            the theorems are those of Jarzynski and Crooks.

        Returns
        -------
        EntropyProduction

        Notes
        -----
        Where the system starts in a pure state, what the reverse of the process would reach besides
        is missing, and ``⟨exp(−σ)⟩ < 1``: absolute irreversibility.
        """
        m, odds = self.levels, self._parts.log_odds
        given = None if reference is None else checked_correlation(m, reference)
        moved = self._parts.from_natural(self.propagator(time))
        if given is None:
            amplitudes = moved[:m] * np.sqrt(expit(odds))
            given = amplitudes @ amplitudes.conj().T
        occupied, modes = np.linalg.eigh(given)
        moved[:m] = modes.conj().T @ moved[:m]
        final = np.concatenate([logit(np.clip(occupied, 0.0, 1.0)), odds[m:]])
        return EntropyProduction.between(moved, odds, final)

    def __str__(self) -> str:
        plural = "s" if self.levels > 1 else ""
        motion = (
            "at rest" if self._lanes is None else f"driven from {self.start:g} to {self.stop:g}"
        )
        lines = [f"Junction of {self.levels} level{plural}, {motion}"]
        for name, lead in zip(self.lead_names, self.leads, strict=True):
            lines.append(
                f"  lead {name:<12}{lead.energies.size} levels, {lead.energies.min():g} … "
                f"{lead.energies.max():g}; T = {lead.temperature:g}, "
                f"μ = {lead.chemical_potential:g}"
            )
        return "\n".join(lines)

    # ---- parts ------------------------------------------------------------------------------

    def _system(self, times: FloatArray) -> ComplexArray:
        if self._lanes is None:
            return np.broadcast_to(self._rest, (times.size, *self._rest.shape))
        return np.asarray(self._lanes.matrices(times[None], _LANE)[0], dtype=np.complex128)

    def _times(self, times: npt.ArrayLike | None) -> FloatArray:
        if self._lanes is not None:
            return check_times(times, self.start, self.stop)
        if times is None:
            raise fail("times", "be given for levels at rest", "they are missing")
        latest = float(np.max(real_array("times", times), initial=0.0))
        return check_times(times, 0.0, latest)

    def _propagators(self, times: FloatArray) -> Iterator[tuple[ComplexArray, float]]:
        """Yield the propagator to each time, overwritten by the next, and what it left out."""
        if self._lanes is None:
            energies, vectors = self._eigen
            for time in times:
                turn = np.exp(-1j * time * energies)
                with few_threads(self.modes):
                    matrix = (vectors * turn) @ vectors.conj().T
                # phases have lost what rounding takes from energy times time
                yield matrix, float(np.finfo(np.float64).eps * time * np.abs(energies).max())
            return
        common = self._common
        identity = common * np.eye(self.levels)
        arms = Star(
            lambda t: self._system(t) - identity,
            self._parts.energies - common,
            self._parts.couplings,
        )
        for piece in evolve(arms, self.start, times, features.edges(self._lanes)):
            yield piece.propagator, piece.error

    @property
    def _common(self) -> float:
        """An energy that all levels share turns a phase alone, and must not cost digits."""
        return 0.5 * float(self._parts.energies.min() + self._parts.energies.max())

    @functools.cached_property
    def _eigen(self) -> tuple[FloatArray, npt.NDArray[Any]]:
        matrix = self.hamiltonian(0.0)
        matrix[np.diag_indices_from(matrix)] -= self._common
        with few_threads(self.modes):
            found = np.linalg.eigh(matrix if np.any(matrix.imag) else matrix.real)
        return found[0], found[1]

    def _lead(self, lead: int | str) -> int:
        if isinstance(lead, str):
            return self.lead_names.index(choice("lead", lead, self.lead_names))
        if isinstance(lead, bool) or not 0 <= lead < len(self.leads):
            must = f"be a lead from 0 to {len(self.leads) - 1}"
            raise fail("lead", must, f"it is {describe(lead)}")
        return int(lead)


def _filled(
    system: ComplexArray, leads: Sequence[Lead], occupations: npt.ArrayLike | None
) -> ComplexArray:
    """Return the correlation matrix that is given, or what the golden rule fills in."""
    m = system.shape[0]
    if occupations is not None:
        if np.shape(occupations) == (m, m):
            return checked_correlation(m, occupations).copy()
        share = fraction("occupations", occupations)
        of_shape("occupations", share, (m,), *([()] if m == 1 else []))
        return np.diag(share.reshape(-1)).astype(np.complex128)
    energies, vectors = np.linalg.eigh(system)
    weights = np.stack([np.sum(np.abs(x.couplings @ vectors) ** 2, axis=0) for x in leads])
    filled = np.stack([expit((x.chemical_potential - energies) / x.temperature) for x in leads])
    total = weights.sum(axis=0)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1 / len(weights))
    correlation: ComplexArray = (vectors * np.sum(weights * filled, axis=0)) @ vectors.conj().T
    return correlation


def _leads(leads: Sequence[Lead], levels: int) -> tuple[Lead, ...]:
    if isinstance(leads, Lead) or not isinstance(leads, Sequence) or not leads:
        raise fail("leads", "list at least one Lead", f"it is {describe(leads)}")
    for k, lead in enumerate(leads):
        if not isinstance(lead, Lead):
            raise fail("leads", "list Leads", f"item {k} is {describe(lead)}")
        if lead.couplings.shape[1] != levels:
            raise InputError(
                f"Argument `leads` must have couplings to {levels} level(s) of the system, but "
                f"item {k} has them to {lead.couplings.shape[1]}."
            )
    count = sum(lead.energies.size for lead in leads)
    if count > MOST_LEVELS:
        raise fail("leads", f"hold at most {MOST_LEVELS} levels together", f"they hold {count}")
    names = [lead.name for lead in leads if lead.name]
    if len(set(names)) < len(names):
        raise fail("leads", "have different names", f"they are {names}")
    return tuple(leads)
