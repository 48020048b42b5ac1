"""The layouts of time, a row each: where the steps of a network are in its file."""

from __future__ import annotations

import dataclasses

__all__ = ["LAYOUTS", "LOOP", "MULTISTEP", "STEP", "Layout"]

LOOP = "loop"
"""Name of the default layout."""

MULTISTEP = "multistep"
"""Name of the layout with time in the batch."""

STEP = "step"
"""Name of the layout of a file that runs one step, with the states in and out."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """A layout of time; a pass writes it.

    Those are ``emit-time-loop``, ``emit-multistep`` and, on what the first wrote, ``emit-step``.

    Attributes:
        meaning: The place of the steps, in a phrase.
        memory: Growth of the memory of a run with T.
    """

    meaning: str
    memory: str


LAYOUTS: dict[str, Layout] = {
    LOOP: Layout(
        "a step is an iteration of a Loop, in which all layers advance",
        memory="independent of T",
    ),
    MULTISTEP: Layout(
        "each layer runs all steps at once, as T times as many samples",
        memory="proportional to T",
    ),
    STEP: Layout(
        "a run is one step, which takes all states and gives the next ones",
        memory="independent of T",
    ),
}
"""Name to layout."""
