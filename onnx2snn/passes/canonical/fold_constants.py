"""Compute once, at import, what does not depend on the model's inputs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FoldConstants"]

_LOGGER = logging.getLogger(__name__)
_GRAPHS = (
    ir.AttributeType.GRAPH,
    ir.AttributeType.GRAPHS,
)
_NUMBERS = {
    ir.AttributeType.FLOAT: np.float32,
    ir.AttributeType.FLOATS: np.float32,
    ir.AttributeType.INT: np.int64,
    ir.AttributeType.INTS: np.int64,
}
"""Attributes in which a Constant node may have numbers, and the type of these."""

_SYMBOL = -1
"""Stands for a dimension that is no number."""


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
    or that onnxruntime cannot compute; results larger than both ``max_bytes`` and their inputs.

    Attributes:
        max_bytes: Largest result, in bytes, that may be larger than what it is computed from.
        max_rounds: Largest number of times that the whole model is gone through.
    """

    max_bytes: int = 64 * 2**20
    max_rounds: int = 8

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold, and while that tells more, infer shapes and fold again."""
        modified = self._fold_once(model)
        if modified:
            self._fold_what_became_known(model)
        return ir.passes.PassResult(model, modified=modified)

    def _fold_what_became_known(self, model: ir.Model) -> None:
        """Repeat what made the first round, until a round finds nothing."""
        infer_shapes = InferShapes()
        for _ in range(1, self.max_rounds):
            infer_shapes(model)
            if not self._fold_once(model):
                return

    def _fold_once(self, model: ir.Model) -> bool:
        """Fold in the order of the graph, so that chains go in one round; whether any did."""
        has_folded = False
        for graph in model.graphs():
            for node in tuple(graph):
                results = self._find_results(node, model.opset_imports)
                if results is not None:
                    _put_initializers(node, results)
                    has_folded = True
        if has_folded:
            _remove_unread_initializers(model)
        return has_folded

    def _find_results(
        self, node: ir.Node, opsets: Mapping[str, int]
    ) -> list[np.ndarray] | None:
        """Return the outputs of a node that have a name, or None if it is to stay."""
        if not _is_foldable(node):
            return None
        if is_op(node, "Constant"):
            return _read_constant(node)
        if is_op(node, "Shape", "Size"):
            return _read_dimensions(node)
        return self._compute_results(node, opsets)

    def _compute_results(
        self, node: ir.Node, opsets: Mapping[str, int]
    ) -> list[np.ndarray] | None:
        """Return the results of a node whose inputs are known, or None."""
        operands = _read_operands(node)
        if operands is None:
            return None
        max_bytes = max(self.max_bytes, _count_bytes(operands))
        results = _run_node(node, operands, opsets, max_bytes)
        if results is None or _count_bytes(results) > max_bytes:
            return None
        if _picks_from_shape(node) and _has_symbol(results[0]):
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


def _read_dimensions(node: ir.Node) -> list[np.ndarray] | None:
    """Return the result of a Shape or Size node, or None if it is not numbers only."""
    dimensions = _read_shape(node)
    if dimensions is None or _has_symbol(dimensions):
        return None
    if is_op(node, "Shape"):
        return [dimensions]
    size = np.array(dimensions.prod(), np.int64)
    return [size]


def _read_shape(node: ir.Node) -> np.ndarray | None:
    """Return the dimensions a Shape or Size node reads, each symbolic one as -1."""
    x = node.inputs[0]
    if x is None or x.shape is None:
        return None
    rank = len(x.shape)
    start = node.attributes.get_int("start", 0)
    end = node.attributes.get_int("end", rank)
    sizes = [size if isinstance(size, int) else _SYMBOL for size in x.shape]
    return np.array(sizes[start:end], np.int64)


def _has_symbol(dimensions: np.ndarray) -> bool:
    return bool((dimensions < 0).any())


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
        elif position == 0 and _picks_from_shape(node):
            shape = _find_producer(value)
            operands.append(_read_shape(shape))
        else:
            return None
    has_operand = any(data is not None for data in operands)
    if has_operand:
        return operands
    return None


def _picks_from_shape(node: ir.Node) -> bool:
    """Whether ``node`` picks from the result of a Shape, which may be partly known."""
    if not is_op(node, "Gather", "Slice"):
        return False
    data = node.inputs[0]
    source = None if data is None else data.producer()
    if source is None or not is_op(source, "Shape"):
        return False
    x = source.inputs[0]
    return x is not None and x.shape is not None


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
