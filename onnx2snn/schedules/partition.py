"""A single-step graph cut into what runs before the loop over time, in it and behind it."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import (
    closure,
    copied,
    dependency_graph,
    fresh_name,
    reads,
    rewire,
)
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.schedules.loops import State, hand_over_output, states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from onnx2snn.graph import NodeGraph

__all__ = ["Partition", "is_tensor", "part_between_tensors"]


@dataclasses.dataclass(frozen=True, eq=False)
class Partition:
    """The three parts of a single-step graph, and the values that cross their borders.

    Attributes:
        prologue: Nodes that no state and no event reaches, in order: computed once, before.
        body: Nodes that one reaches, and on which a state or a value of every step depends,
            in order: computed in every step.
        epilogue: Nodes behind the body, in order: computed once, on the last step.
        events: Graph inputs that are streams.
        states: States of the nodes of the body.
        finals: Values of the body, beside states, that are wanted after the last step.
        stacked: Graph outputs that are wanted of every step.
    """

    prologue: list[ir.Node]
    body: list[ir.Node]
    epilogue: list[ir.Node]
    events: list[ir.Value]
    states: list[State]
    finals: list[ir.Value]
    stacked: list[ir.Value]

    @classmethod
    def of(
        cls, graph: ir.Graph, events: Collection[str], every_step: Collection[str]
    ) -> Partition:
        """Return the parts of ``graph``, which stays as it is.

        Args:
            graph: A single-step graph.
            events: Names of graph inputs that are streams.
            every_step: Names of graph outputs that are wanted of every step.
        """
        event_values = [value for value in graph.inputs if value.name in events]
        stacked = [value for value in graph.outputs if value.name in every_step]
        edges = _edges_within_a_step(graph)
        body = _nodes_of_every_step(graph, edges, event_values, stacked)
        reached = closure(edges, body)
        behind = reached.difference(body)
        epilogue = [node for node in graph if node in behind]
        return cls(
            prologue=[node for node in graph if node not in reached],
            body=body,
            epilogue=epilogue,
            events=event_values,
            states=list(itertools.chain.from_iterable(map(states, body))),
            finals=_final_values(graph, body, epilogue, stacked),
            stacked=stacked,
        )

    def wanted_behind(self, outputs: Iterable[ir.Value]) -> list[ir.Value]:
        """Return the values of the body that the epilogue reads, or that are ``outputs``."""
        made = {value for node in self.body for value in node.outputs}
        read = itertools.chain.from_iterable(map(reads, self.epilogue))
        wanted = dict.fromkeys([*read, *outputs])
        return [value for value in wanted if value in made]

    @property
    def outside(self) -> list[ir.Node]:
        """The nodes that are computed once."""
        return [*self.prologue, *self.epilogue]


def _edges_within_a_step(graph: ir.Graph) -> NodeGraph:
    """Return the dependencies of ``graph`` but for those of states on their initial values."""
    edges = dependency_graph(graph)
    for node in graph:
        for state in states(node):
            start = state.before.producer()
            if start is not None:
                edges.remove_edges_from([(start, node)])
    return edges


def _nodes_of_every_step(
    graph: ir.Graph,
    edges: NodeGraph,
    events: list[ir.Value],
    stacked: list[ir.Value],
) -> list[ir.Node]:
    """Return the nodes that change from step to step and that a later step or output needs."""
    stateful = list(filter(is_stateful, graph))
    readers = [node for node in graph if not set(events).isdisjoint(reads(node))]
    producers = [value.producer() for value in stacked]
    makers = filter(None, producers)
    changing = closure(edges, [*stateful, *readers])
    backwards = edges.reverse(copy=False)
    needed = closure(backwards, [*stateful, *makers])
    both = changing & needed
    return [node for node in graph if node in both]


def _final_values(
    graph: ir.Graph,
    body: list[ir.Node],
    epilogue: list[ir.Node],
    stacked: list[ir.Value],
) -> list[ir.Value]:
    """Return what others read of the body after the last step, beside its states."""
    wanted = {value for value in graph.outputs if value not in stacked}
    for node in epilogue:
        wanted.update(reads(node))
    finals = []
    for node in body:
        after = {state.after for state in states(node)}
        finals += [v for v in node.outputs if v in wanted and v not in after]
    return finals


def part_between_tensors(
    graph: ir.Graph, events: Collection[str], every_step: Collection[str]
) -> Partition:
    """Return the parts of ``graph``, with nothing but tensors between body and epilogue.

    Over time nothing else is carried: a sequence is computed again behind the body, in a copy
    of its node.

    Args:
        graph: A single-step graph; nodes may be added to it.
        events: Names of graph inputs that are streams.
        every_step: Names of graph outputs that are wanted of every step.
    """
    while True:
        parts = Partition.of(graph, events, every_step)
        stuck = [value for value in parts.finals if not is_tensor(value)]
        if not stuck:
            return parts
        _copy_behind(graph, stuck, parts.body)


def is_tensor(value: ir.Value) -> bool:
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
