"""Avoided level crossings: find them, predict the passage in closed form, compute it exactly.

What is here is listed, for people and for type checkers, in ``__init__.pyi``; it is imported when
it is first used, which keeps ``import anticrossing`` quick.
"""

import lazy_loader

from anticrossing._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
