"""Whether somebody's function of one number takes arrays of them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray


def takes_arrays(
    call: Callable[[FloatArray], Any], alone: Callable[[float], Any], points: FloatArray
) -> bool:
    """Whether `call` gives at all `points` together what `alone` gives at each of them.

    What either of them raises is a no: it is met again, and told, where the function is used.
    """
    try:
        with np.errstate(all="ignore"):
            together = np.asarray(call(points.copy()), np.complex128)
            each = np.array([complex(alone(float(point))) for point in points])
    except Exception:  # noqa: BLE001 - whatever the function of the user raises
        return False
    return together.shape == each.shape and np.allclose(together, each, rtol=1e-14, atol=0)
