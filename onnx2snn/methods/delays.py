"""The choices of layers that wait for a step, a row each, in the schedule staggered."""

from __future__ import annotations

import dataclasses

__all__ = ["ALL", "DELAYS", "JOINS", "NONE", "Delays"]

ALL = "all"
JOINS = "joins"
NONE = "none"


@dataclasses.dataclass(frozen=True)
class Delays:
    """A choice of layers; the pass ``place-delays`` makes it.

    Attributes:
        meaning: The layers that wait, in a phrase.
    """

    meaning: str


DELAYS: dict[str, Delays] = {
    ALL: Delays("each layer of neurons waits for a step, the most accurate"),
    JOINS: Delays("only those wait whose input is a sum or product of several layers"),
    NONE: Delays("none waits"),
}
"""Name to choice."""
