"""Pulses, samples, schedules and the models of qubits and atoms in experiment files."""

import tomllib

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import drive, models, studies
from anticrossing.studies import levels
from tests.studies.common import refuse

HAMILTONIAN = """
[hamiltonian]
matrix = [["d/2", "x/2"], ["x/2", "-d/2"]]
parameters = { d = 0.3 }
[question]
basis = "diabatic"
"""
KINDS = {
    "gaussian": ("amplitude = 1.3\nwidth = 0.5\ncentre = 2", drive.Gaussian(1.3, 0.5, centre=2)),
    "sech": ("amplitude = 1\nwidth = 0.4", drive.Sech(1.0, 0.4)),
    "chirp": (
        "amplitude = 2.0\nfrequency = 1.0\nrate = 0.3\nwidth = 1.0",
        drive.Chirp(2.0, 1.0, 0.3, width=1.0),
    ),
    "trapezoid": (
        'amplitude = 2.0\nhold = 2.0\nrise = 1.0\nfall = 0.5\nedges = "cosine"',
        drive.Trapezoid(2.0, 2.0, 1.0, 0.5, edges="cosine"),
    ),
    "cosine": ("amplitude = 3.0\nwidth = 4.0", drive.Cosine(3.0, 4.0)),
    "slepian": (
        "amplitude = 1.0\nwidth = 5.0\nbandwidth = 1.5",
        drive.Slepian(1.0, 5.0, bandwidth=1.5),
    ),
    "fast-adiabatic": (
        "start = 8.0\nstop = 0.5\ngap = 0.6\nduration = 10.0\ncoefficients = [1.0, -0.1]",
        drive.FastAdiabatic(8.0, 0.5, 0.6, 10.0, coefficients=[1.0, -0.1]),
    ),
    "samples": (
        'times = [0, 1, 3]\nvalues = [0, 1, 0]\ninterpolation = "hold"\nrise_time = 0.2',
        drive.Samples([0, 1, 3], [0, 1, 0], interpolation="hold", rise_time=0.2),
    ),
    "annealing": (
        "points = [[0, 1], [5, 0.4], [9, 1]]",
        drive.AnnealingSchedule([(0, 1), (5, 0.4), (9, 1)]),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_drive_of_a_file_is_that_of_python(kind):
    keys, expected = KINDS[kind]
    made = studies.parse(f'{HAMILTONIAN}[drive]\nkind = "{kind}"\n{keys}\n').drive
    t = np.linspace(float(expected.start_time), float(expected.stop_time), 33)
    assert (made.start_time, made.stop_time) == (expected.start_time, expected.stop_time)
    assert np.array_equal(made(t), expected(t))
    assert np.array_equal(made.breakpoints, expected.breakpoints)
    assert repr(made) == repr(expected)


def test_every_kind_is_tried():
    others = {"linear", "tanh", "sinusoidal", "piecewise", "formula", "ballistic", "path"}
    assert {*levels.KINDS} - others == {*KINDS}


@pytest.mark.parametrize("kind", ["trapezoid", "samples"])
def test_numbers_of_a_pulse_are_scanned(kind):
    key = {"trapezoid": "hold", "samples": "amplitude"}[kind]
    keys, _ = KINDS[kind]
    scan = f'[scan]\nparameter = "drive.{key}"\nvalues = [0.5, 1.5, 2.5]\n'
    study = studies.parse(f'{HAMILTONIAN}[drive]\nkind = "{kind}"\n{keys}\n{scan}')
    stored = study.run().to_dataset()
    H = ac.Hamiltonian.from_matrix([["d/2", "x/2"], ["x/2", "-d/2"]], parameters={"d": 0.3})
    made = {
        "trapezoid": lambda v: drive.Trapezoid(2.0, v, 1.0, 0.5, edges="cosine"),
        "samples": lambda v: drive.Samples(
            [0, 1, 3], [0, 1, 0], interpolation="hold", rise_time=0.2, amplitude=v
        ),
    }[kind]
    exact = ac.propagate(H, made(np.array([0.5, 1.5, 2.5])), basis="diabatic")
    found = stored["scan_probability"].values
    assert np.max(np.abs(found - exact.transition_matrix[:, :, 0])) < 1e-9


MODELS = {
    "Transmon": "charging_energy = 0.25\njosephson_energy = 12.5",
    "CoupledTransmons": "fixed_frequency = 5.0\nanharmonicities = [-0.3, -0.3]\ncoupling = 0.02",
    "LambdaSystem": 'pump = "w*exp(-(x - 1)**2)"\nstokes = "w*exp(-(x + 1)**2)"\n'
    "parameters = { w = 9.0 }",
    "RydbergPair": "rabi = 1.0\ndetuning = 0.3\nc6 = 100.0",
    "RydbergChain": "sites = 3\nrabi = 0.3\ninteraction = 9.0",
    "NVCentre": "transverse_field = 0.5",
    "SpinInField": "spin = 2\ntransverse_field = 0.1\nanisotropy = -0.3\nrhombic = 0.05",
    "Annealer": 'fields = [0.5, 0.0]\ncouplings = [[0, 1, -1.0]]\ntransverse = "6*(1 - x)"\n'
    'problem = "9*x"',
}
TABLE = """fields = [0.5, 0.0]
couplings = [[0, 1, -1.0]]
fractions = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
transverse = [5.0, 3.2, 1.8, 0.8, 0.2, 0.0]
problem = [0.0, 1.8, 3.6, 5.4, 7.2, 9.0]"""


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_a_file_is_that_of_python(model):
    text = f'[hamiltonian]\nmodel = "{model}"\n{MODELS[model]}\n'
    text += '[drive]\nkind = "linear"\nstart = 0.2\nstop = 0.7\nrate = 1.0\n'
    given = tomllib.loads(MODELS[model])
    expected = getattr(models, model)(**given)
    made = studies.parse(text).hamiltonian
    assert np.array_equal(made(0.4), expected(0.4))
    assert made.units == expected.units


def test_an_annealers_table_may_stand_in_a_file():
    text = f'[hamiltonian]\nmodel = "Annealer"\n{TABLE}\n'
    text += '[drive]\nkind = "annealing"\npoints = [[0, 0], [5, 1]]\n'
    made = studies.parse(text).hamiltonian
    assert np.allclose(made(0.3), models.Annealer(**tomllib.loads(TABLE))(0.3), atol=1e-13)
    refuse(text.replace("[0.5, 0.0]", "[0, 0, 0, 0, 0, 0, 0]"), "at most 6 numbers in a file")
    refuse(text.replace("[[0, 0], [5, 1]]", "[[0, 0.2], [5, 1]]"), "reverse anneal")


BAD = {
    "kind": ('kind = "gausian"\namplitude = 1.0\nwidth = 1.0', "did you mean `gaussian`"),
    "key": ('kind = "gaussian"\namplitude = 1.0\nsigma = 1.0', "Unknown key `sigma`"),
    "missing": ('kind = "gaussian"\namplitude = 1.0', "The key `width` is missing"),
    "value": ('kind = "gaussian"\namplitude = 1.0\nwidth = -1.0', "`width` must be positive"),
    "word": ('kind = "samples"\ntimes = [0, 1]\nvalues = [0, 1]\ninterpolation = "step"', "one of"),
    "batch": ('kind = "sech"\namplitude = [1.0, 2.0]\nwidth = 1.0', "belong into \\[scan\\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pulses_are_refused_in_one_line(case):
    keys, message = BAD[case]
    refuse(f"{HAMILTONIAN}[drive]\n{keys}\n", message)
