"""A graph in PyTorch: node by node, with loops and branches, neurons over all their steps."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from onnx2snn.graph import array, is_op, reads
from onnx2snn.ops import DOMAIN, multistep_op
from onnx2snn.runtime.torch_runtime.evaluator import Evaluator
from onnx2snn.runtime.torch_runtime.steps import all_steps, one_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds

    Values = dict[ir.Value, Tensor]

__all__ = ["GraphRunner"]

_READING_NUMBERS = {
    "ConstantOfShape",
    "Expand",
    "Pad",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Unsqueeze",
}
"""Operators that read shapes and axes: Python needs these numbers, and not on a GPU."""


class GraphRunner:
    """A model and its constants on a device.

    Args:
        model: The model.
        device: The device.
    """

    def __init__(self, model: ir.Model, device: torch.device) -> None:
        self._graph = model.graph
        self._evaluator = Evaluator(model)
        self._device = device
        self._constants = {
            value: self._placed(array(value))
            for graph in model.graphs()
            for value in graph.initializers.values()
        }
        graphs = {graph: _last_reads(graph) for graph in model.graphs()}
        self._read_last = graphs

    def _placed(self, data: np.ndarray) -> Tensor:
        """Return an array as a tensor: numbers for shapes and axes stay where Python reads them."""
        tensor = torch.from_numpy(np.array(data))  # a copy: files are mapped read-only
        return tensor.to(self._device) if tensor.is_floating_point() else tensor

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        """Return the outputs on ``feeds``, in order."""
        values: Values = {}
        for value in self._graph.inputs:
            name = str(value.name)
            if name in feeds:
                values[value] = self._placed(feeds[name])
        self._run_graph(self._graph, values)
        results = [self._value(output, values) for output in self._graph.outputs]
        return [result.cpu().numpy() for result in results]

    def _value(self, value: ir.Value, values: Values) -> Tensor:
        """Return what is known of a value: what was computed, else its default or constant."""
        found = values.get(value)
        return self._constants[value] if found is None else found

    def _run_graph(self, graph: ir.Graph, values: Values) -> None:
        """Compute all nodes of ``graph``; what is not read again is dropped."""
        read_last = self._read_last[graph]
        for node in graph:
            results = self._compute(node, values)
            values.update(zip(node.outputs, results, strict=False))
            for value in read_last.get(node, ()):
                values.pop(value, None)

    def _compute(self, node: ir.Node, values: Values) -> Sequence[Tensor]:
        if is_op(node, "Loop"):
            return self._run_loop(node, values)
        if is_op(node, "If"):
            return self._run_branch(node, values)
        inputs = [
            None if value is None else self._value(value, values)
            for value in node.inputs
        ]
        if node.domain == DOMAIN:
            operator = _operator_of(node, self._device)
            return operator(*self._gathered(inputs))
        if node.op_type not in _READING_NUMBERS:
            inputs = self._gathered(inputs)
        return self._evaluator.compute(node, inputs)

    def _gathered(self, inputs: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Return inputs on one device: where one is on the network's, all are."""
        devices = {tensor.device.type for tensor in inputs if tensor is not None}
        if len(devices) < 2:
            return list(inputs)
        return [None if one is None else one.to(self._device) for one in inputs]

    def _run_loop(self, node: ir.Node, values: Values) -> Sequence[Tensor]:
        body = node.attributes["body"].as_graph()
        count, condition, *starts = (
            None if value is None else self._value(value, values)
            for value in node.inputs
        )
        step, goes_on, *carried_inside = body.inputs
        going = condition is None or bool(condition)
        carried = starts
        collected: list[list[Tensor]] = [[] for _ in body.outputs[1 + len(starts) :]]
        number = 0
        while going and (count is None or number < int(count)):
            inner = dict(values)
            inner.update(zip(carried_inside, carried, strict=True))
            inner[step], inner[goes_on] = torch.tensor(number), torch.tensor(going)
            self._run_graph(body, inner)
            condition_after, *results = (
                self._value(value, inner) for value in body.outputs
            )
            carried = results[: len(starts)]
            for column, result in zip(collected, results[len(starts) :], strict=True):
                column.append(result)
            going = bool(condition_after)
            number += 1
        return [*carried, *map(torch.stack, collected)]

    def _run_branch(self, node: ir.Node, values: Values) -> Sequence[Tensor]:
        (condition,) = node.inputs
        assert condition is not None
        is_met = bool(self._value(condition, values))
        name = "then_branch" if is_met else "else_branch"
        branch = node.attributes[name].as_graph()
        inner = dict(values)
        self._run_graph(branch, inner)
        return [self._value(output, inner) for output in branch.outputs]


def _operator_of(
    node: ir.Node, device: torch.device
) -> Callable[..., Sequence[Tensor]]:
    over_time = multistep_op(node.op_type)
    if over_time is None:
        return one_call(node.op_type, device)
    return all_steps(over_time.step_op.name, device)


def _last_reads(graph: ir.Graph) -> dict[ir.Node, list[ir.Value]]:
    """Return the values that are not read again behind each node, of those made in ``graph``."""
    last: dict[ir.Value, ir.Node] = {}
    for node in graph:
        last.update(dict.fromkeys(node.outputs, node))
        made_here = [value for value in reads(node) if value in last]
        last.update(dict.fromkeys(made_here, node))
    for output in graph.outputs:
        last.pop(output, None)
    found: dict[ir.Node, list[ir.Value]] = collections.defaultdict(list)
    for value, node in last.items():
        found[node].append(value)
    return found
