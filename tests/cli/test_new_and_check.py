"""Files to begin with, and files checked for all their mistakes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.models import MODELS
from anticrossing.studies import environments, file, levels, parse
from anticrossing.studies.meanings import meanings
from anticrossing.studies.positions import positions
from anticrossing.studies.problems import check
from anticrossing.studies.schema import Table
from anticrossing.studies.template import template
from tests.effort import cases, slow
from tests.test_cli import BAD_FILES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
QUICK = ("passage", "rates")
GOOD = """
[hamiltonian]
model = "LandauZener"
gap = 1.0

[drive]
kind = "linear"
start = -50
stop = 50
rate = 1.0
"""


def kinds() -> list[Any]:
    return [name if name in QUICK else slow(name) for name in file.names()]


def structures(found: type[Table]) -> set[type[Table]]:
    """Return a structure and all within it."""
    inner: set[type[Table]] = {found}
    for field in msgspec.structs.fields(found):
        for member in getattr(field.type, "__args__", (field.type,)):
            if isinstance(member, type) and issubclass(member, Table) and member not in inner:
                inner |= structures(member)
    return inner


# ---- new --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", kinds())
def test_what_is_written_passes_the_check_and_runs(call: Any, name: str, tmp_path: Path) -> None:
    assert call("new", name).status == 0
    checked = call("check", f"{name}.toml")
    assert (checked.status, checked.err) == (0, "")
    assert f"{name}.toml: fine: {name.replace('_', ' ')}" in checked.out
    given = [EXAMPLES / "data" / "interferogram_synthetic.csv"] if name == "fit" else []
    done = call("fit" if given else "run", *given, f"{name}.toml", "--json")
    assert done.status == 0, done.err


@pytest.mark.parametrize("name", kinds())
def test_every_line_that_is_commented_out_may_be_used(name: str) -> None:
    """A key with its default, uncommented, changes nothing that can be told from the setup."""
    text = template(name)
    before = parse(text).setup
    shown = re.findall(r"^#(\w+ = (?!NUMBER|TEXT|LIST|TABLE).*)$", text, re.MULTILINE)
    assert len(shown) > 1
    part = text.partition("\n#[")[0]  # what follows are tables that are commented out as a whole
    for line in re.findall(r"^#(\w+ = (?!NUMBER|TEXT|LIST|TABLE).*)$", part, re.MULTILINE):
        if '""' in line.partition("# ")[0]:
            continue
        assert parse(text.replace(f"#{line}", line, 1)).setup == before, line


@pytest.mark.parametrize("name", kinds())
def test_a_file_to_begin_with_names_every_key(name: str) -> None:
    text, kind = template(name), file.kind(name)
    for structure in structures(kind.structure):
        for field in msgspec.structs.fields(structure):
            if field.encode_name in meanings(structure) and structure is not kind.structure:
                key = re.escape(field.encode_name)
                assert re.search(rf"(^#?|[{{,] ){key} = |^#?\[.*{key}\]$", text, re.MULTILINE), key
    assert max(map(len, text.splitlines())) <= 100


def test_every_key_has_a_meaning() -> None:
    """No key of a file is without words; but for the old name of a time step."""
    tables = [structures(file.kind(name).structure) for name in file.names()]
    tables += [
        structures(one)
        for kind in map(file.kind, file.names())
        for several in kind.choices.values()
        for one in several
    ]
    tables += [{structure} for structure, _ in environments.KINDS.values()]
    tables += [{levels.drive_table(kind)} for kind in levels.KINDS]
    tables += [{levels.model_table(model)} for model in MODELS]
    tops = {file.kind(name).structure for name in file.names()}
    without = {
        f"{structure.__name__}.{field.encode_name}"
        for structure in set().union(*tables) - tops
        for field in msgspec.structs.fields(structure)
        if field.encode_name not in meanings(structure)
        and field.encode_name not in ("model", "kind")
    }
    assert without == {"TrajectoriesTable.dt"}
    stale = {
        f"{structure.__name__}.{key}"
        for structure in set().union(*tables) - tops
        for key in meanings(structure)
        if structure.__name__ not in (*MODELS, *levels.DRIVES)
        and key not in {field.encode_name for field in msgspec.structs.fields(structure)}
    }
    assert stale == set()


def test_nothing_is_replaced_unasked(call: Any, tmp_path: Path) -> None:
    (tmp_path / "passage.toml").write_text("mine")
    refused = call("new", "passage")
    assert refused.status == 2
    assert "passage.toml is there already" in refused.err
    assert (tmp_path / "passage.toml").read_text() == "mine"
    assert call("new", "passage", "-o", "other.toml").status == 0
    assert call("new", "passage", "--force").status == 0
    assert (tmp_path / "passage.toml").read_text() == (tmp_path / "other.toml").read_text()


def test_new_without_a_kind_lists_them_and_prints_where_asked(call: Any, tmp_path: Path) -> None:
    listed = call("new").out
    assert all(re.search(rf"^ {name}\s", listed, re.MULTILINE) for name in file.names())
    printed = call("new", "rates", "-o", "-")
    assert tomllib.loads(printed.out)["rates"]["formulas"]
    assert list(tmp_path.iterdir()) == []
    wrong = call("new", "pasage")
    assert wrong.status == 2
    assert "did you mean `passage`?" in wrong.err


# ---- check ------------------------------------------------------------------------------------


MISTAKES = """\
titel = "several mistakes"

[hamiltonian]
model = "LandauZenner"
gpa = 1.0

[drvie]
kind = "linear"
start = "a"
stop = 50
rate = -1

[[environment]]
kind = "dephasing"
rate = -1

[[environment]]
kind = "thermal"
temprature = 1.0
t1 = 3

[question]
basis = "diabtic"
tolerance = 1
"""


def test_every_mistake_has_its_line(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(MISTAKES)
    outcome = call("check", "a.toml")
    assert (outcome.status, outcome.err) == (2, "")
    lines = outcome.out.splitlines()
    numbers = [int(found[1]) for line in lines if (found := re.match(r"a\.toml:(\d+): ", line))]
    assert numbers == [1, 4, 5, 7, 9, 15, 19, 23, 24]
    for word in ("title", "LandauZener", "gpa", "drive", "start", "temperature", "diabatic"):
        assert word in outcome.out
    # What a guess may have made is not said, and that it is not is said.
    assert lines[-1] == "a.toml: more may show once this is corrected"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("gap = 1.0", "gap = nan", 4),
        ("rate = 1.0", "rate = -1.0", 9),
        ("stop = 50", "stop = -50", 9),
        ('kind = "linear"', 'kind = "lienar"', 7),
        ("rate = 1.0", "rate = 1.0\nrate = 2.0", 11),
        ("rate = 1.0", "rate = ", 10),
        ("rate = 1.0", "", 6),
        ("[drive]", "[drive]\nextra = 1", 7),
    ],
    ids=lambda value: str(value).replace("\n", " ")[:20],
)
def test_one_mistake_is_one_line(old: str, new: str, line: int) -> None:
    found = check(GOOD.replace(old, new))
    assert [problem.line for problem in found.problems] == [line]
    assert found.study is None
    with pytest.raises(InputError) as refused:
        parse(GOOD.replace(old, new))
    said = found.problems[0].text
    assert said == str(refused.value) or "; is it `" in said


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[scan]\nparameter = "drive.foo"\nvalues = [1, 2]\n', "Unknown key `foo` in [drive]"),
        ('[question]\nsensitivity = ["gapp"]\n', "did you mean `gap`"),
    ],
)
def test_a_name_that_is_the_value_of_a_key_may_be_wrong(table: str, message: str) -> None:
    (problem,) = check(GOOD + table).problems
    assert message in problem.text


def test_keys_of_a_model_that_is_not_known_are_not_missed() -> None:
    found = check('[hamiltonian]\nmodel = "Foo"\n[drive]\nkind = "linear"\nstart = -5\nstop = 5\n')
    assert [problem.line for problem in found.problems] == [2, 3]
    model, drive = (problem.text for problem in found.problems)
    assert "names, such as LandauZener, " in model
    assert len(model) < 200
    assert "`rate` is missing" in drive
    assert not found.complete


def test_a_kind_is_told_beside_a_value_that_is_missing() -> None:
    found = check(GOOD.replace("gap = 1.0", "").replace('"linear"', '"liner"'))
    assert ["`gap`" in p.text or "`linear`" in p.text for p in found.problems] == [True, True]


def test_what_check_says_first_is_what_run_says() -> None:
    """Of the mistakes of a file the one that a run stops at is always among those told."""
    with pytest.raises(InputError) as refused:
        parse(MISTAKES)
    assert str(refused.value) in [problem.text for problem in check(MISTAKES).problems]


@pytest.mark.parametrize("pattern", ["[df][rl]*e*_l*.toml", slow("*.toml")])
def test_a_file_that_is_fine_has_no_problem(call: Any, pattern: str) -> None:
    names = sorted(EXAMPLES.glob(pattern))
    outcome = call("check", *names)
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert [line.partition(": fine: ")[0] for line in lines] == [str(name) for name in names]
    said = dict(zip((name.stem for name in names), lines, strict=True))
    if "flux_qubit" in said:
        assert "passage, 31 points of [scan], exact evolution under 1 s" in said["flux_qubit"]
    assert said["driven_level"].endswith(": fine: driven level, 25 points of [scan]")


def test_times_and_sizes_are_said_as_they_are_known(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        '[hamiltonian]\nmodel = "TransverseIsing"\nsites = 12\n'
        '[drive]\nkind = "linear"\nstart = 3.0\nstop = 0.2\nrate = -1e-3\n'
        "[state]\n"
    )
    said = call("check", "a.toml").out
    assert re.search(r"exact evolution about [\d.]+ (s|min|h) and about [\d.]+ MB", said), said


def test_all_files_are_looked_at(call: Any, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD + "\n[qestion]\n")
    outcome = call("check", "missing.toml", "bad.toml", "good.toml", ".")
    assert (outcome.status, outcome.err) == (2, "")
    starts = [line.partition(": ")[0] for line in outcome.out.splitlines()]
    assert starts == ["missing.toml", "bad.toml:12", "good.toml", "."]
    assert call("check").status == 2


def test_lines_of_keys_in_every_form_of_table() -> None:
    text = (
        'a = 1\nb = { c = 2, d = [\n  { e = 3 },\n] }\n\n[t.u]\nlong = """\nx = 1\n[no]\n"""\n'
        "after = 2\n[[v]]\nw = 1\n[[v]]\nw = 2\n'quoted key' = 3\nx.y = 4\n"
    )
    found = positions(text)
    expected = {"a": 1, "b.c": 2, "b.d 1.e": 2, "t.u": 6, "t.u.long": 7, "t.u.after": 11}
    expected |= {"v": 12, "v 1.w": 13, "v 2": 14, "v 2.w": 15, "v 2.quoted key": 16, "v 2.x.y": 17}
    assert {name: found[name] for name in expected} == expected
    assert "no" not in found


def test_a_mistake_set_on_the_command_line_has_no_line_of_the_file(
    call: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    outcome = call("check", "a.toml", "--set", "drive.rate=0")
    assert outcome.status == 2
    assert re.match(r"a\.toml:6: In \[drive\]: Argument `rate`", outcome.out)  # of its table


# ---- anything at all --------------------------------------------------------------------------


SOME = ("binary", "unknown key", "logarithm on the way", "packet and trajectories")


@pytest.mark.parametrize("case", [case if case in SOME else slow(case) for case in BAD_FILES])
def test_files_of_every_sort_are_one_line_or_more(call: Any, case: str, tmp_path: Path) -> None:
    content = BAD_FILES[case]
    (tmp_path / "bad.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = call("check", "bad.toml")
    assert (outcome.status, outcome.err) == (2, "")
    assert all(line.startswith("bad.toml") for line in outcome.out.splitlines())
    assert outcome.out


TEXTS = [template(name) for name in ("passage", "floquet", "rates", "driven_level")]
LIVE = [
    (which, number)
    for which, text in enumerate(TEXTS)
    for number, line in enumerate(text.splitlines())
    if line and line[0] != "#"
]
LINES = (
    *("", "x = 1", "[drive]", "]", 'kind = "none"', "rate = 0", "gap = [1.0]", "tolerance = -1"),
    *("start = 'a'", "[[scan]]", "scan = 3", "question = {}", "stop = 1e400", '"" = 1', "a.b = 1"),
)


@given(st.sampled_from(LIVE), st.sampled_from(LINES))
@cases(60)
def test_check_finds_something_exactly_where_a_run_would_stop(
    place: tuple[int, int], new: str
) -> None:
    which, number = place
    rows = TEXTS[which].splitlines()
    rows[number] = new
    text = "\n".join(rows)
    found = check(text)
    refused = ""
    try:
        parse(text)
    except InputError as error:
        refused = str(error)
    said = [problem.text.partition("; is it `")[0].rstrip(".") for problem in found.problems]
    assert (found.study is None) == bool(refused) == bool(said)
    assert not refused or refused.rstrip(".") in said
    assert all(one.line is None or 1 <= one.line <= len(rows) for one in found.problems)
