"""The constants of an emitted network that are trained, and writing them into the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from onnx2snn.graph import array, input_at, is_constant, set_array
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import onnx_ir as ir

    from onnx2snn.runtime.torch_runtime.evaluator import TimeLoop

__all__ = ["Parameters"]

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
        nodes: The nodes whose weights and biases are trained, where no other node reads them.
    """

    def __init__(
        self, graph: ir.Graph, loop: TimeLoop, nodes: Collection[ir.Node]
    ) -> None:
        super().__init__()
        self._graph = graph
        self._bases = loop.bases
        self._changes = nn.ParameterList()
        self._sizes: list[float] = []
        self._start: dict[ir.Value, Tensor] = {}
        self._change_of: dict[ir.Value, int] = {}
        self._least: dict[int, Tensor] = {}
        self._ratios: dict[ir.Value, tuple[ir.Value, Tensor]] = {}
        for node in loop.body:
            if is_neuron(node):
                self._add_neuron(node)
        trained = frozenset(nodes)
        for node in nodes:
            for value in _weights_of(node):
                is_new = value not in self._change_of
                if is_new and _is_read_only_by(trained, value, graph):
                    self._add_weight(value)

    def _add_neuron(self, neuron: ir.Node) -> None:
        names = ALL_OPS[neuron.op_type].inputs
        inputs = dict(zip(names, neuron.inputs, strict=True))
        threshold = inputs["v_threshold"]
        potential = inputs["v"]
        if threshold is None or potential is None or not is_constant(threshold):
            return
        if threshold not in self._change_of:
            self._add_threshold(threshold)
        self._relate_negative(inputs.get("v_threshold_negative"), threshold)
        theta = self._start[threshold]
        start = self._bases[potential]
        is_new = is_constant(start) and start not in self._change_of
        if is_new:
            self._read(start)
            size = _root_mean_square(theta)
            self._add_change(start, theta.shape, size)

    def _relate_negative(self, negative: ir.Value | None, threshold: ir.Value) -> None:
        """Keep a negative threshold in proportion to the positive one."""
        if negative is None or negative is threshold:
            return
        if is_constant(negative):
            ratio = self._read(negative) / self._start[threshold]
            self._ratios[negative] = threshold, ratio

    def _add_threshold(self, threshold: ir.Value) -> None:
        """Train a threshold, and its copy in the main graph, as one.

        The copy there turns the mean of spikes into the activation.
        """
        theta = self._read(threshold)
        size = _root_mean_square(theta)
        index = self._add_change(threshold, theta.shape, size)
        self._least[index] = theta * _LEAST
        name = _name_outside(threshold)
        outside = self._graph.initializers.get(name)
        if outside is None:
            return
        is_copy = np.array_equal(array(outside), array(threshold))
        if is_copy:
            self._read(outside)
            self._change_of[outside] = index

    def _add_weight(self, value: ir.Value) -> None:
        weight = self._read(value)
        if weight.is_floating_point():
            size = _root_mean_square(weight)
            self._add_change(value, weight.shape, size)

    def _read(self, value: ir.Value) -> Tensor:
        """Return what the file holds as ``value``, and remember it."""
        data = array(value).copy()
        self._start[value] = torch.from_numpy(data)
        return self._start[value]

    def _add_change(self, value: ir.Value, shape: torch.Size, size: float) -> int:
        """Train ``value``, typically of the given size; return the index of its change."""
        index = len(self._sizes)
        dtype = self._start[value].dtype
        zeros = torch.zeros(shape, dtype=dtype)
        self._changes.append(nn.Parameter(zeros))
        self._sizes.append(size)
        self._change_of[value] = index
        return index

    def values(self) -> dict[ir.Value, Tensor]:
        """Return what the constants are now."""
        found = {}
        for value, index in self._change_of.items():
            change = self._changes[index]
            found[value] = self._start[value] + change
        for value, (threshold, ratio) in self._ratios.items():
            found[value] = ratio * found[threshold]
        return found

    def change(self, value: ir.Value) -> Tensor:
        """Return what is added to the constant ``value``, a parameter."""
        index = self._change_of[value]
        return self._changes[index]

    def groups(self, rate: float) -> Iterator[dict[str, object]]:
        """Yield the parameters as an optimizer takes them.

        Args:
            rate: Change in a step, as a part of what is typical of the constant.
        """
        known = [size for size in self._sizes if size > 0]
        count = max(len(known), 1)
        typical = sum(known) / count
        for change, size in zip(self._changes, self._sizes, strict=True):
            own_rate = rate * (size or typical)
            yield {"params": [change], "lr": own_rate}

    def keep_positive(self) -> None:
        """Raise thresholds that have come near 0."""
        for value, index in self._change_of.items():
            if index in self._least:
                least = self._least[index] - self._start[value]
                change = self._changes[index].data
                raised = torch.maximum(change, least)
                change.copy_(raised)

    def write(self) -> None:
        """Put the constants as they are now into the file."""
        constants = self.values()
        for value, tensor in constants.items():
            data = tensor.detach().numpy()
            set_array(value, data)


def _weights_of(node: ir.Node) -> list[ir.Value]:
    """Return the constants among the weights and biases of ``node``."""
    constants = []
    for position in _WEIGHTS.get(node.op_type, ()):
        value = input_at(node, position)
        if value is not None and is_constant(value):
            constants.append(value)
    return constants


def _is_read_only_by(
    nodes: frozenset[ir.Node], value: ir.Value, graph: ir.Graph
) -> bool:
    """Whether no other node of the main graph reads ``value``."""
    readers = {use.node for use in value.uses() if use.node.graph is graph}
    return readers <= nodes


def _name_outside(value: ir.Value) -> str:
    """Return the name in the main graph of a constant of the body."""
    return str(value.name).removesuffix(".body")


def _root_mean_square(tensor: Tensor) -> float:
    mean = tensor.square().mean()
    return float(mean.sqrt())
