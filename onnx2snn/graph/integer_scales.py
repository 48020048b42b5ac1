"""The scales by which the integers of a graph stand for real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, input_at, is_constant

__all__ = ["LinearScale", "Scales", "record_scale"]


@dataclass(frozen=True)
class LinearScale:
    """Values that say for which real numbers integers stand: scale * (integer - zero_point).

    Attributes:
        scale: The step, None if it is not known.
        zero_point: The integer that stands for 0; None if that is 0.
    """

    scale: ir.Value | None
    zero_point: ir.Value | None

    def matches(self, other: LinearScale) -> bool:
        """Whether integers stand for the same numbers by ``other``."""
        if not _are_equal(self.scale, other.scale):
            return False
        return self.has_zero_point(other.zero_point)

    def has_zero_point(self, zero_point: ir.Value | None) -> bool:
        """Whether the same integer stands for 0."""
        return _are_equal(self.zero_point, zero_point)


def _are_equal(a: ir.Value | None, b: ir.Value | None) -> bool:
    """Whether two values are one, or hold the same numbers."""
    if a is b:
        return True
    if not is_constant(a) or not is_constant(b):
        return False
    return np.array_equal(array(a), array(b))


Scales: TypeAlias = dict[ir.Value, LinearScale]
"""Integers to the scale they were quantized with."""


def record_scale(quantize: ir.Node, scales: Scales) -> None:
    """Remember the scale of the integers that a quantizer makes, if it is one number."""
    scale = quantize.inputs[1]
    if _is_one_number(scale):
        zero_point = input_at(quantize, 2)
        scales[quantize.outputs[0]] = LinearScale(scale, zero_point)


def _is_one_number(scale: ir.Value | None) -> bool:
    if is_constant(scale):
        return array(scale).size == 1
    if scale is None or scale.shape is None:
        return False
    return len(scale.shape) == 0
