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
    "load_images",
    "normalised",
]


def normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[..., np.ndarray]:
    """Return the preprocessing of torchvision's networks: [N, H, W, 3] in 0..255 to NCHW."""
    shift, scale = np.array(mean, np.float32), np.array(std, np.float32)

    def preprocess(images: np.ndarray) -> np.ndarray:
        scaled = (images.astype(np.float32) / 255 - shift) / scale
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    return preprocess


def _caffe(images: np.ndarray) -> np.ndarray:
    """Return NCHW in the order blue, green, red, with the mean of each taken off."""
    shifted = images[..., ::-1].astype(np.float32) - np.array([104, 117, 123], np.float32)
    return np.ascontiguousarray(shifted.transpose(0, 3, 1, 2))


def _mobilenet(images: np.ndarray) -> np.ndarray:
    """Return NCHW in -1..1."""
    scaled = (images.astype(np.float32) - 128) / 128
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _channels_last(images: np.ndarray, divisor: float) -> np.ndarray:
    """Return NHWC in 0..255 / divisor."""
    pixels = images if images.ndim == 4 else images[..., None]
    return pixels.astype(np.float32) / divisor


def _grey(images: np.ndarray, divisor: float) -> np.ndarray:
    """Return [N, 1, H, W] in 0..255 / divisor."""
    return images[:, None].astype(np.float32) / divisor


IMAGENET_STATISTICS = normalised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR_STATISTICS = normalised((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
UNIT_LAST = functools.partial(_channels_last, divisor=255)
RAW_LAST = functools.partial(_channels_last, divisor=1)
UNIT_GREY = functools.partial(_grey, divisor=255)
RAW_GREY = functools.partial(_grey, divisor=1)


@dataclasses.dataclass(frozen=True)
class Network:
    """One row of the benchmark.

    Attributes:
        name: What the table and ``--network`` call it.
        file: The ONNX file below the data folder; a ``.pth`` is exported with BatchNorm kept.
        images: File of the images below the data folder.
        preprocess: What turns images as stored into what the network takes.
        calibration: Which training images calibrate; None for no calibration data at all.
        test: Which test images are scored; None for all.
        label_offset: What is added to a label to get the network's class number.
    """

    name: str
    file: str
    images: str
    preprocess: Callable[[np.ndarray], np.ndarray]
    calibration: range | None = range(512)
    test: range | None = None
    label_offset: int = 0


def _of_imagenet(
    name: str, file: str, preprocess: Callable[[np.ndarray], np.ndarray], label_offset: int = 0
) -> Network:
    images, calibration, test = "imagenet_sample400_224.npz", range(100), range(100, 400)
    return Network(name, file, images, preprocess, calibration, test, label_offset)


_CIFAR, _MNIST = "cifar10.npz", "mnist.npz"
_RESNET20 = "nets/cifar10_resnet20"

NETWORKS: tuple[Network, ...] = (
    Network("resnet20", f"{_RESNET20}.onnx", _CIFAR, IMAGENET_STATISTICS),
    Network("resnet20-dynamo", f"{_RESNET20}_dynamo.onnx", _CIFAR, IMAGENET_STATISTICS),
    Network("resnet20-no-data", f"{_RESNET20}.onnx", _CIFAR, IMAGENET_STATISTICS, None),
    Network("resnet20-batch-norm", f"{_RESNET20}.pth", _CIFAR, IMAGENET_STATISTICS, None),
    Network("mnist-conv-maxpool", "zoo/pt_mnist_conv_maxpool.onnx", _MNIST, UNIT_GREY),
    Network("mnist-keras", "zoo/keras2onnx_mnist_cnn_max2.onnx", _MNIST, UNIT_LAST),
    Network("mnist-cntk", "zoo/cntk_mnist_op7.onnx", _MNIST, RAW_GREY),
    Network("resnet8-mlperf", "nets/cifar10_mlperf_resnet8_keras.onnx", _CIFAR, RAW_LAST),
    Network("resnet2b", "zoo/pt_cifar_resnet2b.onnx", _CIFAR, CIFAR_STATISTICS),
    Network("cifar-medium-tf", "zoo/tf2onnx_cifar10_medium.onnx", _CIFAR, UNIT_LAST),
    _of_imagenet("mobilenet-v2", "nets/mobilenet_v2_1.0_224_deq_nchw.onnx", _mobilenet, 1),
    _of_imagenet("squeezenet1.1", "nets/squeezenet1_1_caffe_fp16w.onnx", _caffe),
)
"""The rows, in the order in which they are measured."""


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """What one network sees.

    Attributes:
        calibration: Preprocessed images without labels; None for a row without data.
        test: Preprocessed images.
        labels: Class number of each test image, as the network counts.
    """

    calibration: np.ndarray | None
    test: np.ndarray
    labels: np.ndarray


def load_images(network: Network, folder: Path, limit: int | None = None) -> Images:
    """Return the images of ``network``.

    Args:
        network: A row of the table.
        folder: The data folder.
        limit: How many test images are scored at most; None for all the row names.
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
        calibration, network.preprocess(test), labels.astype(np.int64) + network.label_offset
    )
