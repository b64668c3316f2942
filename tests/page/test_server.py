"""Nobody but the page may ask, and what is asked is an experiment file."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing import InputError, studies
from anticrossing.page import answers, server, starts
from anticrossing.studies.toml_text import text_of
from tests.page.serving import Served, served

PASSAGE = starts.VIEWS["passage"]


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with served() as running:
        yield running


def changed(view: str = "passage", **tables: Any) -> dict[str, Any]:
    """The experiment of a view with other tables; None leaves one out."""
    found = json.loads(json.dumps(starts.VIEWS[view] | tables))
    return {name: table for name, table in found.items() if table is not None}


def refused(page: Served, tables: Any) -> str:
    """The line with which an experiment is refused before anything of it is shown."""
    answer = page.ask("/picture", {"tables": tables})
    assert answer.status == 422
    assert "\n" not in answer.line
    return answer.line


# ---- who may ask ------------------------------------------------------------------------------


def test_the_page_and_its_parts_are_sent(page: Served) -> None:
    kinds = {"": "text/html", "static/page.js": "text/javascript", "static/page.css": "text/css"}
    for path, kind in kinds.items():
        answer = page.ask(f"/{path}")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e%2fserver.py", "/etc"])
def test_nothing_else_is_sent(page: Served, path: str) -> None:
    assert page.ask(path).status == 404


def test_the_page_holds_no_script_or_style_of_its_own_and_names_no_other_site() -> None:
    static = Path(server.__file__).parent / "static"
    for part in static.iterdir():
        text = part.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert text.count("\n") <= 450
        assert "innerHTML" not in text  # what is typed is shown as text


@pytest.mark.parametrize("host", [None, "evil.example", "127.0.0.1", "127.0.0.1:1", ""])
@pytest.mark.parametrize("path", ["/", "/opening", "/static/page.js"])
def test_another_name_for_this_machine_is_refused(
    page: Served, host: str | None, path: str
) -> None:
    """A site whose name is made to point to 127.0.0.1 reads nothing."""
    assert page.ask(path, headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/picture", "/read", "/download"])
def test_another_site_asks_nothing(page: Served, origin: str | None, path: str) -> None:
    answer = page.ask(path, {"tables": PASSAGE}, headers={"Origin": origin})
    assert (answer.status, answer.line) == (403, "Only the page itself may ask.")


def test_questions_that_another_site_can_send_unasked_are_refused(page: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        asked = page.ask("/picture", {"tables": PASSAGE}, headers={"Content-Type": kind})
        assert asked.status == 403
    crossed = page.ask("/picture", {"tables": PASSAGE}, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status == 403
    before = page.ask("/picture", method="OPTIONS", headers={"Origin": "http://evil.example"})
    assert before.status == 403  # so that no browser sends JSON from there


def test_parts_are_not_sent_to_other_sites_but_links_are_followed(page: Served) -> None:
    other = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/opening", "/static/page.js"):
        assert page.ask(path, headers={**other, "Sec-Fetch-Mode": "no-cors"}).status == 403
    link = page.ask("/?experiment=", headers={**other, "Sec-Fetch-Mode": "navigate"})
    assert link.status == 200


def test_there_are_no_web_sockets(page: Served) -> None:
    shake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Origin": "http://evil.example",
    }
    assert page.ask("/picture", headers=shake).status in (400, 404, 405, 426)


def test_what_is_no_question_gets_a_line(page: Served) -> None:
    for body in (b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000):
        answer = page.ask("/read", body)
        assert answer.status == 422
        assert answer.line.startswith("A question must be")
    assert page.ask("/read", {"tables": [1]}).line.startswith("Argument `tables` must")
    assert page.ask("/read", {"text": 1}).line.startswith("Argument `text` must")
    assert page.ask("/read", b" " * 1_000_001).status == 413
    assert page.ask("/download", {"wanted": "x", "tables": PASSAGE}).status == 422


# ---- what may be typed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([["__import__('os').system('id')", 0], [0, 0]], "not valid|may not|unknown|call"),
        ([["x.__class__", 0], [0, 0]], "formula|Formula"),
        ([["lambda: 1", 0], [0, 0]], "formula|Formula"),
        ([["open('/etc/passwd')", 0], [0, 0]], "formula|Formula|function"),
        ([["x", "depth"], ["depth", "-x"]], "depth"),
        ([["x", "I"], ["I", "-x"]], "Hermitian"),
        ([["x", 1]], "square"),
        ([], "matrix"),
        ([[""]], "Formula|formula"),
        ([["1/0"]], "divides by zero|zero"),
        ([["x**(10**9)"]], "exponent|large"),
    ],
)
def test_what_is_no_matrix_of_formulas_gets_a_line(page: Served, matrix: Any, said: str) -> None:
    line = refused(page, changed(hamiltonian={"matrix": matrix}, scan=None))
    assert any(word in line for word in said.split("|")), line


@pytest.mark.parametrize(
    ("drive", "said"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": "fast"}, "`rate` must be a number"),
        ({"rate": ""}, "`rate` must be a number"),
        ({"rate": -1.0}, "stop"),
        ({"start": 20, "stop": -20}, "stop"),
        ({"start": 1, "stop": 1}, "stop"),
        ({"kind": "wave"}, "kind"),
        ({"rate": None}, "rate"),
        ({"rate": "1e999"}, "rate"),
    ],
)
def test_what_is_no_drive_gets_a_line(page: Served, drive: Any, said: str) -> None:
    assert said in refused(page, changed(drive=PASSAGE["drive"] | drive))


def test_numbers_of_any_size_get_a_line_or_a_picture(page: Served) -> None:
    for gap in (1e300, 10**400, -1.0, 0.0):
        tables = changed(hamiltonian={"model": "LandauZener", "gap": gap}, scan=None)
        answer = page.ask("/picture", {"tables": tables})
        if answer.status == 200:
            lines = [piece.get("line", "") for piece in answer.pieces.values()]
            assert not any("\n" in line for line in lines)
        else:
            assert answer.status == 422
            assert "gap" in answer.line or "Argument" in answer.line or "too large" in answer.line


def test_a_window_beyond_all_numbers_gets_a_line_for_each_picture(page: Served) -> None:
    drive = PASSAGE["drive"] | {"start": -1e300, "stop": 1e300}
    found = page.ask("/picture", {"tables": changed(drive=drive, scan=None)}).pieces
    assert "choose other units" in found["levels"]["line"]
    assert "too large" in found["populations"]["line"]


def test_what_is_typed_reads_no_file(page: Served, tmp_path: Path) -> None:
    secret = tmp_path / "LVC.template"
    secret.write_text("secret")
    line = refused(page, {"geometry": {"sharc": str(secret), "bounds": [[-1, 1]]}})
    assert line == "The page reads no other files: leave `sharc` out of [geometry]."


def test_kinds_and_sizes_that_only_the_command_line_takes_get_a_line(page: Served) -> None:
    rates = tomllib.loads(Path("examples/marcus_rates.toml").read_text(encoding="utf-8"))
    assert "another kind of study" in refused(page, rates)
    many = {"model": "TransverseIsing", "sites": 5}
    assert "at most 16 levels on the page" in refused(page, changed(hamiltonian=many, scan=None))
    wide = {"from": -6, "to": 6, "points": 5000}
    fringes = {"interferogram": starts.VIEWS["interferogram"]["interferogram"] | {"offset": wide}}
    assert "250000 points on the page" in refused(page, fringes)
    flat = starts.VIEWS["geometry"]["hamiltonian"] | {"coordinates": ["x", "y", "z"]}
    box = {"bounds": [[-1, 1]] * 3, "starts": 1}
    assert "two coordinates" in refused(page, {"hamiltonian": flat, "geometry": box})


# ---- what comes back --------------------------------------------------------------------------


def test_a_passage_is_what_another_integrator_gives(page: Served) -> None:
    """The end of the populations, and the exact answer, against DOP853."""
    gap, rate, end = 0.7, 1.3, 15.0
    tables = changed(
        hamiltonian={"model": "LandauZener", "gap": gap},
        drive={"kind": "linear", "start": -end, "stop": end, "rate": rate},
        scan=None,
    )
    found = page.ask("/picture", {"tables": tables}).pieces

    def hamiltonian(x: float) -> Any:
        return 0.5 * np.array([[x, gap], [gap, -x]])

    start = np.linalg.eigh(hamiltonian(-end))[1][:, 0].astype(complex)
    stop = np.linalg.eigh(hamiltonian(end))[1]
    solved = solve_ivp(
        lambda t, y: -1j * hamiltonian(rate * t) @ y,
        (-end / rate, end / rate),
        start,
        method="DOP853",
        rtol=1e-11,
        atol=1e-12,
    )
    expected = np.abs(stop.T @ solved.y[:, -1]) ** 2
    ends = [row[-1] for row in found["populations"]["populations"]]
    np.testing.assert_allclose(ends, expected, atol=1e-8)
    np.testing.assert_allclose(found["verdict"]["exact"], expected, atol=1e-8)
    (crossing,) = found["levels"]["crossings"]
    assert abs(crossing["gap"] - gap) < 1e-9
    landau = next(p for p in found["verdict"]["predictions"] if p["name"] == "Landau–Zener")
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    np.testing.assert_allclose(landau["probabilities"], [1 - jump, jump], rtol=1e-12)
    assert found["text"]["text"] == text_of(tables)


def test_the_scan_gives_closed_forms_point_by_point(page: Served) -> None:
    tables = changed(scan={"parameter": "drive.rate", "values": [0.5, 1.0, 2.0]})
    body = page.ask("/picture", {"tables": tables}).body
    found = [json.loads(line) for line in body.decode().splitlines()]
    assert [piece["piece"] for piece in found][-5:] == ["rates", *3 * ["predicted"], "end"]
    assert found[-5]["now"] == 1.0
    for piece, rate in zip(found[-4:-1], (0.5, 1.0, 2.0), strict=True):
        landau = next(one for one in piece["found"] if one["name"] == "Landau–Zener")
        assert abs(landau["probabilities"][1] - np.exp(-np.pi / (2 * rate))) < 1e-12
        assert abs(found[-5]["exact"][1][piece["index"]] - landau["probabilities"][1]) < 2e-3


def test_a_scan_that_cannot_be_leaves_the_other_pictures(page: Served) -> None:
    scan = {"parameter": "drive.speed", "values": [1.0]}
    found = page.ask("/picture", {"tables": changed(scan=scan)}).pieces
    assert "line" not in found["verdict"]
    assert found["rates"]["line"].startswith("In [drive]: Unknown key `speed`")


def test_fringes_have_the_limits_that_are_known(page: Served) -> None:
    found = page.ask("/picture", {"tables": starts.VIEWS["interferogram"]}).pieces["map"]
    values = np.frombuffer(base64.b64decode(found["population"]), "<f4")
    values = values.reshape(len(found["offsets"]), len(found["amplitudes"]))
    # By symmetry a half at no offset; undriven, what Bloch's equations come to.
    np.testing.assert_allclose(values[60], 0.5, atol=1e-6)
    offset, gap, t1, t2, temperature = 6.0, 0.2, 1000.0, 50.0, 0.05
    width = 1 + (offset * t2) ** 2
    mean = -np.tanh(offset / (2 * temperature)) * width / (width + gap**2 * t1 * t2)
    assert abs(values[-1, 0] - (1 + mean) / 2) < 1e-6
    np.testing.assert_allclose(found["resonances"], np.arange(-6, 7))


@pytest.mark.quick(1)
@pytest.mark.parametrize("split", [0.0, 0.5, 2.0])
def test_an_intersection_pulled_apart_has_its_levels_and_phase(page: Served, split: float) -> None:
    """The levels are ±√(x² + y² + s²/4); the phase is half the solid angle of the box."""
    tables = changed("geometry")
    tables["hamiltonian"]["parameters"]["split"] = split
    found = page.ask("/picture", {"tables": tables}).pieces
    x, y = np.meshgrid(found["surfaces"]["x"], found["surfaces"]["y"], indexing="ij")
    level = np.sqrt(x**2 + y**2 + split**2 / 4)
    np.testing.assert_allclose(found["surfaces"]["upper"], level, atol=1e-12)
    np.testing.assert_allclose(found["surfaces"]["lower"], -level, atol=1e-12)
    assert abs(found["surfaces"]["gap"] - split) < 1e-12
    assert len(found["meetings"]["meetings"]) == (split == 0)
    solid = 4 * np.arcsin(4 / (4 + split**2 / 4))  # of a square of side 4 from split/2 above it
    assert abs(abs(found["meetings"]["phase"]) - solid / 2) < 1e-8


def test_questions_at_the_same_time_share_nothing(page: Served) -> None:
    """Eight at once, each with its gap, against one batch and against Landau and Zener."""
    gaps = np.linspace(0.2, 1.6, 8)

    def ask(gap: float) -> Any:
        tables = changed(hamiltonian={"model": "LandauZener", "gap": gap}, scan=None)
        return page.ask("/picture", {"tables": tables}).pieces["populations"]["populations"]

    with ThreadPoolExecutor(8) as threads:
        found = [row[1][-1] for row in threads.map(ask, gaps.tolist())]
    model, drive = ac.models.LandauZener(gap=gaps), ac.drive.Linear(-20, 20, rate=1.0)
    exact = ac.propagate(model, drive, tolerance=1e-12).transition_matrix[:, 1, 0]
    np.testing.assert_allclose(found, exact, atol=1e-9)
    assert np.all(np.abs(found - np.exp(-np.pi * gaps**2 / 2)) < 2e-3)


def test_a_state_is_read_back_from_its_text(page: Served) -> None:
    for tables in starts.VIEWS.values():
        text = json.loads(page.ask("/read", {"tables": tables}).body)["text"]
        read = json.loads(page.ask("/read", {"text": text}).body)
        assert read["tables"] == tables
        assert read["kind"] == json.loads(page.ask("/read", {"tables": tables}).body)["kind"]


def test_a_passage_without_a_scan_gets_one_over_its_rate(page: Served) -> None:
    text = Path("examples/flux_qubit.toml").read_text(encoding="utf-8").partition("[scan]")[0]
    read = json.loads(page.ask("/read", {"text": text}).body)
    assert read["tables"]["scan"]["parameter"] == "drive.rate"
    assert studies.parse(text_of(read["tables"])).plan is not None


def test_the_file_of_a_state_is_downloaded(page: Served) -> None:
    tables = changed(title='Two levels, "so"', scan=None)
    file = page.ask("/download", {"wanted": "experiment", "tables": tables})
    assert tomllib.loads(file.body.decode()) == tables
    assert 'filename="Two_levels_so.toml"' in file.headers["content-disposition"]


@pytest.mark.slow
def test_figure_and_data_are_downloaded(page: Served, tmp_path: Path) -> None:
    tables = changed(scan=None)
    figure = page.ask("/download", {"wanted": "figure", "tables": tables})
    assert figure.body.lstrip().startswith(b"<?xml")
    data = page.ask("/download", {"wanted": "data", "tables": tables})
    (tmp_path / "data.nc").write_bytes(data.body)
    import xarray

    with xarray.open_dataset(tmp_path / "data.nc") as dataset:
        outcome = studies.run(studies.parse(text_of(tables)))
        exact = outcome.to_dataset()["exact_probability"].values
        np.testing.assert_array_equal(dataset["exact_probability"].values, exact)


# ---- the command ------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_refused_and_the_usual_one_replaced() -> None:
    first = server.listen(0)
    taken = first.getsockname()[1]
    with pytest.raises(InputError, match=f"`port` must be one that is free, but {taken} is not"):
        server.listen(taken)
    first.close()
    with pytest.raises(InputError, match="`port` must be at most 65535"):
        server.listen(70000)
    one, other = server.listen(None), server.listen(None)
    assert one.getsockname()[0] == other.getsockname()[0] == "127.0.0.1"
    assert one.getsockname()[1] != other.getsockname()[1]
    one.close()
    other.close()


def test_a_package_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from anticrossing.cli.commands import app

    monkeypatch.setitem(sys.modules, "starlette", None)
    done = CliRunner().invoke(app, ["page", "--no-browser"])
    assert str(done.exception) == (
        "The command `anticrossing page` needs the package starlette: "
        "install it with  pip install 'anticrossing[page]'"
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another Ctrl-C")
def test_the_command_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "anticrossing", "page", "examples/flux_qubit.toml"]
    running = subprocess.Popen(
        [*command, "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout is not None
    said = re.match(
        r"page: http://127\.0\.0\.1:(\d+)/  \(Ctrl-C ends it\)", running.stdout.readline()
    )
    assert said
    text = json.loads(Served(int(said[1])).ask("/opening").body)["text"]
    assert text == Path("examples/flux_qubit.toml").read_text(encoding="utf-8")
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=60) == ("", "")
    assert running.returncode == 0


def test_files_that_the_page_cannot_show_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another kind of study"):
        answers.opened(Path("examples/marcus_rates.toml"))
    bad = tmp_path / "bad.toml"
    bad.write_text("[drive", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.toml: Not valid TOML"):
        answers.opened(bad)
