"""Experiment files: what is accepted, and one clear line for everything else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.units import Units
from tests.studies.common import refuse

HAMILTONIAN = '[hamiltonian]\nmodel = "LandauZener"\ngap = 1.0\n'
DRIVE = '[drive]\nkind = "linear"\nstart = -50\nstop = 50\nrate = 1.0\n'


def test_defaults() -> None:
    loaded = studies.parse(HAMILTONIAN + DRIVE, name="a_name")
    assert loaded.title == "a name"
    assert loaded.plan is None
    assert (loaded.question.initial, loaded.question.basis) == (0, "adiabatic")
    assert loaded.hamiltonian.dimension == 2
    assert float(loaded.drive.stop_time) == 50.0


def test_matrix_with_parameters_equals_the_named_model() -> None:
    own = (
        '[hamiltonian]\nmatrix = [["x/2", "gap/2"], ["gap/2", "-x/2"]]\nlabels = ["u", "d"]\n'
        "[hamiltonian.parameters]\ngap = 1.0\n"
    )
    one, two = studies.parse(own + DRIVE), studies.parse(HAMILTONIAN + DRIVE)
    x = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(one.hamiltonian(x), two.hamiltonian(x))
    assert one.hamiltonian.labels == ("u", "d")


def test_terms_may_hold_complex_constants() -> None:
    own = (
        '[hamiltonian]\nterms = [{ coefficient = "x", matrix = [[1, 0], [0, -1]] }, '
        '{ coefficient = 0.2, matrix = [[0, "-I"], ["I", 0]] }]\n'
    )
    h = studies.parse(own + DRIVE).hamiltonian
    np.testing.assert_array_equal(h(2.0), [[2, -0.2j], [0.2j, -2]])


def test_units_are_attached_to_models_without_units_of_their_own() -> None:
    units = '[units]\nenergy = "GHz"\ntime = "ns"\ncoordinate = "mT"\n'
    loaded = studies.parse(units + HAMILTONIAN + DRIVE)
    assert loaded.hamiltonian.units == Units("GHz", "ns", "mT")


def test_ballistic_velocity() -> None:
    text = (
        '[hamiltonian]\nmodel = "SodiumIodide"\n'
        '[drive]\nkind = "ballistic"\nstart = 10.0\nstop = 5.0\nkinetic_energy = 1.0\nmass = 20.0\n'
    )
    drive = studies.parse(text).drive
    joules, kilograms = 1.602176634e-19, 20 * 1.66053906660e-27
    expected = -((2 * joules / kilograms) ** 0.5) * 1e-5  # m/s to Å/fs, downwards
    assert float(drive.velocity(float(drive.start_time))) == pytest.approx(expected, rel=1e-12)
    assert float(drive.start) == pytest.approx(10.0)


def test_annealing_short_forms() -> None:
    text = (
        '[hamiltonian]\nmodel = "Annealing"\ninitial = "transverse field"\n'
        "problem = { fields = [0.5, -0.25], couplings = [[0, 1, 1.0]] }\n"
        '[drive]\nkind = "linear"\nstart = 0\nstop = 1\nrate = 0.1\n'
    )
    h = studies.parse(text).hamiltonian
    np.testing.assert_allclose(np.diag(h(1.0)), [1.25, -0.25, -1.75, 0.75])
    np.testing.assert_allclose(np.linalg.eigvalsh(h(0.0))[0], -2.0)


def test_window_that_follows_a_parameter_is_scanned() -> None:
    text = HAMILTONIAN + (
        '[drive]\nkind = "formula"\nformula = "20*t/total"\nstart_time = "-total/2"\n'
        'stop_time = "total/2"\n[drive.parameters]\ntotal = 4.0\n'
        '[scan]\nparameter = "drive.total"\nvalues = [2, 4, 8]\n'
    )
    loaded = studies.parse(text)
    points = [loaded.at_point(loaded.tables, {"drive.total": v}).drive for v in (2, 4, 8)]
    assert [float(drive.stop_time) for drive in points] == [1, 2, 4]
    assert float(loaded.drive.stop_time) == 2.0
    _, single, _ = loaded.point("drive.total", 8.0)
    assert float(single.stop_time) == 4.0


def test_scan_of_a_key_that_is_not_given_takes_the_middle_value() -> None:
    text = '[hamiltonian]\nmodel = "LandauZener"\n' + DRIVE
    loaded = studies.parse(text + '[scan]\nparameter = "hamiltonian.gap"\nvalues = [1, 2, 3]\n')
    assert float(loaded.hamiltonian.parameters["gap"]) == 2.0


def test_log_scan() -> None:
    scan = '[scan]\nparameter = "drive.rate"\nfrom = 1e-2\nto = 1\npoints = 3\nscale = "log"\n'
    loaded = studies.parse(HAMILTONIAN + DRIVE + scan)
    assert loaded.plan is not None
    (axis,) = loaded.plan.axes
    np.testing.assert_allclose(axis.values, [0.01, 0.1, 1.0])
    assert axis.label == "rate"


def test_parameter_of_a_model_that_is_not_an_argument() -> None:
    text = (
        '[hamiltonian]\nmodel = "DemkovOsherov"\nlevels = [0.0, 1.0]\ncouplings = [0.1, 0.1]\n'
        + DRIVE
        + '[scan]\nparameter = "hamiltonian.coupling_2"\nvalues = [0.1, 0.2]\n'
    )
    loaded = studies.parse(text)
    assert loaded.plan is not None
    assert loaded.computes_many(loaded.plan.grid)


NESTED = "x = " + "[" * 3000 + "]" * 3000
SCAN = HAMILTONIAN + DRIVE + "[scan]\n"
MATRIX = "[hamiltonian]\nmatrix = "
TERMS = '[hamiltonian]\nterms = [{{ coefficient = "x", matrix = {} }}]\n' + DRIVE

BAD = {
    "not TOML": ("= 3", "Not valid TOML"),
    "half a character": ('title = "\ud800"\n' + HAMILTONIAN + DRIVE, "half a character"),
    "nested": (NESTED, "nested too deeply"),
    "empty": ("", r"\[hamiltonian\] is missing"),
    "no drive": (HAMILTONIAN, r"\[drive\] is missing"),
    "top key": (HAMILTONIAN + DRIVE + "[scann]\n", "Unknown key `scann`.*did you mean `scan`"),
    "escape": ('title = "\\u001b[31m"\n' + HAMILTONIAN + DRIVE, "control characters"),
    "annealing couplings": (
        '[hamiltonian]\nmodel = "Annealing"\ninitial = "transverse field"\n'
        "problem = { fields = [1.0], couplings = 3 }\n" + DRIVE,
        "`couplings` must be a list",
    ),
    "table is number": ("hamiltonian = 3\n" + DRIVE, "`hamiltonian` must be a table"),
    "title is number": ("title = 3\n" + HAMILTONIAN + DRIVE, "`title` must be text"),
    "model": ('[hamiltonian]\nmodel = "LandauZenner"\n' + DRIVE, "did you mean `LandauZener`"),
    "model key": (HAMILTONIAN + "gapp = 1\n" + DRIVE, "Unknown key `gapp`.*did you mean `gap`"),
    "model key missing": ('[hamiltonian]\nmodel = "LandauZener"\n' + DRIVE, "key `gap`.*missing"),
    "two forms": (HAMILTONIAN + "matrix = [[1]]\n" + DRIVE, "`model` and `matrix`"),
    "no form": ("[hamiltonian]\n" + DRIVE, "none of them"),
    "gap text": ('[hamiltonian]\nmodel = "LandauZener"\ngap = "1"\n' + DRIVE, "`gap` must be"),
    "gap true": ('[hamiltonian]\nmodel = "LandauZener"\ngap = true\n' + DRIVE, "`gap` must be"),
    "gap nan": ('[hamiltonian]\nmodel = "LandauZener"\ngap = nan\n' + DRIVE, "`gap` must be fin"),
    "gap inf": ('[hamiltonian]\nmodel = "LandauZener"\ngap = -inf\n' + DRIVE, "`gap` must be fin"),
    "gap huge": (
        '[hamiltonian]\nmodel = "LandauZener"\ngap = 1' + "0" * 400 + "\n" + DRIVE,
        "too large",
    ),
    "gap date": ('[hamiltonian]\nmodel = "LandauZener"\ngap = 2020-01-01\n' + DRIVE, "`gap` must"),
    "flag": (
        '[hamiltonian]\nmodel = "TransverseIsing"\nsites = 2\nperiodic = 1\n' + DRIVE,
        "true or false",
    ),
    "sites": ('[hamiltonian]\nmodel = "TransverseIsing"\nsites = 19\n' + DRIVE, "at most 6"),
    "spin": (
        '[hamiltonian]\nmodel = "SpinInField"\nspin = 1e9\ntransverse_field = 1\n' + DRIVE,
        "at most 31.5",
    ),
    "qubits": ('[hamiltonian]\nmodel = "Grover"\nqubits = 1000000\n' + DRIVE, "at most 40"),
    "grover full": (
        '[hamiltonian]\nmodel = "Grover"\nqubits = 12\nreduced = false\n' + DRIVE,
        "at most 6",
    ),
    "many levels": (
        '[hamiltonian]\nmodel = "DemkovOsherov"\nlevels = '
        + str(list(range(100)))
        + "\ncouplings = "
        + str([0.1] * 100)
        + "\n"
        + DRIVE,
        "at most 64 levels",
    ),
    "long list": (
        '[hamiltonian]\nmodel = "DemkovOsherov"\ncouplings = [1]\nlevels = '
        + str(list(range(600)))
        + "\n"
        + DRIVE,
        "at most 512",
    ),
    "not Hermitian": (MATRIX + '[["x", "1"], ["2", "-x"]]\n' + DRIVE, "be Hermitian"),
    "not square": (MATRIX + '[["x", "1"], ["1"]]\n' + DRIVE, "be square"),
    "empty matrix": (MATRIX + "[]\n" + DRIVE, "be square"),
    "matrix of lists": (MATRIX + "[[[1]]]\n" + DRIVE, "must be a number or text"),
    "unknown name": (MATRIX + '[["x", "g"], ["g", "-x"]]\n' + DRIVE, "unknown name `g`"),
    "hostile import": (
        MATRIX + "[[\"__import__('os').system('x')\", 0], [0, 0]]\n" + DRIVE,
        "not allowed",
    ),
    "hostile power": (MATRIX + '[["9**9**9", 0], [0, 0]]\n' + DRIVE, "not allowed"),
    "hostile depth": (MATRIX + '[["' + "(" * 500 + "x" + ")" * 500 + '"]]\n' + DRIVE, "not valid"),
    "attribute": (MATRIX + '[["x.__class__", 0], [0, 0]]\n' + DRIVE, "not allowed"),
    "nan entry": (MATRIX + "[[nan, 0], [0, 0]]\n" + DRIVE, "finite"),
    "term not Hermitian": (TERMS.format("[[1, 2], [3, 4]]"), "be Hermitian"),
    "term key": (
        "[hamiltonian]\nterms = [{ coefficient = 1, matrx = [[1]] }]\n" + DRIVE,
        "did you mean `matrix`",
    ),
    "term no table": ("[hamiltonian]\nterms = [3]\n" + DRIVE, "be a table"),
    "labels": (
        MATRIX + '[["x", 0], [0, 0]]\nlabels = ["a"]\n' + DRIVE,
        "`labels` must have 2 entries",
    ),
    "reserved parameter": (
        MATRIX + '[["x"]]\n[hamiltonian.parameters]\n__class__ = 1\n' + DRIVE,
        "reserved",
    ),
    "kind": (HAMILTONIAN + '[drive]\nkind = "linaer"\n', "did you mean `linear`"),
    "no kind": (HAMILTONIAN + "[drive]\nstart = 1\n", "key `kind` is missing"),
    "zero rate": (HAMILTONIAN + DRIVE.replace("rate = 1.0", "rate = 0.0"), "`rate` must not be"),
    "reversed window": (HAMILTONIAN + DRIVE.replace("rate = 1.0", "rate = -1.0"), "`stop` must"),
    "empty window": (HAMILTONIAN + DRIVE.replace("stop = 50", "stop = -50"), "window is empty"),
    "drive key": (HAMILTONIAN + DRIVE + "raet = 3\n", "did you mean `rate`"),
    "list rate": (HAMILTONIAN + DRIVE.replace("rate = 1.0", "rate = [1.0, 2.0]"), "single number"),
    "piecewise order": (
        HAMILTONIAN + '[drive]\nkind = "piecewise"\ntimes = [0, 2, 1]\nvalues = [0, 1, 2]\n',
        "numbers that increase",
    ),
    "piecewise shape": (
        HAMILTONIAN + '[drive]\nkind = "piecewise"\ntimes = [0, 2]\nvalues = [0, 1, 2]\n',
        "shape of `times`",
    ),
    "formula hostile": (
        HAMILTONIAN
        + '[drive]\nkind = "formula"\nformula = "open(1)"\nstart_time = 0\nstop_time = 1\n',
        "not a known function",
    ),
    "formula pole": (
        HAMILTONIAN + '[drive]\nkind = "formula"\nformula = "1/t"\nstart_time = 0\nstop_time = 1\n',
        "finite on the window",
    ),
    "formula window": (
        HAMILTONIAN
        + '[drive]\nkind = "formula"\nformula = "t"\nstart_time = "1/0"\nstop_time = 1\n',
        "divides by zero",
    ),
    "ballistic units": (
        HAMILTONIAN
        + '[drive]\nkind = "ballistic"\nstart = 0\nstop = 1\nkinetic_energy = 1\nmass = 1\n',
        r"give \[units\]",
    ),
    "ballistic negative": (
        '[hamiltonian]\nmodel = "SodiumIodide"\n'
        '[drive]\nkind = "ballistic"\nstart = 4\nstop = 9\nkinetic_energy = -1\nmass = 1\n',
        "`kinetic_energy` must be positive",
    ),
    "unit": ('[units]\nenergy = "GHzz"\ntime = "ns"\n' + HAMILTONIAN + DRIVE, "did you mean `GHz`"),
    "half of units": ('[units]\nenergy = "GHz"\n' + HAMILTONIAN + DRIVE, "both an energy and a"),
    "units of a model": (
        '[units]\nenergy = "eV"\ntime = "fs"\n[hamiltonian]\nmodel = "FluxQubit"\ngap = 1\n'
        "persistent_current = 1\n" + DRIVE,
        "FluxQubit is in GHz",
    ),
    "initial": (HAMILTONIAN + DRIVE + "[question]\ninitial = 2\n", "level from 0 to 1"),
    "initial float": (HAMILTONIAN + DRIVE + "[question]\ninitial = 0.0\n", "be an integer"),
    "basis": (HAMILTONIAN + DRIVE + '[question]\nbasis = "adiabatik"\n', "did you mean"),
    "tolerance": (HAMILTONIAN + DRIVE + "[question]\ntolerance = 1e-20\n", "lie between"),
    "samples": (HAMILTONIAN + DRIVE + "[question]\nsamples = 1000000\n", "at most 5000"),
    "scan unknown": (SCAN + 'parameter = "drive.rat"\nvalues = [1]\n', "`rat`.*`rate`"),
    "scan table": (SCAN + 'parameter = "question.tolerance"\nvalues = [1]\n', "drive.NAME"),
    "scan kind": (SCAN + 'parameter = "drive.kind"\nvalues = [1]\n', "single number"),
    "scan empty": (SCAN + 'parameter = "drive.rate"\nvalues = []\n', "at least one number"),
    "scan order": (
        SCAN + 'parameter = "drive.rate"\nvalues = [2, 1, 3]\n',
        "increase or decrease strictly",
    ),
    "scan nan": (SCAN + 'parameter = "drive.rate"\nvalues = [1, nan]\n', "finite"),
    "scan zero rate": (SCAN + 'parameter = "drive.rate"\nvalues = [0, 1]\n', "not be zero"),
    "scan both": (SCAN + 'parameter = "drive.rate"\nvalues = [1]\nfrom = 1\n', "stand alone"),
    "scan log": (
        SCAN + 'parameter = "drive.rate"\nfrom = -1\nto = 1\npoints = 3\nscale = "log"\n',
        "`from` must be positive",
    ),
    "scan size": (
        SCAN + 'parameter = "drive.rate"\nfrom = 1\nto = 2\npoints = 100000000\n',
        "at most 2000",
    ),
    "scan no points": (SCAN + 'parameter = "drive.rate"\nfrom = 1\nto = 2\n', "`points` is miss"),
    "huge integer": (HAMILTONIAN + f"x = 1{'0' * 5000}\n" + DRIVE, "out of range"),
    "list for a number": (HAMILTONIAN.replace("1.0", "[1, 2]") + DRIVE, "`gap` must be a single"),
    "breakpoints": (
        HAMILTONIAN + '[drive]\nkind = "formula"\nformula = "t"\nstart_time = -1\nstop_time = 1\n'
        "breakpoints = 0\n",
        "`breakpoints` must be a list",
    ),
    "nested coupling": (
        '[hamiltonian]\nmodel = "Annealing"\ninitial = "transverse field"\n'
        "problem = { fields = [1, 2], couplings = [[[0], 1, 1]] }\n" + DRIVE,
        "`couplings` must be an integer",
    ),
    "scan flat": (SCAN + 'parameter = "drive.rate"\nfrom = 1\nto = 1\npoints = 3\n', "differ"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_clear_line(case: str) -> None:
    refuse(*BAD[case])


def test_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "from_an_editor.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (HAMILTONIAN + DRIVE).encode())
    assert studies.load(path).hamiltonian.name == "LandauZener"


def test_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(InputError, match="not a regular file"):
        studies.load(tmp_path / "pipe.toml")
