"""The networks whose speed is measured: trained ones from the data folder, and seeded shapes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "SUBJECTS",
    "Subject",
    "bottleneck_network",
    "residual_network",
    "vgg_network",
]

SEED = 0


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network whose speed is measured.

    Attributes:
        name: Name of it in the tables.
        shape: Shape of one sample.
        batches: Numbers of samples that are run at a time.
        make: Returns the ANN, given the data folder.
        weights: The same weights as a state_dict, for simulators that run PyTorch modules.
    """

    name: str
    shape: tuple[int, ...]
    batches: tuple[int, ...]
    make: Callable[[Path], onnx.ModelProto]
    weights: str | None = None


class _Writer:
    """Writes a network of convolutions with weights that are drawn.

    Args:
        channels: Channels of the input.
    """

    def __init__(self, channels: int) -> None:
        """Begin with the input."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = channels
        self._rng = np.random.default_rng(SEED)

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node; return its output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def draw(self, *shape: int) -> str:
        """Return weights that keep the size of what they multiply."""
        name = f"w{len(self.weights)}"
        inputs = np.prod(shape[1:])
        drawn = self._rng.standard_normal(shape) * np.sqrt(2 / inputs)
        self.weights.append(numpy_helper.from_array(drawn.astype(np.float32), name))
        return name

    def convolve(self, value: str, channels: int, kernel: int, stride: int = 1) -> str:
        """Add a convolution that keeps the size of an image, but for the stride."""
        weights = self.draw(channels, self.channels, kernel, kernel)
        self.channels = channels
        pad = kernel // 2
        return self.add("Conv", value, weights, strides=[stride] * 2, pads=[pad] * 4)

    def model(self, output: str, shape: tuple[int, ...]) -> onnx.ModelProto:
        """Return the network."""
        graph = helper.make_graph(
            [*self.nodes, helper.make_node("Identity", [output], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", *shape])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", "C"])],
            self.weights,
        )
        imports = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def residual_network(_: Path) -> onnx.ModelProto:
    """Return a network of the shape of ResNet-18, for images of 224 x 224."""
    writer = _Writer(3)
    first = writer.add("Relu", writer.convolve("x", 64, 7, 2))
    value = writer.add(
        "MaxPool", first, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for step in (stride, 1):
            value = _residual_block(writer, value, channels, step)
    mean = writer.add("GlobalAveragePool", value)
    flat = writer.add("Flatten", mean)
    scores = writer.add("Gemm", flat, writer.draw(1000, 512), transB=1)
    return writer.model(scores, (3, 224, 224))


def _residual_block(writer: _Writer, value: str, channels: int, stride: int) -> str:
    """Add two convolutions with a skip path around them."""
    channels_before = writer.channels
    first = writer.add("Relu", writer.convolve(value, channels, 3, stride))
    second = writer.convolve(first, channels, 3)
    skip = value
    if stride > 1:
        writer.channels = channels_before
        skip = writer.convolve(value, channels, 1, stride)
    return writer.add("Relu", writer.add("Add", second, skip))


def bottleneck_network(width: int = 64) -> onnx.ModelProto:
    """Return a network of the shape of ResNet-50, for images of 224 x 224.

    Args:
        width: Channels of the first layer, 64 in ResNet-50; all others grow with it.
    """
    writer = _Writer(3)
    first = writer.add("Relu", writer.convolve("x", width, 7, 2))
    value = writer.add(
        "MaxPool", first, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    for stage, count in enumerate((3, 4, 6, 3)):
        channels = width * 2**stage
        stride = 1 if stage == 0 else 2
        value = _bottleneck_block(writer, value, channels, stride, is_first=True)
        for _block in range(1, count):
            value = _bottleneck_block(writer, value, channels, 1, is_first=False)
    mean = writer.add("GlobalAveragePool", value)
    flat = writer.add("Flatten", mean)
    weights = writer.draw(1000, writer.channels)
    scores = writer.add("Gemm", flat, weights, transB=1)
    return writer.model(scores, (3, 224, 224))


def _bottleneck_block(
    writer: _Writer, value: str, channels: int, stride: int, *, is_first: bool
) -> str:
    """Add three convolutions, of which the last widens, with a skip path around them."""
    wide = 4 * channels
    channels_before = writer.channels
    first = writer.add("Relu", writer.convolve(value, channels, 1))
    second = writer.add("Relu", writer.convolve(first, channels, 3, stride))
    third = writer.convolve(second, wide, 1)
    skip = value
    if is_first:
        writer.channels = channels_before
        skip = writer.convolve(value, wide, 1, stride)
    return writer.add("Relu", writer.add("Add", third, skip))


def vgg_network(_: Path) -> onnx.ModelProto:
    """Return a network of the shape of VGG-16, for images of 224 x 224."""
    writer = _Writer(3)
    value = "x"
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _layer in range(count):
            value = writer.add("Relu", writer.convolve(value, channels, 3))
        value = writer.add("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])
    value = writer.add("Flatten", value)
    for features in (4096, 4096):
        inputs = 25088 if features == 4096 and writer.channels == 512 else 4096
        writer.channels = features
        value = writer.add("Gemm", value, writer.draw(features, inputs), transB=1)
        value = writer.add("Relu", value)
    scores = writer.add("Gemm", value, writer.draw(1000, 4096), transB=1)
    return writer.model(scores, (3, 224, 224))


def _from_file(name: str) -> Callable[[Path], onnx.ModelProto]:
    return lambda folder: onnx.load(folder / "nets" / name)


SUBJECTS = (
    Subject(
        "ResNet-20",
        (3, 32, 32),
        (1, 64),
        _from_file("cifar10_resnet20.onnx"),
        weights="cifar10_resnet20.pth",
    ),
    Subject("ResNet-18 shape", (3, 224, 224), (1,), residual_network),
    Subject("VGG-16 shape", (3, 224, 224), (1,), vgg_network),
    Subject(
        "MobileNetV2",
        (3, 224, 224),
        (1,),
        _from_file("mobilenet_v2_1.0_224_deq_nchw.onnx"),
    ),
    Subject(
        "CIFAR vision transformer",
        (3, 32, 32),
        (1, 64),
        _from_file("cifar10_vit_pgd_2_3_16.onnx"),
    ),
)
"""The networks, in the order of the tables."""
