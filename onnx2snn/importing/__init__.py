"""Read any ONNX model, refuse what is none, and compare what became of it with the original."""

from onnx2snn.importing.imported import Imported
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import Source, read

__all__ = ["Imported", "Source", "read", "self_check"]
