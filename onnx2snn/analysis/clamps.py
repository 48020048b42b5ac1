"""Recognize a clamp, ``min(max(x, low), high)``, and a leaky one, in whatever words."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from onnx2snn.analysis.elementwise.chain import Functions, computed_inputs
from onnx2snn.analysis.elementwise.kinds import (
    clamp_bounds,
    is_relu_like,
    slope_below_zero,
)
from onnx2snn.analysis.elementwise.piecewise_rules import FLOATS, PIECEWISE
from onnx2snn.graph import has_one_reader, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.analysis.elementwise.piecewise import Piecewise

__all__ = ["Clamp", "Clamps", "Leak"]

_MOST_ROOTS = 8
_CLAMPING = ("Clip", "Max", "Min", "Relu")
_LEAKY = ("LeakyRelu", "PRelu")


@dataclasses.dataclass(frozen=True)
class Clamp:
    """``min(max(x, low), high)`` with ``low <= high``; the bounds may be infinite."""

    x: ir.Value
    low: float
    high: float

    @property
    def is_relu(self) -> bool:
        """Whether it is ``max(x, 0)``."""
        return self.low == 0 and self.high == math.inf


@dataclasses.dataclass(frozen=True)
class Leak:
    """``x`` where it is positive, else ``slope * x``."""

    x: ir.Value
    slope: float


class Clamps:
    """The clamps of a graph. Ask for its nodes in their order.

    Only functions that are straight between kinks are followed, through nodes whose other
    operands are one number for all elements.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._functions = Functions(PIECEWISE)
        self._roots: dict[ir.Value, list[ir.Value]] = {}

    def find(self, node: ir.Node) -> Clamp | Leak | None:
        """Return the clamp that ``node`` gives, of a value as far back as can be."""
        output = node.outputs[0]
        self._roots[output] = self._roots_of_node(node)
        return self._find_clamp(node)

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Take ``new`` for what ``old`` was."""
        self._functions.take_for(new, old)
        roots = self._roots.pop(old)
        self._roots[new] = roots

    def _find_clamp(self, node: ir.Node) -> Clamp | Leak | None:
        output = node.outputs[0]
        for root in self._roots[output]:
            curve = self._functions.find(output, root)
            if curve is None:
                continue
            clamp = _clamp_of(node, root, curve)
            if clamp is not None:
                return clamp
        return None

    def _roots_of_node(self, node: ir.Node) -> list[ir.Value]:
        """Return the values of which ``node`` is a known function, the first one first."""
        inputs = computed_inputs(node)
        if not inputs:
            return []
        first, *others = map(self._roots_of_input, inputs)
        common = first
        for roots in others:
            common = [root for root in common if root in roots]
        known = []
        output = node.outputs[0]
        for root in common[:_MOST_ROOTS]:
            curve = self._functions.find(output, root)
            if curve is not None:
                known.append(root)
        return known

    def _roots_of_input(self, value: ir.Value) -> list[ir.Value]:
        """Return the values of which ``value`` is a known function, itself last.

        Behind a clamp that others read as well nothing is to be gained.
        """
        node = value.producer()
        if node is None or value not in self._roots:
            return [value]
        if not has_one_reader(value):
            clamp = self._find_clamp(node)
            if clamp is not None:
                return [value]
        return [*self._roots[value], value]


def _clamp_of(
    node: ir.Node,
    x: ir.Value,
    curve: Piecewise,
) -> Clamp | Leak | None:
    """Return the clamp that ``node`` is, if ``curve`` of ``x`` is one."""
    if not curve.is_continuous or not _keeps_type(node, x):
        return None
    if is_relu_like(curve):
        return _rectifier_of(node, x, slope_below_zero(curve))
    number = curve.number
    if number is not None and is_op(node, *_CLAMPING):
        return Clamp(x, low=number, high=number)
    bounds = clamp_bounds(curve)
    if bounds is None:
        return None
    return Clamp(x, *bounds)


def _keeps_type(node: ir.Node, x: ir.Value) -> bool:
    """Whether ``node`` gives real numbers of the type of ``x``."""
    if x.dtype not in FLOATS:
        return False
    output = node.outputs[0]
    return output.dtype is None or output.dtype == x.dtype


def _rectifier_of(
    node: ir.Node,
    x: ir.Value,
    slope: float,
) -> Clamp | Leak | None:
    """Return what ``node`` is if it is ``x`` above 0 and ``slope * x`` below."""
    if slope == 0:
        return Clamp(x, 0.0, math.inf)
    is_falling = slope < 0
    if is_falling and not is_op(node, *_LEAKY):
        return None
    if slope > 1:
        return None
    return Leak(x, slope)
