"""Run a converted model in PyTorch: node by node, neurons over all their steps at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir
import torch

from onnx2snn.errors import OptionError, Refusal, UnsupportedError
from onnx2snn.graph import display_name, is_op
from onnx2snn.ops import DOMAIN
from onnx2snn.runtime.torch_runtime.graph_runner import GraphRunner
from onnx2snn.runtime.torch_runtime.operators import OPERATORS
from onnx2snn.storage.map_types import model_of

if TYPE_CHECKING:
    import numpy as np

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.feeds import Run
    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["checked_device", "open_runner"]


def checked_device(name: str | None) -> torch.device:
    """Return the device of a name of PyTorch's, as ``cuda:0``; a GPU, if there is one, by default.

    Raises:
        OptionError: There is no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        message = f"device: PyTorch cannot use {name!r} here: {reason}"
        raise OptionError(message) from error
    return device


def open_runner(model: OpenableModel, device: str | None = None) -> Run:
    """Return a function from feeds to outputs, in order, that runs ``model`` in PyTorch.

    Args:
        model: A model; float32 is computed in float32, not in TF32.
        device: A device of PyTorch's; None for a GPU if there is one.

    Raises:
        OptionError: There is no such device.
        UnsupportedError: It has operators without a PyTorch form here; all are named.
    """
    whole = _read(model)
    _check_operators(whole)
    network = GraphRunner(whole, checked_device(device))

    def run(feeds: Feeds) -> list[np.ndarray]:
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            return network.run(feeds)

    return run


def _read(model: OpenableModel) -> ir.Model:
    if isinstance(model, Path):
        return ir.load(model)
    if isinstance(model, onnx.ModelProto):
        return model_of(model)
    return model


def _check_operators(model: ir.Model) -> None:
    refusals = []
    for node in model.graph.all_nodes():
        is_known = is_op(node, "Loop", "If", *OPERATORS) or node.domain == DOMAIN
        if not is_known:
            reason = "no PyTorch form is known here"
            refusals.append(Refusal(display_name(node), node.op_type, reason))
    if refusals:
        message = (
            "the runtime torch does not compute these nodes; choose the runtime 'ort':"
        )
        raise UnsupportedError(message, refusals)
