"""Keys of the metadata that passes leave on nodes and values, for each other and in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "ACTIVATION",
    "ACTIVATION_OUTPUT",
    "EXCLUDED",
    "STREAM_OF",
    "THRESHOLD_ORIGIN",
    "is_excluded",
]

ACTIVATION = "onnx2snn.activation"
"""On a neuron: operator type of the activation it replaced."""

ACTIVATION_OUTPUT = "onnx2snn.activation_output"
"""On a neuron: name of that activation's output in the ANN."""

THRESHOLD_ORIGIN = "onnx2snn.threshold_origin"
"""On a neuron: where its threshold comes from, see `onnx2snn.metadata.scale.Scale.origin`."""

STREAM_OF = "onnx2snn.stream_of"
"""On a stream whose mean is an output of the network: the name of that output."""

EXCLUDED = "onnx2snn.left"
"""On a value, while a network is converted: no neuron is to stand where its node is."""


def is_excluded(value: ir.Value) -> bool:
    """Whether no neuron is to stand at ``value``, nor in front of the weights that make it."""
    return EXCLUDED in value.metadata_props
