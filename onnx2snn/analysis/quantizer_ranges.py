"""The range of numbers that is left of a value behind quantizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.operators import operator_of
from onnx2snn.analysis.rectifiers import is_rectifier
from onnx2snn.graph import has_one_reader, is_op
from onnx2snn.metadata.scale import QuantizerRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.graph.quantizers import Quantizer

__all__ = ["begins_at_zero", "common_range", "find_rectified", "narrow_range"]

_BELOW_ZERO = 0.01
"""Part of its range that a quantizer of a rectified value may have below 0."""


def begins_at_zero(quantizer: Quantizer | None) -> bool:
    """Whether the range begins at 0, or hardly below."""
    if quantizer is None:
        return False
    low = quantizer.low
    size = quantizer.high - low
    tolerated = _BELOW_ZERO * size
    return bool((-low <= tolerated).all())


def common_range(quantizers: Sequence[Quantizer]) -> QuantizerRange | None:
    """Return the upper limit, and the number of steps, that the quantizers of one value leave.

    Each channel has a limit of its own if all quantizers have a scale for each entry along the
    same axis. Otherwise the largest limit is that of all channels.

    Returns:
        The range, or None if there is no quantizer, or one that ends at 0 or below.
    """
    if not quantizers:
        return None
    highs = []
    for quantizer in quantizers:
        if not np.all(quantizer.high > 0):
            return None
        highs.append(quantizer.high)
    levels = max(quantizer.levels for quantizer in quantizers)
    axis = _common_axis(quantizers)
    if axis is None:
        largest = max(high.max() for high in highs)
        return _range_up_to(float(largest), levels)
    limits = np.max(highs, axis=0)
    return QuantizerRange(limits, axis, levels)


def _common_axis(quantizers: Sequence[Quantizer]) -> int | None:
    """Return the axis along which all have a scale for each entry, None if there is none."""
    axes = {quantizer.axis for quantizer in quantizers}
    if len(axes) > 1:
        return None
    for quantizer in quantizers:
        if quantizer.block:
            return None
    return axes.pop()


def narrow_range(limit: QuantizerRange, bound: float | None) -> QuantizerRange:
    """Return what a value of at most ``bound`` uses of a range.

    Args:
        limit: The range; one with a limit for each channel stays as it is.
        bound: The largest number that the value can be, None if there is none.
    """
    if bound is None or limit.axis is not None:
        return limit
    high = limit.values.item()
    if bound >= high:
        return limit
    levels = round(limit.levels * bound / high)
    return _range_up_to(bound, max(1, levels))


def _range_up_to(high: float, levels: int) -> QuantizerRange:
    """Return the range that all channels have in common."""
    values = np.array([high], np.float32)
    return QuantizerRange(values, None, levels)


def find_rectified(value: ir.Value, *, is_moved: bool) -> ir.Value | None:
    """Return the output of the rectifier that ``value`` comes from, None if there is none.

    Args:
        value: Where to begin.
        is_moved: Whether data movement and maxima may stand between the two.
    """
    producer = value.producer()
    while producer is not None and not is_rectifier(producer):
        if not is_moved or not _keeps_maxima(producer):
            return None
        value = _data_input(producer)
        if not has_one_reader(value):
            return None
        producer = value.producer()
    if producer is None:
        return None
    return value


def _keeps_maxima(node: ir.Node) -> bool:
    """Whether a rectified value is as large behind ``node``, and of the same channels."""
    return operator_of(node).rearranges or is_op(node, "GlobalMaxPool", "MaxPool")


def _data_input(node: ir.Node) -> ir.Value:
    value = node.inputs[0]
    assert value is not None  # every operator that keeps maxima has one
    return value
