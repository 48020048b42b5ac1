"""Initial states of the full shape, as far as it is known before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    array,
    before_expand,
    constant,
    dims_of,
    set_array,
)

if TYPE_CHECKING:
    from onnx2snn.graph import Dims

__all__ = ["InitialStates", "set_starting_value", "starting_value"]


class InitialStates:
    """Makes the initial states of a graph.

    A state has the shape of the current it integrates. If every dimension of that is a
    number or the name of a dimension of a graph input, the initial state is expanded to it
    before the loop: onnxruntime then plans its memory well. Otherwise the initial state
    keeps a shape that broadcasts, and has its full shape from the second step on.

    Args:
        graph: The graph that gets the nodes, at its end: sort it when all are made.
        expanded: Whether states may be expanded. Not where ONNX infers other sizes than
            onnxruntime computes: it refuses a state that contradicts what it inferred itself.
    """

    def __init__(self, graph: ir.Graph, *, expanded: bool = True) -> None:
        """Remember where the symbolic dimensions of ``graph`` come from."""
        self.graph = graph
        self._expanded = expanded
        self._builder = NodeBuilder(graph)
        self._axes: dict[str, tuple[ir.Value, int]] = {}
        for value in graph.inputs:
            dims = dims_of(value) or ()
            for axis, dim in enumerate(dims):
                if isinstance(dim, str):
                    self._axes[dim] = value, axis
        self._shapes: dict[Dims, ir.Value] = {}

    def make(self, current: ir.Value, name: str, data: np.ndarray) -> ir.Value:
        """Return an initial state called ``name``.

        Args:
            current: The value whose shape the state has.
            name: Name of the state.
            data: Its contents, in a shape that broadcasts to ``current``.
        """
        dims = dims_of(current)
        if dims is None or not self._can_expand(data, dims):
            return constant(self.graph, name, data)
        start = constant(self.graph, f"{name}_value", data)
        shape = self._shape(dims)
        operands = [start, shape]
        expand = ir.node("Expand", operands, name=f"{name}.expand")
        state = self._builder.put(expand, name, like=start)
        state.shape = ir.Shape(dims)
        return state

    def _can_expand(self, data: np.ndarray, dims: Dims) -> bool:
        """Whether there is something to expand, and it may be."""
        if not self._expanded or data.shape == dims:
            return False
        return self._are_known(dims)

    def _are_known(self, dims: Dims) -> bool:
        """Whether all of ``dims`` are known before the first step."""
        return all(isinstance(dim, int) or dim in self._axes for dim in dims)

    def _shape(self, dims: Dims) -> ir.Value:
        """Return ``dims`` as a value, the same for the same dims."""
        if dims not in self._shapes:
            self._shapes[dims] = self._make_shape(dims)
        return self._shapes[dims]

    def _make_shape(self, dims: Dims) -> ir.Value:
        is_fixed = all(isinstance(dim, int) for dim in dims)
        if is_fixed:
            return self._fixed_shape(dims)
        return self._computed_shape(dims)

    def _fixed_shape(self, dims: Dims) -> ir.Value:
        sizes = np.array(dims, np.int64)
        return constant(self.graph, "state_shape", sizes)

    def _computed_shape(self, dims: Dims) -> ir.Value:
        sizes = [self._size(dim) for dim in dims]
        first_axis = {"axis": 0}
        shape = self._builder.add("Concat", sizes, "state_shape", first_axis)
        shape.type = ir.TensorType(ir.DataType.INT64)
        return shape

    def _size(self, dim: int | str | None) -> ir.Value:
        """Return one dimension as a value of shape [1]."""
        if isinstance(dim, int):
            data = np.array([dim], np.int64)
            return constant(self.graph, "state_dim", data)
        source, axis = self._axes[str(dim)]
        ends = {"start": axis, "end": axis + 1}
        size = self._builder.add("Shape", [source], "state_shape", ends)
        size.type = ir.TensorType(ir.DataType.INT64)
        return size


def starting_value(state: ir.Value | None) -> np.ndarray:
    """Return the contents of an initial state, in a shape that broadcasts to it."""
    unexpanded = None if state is None else before_expand(state)
    return array(unexpanded)


def set_starting_value(state: ir.Value | None, data: np.ndarray) -> None:
    """Change the contents of an initial state to ``data``, which broadcasts to it."""
    unexpanded = None if state is None else before_expand(state)
    set_array(unexpanded, data)
