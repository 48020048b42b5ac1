"""The published methods of conversion, and the parts that a method is made of.

What a new one touches: a method, a row in ``published``; a neuron, a row in ``neurons``, beside
its operator in ``onnx2snn.ops``; a rule for thresholds, a correction or a schedule, a row in the
module of that name, beside the function that does it.
"""

from __future__ import annotations

from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS

__all__ = ["METHODS", "Method"]
