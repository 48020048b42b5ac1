"""The rule for the largest of several streams: the largest of their sums so far."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.compilation.forms import Packed, Totals
from onnx2snn.compilation.geometry import full_geometry, is_explicit
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from onnx2snn.compilation.compiler import Compiler
    from onnx2snn.compilation.forms import Real

__all__ = ["compile_max_pool"]


def compile_max_pool(compiler: Compiler, node: ir.Node) -> bool:
    """Let sums over time be pooled where they are summed up.

    All spikes of a channel stand for the same, so the largest sum is that of the most spikes.
    """
    form = compiler.values.form_of(node.inputs[0])
    has_indices = len(node.outputs) > 1 and bool(node.outputs[1].name)
    if not isinstance(form, Totals) or has_indices or not is_explicit(node):
        return False
    stream = form.stream
    if not form.axes.channels_last or _has_negative_units(stream):
        return False
    kernel = list(node.attributes.get_ints("kernel_shape", ()) or ())
    geometry = full_geometry(node, axes=len(kernel))
    geometry["kernel_shape"] = kernel
    new = ir.node("RunningMaxPool", [stream.value], dict(geometry), domain=DOMAIN)
    new.name = node.name
    pooled = compiler.values.builder.put(new, f"{node.outputs[0].name}.pooled")
    pooled.type = stream.value.type
    same_form = dataclasses.replace(stream, value=pooled)
    compiler.values.put(node.outputs[0], Totals(same_form))
    return True


def _has_negative_units(stream: Packed | Real) -> bool:
    return isinstance(stream, Packed) and bool((stream.scale < 0).any())
