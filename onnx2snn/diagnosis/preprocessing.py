"""Preparations of images that the ANN may have been trained with, tried on its accuracy."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, cast

import numpy as np

from onnx2snn.evaluation.evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.diagnosis.samples import Samples
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork

__all__ = ["PREPARATIONS", "Better", "Preparation", "better_preparation"]

_IMAGE_AXES = 4
_COLORS = 3


@dataclasses.dataclass(frozen=True)
class Preparation:
    """A way to prepare images.

    Attributes:
        name: It in words.
        apply: Makes images of it, [N, ...], of those in the data.
        needs_colors: Whether the images must have three channels.
    """

    name: str
    apply: Callable[[np.ndarray], np.ndarray]
    needs_colors: bool = False


def _channel_axis(images: np.ndarray) -> int:
    return 1 if images.shape[1] == _COLORS else -1


def _reverse_channels(images: np.ndarray) -> np.ndarray:
    return np.flip(images, _channel_axis(images))


def _standardize(images: np.ndarray) -> np.ndarray:
    """Return images of mean 0 and variance 1, over all of them."""
    spread = images.std() + np.float32(1e-12)
    return np.asarray((images - images.mean()) / spread)


PREPARATIONS = (
    Preparation(
        "with the channels in the other order (RGB, BGR)",
        _reverse_channels,
        needs_colors=True,
    ),
    Preparation("divided by 255", lambda images: images / 255),
    Preparation("multiplied by 255", lambda images: images * 255),
    Preparation("scaled from 0..1 to -1..1", lambda images: images * 2 - 1),
    Preparation("scaled from -1..1 to 0..1", lambda images: (images + 1) / 2),
    Preparation("scaled from 0..255 to -1..1", lambda images: images / 127.5 - 1),
    Preparation("with mean 0 and variance 1", _standardize),
)


@dataclasses.dataclass(frozen=True)
class Better:
    """A preparation under which the ANN is right more often.

    Attributes:
        preparation: It in words.
        accuracy: Accuracy of the ANN with it, in percent.
        as_given: Accuracy on the data as it is.
    """

    preparation: str
    accuracy: float
    as_given: float


def better_preparation(ann: AnyModel, samples: Samples) -> Better | None:
    """Return the preparation of images that helps the ANN most; None if none clearly does.

    Args:
        ann: The ANN.
        samples: Samples with labels; of images there must be one input alone.
    """
    feeds = samples.joined()
    if samples.labels is None or len(feeds) != 1:
        return None
    ((name, images),) = feeds.items()
    if images.ndim != _IMAGE_AXES or images.dtype.kind != "f":
        return None
    as_given = _accuracy(ann, feeds, samples.labels)
    best = Better("", as_given, as_given)
    for preparation in PREPARATIONS:
        if preparation.needs_colors and _COLORS not in (
            images.shape[1],
            images.shape[-1],
        ):
            continue
        prepared = preparation.apply(images).astype(images.dtype)
        accuracy = _accuracy(ann, {name: prepared}, samples.labels)
        if accuracy > best.accuracy:
            best = Better(preparation.name, accuracy, as_given)
    is_clear = best.accuracy - as_given > _doubt(as_given, samples.count)
    return best if is_clear else None


def _accuracy(ann: AnyModel, feeds: Arrays, labels: np.ndarray) -> float:
    found = evaluate(
        cast("AnyNetwork", ann), feeds, labels=labels, task="classification"
    )
    return found.ann_top1 or 0.0


def _doubt(percent: float, samples: int) -> float:
    """Return three standard deviations of an accuracy in percent, at least of one right or wrong.

    The same samples are right or wrong under both preparations, so this is more than enough.
    """
    share = percent / 100
    variance = max(share * (1 - share), 1 / samples) / samples
    return 300 * math.sqrt(variance)
