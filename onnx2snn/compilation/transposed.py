"""The rule for transposed convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.compilation.geometry import full_geometry, is_explicit
from onnx2snn.compilation.weighted import (
    Weighted,
    add_weighted,
    bias_of,
    floats_of,
    has_constants,
    rounded_in_units,
    stream_of,
    units_of,
)
from onnx2snn.graph.linear_weights import count_groups, output_axis
from onnx2snn.graph.rounding import RoundedWeights

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.compilation.compiler import Compiler
    from onnx2snn.compilation.forms import Packed, Real
    from onnx2snn.graph.building import Attribute

__all__ = ["compile_transposed_convolution"]


def compile_transposed_convolution(compiler: Compiler, node: ir.Node) -> bool:
    """Let a transposed convolution of a stream multiply as few bits as will do.

    The library has its weights as those of a convolution, outputs first.
    """
    has_size_given = "output_shape" in node.attributes
    if has_size_given or not is_explicit(node) or not has_constants(node):
        return False
    geometry = _geometry_of(node)
    stream = stream_of(compiler, node, channels_last=True)
    if geometry is None or stream is None or not stream.axes.channels_last:
        return False
    groups = count_groups(node)
    weights = _weights_of(node, stream, groups)
    outputs = weights.shape[0]
    bias = bias_of(node, outputs)
    weighted = Weighted(
        "ConvTranspose", weights, bias, output_axis=0, attributes=geometry
    )
    add_weighted(compiler, node, stream, weighted)
    return True


def _geometry_of(node: ir.Node) -> dict[str, Attribute] | None:
    """Return the attributes for the library, which pads less behind where ONNX adds more there.

    None if it would have to add rows or columns that nothing reaches.
    """
    axes = floats_of(node).ndim - 2
    geometry = full_geometry(node, axes)
    zeros = [0] * axes
    added = node.attributes.get_ints("output_padding", zeros) or zeros
    strides, dilations, pads = (
        np.array(geometry[name]) for name in ("strides", "dilations", "pads")
    )
    pads[axes:] -= added
    if pads.min() < 0 or strides.min() < 1 or dilations.min() < 1:
        return None
    geometry["pads"] = pads.tolist()
    geometry["group"] = count_groups(node)
    return geometry


def _weights_of(
    node: ir.Node, stream: Packed | Real, groups: int
) -> np.ndarray | RoundedWeights:
    """Return the weights times the units of the stream, outputs first."""
    rounded = rounded_in_units(node, stream, output_axis(node))
    if rounded is not None:
        whole = _outputs_first(rounded.whole, groups)
        scale = np.tile(
            rounded.scale, groups
        )  # groups share the steps of their outputs
        return RoundedWeights(whole, scale, axis=0)
    weights = floats_of(node)
    units = units_of(stream)
    if units.ndim:
        at_all_places = [1] * (weights.ndim - 1)
        units = units.reshape(-1, *at_all_places)
    return _outputs_first(np.asarray(weights * units), groups)


def _outputs_first(weights: np.ndarray, groups: int) -> np.ndarray:
    """Return [channels, outputs / groups, ...] as [outputs, channels / groups, ...]."""
    channels, outputs, *kernel = weights.shape
    in_groups = weights.reshape(groups, channels // groups, outputs, *kernel)
    turned = in_groups.swapaxes(1, 2)
    return turned.reshape(groups * outputs, channels // groups, *kernel)
