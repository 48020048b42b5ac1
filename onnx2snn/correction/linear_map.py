"""The constant weights of a node as plain matrices.

Whatever the node is, its output at one position is ``unfolded operand @ matrix + bias``, where
the unfolded operand holds the numbers that the weights of a group see there. That is the form
in which least squares can be solved. Only some positions of an image are laid out: neighbors
tell little more.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from onnx2snn.graph import array

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid

__all__ = ["LinearMap"]


class LinearMap(abc.ABC):
    """The weights of one node, in groups that see different channels.

    Attributes:
        node: The node.
        operand: The input that the weights multiply.
        weights: The constant.
        channel_axis: Axis of the output along which each channel has its own weights.
    """

    def __init__(self, node: ir.Node, operand_index: int, channel_axis: int) -> None:
        """Read the weights of ``node``, whose other operand is its first or second input."""
        operand = node.inputs[operand_index]
        weights = node.inputs[1 - operand_index]
        assert operand is not None
        assert weights is not None
        self.node = node
        self.operand = operand
        self.weights = weights
        self.channel_axis = channel_axis

    @property
    @abc.abstractmethod
    def inputs_per_position(self) -> int:
        """The count of numbers that the weights see at one position, in all groups."""

    @abc.abstractmethod
    def unfold_operand(
        self, x: np.ndarray, output_shape: Sequence[int], grid: Grid
    ) -> np.ndarray:
        """Return the numbers that the weights see, [groups, positions, inputs].

        Args:
            x: The operand, in the shape the node takes.
            output_shape: Shape of the node's output.
            grid: Which positions are kept along each axis but the first and the channels'.
        """

    @abc.abstractmethod
    def unfold_output(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        """Return ``output`` at the same positions, [groups, positions, outputs]."""

    @abc.abstractmethod
    def add_to_weights(self, delta: np.ndarray) -> None:
        """Add ``delta``, [groups, inputs, outputs], to the weights."""

    @property
    def weights_shape(self) -> tuple[int, ...]:
        """Shape of the constant."""
        return tuple(array(self.weights).shape)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the node by name."""
        attributes = self.node.attributes
        return {name: attribute.value for name, attribute in attributes.items()}
