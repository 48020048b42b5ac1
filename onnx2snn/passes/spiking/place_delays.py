"""Write on neurons how many steps they wait."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import onnx_ir as ir

from onnx2snn.arguments import checked_choice
from onnx2snn.graph import reads
from onnx2snn.metadata.facts import DELAY
from onnx2snn.methods.delays import ALL, DELAYS, JOINS
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PlaceDelays"]


@dataclasses.dataclass(frozen=True)
class PlaceDelays(ir.passes.InPlacePass):
    """Let neurons of the schedule staggered wait for a step of their input before they fire.

    The first spike is worth most, and cannot be taken back in full: who waits knows more of its
    input when it sends it. A layer whose input is the same in every step has nothing to wait for.
    Only metadata is written; the passes that emit time read it.

    Attributes:
        delays: ``all`` layers of neurons wait for a step; only those at ``joins``, whose input
            several layers make together, as behind a residual Add; ``none``.
    """

    keeps_streams: ClassVar[bool] = True  # it writes nothing that they depend on

    delays: str = ALL

    def __post_init__(self) -> None:
        """Check the option."""
        checked_choice("delays", self.delays, DELAYS)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the delays of the neurons of the main graph."""
        found = _waiting(model.graph, self.delays)
        before = [DELAY.read(node) for node in found]
        for neuron in found:
            DELAY.write(neuron, 1)
        return ir.passes.PassResult(model, modified=None in before)


def _waiting(graph: ir.Graph, delays: str) -> list[ir.Node]:
    """Return the neurons that are to wait."""
    if delays == ALL:
        return _driven_neurons(graph, least_sources=1)
    if delays == JOINS:
        return _driven_neurons(graph, least_sources=2)
    return []


def _driven_neurons(graph: ir.Graph, least_sources: int) -> list[ir.Node]:
    """Return the neurons whose input so many neurons drive, at least."""
    sources: dict[ir.Value, frozenset[ir.Node]] = {}
    found = []
    for node in graph:
        read = _united(sources.get(value, frozenset()) for value in reads(node))
        if not is_neuron(node):
            sources |= dict.fromkeys(node.outputs, read)
            continue
        sources |= dict.fromkeys(node.outputs, frozenset({node}))
        if len(read) >= least_sources:
            found.append(node)
    return found


def _united(groups: Iterable[frozenset[ir.Node]]) -> frozenset[ir.Node]:
    return frozenset().union(*groups)
