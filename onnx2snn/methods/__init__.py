"""The published methods of conversion, and what a method is made of."""

from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS

__all__ = ["METHODS", "Method"]
