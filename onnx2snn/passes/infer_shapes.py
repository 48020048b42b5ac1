"""Write on every value what can be known of its type and shape."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir
from onnx_ir.passes import common

__all__ = ["InferShapes"]


@dataclasses.dataclass(frozen=True)
class InferShapes(ir.passes.InPlacePass):
    """Infer types and shapes, subgraphs included, and lose none that were known.

        before:  float[N,3,32,32] x;  y = Conv(x, W)
        after:   float[N,3,32,32] x;  float[N,16,30,30] y = Conv(x, W)

    No node changes. What was declared stays: a number is never replaced by a symbol, a
    symbol never by another one, and the graph's inputs and outputs are left as they are.
    A graph that cannot be inferred is left as it is (onnx_ir logs why).
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Run onnx's inference, then put back what it forgot."""
        known = {value: (value.shape, value.dtype) for value in _values(model)}
        signature = {*model.graph.inputs, *model.graph.outputs}
        common.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
        changed = [_restore(value, *known[value], keep=value in signature) for value in known]
        return ir.passes.PassResult(model, modified=any(changed))


def _values(model: ir.Model) -> list[ir.Value]:
    values: list[ir.Value] = []
    for graph in model.graphs():
        values += [*graph.inputs, *graph.initializers.values()]
        values += [value for node in graph for value in node.outputs]
    return list(dict.fromkeys(values))


def _restore(
    value: ir.Value, shape: ir.Shape | None, dtype: ir.DataType | None, *, keep: bool
) -> bool:
    """Merge what was known into what was inferred; whether the value has changed."""
    if shape is not None and (keep or value.shape is None):
        value.shape = shape
    elif shape is not None and value.shape is not None and shape.rank() == value.shape.rank():
        value.shape = ir.Shape(map(_better, shape, value.shape))
    return value.shape != shape or value.dtype != dtype


def _better(known: int | ir.SymbolicDim, inferred: int | ir.SymbolicDim) -> int | ir.SymbolicDim:
    if isinstance(known, int) or (known.value is not None and not isinstance(inferred, int)):
        return known
    return inferred
