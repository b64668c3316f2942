"""Transport between finite leads against the full Fock space, Landauer, and Levitov-Lesovik."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.linalg
from scipy.integrate import quad, solve_ivp

import anticrossing as ac
from anticrossing import thermodynamics as td
from tests.effort import slow

Junction, Lead = td.Junction, td.Lead
RNG = np.random.default_rng(5)


# ---- the same in the full Fock space ----------------------------------------------------------


@functools.cache
def annihilators(modes):
    """Jordan–Wigner matrices, dense, the first mode in front."""
    lower, sign, one = np.array([[0, 1], [0, 0]]), np.diag([1, -1]), np.eye(2)
    found = []
    for k in range(modes):
        factors = [sign] * k + [lower] + [one] * (modes - k - 1)
        found.append(functools.reduce(np.kron, factors).astype(complex))
    return found


def second_quantised(matrix):
    c = annihilators(len(matrix))
    return sum(
        matrix[i, j] * c[i].conj().T @ c[j]
        for i in range(len(matrix))
        for j in range(len(matrix))
        if matrix[i, j] != 0
    )


def gaussian(correlation):
    """Many-body density matrix of a correlation matrix G = 1/(exp K + 1)."""
    occupied, vectors = np.linalg.eigh(correlation)
    k = (vectors * np.log((1 - occupied) / occupied)) @ vectors.conj().T
    rho = scipy.linalg.expm(-second_quantised(k))
    return rho / np.trace(rho)


class Fock:
    """A junction in full Fock space; the drive is integrated by an adaptive Runge–Kutta method."""

    def __init__(self, junction, time, *, driven=False):
        self.junction, m = junction, junction.levels
        bath = np.concatenate([1 / (np.exp(-lead.log_odds) + 1) for lead in junction.leads])
        self.system = gaussian(junction.initial_correlation)
        self.bath = gaussian(np.diag(bath))
        self.before = np.kron(self.system, self.bath)
        size = len(self.before)
        if driven:

            def step(t, u):
                h = second_quantised(junction.hamiltonian(t))
                return (-1j * h @ u.reshape(size, size)).reshape(-1)

            start = np.eye(size, dtype=complex).reshape(-1)
            run = solve_ivp(step, (junction.start, time), start, "DOP853", rtol=1e-12, atol=1e-13)
            self.u = run.y[:, -1].reshape(size, size)
        else:
            self.u = scipy.linalg.expm(-1j * time * second_quantised(junction.hamiltonian(0.0)))
        self.after = self.u @ self.before @ self.u.conj().T
        parts = self.after.reshape(2**m, size >> m, 2**m, size >> m)
        self.system_after = np.einsum("aibi->ab", parts)

    def given(self, quantity, lead):
        """Minus the operator of what a lead holds."""
        sizes = [x.energies.size for x in self.junction.leads]
        first = self.junction.levels + sum(sizes[:lead])
        values = np.zeros(self.junction.modes)
        energies = self.junction.leads[lead].energies
        each = {"particles": np.ones(sizes[lead]), "energy": energies}
        each["heat"] = energies - self.junction.leads[lead].chemical_potential
        values[first : first + sizes[lead]] = each[quantity]
        return -second_quantised(np.diag(values))

    def characteristic(self, operators, fields):
        sum_ = sum(f * np.diag(o) for f, o in zip(fields, operators, strict=True))
        up, down = np.exp(1j * sum_), np.exp(-1j * sum_)
        return np.trace((self.u.conj().T * up) @ self.u @ (down[:, None] * self.before))

    def expect(self, operator):
        return np.trace(operator @ (self.after - self.before)).real

    def relative_entropy(self):
        reference = np.kron(self.system_after, self.bath)
        return np.trace(self.after @ (logm(self.after) - logm(reference))).real

    def sigma(self, u):
        """⟨exp(iuσ)⟩ of σ = ln ρ(0) − ln[ρ_S(t) ⊗ ρ_B]."""
        final = logm(np.kron(self.system_after, self.bath))
        tail = scipy.linalg.expm(-1j * u * final) @ self.u
        head = scipy.linalg.expm(1j * u * logm(self.before)) @ self.before
        return np.trace(self.u.conj().T @ tail @ head)


def logm(rho):
    values, vectors = np.linalg.eigh(rho)
    return (vectors * np.log(values)) @ vectors.conj().T


def three_leads():
    """Two coupled levels with a correlated start, three leads, complex couplings."""
    h = np.array([[0.3, 0.4 + 0.2j], [0.4 - 0.2j, -0.1]])
    start = [[0.6, 0.2 - 0.1j], [0.2 + 0.1j, 0.3]]
    leads = []
    for k, count in enumerate((2, 2, 1)):
        couplings = RNG.normal(size=(count, 2)) * 0.4 + 0.3j * RNG.normal(size=(count, 2))
        energies = np.sort(RNG.normal(size=count))
        leads.append(
            Lead(energies, couplings, temperature=0.5 + 0.3 * k, chemical_potential=0.4 - 0.3 * k)
        )
    return Junction(hamiltonian=h, leads=leads, occupations=start)


def sweep():
    """One level swept through two leads of two levels each."""
    h = ac.Hamiltonian.from_terms([("x", [[1.0]])])
    leads = [
        Lead([0.4, 1.1], [0.3, 0.2], temperature=0.5, chemical_potential=0.8, name="left"),
        Lead([0.7, 1.4], [0.25j, 0.3], temperature=0.9, chemical_potential=0.2, name="right"),
    ]
    return Junction(
        hamiltonian=h, drive=ac.drive.Linear(0.0, 2.0, rate=0.5), leads=leads, occupations=0.3
    )


CASES = [
    pytest.param(
        three_leads, 2.7, False, id="two levels at rest, three leads", marks=pytest.mark.slow
    ),
    pytest.param(sweep, 4.0, True, id="a driven level, two leads", marks=pytest.mark.slow),
    pytest.param(sweep, 1.0, True, id="a driven level, two leads, shortly"),
]


@pytest.mark.parametrize(("make", "time", "driven"), CASES)
def test_every_number_is_that_of_the_full_fock_space(make, time, driven):
    junction = make()
    fock, leads = Fock(junction, time, driven=driven), range(len(junction.leads))
    ledger = junction.evolve([time], fluctuations=True)

    # mean, currents as derivatives of means, covariances, energies
    h = second_quantised(junction.hamiltonian(time))
    for k in leads:
        for name, mean, rate in (
            ("particles", ledger.particles, ledger.particle_currents),
            ("energy", ledger.energy, ledger.energy_currents),
        ):
            given = fock.given(name, k)
            assert abs(mean[0, k] - fock.expect(given)) < 1e-10
            flow = np.trace(1j * (h @ given - given @ h) @ fock.after).real
            assert abs(rate[0, k] - flow) < 1e-10
    total = np.trace(fock.after @ h).real
    h0 = second_quantised(junction.hamiltonian(junction.start))
    assert abs(ledger.work[0] - (total - np.trace(fock.before @ h0).real)) < 1e-10
    # the lead part of H is minus what `given` counts, the couplings are what is left of it
    bath = -sum(fock.given("energy", k) for k in leads)
    full = np.zeros((junction.modes,) * 2, complex)
    full[: junction.levels, : junction.levels] = junction.system_hamiltonian(time)
    own = second_quantised(full)
    assert abs(ledger.coupling_energy[0] - np.trace(fock.after @ (h - bath - own)).real) < 1e-10
    assert abs(ledger.entropy_production[0] - fock.relative_entropy()) < 1e-9
    parts = ledger.mutual_information + ledger.displacement.sum(axis=1)
    assert abs(parts[0] - ledger.entropy_production[0]) < 1e-11

    # the joint distribution, through its characteristic function
    statistics = junction.counting(time, of=("particles", "energy", "heat"))
    operators = [fock.given(q, k) for q in ("particles", "energy", "heat") for k in leads]
    fields = RNG.normal(size=(4, len(operators))) + 0.3j * RNG.normal(size=(4, len(operators)))
    expected = [fock.characteristic(operators, f) for f in fields]
    assert np.max(abs(statistics.characteristic_function(fields) / expected - 1)) < 1e-10
    number = len(junction.leads)
    covariance = statistics.covariance()
    assert np.allclose(covariance[:number, :number], ledger.particle_covariance[0], atol=1e-12)
    heat = slice(number, 2 * number)
    assert np.allclose(covariance[heat, heat], ledger.energy_covariance[0], atol=1e-12)

    # entropy production: its mean, all of its distribution, both theorems
    sigma = junction.entropy_production(time)
    assert abs(sigma.mean - ledger.entropy_production[0]) < 1e-10
    assert abs(sigma.integral_ratio - 1) < 1e-10
    back = sigma.backward()
    for u in (0.4, 1.1 + 0.2j):
        found = np.exp(sigma.log_characteristic_function(u))
        assert abs(found / fock.sigma(u) - 1) < 1e-9
        left = sigma.log_characteristic_function(u + 1j)
        right = back.log_characteristic_function(-u)
        assert abs(np.exp(left - right) - 1) < 1e-10


def test_one_lead_is_a_driven_level_and_its_reservoir():
    levels = np.arange(1.0, 6.0)
    system = td.DrivenLevel(
        levels=levels, couplings=0.2, temperature=0.8, chemical_potential=2.0, start=0.0, stop=6.0,
        rate=1.0,
    )  # fmt: skip
    lead = Lead(levels, 0.2, temperature=0.8, chemical_potential=2.0)
    h = ac.Hamiltonian.from_terms([("x", [[1.0]])])
    junction = Junction(hamiltonian=h, drive=ac.drive.Linear(0.0, 6.0, rate=1.0), leads=[lead])
    times = [0.0, 3.0, 6.0]
    ledger, exact = junction.evolve(times), system.evolve(times=times)
    for one, other in (
        (ledger.occupations[:, 0], exact.occupations),
        (ledger.heat[:, 0], exact.heat),
        (ledger.work, exact.work),
        (ledger.entropy_production, exact.entropy_production),
        (ledger.coupling_energy, exact.coupling_energy),
        (ledger.chemical_work, exact.chemical_work),
    ):
        assert np.max(abs(one - other)) < 1e-11
    assert abs(ledger.mutual_information[-1] - exact.mutual_information) < 1e-11
    # the first law of the level with its couplings, work from the equation of motion
    from scipy.integrate import simpson

    fine = np.linspace(0.0, 6.0, 121)
    dense = system.evolve(times=fine)
    assert abs(simpson(dense.occupations, x=fine) - exact.work[-1]) < 1e-6
    law = np.diff(exact.energy + exact.coupling_energy)
    given = np.diff(exact.work + exact.heat + exact.chemical_work)
    assert np.max(abs(law - given)) < 1e-11


def test_leads_alike_turn_the_entropy_production_into_the_dissipated_work():
    """Two leads share the levels of one reservoir: σ = (w − ΔΩ)/T, Jarzynski's and Crooks' work."""
    levels, bath = np.arange(0.5, 5.5), {"temperature": 0.8, "chemical_potential": 2.0}
    system = td.DrivenLevel(levels=levels, couplings=0.25, start=0.0, stop=6.0, rate=1.0, **bath)
    work = system.work_distribution(scheme="decoupled")
    leads = [Lead(levels[k::2], 0.25, **bath) for k in (0, 1)]
    h = ac.Hamiltonian.from_terms([("x", [[1.0]])])
    junction = Junction(hamiltonian=h, drive=ac.drive.Linear(0.0, 6.0, rate=1.0), leads=leads)
    sigma = junction.entropy_production(reference=[[td.fermi(6.0, **bath)]])
    assert abs(sigma.mean - work.dissipated_work / 0.8) < 1e-11
    assert abs(sigma.statistics.variance - work.variance / 0.64) < 1e-11
    assert abs(sigma.integral_ratio - 1) < 1e-11
    assert sigma.mean > junction.entropy_production().mean


# ---- steady state -----------------------------------------------------------------------------

EDGE, RATES, WARMTH, POTENTIAL, LEVEL = 6.0, (0.5, 0.7), (0.4, 0.3), (0.6, -0.4), 0.1


def resonant(levels=180, warmth=WARMTH):
    leads = [
        Lead.band(
            rate=RATES[k], low=-EDGE, high=EDGE, levels=levels, temperature=warmth[k],
            chemical_potential=POTENTIAL[k], name=("left", "right")[k],
        )
        for k in (0, 1)
    ]  # fmt: skip
    return Junction(hamiltonian=LEVEL, leads=leads)


def conductor(warmth=WARMTH):
    band = (-EDGE, EDGE)
    return td.LevitovLesovik(
        lambda e: td.transmission(e, hamiltonian=LEVEL, rates=RATES, band=band),
        *(td.Reservoir(t, mu) for t, mu in zip(warmth, POTENTIAL, strict=True)),
        band=band,
    )


@pytest.mark.slow
def test_currents_settle_at_those_of_landauer():
    ledger, wanted = resonant().evolve([10.0, 28.0]), conductor()
    assert np.allclose(ledger.particle_currents[1], [wanted.current, -wanted.current], atol=3e-7)
    assert np.allclose(ledger.energy_currents[1, 0], wanted.energy_current, atol=3e-7)
    assert np.allclose(ledger.work, 0.0, atol=1e-11)  # nothing is driven
    produced = np.diff(ledger.entropy_production)[0] / 18.0
    assert abs(produced - wanted.entropy_production_rate) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of", "tolerance"), [("particles", [2e-8] * 4), slow("energy", [1e-7, 1e-6, 1e-5, 1e-4])]
)
def test_cumulants_grow_as_levitov_and_lesovik_say(of, tolerance):
    """Between two late times the transient cancels; the edges of the bands ring longest."""
    first, last = 24.0, 28.0
    junction = resonant()
    early, late = (
        junction.counting(time, of=of, lead="left").cumulants() for time in (first, last)
    )
    slope = (late - early) / (last - first)
    assert np.all(abs(slope - conductor().cumulants(of=of)) < tolerance)


def test_the_generating_function_grows_as_levitov_and_lesovik_say():
    junction, u = resonant(), np.array([0.5, 0.8j])
    early, late = (
        junction.counting(time, of="particles", lead="left").log_characteristic_function(u)
        for time in (20.0, 24.0)
    )
    slope = (late - early) / 4.0
    turns = 2 * np.pi / 4.0
    wanted = conductor().cumulant_generating_function(u)
    error = slope - wanted
    error = error.real + 1j * (error.imag - turns * np.round(error.imag / turns))
    assert np.max(abs(error)) < 1e-6


@pytest.mark.slow
def test_the_exchange_theorem_holds_for_what_grows():
    """ln χ of a finite time breaks the symmetry, by boundary terms that do not grow."""
    junction, wanted = resonant(warmth=(0.4, 0.4)), conductor(warmth=(0.4, 0.4))
    affinity = 1.0 / 0.4  # (μ_L − μ_R)/T
    fields = np.array([0.4, -0.4 + 1j * affinity])
    logs = [
        junction.counting(time, of="particles", lead="left").log_characteristic_function(fields)
        for time in (20.0, 26.0)
    ]
    assert abs(logs[0][0] - logs[0][1]) > 0.1
    growth = (logs[1] - logs[0]) / 6.0
    assert np.max(abs(growth - wanted.cumulant_generating_function(0.4))) < 1e-5


def test_three_terminals_carry_what_buettiker_says():
    rates, potentials, warmth = (0.3, 0.5, 0.4), (0.5, 0.0, -0.3), (0.3, 0.4, 0.35)
    leads = [
        Lead.band(rate=g, low=-EDGE, high=EDGE, levels=130, temperature=t, chemical_potential=mu)
        for g, t, mu in zip(rates, warmth, potentials, strict=True)
    ]
    ledger = Junction(hamiltonian=0.2, leads=leads).evolve([20.0], fluctuations=True)
    width = sum(rates)

    def green(e):
        shift = width / (2 * np.pi) * np.log((e + EDGE) / (EDGE - e))
        return 1 / ((e - 0.2 - shift) ** 2 + width**2 / 4)

    def net(e):
        f = [1 / (np.exp((e - mu) / t) + 1) for mu, t in zip(potentials, warmth, strict=True)]
        return green(e) * rates[0] * sum(g * (f[0] - fi) for g, fi in zip(rates, f, strict=True))

    expected = quad(lambda e: net(e) / (2 * np.pi), -EDGE, EDGE, points=[0.2], epsabs=1e-11)[0]
    assert abs(ledger.particle_currents[0, 0] - expected) < 1e-6
    assert abs(ledger.particle_currents.sum()) < 1e-6
    # what all leads have given sits in the level: its variance is bounded by a quarter
    assert abs(ledger.particle_covariance[0].sum()) < 0.5


def test_coupled_levels_transmit_as_their_matrix_says():
    h = np.array([[0.2, 0.5], [0.5, -0.1]])
    leads = [
        Lead.band(
            rate=0.6, low=-EDGE, high=EDGE, levels=150, temperature=0.3, chemical_potential=mu,
            amplitudes=to,
        )
        for mu, to in ((0.5, [1.0, 0.0]), (-0.5, [0.3, 1.0]))
    ]  # fmt: skip
    ledger = Junction(hamiltonian=h, leads=leads).evolve([22.0])
    gamma = [0.6 * np.outer(a, a) for a in ([1.0, 0.0], [0.3, 1.0])]
    band = (-EDGE, EDGE)
    wanted = td.LevitovLesovik(
        lambda e: td.transmission(e, hamiltonian=h, rates=gamma, band=band),
        td.Reservoir(0.3, 0.5),
        td.Reservoir(0.3, -0.5),
        band=band,
    )
    assert abs(ledger.particle_currents[0, 0] - wanted.current) < 2e-6


@pytest.mark.slow
def test_precision_beyond_the_classical_bound_in_the_exact_evolution():
    """Two levels in series, leads at one temperature: noise · σ/current² falls below 2."""
    leads = [
        Lead.band(
            rate=0.5, low=-4, high=4, levels=170, temperature=0.25, chemical_potential=mu,
            amplitudes=to,
        )
        for mu, to in ((0.5, [1, 0]), (-0.5, [0, 1]))
    ]  # fmt: skip
    junction = Junction(hamiltonian=[[0.0, 0.25], [0.25, 0.0]], leads=leads)
    ledger = junction.evolve([24.0, 36.0], fluctuations=True)
    variance = np.diff(ledger.particle_covariance[:, 0, 0])[0]
    given = np.diff(ledger.particles[:, 0])[0]
    produced = np.diff(ledger.entropy_production)[0]
    ratio, y = variance * produced / given**2, produced / given
    assert y / np.sinh(y / 2) < ratio < 1.85


# ---- edges ------------------------------------------------------------------------------------


def test_a_band_reproduces_its_memory_until_the_echo():
    times = np.linspace(0.0, 20.0, 41)
    lead = Lead.band(rate=0.5, low=-3, high=5, levels=100, temperature=1.0)
    memory = np.exp(-1j * np.outer(times, lead.energies)) @ (abs(lead.couplings[:, 0]) ** 2)
    exact = 0.5 / (2 * np.pi) * 8 * np.sinc(4 * times / np.pi) * np.exp(-1j * times)
    assert np.max(abs(memory - exact)) < 1e-14
    assert lead.recurrence_time > 20.0
    even = Lead.band(rate=0.5, low=-3, high=5, levels=100, temperature=1.0, grid="equidistant")
    memory = np.exp(-1j * np.outer(times, even.energies)) @ (abs(even.couplings[:, 0]) ** 2)
    assert 1e-4 < np.max(abs(memory - exact)) < 1e-2


def test_a_common_energy_of_1e9_costs_no_more_than_its_rounding():
    ends = []
    for shift in (0.0, 1e9):
        leads = [
            Lead(
                shift + np.array([0.5, 1.25]), 0.25, temperature=0.5, chemical_potential=shift + mu
            )
            for mu in (0.5, 1.0)
        ]
        h = ac.Hamiltonian.from_terms([("x", [[1.0]])])
        drive = ac.drive.Linear(shift, shift + 2.0, rate=0.5)
        driven = Junction(hamiltonian=h, drive=drive, leads=leads).evolve()
        rest = Junction(hamiltonian=shift + 0.75, leads=leads).evolve([4.0])
        ends += [driven.particles[-1], rest.particles[-1]]
    assert np.max(abs(ends[0] - ends[2])) < 1e-5
    assert np.max(abs(ends[1] - ends[3])) < 1e-13


def test_cold_leads_and_a_pure_start():
    leads = [
        Lead([-0.5, 0.4], 0.3, temperature=1e-3, chemical_potential=mu, name=name)
        for mu, name in ((0.1, "left"), (-0.1, "right"))
    ]
    junction = Junction(hamiltonian=0.2, leads=leads, occupations=0.0)
    ledger = junction.evolve([0.0, 3.0])
    assert abs(ledger.entropy_production[0]) < 1e-12
    sigma = junction.entropy_production(3.0)
    assert abs(sigma.mean / ledger.entropy_production[1] - 1) < 1e-10
    assert sigma.integral_ratio < 1  # a pure start cannot be reached backwards
    with pytest.raises(ac.InputError):
        sigma.backward()


def test_phases_without_digits_are_told():
    ledger = Junction(hamiltonian=0.5, leads=[Lead([0.0, 1.0], 0.1, temperature=1.0)]).evolve(
        [1e16]
    )
    assert ledger.warnings
    assert not resonant(levels=10).evolve([1.0]).warnings


def test_a_level_that_no_lead_reaches_stays():
    lead = Lead([0.0, 1.0], 0.0, temperature=1.0)
    ledger = Junction(hamiltonian=0.5, leads=[lead], occupations=0.7).evolve([0.0, 9.0])
    assert np.allclose(ledger.occupations[:, 0], 0.7, atol=1e-15)
    assert np.all(ledger.particles == 0) or np.max(abs(ledger.particles)) < 1e-15


LEAD = Lead([0.0, 1.0], 0.1, temperature=1.0, name="left")
REFUSED = {
    "no leads": lambda: Junction(hamiltonian=0.0, leads=[]),
    "one lead without a list": lambda: Junction(hamiltonian=0.0, leads=LEAD),
    "couplings to one level of two": lambda: Junction(hamiltonian=np.eye(2), leads=[LEAD]),
    "two leads of one name": lambda: Junction(hamiltonian=0.0, leads=[LEAD, LEAD]),
    "a drive of nothing": lambda: Junction(
        hamiltonian=0.0, leads=[LEAD], drive=ac.drive.Linear(0, 1, rate=1.0)
    ),
    "a Hamiltonian without a drive": lambda: Junction(
        hamiltonian=ac.Hamiltonian.from_terms([("x", [[1.0]])]), leads=[LEAD]
    ),
    "an occupation of two": lambda: Junction(hamiltonian=0.0, leads=[LEAD], occupations=2.0),
    "times at rest": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).evolve(),
    "no time at rest": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).counting(),
    "too many levels": lambda: Junction(
        hamiltonian=0.0, leads=[Lead(np.arange(9000.0), 0.1, temperature=1.0)]
    ),
    "a negative time": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).evolve([-1.0]),
    "an unknown quantity": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).counting(1.0, of="spin"),
    "an unknown lead": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).counting(1.0, lead="lift"),
    "a lead too many": lambda: Junction(hamiltonian=0.0, leads=[LEAD]).counting(1.0, lead=1),
    "a temperature of zero": lambda: Lead([0.0], 0.1, temperature=0.0),
    "text as couplings": lambda: Lead([0.0], "strong", temperature=1.0),
    "a band upside down": lambda: Lead.band(rate=1, low=1, high=0, levels=3, temperature=1),
    "a negative rate": lambda: Lead.band(rate=-1, low=0, high=1, levels=3, temperature=1),
    "too cold": lambda: Lead([1.0], 0.1, temperature=1e-80, chemical_potential=-1.0),
    "a band too strong": lambda: Lead.band(
        rate=1e300, low=-1e308, high=1e308, levels=3, temperature=1
    ),
    "a band of a million levels": lambda: Lead.band(
        rate=1, low=0, high=1, levels=10**6, temperature=1
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_line(name):
    with pytest.raises(ac.InputError) as error:
        REFUSED[name]()
    assert "\n" not in str(error.value)
