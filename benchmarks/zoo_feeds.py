"""Inputs for the networks of ``benchmarks/zoo.py``: how many samples, and which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.zoo_networks import CALIBRATION, SEEDS, Subject, draw_normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onnx2snn.data.input_specs import InputSpec

    Shapes = Mapping[str, tuple[int | None, ...]]

__all__ = ["Feeds", "feeds"]

_LEAST = 8
"""Samples in any case, however large they are."""

_LEAST_IMAGES = 100
"""The same of images, which differ more than noise does."""

_VALUES = 2**18
"""Values in all samples, or in a batch, if these are not too few samples."""

_VALUES_IN_STEPS = 2**28
"""Most values of images in all steps."""

_MOST_ROWS = 64
"""Most samples in a batch."""


class Feeds(NamedTuple):
    """Inputs of a network, batch by batch, and how many samples they have."""

    feeds: list[dict[str, np.ndarray]]
    samples: int


def feeds(  # noqa: PLR0913 (whose inputs, which, and how many)
    subject: Subject,
    specs: Sequence[InputSpec],
    folder: Path,
    part: str,
    most: int,
    *,
    time_steps: int = 1,
) -> Feeds:
    """Return the inputs of a network, the same for the same arguments.

    The larger an input, the fewer samples: 2^18 values in all, but at least 8; of images, which
    differ more than noise does, at least 100, or 2^28 values in all steps if that is less; and
    ``most`` at most. A feed holds as many of them as the network takes at once, where it leaves
    that free 2^18 values again, and 64 at most.

    Args:
        subject: Facts about the network that its file does not tell.
        specs: Its inputs.
        folder: The data folder.
        part: ``calibration`` or ``measurement``.
        most: Most samples.
        time_steps: T.
    """
    shapes = {}
    for spec in specs:
        shapes[spec.name] = subject.shapes.get(spec.name, spec.shape or ())
    most_samples = min(most, subject.most or most)
    if subject.preprocess is None:
        values = max(map(_count_values, shapes.values()))
        count = min(max(_VALUES // values, _LEAST), most_samples)
        rows = _rows_at_once(shapes, values, count)
        return _draw(subject, specs, shapes, (rows, count), SEEDS[part])
    images = _load_images(subject, folder, part, most)
    values = subject.preprocess(images[:1]).size
    affordable = max(_LEAST, _VALUES_IN_STEPS // (values * time_steps))
    least = min(_LEAST_IMAGES, affordable)
    count = min(max(_VALUES // values, least), most_samples)
    rows = _rows_at_once(shapes, values, count)
    ready = subject.preprocess(images[:count]).astype(specs[0].dtype)
    cuts = [ready[start : start + rows] for start in range(0, len(ready), rows)]
    return Feeds([{specs[0].name: cut} for cut in cuts], len(ready))


def _count_values(shape: tuple[int | None, ...]) -> int:
    """Return the number of values of a sample."""
    return math.prod(size or 1 for size in shape)


def _rows_at_once(shapes: Shapes, values: int, count: int) -> int:
    """Return how many samples of so many values the network takes at once."""
    is_free = any(shape[:1] == (None,) for shape in shapes.values())
    if not is_free:
        return 1
    return min(max(_VALUES // values, 1), _MOST_ROWS, count)


def _draw(
    subject: Subject,
    specs: Sequence[InputSpec],
    shapes: Shapes,
    sizes: tuple[int, int],
    seed: int,
) -> Feeds:
    """Return drawn inputs.

    Args:
        subject: Facts about the network.
        specs: Its inputs.
        shapes: Their shapes, by name.
        sizes: Samples in a batch, and in all batches at least.
        seed: Seed of the draws.
    """
    rows, count = sizes
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(math.ceil(count / rows)):
        feed = {}
        for spec in specs:
            shape = tuple(rows if size is None else size for size in shapes[spec.name])
            draw_values = subject.draws.get(spec.name, draw_normal)
            values = draw_values(generator, shape)
            feed[spec.name] = np.asarray(values).astype(spec.dtype)
        drawn.append(feed)
    return Feeds(drawn, rows * len(drawn))


def _load_images(subject: Subject, folder: Path, part: str, most: int) -> np.ndarray:
    """Return the first images for ``part``, as stored; where all are in one, 100 calibrate."""
    is_calibration = part == CALIBRATION
    with np.load(folder / str(subject.images)) as arrays:
        if "x_test" in arrays:
            images = arrays["x_train" if is_calibration else "x_test"]
        elif is_calibration:
            images = arrays["x"][:100]
        else:
            images = arrays["x"][100:]
        return np.asarray(images[:most])
