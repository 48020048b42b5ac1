"""The rules for operators with states: neurons, and the sums that are read in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Axes, Packed, Real, Totals, back_to_emitted
from onnx2snn.compilation.naming import PACKED
from onnx2snn.graph import (
    array,
    before_expand,
    fresh_name,
    is_constant,
    is_op,
    rank_of,
    replace_value,
)
from onnx2snn.ops import DOMAIN, multistep_op
from onnx2snn.schedules.finding import LAST_STEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.compilation.compiler import Compiler

__all__ = [
    "compile_difference",
    "compile_last_step",
    "compile_neuron",
    "compile_running_sum",
]

_INT8 = ir.TensorType(ir.DataType.INT8)
_FLOAT = ir.TensorType(ir.DataType.FLOAT)


def compile_neuron(compiler: Compiler, node: ir.Node) -> bool:
    """Let a neuron take floats and spikes in, and give spikes as int8."""
    values = compiler.values
    current = node.inputs[0]
    if current is None or current.dtype is not ir.DataType.FLOAT:
        return False
    rank_with_time = rank_of(current)
    if rank_with_time is None or rank_with_time < 3:
        return False
    stream = _stream_of(compiler, node, rank_with_time - 1)
    inputs = _inputs_of(compiler, node, stream)
    packed = _packed_node(node, inputs)
    spikes = packed.outputs[0]
    spikes.type = _INT8
    result = node.outputs[0]
    values.builder.put(packed, f"{result.name}.packed")
    unit = np.asarray(1, np.float32)
    values.put(result, Packed(spikes, unit, stream.axes))
    _hand_states_on(compiler, node, packed, stream.axes)
    return True


def _stream_of(compiler: Compiler, node: ir.Node, rank: int) -> Real:
    """Return what a neuron integrates, with at most one term that is spikes."""
    values = compiler.values
    current = node.inputs[0]
    assert current is not None  # of every neuron
    form = values.terms(current)
    if form is not None:
        terms = values.real(form)
        return values.sum_of(terms, most_spikes=1)
    channels_last = _leads_to_convolution(node)
    axes = Axes(rank, channels_last)
    same_in_each_step = _repeated(current, rank)
    if same_in_each_step is None:
        arranged = values.arranged(current, axes, has_time=True)
        return Real(arranged, axes)
    plain = values.plain(same_in_each_step)
    arranged = values.arranged(plain, axes, has_time=False)
    front = values.sizes("front_axis", [0])
    name = f"{current.name}.once"
    once = values.add_floats("Unsqueeze", [arranged, front], name)
    return Real(once, axes)


def _repeated(current: ir.Value, rank: int) -> ir.Value | None:
    """Return the value of which ``current`` has a copy for each step; None if it is none."""
    maker = current.producer()
    if maker is None or not is_op(maker, "Expand"):
        return None
    source = maker.inputs[0]
    return source if rank_of(source) == rank else None


def _leads_to_convolution(node: ir.Node) -> bool:
    """Whether a convolution, rather than a product of matrices, reads what a node gives."""
    seen: set[ir.Node] = set()
    pending = [node]
    while pending:
        for use in pending.pop(0).outputs[0].uses():
            reader = use.node
            if is_op(reader, "MatMul", "Gemm"):
                return False
            if is_op(reader, "Conv", "MaxPool", "AveragePool", "ConvTranspose"):
                return True
            if reader not in seen:
                seen.add(reader)
                pending.append(reader)
    return True


def _inputs_of(compiler: Compiler, node: ir.Node, stream: Real) -> list[ir.Value]:
    """Return the inputs of the packed neuron."""
    values = compiler.values
    if stream.spikes:
        (term,) = stream.spikes
        residual = term.value
        scale = values.constant(f"{node.name}.residual_unit", term.scale)
    else:
        residual = values.constant("no_residual", np.array(0, np.int8))
        scale = values.constant("no_unit", np.array(1, np.float32))
    inputs = [stream.value, residual, scale, compiler.time_steps]
    for value in node.inputs[1:]:
        arranged = _arranged_input(compiler, value, stream.axes)
        inputs.append(arranged)
    return inputs


def _arranged_input(compiler: Compiler, value: ir.Value | None, axes: Axes) -> ir.Value:
    """Return a state or a threshold with its axes as in memory; constants stay as small."""
    assert value is not None  # neurons have no optional inputs
    values = compiler.values
    source = _repeated_constant(value)
    if is_constant(source):
        arranged = axes.arranged(array(source))
        return values.constant(f"{source.name}.arranged", arranged)
    plain = values.plain(value)
    rank = rank_of(plain)
    if rank is None or rank < axes.rank:
        return plain
    return values.arranged(plain, axes, has_time=False)


def _repeated_constant(value: ir.Value) -> ir.Value:
    """Return the constant that an initial state of the full shape repeats, or the value."""
    source = before_expand(value)
    return source if is_constant(source) else value


def _packed_node(node: ir.Node, inputs: Iterable[ir.Value]) -> ir.Node:
    op = multistep_op(node.op_type)
    assert op is not None  # the rule is for these
    outputs = 1 + len(op.step_op.state)
    name = f"{op.step_op.name}{PACKED}"
    packed = ir.node(name, list(inputs), domain=DOMAIN, num_outputs=outputs)
    packed.name = node.name
    packed.metadata_props.update(node.metadata_props)
    return packed


def _hand_states_on(
    compiler: Compiler, node: ir.Node, packed: ir.Node, axes: Axes
) -> None:
    """Let whoever reads the last states read those of the packed neuron."""
    values = compiler.values
    states = node.outputs[1:]
    packed_states = packed.outputs[1:]
    for old, new in zip(states, packed_states, strict=True):
        is_wanted = old.uses() or old.is_graph_output()
        if not is_wanted:
            new.name = ""
            continue
        new.type = _FLOAT
        new.name = fresh_name(values.graph, f"{old.name}.packed")
        last = new
        if axes.is_moved:
            order = back_to_emitted(axes.of_step())
            last = values.transpose(new, order, f"{old.name}.emitted")
        replace_value(old, last)


def compile_running_sum(compiler: Compiler, node: ir.Node) -> bool:
    """Let sums over time be known by what they are sums of."""
    values = compiler.values
    form = values.terms(node.inputs[0])
    sums, last = node.outputs
    if form is None or last.uses() or not _starts_at_zero(node):
        return False
    if isinstance(form, Real):
        form = values.sum_of(form)
    values.put(sums, Totals(form))
    return True


def _starts_at_zero(node: ir.Node) -> bool:
    """Whether the state of a node is 0 before the first step."""
    start = node.inputs[1]
    if start is None:
        return False
    source = _repeated_constant(start)
    return is_constant(source) and not array(source).any()


def compile_difference(compiler: Compiler, node: ir.Node) -> bool:
    """Let the differences of sums over time be the spikes again."""
    values = compiler.values
    form = values.form_of(node.inputs[0])
    if not isinstance(form, Totals):
        return False
    differences, last = node.outputs
    if last.uses() or not _starts_at_zero(node):
        return False
    values.put(differences, form.stream)
    return True


def compile_last_step(compiler: Compiler, node: ir.Node) -> bool:
    """Let sums be read in the last step with their axes as in memory, then put in order."""
    values = compiler.values
    totals, index = node.inputs
    form = values.form_of(totals)
    is_last_step = (node.name or "").startswith(LAST_STEP)
    if not isinstance(form, Totals) or not is_last_step:
        return False
    assert totals is not None  # it has a form
    name = str(totals.name)
    sums = _sums_over_time(compiler, form, name)
    along_time = {"axis": 0}
    taken = ir.node("Gather", [sums, index], along_time, name=node.name)
    last = values.builder.put(taken, f"{name}.last")
    last.type = _FLOAT
    if form.axes.is_moved:
        order = back_to_emitted(form.axes.of_step())
        last = values.transpose(last, order, f"{name}.emitted")
    node.name = None  # the new one has the name by which it is found
    replace_value(node.outputs[0], last)
    return True


def _sums_over_time(compiler: Compiler, totals: Totals, name: str) -> ir.Value:
    """Return the sum of a stream until each step, as floats."""
    values = compiler.values
    terms = values.real(totals.stream)
    floats = values.sum_of(terms)
    zero = values.constant(f"{name}.start", np.array(0, np.float32))
    inputs = [floats.value, zero]
    summing = ir.node("RunningSumMultiStep", inputs, domain=DOMAIN, num_outputs=2)
    sums = values.builder.put(summing, f"{name}.sums")
    for output in summing.outputs:
        output.type = _FLOAT
    return sums
