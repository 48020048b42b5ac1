"""Time in the batch: each layer runs all its time steps before the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.analysis.operators.over_time import OnRows
from onnx2snn.graph import copied, fresh_name, reads, rewire
from onnx2snn.graph.sources import add_sources
from onnx2snn.ops import ALL_OPS, DOMAIN, MultiStepOp
from onnx2snn.ops.predicates import is_neuron, is_stateful
from onnx2snn.schedules.event_inputs import read_first_slice
from onnx2snn.schedules.finding import TIME_AXIS, without_delays
from onnx2snn.schedules.inlining import inline_time_loop
from onnx2snn.schedules.loops import states
from onnx2snn.schedules.over_time import ValuesOverTime
from onnx2snn.schedules.partition import Partition, part_between_tensors
from onnx2snn.schedules.step_loops import StepLoops
from onnx2snn.schedules.time_steps import step_count
from onnx2snn.schedules.unstaggering import take_back_staggering
from onnx2snn.schedules.waiting import (
    delay_of,
    delays_until,
    note_delay,
    raise_thresholds,
    take_in_first,
)
from onnx2snn.schedules.whole_inputs import give_whole_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from onnx2snn.analysis.operators.over_time import OverTime

__all__ = ["lay_out_loop_over_time", "lay_out_over_time"]


def lay_out_over_time(
    graph: ir.Graph, parts: Partition, count: ir.Value, *, was_staggered: bool = False
) -> None:
    """Let the nodes of a step run on all steps at once.

    Args:
        graph: A single-step graph; it is changed in place.
        parts: Its parts.
        count: T, a scalar of the graph or of one around it.
        was_staggered: Whether neurons start with their whole input already, where they know it,
            and those that wait have raised thresholds.
    """
    delay = delays_until(parts.body)
    if not was_staggered:
        give_whole_inputs(graph, parts.body, count)
        _raise_thresholds(graph, parts.body)
    _Emitter(graph, parts, count).emit()
    note_delay(graph, TIME_AXIS, delay)


def _raise_thresholds(graph: ir.Graph, nodes: Sequence[ir.Node]) -> None:
    """Give neurons that wait the thresholds that they need."""
    for node in nodes:
        if is_neuron(node) and delay_of(node):
            raise_thresholds(graph, node, delay_of(node))


def lay_out_loop_over_time(loop: ir.Node, events: Collection[str]) -> None:
    """Put time into the batch of a graph that has a Loop over all steps.

    Args:
        loop: The Loop; its graph is changed in place.
        events: Names of graph inputs that are events.
    """
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    count = without_delays(loop.inputs[0])
    assert count is not None  # T, or how many events there are
    streams = [value for value in graph.inputs if value.name in events]
    every_step = inline_time_loop(loop, streams)
    take_back_staggering(graph)
    parts = part_between_tensors(graph, events, every_step)
    if parts.events:
        count = step_count(graph, parts.events, time_steps=1)
    lay_out_over_time(graph, parts, count, was_staggered=True)


class _Emitter:
    """Takes the nodes of a step, in order, to nodes of all steps.

    A node that no rule takes to all steps at once runs in a Loop, one step at a time, with those
    around it that do so too.

    Args:
        graph: The graph.
        parts: Its parts.
        count: The number of steps.
    """

    def __init__(self, graph: ir.Graph, parts: Partition, count: ir.Value) -> None:
        self._graph = graph
        self._parts = parts
        self._outputs = list(graph.outputs)
        self._values = ValuesOverTime(graph, count, self._outputs)
        self._loops = StepLoops(self._values, parts, count)

    def emit(self) -> None:
        """Replace the body nodes by those of all steps."""
        graph = self._graph
        parts = self._parts
        made: set[ir.Value] = set()
        for node in parts.body:
            made.update(node.outputs)
        graph.remove(parts.body)
        # an output made in the body may become one of a Loop's body
        kept = [value for value in self._outputs if value not in made]
        graph.outputs[:] = kept
        for event in parts.events:
            self._take_event(event)
        for node in parts.body:
            self._lay_out(node)
        self._loops.close()
        self._connect_finals()
        for value in parts.stacked:
            steps = self._values.steps(value)
            self._hand_out(value, steps)
        graph.outputs[:] = self._outputs
        graph.sort()

    def _take_event(self, event: ir.Value) -> None:
        """Take an input that has the axis of time already."""
        one_step = ir.Value(name=event.name, type=event.type, shape=event.shape)
        for reader in self._parts.body:
            rewire(reader, event, one_step)
        read_first_slice(self._graph, event, self._parts.outside)
        self._values.put_steps(one_step, event)

    def _lay_out(self, node: ir.Node) -> None:
        """Append what ``node`` becomes, or leave it for the next Loop."""
        if self._loops.needs(node):
            self._loops.add(node)
            return
        streams = [value for value in reads(node) if self._is_stream(value)]
        runs_without_loop = self._append(node, streams)
        if not runs_without_loop:
            self._loops.add(node)

    def _is_stream(self, value: ir.Value) -> bool:
        return value in self._values or value in self._loops

    def _append(self, node: ir.Node, streams: Sequence[ir.Value]) -> bool:
        """Append what ``node`` becomes; whether it runs without a Loop."""
        if is_stateful(node):
            return self._append_stateful(node, streams)
        if not streams:
            self._graph.append(node)
            return True
        if operator_of(node).form is Form.SHAPE:
            self._append_shape(node, streams)
            return True
        way = _choose_way(node, streams)
        if way is None:
            return False
        self._append_over_time(node, way, streams)
        return True

    def _append_shape(self, node: ir.Node, streams: Sequence[ir.Value]) -> None:
        """Append a node that reads shapes, which are those of the first step."""
        self._loops.close_before(streams)
        for value in streams:
            first = self._values.first(value)
            rewire(node, value, first)
        self._graph.append(node)

    def _append_stateful(self, node: ir.Node, streams: Sequence[ir.Value]) -> bool:
        """Append all steps of a node with states; whether these are all it needs."""
        current, *others = list(node.inputs)
        assert current is not None  # the stream
        is_read_once = current not in others
        has_one_stream = is_read_once and {current}.issuperset(streams)
        if not has_one_stream or current.shape is None:
            return False
        self._loops.close_before(streams)
        step_op = ALL_OPS[node.op_type]
        op = MultiStepOp(step_op)
        steps = self._values.steps(current)
        delay = delay_of(node)
        if delay:
            steps, others[0] = take_in_first(self._graph, node, steps, delay)
            others[1:] = node.inputs[2:]
        inputs = [steps, *others]
        outputs = len(op.outputs)
        new = ir.node(op.name, inputs, domain=DOMAIN, num_outputs=outputs)
        self._name_stateful(node, new)
        self._replace(node, new)
        return True

    def _name_stateful(self, node: ir.Node, new: ir.Node) -> None:
        """Say of which values the outputs of ``new`` are all steps, or the last."""
        result, *lasts = new.outputs
        first_output = node.outputs[0]
        result.name = self._values.name_for(first_output)
        self._values.put_steps(first_output, result)
        for state, last in zip(states(node), lasts, strict=True):
            after = state.after
            last.name = fresh_name(self._graph, f"{after.name}.final")
            last.type = after.type
            last.shape = after.shape
            if after is not first_output:
                self._values.put_last(after, last)

    def _append_over_time(
        self, node: ir.Node, way: OverTime, streams: Sequence[ir.Value]
    ) -> None:
        """Append ``node`` on all steps at once."""
        self._loops.close_before(streams)
        new = copied(node)
        for position, value in enumerate(node.inputs):
            if value is not None:
                form = self._form_of_input(position, value, way)
                new.replace_input_with(position, form)
        put: Callable[[ir.Value, ir.Value], None] = self._values.put_rows
        if not isinstance(way, OnRows):
            put = self._values.put_steps
            for name, numbers in way.attributes.items():
                new.attributes[name] = ir.AttrInt64s(name, numbers)
        for old, output in zip(node.outputs, new.outputs, strict=True):
            if old.name:
                output.name = self._values.name_for(old)
            put(old, output)
        self._replace(node, new)

    def _form_of_input(self, position: int, value: ir.Value, way: OverTime) -> ir.Value:
        """Return the form of ``value`` that a node on all steps reads."""
        values = self._values
        if isinstance(way, OnRows):
            comes_as_rows = position in way.inputs
            return values.rows(value) if comes_as_rows else value
        if position == way.sizes:
            return values.sizes_with_time(value)
        if value not in values:
            return value
        if way.rank is None:
            return values.steps(value)
        return values.spread(value, way.rank)

    def _replace(self, node: ir.Node, new: ir.Node) -> None:
        """Append ``new``, which stands for ``node``; nothing reads that any more."""
        new.name = node.name
        new.metadata_props.update(node.metadata_props)
        add_sources(new, [node])
        self._graph.append(new)
        for position in range(len(node.inputs)):
            node.replace_input_with(position, None)

    def _connect_finals(self) -> None:
        """Let the epilogue, and graph outputs, read the values of the last step."""
        for value in self._parts.wanted_behind(self._outputs):
            if not self._values.has_last(value):
                continue
            last = self._values.last(value)
            for node in self._parts.epilogue:
                rewire(node, value, last)
            if value not in self._parts.stacked:
                self._hand_out(value, last)

    def _hand_out(self, value: ir.Value, new: ir.Value) -> None:
        """Let ``new`` be the graph output that ``value`` is, under its name; if it is one."""
        if value not in self._outputs:
            return
        name = value.name
        value.name = fresh_name(self._graph, f"{name}.step")
        new.name = name
        for position, output in enumerate(self._outputs):
            if output is value:
                self._outputs[position] = new


def _choose_way(node: ir.Node, streams: Sequence[ir.Value]) -> OverTime | None:
    """Return the way in which ``node`` runs on all steps at once, None for one at a time."""
    positions = [at for at, value in enumerate(node.inputs) if value in streams]
    operator = operator_of(node)
    return operator.over_time(node, frozenset(positions))
