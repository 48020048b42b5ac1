"""All layers in one loop over time: which nodes it holds, and which values it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    closure,
    constant,
    copied,
    dependency_graph,
    fresh_name,
    is_constant,
    reads,
    rewire,
)
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.schedules.loops import (
    LOOP_NAME,
    Body,
    Carried,
    new_loop,
    states,
    step_number,
)
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
        graph: A graph in step form; it is changed in place.
        time_steps: T when none is given at run time. With events, T is their length.
        events: Names of graph inputs that are streams, beside those noted as events: they get
            a leading axis of length T.
        every_step: Names of graph outputs wanted for every step: they get one too.
    """
    named = {*events, *event_names(graph)}
    parts = _Parts(graph, named, every_step)
    while stuck := [
        v for v in parts.leaving if not isinstance(v.type, ir.TensorType | None)
    ]:
        _copy_outside(graph, stuck, set(parts.body))
        parts = _Parts(graph, named, every_step)
    if not parts.body:
        return False
    _Emitter(graph, parts, _count(graph, parts.events, time_steps)).emit()
    return True


class _Parts:
    """Which nodes go into the loop, and which values leave it."""

    def __init__(
        self, graph: ir.Graph, events: Collection[str], every_step: Collection[str]
    ) -> None:
        edges = dependency_graph(graph)
        stateful = [node for node in graph if is_stateful(node)]
        for node in stateful:  # what makes an initial state stays before the loop
            starts = [state.before.producer() for state in states(node)]
            edges.remove_edges_from(
                [(start, node) for start in starts if start is not None]
            )
        event_values = {value for value in graph.inputs if value.name in events}
        readers = [node for node in graph if event_values.intersection(reads(node))]
        wanted = [value for value in graph.outputs if value.name in every_step]
        makers = [
            producer for value in wanted if (producer := value.producer()) is not None
        ]
        reached = closure(edges, [*stateful, *readers])
        needed = closure(edges.reverse(copy=False), [*stateful, *makers])
        self.events = [value for value in graph.inputs if value in event_values]
        self.every_step = wanted
        self.body = [node for node in graph if node in reached and node in needed]
        inside = set(self.body)
        made = {value for node in self.body for value in node.outputs}
        read_after = {
            value for node in graph if node not in inside for value in reads(node)
        }
        read_after.update(value for value in graph.outputs if value not in wanted)
        self.leaving = [
            v for node in self.body for v in node.outputs if v in read_after & made
        ]


def _count(graph: ir.Graph, events: Sequence[ir.Value], time_steps: int) -> ir.Value:
    """Return the number of steps, a scalar: an input, or how many slices events have."""
    if not events:
        return time_steps_input(graph, time_steps)
    event = events[0]
    builder = NodeBuilder(graph)
    axis = constant(graph, f"{event.name}.time_axis", np.array([0], np.int64))
    first_axis = {"start": 0, "end": 1}
    length = builder.add("Shape", [event], f"{event.name}.length", first_axis)
    length.type, length.shape = ir.TensorType(ir.DataType.INT64), ir.Shape([1])
    steps = builder.add("Squeeze", [length, axis], f"{event.name}.steps")
    steps.type, steps.shape = length.type, ir.Shape([])
    return steps


def _copy_outside(
    graph: ir.Graph, values: list[ir.Value], inside: set[ir.Node]
) -> None:
    """Let what is behind the loop compute ``values`` again: a Loop carries tensors only."""
    producers = dict.fromkeys(value.producer() for value in values)
    for node in filter(None, producers):
        copy = copied(node)
        for old, new in zip(node.outputs, copy.outputs, strict=True):
            new.name = copy.name = fresh_name(graph, f"{old.name}.last")
            for reader in graph:
                if reader not in inside:
                    rewire(reader, old, new)
            if old.is_graph_output():
                old.name, new.name = new.name, old.name
                outputs = [new if value is old else value for value in graph.outputs]
                graph.outputs[:] = outputs
        graph.append(copy)
    graph.sort()


class _Emitter:
    """Moves the body of the loop into a graph of its own."""

    def __init__(self, graph: ir.Graph, parts: _Parts, time_steps: ir.Value) -> None:
        self._graph = graph
        self._parts = parts
        self._time_steps = time_steps
        self._outputs = list(graph.outputs)
        self._step = step_number(graph)

    def emit(self) -> None:
        """Replace the body nodes by one Loop node."""
        kept = [state for node in self._parts.body for state in states(node)]
        after = {state.after for state in kept}
        extra = [value for value in self._parts.leaving if value not in after]
        self._graph.remove(self._parts.body)
        carried = [state.carry(self._graph) for state in kept]
        carried += map(self._last_value, extra)
        # an output made in the body is to be one of the body first
        self._graph.outputs[:] = [v for v in self._outputs if is_constant(v)]
        slices = [self._slice(value) for value in self._parts.events]
        nodes = [*slices, *self._parts.body]
        body = Body(self._step, nodes, carried, self._parts.every_step)
        loop = new_loop(self._graph, LOOP_NAME, self._time_steps, body)
        self._connect(loop, [value.after for value in carried])
        self._graph.outputs[:] = self._outputs
        self._graph.append(loop)
        self._graph.sort()

    def _slice(self, event: ir.Value) -> ir.Node:
        """Return the node that takes this step's slice of ``event``."""
        builder, inputs = NodeBuilder(self._graph), [event, self._step]
        node = builder.node("Gather", inputs, f"{event.name}.step", {"axis": 0}, event)
        for reader in self._parts.body:
            rewire(reader, event, node.outputs[0])
        length = self._time_steps.producer()
        whole = set() if length is None else {length.inputs[0]}  # it counts the slices
        outside = [
            reader
            for reader in self._graph
            if event in reads(reader) and whole.isdisjoint(reader.outputs)
        ]
        if outside:  # they read its shape
            zero = constant(self._graph, f"{event.name}.zero", np.array(0, np.int64))
            name = f"{event.name}.first"
            first = builder.add("Gather", [event, zero], name, {"axis": 0}, event)
            for reader in outside:
                rewire(reader, event, first)
        if event.shape is not None:
            event.shape = ir.Shape([TIME_STEPS, *event.shape])
        return node

    def _last_value(self, value: ir.Value) -> Carried:
        """Carry ``value`` outside: by a body input that nobody reads."""
        dtype = (value.dtype or ir.DataType.FLOAT).numpy()
        zero = np.zeros([1] * len(value.shape or ()), dtype)
        first = constant(self._graph, f"{value.name}.before", zero)
        name = fresh_name(self._graph, f"{value.name}.last")
        return Carried(first, ir.Value(name=name, type=value.type), value)

    def _connect(self, loop: ir.Node, finals: list[ir.Value]) -> None:
        """Let the nodes behind the loop, and the graph outputs, read the loop's outputs."""
        inside = set(self._parts.body)
        for output, value in zip(
            loop.outputs, [*finals, *self._parts.every_step], strict=True
        ):
            output.type, output.shape = value.type, value.shape
            if value in finals:
                output.name = fresh_name(self._graph, f"{value.name}.final")
                for node in self._graph:
                    if node not in inside:
                        rewire(node, value, output)
            stacked = value in self._parts.every_step and value not in finals
            self._hand_out(value, output, stacked=stacked)

    def _hand_out(self, value: ir.Value, output: ir.Value, *, stacked: bool) -> None:
        for position, result in enumerate(tuple(self._outputs)):
            if result is value:
                value.name, output.name = (
                    fresh_name(self._graph, f"{value.name}.step"),
                    value.name,
                )
                self._outputs[position] = output
                if stacked and value.shape is not None:
                    output.shape = ir.Shape([TIME_STEPS, *value.shape])
