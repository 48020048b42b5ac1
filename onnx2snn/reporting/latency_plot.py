"""The picture of the error against the latency, for the page of a report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.reporting.report import CurvePoint, LatencyCurve

__all__ = ["draw_latency_section"]

_MOST_MARKS = 8
"""Marks on an axis, at most: they have room on a phone."""

_ROUND = (1, 2, 5, 10)
"""Distances of marks, times a power of 10."""


def draw_latency_section(curve: LatencyCurve | None, latency_steps: int) -> str:
    """Return the section with the curve; empty if there is none.

    Args:
        curve: The curve.
        latency_steps: The latency of the network, which is marked.
    """
    if curve is None:
        return ""
    words = (
        "The least relative error of the outputs, against the ANN's, that was found with at most "
        f"so many steps to the answer, on {curve['samples']:,} calibration samples and before "
        "corrections; which layers wait was chosen by it. The large mark is this network."
    )
    return (
        "<h2>Error against latency</h2>\n"
        f'<p class="quiet">{words}</p>\n'
        f"{_draw_plot(curve['points'], latency_steps)}\n"
    )


def _draw_plot(points: Sequence[CurvePoint], latency_steps: int) -> str:
    plot = _Plot(points)
    marks = [_draw_mark(plot, point, latency_steps) for point in points]
    lines = [
        f'<i style="bottom:{plot.height_of(error):.2f}%"><span>{error:.3g}</span></i>'
        for error in plot.errors
    ]
    path = " ".join(
        f"{plot.place_of(point['latency_steps']):.2f},"
        f"{100 - plot.height_of(point['relative_error']):.2f}"
        for point in points
    )
    steps = [
        f'<span style="left:{plot.place_of(latency):.2f}%">{latency}</span>'
        for latency in plot.latencies
    ]
    return (
        '<div class="plot" role="img" aria-label="relative error against latency in steps">'
        f'<div class="field">{"".join(lines)}'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'<polyline points="{path}"/></svg>{"".join(marks)}</div>'
        f'<div class="axis">{"".join(steps)}</div>'
        '<p class="quiet">latency in steps</p></div>'
    )


def _draw_mark(plot: _Plot, point: CurvePoint, latency_steps: int) -> str:
    latency, error = point["latency_steps"], point["relative_error"]
    kind = "mark own" if latency == latency_steps else "mark"
    place = f"left:{plot.place_of(latency):.2f}%;bottom:{plot.height_of(error):.2f}%"
    text = f"{latency} steps: {error:.3g}"
    return f'<b class="{kind}" style="{place}" title="{text}"></b>'


class _Plot:
    """The axes of a plot.

    Args:
        points: What is drawn, at least one point.

    Attributes:
        errors: Errors that are marked on the axis, from 0 on.
        latencies: Latencies that are marked on the axis.
    """

    def __init__(self, points: Sequence[CurvePoint]) -> None:
        """Choose the marks."""
        largest = max(point["relative_error"] for point in points) or 1.0
        distance = _round_distance(largest, most=4)
        count = math.ceil(largest / distance - 1e-9)
        self.errors = [distance * number for number in range(count + 1)]
        steps = [point["latency_steps"] for point in points]
        self._first, self._last = min(steps), max(steps)
        between = max(1, round(_round_distance(self._last - self._first, _MOST_MARKS)))
        first_multiple = math.ceil(self._first / between) * between
        self.latencies = list(range(first_multiple, self._last + 1, between))

    def place_of(self, latency: int) -> float:
        """Return where a latency is, in percent of the width."""
        width = max(self._last - self._first, 1)
        return 100 * (latency - self._first) / width

    def height_of(self, error: float) -> float:
        """Return where an error is, in percent of the height from below."""
        return 100 * error / self.errors[-1]


def _round_distance(length: float, most: int) -> float:
    """Return a round distance that goes at most so many times into a length."""
    smallest = max(length, 1e-12) / most
    power = 10.0 ** math.floor(math.log10(smallest))
    return next(
        power * factor for factor in _ROUND if power * factor >= smallest - 1e-12
    )
