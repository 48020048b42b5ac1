"""Putting the functions of the operators into a model."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET

__all__ = ["attach_functions"]


def attach_functions(model: ir.Model) -> bool:
    """Embed the function of every operator of ours that ``model`` uses; whether any was missing."""
    used = {node.op_type for node in model.graph.all_nodes() if node.domain == DOMAIN}
    modified = False
    for name in sorted(used):
        function = ir.serde.deserialize_function(
            ALL_OPS[name].function(model.opset_imports[""])
        )
        if function.identifier() not in model.functions:
            model.functions[function.identifier()] = function
            modified = True
    if used:
        model.opset_imports[DOMAIN] = OPSET
    return modified
