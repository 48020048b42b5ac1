"""From the distribution of an activation to the scale of its neurons."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.graph import display_name
from onnx2snn.metadata.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.calibration.histogram import Histogram
    from onnx2snn.calibration.thresholds import Threshold

__all__ = [
    "ThresholdOptions",
    "folds_of_thresholds",
    "scale_from_histograms",
    "scale_from_threshold",
    "warn_of_dead_layers",
]

_LOGGER = logging.getLogger(__name__)

_DEAD_LAYER = (
    "%s%s never fires on the %s: such neurons are dead; "
    "check that inputs are preprocessed as in training"
)

_ORIGINS = {
    "calibration": "calibration data",
    "batch-norm": "synthetic values",
    "synthetic": "synthetic inputs",
}
"""Words for the origins of a scale."""


@dataclasses.dataclass(frozen=True)
class ThresholdOptions:
    """The options by which thresholds are chosen.

    Attributes:
        time_steps: T that a rule may optimize for, >= 1.
        rule: One of ``RULES``.
        per_channel: Whether each channel has a threshold of its own.
        batch_size: Samples at a time, at most.
        seed: Seed of random inputs and samples.
    """

    time_steps: int
    rule: str
    per_channel: bool
    batch_size: int
    seed: int


def folds_of_thresholds(
    folds: Sequence[Histogram], options: ThresholdOptions
) -> Sequence[Histogram]:
    """Return the distribution of an activation per threshold, from that per channel."""
    if options.per_channel:
        return folds
    return [fold.merged() for fold in folds]


def scale_from_histograms(
    value: ir.Value,
    folds: Sequence[Histogram],
    options: ThresholdOptions,
    origin: str,
) -> Scale:
    """Return the scale that a rule chooses.

    Args:
        value: The activation.
        folds: Its distribution, per channel, in parts.
        options: The rule, and what it optimizes for.
        origin: Origin of the scale.
    """
    axis = channel_axis(value) if options.per_channel else None
    bound = largest_magnitude(value, axis)
    choose_threshold = RULES[options.rule]
    folds = folds_of_thresholds(folds, options)
    threshold = choose_threshold(folds, options.time_steps, bound)
    return scale_from_threshold(threshold, axis, origin)


def scale_from_threshold(threshold: Threshold, axis: int | None, origin: str) -> Scale:
    """Return the scale of a threshold."""
    positions = np.flatnonzero(threshold.dead)
    dead = tuple(int(channel) for channel in positions)
    values = threshold.values.astype(np.float32)
    return Scale(values, axis, origin, dead)


def warn_of_dead_layers(scales: Mapping[ir.Value, Scale]) -> None:
    """Warn, once an origin, of activations that were never positive while observed."""
    dead: dict[str, list[ir.Value]] = {}
    for value, scale in scales.items():
        if len(scale.dead) == scale.values.size:
            dead.setdefault(scale.origin, []).append(value)
    for origin, (first, *others) in dead.items():
        more = f", as {len(others)} more of the activations," if others else ""
        _LOGGER.warning(_DEAD_LAYER, _describe(first), more, _ORIGINS[origin])


def _describe(value: ir.Value) -> str:
    """Return the words by which messages call an activation."""
    producer = value.producer()
    if producer is None:
        return repr(value.name)
    return f"{producer.op_type} {display_name(producer)!r}"
