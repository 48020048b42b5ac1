"""Writes weights that have taken in a scale and a shift of what they multiply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, constant, display_name, is_op, replace_node
from onnx2snn.graph.affine_weights import (
    response_weights,
    scale_inputs,
    varies_by_channel_only,
)
from onnx2snn.graph.linear_weights import count_output_channels, read_bias
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from onnx2snn.graph.affine_map import AffineMap

__all__ = ["AffineWriter", "constant_like"]


def constant_like(
    graph: ir.Graph, name: str, numbers: np.ndarray, like: ir.Value
) -> ir.Value:
    """Add ``numbers`` to ``graph`` as an initializer, of the type of ``like``."""
    dtype = like.dtype or ir.DataType.FLOAT
    return constant(graph, name, numbers.astype(dtype.numpy()))


class AffineWriter:
    """Writes what takes the place of a node with weights."""

    def __init__(self, node: ir.Node, given: AffineMap) -> None:
        """Take the names from ``node``, and from ``given`` what is folded into it."""
        assert isinstance(node.graph, ir.Graph)
        self._graph = node.graph
        self._node = node
        self._given = given
        self._name = node.outputs[0].name

    def add_response(
        self, x: ir.Value, scale: np.ndarray, response: np.ndarray
    ) -> None:
        """Replace the node; what its weights make of the shift is known."""
        if not varies_by_channel_only(self._node, response):
            product = self._put_product(x, scale)
            self._replace_by_sum(product, self._constant("shift", response))
            return
        bias = read_bias(self._node)
        if bias is not None or response.any():
            channels = count_output_channels(self._node)
            own = np.zeros(channels) if bias is None else bias
            bias = own + np.broadcast_to(response.reshape(-1), channels)
        if bias is None or not is_op(self._node, "MatMul"):
            self._replace(self._weigh(x, scale, bias))
        elif _is_matrix(x):
            weighed = self._weigh(x, scale, bias)
            weighed.op_type = "Gemm"  # a MatMul has no bias
            self._replace(weighed)
        else:
            product = self._put_product(x, scale)
            self._replace_by_sum(product, self._constant("bias", bias))

    def add_response_to_ones(self, x: ir.Value, scale: np.ndarray) -> None:
        """Replace the node, a convolution; its output has a size that is not known."""
        product = self._put_product(x, scale)
        builder = NodeBuilder.before(self._node)
        response = ir.node(
            self._node.op_type,
            [self._add_ones(x, builder), self._response_weights(scale.size)],
            self._node.attributes,
        )
        response.attributes.add(ir.AttrInt64("group", 1))
        self._replace_by_sum(product, builder.put(response, f"{self._name}.shift"))

    def _add_ones(self, x: ir.Value, builder: NodeBuilder) -> ir.Value:
        """Add ones, at each position of ``x``, for one sample and channel."""
        sizes = builder.add("Shape", [x], f"{self._name}.sizes", {"start": 2})
        lengths = np.array([1, 1], np.int64)
        one_channel = constant(self._graph, f"{self._name}.channel", lengths)
        parts = [one_channel, sizes]
        shape = builder.add("Concat", parts, f"{self._name}.ones_shape", {"axis": 0})
        one = self._constant("one", np.ones(1))
        return builder.add("Expand", [one, shape], f"{self._name}.ones")

    def _response_weights(self, channels: int) -> ir.Value:
        numbers = self._given.shift.reshape(-1)
        shift = np.broadcast_to(numbers, channels)
        return self._constant("shift_weight", response_weights(self._node, shift))

    def _weigh(
        self, x: ir.Value, scale: np.ndarray, bias: np.ndarray | None
    ) -> ir.Node:
        """Return the node, of no graph yet, with scaled weights and another bias."""
        inputs = [x, self._constant("weight", scale_inputs(self._node, scale))]
        if bias is not None:
            inputs.append(self._constant("bias", bias))
        weighed = ir.node(self._node.op_type, inputs, self._node.attributes)
        weighed.name = display_name(self._node)
        add_sources(weighed, self._given.nodes)
        return weighed

    def _constant(self, suffix: str, numbers: np.ndarray) -> ir.Value:
        name = f"{self._name}.{suffix}"
        return constant_like(self._graph, name, numbers, self._node.outputs[0])

    def _replace(self, new: ir.Node) -> None:
        replace_node(self._node, new)

    def _put_product(self, x: ir.Value, scale: np.ndarray) -> ir.Value:
        """Put the node, with scaled weights and its own bias, in front of itself."""
        product = self._weigh(x, scale, bias=read_bias(self._node))
        add_sources(product, [self._node])
        output = self._node.outputs[0]
        builder = NodeBuilder.before(self._node)
        return builder.put(product, f"{self._name}.product", like=output)

    def _replace_by_sum(self, product: ir.Value, shift: ir.Value) -> None:
        """Put ``product + shift`` in the place of the node."""
        name = f"{display_name(self._node)}.shifted"
        self._replace(ir.node("Add", [product, shift], name=name))


def _is_matrix(value: ir.Value) -> bool:
    return value.shape is not None and len(value.shape) == 2
