"""What became of the nodes of a file, by the sources that passes write on nodes.

A node that is put in the place of others stands for what these stood for, see
`onnx2snn.graph.sources`. One that no pass says this of stands for the node of the file whose
output it makes under its name, or else for what the first node that reads it stands for.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import Form, operator_named
from onnx2snn.graph import dependency_graph
from onnx2snn.graph.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx_ir as ir

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
    sources = _find_sources(nodes, graph)
    replaced_by: dict[SourceNode, list[ir.Node]] = {}
    into: dict[SourceNode, SourceNode] = {}
    for new in graph:
        olds = sources.get(new)
        if olds:
            owner = _choose_owner(olds, new)
            replaced_by.setdefault(owner, []).append(new)
            into |= dict.fromkeys(olds, owner)
    fates = _Fates(
        replaced_by=replaced_by,
        into=into,
        variable=_find_variable_nodes(nodes),
        used=_find_used_nodes(nodes, graph),
    )
    return [fates.mapping_of(node) for node in nodes]


def _find_sources(
    nodes: Sequence[SourceNode], graph: ir.Graph
) -> dict[ir.Node, list[SourceNode]]:
    """Return the nodes of the file that each node of the result stands for.

    That is what passes recorded, else what made values of the same names, else what the node
    that reads it stands for.
    """
    by_key = {node.key: node for node in nodes}
    by_output = {name: node for node in nodes for name in node.outputs}
    edges = dependency_graph(graph)
    sources: dict[ir.Node, list[SourceNode]] = {}
    for node in reversed(graph):
        of_readers = [sources[reader] for reader in edges.successors(node)]
        sources[node] = (
            _find_recorded(node, by_key)
            or _find_by_outputs(node, by_output)
            or next(filter(None, of_readers), [])[:1]
        )
    return sources


def _find_by_outputs(
    node: ir.Node, by_output: Mapping[str, SourceNode]
) -> list[SourceNode]:
    """Return the nodes of the file that made values of the names that ``node`` makes."""
    names = [str(value.name) for value in node.outputs]
    return [by_output[name] for name in names if name in by_output]


def _find_recorded(node: ir.Node, by_key: Mapping[str, SourceNode]) -> list[SourceNode]:
    """Return what was recorded of ``node``: nodes, or the If of which a branch holds one."""
    found = (_find_by_key(key, by_key) for key in sources_of(node))
    return [source for source in found if source is not None]


def _find_by_key(key: str, by_key: Mapping[str, SourceNode]) -> SourceNode | None:
    """Return the node with a key, or else the innermost If of which a branch holds it."""
    while key and key not in by_key:
        key, _, _ = key.rpartition("/")
    return by_key.get(key)


def _choose_owner(olds: Sequence[SourceNode], new: ir.Node) -> SourceNode:
    """Return the one of ``olds`` in whose place ``new`` is: of its kind, or with its output."""
    for fits in (_have_same_operator, _are_of_one_family, _make_same_value):
        for old in olds:
            if fits(old, new):
                return old
    return olds[0]


def _have_same_operator(old: SourceNode, new: ir.Node) -> bool:
    return old.op == new.op_type


def _are_of_one_family(old: SourceNode, new: ir.Node) -> bool:
    """Whether both have weights, or both limit what they read."""
    pair = {old.op, new.op_type}
    if all(operator_named(op_type).is_weighted for op_type in pair):
        return True
    return pair <= {"Clip", "Relu"}


def _make_same_value(old: SourceNode, new: ir.Node) -> bool:
    return new.outputs[0].name in old.outputs


@dataclasses.dataclass(frozen=True)
class _Fates:
    """Sets of nodes of a file that tell what became of them.

    Attributes:
        replaced_by: The nodes of the result in the place of a node of the file.
        into: Node to the one in whose place the node is that stands for both.
        variable: The nodes that depend on the values of an input.
        used: The nodes that an output depends on.
    """

    replaced_by: Mapping[SourceNode, Sequence[ir.Node]]
    into: Mapping[SourceNode, SourceNode]
    variable: set[SourceNode]
    used: set[SourceNode]

    def mapping_of(self, node: SourceNode) -> NodeMapping:
        """Return what became of ``node``."""
        if node in self.replaced_by:
            news = tuple(self.replaced_by[node])
            return NodeMapping(node, Outcome.KEPT, replaced_by=news)
        if node not in self.variable:
            return NodeMapping(node, Outcome.CONSTANT)
        if node not in self.used:
            return NodeMapping(node, Outcome.UNUSED)
        is_no_op = operator_named(node.op).moves_elements
        if is_no_op or node not in self.into:
            return NodeMapping(node, Outcome.REMOVED)
        return NodeMapping(node, Outcome.FOLDED, into=self.into[node])


def _find_used_nodes(nodes: Sequence[SourceNode], graph: ir.Graph) -> set[SourceNode]:
    """Return the nodes of the file that an output depends on."""
    wanted = {str(value.name) for value in graph.outputs}
    used = set()
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(node.inputs)
            used.add(node)
    return used


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
