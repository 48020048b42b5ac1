"""A Loop over time that ends once the answers of all samples are safe."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    closure,
    constant,
    dependency_graph,
    fresh_name,
    rewire,
)
from onnx2snn.schedules.loops import Carried, move_weights, zeros_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.graph.building import Attribute

__all__ = ["exit_early"]

_STEPS = "steps"
"""Name of the output that holds the steps of each sample, if the ANN leaves it free."""


def exit_early(loop: ir.Node, scores: ir.Value, margin: float) -> ir.Value:
    """Let a Loop over time end once the margin of each sample was large enough.

    What stood behind the Loop runs in each step, on the means so far. A sample stops after the
    first step in which its largest score, summed over the steps, is so much above the next; its
    outputs stay as they are then.

    Args:
        loop: The Loop, of all layers in lockstep; its graph is changed in place.
        scores: An output of the graph, [N, classes], perhaps with axes of length 1 behind. All
            outputs that change over time have the samples first, as it has.
        margin: The least margin of the summed scores that is safe.

    Returns:
        The new output, [N]: the number of steps that each sample took.
    """
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    behind = _nodes_behind(graph, loop)
    made = set(loop.outputs)
    for node in behind:
        made.update(node.outputs)
    held_values = [value for value in graph.outputs if value in made]
    step = _Step(graph, loop.attributes["body"].as_graph().inputs[0])
    stopped = step.stop(scores, margin)
    held = [step.hold(value, stopped.inside) for value in held_values]
    steps = step.count(stopped)
    steps.after.shape = ir.Shape(list(scores.shape or ())[:1])
    goes_on = step.has_any_left(stopped.after)
    extension = _Extension([*behind, *step.nodes], [*held, steps, stopped], goes_on)
    outputs = list(graph.outputs)
    graph.outputs[:] = [value for value in outputs if value not in made]
    *finals, count, _ = _extended(loop, extension)
    for value, final in zip(held_values, finals, strict=True):
        final.name, value.name = value.name, fresh_name(graph, f"{value.name}.now")
        outputs[outputs.index(value)] = final
    count.name = fresh_name(graph, _STEPS)
    graph.outputs[:] = [*outputs, count]
    graph.sort()
    return count


def _nodes_behind(graph: ir.Graph, loop: ir.Node) -> list[ir.Node]:
    """Return the nodes that depend on a Loop, in order."""
    behind = closure(dependency_graph(graph), [loop])
    return [node for node in graph if node in behind and node is not loop]


class _Step:
    """The nodes of a step that tell which samples stop, and hold their outputs.

    Args:
        graph: The graph around the Loop.
        number: The body input that holds the number of the step, from 0.

    Attributes:
        nodes: The nodes, in order, of no graph yet.
    """

    def __init__(self, graph: ir.Graph, number: ir.Value) -> None:
        self._number = number
        self.nodes: list[ir.Node] = []
        self._graph = graph
        self._builder = NodeBuilder(graph)

    def stop(self, scores: ir.Value, margin: float) -> Carried:
        """Return which samples have stopped, [N]: none before the first step."""
        inside, before = self._state("stopped", np.zeros(1, np.bool_))
        is_safe = self._is_safe(scores, margin)
        after = self._add("Or", [inside, is_safe], "stopped.next", ir.DataType.BOOL)
        return Carried(before, inside, after)

    def _is_safe(self, scores: ir.Value, margin: float) -> ir.Value:
        """Return for which samples the largest summed score is so far above the next, [N]."""
        dtype = scores.dtype or ir.DataType.FLOAT
        rows = self._add("Flatten", [scores], "scores.rows", dtype, {"axis": 1})
        two = constant(self._graph, "two_scores", np.array([2], np.int64))
        pair = ir.node("TopK", [rows, two], {"axis": 1}, num_outputs=2)
        self.nodes.append(self._builder.name(pair, "scores.largest"))
        largest, second = (self._column(pair.outputs[0], at, dtype) for at in (0, 1))
        of_means = self._add("Sub", [largest, second], "margin_of_means", dtype)
        of_sums = self._add("Mul", [of_means, self._steps(dtype)], "margin", dtype)
        least = constant(self._graph, "safe_margin", np.array(margin, dtype.numpy()))
        inputs = [of_sums, least]
        return self._add("GreaterOrEqual", inputs, "is_safe", ir.DataType.BOOL)

    def _steps(self, dtype: ir.DataType) -> ir.Value:
        """Return the number of steps so far."""
        one = constant(self._graph, "one_step", np.array(1, np.int64))
        steps = self._add("Add", [self._number, one], "steps_so_far", ir.DataType.INT64)
        return self._cast(steps, "steps_so_far.real", dtype)

    def _column(self, rows: ir.Value, at: int, dtype: ir.DataType) -> ir.Value:
        index = constant(self._graph, "score_index", np.array(at, np.int64))
        return self._add("Gather", [rows, index], "score", dtype, {"axis": 1})

    def hold(self, value: ir.Value, stopped: ir.Value) -> Carried:
        """Return an output as it is after each sample's last step."""
        inside, before = self._state(f"{value.name}.held", zeros_like(value))
        rank = len(value.shape or ())
        axes = constant(self._graph, "sample_axes", np.arange(1, rank))
        mask = self._add("Unsqueeze", [stopped, axes], "is_held", ir.DataType.BOOL)
        inputs = [mask, inside, value]
        after = self._add("Where", inputs, f"{value.name}.held.next", value.dtype)
        after.shape = value.shape
        return Carried(before, inside, after)

    def count(self, stopped: Carried) -> Carried:
        """Return the number of steps that each sample took, [N]."""
        inside, before = self._state(f"{_STEPS}.so_far", np.zeros(1, np.int64))
        # what has stopped stays so: this is ``inside``, for all samples in the first step as well
        both = [stopped.inside, stopped.after]
        idle = self._add("And", both, "is_idle", ir.DataType.BOOL)
        runs = self._add("Not", [idle], "runs", ir.DataType.BOOL)
        one = self._cast(runs, "step_taken", ir.DataType.INT64)
        name = f"{_STEPS}.so_far.next"
        after = self._add("Add", [inside, one], name, ir.DataType.INT64)
        return Carried(before, inside, after)

    def has_any_left(self, stopped: ir.Value) -> ir.Value:
        """Return whether a sample is left that has not stopped, a scalar."""
        numbers = self._cast(stopped, "stopped.numbers", ir.DataType.INT32)
        dtype = ir.DataType.INT32
        least = self._add("ReduceMin", [numbers], "least", dtype, {"keepdims": 0})
        all_stopped = self._cast(least, "all_stopped", ir.DataType.BOOL)
        goes_on = self._add("Not", [all_stopped], "goes_on", ir.DataType.BOOL)
        goes_on.shape = ir.Shape([])
        return goes_on

    def _state(self, name: str, start: np.ndarray) -> tuple[ir.Value, ir.Value]:
        """Return a new input of the body, and what it is before the first step."""
        before = constant(self._graph, f"{name}.before", start)
        inside = self._builder.value(name, before)
        inside.shape = None  # it has all samples from the first step on
        return inside, before

    def _cast(self, value: ir.Value, name: str, dtype: ir.DataType) -> ir.Value:
        return self._add("Cast", [value], name, dtype, {"to": int(dtype)})

    def _add(
        self,
        op: str,
        inputs: Sequence[ir.Value],
        name: str,
        dtype: ir.DataType | None,
        attributes: dict[str, Attribute] | None = None,
    ) -> ir.Value:
        node = self._builder.node(op, inputs, name, attributes)
        self.nodes.append(node)
        (output,) = node.outputs
        if dtype is not None:
            output.type = ir.TensorType(dtype)
        return output


@dataclasses.dataclass(frozen=True, eq=False)
class _Extension:
    """What a Loop gets beside what it has.

    Attributes:
        nodes: Nodes of its step, in order. They read what it gives, for what it is after the step.
        carried: What they hand from step to step.
        goes_on: Whether another step follows.
    """

    nodes: Sequence[ir.Node]
    carried: Sequence[Carried]
    goes_on: ir.Value


def _extended(loop: ir.Node, extension: _Extension) -> list[ir.Value]:
    """Put a Loop with more in it in the place of ``loop``.

    Returns:
        What the new carried values are after the last step.
    """
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    body = loop.attributes["body"].as_graph()
    _, *results = body.outputs
    graph.remove([node for node in extension.nodes if node.graph is graph])
    for node in extension.nodes:
        for output, result in zip(loop.outputs, results, strict=True):
            rewire(node, output, result)
    for weight in move_weights(graph, extension.nodes):
        body.register_initializer(weight)
    body.extend(extension.nodes)
    body.inputs.extend(value.inside for value in extension.carried)
    afters = [value.after for value in extension.carried]
    body.outputs[:] = [extension.goes_on, *results, *afters]
    return _replaced(loop, body, extension.carried)


def _replaced(
    loop: ir.Node, body: ir.Graph, carried: Sequence[Carried]
) -> list[ir.Value]:
    """Put a Loop of ``body``, with more carried values, in the place of ``loop``."""
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    loop.attributes.pop("body")
    inputs = [*loop.inputs, *(value.before for value in carried)]
    count = len(loop.outputs) + len(carried)
    attributes = {"body": body}
    new = ir.node("Loop", inputs, attributes, num_outputs=count, name=loop.name)
    new.metadata_props.update(loop.metadata_props)
    for old, output in zip(loop.outputs, new.outputs, strict=False):
        output.name, output.type, output.shape = old.name, old.type, old.shape
    finals = list(new.outputs[len(loop.outputs) :])
    for output, value in zip(finals, carried, strict=True):
        output.name = fresh_name(graph, f"{value.after.name}.final")
        output.type, output.shape = value.after.type, value.after.shape
    graph.append(new)
    graph.remove(loop)
    return finals
