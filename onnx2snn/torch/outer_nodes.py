"""The nodes around the loop over time: which of them torch computes, and which it need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from onnx2snn.graph import (
    boundary,
    closure,
    dependency_graph,
    is_constant,
    is_float,
    reads,
    subgraphs,
)
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.torch.kinds import check_operators, has_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx2snn.graph import NodeGraph

    Feeds = Mapping[str, Tensor | np.ndarray]

__all__ = ["OuterNodes", "constants_read_by"]


class OuterNodes:
    """The nodes of the main graph, and who computes them while a network is tuned.

    What lies in front of the loop and has no PyTorch form, such as a scaler of ``ai.onnx.ml``, is
    computed by onnxruntime, with all that it reads: nothing there is trained. What lies behind the
    loop and has none, such as a table of labels, is left out, with the outputs that follow from it:
    the other outputs say enough of the network.

    Args:
        model: An emitted network.
        loop: Its loop over time.

    Attributes:
        computed: The nodes that torch computes and the loop, in order.
        outputs: The values to compare with the ANN's: graph outputs, or what is read behind them.

    Raises:
        UnsupportedError: Nothing is left to compare; the nodes are named.
    """

    def __init__(self, model: ir.Model, loop: ir.Node) -> None:
        graph = model.graph
        edges = dependency_graph(graph)
        without_form = _nodes_without_form(graph, loop)
        behind = closure(edges, [loop])
        left_out = closure(edges, without_form & behind)
        self.outputs = _compared(graph, behind - left_out)
        if not self.outputs:
            check_operators(without_form & behind)
        given = closure(edges.reverse(), without_form - behind)
        others = given | left_out
        self.computed = [node for node in graph if node not in others]
        self._given = _read_outside(given, others, edges)
        self._front = Subgraph(model, self._given, ()) if self._given else None

    def given_values(self, feeds: Feeds) -> dict[ir.Value, Tensor]:
        """Return what onnxruntime computes in front of the loop.

        Args:
            feeds: A tensor for each input of the network, an array for text.
        """
        if self._front is None:
            return {}
        arrays = {name: np.asarray(feeds[name]) for name in self._front.inputs}
        results = map(torch.from_numpy, self._front.run(arrays))
        return dict(zip(self._given, results, strict=True))


def _nodes_without_form(graph: ir.Graph, loop: ir.Node) -> set[ir.Node]:
    """Return the nodes that torch cannot compute: for want of a form, or as it has no text."""
    return {
        node
        for node in graph
        if node is not loop and (not has_form(node) or _reads_text(node))
    }


def _reads_text(node: ir.Node) -> bool:
    return any(value.dtype == ir.DataType.STRING for value in reads(node))


def _compared(graph: ir.Graph, nodes: set[ir.Node]) -> list[ir.Value]:
    """Return the outputs that ``nodes`` compute, or else what the others are computed from.

    The latter are real numbers: of labels there is no distance.
    """
    outputs = [value for value in graph.outputs if value.producer() in nodes]
    if outputs:
        return outputs
    results = (value for node in nodes for value in node.outputs)
    real = set(filter(is_float, results))
    return [value for value in boundary(graph.outputs, real) if value in real]


def _read_outside(
    nodes: set[ir.Node], others: set[ir.Node], edges: NodeGraph
) -> list[ir.Value]:
    """Return the outputs of ``nodes`` that some node reads which is none of ``others``."""
    return [
        value
        for node in edges
        if node in nodes
        for value in node.outputs
        if _is_read_outside(value, others)
    ]


def _is_read_outside(value: ir.Value, nodes: set[ir.Node]) -> bool:
    readers = {use.node for use in value.uses()}
    return not readers <= nodes


def constants_read_by(nodes: Iterable[ir.Node]) -> list[ir.Value]:
    """Return the constants that ``nodes`` read, and that graphs in them hold."""
    found: list[ir.Value] = []
    for node in nodes:
        found += filter(is_constant, reads(node))
        for graph in subgraphs(node):
            found += graph.initializers.values()
    return list(dict.fromkeys(found))
