"""A Loop over time: how it is built, and how it is found again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    constant,
    display_name,
    fresh_name,
    is_constant,
    is_op,
    reads,
    rewire,
)
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_stateful

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "LAYER_LOOP",
    "LOOP_NAME",
    "Body",
    "Carried",
    "State",
    "is_layer_loop",
    "new_loop",
    "states",
    "step_number",
    "time_loops",
]

LOOP_NAME = "onnx2snn.time_loop"
"""Name of the Loop node over time in which all layers advance together."""

LAYER_LOOP = "onnx2snn.layer_loop."
"""What the name of a Loop node over the time of one layer starts with; the layer's follows."""


def time_loops(graph: ir.Graph) -> list[ir.Node]:
    """Return the Loops in which neurons of an emitted graph fire.

    One in lockstep, more if branches of an If have some; layer by layer, one for each layer.
    """
    return [
        node
        for node in graph.all_nodes()
        if is_layer_loop(node) or (is_op(node, "Loop") and node.name == LOOP_NAME)
    ]


def is_layer_loop(node: ir.Node) -> bool:
    """Whether ``node`` is a Loop in which one layer fires alone."""
    return is_op(node, "Loop") and (node.name or "").startswith(LAYER_LOOP)


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """One state of a node: its value before the first step and after a step."""

    node: ir.Node
    name: str
    before: ir.Value
    after: ir.Value

    def carry(self, graph: ir.Graph, start: ir.Value | None = None) -> Carried:
        """Let the node read the state from a new body input, in the place of its start.

        Args:
            graph: The graph around the loop.
            start: What the state starts from; None for what the node says.
        """
        before = self.before if start is None else start
        inside = ir.Value(
            name=fresh_name(graph, f"{display_name(self.node)}.{self.name}"),
            type=before.type,
            shape=before.shape if before.shape == self.after.shape else None,
        )
        position = list(ALL_OPS[self.node.op_type].inputs).index(self.name)
        self.node.replace_input_with(position, inside)
        return Carried(before, inside, self.after)


@dataclasses.dataclass(frozen=True, eq=False)
class Carried:
    """A loop-carried value: before the loop, at the start of a step, and at its end."""

    before: ir.Value
    inside: ir.Value
    after: ir.Value


def states(node: ir.Node) -> list[State]:
    """Return the states of ``node``, in the order in which its operator lists them."""
    if not is_stateful(node):
        return []
    op = ALL_OPS[node.op_type]
    inputs = dict(zip(op.inputs, node.inputs, strict=True))
    outputs = dict(zip(op.outputs, node.outputs, strict=True))
    return [
        State(node, name, value, outputs[after])
        for name, after in op.state.items()
        if (value := inputs[name]) is not None
    ]


def step_number(graph: ir.Graph) -> ir.Value:
    """Return the body input that holds the number of the step, from 0."""
    return _scalar(fresh_name(graph, "step"), ir.DataType.INT64)


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """What one step computes.

    Attributes:
        step: The body input that holds the number of the step.
        nodes: The nodes, in order; they belong to no graph.
        carried: What is handed from step to step.
        stacked: Values whose every step is wanted.
    """

    step: ir.Value
    nodes: Sequence[ir.Node]
    carried: Sequence[Carried]
    stacked: Sequence[ir.Value] = ()


def new_loop(graph: ir.Graph, name: str, count: ir.Value, body: Body) -> ir.Node:
    """Return a new Loop, of no graph yet.

    Constants that the body reads become initializers of the body: only there does onnxruntime
    lay out weights for its fastest kernels. The outputs of the Loop are the carried values
    after the last step, then the stacked ones of all steps; they have no names yet.

    Args:
        graph: The graph that is to hold the Loop.
        name: Name of the Loop.
        count: Number of steps, a scalar int64.
        body: What a step computes.
    """
    weights = _move_weights(graph, body.nodes)
    now = [_copy_of(graph, value) for value in body.stacked]
    go_on = _scalar(fresh_name(graph, "go_on"), ir.DataType.BOOL)
    going = NodeBuilder(graph).node("Identity", [go_on], f"{go_on.name}.next")
    inner = ir.Graph(
        [body.step, go_on, *(value.inside for value in body.carried)],
        [
            going.outputs[0],
            *(value.after for value in body.carried),
            *(node.outputs[0] for node in now),
        ],
        nodes=[*body.nodes, *now, going],
        initializers=weights,
        name=f"{name}.body",
    )
    first = constant(graph, "go_on_first", np.array(1, np.bool_))
    return ir.node(
        "Loop",
        [count, first, *(value.before for value in body.carried)],
        {"body": inner},
        num_outputs=len(inner.outputs) - 1,
        name=name,
    )


def _move_weights(graph: ir.Graph, nodes: Iterable[ir.Node]) -> list[ir.Value]:
    """Return the constants that ``nodes`` read, as initializers of their own."""
    moved: list[ir.Value] = []
    outer = {value: None for node in nodes for value in reads(node)}
    for value in filter(is_constant, outer):
        copy = ir.Value(
            name=fresh_name(graph, f"{value.name}.body"),
            type=value.type,
            shape=value.shape,
            const_value=value.const_value,
        )
        for node in nodes:
            rewire(node, value, copy)
        if not value.uses() and not value.is_graph_output():
            graph.initializers.pop(str(value.name))
            value.name, copy.name = None, value.name
        moved.append(copy)
    return moved


def _copy_of(graph: ir.Graph, value: ir.Value) -> ir.Node:
    """Return a node that hands out ``value``: a body output that is carried is no other as well."""
    name = f"{value.name}.now"
    return NodeBuilder(graph).node("Identity", [value], name, like=value)


def _scalar(name: str, dtype: ir.DataType) -> ir.Value:
    return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape([]))
