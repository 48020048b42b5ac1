"""Write nodes in front of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import constant, fresh_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

__all__ = ["Writer"]


class Writer:
    """Writes what is to take the place of a node in front of it.

    Args:
        node: The node; it stays where it is.
    """

    def __init__(self, node: ir.Node) -> None:
        """Take the graph and the names from ``node``."""
        graph = node.graph
        assert isinstance(graph, ir.Graph)
        self.node = node
        self.graph = graph
        self._name = node.outputs[0].name

    def given(self, position: int) -> ir.Value | None:
        """Return input ``position`` of the node, None if it is left out."""
        return self.node.inputs[position] if position < len(self.node.inputs) else None

    def add(
        self,
        op: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, ir.Attr | int | float] | None = None,
        outputs: int = 1,
    ) -> ir.Value:
        """Add a node of operator type ``op``; return its first output."""
        node = ir.node(op, inputs, attributes, num_outputs=outputs)
        for value in node.outputs:
            value.name = fresh_name(self.graph, f"{self._name}.{op}")
        node.name = node.outputs[0].name
        self.graph.insert_before(self.node, node)
        return node.outputs[0]

    @staticmethod
    def name(value: ir.Value, name: str | None) -> None:
        """Give the node that makes ``value`` another name."""
        node = value.producer()
        assert node is not None  # it was just written
        node.name = name

    def constant(self, suffix: str, data: np.ndarray) -> ir.Value:
        """Add an initializer named after the node's output."""
        return constant(self.graph, f"{self._name}.{suffix}", data)
