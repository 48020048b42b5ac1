"""Leave activations what they are."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.activations import activations
from onnx2snn.graph import closure, dependency_graph, is_constant, is_op
from onnx2snn.metadata.facts import EXCLUDED, is_excluded

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["ExcludeNodes", "activations_of"]


@dataclasses.dataclass(frozen=True)
class ExcludeNodes(ir.passes.InPlacePass):
    """Note on values that no neuron is to stand where they are made.

    An activation that makes such a value stays what it is: it is computed on running means, or
    in the readout if no neuron depends on it. Naming one factor of an activation that is
    spelled out, such as the Sigmoid in ``x * Sigmoid(x)``, means the activation. With neurons in
    front of ``all`` weights, weights that make such a value get none, and neither do those
    that read it. Only annotations are written; the graph stays as it is.

    Attributes:
        values: Names of the values.
    """

    values: tuple[str, ...] = ()

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the annotations in the main graph."""
        if not self.values:
            return ir.passes.PassResult(model, modified=False)
        wanted = set(self.values)
        named = {v for node in model.graph for v in node.outputs if v.name in wanted}
        meant = {
            value
            for value, parts in activations_of(model.graph).items()
            if parts & named
        }
        new = [value for value in named | meant if not is_excluded(value)]
        for value in new:
            EXCLUDED.write(value, "1")
        return ir.passes.PassResult(model, modified=bool(new))


def activations_of(graph: ir.Graph) -> dict[ir.Value, set[ir.Value]]:
    """Return the activations of ``graph``, each with the values by which it may be named.

    These are the activation itself, and what only some of the factors of a product depend on.
    """
    edges = dependency_graph(graph).reverse(copy=False)
    return {value: {value} | _factors(value, edges) for value in activations(graph)}


def _factors(value: ir.Value, edges: nx.DiGraph[ir.Node]) -> set[ir.Value]:
    """Return the values that are inside the activation ``value``.

    Args:
        value: An activation.
        edges: The nodes of the graph, an edge from reader to producer.
    """
    product = value.producer()
    if product is None or not is_op(product, "Mul"):
        return set()
    moving = [factor for factor in product.inputs if not is_constant(factor)]
    if len(moving) < 2:
        return set()
    makers = [None if factor is None else factor.producer() for factor in moving]
    first, second = (closure(edges, [maker] if maker else []) for maker in makers)
    return {output for node in first ^ second for output in node.outputs}
