"""The runtimes ``ort`` and ``native``: onnxruntime, without and with our native library."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from onnx2snn.errors import InvalidModelError, RuntimeShapeError
from onnx2snn.native import find_library
from onnx2snn.runtime.sessions import SessionError, open_session, run_session

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import Run
    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["open_fastest", "open_runner"]


def open_runner(
    model: OpenableModel,
    threads: int = 0,
    *,
    optimized: bool = True,
    native: bool = False,
) -> Run:
    """Return a function from feeds to outputs, in order, that runs ``model``.

    Args:
        model: Any ONNX model that onnxruntime can load.
        threads: Number of threads in an operator; 0 for as many as there are cores.
        optimized: Whether onnxruntime may rewrite the graph.
        native: Whether operators of ``ai.onnx2snn`` run in the native library.

    Raises:
        InvalidModelError: onnxruntime refuses the model.
        NativeError: There is no native library that works here.
        RuntimeShapeError: The returned function got feeds that the model does not run on.
    """
    try:
        session = open_session(
            model,
            optimized=optimized,
            threads=threads,
            native=native,
        )
    except SessionError as error:
        message = f"cannot be opened by onnxruntime: {error}"
        raise InvalidModelError(message) from error
    return functools.partial(_run, session)


def _run(session: ort.InferenceSession, feeds: Feeds) -> list[np.ndarray]:
    """Return the outputs of a session, in order."""
    try:
        return run_session(session, feeds)
    except SessionError as error:
        message = f"onnxruntime cannot run the model on these feeds: {error}"
        raise RuntimeShapeError(message) from error


def open_fastest(model: OpenableModel, threads: int = 0) -> Run:
    """Return a function as ``open_runner`` does, native where that is possible.

    The library has the operators for float and double: a network in a shorter type runs without.

    Args:
        model: Any ONNX model that onnxruntime can load.
        threads: Number of threads in an operator; 0 for as many as there are cores.

    Raises:
        InvalidModelError: onnxruntime refuses the model.
    """
    if find_library() is not None:
        try:
            return open_runner(model, threads, native=True)
        except InvalidModelError:
            pass  # stock onnxruntime may run it, and tells better what is wrong if not
    return open_runner(model, threads)
