"""Make an emitted network pleasant to look at: names and texts of its neurons."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import display_name, forget_names, fresh_name
from onnx2snn.metadata.facts import ACTIVATION, THRESHOLD_ORIGIN
from onnx2snn.ops.predicates import is_neuron, step_op_of
from onnx2snn.schedules import LOOP_NAME, time_loops

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DescribeNeurons"]

_LOOP_TEXT = "All layers advance by one time step in each iteration."


@dataclasses.dataclass(frozen=True)
class DescribeNeurons(ir.passes.InPlacePass):
    """Name what neurons give after the activation that they replace, and describe them.

        before:  a.spike, a.v_next = IntegrateAndFire [relu] (...)
        after:   relu/spike, relu/v = IntegrateAndFire [relu] (...)   with a doc string

    Exact: nothing but names of values inside and texts change. Outputs of the network and neurons
    with other outputs than their operator's, as all steps in one formula have, keep their names.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Name and describe all neurons, and the Loops over time."""
        changed = False
        for neuron in filter(is_neuron, list(model.graph.all_nodes())):
            changed |= _rename(model.graph, neuron)
            changed |= _describe(neuron, _text_of(neuron))
        for loop in time_loops(model.graph):
            if loop.name == LOOP_NAME:
                changed |= _describe(loop, _LOOP_TEXT)
        if changed:
            forget_names(model.graph)
        return ir.passes.PassResult(model, modified=changed)


def _rename(graph: ir.Graph, neuron: ir.Node) -> bool:
    changed = False
    for value, formal in _outputs_of(neuron):
        name = f"{display_name(neuron)}/{formal}"
        is_own = str(value.name).startswith(name)  # perhaps with a number behind it
        if not is_own and value not in graph.outputs:
            value.name = fresh_name(graph, name)
            changed = True
    return changed


def _outputs_of(neuron: ir.Node) -> Iterator[tuple[ir.Value, str]]:
    """Yield the outputs of a neuron with the names that its operator has for them."""
    op = step_op_of(neuron)
    assert op is not None  # a neuron
    if len(op.outputs) != len(neuron.outputs):
        return
    for value, formal in zip(neuron.outputs, op.outputs, strict=True):
        yield value, formal.removesuffix("_next")


def _text_of(neuron: ir.Node) -> str:
    activation = ACTIVATION.read(neuron) or "the activation"
    text = f"Neurons in the place of {activation} {display_name(neuron)!r}."
    origin = THRESHOLD_ORIGIN.read(neuron)
    return f"{text} Thresholds: {origin}." if origin else text


def _describe(node: ir.Node, text: str) -> bool:
    if node.doc_string == text:
        return False
    node.doc_string = text
    return True
