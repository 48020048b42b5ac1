"""Read any ONNX model, refuse an invalid one, and compare the imported model with it."""

from onnx2snn.importing.imported import Imported
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import Source, read

__all__ = ["Imported", "Source", "read", "self_check"]
