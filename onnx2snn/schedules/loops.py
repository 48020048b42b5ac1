"""Loops over time as they are built: what is carried from step to step, and what is computed."""

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
    reads,
    rewire,
)
from onnx2snn.graph.rounding import is_rounded
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import closed_form_of, is_stateful, step_op_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Body",
    "Carried",
    "State",
    "carry_out",
    "hand_over_output",
    "move_weights",
    "name_finals",
    "named_inputs",
    "new_loop",
    "silence_like",
    "states",
    "step_number",
    "zeros_like",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Carried:
    """A loop-carried value.

    Attributes:
        before: The value before the first step.
        inside: The body input that holds it at the start of a step.
        after: The value at the end of a step.
    """

    before: ir.Value
    inside: ir.Value
    after: ir.Value


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """A state of a node of a single-step graph.

    Attributes:
        node: The node.
        name: Name of the input of its operator that takes the state.
        before: The state before the first step.
        after: The state after a step.
    """

    node: ir.Node
    name: str
    before: ir.Value
    after: ir.Value

    @property
    def position(self) -> int:
        """Position among the inputs of the node."""
        op = ALL_OPS[self.node.op_type]
        names = list(op.inputs)
        return names.index(self.name)

    def carry(self, graph: ir.Graph, start: ir.Value | None = None) -> Carried:
        """Let the node read the state from a new body input, in the place of its start.

        Args:
            graph: The graph around the loop.
            start: Value before the first step, in the place of ``before``.
        """
        before = self.before if start is None else start
        keeps_shape = before.shape == self.after.shape
        inside = ir.Value(
            name=fresh_name(graph, f"{display_name(self.node)}.{self.name}"),
            type=before.type,
            shape=before.shape if keeps_shape else None,
        )
        self.node.replace_input_with(self.position, inside)
        return Carried(before, inside, self.after)


def carry_out(graph: ir.Graph, value: ir.Value) -> Carried:
    """Carry ``value`` out of a Loop that is to be built: by a body input that nobody reads."""
    zeros = zeros_like(value)
    first = constant(graph, f"{value.name}.before", zeros)
    name = fresh_name(graph, f"{value.name}.last")
    inside = ir.Value(name=name, type=value.type)
    return Carried(first, inside, value)


def named_inputs(node: ir.Node) -> dict[str, ir.Value | None]:
    """Return the inputs of a node of an operator of ours, in one step or in all, by name."""
    op = closed_form_of(node) or step_op_of(node)
    assert op is not None  # one of ours
    return dict(zip(op.inputs, node.inputs, strict=True))


def states(node: ir.Node) -> list[State]:
    """Return the states of ``node``, in the order in which its operator lists them."""
    if not is_stateful(node):
        return []
    op = ALL_OPS[node.op_type]
    inputs = named_inputs(node)
    outputs = dict(zip(op.outputs, node.outputs, strict=True))
    found = []
    for name, name_after in op.state.items():
        before = inputs[name]
        if before is not None:
            state = State(node, name, before, outputs[name_after])
            found.append(state)
    return found


def step_number(graph: ir.Graph) -> ir.Value:
    """Return the body input that holds the number of the step, from 0."""
    name = fresh_name(graph, "step")
    return _scalar(name, ir.DataType.INT64)


def zeros_like(value: ir.Value) -> np.ndarray:
    """Return zero in the type of ``value``, in a shape that broadcasts to its own."""
    dtype = value.dtype or ir.DataType.FLOAT
    rank = len(value.shape or ())
    shape = [1] * rank
    return np.zeros(shape, dtype.numpy())


def silence_like(graph: ir.Graph, current: ir.Value) -> ir.Value:
    """Return zeros in the shape of ``current``, by nodes at the end of ``graph``."""
    builder = NodeBuilder(graph)
    dtype = current.dtype or ir.DataType.FLOAT
    name = current.name
    data = np.zeros([], dtype.numpy())
    zero = constant(graph, f"{name}.zero", data)
    shape = builder.add("Shape", [current], f"{name}.shape")
    shape.type = ir.TensorType(ir.DataType.INT64)
    if current.shape is not None:
        rank = current.shape.rank()
        shape.shape = ir.Shape([rank])
    return builder.add("Expand", [zero, shape], f"{name}.silence", like=current)


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """One step of a loop.

    Attributes:
        step: The body input that holds the number of the step.
        nodes: The nodes, in order; they belong to no graph.
        carried: Values that are handed from step to step.
        stacked: Values whose every step is wanted.
    """

    step: ir.Value
    nodes: Sequence[ir.Node]
    carried: Sequence[Carried]
    stacked: Sequence[ir.Value] = ()


def new_loop(graph: ir.Graph, name: str, count: ir.Value, body: Body) -> ir.Node:
    """Return a new Loop, of no graph yet.

    Constants that the body reads become initializers of the body, and rounded weights are
    made in it: only there does onnxruntime lay out weights for its fastest kernels. The outputs
    of the Loop are the carried values after the last step, then the stacked ones of all steps;
    they have no names yet.

    Args:
        graph: The graph that is to hold the Loop.
        name: Name of the Loop.
        count: Number of steps, a scalar int64.
        body: The nodes of a step, and its values that are carried or stacked.
    """
    nodes = [*_take_rounded_weights(graph, body.nodes), *body.nodes]
    weights = move_weights(graph, nodes)
    stacked = [_copy_of(graph, value) for value in body.stacked]
    go_on_name = fresh_name(graph, "go_on")
    go_on = _scalar(go_on_name, ir.DataType.BOOL)
    going = NodeBuilder(graph).node("Identity", [go_on], f"{go_on.name}.next")
    carried_inside = [value.inside for value in body.carried]
    carried_after = [value.after for value in body.carried]
    outputs = [going.outputs[0], *carried_after, *(copy.outputs[0] for copy in stacked)]
    inner = ir.Graph(
        [body.step, go_on, *carried_inside],
        outputs,
        nodes=[*nodes, *stacked, going],
        initializers=weights,
        name=f"{name}.body",
    )
    always = np.array(1, np.bool_)
    go_on_first = constant(graph, "go_on_first", always)
    carried_before = [value.before for value in body.carried]
    return ir.node(
        "Loop",
        [count, go_on_first, *carried_before],
        {"body": inner},
        num_outputs=len(outputs) - 1,
        name=name,
    )


def name_finals(graph: ir.Graph, loop: ir.Node, carried: Sequence[Carried]) -> None:
    """Name the carried outputs of a new Loop after the values of its body.

    Args:
        graph: The graph that is to hold the Loop.
        loop: The Loop, whose first outputs are the carried ones.
        carried: The carried values.
    """
    for output, value in zip(loop.outputs, carried, strict=False):
        output.type = value.after.type
        output.shape = value.after.shape
        output.name = fresh_name(graph, f"{value.after.name}.final")


def hand_over_output(graph: ir.Graph, old: ir.Value, new: ir.Value) -> None:
    """Let ``new`` be the output of ``graph`` that ``old`` is, under its name; if it is one."""
    if old.is_graph_output():
        old.name, new.name = new.name, old.name
        graph.outputs[:] = [new if value is old else value for value in graph.outputs]


def _take_rounded_weights(graph: ir.Graph, nodes: Sequence[ir.Node]) -> list[ir.Node]:
    """Return the nodes that make rounded weights for ``nodes`` alone; they leave ``graph``."""
    inside = set(nodes)
    taken: dict[ir.Node, None] = {}
    for node in nodes:
        for value in filter(is_rounded, node.inputs):
            assert value is not None  # it is rounded
            maker = value.producer()
            is_read_elsewhere = any(use.node not in inside for use in value.uses())
            if maker is not None and not is_read_elsewhere:
                taken[maker] = None
    graph.remove(list(taken))
    return list(taken)


def move_weights(graph: ir.Graph, nodes: Iterable[ir.Node]) -> list[ir.Value]:
    """Return the constants that ``nodes`` read, as initializers of their own."""
    outer: dict[ir.Value, None] = {}
    for node in nodes:
        outer.update(dict.fromkeys(reads(node)))
    moved: list[ir.Value] = []
    for value in filter(is_constant, outer):
        copy = ir.Value(
            name=fresh_name(graph, f"{value.name}.body"),
            type=value.type,
            shape=value.shape,
            const_value=value.const_value,
        )
        for node in nodes:
            rewire(node, value, copy)
        is_needed_outside = value.uses() or value.is_graph_output()
        if not is_needed_outside:
            graph.initializers.pop(str(value.name))
            value.name, copy.name = None, value.name
        moved.append(copy)
    return moved


def _copy_of(graph: ir.Graph, value: ir.Value) -> ir.Node:
    """Return a node that copies ``value``: one body output is not both carried and stacked."""
    name = f"{value.name}.now"
    builder = NodeBuilder(graph)
    return builder.node("Identity", [value], name, like=value)


def _scalar(name: str, dtype: ir.DataType) -> ir.Value:
    tensor_type = ir.TensorType(dtype)
    scalar_shape = ir.Shape([])
    return ir.Value(name=name, type=tensor_type, shape=scalar_shape)
