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

from onnx2snn.graph import NodeBuilder, constant, fresh_name, known_sizes, rank_of
from onnx2snn.schedules.finding import LAST_STEP, TIME_AXIS
from onnx2snn.schedules.time_steps import TIME_STEPS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from onnx2snn.graph import ValueMap

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
        self._steps: ValueMap = {}
        self._rows: ValueMap = {}
        self._spread: dict[tuple[ir.Value, int], ir.Value] = {}
        self._first: ValueMap = {}
        self._last: ValueMap = {}
        self._sizes: dict[tuple[object, ...], ir.Value] = {}
        self._time = self._time_axis(count)

    def _time_axis(self, count: ir.Value) -> ir.Value:
        """Return T as a list of one size."""
        one_size = self._constant("one_size", [1])
        inputs = [count, one_size]
        node = ir.node("Reshape", inputs, name=TIME_AXIS)
        return self._put_sizes(node, "time_axis", 1)

    def __contains__(self, value: ir.Value) -> bool:
        """Whether ``value`` is a stream."""
        return value in self._steps or value in self._rows

    def put_steps(self, value: ir.Value, steps: ir.Value) -> None:
        """Say that ``steps`` are those of ``value``; they get its type and shape."""
        steps.type = value.type
        shape = value.shape
        if shape is not None:
            steps.shape = ir.Shape([TIME_STEPS, *shape])
        self._steps[value] = steps

    def put_rows(self, value: ir.Value, rows: ir.Value) -> None:
        """Say that ``rows`` are those of all steps of ``value``; they get its type and shape."""
        rows.type = value.type
        shape = value.shape
        if shape is not None:
            rows.shape = ir.Shape([_FREE, *shape[1:]])
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
            make_steps = self._split if is_stream else self._repeat
            steps = make_steps(value)
            self.put_steps(value, steps)
        return self._steps[value]

    def _split(self, value: ir.Value) -> ir.Value:
        rows = self._rows[value]
        sizes = self._sizes_behind_rows(value, rows, start=1)
        free = self._constant("rows_a_step", [-1])
        all_sizes = [self._time, free, *sizes]
        shape = self._joined("split_shape", all_sizes)
        name = f"{value.name}.steps"
        return self._builder.add("Reshape", [rows, shape], name)

    def _repeat(self, value: ir.Value) -> ir.Value:
        sizes = self._shape_of(value, start=0)
        shape = self._joined("repeated_shape", [self._time, sizes])
        name = f"{value.name}.steps"
        return self._builder.add("Expand", [value, shape], name)

    def rows(self, value: ir.Value) -> ir.Value:
        """Return the rows of all steps of ``value``, [T * N, ...]."""
        if value not in self._rows:
            rows = self._merge(value)
            self.put_rows(value, rows)
        return self._rows[value]

    def _merge(self, value: ir.Value) -> ir.Value:
        steps = self.steps(value)
        sizes = self._sizes_behind_rows(value, steps, start=2)
        free = self._constant("all_rows", [-1])
        shape = self._joined("rows_shape", [free, *sizes])
        name = f"{value.name}.rows"
        return self._builder.add("Reshape", [steps, shape], name)

    def _sizes_behind_rows(
        self, value: ir.Value, form: ir.Value, start: int
    ) -> list[ir.Value]:
        """Return the sizes of one row of ``value``: known ones, or those of a form of it."""
        shape = value.shape
        sizes = None if shape is None else known_sizes(shape[1:])
        if sizes is None:
            computed = self._shape_of(form, start)
            return [computed]
        if not sizes:
            return []
        known = self._constant("row_shape", sizes)
        return [known]

    def spread(self, value: ir.Value, rank: int) -> ir.Value:
        """Return the steps of ``value`` with axes of size 1 behind time, up to a rank of a step."""
        own_rank = rank_of(value) or 0
        missing = rank - own_rank
        steps = self.steps(value)
        if missing <= 0:
            return steps
        key = value, rank
        if key not in self._spread:
            behind_time = range(1, missing + 1)
            axes = self._constant("axes_behind_time", behind_time)
            name = f"{value.name}.spread"
            spread = self._builder.add("Unsqueeze", [steps, axes], name)
            spread.type = value.type
            self._spread[key] = spread
        return self._spread[key]

    def first(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in the first step."""
        if value not in self._first:
            zero = np.array(0, np.int64)
            index = constant(self.graph, "first_step", zero)
            name = f"{value.name}.first"
            self._first[value] = self._take(value, index, name)
        return self._first[value]

    def has_last(self, value: ir.Value) -> bool:
        """Whether the last step of ``value`` is known."""
        return value in self or value in self._last

    def last(self, value: ir.Value) -> ir.Value:
        """Return ``value`` in the last step."""
        if value not in self._last:
            from_the_end = np.array(-1, np.int64)
            index = constant(self.graph, "last_step", from_the_end)
            name = f"{LAST_STEP}{value.name}"
            self._last[value] = self._take(value, index, name)
        return self._last[value]

    def _take(self, value: ir.Value, index: ir.Value, name: str) -> ir.Value:
        inputs = [self.steps(value), index]
        along_time = {"axis": 0}
        return self._builder.add("Gather", inputs, name, along_time, like=value)

    def sizes_with_time(self, sizes: ir.Value) -> ir.Value:
        """Return a list of sizes with T in front."""
        return self._joined(f"{sizes.name}.with_time", [self._time, sizes])

    def _shape_of(self, value: ir.Value, start: int) -> ir.Value:
        """Return the sizes of ``value`` from axis ``start`` on."""
        key = "shape", value, start
        if key not in self._sizes:
            node = ir.node("Shape", [value], {"start": start})
            rank = rank_of(value)
            length = None if rank is None else rank - start
            name = f"{value.name}.shape"
            self._sizes[key] = self._put_sizes(node, name, length)
        return self._sizes[key]

    def _joined(self, name: str, sizes: Sequence[ir.Value]) -> ir.Value:
        """Return one list of sizes from several, the same for the same ones."""
        if len(sizes) == 1:
            return sizes[0]
        key = "joined", *sizes
        if key not in self._sizes:
            node = ir.node("Concat", sizes, {"axis": 0})
            length = _total_length(sizes)
            self._sizes[key] = self._put_sizes(node, name, length)
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
        shape = sizes.shape
        length = None if shape is None else shape[0]
        if not isinstance(length, int):
            return None
        total += length
    return total
