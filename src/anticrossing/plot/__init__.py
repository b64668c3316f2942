"""Figures of results: axes in, axes out. Nothing here computes physics.

A function takes a result, or plain arrays, and draws into the axes `ax` or into a new
figure. It returns the axes: a notebook shows their ``.figure``, and ``.figure.savefig(path)``
writes it. Nothing global is touched: figures are made without `pyplot`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
