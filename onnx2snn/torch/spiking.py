"""An emitted network as a torch module: exact spikes forward, the gradient of means backward."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import torch
from torch import Tensor, nn

from onnx2snn.errors import InvalidModelError, Refusal, UnsupportedError
from onnx2snn.graph import array, display_name
from onnx2snn.metadata.keys import ACTIVATION_OUTPUT
from onnx2snn.ops import ALL_OPS, DOMAIN
from onnx2snn.ops.predicates import is_neuron, is_stateful, sends_spikes
from onnx2snn.schedules import LOOP_NAME, time_loops
from onnx2snn.torch.kinds import NodeKind, check_operators, kinds_of
from onnx2snn.torch.operators import OPERATORS
from onnx2snn.torch.parameters import Parameters, bases
from onnx2snn.torch.surrogates import surrogate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Values = dict[ir.Value, Tensor]
    Clocks = dict[ir.Value, list[Tensor]]

__all__ = ["Activity", "SpikingModule"]


@dataclasses.dataclass(frozen=True)
class Activity:
    """What a network did in a run.

    Attributes:
        outputs: By name, as the file gives them.
        layers: Name of an activation of the ANN to what the spikes in its place stand for on
            average over the steps, [N, C, ...], in its unit; empty in evaluation mode.
    """

    outputs: dict[str, Tensor]
    layers: dict[str, Tensor]


class SpikingModule(nn.Module):
    """A network in lockstep whose weights, biases, thresholds and initial potentials are trained.

    In evaluation mode it runs all steps, as the file does. In training mode it runs them without
    gradients, and then once more on the means over the steps, where everything between neurons is
    linear or a function of running values: there the spikes of a neuron have the mean that they
    had, and the gradient of `surrogate`. So a step of training costs T and about three passes of
    the ANN, whatever T is backward.

    Args:
        model: An emitted network; it is changed by ``trained.write()`` alone.
        time_steps: T.

    Attributes:
        trained: The constants that are trained.

    Raises:
        InvalidModelError: It is no network in lockstep.
        UnsupportedError: It has nodes that torch, or the means, cannot express: all are named.
    """

    def __init__(self, model: ir.Model, time_steps: int) -> None:
        super().__init__()
        self._graph = model.graph
        self._steps = time_steps
        self._loop = _only_loop(model.graph)
        _check_types(model)
        self._body = self._loop.attributes["body"].as_graph()
        check_operators(
            node for node in model.graph.all_nodes() if node is not self._loop
        )
        self._kinds = kinds_of(self._body, self._body.inputs[0])
        self._check_carried()
        self._clocks = [
            n for n in self._body if self._kinds[n.outputs[0]] is NodeKind.CLOCK
        ]
        self._functions = {
            name: function for (domain, name, _), function in model.functions.items()
            if domain == DOMAIN
        }  # fmt: skip
        self._attributes: dict[ir.Node, dict[str, Any]] = {}
        self.trained = Parameters(self._graph, self._loop)
        self._fixed = {
            value: torch.from_numpy(array(value).copy())
            for graph in (self._graph, self._body)
            for value in graph.initializers.values()
        }

    @property
    def activations(self) -> list[str]:
        """Names of the activations of the ANN that neurons stand for."""
        notes = [
            node.metadata_props.get(ACTIVATION_OUTPUT)
            for node in filter(is_neuron, self._body)
        ]
        return [name for name in notes if name]

    def _check_carried(self) -> None:
        """Refuse a stream whose value in the last step is read behind the loop."""
        refusals = [
            Refusal(
                display_name(node),
                node.op_type,
                "its value in the last step is read; no mean tells",
            )
            for output, after in zip(
                self._loop.outputs, self._body.outputs[1:], strict=True
            )
            if (output.uses() or output.is_graph_output())
            and self._kinds.get(after) is NodeKind.MEAN
            and (node := after.producer()) is not None
        ]
        if refusals:
            message = "these nodes have no gradient through means:"
            raise UnsupportedError(message, refusals)

    def forward(self, feeds: Mapping[str, Tensor]) -> Activity:
        """Return what the network does on ``feeds``, one tensor for each of its inputs."""
        values: Values = self._fixed | self.trained.values()
        values |= {v: feeds[str(v.name)] for v in self._graph.inputs if v.name in feeds}
        count = self._loop.inputs[0]
        if count is not None and count.is_graph_input():
            values[count] = torch.tensor(self._steps)
        layers: dict[str, Tensor] = {}
        for node in self._graph:
            if node is not self._loop:
                self._run([node], values)
            elif self.training:
                layers = self._train_loop(values)
            else:
                self._run_loop(values)
        outputs = {str(value.name): values[value] for value in self._graph.outputs}
        return Activity(outputs, layers)

    def _run(self, nodes: Iterable[ir.Node], values: Values) -> None:
        for node in nodes:
            inputs = [None if value is None else values[value] for value in node.inputs]
            values.update(zip(node.outputs, self._results(node, inputs), strict=False))

    def _results(
        self, node: ir.Node, inputs: Sequence[Tensor | None]
    ) -> Sequence[Tensor]:
        if node.domain == DOMAIN:
            function = self._functions[node.op_type]
            values = dict(zip(function.inputs, inputs, strict=True))
            self._run(function, values)
            return [values[value] for value in function.outputs]
        if node not in self._attributes:
            found = {
                name: attribute.value for name, attribute in node.attributes.items()
            }
            self._attributes[node] = {"outputs": len(node.outputs)} | found
        results = OPERATORS[node.op_type](self._attributes[node], *inputs)
        return (results,) if isinstance(results, Tensor) else results

    def _each_step(self, nodes: Sequence[ir.Node], values: Values) -> Iterator[Values]:
        """Run nodes of the body for T steps; yield what is known after each."""
        step, going, *inside = self._body.inputs
        carried = [
            values[value] for value in self._loop.inputs[2:] if value is not None
        ]
        for t in range(self._steps):
            now = values | dict(zip(inside, carried, strict=True))
            now |= {step: torch.tensor(t), going: torch.tensor(data=True)}
            self._run(nodes, now)
            yield now
            after = self._body.outputs[1:]
            carried = [
                now.get(new, old) for new, old in zip(after, carried, strict=True)
            ]

    def _run_loop(self, values: Values) -> None:
        for now in self._each_step(tuple(self._body), values):
            last = now
        after = self._body.outputs[1:]
        values.update(
            zip(self._loop.outputs, [last[value] for value in after], strict=True)
        )

    def _train_loop(self, values: Values) -> dict[str, Tensor]:
        """Run the loop on means; return those of the layers."""
        with torch.no_grad():
            spikes = self._mean_spikes(values)
        clocks: Clocks = collections.defaultdict(list)
        for now in self._each_step(self._clocks, values):
            for node in self._clocks:
                clocks[node.outputs[0]].append(now[node.outputs[0]])
        values[self._body.inputs[1]] = torch.tensor(data=True)
        values.update(
            (inside, values[start]) for inside, start in bases(self._loop).items()
        )
        layers: dict[str, Tensor] = {}
        for node in self._body:
            kind = self._kinds[node.outputs[0]]
            if kind is not NodeKind.CLOCK:
                inputs = [
                    _resolved(value, kind, values, clocks) for value in node.inputs
                ]
                results = self._mean_results(node, inputs, spikes)
                values.update(zip(node.outputs, results, strict=False))
                if is_neuron(node) and (
                    name := node.metadata_props.get(ACTIVATION_OUTPUT)
                ):
                    layers[name] = results[0] * inputs[_THRESHOLD_AT[node.op_type]]
        for output, after in zip(
            self._loop.outputs, self._body.outputs[1:], strict=True
        ):
            if after in values or after in clocks:
                values[output] = _resolved(after, NodeKind.FINAL, values, clocks)
        return layers

    def _mean_spikes(self, values: Values) -> dict[ir.Node, Tensor]:
        """Return what each node that sends spikes sends on average, over all steps."""
        senders = [node for node in self._body if sends_spikes(node)]
        totals: dict[ir.Node, Tensor] = {}
        for now in self._each_step(tuple(self._body), values):
            for node in senders:
                spike = now[node.outputs[0]]
                totals[node] = totals[node] + spike if node in totals else spike
        return {node: total / self._steps for node, total in totals.items()}

    def _mean_results(
        self, node: ir.Node, inputs: Sequence[Tensor], spikes: Mapping[ir.Node, Tensor]
    ) -> Sequence[Tensor]:
        """Return what ``node`` gives: means of streams, running values after the last step."""
        if is_neuron(node):
            soft = surrogate(node.op_type, inputs, self._steps)
            return (spikes[node] + (soft - soft.detach()),)
        if (
            node in spikes
        ):  # an input as random spikes, in front of everything that is trained
            return (spikes[node],)
        if not is_stateful(node):
            return self._results(node, inputs)
        if node.op_type == "RunningSum":
            return (inputs[0] * self._steps + inputs[1],)
        return ((inputs[0] - inputs[1]) / self._steps, inputs[0])


def _resolved(
    value: ir.Value | None, kind: NodeKind, values: Values, clocks: Clocks
) -> Any:  # noqa: ANN401
    """Return what a node of ``kind`` reads as ``value``."""
    if value is None:
        return None
    if value not in clocks:
        return values[value]
    if kind is NodeKind.FINAL:
        return clocks[value][-1]
    return torch.stack(clocks[value]).mean(0)


def _check_types(model: ir.Model) -> None:
    """Refuse constants that torch computes with badly or not at all."""
    types = {
        value.dtype for graph in model.graphs() for value in graph.initializers.values()
    }
    if strange := sorted(str(dtype) for dtype in types - _TYPES):
        message = (
            f"the network has constants of type {', '.join(strange)}; only one in float32 or "
            "float64 can be tuned: convert the ANN in that type"
        )
        raise UnsupportedError(message)


def _only_loop(graph: ir.Graph) -> ir.Node:
    loops = time_loops(graph)
    if len(loops) == 1 and loops[0].name == LOOP_NAME and loops[0].graph is graph:
        return loops[0]
    message = (
        "the network has no single loop over time: it was made layer by layer, or has loops in "
        "the branches of an If; only networks of the schedule 'lockstep' can be tuned"
    )
    raise InvalidModelError(message)


_TYPES = {
    ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.INT32, ir.DataType.INT64, ir.DataType.BOOL
}  # fmt: skip

_THRESHOLD_AT = {
    name: list(op.inputs).index("v_threshold")
    for name, op in ALL_OPS.items()
    if "v_threshold" in op.inputs
}
