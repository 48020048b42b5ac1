"""The distribution that a BatchNormalization states for its output."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Self

import numpy as np

from onnx2snn.graph import array, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Normal"]

_KEY = "onnx2snn.normal"


@dataclasses.dataclass(frozen=True, eq=False)
class Normal:
    """Mean and standard deviation of a value in training, per channel along axis 1.

    Attributes:
        mean: The bias of the BatchNormalization, [C], in units of the value.
        std: The magnitude of its scale, [C].
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, value: ir.Value) -> Self | None:
        """Return what is known of ``value``: from its producer, or noted by a pass."""
        if _KEY in value.metadata_props:
            mean, std = json.loads(value.metadata_props[_KEY])
            return cls(np.array(mean, np.float32), np.array(std, np.float32))
        node = value.producer()
        if node is None or not is_op(node, "BatchNormalization"):
            return None
        scale, bias = node.inputs[1:3]
        if not (is_constant(scale) and is_constant(bias)):
            return None
        return cls(array(bias), np.abs(array(scale)))

    def note(self, value: ir.Value) -> None:
        """Note this in the metadata of ``value``, whose producer is about to change."""
        numbers = [self.mean.astype(float).tolist(), self.std.astype(float).tolist()]
        value.metadata_props[_KEY] = json.dumps(numbers)

    @staticmethod
    def erase(value: ir.Value) -> bool:
        """Remove the note from ``value``; whether there was one."""
        return value.metadata_props.pop(_KEY, None) is not None
