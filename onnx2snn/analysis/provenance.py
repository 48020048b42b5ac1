"""Mapping the nodes of a file to those that passes put in their place, by the names of values.

Passes keep the names of values, or let what they put in a place take over the name of what
stood there. A value that is in the file and in the result is an *anchor*. What the file has
in front of an anchor, up to the anchors before, was replaced by what the result has there.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.anchors import anchors_of_sources, find_anchors
from onnx2snn.analysis.node_matching import match_nodes
from onnx2snn.analysis.operators import Form, operator_named
from onnx2snn.graph import is_constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.node_matching import Replacements
    from onnx2snn.analysis.source_nodes import SourceNode

__all__ = ["NodeMapping", "Outcome", "node_mappings"]


class Outcome(enum.StrEnum):
    """The ways in which a node can end."""

    KEPT = "kept"
    """There are nodes in its place."""
    FOLDED = "folded"
    """It was folded into another node."""
    CONSTANT = "constant"
    """It depends on no input's values, and was computed once and for all."""
    REMOVED = "removed"
    """It is a no-op: it hands on its input, or stands for it."""
    UNUSED = "unused"
    """No output depends on it."""


@dataclasses.dataclass(frozen=True)
class NodeMapping:
    """The nodes of the result that stand for one node of the file.

    Attributes:
        node: The node of the file.
        outcome: What became of it, in a word.
        replaced_by: Nodes of the result in its place, in topological order; empty unless kept.
            A node of the result that an output depends on is in exactly one of these lists.
        into: The node of the file that it was folded into; None unless folded.
    """

    node: SourceNode
    outcome: Outcome
    replaced_by: tuple[ir.Node, ...] = ()
    into: SourceNode | None = None


def node_mappings(nodes: Sequence[SourceNode], graph: ir.Graph) -> list[NodeMapping]:
    """Return what became of each of ``nodes``.

    Args:
        nodes: The nodes of a file, in topological order.
        graph: What passes made of the file, in topological order.
    """
    makers = find_anchors(nodes, graph)
    order = {name: position for position, name in enumerate(makers)}
    anchors = anchors_of_sources(nodes, order)
    variable = _find_variable_nodes(nodes)
    lasting = _keep_lasting(anchors, variable)
    replaced_by = match_nodes(nodes, graph, lasting, order)
    match = _Match(
        anchors=anchors,
        variable=variable,
        makers=makers,
        replaced_by=replaced_by,
        holders=_find_holders(replaced_by),
    )
    return [match.mapping_of(node) for node in nodes]


def _keep_lasting(
    anchors: Mapping[SourceNode, str], variable: set[SourceNode]
) -> dict[SourceNode, str]:
    """Return the anchors of nodes that are variable or make their anchor themselves."""

    def is_lasting(node: SourceNode) -> bool:
        return node in variable or anchors[node] in node.outputs

    return {node: anchor for node, anchor in anchors.items() if is_lasting(node)}


def _find_holders(replaced_by: Replacements) -> dict[ir.Node, SourceNode]:
    """Return the node of the file in whose place each node of the result is."""
    holders = {}
    for old, news in replaced_by.items():
        for new in news:
            holders[new] = old
    return holders


@dataclasses.dataclass(frozen=True)
class _Match:
    """The nodes of a file and those of the result that belong together.

    Attributes:
        anchors: The anchor of each node of the file that leads to one.
        variable: The nodes of the file that depend on the values of an input.
        makers: The node of the result that makes each anchor.
        replaced_by: The nodes of the result in the place of a node of the file.
        holders: The node of the file in whose place each node of the result is.
    """

    anchors: Mapping[SourceNode, str]
    variable: set[SourceNode]
    makers: Mapping[str, ir.Node]
    replaced_by: Mapping[SourceNode, Sequence[ir.Node]]
    holders: Mapping[ir.Node, SourceNode]

    def mapping_of(self, node: SourceNode) -> NodeMapping:
        """Return what became of ``node``."""
        if node in self.replaced_by:
            news = tuple(self.replaced_by[node])
            return NodeMapping(node, Outcome.KEPT, replaced_by=news)
        if node not in self.variable:
            return NodeMapping(node, Outcome.CONSTANT)
        if node not in self.anchors:
            return NodeMapping(node, Outcome.UNUSED)
        maker = self.makers[self.anchors[node]]
        holder = self.holders[maker]
        is_no_op = operator_named(node.op).moves_elements
        if is_no_op or _is_unchanged(holder, self.replaced_by[holder]):
            return NodeMapping(node, Outcome.REMOVED)
        return NodeMapping(node, Outcome.FOLDED, into=holder)


def _is_unchanged(old: SourceNode, news: Sequence[ir.Node]) -> bool:
    """Whether ``news`` are what ``old`` was: a pass that changes weights gives them new names."""
    if [new.op_type for new in news] != [old.op]:
        return False
    constants = [value for value in news[0].inputs if is_constant(value)]
    names = {*old.inputs, *old.constants}
    return all(value is not None and value.name in names for value in constants)


def _find_variable_nodes(nodes: Iterable[SourceNode]) -> set[SourceNode]:
    """Return the nodes that depend on the values of an input, and not on its shape alone."""
    fixed: set[str] = set()
    variable = set()
    for node in nodes:
        reads_shape_only = operator_named(node.op).form is Form.SHAPE
        if reads_shape_only or fixed.issuperset(node.inputs):
            fixed.update(node.outputs)
        else:
            variable.add(node)
    return variable
