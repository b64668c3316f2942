"""Published files against independent parsers: the comparison itself, on files of our own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anticrossing.models import Pyrazine, read_sharc, write_operator
from tests.models.public_files import ENERGIES, look_through, template_errors
from tests.models.test_operator_file import COLUMNS, NUMBERED
from tests.models.test_sharc import FILES, MULTIPOLES, SPIN_ORBIT

PLACE = os.environ.get("ANTICROSSING_PUBLIC_FILES")


def test_own_files_in_every_dialect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (FILES / "LVC.template").read_text()
    (tmp_path / "V0.txt").write_text((FILES / "V0.txt").read_text())
    dialects = {
        "2": text,
        "3": text.replace("V0.txt", "/home/somebody/V0.txt") + MULTIPOLES,
        "4": text.replace("2 0 1\n", "2 0 1\ncharge 0 1 0\n").replace(
            "gamma", SPIN_ORBIT + "gamma"
        ),
        "again": text,  # the same file is counted once
        "1": text.replace("V0.txt", "2"),
    }
    for name, content in dialects.items():
        (tmp_path / f"{name}.template").write_text(content)
    (tmp_path / "numbered.op").write_text(NUMBERED)
    (tmp_path / "columns.op").write_text(COLUMNS)
    write_operator(Pyrazine(), tmp_path / "written.op")
    (tmp_path / "comma.op").write_text(NUMBERED.replace("3.0d-2 , ev", "3.0d-2 ev"))
    found = look_through(tmp_path)
    assert found["template read"] == found["operator read"] == 3
    assert found["template refused"] == found["operator refused"] == 1
    assert found["wrong"] == 0
    printed = capsys.readouterr().out
    assert "1.template: refused: , line 1 must hold the path of V0.txt" in printed
    assert "comma.op: refused: , line 12 must have a comma before the unit 'ev'" in printed
    # a value that is read wrongly is found
    other = text.replace("0.3100000000", "0.3100000200")
    assert other != text
    (tmp_path / "other").write_text(other)
    model = read_sharc(tmp_path / "2.template")
    errors = template_errors(model, tmp_path / "other", tmp_path / "V0.txt")
    assert errors["numbers"] > ENERGIES


@pytest.mark.slow
@pytest.mark.skipif(PLACE is None, reason="ANTICROSSING_PUBLIC_FILES names no folder")
def test_published_files() -> None:
    assert PLACE is not None
    found = look_through(Path(PLACE))
    assert found["wrong"] == 0
    assert found["template read"] + found["operator read"] > 0
