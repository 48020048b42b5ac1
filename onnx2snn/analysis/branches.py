"""Networks inside an If: each branch is a network of its own.

``conversion.branches`` converts them, and puts the results back.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.source_nodes import BRANCHES
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.graph import display_name, is_constant, is_op, reads, rewire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.analysis.provenance import NodeMapping

__all__ = ["CONDITIONS", "Branch", "Part", "find_branches"]

CONDITIONS = dict(zip(BRANCHES, (True, False), strict=True))
"""Attribute that holds a branch, to the condition under which it runs."""


@dataclasses.dataclass(frozen=True, eq=False)
class Branch:
    """A branch of an If that depends on no neuron, with places for neurons in it.

    Attributes:
        node: The If.
        name: ``then_branch`` or ``else_branch``.
    """

    node: ir.Node
    name: str

    @property
    def display_name(self) -> str:
        """The name in messages and reports: ``node/then_branch``."""
        return f"{display_name(self.node)}/{self.name}"

    @property
    def graph(self) -> ir.Graph:
        """The graph of the branch."""
        return self.node.attributes[self.name].as_graph()

    def model(self, outer: ir.Model) -> ir.Model:
        """Return the branch as a model whose inputs are the values it captures, by their names."""
        graph = self.graph.clone(allow_outer_scope_values=True)
        for value in _captured_values(graph):
            copy = ir.Value(name=value.name, type=value.type, shape=value.shape)
            if is_constant(value):
                copy.const_value = value.const_value
                graph.register_initializer(copy)
            else:
                graph.inputs.append(copy)
            for node in graph:
                rewire(node, value, copy)
        graph.opset_imports.update(outer.opset_imports)
        return ir.Model(
            graph,
            ir_version=outer.ir_version,
            functions=tuple(outer.functions.values()),
        )


def _captured_values(graph: ir.Graph) -> list[ir.Value]:
    """Return what the nodes of ``graph`` read of the graphs around it, each value once."""
    inner = set(graph.initializers.values())
    for node in graph:
        inner.update(node.outputs)
    captured: dict[ir.Value, None] = {}
    for node in graph:
        captured.update((value, None) for value in reads(node) if value not in inner)
    return list(captured)


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """A network, or a branch of an If that is a network of its own.

    Attributes:
        ann: It, simplified; annotations say what is excluded and how inputs enter.
        node_mappings: What became of each node of the file in ``ann``.
        inside: The networks in its branches, with the branch that each of them is.
        never_taken: The networks in branches that the data never takes.
    """

    ann: ir.Model
    node_mappings: Sequence[NodeMapping]
    inside: Sequence[tuple[Branch, Part]]
    never_taken: Sequence[Branch] = ()

    @property
    def branches(self) -> list[Branch]:
        """The branches that are networks of their own, taken or not."""
        return [*(branch for branch, _ in self.inside), *self.never_taken]

    def has_neurons(self, spike: str) -> bool:
        """Whether there is anything to convert, with neurons where ``spike`` says."""
        return (
            bool(self.inside) or find_streams(self.ann.graph, spike=spike).has_neurons
        )


def find_branches(model: ir.Model, spike: str) -> list[Branch]:
    """Return the branches of ``model`` that are networks to convert.

    The condition of their If, and whatever they read, is known before the first step.

    Args:
        model: A simplified ANN.
        spike: Where neurons are to stand, as in ``find_streams``.
    """
    found = []
    for node in find_streams(model.graph, spike=spike).of_kind(NodeKind.STATIC):
        if is_op(node, "If"):
            both = [Branch(node, name) for name in CONDITIONS]
            found += [branch for branch in both if _has_neurons(branch.graph, spike)]
    return found


def _has_neurons(graph: ir.Graph, spike: str) -> bool:
    """Whether neurons are to stand in ``graph``, or in one of the branches in it."""
    if find_streams(graph, spike=spike).has_neurons:
        return True
    for node in graph:
        if is_op(node, "If"):
            inner = [node.attributes[name].as_graph() for name in CONDITIONS]
            if any(_has_neurons(branch, spike) for branch in inner):
                return True
    return False
