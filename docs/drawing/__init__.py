"""The figures of the documentation, one function each.

``make figures`` draws them into ``docs/explanation/figures``. Numbers in them are
computed by the package, never written down here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drawing.graphs import draw_graphs
from drawing.neurons import draw_neurons, draw_staircase
from drawing.rooms import draw_rooms
from drawing.schedules import draw_schedules

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

__all__ = ["FIGURES"]

FIGURES: dict[str, Callable[[], Figure]] = {
    "graphs": draw_graphs,
    "staircase": draw_staircase,
    "neurons": draw_neurons,
    "schedules": draw_schedules,
    "pipeline": draw_rooms,
}
"""Name of the file, without its ending, to the function that draws it."""
