"""The steps of all layers, in lockstep, laid out in a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.metadata.input_coding import event_names
from onnx2snn.methods.layouts import LOOP, MULTISTEP
from onnx2snn.schedules.lockstep import put_into_loop
from onnx2snn.schedules.multistep import lay_out_over_time
from onnx2snn.schedules.partition import part_between_tensors
from onnx2snn.schedules.time_steps import step_count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import onnx_ir as ir

    from onnx2snn.schedules.partition import Partition

__all__ = ["emit_steps"]

_WRITERS: dict[str, Callable[[ir.Graph, Partition, ir.Value], None]] = {
    LOOP: put_into_loop,
    MULTISTEP: lay_out_over_time,
}
"""Layout to what lays the nodes of a step out so."""


def emit_steps(
    graph: ir.Graph,
    layout: str,
    time_steps: int,
    events: Collection[str] = (),
    every_step: Collection[str] = (),
) -> bool:
    """Let what changes from step to step run for T steps; whether there was anything.

    Args:
        graph: A single-step graph; it is changed in place.
        layout: Name of the layout of time.
        time_steps: T when none is given at run time. With events, T is their length.
        events: Names of graph inputs that are streams, beside those annotated as events: they
            get a leading axis of length T.
        every_step: Names of graph outputs wanted for every step: they get one too.
    """
    all_events = {*events, *event_names(graph)}
    parts = part_between_tensors(graph, all_events, every_step)
    if not parts.body:
        return False
    count = step_count(graph, parts.events, time_steps)
    write = _WRITERS[layout]
    write(graph, parts, count)
    return True
