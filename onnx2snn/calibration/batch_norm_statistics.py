"""Distributions of activations from the BatchNormalization before them, without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.operators import operator_named
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.observe import magnitudes_by_channel
from onnx2snn.graph import boundary
from onnx2snn.metadata.normal import Normal
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.data.input_specs import Arrays, Feeds

__all__ = ["BatchNormStatistics"]

_SAMPLES = 4096
"""Least number of samples of a channel, if they do not cost too much."""

_DRAWN = 2**24
"""Random numbers for one activation, after which there are samples enough."""


class BatchNormStatistics:
    """The distributions of activations that the BatchNormalization nodes of an ANN tell.

    A normalized value is taken to be N(bias, scale^2) in every channel, independently at every
    position; samples of it are carried to an activation through whatever lies between.

    Args:
        model: The ANN; its BatchNormalization nodes are there, or folded with an annotation.
        feeds: Any feeds of the graph inputs; only the shapes they lead to are used.
        seed: Seed of the random generator.
    """

    def __init__(self, model: ir.Model, feeds: Feeds, seed: int) -> None:
        """Find the normalized values and their shapes."""
        self._model = model
        self._seed = seed
        self._normals = _normalized_values(model)
        self._shapes = {}
        if self._normals:
            values = list(self._normals)
            arrays = Subgraph(model, values, ()).run(feeds)
            for value, data in zip(values, arrays, strict=True):
                self._shapes[str(value.name)] = (self._normals[value], data.shape)

    def histogram(self, value: ir.Value) -> Histogram | None:
        """Return the distribution of |value|; None if it depends on other values as well.

        An average over positions hides how they depend on each other: then None, too.
        """
        sources = boundary([value], self._normals)
        if any(source not in self._normals for source in sources):
            return None
        subgraph = Subgraph(self._model, [value], self._normals)
        operators = [operator_named(op_type) for op_type in subgraph.operators]
        if any(operator.averages for operator in operators):
            return None
        generator = np.random.default_rng(self._seed)
        axis = channel_axis(value)
        histogram: Histogram | None = None
        drawn = 0
        while histogram is None or _wants_more(histogram, drawn):
            feeds = self._draw_feeds(subgraph, generator)
            drawn += sum(samples.size for samples in feeds.values())
            rows = magnitudes_by_channel(subgraph.run(feeds)[0], axis)
            if histogram is None:
                histogram = Histogram(channels=len(rows))
            histogram.update(rows)
        return histogram

    def _draw_feeds(self, subgraph: Subgraph, generator: np.random.Generator) -> Arrays:
        """Return samples of the normalized values that ``subgraph`` reads."""
        feeds = {}
        for name in subgraph.inputs:
            normal, shape = self._shapes[name]
            feeds[name] = _draw_samples(normal, shape, generator)
        return feeds


def _normalized_values(model: ir.Model) -> dict[ir.Value, Normal]:
    """Return the distributions of values that are normalized."""
    normals = {}
    for node in model.graph:
        for value in node.outputs:
            normal = Normal.of(value)
            if normal is not None:
                normals[value] = normal
    return normals


def _wants_more(histogram: Histogram, drawn: int) -> bool:
    """Return whether a channel has too few samples, and more of them can be drawn."""
    return histogram.count.min() < _SAMPLES and drawn < _DRAWN


def _draw_samples(
    normal: Normal, shape: tuple[int, ...], generator: np.random.Generator
) -> np.ndarray:
    """Return samples of a normalized value, of its shape."""
    spatial = [1] * (len(shape) - 2)
    along_channels = (1, -1, *spatial)
    noise = generator.standard_normal(shape, np.float32)
    std = normal.std.reshape(along_channels)
    mean = normal.mean.reshape(along_channels)
    return np.asarray(noise * std + mean)
