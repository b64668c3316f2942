"""Pieces of HTML: a self-contained page, tables, numbers. They read well in light and dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from anticrossing._core.provenance import versions
from anticrossing._version import __version__

_CSS = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5a646e; --line: #d9dee3; --paper: #fff;
  --card: #f5f7f9; --good: #00704f; --bad: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --line: #3a424a;
  --paper: #15191d; --card: #1e242a; --good: #4cc79b; --bad: #ff9d5c; } }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.2rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .6rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .soft, caption, figcaption { color: var(--soft); font-size: .9rem; }
.verdict { border-left: 4px solid var(--good); background: var(--card); padding: .7rem 1rem;
  margin: 1.2rem 0; }
.verdict.outside { border-color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; } .text { text-align: left; white-space: normal; }
.good { color: var(--good); } .bad { color: var(--bad); }
figure { margin: 1.2rem 0; } figure img { width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: 6px; }
pre { background: var(--card); border: 1px solid var(--line); padding: .8rem 1rem; overflow-x: auto;
  font-size: .82rem; line-height: 1.4; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .4rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a page of the parts that are not empty; the title is text, the parts are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def opening(title: str, description: str, verdict: str, *, outside: bool) -> list[str]:
    """Return heading, description and verdict."""
    return [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(description)}</p>" if description else "",
        f'<p class="verdict{" outside" if outside else ""}">{escape(verdict)}</p>',
    ]


def picture(alternative: str, vector: bytes) -> str:
    """Return a figure, an SVG, with the text for readers who cannot see it."""
    image = base64.b64encode(vector).decode("ascii")
    return (
        f'<figure><img alt="{escape(alternative)}" '
        f'src="data:image/svg+xml;base64,{image}"></figure>'
    )


def provenance(entries: Iterable[tuple[str, str]], text: str) -> str:
    """Return where a result comes from: a list of facts and the experiment file."""
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in entries)
    return (
        f"<h2>Where this comes from</h2>\n<dl>{listed}</dl>\n"
        f"<p class='soft'>The experiment file; run it again with anticrossing {__version__} to get "
        f"these numbers.</p>\n<pre>{escape(text.strip())}</pre>"
    )


def software() -> str:
    """Return the versions of what the numbers depend on, as text."""
    return ", ".join(f"{name} {number}" for name, number in versions().items())


def show(value: float | None, digits: int = 6) -> str:
    """Return a number as text, with a typographic minus and a word for what is missing."""
    if value is None:
        return "–"
    return f"{value:.{digits}g}".replace("-", "−")


def mark(good: bool) -> str:
    return '<span class="good">within</span>' if good else '<span class="bad">outside</span>'


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Iterable[int] = (),
    raw: Iterable[int] = (),
    caption: str = "",
) -> str:
    """Return a table; columns in `words` hold text, those in `raw` hold HTML made here."""
    text_columns, html_columns = set(words), set(raw)

    def cell(tag: str, column: int, content: str) -> str:
        kind = ' class="text"' if column in text_columns else ""
        shown = content if column in html_columns and tag == "td" else escape(content)
        shown = shown.replace("≤ ", "≤\u00a0").replace("≥ ", "≥\u00a0")
        return f"<{tag}{kind}>{shown}</{tag}>"

    head = "".join(cell("th", i, text) for i, text in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(cell("td", i, text) for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
