"""Small networks of known kinds, every activation a module of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_bn(
    channels: int, filters: int, kernel: int = 3, stride: int = 1
) -> nn.Sequential:
    """Return a convolution that keeps the size (at stride 1), with its normalization."""
    conv = nn.Conv2d(channels, filters, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters))


class CifarBlock(nn.Module):
    """Two convolutions and a shortcut that pads missing channels with zeros (option A)."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        """Create the block; names are those of the public weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu2 = nn.ReLU()
        self.missing = filters - channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation, shape [N, filters, H / stride, W / stride]."""
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.missing:
            half = self.missing // 2
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        return self.relu2(out + x)


class CifarResNet20(nn.Module):
    """ResNet-20 of He et al. (2016) for CIFAR-10; takes the public weights of that name."""

    def __init__(self) -> None:
        """Create the network."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = self._stage(16, 16, 1)
        self.layer2 = self._stage(16, 32, 2)
        self.layer3 = self._stage(32, 64, 2)
        self.linear = nn.Linear(64, 10)

    @staticmethod
    def _stage(channels: int, filters: int, stride: int) -> nn.Sequential:
        rest = [CifarBlock(filters, filters, 1) for _ in range(2)]
        return nn.Sequential(CifarBlock(channels, filters, stride), *rest)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape [N, 10], of ``images``, shape [N, 3, 32, 32]."""
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


class Block(nn.Module):
    """Two convolutions and a shortcut, with a 1 x 1 convolution where shapes differ."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        """Create the block."""
        super().__init__()
        self.first = conv_bn(channels, filters, stride=stride)
        self.relu1 = nn.ReLU()
        self.second = conv_bn(filters, filters)
        same = stride == 1 and channels == filters
        self.shortcut = nn.Identity() if same else conv_bn(channels, filters, 1, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation, shape [N, filters, H / stride, W / stride]."""
        return self.relu2(self.second(self.relu1(self.first(x))) + self.shortcut(x))


def resnet18(width: int, channels: int = 1, classes: int = 10) -> nn.Sequential:
    """Return a ResNet-18 for small images: 2 blocks each of 1, 2, 4 and 8 ``width`` channels."""
    layers: list[nn.Module] = [conv_bn(channels, width), nn.ReLU()]
    before = width
    for stage in range(4):
        filters = width * 2**stage
        layers += [
            Block(before, filters, 2 if stage else 1),
            Block(filters, filters, 1),
        ]
        before = filters
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes)
    )


def vgg(width: int, channels: int = 1, classes: int = 10) -> nn.Sequential:
    """Return a VGG of six convolutions in three stages.

    The average is taken before the last activation of a stage, not after it: what drives the next
    weights are then spikes, and no means of spikes.
    """
    layers: list[nn.Module] = []
    before = channels
    for stage in range(3):
        filters = width * 2**stage
        layers += [conv_bn(before, filters), nn.ReLU()]
        layers += [conv_bn(filters, filters), nn.AvgPool2d(2), nn.ReLU()]
        before = filters
    hidden = nn.LazyLinear(128)
    return nn.Sequential(
        *layers, nn.Flatten(), hidden, nn.ReLU(), nn.Linear(128, classes)
    )


def parameters(model: nn.Module) -> int:
    """Return the number of trained numbers."""
    return sum(torch.numel(each) for each in model.parameters())
