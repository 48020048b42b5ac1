"""What of an emitted network can be trained, and writing it back into the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from onnx2snn.graph import array, is_constant, is_op, set_array
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

__all__ = ["Parameters", "bases"]

_WEIGHTS = {
    "Add": (0, 1),
    "BatchNormalization": (1, 2),
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "Sub": (0, 1),
}
"""Operator to the positions of its weights and biases."""

_LEAST = 0.01
"""Part of what a threshold was that remains of it at least."""


class Parameters(nn.Module):
    """The trained constants of a network, each as what is added to what the file holds.

    Changes are in the unit of their constant. Adam moves a constant by about its rate in a step,
    so every group has a rate in proportion to what is typical of it: the root mean square of the
    weights, that of the thresholds for thresholds and initial potentials. A negative threshold
    stays in proportion to the positive one.

    Args:
        graph: The main graph of an emitted network.
        loop: Its loop over time.
    """

    def __init__(self, graph: ir.Graph, loop: ir.Node) -> None:
        super().__init__()
        body = loop.attributes["body"].as_graph()
        neurons = [node for node in body if is_neuron(node)]
        self._changes = nn.ParameterList()
        self._sizes: list[float] = []
        self._start: dict[ir.Value, Tensor] = {}
        self._change_of: dict[ir.Value, int] = {}
        self._least: dict[int, Tensor] = {}
        self._ratios: dict[ir.Value, tuple[ir.Value, Tensor]] = {}
        for neuron in neurons:
            self._add_neuron(graph, loop, neuron)
        for node in (*graph, *body):
            for position in _WEIGHTS.get(node.op_type, ()):
                value = node.inputs[position] if position < len(node.inputs) else None
                if (
                    value is not None
                    and is_constant(value)
                    and value not in self._change_of
                ):
                    self._add_weight(value)

    def _add_neuron(self, graph: ir.Graph, loop: ir.Node, neuron: ir.Node) -> None:
        names = ALL_OPS[neuron.op_type].inputs
        inputs = {
            n: v for n, v in zip(names, neuron.inputs, strict=True) if v is not None
        }
        threshold, negative = inputs["v_threshold"], inputs.get("v_threshold_negative")
        if not is_constant(threshold):
            return
        if threshold not in self._change_of:
            theta = self._tensor(threshold)
            self._least[self._add(threshold, theta.shape, _rms(theta))] = theta * _LEAST
            # the same threshold in the main graph turns the mean of spikes into the activation
            outside = graph.initializers.get(str(threshold.name).removesuffix(".body"))
            if outside is not None and np.array_equal(array(outside), array(threshold)):
                self._tensor(outside)
                self._change_of[outside] = self._change_of[threshold]
        if negative is not None and is_constant(negative) and negative is not threshold:
            self._ratios[negative] = (
                threshold,
                self._tensor(negative) / self._start[threshold],
            )
        start = bases(loop)[inputs["v"]]
        if is_constant(start) and start not in self._change_of:
            theta = self._start[threshold]
            self._tensor(start)
            self._add(start, theta.shape, _rms(theta))

    def _add_weight(self, value: ir.Value) -> None:
        weight = self._tensor(value)
        if weight.is_floating_point():
            self._add(value, weight.shape, _rms(weight))

    def _tensor(self, value: ir.Value) -> Tensor:
        self._start[value] = torch.from_numpy(array(value).copy())
        return self._start[value]

    def _add(self, value: ir.Value, shape: torch.Size, size: float) -> int:
        dtype = self._start[value].dtype
        self._change_of[value] = len(self._sizes)
        self._changes.append(nn.Parameter(torch.zeros(shape, dtype=dtype)))
        self._sizes.append(size)
        return self._change_of[value]

    def values(self) -> dict[ir.Value, Tensor]:
        """Return what the constants are now."""
        found = {
            value: self._start[value] + self._changes[i]
            for value, i in self._change_of.items()
        }
        return found | {
            value: ratio * found[threshold]
            for value, (threshold, ratio) in self._ratios.items()
        }

    def change(self, value: ir.Value) -> Tensor:
        """Return what is added to the constant ``value``, a parameter."""
        return self._changes[self._change_of[value]]

    def groups(self, rate: float) -> Iterator[dict[str, object]]:
        """Yield the parameters as an optimizer takes them.

        Args:
            rate: Change in a step, as a part of what is typical of the constant.
        """
        known = [size for size in self._sizes if size > 0]
        typical = sum(known) / max(len(known), 1)
        for change, size in zip(self._changes, self._sizes, strict=True):
            yield {"params": [change], "lr": rate * (size or typical)}

    def keep_positive(self) -> None:
        """Raise thresholds that have come near 0."""
        for value, index in self._change_of.items():
            if index in self._least:
                least = self._least[index] - self._start[value]
                change = self._changes[index].data
                change.copy_(torch.maximum(change, least))

    def write(self) -> None:
        """Put the constants as they are now into the file."""
        for value, tensor in self.values().items():
            set_array(value, tensor.detach().numpy())


def bases(loop: ir.Node) -> dict[ir.Value, ir.Value]:
    """Return, for each carried value of the body, what it starts from; it broadcasts."""
    body = loop.attributes["body"].as_graph()
    return {
        inside: _unexpanded(before)
        for inside, before in zip(body.inputs[2:], loop.inputs[2:], strict=True)
        if before is not None
    }


def _unexpanded(value: ir.Value) -> ir.Value:
    producer = value.producer()
    source = (
        producer.inputs[0]
        if producer is not None and is_op(producer, "Expand")
        else None
    )
    return value if source is None else source


def _rms(tensor: Tensor) -> float:
    return float(tensor.square().mean().sqrt())
