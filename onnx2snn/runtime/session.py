"""Open and feed a model in onnxruntime as it stands, without optimization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.runtime.ort import run_session
from onnx2snn.storage.large_models import openable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import onnx
    import onnx_ir as ir
    import onnxruntime as ort

__all__ = ["SessionError", "fetch", "open_session"]


class SessionError(Exception):
    """onnxruntime refused to open or to run a model."""


def open_session(model: Path | onnx.ModelProto | ir.Model) -> ort.InferenceSession:
    """Open a model with one thread, without optimization, and without a word on stderr.

    Raises:
        SessionError: onnxruntime refuses it; the message is onnxruntime's.
    """
    with openable(model) as given:
        return _open(given)


def _open(model: str | bytes) -> ort.InferenceSession:
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry(
        "session.disable_prepacking", "1"
    )  # weights would be copied
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SessionError(str(error)) from error


def fetch(
    session: ort.InferenceSession, feeds: Mapping[str, np.ndarray]
) -> dict[str, object]:
    """Run the session; return what it gives for each of its outputs.

    Raises:
        SessionError: onnxruntime fails; the message is onnxruntime's.
    """
    names = [output.name for output in session.get_outputs()]
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    run_options = ort.RunOptions()
    run_options.log_severity_level = 4
    try:
        return dict(zip(names, run_session(session, feeds, run_options), strict=True))
    except Exception as error:
        raise SessionError(str(error)) from error
