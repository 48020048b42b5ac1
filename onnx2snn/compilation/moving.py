"""The rules for operators that move spikes about: parts of them, margins, one beside another."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.compilation.forms import Packed, sizes_of
from onnx2snn.graph import array, is_constant

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        axes = rest[0] if rest else np.arange(len(starts))
        steps = rest[1] if len(rest) > 1 else np.ones(len(starts), np.int64)
        return cls(starts, ends, axes, steps)

    def of_units(self, units: np.ndarray, place: int) -> np.ndarray:
        """Return the units of what is left, for the part along axis ``place``."""
        start, end = int(self.starts[place]), int(self.ends[place])
        step = int(self.steps[place])
        reaches_the_first = step < 0 and end < -(2**31)
        stop = None if reaches_the_first else end
        return units[slice(start, stop, step)]


def compile_slice(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be sliced as bytes, but along time and batch."""
    values = compiler.values
    spikes = values.packed(node.inputs[0])
    part = _Part.of(node)
    if spikes is None or part is None:
        return False
    places = _places_of(part.axes.tolist(), node.inputs[0], spikes)
    if places is None:
        return False
    numbers = [part.starts, part.ends, np.array(places), part.steps]
    operands = [values.constant("part", each.astype(np.int64)) for each in numbers]
    sliced = _add_packed(compiler, node, "Slice", [spikes.value, *operands])
    units = spikes.scale
    last_axis = spikes.axes.rank
    if units.ndim and last_axis in places:
        units = part.of_units(units, places.index(last_axis))
    values.put(node.outputs[0], Packed(sliced, units, spikes.axes))
    return True


def compile_pad(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be padded by zeros as bytes, but along time and batch."""
    values = compiler.values
    spikes = values.packed(node.inputs[0])
    if spikes is None or not _pads_by_zeros(node):
        return False
    margins = _margins_in_memory(node, spikes)
    if margins is None or (spikes.scale.ndim and margins[:, -1].min() < 0):
        return False
    operand = values.constant("margins", margins.reshape(-1))
    padded = _add_packed(compiler, node, "Pad", [spikes.value, operand])
    units = spikes.scale
    if units.ndim:
        units = np.pad(units, margins[:, -1])  # 0: no spike is there
    values.put(node.outputs[0], Packed(padded, units, spikes.axes))
    return True


def _margins_in_memory(node: ir.Node, spikes: Packed) -> np.ndarray | None:
    """Return the margins before and behind each axis in memory; None if time or batch has some."""
    margins = array(node.inputs[1]).reshape(2, -1)
    axes = [axis for axis in range(margins.shape[1]) if margins[:, axis].any()]
    places = _places_of(axes, node.inputs[0], spikes)
    if places is None:
        return None
    in_memory = np.zeros((2, spikes.axes.rank + 1), np.int64)
    in_memory[:, places] = margins[:, axes]
    return in_memory


def _pads_by_zeros(node: ir.Node) -> bool:
    """Whether a Pad adds a constant number of zeros to all axes that it has numbers for."""
    margin, *others = node.inputs[1:]
    value = others[0] if others else None
    has_axes = len(others) > 1 and others[1] is not None
    is_zero = value is None or (is_constant(value) and not array(value).any())
    is_constant_mode = node.attributes.get_string("mode", "constant") == "constant"
    return is_constant(margin) and is_zero and is_constant_mode and not has_axes


def compile_concat(compiler: Compiler, node: ir.Node) -> bool:
    """Let spikes be put side by side as bytes."""
    values = compiler.values
    found = [values.packed(value) for value in node.inputs]
    forms = [form for form in found if form is not None]
    are_all_spikes = len(forms) == len(found)
    if not are_all_spikes or not _have_one_order(forms):
        return False
    axis = node.attributes.get_int("axis", 0)
    places = _places_of([axis], node.inputs[0], forms[0])
    if places is None:
        return False
    (place,) = places
    units = _joined_units(node, forms, place)
    if units is None:
        return False
    inputs = [form.value for form in forms]
    joined = _add_packed(compiler, node, "Concat", inputs, axis=place)
    values.put(node.outputs[0], Packed(joined, units, forms[0].axes))
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
    if place != axes.rank:
        first = forms[0].scale
        are_same = all(np.array_equal(form.scale, first) for form in forms)
        return first if are_same else None
    units = []
    for value, form in zip(node.inputs, forms, strict=True):
        sizes = sizes_of(value) or []
        size = sizes[len(sizes) - axes.rank + axes.of_step()[-1]]
        if not isinstance(size, int):
            return None
        units.append(np.broadcast_to(form.scale, size))
    return np.concatenate(units)


def _places_of(
    axes: Sequence[int], value: ir.Value | None, spikes: Packed
) -> list[int] | None:
    """Return where axes of an emitted value are in memory; None if one is time or batch."""
    sizes = sizes_of(value)
    if sizes is None:
        return None
    axes_of_time = len(sizes) - spikes.axes.rank
    of_step = [axis % len(sizes) - axes_of_time for axis in axes]
    if any(axis < 1 for axis in of_step):
        return None
    return [spikes.axes.place_of(axis) for axis in of_step]


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
