"""What can go wrong around a sweep, apart from its arguments and its points."""

from __future__ import annotations

from anticrossing._core.checks import AnticrossingError


class SweepError(AnticrossingError, RuntimeError):
    """A store or an executor that cannot go on; what was finished is kept, in one line."""
