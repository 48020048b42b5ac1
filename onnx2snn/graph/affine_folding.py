"""Writes weights that have taken in a scale and a shift of what they multiply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    constant,
    display_name,
    is_op,
    rank_of,
    replace_node,
)
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
        bias = self._bias_with(response)
        is_matmul = is_op(self._node, "MatMul")
        if bias is not None and is_matmul and rank_of(x) != 2:
            product = self._put_product(x, scale)
            self._replace_by_sum(product, self._constant("bias", bias))
            return
        weighed = self._weigh(x, scale, bias)
        if bias is not None and is_matmul:
            weighed.op_type = "Gemm"  # a MatMul has no bias
        self._replace(weighed)

    def _bias_with(self, response: np.ndarray) -> np.ndarray | None:
        """Return the bias of the node and a response; None if there is neither."""
        bias = read_bias(self._node)
        if bias is None and not response.any():
            return None
        channels = count_output_channels(self._node)
        own = np.zeros(channels) if bias is None else bias
        added = np.broadcast_to(response.reshape(-1), channels)
        return np.asarray(own + added)

    def add_response_to_ones(self, x: ir.Value, scale: np.ndarray) -> None:
        """Replace the node, a convolution; its output has a size that is not known."""
        node = self._node
        product = self._put_product(x, scale)
        builder = NodeBuilder.before(node)
        ones = self._add_ones(x, builder)
        weights = self._response_weights(scale.size)
        response = ir.node(node.op_type, [ones, weights], node.attributes)
        response.attributes.add(ir.AttrInt64("group", 1))
        shift = builder.put(response, f"{self._name}.shift")
        self._replace_by_sum(product, shift)

    def _add_ones(self, x: ir.Value, builder: NodeBuilder) -> ir.Value:
        """Add ones, at each position of ``x``, for one sample and channel."""
        name = self._name
        spatial = {"start": 2}
        sizes = builder.add("Shape", [x], f"{name}.sizes", spatial)
        lengths = np.array([1, 1], np.int64)
        one_channel = constant(self._graph, f"{name}.channel", lengths)
        parts = [one_channel, sizes]
        along_list = {"axis": 0}
        shape = builder.add("Concat", parts, f"{name}.ones_shape", along_list)
        one = self._constant("one", np.ones(1))
        return builder.add("Expand", [one, shape], f"{name}.ones")

    def _response_weights(self, channels: int) -> ir.Value:
        numbers = self._given.shift.reshape(-1)
        shift = np.broadcast_to(numbers, channels)
        weights = response_weights(self._node, shift)
        return self._constant("shift_weight", weights)

    def _weigh(
        self, x: ir.Value, scale: np.ndarray, bias: np.ndarray | None
    ) -> ir.Node:
        """Return the node, of no graph yet, with scaled weights and another bias."""
        node = self._node
        scaled = scale_inputs(node, scale)
        inputs = [x, self._constant("weight", scaled)]
        if bias is not None:
            new_bias = self._constant("bias", bias)
            inputs.append(new_bias)
        weighed = ir.node(node.op_type, inputs, node.attributes)
        weighed.name = display_name(node)
        add_sources(weighed, self._given.nodes)
        return weighed

    def _constant(self, suffix: str, numbers: np.ndarray) -> ir.Value:
        name = f"{self._name}.{suffix}"
        output = self._node.outputs[0]
        return constant_like(self._graph, name, numbers, output)

    def _replace(self, new: ir.Node) -> None:
        replace_node(self._node, new)

    def _put_product(self, x: ir.Value, scale: np.ndarray) -> ir.Value:
        """Put the node, with scaled weights and its own bias, in front of itself."""
        node = self._node
        own_bias = read_bias(node)
        product = self._weigh(x, scale, own_bias)
        add_sources(product, [node])
        builder = NodeBuilder.before(node)
        name = f"{self._name}.product"
        return builder.put(product, name, like=node.outputs[0])

    def _replace_by_sum(self, product: ir.Value, shift: ir.Value) -> None:
        """Put ``product + shift`` in the place of the node."""
        name = f"{display_name(self._node)}.shifted"
        shifted = ir.node("Add", [product, shift], name=name)
        self._replace(shifted)
