"""Open a model in onnxruntime, and run it: the only place that does so.

onnxruntime is imported when the first model is opened: that is slow, and the NumPy runtime
does without it.
"""

from __future__ import annotations

import ctypes
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir

from onnx2snn.budget import TRIAL_SECONDS
from onnx2snn.errors import NativeError, brief
from onnx2snn.native import find_library, library_problem
from onnx2snn.runtime.arena import limit_memory
from onnx2snn.storage.large_models import openable

if TYPE_CHECKING:
    import onnxruntime as ort

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.native import NativeLibrary
    from onnx2snn.storage.large_models import OpenableModel

__all__ = [
    "ExceedingError",
    "SessionError",
    "is_of_numpy",
    "open_session",
    "register",
    "run_by_name",
    "run_session",
    "run_trial",
]

_FATAL_ONLY = 4
"""Severity from which onnxruntime logs: whatever goes wrong is raised as well."""


_SHRINK = "memory.enable_memory_arena_shrinkage"

_EXCEEDED = ("Available memory of", "bad_alloc", "bad allocation", "terminate flag")
"""Parts of what onnxruntime says where a model needs more memory, or time, than it may take."""


class SessionError(Exception):
    """onnxruntime refused to open or to run a model; the message is onnxruntime's."""


class ExceedingError(SessionError):
    """A model needs more memory or time than it may take."""


def open_session(
    model: OpenableModel,
    *,
    optimized: bool = True,
    threads: int = 0,
    native: bool = False,
    multiplies_bytes: bool = False,
) -> ort.InferenceSession:
    """Open a model on the CPU, quietly, and without spinning while it waits.

    Args:
        model: What onnxruntime can load.
        optimized: Whether onnxruntime may rewrite the graph, and copy weights (not those of a
            large model that is no file); else it runs as it stands, in no more memory than it may.
        threads: Number of threads in an operator; 0 for as many as there are cores.
        native: Whether our operators run in the native library, not as functions.
        multiplies_bytes: Whether bytes between quantizers may be multiplied, not floats.

    Raises:
        SessionError: onnxruntime refuses the model.
        NativeError: There is no native library that works here.
    """
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    options = _session_options(threads, multiplies_bytes=multiplies_bytes)
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        limit_memory(options)
    if native:
        register(options).limit_threads(threads)
    try:
        with openable(model) as source:
            is_mapped = isinstance(source, str) and not isinstance(model, Path)
            if is_mapped or not optimized:
                options.add_session_config_entry("session.disable_prepacking", "1")
            return ort.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:  # onnxruntime's errors have no common class
        raise _session_error(error) from error


def _session_error(error: Exception) -> SessionError:
    """Return the error of ours for one of onnxruntime."""
    message = str(error)
    if isinstance(error, MemoryError) or any(each in message for each in _EXCEEDED):
        return ExceedingError(brief(error))
    return SessionError(brief(error))


def _session_options(threads: int, *, multiplies_bytes: bool) -> ort.SessionOptions:
    """Return the options of every session."""
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    options = ort.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not multiplies_bytes:
        # On x86 without VNNI, sums of two products saturate at 16 bits there.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    return options


def register(session_options: ort.SessionOptions) -> NativeLibrary:
    """Let a session run the operators of ``ai.onnx2snn`` in the native library.

    For those who make their own ``onnxruntime.InferenceSession``. A file needs nothing for it,
    and gives the same results. The library has the operators for float and double: a network in
    float16 or bfloat16 is refused by a session that it is registered with.

    Args:
        session_options: The options that the session will be made with.

    Returns:
        The library.

    Raises:
        NativeError: There is no native library that works here; the message says what to do.
    """
    library = find_library()
    if library is None:
        raise NativeError(library_problem())
    session_options.register_custom_ops_library(str(library.path))
    return library


def run_session(session: ort.InferenceSession, feeds: Feeds) -> list[Any]:
    """Return the outputs of a session, in order, in the types that the model declares.

    Raises:
        SessionError: The model does not run on these feeds.
    """
    return _run_with(_run_options(), session, feeds)


def run_trial(session: ort.InferenceSession, feeds: Feeds) -> dict[str, Any]:
    """Return the outputs of a session by name, of a model that may never end.

    Args:
        session: One that was opened without optimization.
        feeds: Inputs by name.

    Raises:
        ExceedingError: It takes more than ``TRIAL_SECONDS``, or more memory than may be taken.
        SessionError: The model does not run on these feeds.
    """
    options = _run_options()
    options.add_run_config_entry(_SHRINK, "cpu:0")

    def stop() -> None:
        options.terminate = True

    timer = threading.Timer(TRIAL_SECONDS, stop)
    timer.daemon = True
    timer.start()
    try:
        results = _run_with(options, session, feeds)
    finally:
        timer.cancel()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, results, strict=True))


def _run_options() -> ort.RunOptions:
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    options = ort.RunOptions()
    options.log_severity_level = _FATAL_ONLY
    return options


def _run_with(
    options: ort.RunOptions, session: ort.InferenceSession, feeds: Feeds
) -> list[Any]:
    """Return the outputs of a session, in order."""
    try:
        if not _has_type_of_its_own(session):
            results = session.run(None, dict(feeds), options)
            return [_apart_from(result, feeds) for result in results]
        given = {name: _to_ort(data) for name, data in feeds.items()}
        results = session.run_with_ort_values(None, given, options)
        return [_from_ort(result) for result in results]
    except Exception as error:  # likewise
        raise _session_error(error) from error


def _apart_from(result: Any, feeds: Feeds) -> Any:  # noqa: ANN401 (a sequence is a list)
    """Return an output in memory of its own.

    An input that is an output too comes back in the memory of its feed, which older versions of
    onnxruntime do not keep alive.
    """
    is_array = isinstance(result, np.ndarray)
    if is_array and any(np.may_share_memory(result, data) for data in feeds.values()):
        return result.copy()
    return result


def run_by_name(session: ort.InferenceSession, feeds: Feeds) -> dict[str, Any]:
    """Return the outputs of a session, by name.

    Raises:
        SessionError: The model does not run on these feeds.
    """
    names = [output.name for output in session.get_outputs()]
    results = run_session(session, feeds)
    return dict(zip(names, results, strict=True))


def _has_type_of_its_own(session: ort.InferenceSession) -> bool:
    """Whether an input or output is of a type that numpy itself does not have."""
    values = (*session.get_inputs(), *session.get_outputs())
    types = [_tensor_type(value.type) for value in values]
    return any(dtype is not None and not is_of_numpy(dtype) for dtype in types)


def _tensor_type(name: str) -> ir.DataType | None:
    """Return the type that onnxruntime calls ``name``; None if that is no tensor."""
    if not name.startswith("tensor("):
        return None
    element = name.removeprefix("tensor(").removesuffix(")").upper()
    return ir.DataType.__members__.get(element)


def is_of_numpy(dtype: ir.DataType) -> bool:
    """Whether numpy itself has such numbers; bfloat16, and those of 8 bits or less, it has not."""
    return dtype.numpy().isbuiltin == 1


def _to_ort(data: np.ndarray) -> ort.OrtValue:
    """Return an array as onnxruntime's value; it takes the bits of other types as integers."""
    import onnxruntime as ort  # noqa: PLC0415 (slow to import)

    dtype = ir.DataType.from_numpy(data.dtype)
    if is_of_numpy(dtype):
        return ort.OrtValue.ortvalue_from_numpy(data)
    contiguous = np.ascontiguousarray(data)
    bits = contiguous.view(f"u{data.dtype.itemsize}")
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, int(dtype))


def _from_ort(value: ort.OrtValue) -> Any:  # noqa: ANN401 (a sequence is a list)
    """Return onnxruntime's value as an array; of other types than numpy's, by its address.

    ``numpy()`` refuses these, or gives the codes of float8 as if they were integers.
    """
    dtype = _tensor_type(value.data_type())
    if dtype is None or is_of_numpy(dtype):
        return value.numpy()
    shape = value.shape()
    nbytes = math.ceil(dtype.itemsize * math.prod(shape))
    raw = ctypes.string_at(value.data_ptr(), nbytes)
    proto = onnx.TensorProto(dims=shape, data_type=int(dtype), raw_data=raw)
    return ir.TensorProtoTensor(proto).numpy()
