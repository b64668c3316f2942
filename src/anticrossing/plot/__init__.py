"""Figures of results: axes in, axes out. Nothing here computes physics.

A function takes a result, or plain arrays, and draws into the axes `ax` or into those of a new
figure; it returns the axes, and ``.figure`` of them is what a notebook shows and
``.figure.savefig(path)`` writes. Nothing global is touched: figures are made without `pyplot`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
