"""The operator that makes the values of an output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.metadata.facts import ACTIVATION, ACTIVATION_OUTPUT
from onnx2snn.passes import apply
from onnx2snn.passes.canonical.inline_functions import InlineFunctions

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["last_operators"]

_CARRIERS = {
    "Cast",
    "CastLike",
    "DequantizeLinear",
    "Dropout",
    "Flatten",
    "Gather",
    "Identity",
    "QuantizeLinear",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "ZipMap",
}
"""Operators that hand on values as they are, some or all, in their places or in others."""


def last_operators(model: ir.Model) -> dict[str, str]:
    """Return the type of the operator that makes the values of each output, by its name.

    Operators that only hand on values are passed over. In a spiking network the operator is the
    activation that a neuron replaced, if the output was that activation's. Empty where an
    output is an input or a constant.
    """
    if model.functions:
        model = apply(model.clone(), [InlineFunctions()])
    replaced = _replaced_activations(model)
    found = {}
    for output in model.graph.outputs:
        name = str(output.name)
        found[name] = replaced.get(name) or _last_operator(output)
    return found


def _last_operator(value: ir.Value | None) -> str:
    node = value.producer() if value is not None else None
    if node is None:
        return ""
    if node.op_type in _CARRIERS and node.inputs:
        return _last_operator(node.inputs[0])
    return node.op_type


def _replaced_activations(model: ir.Model) -> dict[str, str]:
    """Return the operator of each activation that a neuron replaced, by its output."""
    found = {}
    for node in model.graph.all_nodes():
        output, operator = ACTIVATION_OUTPUT.read(node), ACTIVATION.read(node)
        if output is not None and operator is not None:
            found[output] = operator
    return found
