"""Make every example in README.md and docs/ a test: one test a page, run from top to bottom."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sybil import Example, Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

# The same random cases in every run: a failure must be reproducible, and must not depend on how
# busy the machine is. `make test-all` draws more of them (`--hypothesis-profile all`).
settings.register_profile("few", derandomize=True, deadline=None, max_examples=20)
settings.register_profile("all", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("few")

# A shell starts work in the background deaf to Ctrl-C; what tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent
NEEDED = {"docs/other_packages.md": "qutip"}  # by the examples of a page, beside what tests need
LONG_PAGES = tuple(
    f"docs/{page}.md"
    for page in (
        *("api/control", "diabatization", "driven_level", "fits", "geometry", "mean_field"),
        *("molecules", "open_systems", "recipes", "theory", "transport", "vibronic"),
    )
)  # for `make test-all`
collect_ignore = ["docs/conf.py", "docs/source_map.py", "docs/figures.py", "docs/rates_figure.py"]
if importlib.util.find_spec("oqupy") is None:
    collect_ignore.append("src/anticrossing/oqupy/_parts.py")
collect_ignore_glob = ["docs/gallery/*", "docs/auto_gallery/*"]  # tests/test_gallery.py runs them


def check_experiment(example: Example) -> None:
    """Validate an experiment file shown as a ``toml`` block."""
    from anticrossing import studies

    studies.parse(example.parsed)


EXAMPLES = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS),
        CodeBlockParser(language="toml", evaluator=check_experiment),
    ],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
)


class Page(pytest.File):
    """A markdown page; its blocks share one namespace, so they form a single test."""

    def collect(self) -> Iterator[pytest.Item]:
        if any(EXAMPLES.parse(self.path).examples()):
            page = PageExamples.from_parent(self, name="examples")
            if self.path.relative_to(ROOT).as_posix() in LONG_PAGES:
                page.add_marker(pytest.mark.slow)
            needed = NEEDED.get(self.path.relative_to(ROOT).as_posix())
            if needed and importlib.util.find_spec(needed) is None:
                page.add_marker(pytest.mark.skip(reason=f"needs the extra `{needed}`"))
            yield page


class PageExamples(pytest.Item):
    """All examples of one page, in order."""

    def runtest(self) -> None:
        for example in EXAMPLES.parse(self.path).examples():
            example.evaluate()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        return str(excinfo.getrepr(style="value"))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"examples of {self.path.relative_to(ROOT)}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    if EXAMPLES.should_parse(file_path):
        return Page.from_parent(parent, path=file_path)
    return None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to import at another place in each worker: what one has compiled, the others read.

    In a new environment the byte code of packages and tests takes longer than to collect them.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    if worker == 0 or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    paths = [path.relative_to(ROOT) for path in sorted(ROOT.glob("tests/**/test_*.py"))]
    first = len(paths) * worker // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    tests = [".".join(path.with_suffix("").parts) for path in paths[first:] + paths[:first]]
    for name in ["sympy", "qutip", "matplotlib.pyplot", *tests]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # to be told when it is wanted
            importlib.import_module(name)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the cases as slow that the mark `quick` leaves to `make test-all`."""
    quick = item.get_closest_marker("quick")
    if quick and max(item.callspec.indices.values()) >= quick.args[0]:
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of molecules where the second of two workers begins.

    They run other kernels than the rest: on a new machine one worker would otherwise wait while the
    other compiles.
    """
    molecules = [item for item in items if item.nodeid.startswith("tests/molecules/")]
    others = [item for item in items if not item.nodeid.startswith("tests/molecules/")]
    half = len(items) // 2
    items[:] = others[:half] + molecules + others[half:]
