"""The networks of ``benchmarks/zoo.py`` and their inputs: the one place that knows them by name.

A network that is not in ``SUBJECTS`` is fed unit normal values in the shapes of its inputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.networks import (
    NETWORKS,
    RAW_GREY,
    UNIT_GREY,
    normalized,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


__all__ = [
    "CALIBRATION",
    "MEASUREMENT",
    "SEEDS",
    "SUBJECTS",
    "Subject",
    "draw_normal",
    "networks",
    "subject_of",
]

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


CALIBRATION, MEASUREMENT = "calibration", "measurement"
SEEDS = MappingProxyType({MEASUREMENT: 0, CALIBRATION: 1})
"""Of what is drawn for each part: the same distribution, other samples."""


def networks(folder: Path) -> list[str]:
    """Return the networks in the data folder, as paths below it."""
    found = [*folder.glob("zoo/*.onnx"), *folder.glob("nets/*.onnx")]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def draw_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return unit normal values."""
    return np.asarray(generator.standard_normal(shape))


def _magnitude(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return values like those of a spectrum: none is negative."""
    return np.abs(draw_normal(generator, shape))


def _state(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return values like those of a recurrent state: within -1 and 1."""
    return np.tanh(draw_normal(generator, shape))


def _bytes(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.integers(0, 256, shape)


def _hertz(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return the sample rate of speech."""
    return np.full(shape, 16000)


def _resized(images: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
    """Return [N, H, W, 3] with other H and W: each pixel from the four around its place."""
    for axis, size in enumerate(sizes, start=1):
        length = images.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        low = np.minimum(place.astype(int), length - 2)
        share = (place - low).reshape([-1 if a == axis else 1 for a in range(4)])
        images = (
            np.take(images, low, axis) * (1 - share)
            + np.take(images, low + 1, axis) * share
        )
    return images


def _as_uint8(images: np.ndarray) -> np.ndarray:
    return _resized(images, (128, 128)).round().astype(np.uint8)


def _as_int8(images: np.ndarray) -> np.ndarray:
    return (_resized(images, (256, 256)).round() - 128).astype(np.int8)


def _photos(
    size: tuple[int, int],
    shift: Sequence[float] = (0.0,),
    scale: Sequence[float] = (1.0,),
    *,
    blue_first: bool = False,
    channels_last: bool = False,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the preprocessing of a network that takes photographs of another size.

    Args:
        size: Height and width.
        shift: Number to take off the values, 0 to 255, of all channels or of each, red first.
        scale: By what they are divided then, likewise.
        blue_first: Whether the network takes blue, green, red.
        channels_last: Whether it takes [N, H, W, 3].
    """

    def preprocess(images: np.ndarray) -> np.ndarray:
        pixels = (_resized(images, size) - np.array(shift)) / np.array(scale)
        ordered = pixels[..., ::-1] if blue_first else pixels
        placed = ordered if channels_last else ordered.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(placed, np.float32)

    return preprocess


def _luminance(images: np.ndarray, size: int) -> np.ndarray:
    """Return the brightness of photographs, [N, size, size], 0 to 255 (ITU-R BT.601)."""
    return np.asarray(_resized(images, (size, size)) @ np.array([0.299, 0.587, 0.114]))


def _bright_first(images: np.ndarray) -> np.ndarray:
    return _luminance(images, 224)[:, None] / 255


def _bright_last(images: np.ndarray) -> np.ndarray:
    return _luminance(images, 64)[..., None] / 127.5 - 1


@dataclasses.dataclass(frozen=True)
class Subject:
    """Facts about the inputs of one network.

    Attributes:
        images: File of images below the data folder; None for random values.
        preprocess: Turns images as stored into inputs of the network.
        draws: Input name to what draws its values; unit normal for those left out.
        shapes: Input name to the shape of a feed, where the network leaves more than its first
            axis free, or its inputs have no common first axis; None is the number of samples.
        trained: Whether the weights are trained.
        most: Most samples, where one takes a network much longer than its inputs' size tells.
    """

    images: str | None = None
    preprocess: Callable[[np.ndarray], np.ndarray] | None = None
    draws: Mapping[str, Draw] = dataclasses.field(default_factory=dict)
    shapes: Mapping[str, tuple[int | None, ...]] = dataclasses.field(
        default_factory=dict
    )
    trained: bool = True
    most: int | None = None

    def describe(self) -> str:
        """Return in a word or two what the network is fed."""
        if self.images is not None:
            return f"images of {self.images.partition('_')[0].partition('.')[0]}"
        if not self.draws:
            return "unit normal"
        return ", ".join(draw.__name__.strip("_") for draw in self.draws.values())


_CIFAR, _MNIST, _IMAGENET = "cifar10.npz", "mnist.npz", "imagenet_sample400_224.npz"
_KW = normalized((0.485, 0.456, 0.406), (0.225, 0.225, 0.225))

SUBJECTS: Mapping[str, Subject] = {
    **{row.file: Subject(row.images, row.preprocess) for row in NETWORKS},
    "zoo/cntk_mnist_fp16.onnx": Subject(_MNIST, RAW_GREY),
    "zoo/pt04_cifar_base_kw_dynshape.onnx": Subject(_CIFAR, _KW),
    "zoo/pt_cifar_deep_kw.onnx": Subject(_CIFAR, _KW),
    "zoo/pt_mnist_relu_9x200.onnx": Subject(_MNIST, UNIT_GREY),
    "zoo/tfl_mobilenetv1_025_imagenet_u8io.onnx": Subject(_IMAGENET, _as_uint8),
    "zoo/tfl_prismanet_int8_qdq.onnx": Subject(_IMAGENET, _as_int8, most=8),
    "zoo/keras_fer2013_mini_xception.onnx": Subject(_IMAGENET, _bright_last),
    "zoo/pt_fastestdet_op11.onnx": Subject(
        _IMAGENET, _photos((352, 352), scale=(255,), blue_first=True)
    ),
    "zoo/pt_sinet_portraitseg.onnx": Subject(
        _IMAGENET,
        _photos(
            (320, 320), (126.9, 111.3, 102.9), (16932, 16014, 16040), blue_first=True
        ),
    ),
    "zoo/pt_super_resolution_op15.onnx": Subject(_IMAGENET, _bright_first, most=8),
    "zoo/pt_ultraface_rfb320.onnx": Subject(
        _IMAGENET, _photos((240, 320), (127,), (128,))
    ),
    "zoo/pt_yolox_nano_facemask.onnx": Subject(
        _IMAGENET, _photos((416, 416), blue_first=True)
    ),
    "zoo/tf2onnx156_deeplab_mnv2dm05.onnx": Subject(
        _IMAGENET, _photos((513, 513), (127.5,), (127.5,))
    ),
    "zoo/tfl_mcunet_vww_deq.onnx": Subject(
        _IMAGENET, _photos((80, 80), (128,), (128,), channels_last=True)
    ),
    "zoo/tfl_slimnet_portraitseg.onnx": Subject(
        _IMAGENET, _photos((512, 512), scale=(255,), channels_last=True)
    ),
    "zoo/keras2onnx_dtln_1_lstm.onnx": Subject(
        draws={"input_2": _magnitude, "input_3": _state}
    ),
    "zoo/spox_silero_vad_16k_openvino.onnx": Subject(
        draws={"input": draw_normal, "state": _state}
    ),
    "zoo/pt29_silero_vad_op18.onnx": Subject(
        draws={"input": draw_normal, "sr": _hertz, "state": _state},
        shapes={"input": (1, 576), "sr": (), "state": (2, 1, 128)},
    ),
    # Its biases are all 0 and its embedding is unit normal, as initialized.
    "zoo/pt_byte_bilstm.onnx": Subject(
        draws={"input": _bytes}, shapes={"input": (None, 32)}, trained=False
    ),
    "zoo/paddle_ppocrv2_cls.onnx": Subject(shapes={"x": (None, 3, 48, 192)}),
}
"""Path below the data folder to the inputs of the network."""


def subject_of(file: str) -> Subject:
    """Return the facts about the network ``file``; a topology without weights is not trained."""
    return SUBJECTS.get(file, Subject(trained="_noweights" not in file))
