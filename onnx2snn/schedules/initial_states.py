"""Initial states of the full shape, as far as it is known before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, array, constant, is_op, set_array

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["InitialStates", "set_starting_value", "starting_value"]


class InitialStates:
    """Makes the initial states of a graph.

    A state has the shape of the current it integrates. If every dimension of that is a
    number or the name of a dimension of a graph input, the initial state is expanded to it
    before the loop: onnxruntime then plans its memory well. Otherwise the initial state
    keeps a shape that broadcasts, and has its full shape from the second step on.

    Args:
        graph: The graph that gets the nodes, at its end: sort it when all are made.
    """

    def __init__(self, graph: ir.Graph) -> None:
        """Remember where the symbolic dimensions of ``graph`` come from."""
        self.graph = graph
        self._builder = NodeBuilder(graph)
        self._axes = {
            dim.value: (value, axis)
            for value in graph.inputs
            for axis, dim in enumerate(value.shape or ())
            if isinstance(dim, ir.SymbolicDim) and dim.value is not None
        }
        self._shapes: dict[tuple[int | str | None, ...], ir.Value] = {}

    def of(self, current: ir.Value, name: str, data: np.ndarray) -> ir.Value:
        """Return an initial state called ``name``.

        Args:
            current: The value whose shape the state has.
            name: Name of the state.
            data: Its contents, in a shape that broadcasts to ``current``.
        """
        dims = (
            None if current.shape is None else tuple(_plain(d) for d in current.shape)
        )
        if dims is None or not all(isinstance(d, int) or d in self._axes for d in dims):
            return constant(self.graph, name, data)
        if data.shape == dims:
            return constant(self.graph, name, data)
        start = constant(self.graph, f"{name}_value", data)
        expand = ir.node("Expand", [start, self._shape(dims)], name=f"{name}.expand")
        state = self._builder.put(expand, name, like=start)
        state.shape = ir.Shape(dims)
        return state

    def _shape(self, dims: tuple[int | str | None, ...]) -> ir.Value:
        if dims not in self._shapes:
            if all(isinstance(d, int) for d in dims):
                self._shapes[dims] = constant(
                    self.graph, "state_shape", np.array(dims, np.int64)
                )
            else:
                self._shapes[dims] = self._computed_shape(dims)
        return self._shapes[dims]

    def _computed_shape(self, dims: Iterable[int | str | None]) -> ir.Value:
        parts = []
        for dim in dims:
            if isinstance(dim, int):
                parts.append(
                    constant(self.graph, "state_dim", np.array([dim], np.int64))
                )
                continue
            source, axis = self._axes[str(dim)]
            ends = {"start": axis, "end": axis + 1}
            part = self._builder.add("Shape", [source], "state_shape", ends)
            part.type = ir.TensorType(ir.DataType.INT64)
            parts.append(part)
        shape = self._builder.add("Concat", parts, "state_shape", {"axis": 0})
        shape.type = ir.TensorType(ir.DataType.INT64)
        return shape


def _plain(dim: int | ir.SymbolicDim) -> int | str | None:
    return dim if isinstance(dim, int) else dim.value


def starting_value(state: ir.Value | None) -> np.ndarray:
    """Return the contents of an initial state, in a shape that broadcasts to it."""
    return array(_start(state))


def set_starting_value(state: ir.Value | None, data: np.ndarray) -> None:
    """Change the contents of an initial state to ``data``, which broadcasts to it."""
    set_array(_start(state), data)


def _start(state: ir.Value | None) -> ir.Value | None:
    node = None if state is None else state.producer()
    return node.inputs[0] if node is not None and is_op(node, "Expand") else state
