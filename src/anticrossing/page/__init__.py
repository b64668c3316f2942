"""A local page: move the numbers of an experiment file and see what comes out.

What enters answers the page in a browser; it calls rooms below and computes nothing itself. A state
of the page is an experiment file, so that what is seen is what ``anticrossing run`` gives.

The server holds no state but the file that it was started with: every question carries all of it.
It listens on this machine alone, and the texts it is sent are read as experiment files are.
"""

from anticrossing.page.server import serve

__all__ = ["serve"]
