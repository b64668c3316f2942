"""The page in a browser: every control, what is typed wrong, two sessions, keys alone, widths.

Skipped where Playwright or Chromium are missing. Only waiting has limits; `benchmarks` time it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from anticrossing import studies
from anticrossing.page.starts import VIEWS, scan
from anticrossing.studies.toml_text import text_of
from tests.page.serving import Served, served

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is missing: pip install playwright"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
SHORT = "?" + urlencode(  # a scan of two points, where no more are needed
    {"experiment": text_of(VIEWS["passage"] | {"scan": scan("drive.rate", 1.0) | {"points": 2}})},
    quote_via=quote,
)
SETTLED = "#pictures[aria-busy=false]"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # whose Chromium has no sandbox
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if root else []
        )
        yield opened
        opened.close()


class Visit:
    """A visit of the page, with all that it asked for and complained of."""

    def __init__(self, browser: Any, server: Served, query: str = SHORT, width: int = 1400) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(f"{server.address}/{query}")
        self.settle()

    def _heard(self, message: Any) -> None:
        refused = "422" in message.text  # a browser says so of every answer that is no picture
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    def settle(self) -> None:
        self.page.wait_for_selector(SETTLED)

    def field(self, name: str) -> Any:
        return self.page.locator(f'[id="{name}"]')

    def type(self, name: str, text: str) -> None:
        self.field(name).fill(text)
        self.settle()

    def choose(self, name: str, value: str) -> None:
        self.field(name).select_option(value)
        self.settle()

    @contextlib.contextmanager
    def anew(self, figure: str) -> Iterator[None]:
        """Do something after which a figure is drawn once more, and wait for that."""
        drawn = int(self.page.locator(f"#{figure}").get_attribute("data-drawn"))
        yield
        while int(self.page.locator(f"#{figure}").get_attribute("data-drawn")) == drawn:
            self.page.wait_for_timeout(10)

    def view(self, kind: str) -> None:
        self.page.click(f"[data-kind={kind}]")
        self.settle()

    def line(self) -> str:
        return str(self.page.inner_text("#line"))

    def tables(self) -> Any:
        return tomllib.loads(self.page.locator("#text").text_content())

    def drawn(self, figure: str) -> str:
        return str(self.page.locator(f"#{figure} svg[role=img]").get_attribute("aria-label"))

    def close(self) -> None:
        assert self.complaints == []
        self.context.close()


@pytest.fixture
def visit(browser: Any, server: Served) -> Iterator[Visit]:
    opened = Visit(browser, server)
    yield opened
    opened.close()


def test_the_first_picture_is_complete_and_nothing_is_asked_elsewhere(
    browser: Any, server: Served
) -> None:
    visit = Visit(browser, server, "")
    assert "crossing at 0, gap 1" in visit.drawn("levels")
    assert "level 1 0.2079" in visit.drawn("populations")
    assert "Landau–Zener gives 0.20788" in visit.page.inner_text("#verdict .verdict")
    assert visit.page.locator("#verdict .check").count() >= 3
    limit = visit.page.locator("#verdict .limit").first.bounding_box()
    bar = visit.page.locator("#verdict .bar").first.bounding_box()
    assert bar["x"] + bar["width"] < limit["x"]  # within: the bar ends before its limit
    assert visit.page.locator("#rates").get_attribute("data-complete") == "21"
    for kind in ("interferogram", "geometry"):
        visit.view(kind)
    assert visit.line() == ""
    assert len(visit.asked) > 10
    assert [url for url in visit.asked if not url.startswith(server.address)] == []
    visit.close()


@pytest.mark.slow
def test_every_control_of_a_passage_changes_the_experiment_and_its_picture(visit: Visit) -> None:
    visit.page.click("#question summary")
    visit.page.click("#scan summary")
    numbers = ("hamiltonian.gap", *(f"drive.{key}" for key in ("start", "stop", "rate")))
    for name in (*numbers, "scan.from", "scan.to"):
        table, key = name.split(".")
        before, drawn = visit.tables()[table][key], visit.drawn("levels")
        slider = visit.field(f"{name}.slider")
        slider.focus()
        slider.press("ArrowLeft" if key != "start" else "ArrowRight")
        visit.settle()
        after = visit.tables()[table][key]
        assert after != before
        assert visit.field(name).input_value() == f"{after:g}"
        assert visit.line() == ""
        if key == "gap":
            assert visit.drawn("levels") != drawn
    visit.type("hamiltonian.gap", "0.5")
    assert "gap 0.5" in visit.drawn("levels")
    visit.type("scan.points", "5")
    assert visit.page.locator("#rates").get_attribute("data-complete") == "5"
    visit.type("question.initial", "1")
    assert "level 1 0.8" in visit.drawn("populations") or "level 0 0." in visit.drawn("populations")
    visit.choose("question.basis", "diabatic")
    assert "up " in visit.drawn("populations")
    visit.choose("scan.scale", "linear")
    assert visit.tables()["scan"]["scale"] == "linear"


@pytest.mark.slow
def test_another_kind_of_levels_brings_its_own_drive(visit: Visit) -> None:
    visit.choose("environment.kind", "dephasing")
    visit.choose("model", "NVCentre")
    assert visit.tables()["drive"]["start"] == 900.0
    visit.choose("model", "")
    found = visit.tables()
    assert (found["drive"]["start"], found["drive"]["rate"]) == (-20.0, 1.0)
    assert "matrix" in found["hamiltonian"]
    assert found["environment"]["kind"] == "dephasing"
    assert visit.line() == ""


@pytest.mark.slow
def test_lists_are_typed_with_commas(visit: Visit) -> None:
    visit.choose("model", "DemkovOsherov")
    assert visit.field("hamiltonian.levels").input_value() == "-3, 0, 3"
    visit.type("hamiltonian.levels", "-2, 0.5, 3,")
    assert visit.tables()["hamiltonian"]["levels"] == [-2, 0.5, 3]
    visit.type("hamiltonian.levels", "-2, b, 3")
    assert "levels" in visit.line()
    visit.choose("model", "Annealer")
    assert visit.field("hamiltonian.couplings").input_value() == "0, 1, -1"
    visit.type("hamiltonian.couplings", "0, 1, -0.5")
    assert visit.tables()["hamiltonian"]["couplings"] == [[0, 1, -0.5]]
    assert visit.drawn("levels").startswith("4 levels")
    visit.choose("model", "LambdaSystem")
    assert visit.drawn("levels").startswith("3 levels")
    visit.view("geometry")
    assert visit.field("hamiltonian.coordinates").input_value() == "x, y"
    assert visit.field("geometry.bounds").input_value() == "-2, 2\n-2, 2"
    visit.type("geometry.bounds", "-1, 1\n-1.5, 2")
    assert visit.tables()["geometry"]["bounds"] == [[-1, 1], [-1.5, 2]]
    assert visit.line() == ""


@pytest.mark.slow
def test_surroundings_drives_and_models_are_chosen(visit: Visit) -> None:
    visit.choose("environment.kind", "qubit")
    for key, value in (("t1", 80.0), ("t2", 40.0), ("temperature", 0.3)):
        visit.type(f"environment.{key}", str(value))
        assert visit.tables()["environment"][key] == value
    visit.choose("environment.kind", "dephasing")
    visit.field("environment.rate.slider").press("ArrowRight")
    visit.settle()
    assert visit.tables()["environment"]["rate"] > 0.05
    visit.choose("environment.kind", "none")
    assert "environment" not in visit.tables()
    visit.choose("drive.kind", "formula")
    with visit.anew("populations"):  # what comes after them takes its time for such a drive
        visit.field("drive.formula").fill("rate*t + 0.5")
    assert visit.line() == ""
    assert visit.tables()["drive"]["formula"] == "rate*t + 0.5"
    visit.choose("model", "BowTie")
    assert visit.drawn("levels").startswith("3 levels")
    visit.choose("model", "")
    visit.field("hamiltonian.parameters.names").fill("gap, shift")
    visit.field("hamiltonian.parameters.names").press("Tab")
    visit.type("hamiltonian.matrix", "x/2 + shift, gap/2\ngap/2, -x/2")
    visit.type("hamiltonian.parameters.shift", "0.5")
    assert visit.line() == ""
    assert visit.tables()["hamiltonian"]["parameters"] == {"gap": 1, "shift": 0.5}


@pytest.mark.slow
def test_what_is_typed_wrong_gets_one_line_and_leaves_the_last_picture(visit: Visit) -> None:
    good = visit.drawn("levels")
    wrong = [
        ("drive.rate", "0", "rate"),
        ("drive.rate", "", "rate"),
        ("drive.rate", "fast", "rate"),
        ("drive.stop", "-30", "stop"),
        ("hamiltonian.gap", "1e999", "gap"),
        ("hamiltonian.gap", "<img src=x onerror=alert(1)>", "gap"),
    ]
    for name, text, said in wrong:
        before = visit.field(name).input_value()
        visit.type(name, text)
        line = visit.line()
        assert said in line
        assert "\n" not in line
        assert visit.drawn("levels") == good
        assert visit.page.locator("#levels.stale").count() == 1
        visit.type(name, before)
        assert visit.line() == ""
        assert visit.page.locator(".stale").count() == 0
    visit.type("hamiltonian.gap", "1e300")  # a number, though no picture of it has to exist
    assert "\n" not in visit.line()
    visit.type("hamiltonian.gap", "1")
    visit.choose("model", "")
    good = visit.drawn("levels")
    for matrix, said in (
        ("x, I\nI, -x", "Hermitian"),
        ("x, depth\ndepth, -x", "depth"),
        ("x, 1", "square"),
        ("", "matrix"),
        ("__import__('os').system('id'), 0\n0, 0", "ormula"),
    ):
        visit.type("hamiltonian.matrix", matrix)
        assert said in visit.line()
        assert visit.drawn("levels") == good
    assert visit.page.locator("img").count() == 0


@pytest.mark.slow
def test_fringes_are_probed_by_pointer_and_by_keys(visit: Visit) -> None:
    visit.view("interferogram")
    said = visit.page.locator("#map output")
    before = said.inner_text()
    assert re.match(r"offset \S+, amplitude \S+: population 0\.\d+", before)
    visit.page.locator("#map canvas").click(position={"x": 200, "y": 120})
    clicked = said.inner_text()
    assert clicked != before
    visit.page.locator("#map canvas").press("ArrowUp")
    assert said.inner_text() != clicked
    assert "along the offset" in visit.drawn("along-offset")
    for name in ("gap", "offset.from", "offset.to", "amplitude.to", "frequency", "t1", "t2"):
        slider = visit.field(f"interferogram.{name}.slider")
        slider.press("ArrowRight")
        visit.settle()
    assert visit.line() == ""
    visit.type("interferogram.offset.to", "-7")
    assert "offset" in visit.line()
    visit.type("interferogram.offset.to", "6")
    visit.type("interferogram.t2", "1e9")
    assert "t2" in visit.line()


@pytest.mark.slow
def test_an_intersection_is_pulled_apart_and_turned(visit: Visit) -> None:
    visit.view("geometry")
    said = visit.page.locator("#meetings")
    assert "meet at 1 place" in said.inner_text()
    assert "phase 1 π" in said.inner_text()
    visit.type("hamiltonian.parameters.split", "0.5")
    assert "do not meet" in said.inner_text()
    assert "as close as 0.5" in said.inner_text()
    canvas = visit.page.locator("#surfaces canvas")
    before = canvas.screenshot()
    canvas.press("ArrowLeft")
    turned = canvas.screenshot()
    assert turned != before
    box = canvas.bounding_box()
    visit.page.mouse.move(box["x"] + 100, box["y"] + 100)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 160, box["y"] + 120)
    visit.page.mouse.up()
    assert canvas.screenshot() != turned
    visit.choose("model", "JahnTeller")
    assert "meet at 4 places" in said.inner_text()


@pytest.mark.slow
def test_two_sessions_share_nothing(browser: Any, server: Served) -> None:
    one, other = Visit(browser, server), Visit(browser, server)
    one.type("hamiltonian.gap", "0.25")
    other.type("hamiltonian.gap", "2.5")
    assert "gap 0.25" in one.drawn("levels")
    one.page.wait_for_url(re.compile(r"0\.25"), wait_until="commit")
    one.page.reload()  # the state is in the address
    one.settle()
    assert one.field("hamiltonian.gap").input_value() == "0.25"
    assert "gap 2.5" in other.drawn("levels")
    one.close()
    other.close()


@pytest.mark.slow
def test_a_state_is_kept_as_a_link_and_as_a_file_that_runs(
    browser: Any, server: Served, visit: Visit, tmp_path: Path
) -> None:
    visit.type("hamiltonian.gap", "0.75")
    visit.page.click("#link")
    visit.page.locator("#link", has_text="Link copied").wait_for()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    again = Visit(browser, server, copied.removeprefix(f"{server.address}/"))
    assert again.tables() == visit.tables()
    assert again.drawn("levels") == visit.drawn("levels")
    with again.page.expect_download() as waited:
        again.page.click("[data-wanted=experiment]")
    waited.value.save_as(tmp_path / "kept.toml")
    final = studies.load(tmp_path / "kept.toml").compute(("probability",))["probability"]
    shown = re.findall(r"level \d (\S+?)(?:,|$)", again.drawn("populations"))
    np.testing.assert_allclose([float(text) for text in shown], final, atol=1e-5)
    again.close()


@pytest.mark.slow
@pytest.mark.parametrize(("wanted", "name"), [("figure", "figure.svg"), ("data", "result.nc")])
def test_figure_and_data_are_downloaded(visit: Visit, wanted: str, name: str) -> None:
    with visit.page.expect_download() as waited:
        visit.page.click(f"[data-wanted={wanted}]")
    assert waited.value.suggested_filename == name
    assert Path(waited.value.path()).stat().st_size > 10_000


@pytest.mark.slow
def test_a_link_that_is_no_experiment_gets_a_line(browser: Any, server: Served) -> None:
    opened = Visit(browser, server, "?experiment=%5Bdrive")
    assert opened.line().startswith("Not valid TOML")
    assert "2 levels" in opened.drawn("levels")
    opened.close()


def test_the_page_opens_with_a_file(browser: Any) -> None:
    text = Path("examples/flux_qubit.toml").read_text(encoding="utf-8")
    with served(text.replace("points = 31", "points = 2")) as running:
        opened = Visit(browser, running, "")
        assert opened.field("model").input_value() == "FluxQubit"
        assert opened.field("hamiltonian.gap").input_value() == "0.013"
        assert "0.560353" in opened.page.inner_text("#verdict .verdict")
        assert opened.tables()["title"] == "A flux qubit swept through its symmetry point"
        opened.close()


@pytest.mark.slow
def test_keys_alone_reach_and_move_everything(visit: Visit) -> None:
    """From the top by Tab: what has the focus is visible, and nothing holds it for good."""
    reached: list[str] = []
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        here = visit.page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              return [e.id || e.dataset.kind || e.dataset.wanted || e.tagName, s.outlineStyle]; }"""
        )
        if here[0] == "BODY":
            break
        assert here[1] != "none"
        reached.append(here[0])
    wanted = {"passage", "interferogram", "geometry", "experiment", "figure", "data", "link"}
    wanted |= {"model", "hamiltonian.gap", "hamiltonian.gap.slider", "drive.rate.slider"}
    wanted |= {"drive.kind", "environment.kind", "SUMMARY"}
    assert wanted <= set(reached)
    visit.field("hamiltonian.gap.slider").focus()
    for _ in range(3):
        visit.page.keyboard.press("ArrowRight")
    visit.settle()
    assert visit.tables()["hamiltonian"]["gap"] > 1
    visit.field("environment.kind").focus()
    visit.page.keyboard.press("ArrowDown")
    visit.settle()
    focus = visit.page.evaluate("document.activeElement.id")
    assert focus == "environment.kind"  # it stays though the controls are made anew
    assert visit.tables()["environment"]["kind"] == "dephasing"


@pytest.mark.slow
def test_nothing_sticks_out_at_any_width(visit: Visit) -> None:
    for kind, width in itertools.product(
        ("passage", "interferogram", "geometry"), (1400, 800, 360)
    ):
        if width == 1400:
            visit.view(kind)
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.evaluate(FRAMES)
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        outside = visit.page.evaluate(
            """() => [...document.querySelectorAll('input, select, button, canvas, svg')]
              .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length"""
        )
        assert outside == 0
        header = visit.page.locator("header").bounding_box()
        assert header["height"] < 95  # two rows of buttons at most
        if width == 360:  # the controls stay in sight below the pictures
            form = visit.page.locator("#controls").bounding_box()
            assert form["y"] < 900 <= form["y"] + form["height"] + 1
            assert visit.page.evaluate(REACHED)  # and nothing lies upon them


REACHED = """() => {
  const form = document.getElementById("controls");
  for (let place = 0; place < document.body.scrollHeight; place += 40) {
    scrollTo(0, place);
    const box = form.getBoundingClientRect(), bottom = Math.min(box.bottom, innerHeight) - 2;
    for (let y = box.top + 4; y < bottom; y += 12)
      for (const x of [0.2, 0.5, 0.8])
        if (!form.contains(document.elementFromPoint(box.left + x * box.width, y))) return false;
  }
  return true;
}"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
