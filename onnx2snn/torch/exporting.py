"""Write a PyTorch network as ONNX, by either exporter."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import torch

from onnx2snn.torch.modules import in_evaluation

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["export"]

_OPSETS = {False: 17, True: 18}
"""Whether dynamo exports, to an opset that it writes without converting: TorchScript up to 20."""


def export(
    model: nn.Module, example: Tensor, path: Path | str, *, dynamo: bool = True
) -> None:
    """Write ``model`` in evaluation mode to an ONNX file with a batch of any size.

    The input is called ``input``, the output ``output``.

    Args:
        model: The network; its mode is left as it was.
        example: An input, shape [N, ...], to trace the network with; N of at least 2.
        path: The file to write.
        dynamo: Whether ``torch.export`` traces the network, or TorchScript does.
    """
    free_batch: dict[str, Any]
    if dynamo:
        free_batch = {"dynamic_shapes": ({0: "batch"},)}
    else:
        free_batch = {"dynamic_axes": {"input": {0: "batch"}, "output": {0: "batch"}}}
    # torch prints its steps, and warns of its own future
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        in_evaluation(model),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        torch.onnx.export(
            model,
            (example,),
            str(path),
            dynamo=dynamo,
            opset_version=_OPSETS[dynamo],
            external_data=False,
            input_names=["input"],
            output_names=["output"],
            **free_batch,
        )
