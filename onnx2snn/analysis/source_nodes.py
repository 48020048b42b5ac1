"""The nodes of a file, as far as they can be known again in what passes make of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from onnx2snn.graph import display_name, is_op, reads
from onnx2snn.metadata.facts import CALL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["SourceNode", "SourceRecord", "source_nodes"]

_BRANCHES = ("then_branch", "else_branch")


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


@dataclasses.dataclass(eq=False)
class SourceRecord:
    """The nodes of a file, handed from the pass that saw it to those that speak of it.

    Attributes:
        nodes: They, in topological order; None as long as no pass has seen the file.
    """

    nodes: tuple[SourceNode, ...] | None = None


def source_nodes(model: ir.Model) -> tuple[SourceNode, ...]:
    """Return the nodes of a model as it came, those of a function in the place of its call.

    Args:
        model: A model with its nodes in topological order; it is not changed.
    """
    if model.functions:
        model = _inline_functions(model)
    return _describe_nodes(model.graph, set(model.graph.initializers), None)


def _inline_functions(model: ir.Model) -> ir.Model:
    model = model.clone()
    for node in model.graph:
        if node.op_identifier() in model.functions:
            # Inlining gives the annotation of a call to the nodes inside.
            CALL.write(node, display_name(node))
    try:
        return InlinePass()(model).model
    except (ir.passes.InvariantError, ValueError):
        return model  # the import says what is wrong


def _describe_nodes(
    graph: ir.Graph, constants: Collection[str], place: str | None
) -> tuple[SourceNode, ...]:
    return tuple(_describe_node(node, constants, place) for node in graph)


def _describe_node(
    node: ir.Node, constants: Collection[str], place: str | None
) -> SourceNode:
    read = [str(value.name) for value in reads(node)]
    is_of_onnx = is_op(node, node.op_type)
    return SourceNode(
        name=display_name(node),
        op=node.op_type if is_of_onnx else f"{node.domain}.{node.op_type}",
        inputs=tuple(name for name in read if name not in constants),
        constants=tuple(name for name in read if name in constants),
        outputs=tuple(value.name for value in node.outputs if value.name),
        place=CALL.read(node) or place,
        branches=_describe_branches(node, constants, place),
    )


def _describe_branches(
    node: ir.Node, constants: Collection[str], place: str | None
) -> dict[str, tuple[SourceNode, ...]]:
    if not is_op(node, "If"):
        return {}
    branches = {}
    for name in _BRANCHES:
        graph = node.attributes[name].as_graph()
        path = f"{display_name(node)}/{name}"
        if place:
            path = f"{place}/{path}"
        known = {*constants, *graph.initializers}
        branches[name] = _describe_nodes(graph, known, path)
    return branches
