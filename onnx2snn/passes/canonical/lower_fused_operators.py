"""Write operators of onnxruntime's optimizer as those of ONNX that they were made of."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from onnx2snn.graph import remove_unused, take_over
from onnx2snn.graph.fused_operators import rule_of
from onnx2snn.graph.fused_writer import FusedWriter
from onnx2snn.passes.canonical.infer_shapes import InferShapes

__all__ = ["LowerFusedOperators"]


@dataclass(frozen=True)
class LowerFusedOperators(ir.passes.InPlacePass):
    """Write operators of onnxruntime's optimizer as those of ONNX that they were made of.

        before:  y = com.microsoft.FusedConv<activation = "Relu">(x, W, b)
        after:   c = Conv(x, W, b);  y = Relu(c)

    So are FusedGemm and FusedMatMul, Gelu, BiasGelu, FastGelu and QuickGelu,
    SkipLayerNormalization and SkipSimplifiedLayerNormalization of the domain com.microsoft; and,
    of the default domain, SimplifiedLayerNormalization, which ONNX does not have, and
    LayerNormalization in an opset that does not have it yet. Exact up to rounding. Main graph
    and subgraphs.

    Left as they are: a FusedConv or FusedGemm with another activation, a FusedMatMul that
    transposes a batch or an operand of unknown rank, a normalization over several axes, and one
    whose mean or deviation is read.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite all nodes that can be; again where ranks became known."""
        modified = _lower_once(model)
        while _is_left(model) and InferShapes()(model).modified:
            modified = True
            _lower_once(model)
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


_STATISTICS_END = 3
"""Behind the first output of a normalization come its mean and deviation."""


def _is_left(model: ir.Model) -> bool:
    """Whether there are nodes that have a rule; they may lack a rank."""
    opset = model.opset_imports.get("", 0)
    return any(rule_of(node, opset) is not None for node in model.graph.all_nodes())


def _lower_once(model: ir.Model) -> bool:
    """Rewrite the nodes of which enough is known; whether there were any."""
    opset = model.opset_imports.get("", 0)
    modified = False
    for graph in model.graphs():
        for node in tuple(graph):
            if _lower_node(graph, node, opset):
                modified = True
    return modified


def _lower_node(graph: ir.Graph, node: ir.Node, opset: int) -> bool:
    """Rewrite a node if it has a rule that applies; whether it was."""
    rule = rule_of(node, opset)
    if rule is None or any(map(_is_used, node.outputs[1:_STATISTICS_END])):
        return False
    writer = FusedWriter(node, opset)
    results = rule(writer)
    if results is None:
        return False
    for old, new in zip(node.outputs, results, strict=False):
        if new is not None and old.name:
            take_over(old, new)
    writer.rename(results[0], node.name)
    graph.remove(node, safe=True)
    return True


def _is_used(value: ir.Value) -> bool:
    return bool(value.uses()) or value.is_graph_output()
