"""The rules for operators that give spikes another shape."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.compilation.forms import Axes, Packed
from onnx2snn.graph import array, dims_of, is_constant, is_op, known_sizes
from onnx2snn.schedules.finding import TIME_AXIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.compilation.compiler import Compiler

__all__ = ["compile_flatten", "compile_reshape"]


def compile_reshape(compiler: Compiler, node: ir.Node) -> bool:
    """Let the axis of time be split off, or merged: forms have it always."""
    form = compiler.values.form_of(node.inputs[0])
    if form is None:
        return False
    if not _only_moves_time(node):
        return compile_flatten(compiler, node)
    compiler.values.put(node.outputs[0], form)
    return True


def _only_moves_time(node: ir.Node) -> bool:
    """Whether a Reshape takes [T, N, ...] to [T * N, ...], or back."""
    before = dims_of(node.inputs[0])
    after = dims_of(node.outputs[0])
    if before is None or after is None:
        return False
    more_axes = len(after) - len(before)
    merges_time = more_axes == -1
    if merges_time:
        return _are_same(before[2:], after[1:])
    splits_time = more_axes == 1 and _begins_with_time(node.inputs[1])
    return splits_time and _are_same(before[1:], after[2:])


def _begins_with_time(sizes: ir.Value | None) -> bool:
    """Whether the first size of a shape is T, and the second what is left."""
    maker = None if sizes is None else sizes.producer()
    if maker is None or not is_op(maker, "Concat"):
        return False
    first, second = maker.inputs[:2]
    time = None if first is None else first.producer()
    is_time = time is not None and time.name == TIME_AXIS
    is_rest = is_constant(second) and array(second).tolist() == [-1]
    return is_time and is_rest


def _are_same(a: Sequence[object], b: Sequence[object]) -> bool:
    """Whether sizes are known, and the same."""
    return known_sizes(a) is not None and list(a) == list(b)


def compile_flatten(compiler: Compiler, node: ir.Node) -> bool:
    """Let all axes of spikes behind that of the batch become one."""
    values = compiler.values
    spikes = values.packed(node.inputs[0])
    sizes = _sizes_of_a_sample(node)
    if spikes is None or sizes is None:
        return False
    has_time_apart = len(sizes) == spikes.axes.rank - 1
    if not has_time_apart:
        return False
    units = _units_of_features(spikes, sizes)
    one = np.asarray(1, np.float32)
    one_unit = dataclasses.replace(spikes, scale=one)
    in_order = values.in_order(one_unit, channels_last=False)
    shape = values.sizes("flat_steps", [0, 0, -1])
    inputs = [in_order.value, shape]
    output = node.outputs[0]
    flat = values.builder.add("Reshape", inputs, f"{output.name}.packed")
    flat.type = spikes.value.type
    axes = Axes(rank=2, channels_last=False)
    values.put(output, Packed(flat, units, axes))
    return True


def _sizes_of_a_sample(node: ir.Node) -> list[int] | None:
    """Return the sizes behind the batch that a node makes one; None if it does something else."""
    before = dims_of(node.inputs[0])
    after = dims_of(node.outputs[0])
    if before is None or after is None or len(after) != 2:
        return None
    sizes = known_sizes(before[1:])
    if sizes is None or after[1] != math.prod(sizes):
        return None
    return sizes


def _units_of_features(spikes: Packed, sizes: Sequence[int]) -> np.ndarray:
    """Return what a spike of each feature stands for, features in the emitted order."""
    if spikes.scale.ndim == 0:
        return spikes.scale
    if spikes.axes.channels_last:
        positions = math.prod(sizes[1:])
        return np.repeat(spikes.scale, positions)
    rows = math.prod(sizes[:-1])
    return np.tile(spikes.scale, rows)
