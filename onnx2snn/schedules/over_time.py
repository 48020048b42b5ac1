"""Values of all time steps at once, in the forms in which nodes read them.

    the steps  [T, N, ...]:  an axis for time in front
    the rows   [T * N, ...]: those of the first step, then those of the second, ...

Either is made of the other by a Reshape, when it is first asked for. So the two that would
stand between two nodes of one form, and undo each other, never come to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, constant, fresh_name
from onnx2snn.schedules.finding import LAST_STEP, TIME_AXIS
from onnx2snn.schedules.time_steps import TIME_STEPS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["ValuesOverTime"]

_FREE = None
"""Size of an axis that is not known."""


class ValuesOverTime:
    """The streams of a graph, under the values of one step that they stand for.

    Args:
        graph: The graph that gets the nodes, at its end: sort it when all are made.
        count: T, a scalar.
        named: Values whose names callers know.

    Attributes:
        graph: The graph.
    """

    def __init__(
        self, graph: ir.Graph, count: ir.Value, named: Collection[ir.Value]
    ) -> None:
        """Begin without any stream."""
        self.graph = graph
        self._named = set(named)
        self._builder = NodeBuilder(graph)
        self._steps: dict[ir.Value, ir.Value] = {}
        self._rows: dict[ir.Value, ir.Value] = {}
        self._spread: dict[tuple[ir.Value, int], ir.Value] = {}
        self._first: dict[ir.Value, ir.Value] = {}
        self._last: dict[ir.Value, ir.Value] = {}
        self._sizes: dict[tuple[object, ...], ir.Value] = {}
        self._time = self._time_axis(count)

    def _time_axis(self, count: ir.Value) -> ir.Value:
        """Return T as a list of one size."""
        one_size = self._constant("one_size", [1])
        node = ir.node("Reshape", [count, one_size], name=TIME_AXIS)
        return self._put_sizes(node, "time_axis", 1)

    def __contains__(self, value: ir.Value) -> bool:
        """Whether ``value`` is a stream."""
        return value in self._steps or value in self._rows

    def put_steps(self, value: ir.Value, steps: ir.Value) -> None:
        """Say that ``steps`` are those of ``value``; they get its type and shape."""
        steps.type = value.type
        if value.shape is not None:
            steps.shape = ir.Shape([TIME_STEPS, *value.shape])
        self._steps[value] = steps

    def put_rows(self, value: ir.Value, rows: ir.Value) -> None:
        """Say that ``rows`` are those of all steps of ``value``; they get its type and shape."""
        rows.type = value.type
        if value.shape is not None:
            rows.shape = ir.Shape([_FREE, *value.shape[1:]])
        self._rows[value] = rows

    def put_last(self, value: ir.Value, last: ir.Value) -> None:
        """Say that ``last`` is ``value`` in the last step; it gets its type and shape."""
        last.type = value.type
        last.shape = value.shape
        self._last[value] = last

    def steps(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in every step, [T, N, ...]; one that is the same in each is repeated."""
        if value not in self._steps:
            is_stream = value in self._rows
            steps = self._split(value) if is_stream else self._repeat(value)
            self.put_steps(value, steps)
        return self._steps[value]

    def _split(self, value: ir.Value) -> ir.Value:
        rows = self._rows[value]
        sizes = self._sizes_behind_rows(value, rows, start=1)
        free = self._constant("rows_a_step", [-1])
        shape = self._joined("split_shape", [self._time, free, *sizes])
        return self._builder.add("Reshape", [rows, shape], f"{value.name}.steps")

    def _repeat(self, value: ir.Value) -> ir.Value:
        shape = self._shape_of(value, start=0)
        repeated = self._joined("repeated_shape", [self._time, shape])
        return self._builder.add("Expand", [value, repeated], f"{value.name}.steps")

    def rows(self, value: ir.Value) -> ir.Value:
        """Return the rows of all steps of ``value``, [T * N, ...]."""
        if value not in self._rows:
            steps = self.steps(value)
            sizes = self._sizes_behind_rows(value, steps, start=2)
            free = self._constant("all_rows", [-1])
            shape = self._joined("rows_shape", [free, *sizes])
            rows = self._builder.add("Reshape", [steps, shape], f"{value.name}.rows")
            self.put_rows(value, rows)
        return self._rows[value]

    def _sizes_behind_rows(
        self, value: ir.Value, form: ir.Value, start: int
    ) -> list[ir.Value]:
        """Return the sizes of one row of ``value``: known ones, or those of a form of it."""
        if value.shape is None:
            return [self._shape_of(form, start)]
        sizes = [size for size in value.shape[1:] if isinstance(size, int)]
        are_all_known = len(sizes) == value.shape.rank() - 1
        if not are_all_known:
            return [self._shape_of(form, start)]
        return [self._constant("row_shape", sizes)] if sizes else []

    def spread(self, value: ir.Value, rank: int) -> ir.Value:
        """Return the steps of ``value`` with axes of size 1 behind time, up to a rank of a step."""
        own_rank = 0 if value.shape is None else value.shape.rank()
        missing = rank - own_rank
        steps = self.steps(value)
        if missing <= 0:
            return steps
        key = value, rank
        if key not in self._spread:
            axes = self._constant("axes_behind_time", list(range(1, missing + 1)))
            name = f"{value.name}.spread"
            self._spread[key] = self._builder.add("Unsqueeze", [steps, axes], name)
            self._spread[key].type = value.type
        return self._spread[key]

    def first(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in the first step."""
        if value not in self._first:
            zero = constant(self.graph, "first_step", np.array(0, np.int64))
            name = f"{value.name}.first"
            self._first[value] = self._take(value, zero, name)
        return self._first[value]

    def has_last(self, value: ir.Value) -> bool:
        """Whether the last step of ``value`` is known."""
        return value in self or value in self._last

    def last(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in the last step."""
        if value not in self._last:
            index = constant(self.graph, "last_step", np.array(-1, np.int64))
            name = f"{LAST_STEP}{value.name}"
            self._last[value] = self._take(value, index, name)
        return self._last[value]

    def _take(self, value: ir.Value, index: ir.Value, name: str) -> ir.Value:
        inputs = [self.steps(value), index]
        return self._builder.add("Gather", inputs, name, {"axis": 0}, like=value)

    def sizes_with_time(self, sizes: ir.Value) -> ir.Value:
        """Return a list of sizes with T in front."""
        return self._joined(f"{sizes.name}.with_time", [self._time, sizes])

    def _shape_of(self, value: ir.Value, start: int) -> ir.Value:
        """Return the sizes of ``value`` from axis ``start`` on."""
        key = "shape", value, start
        if key not in self._sizes:
            node = ir.node("Shape", [value], {"start": start})
            rank = None if value.shape is None else value.shape.rank() - start
            self._sizes[key] = self._put_sizes(node, f"{value.name}.shape", rank)
        return self._sizes[key]

    def _joined(self, name: str, sizes: Sequence[ir.Value]) -> ir.Value:
        """Return one list of sizes from several, the same for the same ones."""
        if len(sizes) == 1:
            return sizes[0]
        key = "joined", *sizes
        if key not in self._sizes:
            node = ir.node("Concat", sizes, {"axis": 0})
            self._sizes[key] = self._put_sizes(node, name, _total_length(sizes))
        return self._sizes[key]

    def _put_sizes(self, node: ir.Node, name: str, length: int | None) -> ir.Value:
        sizes = self._builder.put(node, name)
        sizes.type = ir.TensorType(ir.DataType.INT64)
        sizes.shape = ir.Shape([length])
        return sizes

    def _constant(self, name: str, numbers: Sequence[int]) -> ir.Value:
        """Return a list of numbers as a constant, the same for the same ones."""
        key = "constant", *numbers
        if key not in self._sizes:
            data = np.array(numbers, np.int64)
            self._sizes[key] = constant(self.graph, name, data)
        return self._sizes[key]

    def name_for(self, value: ir.Value) -> str:
        """Return a name for what stands for ``value``: its own, unless a caller knows that."""
        if value in self._named:
            return fresh_name(self.graph, f"{value.name}.steps")
        return str(value.name)


def _total_length(lists: Sequence[ir.Value]) -> int | None:
    """Return how many sizes there are in several lists, None if that is not known."""
    total = 0
    for sizes in lists:
        length = None if sizes.shape is None else sizes.shape[0]
        if not isinstance(length, int):
            return None
        total += length
    return total
