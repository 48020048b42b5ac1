"""Correct each layer on the currents that it really gets."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.calibration.corrections import CORRECTIONS
from onnx2snn.calibration.memory import rows_at_once
from onnx2snn.calibration.walk import replaced_activations, walk
from onnx2snn.coding import event_names
from onnx2snn.errors import OptionError
from onnx2snn.events import time_first
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

__all__ = ["CorrectLayers"]


@dataclasses.dataclass(frozen=True)
class CorrectLayers(ir.passes.InPlacePass):
    """Correct each layer on the currents that it really gets.

    Layer by layer from the input on; the layers before are corrected already and drive the
    layer with their spikes. The corrections, in this order:

    - ``headroom``: the threshold of each channel grows by the factor, 1 to 3, that brings its
      output closest to the ANN's: currents that come in bursts need room to catch up.
    - ``bias``: what the mean output of a channel lacks of the ANN's activation is added to its
      current. It goes into the bias of the Conv or Gemm before the neuron, also through an
      Add, where that has a constant one. Source: Li et al., ICML 2021 (bias correction of the
      light pipeline).

    Of large images, evenly spaced positions stand for all. Changes what the network computes;
    needs data but no labels.

    Attributes:
        time_steps: T at which the outputs are compared, >= 1.
        corrections: Which to do.
        batch_size: Samples at a time, at most: fewer if they are large.
        layerwise: Whether each layer is to fire alone, once its input is complete.
        ann: The ANN with the same activations; None lets the pass do nothing.
        data: Calibration data; None likewise.
    """

    time_steps: int = 8
    corrections: tuple[str, ...] = tuple(CORRECTIONS)
    batch_size: int = 64
    layerwise: bool = False
    ann: ir.Model | None = None
    data: Dataset | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        unknown = [name for name in self.corrections if name not in CORRECTIONS]
        if unknown:
            message = f"corrections are {', '.join(CORRECTIONS)}, not {', '.join(unknown)}"
            raise OptionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Correct the layers of the main graph, which is in step form."""
        if self.ann is None or self.data is None or not any(map(is_neuron, model.graph)):
            return ir.passes.PassResult(model, modified=False)
        outputs = list(replaced_activations(model, self.ann).values())
        rows = rows_at_once(self.ann, outputs, self.data, self.time_steps, self.batch_size)
        events = event_names(model.graph)
        batches = (time_first(batch.feeds, events) for batch in self.data.batches(rows))
        changed = False
        steps = walk(
            model, self.ann, batches, self.time_steps, _POSITIONS, layerwise=self.layerwise
        )
        with contextlib.closing(steps) as layers:
            for layer in track(layers, "correct layers", len(outputs)):
                before = layer.v_threshold
                for name, correct in CORRECTIONS.items():
                    if name in self.corrections:
                        correct(layer)
                add_bias(model.graph, layer.neuron, layer.bias)
                raised = not np.array_equal(before, layer.v_threshold)
                changed = changed or raised or bool(np.any(layer.bias))
        return ir.passes.PassResult(model, modified=changed)


_POSITIONS = 8
"""Most positions along each axis of an image that a correction looks at."""


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
