"""Strides, dilations and pads of a node, in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.graph.building import Attribute

__all__ = ["full_geometry", "is_explicit"]


def is_explicit(node: ir.Node) -> bool:
    """Whether a node says itself how much is padded, and rounds sizes down."""
    attributes = node.attributes
    is_padded_by_rule = attributes.get_string("auto_pad", "NOTSET") != "NOTSET"
    return not is_padded_by_rule and not attributes.get_int("ceil_mode", 0)


def full_geometry(node: ir.Node, axes: int) -> dict[str, Attribute]:
    """Return strides, dilations and pads of a node, whether it has the attributes or not.

    Args:
        node: A convolution or a pool.
        axes: Number of its spatial axes.
    """
    ones, zeros = [1] * axes, [0] * (2 * axes)
    given = node.attributes
    return {
        "strides": list(given.get_ints("strides", ones) or ones),
        "dilations": list(given.get_ints("dilations", ones) or ones),
        "pads": list(given.get_ints("pads", zeros) or zeros),
    }
