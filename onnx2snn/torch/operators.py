"""The operators of emitted graphs as torch functions, so that gradients flow through them.

A row is a function of the attributes of the node and of its inputs, None where one is left out.
Tensors of numbers for shapes and axes are int64, as in ONNX.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from onnx2snn.runtime.kernels.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Attributes = Mapping[str, Any]

__all__ = ["OPERATORS"]

DTYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16,
           11: torch.float64, 16: torch.bfloat16}  # fmt: skip
"""Number of a type in ONNX to the type."""

_MODULO = {0: torch.remainder, 1: torch.fmod}
"""Attribute ``fmod`` of Mod to what it computes."""


def _row(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a row for a torch function of the inputs alone."""
    return lambda _, *inputs: function(*inputs)


def _padded(x: Tensor, window: Window, fill: float) -> Tensor:
    """Return ``x``, [N, C, ...], with ``fill`` around it where windows leave it."""
    pads = [
        size for axis in reversed(window.axes) for size in (axis.begin, axis.overhang)
    ]
    return functional.pad(x, pads, value=fill) if any(pads) else x


def _convolution(
    attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    window = Window.of(x.shape[2:], weight.shape[2:], attributes)
    begins = [axis.begin for axis in window.axes]
    is_even = begins == [axis.end for axis in window.axes]
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[
        len(begins) - 1
    ]
    return convolve(
        x if is_even else _padded(x, window, 0),
        weight,
        bias,
        [axis.stride for axis in window.axes],
        begins if is_even else 0,
        [axis.dilation for axis in window.axes],
        attributes.get("group", 1),
    )


def _gemm(
    attributes: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None
) -> Tensor:
    left = a.T if attributes.get("transA") else a
    right = b.T if attributes.get("transB") else b
    product = left @ right * attributes.get("alpha", 1.0)
    return product if c is None else product + c * attributes.get("beta", 1.0)


def _batch_normalization(
    attributes: Attributes, x: Tensor, *parameters: Tensor
) -> Tensor:
    scale, bias, mean, variance = (
        parameter.reshape(-1, *[1] * (x.dim() - 2)) for parameter in parameters
    )
    deviation = torch.sqrt(variance + attributes.get("epsilon", 1e-5))
    return (x - mean) / deviation * scale + bias


def _average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    window = Window.of(x.shape[2:], attributes["kernel_shape"], attributes)
    padded = _padded(x, window, 0)
    ones = torch.ones_like(padded[:1, :1])
    total = _window_sums(padded, window)
    if any(axis.begin or axis.overhang for axis in window.axes):
        counts = [
            torch.tensor(
                axis.counts(with_padding=bool(attributes.get("count_include_pad")))
            )
            for axis in window.axes
        ]
        shaped = (
            c.reshape(-1, *[1] * (len(counts) - 1 - i)) for i, c in enumerate(counts)
        )
        return total / math.prod(shaped, start=ones[0, 0].flatten()[0])
    return total / window.taps


def _window_sums(padded: Tensor, window: Window) -> Tensor:
    taps = (padded[place] for place in window.places())
    total = next(taps)
    for tap in taps:
        total = total + tap
    return total


def _max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    window = Window.of(x.shape[2:], attributes["kernel_shape"], attributes)
    padded = _padded(x, window, -math.inf)
    taps = (padded[place] for place in window.places())
    largest = next(taps)
    for tap in taps:
        largest = torch.maximum(largest, tap)
    return largest


def _over_space(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda _, x: function(x, dim=tuple(range(2, x.dim())), keepdim=True)


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduce(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        given = attributes.get("axes") if axes is None else axes.tolist()
        if not given and attributes.get("noop_with_empty_axes"):
            return x
        keep = bool(attributes.get("keepdims", 1))
        return function(x, dim=tuple(given or range(x.dim())), keepdim=keep)

    return reduce


def _reshape(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    if not attributes.get("allowzero"):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def _flatten(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.get("axis", 1)
    axis += x.dim() if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _transpose(attributes: Attributes, x: Tensor) -> Tensor:
    return x.permute(attributes.get("perm") or tuple(reversed(range(x.dim()))))


def _pad(
    attributes: Attributes,
    x: Tensor,
    pads: Tensor,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    del attributes  # the mode is constant, as was checked
    which = (
        list(range(x.dim()))
        if axes is None
        else [axis % x.dim() for axis in axes.tolist()]
    )
    sizes = pads.tolist()
    amounts = dict(
        zip(
            which,
            zip(sizes[: len(which)], sizes[len(which) :], strict=True),
            strict=True,
        )
    )
    flat = [
        size for axis in reversed(range(x.dim())) for size in amounts.get(axis, (0, 0))
    ]
    return functional.pad(x, flat, value=0.0 if value is None else float(value))


def _slice(
    attributes: Attributes,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    *given: Tensor | None,
) -> Tensor:
    del attributes
    axes, steps = (*given, None, None)[:2]
    along = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(
        along, starts.tolist(), ends.tolist(), strides, strict=True
    ):
        kept = range(*slice(start, end, step).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(kept, dtype=torch.int64))
    return x


def _squeeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    del attributes
    return x.squeeze() if axes is None else x.squeeze(tuple(axes.tolist()))


def _unsqueeze(attributes: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    del attributes
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _shape(attributes: Attributes, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[attributes.get("start", 0) : attributes.get("end")])


def _expand(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    del attributes
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _gather(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    axis = attributes.get("axis", 0) % x.dim()
    flat = indices.reshape(-1) % x.shape[axis]
    found = x.index_select(axis, flat)
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def _divide(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    del attributes
    return torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")


def _split(attributes: Attributes, x: Tensor, sizes: Tensor | None = None) -> Any:  # noqa: ANN401 (a sequence)
    axis = attributes.get("axis", 0)
    if sizes is None:
        part = -(-x.shape[axis] // attributes["outputs"])
        return torch.split(x, part, axis)
    return torch.split(x, sizes.tolist(), axis)


def _clip(
    attributes: Attributes,
    x: Tensor,
    low: Tensor | None = None,
    high: Tensor | None = None,
) -> Tensor:
    del attributes
    return x if low is None and high is None else torch.clamp(x, low, high)


def _fold(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a row for a function of any number of inputs."""

    def apply(_: Attributes, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = function(total, other)
        return total

    return apply


OPERATORS: dict[str, Callable[..., Any]] = {
    # weights
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalization,
    "Conv": _convolution,
    "Gemm": _gemm,
    "GlobalAveragePool": _over_space(torch.mean),
    "MatMul": _row(torch.matmul),
    # arithmetic
    "Abs": _row(torch.abs),
    "Add": _row(torch.add),
    "Clip": _clip,
    "Div": _divide,
    "Exp": _row(torch.exp),
    "Floor": _row(torch.floor),
    "Max": _fold(torch.maximum),
    "Min": _fold(torch.minimum),
    "Mod": lambda attributes, x, y: _MODULO[attributes.get("fmod", 0)](x, y),
    "Mul": _row(torch.mul),
    "Neg": _row(torch.neg),
    "ReduceMean": _reduction(torch.mean),
    "ReduceSum": _reduction(torch.sum),
    "Relu": _row(torch.relu),
    "Sigmoid": _row(torch.sigmoid),
    "Sign": _row(torch.sign),
    "Softmax": lambda attributes, x: torch.softmax(x, attributes.get("axis", -1)),
    "Sub": _row(torch.sub),
    "Sum": _fold(torch.add),
    "Tanh": _row(torch.tanh),
    # largest
    "GlobalMaxPool": _over_space(torch.amax),
    "MaxPool": _max_pool,
    "ReduceMax": _reduction(torch.amax),
    # numbers
    "Constant": lambda attributes: torch.from_numpy(attributes["value"].numpy().copy()),
    "Range": _row(torch.arange),
    "Size": lambda _, x: torch.tensor(x.numel()),
    # comparisons and types
    "Cast": lambda attributes, x: x.to(DTYPES[attributes["to"]]),
    "CastLike": lambda _, x, like: x.to(like.dtype),
    "GreaterOrEqual": _row(torch.ge),
    "IsNaN": _row(torch.isnan),
    "Less": _row(torch.lt),
    "LessOrEqual": _row(torch.le),
    "Where": _row(torch.where),
    # places
    "Concat": lambda attributes, *inputs: torch.cat(inputs, attributes["axis"]),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Identity": lambda _, x: x,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""What each operator computes; operators of other domains are not among them."""
