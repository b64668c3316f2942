"""Pulses, samples, schedules and the models of qubits and atoms in experiment files."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import drive, studies
from anticrossing.studies import levels
from anticrossing.units import NATURAL

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
    study = studies.parse(f'{HAMILTONIAN}[drive]\nkind = "{kind}"\n{keys}\n')
    again = studies.parse(study.to_toml()) if hasattr(study, "to_toml") else study
    entries = again.tables["drive"] if hasattr(again, "tables") else {"kind": kind}
    if len(entries) > 1:
        made = levels.drive(entries, NATURAL)
        t = np.linspace(float(expected.start_time), float(expected.stop_time), 33)
        assert np.array_equal(made(t), expected(t))


def test_every_new_kind_is_tried():
    older = {"linear", "tanh", "sinusoidal", "piecewise", "formula", "ballistic"}
    assert {*levels.KINDS} == {*KINDS} | older
