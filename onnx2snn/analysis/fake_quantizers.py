"""Recognize a quantizer spelled in float arithmetic by what it does: it is a staircase.

Whatever the words, ``theta floor(L clip(x / theta, 0, 1) + 1/2) / L`` is a clamped line, then a
rounding, then another clamped line. Both lines are computed from the nodes on either side of the
rounding; only the steps they leave matter, not the order of the nodes or how constants were
folded.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.graph import array, has_one_reader, is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnx_ir as ir

__all__ = ["ROUNDINGS", "UniformQuantizer", "uniform_quantizer_of"]

_Array: TypeAlias = np.ndarray[Any, Any]

ROUNDINGS = {"Floor": 0.0, "Round": 0.5, "Ceil": 1.0}
"""Operator to where its steps are: it gives k or more from k minus this on."""

_TOLERANCE = 1e-5
"""Largest error of a slope or a step, as a part of a step: constants are rounded to float32."""


@dataclasses.dataclass(frozen=True, eq=False)
class UniformQuantizer:
    """``y = theta / L * clip(floor(x * L / theta + v_init), 0, L)``, or odd-symmetric.

    Attributes:
        x: What is quantized.
        y: The result.
        theta: The largest value: float32, of a shape that broadcasts to ``x``.
        levels: Number of steps L from 0 to ``theta``, >= 1.
        v_init: How far below a step ``x`` is taken for it, as a part of a step, 0 to 1: the
            initial potential, as a part of the threshold, of a neuron that does the same.
        is_signed: Whether the values reach from ``-theta`` to ``theta``, not from 0.
    """

    x: ir.Value
    y: ir.Value
    theta: _Array
    levels: int
    v_init: float
    is_signed: bool


@dataclasses.dataclass(frozen=True)
class _Line:
    """``clip(slope * x + offset, low, high)``, element by element."""

    slope: _Array
    offset: _Array
    low: _Array
    high: _Array

    @classmethod
    def identity(cls, low: Any = -np.inf, high: Any = np.inf) -> _Line:  # noqa: ANN401
        return cls(np.ones([]), np.zeros([]), np.asarray(low), np.asarray(high))

    def times(self, factor: _Array) -> _Line | None:
        if np.ptp(np.sign(factor)) or not np.all(factor):
            return None  # signs differ: no common direction
        ends = (self.low * factor, self.high * factor)
        low, high = ends if factor.flat[0] > 0 else ends[::-1]
        return _Line(self.slope * factor, self.offset * factor, low, high)

    def divided(self, divisor: _Array) -> _Line | None:
        """Return the line over ``divisor``: not times the reciprocal, which rounds once more."""
        if np.ptp(np.sign(divisor)) or not np.all(divisor):
            return None
        ends = (self.low / divisor, self.high / divisor)
        low, high = ends if divisor.flat[0] > 0 else ends[::-1]
        return _Line(self.slope / divisor, self.offset / divisor, low, high)

    def plus(self, shift: _Array) -> _Line:
        return _Line(
            self.slope, self.offset + shift, self.low + shift, self.high + shift
        )

    def clipped(self, low: Any = -np.inf, high: Any = np.inf) -> _Line:  # noqa: ANN401
        low, high = np.float64(low), np.float64(high)
        ends = [np.minimum(np.maximum(end, low), high) for end in (self.low, self.high)]
        return _Line(self.slope, self.offset, *ends)


def uniform_quantizer_of(node: ir.Node) -> UniformQuantizer | None:
    """Return the widest staircase around the rounding ``node``; None if there is none."""
    source = node.inputs[0] if is_op(node, *ROUNDINGS) else None
    if source is None or is_constant(source):
        return None
    paths = list(_paths_back(source))
    results = [
        (rounded, list(_paths_on(node, rounded))) for rounded in _rounded(node, source)
    ]
    for x, before in reversed(paths):
        line = _followed(_Line.identity(), x, before)
        for rounded, after in results:
            for y, behind in reversed(after):
                found = (
                    None
                    if line is None
                    else _steps(node, line, _Ends(x, y, rounded, behind))
                )
                if found is not None:
                    return found
    return None


@dataclasses.dataclass(frozen=True)
class _Ends:
    """Between what a staircase may lie: root, result, and the nodes behind the rounding."""

    x: ir.Value
    y: ir.Value
    rounded: ir.Value
    behind: list[ir.Node]


def _steps(rounding: ir.Node, line: _Line, ends: _Ends) -> UniformQuantizer | None:
    """Return the staircase of a rounding of ``line`` and what ``ends`` say comes behind."""
    if (
        not (np.all(np.isfinite(line.low)) or np.all(np.isfinite(line.high)))
        and not ends.behind
    ):
        return None
    early = ROUNDINGS[rounding.op_type]
    counts = _Line.identity(*(np.floor(end + early) for end in (line.low, line.high)))
    result = _followed(counts, ends.rounded, ends.behind)
    if result is None or not np.all(np.isfinite([*result.low.flat, *result.high.flat])):
        return None
    high, low = result.high, result.low
    if not (np.all(high > 0) and np.all(_close(line.slope * result.slope, 1.0))):
        return None
    # rounding down what is negated is rounding up
    up = result.slope < 0
    ahead = np.where(up, 1 - early, early)
    step = np.abs(result.slope)
    levels = np.rint(high / step)
    # in steps: how far the rounding is ahead of x, less what is subtracted behind it
    v_init = np.where(up, -line.offset, line.offset) + ahead + result.offset / step
    signed = bool(np.all(_close(low / step, -levels)))
    whole = np.all(_close(high / step, levels)) and (
        signed or np.all(_close(low / step, 0.0))
    )
    one = np.ptp(levels) == 0 and np.ptp(np.atleast_1d(v_init)) <= _TOLERANCE
    first = float(np.atleast_1d(v_init).flat[0])
    if not (whole and one and -_TOLERANCE <= first <= 1 + _TOLERANCE):
        return None
    fraction = min(max(round(first, 4), 0.0), 1.0)
    theta = np.asarray(high, np.float32)
    return UniformQuantizer(
        ends.x, ends.y, theta, int(levels.flat[0]), fraction, signed
    )


def _close(values: _Array, expected: Any) -> _Array:  # noqa: ANN401
    size = np.maximum(1, np.abs(expected))
    return np.asarray(np.abs(values - expected) <= _TOLERANCE * size)


def _paths_back(value: ir.Value) -> Iterator[tuple[ir.Value, list[ir.Node]]]:
    """Yield each value that ``value`` is a clamped line of, and the nodes from there to it."""
    nodes: list[ir.Node] = []
    while True:
        yield value, nodes
        node = value.producer()
        source = None if node is None else _operand(node)
        if node is None or source is None:
            return
        value, nodes = source, [node, *nodes]


def _paths_on(
    rounding: ir.Node, value: ir.Value
) -> Iterator[tuple[ir.Value, list[ir.Node]]]:
    """Yield what is made of ``value``, and the nodes from it to there."""
    nodes: list[ir.Node] = []
    while True:
        yield value, nodes
        if not has_one_reader(value):
            return
        node = next(iter(value.uses())).node
        if node.graph is not rounding.graph or _operand(node) is not value:
            return
        value, nodes = node.outputs[0], [*nodes, node]


def _rounded(node: ir.Node, source: ir.Value) -> list[ir.Value]:
    """Return what ``node`` gives; ahead of it ``source + (rounded - source)``, if it is there.

    So a gradient is let straight through where the framework has no other way.
    """
    output = node.outputs[0]
    readers = [use.node for use in output.uses()]
    for difference in readers:
        if is_op(difference, "Sub") and list(difference.inputs) == [output, source]:
            result = difference.outputs[0]
            for use in result.uses():
                if is_op(use.node, "Add") and {*use.node.inputs} == {source, result}:
                    return [use.node.outputs[0], output]
    return [output]


def _operand(node: ir.Node) -> ir.Value | None:
    """Return what ``node`` is a clamped line of; None if it is something else."""
    moving = [
        value for value in node.inputs if value is not None and not is_constant(value)
    ]
    if not is_op(node, *_RULES) or len(moving) != 1 or len(node.outputs) != 1:
        return None
    return moving[0]


def _followed(line: _Line, value: ir.Value, nodes: list[ir.Node]) -> _Line | None:
    """Return what ``nodes``, one behind the other, make of ``line``, which is ``value``."""
    found: _Line | None = line
    for node in nodes:
        constants = [
            None if each is value or each is None else array(each).astype(np.float64)
            for each in node.inputs
        ]
        found = None if found is None else _RULES[node.op_type](found, constants)
        value = node.outputs[0]
    return found


_Constants: TypeAlias = "list[_Array | None]"


def _only(constants: _Constants) -> _Array:
    return next(each for each in constants if each is not None)


def _quotient(line: _Line, constants: _Constants) -> _Line | None:
    return None if constants[0] is not None else line.divided(_only(constants))


def _difference(line: _Line, constants: _Constants) -> _Line | None:
    if constants[0] is None:
        return line.plus(-_only(constants))
    negative = line.times(-np.ones([]))
    return None if negative is None else negative.plus(constants[0])


def _clip(line: _Line, constants: _Constants) -> _Line | None:
    low, high = [*constants[1:], None, None][:2]
    return line.clipped(
        -np.inf if low is None else low, np.inf if high is None else high
    )


_RULES: dict[str, Callable[[_Line, _Constants], _Line | None]] = {
    "Add": lambda line, c: line.plus(_only(c)),
    "Clip": _clip,
    "Div": _quotient,
    "Identity": lambda line, _: line,
    "Max": lambda line, c: line.clipped(
        low=np.max(np.broadcast_arrays(*_all(c)), axis=0)
    ),
    "Min": lambda line, c: line.clipped(
        high=np.min(np.broadcast_arrays(*_all(c)), axis=0)
    ),
    "Mul": lambda line, c: line.times(_only(c)),
    "Neg": lambda line, _: line.times(-np.ones([])),
    "Relu": lambda line, _: line.clipped(low=0.0),
    "Sub": _difference,
}
"""What an operator makes of a clamped line, with the constants it reads beside it."""


def _all(constants: _Constants) -> list[_Array]:
    return [each for each in constants if each is not None] or [np.zeros([])]
