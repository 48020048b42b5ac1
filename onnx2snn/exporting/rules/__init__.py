"""What each ONNX operator is in layers: a rule an operator."""

from onnx2snn.exporting.rules.arithmetic import ARITHMETIC
from onnx2snn.exporting.rules.linear import LINEAR
from onnx2snn.exporting.rules.moving import MOVING
from onnx2snn.exporting.rules.neurons import NEURONS
from onnx2snn.exporting.rules.pooling import POOLING
from onnx2snn.exporting.rules.refusing import why_refused
from onnx2snn.exporting.rules.work import NotRepresentableError, Rule, Work

__all__ = [
    "RULES",
    "NotRepresentableError",
    "Rule",
    "Work",
    "why_refused",
]

RULES: dict[str, Rule] = {**ARITHMETIC, **LINEAR, **MOVING, **NEURONS, **POOLING}
"""Operator to rule."""
