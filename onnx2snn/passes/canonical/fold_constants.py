"""Compute once, at import, what does not depend on the model's inputs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.known_dimensions import (
    has_symbol,
    picks_from_shape,
    read_dimensions,
    read_shape,
)
from onnx2snn.analysis.operators import operator_of
from onnx2snn.budget import memory_budget
from onnx2snn.graph import (
    array,
    constant,
    display_name,
    is_constant,
    is_op,
    is_read,
    take_over,
)
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.runtime.single_node import (
    compute_node,
    estimate_nbytes,
    single_node_model,
)
from onnx2snn.storage.large_models import tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FoldConstants"]

_LOGGER = logging.getLogger(__name__)
_GRAPHS = (
    ir.AttributeType.GRAPH,
    ir.AttributeType.GRAPHS,
)
_PARTS = 4
"""Parts of the memory that may be taken, of which results get one."""

_NUMBERS = {
    ir.AttributeType.FLOAT: np.float32,
    ir.AttributeType.FLOATS: np.float32,
    ir.AttributeType.INT: np.int64,
    ir.AttributeType.INTS: np.int64,
}
"""Attributes in which a Constant node may have numbers, and the type of these."""


@dataclass(frozen=True)
class FoldConstants(ir.passes.InPlacePass):
    """Replace nodes whose result is known by initializers that bear the result's name.

        before:  c = Constant();  W = Transpose(c);  s = Shape(x);  y = Conv(x, W)
        after:   W = initializer;  s = initializer;  y = Conv(x, W)

    Known are: Constant nodes; nodes all of whose inputs are constant, as onnxruntime computes
    them without optimization; Shape and Size where the dimensions asked for are numbers, also
    behind one Gather or Slice that leaves the symbolic ones out. Main graph and subgraphs.
    A graph output keeps a producer: it becomes the Identity of the initializer.

    Run it after ``InferShapes``, whose numbers it reads. A folded shape makes further shapes
    known, and these further results: so shape inference and folding are repeated until
    nothing is left to fold, or ``max_rounds`` are over.

    Left as they are: random nodes; nodes with subgraphs; strings; results that are no tensor,
    or that onnxruntime cannot compute; results larger than ``max_bytes``, unless neither their
    inputs nor the weights that the model came with are smaller; and what is computed once a
    quarter of the memory is taken that may be.

    Attributes:
        max_bytes: Largest result, in bytes, that may be larger than what it is computed from.
        max_rounds: Largest number of times that the whole model is gone through.
    """

    max_bytes: int = 64 * 2**20
    max_rounds: int = 8

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold, and while that tells more, infer shapes and fold again."""
        weights = sum(tensor.nbytes for tensor in tensors_of(model))
        room = _Room(self.max_bytes, weights, memory_budget() // _PARTS)
        modified = _fold_once(model, room)
        if modified:
            self._fold_what_became_known(model, room)
        return ir.passes.PassResult(model, modified=modified)

    def _fold_what_became_known(self, model: ir.Model, room: _Room) -> None:
        """Repeat what made the first round, until a round finds nothing."""
        infer_shapes = InferShapes()
        for _ in range(1, self.max_rounds):
            infer_shapes(model)
            if not _fold_once(model, room):
                return


@dataclass
class _Room:
    """Room for results.

    Attributes:
        always: Largest result, in bytes, that may be larger than what it is computed from.
        weights: Bytes of the weights that the model came with: no result is larger than both.
        left: Bytes that further results may take.
    """

    always: int
    weights: int
    left: int

    def for_result_of(self, operands: Iterable[np.ndarray | None]) -> int:
        """Return how large the results of these operands may be, in bytes."""
        of_operands = min(_count_bytes(operands), self.weights)
        return min(max(self.always, of_operands), self.left)


def _fold_once(model: ir.Model, room: _Room) -> bool:
    """Fold in the order of the graph, so that chains go in one round; whether any did."""
    has_folded = False
    for graph in model.graphs():
        for node in tuple(graph):
            results = _find_results(node, model.opset_imports, room)
            if results is not None:
                room.left -= _count_bytes(results)
                _put_initializers(node, results)
                has_folded = True
    if has_folded:
        _remove_unread_initializers(model)
    return has_folded


def _find_results(
    node: ir.Node, opsets: Mapping[str, int], room: _Room
) -> list[np.ndarray] | None:
    """Return the outputs of a node that have a name, or None if it is to stay."""
    if not _is_foldable(node):
        return None
    if is_op(node, "Constant"):
        return _read_constant(node)
    if is_op(node, "Shape", "Size"):
        return read_dimensions(node)
    return _compute_results(node, opsets, room)


def _compute_results(
    node: ir.Node, opsets: Mapping[str, int], room: _Room
) -> list[np.ndarray] | None:
    """Return the results of a node whose inputs are known, or None."""
    operands = _read_operands(node)
    if operands is None:
        return None
    max_bytes = room.for_result_of(operands)
    results = _run_node(node, operands, opsets, max_bytes)
    if results is None or _count_bytes(results) > max_bytes:
        return None
    if picks_from_shape(node) and has_symbol(results[0]):
        return None
    return results


def _is_foldable(node: ir.Node) -> bool:
    """Whether the kind of ``node`` allows its results to be computed beforehand."""
    is_of_onnx = is_op(node, node.op_type)
    if not is_of_onnx or operator_of(node).draws_numbers:
        return False
    output = node.outputs[0]
    is_copy_for_output = is_op(node, "Identity") and output.is_graph_output()
    if is_copy_for_output:
        return False
    for attribute in node.attributes.values():
        if attribute.is_ref() or attribute.type in _GRAPHS:
            return False
    return True


def _read_constant(node: ir.Node) -> list[np.ndarray] | None:
    """Return the value of a Constant node, or None for strings and sparse tensors."""
    attribute, *_ = node.attributes.values()
    if attribute.type == ir.AttributeType.TENSOR:
        tensor = attribute.as_tensor()
        has_strings = tensor.dtype == ir.DataType.STRING
        if has_strings:
            return None
        return [tensor.numpy()]
    dtype = _NUMBERS.get(attribute.type)
    if dtype is None:
        return None
    value = np.array(attribute.value, dtype)
    return [value]


def _read_operands(node: ir.Node) -> list[np.ndarray | None] | None:
    """Return the contents of a node's inputs, or None if one of them is not known.

    An input that is left out is None.
    """
    operands: list[np.ndarray | None] = []
    for position, value in enumerate(node.inputs):
        if value is None:
            operands.append(None)
        elif is_constant(value):
            operands.append(array(value))
        elif position == 0 and picks_from_shape(node):
            shape = _find_producer(value)
            operands.append(read_shape(shape))
        else:
            return None
    has_operand = any(data is not None for data in operands)
    if has_operand:
        return operands
    return None


def _find_producer(value: ir.Value) -> ir.Node:
    producer = value.producer()
    assert producer is not None
    return producer


def _run_node(
    node: ir.Node,
    operands: Sequence[np.ndarray | None],
    opsets: Mapping[str, int],
    max_bytes: int,
) -> list[np.ndarray] | None:
    """Return what onnxruntime computes, or None for what it cannot or what is no numbers.

    A node whose results are known to be larger than ``max_bytes`` is not even run.
    """
    try:
        proto = single_node_model(node, operands, opsets)
        if estimate_nbytes(proto) > max_bytes:
            return None
        results = compute_node(proto, operands)
    except Exception as error:  # noqa: BLE001  a node that cannot be run stays a node
        name = display_name(node)
        _LOGGER.debug("%s %r is not folded: %s", node.op_type, name, error)
        return None
    tensors = []
    for result in results:
        if not isinstance(result, np.ndarray) or result.dtype == object:
            return None
        tensors.append(result)
    return tensors


def _count_bytes(arrays: Iterable[np.ndarray | None]) -> int:
    return sum(data.nbytes for data in arrays if data is not None)


def _put_initializers(node: ir.Node, results: Sequence[np.ndarray]) -> None:
    """Let initializers take the place of the outputs of ``node`` that have a name."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    outputs = [output for output in node.outputs if output.name]
    for output, result in zip(outputs, results, strict=True):
        known = constant(graph, f"{output.name}.folded", result)
        if output.is_graph_output():
            identity = ir.node("Identity", [known])
            graph.insert_before(node, identity)
            take_over(output, identity.outputs[0])
        else:
            take_over(output, known)
            known.shape = ir.Shape(result.shape)
    graph.remove(node, safe=True)


def _remove_unread_initializers(model: ir.Model) -> None:
    for graph in model.graphs():
        for name, value in tuple(graph.initializers.items()):
            if not _is_needed(value):
                del graph.initializers[name]


def _is_needed(value: ir.Value) -> bool:
    return is_read(value) or value.is_graph_input()
