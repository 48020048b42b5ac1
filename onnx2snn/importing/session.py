"""Open and feed a model in onnxruntime as it stands, without optimisation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import onnx
    import onnxruntime as ort

__all__ = ["SessionError", "fetch", "open_session"]

_LARGEST_IN_MEMORY = 2**30


class SessionError(Exception):
    """onnxruntime refused to open or to run a model."""


def open_session(model: Path | onnx.ModelProto | ir.Model) -> ort.InferenceSession:
    """Open a model with one thread, without optimisation, and without a word on stderr.

    An ``ir.Model`` whose weights are large, or in other files, goes through a temporary folder.

    Raises:
        SessionError: onnxruntime refuses it; the message is onnxruntime's.
    """
    if not isinstance(model, ir.Model):
        return _open(str(model) if isinstance(model, Path) else model.SerializeToString())
    tensors = [
        value.const_value
        for graph in model.graphs()
        for value in graph.initializers.values()
        if value.const_value is not None
    ]
    is_external = any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors)
    if not is_external and sum(tensor.nbytes for tensor in tensors) < _LARGEST_IN_MEMORY:
        return _open(ir.to_proto(model).SerializeToString())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        ir.save(model, path, external_data="weights")
        return _open(str(path))


def _open(model: str | bytes) -> ort.InferenceSession:
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SessionError(str(error)) from error


def fetch(session: ort.InferenceSession, feeds: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Run the session; return what it gives for each of its outputs.

    Raises:
        SessionError: onnxruntime fails; the message is onnxruntime's.
    """
    names = [output.name for output in session.get_outputs()]
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    run_options = ort.RunOptions()
    run_options.log_severity_level = 4
    try:
        return dict(zip(names, session.run(names, dict(feeds), run_options), strict=True))
    except Exception as error:
        raise SessionError(str(error)) from error
