"""Draw the figure of docs/molecules.md:  python docs/molecules_figure.py [DIRECTORY]."""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from anticrossing import plot, studies

HERE = Path(__file__).parent


def pyrazine() -> Figure:
    """The figure of an example, as `anticrossing run` draws it."""
    study = studies.load(HERE.parent / "examples" / "pyrazine.toml")
    return studies.run(study).figure()


def main(directory: Path) -> None:
    """Write the figure as a PNG file."""
    directory.mkdir(parents=True, exist_ok=True)
    plot.save_figure(pyrazine(), directory / "pyrazine.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "images")
