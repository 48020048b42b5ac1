from __future__ import annotations

from hypothesis import settings

# A busy machine takes long for one example; the suite has a limit as a whole.
settings.register_profile("onnx2snn", deadline=None)
settings.load_profile("onnx2snn")
