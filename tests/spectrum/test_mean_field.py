"""Stationary states, loops and stability of modes that act on themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.hamiltonian import MeanField
from anticrossing.models import AtomMolecule, DemkovOsherov, LandauZener, TwoModeCondensate
from anticrossing.spectrum import mean_field_levels, stationary_states


def slope(model: MeanField, x: float, psi: Any, mu: float) -> Any:
    """Return dψ/dt in the frame of a stationary state, written out."""
    acting = model.hamiltonian(x) @ psi + model.weights * (model.interaction @ abs(psi) ** 2) * psi
    for one in model.conversions:
        acting[one.single] += one.strength * psi[one.single].conj() * psi[one.pair]
        acting[one.pair] += one.strength * psi[one.single] ** 2
    return -1j * (acting - mu * model.weights * psi)


def check(model: MeanField, x: float) -> Any:
    """Return the stationary states, each compared with the flow around it."""
    found = stationary_states(model, x)
    scale = np.max(np.abs(model.hamiltonian(x))) + np.max(np.abs(model.interaction)) + 1
    for k, psi in enumerate(found.states):
        mu = found.potentials[k]
        assert np.max(np.abs(slope(model, x, psi, mu))) < 1e-11 * scale
        size = psi.size
        matrix = np.empty((2 * size, 2 * size))
        for j, step in enumerate(np.eye(2 * size) * 1e-6):
            move = step[:size] + 1j * step[size:]
            rate = slope(model, x, psi + move, mu) - slope(model, x, psi - move, mu)
            matrix[:, j] = np.concatenate([rate.real, rate.imag]) / 2e-6
        rates = np.linalg.eigvals(matrix)
        assert found.growth[k] == pytest.approx(max(rates.real.max(), 0.0), abs=2e-4 * scale)
        turns = np.sort(np.abs(rates.imag))[2:][::2]
        if found.growth[k] == 0:
            assert found.frequencies[k] == pytest.approx(turns, abs=2e-4 * scale)
    return found


@pytest.mark.parametrize("interaction", [-2.0, -0.4, 0.7, 1.0, 1.3, 5.0])
@pytest.mark.parametrize("x", [-0.2, 0.0, 1.7])
def test_potentials_are_the_roots_of_the_quartic(interaction: float, x: float) -> None:
    # The equation of Wu and Niu, Phys. Rev. A 61, 023402 (2000), for the chemical potential.
    c, g = interaction, 1.0
    roots = np.roots([1, c, (c**2 - g**2 - x**2) / 4, -c * g**2 / 4, -((c * g) ** 2) / 16])
    real = np.sort(roots[np.abs(roots.imag) < 1e-5].real)
    found = stationary_states(TwoModeCondensate(gap=g, interaction=c), x).potentials
    distinct = found[np.append(True, np.diff(found) > 1e-9)]
    for value in distinct:
        assert np.min(np.abs(real - value)) < 1e-5  # roots may be double, or triple
    if x or abs(c) > g:  # else one root, μ = −c/2, belongs to no state
        assert all(np.min(np.abs(distinct - value)) < 1e-5 for value in real)


@pytest.mark.parametrize("interaction", [-3.0, 0.8, 3.0])
def test_stability_of_two_modes(interaction: float) -> None:
    found = check(TwoModeCondensate(gap=1.0, interaction=interaction), 0.1)
    unstable = 1 if abs(interaction) > 1 else 0
    assert np.count_nonzero(~found.stable) == unstable


def test_general_pairs_of_modes() -> None:
    levels = ac.Hamiltonian.affine([[0.3, 0.4j], [-0.4j, 0.1]], [[0.7, 0.1], [0.1, -0.2]])
    model = MeanField(levels, [[1.7, -0.6], [-0.6, 0.9]])
    found = check(model, 0.4)
    assert found.energies == pytest.approx(
        [
            (psi.conj() @ levels(0.4) @ psi).real
            + 0.5 * abs(psi) ** 2 @ model.interaction @ abs(psi) ** 2
            for psi in found.states
        ]
    )


@pytest.mark.slow
def test_pairs_of_particles() -> None:
    model = AtomMolecule(coupling=0.5)
    assert [check(model, x).potentials.size for x in (-3.0, -0.5, 3.0)] == [2, 3, 2]
    assert mean_field_levels(model, -4, 4).cusps == pytest.approx([-1.0, 1.0], abs=1e-7)  # 2κ
    alone = stationary_states(model, 0.3)
    still = int(np.argmax(np.abs(alone.states[:, 1])))
    # Of molecules alone two atoms grow at √(κ² − (x/2)²), which is half the rate of the pairs.
    assert alone.growth[still] == pytest.approx((0.25 - 0.15**2) ** 0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("gap", "interaction"),
    [
        (0.5, 2.0),
        (1.0, -1.0000001),
        *(
            pytest.param(g, c, marks=pytest.mark.slow)
            for g in (1e-12, 1e-3, 0.5, 1.0)
            for c in (-1.0000001, 2.0, 1e4)
        ),
    ],
)
def test_cusps_in_closed_form(gap: float, interaction: float) -> None:
    model = TwoModeCondensate(gap=gap, interaction=interaction)
    far = 2 * abs(interaction) + 3
    edge = np.maximum(abs(interaction) ** (2 / 3) - gap ** (2 / 3), 0.0) ** 1.5
    found = ac.find_crossings(model, -far, far)
    places = [c.position for c in found.cusps]
    assert places == pytest.approx([-edge, edge], rel=1e-8, abs=1e-13 * far)
    (tail,) = found.true
    assert tail.position == pytest.approx(0.0, abs=1e-12 * far)
    if gap > 1e-13 * far:  # else it is none to rounding
        (avoided,) = found.avoided
        assert avoided.gap == pytest.approx(gap, rel=1e-6, abs=1e-13 * far)


@pytest.mark.slow
def test_no_loop_below_the_critical_interaction() -> None:
    found = ac.find_crossings(TwoModeCondensate(gap=1.0, interaction=0.99), -3, 3)
    assert [c.kind for c in found] == ["avoided"]
    assert found.cusps == ()
    # Between it and none: the gap of linear levels.
    linear = ac.find_crossings(TwoModeCondensate(gap=1.0, interaction=0.0), -3, 3)
    exact = ac.find_crossings(LandauZener(gap=1.0), -3, 3)
    assert linear[0].gap == pytest.approx(exact[0].gap, rel=1e-9)
    assert linear[0].slope_difference == pytest.approx(exact[0].slope_difference, rel=1e-3)


def test_a_loop_where_the_gap_is_small_enough() -> None:
    levels = ac.Hamiltonian.from_matrix([["x/2", "0.2 + x**2"], ["0.2 + x**2", "-x/2"]])
    acting = 0.5 * np.array([[-1.0, 1.0], [1.0, -1.0]])
    found = ac.find_crossings(MeanField(levels, acting), -2, 2)
    assert len(found.cusps) == 2
    x = found.cusps[1].position
    assert x == pytest.approx((1 - (0.4 + 2 * x**2) ** (2 / 3)) ** 1.5, rel=1e-9)


def states_by_search(model: MeanField, x: float) -> list[Any]:
    """Return the real stationary states found from many starts."""
    rng, found = np.random.default_rng(3), list[Any]()
    for _ in range(400):
        psi = rng.normal(size=model.dimension)
        psi /= np.linalg.norm(psi)
        for _ in range(60):
            H = model.hamiltonian(x) + np.diag(model.interaction @ psi**2)
            mu = psi @ H @ psi
            n = psi.size
            J = np.zeros((n + 1, n + 1))
            J[:n, :n] = H + 2 * psi[:, None] * model.interaction * psi - mu * np.eye(n)
            J[:n, n], J[n, :n] = -psi, psi
            F = np.append(H @ psi - mu * psi, 0.5 * (psi @ psi - 1))
            psi = psi - np.linalg.solve(J, F)[:n]
            if np.max(np.abs(F)) < 1e-13:
                psi = psi * np.sign(psi[np.argmax(np.abs(psi))])
                if not any(np.max(np.abs(psi - other)) < 1e-7 for other in found):
                    found.append(psi)
                break
            psi /= np.linalg.norm(psi)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("interaction", [-1.5, 0.9])
def test_three_modes_against_a_search(interaction: float) -> None:
    levels = ac.Hamiltonian.affine(
        [[0.0, 0.2, 0.0], [0.2, 0.3, 0.2], [0.0, 0.2, 0.5]], np.diag([1.0, 0.0, -1.0])
    )
    model = MeanField(levels, interaction)
    found = mean_field_levels(model, -3, 3)
    assert found.complete
    for x in (-2.0, -0.3, 0.1, 0.5, 1.5):
        row = int(np.argmin(np.abs(found.x - x)))
        place = float(found.x[row])
        known = [psi.real for psi in found.states[row] if not np.isnan(psi[0])]
        searched = states_by_search(model, place)
        for psi in known:  # each of ours is one of them
            assert min(min(np.abs(psi - o).max(), np.abs(psi + o).max()) for o in searched) < 1e-7
        assert len(known) <= len(searched)  # others close in themselves


@pytest.mark.slow
def test_narrow_gaps_are_not_jumped_over() -> None:
    """Of three modes with a weak interaction: sheets as many as levels, each on its own side."""
    levels = DemkovOsherov(levels=[-0.5, 0.5], couplings=[1e-6, 1e-5])
    found = mean_field_levels(MeanField(levels, 1e-9), -3, 3, samples=41)
    exact = ac.spectrum.levels(levels, found.x)
    assert len(found.names) == 3
    assert np.sort(found.potentials, axis=1) == pytest.approx(exact, abs=3e-9)
    assert np.all(np.diff(np.argsort(found.potentials, axis=1), axis=0) == 0)


def test_stationary_states_of_three_modes() -> None:
    levels = DemkovOsherov(levels=[-0.5, 0.5], couplings=[0.3, 0.2])
    found = check(MeanField(levels, [[0.5, 0, 0.1], [0, -0.4, 0], [0.1, 0, 0.2]]), 0.3)
    assert found.potentials.size == 3
    assert found.stable.all()


def test_strengths_from_nothing_to_much() -> None:
    for interaction in (1e-12, 1e-6, 1e6):
        check(TwoModeCondensate(gap=1.0, interaction=interaction), 0.25)
    free = stationary_states(TwoModeCondensate(gap=0.0, interaction=0.0), 0.5)
    assert free.potentials == pytest.approx([-0.25, 0.25])


CONDENSATE = TwoModeCondensate(gap=1.0, interaction=2.0)
CHIRAL = ac.Hamiltonian.affine([[0, 1j, 0], [-1j, 0, 0], [0, 0, 0]], np.diag([1.0, 0.0, -1.0]))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: stationary_states(LandauZener(gap=1.0), 0.0), "model"),
        (lambda: stationary_states(TwoModeCondensate(gap=[1.0, 2.0], interaction=1.0), 0), "model"),
        (lambda: stationary_states(CONDENSATE, np.nan), "x"),
        (lambda: stationary_states(MeanField(CHIRAL, 1.0), 0.0), "model"),
        (lambda: mean_field_levels(CONDENSATE, 1.0, 1.0), "stop"),
        (lambda: mean_field_levels(CONDENSATE, 1.0, 2.0, samples=1), "samples"),
        (lambda: ac.find_crossings(CONDENSATE, 2.0, 1.0), "stop"),
        (lambda: ac.find_crossings(TwoModeCondensate(gap=[1, 2], interaction=1.0), 0, 1), "H"),
        (lambda: ac.find_crossings(CONDENSATE, 0.0, 1.0, tolerance=0.0), "tolerance"),
        (
            lambda: stationary_states(
                MeanField(LandauZener(gap=1.0), conversions=[(0, 1, 1.0)]), 0.0
            ),
            "model",
        ),
    ],
)
def test_bad_arguments(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(ac.InputError, match=rf"Argument `{name}` must .*, but") as error:
        call()
    assert "\n" not in str(error.value)


def test_results_show_themselves(tmp_path: Any) -> None:
    found = mean_field_levels(CONDENSATE, -2, 2)
    axes = found.plot()
    assert {line.get_linestyle() for line in axes.get_lines()} >= {"-", "--"}
    assert found.save(tmp_path / "levels.json").exists()
    crossings = ac.find_crossings(CONDENSATE, -2, 2)
    assert crossings.plot() is not None
    assert "cusp" in str(crossings)
    assert set(crossings.to_dataset()) >= {"position", "kind", "gap"}
    assert set(stationary_states(CONDENSATE, 0.0).to_dataset()) >= {"potential", "growth"}
