"""The steps of a loop in which a layer works, where each has T steps of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, array, constant, is_op
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Windows", "is_window"]

_CLOCK = ir.DataType.FLOAT
"""Type in which steps are counted: the native library has its operators for no integers."""


_OPEN = re.compile(r"window_\d+\.open(_\d+)?")
"""Name of the node that tells whether a window is open."""


def is_window(value: ir.Value | None) -> bool:
    """Whether ``value`` tells, in an emitted Loop, whether this is a step of a layer."""
    node = None if value is None else value.producer()
    if node is None or not is_op(node, "And"):
        return False
    return _OPEN.fullmatch(node.name or "") is not None


class Windows:
    """The windows of a graph: of a layer that comes a steps late, the steps a + 1 .. a + T.

    Args:
        graph: The single-step graph that gets the nodes, at its end.
        count: T.
    """

    def __init__(self, graph: ir.Graph, count: ir.Value) -> None:
        """Begin to count."""
        self._graph = graph
        self._builder = NodeBuilder(graph)
        self._count = self._cast(count, "T.real", _CLOCK)
        self._step = self._count_steps()
        self._made: dict[tuple[object, ...], ir.Value] = {}

    def _count_steps(self) -> ir.Value:
        """Return the number of the step, 1 in the first."""
        one = constant(self._graph, "clock.one", np.ones([], np.float32))
        start = constant(self._graph, "clock.start", np.zeros([], np.float32))
        node = ir.node("RunningSum", [one, start], domain=DOMAIN)
        return self._builder.put(node, "clock", like=one)

    def _once(self, key: tuple[object, ...], make: Callable[[], ir.Value]) -> ir.Value:
        """Return what ``make`` gives, the same for the same key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _is_open(self, late: int) -> ir.Value:
        """Return whether this is a step of a layer that comes ``late``, a scalar."""
        return self._once(("open", late), lambda: self._compare(late))

    def _compare(self, late: int) -> ir.Value:
        name = f"window_{late}"
        before = constant(self._graph, f"{name}.before", np.array(late, np.float32))
        add = self._builder.add
        last = add("Add", [self._count, before], f"{name}.last", like=before)
        has_begun = add("Greater", [self._step, before], f"{name}.begun", like=before)
        is_on = add("LessOrEqual", [self._step, last], f"{name}.on", like=before)
        is_open = add("And", [has_begun, is_on], f"{name}.open", like=before)
        for value in (has_begun, is_on, is_open):
            value.type = ir.TensorType(ir.DataType.BOOL)
        return is_open

    def gate(self, late: int, like: ir.Value) -> ir.Value:
        """Return 1 in a step of a layer that comes ``late``, else 0, in the type of ``like``."""
        dtype = like.dtype or _CLOCK
        name = f"window_{late}.gate"
        key = ("gate", late, dtype)
        return self._once(key, lambda: self._cast(self._is_open(late), name, dtype))

    def leak(self, late: int, leak: ir.Value) -> ir.Value:
        """Return ``leak``, a constant number, in a step of a layer that comes ``late``, else 1."""
        data = array(leak)
        key = ("leak", late, float(data), data.dtype)
        return self._once(key, lambda: self._choose(late, leak, np.ones_like(data)))

    def heard(self, stream: ir.Value, late: int) -> ir.Value:
        """Return ``stream`` in a step of a layer that comes ``late``, else 0."""
        dtype = stream.dtype or _CLOCK
        silence = np.zeros([], dtype.numpy())
        return self._once(
            ("heard", stream, late), lambda: self._choose(late, stream, silence)
        )

    def _choose(self, late: int, value: ir.Value, other: np.ndarray) -> ir.Value:
        """Return ``value`` in a step of a layer that comes ``late``, else ``other``."""
        key = ("number", float(other), other.dtype)
        number = self._once(key, lambda: constant(self._graph, "outside", other))
        operands = [self._is_open(late), value, number]
        return self._builder.add(
            "Where", operands, f"{value.name}.in_window", like=value
        )

    def _cast(self, value: ir.Value, name: str, dtype: ir.DataType) -> ir.Value:
        found = self._builder.add("Cast", [value], name, {"to": int(dtype)}, like=value)
        found.type = ir.TensorType(dtype)
        return found
