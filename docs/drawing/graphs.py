"""An ANN beside the graph that is emitted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drawing.style import (
    BLUE,
    GRAY,
    INK,
    ORANGE,
    PURPLE,
    Box,
    Color,
    draw_arrow,
    draw_box,
    new_drawing,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ANN", "EPILOGUE", "LOOP", "PROLOGUE", "draw_graphs"]

ANN = ("Conv", "Relu", "Conv", "Relu", "Gemm")
PROLOGUE = ("Conv",)
LOOP = ("GatedDoubleThresholdIF", "Conv", "GatedDoubleThresholdIF")
EPILOGUE = ("Gemm",)
"""Operators, in order; what only scales, sums or shapes values is left out."""

PARTS = {"prologue": "once", "Loop": "T times", "epilogue": "once, on the mean"}
COLORS = {"Relu": ORANGE, "GatedDoubleThresholdIF": ORANGE}
TEXTS = {"GatedDoubleThresholdIF": "spiking neuron"}

LEFT, RIGHT, STATES = 0.85, 3.1, 4.55
"""Middle of the columns, in inches from the left."""

TITLE, INPUT, OUTPUT = 5.8, 5.45, 0.2
ROWS = (4.6, 3.4, 2.75, 2.1, 0.8)
"""Middle of the texts and of the nodes, in inches from the bottom."""

BOX = 0.4
"""Height of a node."""


def draw_graphs() -> Figure:
    """Draw both graphs, each node of the ANN at the height of what it becomes."""
    axes = new_drawing(6.0)
    _draw_text(axes, LEFT, TITLE, "ANN", weight="bold")
    _draw_text(axes, RIGHT, TITLE, "spiking network", weight="bold")
    _draw_part(axes, "prologue", (4.3, 5.2), GRAY)
    _draw_part(axes, "Loop", (1.8, 4.0), ORANGE)
    _draw_part(axes, "epilogue", (0.5, 1.5), PURPLE)
    _draw_chain(axes, LEFT, ANN)
    _draw_chain(axes, RIGHT, PROLOGUE + LOOP + EPILOGUE)
    _draw_state(axes, ROWS[1])
    _draw_state(axes, ROWS[3])
    return axes.figure


def _draw_text(
    axes: Axes, x: float, y: float, text: str, weight: str = "normal"
) -> None:
    axes.text(x, y, text, ha="center", va="center", weight=weight, color=INK)


def _draw_part(axes: Axes, name: str, span: tuple[float, float], color: Color) -> None:
    """Draw the frame of a part of the emitted graph, and what is said of it."""
    bottom, top = span
    shade = Color(color.line, "#ffffff")
    draw_box(axes, Box(3.425, (bottom + top) / 2, 3.35, top - bottom, "", shade))
    y = top - 0.17
    axes.text(1.85, y, name, va="center", color=color.line, weight="bold")
    axes.text(RIGHT + 0.12, y, PARTS[name], va="center", color=INK)


def _draw_chain(axes: Axes, x: float, operators: Sequence[str]) -> None:
    """Draw nodes from the input down to the output, and the arrows between them."""
    _draw_text(axes, x, INPUT, "image")
    _draw_text(axes, x, OUTPUT, "logits")
    for y, operator in zip(ROWS, operators, strict=True):
        text = TEXTS.get(operator, operator)
        draw_box(axes, Box(x, y, 1.45, BOX, text, COLORS.get(operator, BLUE)))
    tops = [y + BOX / 2 for y in ROWS] + [OUTPUT + 0.1]
    bottoms = [INPUT - 0.1] + [y - BOX / 2 for y in ROWS]
    for bottom, top in zip(bottoms, tops, strict=True):
        draw_arrow(axes, (x, bottom), (x, top))


def _draw_state(axes: Axes, y: float) -> None:
    """Draw the state that a neuron hands to itself in the next step."""
    draw_box(axes, Box(STATES, y, 0.85, BOX, "v, count"))
    neuron, state = RIGHT + 0.725, STATES - 0.425
    draw_arrow(axes, (neuron, y + 0.1), (state, y + 0.1))
    draw_arrow(axes, (state, y - 0.1), (neuron, y - 0.1))
