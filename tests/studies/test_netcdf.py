"""The NetCDF file of a passage is the one xarray would write, without importing xarray."""

import subprocess
import sys

import pytest
import xarray

from anticrossing import studies
from tests.effort import slow

LINE = """
title = "Grüße"
drive = { kind = "linear", start = -30, stop = 30, rate = 1.0 }
"""
TEXTS = {
    "scan": LINE
    + """
hamiltonian = { model = "LandauZener", gap = 1.0 }
scan = { parameter = "drive.rate", values = [0.5, 1.0] }
""",
    "states": LINE
    + """
hamiltonian = { matrix = [["x/2", "0.3*I"], ["-0.3*I", "-x/2"]] }
question = { basis = "diabatic", samples = 20 }
""",
    "open": LINE
    + """
hamiltonian = { model = "LandauZener", gap = 1.0 }
environment = { kind = "dephasing", gamma = 0.1 }
""",
    "no crossing": """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = 5, stop = 30, rate = 1.0 }
""",
}


@pytest.mark.parametrize("name", ["states", slow("scan"), slow("open"), slow("no crossing")])
def test_the_file_is_what_xarray_writes(name, tmp_path):
    result = studies.run(studies.parse(TEXTS[name]))
    studies.save(result, tmp_path / "saved")
    result.to_dataset().to_netcdf(tmp_path / "reference.nc", engine="h5netcdf")
    with (
        xarray.open_dataset(tmp_path / "saved" / "result.nc", engine="h5netcdf") as saved,
        xarray.open_dataset(tmp_path / "reference.nc", engine="h5netcdf") as reference,
    ):
        xarray.testing.assert_identical(saved, reference)
        assert list(saved.variables) == list(reference.variables)
        for name in reference.variables:
            assert saved[name].dtype == reference[name].dtype
            assert saved[name].encoding["dtype"] == reference[name].encoding["dtype"]


@pytest.mark.slow
def test_a_run_of_the_command_line_needs_no_xarray(tmp_path):
    (tmp_path / "e.toml").write_text(TEXTS["scan"], encoding="utf-8")
    code = (
        "import sys\n"
        "from anticrossing.cli import main\n"
        "sys.argv = ['anticrossing', 'run', '-q', 'e.toml', '-o', 'out']\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        "print(sorted({'dask', 'pandas', 'xarray'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"
