"""A bath to all orders by OQuPy's process tensors.

What enters speaks OQuPy's interface.
"""

from __future__ import annotations

from anticrossing._core.public import guard
from anticrossing.oqupy._tempo import ProcessTensor, tempo

__all__ = ["ProcessTensor", "tempo"]

guard(__name__)
