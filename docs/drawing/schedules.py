"""The two schedules beside each other: which layer works in which time step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drawing.style import BLUE, INK, Box, Color, draw_box, new_drawing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SCHEDULES", "draw_schedules", "latency", "working_steps"]

LAYERS = 3
STEPS = 4
SCHEDULES: Mapping[str, str] = {
    "lockstep": "step by step (lockstep)",
    "layerwise": "layer by layer (layerwise)",
}
WAITING = Color("#c8c8c8", "#ffffff")
LEFT, CELL, ROW = 0.9, 0.34, 0.36
"""Left edge of the cells, width of a cell and distance of rows, in inches."""


def working_steps(schedule: str, layers: int, steps: int) -> np.ndarray:
    """Return the steps in which each layer works, from 1, shape [layers, steps]."""
    own = np.arange(1, steps + 1)
    delay = steps if schedule == "layerwise" else 0
    return own + delay * np.arange(layers)[:, None]


def latency(schedule: str, layers: int, steps: int) -> int:
    """Return after how many steps the answer is there."""
    return int(working_steps(schedule, layers, steps).max())


def draw_schedules() -> Figure:
    """Draw a row for each layer and a cell for each step, for both schedules."""
    axes = new_drawing(3.75)
    for top, schedule in zip((3.5, 1.7), SCHEDULES, strict=True):
        _draw_schedule(axes, schedule, top)
    return axes.figure


def _draw_schedule(axes: Axes, schedule: str, top: float) -> None:
    last = latency(schedule, LAYERS, STEPS)
    axes.text(0.1, top, SCHEDULES[schedule], weight="bold", va="center", color=INK)
    for layer, working in enumerate(working_steps(schedule, LAYERS, STEPS)):
        y = top - ROW * (layer + 1)
        axes.text(0.1, y, f"layer {layer + 1}", va="center", color=INK)
        for step in range(1, LAYERS * STEPS + 1):
            works = step in working
            draw_box(axes, _cell(step, y, works=works))
    _draw_answer(axes, last, top)


def _cell(step: int, y: float, *, works: bool) -> Box:
    x = LEFT + CELL * (step - 0.5)
    text = str(step) if works else ""
    return Box(x, y, CELL - 0.04, ROW - 0.08, text, BLUE if works else WAITING)


def _draw_answer(axes: Axes, last: int, top: float) -> None:
    x = LEFT + CELL * last
    bottom = top - ROW * (LAYERS + 0.5)
    axes.plot([x, x], [bottom - 0.05, top - ROW / 2], color=INK, linewidth=1.5)
    text = f"answer after {last} steps"
    axes.text(x, bottom - 0.09, text, ha="right", va="top", color=INK)
