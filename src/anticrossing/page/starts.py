"""Where the page starts from: one experiment for each view, and for each model.

Numbers are such that something is to be seen: neither no jump nor always one.
"""

from __future__ import annotations

from typing import Any

Tables = dict[str, Any]


def _linear(start: float, stop: float, rate: float) -> Tables:
    return {"kind": "linear", "start": start, "stop": stop, "rate": rate}


def scan(parameter: str, value: float) -> Tables:
    """Return the table [scan] of a parameter around its value, as far as it keeps its sign."""
    low, high = float(f"{value / 10:.3g}"), float(f"{value * 10:.3g}")
    if value < 0:
        return {"parameter": parameter, "values": [high, 3 * value, value, value / 3, low]}
    return {"parameter": parameter, "from": low, "to": high, "points": 21, "scale": "log"}


_TWO_COORDINATES = [  # that of `ConicalIntersection`, with what pulls it apart
    ["slope*(tilt_x*x + tilt_y*y) + slope*x", "slope*anisotropy*y - I*split/2"],
    ["slope*anisotropy*y + I*split/2", "slope*(tilt_x*x + tilt_y*y) - slope*x"],
]
_BOX: Tables = {"bounds": [[-2.0, 2.0], [-2.0, 2.0]], "starts": 20}

VIEWS: dict[str, Tables] = {
    "passage": {
        "hamiltonian": {"model": "LandauZener", "gap": 1.0},
        "drive": _linear(-20.0, 20.0, 1.0),
        "scan": scan("drive.rate", 1.0),
    },
    "interferogram": {
        "interferogram": {
            "gap": 0.2,
            "offset": {"from": -6.0, "to": 6.0, "points": 121},
            "amplitude": {"from": 0.0, "to": 10.0, "points": 101},
            "frequency": 1.0,
            "t1": 1000.0,
            "t2": 50.0,
            "temperature": 0.05,
        }
    },
    "geometry": {
        "hamiltonian": {
            "parameters": {
                "slope": 1.0,
                "anisotropy": 1.0,
                "tilt_x": 0.0,
                "tilt_y": 0.0,
                "split": 0.0,
            },
            "matrix": _TWO_COORDINATES,
            "coordinates": ["x", "y"],
        },
        "geometry": _BOX,
    },
}
"""By the kind of study that each view shows."""

_PASSAGES: dict[str, tuple[Tables, Tables]] = {
    "LandauZener": ({"gap": 1.0}, _linear(-20.0, 20.0, 1.0)),
    "DemkovOsherov": (
        {"levels": [-3.0, 0.0, 3.0], "couplings": [0.4, 0.4, 0.4]},
        _linear(-20.0, 20.0, 1.0),
    ),
    "BowTie": ({"slopes": [-1.0, 1.0], "couplings": [0.3, 0.3]}, _linear(-20.0, 20.0, 1.0)),
    "SpinInField": ({"spin": 1.0, "transverse_field": 0.4}, _linear(-20.0, 20.0, 1.0)),
    "TransverseIsing": ({"sites": 3, "coupling": 1.0}, _linear(-6.0, 6.0, 5.0)),
    "TransverseIsingMode": ({"momentum": 0.5, "coupling": 1.0}, _linear(-6.0, 8.0, 1.0)),
    "BlochBands": ({"hopping": 1.0, "gap": 0.5}, _linear(0.0, 6.0, 0.2)),
    "Annealing": (
        {
            "initial": "transverse field",
            "problem": {"fields": [0.3, -0.2], "couplings": [[0, 1, 1.0]]},
        },
        _linear(0.0, 1.0, 0.05),
    ),
    "Grover": ({"qubits": 4}, _linear(0.0, 1.0, 0.02)),
    "SodiumIodide": (
        {"coupling": 0.055, "asymptote": 2.075},
        {"kind": "ballistic", "start": 5.0, "stop": 9.0, "kinetic_energy": 1.0, "mass": 19.46},
    ),
    "FluxQubit": ({"gap": 0.013, "persistent_current": 230.7}, _linear(-2.0, 2.0, 2e-3)),
    "SingletTripletCrossing": (
        {"spin_orbit": [0.3, 0.3, 0.3], "internal_coupling": 0.2},
        _linear(-5.0, 25.0, 1.0),
    ),
    "TullySimple": ({"depth": 0.01, "coupling": 0.005}, _linear(-5.0, 5.0, 0.01)),
    "TullyDual": ({"depth": 0.1, "coupling": 0.015}, _linear(-8.0, 8.0, 0.02)),
    "TullyExtended": ({"gap": 0.0006, "coupling": 0.1}, _linear(-8.0, 8.0, 0.02)),
    "Transmon": (
        {"charging_energy": 1.0, "josephson_energy": 1.0, "cutoff": 3},
        _linear(0.1, 0.9, 0.5),
    ),
    "CoupledTransmons": (
        {"fixed_frequency": 5.0, "anharmonicities": [-0.3, -0.3], "coupling": 0.02, "levels": 2},
        _linear(4.5, 5.5, 0.02),
    ),
    "RydbergPair": ({"rabi": 1.0, "detuning": 4.0, "c6": 1000.0}, _linear(4.0, 1.8, -0.5)),
    "RydbergChain": ({"sites": 3, "rabi": 1.0, "interaction": 4.0}, _linear(-8.0, 8.0, 1.0)),
    "LambdaSystem": (
        {
            "pump": "rabi*exp(-(x - 1)**2)",
            "stokes": "rabi*exp(-(x + 1)**2)",
            "detuning": 0.5,
            "parameters": {"rabi": 9.0},
        },
        _linear(-4.0, 4.0, 1.0),
    ),
    "BoseHubbardDimer": ({"particles": 5, "gap": 1.0, "interaction": 1.5}, _linear(-8.0, 8.0, 0.5)),
    "NVCentre": ({"transverse_field": 5.0}, _linear(900.0, 1150.0, 2000.0)),
    "Annealer": (
        {
            "fields": [0.3, -0.2],
            "couplings": [[0, 1, -1.0]],
            "transverse": "6*(1 - x)**3",
            "problem": "1 + 11*x**2",
        },
        _linear(0.0, 1.0, 0.2),
    ),
}

_ASKED: dict[str, Tables] = {
    "CoupledTransmons": {"question": {"initial": 1}},  # one excitation in either
    "LambdaSystem": {"question": {"basis": "diabatic"}},  # both ends are without a field
}

_PLANES: dict[str, tuple[Tables, Tables]] = {
    "ConicalIntersection": ({"slope": 1.0, "anisotropy": 1.0, "tilt_x": 0.0, "tilt_y": 0.0}, _BOX),
    "JahnTeller": (
        {"linear": 1.0, "quadratic": 0.3},
        {"bounds": [[-8.0, 8.0], [-8.0, 8.0]], "starts": 40},
    ),
}


def everything() -> dict[str, Any]:
    """Return all there is to start from, as the page takes it."""
    return {
        "views": VIEWS,
        "models": models(),
        "own": OWN,
        "drives": DRIVES,
        "surroundings": SURROUNDINGS,
    }


def models() -> dict[str, dict[str, Tables]]:
    """Return, for each view that takes models, the experiment to start from by model."""
    passages = {
        name: {
            "hamiltonian": {"model": name, **given},
            "drive": drive,
            **_ASKED.get(name, {}),
            "scan": scan(f"drive.{_moved(drive)}", drive[_moved(drive)]),
        }
        for name, (given, drive) in _PASSAGES.items()
    }
    planes = {
        name: {"hamiltonian": {"model": name, **given}, "geometry": box}
        for name, (given, box) in _PLANES.items()
    }
    return {"passage": passages, "geometry": planes}


def _moved(drive: Tables) -> str:
    """Return the key of a drive that says how fast it is."""
    return "rate" if "rate" in drive else "kinetic_energy"


OWN: dict[str, Tables] = {
    "passage": {"matrix": [["x/2", "gap/2"], ["gap/2", "-x/2"]], "parameters": {"gap": 1.0}},
    "geometry": VIEWS["geometry"]["hamiltonian"],
}
"""The table [hamiltonian] from which a matrix is typed, by view."""

DRIVES: dict[str, Tables] = {
    "linear": _linear(-20.0, 20.0, 1.0),
    "tanh": {"kind": "tanh", "start": -5.0, "stop": 5.0, "rate": 1.0, "duration": 40.0},
    "sinusoidal": {
        "kind": "sinusoidal",
        "offset": 0.0,
        "amplitude": 5.0,
        "frequency": 0.5,
        "stop_time": 12.566370614,
    },
    "gaussian": {"kind": "gaussian", "amplitude": 5.0, "width": 5.0, "offset": -2.0},
    "formula": {
        "kind": "formula",
        "formula": "rate*t",
        "start_time": -20.0,
        "stop_time": 20.0,
        "parameters": {"rate": 1.0},
    },
}
"""The table [drive] of each kind that can be chosen."""

SURROUNDINGS: dict[str, Tables] = {
    "dephasing": {"kind": "dephasing", "rate": 0.05},
    "fixed-axis": {"kind": "fixed-axis", "rate": 0.05},
    "qubit": {"kind": "qubit", "t1": 100.0, "t2": 50.0, "temperature": 0.5},
    "thermal": {"kind": "thermal", "t1": 100.0, "temperature": 0.5},
}
"""The table [environment] of each kind that can be chosen."""
