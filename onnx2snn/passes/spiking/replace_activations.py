"""Put a spiking neuron where an activation is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip, upper_bound
from onnx2snn.analysis.streams import find_streams
from onnx2snn.calibration.neuron_inputs import NeuronInputs, scale_of
from onnx2snn.graph import constant, display_name, fresh_name, rewire, take_over
from onnx2snn.metadata.facts import ACTIVATION, ACTIVATION_OUTPUT, THRESHOLD_ORIGIN
from onnx2snn.metadata.scale import SCALE, Scale
from onnx2snn.methods import parts
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.computed_shapes import infers_computed_sizes
from onnx2snn.schedules.initial_states import InitialStates

if TYPE_CHECKING:
    from onnx2snn.ops import StepOp

__all__ = ["ReplaceActivations"]


@dataclasses.dataclass(frozen=True)
class ReplaceActivations(ir.passes.InPlacePass):
    """Put a neuron wherever values are to become spikes.

    With ``theta`` the scale that the pass ``calibrate`` wrote on the activation:

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

    The result is a single-step graph: it computes the first time step. A value without a scale is
    refused by ``requires``.

    Attributes:
        neuron: ``gated`` (a negative spike takes back an early one), ``if`` (plain spikes;
            signed ones where an activation can be negative), ``augmented`` (several spikes at
            once, which can be taken back), ``inverse-leaky`` (earlier spikes weigh more),
            ``weighted`` (likewise, and later ones may take back) or ``hard-reset`` (plain spikes,
            after which the potential starts at 0).
        v_init: Initial potential as a fraction of the threshold, 0 to 1, where no quantizer
            the network was trained with says another. Source: 0.5, Bu et al., AAAI 2022.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights.
        max_spikes: Most spikes an augmented neuron sends in a step, 1 to 127.
        leak: Worth of a spike of an inverse-leaky or a weighted neuron in spikes a step later,
            above 1. It is at most 3, and of an inverse-leaky neuron 2: beyond, some values could
            not be written, with digits -1, 0 and 1, or 0 and 1.
    """

    neuron: str = parts.NEURON.default
    v_init: float = parts.V_INIT.default
    spike: str = "activations"
    max_spikes: int = parts.MAX_SPIKES.default
    leak: float = parts.LEAK.default

    def __post_init__(self) -> None:
        """Check the options."""
        for part in (parts.NEURON, parts.V_INIT, parts.MAX_SPIKES, parts.LEAK):
            part.checked(getattr(self, part.name))
        NEURONS[self.neuron].check_limits(parts.LEAK.name, self.leak)

    def requires(self, model: ir.Model) -> None:
        """Check that every value that is to become spikes has a scale."""
        graph = model.graph
        if any(map(is_neuron, graph)):
            return
        streams = find_streams(graph, spike=self.spike)
        values = (*streams.fired, *streams.weight_inputs)
        missing = [str(value.name) for value in values if SCALE.read(value) is None]
        if missing:
            names = ", ".join(missing)
            message = f"no scale on {names}; run the pass 'calibrate' first"
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Put in the neurons of the main graph; none if there are neurons already."""
        graph = model.graph
        if any(map(is_neuron, graph)):
            return ir.passes.PassResult(model, modified=False)
        streams = find_streams(graph, spike=self.spike)
        maker = _NeuronMaker(graph, self)
        for value in streams.fired:
            maker.replace_activation(value)
        for value in streams.weight_inputs:
            maker.drive_weights(value)
        modified = bool(streams.fired or streams.weight_inputs)
        if modified:
            graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=modified)


class _NeuronMaker:
    """Puts neurons into a graph; the graph is to be sorted at the end."""

    def __init__(self, graph: ir.Graph, options: ReplaceActivations) -> None:
        self._graph = graph
        self._states = InitialStates(graph, expanded=infers_computed_sizes(graph))
        self._options = options

    def replace_activation(self, value: ir.Value) -> None:
        """Let every reader of the activation ``value`` read spikes."""
        activation = value.producer()
        if activation is None:  # activations are outputs of nodes
            return
        name = display_name(activation)
        is_signed = not is_rectifier(activation)
        if is_signed and not _saturates_alike(activation, scale_of(value)):
            self._put_behind(value, f"{name}.neuron")
            return
        current = activation.inputs[0]
        if current is not None:
            _, spikes = self._add_neuron(current, value, name, signed=is_signed)
            take_over(value, spikes)
            self._graph.remove(activation, safe=True)

    def _put_behind(self, value: ir.Value, name: str) -> None:
        """Let a neuron read ``value``, and all others the spikes of the neuron."""
        neuron, spikes = self._add_neuron(value, value, name, signed=True)
        take_over(value, spikes)
        value.name = fresh_name(self._graph, f"{spikes.name}.exact")
        rewire(neuron, spikes, value)

    def drive_weights(self, value: ir.Value) -> None:
        """Let the weights that multiply ``value`` be driven by spikes."""
        nodes = [use.node for use in value.uses()]
        readers = [node for node in nodes if weighted_operand(node) is value]
        name = f"{value.name}.neuron"
        _, spikes = self._add_neuron(value, value, name, signed=True)
        spikes.name = fresh_name(self._graph, f"{value.name}.spikes")
        for reader in readers:
            rewire(reader, value, spikes)

    def _add_neuron(
        self, current: ir.Value, activation: ir.Value, name: str, *, signed: bool
    ) -> tuple[ir.Node, ir.Value]:
        """Add a neuron driven by ``current``; return it, and its weighted spikes."""
        kind = NEURONS[self._options.neuron]
        operator = kind.signed_operator if signed else kind.operator
        op = ALL_OPS[operator]
        inputs = self._parameters(op, current, activation, signed=signed)
        inputs["current"] = current
        neuron = ir.node(
            op.name,
            [inputs[key] for key in op.inputs],
            domain=DOMAIN,
            num_outputs=len(op.outputs),
            name=name,
        )
        _annotate_neuron(neuron, activation)
        spike = neuron.outputs[0]
        threshold = inputs["v_threshold"]
        operands = [spike, threshold]
        scale = ir.node("Mul", operands, name=f"{name}.charge")
        weighted_spike = scale.outputs[0]
        self._graph.extend([neuron, scale])
        for value, key in zip(neuron.outputs, op.outputs, strict=True):
            value.name = fresh_name(self._graph, f"{activation.name}.{key}")
        for value in (*neuron.outputs, weighted_spike):
            value.type = activation.type
            value.shape = activation.shape
        return neuron, weighted_spike

    def _parameters(
        self, op: StepOp, current: ir.Value, activation: ir.Value, *, signed: bool
    ) -> dict[str, ir.Value]:
        """Return the initial states and constants that ``op`` takes, by name of the input."""
        chosen = self._options
        inputs = NeuronInputs(
            op, activation, chosen.v_init, chosen.max_spikes, chosen.leak
        )
        states = inputs.states(signed=signed)
        constants = inputs.constants()
        found = {}
        for key in op.inputs:
            if key in states:
                name = f"{activation.name}.{key}_init"
                state = states[key]
                found[key] = self._states.make(current, name, state)
            elif key in constants:
                name = f"{activation.name}.{key}"
                data = constants[key]
                found[key] = constant(self._graph, name, data)
        return found


def _annotate_neuron(neuron: ir.Node, activation: ir.Value) -> None:
    """Write on ``neuron`` which activation it stands for, and where its threshold is from."""
    producer = activation.producer()
    op_type = "" if producer is None else producer.op_type
    ACTIVATION.write(neuron, op_type)
    ACTIVATION_OUTPUT.write(neuron, str(activation.name))
    scale = scale_of(activation)
    THRESHOLD_ORIGIN.write(neuron, scale.origin)


def _saturates_alike(activation: ir.Node, scale: Scale) -> bool:
    """Whether a signed neuron has the limits of ``activation``: it then needs no clipping first."""
    bound = upper_bound(activation)
    is_symmetric = is_symmetric_clip(activation)
    return is_symmetric and bool(np.all(scale.values == bound))
