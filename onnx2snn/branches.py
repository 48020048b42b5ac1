"""Networks inside an If: each branch is converted like a network of its own."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.activations import activations
from onnx2snn.calibration.data import dataset
from onnx2snn.calibration.segment import Segment
from onnx2snn.graph import array, fresh_name, is_constant, is_op, label, reads, rewire
from onnx2snn.specs import input_specs
from onnx2snn.streams import Kind, Streams
from onnx2snn.time_loop import time_loops, time_steps_input

if TYPE_CHECKING:
    from onnx2snn.calibration.data import Dataset

__all__ = ["Branch", "branches"]

_CONDITIONS = {"then_branch": True, "else_branch": False}


@dataclasses.dataclass(frozen=True, eq=False)
class Branch:
    """A branch of an If that depends on no neuron, with activations in it.

    Attributes:
        node: The If.
        name: ``then_branch`` or ``else_branch``.
    """

    node: ir.Node
    name: str

    @property
    def label(self) -> str:
        """What messages and reports call it: ``node/then_branch``."""
        return f"{label(self.node)}/{self.name}"

    @property
    def graph(self) -> ir.Graph:
        """The graph of the branch."""
        return self.node.attributes[self.name].as_graph()

    def model(self, outer: ir.Model) -> ir.Model:
        """Return the branch as a model whose inputs are the values it captures, by their names."""
        graph = self.graph.clone(allow_outer_scope_values=True)
        inner = {*graph.initializers.values(), *(v for node in graph for v in node.outputs)}
        captured = {v: None for node in graph for v in reads(node) if v not in inner}
        for value in captured:
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

    def data(self, outer: ir.Model, model: ir.Model, data: Dataset | None) -> Dataset | None:
        """Return what the branch is fed where its condition holds; None if it never does.

        Args:
            outer: The model of the If.
            model: The branch as a model.
            data: Feeds of ``outer``; None for none.
        """
        names = [str(value.name) for value in model.graph.inputs]
        ends = {str(v.name): v for v in reads(self.node)}
        condition = self.node.inputs[0]
        if data is None or condition is None:
            return None
        segment = Segment(outer, [condition, *(ends[name] for name in names)], ())
        feeds = []
        for batch in data.batches(1):
            holds, *values = segment.run(batch.feeds)
            if bool(np.all(holds)) is _CONDITIONS[self.name]:
                feeds.append(dict(zip(names, values, strict=True)))
        return dataset(feeds, input_specs(model)) if feeds else None

    def replace(self, outer: ir.Model, converted: ir.Model) -> None:
        """Put the converted branch where the branch is; both share the T of ``outer``.

        Args:
            outer: What was made of the model of the If; it gets an input T if it has none.
            converted: What was made of the branch, with a loop over time.
        """
        output = self.node.outputs[0].name
        node = next(n for n in outer.graph if any(v.name == output for v in n.outputs))
        steps = time_loops(converted.graph)[0].inputs[0]
        assert steps is not None
        shared = _shared_time_steps(outer.graph, int(array(steps)))
        known = {v.name: v for v in reads(node)} | {steps.name: shared}
        graph = converted.graph
        for value in tuple(graph.inputs):
            for reader in graph:
                rewire(reader, value, known[value.name])
        graph.inputs.clear()
        graph.initializers.pop(str(steps.name))
        node.attributes.pop(self.name)
        _rename(graph, outer.graph)
        node.attributes[self.name] = ir.AttrGraph(self.name, graph)
        outer.opset_imports.update(converted.opset_imports)
        outer.graph.meta.pop("taken_names", None)


def branches(model: ir.Model) -> list[Branch]:
    """Return the branches of ``model`` that are networks to convert.

    The condition of their If, and whatever they read, is known before the first step.
    """
    streams = Streams(model.graph)
    conditional = [node for node in streams.of_kind(Kind.STATIC) if is_op(node, "If")]
    found = [Branch(node, name) for node in conditional for name in _CONDITIONS]
    return [branch for branch in found if _has_activations(branch.graph)]


def _has_activations(graph: ir.Graph) -> bool:
    inner = [
        node.attributes[name].as_graph()
        for node in graph
        if is_op(node, "If")
        for name in _CONDITIONS
    ]
    return bool(activations(graph)) or any(map(_has_activations, inner))


def _shared_time_steps(graph: ir.Graph, time_steps: int) -> ir.Value:
    """Return the input T of ``graph``; a new one if it has none yet."""
    shared = next((loop.inputs[0] for loop in time_loops(graph)), None)
    return time_steps_input(graph, time_steps) if shared is None else shared


def _rename(graph: ir.Graph, outer: ir.Graph) -> None:
    """Give what ``graph`` and its subgraphs hold names that ``outer`` does not have yet."""
    for inner in (graph, *graph.subgraphs()):
        values = [*inner.inputs, *inner.initializers.values()]
        values += [value for node in inner for value in node.outputs]
        for value in values:
            if value.name:
                value.name = fresh_name(outer, value.name)
