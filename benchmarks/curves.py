"""Accuracy over latency and over work as a picture, in SVG."""

from __future__ import annotations

import dataclasses
import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["COLORS", "Curve", "Point", "picture"]

WIDTH = 480
"""Width in pixels: as wide as a telephone, so that words need not shrink there."""

LEFT, RIGHT = 46, 466
TITLE, LEGEND, LINE = 22, 46, 20
PANEL, GAP = 230, 64
"""All in pixels: the sides of the axes, the lines of text, the height of a panel and below it."""

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b")
"""Colors that the color-blind tell apart."""

_SHOWN = 50
"""Percent below the ANN that are shown."""

_MOST_TICKS = 8


@dataclasses.dataclass(frozen=True)
class Point:
    """One network.

    Attributes:
        latency: Steps until the answer is there.
        passes: How often the weights multiply for it.
        top1: Accuracy in percent.
    """

    latency: int
    passes: int
    top1: float


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        name: Name in the legend.
        points: Its networks, in order of T.
        bold: Whether it is to stand out.
    """

    name: str
    points: Sequence[Point]
    bold: bool = False


def picture(title: str, ann: float, curves: Sequence[Curve]) -> str:
    """Return a picture of ``curves``, at most as many as there are colors.

    One panel has accuracy over latency, the one below accuracy over passes over the weights. What
    is far below the ANN is not shown.

    Args:
        title: The line above.
        ann: Accuracy of the ANN in percent, a level line.
        curves: The lines, each with a point or more.
    """
    rows = math.ceil(len(curves) / 2)
    top = LEGEND + rows * LINE
    panels = (
        _Panel("latency, in steps", top, ann),
        _Panel("passes over the weights", top + PANEL + GAP, ann),
    )
    lines = [
        [[(point.latency, point.top1) for point in curve.points] for curve in curves],
        [[(point.passes, point.top1) for point in curve.points] for curve in curves],
    ]
    height = top + 2 * (PANEL + GAP)
    parts = [
        f"<rect width='{WIDTH}' height='{height}' fill='white'/>",
        f"<text x='10' y='{TITLE}' font-size='15'>{escape(title)}</text>",
        *_legend(curves),
    ]
    for panel, points in zip(panels, lines, strict=True):
        parts += panel.drawn(points, [_style(i, curves) for i in range(len(curves))])
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' "
        f"width='{WIDTH}' height='{height}' font-family='sans-serif' font-size='13'>"
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _style(place: int, curves: Sequence[Curve]) -> str:
    width = 3.2 if curves[place].bold else 1.8
    return f"stroke='{COLORS[place]}' stroke-width='{width}'"


def _legend(curves: Sequence[Curve]) -> Iterator[str]:
    for place, curve in enumerate(curves):
        x = 10 + (place % 2) * WIDTH // 2
        y = LEGEND + place // 2 * LINE
        weight = " font-weight='bold'" if curve.bold else ""
        yield f"<line x1='{x}' x2='{x + 28}' y1='{y}' y2='{y}' {_style(place, curves)}/>"
        yield f"<text x='{x + 34}' y='{y + 4}'{weight}>{escape(curve.name)}</text>"


@dataclasses.dataclass(frozen=True)
class _Panel:
    """One pair of axes.

    Attributes:
        label: What lies along the horizontal one.
        top: Where it starts, in pixels.
        ann: Accuracy of the ANN in percent.
    """

    label: str
    top: int
    ann: float

    @property
    def lowest(self) -> int:
        """The percentage at the bottom."""
        return max(0, math.floor((self.ann - _SHOWN) / 10) * 10)

    def drawn(
        self, lines: Sequence[Sequence[tuple[int, float]]], styles: Sequence[str]
    ) -> Iterator[str]:
        """Yield the elements: axes, the level of the ANN, and the lines in their styles."""
        numbers = [x for line in lines for x, _ in line]
        axis = _LogAxis(min(numbers), max(numbers))
        yield from self._axes(axis)
        for line, style in zip(lines, styles, strict=True):
            shown = [(axis.place(x), self._y(y)) for x, y in line if y >= self.lowest]
            text = " ".join(f"{x},{y}" for x, y in shown)
            yield f"<polyline points='{text}' {style} fill='none'/>"
            for x, y in shown:
                yield f"<circle cx='{x}' cy='{y}' r='2' {style} fill='white'/>"

    def _y(self, percent: float) -> float:
        part = (percent - self.lowest) / (100 - self.lowest)
        return round(self.top + PANEL * (1 - part), 1)

    def _axes(self, axis: _LogAxis) -> Iterator[str]:
        bottom = self.top + PANEL
        for percent in range(self.lowest, 101, 10):
            y = self._y(percent)
            yield f"<line x1='{LEFT}' x2='{RIGHT}' y1='{y}' y2='{y}' stroke='#e4e4e4'/>"
            yield f"<text x='{LEFT - 6}' y='{y + 4}' text-anchor='end'>{percent}</text>"
        for tick in axis.ticks():
            x = axis.place(tick)
            yield f"<text x='{x}' y='{bottom + 18}' text-anchor='middle'>{tick}</text>"
        middle = (LEFT + RIGHT) / 2
        yield (
            f"<text x='{middle}' y='{bottom + 38}' text-anchor='middle'>"
            f"accuracy in percent, over {self.label}</text>"
        )
        y = self._y(self.ann)
        yield f"<line x1='{LEFT}' x2='{RIGHT}' y1='{y}' y2='{y}' stroke='black'/>"
        yield f"<text x='{LEFT + 4}' y='{y - 5}'>ANN {self.ann:.2f}</text>"


@dataclasses.dataclass(frozen=True)
class _LogAxis:
    """A horizontal axis on which each doubling is as wide.

    Attributes:
        least: The smallest number.
        most: The largest one.
    """

    least: int
    most: int

    def place(self, number: int) -> float:
        """Return where a number lies, in pixels."""
        width = math.log2(self.most / self.least)
        part = math.log2(number / self.least) / width if width else 0.5
        return round(LEFT + 12 + part * (RIGHT - LEFT - 24), 1)

    def ticks(self) -> list[int]:
        """Return the powers of 2 on the axis, or those of 4 where they are many."""
        first = math.ceil(math.log2(self.least))
        exponents = range(first, math.floor(math.log2(self.most)) + 1)
        if len(exponents) > _MOST_TICKS:
            exponents = exponents[::2]
        return [2**exponent for exponent in exponents]
