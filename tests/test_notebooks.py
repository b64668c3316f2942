"""What a notebook shows of everything public: no class of results can be forgotten."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.figure import Figure

import anticrossing as ac
from anticrossing._core import html
from anticrossing._core.result import Printed, Result
from anticrossing._core.variables import Variable
from tests.effort import cases
from tests.result_protocol import check_html

SETUP = """
    AnticrossingError ConvergenceError Decay Dephasing Drive Environment FixedAxisDephasing
    Hamiltonian InputError Lindblad MissingExtraError ThermalRelaxation Units LocalAdiabatic
    Clock EdgedDrive FormulaDrive Path PiecewiseDrive SumDrive WaveformDrive GaussianState
    Combined EigenRates Nodes Strength Bath CrossingStep Gauge Sphere Torus Curve
    FunctionHamiltonian TableHamiltonian TermHamiltonian MeanField VibronicCoupling Absorber
    Grid WavePacket AseStates CachedStates CasscfStates ElectronicStates FunctionStates
    HamiltonianStates PyscfStates Fixed Gaussian InitialConditions Thermal Number Symmetry
    Axis Output Plan Scanned Sentences Study Table SweepError Zip Junction LandauZenerChain
    Lead MarkovChain ProcessTensor Reservoir SequentialCrossings WorkStatistics GaussianNoise
    MarkovNoise Noise OrnsteinUhlenbeckNoise PinkNoise Process QuasiStaticNoise TelegraphNoise
    WhiteNoise RovibrationalStates StatePoint Target StateTarget PopulationTarget GateTarget
"""
"""What is put into a computation, or tells an error: a line says it."""


def public_classes() -> dict[str, type]:
    found: dict[str, type] = {}

    def enter(room: ModuleType) -> None:
        for name in getattr(room, "__all__", ()):
            thing = getattr(room, name)
            if isinstance(thing, ModuleType) and thing.__name__.startswith("anticrossing"):
                enter(thing)
            elif inspect.isclass(thing):
                found[name] = thing

    enter(ac)
    return found


def test_every_public_class_is_a_result_or_part_of_a_question() -> None:
    """A new class of results has table, HTML and picture from `Result`, or is entered above."""
    found = public_classes()
    results = {name for name, thing in found.items() if issubclass(thing, Result)}
    assert {name for name in found if name not in results} == set(SETUP.split())
    assert len(results) > 100
    for name in results:
        assert callable(found[name].plot), name
        assert found[name]._repr_html_ is Result._repr_html_, f"{name}: HTML is made in one place"


def test_what_prints_as_several_lines_shows_them() -> None:
    """Whatever has a `__str__` of its own, result or not."""
    bare = [
        name
        for name, thing in public_classes().items()
        if thing.__str__ is not object.__str__ and not issubclass(thing, (Printed, BaseException))
    ]
    assert bare == ["Axis"]  # of a study, one line


def test_a_verdict_stands_on_the_colour_of_its_kind() -> None:
    good = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-30, 30, rate=1.0))
    lossy = ac.passage(
        ac.models.LandauZener(gap=1.0),
        ac.drive.Linear(-30, 30, rate=1.0),
        environment=ac.Dephasing(0.1),
    )
    green, amber = (f'<p style="background:rgba({c},.13)' for c in (html._GOOD, html._CARE))
    assert green in good._repr_html_()
    assert amber not in good._repr_html_()
    assert good._repr_html_().count(">within<") == 4
    assert amber in lossy._repr_html_()
    assert ">OUTSIDE<" in lossy._repr_html_()
    assert ">OUTSIDE its domain<" in lossy._repr_html_()
    for result in (good, lossy):
        check_html(result)


def test_a_picture_shows_itself_as_the_value_of_a_cell() -> None:
    found = ac.find_crossings(ac.models.LandauZener(gap=1.0), -2.0, 2.0)
    picture = found.plot()._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 5000
    mine = Figure().subplots()
    assert not hasattr(found.plot(ax=mine), "_repr_png_")


def test_crossings_are_marked_on_the_levels() -> None:
    levels = ac.models.DemkovOsherov(levels=[1.0, 2.0, 2.5], couplings=[0.02, 0.2, 0.0])
    found = ac.find_crossings(levels, 0.0, 3.0)
    axes = found.plot()
    marks = [line for line in axes.lines if line.get_marker() in ("o", "X")]
    marked = np.concatenate([line.get_xydata() for line in marks])
    places = [(c.position, c.centre_energy) for kind in (found.avoided, found.true) for c in kind]
    np.testing.assert_allclose(marked, places, rtol=1e-12)
    curves = [line for line in axes.lines if line.get_marker() == "None"]
    assert len(curves) == 4
    for k, line in enumerate(curves):
        x, energy = line.get_xydata()[::7].T
        expected = [np.linalg.eigvalsh(levels(place))[k] for place in x]
        np.testing.assert_allclose(energy, expected, rtol=1e-12, atol=1e-14)
    # The narrow crossing is drawn with its gap, not cut off between two points of the grid.
    gaps = curves[1].get_ydata() - curves[0].get_ydata()
    assert gaps.min() == pytest.approx(found[0].gap, rel=1e-9)


def test_small_matrices_are_tables() -> None:
    found = ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-30, 30, rate=1.0))
    shown = found._repr_html_()
    assert "transition_probability: probability of the transition</caption>" in shown
    for probability in found.transition_matrix.ravel():
        assert f">{probability:.4g}</td>" in shown
    many = {"big": Variable(("row", "column"), np.eye(9), "")}
    assert "<table" not in html.render("Thing", many)
    empty = {"none": Variable(("row", "column"), np.full((2, 2), np.nan), "")}
    assert html.render("Thing", empty).count("nan") == 4


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a  <b>\n  c  &amp;",
        "within   <i> = 1 (<= 2)",
        "note: <u>",
        "[[1 2]\n [3 4]]",
        "[[<b> 2]\n [3 4]]",
        "[1 2\n 3",
        "",
    ],
)
def test_what_is_shown_is_escaped(text: str) -> None:
    class Said(Result):
        def __str__(self) -> str:
            return text

    check_html(Said())


WORDS = ["within", "OUTSIDE", "note: ", "[[", "]]", "[", "]", "<b>", "&", "0.1", "1e3", "  ", " "]


@given(st.lists(st.sampled_from([*WORDS, "\n", "\n    ", "\n\n", "'", '"']), max_size=30))
@cases(500)
def test_any_text_is_shown_whole(parts: list[str]) -> None:
    class Said(Result):
        def __str__(self) -> str:
            return "".join(parts)

    check_html(Said())


@pytest.mark.slow
def test_nothing_but_the_library_is_needed_for_html() -> None:
    """Matplotlib is not imported, even where a result has a picture."""
    code = (
        "import sys, anticrossing as ac\n"
        "found = ac.passage(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-30, 30, rate=1.0))\n"
        "assert 'Within its domain' in found._repr_html_()\n"
        "assert 'polyline' in ac.models.LandauZener(gap=1.0)._repr_html_()\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
