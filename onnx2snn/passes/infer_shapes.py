"""Write on every value what can be known of its type and shape."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import onnx.shape_inference
import onnx_ir as ir

from onnx2snn.passes.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["InferShapes"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class InferShapes(ir.passes.InPlacePass):
    """Infer types and shapes, subgraphs included, and lose none that were known.

        before:  float[N,3,32,32] x;  y = Conv(x, W)
        after:   float[N,3,32,32] x;  float[N,16,30,30] y = Conv(x, W)

    No node changes. What was declared stays: a number is never replaced by a symbol, a
    symbol never by another one, and the graph's inputs and outputs are left as they are.
    A graph that cannot be inferred is left as it is, and the log says why. onnx sees no large
    initializers, so that memory stays flat.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Run onnx's inference, and take from it what is new."""
        try:
            proto = onnx.shape_inference.infer_shapes(ir.to_proto(skeleton(model)), data_prop=True)
        except Exception as error:  # noqa: BLE001  (what cannot be inferred stays unknown)
            _LOGGER.warning("shapes cannot be inferred: %s", error)
            return ir.passes.PassResult(model, modified=False)
        signature = {*model.graph.inputs, *model.graph.outputs}
        changed = [
            _learn(value, named[value.name], keep=value in signature)
            for graph, other in zip(model.graphs(), ir.from_proto(proto).graphs(), strict=True)
            for named in [{value.name: value for value in _values(other)}]
            for value in _values(graph)
            if value.name in named
        ]
        return ir.passes.PassResult(model, modified=any(changed))


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from graph.inputs
    yield from (value for value in graph.initializers.values() if not value.is_graph_input())
    for node in graph:
        yield from node.outputs


def _learn(value: ir.Value, inferred: ir.Value, *, keep: bool) -> bool:
    """Take over what is known better of ``value``; whether it has changed."""
    shape, kind = value.shape, value.type
    if shape is None:
        value.shape = inferred.shape
    elif inferred.shape is not None and shape.rank() == inferred.shape.rank() and not keep:
        value.shape = ir.Shape(map(_better, shape, inferred.shape))
    if kind is None or (kind.dtype != inferred.dtype and inferred.dtype is not None):
        value.type = inferred.type
    return value.shape != shape or value.type != kind


def _better(known: int | ir.SymbolicDim, inferred: int | ir.SymbolicDim) -> int | ir.SymbolicDim:
    if isinstance(known, int) or (known.value is not None and not isinstance(inferred, int)):
        return known
    return inferred
