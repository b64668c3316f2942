"""Use each room of the library once, without any optional package.

`make test-core` runs it in an environment that holds the core alone; the tests run it in one where
the optional packages are hidden. What needs one of them must say so in one line.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np

import anticrossing as ac
from anticrossing._core.result import Result
from anticrossing._core.variables import shown

OPTIONAL = (
    *("xarray", "h5py", "h5netcdf", "zarr", "pandas", "matplotlib", "click", "rich"),
    *("msgspec", "dask", "distributed", "lmfit", "pyscf", "ase", "qutip", "starlette", "uvicorn"),
)


class _Squares(Result):
    """A result of the plainest kind."""

    _variables: ClassVar = {
        "number": shown("number", text="a number"),
        "square": shown("number", text="its square"),
    }
    number = np.arange(3.0)
    square = number**2


def _double(x: float) -> float:
    return 2 * x


def check_the_core() -> None:
    """Compute with every room and compare with what is known in closed form."""
    model, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, rate=1.0)
    landau_zener = math.exp(-math.pi / 2)
    assert math.isclose(ac.formulas.landau_zener(gap=1.0, sweep_rate=1.0).value, landau_zener)
    found = ac.find_crossings(model, -1.0, 1.0)
    assert len(found) == 1
    assert math.isclose(found[0].gap, 1.0)

    exact = ac.propagate(model, drive)
    assert abs(exact.transition_matrix[1, 0] - landau_zener) < 1e-3
    dephased = ac.propagate(model, drive, environment=ac.Dephasing(0.1))
    assert abs(dephased.probabilities.sum() - 1) < 1e-9
    passed = ac.passage(model, drive)
    assert "0.20788" in passed.verdict
    assert str(exact)
    assert str(passed)

    two = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    assert math.isclose(ac.geometry.berry_phase(two, square, level=0, closed=True), math.pi)

    molecules, tully = ac.molecules, ac.models.TullySimple()
    packet = molecules.packets.WavePacket(centre=-8.0, momentum=20.0, width=1.0)
    grid = molecules.packets.Grid(-16.0, 16.0, 512)
    moved = molecules.packets.propagate_packet(
        tully, grid, 2000.0, packet, stop=600.0, step=2.0, samples=2
    )
    assert np.allclose(np.sum(moved.populations, axis=-1), 1, atol=1e-9)
    hopped = molecules.trajectories.run_trajectories(
        tully, masses=2000.0, initial=molecules.trajectories.Fixed(position=-5.0, momentum=20.0),
        step=20.0, steps=60, count=200, seed=1, box=[-6.0, 5.0],
    )  # fmt: skip
    assert str(hopped)
    levels = molecules.vibronic.vibronic_levels(
        ac.models.JahnTeller(linear=2.0), count=2, frequencies=[1.0, 1.0]
    )
    assert math.isclose(levels.energies[0], levels.energies[1], rel_tol=1e-9)
    rate = molecules.rates.marcus(
        coupling=0.001, reorganization_energy=1.0, reaction_free_energy=-0.5, temperature=0.0257
    )
    assert rate.value > 0


def check_what_is_missing() -> None:
    """Ask for a dataset, files, a figure, a sweep, a fit: one line each that names the extra."""
    result = _Squares()
    with tempfile.TemporaryDirectory() as folder:
        wanted: dict[str, tuple[str, Callable[[], object]]] = {
            "a dataset": ("files", result.to_dataset),
            "a NetCDF file": ("files", lambda: result.save(Path(folder) / "result.nc")),
            "a sweep": ("files", lambda: ac.sweep(_double, grid={"x": [1.0, 2.0]})),
            "an experiment file": ("files", lambda: ac.studies.parse("")),
            "a picture": ("plot", result.plot),
            "a fit": ("fit", lambda: ac.fits.fit_passages(
                ac.fits.synthetic_passages(gap=0.8, seed=1))),
        }  # fmt: skip
        for what, (extra, ask) in wanted.items():
            said = "nothing"
            try:
                ask()
            except ac.MissingExtraError as error:
                said = str(error)
            assert said.endswith(f"pip install 'anticrossing[{extra}]'"), f"{what}: {said}"
            assert "\n" not in said
        assert list(Path(folder).iterdir()) == []
        result.save(Path(folder) / "result.json")  # needs nothing


def check_the_command() -> None:
    """Without Click the command ends with one line and status 4."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL!r}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{hide}; from anticrossing.cli import main; main()"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "pip install 'anticrossing[cli]'" in done.stderr


def main() -> int:
    if "--hide" in sys.argv:
        sys.modules.update(dict.fromkeys(OPTIONAL))  # type: ignore[arg-type]
    check_the_core()
    check_what_is_missing()
    check_the_command()
    print("the core works, and names what is missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
