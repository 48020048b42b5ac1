"""All layers in one loop over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import fresh_name, is_constant, rewire
from onnx2snn.schedules.event_inputs import read_first_slice, slice_of_step
from onnx2snn.schedules.finding import LOOP_NAME
from onnx2snn.schedules.loops import (
    Body,
    Carried,
    carry_out,
    name_finals,
    new_loop,
    step_number,
)
from onnx2snn.schedules.time_steps import add_time_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.schedules.partition import Partition

__all__ = ["put_into_loop"]


def put_into_loop(graph: ir.Graph, parts: Partition, count: ir.Value) -> None:
    """Put the nodes of a step into a Loop.

    Args:
        graph: A single-step graph; it is changed in place.
        parts: Its parts.
        count: T, a scalar.
    """
    _Emitter(graph, parts, count).emit()


class _Emitter:
    """Moves the body of a partitioned graph into a Loop.

    Args:
        graph: The graph.
        parts: Its parts.
        count: The number of steps.
    """

    def __init__(self, graph: ir.Graph, parts: Partition, count: ir.Value) -> None:
        self._graph = graph
        self._parts = parts
        self._count = count
        self._outputs = list(graph.outputs)
        self._step = step_number(graph)

    def emit(self) -> None:
        """Replace the body nodes by one Loop node."""
        graph = self._graph
        parts = self._parts
        graph.remove(parts.body)
        carried = [state.carry(graph) for state in parts.states]
        carried += [carry_out(graph, value) for value in parts.finals]
        # an output made in the body is to be one of the body first
        graph.outputs[:] = [value for value in self._outputs if is_constant(value)]
        slices = [self._slice_event(event) for event in parts.events]
        nodes = [*slices, *parts.body]
        body = Body(self._step, nodes, carried, parts.stacked)
        loop = new_loop(graph, LOOP_NAME, self._count, body)
        self._connect_finals(loop, carried)
        self._connect_stacked(loop.outputs[len(carried) :])
        graph.outputs[:] = self._outputs
        graph.append(loop)
        graph.sort()

    def _slice_event(self, event: ir.Value) -> ir.Node:
        """Return the node that takes the slice of this step of ``event``."""
        gather = slice_of_step(self._graph, event, self._step, like=event)
        for reader in self._parts.body:
            rewire(reader, event, gather.outputs[0])
        read_first_slice(self._graph, event, self._parts.outside)
        add_time_axis(event)
        return gather

    def _connect_finals(self, loop: ir.Node, carried: Sequence[Carried]) -> None:
        """Let the epilogue, and graph outputs, read the values after the last step."""
        name_finals(self._graph, loop, carried)
        for output, value in zip(loop.outputs, carried, strict=False):
            after = value.after
            for node in self._parts.epilogue:
                rewire(node, after, output)
            if after not in self._parts.stacked:
                self._hand_out(after, output)

    def _connect_stacked(self, outputs: Sequence[ir.Value]) -> None:
        """Let graph outputs read the values of all steps."""
        for output, value in zip(outputs, self._parts.stacked, strict=True):
            output.type = value.type
            output.shape = value.shape
            add_time_axis(output)
            self._hand_out(value, output)

    def _hand_out(self, value: ir.Value, output: ir.Value) -> None:
        """Let ``output`` be the graph output that ``value`` is, under its name; if it is one."""
        if value in self._outputs:
            name = value.name
            value.name = fresh_name(self._graph, f"{name}.step")
            output.name = name
            self._outputs = [output if v is value else v for v in self._outputs]
