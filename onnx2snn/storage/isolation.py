"""Clones of a model, kept from changing what they were cloned from."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["all_values", "isolate_values"]


def isolate_values(model: ir.Model) -> None:
    """Give every value a type and every initializer a tensor object of its own.

    Setting a value's name or type also sets those of its tensor and of its type object, which
    a clone shares with the model it was cloned from. The data itself stays shared.
    """
    for value in all_values(model):
        value.type = copy.copy(value.type)
        if value.const_value is not None:
            value.const_value = _separate_tensor(value.const_value)


def all_values(model: ir.Model) -> Iterator[ir.Value]:
    """Yield every value of ``model``, of its subgraphs and functions too."""
    functions = [function.graph for function in model.functions.values()]
    for graph in (*model.graphs(), *functions):
        yield from graph.inputs
        for initializer in graph.initializers.values():
            if initializer not in graph.inputs:
                yield initializer
        for node in graph:
            yield from node.outputs


def _separate_tensor(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    shape = ir.Shape(tensor.shape.numpy())
    if isinstance(tensor, ir.ExternalTensor):
        return ir.ExternalTensor(
            tensor.location,
            tensor.offset,
            tensor.length,
            tensor.dtype,
            shape=shape,
            name=tensor.name or "",
            base_dir=tensor.base_dir,
        )
    if isinstance(tensor, ir.StringTensor):
        return ir.StringTensor(tensor.numpy(), shape=shape, name=tensor.name)
    return ir.LazyTensor(
        lambda: tensor, dtype=tensor.dtype, shape=shape, name=tensor.name
    )
