"""The numbers that a part of a method may be."""

from __future__ import annotations

import dataclasses

__all__ = ["Range"]


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from one to another, with their unit.

    Attributes:
        least: Smallest number.
        most: Largest number.
        unit: What they count, behind the numbers.
        is_open: Whether ``least`` itself is left out.
        is_whole: Whether numbers between integers are left out.
    """

    least: float
    most: float
    unit: str = ""
    is_open: bool = False
    is_whole: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether ``value`` is one of the numbers; NaN is none."""
        if self.is_whole and value % 1 != 0:
            return False
        is_above = value > self.least if self.is_open else value >= self.least
        return is_above and value <= self.most

    def __str__(self) -> str:
        """Return the numbers with their unit, in words."""
        return f"{self.numbers()} {self.unit}".rstrip()

    def numbers(self) -> str:
        """Return the numbers in words, without their unit."""
        if self.is_open:
            return f"above {self.least:g} and at most {self.most:g}"
        return f"{self.least:g} to {self.most:g}"
