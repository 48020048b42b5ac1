"""The networks that the benchmarks measure, and the images they see.

Everything lies in one folder, given to each benchmark as ``--data``. It has trained networks in
``nets/`` and ``zoo/``, and images as ``.npz`` with ``x_train``, ``x_test``, ``y_test``, or with
``x`` and ``y`` where training and test images are not apart.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "CIFAR_STATISTICS",
    "IMAGENET_STATISTICS",
    "NETWORKS",
    "RAW_GREY",
    "RAW_LAST",
    "UNIT_GREY",
    "UNIT_LAST",
    "Images",
    "Network",
    "count_images",
    "gray",
    "load_images",
    "normalized",
]


def normalized(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> Callable[..., np.ndarray]:
    """Return the preprocessing of torchvision's networks: [N, H, W, 3] in 0..255 to NCHW."""
    shift, scale = np.array(mean, np.float32), np.array(std, np.float32)

    def preprocess(images: np.ndarray) -> np.ndarray:
        scaled = (images.astype(np.float32) / 255 - shift) / scale
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    return preprocess


def _caffe(images: np.ndarray) -> np.ndarray:
    """Return NCHW in the order blue, green, red, with the mean of each taken off."""
    shifted = images[..., ::-1].astype(np.float32) - np.array(
        [104, 117, 123], np.float32
    )
    return np.ascontiguousarray(shifted.transpose(0, 3, 1, 2))


def _mobilenet(images: np.ndarray) -> np.ndarray:
    """Return NCHW in -1..1."""
    scaled = (images.astype(np.float32) - 128) / 128
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _efficientnet(images: np.ndarray) -> np.ndarray:
    """Return NCHW in about -1..1."""
    scaled = (images.astype(np.float32) - 127) / 128
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _channels_last(images: np.ndarray, divisor: float) -> np.ndarray:
    """Return NHWC in 0..255 / divisor."""
    pixels = images if images.ndim == 4 else images[..., None]
    return pixels.astype(np.float32) / divisor


def _grey(images: np.ndarray, divisor: float) -> np.ndarray:
    """Return [N, 1, H, W] in 0..255 / divisor."""
    return images[:, None].astype(np.float32) / divisor


def gray(mean: float, std: float) -> Callable[..., np.ndarray]:
    """Return ``normalized`` for gray images: [N, H, W] in 0..255 to [N, 1, H, W]."""
    colors = normalized((mean,), (std,))
    return lambda images: colors(images[..., None])


IMAGENET_STATISTICS = normalized((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR_STATISTICS = normalized((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
UNIT_LAST = functools.partial(_channels_last, divisor=255)
RAW_LAST = functools.partial(_channels_last, divisor=1)
UNIT_GREY = functools.partial(_grey, divisor=255)
RAW_GREY = functools.partial(_grey, divisor=1)


@dataclasses.dataclass(frozen=True)
class Network:
    """One network of the benchmark.

    Attributes:
        name: Name for ``--network``.
        title: Name on pages.
        file: The ONNX file below the data folder; a ``.pth`` is exported with BatchNorm kept, a
            ``.package`` comes from a package of that name.
        images: File of the images below the data folder.
        preprocess: Turns images as stored into inputs of the network.
        calibration: Which training images calibrate; None for no calibration data at all.
        test: Which test images are scored; None for all.
        label_offset: Number to add to a label to get the network's class number.
        compared: Whether all methods are measured on it, or only the default and staggered ones.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights.
        weights: The weights of ``benchmarks/resnet20.py`` below the data folder, for converters
            that take PyTorch modules; empty if there are none.
    """

    name: str
    title: str
    file: str
    images: str
    preprocess: Callable[[np.ndarray], np.ndarray]
    calibration: range | None = range(1024)
    test: range | None = None
    label_offset: int = 0
    compared: bool = True
    spike: str = "activations"
    weights: str = ""


_CIFAR = functools.partial(Network, images="cifar10.npz", preprocess=CIFAR_STATISTICS)
_MNIST = functools.partial(Network, images="mnist.npz", preprocess=UNIT_GREY)
_IMAGENET = functools.partial(
    Network,
    images="imagenet_sample400_224.npz",
    calibration=range(100),
    test=range(100, 400),
)
_RESNET20 = functools.partial(_CIFAR, preprocess=IMAGENET_STATISTICS)
_RESNET20_FILE = "nets/cifar10_resnet20"

NETWORKS: tuple[Network, ...] = (
    _RESNET20(
        "resnet20",
        "ResNet-20, CIFAR-10, classic exporter",
        f"{_RESNET20_FILE}.onnx",
        weights=f"{_RESNET20_FILE}.pth",
    ),
    _RESNET20(
        "resnet20-dynamo",
        "ResNet-20, CIFAR-10, dynamo exporter",
        f"{_RESNET20_FILE}_dynamo.onnx",
        compared=False,
    ),
    _RESNET20(
        "resnet20-no-data",
        "ResNet-20, CIFAR-10, no data, BatchNorm folded",
        f"{_RESNET20_FILE}.onnx",
        calibration=None,
        compared=False,
    ),
    _RESNET20(
        "resnet20-batch-norm",
        "ResNet-20, CIFAR-10, no data, BatchNorm kept",
        f"{_RESNET20_FILE}.pth",
        calibration=None,
        compared=False,
    ),
    _RESNET20(
        "resnet44",
        "ResNet-44, CIFAR-10",
        "nets/cifar10_resnet44.onnx",
        compared=False,
    ),
    _MNIST("mnist-conv-maxpool", "MNIST, PyTorch", "zoo/pt_mnist_conv_maxpool.onnx"),
    _MNIST(
        "mnist-keras",
        "MNIST, Keras",
        "zoo/keras2onnx_mnist_cnn_max2.onnx",
        preprocess=UNIT_LAST,
    ),
    _MNIST("mnist-cntk", "MNIST, CNTK", "zoo/cntk_mnist_op7.onnx", preprocess=RAW_GREY),
    _CIFAR(
        "resnet8-mlperf",
        "ResNet-8, CIFAR-10, MLPerf Tiny",
        "nets/cifar10_mlperf_resnet8_keras.onnx",
        preprocess=RAW_LAST,
    ),
    _CIFAR("resnet2b", "ResNet with 2 blocks, CIFAR-10", "zoo/pt_cifar_resnet2b.onnx"),
    _CIFAR(
        "cifar-medium-tf",
        "2 convolutions, CIFAR-10, TensorFlow",
        "zoo/tf2onnx_cifar10_medium.onnx",
        preprocess=UNIT_LAST,
    ),
    _CIFAR(
        "vit",
        "Vision transformer, CIFAR-10, all weights driven by spikes",
        "nets/cifar10_vit_pgd_2_3_16.onnx",
        compared=False,
        spike="all",
    ),
    _MNIST(
        "mnist-attention",
        "Self-attention, MNIST, Keras",
        "zoo/tf2onnx_mnist_selfattention.onnx",
        preprocess=UNIT_LAST,
        compared=False,
    ),
    _MNIST(
        "mnist-sigmoid",
        "6 layers of sigmoids, MNIST",
        "zoo/pt_mnist_sigmoid_6x200.onnx",
        compared=False,
    ),
    _MNIST(
        "mnist-leaky-relu",
        "5 layers of leaky ReLUs, MNIST",
        "zoo/pt_mnist_leakyrelu_5x20.onnx",
        compared=False,
    ),
    _IMAGENET(
        "mobilenet-v2",
        "MobileNetV2, ImageNet samples",
        "nets/mobilenet_v2_1.0_224_deq_nchw.onnx",
        preprocess=_mobilenet,
        label_offset=1,
    ),
    _IMAGENET(
        "mobilenet-v2-all",
        "MobileNetV2, ImageNet samples, all weights driven by spikes",
        "nets/mobilenet_v2_1.0_224_deq_nchw.onnx",
        preprocess=_mobilenet,
        label_offset=1,
        compared=False,
        spike="all",
    ),
    _IMAGENET(
        "efficientnet-lite0",
        "EfficientNet-Lite0, ImageNet samples",
        "efficientnet-lite0.package",
        preprocess=_efficientnet,
        compared=False,
    ),
    _IMAGENET(
        "squeezenet1.1",
        "SqueezeNet 1.1, ImageNet samples",
        "nets/squeezenet1_1_caffe_fp16w.onnx",
        preprocess=_caffe,
    ),
)
"""The networks, in the order in which they are measured."""


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Images of one network.

    Attributes:
        calibration: Preprocessed images without labels; None for a row without data.
        test: Preprocessed images.
        labels: Class number of each test image, as the network counts.
    """

    calibration: np.ndarray | None
    test: np.ndarray
    labels: np.ndarray


def count_images(network: Network, folder: Path, limit: int | None = None) -> int:
    """Return how many test images ``load_images`` returns."""
    if network.test is not None:
        return len(network.test[:limit])
    with np.load(folder / network.images) as arrays:
        return len(arrays["y_test" if "x_test" in arrays else "y"][:limit])


def load_images(network: Network, folder: Path, limit: int | None = None) -> Images:
    """Return the images of ``network``.

    Args:
        network: A row of the table.
        folder: The data folder.
        limit: Most test images that are scored; None for all the row names.
    """
    with np.load(folder / network.images) as arrays:
        apart = "x_test" in arrays
        labels = arrays["y_test" if apart else "y"]
        rows = (network.test or range(len(labels)))[:limit]
        test = arrays["x_test" if apart else "x"][rows.start : rows.stop]
        labels = labels[rows.start : rows.stop]
        calibration = None
        if network.calibration is not None:
            training = arrays["x_train" if apart else "x"]
            chosen = slice(network.calibration.start, network.calibration.stop)
            calibration = network.preprocess(training[chosen])
    return Images(
        calibration,
        network.preprocess(test),
        labels.astype(np.int64) + network.label_offset,
    )
