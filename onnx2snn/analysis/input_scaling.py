"""The scale and shift that a network begins with, as preprocessing that was exported with it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, has_one_reader, is_constant, is_float, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["InputScaling", "input_scalings"]


@dataclasses.dataclass(frozen=True, eq=False)
class InputScaling:
    """``slope * x + offset``, what a network makes of an input x first.

    Attributes:
        slope: Numbers that broadcast to the input, none of them 0.
        offset: The same; any number.
    """

    slope: np.ndarray
    offset: np.ndarray

    def invert(self, scaled: np.ndarray) -> np.ndarray:
        """Return the input that becomes ``scaled``, in its type and shape."""
        values: np.ndarray = (scaled - self.offset) / self.slope
        return values.astype(scaled.dtype)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an input of ``shape`` is as large once it is scaled."""
        shapes = (shape, self.slope.shape, self.offset.shape)
        try:
            return np.broadcast_shapes(*shapes) == shape
        except ValueError:
            return False


def input_scalings(graph: ir.Graph) -> dict[str, InputScaling]:
    """Return how inputs of real numbers are scaled and shifted, by name.

    Add, Sub, Mul and Div with constants are followed, and the Scaler of ai.onnx.ml, from an
    input on, as long as one node alone reads what it gives.
    """
    found = {}
    for value in graph.inputs:
        scaling = _follow(value) if is_float(value) else None
        if scaling is not None:
            found[str(value.name)] = scaling
    return found


def _follow(value: ir.Value) -> InputScaling | None:
    """Return what is made of an input; None if nothing is, or nothing that can be inverted."""
    slope, offset = np.array(1.0), np.array(0.0)
    first = value
    while has_one_reader(value):
        ((node, position),) = value.uses()
        step = _step(node, position)
        if step is None:
            break
        slope, offset = slope * step.slope, offset * step.slope + step.offset
        value = node.outputs[0]
    is_usable = np.isfinite(slope).all() and np.isfinite(offset).all() and slope.all()
    return InputScaling(slope, offset) if value is not first and is_usable else None


def _step(node: ir.Node, position: int) -> InputScaling | None:
    """Return what a node makes of its input at ``position``; None if that is something else."""
    if is_op(node, "Scaler", domain="ai.onnx.ml"):
        scale = np.array(node.attributes.get_floats("scale", [1.0]))
        center = np.array(node.attributes.get_floats("offset", [0.0]))
        return InputScaling(scale, -center * scale)
    if not is_op(node, "Add", "Sub", "Mul", "Div"):
        return None
    other = node.inputs[1 - position]
    if not is_constant(other):
        return None
    number = array(other).astype(np.float64)
    return _with_number(node.op_type, number, is_first=position == 0)


def _with_number(op: str, number: np.ndarray, *, is_first: bool) -> InputScaling | None:
    """Return what an operator makes of a value beside a number, and whether the value is first."""
    one, zero = np.array(1.0), np.array(0.0)
    if op == "Add":
        return InputScaling(one, number)
    if op == "Sub":
        return InputScaling(one, -number) if is_first else InputScaling(-one, number)
    if op == "Mul":
        return InputScaling(number, zero)
    if is_first and number.all():
        return InputScaling(1 / number, zero)
    return None
