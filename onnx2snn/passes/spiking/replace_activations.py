"""Put a spiking neuron where an activation is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip, upper_bound
from onnx2snn.analysis.streams import find_streams
from onnx2snn.graph import constant, display_name, fresh_name, rewire, take_over
from onnx2snn.metadata.facts import ACTIVATION, ACTIVATION_OUTPUT, THRESHOLD_ORIGIN
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE, Scale
from onnx2snn.methods import parts
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.initial_states import InitialStates

if TYPE_CHECKING:
    from onnx2snn.ops import StepOp

__all__ = ["OPEN_GATE", "ReplaceActivations"]

OPEN_GATE = 2**20
"""Initial count of a neuron with a count that may send more negative spikes than positive ones.

Exact in float32, and more than any run takes back. A smaller type starts at the largest power of
two below which, and up to twice of which, it holds every integer: 2^10 in float16.
"""


@dataclasses.dataclass(frozen=True)
class ReplaceActivations(ir.passes.InPlacePass):
    """Put a neuron wherever values are to become spikes.

    With ``theta`` the scale that the pass ``calibrate`` noted on the activation:

        before:  y = Relu(x)
        after:   spike, v_next, count_next = GatedDoubleThresholdIF(x, v_init, 0, theta, 0)
                 y = Mul(spike, theta)

    Over T steps the mean of y is the T-level quantization of ``clip(mean of x, 0, theta)``, up
    to spikes that cannot be taken back. A ``Clip(x, 0, c)`` is replaced alike, with
    ``theta <= c``. A ``Clip(x, -c, c)`` gives way to a signed neuron with ``theta = c``, whose
    initial count is as below. Any other activation stays, with a signed neuron behind it:

        before:  y = Sigmoid(x)
        after:   h = Sigmoid(x)
                 spike, v_next, count_next = GatedDoubleThresholdIF(h, v_init, 2^20, theta, 0)
                 y = Mul(spike, theta)

    With ``spike="all"`` such a neuron also stands where weights would multiply a value that is
    no spike; other readers of the value keep reading it as it is.

    An augmented neuron sends up to K = ``max_spikes`` spikes a step; its threshold is theta / K,
    so that theta stays the largest value it can send. Inverse-leaky neurons need the schedule of
    ``emit-layerwise``, where the weight of a spike is known from its step.

    The result is in step form: it computes the first time step. A value without a scale is
    refused by ``requires``.

    Attributes:
        neuron: ``gated`` (a negative spike takes back an early one), ``if`` (plain spikes;
            signed ones where an activation can be negative), ``augmented`` (several spikes at
            once, which can be taken back), ``inverse-leaky`` (earlier spikes weigh more) or
            ``hard-reset`` (plain spikes, after which the potential starts at 0).
        v_init: Initial potential as a fraction of the threshold, 0 to 1, where no quantizer
            the network was trained with says another. Source: 0.5, Bu et al., AAAI 2022.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights.
        max_spikes: Most spikes an augmented neuron sends in a step, 1 to 127.
        leak: Factor by which the potential of an inverse-leaky neuron grows in each step, above
            1, and at most 2: beyond, some values could not be written with digits 0 and 1.
    """

    neuron: str = parts.NEURON.default
    v_init: float = parts.V_INIT.default
    spike: str = "activations"
    max_spikes: int = parts.MAX_SPIKES.default
    leak: float = parts.LEAK.default

    def __post_init__(self) -> None:
        """Check the options."""
        for part in (parts.NEURON, parts.V_INIT, parts.MAX_SPIKES, parts.LEAK):
            part.check(getattr(self, part.name))

    def requires(self, model: ir.Model) -> None:
        """Check that every value that is to become spikes has a scale."""
        if any(map(is_neuron, model.graph)):
            return
        streams = find_streams(model.graph, spike=self.spike)
        values = (*streams.fired, *streams.weight_inputs)
        missing = [str(value.name) for value in values if SCALE.read(value) is None]
        if missing:
            message = (
                f"no scale on {', '.join(missing)}; run the pass 'calibrate' first"
            )
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Put in the neurons of the main graph; none if there are neurons already."""
        if any(map(is_neuron, model.graph)):
            return ir.passes.PassResult(model, modified=False)
        streams = find_streams(model.graph, spike=self.spike)
        maker = _NeuronMaker(model.graph, self)
        for value in streams.fired:
            maker.fire(value)
        for value in streams.weight_inputs:
            maker.feed(value)
        modified = bool(streams.fired or streams.weight_inputs)
        if modified:
            model.graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=modified)


class _NeuronMaker:
    """Puts neurons into a graph; the graph is to be sorted at the end."""

    def __init__(self, graph: ir.Graph, options: ReplaceActivations) -> None:
        self._graph = graph
        self._states = InitialStates(graph)
        self._options = options

    def fire(self, value: ir.Value) -> None:
        """Let every reader of the activation ``value`` read spikes."""
        activation = value.producer()
        if activation is None:  # activations are outputs of nodes
            return
        signed = not is_rectifier(activation)
        replaced = not signed or _saturates_alike(activation, _scale(value))
        current = activation.inputs[0] if replaced else value
        if current is None:
            return
        name = (
            display_name(activation)
            if replaced
            else f"{display_name(activation)}.neuron"
        )
        neuron, spikes = self._neuron(current, value, name, signed=signed)
        take_over(value, spikes)
        if replaced:
            self._graph.remove(activation, safe=True)
        else:
            value.name = fresh_name(self._graph, f"{spikes.name}.exact")
            rewire(neuron, spikes, value)

    def feed(self, value: ir.Value) -> None:
        """Let the weights that multiply ``value`` be driven by spikes."""
        readers = [
            use.node for use in value.uses() if weighted_operand(use.node) is value
        ]
        _, spikes = self._neuron(value, value, f"{value.name}.neuron", signed=True)
        spikes.name = fresh_name(self._graph, f"{value.name}.spikes")
        for reader in readers:
            rewire(reader, value, spikes)

    def _neuron(
        self, current: ir.Value, activation: ir.Value, name: str, *, signed: bool
    ) -> tuple[ir.Node, ir.Value]:
        """Add a neuron driven by ``current``; return it, and its spikes times the threshold."""
        scale = _scale(activation)
        kind = NEURONS[self._options.neuron]
        op = ALL_OPS[kind.signed_operator if signed else kind.operator]
        inputs = {
            "current": current,
            **self._parameters(op, current, activation, signed=signed),
        }
        producer = activation.producer()
        neuron = ir.node(
            op.name,
            [inputs[key] for key in op.inputs],
            domain=DOMAIN,
            num_outputs=len(op.outputs),
            name=name,
        )
        ACTIVATION.write(neuron, "" if producer is None else producer.op_type)
        ACTIVATION_OUTPUT.write(neuron, str(activation.name))
        THRESHOLD_ORIGIN.write(neuron, scale.origin)
        charge = ir.node(
            "Mul", [neuron.outputs[0], inputs["v_threshold"]], name=f"{name}.charge"
        )
        self._graph.extend([neuron, charge])
        for value, key in zip(neuron.outputs, op.outputs, strict=True):
            value.name = fresh_name(self._graph, f"{activation.name}.{key}")
        for value in (*neuron.outputs, *charge.outputs):
            value.type, value.shape = activation.type, activation.shape
        return neuron, charge.outputs[0]

    def _parameters(
        self, op: StepOp, current: ir.Value, activation: ir.Value, *, signed: bool
    ) -> dict[str, ir.Value]:
        """Return the initial states and thresholds that ``op`` takes, by name of the input."""
        dtype = (
            np.dtype("float32")
            if activation.dtype is None
            else activation.dtype.numpy()
        )
        rank = 0 if activation.shape is None else activation.shape.rank()
        theta = _scale(activation).shaped(rank).astype(dtype)
        if "max_spikes" in op.inputs:
            theta = theta / dtype.type(self._options.max_spikes)
        plain = op.name == "DoubleThresholdIF"
        v_init = (
            np.zeros_like(theta)
            if plain
            else theta * dtype.type(self._v_init(activation))
        )
        negative = theta if plain else np.zeros([1] * theta.ndim, dtype)
        gate = min(OPEN_GATE, int(1 / np.spacing(np.ones([], dtype))))
        count = np.full([1] * theta.ndim, gate if signed else 0, dtype)
        states = {"v": v_init, "count": count}
        constants = {
            "v_threshold": theta,
            "v_threshold_negative": negative,
            "max_spikes": np.array(self._options.max_spikes, dtype),
            "leak": np.array(self._options.leak, dtype),
        }
        found = {}
        for key in op.inputs:
            if key in states:
                found[key] = self._states.make(
                    current, f"{activation.name}.{key}_init", states[key]
                )
            elif key in constants:
                found[key] = constant(
                    self._graph, f"{activation.name}.{key}", constants[key]
                )
        return found

    def _v_init(self, activation: ir.Value) -> float:
        """Return the initial potential, as a part of the threshold."""
        quantized = QUANTIZER_RANGE.read(activation)
        trained = None if quantized is None else quantized.v_init
        return self._options.v_init if trained is None else trained


def _saturates_alike(activation: ir.Node, scale: Scale) -> bool:
    """Whether a signed neuron has the limits of ``activation``: it then needs no clipping first."""
    bound = upper_bound(activation)
    return is_symmetric_clip(activation) and bool(np.all(scale.values == bound))


def _scale(activation: ir.Value) -> Scale:
    """Return the scale noted on ``activation``."""
    scale = SCALE.read(activation)
    if scale is None:
        message = f"no scale on {activation.name}"
        raise ValueError(message)
    return scale
