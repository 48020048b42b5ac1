"""Observing the activations of an ANN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.segment import Segment
from onnx2snn.channels import channel_axis
from onnx2snn.normal import Normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx_ir as ir

__all__ = ["histogram_from_statistics", "histograms"]

_SAMPLES = 64  # of each batch-normalized value, at every position


def histograms(
    model: ir.Model, values: Sequence[ir.Value], batches: Iterable[Mapping[str, np.ndarray]]
) -> list[Histogram]:
    """Return the distribution of each of ``values`` over the data, per channel.

    Args:
        model: The ANN.
        values: Values of its main graph.
        batches: Feeds of the graph inputs; they are read once, one at a time.
    """
    segment = Segment(model, values, ())
    found: list[Histogram | None] = [None] * len(values)
    for feeds in batches:
        for index, data in enumerate(segment.run(feeds)):
            rows = _by_channel(data, channel_axis(values[index]))
            histogram = found[index] or Histogram(len(rows))
            histogram.update(rows)
            found[index] = histogram
    return [histogram for histogram in found if histogram is not None]


def histogram_from_statistics(model: ir.Model, value: ir.Value, seed: int) -> Histogram | None:
    """Return the distribution of ``value`` that BatchNormalization implies, without data.

    A normalized value is taken to be N(bias, scale^2) in every channel, independently at every
    position; samples of it are carried to ``value`` through whatever lies between.

    Args:
        model: The ANN; its BatchNormalization nodes are there, or folded with a note.
        value: A value of its main graph.
        seed: Seed of the random generator.

    Returns:
        The distribution; None if ``value`` does not depend on normalized values alone.
    """
    known = {v: n for node in model.graph for v in node.outputs if (n := Normal.of(v)) is not None}
    segment = Segment(model, [value], known)
    sources = {str(v.name): (v, normal) for v, normal in known.items()}
    if not all(name in sources for name in segment.inputs):
        return None
    generator = np.random.default_rng(seed)
    feeds = {name: _draw(*sources[name], generator) for name in segment.inputs}
    rows = _by_channel(segment.run(feeds)[0], channel_axis(value))
    histogram = Histogram(len(rows))
    histogram.update(rows)
    return histogram


def _draw(value: ir.Value, normal: Normal, generator: np.random.Generator) -> np.ndarray:
    """Return samples of a normalized value, of its shape."""
    sizes = [size if isinstance(size, int) else 8 for size in list(value.shape or ())[2:]]
    rows = value.shape[0] if value.shape is not None else None
    count = rows if isinstance(rows, int) else max(1, _SAMPLES * 64 // max(64, int(np.prod(sizes))))
    noise = generator.standard_normal((count, normal.mean.size, *sizes), np.float32)
    along = (1, -1, *[1] * len(sizes))
    samples: np.ndarray = noise * normal.std.reshape(along) + normal.mean.reshape(along)
    return samples


def _by_channel(data: np.ndarray, axis: int | None) -> np.ndarray:
    """Return ``data`` as [channels, values]; one channel if there is no channel axis."""
    if axis is None:
        return data.reshape(1, -1)
    return np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1)
