"""Running converted networks.

``ort`` is stock onnxruntime, with nothing of ours registered; ``numpy`` needs no onnxruntime.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import onnx
import onnx_ir as ir

from onnx2snn.errors import InvalidModelError, OptionError
from onnx2snn.model_file import parse_model, read_bytes
from onnx2snn.runtime.network import Network

if TYPE_CHECKING:
    from onnx2snn.runtime.network import Runtime

    AnyNetwork: TypeAlias = str | os.PathLike[str] | bytes | onnx.ModelProto | ir.Model

__all__ = ["RUNTIMES", "Network", "load"]

RUNTIMES = ("ort", "numpy")
"""Names of the runtimes."""


def load(
    model: AnyNetwork,
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
        OptionError: There is no such runtime.
    """
    if runtime not in RUNTIMES:
        message = f"runtime must be one of {', '.join(RUNTIMES)}, not {runtime!r}"
        raise OptionError(message)
    if threads < 0:
        message = f"threads must be at least 0, not {threads}"
        raise OptionError(message)
    proto = _read(model)
    try:
        return Network(proto, _runtime(runtime, threads))
    except InvalidModelError as error:
        name = Path(model).name if isinstance(model, str | os.PathLike) else "the model"
        message = f"{name} {error}"
        raise InvalidModelError(message) from error


def _runtime(name: str, threads: int) -> Runtime:
    if name == "numpy":
        from onnx2snn.runtime.numpy_runtime import evaluation  # noqa: PLC0415 (only if asked for)

        return evaluation
    from onnx2snn.runtime.ort import session  # noqa: PLC0415 (only if asked for)

    return functools.partial(session, threads=threads)


def _read(model: AnyNetwork) -> onnx.ModelProto:
    if isinstance(model, onnx.ModelProto):
        return model
    if isinstance(model, ir.Model):
        return ir.to_proto(model)
    if isinstance(model, bytes):
        return parse_model(model, "the network")
    path = Path(model)
    proto = parse_model(read_bytes(path), path.name)
    try:
        onnx.load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        message = f"the external data of {path.name} cannot be read: {error}"
        raise InvalidModelError(message) from error
    return proto
