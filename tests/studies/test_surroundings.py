"""Environments in experiment files: what they build, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.environment.spectral_density import Ohmic

HEAD = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -20, stop = 20, rate = 0.5 }
"""


def exact(text: str) -> np.ndarray:
    result = studies.run(studies.parse(HEAD + text))
    return np.asarray(result.exact.transition_matrix)


def test_superadiabatic_states_are_read_out_with_an_environment() -> None:
    text = 'environment = { kind = "dephasing", gamma = 0.1 }\n'
    between = exact(text + 'question.basis = "superadiabatic"')
    assert np.max(np.abs(between - exact(text))) < 1e-3
    assert np.max(np.abs(between - exact(text))) > 1e-9


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ('environment = { kind = "dephasing", gamma = 0.3 }', ac.Dephasing(0.3)),
        ('environment = { kind = "dephasing", rate = "0.1 + 0*x" }', ac.Dephasing(rate=0.1)),
        ('environment = { kind = "fixed-axis", rate = 0.4 }', ac.FixedAxisDephasing(0.4)),
        (
            'environment = { kind = "bath", operator = [[0.5, 0], [0, -0.5]], temperature = 0.5, '
            'equation = "redfield", spectral_density = { kind = "ohmic", '
            "reorganization_energy = 0.1, cutoff = 2.0 } }",
            ac.Bath(
                np.diag([0.5, -0.5]),
                Ohmic(reorganization_energy=0.1, cutoff=2.0),
                0.5,
                equation="redfield",
            ),
        ),
        (
            'environment = { kind = "thermal", temperature = 0.5, spectral_density = "0.1*omega" }',
            ac.ThermalRelaxation(temperature=0.5, spectral_density=lambda w: 0.1 * w),
        ),
        (
            'environment = { kind = "qubit", t1 = 30, t2 = 20, temperature = 0.5 }',
            ac.ThermalRelaxation(temperature=0.5, t1=30.0) + ac.Dephasing(rate=1 / 20 - 1 / 60),
        ),
        (
            '[[environment]]\nkind = "lindblad"\n'
            'operators = [{ coefficient = "0.2*exp(-x**2)", matrix = [[0, 1], [0, 0]] }]\n'
            '[[environment]]\nkind = "dephasing"\ngamma = 0.1\n',
            ac.Lindblad([("0.2*exp(-x**2)", [[0, 1], [0, 0]])]) + ac.Dephasing(0.1),
        ),
    ],
)
def test_tables_build_the_environments_they_name(text: str, environment: ac.Environment) -> None:
    expected = ac.propagate(
        ac.models.LandauZener(gap=1.0), ac.drive.Linear(-20, 20, 0.5), environment=environment
    )
    np.testing.assert_allclose(exact(text), expected.transition_matrix, atol=1e-12)


def test_scan_of_a_strength() -> None:
    text = (
        'environment = { kind = "dephasing", gamma = 0.3 }\n'
        '[scan]\nparameter = "environment.gamma"\nvalues = [0.1, 0.3, 1.0]\n'
    )
    result = studies.run(studies.parse(HEAD + text))
    assert result.scan is not None
    for value, row in zip((0.1, 0.3, 1.0), result.scan["probability"], strict=True):
        single = exact(f'environment = {{ kind = "dephasing", gamma = {value} }}')
        np.testing.assert_allclose(row, single[:, 0], atol=1e-12)
    assert "Landau–Zener with dephasing" in result.predicted


def test_dataset_holds_the_density_matrix() -> None:
    text = 'environment = { kind = "dephasing", gamma = 0.3 }'
    dataset = studies.run(studies.parse(HEAD + text)).to_dataset()
    assert "propagator" not in dataset
    rho = dataset["density_matrix"].sel(part="real").to_numpy()
    assert np.trace(rho) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environment = 3", "a table"),
        ("environment = { gamma = 0.3 }", "`kind` is missing"),
        ('environment = { kind = "dephasin", gamma = 0.3 }', "did you mean `dephasing`"),
        ('environment = { kind = "dephasing", gama = 0.3 }', "did you mean `gamma`"),
        ('environment = { kind = "dephasing", gamma = -0.3 }', "not be negative"),
        ('environment = { kind = "dephasing", gamma = nan }', "finite"),
        ('environment = { kind = "dephasing", gamma = "__import__(1)" }', "not a known function"),
        ('environment = { kind = "dephasing" }', "exactly one"),
        ('environment = { kind = "thermal", temperature = 0, t1 = 1 }', "positive"),
        ('environment = { kind = "thermal", t1 = 1 }', "`temperature` is missing"),
        ('environment = { kind = "qubit", t1 = 1, t2 = 3, temperature = 1 }', "at most 2 t1"),
        ('environment = { kind = "fixed-axis", rate = 1, axis = [[0, 1], [0, 0]] }', "Hermitian"),
        ('environment = { kind = "fixed-axis", rate = 1, axis = [[1]] }', r"shape \(2, 2\)"),
        ('environment = { kind = "lindblad", operators = [1] }', "be a table"),
        (
            'environment = { kind = "bath", operator = [[1, 0], [0, -1]], temperature = 1, '
            'spectral_density = { kind = "ohmic", reorganization_energy = 1 } }',
            "`cutoff` must be given for `ohmic`",
        ),
        (
            'environment = { kind = "bath", operator = [[1, 0], [0, -1]], temperature = 1, '
            'spectral_density = { kind = "debye", reorganization_energy = 1, '
            "relaxation_rate = 1, damping = 1 } }",
            "`damping` must be left out",
        ),
    ],
)
def test_mistakes_are_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        studies.parse(HEAD + text)
    assert "\n" not in str(caught.value)
