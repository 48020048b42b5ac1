"""Nodes of an emitted network, and the steps of its loop, computed with torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from onnx2snn.graph import before_expand
from onnx2snn.ops import DOMAIN
from onnx2snn.runtime.torch_runtime.operators import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import onnx_ir as ir

    from onnx2snn.graph import ValueMap

    Values = dict[ir.Value, Tensor]

__all__ = ["Evaluator", "TimeLoop"]


class Evaluator:
    """Computes nodes; an operator of this package by its function in the model.

    Args:
        model: The model that the nodes are of.
    """

    def __init__(self, model: ir.Model) -> None:
        self._functions = {
            name: function
            for (domain, name, _), function in model.functions.items()
            if domain == DOMAIN
        }
        self._attributes: dict[ir.Node, dict[str, Any]] = {}

    def run(self, nodes: Iterable[ir.Node], values: Values) -> None:
        """Compute ``nodes``, in order, from ``values``, and add their outputs to these."""
        for node in nodes:
            read = node.inputs
            inputs = [None if value is None else values[value] for value in read]
            results = self.compute(node, inputs)
            outputs = zip(node.outputs, results, strict=False)
            values.update(outputs)

    def compute(
        self, node: ir.Node, inputs: Sequence[Tensor | None]
    ) -> Sequence[Tensor]:
        """Return the outputs of ``node`` on ``inputs``."""
        if node.domain == DOMAIN:
            function = self._functions[node.op_type]
            return self._call_function(function, inputs)
        operator = OPERATORS[node.op_type]
        attributes = self._attributes_of(node)
        results = operator(attributes, *inputs)
        if isinstance(results, Tensor):
            return (results,)
        several: Sequence[Tensor] = results
        return several

    def _call_function(
        self, function: ir.Function, inputs: Sequence[Tensor | None]
    ) -> Sequence[Tensor]:
        values: Any = dict(zip(function.inputs, inputs, strict=True))
        self.run(function, values)
        return [values[value] for value in function.outputs]

    def _attributes_of(self, node: ir.Node) -> dict[str, Any]:
        if node not in self._attributes:
            found: dict[str, Any] = {"outputs": len(node.outputs)}
            for name, attribute in node.attributes.items():
                found[name] = attribute.value
            self._attributes[node] = found
        return self._attributes[node]


class TimeLoop:
    """The Loop over time of a network, step by step.

    Args:
        node: The Loop.
        time_steps: T.
        evaluator: Computes its nodes.

    Attributes:
        node: The Loop.
        body: Its body.
        time_steps: T.
    """

    def __init__(self, node: ir.Node, time_steps: int, evaluator: Evaluator) -> None:
        self.node = node
        self.body = node.attributes["body"].as_graph()
        self.time_steps = time_steps
        self._evaluator = evaluator

    @property
    def step(self) -> ir.Value:
        """The body input that holds the number of the step, from 0."""
        return self.body.inputs[0]

    @property
    def condition(self) -> ir.Value:
        """The body input that says to go on; always true."""
        return self.body.inputs[1]

    @property
    def starts(self) -> ValueMap:
        """Each carried input of the body, and the value that it has in the first step."""
        inside = self.body.inputs[2:]
        before = self.node.inputs[2:]
        carried = zip(inside, before, strict=True)
        return {inside: before for inside, before in carried if before is not None}

    @property
    def bases(self) -> ValueMap:
        """The same with values that broadcast to those, before they are expanded."""
        starts = self.starts
        return {inside: before_expand(value) for inside, value in starts.items()}

    @property
    def results(self) -> list[tuple[ir.Value, ir.Value]]:
        """Each output of the Loop, and the value of the body that it is of the last step."""
        after = self.body.outputs[1:]
        return list(zip(self.node.outputs, after, strict=True))

    def run(self, values: Values) -> None:
        """Run all steps, and add the outputs of the Loop to ``values``."""
        for now in self.run_steps(tuple(self.body), values):
            last = now
        for output, after in self.results:
            values[output] = last[after]

    def run_steps(self, nodes: Sequence[ir.Node], values: Values) -> Iterator[Values]:
        """Run nodes of the body for T steps; yield what is known after each."""
        after = self.body.outputs[1:]
        starts = self.starts
        inside = list(starts)
        carried = [values[start] for start in starts.values()]
        for step in range(self.time_steps):
            states = dict(zip(inside, carried, strict=True))
            now = values | states
            now[self.step] = torch.tensor(step)
            now[self.condition] = torch.tensor(data=True)
            self._evaluator.run(nodes, now)
            yield now
            pairs = zip(after, carried, strict=True)
            carried = [now.get(new, old) for new, old in pairs]
