"""Functions of one number that are straight between finitely many kinks, computed exactly."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Piecewise"]

_Line: TypeAlias = tuple[float, float]
_MOST_KINKS = 16


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
    lines: tuple[_Line, ...]
    values: tuple[float, ...]

    @classmethod
    def line(cls, slope: float, offset: float) -> Piecewise:
        """Return ``slope * x + offset``."""
        return cls((), ((slope, offset),), ())

    def __neg__(self) -> Piecewise:
        """Return the function times -1."""
        lines = tuple((-slope, -offset) for slope, offset in self.lines)
        return Piecewise(self.kinks, lines, tuple(-value for value in self.values))

    def __add__(self, other: Piecewise) -> Piecewise | None:
        """Return the sum, None if it has too many kinks."""
        return self._combine(other, lambda f, g: (f[0] + g[0], f[1] + g[1]))

    def __mul__(self, other: Piecewise) -> Piecewise | None:
        """Return the product, None if it is not straight between kinks."""
        return self._combine(other, _product)

    def maximum(self, other: Piecewise) -> Piecewise | None:
        """Return the larger of the two functions."""
        return self.compared(other).chosen(self, other)

    def compared(self, other: Piecewise) -> Piecewise:
        """Return 1 where this function is larger than ``other``, else 0."""
        return self._signs(other, lambda difference: difference > 0)

    def compared_or_equal(self, other: Piecewise) -> Piecewise:
        """Return 1 where this function is larger than ``other`` or the same, else 0."""
        return self._signs(other, lambda difference: difference >= 0)

    def chosen(self, one: Piecewise, zero: Piecewise) -> Piecewise | None:
        """Return ``one`` where this function, which is 0 or 1 everywhere, is 1, else ``zero``."""
        kinks = _merged(self, one, zero)
        pairs = [(one, zero)[not self._between(*ends)[1]] for ends in _gaps(kinks)]
        lines = [f._between(*ends) for f, ends in zip(pairs, _gaps(kinks), strict=True)]  # noqa: SLF001
        values = [one(kink) if self(kink) else zero(kink) for kink in kinks]
        return _simplified(kinks, lines, values)

    def __call__(self, x: float) -> float:
        """Return the function at ``x``."""
        for kink, value in zip(self.kinks, self.values, strict=True):
            if x == kink:
                return value
        slope, offset = self.lines[sum(kink < x for kink in self.kinks)]
        return slope * x + offset if slope else offset  # also where x is infinite

    @property
    def is_continuous(self) -> bool:
        """Whether it never jumps."""
        pairs = zip(
            itertools.pairwise(self.lines), self.kinks, self.values, strict=True
        )
        return all(
            f[0] * kink + f[1] == value == g[0] * kink + g[1]
            for (f, g), kink, value in pairs
        )

    def _between(self, low: float, high: float) -> _Line:
        """Return the line between two numbers that have no kink between them."""
        del high
        return self.lines[sum(kink <= low for kink in self.kinks)]

    def _combine(
        self, other: Piecewise, operation: Callable[[_Line, _Line], _Line | None]
    ) -> Piecewise | None:
        kinks = _merged(self, other)
        lines = [
            operation(self._between(*ends), other._between(*ends))
            for ends in _gaps(kinks)
        ]
        values = [operation((0, self(kink)), (0, other(kink))) for kink in kinks]
        if any(line is None for line in lines):
            return None
        known = [line for line in lines if line is not None]
        return _simplified(
            kinks, known, [value[1] for value in values if value is not None]
        )

    def _signs(self, other: Piecewise, holds: Callable[[float], bool]) -> Piecewise:
        """Return 1 where ``holds`` is true of the difference to ``other``, else 0."""
        lines = [
            (f[0] - g[0], f[1] - g[1], *ends)
            for ends in _gaps(_merged(self, other))
            for f, g in [(self._between(*ends), other._between(*ends))]
        ]
        zeros = {
            -offset / slope: (low, high) for slope, offset, low, high in lines if slope
        }
        crossings = [x for x, (low, high) in zeros.items() if low < x < high]
        kinks = tuple(sorted({*_merged(self, other), *crossings}))
        middles = [_middle(*ends) for ends in _gaps(kinks)]
        signs = tuple((0.0, float(holds(self(x) - other(x)))) for x in middles)
        values = tuple(
            float(holds(0 if kink in crossings else self(kink) - other(kink)))
            for kink in kinks
        )
        return Piecewise(kinks, signs, values)


def _product(f: _Line, g: _Line) -> _Line | None:
    return None if f[0] and g[0] else (f[0] * g[1] + f[1] * g[0], f[1] * g[1])


def _merged(*functions: Piecewise) -> tuple[float, ...]:
    return tuple(sorted({kink for function in functions for kink in function.kinks}))


def _gaps(kinks: Iterable[float]) -> list[tuple[float, float]]:
    return list(itertools.pairwise([-math.inf, *kinks, math.inf]))


def _middle(low: float, high: float) -> float:
    """Return a number between two."""
    if math.isinf(low) and math.isinf(high):
        return 0.0
    if math.isinf(low):
        return high - max(1, abs(high))
    return low + max(1, abs(low)) if math.isinf(high) else (low + high) / 2


def _simplified(
    kinks: Iterable[float], lines: list[_Line], values: list[float]
) -> Piecewise | None:
    """Return the function without the kinks at which nothing happens."""
    kept: list[tuple[float, _Line, float]] = []
    last = lines[0]
    for kink, line, value in zip(kinks, lines[1:], values, strict=True):
        if line != last or value != line[0] * kink + line[1]:
            kept.append((kink, line, value))
        last = line
    if len(kept) > _MOST_KINKS:
        return None
    return Piecewise(
        tuple(kink for kink, _, _ in kept),
        (lines[0], *(line for _, line, _ in kept)),
        tuple(value for _, _, value in kept),
    )
