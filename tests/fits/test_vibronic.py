"""Vibronic coupling models recovered from their own energies, derivatives and symmetry."""

import dataclasses

import numpy as np
import pytest

from anticrossing import InputError, models
from anticrossing.fits import fit_vibronic
from anticrossing.models import Pyrazine, VibronicCoupling
from anticrossing.units import Units
from tests.effort import slow


def random_model(states, modes, seed):
    rng = np.random.default_rng(seed)
    linear = 0.15 * rng.standard_normal((modes, states, states))
    return VibronicCoupling(
        energies=np.sort(rng.uniform(0, 1, states)),
        frequencies=rng.uniform(0.05, 0.2, modes),
        linear=(linear + linear.swapaxes(1, 2)) / 2,
    )


def positive(linear):
    """Signs of states with which the strongest coupling to a lower state is positive."""
    sign = np.ones(linear.shape[-1])
    for n in range(1, sign.size):
        column = linear[:, :n, n]
        k, m = divmod(int(np.argmax(np.abs(column))), n)
        sign[n] = sign[m] * np.sign(column[k, m])
    return linear * sign[:, None] * sign


def scans(modes, reach=4.0, points=17):
    along = np.linspace(-reach, reach, points)
    return np.concatenate([along[:, None] * row for row in np.eye(modes)])


def derivatives(model, Q, rng):
    """Gradients and couplings of adiabatic states with random signs."""
    E, U = np.linalg.eigh(model(Q))
    U = U * rng.choice([-1, 1], (len(Q), 1, model.dimension))
    F = np.einsum("kan,kiab,kbm->kinm", U, model.evaluate_gradient(Q, {}), U)
    gap = E[:, None, None, :] - E[:, None, :, None]
    off = ~np.eye(model.dimension, dtype=bool)
    couplings = np.zeros_like(F)
    couplings[..., off] = F[..., off] / gap[..., off]
    return E, np.einsum("kinn->kin", F), couplings


def test_pyrazine_is_recovered():
    model = Pyrazine()
    Q = np.random.default_rng(1).uniform(-3, 3, (60, 3))
    fit = fit_vibronic(Q, np.linalg.eigvalsh(model(Q)), frequencies=model.frequencies, starts=4)
    np.testing.assert_allclose(fit.hamiltonian.linear, model.linear, atol=1e-10)
    np.testing.assert_allclose(np.diag(fit.hamiltonian.constant), [3.94, 4.84], atol=1e-10)
    assert fit.determined
    assert not fit.warnings
    # another route to λ: the curvature at Q = 0 is ω ± 2λ²/(E2 − E1)
    step = 1e-3 * np.eye(3)[2]
    E = np.linalg.eigvalsh(fit.hamiltonian(np.array([-step, 0 * step, step])))
    curvature = (E[0] - 2 * E[1] + E[2]) / 1e-6
    np.testing.assert_allclose(curvature[1], 0.118 + 2 * 0.262**2 / 0.9, rtol=1e-5)


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("states", "modes", "seed"),
    [(2, 2, 0), (2, 6, 0), slow(3, 3, 1)]
    + [slow(states, modes, seed) for states in (2, 3, 4) for modes in (3, 4, 6) for seed in (1, 2)],
)
def test_random_models_are_recovered(states, modes, seed):
    # Q = 0 of (2, 2, 0) has a gap of a tenth of the couplings, which misled the search at first.
    model = random_model(states, modes, seed)
    Q = np.random.default_rng(100 + seed).uniform(-3, 3, (30 * states + 20 * modes, modes))
    fit = fit_vibronic(Q, np.linalg.eigvalsh(model(Q)), frequencies=model.frequencies)
    np.testing.assert_allclose(fit.hamiltonian.linear, positive(model.linear), atol=1e-8)
    np.testing.assert_allclose(fit.hamiltonian.constant, model.constant, atol=1e-8)


@pytest.mark.slow
def test_errors_are_those_of_repetitions():
    model, sigma = Pyrazine(), 2e-3
    rng = np.random.default_rng(4)
    Q = rng.uniform(-3, 3, (40, 3))
    E = np.linalg.eigvalsh(model(Q))
    truth = {"lambda(Q3, 1, 2)": 0.262, "kappa(Q1, 2)": -0.254, "energy(1)": 3.94}
    pulls, chi = [], []
    for _ in range(6):
        noisy = E + sigma * rng.standard_normal(E.shape)
        fit = fit_vibronic(Q, noisy, frequencies=model.frequencies, error=sigma, starts=2)
        pulls += [(fit[name].value - value) / fit[name].error for name, value in truth.items()]
        chi.append(fit.reduced_chi_square)
    # 18 pulls: mean 0 ± 0.24, deviation 1 ± 0.17; χ²/ν of 6 × 69 degrees: 1 ± 0.07
    assert abs(np.mean(pulls)) < 4 * 0.24
    assert abs(np.std(pulls) - 1) < 4 * 0.17
    assert abs(np.mean(chi) - 1) < 4 * 0.07
    # without errors given, those of the residuals are the same within 4/√(2·69)
    free = fit_vibronic(Q, noisy, frequencies=model.frequencies, starts=2)
    ratio = free["energy(1)"].error / fit["energy(1)"].error
    assert abs(ratio / np.sqrt(fit.reduced_chi_square) - 1) < 1e-6


def test_symmetry_leaves_out_what_vanishes():
    model = Pyrazine(modes=4)
    Q = np.random.default_rng(2).uniform(-3, 3, (80, 4))
    fit = fit_vibronic(
        Q,
        np.linalg.eigvalsh(model(Q)),
        frequencies=model.frequencies,
        order=2,
        group="D2h",
        mode_irreps=["B1g", "Ag", "Ag", "Ag"],
        state_irreps=["B3u", "B2u"],
        coordinates=model.coordinates,
        labels=["S1", "S2"],
        starts=4,
    )
    assert "lambda(Q10a, S1, S2)" in fit.parameters
    assert not any(name.startswith("kappa(Q10a") for name in fit.parameters)
    assert not any(name.startswith("lambda(Q6a") for name in fit.parameters)
    np.testing.assert_allclose(fit.hamiltonian.linear, model.linear, atol=1e-9)
    np.testing.assert_allclose(fit.hamiltonian.quadratic, model.quadratic, atol=1e-9)


def test_parity_is_seen_in_scans():
    model, Q = Pyrazine(), scans(3)
    E = np.linalg.eigvalsh(model(Q))
    fit = fit_vibronic(Q, E, frequencies=model.frequencies, detect_parity=True, starts=4)
    assert set(fit.parameters) == {
        *("energy(1)", "energy(2)", "kappa(Q1, 1)", "kappa(Q1, 2)", "kappa(Q2, 1)"),
        *("kappa(Q2, 2)", "lambda(Q3, 1, 2)"),
    }
    np.testing.assert_allclose(fit.hamiltonian.linear, model.linear, atol=1e-10)
    assert any("even along Q3" in text for text in fit.warnings)


def test_scans_do_not_tell_signs_of_one_mode_against_another():
    model, Q = random_model(2, 2, 3), scans(2)
    E = np.linalg.eigvalsh(model(Q))
    fit = fit_vibronic(Q, E, frequencies=model.frequencies, starts=4)
    assert any("signs of couplings along Q1, Q2" in text for text in fit.warnings)
    assert abs(fit.prediction - np.sort(E)).max() < 1e-10
    np.testing.assert_allclose(abs(fit.hamiltonian.linear), abs(model.linear), atol=1e-9)
    # one geometry off the axes decides it: the products of couplings differ there
    more = np.concatenate([Q, [[2.0, 2.0]]])
    E = np.linalg.eigvalsh(model(more))
    fit = fit_vibronic(more, E, frequencies=model.frequencies, starts=4)
    assert not fit.warnings
    np.testing.assert_allclose(fit.hamiltonian.linear, positive(model.linear), atol=1e-8)


def test_one_scan_of_three_states_has_another_answer():
    # A plane cubic is the determinant of two pencils of real symmetric matrices.
    model, Q = random_model(3, 1, 1), scans(1, points=40)
    E = np.linalg.eigvalsh(model(Q[:, 0]))
    found = [
        fit_vibronic(Q, E, frequencies=model.frequencies, seed=seed, starts=8) for seed in (1, 2)
    ]
    assert all(fit.root_mean_square < 1e-14 for fit in found)
    assert abs(found[0].hamiltonian.linear - found[1].hamiltonian.linear).max() > 1e-3
    for fit in found:
        assert any("other couplings along Q1" in text for text in fit.warnings)
        assert not fit.determined


@pytest.mark.parametrize("at_origin", [False, True])
def test_degenerate_states(at_origin):
    # E⊗e turned by an angle: the same surfaces, so the standard form must come back.
    k, angle = 0.15, 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    standard = k * np.array([[[-1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
    model = VibronicCoupling(
        energies=[1.0, 1.0], frequencies=[0.1, 0.1], linear=turn.T @ standard @ turn
    )
    Q = np.random.default_rng(3).uniform(-3, 3, (30, 2))
    Q[0] *= not at_origin
    E = np.linalg.eigvalsh(model(Q))
    fit = fit_vibronic(Q, E, frequencies=[0.1, 0.1], starts=4)
    np.testing.assert_allclose(fit.hamiltonian.linear, standard, atol=1e-8)
    assert fit.determined
    assert any("up to a rotation" in text for text in fit.warnings)


@pytest.mark.slow
def test_few_geometries_with_derivatives():
    model = random_model(3, 4, 5)
    rng = np.random.default_rng(6)
    Q = rng.uniform(-2, 2, (5, 4))
    E, gradients, couplings = derivatives(model, Q, rng)
    fit = fit_vibronic(
        *(Q, E[:, ::-1]),
        frequencies=model.frequencies,
        gradients=gradients[..., ::-1],
        couplings=couplings[..., ::-1, ::-1],
        starts=4,
    )
    np.testing.assert_allclose(fit.hamiltonian.linear, positive(model.linear), atol=1e-9)
    assert any("not in ascending order" in text for text in fit.warnings)
    # what is not known is left out, what is wrong there does no harm
    gradients[0, 1] = np.nan
    again = fit_vibronic(
        *(Q, E), frequencies=model.frequencies, gradients=gradients, couplings=couplings, starts=4
    )
    np.testing.assert_allclose(again.hamiltonian.linear, positive(model.linear), atol=1e-9)
    assert again.residuals.size == fit.residuals.size - 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_quadratic_models_are_recovered(seed):
    first = random_model(3, 3, seed)
    rng = np.random.default_rng(seed)
    G = 0.02 * rng.standard_normal((3, 3, 3))
    quadratic = (G + G.swapaxes(0, 1))[..., None] * np.eye(3)
    model = VibronicCoupling(
        energies=first.constant,
        frequencies=first.frequencies,
        linear=first.linear,
        quadratic=quadratic,
    )
    Q = rng.uniform(-3, 3, (200, 3))
    fit = fit_vibronic(Q, np.linalg.eigvalsh(model(Q)), frequencies=model.frequencies, order=2)
    np.testing.assert_allclose(fit.hamiltonian.linear, positive(model.linear), atol=1e-8)
    np.testing.assert_allclose(fit.hamiltonian.quadratic, quadratic, atol=1e-8)


def test_fits_are_written_for_other_programs(tmp_path):
    model = Pyrazine()
    Q = np.random.default_rng(1).uniform(-3, 3, (30, 3))
    fit = fit_vibronic(
        *(Q, np.linalg.eigvalsh(model(Q))),
        frequencies=model.frequencies,
        units=Units("eV", "fs"),
        starts=4,
    )
    again = models.read_operator(models.write_operator(fit.hamiltonian, tmp_path / "a.op"))
    there = 27.211386245988 * again.hamiltonian(Q)
    np.testing.assert_allclose(np.linalg.eigvalsh(there), np.linalg.eigvalsh(model(Q)), atol=1e-9)


def test_a_model_of_sharc_from_its_own_energies(tmp_path):
    folder = "tests/reference_data/sharc_lvc"
    model = models.read_sharc(f"{folder}/LVC.template", f"{folder}/V0.txt")
    H = model.hamiltonian
    with pytest.raises(InputError, match="hartree"):
        dataclasses.replace(model, hamiltonian=_in_units(H, Units("eV", "fs")))
    again = dataclasses.replace(model, hamiltonian=_in_units(H, Units("hartree", "atomic")))
    models.write_sharc(again, tmp_path / "LVC.template", tmp_path / "V0.txt")
    read = models.read_sharc(tmp_path / "LVC.template").hamiltonian
    np.testing.assert_array_equal(read.linear, H.linear)


def _in_units(H, units):
    return VibronicCoupling(
        energies=H.constant,
        frequencies=H.frequencies,
        linear=H.linear,
        quadratic=H.quadratic,
        coordinates=H.coordinates,
        labels=H.labels,
        units=units,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": [1.0, 2.0]}, "positions"),
        ({"energies": [[1.0, 2.0]]}, "energies"),
        ({"frequencies": [0.1]}, "frequencies"),
        ({"frequencies": [0.1, -0.1]}, "frequencies"),
        ({"order": 3}, "order"),
        ({"coupling_order": 2}, "coupling_order"),
        ({"error": 0.0}, "error"),
        ({"error": [1.0, 2.0]}, "error"),
        ({"derivative_error": 0.1}, "derivative_error"),
        ({"gradients": np.zeros((3, 2))}, "gradients"),
        ({"gradients": np.full((9, 2, 2), np.inf)}, "gradients"),
        ({"couplings": np.ones((9, 2, 2, 2))}, "couplings"),
        ({"group": "C2v"}, "group"),
        ({"state_irreps": ["A1", "A1"]}, "state_irreps"),
        ({"group": "C2v", "mode_irreps": ["A1", "X"], "state_irreps": ["A1"] * 2}, "mode_irreps"),
        ({"labels": ["S1"]}, "labels"),
        ({"starts": 0}, "starts"),
        ({"positions": np.zeros((3, 2)), "energies": np.ones((3, 2))}, "at least 8"),
    ],
)
def test_bad_input_is_one_line(change, message):
    Q = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    given = {"positions": Q, "energies": np.stack([Q[:, 0], 1 + Q[:, 1]], 1)}
    given |= {"frequencies": [0.1, 0.1], **change}
    with pytest.raises(InputError, match=message) as caught:
        fit_vibronic(**given)
    assert "\n" not in str(caught.value)


def deviating(states, seed):
    """Return geometries along two modes, energies of a random model, frequencies."""
    rng = np.random.default_rng(seed)
    omega, constant = rng.uniform(0.05, 0.3, 2), np.sort(rng.uniform(0, 1.5, states))
    linear = 0.1 * rng.standard_normal((2, states, states))
    linear += linear.swapaxes(1, 2)
    Q = rng.uniform(-3, 3, (100, 2))
    W = np.diag(constant) + np.einsum("ki,iab->kab", Q, linear)
    energies = np.linalg.eigvalsh(W) + 0.5 * (Q**2 @ omega)[:, None]
    return Q, energies + 1e-3 * rng.standard_normal(energies.shape), omega


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 103, 107])
def test_four_states_have_many_minima(seed):
    Q, energies, omega = deviating(4, seed)
    fit = fit_vibronic(Q, energies, frequencies=omega)
    assert fit.root_mean_square < 1.1e-3
    assert not fit.warnings


@pytest.mark.slow
def test_neighbours_that_deviate_together_are_told():
    Q, energies, omega = deviating(2, 100)
    assert not fit_vibronic(Q, energies, frequencies=omega).warnings
    beyond = fit_vibronic(Q, energies + 3e-3 * Q[:, :1] ** 3, frequencies=omega, starts=4)
    assert any("deviate together" in text for text in beyond.warnings)
    assert beyond.determined


def test_parity_is_weighed_over_all_pairs() -> None:
    """A gradient of ten standard deviations, of which no single pair of geometries tells much."""
    rng = np.random.default_rng(3)
    linear = [np.diag([0.02, -0.01]), [[0, 0.1], [0.1, 0]]]
    W = VibronicCoupling(energies=[0, 0.5], frequencies=[0.1, 0.15], linear=linear)
    half = rng.uniform(0.2, 1, (40, 2))
    Q = np.concatenate([half, half * [-1, 1], half * [1, -1]])
    E = np.linalg.eigvalsh(W(Q)) + 0.01 * rng.normal(size=(len(Q), 2))
    fit = fit_vibronic(Q, E, frequencies=[0.1, 0.15], error=0.01, detect_parity=True)
    assert fit.warnings == ("all energies are even along Q2",)
    np.testing.assert_allclose(fit.hamiltonian.linear[0].diagonal(), [0.02, -0.01], atol=0.006)
