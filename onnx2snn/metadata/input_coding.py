"""How the inputs of a network enter it: as they are, as random spikes, or as events.

The coding of an input travels from the pass that chooses it to those that act on it in the
metadata of the input, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = [
    "CODINGS",
    "DIRECT",
    "EVENTS",
    "RATE",
    "Coding",
    "coded_inputs",
    "event_names",
]

DIRECT = "direct"
"""The same value in every step."""

RATE = "rate"
"""Random spikes, whose probability is the magnitude of the value."""

EVENTS = "events"
"""Another slice in every step, given by the caller."""

CODINGS = (DIRECT, RATE, EVENTS)
"""How an input may enter the network."""

_KEY = "onnx2snn.input_coding"


@dataclasses.dataclass(frozen=True)
class Coding:
    """How one input enters the network.

    Attributes:
        kind: One of ``CODINGS``.
        magnitude: Under rate coding, what a spike stands for, > 0, in units of the input; None
            otherwise.
    """

    kind: str = DIRECT
    magnitude: float | None = None

    def write(self, value: ir.Value) -> None:
        """Note this in the metadata of the input ``value``; direct coding needs no note."""
        self.erase(value)
        if self.kind != DIRECT:
            value.metadata_props[_KEY] = json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, value: ir.Value) -> Self:
        """Return the coding noted on ``value``."""
        note = value.metadata_props.get(_KEY)
        return cls() if note is None else cls(**json.loads(note))

    @staticmethod
    def erase(value: ir.Value) -> bool:
        """Remove the note from ``value``; whether there was one."""
        return value.metadata_props.pop(_KEY, None) is not None


def coded_inputs(inputs: Iterable[ir.Value], *kinds: str) -> list[ir.Value]:
    """Return those of ``inputs`` whose coding is one of ``kinds``."""
    return [value for value in inputs if Coding.read(value).kind in kinds]


def event_names(graph: ir.Graph) -> set[str]:
    """Return the names of those inputs of ``graph`` that are events."""
    return {str(value.name) for value in coded_inputs(graph.inputs, EVENTS)}
