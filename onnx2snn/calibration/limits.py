"""Limits that an activation cannot exceed, whatever its data are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip, upper_bound
from onnx2snn.metadata.scale import QUANTIZER_RANGE

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import ArrayLike

__all__ = ["largest_magnitude"]


def largest_magnitude(value: ir.Value, axis: int | None = None) -> ArrayLike | None:
    """Return the largest magnitude that the activation ``value`` can have, if that is known.

    It is one for each channel where a quantizer says so of the channels along ``axis``.
    """
    quantizer = QUANTIZER_RANGE.read(value)
    if quantizer is not None:
        is_along_axis = axis is not None and quantizer.axis == axis
        largest = float(quantizer.values.max())
        if is_along_axis:
            return quantizer.values
        return largest
    producer = value.producer()
    if producer is None:
        return None
    if is_rectifier(producer) or is_symmetric_clip(producer):
        return upper_bound(producer)
    return None
