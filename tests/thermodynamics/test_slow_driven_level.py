"""A driven level at any slowness: flat cost, and the whole Fock space as the reference."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import GaussianState, evolve_fermions
from anticrossing.thermodynamics import DrivenLevel
from tests.effort import slow
from tests.systems.fermions import lowering_operators

BETA, POTENTIAL = 1.2, 1.5
FIELDS = np.array([0.3, 1.0, 2.7, 0.4 + 1.2j])


def system(levels: int, rate: float) -> DrivenLevel:
    return DrivenLevel(
        levels=np.arange(1.0, levels + 1), couplings=0.2, temperature=1 / BETA,
        chemical_potential=POTENTIAL, start=0.0, stop=levels + 1.0, rate=rate,
    )  # fmt: skip


class Fock:
    """All occupation states of the level and its reservoir, sector by sector."""

    def __init__(self, model: DrivenLevel) -> None:
        c = lowering_operators(model.levels.size + 1)
        self.number = [x.T @ x for x in c]
        self.particles = np.rint(np.diag(sum(self.number))).astype(int)
        self.bare = sum(
            (e * n for e, n in zip(model.levels, self.number[1:], strict=True)),
            np.zeros_like(c[0], dtype=float),
        )
        self.fixed = self.bare + sum(
            g * (c[0].T @ x + x.T @ c[0]) for g, x in zip(model.couplings, c[1:], strict=True)
        )
        self.propagator = np.zeros(self.fixed.shape, dtype=complex)
        for block in self.blocks():
            fixed, lifted = self.fixed[block], self.number[0][block]
            if fixed.size == 1:  # the vacuum and the full state only turn their phase
                self.propagator[block] = 1.0
                continue
            matrix = ac.Hamiltonian.from_terms([("x", lifted), ("1", fixed)])
            self.propagator[block] = ac.propagate(matrix, model.drive).propagator

    def blocks(self):
        for count in np.unique(self.particles):
            own = np.flatnonzero(self.particles == count)
            yield np.ix_(own, own)

    def eigen(self, energy: float):
        matrix = self.fixed + energy * self.number[0]
        values, vectors = np.zeros(len(matrix)), np.zeros_like(matrix)
        for block in self.blocks():
            own = block[1].ravel()
            values[own], vectors[block] = np.linalg.eigh(matrix[block])
        return values, vectors

    def gibbs(self, energies):
        weights = np.exp(-BETA * (energies - POTENTIAL * self.particles))
        return weights / weights.sum()

    def work(self, first, last, transitions):
        """Mean, variance and χ of the work of a two-point measurement."""
        p = transitions * self.gibbs(first)
        w = last[:, None] - first
        mean = np.sum(p * w)
        chi = [np.sum(p * np.exp(1j * u * w)) for u in FIELDS]
        return np.array([mean, np.sum(p * (w - mean) ** 2), *chi])


def statistics(work):
    return np.array([work.mean, work.variance, *work.characteristic_function(FIELDS)])


@pytest.mark.parametrize(
    ("levels", "rate"),
    [
        (2, 1e-6), (2, 1e-8), (3, 1.0), (3, 1e-4),
        slow(2, 1e-2), slow(3, 1e-2), slow(3, 1e-6), slow(3, 1e-8),
        slow(4, 1.0), slow(4, 1e-2), slow(4, 1e-4), slow(4, 1e-6), slow(4, 1e-8),
    ],
)  # fmt: skip
def test_occupation_and_work_against_fock_space(levels, rate):
    model = system(levels, rate)
    fock = Fock(model)
    # Where ways interfere, phases of 1e10 radians count, which doubles know to 1e-6: there the
    # estimate of the result has to cover what is missing.
    exact = model.evolve(1.0)
    allowed = 1e-10 if rate > 1e-7 else exact.evolution.error_estimate
    assert allowed < 2e-8
    occupied = np.array([1.0, *model.reservoir_occupations])
    start = np.prod(
        [np.where(np.diag(n) > 0.5, f, 1 - f) for n, f in zip(fock.number, occupied, strict=True)],
        axis=0,
    )
    expected = np.diag(fock.number[0]) @ np.abs(fock.propagator) ** 2 @ start
    assert abs(exact.occupations[-1] - expected) < allowed

    (first, before), (last, after) = (fock.eigen(x) for x in (model.start, model.stop))
    transitions = np.abs(after.T @ fock.propagator @ before) ** 2
    found = statistics(model.work_distribution())
    assert np.max(np.abs(found - fock.work(first, last, transitions))) < 1e-10

    thermal = fock.propagator @ before @ np.diag(fock.gibbs(first)) @ before.T
    density = thermal @ fock.propagator.conj().T
    expected = np.trace(fock.number[0] @ density).real
    assert abs(model.evolve(coupled=True).occupations[-1] - expected) < 1e-10

    bare = [np.diag(fock.bare + x * fock.number[0]) for x in (model.start, model.stop)]
    expected = fock.work(*bare, np.abs(fock.propagator) ** 2)
    found = statistics(model.work_distribution(scheme="decoupled"))
    # Of one |W|², of which a variance sees its squared values.
    allowed = max(1e-10, model.propagator_error * (levels + 1) ** 2)
    assert np.max(np.abs(found - expected)) < allowed


@pytest.mark.parametrize(("levels", "rate"), [(4, -1e-2), slow(9, 1e-2), slow(9, -3e-3)])
def test_both_solvers_agree_where_they_take_over(levels, rate):
    ends = (0.0, levels + 1.0) if rate > 0 else (levels + 1.0, 0.0)
    model = DrivenLevel(
        levels=np.arange(1.0, levels + 1), couplings=0.2, temperature=1 / BETA,
        chemical_potential=3.0, start=ends[0], stop=ends[1], rate=rate,
    )  # fmt: skip
    matrix = ac.models.DemkovOsherov(levels=model.levels, couplings=model.couplings)
    state = GaussianState.product([1.0, *model.reservoir_occupations])
    found = model.evolve(1.0).evolution
    other = "panels" if found.method == "star" else "star"
    reference = evolve_fermions(matrix, model.drive, state=state, method=other)
    assert np.max(np.abs(found.occupations - reference.occupations)) < 1e-10


def test_cost_does_not_grow_with_slowness():
    """The published system: at a rate of 1e-8 the star would take 84 million panels."""
    count, methods = {}, {}
    for rate in (1.0, 1e-2, 1e-4, 1e-6, 1e-8):
        evolution = DrivenLevel(
            levels=np.arange(1.0, 10.0), couplings=0.2, temperature=1 / BETA,
            chemical_potential=3.0, start=0.0, stop=10.0, rate=rate,
        ).evolve(1.0).evolution  # fmt: skip
        count[rate], methods[rate] = evolution.panels, evolution.method
        assert evolution.error_estimate < 2e-8
    assert max(count.values()) <= 3 * count[1e-8] <= 100
    assert (methods[1.0], methods[1e-8]) == ("star", "panels")


def test_speeds_that_change_between_levels():
    rates = 1e-6 * np.array([1.0, 3.0, 2.0])
    model = DrivenLevel(
        levels=[1.0, 2.0, 3.0], couplings=[0.2, 0.1, -0.3], temperature=1.0, start=0.0, stop=4.0,
        rate=rates,
    )  # fmt: skip
    work = model.work_distribution()
    # So slow that every eigenstate is followed: the work is the shift of the levels.
    first, last = (np.linalg.eigvalsh(model.hamiltonian(x)) for x in (0.0, 4.0))
    filled = 1 / (1 + np.exp(first))
    assert abs(work.mean - np.sum(filled * (last - first))) < 1e-9


@pytest.mark.parametrize("rate", [1.0, 1e-6])
def test_energies_far_from_zero(rate):
    """Only differences of energies matter, and 1e12 leaves them exact in what is given."""
    given = {"couplings": 0.2, "temperature": 1 / BETA}
    near, far = (
        DrivenLevel(
            levels=[x + 1, x + 2, x + 3], start=x, stop=x + 4, rate=rate,
            chemical_potential=x + 1.5, **given,
        )
        for x in (0.0, 2.0**40)
    )  # fmt: skip
    occupied = [model.evolve(coupled=True).occupations[-1] for model in (near, far)]
    assert abs(occupied[1] - occupied[0]) < 1e-10
    work, expected = far.work_distribution(), near.work_distribution()
    for name in ("mean", "variance", "free_energy_difference"):
        assert abs(getattr(work, name) - getattr(expected, name)) < 1e-9
    assert far.evolve().evolution.panels < 100
