"""Correct the bias of each layer on the spikes it really gets."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.calibration.memory import rows_at_once
from onnx2snn.calibration.walk import replaced_activations, walk
from onnx2snn.graph import (
    array,
    constant,
    fresh_name,
    has_one_reader,
    is_constant,
    is_op,
    label,
    set_array,
)
from onnx2snn.progress import track
from onnx2snn.streams import is_neuron

if TYPE_CHECKING:
    from onnx2snn.calibration.data import Dataset
    from onnx2snn.calibration.layer import Layer

__all__ = ["CorrectBias"]


@dataclasses.dataclass(frozen=True)
class CorrectBias(ir.passes.InPlacePass):
    """Add to each neuron's current what its mean output lacks of the ANN's activation.

    Layer by layer from the input on, with a the activation of the ANN, and means over the
    samples and positions of a channel:

        bias += mean(a) - mean(theta / T * sum of the spikes)

    and again until ``rounds`` are done, since the neuron is not linear in its bias. The layers
    before are corrected already and drive the layer with their spikes. Of large images, evenly
    spaced positions stand for all: this, and the rounds, are ours.

    Changes what the network computes; needs data but no labels. The bias goes into the
    Conv or Gemm before the neuron, also through an Add, where that has a constant bias.

    Source: Li et al., ICML 2021 (bias correction of the light pipeline).

    Attributes:
        time_steps: T at which the outputs are compared, >= 1.
        rounds: Corrections of a layer, >= 1.
        batch_size: Samples at a time, at most: fewer if they are large.
        ann: The ANN with the same activations; None lets the pass do nothing.
        data: Calibration data; None likewise.
    """

    time_steps: int = 8
    rounds: int = 3
    batch_size: int = 64
    ann: ir.Model | None = None
    data: Dataset | None = None

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Correct the layers of the main graph, which is in step form."""
        if self.ann is None or self.data is None or not any(map(is_neuron, model.graph)):
            return ir.passes.PassResult(model, modified=False)
        outputs = list(replaced_activations(model, self.ann).values())
        rows = rows_at_once(self.ann, outputs, self.data, self.time_steps, self.batch_size)
        batches = (batch.feeds for batch in self.data.batches(rows))
        changed = False
        steps = walk(model, self.ann, batches, self.time_steps, _POSITIONS)
        with contextlib.closing(steps) as layers:
            for layer in track(layers, "correct biases", len(outputs)):
                for _ in range(self.rounds):
                    layer.bias = layer.bias + _lack(layer)
                add_bias(model.graph, layer.neuron, layer.bias)
                changed = changed or bool(np.any(layer.bias))
        return ir.passes.PassResult(model, modified=changed)


_POSITIONS = 8
"""Most positions along each axis of an image that a correction looks at."""


def _lack(layer: Layer) -> np.ndarray:
    """Return what the layer's mean output lacks of the ANN's, one number a channel."""
    total, count = np.zeros(layer.bias.shape, np.float64), 0
    for sample in layer.samples:
        lack = sample.target - layer.mean_output(sample.current)
        total += lack.sum(axis=layer.channel_axes, dtype=np.float64, keepdims=True)
        count += lack.size // total.size
    return (total / count).astype(layer.bias.dtype)


def add_bias(graph: ir.Graph, neuron: ir.Node, bias: np.ndarray) -> None:
    """Add ``bias`` to the current of ``neuron``, in the bias of a node before it if one has any.

    Args:
        graph: The graph of the neuron.
        neuron: A neuron in step form.
        bias: What is added, in a shape that broadcasts to the current.
    """
    current = neuron.inputs[0]
    if current is None or not np.any(bias) or _add_to(current, bias):
        return
    operand = constant(graph, f"{label(neuron)}.bias", bias)
    node = ir.node("Add", [current, operand], name=f"{label(neuron)}.add_bias")
    node.outputs[0].name = fresh_name(graph, str(node.name))
    node.outputs[0].type, node.outputs[0].shape = current.type, current.shape
    graph.insert_before(neuron, node)
    neuron.replace_input_with(0, node.outputs[0])


def _add_to(current: ir.Value, bias: np.ndarray) -> bool:
    """Add ``bias`` to a constant that ``current`` alone depends on; whether there is one."""
    node = current.producer()
    if node is None or not has_one_reader(current):
        return False
    if is_op(node, "Conv", "ConvTranspose", "Gemm"):
        operand = node.inputs[2] if len(node.inputs) > 2 else None
        if operand is None or not is_constant(operand) or len(operand.uses()) != 1:
            return False
        old, beta = array(operand), node.attributes.get_float("beta", 1.0)
        if beta == 0.0 or bias.size not in {1, old.size} or bias.shape[1:2] != (bias.size,):
            return False
        set_array(operand, old + bias.reshape(-1) / beta)
        return True
    if is_op(node, "Add"):
        return any(_add_to(value, bias) for value in node.inputs if value is not None)
    return False
