"""The operators of emitted graphs as torch functions, so that gradients flow through them.

A row is a function of the attributes of the node and of its inputs, None where one is left out.
Tensors of numbers for shapes and axes are int64, as in ONNX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from onnx2snn.runtime.torch_runtime import (
    curves,
    normalizing,
    rearranging,
    resizing,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = ["DTYPES", "OPERATORS"]

DTYPES = {
    1: torch.float32,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
"""Number of a type in ONNX to the type."""

_MODULO = {
    0: torch.remainder,
    1: torch.fmod,
}
"""Attribute ``fmod`` of Mod to what it computes."""


def _of_inputs(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a row for a torch function of the inputs alone."""
    return lambda _, *inputs: function(*inputs)


def _of_many(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a row for a function of any number of inputs, two at a time."""

    def combine_inputs(_: Attributes, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for other in inputs[1:]:
            total = function(total, other)
        return total

    return combine_inputs


def _over_space(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a row for a reduction of all axes but the first two."""

    def reduce_space(_: Attributes, x: Tensor) -> Tensor:
        spatial = tuple(range(2, x.dim()))
        return function(x, dim=spatial, keepdim=True)

    return reduce_space


def _over_axes(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a row for a reduction of the axes of an attribute or an input, or of all."""

    def reduce_axes(
        attributes: Attributes, x: Tensor, axes: Tensor | None = None
    ) -> Tensor:
        given = attributes.get("axes") if axes is None else axes.tolist()
        if not given and attributes.get("noop_with_empty_axes"):
            return x
        reduced = tuple(given or range(x.dim()))
        keep = bool(attributes.get("keepdims", 1))
        return function(x, dim=reduced, keepdim=keep)

    return reduce_axes


def _multiply_matrices(
    attributes: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None
) -> Tensor:
    left = a.T if attributes.get("transA") else a
    right = b.T if attributes.get("transB") else b
    alpha = attributes.get("alpha", 1.0)
    product = left @ right * alpha
    if c is None:
        return product
    beta = attributes.get("beta", 1.0)
    return product + c * beta


def _clip(
    attributes: Attributes,
    x: Tensor,
    low: Tensor | None = None,
    high: Tensor | None = None,
) -> Tensor:
    del attributes
    if low is None and high is None:
        return x
    return torch.clamp(x, low, high)


def _divide(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    del attributes
    rounding = None if a.is_floating_point() else "trunc"
    return torch.div(a, b, rounding_mode=rounding)


def _take_remainder(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    kind = attributes.get("fmod", 0)
    modulo = _MODULO[kind]
    return modulo(a, b)


def _sum_products(attributes: Attributes, *inputs: Tensor) -> Tensor:
    equation = attributes["equation"].replace(" ", "")
    return torch.einsum(equation, *inputs)


def _read_constant(attributes: Attributes) -> Tensor:
    if "value" in attributes:
        data = attributes["value"].numpy()
        return torch.from_numpy(data.copy())
    (given,) = [
        value for name, value in attributes.items() if name.startswith("value_")
    ]
    return torch.tensor(given)  # numbers: float32 of reals, int64 of integers


def _count_elements(attributes: Attributes, x: Tensor) -> Tensor:
    del attributes
    return torch.tensor(x.numel())


def _cast(attributes: Attributes, x: Tensor) -> Tensor:
    return x.to(DTYPES[attributes["to"]])


def _cast_like(attributes: Attributes, x: Tensor, like: Tensor) -> Tensor:
    del attributes
    return x.to(like.dtype)


def _dequantize(
    attributes: Attributes, x: Tensor, scale: Tensor, zero_point: Tensor | None = None
) -> Tensor:
    axis = attributes.get("axis", 1)
    if scale.dim() == 1 and x.dim() > 1:
        sizes = [1] * x.dim()
        sizes[axis] = -1
        scale = scale.reshape(sizes)
        zero_point = None if zero_point is None else zero_point.reshape(sizes)
    shifted = x.to(scale.dtype)
    if zero_point is not None:
        shifted = shifted - zero_point.to(scale.dtype)
    return shifted * scale


def _find_largest(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.get("axis", 0)
    keep = bool(attributes.get("keepdims", 1))
    return torch.argmax(x, dim=axis, keepdim=keep)


def _tile(attributes: Attributes, x: Tensor, repeats: Tensor) -> Tensor:
    del attributes
    return torch.tile(x, tuple(repeats.tolist()))


def _return_input(attributes: Attributes, x: Tensor) -> Tensor:
    del attributes
    return x


OPERATORS: dict[str, Callable[..., Any]] = {
    # weights
    "AveragePool": windows.average_pool,
    "Conv": windows.convolve,
    "ConvTranspose": windows.transpose_convolve,
    "Einsum": _sum_products,
    "Gemm": _multiply_matrices,
    "GlobalAveragePool": _over_space(torch.mean),
    "MatMul": _of_inputs(torch.matmul),
    "Resize": resizing.resize,
    # normalizations
    "BatchNormalization": normalizing.normalize_batch,
    "GroupNormalization": normalizing.normalize_groups,
    "InstanceNormalization": normalizing.normalize_instances,
    "LayerNormalization": normalizing.normalize_layer,
    "LogSoftmax": normalizing.log_softmax,
    "Softmax": normalizing.softmax,
    # arithmetic
    "Abs": _of_inputs(torch.abs),
    "Add": _of_inputs(torch.add),
    "Ceil": _of_inputs(torch.ceil),
    "Clip": _clip,
    "Cos": _of_inputs(torch.cos),
    "Div": _divide,
    "Erf": _of_inputs(torch.erf),
    "Exp": _of_inputs(torch.exp),
    "Floor": _of_inputs(torch.floor),
    "Log": _of_inputs(torch.log),
    "Max": _of_many(torch.maximum),
    "Min": _of_many(torch.minimum),
    "Mod": _take_remainder,
    "Mul": _of_inputs(torch.mul),
    "Neg": _of_inputs(torch.neg),
    "Pow": curves.power,
    "Reciprocal": _of_inputs(torch.reciprocal),
    "ReduceMean": _over_axes(torch.mean),
    "ReduceSum": _over_axes(torch.sum),
    "Round": _of_inputs(torch.round),
    "Sign": _of_inputs(torch.sign),
    "Sin": _of_inputs(torch.sin),
    "Sqrt": _of_inputs(torch.sqrt),
    "Sub": _of_inputs(torch.sub),
    "Sum": _of_many(torch.add),
    # activations
    "Celu": curves.celu,
    "Elu": curves.elu,
    "Gelu": curves.gelu,
    "HardSigmoid": curves.hard_sigmoid,
    "HardSwish": curves.hard_swish,
    "LeakyRelu": curves.leaky_relu,
    "Mish": curves.mish,
    "PRelu": curves.prelu,
    "Relu": _of_inputs(torch.relu),
    "Selu": curves.selu,
    "Sigmoid": _of_inputs(torch.sigmoid),
    "Softplus": curves.softplus,
    "Softsign": curves.softsign,
    "Swish": curves.swish,
    "Tanh": _of_inputs(torch.tanh),
    "ThresholdedRelu": curves.thresholded_relu,
    # largest
    "GlobalMaxPool": _over_space(torch.amax),
    "MaxPool": windows.max_pool,
    "ArgMax": _find_largest,
    "ReduceMax": _over_axes(torch.amax),
    "ReduceMin": _over_axes(torch.amin),
    # numbers
    "Constant": _read_constant,
    "Range": _of_inputs(torch.arange),
    "Size": _count_elements,
    # comparisons and types
    "Cast": _cast,
    "DequantizeLinear": _dequantize,
    "And": _of_inputs(torch.logical_and),
    "CastLike": _cast_like,
    "Equal": _of_inputs(torch.eq),
    "Greater": _of_inputs(torch.gt),
    "GreaterOrEqual": _of_inputs(torch.ge),
    "IsNaN": _of_inputs(torch.isnan),
    "Less": _of_inputs(torch.lt),
    "LessOrEqual": _of_inputs(torch.le),
    "Not": _of_inputs(torch.logical_not),
    "Or": _of_inputs(torch.logical_or),
    "Where": _of_inputs(torch.where),
    # places
    "Concat": rearranging.concatenate,
    "Expand": rearranging.expand,
    "Flatten": rearranging.flatten,
    "Gather": rearranging.gather,
    "Identity": _return_input,
    "Pad": rearranging.pad,
    "Reshape": rearranging.reshape,
    "Shape": rearranging.read_shape,
    "Slice": rearranging.slice_axes,
    "Split": rearranging.split,
    "Squeeze": rearranging.squeeze,
    "Tile": _tile,
    "Transpose": rearranging.transpose,
    "Unsqueeze": rearranging.unsqueeze,
}
"""Operator of ONNX to the function that it computes."""
