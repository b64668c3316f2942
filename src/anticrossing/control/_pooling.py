"""The division of a time among crossings that costs the least work: the global minimum.

After crossing i the level's occupation, less the one of the reservoir level, is ``x_i > 0``, and
the crossing has taken the time ``ln[(x_{i−1} + d_{i−1})/x_i]/Γ_i``, where d is the step between
reservoir levels. In the occupations ``q_i = f_i + x_i`` both the work ``Σ D_i q_i`` and the time
are sums of functions of one occupation each. With a price λ on time, each has a single minimum,
the positive root of a quadratic equation. That no time is negative, the q_i must not increase;
neighbours that would are pooled, and the sum over a pool is a function of the same form, because
what stands between its ends cancels. Pooling therefore finds the least ``work + λ · time`` there
is, and as the time goes continuously from zero to infinity with the price, the least work for
every time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.roots import bracketed

_TINY = float(np.finfo(np.float64).tiny)
_FAR = 600.0  # e-folds of the price, either way
_RELATIVE = 1e-14
_SUDDEN = 1e-9  # of a time of relaxation


@dataclass(frozen=True)
class Crossings:
    """Crossings at which time lowers the occupation; all arrays are of one length.

    Attributes
    ----------
    lifts : array
        Energy from each crossing to the next, or to the end.
    memories : array
        Times ``1/Γ`` of relaxation.
    steps : array
        Occupation of each reservoir level less the one of the next; the last entry is not used.
    excess : float
        Occupation at the start less the one of the first reservoir level.
    """

    lifts: FloatArray
    memories: FloatArray
    steps: FloatArray
    excess: float

    def times(self, price: float) -> FloatArray:
        """Return the times that minimise work + price · time."""
        pools: list[tuple[int, float, float, float]] = []  # first, lift, step, root
        memories, count = self.memories.tolist(), self.lifts.size
        rows = zip(
            self.lifts.tolist(), self.steps.tolist(), self._roots(price).tolist(), strict=True
        )
        for i, (lift, step, root) in enumerate(rows):
            first = i
            while pools and pools[-1][3] + pools[-1][2] <= root:
                first, more_lift, more_step, _ = pools.pop()
                lift, step = lift + more_lift, step + more_step
                after = memories[i + 1] if i + 1 < count else None
                root = _root(lift, step, memories[first], after, price)
            pools.append((first, lift, step, root))
        found, before = np.zeros(count), self.excess
        for first, _, step, root in pools:
            if root < before:
                found[first] = math.log(before / root) * memories[first]
                before = root
            before += step
        return found

    def divide(self, duration: float) -> tuple[FloatArray, float]:
        """Return the times that add to a duration and cost the least work, and their price."""
        if duration < _SUDDEN * float(self.memories.min()):
            return self._sudden(duration)
        # No time is spent at a price above the most that its first moment can save.
        scale = math.log(float(self._first_savings().max()))

        def missing(logarithm: float) -> float:
            return float(self.times(math.exp(scale + logarithm)).sum()) / duration - 1

        low, high = -1.0, 1.0
        while missing(low) < 0 and low > -_FAR:
            low, high = max(2 * low, -_FAR), low
        if missing(low) < 0:  # nothing is left to gain from more time
            times = self.times(math.exp(scale + low))
            return times * (duration / times.sum()), 0.0
        price = math.exp(scale + bracketed(missing, low, high, xtol=_RELATIVE, rtol=_RELATIVE))
        times = self.times(price)
        return times * (duration / times.sum()), price

    def _sudden(self, duration: float) -> tuple[FloatArray, float]:
        """Give a time in which hardly anything happens to the crossing where it saves most."""
        saved = self._first_savings()
        best = int(np.argmax(saved))
        times = np.zeros(self.lifts.size)
        times[best] = duration
        return times, float(saved[best])

    def _first_savings(self) -> FloatArray:
        """Return the work that each crossing saves per time, if no time is spent yet."""
        excesses = self.excess + np.concatenate([[0.0], np.cumsum(self.steps[:-1])])
        return np.asarray(excesses / self.memories * np.cumsum(self.lifts[::-1])[::-1])

    def _roots(self, price: float) -> FloatArray:
        """Return `_root` of every crossing by itself."""
        lifts, memories, steps = self.lifts[:-1], self.memories[:-1], self.steps[:-1]
        linear = lifts * steps + price * (self.memories[1:] - memories)
        constant = price * steps * memories
        spread = np.hypot(linear, 2 * np.sqrt(lifts) * np.sqrt(constant))
        upper = np.maximum(linear, 0.0) + spread
        steep = np.divide(2 * constant, upper, out=np.zeros_like(upper), where=upper > 0)
        roots = np.where(linear < 0, (spread - linear) / (2 * lifts), steep)
        last = price * self.memories[-1] / self.lifts[-1]
        return np.maximum(np.append(roots, last), _TINY)


def _root(lift: float, step: float, memory: float, after: float | None, price: float) -> float:
    """Return the positive root of ``D x² + (D d + λ(r′ − r)) x − λ d r``; x = λr/D at the end."""
    if after is None:
        return max(price * memory / lift, _TINY)
    linear = lift * step + price * (after - memory)
    constant = price * step * memory
    spread = math.hypot(linear, 2 * math.sqrt(lift) * math.sqrt(constant))
    if linear < 0:
        return max((spread - linear) / (2 * lift), _TINY)
    return max(2 * constant / (linear + spread), _TINY) if linear + spread > 0 else _TINY
