"""Molecules: nuclei that move on coupled levels.

Packets (exact), trajectories (approximate), vibronic levels, rates, and levels from quantum
chemistry. What enters here has nuclear coordinates with masses; models live in
`anticrossing.models`, couplings and intersections in `anticrossing.geometry`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
