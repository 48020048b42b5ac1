"""The ResNet-20 for CIFAR-10 of He et al., 2016, and its export with BatchNorm kept.

Shortcuts are of option A: every second pixel, and zeros for the channels that are new. Most
exporters fold BatchNorm into the convolutions; this export keeps it, so that a conversion without
calibration data can read the statistics.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ResNet20", "export_with_batch_norm"]


class ResNet20(nn.Module):
    """A 3x3 stem and three stages of three blocks with 16, 32 and 64 channels."""

    def __init__(self) -> None:
        """Make the layers under the names that the weight file has."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16)
        self.layer2 = _stage(16, 32)
        self.layer3 = _stage(32, 64)
        self.linear = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits [N, 10] of images [N, 3, 32, 32]."""
        x = functional.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = outputs // inputs
        self.new = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self._shortcut(x))

    def _shortcut(self, x: torch.Tensor) -> torch.Tensor:
        if not self.new:
            return x
        before = self.new // 2
        sampled = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(sampled, (0, 0, 0, 0, before, self.new - before))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _Block(inputs, outputs), _Block(outputs, outputs), _Block(outputs, outputs)
    )


def export_with_batch_norm(weights: Path) -> bytes:
    """Return the ONNX file of the network with the weights in ``weights``, a state_dict."""
    network = ResNet20()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()
    file = io.BytesIO()
    with warnings.catch_warnings():
        # about Slices that it cannot fold, and about the exporter's age
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 32, 32),),
            file,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    return file.getvalue()
