"""Running converted networks.

``ort`` is stock onnxruntime, with nothing of ours registered; ``numpy`` needs no onnxruntime.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from onnx2snn.errors import InvalidModelError
from onnx2snn.runtime.network import Network

if TYPE_CHECKING:
    from onnx2snn.runtime.network import Runtime

__all__ = ["RUNTIMES", "Network", "load"]

RUNTIMES = ("ort", "numpy")
"""Names of the runtimes."""


def load(
    model: str | os.PathLike[str] | bytes | onnx.ModelProto,
    runtime: str = "ort",
    *,
    threads: int = 0,
) -> Network:
    """Load a converted network.

    Args:
        model: The emitted file, its bytes or the model itself.
        runtime: ``ort`` or ``numpy``.
        threads: Threads within an operator of the ``ort`` runtime; 0 for one a core.

    Raises:
        InvalidModelError: The file is not there, or no network that was emitted here.
        ValueError: There is no such runtime.
    """
    if runtime not in RUNTIMES:
        message = f"runtime must be one of {', '.join(RUNTIMES)}, not {runtime!r}"
        raise ValueError(message)
    return Network(_read(model), _runtime(runtime, threads))


def _runtime(name: str, threads: int) -> Runtime:
    if name == "numpy":
        from onnx2snn.runtime.numpy_runtime import evaluation  # noqa: PLC0415 (only if asked for)

        return evaluation
    from onnx2snn.runtime.ort import session  # noqa: PLC0415 (only if asked for)

    return functools.partial(session, threads=threads)


def _read(model: str | os.PathLike[str] | bytes | onnx.ModelProto) -> onnx.ModelProto:
    if isinstance(model, onnx.ModelProto):
        return model
    try:
        if isinstance(model, bytes):
            return onnx.load_from_string(model)
        return onnx.load(os.fspath(model))
    except OSError as error:
        message = f"cannot read {os.fspath(model)!r}: {error.strerror}"
        raise InvalidModelError(message) from error
    except DecodeError as error:
        message = f"{model!r} is not an ONNX file" if not isinstance(model, bytes) else "not ONNX"
        raise InvalidModelError(message) from error
