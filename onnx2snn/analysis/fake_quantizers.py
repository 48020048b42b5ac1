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
    if not is_op(node, *ROUNDINGS):
        return None
    source = node.inputs[0]
    if source is None or is_constant(source):
        return None
    functions = Functions(CLAMPED_LINES)
    sources = list(paths_back(source, _LINES))
    results = list(_find_results(node, source, functions))
    for x in reversed(sources):
        for y in results:
            line = functions.find(y, x)
            if line is None:
                continue
            steps = uniform_steps(line)
            if steps is not None:
                return UniformQuantizer(x, y, steps)
    return None


def _find_results(
    node: ir.Node,
    source: ir.Value,
    functions: Functions[ClampedLine],
) -> Iterator[ir.Value]:
    """Yield what a quantizer around the rounding ``node`` may give, the widest first."""
    output = node.outputs[0]
    passed_through = _find_straight_through(output, source)
    if passed_through is not None:
        functions.take_for(passed_through, output)
        path = list(paths_on(passed_through, _LINES))
        yield from reversed(path)
    path = list(paths_on(output, _LINES))
    yield from reversed(path)


def _find_straight_through(
    rounded: ir.Value,
    source: ir.Value,
) -> ir.Value | None:
    """Return ``source + (rounded - source)``, if it is there.

    So a gradient is let straight through where the framework has no other way.
    """
    for use in rounded.uses():
        difference = use.node
        if not is_op(difference, "Sub"):
            continue
        if list(difference.inputs) != [rounded, source]:
            continue
        total = _find_sum(source, difference.outputs[0])
        if total is not None:
            return total
    return None


def _find_sum(one: ir.Value, other: ir.Value) -> ir.Value | None:
    for use in other.uses():
        reader = use.node
        operands = set(reader.inputs)
        if is_op(reader, "Add") and operands == {one, other}:
            return reader.outputs[0]
    return None
