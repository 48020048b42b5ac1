"""Write on every value what can be known of its type and shape."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import is_op
from onnx2snn.graph.skeleton import skeleton
from onnx2snn.runtime.bounded_inference import infer_bounded
from onnx2snn.runtime.computed_shapes import RESIZING, computed_shape
from onnx2snn.storage.map_types import model_of, proto_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onnx2snn.graph import AxisSize

__all__ = ["InferShapes"]

_LOGGER = logging.getLogger(__name__)
_LIKE_THEIR_INPUT = ("GroupNormalization", "MeanVarianceNormalization")
"""Operators of which onnx infers nothing: their result has the type and shape of their input."""


@dataclass(frozen=True)
class InferShapes(ir.passes.InPlacePass):
    """Infer types and shapes, subgraphs included, and lose none that were known.

        before:  float[N,3,32,32] x;  y = Conv(x, W)
        after:   float[N,3,32,32] x;  float[N,16,30,30] y = Conv(x, W)

    No node changes. What was known stays: a number is never replaced by a symbol, and a
    symbol never by another one. Run ``ForgetShapes`` before, where it may be wrong. Where
    onnxruntime computes another size than ONNX infers, that of onnxruntime is written. The
    graph's inputs are left as they are; its outputs too, but for what contradicts what was
    found. A graph that cannot be inferred is left as it is (a warning says why).
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
    names = _list_symbols(main.inputs)
    changed = False
    graphs = zip(model.graphs(), inferred.graphs(), strict=True)
    for graph, inferred_graph in graphs:
        found = {value.name: value for value in _list_values(inferred_graph)}
        for value in _list_values(graph):
            source = found.get(value.name)
            if source is None or value in main.inputs:
                continue
            if value in main.outputs:
                has_changed = _correct_declared(value, source, names)
            else:
                has_changed = _merge_inferred(value, source)
            changed = changed or has_changed
    return changed


def _list_symbols(values: Iterable[ir.Value]) -> set[str]:
    """Return the names of all axes of ``values``."""
    dimensions = [size for value in values for size in value.shape or ()]
    symbols = [size for size in dimensions if isinstance(size, ir.SymbolicDim)]
    return {symbol.value for symbol in symbols if symbol.value is not None}


def _run_inference(model: ir.Model) -> ir.Model | None:
    """Return a copy of ``model``, without large weights, as onnx infers it; None if it cannot.

    It is inferred again until no node gives another shape in onnxruntime.
    """
    light = skeleton(model)
    for output in light.graph.outputs:
        output.shape = None
    for node in light.graph.all_nodes():
        if is_op(node, *_LIKE_THEIR_INPUT):
            _turn_into_identity(node)
    while True:
        try:
            inferred = infer_bounded(proto_of(light))
        except Exception as error:  # noqa: BLE001 (onnx's errors have no common class)
            _LOGGER.warning("shapes cannot be inferred: %s", error)
            return None
        result = model_of(inferred)
        if not _correct_one(light, result):
            return result


def _correct_one(light: ir.Model, inferred: ir.Model) -> bool:
    """Write on the results of one node of ``light`` the shape that onnxruntime computes.

    It is the first node of which ``inferred`` says another; what follows from it has to be
    inferred again.

    Returns:
        Whether there was one.
    """
    pairs = zip(light.graph.all_nodes(), inferred.graph.all_nodes(), strict=True)
    for node, seen in pairs:
        if not is_op(seen, *RESIZING):
            continue
        computed = computed_shape(seen, inferred.opset_imports)
        if computed is None:
            continue
        corrected = _correct_sizes(seen, computed)
        if corrected is None or corrected == node.outputs[0].shape:
            continue
        for output, as_seen in zip(node.outputs, seen.outputs, strict=True):
            output.type = as_seen.type
            output.shape = corrected
        return True
    return False


def _correct_sizes(seen: ir.Node, computed: Sequence[int | None]) -> ir.Shape | None:
    """Return the shape of the results of a node; None if inference has found it."""
    x = seen.inputs[0]
    assert x is not None
    assert x.shape is not None
    found = seen.outputs[0].shape
    if found is None or len(found) != len(computed):
        found = ir.Shape([None] * len(computed))
    sizes = zip(computed, x.shape, found, strict=True)
    corrected = ir.Shape([_correct_computed(*each) for each in sizes])
    return None if corrected == found else corrected


def _correct_computed(
    computed: int | None,
    of_input: AxisSize,
    found: AxisSize,
) -> AxisSize:
    """Return the size of an axis: as computed, which None says is that of the input."""
    if computed is not None:
        return computed
    is_named = isinstance(of_input, ir.SymbolicDim) and of_input.value is not None
    if isinstance(of_input, int) or (is_named and not isinstance(found, int)):
        return of_input
    return found


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


def _merge_inferred(value: ir.Value, inferred: ir.Value) -> bool:
    """Write what was inferred on ``value``, losing nothing; whether it has changed."""
    old_type = value.type
    old_shape = value.shape
    if inferred.type is not None:
        value.type = inferred.type
    if old_shape is None:
        value.shape = inferred.shape
    else:
        value.shape = _merge_shapes(old_shape, inferred.shape)
    return value.shape != old_shape or value.type != old_type


def _correct_declared(output: ir.Value, inferred: ir.Value, names: set[str]) -> bool:
    """Write on an output what contradicts the shape it declares; whether it has changed."""
    old_type = output.type
    declared = output.shape
    if inferred.type is not None:
        output.type = inferred.type
    if inferred.shape is None:
        return output.type != old_type
    if declared is None or declared.rank() != inferred.shape.rank():
        output.shape = inferred.shape
    else:
        pairs = zip(declared, inferred.shape, strict=True)
        output.shape = ir.Shape([_correct_size(*pair, names) for pair in pairs])
    return output.shape != declared or output.type != old_type


def _correct_size(declared: AxisSize, inferred: AxisSize, names: set[str]) -> AxisSize:
    """Return a declared size, unless it is a number and inference knows another or a free axis."""
    if not isinstance(declared, int):
        return declared
    if isinstance(inferred, int) or inferred.value in names:
        return inferred
    return declared


def _merge_shapes(known: ir.Shape, inferred: ir.Shape | None) -> ir.Shape:
    if inferred is None:
        return known
    if known.rank() != inferred.rank():
        return known
    dimensions = map(_choose_dimension, known, inferred)
    return ir.Shape(dimensions)


def _choose_dimension(known: AxisSize, inferred: AxisSize) -> AxisSize:
    """Return the one that says more: a number, else the symbol that was known."""
    if isinstance(known, int):
        return known
    if isinstance(inferred, int):
        return inferred
    if known.value is None:
        return inferred
    return known
