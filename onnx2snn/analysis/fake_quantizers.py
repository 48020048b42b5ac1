"""Recognize a quantizer spelled in float arithmetic by what it does.

Whatever the words, ``theta floor(L clip(x / theta, 0, 1) + 1/2) / L`` is a clamped line, then a
rounding, then another clamped line. Only the steps they leave matter, not the order of the
nodes or how constants were folded.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.elementwise.chain import Functions, paths_back, paths_on
from onnx2snn.analysis.elementwise.clamped_line import CLAMPED_LINES, ROUNDINGS
from onnx2snn.analysis.elementwise.kinds import UniformSteps, uniform_steps
from onnx2snn.graph import is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.analysis.elementwise.clamped_line import ClampedLine

__all__ = ["ROUNDINGS", "UniformQuantizer", "uniform_quantizer_of"]

_LINES = frozenset(CLAMPED_LINES.rules) - frozenset(ROUNDINGS)
"""Operators that make a clamped line of one."""


@dataclasses.dataclass(frozen=True, eq=False)
class UniformQuantizer:
    """A value whose steps are equal in x and in y.

    Attributes:
        x: What is quantized.
        y: The result.
        steps: The steps; the shape of their ``theta`` broadcasts to ``x``.
    """

    x: ir.Value
    y: ir.Value
    steps: UniformSteps


def uniform_quantizer_of(node: ir.Node) -> UniformQuantizer | None:
    """Return the widest quantizer around the rounding ``node``; None if there is none."""
    source = node.inputs[0] if is_op(node, *ROUNDINGS) else None
    if source is None or is_constant(source):
        return None
    functions = Functions(CLAMPED_LINES)
    results = list(_results(node, source, functions))
    for x in reversed(list(paths_back(source, _LINES))):
        for y in results:
            line = functions.find(y, x)
            steps = None if line is None else uniform_steps(line)
            if steps is not None:
                return UniformQuantizer(x, y, steps)
    return None


def _results(
    node: ir.Node, source: ir.Value, functions: Functions[ClampedLine]
) -> Iterator[ir.Value]:
    """Yield what a quantizer around the rounding ``node`` may give, the widest first."""
    output = node.outputs[0]
    passed_through = _straight_through(output, source)
    if passed_through is not None:
        functions.take_for(passed_through, output)
        yield from reversed(list(paths_on(passed_through, _LINES)))
    yield from reversed(list(paths_on(output, _LINES)))


def _straight_through(rounded: ir.Value, source: ir.Value) -> ir.Value | None:
    """Return ``source + (rounded - source)``, if it is there.

    So a gradient is let straight through where the framework has no other way.
    """
    for use in rounded.uses():
        difference = use.node
        if is_op(difference, "Sub") and list(difference.inputs) == [rounded, source]:
            total = _sum_of(source, difference.outputs[0])
            if total is not None:
                return total
    return None


def _sum_of(one: ir.Value, other: ir.Value) -> ir.Value | None:
    for use in other.uses():
        if is_op(use.node, "Add") and {*use.node.inputs} == {one, other}:
            return use.node.outputs[0]
    return None
