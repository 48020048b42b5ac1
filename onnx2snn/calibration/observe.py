"""Observing the activations of an ANN."""

from __future__ import annotations

import dataclasses
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

_MOST_BINS = 2048
_FEWEST_BINS = 64
_ROOM = 2**23
"""Bins of all channels together: layers of more than 4,096 channels get fewer bins a channel."""


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
    observers = [_Observer(model, value) for value in values]
    for feeds in batches:
        arrays = subgraph.run(feeds)
        for observer, data in zip(observers, arrays, strict=True):
            observer.add(data, feeds)
    for observer in observers:
        observer.count()
    return [observer.folds for observer in observers if observer.folds]


class _Observer:
    """The distribution of one value, in folds.

    Small batches are counted together: what is done once for each count takes longer than that.

    Args:
        model: The ANN.
        value: The value.

    Attributes:
        folds: Its histograms; none before the first batch.
    """

    def __init__(self, model: ir.Model, value: ir.Value) -> None:
        """Start without samples."""
        self.folds: list[Histogram] = []
        self._model = model
        self._value = value
        self._axis = channel_axis(value)
        self._uncounted: list[_Part] = []
        self._seen = 0

    def add(self, data: np.ndarray, feeds: Feeds) -> None:
        """Take in a batch; count it, and those before, once there are as many values as bins.

        Args:
            data: The value.
            feeds: Inputs of the ANN that it was computed from.

        Raises:
            CalibrationError: There is NaN or infinity in a batch, or there are no channels.
        """
        if self._axis is not None and not data.shape[self._axis]:
            message = (
                f"activation {self._value.name!r} {list(data.shape)} has no channels"
            )
            raise CalibrationError(message)
        if not self.folds:
            self.folds = _empty_folds(data, self._axis)
        samples = _samples_of(data, self._axis)
        for number, part in enumerate(samples):
            magnitudes = magnitudes_by_channel(part, self._axis)
            fold = (self._seen + number) % _FOLDS
            self._uncounted.append(_Part(fold, magnitudes, feeds))
        self._seen += _count_samples(data, self._axis)
        values = sum(part.magnitudes.size for part in self._uncounted)
        if values >= sum(fold.counts.size for fold in self.folds):
            self.count()

    def count(self) -> None:
        """Count what was taken in.

        Raises:
            CalibrationError: There is NaN or infinity in a batch.
        """
        for number, fold in enumerate(self.folds):
            parts = [part for part in self._uncounted if part.fold == number]
            if not parts:
                continue
            magnitudes = np.concatenate([part.magnitudes for part in parts], axis=1)
            try:
                fold.update(magnitudes)
            except CalibrationError as error:
                raise self._not_finite(str(error)) from error
        self._uncounted.clear()

    def _not_finite(self, problem: str) -> CalibrationError:
        """Return the error for the first batch in which a value is not finite."""
        bad = (
            part for part in self._uncounted if not np.isfinite(part.magnitudes).all()
        )
        return not_finite_error(self._model, self._value, next(bad).feeds, problem)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Samples that are not counted yet.

    Attributes:
        fold: Number of the histogram that they go into.
        magnitudes: Their magnitudes, [channels, values].
        feeds: Inputs of the ANN that they were computed from.
    """

    fold: int
    magnitudes: np.ndarray
    feeds: Feeds


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
    bins = _count_bins(channels)
    return [Histogram(channels, bins) for _ in range(_FOLDS)]


def _count_bins(channels: int) -> int:
    """Return how many bins each of so many channels gets: a power of two."""
    room = max(_ROOM // channels, _FEWEST_BINS)
    return int(min(2 ** (room.bit_length() - 1), _MOST_BINS))


def _samples_of(data: np.ndarray, axis: int | None) -> list[np.ndarray]:
    """Return every fourth sample of a batch from the first on, from the second on, and so on.

    Whatever has no axis of samples is one.
    """
    if not _has_samples(data, axis):
        return [data]
    return [data[start::_FOLDS] for start in range(min(_FOLDS, len(data)))]


def _count_samples(data: np.ndarray, axis: int | None) -> int:
    return len(data) if _has_samples(data, axis) else 1


def _has_samples(data: np.ndarray, axis: int | None) -> bool:
    return data.ndim > 0 and axis != 0
