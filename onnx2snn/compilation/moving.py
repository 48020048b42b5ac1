"""The rules for operators that move spikes about: parts of them, margins, one beside another."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.compilation.forms import Packed
from onnx2snn.graph import array, dims_of, input_at, is_constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx_ir as ir

    from onnx2snn.compilation.compiler import Compiler

__all__ = ["compile_concat", "compile_pad", "compile_slice"]


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Parts of axes, as Slice has them: a number for each axis."""

    starts: np.ndarray
    ends: np.ndarray
    axes: np.ndarray
    steps: np.ndarray

    @classmethod
    def of(cls, node: ir.Node) -> _Part | None:
        """Return what a Slice takes; None if that is not constant."""
        given = list(node.inputs[1:])
        if not all(map(is_constant, given)):
            return None
        starts, ends, *rest = (array(value) for value in given)
        count = len(starts)
        axes = np.arange(count)
        steps = np.ones(count, np.int64)
        if rest:
            axes, *rest = rest
        if rest:
            (steps,) = rest
        return cls(starts, ends, axes, steps)

    def of_units(self, units: np.ndarray, place: int) -> np.ndarray:
        """Return the units of what is left, for the part along axis ``place``."""
        start = int(self.starts[place])
        end = int(self.ends[place])
        step = int(self.steps[place])
        reaches_the_first = step < 0 and end < -(2**31)
        stop = None if reaches_the_first else end
        return units[start:stop:step]


def compile_slice(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be sliced as bytes, but along time and batch."""
    values = compiler.values
    stream = node.inputs[0]
    spikes = values.packed(stream)
    part = _Part.of(node)
    if spikes is None or part is None:
        return False
    places = _places_of(part.axes, stream, spikes)
    if places is None:
        return False
    inputs = [spikes.value]
    for numbers in (part.starts, part.ends, places, part.steps):
        operand = values.sizes("part", numbers)
        inputs.append(operand)
    sliced = _add_packed(compiler, node, "Slice", inputs)
    units = spikes.scale
    last_axis = spikes.axes.rank
    if units.ndim and last_axis in places:
        place = places.index(last_axis)
        units = part.of_units(units, place)
    values.put(node.outputs[0], Packed(sliced, units, spikes.axes))
    return True


def compile_pad(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be padded by zeros as bytes, but along time and batch."""
    values = compiler.values
    spikes = values.packed(node.inputs[0])
    if spikes is None or not _pads_by_zeros(node):
        return False
    margins = _margins_in_memory(node, spikes)
    if margins is None:
        return False
    units = spikes.scale
    if units.ndim:
        along_units = margins[:, -1]
        cuts_units = along_units.min() < 0
        if cuts_units:
            return False
        units = np.pad(units, along_units)  # 0: no spike is there
    operand = values.sizes("margins", margins.reshape(-1))
    inputs = [spikes.value, operand]
    padded = _add_packed(compiler, node, "Pad", inputs)
    values.put(node.outputs[0], Packed(padded, units, spikes.axes))
    return True


def _margins_in_memory(node: ir.Node, spikes: Packed) -> np.ndarray | None:
    """Return the margins before and behind each axis in memory; None if time or batch has some."""
    stream, amounts = node.inputs[:2]
    margins = array(amounts).reshape(2, -1)
    is_padded = margins.any(axis=0)
    axes = np.flatnonzero(is_padded)
    places = _places_of(axes, stream, spikes)
    if places is None:
        return None
    rank_with_time = spikes.axes.rank + 1
    in_memory = np.zeros((2, rank_with_time), np.int64)
    in_memory[:, places] = margins[:, axes]
    return in_memory


def _pads_by_zeros(node: ir.Node) -> bool:
    """Whether a Pad adds a constant number of zeros to all axes that it has numbers for."""
    mode = node.attributes.get_string("mode", "constant")
    margin = node.inputs[1]
    value = input_at(node, 2)
    axes = input_at(node, 3)
    is_zero = value is None or (is_constant(value) and not array(value).any())
    adds_zeros = mode == "constant" and is_zero
    return is_constant(margin) and adds_zeros and axes is None


def compile_concat(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be put side by side as bytes."""
    values = compiler.values
    found = [values.packed(value) for value in node.inputs]
    forms = [form for form in found if form is not None]
    are_all_spikes = len(forms) == len(found)
    if not are_all_spikes or not _have_one_order(forms):
        return False
    first = forms[0]
    axis = node.attributes.get_int("axis", 0)
    places = _places_of([axis], node.inputs[0], first)
    if places is None:
        return False
    (place,) = places
    units = _joined_units(node, forms, place)
    if units is None:
        return False
    inputs = [form.value for form in forms]
    joined = _add_packed(compiler, node, "Concat", inputs, axis=place)
    values.put(node.outputs[0], Packed(joined, units, first.axes))
    return True


def _have_one_order(forms: Sequence[Packed]) -> bool:
    """Whether the axes of all forms are in one order in memory."""
    first = forms[0].axes.of_step()
    return all(form.axes.of_step() == first for form in forms)


def _joined_units(
    node: ir.Node, forms: Sequence[Packed], place: int
) -> np.ndarray | None:
    """Return the units of spikes side by side; None where they differ along another axis."""
    axes = forms[0].axes
    is_along_units = place == axes.rank
    if not is_along_units:
        first = forms[0].scale
        are_same = all(np.array_equal(form.scale, first) for form in forms)
        return first if are_same else None
    last_axis = axes.of_step()[-1]
    units = []
    for value, form in zip(node.inputs, forms, strict=True):
        sizes = dims_of(value) or ()
        of_step = sizes[-axes.rank :]
        size = of_step[last_axis]
        if not isinstance(size, int):
            return None
        repeated = np.broadcast_to(form.scale, size)
        units.append(repeated)
    return np.concatenate(units)


def _places_of(
    axes: Iterable[int], value: ir.Value | None, spikes: Packed
) -> list[int] | None:
    """Return where axes of an emitted value are in memory; None if one is time or batch."""
    sizes = dims_of(value)
    if sizes is None:
        return None
    rank = len(sizes)
    axes_of_time = rank - spikes.axes.rank
    places = []
    for axis in axes:
        axis_of_step = int(axis) % rank - axes_of_time
        is_time_or_batch = axis_of_step < 1
        if is_time_or_batch:
            return None
        place = spikes.axes.place_of(axis_of_step)
        places.append(place)
    return places


def _add_packed(
    compiler: Compiler,
    node: ir.Node,
    op: str,
    inputs: Sequence[ir.Value],
    **attributes: int,
) -> ir.Value:
    """Add a node on bytes in the place of ``node``; return its output."""
    name = f"{node.outputs[0].name}.packed"
    made = compiler.values.builder.add(op, inputs, name, attributes)
    made.type = inputs[0].type
    return made
