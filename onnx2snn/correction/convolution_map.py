"""The weights of convolutions as matrices: Conv and ConvTranspose of any rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.correction.linear_map import LinearMap
from onnx2snn.graph import array, set_array
from onnx2snn.runtime.kernels.window import Axis, Window, declared_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid

__all__ = ["ConvolutionMap", "TransposedConvolutionMap"]

_ALL = slice(None)


class ConvolutionMap(LinearMap):
    """The weights of a Conv."""

    def __init__(self, node: ir.Node) -> None:
        """Read the weights of ``node``."""
        super().__init__(node, operand_index=0, channel_axis=1)
        self._group = node.attributes.get_int("group", 1)

    @property
    def inputs_per_position(self) -> int:
        """The count of numbers that the weights see at one position, in all groups."""
        _, inputs, *kernel = self.weights_shape
        return self._group * inputs * math.prod(kernel)

    def unfold_operand(
        self, x: np.ndarray, output_shape: Sequence[int], grid: Grid
    ) -> np.ndarray:
        """Return the numbers under the kernel, [groups, positions, inputs]."""
        padded, window = self._slide_window(x, output_shape)
        windows = window.view(padded)  # [N, C, *kernel, *output]
        spatial = output_shape[2:]
        positions = grid.positions_along(spatial)
        all_taps = [_ALL] * len(positions)
        index = (_ALL, _ALL, *all_taps, *positions)
        seen = windows[index]
        samples, channels = x.shape[:2]
        channels_a_group = channels // self._group
        inputs = channels_a_group * window.taps
        in_groups = seen.reshape(samples, self._group, inputs, -1)
        return _rows_of_groups(in_groups)

    def unfold_output(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        """Return ``output`` at the same positions, [groups, positions, outputs]."""
        samples, channels, *spatial = output.shape
        positions = grid.positions_along(spatial)
        index = (_ALL, _ALL, *positions)
        thinned = output[index]
        outputs = channels // self._group
        in_groups = thinned.reshape(samples, self._group, outputs, -1)
        return _rows_of_groups(in_groups)

    def add_to_weights(self, delta: np.ndarray) -> None:
        """Add ``delta``, [groups, inputs, outputs], to the weights."""
        old = array(self.weights)
        outputs_first = delta.transpose(0, 2, 1)
        change = outputs_first.reshape(old.shape)
        new = old + change
        set_array(self.weights, new)

    def _slide_window(
        self, x: np.ndarray, output_shape: Sequence[int]
    ) -> tuple[np.ndarray, Window]:
        """Return the padded operand and the window that slides over it."""
        del output_shape
        spatial = x.shape[2:]
        kernel = self.weights_shape[2:]
        window = Window.of(spatial, kernel, self.attributes)
        padded = window.pad(x, fill=0)
        return padded, window


class TransposedConvolutionMap(ConvolutionMap):
    """The weights of a ConvTranspose.

    It is a convolution over the operand spread out by the stride, with the kernel flipped.
    """

    @property
    def inputs_per_position(self) -> int:
        """The count of numbers that the weights see at one position, in all groups."""
        inputs, _, *kernel = self.weights_shape
        return inputs * math.prod(kernel)

    def add_to_weights(self, delta: np.ndarray) -> None:
        """Add ``delta``, [groups, inputs, outputs], to the weights."""
        old = array(self.weights)
        inputs, _, *kernel = old.shape
        groups, _, outputs = delta.shape
        inputs_a_group = inputs // groups
        change = delta.reshape(groups, inputs_a_group, *kernel, outputs)
        change = np.moveaxis(change, -1, 2)
        kernel_axes = range(3, change.ndim)
        change = np.flip(change, axis=tuple(kernel_axes))
        new = old + change.reshape(old.shape)
        set_array(self.weights, new)

    def _slide_window(
        self, x: np.ndarray, output_shape: Sequence[int]
    ) -> tuple[np.ndarray, Window]:
        """Return the operand, spread out and padded, and the window that slides over it."""
        spatial = x.shape[2:]
        kernel = self.weights_shape[2:]
        axes = declared_axes(spatial, kernel, self.attributes)
        flipped_axes = []
        inside = []
        for index, axis in enumerate(axes):
            output = output_shape[2 + index]
            cut = self._cut_at_begin(axis, output, index)
            flipped = _flipped_axis(axis, output, cut)
            flipped_axes.append(flipped)
            first = _spread_size(axis) - flipped.size
            inside.append(slice(first, None))
        window = Window(tuple(flipped_axes))
        spread = _spread_out(x, axes)
        at_inside = (_ALL, _ALL, *inside)
        kept = spread[at_inside]
        padded = window.pad(kept, fill=0)
        return padded, window

    def _cut_at_begin(self, axis: Axis, output: int, index: int) -> int:
        """Return how much of the full output is cut off at the beginning of an axis.

        Args:
            axis: The axis, as the attributes declare it.
            output: Length of the output along it.
            index: Number of the axis, 0 for the first spatial one.
        """
        attributes = self.attributes
        auto_pad = attributes.get("auto_pad") or "NOTSET"
        is_padding_computed = auto_pad.startswith("SAME")
        if not attributes.get("output_shape") and not is_padding_computed:
            return axis.begin
        output_padding = attributes.get("output_padding")
        extra = int(output_padding[index]) if output_padding else 0
        reach = (axis.size - 1) * axis.stride
        full = reach + axis.extent + extra
        total = max(0, full - output)
        smaller_half = total // 2
        if auto_pad == "SAME_UPPER":
            return smaller_half
        return total - smaller_half


def _spread_size(axis: Axis) -> int:
    """Return the length of an axis of the operand, spread out by the stride."""
    return (axis.size - 1) * axis.stride + 1


def _spread_out(x: np.ndarray, axes: Sequence[Axis]) -> np.ndarray:
    """Return ``x`` with zeros between its entries: as many as the stride leaves out."""
    samples, channels = x.shape[:2]
    sizes = [_spread_size(axis) for axis in axes]
    shape = (samples, channels, *sizes)
    spread = np.zeros(shape, x.dtype)
    at_stride = [slice(None, None, axis.stride) for axis in axes]
    index = (_ALL, _ALL, *at_stride)
    spread[index] = x
    return spread


def _flipped_axis(axis: Axis, output: int, cut: int) -> Axis:
    """Return the axis of the spread operand over which the flipped kernel slides.

    Where more of the output is cut off than the kernel reaches, the first entries of the spread
    operand make nothing of it: its last ``Axis.size`` entries are left.
    """
    size = _spread_size(axis)
    begin = axis.extent - 1 - cut
    end = output - 1 + axis.extent - size - begin
    return Axis(
        size=size + min(0, begin),
        kernel=axis.kernel,
        stride=1,
        dilation=axis.dilation,
        begin=max(0, begin),
        end=end,
    )


def _rows_of_groups(parts: np.ndarray) -> np.ndarray:
    """Return [N, groups, numbers, positions] as [groups, N * positions, numbers]."""
    samples, groups, numbers, positions = parts.shape
    rows = parts.transpose(1, 0, 3, 2)
    return rows.reshape(groups, samples * positions, numbers)
