"""What became of the nodes of a file: following the names of values through the passes.

Passes keep the names of values, or let what they put in a place take over the name of what
stood there. A value that is in the file and in the result is a *landmark*. What the file has
in front of a landmark, up to the landmarks before, became what the result has there.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING, TypeVar

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from onnx2snn.analysis.operators import OPERATORS, Form, operator_named
from onnx2snn.graph import dependency_graph, display_name, is_constant, is_op, reads
from onnx2snn.metadata.facts import CALL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

__all__ = ["NodeMapping", "Outcome", "SourceNode", "node_mappings", "source_nodes"]

_Node = TypeVar("_Node")


@dataclasses.dataclass(frozen=True, eq=False)
class SourceNode:
    """One node of a file, as far as it can be known again.

    Attributes:
        name: Its name, or its first output's if it has none.
        op: Operator type, with its domain if that is not the default one.
        inputs: Names of what it reads, also in its subgraphs, but for constants.
        constants: Names of the initializers that it reads.
        outputs: Names of its outputs.
        place: What it is part of: the name of the call of a model-local function, or the name
            of an If and of its branch, as in ``choice/then_branch``; None for the main graph.
        branches: Of an If, name of each branch to the nodes in it.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    place: str | None = None
    branches: Mapping[str, tuple[SourceNode, ...]] = dataclasses.field(
        default_factory=dict
    )


class Outcome(enum.StrEnum):
    """What can become of a node."""

    KEPT = "kept"
    """There are nodes in its place."""
    FOLDED = "folded"
    """It is part of what another node became."""
    CONSTANT = "constant"
    """It depends on no input's values, and was computed once and for all."""
    REMOVED = "removed"
    """What it hands on is what it reads, or stands for it."""
    UNUSED = "unused"
    """No output depends on it."""


@dataclasses.dataclass(frozen=True)
class NodeMapping:
    """What became of one node.

    Attributes:
        node: The node of the file.
        outcome: What became of it, in a word.
        became: Nodes of the result in its place, in topological order; empty unless kept. A
            node of the result that an output depends on is in exactly one of these lists.
        into: The node of the file that it was folded into; None unless folded.
    """

    node: SourceNode
    outcome: Outcome
    became: tuple[ir.Node, ...] = ()
    into: SourceNode | None = None


def source_nodes(model: ir.Model) -> tuple[SourceNode, ...]:
    """Return the nodes of a model as it came, those of a function in the place of its call.

    Args:
        model: A model with its nodes in topological order; it is not changed.
    """
    model = _inlined(model) if model.functions else model
    return _nodes_of(model.graph, set(model.graph.initializers))


def _nodes_of(
    graph: ir.Graph, constants: Collection[str], place: str | None = None
) -> tuple[SourceNode, ...]:
    return tuple(_source_node(node, constants, place) for node in graph)


def _source_node(
    node: ir.Node, constants: Collection[str], place: str | None
) -> SourceNode:
    names = [str(value.name) for value in reads(node)]
    branches = {}
    for name in _BRANCHES if is_op(node, "If") else ():
        graph = node.attributes[name].as_graph()
        path = "/".join(part for part in (place, display_name(node), name) if part)
        branches[name] = _nodes_of(graph, {*constants, *graph.initializers}, path)
    return SourceNode(
        display_name(node),
        node.op_type if is_op(node, node.op_type) else f"{node.domain}.{node.op_type}",
        tuple(name for name in names if name not in constants),
        tuple(name for name in names if name in constants),
        tuple(value.name for value in node.outputs if value.name),
        CALL.read(node) or place,
        branches,
    )


_BRANCHES = ("then_branch", "else_branch")


def _inlined(model: ir.Model) -> ir.Model:
    model = model.clone()
    for node in model.graph:
        if node.op_identifier() in model.functions:
            CALL.write(
                node, display_name(node)
            )  # inlining hands it to the nodes inside
    try:
        return InlinePass()(model).model
    except (ir.passes.InvariantError, ValueError):
        return model  # the import says what is wrong


def node_mappings(nodes: Sequence[SourceNode], graph: ir.Graph) -> list[NodeMapping]:
    """Return what became of each of ``nodes``.

    Args:
        nodes: The nodes of a file, in topological order.
        graph: What passes made of the file, in topological order.
    """
    owners = {name: node for node in nodes for name in node.outputs}
    makers = {
        str(v.name): node for node in graph for v in node.outputs if v.name in owners
    }
    order = {name: position for position, name in enumerate(makers)}
    moving = _moving(nodes)
    places = _places_before(nodes, order)
    lasting = {n: p for n, p in places.items() if n in moving or p in n.outputs}
    before, after = _by_place(lasting), _by_place(_places_after(graph, order))
    became: dict[SourceNode, list[ir.Node]] = collections.defaultdict(list)
    for name, news in after.items():
        _match(before.get(name, []), news, owners[name], became)
    holders = {new: old for old, news in became.items() for new in news}
    rank = {node: position for position, node in enumerate(graph)}

    def mapping(node: SourceNode) -> NodeMapping:
        if node in became:
            news = sorted(became[node], key=rank.__getitem__)
            return NodeMapping(node, Outcome.KEPT, tuple(news))
        if node not in moving:
            return NodeMapping(node, Outcome.CONSTANT)
        if node not in places:
            return NodeMapping(node, Outcome.UNUSED)
        into = holders[makers[places[node]]]
        if _moves_elements(node) or _is_unchanged(into, became[into]):
            return NodeMapping(node, Outcome.REMOVED)
        return NodeMapping(node, Outcome.FOLDED, into=into)

    return [mapping(node) for node in nodes]


def _places_before(
    nodes: Sequence[SourceNode], order: Mapping[str, int]
) -> dict[SourceNode, str]:
    """Return the place of each node of the file."""
    readers = collections.defaultdict(list)
    for node in nodes:
        for name in node.inputs:
            readers[name].append(node)
    return _places(
        nodes,
        lambda node: node.outputs,
        lambda node: (reader for name in node.outputs for reader in readers[name]),
        order,
    )


def _places_after(graph: ir.Graph, order: Mapping[str, int]) -> dict[ir.Node, str]:
    """Return the place of each node of the result."""
    edges = dependency_graph(graph)
    return _places(
        list(graph),
        lambda node: (str(value.name) for value in node.outputs),
        edges.successors,
        order,
    )


def _places(
    nodes: Sequence[_Node],
    made: Callable[[_Node], Iterable[str]],
    readers: Callable[[_Node], Iterable[_Node]],
    order: Mapping[str, int],
) -> dict[_Node, str]:
    """Return for each node the first landmark that it makes or else leads to, if any."""
    places: dict[_Node, str] = {}
    for node in reversed(nodes):
        own = [name for name in made(node) if name in order]
        ends = own or [places[reader] for reader in readers(node) if reader in places]
        if ends:
            places[node] = min(ends, key=order.__getitem__)
    return dict(reversed(places.items()))


def _by_place(places: Mapping[_Node, str]) -> dict[str, list[_Node]]:
    found: dict[str, list[_Node]] = collections.defaultdict(list)
    for node, name in places.items():
        found[name].append(node)
    return found


def _match(
    olds: Sequence[SourceNode],
    news: Sequence[ir.Node],
    owner: SourceNode,
    became: dict[SourceNode, list[ir.Node]],
) -> None:
    """Add to ``became`` what the nodes in front of one landmark became.

    Nodes of one operator belong together, first those with outputs of one name, then nodes of
    one family. What else is new belongs to the one that became the last node.

    Args:
        olds: The nodes of the file there.
        news: The nodes of the result there.
        owner: The node of the file that made the landmark.
        became: Pairs of the landmarks before; those of this one are added.
    """
    fits: tuple[Callable[[SourceNode, ir.Node], bool], ...] = (
        lambda old, new: old.op == new.op_type and new.outputs[0].name in old.outputs,
        lambda old, new: old.op == new.op_type,
        lambda old, new: any({old.op, new.op_type} <= family for family in _FAMILIES),
    )
    rest = list(news)
    for fit in fits:
        for new in tuple(rest):
            old = next(
                (old for old in olds if old not in became and fit(old, new)), None
            )
            if old is not None:
                became[old].append(new)
                rest.remove(new)
    heir = next((old for old in olds if news[-1] in became.get(old, ())), owner)
    for new in rest:
        became[heir].append(new)


def _moving(nodes: Iterable[SourceNode]) -> set[SourceNode]:
    """Return the nodes that depend on the values of an input, and not on its shape alone."""
    still: set[str] = set()
    moving = set()
    for node in nodes:
        if operator_named(node.op).form is Form.SHAPE or still.issuperset(node.inputs):
            still.update(node.outputs)
        else:
            moving.add(node)
    return moving


_WEIGHTED = frozenset(name for name, row in OPERATORS.items() if row.is_weighted)

_FAMILIES = (_WEIGHTED, frozenset({"Clip", "Relu"}), frozenset({"Resize", "Upsample"}))
"""Operators that passes put in each other's place."""


def _moves_elements(node: SourceNode) -> bool:
    return operator_named(node.op).moves_elements


def _is_unchanged(old: SourceNode, news: Sequence[ir.Node]) -> bool:
    """Whether ``news`` are what ``old`` was: a pass that changes weights gives them new names."""
    names = {*old.inputs, *old.constants}
    return [new.op_type for new in news] == [old.op] and all(
        value.name in names
        for value in news[0].inputs
        if value is not None and is_constant(value)
    )
