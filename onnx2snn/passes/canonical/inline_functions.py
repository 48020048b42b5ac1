"""Put the bodies of model-local functions where they are called."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes import common

__all__ = ["InlineFunctions"]


@dataclass(frozen=True)
class InlineFunctions(ir.passes.InPlacePass):
    """Replace every call of a model-local function by the function's nodes.

        before:  y = my.Block(x), with my.Block(a) => (b) { h = Relu(a);  b = Neg(h) }
        after:   h = Relu(x);  y = Neg(h)

    Exact. Calls in subgraphs and in other functions are replaced too. Functions, and the
    opset imports of domains that no node uses any more, are removed.

    Raises:
        onnx_ir.passes.PreconditionError: Functions call each other in a circle.
        ValueError: A function imports another version of a domain than the model does, or
            takes a graph as attribute.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Inline, then remove what no node uses."""
        imports = dict(model.opset_imports)
        has_functions = bool(model.functions)
        result = common.InlinePass()(model)
        model.functions.clear()
        common.RemoveUnusedOpsetsPass()(model)
        has_fewer_imports = imports != dict(model.opset_imports)
        modified = result.modified or has_functions or has_fewer_imports
        return ir.passes.PassResult(model, modified=modified)
