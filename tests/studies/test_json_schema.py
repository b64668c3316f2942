"""The JSON Schema of experiment files: valid itself, true of good files, and not of bad ones."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from anticrossing import InputError, models, studies
from anticrossing.studies import file, levels
from anticrossing.studies.json_schema import schema

ROOT = Path(__file__).parents[2]
jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with jsonschema")
PAGE = (ROOT / "docs" / "files.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def validator() -> Any:
    printed = json.loads(json.dumps(schema(), allow_nan=False))
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


def test_every_reference_leads_somewhere(validator: Any) -> None:
    named = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(validator.schema)))
    assert named <= set(validator.schema["$defs"])


def test_every_kind_model_and_drive_is_in_it(validator: Any) -> None:
    tables = {key for one in validator.schema["$defs"].values() for key in one["properties"]}
    assert {name for name in file.names() if name != "passage"} <= tables
    text = json.dumps(validator.schema)
    names = (*models.MODELS, *levels.KINDS)
    assert [name for name in names if f'"enum": ["{name}"]' not in text] == []


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("examples/*.toml")))
def test_examples_agree_with_it(name: str, validator: Any) -> None:
    validator.validate(tomllib.loads((ROOT / "examples" / name).read_text("utf-8")))


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_of_the_documentation_agree_with_it(number: int, validator: Any) -> None:
    validator.validate(tomllib.loads(BLOCKS[number]))


PASSAGE = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -9.0, stop = 9.0, rate = 1.0 }
"""
FRINGES = 'fit = { kind = "interferogram", gap = 0.1, t1 = 9.0, t2 = 1.0 }\n'
BAD = {
    "nothing": "",
    "unknown table": PASSAGE + "drives = {}\n",
    "unknown key": PASSAGE.replace("gap", "gapp"),
    "missing key": PASSAGE.replace(", rate = 1.0", ""),
    "text for a number": PASSAGE.replace("1.0 }", '"one" }', 1),
    "unknown model": PASSAGE.replace("LandauZener", "LandauZenr"),
    "unknown drive": PASSAGE.replace("linear", "linea"),
    "unknown environment": PASSAGE + 'environment = { kind = "termal", temperature = 1.0 }\n',
    "two kinds": PASSAGE + FRINGES,
    "scale": PASSAGE + 'scan = { parameter = "drive.rate", values = [1.0], scale = "cubic" }\n',
    "fit": FRINGES.replace('"interferogram"', '"fringes"'),
    "fit key": FRINGES.replace("t2", "t_2"),
    "unit": PASSAGE + "units = { energy = 3 }\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_do_not_agree_with_it(name: str, validator: Any) -> None:
    assert not validator.is_valid(tomllib.loads(BAD[name]))
    with pytest.raises(InputError):
        studies.parse(BAD[name])


def test_good_files_do(validator: Any) -> None:
    for text in (PASSAGE, FRINGES):
        validator.validate(tomllib.loads(text))
        studies.parse(text)
