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

__all__ = ["ResNet20", "Shortcut", "export_with_batch_norm", "load_resnet20"]


class ResNet20(nn.Module):
    """A 3x3 stem and three stages of three blocks with 16, 32 and 64 channels.

    All that computes is a module of its own, as converters that look for modules want it.
    """

    def __init__(self) -> None:
        """Make the layers under the names that the weight file has."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16)
        self.layer2 = _stage(16, 32)
        self.layer3 = _stage(32, 64)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits [N, 10] of images [N, 3, 32, 32]."""
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(self.flatten(self.pool(x)))


class Shortcut(nn.Module):
    """Every second pixel, and zeros for the channels that are new."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Store the numbers of channels."""
        super().__init__()
        self.inputs, self.outputs = inputs, outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return [N, outputs, H / 2, W / 2] of x [N, inputs, H, W]."""
        before = self.before
        after = self.outputs - self.inputs - before
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, before, after))

    @property
    def before(self) -> int:
        """Number of the new channels in front of the others."""
        return (self.outputs - self.inputs) // 2


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            inputs, outputs, 3, outputs // inputs, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity() if inputs == outputs else Shortcut(inputs, outputs)
        )
        self.relu2 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(y)) + self.shortcut(x))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _Block(inputs, outputs), _Block(outputs, outputs), _Block(outputs, outputs)
    )


def load_resnet20(weights: Path) -> ResNet20:
    """Return the network with the weights in ``weights``, a state_dict."""
    network = ResNet20()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


def export_with_batch_norm(weights: Path) -> bytes:
    """Return the ONNX file of the network with the weights in ``weights``, a state_dict."""
    network = load_resnet20(weights)
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
