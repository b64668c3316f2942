"""How much of a proof `make test` runs, and `make test-all`."""

from hypothesis import settings


def cases(most: int) -> settings:
    """Draw so many random cases for `make test-all`, a fifth of them for `make test`."""
    return settings(max_examples=max(5, most * settings.default.max_examples // 100))
