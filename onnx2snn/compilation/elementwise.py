"""The rules for sums of streams, and for their products with constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.compilation.forms import Packed, Real, channels_of
from onnx2snn.graph import array, is_constant, rank_of

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from onnx2snn.compilation.compiler import Compiler
    from onnx2snn.compilation.forms import Form

__all__ = ["compile_addition", "compile_scaling"]


def compile_scaling(compiler: Compiler, node: ir.Node) -> bool:
    """Let a constant that multiplies spikes be part of what a spike stands for."""
    stream, factor = _stream_and_constant(node)
    spikes = compiler.values.packed(stream)
    if spikes is None or factor is None:
        return False
    units = _channels_of(node, factor, spikes)
    if units is None:
        return False
    scale = spikes.scale * units
    scaled = Packed(spikes.value, scale, spikes.axes)
    compiler.values.put(node.outputs[0], scaled)
    return True


def compile_addition(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes that are added wait for whoever reads the sum."""
    values = compiler.values
    stream, addend = _stream_and_constant(node)
    if addend is not None:
        return _add_constant(compiler, node, stream, addend)
    forms = [values.terms(value) for value in node.inputs]
    if None in forms:
        return False
    a, b = (form for form in forms if form is not None)
    have_one_order = a.axes.of_step() == b.axes.of_step()
    if not have_one_order:
        return False
    total = _sum_of(compiler, node, a, b)
    values.put(node.outputs[0], total)
    return True


def _sum_of(
    compiler: Compiler, node: ir.Node, a: Packed | Real, b: Packed | Real
) -> Real:
    """Return the sum of two forms, spikes still apart."""
    values = compiler.values
    if isinstance(a, Packed):
        a, b = b, a
    total = values.real(a)
    if isinstance(b, Packed):
        return Real(total.value, total.axes, (*total.spikes, b))
    name = f"{node.outputs[0].name}.compiled"
    terms = [total.value, b.value]
    floats = values.builder.add("Add", terms, name)
    floats.type = total.value.type
    spikes = (*total.spikes, *b.spikes)
    return Real(floats, total.axes, spikes)


def _add_constant(
    compiler: Compiler, node: ir.Node, stream: ir.Value | None, addend: ir.Value
) -> bool:
    values = compiler.values
    form = values.form_of(stream)
    if not isinstance(form, Real):
        return False
    numbers = _channels_of(node, addend, form)
    if numbers is None:
        return False
    output = node.outputs[0]
    addends = values.constant(f"{output.name}.addend", numbers)
    terms = [form.value, addends]
    floats = values.builder.add("Add", terms, f"{output.name}.compiled")
    floats.type = form.value.type
    values.put(output, Real(floats, form.axes, form.spikes))
    return True


def _channels_of(node: ir.Node, factor: ir.Value, form: Form) -> np.ndarray | None:
    """Return a constant as one number, or one for each entry of a form's last axis."""
    numbers = array(factor)
    rank = rank_of(node.outputs[0])
    if rank is None or numbers.ndim > rank:
        return None
    has_time = rank > form.axes.rank
    return channels_of(numbers, form.axes, has_time=has_time)


def _stream_and_constant(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    """Return the inputs of a node of which one is constant; None for one that is not."""
    a, b = node.inputs
    if is_constant(b):
        return a, b
    if is_constant(a):
        return b, a
    return a, None
