"""Read any ONNX model and bring it to the form in which the passes think."""

from onnx2snn.importing.pipeline import Imported, canonicalize, import_model, runnable
from onnx2snn.importing.self_check import self_check
from onnx2snn.importing.source import Source, read

__all__ = ["Imported", "Source", "canonicalize", "import_model", "read", "runnable", "self_check"]
