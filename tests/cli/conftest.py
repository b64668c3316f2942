"""The command line as a test calls it."""

from __future__ import annotations

from tests.test_cli import call

__all__ = ["call"]
