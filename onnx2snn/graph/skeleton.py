"""A model without its large weights, for what only looks at the graph."""

from __future__ import annotations

import onnx_ir as ir

__all__ = ["skeleton"]

_BIG = 1024
"""Bytes above which an initializer is left out: no shape and no axis is as large."""


def skeleton(model: ir.Model) -> ir.Model:
    """Return a copy of ``model`` whose large initializers are inputs of the same names."""
    copy = model.clone()
    for name, value in tuple(copy.graph.initializers.items()):
        tensor = value.const_value
        if tensor is not None and tensor.nbytes > _BIG:
            value.shape = ir.Shape(tensor.shape.numpy())
            value.type = ir.TensorType(tensor.dtype)
            del copy.graph.initializers[name]
            if value not in copy.graph.inputs:
                copy.graph.inputs.append(value)
    return copy
