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
        window = Window.of(x.shape[2:], weight.shape[2:], attributes)
        product = _correlate(
            window.pad(x, 0), weight, window, attributes.get("group") or 1
        )
        return (_with_bias(product, bias),)


def _correlate(
    padded: np.ndarray, weight: np.ndarray, window: Window, group: int
) -> np.ndarray:
    batch, channels = padded.shape[:2]
    rows, columns = channels // group * window.taps, math.prod(window.output)
    matrices = weight.reshape(group, -1, rows)
    out = np.empty((batch, weight.shape[0], *window.output), padded.dtype)
    products = out.reshape(batch, group, matrices.shape[1], columns)
    windows = window.view(padded)
    one_sample = max(1, channels * window.taps * columns * padded.itemsize)
    block = max(1, min(batch, _BLOCK_BYTES // one_sample))
    buffer = np.empty((block, *windows.shape[1:]), padded.dtype)
    for start in range(0, batch, block):
        part = windows[start : start + block]
        copied = buffer[: len(part)]
        copied[...] = part
        copied = copied.reshape(len(part), group, rows, columns)
        np.matmul(matrices, copied, out=products[start : start + block])
    return out


def _with_bias(x: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    if bias is not None:
        x += bias.reshape(-1, *[1] * (x.ndim - 2))
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
        group = attributes.get("group") or 1
        batch, channels = x.shape[:2]
        matrices = weight.reshape(group, channels // group, -1).transpose(0, 2, 1)
        points = x.reshape(batch, group, channels // group, math.prod(x.shape[2:]))
        parts = np.matmul(matrices, points)
        axes = declared_axes(x.shape[2:], weight.shape[2:], attributes)
        window = Window(tuple(_over_output(axis) for axis in axes))
        parts = parts.reshape(batch, group * weight.shape[1], window.taps, *x.shape[2:])
        kept = _kept(axes, attributes)
        sizes = [max(a.size, k.stop) for a, k in zip(window.axes, kept, strict=True)]
        out = np.zeros((batch, parts.shape[1], *sizes), x.dtype)
        for tap, places in enumerate(window.places()):
            out[places] += parts[:, :, tap]
        inner: tuple[Any, ...] = (..., *kept)
        return (_with_bias(np.ascontiguousarray(out[inner]), bias),)


def _over_output(axis: Axis) -> Axis:
    """Return the axis of the output, before cutting, whose windows are the input points."""
    size = (axis.size - 1) * axis.stride + axis.extent
    return Axis(size, axis.kernel, axis.stride, axis.dilation, 0, 0)


def _kept(axes: Sequence[Axis], attributes: Mapping[str, Any]) -> list[slice]:
    """Return which part of the output stays once the padding is cut off."""
    auto_pad = attributes.get("auto_pad") or "NOTSET"
    extra = attributes.get("output_padding") or [0] * len(axes)
    shape = (attributes.get("output_shape") or [])[-len(axes) :]
    if not shape and auto_pad.startswith("SAME"):
        shape = [axis.size * axis.stride for axis in axes]
    kept = []
    for index, axis in enumerate(axes):
        full = _over_output(axis).size + extra[index]
        begin, end = axis.begin, full - axis.end
        if shape:
            total = max(0, full - shape[index])
            begin = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
            end = begin + shape[index]
        kept.append(slice(begin, end))
    return kept
