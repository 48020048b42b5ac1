"""Observing the activations of an ANN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.not_finite import not_finite_error
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.runtime.subgraph import Subgraph

__all__ = ["magnitudes_by_channel", "observe_histograms"]

_FOLDS = 4
"""Parts of the data, for cross-validation."""


def observe_histograms(
    model: ir.Model,
    values: Sequence[ir.Value],
    subgraph: Subgraph,
    batches: Iterable[Feeds],
) -> list[list[Histogram]]:
    """Return the distribution of the magnitude of each of ``values`` over the data, per channel.

    Each comes in parts of about the same number of samples, some of them empty where there are
    few batches: a rule can try on one part what it has learned from the others.

    Args:
        model: The ANN.
        values: Values of its main graph.
        subgraph: Computes the values.
        batches: Feeds of the graph inputs; they are read once, one at a time.

    Raises:
        CalibrationError: A value is NaN or infinite; it names the first node that makes it so.
    """
    axes = [channel_axis(value) for value in values]
    histograms: list[list[Histogram]] = []
    for number, feeds in enumerate(batches):
        arrays = subgraph.run(feeds)
        if not histograms:
            histograms = [
                _empty_folds(data, axis)
                for data, axis in zip(arrays, axes, strict=True)
            ]
        observed = zip(values, histograms, arrays, axes, strict=True)
        for value, folds, data, axis in observed:
            try:
                _update_folds(folds, data, axis, number)
            except CalibrationError as error:
                raise not_finite_error(model, value, feeds, str(error)) from error
    return histograms


def magnitudes_by_channel(data: np.ndarray, axis: int | None) -> np.ndarray:
    """Return magnitudes as [channels, values]; one channel if there is no channel axis."""
    magnitudes: np.ndarray = np.abs(data)
    if axis is None:
        return magnitudes.reshape(1, -1)
    channels = data.shape[axis]
    channels_first = np.moveaxis(magnitudes, axis, 0)
    return channels_first.reshape(channels, -1)


def _empty_folds(data: np.ndarray, axis: int | None) -> list[Histogram]:
    """Return histograms of no values yet, with the channels of ``data``."""
    channels = 1 if axis is None else data.shape[axis]
    return [Histogram(channels) for _ in range(_FOLDS)]


def _update_folds(
    folds: Sequence[Histogram], data: np.ndarray, axis: int | None, number: int
) -> None:
    """Give the samples of a batch to the folds, a whole one to one fold if it has few.

    Args:
        folds: Histograms of one activation.
        data: The activation.
        axis: Its channel axis.
        number: Number of the batch, from 0.
    """
    has_samples = data.ndim > 0 and axis != 0
    if not has_samples or len(data) < _FOLDS:
        fold = folds[number % _FOLDS]
        fold.update(magnitudes_by_channel(data, axis))
        return
    for start, fold in enumerate(folds):
        samples = data[start::_FOLDS]
        fold.update(magnitudes_by_channel(samples, axis))
