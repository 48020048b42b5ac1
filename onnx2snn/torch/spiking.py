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
from onnx2snn.metadata.facts import ACTIVATION_OUTPUT, UNIT
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_neuron, is_stateful, sends_spikes
from onnx2snn.runtime.torch_runtime.evaluator import Evaluator, TimeLoop
from onnx2snn.schedules import LOOP_NAME, has_weighted_spikes, stops_early, time_loops
from onnx2snn.torch import kinds
from onnx2snn.torch.kinds import NodeKind, check_operators, kinds_of
from onnx2snn.torch.outer_nodes import OuterNodes, constants_read_by
from onnx2snn.torch.parameters import Parameters
from onnx2snn.torch.surrogates import surrogate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onnx2snn.torch.outer_nodes import Feeds

    Values = dict[ir.Value, Tensor]
    Clocks = dict[ir.Value, list[Tensor]]

__all__ = ["Activity", "SpikingModule"]


@dataclasses.dataclass(frozen=True)
class Activity:
    """The outputs and the activity of a network in a run.

    Attributes:
        outputs: By name, as the file gives them; those that torch can compute.
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
        kinds.check_not_inlined(model)
        loop = _only_loop(model.graph)
        _check_thresholds(loop)
        self._outer = OuterNodes(model, loop)
        self._graph = model.graph
        self._evaluator = Evaluator(model)
        self._loop = TimeLoop(loop, time_steps, self._evaluator)
        body_of_loop = self._loop.body
        check_operators(body_of_loop.all_nodes())
        self._kinds = kinds_of(body_of_loop, self._loop.step)
        _check_carried(self._loop, self._kinds)
        nodes = [*self._outer.computed, *body_of_loop]
        self.trained = Parameters(self._graph, self._loop, nodes)
        self._constants = {
            value: torch.from_numpy(array(value).copy())
            for value in constants_read_by(nodes)
        }
        _check_types(self._constants)

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs that torch computes."""
        return [str(value.name) for value in self._outer.outputs]

    @property
    def activations(self) -> list[str]:
        """Names of the activations of the ANN that neurons stand for."""
        neurons = filter(is_neuron, self._loop.body)
        names = map(_activation_of, neurons)
        return [name for name in names if name]

    def forward(self, feeds: Feeds) -> Activity:
        """Return what the network does on ``feeds``, one tensor or array of text an input."""
        values = self._values_before(feeds)
        layers: dict[str, Tensor] = {}
        for node in self._outer.computed:
            if node is not self._loop.node:
                self._evaluator.run([node], values)
            elif self.training:
                layers = self._run_on_means(values)
            else:
                self._loop.run(values)
        outputs = {str(value.name): values[value] for value in self._outer.outputs}
        return Activity(outputs, layers)

    def _values_before(self, feeds: Feeds) -> Values:
        """Return what is known before the first node: constants, inputs and T."""
        values = self._constants | self.trained.values()
        values |= self._outer.given_values(feeds)
        for value in self._graph.inputs:
            fed = feeds.get(str(value.name))
            if isinstance(fed, Tensor):
                values[value] = fed
        count = self._loop.node.inputs[0]
        if count is not None and count.is_graph_input():
            values[count] = torch.tensor(self._loop.time_steps)
        return values

    def _run_on_means(self, values: Values) -> dict[str, Tensor]:
        """Run the loop on means; return those of the layers."""
        with torch.no_grad():
            spikes = self._mean_spikes(values)
        clocks = self._clocks(values)
        loop = self._loop
        values[loop.condition] = torch.tensor(data=True)
        for inside, base in loop.bases.items():
            values[inside] = values[base]
        layers: dict[str, Tensor] = {}
        for node in loop.body:
            output = node.outputs[0]
            kind = self._kinds[output]
            if kind is NodeKind.CLOCK:
                continue
            inputs = [_resolved(value, kind, values, clocks) for value in node.inputs]
            results = self._mean_results(node, inputs, spikes)
            values.update(zip(node.outputs, results, strict=False))
            name = _activation_of(node)
            if name and is_neuron(node):
                threshold = inputs[_THRESHOLD_AT[node.op_type]]
                layers[name] = results[0] * threshold
        for output, after in loop.results:
            if after in values or after in clocks:
                values[output] = _resolved(after, NodeKind.FINAL, values, clocks)
        return layers

    def _mean_spikes(self, values: Values) -> dict[ir.Node, Tensor]:
        """Return what each node that sends spikes sends on average, over all steps."""
        body = tuple(self._loop.body)
        senders = [node for node in body if sends_spikes(node)]
        totals: dict[ir.Node, Tensor] = {}
        for now in self._loop.run_steps(body, values):
            for node in senders:
                spike = now[node.outputs[0]]
                if node in totals:
                    totals[node] = totals[node] + spike
                else:
                    totals[node] = spike
        time_steps = self._loop.time_steps
        return {node: total / time_steps for node, total in totals.items()}

    def _clocks(self, values: Values) -> Clocks:
        """Return the values of each step that depend on its number and on no neuron."""
        body = self._loop.body
        nodes = [n for n in body if self._kinds[n.outputs[0]] is NodeKind.CLOCK]
        clocks: Clocks = collections.defaultdict(list)
        for now in self._loop.run_steps(nodes, values):
            for node in nodes:
                output = node.outputs[0]
                clocks[output].append(now[output])
        return clocks

    def _mean_results(
        self, node: ir.Node, inputs: Sequence[Tensor], spikes: Mapping[ir.Node, Tensor]
    ) -> Sequence[Tensor]:
        """Return what ``node`` gives: means of streams, running values after the last step."""
        time_steps = self._loop.time_steps
        if is_neuron(node):
            soft = surrogate(node.op_type, inputs, time_steps)
            zero_with_gradient = soft - soft.detach()
            return (spikes[node] + zero_with_gradient,)
        if node in spikes:  # random spikes of an input, in front of all that is trained
            return (spikes[node],)
        if not is_stateful(node):
            return self._evaluator.compute(node, inputs)
        now, before = inputs
        if node.op_type == "RunningSum":
            return (now * time_steps + before,)
        change = now - before
        return (change / time_steps, now)


def _activation_of(node: ir.Node) -> str | None:
    """Return the name of the activation of the ANN that a neuron stands for."""
    return ACTIVATION_OUTPUT.read(node)


def _resolved(
    value: ir.Value | None, kind: NodeKind, values: Values, clocks: Clocks
) -> Any:  # noqa: ANN401
    """Return what a node of ``kind`` reads as ``value``."""
    if value is None:
        return None
    if value not in clocks:
        return values[value]
    steps = clocks[value]
    if kind is NodeKind.FINAL:
        return steps[-1]
    stacked = torch.stack(steps)
    return stacked.mean(0)


def _check_carried(loop: TimeLoop, kinds: Mapping[ir.Value, NodeKind]) -> None:
    """Refuse a stream whose value in the last step is read behind the loop."""
    reason = "its value in the last step is read; no mean tells"
    refusals = []
    for output, after in loop.results:
        is_read = output.uses() or output.is_graph_output()
        node = after.producer()
        if node is not None and is_read and kinds.get(after) is NodeKind.MEAN:
            refusal = Refusal(display_name(node), node.op_type, reason)
            refusals.append(refusal)
    if refusals:
        message = "these nodes have no gradient through means:"
        raise UnsupportedError(message, refusals)


def _check_types(constants: Iterable[ir.Value]) -> None:
    """Refuse constants that torch computes with badly or not at all."""
    types = {value.dtype for value in constants}
    unsupported = sorted(str(dtype) for dtype in types - _TYPES)
    if unsupported:
        message = (
            f"the network has constants of type {', '.join(unsupported)}; only one in float32 or "
            "float64 can be tuned: convert the ANN in that type, with weights of float"
        )
        raise UnsupportedError(message)


def _check_thresholds(loop: ir.Node) -> None:
    """Refuse thresholds that are part of the weights: neither can then be trained alone."""
    body = loop.attributes["body"].as_graph()
    folded = [display_name(node) for node in body if UNIT.is_on(node)]
    if folded:
        message = (
            f"the thresholds of {folded[0]!r} and others are folded into weights; convert the ANN "
            "without fold_thresholds to tune it"
        )
        raise UnsupportedError(message)


def _only_loop(graph: ir.Graph) -> ir.Node:
    loops = time_loops(graph)
    if any(map(stops_early, loops)):
        message = (
            "the Loop of the network ends early; convert the ANN without early_exit to tune it, "
            "and evaluate with it"
        )
        raise UnsupportedError(message)
    if len(loops) == 1 and _runs_all_steps(loops[0], graph):
        return loops[0]
    message = (
        "the network has no single loop over time in lockstep: it was made staggered, layer by "
        "layer or with time in the batch, or has loops in the branches of an If; only networks of "
        "the schedule 'lockstep' and the layout 'loop' can be tuned"
    )
    raise InvalidModelError(message)


def _runs_all_steps(loop: ir.Node, graph: ir.Graph) -> bool:
    """Whether a loop of a network is that of all layers in lockstep, in its main graph."""
    is_in_lockstep = loop.name == LOOP_NAME and not has_weighted_spikes(graph)
    return is_in_lockstep and loop.graph is graph


_TYPES = {
    ir.DataType.FLOAT,
    ir.DataType.DOUBLE,
    ir.DataType.INT32,
    ir.DataType.INT64,
    ir.DataType.BOOL,
}

_THRESHOLD_AT = {
    name: list(op.inputs).index("v_threshold")
    for name, op in ALL_OPS.items()
    if "v_threshold" in op.inputs
}
