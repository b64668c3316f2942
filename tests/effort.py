"""How much of a proof `make test` runs, and `make test-all`."""

from typing import Any

import pytest
from hypothesis import settings


def cases(most: int) -> settings:
    """Draw so many random cases for `make test-all`, a fifth of them for `make test`."""
    return settings(max_examples=max(5, most * settings.default.max_examples // 100))


def slow(*values: Any) -> Any:
    """A repetition of a parametrized test that only `make test-all` needs."""
    return pytest.param(*values, marks=pytest.mark.slow)
