"""Weights on a grid of whole numbers of 8 bits, with one step for each output."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph.building import NodeBuilder, constant
from onnx2snn.graph.quantization import along_axis
from onnx2snn.graph.reading import array, is_constant, is_op
from onnx2snn.graph.rewriting import rewire

if TYPE_CHECKING:
    from typing import Self

    import onnx_ir as ir

__all__ = ["RoundedWeights", "is_rounded"]

_LARGEST = 127
"""The largest int8, on either side of 0."""


@dataclasses.dataclass(frozen=True, eq=False)
class RoundedWeights:
    """Weights as whole numbers of steps.

    Attributes:
        whole: The numbers, int8, from -127 to 127.
        scale: The step of each output, float32, along ``axis``.
        axis: The axis of the weights along which the outputs lie.
    """

    whole: np.ndarray
    scale: np.ndarray
    axis: int

    @classmethod
    def of(cls, weights: np.ndarray, axis: int) -> Self:
        """Return the nearest numbers to ``weights``, with 127 for the largest of each output."""
        others = tuple(other for other in range(weights.ndim) if other != axis)
        magnitudes = np.abs(weights)
        largest = magnitudes.max(axis=others, initial=0)
        nonzero = np.where(largest > 0, largest, 1)
        scale = (nonzero / _LARGEST).astype(np.float32)
        steps = weights / along_axis(scale, axis, weights.ndim)
        nearest = np.rint(steps)
        whole = nearest.clip(-_LARGEST, _LARGEST)
        return cls(whole.astype(np.int8), scale, axis)

    @classmethod
    def read(cls, value: ir.Value | None) -> Self | None:
        """Return the numbers that a value is made of; None if it is made of others."""
        if not is_rounded(value):
            return None
        assert value is not None  # it is rounded
        node = value.producer()
        assert node is not None  # likewise
        whole, scale = map(array, node.inputs)
        axis = node.attributes.get_int("axis", 1)
        return cls(whole, scale, axis % whole.ndim)

    def values(self) -> np.ndarray:
        """Return the numbers in units of the weights, float32."""
        numbers = self.whole.astype(np.float32)
        steps = along_axis(self.scale, self.axis, numbers.ndim)
        return np.asarray(numbers * steps)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights."""
        return self.whole.shape

    def times(self, factor: np.float32) -> Self:
        """Return the numbers times another."""
        scale = np.asarray(self.scale * factor, np.float32)
        return dataclasses.replace(self, scale=scale)

    def transposed(self) -> Self:
        """Return the numbers of a matrix with its axes the other way round."""
        whole = np.ascontiguousarray(self.whole.T)
        return dataclasses.replace(self, whole=whole, axis=1 - self.axis)

    def write(self, node: ir.Node) -> ir.Value:
        """Let ``node`` multiply by these weights: by a DequantizeLinear in front of it."""
        weights = node.inputs[1]
        assert weights is not None  # the node has some
        name = weights.name
        builder = NodeBuilder.before(node)
        whole = constant(builder.graph, f"{name}.int8", self.whole)
        step = constant(builder.graph, f"{name}.step", self.scale)
        rounded = builder.add(
            "DequantizeLinear",
            [whole, step],
            f"{name}.rounded",
            {"axis": self.axis},
            like=weights,
        )
        rewire(node, weights, rounded)
        return rounded


def is_rounded(value: ir.Value | None) -> bool:
    """Whether a value is int8 weights times a constant step for each output."""
    node = None if value is None else value.producer()
    if node is None or not is_op(node, "DequantizeLinear"):
        return False
    is_fixed = all(map(is_constant, node.inputs))
    if not is_fixed or len(node.inputs) != 2:
        return False
    whole, scale = map(array, node.inputs)
    is_for_each_output = scale.dtype == np.float32 and scale.ndim == 1
    return is_for_each_output and whole.dtype == np.int8
