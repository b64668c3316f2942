"""Values that replace those of a file, by --set: as if the file had them, and on record."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import xarray

from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.studies import toml_text
from anticrossing.studies.settings import changed

GOOD = """\
title = "before"  # and a comment
[hamiltonian]
model = "LandauZener"
gap = 1.0
[drive]
kind = "linear"
start = -50
stop = 50
rate = 1.0
"""


def test_a_value_set_is_as_one_in_the_file(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(GOOD.replace("rate = 1.0", "rate = 2.0"))
    found = json.loads(call("run", "a.toml", "--json", "--set", "drive.rate=2.0").out)
    other = json.loads(call("run", "b.toml", "--json").out)
    assert found.pop("changes") == ["drive.rate=2.0"]
    assert found == other
    assert "changes" not in json.loads(call("run", "a.toml", "--json").out)


@pytest.mark.slow
def test_what_was_set_is_kept_with_the_result(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    options = ["--set", "drive.rate = 2.0", "--set", 'title="after = \\"before\\""']
    assert call("run", "a.toml", "-q", "-o", "out", *options).status == 0
    with xarray.open_dataset(tmp_path / "out" / "result.nc") as dataset:
        assert dataset.attrs["changes"].splitlines() == options[1::2]
    kept = (tmp_path / "out" / "experiment.toml").read_text()
    assert tomllib.loads(kept) == {**tomllib.loads(GOOD), **tomllib.loads(options[3])} | {
        "drive": {"kind": "linear", "start": -50, "stop": 50, "rate": 2.0}
    }
    # The file that is kept gives the same again, without the options.
    again = json.loads(call("run", "out/experiment.toml", "--json").out)
    before = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert before.pop("changes") == options[1::2]
    assert again == before


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("drive.rat=2", "did you mean `rate`?"),
        ("drve.rate=2", "did you mean `drive`?"),
        ("rate=2", "did you mean `drive.rate`?"),
        ("drive.rate", "KEY=VALUE"),
        ("drive.rate=", "KEY=VALUE"),
        ("=2", "KEY=VALUE"),
        ("drive.kind=linear", "'drive.kind=\"linear\"'"),
        ("drive.rate=1\n[packet]", "KEY=VALUE"),
        ("drive.rate\n=1", "KEY=VALUE"),
        ("drive.rate=1\nx=2", "KEY=VALUE"),
        ("drive.rate.x=1", "`drive.rate` is none"),
        ("title.x=1", "name a key"),
        ("drive.rate=true", "`rate` must be a number"),
        ("drive..rate=1", "KEY=VALUE"),
        ("drive.rate=" + "[" * 5000, "KEY=VALUE"),
    ],
    ids=lambda value: repr(value)[:24],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_wrong_setting_is_one_line_with_the_right_name(
    call: Any, tmp_path: Path, command: str, setting: str, expected: str
) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    outcome = call(command, "a.toml", "--set", setting)
    said = [*outcome.out.splitlines(), *outcome.err.splitlines()]
    assert outcome.status == 2
    assert expected in said[0]
    assert said[1:] in ([], ["a.toml: more may show once this is corrected"])
    assert expected != "KEY=VALUE" or outcome.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


@pytest.mark.slow
def test_every_command_that_takes_a_file_takes_settings(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    wide = json.loads(call("crossings", "a.toml", "--json", "--set", "hamiltonian.gap=0.5").out)
    assert wide["crossings"][0]["gap"] == pytest.approx(0.5, rel=1e-12)
    scan = '{parameter="drive.rate", values=[1.0, 2.0]}'
    assert call("sweep", "a.toml", "-q", "--set", f"scan={scan}").status == 0
    with xarray.open_zarr(tmp_path / "a-sweep.zarr") as dataset:
        assert dataset["drive.rate"].values.tolist() == [1.0, 2.0]
        assert dataset.attrs["changes"] == f"scan={scan}"


def test_settings_reach_tables_of_every_form() -> None:
    entries = tomllib.loads(
        'scan = { points = 3 }\n[[environment]]\nkind = "a"\n[[environment]]\nkind = "b"\n'
        '[packet]\ngrid = { start = 0 }\n[[sweep.parameters]]\nparameter = "drive.rate"\n'
    )
    settings = [
        "environment.2.t1=5",
        "packet.grid.stop=1",
        "sweep.parameters.from=2",
        "new.key=[1]",
    ]
    found = changed(entries, settings)
    assert found["environment"][1] == {"kind": "b", "t1": 5}
    assert found["packet"]["grid"] == {"start": 0, "stop": 1}
    assert found["sweep"]["parameters"] == [{"parameter": "drive.rate", "from": 2}]
    assert found["new"] == {"key": [1]}
    assert "t1" not in entries["environment"][1]
    with pytest.raises(InputError, match="one table"):
        changed(entries, ["environment.t1=5"])
    with pytest.raises(InputError, match="one table"):
        changed(entries, ["environment.3.t1=5"])


def test_from_python_as_from_the_command_line() -> None:
    study = studies.parse(GOOD, settings=["drive.rate=2.0"])
    assert study.changes == ("drive.rate=2.0",)
    assert study.tables["drive"]["rate"] == 2.0
    assert studies.parse(study.text).tables == study.tables
    kept = studies.run(study).to_dataset().attrs
    assert (kept["changes"], kept["experiment_file"]) == ("drive.rate=2.0", study.text)


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": -2.5e-300, "c": True, "d": 'quo"te \\ back\nline\t\x7f ħ', "e": [], "f": {}},
        {"quoted key": [[1, 2], ["x", {"y": [False]}]], "ħ": {"": 1e16, "t.u": "v"}},
        {"top": 1, "table": {"inner": {"deep": {"x": 0.1}}}, "list": [{"a": 1}, {"a": 2}]},
    ],
)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text.text_of(value)) == value
