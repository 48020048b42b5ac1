"""Keys of the metadata that an emitted file carries on its nodes."""

from __future__ import annotations

__all__ = ["ACTIVATION", "ACTIVATION_OUTPUT", "THRESHOLD_ORIGIN"]

ACTIVATION = "onnx2snn.activation"
"""On a neuron: operator type of the activation it replaced."""

ACTIVATION_OUTPUT = "onnx2snn.activation_output"
"""On a neuron: name of that activation's output in the ANN."""

THRESHOLD_ORIGIN = "onnx2snn.threshold_origin"
"""On a neuron: where its threshold comes from, see `onnx2snn.scale.Scale.origin`."""
