"""Functions of one number that are straight between finitely many kinks, computed exactly."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
import operator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Line", "Piecewise"]

_MOST_KINKS = 16


class Line(NamedTuple):
    """The function ``slope * x + offset``."""

    slope: float
    offset: float

    def at(self, x: float) -> float:
        """Return the function at ``x``."""
        return self.slope * x + self.offset


_Operation: TypeAlias = "Callable[[Line, Line], Line | None]"


@dataclasses.dataclass(frozen=True)
class Piecewise:
    """A function that is a straight line on each side of, and between, its kinks.

    It may jump at a kink, and have a value of its own there.

    Attributes:
        kinks: Where one line ends and the next begins, in order.
        lines: Slope and offset of each line, one more than there are kinks.
        values: The function at each kink.
    """

    kinks: tuple[float, ...]
    lines: tuple[Line, ...]
    values: tuple[float, ...]

    @classmethod
    def line(cls, slope: float, offset: float) -> Piecewise:
        """Return ``slope * x + offset``."""
        line = Line(slope, offset)
        return cls(kinks=(), lines=(line,), values=())

    @classmethod
    def constant(cls, number: float) -> Piecewise:
        """Return the function that is ``number`` everywhere."""
        return cls.line(0, number)

    @property
    def number(self) -> float | None:
        """The number that the function is everywhere; None if it changes."""
        first = self.lines[0]
        if self.kinks or first.slope:
            return None
        return first.offset

    @property
    def is_continuous(self) -> bool:
        """Whether it never jumps."""
        for place, kink in enumerate(self.kinks):
            before = self.lines[place].at(kink)
            behind = self.lines[place + 1].at(kink)
            if not before == self.values[place] == behind:
                return False
        return True

    @property
    def is_finite(self) -> bool:
        """Whether no line of it is at infinity."""
        offsets = [line.offset for line in self.lines]
        return all(map(math.isfinite, offsets))

    def __call__(self, x: float) -> float:
        """Return the function at ``x``."""
        for kink, value in zip(self.kinks, self.values, strict=True):
            if x == kink:
                return value
        line = self.line_from(x)
        if not line.slope:
            return line.offset  # also where x is infinite
        return line.at(x)

    def line_from(self, x: float) -> Line:
        """Return the line that begins at ``x``, or goes on there."""
        passed = bisect.bisect_right(self.kinks, x)
        return self.lines[passed]

    def __neg__(self) -> Piecewise:
        """Return the function times -1."""
        return Piecewise(
            kinks=self.kinks,
            lines=tuple(Line(-slope, -offset) for slope, offset in self.lines),
            values=tuple(-value for value in self.values),
        )

    def __add__(self, other: Piecewise) -> Piecewise | None:
        """Return the sum, None if it has too many kinks."""
        return self._combine(other, _add_lines, operator.add)

    def __mul__(self, other: Piecewise) -> Piecewise | None:
        """Return the product, None if it is not straight between kinks."""
        return self._combine(other, _multiply_lines, operator.mul)

    def __truediv__(self, other: Piecewise) -> Piecewise | None:
        """Return the quotient, None if ``other`` is 0 or changes."""
        divisor = other.number
        if not divisor:
            return None
        return Piecewise(
            kinks=self.kinks,
            lines=tuple(Line(a / divisor, b / divisor) for a, b in self.lines),
            values=tuple(value / divisor for value in self.values),
        )

    def maximum(self, other: Piecewise) -> Piecewise | None:
        """Return the larger of the two functions; None if it is infinite everywhere."""
        if math.inf in {self.number, other.number}:
            return None
        if self.number == -math.inf:
            return other
        if other.number == -math.inf:
            return self
        above = self.is_above(other)
        return above.choose(self, other)

    def is_above(self, other: Piecewise) -> Piecewise:
        """Return 1 where this function is larger than ``other``, else 0."""
        return self._compare(other, lambda difference: difference > 0)

    def is_not_below(self, other: Piecewise) -> Piecewise:
        """Return 1 where this function is larger than ``other`` or the same, else 0."""
        return self._compare(other, lambda difference: difference >= 0)

    def choose(self, one: Piecewise, zero: Piecewise) -> Piecewise | None:
        """Return ``one`` where this function, 0 or 1 everywhere, is 1, else ``zero``."""
        kinks = _merge_kinks(self, one, zero)
        lines = []
        for start in (-math.inf, *kinks):
            truth = self.line_from(start).offset
            chosen = one if truth else zero
            lines.append(chosen.line_from(start))
        values = []
        for kink in kinks:
            chosen = one if self(kink) else zero
            values.append(chosen(kink))
        return _simplify(kinks, lines, values)

    def _combine(
        self,
        other: Piecewise,
        combine_lines: _Operation,
        combine_numbers: Callable[[float, float], float],
    ) -> Piecewise | None:
        kinks = _merge_kinks(self, other)
        lines = []
        for start in (-math.inf, *kinks):
            first = self.line_from(start)
            second = other.line_from(start)
            line = combine_lines(first, second)
            if line is None:
                return None
            lines.append(line)
        values = []
        for kink in kinks:
            value = combine_numbers(self(kink), other(kink))
            values.append(value)
        return _simplify(kinks, lines, values)

    def _compare(
        self,
        other: Piecewise,
        holds: Callable[[float], bool],
    ) -> Piecewise:
        """Return 1 where ``holds`` is true of the difference to ``other``, else 0."""
        crossings = set(self._crossings(other))
        kinks = sorted(crossings.union(self.kinks, other.kinks))
        lines = []
        for low, high in _gaps(kinks):
            x = _middle(low, high)
            difference = self(x) - other(x)
            truth = float(holds(difference))
            lines.append(Line(0.0, truth))
        values = []
        for kink in kinks:
            difference = self(kink) - other(kink)
            if kink in crossings:
                difference = 0.0  # whatever rounding makes of it
            truth = float(holds(difference))
            values.append(truth)
        return Piecewise(
            kinks=tuple(kinks),
            lines=tuple(lines),
            values=tuple(values),
        )

    def _crossings(self, other: Piecewise) -> Iterator[float]:
        """Yield where the functions cross between two kinks."""
        kinks = _merge_kinks(self, other)
        for low, high in _gaps(kinks):
            one = self.line_from(low)
            two = other.line_from(low)
            slope = one.slope - two.slope
            offset = one.offset - two.offset
            if not slope:
                continue
            crossing = -offset / slope
            if low < crossing < high:
                yield crossing


def _add_lines(one: Line, other: Line) -> Line:
    slope = one.slope + other.slope
    offset = one.offset + other.offset
    return Line(slope, offset)


def _multiply_lines(one: Line, other: Line) -> Line | None:
    if one.slope and other.slope:
        return None
    slope = one.slope * other.offset + one.offset * other.slope
    offset = one.offset * other.offset
    return Line(slope, offset)


def _merge_kinks(*functions: Piecewise) -> list[float]:
    kinks = [function.kinks for function in functions]
    return sorted(set().union(*kinks))


def _gaps(kinks: Iterable[float]) -> Iterator[tuple[float, float]]:
    ends = [-math.inf, *kinks, math.inf]
    return itertools.pairwise(ends)


def _middle(low: float, high: float) -> float:
    """Return a number between two."""
    is_first = math.isinf(low)
    is_last = math.isinf(high)
    if is_first and is_last:
        return 0.0
    if is_first:
        return high - max(1, abs(high))
    if is_last:
        return low + max(1, abs(low))
    return (low + high) / 2


def _simplify(
    kinks: Iterable[float],
    lines: list[Line],
    values: list[float],
) -> Piecewise | None:
    """Return the function without the kinks at which nothing happens."""
    last = lines[0]
    kept_kinks = []
    kept_lines = [last]
    kept_values = []
    for kink, line, value in zip(kinks, lines[1:], values, strict=True):
        goes_on = line == last and value == line.at(kink)
        if not goes_on:
            kept_kinks.append(kink)
            kept_lines.append(line)
            kept_values.append(value)
        last = line
    if len(kept_kinks) > _MOST_KINKS:
        return None
    return Piecewise(
        kinks=tuple(kept_kinks),
        lines=tuple(kept_lines),
        values=tuple(kept_values),
    )
