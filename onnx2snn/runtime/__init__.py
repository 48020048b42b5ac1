"""Running converted networks.

``ort`` is stock onnxruntime, with nothing of ours registered; ``native`` is onnxruntime with the
native library, ``auto`` the better of the two; ``numpy`` needs no onnxruntime; ``torch`` is
PyTorch, on any of its devices.
"""

from onnx2snn.runtime.execution import RUNTIMES, Execution
from onnx2snn.runtime.loading import (
    AnyNetwork,
    Emitted,
    change_layout,
    load_to_run,
    read_emitted,
)
from onnx2snn.runtime.network import Network
from onnx2snn.runtime.sessions import register
from onnx2snn.runtime.time_input import NotSpikingError
from onnx2snn.storage.large_models import tensors_of

__all__ = [
    "RUNTIMES",
    "AnyNetwork",
    "Emitted",
    "Execution",
    "Network",
    "NotSpikingError",
    "change_layout",
    "load_to_run",
    "read_emitted",
    "register",
    "tensors_of",
]
