"""The weights of products as matrices: MatMul and Gemm with a constant matrix on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.correction.linear_map import LinearMap
from onnx2snn.graph import array, is_op, set_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid

__all__ = ["ProductMap"]

_TRANSPOSED = ("transA", "transB")
"""Attributes that say of the first and the second input of a Gemm whether it is transposed."""


class ProductMap(LinearMap):
    """The weights of a MatMul or Gemm; features are the last axis, on the left side the first."""

    def __init__(self, node: ir.Node, operand_index: int) -> None:
        """Read the weights of ``node``."""
        is_weight_left = operand_index == 1
        channel_axis = -2 if is_weight_left else -1
        super().__init__(node, operand_index, channel_axis)
        is_transposed = _is_transposed(node, 1 - operand_index)
        self._has_inputs_first = is_weight_left == is_transposed
        self._factor = node.attributes.get_float("alpha", 1.0)

    @property
    def inputs_per_position(self) -> int:
        """The count of numbers that the weights see at one position."""
        rows, columns = self.weights_shape
        if self._has_inputs_first:
            return rows
        return columns

    def unfold_operand(
        self, x: np.ndarray, output_shape: Sequence[int], grid: Grid
    ) -> np.ndarray:
        """Return the features, [1, positions, inputs]."""
        del output_shape
        return self.unfold_output(x, grid)

    def unfold_output(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        """Return ``output`` at the same positions, [1, positions, outputs]."""
        features_last = np.moveaxis(output, self.channel_axis, -1)
        positions = grid.positions_along(features_last.shape[1:-1])
        index = (slice(None), *positions, slice(None))
        thinned = features_last[index]
        features = thinned.shape[-1]
        return thinned.reshape(1, -1, features)

    def add_to_weights(self, delta: np.ndarray) -> None:
        """Add ``delta``, [1, inputs, outputs], to the weights."""
        old = array(self.weights)
        matrix = delta[0] / self._factor
        change = matrix if self._has_inputs_first else matrix.T
        set_array(self.weights, old + change)

    @staticmethod
    def is_applicable(node: ir.Node, operand_index: int) -> bool:
        """Return whether ``node`` is a product whose operand is laid out as its output is.

        It is not where it is transposed, where it is one vector, or its rank is not known;
        nor are stacks of matrices one map.
        """
        if not is_op(node, "Gemm", "MatMul"):
            return False
        is_matrix = array(node.inputs[1 - operand_index]).ndim == 2
        operand = node.inputs[operand_index]
        if not is_matrix or operand is None or operand.shape is None:
            return False
        is_vector = len(operand.shape) < 2
        return not is_vector and not _is_transposed(node, operand_index)


def _is_transposed(node: ir.Node, index: int) -> bool:
    """Return whether a Gemm takes one of its first two inputs transposed."""
    return node.attributes.get_int(_TRANSPOSED[index], 0) == 1
