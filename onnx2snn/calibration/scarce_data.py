"""Whether thresholds that are known without data do better than those from little data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.calibration.shrinkage import error_on_unseen_samples, quantization_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.calibration.scales import ThresholdOptions
    from onnx2snn.metadata.scale import Scale

__all__ = ["does_better", "is_scarce"]

_ENOUGH = 1024
"""Values of a channel, of which the largest says enough of those that were not seen."""


def is_scarce(folds: Sequence[Histogram]) -> bool:
    """Return whether each channel of an activation was seen a few times only.

    Args:
        folds: Its distribution, per channel, in parts; every channel has as many values.
    """
    values_a_channel = sum(int(fold.count.max()) for fold in folds)
    return 0 < values_a_channel < _ENOUGH


def does_better(
    scale: Scale,
    value: ir.Value,
    folds: Sequence[Histogram],
    options: ThresholdOptions,
) -> bool:
    """Return whether a scale that was found without data does better than one from it.

    Both are compared by the squared error of the quantizer, summed over samples from which
    neither was chosen: all, for the scale that is given; part after part, for one that is
    chosen from the other parts.

    Args:
        scale: A scale of the activation.
        value: The activation.
        folds: Its distribution, per channel where thresholds are, in parts.
        options: T, at which they are compared.
    """
    axis = scale.axis if options.per_channel else None
    bound = largest_magnitude(value, axis)
    of_data = error_on_unseen_samples(folds, options.time_steps, bound=bound)
    whole = Histogram.sum(folds)
    values = np.broadcast_to(scale.values, whole.channels)
    of_scale = quantization_error(whole, options.time_steps, values)
    return of_scale < of_data
