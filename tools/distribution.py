"""Build the source distribution and the wheel, and use both as somebody would who found them.

    python tools/distribution.py            # build, check what they hold, install the wheel
    python tools/distribution.py --tests    # and run the tests of the source distribution

Environments are made below build/distribution; what is built lies in dist/.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PLACE = ROOT / "build" / "distribution"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="run the tests that are distributed")
    given = parser.parse_args()
    for folder in (DIST, PLACE):
        shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    run(sys.executable, "-m", "twine", "check", "--strict", *DIST.iterdir())
    (source,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    check_wheel(wheel)
    unpacked = check_source(source)
    install(wheel)
    if given.tests:
        run_tests(unpacked)
    print(f"{source.name} and {wheel.name} can be published")
    return 0


def check_wheel(wheel: Path) -> None:
    """The wheel holds the package with its stubs, and the licence."""
    held = set(zipfile.ZipFile(wheel).namelist())
    package = [path for path in files() if path.startswith("src/anticrossing/")]
    missing = [path for path in package if path.removeprefix("src/") not in held]
    own = {name for name in held if not name.startswith("anticrossing/")}
    foreign = [name for name in own if ".dist-info/" not in name]
    assert missing == [], f"not in the wheel: {missing}"
    assert foreign == [], f"should not be in the wheel: {foreign}"
    assert any(name.endswith("licenses/LICENSE") for name in own), "the licence is missing"
    assert "anticrossing/py.typed" in held
    assert "anticrossing/__init__.pyi" in held


def check_source(source: Path) -> Path:
    """The source distribution holds what is under version control; it is unpacked."""
    with tarfile.open(source) as archive:
        # Python 3.11.2 and older have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # type: ignore[assignment]
        archive.extractall(PLACE)
    unpacked = PLACE / source.name.removesuffix(".tar.gz")
    missing = [path for path in files() if not (unpacked / path).exists()]
    assert missing == [], f"not in the source distribution: {missing}"
    assert (unpacked / "PKG-INFO").exists()
    return unpacked


def files() -> list[str]:
    """Return what is under version control and distributed."""
    said = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for path in said.split("\0") if path and not path.startswith(".ci/")]


def install(wheel: Path) -> None:
    """Install the wheel into an empty environment: alone, then with the command line."""
    python = environment("wheel")
    pip(python, wheel)
    run(python, ROOT / "tools" / "smoke.py", cwd=PLACE)
    pip(python, f"{wheel}[cli]")
    command = python.with_name("anticrossing")
    run(command, "models", cwd=PLACE)
    run(command, "run", ROOT / "examples" / "flux_qubit.toml", "-o", PLACE / "result", cwd=PLACE)


def run_tests(unpacked: Path) -> None:
    """Run the quick tests of the unpacked source distribution against its own package."""
    python = environment("source")
    run(python, "-m", "pip", "install", "--quiet", "-e", f"{unpacked}[test]")
    options = ("-q", "-n", "2", "--dist", "worksteal", "-m", "not slow")
    run(python, "-m", "pytest", *options, cwd=unpacked)


def environment(name: str) -> Path:
    """Make an empty environment and return its Python."""
    home = PLACE / name
    run(sys.executable, "-m", "venv", home)
    return home / "bin" / "python"


def pip(python: Path, what: object) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what)


def run(*command: object, cwd: Path = ROOT) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


if __name__ == "__main__":
    sys.exit(main())
