"""Put a spiking neuron where an activation is."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import OptionError
from onnx2snn.graph import constant, fresh_name, label, take_over
from onnx2snn.notes import ACTIVATION, ACTIVATION_OUTPUT, THRESHOLD_ORIGIN
from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET
from onnx2snn.scale import Scale
from onnx2snn.states import InitialStates
from onnx2snn.streams import activations

__all__ = ["NEURONS", "ReplaceActivations"]

NEURONS = {
    "gated": "GatedDoubleThresholdIF",
    "if": "IntegrateAndFire",
}
"""Neuron for activations that are never negative: option value to operator."""


@dataclasses.dataclass(frozen=True)
class ReplaceActivations(ir.passes.InPlacePass):
    """Put a neuron in the place of every activation that has a scale.

    With ``theta`` the scale that the pass ``calibrate`` noted on the activation:

        before:  y = Relu(x)
        after:   spike, v_next, count_next = GatedDoubleThresholdIF(x, v_init, 0, theta, 0)
                 y = Mul(spike, theta)

    The result is in step form: it computes the first time step. Over T steps the mean of y
    is the T-level quantisation of ``clip(mean of x, 0, theta)``, up to spikes that cannot be
    taken back. A ``Clip(x, 0, c)`` is replaced alike, with ``theta <= c``.

    An activation without a scale is refused by ``requires``; one whose inputs are all
    constant is left alone.

    Attributes:
        neuron: ``gated`` (a negative spike takes back an early one) or ``if`` (plain spikes).
        v_init: Initial potential as a fraction of the threshold, 0 to 1. Source: 0.5, Bu et
            al., AAAI 2022.
    """

    neuron: str = "gated"
    v_init: float = 0.5

    def __post_init__(self) -> None:
        """Check the options."""
        if self.neuron not in NEURONS:
            message = f"neuron must be one of {', '.join(NEURONS)}, not {self.neuron!r}"
            raise OptionError(message)
        if not 0.0 <= self.v_init <= 1.0:
            message = f"v_init must lie in 0 to 1 (of the threshold), not {self.v_init}"
            raise OptionError(message)

    def requires(self, model: ir.Model) -> None:
        """Check that every activation has a scale."""
        missing = [label(node) for node in activations(model.graph) if Scale.read(node) is None]
        if missing:
            message = f"no scale on {', '.join(missing)}; run the pass 'calibrate' first"
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Replace the activations of the main graph."""
        nodes = activations(model.graph)
        states = InitialStates(model.graph)
        for node in nodes:
            self._replace(node, states)
        if nodes:
            model.graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=bool(nodes))

    def _replace(self, node: ir.Node, states: InitialStates) -> None:
        graph, current, output = states.graph, node.inputs[0], node.outputs[0]
        scale = Scale.read(node)
        if current is None or scale is None:  # excluded by requires
            return
        rank = 0 if output.shape is None else len(output.shape)
        dtype = np.dtype("float32") if output.dtype is None else output.dtype.numpy()
        theta = scale.shaped(rank).astype(dtype)
        v_threshold = constant(graph, f"{output.name}.v_threshold", theta)
        arguments = {
            "current": current,
            "v": states.of(current, f"{output.name}.v_init", theta * dtype.type(self.v_init)),
            "v_threshold": v_threshold,
        }
        op = ALL_OPS[NEURONS[self.neuron]]
        if "count" in op.inputs:
            zero = np.zeros([1] * theta.ndim, dtype)
            arguments["count"] = states.of(current, f"{output.name}.count_init", zero)
            arguments["v_threshold_negative"] = constant(
                graph, f"{output.name}.v_threshold_negative", zero
            )
        neuron = ir.node(
            op.name,
            [arguments[name] for name in op.inputs],
            domain=DOMAIN,
            num_outputs=len(op.outputs),
            name=label(node),
            metadata_props={
                ACTIVATION: node.op_type,
                ACTIVATION_OUTPUT: str(output.name),
                THRESHOLD_ORIGIN: scale.origin,
            },
        )
        for value, name in zip(neuron.outputs, op.outputs, strict=True):
            value.name = fresh_name(graph, f"{output.name}.{name}")
            value.type, value.shape = output.type, output.shape
        charge = ir.node("Mul", [neuron.outputs[0], v_threshold], name=f"{label(node)}.charge")
        charge.outputs[0].type, charge.outputs[0].shape = output.type, output.shape
        graph.insert_before(node, [neuron, charge])
        take_over(output, charge.outputs[0])
        graph.remove(node, safe=True)
