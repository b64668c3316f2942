"""What the page starts from: every model, with something to be seen."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing import InputError, studies
from anticrossing.models import MODELS
from anticrossing.page import answers, starts
from anticrossing.studies.toml_text import text_of
from tests.effort import cases, slow

ALL = {
    (view, name): made for view, models in starts.models().items() for name, made in models.items()
}
ELSEWHERE = {"VibronicCoupling", "Pyrazine", "Retinal"}  # of more coordinates than are drawn

_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_values = st.recursive(
    st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_texts, _values, max_size=4))
@cases(60)
def test_tables_are_read_back_from_their_text(tables: dict[str, Any]) -> None:
    assert tomllib.loads(text_of(tables)) == tables


def test_values_that_no_file_holds_are_refused() -> None:
    with pytest.raises(InputError, match="holds no such value"):
        text_of({"a": b"bytes"})
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InputError, match="nested too deeply"):
        text_of({"a": deep})
    assert text_of({"a": None, "b": {"c": None}}) == "[b]\n"


def test_every_model_is_offered() -> None:
    assert {name for _, name in ALL} | ELSEWHERE == set(MODELS)
    assert {name for _, name in ALL} & ELSEWHERE == set()


@pytest.mark.parametrize(("view", "name"), ALL)
def test_every_start_is_an_experiment_of_its_view(view: str, name: str) -> None:
    found = answers.read({"tables": ALL[view, name]})
    assert found["kind"] == view
    assert found["tables"] == ALL[view, name]


@pytest.mark.parametrize("kind", starts.SURROUNDINGS)
def test_every_kind_of_surroundings_goes_with_the_first_passage(kind: str) -> None:
    tables = starts.VIEWS["passage"] | {"environment": starts.SURROUNDINGS[kind]}
    assert studies.parse(text_of(tables))


@pytest.mark.parametrize(
    "kind", [kind if kind == "formula" else slow(kind) for kind in starts.DRIVES]
)
def test_every_kind_of_drive_goes_with_the_first_passage(kind: str) -> None:
    tables = copy.deepcopy(starts.VIEWS["passage"]) | {"drive": starts.DRIVES[kind]}
    del tables["scan"]
    pieces = {piece["piece"]: piece for piece in answers.picture({"tables": tables})}
    assert not any("line" in piece for piece in pieces.values())
    total = np.sum(pieces["populations"]["populations"], axis=0)
    np.testing.assert_allclose(total, 1, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("view", "name"), ALL)
def test_every_start_gives_a_picture(view: str, name: str) -> None:
    tables = copy.deepcopy(ALL[view, name])
    if "points" in tables.get("scan", {}):
        tables["scan"]["points"] = 2
    pieces = list(answers.picture({"tables": tables}))
    assert not [piece["line"] for piece in pieces if "line" in piece]
    if view == "passage":
        final = np.array(next(p["exact"] for p in pieces if p["piece"] == "verdict"))
        assert abs(final.sum() - 1) < 1e-9
        assert final.max() < 1 - 1e-4  # something happens
