"""The constant weights of a node as plain matrices: what they multiply, and what comes out.

Whatever the node is, its output at one place is ``columns @ matrix + bias``, where ``columns``
are the numbers that the weights of a group see there. That is the form in which least squares
can be solved. Only some places of an image are laid out: neighbors tell little more.
"""

from __future__ import annotations

import abc
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.graph import array, has_one_reader, is_constant, is_op, set_array
from onnx2snn.runtime.kernels.window import Axis, Window, declared_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.correction.grid import Grid

__all__ = ["LinearMap", "linear_map"]


class LinearMap(abc.ABC):
    """The weights of one node, in groups that see different channels.

    Attributes:
        node: The node.
        moving: The input that the weights multiply.
        weights: The constant.
        channel_axis: Axis of the output along which each channel has its own weights.
    """

    def __init__(self, node: ir.Node, moving: int, channel_axis: int) -> None:
        """Read the weights of ``node``, whose other operand is input ``moving``."""
        operand, weights = node.inputs[moving], node.inputs[1 - moving]
        assert operand is not None
        assert weights is not None
        self.node = node
        self.moving = operand
        self.weights = weights
        self.channel_axis = channel_axis

    @property
    @abc.abstractmethod
    def place_size(self) -> int:
        """How many numbers the weights see at one place, in all groups."""

    @abc.abstractmethod
    def columns(self, x: np.ndarray, output: Sequence[int], grid: Grid) -> np.ndarray:
        """Return what the weights see, [groups, places, inputs].

        Args:
            x: The operand, in the shape the node takes.
            output: Shape of the node's output.
            grid: Which places are kept along each axis but the first and that of the channels.
        """

    @abc.abstractmethod
    def rows(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        """Return ``output`` at the same places, [groups, places, outputs]."""

    @abc.abstractmethod
    def add(self, delta: np.ndarray) -> None:
        """Add ``delta``, [groups, inputs, outputs], to the weights."""

    def _attributes(self) -> dict[str, Any]:
        return {
            name: attribute.value for name, attribute in self.node.attributes.items()
        }


class _Convolution(LinearMap):
    """Conv and ConvTranspose of any rank."""

    def __init__(self, node: ir.Node) -> None:
        super().__init__(node, 0, 1)
        self._group = node.attributes.get_int("group", 1)

    @property
    def place_size(self) -> int:
        return self._group * math.prod(array(self.weights).shape[1:])

    def columns(self, x: np.ndarray, output: Sequence[int], grid: Grid) -> np.ndarray:
        padded, window = self._windows(x, output)
        places = grid.places(output[2:])
        kernel = (slice(None),) * len(places)
        seen = window.view(padded)[(slice(None), slice(None), *kernel, *places)]
        inputs = x.shape[1] // self._group * window.taps
        return _in_groups(seen.reshape(len(x), self._group, inputs, -1))

    def _windows(self, x: np.ndarray, _: Sequence[int]) -> tuple[np.ndarray, Window]:
        window = Window.of(
            x.shape[2:], array(self.weights).shape[2:], self._attributes()
        )
        return window.pad(x, 0), window

    def rows(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        batch, channels, *spatial = output.shape
        places = grid.places(spatial)
        thinned = output[(slice(None), slice(None), *places)]
        return _in_groups(
            thinned.reshape(batch, self._group, channels // self._group, -1)
        )

    def add(self, delta: np.ndarray) -> None:
        old = array(self.weights)
        set_array(self.weights, old + delta.transpose(0, 2, 1).reshape(old.shape))


class _TransposedConvolution(_Convolution):
    """A convolution over the input spread out by the stride, with the kernel turned around."""

    @property
    def place_size(self) -> int:
        shape: tuple[int, ...] = array(self.weights).shape
        return shape[0] * math.prod(shape[2:])

    def _windows(
        self, x: np.ndarray, output: Sequence[int]
    ) -> tuple[np.ndarray, Window]:
        axes = declared_axes(
            x.shape[2:], array(self.weights).shape[2:], self._attributes()
        )
        sizes = [(axis.size - 1) * axis.stride + 1 for axis in axes]
        spread = np.zeros((*x.shape[:2], *sizes), x.dtype)
        strides = tuple(slice(None, None, axis.stride) for axis in axes)
        spread[(slice(None), slice(None), *strides)] = x
        cuts = [self._cut(axes, output, index) for index in range(len(axes))]
        turned = map(_turned, axes, sizes, output[2:], cuts)
        window = Window(tuple(turned))
        inside = (
            slice(size - a.size, None)
            for size, a in zip(sizes, window.axes, strict=True)
        )
        return window.pad(spread[(slice(None), slice(None), *inside)], 0), window

    def _cut(self, axes: Sequence[Axis], output: Sequence[int], index: int) -> int:
        """Return how much of the full output is cut off at the beginning of an axis."""
        attributes, axis = self._attributes(), axes[index]
        auto_pad = attributes.get("auto_pad") or "NOTSET"
        if not attributes.get("output_shape") and not auto_pad.startswith("SAME"):
            return axis.begin
        extra = int((attributes.get("output_padding") or [0] * len(axes))[index])
        full = (axis.size - 1) * axis.stride + axis.extent + extra
        total = max(0, full - output[2 + index])
        return total // 2 if auto_pad == "SAME_UPPER" else total - total // 2

    def add(self, delta: np.ndarray) -> None:
        old = array(self.weights)
        kernel = old.shape[2:]
        groups, _, outputs = delta.shape
        parts = delta.reshape(groups, old.shape[0] // groups, *kernel, outputs)
        parts = np.flip(
            np.moveaxis(parts, -1, 2), axis=tuple(range(3, 3 + len(kernel)))
        )
        set_array(self.weights, old + parts.reshape(old.shape))


def _turned(axis: Axis, size: int, output: int, cut: int) -> Axis:
    """Return the axis of the spread input over which the turned kernel slides.

    Where more of the output is cut off than the kernel reaches, the first entries of the spread
    input make nothing of it: its last ``Axis.size`` entries are left.
    """
    begin = axis.extent - 1 - cut
    end = output - 1 + axis.extent - size - begin
    left = size + min(0, begin)
    return Axis(left, axis.kernel, 1, axis.dilation, max(0, begin), end)


class _Product(LinearMap):
    """MatMul and Gemm with a constant matrix on either side."""

    def __init__(self, node: ir.Node, moving: int) -> None:
        super().__init__(node, moving, channel_axis=-2 if moving else -1)
        self._turned = (
            node.attributes.get_int("transB" if moving == 0 else "transA", 0) == 1
        )
        self._scale = node.attributes.get_float("alpha", 1.0)

    @property
    def place_size(self) -> int:
        shape: tuple[int, ...] = array(self.weights).shape
        return shape[0 if self._inputs_first else 1]

    @property
    def _inputs_first(self) -> bool:
        return (self.moving is self.node.inputs[0]) != self._turned

    def columns(self, x: np.ndarray, output: Sequence[int], grid: Grid) -> np.ndarray:
        del output
        return self.rows(x, grid)

    def rows(self, output: np.ndarray, grid: Grid) -> np.ndarray:
        features_last = np.moveaxis(output, self.channel_axis, -1)
        places = grid.places(features_last.shape[1:-1])
        thinned = features_last[(slice(None), *places, slice(None))]
        return thinned.reshape(1, -1, thinned.shape[-1])

    def add(self, delta: np.ndarray) -> None:
        old = array(self.weights)
        matrix = delta[0] / self._scale
        set_array(self.weights, old + (matrix if self._inputs_first else matrix.T))


def linear_map(node: ir.Node) -> LinearMap | None:
    """Return the weights of ``node`` as matrices, None if it has no constants of its own."""
    constants = [
        index for index, value in enumerate(node.inputs[:2]) if is_constant(value)
    ]
    weights = node.inputs[constants[0]] if len(constants) == 1 else None
    if weights is None or not has_one_reader(weights) or not array(weights).size:
        return None
    moving = 1 - constants[0]
    if is_op(node, "Conv") and moving == 0:
        return _Convolution(node)
    if is_op(node, "ConvTranspose") and moving == 0:
        return _TransposedConvolution(node)
    is_product = is_op(node, "Gemm", "MatMul") and array(weights).ndim == 2
    return (
        _Product(node, moving)
        if is_product and not _turns_operand(node, moving)
        else None
    )


def _turns_operand(node: ir.Node, moving: int) -> bool:
    """Whether the operand is not laid out as the output is: turned around, or one vector."""
    operand = node.inputs[moving]
    shape = None if operand is None else operand.shape
    turned = node.attributes.get_int("transB" if moving else "transA", 0) == 1
    return turned or shape is None or len(shape) < 2


def _in_groups(parts: np.ndarray) -> np.ndarray:
    """Return [N, groups, numbers, places] as [groups, N * places, numbers]."""
    batch, groups, numbers, places = parts.shape
    return parts.transpose(1, 0, 3, 2).reshape(groups, batch * places, numbers)
