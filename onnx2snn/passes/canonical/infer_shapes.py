"""Write on every value what can be known of its type and shape."""

from __future__ import annotations

import dataclasses
import logging

import onnx.shape_inference
import onnx_ir as ir

from onnx2snn.graph import is_op
from onnx2snn.graph.skeleton import skeleton

__all__ = ["InferShapes"]

_LOGGER = logging.getLogger(__name__)
_LIKE_THEIR_INPUT = ("GroupNormalization", "MeanVarianceNormalization")
"""Operators of which onnx infers nothing: their result has the type and shape of their input."""


@dataclasses.dataclass(frozen=True)
class InferShapes(ir.passes.InPlacePass):
    """Infer types and shapes, subgraphs included, and lose none that were known.

        before:  float[N,3,32,32] x;  y = Conv(x, W)
        after:   float[N,3,32,32] x;  float[N,16,30,30] y = Conv(x, W)

    No node changes. What was declared stays: a number is never replaced by a symbol, a
    symbol never by another one, and the graph's inputs and outputs are left as they are.
    A graph that cannot be inferred is left as it is (a warning says why).
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Run onnx's inference, and keep what it forgot; again if loops tell more."""
        modified = _infer(model)
        while _read_loops(model):
            modified = True
            _infer(model)
        return ir.passes.PassResult(model, modified=modified)


def _infer(model: ir.Model) -> bool:
    light = skeleton(model)
    for node in light.graph.all_nodes():
        if is_op(node, *_LIKE_THEIR_INPUT):
            _simplify(node)
    try:
        proto = onnx.shape_inference.infer_shapes(ir.to_proto(light), data_prop=True)
    except Exception as error:  # noqa: BLE001 (onnx's errors have no common class)
        _LOGGER.warning("shapes cannot be inferred: %s", error)
        return False
    signature = {*model.graph.inputs, *model.graph.outputs}
    pairs = zip(model.graphs(), ir.from_proto(proto).graphs(), strict=True)
    changed = [
        _merge(value, found[value.name], keep=value in signature)
        for graph, inferred in pairs
        if (found := {other.name: other for other in _values(inferred)})
        for value in _values(graph)
        if value.name in found
    ]
    return any(changed)


def _read_loops(model: ir.Model) -> bool:
    """Give what Loops carry the shape that it has in their bodies; whether any got one."""
    changed = False
    loops = [node for node in model.graph.all_nodes() if is_op(node, "Loop")]
    for node in loops:
        results = node.attributes["body"].as_graph().outputs[1:]
        for value, result, start in zip(
            node.outputs, results, node.inputs[2:], strict=False
        ):
            if value.shape is None and result.shape is not None:
                value.shape = _common(start, result.shape)
                changed |= value.shape is not None
    return changed


def _common(start: ir.Value | None, shape: ir.Shape) -> ir.Shape | None:
    """Return what the shapes before and after a turn of a loop have in common."""
    if start is None or start.shape is None or start.shape.rank() != shape.rank():
        return None
    pairs = zip(start.shape, shape, strict=True)
    return ir.Shape([one if one == other else None for one, other in pairs])


def _simplify(node: ir.Node) -> None:
    """Make ``node`` an Identity, for which onnx infers what it is."""
    node.op_type = "Identity"
    node.resize_inputs(1)
    node.attributes.clear()


def _values(graph: ir.Graph) -> list[ir.Value]:
    values = [*graph.inputs, *graph.initializers.values()]
    values += [value for node in graph for value in node.outputs if value.name]
    return list(dict.fromkeys(values))


def _merge(value: ir.Value, inferred: ir.Value, *, keep: bool) -> bool:
    """Write what was inferred on ``value``, losing nothing; whether it has changed."""
    type_, shape = value.type, value.shape
    value.type = inferred.type if inferred.type is not None else type_
    found = inferred.shape
    if shape is None:
        value.shape = found
    elif not keep and found is not None and shape.rank() == found.rank():
        value.shape = ir.Shape(map(_better, shape, found))
    return value.shape != shape or value.type != type_


def _better(
    known: int | ir.SymbolicDim, inferred: int | ir.SymbolicDim
) -> int | ir.SymbolicDim:
    if isinstance(known, int) or (
        known.value is not None and not isinstance(inferred, int)
    ):
        return known
    return inferred
