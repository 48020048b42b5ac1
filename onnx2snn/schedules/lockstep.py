"""All layers in one loop over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    constant,
    copied,
    fresh_name,
    is_constant,
    reads,
    rewire,
)
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.schedules.finding import LOOP_NAME
from onnx2snn.schedules.loops import (
    Body,
    Carried,
    hand_over_output,
    name_finals,
    new_loop,
    step_number,
    zeros_like,
)
from onnx2snn.schedules.partition import Partition
from onnx2snn.schedules.time_steps import TIME_STEPS, time_steps_input

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["emit_time_loop"]


def emit_time_loop(
    graph: ir.Graph,
    time_steps: int,
    events: Collection[str] = (),
    every_step: Collection[str] = (),
) -> bool:
    """Put what changes from step to step into a Loop; whether there was anything.

    Args:
        graph: A single-step graph; it is changed in place.
        time_steps: T when none is given at run time. With events, T is their length.
        events: Names of graph inputs that are streams, beside those annotated as events: they
            get a leading axis of length T.
        every_step: Names of graph outputs wanted for every step: they get one too.
    """
    all_events = {*events, *event_names(graph)}
    parts = _part_between_tensors(graph, all_events, every_step)
    if not parts.body:
        return False
    count = _step_count(graph, parts.events, time_steps)
    _Emitter(graph, parts, count).emit()
    return True


def _part_between_tensors(
    graph: ir.Graph, events: Collection[str], every_step: Collection[str]
) -> Partition:
    """Return the parts of ``graph``, with nothing but tensors between body and epilogue.

    A Loop carries nothing else: a sequence is computed again behind it, in a copy of its node.
    """
    while True:
        parts = Partition.of(graph, events, every_step)
        stuck = [value for value in parts.finals if not _is_tensor(value)]
        if not stuck:
            return parts
        _copy_behind(graph, stuck, parts.body)


def _is_tensor(value: ir.Value) -> bool:
    """Whether ``value`` is a tensor, as far as its type is known."""
    return value.type is None or isinstance(value.type, ir.TensorType)


def _copy_behind(
    graph: ir.Graph, values: Sequence[ir.Value], body: Sequence[ir.Node]
) -> None:
    """Let what is outside of the body read ``values`` from copies of the nodes that make them."""
    inside = set(body)
    producers = dict.fromkeys(value.producer() for value in values)
    for node in filter(None, producers):
        copy = copied(node)
        for old, new in zip(node.outputs, copy.outputs, strict=True):
            new.name = copy.name = fresh_name(graph, f"{old.name}.last")
            for reader in graph:
                if reader not in inside:
                    rewire(reader, old, new)
            hand_over_output(graph, old, new)
        graph.append(copy)
    graph.sort()


def _step_count(
    graph: ir.Graph, events: Sequence[ir.Value], time_steps: int
) -> ir.Value:
    """Return the number of steps, a scalar: an input, or how many slices events have."""
    if not events:
        return time_steps_input(graph, time_steps)
    event = events[0]
    builder = NodeBuilder(graph)
    first = np.array([0], np.int64)
    axis = constant(graph, f"{event.name}.time_axis", first)
    first_axis = {"start": 0, "end": 1}
    length = builder.add("Shape", [event], f"{event.name}.length", first_axis)
    length.type = ir.TensorType(ir.DataType.INT64)
    length.shape = ir.Shape([1])
    steps = builder.add("Squeeze", [length, axis], f"{event.name}.steps")
    steps.type = length.type
    steps.shape = ir.Shape([])
    return steps


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
        carried += [self._carry_out(value) for value in parts.finals]
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
        builder = NodeBuilder(self._graph)
        along_time = {"axis": 0}
        inputs = [event, self._step]
        gather = builder.node(
            "Gather", inputs, f"{event.name}.step", along_time, like=event
        )
        sliced = gather.outputs[0]
        for reader in self._parts.body:
            rewire(reader, event, sliced)
        outside = [node for node in self._parts.outside if event in reads(node)]
        if outside:  # they read its shape
            index = np.array(0, np.int64)
            zero = constant(self._graph, f"{event.name}.zero", index)
            first = builder.add(
                "Gather", [event, zero], f"{event.name}.first", along_time, like=event
            )
            for reader in outside:
                rewire(reader, event, first)
        _add_time_axis(event)
        return gather

    def _carry_out(self, value: ir.Value) -> Carried:
        """Carry ``value`` outside: by a body input that nobody reads."""
        zeros = zeros_like(value)
        first = constant(self._graph, f"{value.name}.before", zeros)
        name = fresh_name(self._graph, f"{value.name}.last")
        inside = ir.Value(name=name, type=value.type)
        return Carried(first, inside, value)

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
            _add_time_axis(output)
            self._hand_out(value, output)

    def _hand_out(self, value: ir.Value, output: ir.Value) -> None:
        """Let ``output`` be the graph output that ``value`` is, under its name; if it is one."""
        if value in self._outputs:
            name = value.name
            value.name = fresh_name(self._graph, f"{name}.step")
            output.name = name
            self._outputs = [output if v is value else v for v in self._outputs]


def _add_time_axis(value: ir.Value) -> None:
    """Put an axis of length T in front of the shape of ``value``, if it is known."""
    if value.shape is not None:
        value.shape = ir.Shape([TIME_STEPS, *value.shape])
