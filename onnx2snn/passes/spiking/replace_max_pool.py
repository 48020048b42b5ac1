"""Average pooling in the place of max pooling, for neurons that no maximum can be taken of."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.graph import display_name, is_op, is_read, replace_node

__all__ = ["ReplaceMaxPool"]

_KEPT = ("auto_pad", "ceil_mode", "kernel_shape", "pads", "strides")
"""Attributes of a MaxPool that an AveragePool has as well."""


@dataclasses.dataclass(frozen=True)
class ReplaceMaxPool(ir.passes.InPlacePass):
    """Take the mean of each window in the place of its maximum.

        before:  y = MaxPool(x)
        after:   y = AveragePool(x), with count_include_pad = 1

    No exact rewriting: it is for simulators and chips that have no maximum. The ANN that layers
    are corrected toward keeps its maxima: the correction ``weights`` fits the weights behind the
    pool to what it gives now.

    Left as they are: a MaxPool with dilations, and one whose indices are read.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Replace in the main graph."""
        nodes = [node for node in model.graph if _is_replaceable(node)]
        for node in nodes:
            _replace(node)
        return ir.passes.PassResult(model, modified=bool(nodes))


def _is_replaceable(node: ir.Node) -> bool:
    if is_op(node, "GlobalMaxPool"):
        return True
    if not is_op(node, "MaxPool"):
        return False
    is_dilated = any(size > 1 for size in node.attributes.get_ints("dilations", ()))
    return not is_dilated and not any(map(is_read, node.outputs[1:]))


def _replace(node: ir.Node) -> None:
    if is_op(node, "GlobalMaxPool"):
        mean = ir.node("GlobalAveragePool", [node.inputs[0]], name=display_name(node))
    else:
        attributes = {
            name: each for name, each in node.attributes.items() if name in _KEPT
        }
        counted = ir.AttrInt64("count_include_pad", 1)
        mean = ir.node(
            "AveragePool",
            [node.inputs[0]],
            attributes={**attributes, "count_include_pad": counted},
            name=display_name(node),
        )
    replace_node(node, mean)
