"""Compute once, at import, what does not depend on the model's inputs."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.rules import RANDOM
from onnx2snn.graph import array, constant, display_name, is_constant, is_op, take_over
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.runtime.single_node import compute, estimate_nbytes, single_node_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FoldConstants"]

_LOGGER = logging.getLogger(__name__)
_GRAPHS = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)


@dataclasses.dataclass(frozen=True)
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
        folded = [
            self._fold(node, model.opset_imports)
            for graph in model.graphs()
            for node in tuple(graph)
        ]
        if any(folded):
            _remove_unread_initializers(model)
        return any(folded)

    def _fold(self, node: ir.Node, opsets: Mapping[str, int]) -> bool:
        if not _is_foldable(node):
            return False
        if is_op(node, "Constant"):
            results = _constant(node)
        elif is_op(node, "Shape", "Size"):
            results = _dimensions(node)
        else:
            results = self._computed(node, opsets)
        if results is not None:
            _put(node, results)
        return results is not None

    def _computed(
        self, node: ir.Node, opsets: Mapping[str, int]
    ) -> list[np.ndarray] | None:
        """Return the results of a node whose inputs are known, or None."""
        operands = _operands(node)
        if operands is None:
            return None
        allowed = max(
            self.max_bytes, sum(data.nbytes for data in operands if data is not None)
        )
        try:
            proto = single_node_model(node, operands, opsets)
            if estimate_nbytes(proto) > allowed:
                return None
            results = compute(proto, operands)
        except Exception as error:  # noqa: BLE001  a node that cannot be run stays a node
            _LOGGER.debug(
                "%s %r is not folded: %s", node.op_type, display_name(node), error
            )
            return None
        tensors = [result for result in results if isinstance(result, np.ndarray)]
        if len(tensors) < len(results) or any(
            result.dtype == object for result in tensors
        ):
            return None
        if _reads_symbolic_shape(node) and (tensors[0] < 0).any():
            return None
        return tensors if sum(result.nbytes for result in tensors) <= allowed else None


def _is_foldable(node: ir.Node) -> bool:
    if node.domain not in ("", "ai.onnx") or node.op_type in RANDOM:
        return False
    if is_op(node, "Identity") and node.outputs[0].is_graph_output():
        return False
    return not any(
        attr.is_ref() or attr.type in _GRAPHS for attr in node.attributes.values()
    )


def _constant(node: ir.Node) -> list[np.ndarray] | None:
    """Return the value of a Constant node, or None for strings and sparse tensors."""
    attribute = next(iter(node.attributes.values()))
    if attribute.type == ir.AttributeType.TENSOR:
        tensor = attribute.as_tensor()
        return None if tensor.dtype == ir.DataType.STRING else [tensor.numpy()]
    if attribute.type in (ir.AttributeType.FLOAT, ir.AttributeType.FLOATS):
        return [np.array(attribute.value, np.float32)]
    if attribute.type in (ir.AttributeType.INT, ir.AttributeType.INTS):
        return [np.array(attribute.value, np.int64)]
    return None


def _dimensions(node: ir.Node) -> list[np.ndarray] | None:
    """Return what a Shape or Size node gives, if that is numbers only."""
    data = _shape_data(node)
    if data is None or (data < 0).any():
        return None
    return [data if is_op(node, "Shape") else np.array(data.prod(), np.int64)]


def _shape_data(node: ir.Node) -> np.ndarray | None:
    """Return the dimensions a Shape or Size node reads, -1 for those that are no number."""
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    if shape is None:
        return None
    start, end = (
        node.attributes.get_int("start", 0),
        node.attributes.get_int("end", len(shape)),
    )
    dimensions = [size if isinstance(size, int) else -1 for size in shape]
    return np.array(dimensions[start:end], np.int64)


def _operands(node: ir.Node) -> list[np.ndarray | None] | None:
    """Return the contents of a node's inputs, or None if one of them is not known."""
    operands: list[np.ndarray | None] = []
    for position, value in enumerate(node.inputs):
        if value is None:
            operands.append(None)
        elif is_constant(value):
            operands.append(array(value))
        elif position == 0 and _reads_symbolic_shape(node):
            operands.append(_shape_data(_producer(value)))
        else:
            return None
    return None if all(data is None for data in operands) else operands


def _reads_symbolic_shape(node: ir.Node) -> bool:
    """Whether ``node`` picks from the result of a Shape, which may be partly known."""
    if not is_op(node, "Gather", "Slice") or node.inputs[0] is None:
        return False
    source = node.inputs[0].producer()
    return (
        source is not None
        and is_op(source, "Shape")
        and source.inputs[0] is not None
        and source.inputs[0].shape is not None
    )


def _producer(value: ir.Value) -> ir.Node:
    producer = value.producer()
    assert producer is not None
    return producer


def _put(node: ir.Node, results: Sequence[np.ndarray]) -> None:
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
            if not (value.uses() or value.is_graph_output() or value.is_graph_input()):
                del graph.initializers[name]
