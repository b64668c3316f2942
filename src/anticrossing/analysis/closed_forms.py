"""Every closed form that could describe a passage, with its domain check and its error."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import FloatArray
from anticrossing.analysis.families import Family, family, half_passage, is_one_line, single_window
from anticrossing.analysis.meetings import (
    PassageEvent,
    coincides,
    find_events,
    half_places,
    sample_path,
)
from anticrossing.analysis.noisy_crossing import with_noise
from anticrossing.analysis.offers import (
    Labels,
    Offers,
    PassagePrediction,
    both_ends,
    end_amplitude,
    kink_amplitude,
    with_checks,
)
from anticrossing.analysis.phases import interference_inputs, too_many_to_follow
from anticrossing.analysis.sector import Sector, in_courses, linked_states, sector_of
from anticrossing.analysis.sequence_decay import Walk
from anticrossing.analysis.single_crossing import single_crossing, with_dephasing
from anticrossing.drive import Drive
from anticrossing.environment import Environment, FixedAxisDephasing
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum.offset import traceless

_LINEAR = 1e-6
_TRIALS = 4
_ALONE = ("third level distance", "linear range")
_ONE = "closed forms with noise that remembers speak of one crossing"
_DEPHASING = "passage duration / dephasing time"

Finder = Callable[[Hamiltonian, Drive, str], Family | None]


def predictions(
    hamiltonian: Hamiltonian,
    drive: Drive,
    events: Sequence[PassageEvent],
    initial: int,
    basis: str,
    exact: FloatArray,
    environment: Environment | None = None,
) -> tuple[tuple[PassagePrediction, ...], tuple[str, ...]]:
    """Return the predictions that apply in kind, and notes on those that could not be made."""
    hamiltonian = traceless(hamiltonian)
    offers = Offers(initial, exact)
    labels = Labels.of(hamiltonian, drive, basis)
    level = initial if labels is None else int(labels.first[initial])
    every = np.arange(hamiltonian.dimension)
    sector = Sector(hamiltonian, every, every, every)
    if environment is None:
        own = sector_of(hamiltonian, drive, level, of_state=labels is None)
        if 1 < own.first.size < every.size:
            sector, events = own, find_events(own.hamiltonian, drive)[1]
    notes: list[str] = []
    view: View | None = None
    noisy = environment is not None and bool(environment.noises)
    if labels is not None:
        view = View(hamiltonian, drive, environment, basis, sector, labels, level, offers)
    elif events:
        notes.append(
            "the states H is written in are mixed by the coupling at an end of the window, so few "
            "closed forms speak of them: read out in the adiabatic basis"
        )

    def solve(find: Finder) -> None:
        if basis == "diabatic":
            _between_states(hamiltonian, drive, offers, find)
        if view is not None:
            view.solve(find)

    if environment is None:
        solve(family)
        if not events:
            solve(half_passage)
    notes += [
        f"at t = {place.time:.6g}, an end of the window, the gap of levels {place.levels} is "
        "smallest: half a crossing"
        for place in half_places(sector.hamiltonian, drive)
    ]
    if noisy:
        notes += [_ONE] if len(events) != 1 else view.noisy(events[0]) if view is not None else []
    elif view is not None and events:
        notes += view.one(events[0]) if len(events) == 1 else view.several(events)
    if environment is None:
        solve(single_window)
    return tuple(offers.found), tuple(notes)


def _between_states(hamiltonian: Hamiltonian, drive: Drive, offers: Offers, find: Finder) -> None:
    """Add a solved passage that speaks of the states H is written in."""
    sector = sector_of(hamiltonian, drive, offers.initial, of_state=True)
    inside, states = sector.hamiltonian, sector.states
    if states is None:
        inside, states = linked_states(hamiltonian, drive, offers.initial)
    known = find(inside, drive, "diabatic")
    if known is None or known.prediction.basis != "diabatic":
        return
    start = int(np.flatnonzero(states == offers.initial)[0])
    values = np.zeros(hamiltonian.dimension)
    values[states] = known.prediction.transition_matrix[:, start]
    prediction: Prediction = known.prediction
    if known.open_ends:
        amplitude = end_amplitude(inside, drive, "diabatic", known.open_ends)
        prediction = with_checks(prediction, offers.ends(values, amplitude))
    offers.add(known.name, prediction, values)


@dataclass(frozen=True)
class View:
    """What adiabatic level of which sector the passage starts in, and how it is read out."""

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    basis: str
    sector: Sector
    labels: Labels
    level: int
    offers: Offers

    @property
    def start(self) -> int:
        """The first level, counted in the sector."""
        return int(np.flatnonzero(self.sector.first == self.level)[0])

    def read_out(self, adiabatic: FloatArray) -> FloatArray:
        """Return probabilities of what is read out from those for the sector's levels."""
        whole = np.zeros(self.hamiltonian.dimension)
        whole[self.sector.last] = adiabatic
        return whole[self.labels.last]

    def add(
        self,
        name: str,
        prediction: Prediction,
        adiabatic: FloatArray,
        open_ends: tuple[float, ...] | None = None,
    ) -> None:
        """Offer a prediction; what the `open_ends` of the window may change is checked."""
        values = self.read_out(adiabatic)
        halves = half_places(self.sector.hamiltonian, self.drive)
        if halves and not prediction.exact:
            message = "the window starts or stops in the middle of a crossing"
            prediction = with_checks(
                prediction, DomainCheck("half crossings at its ends", len(halves), 0.0, message)
            )
        occupied = None
        if open_ends is None:
            # Moving levels at the ends are not quite those at infinity; surroundings hide that.
            moving = self.basis == "adiabatic" and self.environment is None
            far = self.basis == "diabatic" or (moving and not prediction.exact)
            open_ends = both_ends(self.drive) if far else ()
            if moving:
                occupied = np.arange(adiabatic.size) == self.start, adiabatic > 0
        amplitude = end_amplitude(
            self.sector.hamiltonian, self.drive, self.basis, open_ends, occupied
        )
        if open_ends:
            prediction = with_checks(prediction, self.offers.ends(values, amplitude))
        if self.environment is None and self.drive.breakpoints.size and not prediction.exact:
            reached = (adiabatic > 0) | (np.arange(adiabatic.size) == self.start)
            kinks = kink_amplitude(self.sector.hamiltonian, self.drive, reached)
            message = "the drive turns sharply where levels are close"
            check = self.offers.added("kinks of the drive", values, kinks, message)
            prediction = with_checks(prediction, check)
        self.offers.add(name, prediction, values)

    def split(self, levels: tuple[int, int], jump: float) -> FloatArray:
        """Return the probabilities after one passage between two levels of the sector."""
        values = np.zeros(self.sector.first.size)
        values[self.start] = 1.0
        if self.start in levels:
            i, j = levels
            values[self.start], values[j if self.start == i else i] = 1 - jump, jump
        return values

    def solve(self, find: Finder) -> None:
        """Add a solved passage that speaks of adiabatic levels, or can be made to."""
        for inside in self._courses(find):
            known = find(inside, self.drive, self.basis)
            if known is not None:
                break
        else:
            return
        column = known.prediction.transition_matrix
        if known.prediction.basis == "adiabatic":
            self.add(known.name, known.prediction, column[:, self.start], known.open_ends)
        elif self.basis != "diabatic":
            ends = Labels.of(inside, self.drive, "diabatic")
            if ends is not None:
                values = np.zeros(inside.dimension)
                values[ends.last] = column[:, np.flatnonzero(ends.first == self.start)[0]]
                self.add(known.name, known.prediction, values, known.open_ends)

    def _courses(self, find: Finder) -> Iterator[Hamiltonian]:
        """Yield H, and H turned to other bases unless it is a straight line that needs none."""
        given = self.sector.hamiltonian
        yield given
        if find is not family or not is_one_line(given, self.drive):
            yield from in_courses(given, sample_path(self.drive)[1])

    def one(self, event: PassageEvent) -> list[str]:
        """Add the closed forms for a single crossing."""
        inside, environment = self.sector.hamiltonian, self.environment
        if self.start not in event.levels:
            return []
        relaxation: tuple[DomainCheck, ...] = ()
        if environment is not None and event.levels[1] == event.levels[0] + 1:
            walk = Walk(inside, self.drive, environment, [event])
            plain = self.split(event.levels, float(event.jump))
            relaxed = walk.probabilities(self.start, _sequence([event]))
            relaxation = (self.relaxation(plain, relaxed), *self.dephasing([event], plain))
        alone = inside.dimension == 2 and event.gap > 0
        dephased = with_dephasing(self.drive, event, environment, self.basis) if alone else []
        if isinstance(environment, FixedAxisDephasing):
            message = "dephasing holds the states that pass each other"
            plain = self.split(event.levels, float(event.jump))
            relaxation += tuple(
                self.effect("dephasing in passing", plain, self.split(event.levels, jump), message)
                for _, prediction, jump in dephased
                if prediction.valid
            )
        for name, prediction, jump in single_crossing(
            inside, self.drive, event, coherent=environment is None
        ):
            prediction = with_checks(prediction, *relaxation)
            self.add(name, prediction, self.split(event.levels, jump))
        others = [check for check in event.jump.checks if check.quantity != _DEPHASING]
        notes = []
        for name, prediction, jump in dephased:
            if not 0 <= jump <= 1:
                notes.append(
                    f"{name} is an expansion for slow sweeps: here it gives {jump:.3g}, which is "
                    "no probability"
                )
                continue
            prediction = with_checks(prediction, *others)
            self.add(name, prediction, self.split(event.levels, jump))
        return notes

    def noisy(self, event: PassageEvent) -> list[str]:
        """Add the closed forms for a single crossing with noise that remembers."""
        assert self.environment is not None
        if self.start not in event.levels:
            return []
        found, notes = with_noise(self.sector.hamiltonian, self.drive, event, self.environment)
        for name, prediction, jump in found:
            self.add(name, prediction, self.split(event.levels, jump))
        return notes

    def relaxation(self, without: FloatArray, with_it: FloatArray) -> DomainCheck:
        """Return the check of what relaxation does outside the passages."""
        message = "the levels relax before, between or after the passages"
        return self.effect("relaxation", without, with_it, message)

    def dephasing(
        self, events: Sequence[PassageEvent], without: FloatArray
    ) -> tuple[DomainCheck, ...]:
        """Return the check of what dephasing in the eigenbasis does during the passages.

        A slow passage is left at 3πλα/16g³, a fast one turns by πλg/2α, to first order in the rate.
        """
        change = 0.0
        for event in events:
            for check in event.jump.checks:
                if check.quantity == _DEPHASING and event.gap > 0:
                    g, rate = event.gap, event.sweep_rate
                    lost = float(check.worst) / max(rate**-0.5, g / rate)
                    change += np.pi * lost * min(g / (2 * rate), 3 * rate / (16 * g**3))
        if change == 0:
            return ()
        message = "dephasing during the passages changes what they do"
        changed = without + np.where(without > 0, change, 0.0)
        return (self.effect("dephasing in passing", without, changed, message),)

    def several(self, events: Sequence[PassageEvent]) -> list[str]:
        """Add independent crossings, and crossings with the phases between them."""
        if not any(self.start in event.levels for event in events):
            return []
        inside = self.sector.hamiltonian
        if any(coincides(event) for event in events):
            return ["crossings that share a level coincide: no closed form covers the sequence"]
        sequence = _sequence(events)
        if len(sequence) < len(events):
            return ["levels that are not neighbours meet: no closed form covers the sequence"]
        size, start = inside.dimension, self.start
        averaged: Prediction = formulas.independent_crossings(sequence, levels=size)
        own = _own_checks(events, start)
        averaged = with_checks(averaged, *own)
        without = np.asarray(averaged.value)[:, start]
        inputs = interference_inputs(inside, self.drive, events)
        walk = None
        classical = without
        if self.environment is not None:
            walk = Walk(inside, self.drive, self.environment, events)
            classical = walk.probabilities(start, sequence)
            averaged = with_checks(averaged, self.relaxation(without, classical))
        if inputs is None:
            change = self.unknown_phases(sequence, walk, classical)
            message = "the passages may interfere, and their phases were not followed"
            check = self.effect("interference", without, without + change, message)
            self.add("independent crossings", with_checks(averaged, check), without)
            if too_many_to_follow(inside, events):
                return [f"the phases between {len(events)} crossings were not followed"]
            return []
        phases, directions = inputs
        directed = _sequence(events, directions)
        coherent: Prediction = formulas.independent_crossings(directed, levels=size, phases=phases)
        coherent = with_checks(coherent, *own)
        with_phases = lossy = np.asarray(coherent.value)[:, start]
        if walk is not None:
            lossy = walk.probabilities(start, directed, phases)
            message = "coherence or population is lost between the passages"
            coherent = with_checks(
                coherent, self.effect("the surroundings", with_phases, lossy, message)
            )
        passing = self.dephasing(events, without)
        averaged, coherent = with_checks(averaged, *passing), with_checks(coherent, *passing)
        message = "the passages interfere: a single run does not average over their phases"
        interference = self.effect("interference", without, without + lossy - classical, message)
        self.add("independent crossings", with_checks(averaged, interference), without)
        self.add("crossings with phases", coherent, with_phases)
        return []

    def unknown_phases(
        self, sequence: list[formulas.CrossingStep], walk: Walk | None, classical: FloatArray
    ) -> FloatArray:
        """Return the largest change of the probabilities by interference at some random phases."""
        shape = (len(sequence) - 1, classical.size)
        found = []
        for phases in np.random.default_rng(0).uniform(0, 2 * np.pi, (_TRIALS, *shape)):
            if walk is not None:
                lossy = walk.probabilities(self.start, sequence, phases)
            else:
                evolution = formulas.transfer_matrices(sequence, phases, levels=classical.size)
                lossy = np.abs(evolution[:, self.start]) ** 2
            found.append(lossy - classical)
        return np.asarray(np.max(np.abs(found), axis=0))

    def effect(
        self, of: str, without: FloatArray, with_it: FloatArray, message: str
    ) -> DomainCheck:
        """Return the check of something that changes the probabilities of the sector's levels."""
        return self.offers.effect(of, self.read_out(without), self.read_out(with_it), message)


def _own_checks(events: Sequence[PassageEvent], level: int) -> list[DomainCheck]:
    """Return the worst of the checks that each single passage needs."""
    reached, worst = {level}, dict[str, DomainCheck]()
    for event in events:
        i, j = event.levels
        if event.crossing.between_sectors:  # nothing happens: only the order changes
            reached = {{i: j, j: i}.get(level, level) for level in reached}
        elif reached & {i, j}:
            reached |= {i, j}
            for check in event.jump.checks:
                known = worst.setdefault(check.quantity, check)
                if float(check.worst) > float(known.worst):
                    worst[check.quantity] = check
    return [check for quantity, check in worst.items() if quantity.endswith(_ALONE)]


def _sequence(
    events: Sequence[PassageEvent], directions: list[int] | None = None
) -> list[formulas.CrossingStep]:
    found = []
    for k, event in enumerate(events):
        if event.levels[1] != event.levels[0] + 1:
            continue
        crossing = formulas.CrossingStep.from_gap(
            event.levels,
            gap=event.gap,
            sweep_rate=event.sweep_rate,
            direction=1 if directions is None else directions[k],
            time=event.time,
        )
        if event.crossing.between_sectors:  # nothing happens: it takes no time
            crossing = dataclasses.replace(crossing, duration=None)
        found.append(crossing)
    return found
