"""Putting the functions of the operators into a model."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.ops import DOMAIN, OPSET, declared_ops

__all__ = ["attach_functions"]


def attach_functions(model: ir.Model) -> bool:
    """Embed the function of every operator of ours that ``model`` uses; whether any was missing."""
    used = {node.op_type for node in model.graph.all_nodes() if node.domain == DOMAIN}
    modified = False
    ops = declared_ops()
    opset = model.opset_imports[""]
    for name in sorted(used):
        proto = ops[name].function(opset)
        function = ir.serde.deserialize_function(proto)
        if function.identifier() not in model.functions:
            model.functions[function.identifier()] = function
            modified = True
    if used:
        model.opset_imports[DOMAIN] = OPSET
    return modified
