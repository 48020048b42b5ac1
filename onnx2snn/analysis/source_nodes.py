"""The nodes of a file, as far as they can be known again in what passes make of it."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from onnx2snn.graph import display_name, is_op, operator_name, reads
from onnx2snn.graph.sources import set_source, sources_of
from onnx2snn.metadata.facts import CALL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["BRANCHES", "SourceNode", "SourceRecord", "source_nodes"]

BRANCHES = ("then_branch", "else_branch")
"""Attributes of an If that hold its branches, the one for a true condition first."""


@dataclasses.dataclass(frozen=True, eq=False)
class SourceNode:
    """One node of a file, as far as it can be known again.

    Attributes:
        name: Its name, or its first output's if it has none.
        op: Operator type, with its domain if that is not the default one.
        inputs: Names of what it reads, also in its subgraphs, but for constants.
        constants: Names of the initializers that it reads.
        outputs: Names of its outputs.
        key: Where it stands in the file: its position, behind those of the If that it is in.
        place: What it is part of: the name of the call of a model-local function, or the name
            of an If and of its branch, as in ``choice/then_branch``; None for the main graph.
        branches: Of an If, name of each branch to the nodes in it.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    key: str
    place: str | None = None
    branches: Mapping[str, tuple[SourceNode, ...]] = dataclasses.field(
        default_factory=dict
    )


@dataclasses.dataclass(eq=False)
class SourceRecord:
    """The nodes of a file, handed from the pass that saw it to those that speak of it.

    Attributes:
        nodes: They, in topological order; None as long as no pass has seen the file.
        is_given: Whether they were known before any pass ran, and so stay.
    """

    nodes: tuple[SourceNode, ...] | None = None
    is_given: bool = False


def source_nodes(model: ir.Model) -> tuple[SourceNode, ...]:
    """Return the nodes of a model as it came, and write on each that it stands for itself.

    Functions are inlined.

    Args:
        model: A model with its nodes in topological order.
    """
    if model.functions:
        _inline_functions(model)
    constants = set(model.graph.initializers)
    nodes = _describe_nodes(model.graph, constants, None, "")
    for node in model.graph.all_nodes():
        CALL.erase(node)
    return nodes


def _inline_functions(model: ir.Model) -> None:
    for node in model.graph:
        if node.op_identifier() in model.functions:
            # Inlining gives the annotation of a call to the nodes inside.
            CALL.write(node, display_name(node))
    with contextlib.suppress(ir.passes.InvariantError, ValueError):
        InlinePass()(model)  # if it fails, the import says why


def _describe_nodes(
    graph: ir.Graph, constants: Collection[str], place: str | None, prefix: str
) -> tuple[SourceNode, ...]:
    found = []
    for position, node in enumerate(graph):
        set_source(node, f"{prefix}{position}")
        found.append(_describe_node(node, constants, place))
    return tuple(found)


def _describe_node(
    node: ir.Node, constants: Collection[str], place: str | None
) -> SourceNode:
    (key,) = sources_of(node)
    read = [str(value.name) for value in reads(node)]
    return SourceNode(
        name=display_name(node),
        op=operator_name(node),
        inputs=tuple(name for name in read if name not in constants),
        constants=tuple(name for name in read if name in constants),
        outputs=tuple(value.name for value in node.outputs if value.name),
        key=key,
        place=CALL.read(node) or place,
        branches=_describe_branches(node, constants, place),
    )


def _describe_branches(
    node: ir.Node, constants: Collection[str], place: str | None
) -> dict[str, tuple[SourceNode, ...]]:
    if not is_op(node, "If"):
        return {}
    (key,) = sources_of(node)
    branches = {}
    for name in BRANCHES:
        graph = node.attributes[name].as_graph()
        path = f"{display_name(node)}/{name}"
        if place:
            path = f"{place}/{path}"
        known = {*constants, *graph.initializers}
        branches[name] = _describe_nodes(graph, known, path, f"{key}/{name}/")
    return branches
