"""Conv and ConvTranspose of any rank in NumPy: windows and one matrix product per block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.reference.op_run import OpRun

from onnx2snn.runtime.kernels.window import Axis, Window, declared_axes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Conv", "ConvTranspose"]

_BLOCK_BYTES = 1 << 20
"""Windows copied at a time: small enough to stay in a core's cache until they are multiplied."""


class Conv(OpRun):
    """Convolution of any rank, with groups, dilations, strides and all paddings.

    The windows of a few samples at a time are laid out as a matrix and multiplied by the weights
    of each group, so that memory does not grow with the batch. Sums are in the order of the BLAS
    in use: exact where every partial sum is, as with dyadic weights and inputs.
    """

    def _run(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray]:
        spatial = x.shape[2:]
        kernel = weight.shape[2:]
        window = Window.of(spatial, kernel, attributes)
        padded = window.pad(x, 0)
        group = attributes.get("group") or 1
        product = _correlate_windows(padded, weight, window, group)
        return (_add_bias(product, bias),)


def _correlate_windows(
    padded: np.ndarray, weight: np.ndarray, window: Window, group: int
) -> np.ndarray:
    batch, channels = padded.shape[:2]
    channels_out = weight.shape[0]
    rows = channels // group * window.taps
    columns = math.prod(window.output)
    matrices = weight.reshape(group, -1, rows)
    shape = (batch, channels_out, *window.output)
    out = np.empty(shape, padded.dtype)
    outputs_a_group = channels_out // group
    products = out.reshape(batch, group, outputs_a_group, columns)
    windows = window.view(padded)
    block = _block_size(windows)
    buffer_shape = (block, *windows.shape[1:])
    buffer = np.empty(buffer_shape, padded.dtype)
    for start in range(0, batch, block):
        samples = slice(start, start + block)
        part = windows[samples]
        count = len(part)
        copied = buffer[:count]
        copied[...] = part
        copied = copied.reshape(count, group, rows, columns)
        sums = products[samples]
        np.matmul(matrices, copied, out=sums)
    return out


def _block_size(windows: np.ndarray) -> int:
    """Return how many samples are copied at a time."""
    batch, *one_sample = windows.shape
    bytes_of_one: int = math.prod(one_sample) * windows.itemsize
    fitting = _BLOCK_BYTES // max(1, bytes_of_one)
    return int(max(1, min(batch, fitting)))


def _add_bias(x: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    if bias is not None:
        spatial = [1] * (x.ndim - 2)
        x += bias.reshape(-1, *spatial)
    return x


class ConvTranspose(OpRun):
    """Transposed convolution of any rank, with groups, output padding and output shape.

    One matrix product gives what each input point adds to each tap of its window on the output;
    tap by tap this is added up. Then the padding is cut off.
    """

    def _run(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray]:
        spatial = x.shape[2:]
        kernel = weight.shape[2:]
        axes = declared_axes(spatial, kernel, attributes)
        output_axes = tuple(_output_axis(axis) for axis in axes)
        window = Window(output_axes)
        kept = kept_ranges(axes, attributes)
        sizes = []
        for axis, inside in zip(window.axes, kept, strict=True):
            size = max(axis.size, inside.stop)
            sizes.append(size)
        group = attributes.get("group") or 1
        parts = _parts_of_taps(x, weight, group)
        batch, channels = parts.shape[:2]
        shape = (batch, channels, *sizes)
        full = np.zeros(shape, x.dtype)
        for tap, places in enumerate(window.places()):
            part = parts[:, :, tap]
            full[places] += part
        inner: tuple[Any, ...] = (..., *kept)
        cut = np.ascontiguousarray(full[inner])
        return (_add_bias(cut, bias),)


def _parts_of_taps(x: np.ndarray, weight: np.ndarray, group: int) -> np.ndarray:
    """Return what each input point adds to each tap, shape ``[N, C_out, taps, ...]``."""
    batch, channels, *spatial = x.shape
    _, outputs, *kernel = weight.shape
    inputs = channels // group
    taps = math.prod(kernel)
    matrices = weight.reshape(group, inputs, -1)
    positions = math.prod(spatial)
    points = x.reshape(batch, group, inputs, positions)
    outputs_first = matrices.transpose(0, 2, 1)
    parts: np.ndarray = np.matmul(outputs_first, points)
    return parts.reshape(batch, group * outputs, taps, *spatial)


def _output_axis(axis: Axis) -> Axis:
    """Return the axis of the output, before cutting, whose windows are the input points."""
    reach = (axis.size - 1) * axis.stride
    size = reach + axis.extent
    return Axis(
        size=size,
        kernel=axis.kernel,
        stride=axis.stride,
        dilation=axis.dilation,
        begin=0,
        end=0,
    )


def kept_ranges(axes: Sequence[Axis], attributes: Mapping[str, Any]) -> list[slice]:
    """Return which part of the output stays once the padding is cut off."""
    extra = attributes.get("output_padding") or [0] * len(axes)
    lengths = [
        _output_axis(axis).size + more for axis, more in zip(axes, extra, strict=True)
    ]
    shape = _wanted_shape(axes, attributes)
    if not shape:
        return [
            slice(axis.begin, length - axis.end)
            for axis, length in zip(axes, lengths, strict=True)
        ]
    upper = attributes.get("auto_pad") == "SAME_UPPER"
    kept = []
    for length, wanted in zip(lengths, shape, strict=True):
        surplus = max(0, length - wanted)
        half = surplus // 2
        begin = half if upper else surplus - half
        end = begin + wanted
        kept.append(slice(begin, end))
    return kept


def _wanted_shape(axes: Sequence[Axis], attributes: Mapping[str, Any]) -> list[int]:
    """Return the output's spatial shape if it is asked for, else an empty list."""
    given = list(attributes.get("output_shape") or ())
    shape = given[-len(axes) :]
    auto_pad = attributes.get("auto_pad") or "NOTSET"
    if not shape and auto_pad.startswith("SAME"):
        return [axis.size * axis.stride for axis in axes]
    return shape
