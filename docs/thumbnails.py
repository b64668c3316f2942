"""Thumbnails of the gallery: of a wide figure its first panel, not all of them too small to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

_SIZE = (400, 280)  # as sphinx-gallery makes them
_OWN = 0.97  # of a panel's width: at its end labels of the next may begin
_WIDE, _PANEL = 1.8, 1.25  # widths over heights: of a figure that is cut, of one of its panels


def panels(width: int, height: int) -> int:
    """Return how many panels stand side by side in a figure of this size."""
    return 1 if width < _WIDE * height else round(width / height / _PANEL)


def cut(figure: Path, thumbnail: Path) -> None:
    """Write the thumbnail of a figure."""
    with Image.open(figure) as image:
        count = panels(*image.size)
        share = _OWN / count if count > 1 else 1.0
        width = round(share * image.width)
        panel = image.convert("RGB").crop((0, 0, width, image.height))
    panel.thumbnail(_SIZE, Image.Resampling.LANCZOS)
    whole = Image.new("RGB", _SIZE, "white")
    whole.paste(panel, ((_SIZE[0] - panel.width) // 2, (_SIZE[1] - panel.height) // 2))
    whole.save(thumbnail)


def make(app: Any) -> None:
    """Make those of all wide figures anew, after the gallery has made them."""
    images = Path(app.srcdir) / "auto_gallery" / "images"
    for figure in sorted(images.glob("sphx_glr_*_001.png")):
        thumbnail = images / "thumb" / figure.name.replace("_001.png", "_thumb.png")
        with Image.open(figure) as image:
            wide = panels(*image.size) > 1
        if wide and thumbnail.exists():
            cut(figure, thumbnail)


def setup(app: Any) -> None:
    """Run behind sphinx-gallery, which makes figures when the builder is there."""
    app.connect("builder-inited", make, priority=900)
