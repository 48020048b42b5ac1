"""The distribution that a BatchNormalization states for its output."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, is_constant, is_op
from onnx2snn.metadata.annotation import Annotation

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["NORMAL", "Normal"]


@dataclasses.dataclass(frozen=True, eq=False)
class Normal:
    """Mean and standard deviation of a value in training, per channel along axis 1.

    Attributes:
        mean: The bias of the BatchNormalization, [C], in units of the value.
        std: The magnitude of its scale, [C].
    """

    mean: np.ndarray
    std: np.ndarray

    @staticmethod
    def of(value: ir.Value) -> Normal | None:
        """Return what is known of ``value``: what a pass wrote on it, or what made it."""
        annotated = NORMAL.read(value)
        if annotated is not None:
            return annotated
        node = value.producer()
        if node is None or not is_op(node, "BatchNormalization"):
            return None
        scale, bias = node.inputs[1:3]
        if not (is_constant(scale) and is_constant(bias)):
            return None
        return Normal(array(bias), np.abs(array(scale)))


def _encode(normal: Normal) -> str:
    return json.dumps(
        [part.astype(float).tolist() for part in (normal.mean, normal.std)]
    )


def _decode(text: str) -> Normal:
    mean, std = json.loads(text)
    return Normal(np.array(mean, np.float32), np.array(std, np.float32))


NORMAL = Annotation[Normal]("onnx2snn.normal", _encode, _decode)
"""On a value whose BatchNormalization has become part of another node."""
