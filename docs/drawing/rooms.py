"""The pipeline: what happens to a file on its way, and in which room of the code."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from drawing.style import (
    BLUE,
    GRAY,
    GREEN,
    INK,
    PURPLE,
    Box,
    Color,
    draw_arrow,
    draw_box,
    new_drawing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ASKED", "BESIDE", "STAGES", "draw_rooms"]

STAGES: Mapping[str, str] = {
    "importing": "any file, as one checked ANN",
    "passes/canonical": "one spelling of each thing",
    "passes/simplification": "activations and linear layers",
    "passes/spiking": "neurons for activations",
    "passes/correction": "on the spikes that arrive",
    "passes/time_loop": "the Loop over T time steps",
    "passes/finishing": "a file that runs anywhere",
    "runtime": "onnxruntime or NumPy",
}
"""Room to what happens there, in the order in which a file goes through them."""

BESIDE: Mapping[str, str] = {
    "analysis": "what each node\ncan become",
    "calibration": "thresholds from\nactivations",
    "correction": "weights fitted\nto the ANN",
    "schedules": "lockstep or\nlayerwise",
    "reporting": "what became of\neach node",
}
"""Room to what it tells, for those that stand beside the stages."""

ASKED = {
    "passes/simplification": "analysis",
    "passes/spiking": "calibration",
    "passes/correction": "correction",
    "passes/time_loop": "schedules",
}
"""Stage to the room beside it, which it imports from."""

COLORS = {"importing": GREEN, "runtime": PURPLE}

HEIGHTS = (7.15, 6.15, 5.35, 4.55, 3.75, 2.95, 2.15, 0.95)
"""Middles of the stages, in inches from the bottom."""

LEFT, WIDTH, HEIGHT = 1.55, 2.6, 0.58
RIGHT, SIDE_WIDTH, SIDE_HEIGHT = 4.3, 1.5, 0.7
"""Middle, width and height of a stage, and of a room beside it, in inches."""

OUTER, INNER = LEFT + WIDTH / 2, RIGHT - SIDE_WIDTH / 2
"""Right edge of the stages and left edge of the rooms beside them, in inches."""


def draw_rooms() -> Figure:
    """Draw the stages as a column, and beside it the rooms that they ask."""
    axes = new_drawing(8.0)
    heights = dict(zip(STAGES, HEIGHTS, strict=True))
    _draw_passes(axes, heights)
    for room, y in heights.items():
        color = COLORS.get(room, BLUE)
        _draw_room(axes, Box(LEFT, y, WIDTH, HEIGHT, STAGES[room], color), room)
    _draw_files(axes)
    for stage, room in ASKED.items():
        _draw_beside(axes, room, heights[stage])
        draw_arrow(axes, (INNER, heights[stage]), (OUTER, heights[stage]))
    analysis, spiking = heights["passes/simplification"], heights["passes/spiking"]
    draw_arrow(axes, (INNER, analysis - 0.22), (OUTER, spiking + 0.15))
    _draw_beside(axes, "reporting", heights["runtime"])
    draw_arrow(axes, (OUTER + 0.15, 1.75), (INNER, heights["runtime"] + 0.2))
    return axes.figure


def _draw_files(axes: Axes) -> None:
    """Draw the arrows from stage to stage, and the files at both ends of the way."""
    starts = [HEIGHTS[0] + 0.6, *(y - HEIGHT / 2 for y in HEIGHTS)]
    ends = [*(y + HEIGHT / 2 for y in HEIGHTS), HEIGHTS[-1] - 0.6]
    for start, end in zip(starts, ends, strict=True):
        draw_arrow(axes, (LEFT, start), (LEFT, end))
    snn = (HEIGHTS[-1] + HEIGHTS[-2]) / 2 - 0.1
    axes.text(LEFT, starts[0] + 0.12, "ann.onnx", ha="center", va="center", color=INK)
    axes.text(LEFT + 0.12, snn, "snn.onnx", va="center", color=INK)
    axes.text(LEFT, ends[-1] - 0.12, "outputs", ha="center", va="center", color=INK)


def _draw_passes(axes: Axes, heights: Mapping[str, float]) -> None:
    """Draw a frame around the stages that are passes."""
    passes = [y for room, y in heights.items() if room.startswith("passes/")]
    top, bottom = max(passes) + 0.42, min(passes) - 0.42
    frame = Color(BLUE.line, "#ffffff")
    middle = (top + bottom) / 2
    draw_box(axes, Box(LEFT, middle, WIDTH + 0.3, top - bottom, "", frame))


def _draw_room(axes: Axes, box: Box, name: str) -> None:
    """Draw a box, with the name of the room above the text in it."""
    draw_box(axes, dataclasses.replace(box, text=""))
    lines = box.text.count("\n") + 1
    style = {"ha": "center", "va": "center", "color": INK}
    axes.text(box.x, box.y + 0.09 * lines, name, weight="bold", **style)
    axes.text(box.x, box.y - 0.1, box.text, **style)


def _draw_beside(axes: Axes, room: str, y: float) -> None:
    """Draw a room beside the stages."""
    _draw_room(axes, Box(RIGHT, y, SIDE_WIDTH, SIDE_HEIGHT, BESIDE[room], GRAY), room)
