"""Write on every value what can be known of its type and shape."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import onnx.shape_inference
import onnx_ir as ir

from onnx2snn.graph import is_op
from onnx2snn.graph.skeleton import skeleton
from onnx2snn.storage.map_types import model_of, proto_of

__all__ = ["InferShapes"]

_LOGGER = logging.getLogger(__name__)
_LIKE_THEIR_INPUT = ("GroupNormalization", "MeanVarianceNormalization")
"""Operators of which onnx infers nothing: their result has the type and shape of their input."""


@dataclass(frozen=True)
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
        modified = _infer_once(model)
        while _read_loops(model):
            modified = True
            _infer_once(model)
        return ir.passes.PassResult(model, modified=modified)


def _infer_once(model: ir.Model) -> bool:
    """Write what onnx infers on the values of ``model``; whether any has changed."""
    inferred = _run_inference(model)
    if inferred is None:
        return False
    main = model.graph
    signature = {*main.inputs, *main.outputs}
    changed = False
    graphs = zip(model.graphs(), inferred.graphs(), strict=True)
    for graph, inferred_graph in graphs:
        found = {value.name: value for value in _list_values(inferred_graph)}
        for value in _list_values(graph):
            source = found.get(value.name)
            if source is None:
                continue
            is_declared = value in signature
            if _merge_inferred(value, source, keep_shape=is_declared):
                changed = True
    return changed


def _run_inference(model: ir.Model) -> ir.Model | None:
    """Return a copy of ``model``, without large weights, as onnx infers it; None if it cannot."""
    light = skeleton(model)
    for node in light.graph.all_nodes():
        if is_op(node, *_LIKE_THEIR_INPUT):
            _turn_into_identity(node)
    try:
        proto = proto_of(light)
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except Exception as error:  # noqa: BLE001 (onnx's errors have no common class)
        _LOGGER.warning("shapes cannot be inferred: %s", error)
        return None
    return model_of(inferred)


def _turn_into_identity(node: ir.Node) -> None:
    """Make ``node`` an Identity, for which onnx infers what it is."""
    node.op_type = "Identity"
    node.resize_inputs(1)
    node.attributes.clear()


def _read_loops(model: ir.Model) -> bool:
    """Give what Loops carry the shape that it has in their bodies; whether any got one."""
    changed = False
    for node in model.graph.all_nodes():
        if is_op(node, "Loop") and _read_loop(node):
            changed = True
    return changed


def _read_loop(loop: ir.Node) -> bool:
    body = loop.attributes["body"].as_graph()
    _, *results = body.outputs  # the first says whether to go on
    starts = loop.inputs[2:]
    changed = False
    carried = zip(loop.outputs, results, starts, strict=False)
    for value, result, start in carried:
        if value.shape is not None or result.shape is None:
            continue
        value.shape = _common_shape(start, result.shape)
        if value.shape is not None:
            changed = True
    return changed


def _common_shape(start: ir.Value | None, shape: ir.Shape) -> ir.Shape | None:
    """Return what the shapes before and after a turn of a loop have in common."""
    if start is None or start.shape is None:
        return None
    if start.shape.rank() != shape.rank():
        return None
    pairs = zip(start.shape, shape, strict=True)
    common = [one if one == other else None for one, other in pairs]
    return ir.Shape(common)


def _list_values(graph: ir.Graph) -> list[ir.Value]:
    """Return the values of a graph itself that have a name, each once."""
    values = [*graph.inputs, *graph.initializers.values()]
    for node in graph:
        values += [value for value in node.outputs if value.name]
    return list(dict.fromkeys(values))


def _merge_inferred(value: ir.Value, inferred: ir.Value, *, keep_shape: bool) -> bool:
    """Write what was inferred on ``value``, losing nothing; whether it has changed."""
    old_type = value.type
    old_shape = value.shape
    if inferred.type is not None:
        value.type = inferred.type
    if old_shape is None:
        value.shape = inferred.shape
    elif not keep_shape:
        value.shape = _merge_shapes(old_shape, inferred.shape)
    return value.shape != old_shape or value.type != old_type


def _merge_shapes(known: ir.Shape, inferred: ir.Shape | None) -> ir.Shape:
    if inferred is None:
        return known
    if known.rank() != inferred.rank():
        return known
    dimensions = map(_choose_dimension, known, inferred)
    return ir.Shape(dimensions)


def _choose_dimension(
    known: int | ir.SymbolicDim, inferred: int | ir.SymbolicDim
) -> int | ir.SymbolicDim:
    """Return the one that says more: a number, else the symbol that was known."""
    if isinstance(known, int):
        return known
    if isinstance(inferred, int):
        return inferred
    if known.value is None:
        return inferred
    return known
