"""The outputs of a network for all samples of a data set."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.data.dataset import check_batch_size, dataset
from onnx2snn.data.events import data_specs, time_first
from onnx2snn.errors import RuntimeShapeError
from onnx2snn.evaluation.ann import Ann
from onnx2snn.evaluation.rows import rows_at_a_time
from onnx2snn.evaluation.sample_axes import CONSTANT, are_near, sample_axes
from onnx2snn.evaluation.subject import by_sample, draws_numbers
from onnx2snn.evaluation.values import as_array
from onnx2snn.progress import track
from onnx2snn.runtime.recording import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.evaluation.sample_axes import Axes
    from onnx2snn.runtime import Network
    from onnx2snn.runtime.recording import WhatToRecord

__all__ = ["Joined", "outputs_by_batch", "outputs_on"]

_LOGGER = logging.getLogger(__name__)

Joined: TypeAlias = "np.ndarray | list[np.ndarray]"
"""An output for all samples; a list where it cannot be one array, of one for each batch."""


def outputs_on(
    network: Network | Ann,
    data: object,
    time_steps: int | None = None,
    *,
    batch_size: int | None = None,
    recorded: WhatToRecord = NOTHING,
) -> dict[str, Joined]:
    """Return the outputs of a network for all samples of a data set, by name.

    They are what the network gives for all samples at once. Samples are run in batches if the
    outputs of these can be joined: along the axis of the samples, which need not be the first.
    If not (rows that a NonMaxSuppression selects, a mean over the batch), all samples are run
    at once; where that cannot be, because a batch size is asked for or baked in, or because
    memory does not do, the outputs stay apart, and a warning says so.

    Args:
        network: A loaded network.
        data: Inputs, in any form that ``onnx2snn.data.dataset`` takes; events are
            [N, T, ...].
        time_steps: Number of time steps, >= 1; None for the network's own.
        batch_size: Samples at a time, where the network leaves it free; None for 64, or fewer if
            the first is large.
        recorded: What to record of the neurons; it stands beside the outputs as
            ``LAYER.QUANTITY``, [T, N, ...].

    Raises:
        CalibrationError: The data does not fit the network.
        OptionError: The number of time steps, or the batch size, is less than 1; or there is
            nothing of that kind or name to record.
    """
    check_batch_size(batch_size)
    specs = data_specs(network.inputs, network.events)
    samples = dataset(data, specs, with_labels=False)
    work = _Work(network, samples, time_steps, recorded)
    rows = batch_size or rows_at_a_time(samples, network, time_steps)
    if work.is_one_batch(rows):
        return work.run_at_once()
    return work.run_joined(rows, may_run_at_once=batch_size is None)


def outputs_by_batch(
    network: Network | Ann, data: object, time_steps: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the outputs of a network batch by batch, padding among them.

    Args:
        network: A loaded network.
        data: Inputs, in any form that ``onnx2snn.data.dataset`` takes.
        time_steps: Number of time steps, >= 1; None for the network's own.
    """
    specs = data_specs(network.inputs, network.events)
    samples = dataset(data, specs, with_labels=False)
    rows = rows_at_a_time(samples, network, time_steps)
    for batch in samples.batches(rows):
        yield network.run(time_first(batch.feeds, network.events), time_steps)


class _Work:
    """A network and the samples that it is run on."""

    def __init__(
        self,
        network: Network | Ann,
        data: Dataset,
        time_steps: int | None,
        recorded: WhatToRecord = NOTHING,
    ) -> None:
        self._network = network
        self._data = data
        self._time_steps = time_steps
        self._recorded = recorded

    def is_one_batch(self, rows: int) -> bool:
        """Whether all samples come in one batch, if it may have so many rows."""
        first = next(self._data.batches(rows))
        return first.valid == self._data.samples

    def _axes(self) -> Axes:
        """Return the axis of the samples in each output."""

        def run_arrays(feeds: Arrays) -> dict[str, np.ndarray | None]:
            outputs = self._run(feeds)
            return {name: as_array(value) for name, value in outputs.items()}

        network = self._network
        declared = by_sample(network)
        is_random = draws_numbers(network)
        return sample_axes(run_arrays, self._data, declared, draws_numbers=is_random)

    def _run(self, feeds: Arrays) -> Mapping[str, Any]:
        turned = time_first(feeds, self._network.events)
        if isinstance(self._network, Ann):
            return self._network.run(turned, self._time_steps)
        record, layers = self._recorded
        found = self._network.run(
            turned, self._time_steps, record=record, layers=layers
        )
        return found.named_arrays()

    def run_at_once(self) -> dict[str, Joined]:
        """Return the outputs of the only batch, without padding."""
        batch = next(self._data.batches(self._data.samples))
        rows = batch.rows
        is_padded = batch.valid < rows
        found: dict[str, Joined] = {}
        for name, value in self._run(batch.feeds).items():
            values = _as_output(value)
            has_rows = np.shape(values)[:1] == (rows,)
            if is_padded and has_rows:
                values = values[: batch.valid]
            found[name] = values
        return found

    def run_joined(self, rows: int, *, may_run_at_once: bool) -> dict[str, Joined]:
        """Return the outputs of batches, joined; of all samples at once where they cannot be.

        Args:
            rows: Samples in a batch.
            may_run_at_once: Whether the size of a batch is left open.
        """
        axes = self._axes()
        may_run_at_once = may_run_at_once and self.is_one_batch(self._data.samples)
        apart = [name for name, axis in axes.items() if axis is None]
        joined: dict[str, Joined] = {}
        if not (apart and may_run_at_once):
            joined = self._run_in_batches(rows, axes)
            apart = _names_of_lists(joined)
        if not apart:
            return joined
        if may_run_at_once:
            return self._run_at_once_or_apart(rows, axes, apart)
        _LOGGER.warning(
            "%s: batches cannot be joined, so there is one array for each",
            _named(apart),
        )
        return joined

    def _run_in_batches(self, rows: int, axes: Axes) -> dict[str, Joined]:
        """Return the outputs of batches, joined where they can be."""
        parts: dict[str, list[Any]] = {name: [] for name in axes}
        total = self._data.count_batches(rows)
        batches = self._data.batches(rows)
        for batch in track(batches, "run", total):
            outputs = self._run(batch.feeds)
            for name, value in outputs.items():
                values = _as_output(value)
                if axes[name] == 0:
                    valid_rows = len(values) * batch.valid // batch.rows
                    values = values[:valid_rows]
                parts[name].append(values)
        joined = {}
        for name, found in parts.items():
            joined[name] = _join(found, axes[name])
        return joined

    def _run_at_once_or_apart(
        self, rows: int, axes: Axes, apart: Sequence[str]
    ) -> dict[str, Joined]:
        """Return the outputs of all samples at once; of batches where that does not run."""
        _LOGGER.warning(
            "%s: batches cannot be joined, so all %s samples are run at once; batches of a "
            "size that is asked for stay apart",
            _named(apart),
            f"{self._data.samples:,}",
        )
        try:
            return self.run_at_once()
        except RuntimeShapeError as error:
            _LOGGER.warning("all samples at once do not run: %s", error)
        return self._run_in_batches(rows, axes)


def _names_of_lists(outputs: Mapping[str, Joined]) -> list[str]:
    return [name for name, found in outputs.items() if isinstance(found, list)]


def _named(outputs: Sequence[str]) -> str:
    return ", ".join(f"output {name!r}" for name in outputs)


def _as_output(value: object) -> Any:  # noqa: ANN401 (an array or a list of them)
    """Return an output as an array, or as the list that it is."""
    array = as_array(value)
    return value if array is None else array


def _join(parts: Sequence[Any], axis: int | None) -> Joined:
    """Return the outputs of batches as one, or as a list if they do not fit together."""
    first = parts[0]
    if axis == CONSTANT and all(are_near(part, first) for part in parts):
        return np.asarray(first)
    if axis is not None and axis != CONSTANT:
        others = {_sizes_beside(part, axis) for part in parts}
        if len(others) == 1:
            return np.concatenate(parts, axis)
    return list(parts)


def _sizes_beside(array: np.ndarray, axis: int) -> tuple[int, ...]:
    return (*array.shape[:axis], *array.shape[axis + 1 :])
