"""What Numba keeps between runs is compiled again when a file that it may depend on changed."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.effort import slow

KERNEL = """
from anticrossing._core.jit import entry
from {package}.part import part
from {package}.numbers import SHIFT

@entry()
def whole(x):
    return part(x) + SHIFT
"""
WAYS = """
from anticrossing._core.jit import inner

compiled = inner(fastmath=True)
"""
PART = """
from near.ways import compiled
from {package}.far import far

@compiled
def part(x):
    if x < 0:
        raise ValueError("negative", x)
    return {factor} * far(x)
"""
FAR = """
from anticrossing._core.jit import inner

@inner()
def far(x):
    return {power} * x
"""
EARLY = 1_000_000_000


def _package(folder: Path) -> tuple[Path, Path]:
    """Make a package whose kernels lie in two folders."""
    near, far = folder / "near", folder / "other"
    for package in (near, far):
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    (near / "ways.py").write_text(WAYS)
    (near / "whole.py").write_text(KERNEL.format(package="near"))
    return near, far


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    near, far = _package(tmp_path)
    code = "from near.whole import whole; print(whole(1.0), sum(whole.stats.cache_hits.values()))"

    def run(factor: float, power: float, shift: float, remark: str = "") -> str:
        (near / "part.py").write_text(PART.format(package="other", factor=factor))
        (far / "far.py").write_text(FAR.format(power=power))
        (near / "numbers.py").write_text(f"SHIFT = {shift}\n")
        changed = (near / "part.py", factor), (far / "far.py", power), (near / "numbers.py", shift)
        for path, number in changed:  # only what is edited is younger
            os.utime(path, (EARLY + number, EARLY + number))
        (near / "plain.py").write_text(f"REMARK = {remark!r}\n")
        for package in (near, far):
            shutil.rmtree(package / "__pycache__", ignore_errors=True)
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}, timeout=120,
        ).stdout.strip()  # fmt: skip

    return run


@pytest.mark.slow
def test_an_edit_of_another_file_is_not_missed(run: Callable[..., str]) -> None:
    assert run(2.0, 1.0, 1.0) == "3.0 0"
    assert run(2.0, 1.0, 1.0) == "3.0 1"
    assert run(5.0, 1.0, 1.0) == "6.0 0"
    assert run(5.0, 3.0, 1.0) == "16.0 0"  # a kernel of another folder
    assert run(5.0, 3.0, 2.0) == "17.0 0"  # a constant of a file without kernels


@pytest.mark.slow
def test_an_edit_of_a_file_without_kernels_compiles_nothing(run: Callable[..., str]) -> None:
    assert run(2.0, 1.0, 1.0) == "3.0 0"
    assert run(2.0, 1.0, 1.0, "something else") == "3.0 1"


def test_nothing_can_be_written_as_in_a_container(tmp_path: Path) -> None:
    near, far = _package(tmp_path)
    (near / "part.py").write_text(PART.format(package="other", factor=2.0))
    (far / "far.py").write_text(FAR.format(power=1.0))
    (near / "numbers.py").write_text("SHIFT = 1.0\n")
    for package in (near, far):
        (package / "__pycache__").touch()  # not even root can make this a directory
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA")}
    environment |= {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    found = subprocess.run(
        [sys.executable, "-c", "from near.whole import whole; print(whole(1.0))"],
        cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip
    assert (found.stdout, found.returncode) == ("3.0\n", 0), found.stderr


@pytest.mark.slow
def test_a_cache_that_cannot_be_used_is_done_without(tmp_path: Path) -> None:
    """A full disk where the machine code is kept, and a damaged index."""
    near, far = _package(tmp_path)
    (near / "part.py").write_text(PART.format(package="other", factor=2.0))
    (far / "far.py").write_text(FAR.format(power=1.0))
    (near / "numbers.py").write_text("SHIFT = 1.0\n")
    cache = tmp_path / "cache"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    )
    use = "from near.whole import whole; print(whole(1.0))"

    def run(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True,
            check=True, env=environment, timeout=120,
        ).stdout  # fmt: skip

    assert run(limit + use) == "3.0\n"
    assert run(use) == "3.0\n"
    (index,) = cache.rglob("*.nbi")
    for content in (b"", index.read_bytes()[:40]):
        index.write_bytes(content)
        assert run(use) == "3.0\n"


@pytest.mark.parametrize(
    "change",
    [
        slow("numba.__version__ = '0.99.0'"),
        slow("numba.__version__ = 'unknown'"),
        slow("del Dispatcher.enable_caching"),
        slow(
            "caching.Cache.__init__, old = "
            "(lambda *a: (old(*a), delattr(a[0], '_cache_file'))[0], caching.Cache.__init__)"
        ),
        "caching.IndexDataCacheFile.__slots__ = (); caching.IndexDataCacheFile.__init__ = "
        "lambda self, **_: None",
    ],
    ids=["newer", "no-number", "no-method", "no-file", "no-stamp"],
)
def test_a_numba_that_has_changed_compiles_and_keeps_nothing(change: str, tmp_path: Path) -> None:
    near, far = _package(tmp_path)
    (near / "part.py").write_text(PART.format(package="other", factor=2.0))
    (far / "far.py").write_text(FAR.format(power=1.0))
    (near / "numbers.py").write_text("SHIFT = 1.0\n")
    (near / "second.py").write_text((near / "whole.py").read_text())
    code = (
        "import warnings, numba; from numba.core import caching\n"
        "from numba.core.dispatcher import Dispatcher\n"
        f"{change}\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    from near.whole import whole; from near.second import whole as second\n"
        "    print(whole(1.0), second(1.0), [w.category.__name__ for w in said])\n"
    )
    cache = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("3.0 3.0 ['RuntimeWarning']\n", "")
    assert not list(cache.rglob("*.nb*"))


@pytest.mark.slow
def test_an_index_without_its_data_leads_to_no_earlier_machine_code(tmp_path: Path) -> None:
    """A process that is stopped between the two leaves data of an earlier source in place."""
    near, far = _package(tmp_path)
    (far / "far.py").write_text(FAR.format(power=1.0))
    (near / "numbers.py").write_text("SHIFT = 1.0\n")
    cache = tmp_path / "cache"
    stop = (
        "from numba.core.caching import IndexDataCacheFile\n"
        "def stopped(*_): raise OSError\n"
        "IndexDataCacheFile._save_data = stopped\n"
    )
    use = "from near.whole import whole; print(whole(1.0))"
    for factor, code, value in ((2.0, use, 3.0), (5.0, stop + use, 6.0), (5.0, use, 6.0)):
        (near / "part.py").write_text(PART.format(package="other", factor=factor))
        os.utime(near / "part.py", (EARLY + factor, EARLY + factor))
        done = subprocess.run(
            [sys.executable, "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True,
            check=True, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}, timeout=120,
        )  # fmt: skip
        assert done.stdout == f"{value}\n"


RAISED = """
def tell(function):
    try:
        function(-1.0)
    except ValueError as error:
        print(function(1.0), *error.args, sum(function.stats.cache_hits.values()))
"""


OTHERS = "import anticrossing._core.kept_kernels as k; k._NEEDED = ('codegen.Renamed',)\n"


@pytest.mark.parametrize(
    ("change", "hits"), [("", ["00"]), slow("", ["0", "10"]), slow(OTHERS, ["0", "10"])]
)
def test_what_inner_functions_raise_arrives(change: str, hits: list[str], tmp_path: Path) -> None:
    """Compiled, from the cache, and both in one process; by Numba itself where it has changed."""
    near, far = _package(tmp_path)
    (near / "part.py").write_text(PART.format(package="other", factor=2.0))
    (far / "far.py").write_text(FAR.format(power=1.0))
    (near / "numbers.py").write_text("SHIFT = 1.0\n")
    (near / "second.py").write_text((near / "whole.py").read_text())
    for kept in hits:
        names = ["whole", "second"][: len(kept)]
        use = "".join(f"from near.{name} import whole as {name}; tell({name})\n" for name in names)
        done = subprocess.run(
            [sys.executable, "-c", change + RAISED + use], cwd=tmp_path, capture_output=True,
            text=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}, timeout=120,
        )  # fmt: skip
        assert done.stdout == "".join(f"3.0 negative -1.0 {n}\n" for n in kept), done.stderr


def test_what_is_compiled_while_the_rest_is_installed() -> None:
    runpy.run_path(str(Path(__file__).parents[2] / "tools" / "warm.py"))
