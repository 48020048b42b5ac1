"""Find the scale of every activation."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.activations import activations
from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip, upper_bound
from onnx2snn.analysis.streams import find_streams
from onnx2snn.calibration.gaussian import gaussian_threshold
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.calibration.observe import Statistics, histograms
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.data.events import time_means
from onnx2snn.data.input_specs import input_specs
from onnx2snn.data.synthetic import running_feeds
from onnx2snn.errors import OptionError
from onnx2snn.graph import display_name
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.metadata.normal import Normal
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE, Scale
from onnx2snn.progress import track
from onnx2snn.runtime.memory import rows_at_once
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onnx2snn.calibration.histogram import Histogram
    from onnx2snn.calibration.thresholds import Threshold
    from onnx2snn.data.dataset import Dataset

__all__ = ["Calibrate"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Calibrate(ir.passes.InPlacePass):
    """Note on every activation the scale its neuron's threshold is made from.

    An activation that was trained with its threshold has just that: one that was a staircase
    of steps (``remove-fake-quantizers``), and a Clip from -theta to theta. The distribution of any
    other comes from the best source there is:

    1. calibration data;
    2. without data, the quantizer of a quantized network: its range is the threshold if it has
       no more steps than T. If it has more, ``mse`` takes the part of it that is best for T
       steps where the range is best for the quantizer's, both for a rectified normal value;
    3. BatchNormalization: its output is about N(bias, scale^2) per channel. For
       the rule ``mse`` and a rectifier right behind it the threshold has a closed form (Huang
       et al., 2025); else samples are carried to the activation;
    4. where that does not reach, random inputs with the spectrum of photographs: a warning
       says so.

    The upper limit of a Clip or of a quantizer is never exceeded. Only notes are written; the
    graph stays as it is. An activation that has a scale already keeps it.

    Attributes:
        time_steps: T that the rule ``mse`` optimizes for, >= 1; the number of levels, where T
            steps of a neuron have more than T.
        rule: ``mse`` (least squared error of the T-level quantizer, on samples left out),
            ``percentile`` (99.9, of the values above 0), ``max``, or ``balanced`` (raised, from 0,
            by what lies above it).
        per_channel: Whether each channel has a threshold of its own.
        batch_size: Samples at a time, at most: fewer if they are large.
        seed: Seed of the random inputs and samples.
        spike: Where neurons are to stand: at the ``activations``, or in front of ``all`` weights.
        data: Calibration data; None for none. Of events [N, T, ...] the ANN sees the time-mean.

    Raises:
        UnsupportedError: A neuron would depend on a node that has no mean, or no rule.
    """

    time_steps: int = 8
    rule: str = "mse"
    per_channel: bool = True
    batch_size: int = 64
    seed: int = 0
    spike: str = "activations"
    data: Dataset | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        if self.rule not in RULES:
            message = f"rule must be one of {', '.join(RULES)}, not {self.rule!r}"
            raise OptionError(message)

    def requires(self, model: ir.Model) -> None:
        """Check that the activations have types."""
        unknown = [
            str(value.name) for value in activations(model.graph) if value.type is None
        ]
        if unknown:
            message = (
                f"no type on {', '.join(unknown)}; run the pass 'infer-shapes' first"
            )
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Note the scales of the activations of the main graph."""
        streams = find_streams(model.graph, spike=self.spike)
        streams.check()
        unknown = [
            v for v in (*streams.fired, *streams.weight_inputs) if SCALE.read(v) is None
        ]
        values = [value for value in unknown if not self._take_trained(value)]
        if self.data is not None and values:
            events = event_names(model.graph)
            rows = rows_at_once(model, values, self.data, 1, self.batch_size)
            data = self.data.batches(rows)
            batches = (time_means(batch.feeds, events, axis=1) for batch in data)
            self._observe(model, values, batches, "calibration")
        else:
            self._guess(
                model, [value for value in values if not self._take_range(value)]
            )
        return ir.passes.PassResult(model, modified=bool(unknown))

    def _guess(self, model: ir.Model, values: list[ir.Value]) -> None:
        """Find scales from normalizations, or from made-up inputs."""
        if not values:
            return
        run = Subgraph(model, values, ()).run
        feeds = running_feeds(input_specs(model), _SYNTHETIC_SAMPLES, self.seed, run)
        statistics = Statistics(model, feeds[0], self.seed)
        rest = [value for value in values if not self._infer(statistics, value)]
        if rest:
            _LOGGER.warning(_NO_DATA, len(rest), len(values))
            self._observe(model, rest, feeds, "synthetic")

    def _observe(
        self,
        model: ir.Model,
        values: list[ir.Value],
        batches: Iterable[Mapping[str, np.ndarray]],
        origin: str,
    ) -> None:
        if values:
            total = len(batches) if isinstance(batches, list) else None
            found = histograms(model, values, track(batches, "calibrate", total))
            for value, folds in zip(values, found, strict=True):
                self._write(value, folds, origin)

    @staticmethod
    def _take_trained(value: ir.Value) -> bool:
        """Note the threshold that the network was trained with; whether there is one."""
        found = QUANTIZER_RANGE.read(value)
        if found is not None and found.v_init is not None:
            SCALE.write(value, Scale(found.values, found.axis, "quantizer"))
            return True
        producer = value.producer()
        if producer is None or not is_symmetric_clip(producer):
            return False
        bound = np.array([upper_bound(producer)], np.float32)
        SCALE.write(value, Scale(bound, None, "clip"))
        return True

    def _take_range(self, value: ir.Value) -> bool:
        """Note a threshold from the range of the quantizer of ``value``; whether there is one."""
        found = QUANTIZER_RANGE.read(value)
        if found is not None:
            part = (
                1.0
                if self.rule != "mse"
                else _part_of_range(self.time_steps, found.levels)
            )
            values = found.values * np.float32(part)
            SCALE.write(value, Scale(values, found.axis, "quantizer"))
        return found is not None

    def _infer(self, statistics: Statistics, value: ir.Value) -> bool:
        normal = _normal_before(value)
        if normal is not None and self.rule == "mse" and self.per_channel:
            bound = largest_magnitude(value, 1)
            found = gaussian_threshold(
                normal.mean, normal.std, self.time_steps, bound=bound
            )
            self._note(value, found, 1, "batch-norm")
            return True
        histogram = statistics.histogram(value)
        if histogram is not None:
            self._write(value, [histogram], "batch-norm")
        return histogram is not None

    def _write(self, value: ir.Value, folds: Sequence[Histogram], origin: str) -> None:
        axis = channel_axis(value) if self.per_channel else None
        seen = folds if self.per_channel else [fold.merged() for fold in folds]
        bound = largest_magnitude(value, axis)
        self._note(value, RULES[self.rule](seen, self.time_steps, bound), axis, origin)

    def _note(
        self, value: ir.Value, threshold: Threshold, axis: int | None, origin: str
    ) -> None:
        dead = tuple(int(channel) for channel in np.flatnonzero(threshold.dead))
        if len(dead) == threshold.values.size:
            _LOGGER.warning(_DEAD_LAYER, _described(value), _SOURCES[origin])
        values = threshold.values.astype(np.float32)
        SCALE.write(value, Scale(values, axis, origin, dead))


@functools.cache
def _part_of_range(time_steps: int, levels: int) -> float:
    """Return the threshold for T steps, as a part of a range made for ``levels``.

    Both are taken as the best for a rectified normal value.
    """
    levels = min(levels, _MOST_LEVELS)
    if time_steps >= levels:
        return 1.0
    few, many = (
        gaussian_threshold([0.0], [1.0], n).values.item() for n in (time_steps, levels)
    )
    return float(few / many)


def _normal_before(value: ir.Value) -> Normal | None:
    """Return the distribution of what the rectifier of ``value`` reads, if it is normal."""
    producer = value.producer()
    if producer is None or not is_rectifier(producer) or producer.inputs[0] is None:
        return None
    return Normal.of(producer.inputs[0])


def _described(value: ir.Value) -> str:
    producer = value.producer()
    return (
        f"{value.name!r}"
        if producer is None
        else f"{producer.op_type} {display_name(producer)!r}"
    )


_MOST_LEVELS = 255
"""A quantizer of more than 8 bits is given the range of the data, and so no wider one."""

_SYNTHETIC_SAMPLES = 256

_SOURCES = {
    "calibration": "calibration data",
    "batch-norm": "values made up without data",
    "synthetic": "values made up without data",
}

_NO_DATA = (
    "no calibration data: the thresholds of %d of %d activations come from random inputs, and "
    "accuracy at small T will suffer, the more if inputs are not scaled to mean 0 and variance 1; "
    "pass --calibration data.npz with some hundred typical inputs"
)

_DEAD_LAYER = (
    "%s never fires on the %s: its neurons are dead; "
    "check that inputs are preprocessed as in training"
)
