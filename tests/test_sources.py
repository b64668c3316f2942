"""Every statement of the sources leads somewhere, and what docstrings cite is known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import literature

import anticrossing as ac

ROOT = Path(__file__).parents[1]
NAMES = sorted(p.stem for p in literature.SOURCES.glob("*.toml") if p.stem != "literature")
SOURCES = {name: literature.source(name) for name in NAMES}
NUMBERED = {
    "barra_esposito": [*(f"({k})" for k in range(1, 10)), *(f"(A{k})" for k in range(1, 16))],
    "fraas_haenggli": [
        f"({section}.{k})"
        for section, last in ((1, 5), (2, 17), (3, 32), ("A", 6))
        for k in range(1, last + 1)
    ],
}


def reference() -> set[str]:
    """Names that the API reference describes."""
    pages = [page.read_text(encoding="utf-8") for page in ROOT.glob("docs/api/*.md")]
    return {name for page in pages for name in re.findall(r"auto\w+:: ([\w.]+)", page)}


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_leads_somewhere(name: str) -> None:
    known, described = set(literature.objects()), reference()
    for statement in SOURCES[name].statements:
        links = [*statement.functions, statement.command, statement.example, statement.doc]
        assert any(links), statement.where
        for function in statement.functions:
            assert function in known, f"{statement.where}: {function}"
            assert described & set(function.split(".")), f"{statement.where}: {function}"
        if statement.command:
            program, verb, study = statement.command.split()
            assert (program, verb) == ("anticrossing", "reproduce")
            assert study in ac.reproduce.NAMES
        for folder, file in (("examples", statement.example), ("docs", statement.doc)):
            assert (ROOT / folder / file).exists(), f"{statement.where}: {file}"


@pytest.mark.parametrize("name", NUMBERED)
def test_every_number_of_a_paper_has_a_row_and_every_row_cited_exists(name: str) -> None:
    source = SOURCES[name]
    rows = {row.where.lower() for row in source.statements}
    for row in source.statements:
        rows |= literature.places(row.where)
    assert {number.lower() for number in NUMBERED[name]} <= rows
    for citation in literature.citations():
        if citation.paper == source.paper:
            assert citation.places <= rows, citation.name


def test_every_paper_has_a_title_and_every_title_is_cited() -> None:
    cited = {citation.paper for citation in literature.citations()}
    assert all(citation.authors for citation in literature.citations())
    titles = literature.titles()
    assert {paper for paper in cited if not literature.is_book(paper)} == set(titles)


def test_places_are_read() -> None:
    text = "equations (2.9)–(2.12) and (A.1), Theorem 2, section VI, figures 3 and 4, (A2)"
    assert literature.places(text) == {
        *("(2.9)", "(2.10)", "(2.11)", "(2.12)", "(a.1)", "theorem 2", "section vi", "figure 3"),
        *("figure 4", "(a2)"),
    }
