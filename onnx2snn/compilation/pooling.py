"""The rule for the largest of several streams: the largest of their sums so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.compilation.forms import Packed, Totals
from onnx2snn.compilation.geometry import full_geometry, is_explicit
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from onnx2snn.compilation.compiler import Compiler

__all__ = ["compile_max_pool"]


def compile_max_pool(compiler: Compiler, node: ir.Node) -> bool:
    """Let sums of spikes be pooled as whole numbers.

    All spikes of a channel stand for the same, so the largest sum is that of the most spikes.
    """
    form = compiler.values.form_of(node.inputs[0])
    has_indices = len(node.outputs) > 1 and bool(node.outputs[1].name)
    if not isinstance(form, Totals) or has_indices or not is_explicit(node):
        return False
    spikes = form.spikes
    if not spikes.axes.channels_last or (spikes.scale < 0).any():
        return False
    kernel = list(node.attributes.get_ints("kernel_shape", ()) or ())
    geometry = full_geometry(node, axes=len(kernel))
    geometry["kernel_shape"] = kernel
    new = ir.node("SpikeMaxPool", [spikes.value], dict(geometry), domain=DOMAIN)
    new.name = node.name
    pooled = compiler.values.builder.put(new, f"{node.outputs[0].name}.packed")
    pooled.type = spikes.value.type
    packed = Packed(pooled, spikes.scale, spikes.axes)
    compiler.values.put(node.outputs[0], Totals(packed))
    return True
