"""Input coding: an input enters a network as it is, as random spikes, or as events.

The coding of an input travels from the pass that chooses it to those that act on it in the
metadata of the input, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.metadata.annotation import Annotation
from onnx2snn.metadata.facts import INPUT_CODINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = [
    "CODINGS",
    "DIRECT",
    "EVENTS",
    "INPUT_CODING",
    "RATE",
    "Coding",
    "check_direct",
    "coded_inputs",
    "coding_of",
    "event_inputs_of",
    "event_names",
    "write_coding",
]

DIRECT = "direct"
"""The same value in every step."""

RATE = "rate"
"""Random spikes, whose probability is the magnitude of the value."""

EVENTS = "events"
"""Another slice in every step, given by the caller."""

CODINGS = (DIRECT, RATE, EVENTS)
"""Kinds of input coding."""


@dataclasses.dataclass(frozen=True)
class Coding:
    """The coding of one input.

    Attributes:
        kind: One of ``CODINGS``.
        magnitude: Under rate coding, what a spike stands for, > 0, in units of the input; None
            otherwise.
    """

    kind: str = DIRECT
    magnitude: float | None = None


def _encode(coding: Coding) -> str:
    return json.dumps(dataclasses.asdict(coding))


def _decode(text: str) -> Coding:
    return Coding(**json.loads(text))


INPUT_CODING = Annotation[Coding](INPUT_CODINGS.key, _encode, _decode)
"""On an input of a graph that is being converted: its coding, if that is not the direct one."""


def write_coding(value: ir.Value, coding: Coding) -> None:
    """Write ``coding`` on the input ``value``; direct coding stands nowhere."""
    if coding.kind == DIRECT:
        INPUT_CODING.erase(value)
    else:
        INPUT_CODING.write(value, coding)


def coding_of(value: ir.Value) -> Coding:
    """Return the coding of the input ``value``: direct, unless another is written on it."""
    return INPUT_CODING.read(value) or Coding()


def coded_inputs(inputs: Iterable[ir.Value], *kinds: str) -> list[ir.Value]:
    """Return those of ``inputs`` whose coding is one of ``kinds``."""
    return [value for value in inputs if coding_of(value).kind in kinds]


def event_names(graph: ir.Graph) -> set[str]:
    """Return the names of those inputs of ``graph`` that are events."""
    return {str(value.name) for value in coded_inputs(graph.inputs, EVENTS)}


def event_inputs_of(model: ir.Model) -> tuple[str, ...]:
    """Return the names of those inputs of an emitted network that are events."""
    text = INPUT_CODINGS.read(model) or "{}"
    codings = json.loads(text)
    return tuple(name for name, coding in codings.items() if coding == EVENTS)


def check_direct(graph: ir.Graph, schedule: str) -> None:
    """Check that the inputs of a graph are known before the first step, as a schedule needs.

    Args:
        graph: The graph.
        schedule: Name of the schedule.

    Raises:
        OptionError: Some are not.
    """
    coded = [repr(value.name) for value in coded_inputs(graph.inputs, RATE, EVENTS)]
    if coded:
        message = (
            f"with the schedule {schedule} an input is coded direct, but {', '.join(coded)} is a "
            "stream of its own; code it direct, or choose the schedule lockstep"
        )
        raise OptionError(message)
