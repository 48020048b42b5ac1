"""Parts of a method that do not fit each other."""

from __future__ import annotations

import dataclasses

__all__ = ["Misfit"]


@dataclasses.dataclass(frozen=True)
class Misfit:
    """A part that a neuron or a correction cannot stand beside.

    Attributes:
        part: Name of the part, a field of ``Method``.
        value: Value of it that does not fit.
        reason: Why, and the way out, behind the name of what it does not fit.
    """

    part: str
    value: str
    reason: str
