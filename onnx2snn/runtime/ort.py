"""Running models in stock onnxruntime, with nothing of ours registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import InvalidModelError, RuntimeShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import onnx
    import onnxruntime

__all__ = ["session", "session_options"]


def session(
    model: onnx.ModelProto, threads: int = 0
) -> Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]:
    """Return a function from feeds to outputs, in order.

    Args:
        model: Any ONNX model that onnxruntime can load.
        threads: Number of threads in an operator; 0 for as many as there are cores.

    Raises:
        InvalidModelError: onnxruntime refuses the model.
        RuntimeShapeError: What it returns was called with feeds that the model does not run on.
    """
    import onnxruntime  # noqa: PLC0415 (slow to import, and the numpy runtime does without)

    try:
        loaded = onnxruntime.InferenceSession(
            model.SerializeToString(), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors have no common class of their own
        message = f"cannot be opened by onnxruntime: {error}"
        raise InvalidModelError(message) from error

    run_options = onnxruntime.RunOptions()
    run_options.log_severity_level = 4  # what goes wrong is raised

    def run(feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            results: list[np.ndarray] = loaded.run(None, dict(feeds), run_options)
        except Exception as error:  # likewise
            message = f"onnxruntime cannot run the model on these feeds: {error}"
            raise RuntimeShapeError(message) from error
        return results

    return run


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
