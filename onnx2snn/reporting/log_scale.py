"""A logarithmic scale to draw numbers on."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LogScale"]

_MOST_TICKS = 8
_LEADING_DIGITS = ((1, 2, 5), (1, 3), (1,))
"""First digits of round numbers, from fine to coarse."""

_LEAST_MARGIN = 0.05
"""Room at both ends of a scale, in decades, at least."""


@dataclasses.dataclass(frozen=True)
class LogScale:
    """A logarithmic scale, drawn from 0 to 100.

    Attributes:
        low: Decimal logarithm of the number at 0.
        high: Decimal logarithm of the number at 100.
    """

    low: float
    high: float

    @classmethod
    def around(cls, smallest: float, largest: float) -> LogScale:
        """Return a scale with a margin around two numbers, > 0."""
        low = math.log10(smallest)
        high = math.log10(largest)
        margin = max(0.05 * (high - low), _LEAST_MARGIN)
        return cls(low - margin, high + margin)

    def position(self, value: float) -> float:
        """Return where ``value`` is drawn, 0 to 100 if it is on the scale."""
        distance = math.log10(value) - self.low
        return 100 * distance / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return round numbers on the scale, not too many; at least two numbers."""
        for digits in _LEADING_DIGITS:
            shown = self._round_numbers(digits)
            if len(shown) <= _MOST_TICKS:
                break
        if len(shown) < 2:
            return [self._number_at(0.1), self._number_at(0.9)]
        stride = math.ceil(len(shown) / _MOST_TICKS)
        return shown[::stride]

    def _round_numbers(self, digits: Iterable[int]) -> list[float]:
        """Return the numbers on the scale whose first digit is one of ``digits``."""
        found = []
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            numbers = [digit * 10.0**power for digit in digits]
            found += [value for value in numbers if 0 <= self.position(value) <= 100]
        return found

    def _number_at(self, part: float) -> float:
        """Return the number at a part of the length of the scale."""
        return float(10 ** (self.low + part * (self.high - self.low)))
