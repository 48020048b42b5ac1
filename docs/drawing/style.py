"""Sizes, colors and boxes that all figures share.

A figure is 5.2 inches wide, so that its text of 10 points can still be read on a screen
of 390 pixels. Colors are those of Okabe and Ito, which the color-blind tell apart; a
lighter shade fills, the full color outlines.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "INK",
    "ORANGE",
    "PURPLE",
    "VERMILION",
    "Box",
    "Color",
    "draw_arrow",
    "draw_box",
    "new_drawing",
    "new_figure",
    "write_svg",
]

WIDTH = 5.2
"""Width of each figure, in inches."""

SETTINGS = {
    "axes.edgecolor": "#767676",
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "onnx2snn",  # without it, names in the file are random
}

INK = "#222222"


@dataclasses.dataclass(frozen=True)
class Color:
    """A color and the shade of it that fills boxes."""

    line: str
    fill: str


GRAY = Color("#767676", "#f2f2f2")
BLUE = Color("#0072b2", "#dcecf6")
ORANGE = Color("#c77700", "#fde9c4")
GREEN = Color("#00795a", "#d8efe7")
PURPLE = Color("#a2548a", "#f3e2ec")
VERMILION = Color("#d55e00", "#fbe3d5")


@dataclasses.dataclass(frozen=True)
class Box:
    """A box of text.

    Attributes:
        x: Middle, in inches from the left.
        y: Middle, in inches from the bottom.
        width: In inches.
        height: In inches.
        text: One line or more, in its middle.
        color: Its outline and filling.
        is_bold: Whether the text stands out.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    color: Color = GRAY
    is_bold: bool = False


def new_figure(height: float) -> Figure:
    """Return an empty figure, ``height`` inches high."""
    with mpl.rc_context(SETTINGS):
        return Figure(figsize=(WIDTH, height), layout="constrained")


def new_drawing(height: float) -> Axes:
    """Return bare axes in inches that fill a figure of ``height`` inches."""
    with mpl.rc_context(SETTINGS):
        axes = Figure(figsize=(WIDTH, height)).add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return axes


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a box with round corners and its text."""
    left = box.x - box.width / 2
    bottom = box.y - box.height / 2
    outline = FancyBboxPatch(
        (left, bottom),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=box.color.fill,
        edgecolor=box.color.line,
        linewidth=1.2,
    )
    axes.add_patch(outline)
    weight = "bold" if box.is_bold else "normal"
    axes.text(
        box.x, box.y, box.text, ha="center", va="center", weight=weight, color=INK
    )


def draw_arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0
) -> None:
    """Draw an arrow between two points, curved by ``bend`` of its length."""
    arrow = {
        "arrowstyle": "-|>",
        "color": INK,
        "connectionstyle": f"arc3,rad={bend}",
        "linewidth": 1.2,
        "mutation_scale": 11,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow)


def write_svg(figure: Figure, path: Path) -> None:
    """Write ``figure`` as SVG, with nothing in it that changes from run to run."""
    with mpl.rc_context(SETTINGS):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
