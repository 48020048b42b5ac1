"""Running models in stock onnxruntime, with nothing of ours registered."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import InvalidModelError, RuntimeShapeError
from onnx2snn.storage.large_models import openable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx
    import onnxruntime

__all__ = ["run_session", "session", "session_options"]


def session(
    model: Path | onnx.ModelProto | ir.Model, threads: int = 0
) -> Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]:
    """Return a function from feeds to outputs, in order.

    A large model is not opened for speed but so that its weights stay in one file, mapped into
    memory, unless it is a file already.

    Args:
        model: Any ONNX model that onnxruntime can load.
        threads: Number of threads in an operator; 0 for as many as there are cores.

    Raises:
        InvalidModelError: onnxruntime refuses the model.
        RuntimeShapeError: What it returns was called with feeds that the model does not run on.
    """
    import onnxruntime  # noqa: PLC0415 (slow to import, and the numpy runtime does without)

    try:
        with openable(model) as given:
            options = session_options(threads)
            if isinstance(given, str) and not isinstance(
                model, Path
            ):  # large: leave weights there
                options.add_session_config_entry("session.disable_prepacking", "1")
            loaded = onnxruntime.InferenceSession(
                given, options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:  # onnxruntime's errors have no common class of their own
        message = f"cannot be opened by onnxruntime: {error}"
        raise InvalidModelError(message) from error

    run_options = onnxruntime.RunOptions()
    run_options.log_severity_level = 4  # what goes wrong is raised

    def run(feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return run_session(loaded, feeds, run_options)
        except Exception as error:  # likewise
            message = f"onnxruntime cannot run the model on these feeds: {error}"
            raise RuntimeShapeError(message) from error

    return run


def run_session(
    session: onnxruntime.InferenceSession,
    feeds: Mapping[str, np.ndarray],
    options: onnxruntime.RunOptions | None = None,
) -> list[Any]:
    """Return the outputs of an onnxruntime session, in order; bfloat16 comes and goes as it is."""
    values = (*session.get_inputs(), *session.get_outputs())
    if not any(value.type == _BFLOAT16 for value in values):
        return list(session.run(None, dict(feeds), options))
    given = {name: _to_ort(data) for name, data in feeds.items()}
    return [
        _from_ort(value) for value in session.run_with_ort_values(None, given, options)
    ]


_BFLOAT16 = "tensor(bfloat16)"


def _to_ort(data: np.ndarray) -> onnxruntime.OrtValue:
    """Return an array as onnxruntime's value; it takes the bits of bfloat16 in another type."""
    import onnxruntime  # noqa: PLC0415 (as above)

    if ir.DataType.from_numpy(data.dtype) is not ir.DataType.BFLOAT16:
        return onnxruntime.OrtValue.ortvalue_from_numpy(data)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
        np.ascontiguousarray(data).view(np.uint16), int(ir.DataType.BFLOAT16)
    )


def _from_ort(value: onnxruntime.OrtValue) -> Any:  # noqa: ANN401 (a sequence is a list)
    """Return onnxruntime's value as an array; of bfloat16 it gives no more than the address."""
    if value.data_type() != _BFLOAT16:
        return value.numpy()
    shape = value.shape()
    raw = ctypes.string_at(value.data_ptr(), 2 * math.prod(shape))
    return np.frombuffer(raw, ir.DataType.BFLOAT16.numpy()).reshape(shape)


def session_options(threads: int = 0) -> onnxruntime.SessionOptions:
    """Return options for a session of ours: quiet, and not spinning while it waits.

    Args:
        threads: Number of threads in an operator; 0 for as many as there are cores.
    """
    import onnxruntime  # noqa: PLC0415 (as above)

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
