"""Observing the activations of an ANN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.operators import operator_named
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.graph import boundary
from onnx2snn.metadata.normal import Normal
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import onnx_ir as ir

__all__ = ["Statistics", "histograms"]

_FOLDS = 4
"""Parts of the data, for cross-validation."""

_SAMPLES = 4096
"""Least number of samples of a channel, if they do not cost too much."""

_DRAWN = 2**24
"""Random numbers for one activation, after which there are samples enough."""


def histograms(
    model: ir.Model,
    values: Sequence[ir.Value],
    batches: Iterable[Mapping[str, np.ndarray]],
) -> list[list[Histogram]]:
    """Return the distribution of the magnitude of each of ``values`` over the data, per channel.

    Each comes in parts of about the same number of samples, some of them empty where there are
    few batches: a rule can try on one part what it has learned from the others.

    Args:
        model: The ANN.
        values: Values of its main graph.
        batches: Feeds of the graph inputs; they are read once, one at a time.
    """
    segment = Subgraph(model, values, ())
    found: list[list[Histogram]] = [[] for _ in values]
    for number, feeds in enumerate(batches):
        for index, data in enumerate(segment.run(feeds)):
            axis = channel_axis(values[index])
            found[index] = found[index] or _empty(
                1 if axis is None else data.shape[axis]
            )
            for fold, part in _parts(data, number, axis):
                found[index][fold].update(_by_channel(part, axis))
    return [folds for folds in found if folds]


def _empty(channels: int) -> list[Histogram]:
    return [Histogram(channels) for _ in range(_FOLDS)]


def _parts(
    data: np.ndarray, number: int, axis: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Give the samples of a batch to the folds, a whole one to one fold if it has few."""
    if axis == 0 or data.ndim == 0 or len(data) < _FOLDS:
        yield number % _FOLDS, data
        return
    for fold in range(_FOLDS):
        yield fold, data[fold::_FOLDS]


class Statistics:
    """What the BatchNormalization nodes of an ANN say about its activations, without data.

    A normalized value is taken to be N(bias, scale^2) in every channel, independently at every
    position; samples of it are carried to an activation through whatever lies between.

    Args:
        model: The ANN; its BatchNormalization nodes are there, or folded with a note.
        feeds: Any feeds of the graph inputs; only the shapes they lead to are used.
        seed: Seed of the random generator.
    """

    def __init__(
        self, model: ir.Model, feeds: Mapping[str, np.ndarray], seed: int
    ) -> None:
        """Find the normalized values and their shapes."""
        self._model = model
        self._seed = seed
        values = [value for node in model.graph for value in node.outputs]
        self._normals = {
            v: normal for v in values if (normal := Normal.of(v)) is not None
        }
        shapes = (
            Subgraph(model, list(self._normals), ()).run(feeds) if self._normals else []
        )
        self._shapes = {
            str(value.name): (normal, data.shape)
            for (value, normal), data in zip(self._normals.items(), shapes, strict=True)
        }

    def histogram(self, value: ir.Value) -> Histogram | None:
        """Return the distribution of |value|; None if it depends on other values as well.

        What averages over positions hides how they depend on each other: then None, too.
        """
        if not all(end in self._normals for end in boundary([value], self._normals)):
            return None
        segment = Subgraph(self._model, [value], self._normals)
        if any(operator_named(op_type).averages for op_type in segment.operators):
            return None
        generator = np.random.default_rng(self._seed)
        found: Histogram | None = None
        drawn = 0
        while found is None or (found.count.min() < _SAMPLES and drawn < _DRAWN):
            feeds = {
                name: _draw(*self._shapes[name], generator) for name in segment.inputs
            }
            drawn += sum(samples.size for samples in feeds.values())
            rows = _by_channel(segment.run(feeds)[0], channel_axis(value))
            found = found or Histogram(len(rows))
            found.update(rows)
        return found


def _draw(
    normal: Normal, shape: tuple[int, ...], generator: np.random.Generator
) -> np.ndarray:
    """Return samples of a normalized value, of its shape."""
    along = (1, -1, *[1] * (len(shape) - 2))
    noise = generator.standard_normal(shape, np.float32)
    samples: np.ndarray = noise * normal.std.reshape(along) + normal.mean.reshape(along)
    return samples


def _by_channel(data: np.ndarray, axis: int | None) -> np.ndarray:
    """Return magnitudes as [channels, values]; one channel if there is no channel axis."""
    data = np.abs(data)
    if axis is None:
        return data.reshape(1, -1)
    return np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1)
