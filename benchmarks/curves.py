"""Accuracy over time steps as a picture, in SVG."""

from __future__ import annotations

import dataclasses
import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Curve", "picture"]

WIDTH, HEIGHT = 880, 580
LEFT, TOP, RIGHT, BOTTOM = 52, 40, 560, 450
LINE = 19
"""All in pixels: the picture, the box of the axes, and the height of a line of the legend."""

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b", "#555555")
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
"""Colors that the color-blind tell apart, and strokes for when all colors are taken."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        name: Name in the legend.
        points: T to accuracy in percent.
        bold: Whether it is to stand out.
    """

    name: str
    points: Mapping[int, float]
    bold: bool = False


def picture(title: str, ann: float, curves: Sequence[Curve]) -> str:
    """Return a picture of ``curves``, at most as many as strokes and colors tell apart.

    The legend has them in the order of their mean accuracy at those T that all of them have.

    Args:
        title: The line above.
        ann: Accuracy of the ANN in percent, a level line.
        curves: The lines, each with a point or more.
    """
    steps = sorted({t for curve in curves for t in curve.points})
    styles = {
        curve.name: style for curve, style in zip(curves, _styles(), strict=False)
    }
    parts = [*_axes(title, steps), *_level(ann)]
    for place, curve in enumerate(sorted(curves, key=_mean_of(curves), reverse=True)):
        color, dash = styles[curve.name]
        width = 3.2 if curve.bold else 1.5
        style = f"stroke='{color}' stroke-dasharray='{dash}' stroke-width='{width}' fill='none'"
        parts += [*_line(curve, steps, style, color), *_entry(curve, place, style)]
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"width='{WIDTH}' height='{HEIGHT}' font-family='sans-serif' font-size='12'>"
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _styles() -> Iterator[tuple[str, str]]:
    """Yield color and dashes, those without dashes first."""
    return ((color, dash) for dash in DASHES for color in COLORS)


def _mean_of(curves: Sequence[Curve]) -> Callable[[Curve], float]:
    shared = set.intersection(*(set(curve.points) for curve in curves))

    def mean(curve: Curve) -> float:
        points = [curve.points[t] for t in shared or curve.points]
        return sum(points) / len(points)

    return mean


def _x(t: int, steps: Sequence[int]) -> float:
    """Return where T lies, on a logarithmic axis."""
    width = math.log2(steps[-1] / steps[0])
    part = math.log2(t / steps[0]) / width if width else 0.5
    return round(LEFT + 12 + part * (RIGHT - LEFT - 24), 1)


def _y(percent: float) -> float:
    return round(BOTTOM - percent / 100 * (BOTTOM - TOP), 1)


def _axes(title: str, steps: Sequence[int]) -> Iterator[str]:
    yield f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>"
    yield f"<text x='{LEFT}' y='24' font-size='15'>{escape(title)}</text>"
    for percent in range(0, 101, 10):
        y = _y(percent)
        yield f"<line x1='{LEFT}' x2='{RIGHT}' y1='{y}' y2='{y}' stroke='#e4e4e4'/>"
        yield f"<text x='{LEFT - 8}' y='{y + 4}' text-anchor='end'>{percent}</text>"
    for t in steps:
        yield f"<text x='{_x(t, steps)}' y='{BOTTOM + 18}' text-anchor='middle'>{t}</text>"
    middle = (LEFT + RIGHT) / 2
    yield f"<text x='{middle}' y='{BOTTOM + 38}' text-anchor='middle'>time steps T</text>"
    turned = f"transform='rotate(-90 14 {(TOP + BOTTOM) / 2})'"
    place = f"x='14' y='{(TOP + BOTTOM) / 2}'"
    yield f"<text {place} {turned} text-anchor='middle'>top-1 accuracy, percent</text>"


def _level(ann: float) -> Iterator[str]:
    y = _y(ann)
    yield f"<line x1='{LEFT}' x2='{RIGHT}' y1='{y}' y2='{y}' stroke='black' stroke-width='1'/>"
    yield f"<text x='{LEFT + 4}' y='{y - 4}'>ANN {ann:.2f}</text>"


def _line(curve: Curve, steps: Sequence[int], style: str, color: str) -> Iterator[str]:
    places = [(_x(t, steps), _y(curve.points[t])) for t in sorted(curve.points)]
    yield f"<polyline points='{' '.join(f'{x},{y}' for x, y in places)}' {style}/>"
    for x, y in places:
        yield f"<circle cx='{x}' cy='{y}' r='2.5' fill='{color}'/>"


def _entry(curve: Curve, place: int, style: str) -> Iterator[str]:
    y = TOP + 8 + place * LINE
    weight = " font-weight='bold'" if curve.bold else ""
    yield f"<line x1='{RIGHT + 16}' x2='{RIGHT + 50}' y1='{y}' y2='{y}' {style}/>"
    yield f"<text x='{RIGHT + 58}' y='{y + 4}'{weight}>{escape(curve.name)}</text>"
