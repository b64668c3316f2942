"""Sphinx configuration: markdown pages, an API reference from the docstrings, no network needed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anticrossing

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the directive of this folder, and `tools`

project = "anticrossing"
author = "The anticrossing developers"
copyright = author
release = version = anticrossing.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "source_map",
    "thumbnails",
]
exclude_patterns = ["_build", "gallery"]
sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["auto_gallery"],  # made from it; sources, notebooks and figures
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_", "__repr__"),
    # `legend`, `set` and the like are called for what they draw
    "ignore_repr_types": r"matplotlib|list|tuple|NoneType|Text",
    "write_computation_times": False,
    "min_reported_time": 3600,
    "show_signature": False,
}
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"anticrossing {version}"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc docstrings state types, shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

_LITERAL = re.compile(r"(``.*?``|`[^`]*`)")
_INITIAL = re.compile(r"^(\s*)(?=[A-Z]\. )")


def escape_text(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep |0⟩ from being read as a substitution, and the initials of authors as a list.

    Literals, doctests and the indented lines of literal blocks are shown as they are written.
    """
    literal_indent: int | None = None
    for index, line in enumerate(lines):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if literal_indent is not None and text and indent <= literal_indent:
            literal_indent = None
        if literal_indent is None and not text.startswith((">>>", "...")):
            parts = _LITERAL.split(line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[index] = _INITIAL.sub(r"\1\\", "".join(parts))
        if literal_indent is None and text.endswith("::"):
            literal_indent = indent


def setup(app: object) -> None:
    """Connect before numpydoc, which reads the same docstrings."""
    app.connect("autodoc-process-docstring", escape_text, priority=100)  # type: ignore[attr-defined]
