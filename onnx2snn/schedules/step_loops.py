"""Loops, in a graph with time in the batch, of nodes that run on one step at a time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.graph import fresh_name, reads, rewire
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.schedules.event_inputs import slice_of_step
from onnx2snn.schedules.finding import STEP_LOOP
from onnx2snn.schedules.loops import (
    Body,
    Carried,
    State,
    carry_out,
    name_finals,
    new_loop,
    states,
    step_number,
)
from onnx2snn.schedules.partition import Partition, is_tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx_ir as ir

    from onnx2snn.schedules.over_time import ValuesOverTime

__all__ = ["StepLoops"]


class StepLoops:
    """Collects nodes for a Loop over the steps, one Loop after another.

    What a Loop makes is stacked along time, so that others read it. Sequences cannot be, nor
    values whose shape changes from step to step: whatever reads one stands in the same Loop.

    Args:
        values: The streams; the Loops read some, and make others.
        parts: The parts of the graph, before it is changed.
        count: T, a scalar.
    """

    def __init__(
        self, values: ValuesOverTime, parts: Partition, count: ir.Value
    ) -> None:
        """Begin without any node."""
        self._values = values
        self._graph = values.graph
        self._count = count
        self._wanted_behind = set(parts.wanted_behind(self._graph.outputs))
        self._unstackable = _find_unstackable(self._graph, parts)
        self._readers: dict[ir.Value, set[ir.Node]] = {}
        for node in parts.body:
            for value in reads(node):
                self._readers.setdefault(value, set()).add(node)
        self._nodes: list[ir.Node] = []
        self._made: set[ir.Value] = set()

    def __contains__(self, value: ir.Value) -> bool:
        """Whether the next Loop makes ``value``."""
        return value in self._made

    def needs(self, node: ir.Node) -> bool:
        """Whether ``node`` has to stand in the next Loop."""
        around = {*reads(node), *node.outputs}
        if not self._unstackable.isdisjoint(around):
            return True
        return self._is_open() and not self._made.isdisjoint(around)

    def _is_open(self) -> bool:
        """Whether a node to come needs a value that cannot leave the next Loop."""
        inside = set(self._nodes)
        kept = self._made & self._unstackable
        return any(self._is_read_outside(value, inside) for value in kept)

    def _is_read_outside(self, value: ir.Value, inside: set[ir.Node]) -> bool:
        readers = self._readers.get(value, set())
        return not readers <= inside

    def add(self, node: ir.Node) -> None:
        """Let ``node`` stand in the next Loop."""
        self._nodes.append(node)
        self._made.update(node.outputs)

    def close_before(self, streams: Iterable[ir.Value]) -> None:
        """End the next Loop if it makes any of ``streams``."""
        if not self._made.isdisjoint(streams):
            self.close()

    def close(self) -> None:
        """Append the Loop of the nodes collected so far, if there are any."""
        if not self._nodes:
            return
        nodes = self._nodes
        self._nodes = []
        step = step_number(self._graph)
        slices = self._slice_streams(nodes, step)
        all_states: list[State] = []
        for node in nodes:
            all_states += states(node)
        carried = self._carried(all_states)
        stacked = self._stacked(nodes)
        body = Body(step, [*slices, *nodes], carried, stacked)
        name = f"{STEP_LOOP}{nodes[0].outputs[0].name}"
        loop = new_loop(self._graph, name, self._count, body)
        self._hand_out(loop, carried, stacked)
        self._graph.append(loop)
        self._made = set()

    def _slice_streams(self, nodes: Sequence[ir.Node], step: ir.Value) -> list[ir.Node]:
        """Let ``nodes`` read slices of the streams; return the nodes that take them."""
        read = itertools.chain.from_iterable(map(reads, nodes))
        slices = []
        for value in dict.fromkeys(read):
            if value not in self._values:
                continue
            steps = self._values.steps(value)
            node = slice_of_step(self._graph, steps, step, like=value)
            one_step = node.outputs[0]
            for reader in nodes:
                rewire(reader, value, one_step)
            slices.append(node)
        return slices

    def _carried(self, all_states: Sequence[State]) -> list[Carried]:
        """Return what is carried: states, and what the epilogue reads but cannot be stacked."""
        carried = [state.carry(self._graph) for state in all_states]
        after = {state.after for state in all_states}
        unstackable = self._made & self._unstackable
        wanted = unstackable & self._wanted_behind
        for value in sorted(wanted - after, key=lambda value: str(value.name)):
            last = carry_out(self._graph, value)
            carried.append(last)
        return carried

    def _stacked(self, nodes: Sequence[ir.Node]) -> list[ir.Value]:
        """Return the values that others read, and that can be stacked."""
        inside = set(nodes)
        made = itertools.chain.from_iterable(node.outputs for node in nodes)
        stacked = []
        for value in made:
            is_read = self._is_read_outside(value, inside)
            is_wanted = is_read or value in self._wanted_behind
            if is_wanted and value not in self._unstackable:
                stacked.append(value)
        return stacked

    def _hand_out(
        self, loop: ir.Node, carried: Sequence[Carried], stacked: Sequence[ir.Value]
    ) -> None:
        """Say of which values the outputs of ``loop`` are all steps, or the last."""
        name_finals(self._graph, loop, carried)
        for output, value in zip(loop.outputs, carried, strict=False):
            self._values.put_last(value.after, output)
        outputs = loop.outputs[len(carried) :]
        for output, inner in zip(outputs, stacked, strict=True):
            output.name = fresh_name(self._graph, f"{inner.name}.steps")
            self._values.put_steps(inner, output)


def _find_unstackable(graph: ir.Graph, parts: Partition) -> set[ir.Value]:
    """Return the values of the body that have no shape, or another one in each step."""
    made: list[ir.Value] = []
    streams = list(parts.events)
    for node in parts.body:
        made += node.outputs
        if is_stateful(node):
            streams += node.outputs
    resized = data_dependent_values(graph, streams)
    return {value for value in made if value in resized or not is_tensor(value)}
