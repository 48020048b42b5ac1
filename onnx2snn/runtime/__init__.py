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
from onnx2snn.runtime.network import Network
from onnx2snn.storage.large_models import (
    external_data_problem,
    external_tensors,
    is_large,
    read_small_tensors,
    tensors_of,
)
from onnx2snn.storage.model_file import parse_model, read_bytes

if TYPE_CHECKING:
    from onnx2snn.runtime.network import Runtime

    AnyNetwork: TypeAlias = str | os.PathLike[str] | bytes | onnx.ModelProto | ir.Model

__all__ = ["RUNTIMES", "Network", "load", "tensors_of"]

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
    network, path = _read_network(model)
    try:
        return Network(network, _choose_runtime(runtime, threads), path)
    except InvalidModelError as error:
        name = Path(model).name if isinstance(model, str | os.PathLike) else "the model"
        message = f"{name} {error}"
        raise InvalidModelError(message) from error


def _choose_runtime(name: str, threads: int) -> Runtime:
    if name == "numpy":
        from onnx2snn.runtime import numpy_runtime  # noqa: PLC0415 (only if asked for)

        return numpy_runtime.open_runner
    from onnx2snn.runtime import ort  # noqa: PLC0415 (only if asked for)

    return functools.partial(ort.open_runner, threads=threads)


def _read_network(model: AnyNetwork) -> tuple[ir.Model, Path | None]:
    """Return a network, and its file if that is to be opened as it is."""
    if isinstance(model, ir.Model):
        return model, None
    if isinstance(model, onnx.ModelProto):
        return ir.from_proto(model), None
    if isinstance(model, bytes):
        return ir.from_proto(parse_model(model, "the network")), None
    path = Path(model)
    network = ir.from_proto(parse_model(read_bytes(path), path.name))
    ir.external_data.set_base_dir(network.graph, path.parent)
    _check_external_data(network, path)
    if not is_large(network):
        read_small_tensors(network)
        return network, None
    return network, path


def _check_external_data(network: ir.Model, path: Path) -> None:
    """Refuse a network whose weights in other files cannot be read."""
    problems = {external_data_problem(tensor) for tensor in external_tensors(network)}
    found = sorted(filter(None, problems))
    if found:
        message = f"the external data of {path.name} cannot be read: {'; '.join(found)}"
        raise InvalidModelError(message)
