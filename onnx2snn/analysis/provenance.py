"""Mapping the nodes of a file to those that passes put in their place, by the names of values.

Passes keep the names of values, or let what they put in a place take over the name of what
stood there. A value that is in the file and in the result is an *anchor*. What the file has
in front of an anchor, up to the anchors before, was replaced by what the result has there.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING, TypeVar

from onnx2snn.analysis.operators import Form, operator_named
from onnx2snn.graph import dependency_graph, is_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.source_nodes import SourceNode

    _Fits = Callable[[SourceNode, ir.Node], bool]

__all__ = ["NodeMapping", "Outcome", "node_mappings"]

_Node = TypeVar("_Node")


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
    makers = _find_anchors(nodes, graph)
    order = {name: position for position, name in enumerate(makers)}
    anchors = _anchors_of_sources(nodes, order)
    variable = _find_variable_nodes(nodes)
    lasting = {
        node: anchor
        for node, anchor in anchors.items()
        if node in variable or anchor in node.outputs
    }
    replaced_by = _match_nodes(nodes, graph, lasting, order)
    match = _Match(
        anchors=anchors,
        variable=variable,
        makers=makers,
        replaced_by=replaced_by,
        holders={new: old for old, news in replaced_by.items() for new in news},
    )
    return [match.mapping_of(node) for node in nodes]


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


def _find_anchors(nodes: Iterable[SourceNode], graph: ir.Graph) -> dict[str, ir.Node]:
    """Return the node of ``graph`` that makes each anchor, in topological order."""
    names = {name for node in nodes for name in node.outputs}
    makers = {}
    for node in graph:
        for value in node.outputs:
            if value.name in names:
                makers[str(value.name)] = node
    return makers


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


def _anchors_of_sources(
    nodes: Sequence[SourceNode], order: Mapping[str, int]
) -> dict[SourceNode, str]:
    """Return the anchor of each node of the file."""
    readers = collections.defaultdict(list)
    for node in nodes:
        for name in node.inputs:
            readers[name].append(node)

    def readers_of(node: SourceNode) -> Iterable[SourceNode]:
        return (reader for name in node.outputs for reader in readers[name])

    return _anchors_of(nodes, lambda node: node.outputs, readers_of, order)


def _anchors_of_results(
    graph: ir.Graph, order: Mapping[str, int]
) -> dict[ir.Node, str]:
    """Return the anchor of each node of the result."""
    edges = dependency_graph(graph)

    def outputs_of(node: ir.Node) -> Iterable[str]:
        return (str(value.name) for value in node.outputs)

    return _anchors_of(list(graph), outputs_of, edges.successors, order)


def _anchors_of(
    nodes: Sequence[_Node],
    outputs_of: Callable[[_Node], Iterable[str]],
    readers_of: Callable[[_Node], Iterable[_Node]],
    order: Mapping[str, int],
) -> dict[_Node, str]:
    """Return for each node the first anchor that it makes or else leads to, if any."""
    anchors: dict[_Node, str] = {}
    for node in reversed(nodes):
        found = [name for name in outputs_of(node) if name in order]
        if not found:
            found = [
                anchors[reader] for reader in readers_of(node) if reader in anchors
            ]
        if found:
            anchors[node] = min(found, key=order.__getitem__)
    return dict(reversed(anchors.items()))


def _match_nodes(
    nodes: Sequence[SourceNode],
    graph: ir.Graph,
    anchors: Mapping[SourceNode, str],
    order: Mapping[str, int],
) -> dict[SourceNode, list[ir.Node]]:
    """Return for each node of the file the nodes of ``graph`` in its place, in their order."""
    owners = {name: node for node in nodes for name in node.outputs}
    before = _group_by_anchor(anchors)
    after = _group_by_anchor(_anchors_of_results(graph, order))
    replaced_by: dict[SourceNode, list[ir.Node]] = {}
    for anchor, news in after.items():
        olds = before.get(anchor, [])
        _match_at_anchor(olds, news, owners[anchor], replaced_by)
    position = {node: index for index, node in enumerate(graph)}
    for news in replaced_by.values():
        news.sort(key=position.__getitem__)
    return replaced_by


def _group_by_anchor(anchors: Mapping[_Node, str]) -> dict[str, list[_Node]]:
    groups: dict[str, list[_Node]] = {}
    for node, anchor in anchors.items():
        groups.setdefault(anchor, []).append(node)
    return groups


def _match_at_anchor(
    olds: Sequence[SourceNode],
    news: Sequence[ir.Node],
    owner: SourceNode,
    replaced_by: dict[SourceNode, list[ir.Node]],
) -> None:
    """Add to ``replaced_by`` what the nodes in front of one anchor were replaced by.

    Nodes of one operator belong together, first those with outputs of one name, then nodes of
    one family. What else is new belongs to the one that became the last node.

    Args:
        olds: The nodes of the file there.
        news: The nodes of the result there.
        owner: The node of the file that made the anchor.
        replaced_by: Pairs of the anchors before; those of this one are added.
    """
    rest = list(news)
    for fits in (_make_same_value, _have_same_operator, _are_of_one_family):
        for new in tuple(rest):
            free = [old for old in olds if old not in replaced_by]
            old = _find_fitting(free, new, fits)
            if old is not None:
                replaced_by[old] = [new]
                rest.remove(new)
    if rest:
        holders = (old for old in olds if news[-1] in replaced_by.get(old, ()))
        heir = next(holders, owner)
        replaced_by.setdefault(heir, []).extend(rest)


def _find_fitting(
    olds: Iterable[SourceNode], new: ir.Node, fits: _Fits
) -> SourceNode | None:
    return next((old for old in olds if fits(old, new)), None)


def _make_same_value(old: SourceNode, new: ir.Node) -> bool:
    return _have_same_operator(old, new) and new.outputs[0].name in old.outputs


def _have_same_operator(old: SourceNode, new: ir.Node) -> bool:
    return old.op == new.op_type


def _are_of_one_family(old: SourceNode, new: ir.Node) -> bool:
    """Whether passes put the operator of ``new`` in the place of that of ``old``."""
    pair = {old.op, new.op_type}
    if all(operator_named(op_type).is_weighted for op_type in pair):
        return True
    return any(pair <= family for family in _REPLACED)


_REPLACED = (frozenset({"Clip", "Relu"}), frozenset({"Resize", "Upsample"}))
"""Operators without weights that passes put in each other's place."""
