"""Correct each layer on the currents that it really gets."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.correction.biases import add_bias, add_step_bias, raise_output
from onnx2snn.correction.blocks import cut_into_blocks
from onnx2snn.correction.corrections import OF_LAYERS
from onnx2snn.correction.layer_by_layer import correct_layer_by_layer
from onnx2snn.correction.network_pair import NetworkPair
from onnx2snn.correction.reference import Reference
from onnx2snn.correction.sample_count import SampleCount
from onnx2snn.correction.weight_fitting import fit_weights
from onnx2snn.data.events import time_first
from onnx2snn.errors import OptionError
from onnx2snn.graph import display_name
from onnx2snn.methods.corrections import CORRECTIONS
from onnx2snn.methods.names import CORRECTION, current_names
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.memory import rows_at_once
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import DEFAULT_T
from onnx2snn.storage.journal import remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.correction.layer import Layer
    from onnx2snn.correction.weights_to_fit import WeightsToFit
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Arrays

__all__ = ["CorrectLayers"]


@dataclasses.dataclass(frozen=True)
class CorrectLayers(ir.passes.InPlacePass):
    """Correct each layer on the currents that it really gets.

    Layer by layer from the input on; the layers before are corrected already and drive the
    layer with their spikes. The corrections, in this order:

    - ``weights``: the weights and the bias of a node that spikes drive are fitted, by least
      squares, so that on the mean of the spikes it computes what the ANN does; also through an
      Add, so that a layer makes up for errors of what bypasses it. The strength of the ridge is
      found on samples left out. Source: Li et al., ICML 2021 (there by gradients).
    - ``threshold-balancing``: thresholds are the largest current of the layer. Source:
      Sengupta et al., 2019.
    - ``threshold-scaling``: the threshold of each channel grows by the factor, 1 to 3, that
      brings its output closest to the ANN's: currents that come in bursts need room to catch up.
    - ``bias``: the residual of the mean output of a channel, to the ANN's activation, is added to
      its current. It goes into the bias of the Conv or Gemm before the neuron, also through an
      Add, where that can be. Source: Li et al., ICML 2021 (bias correction of the light
      pipeline).
    - ``potential``: T times the residual is added to the initial potential. Source: as above.
    - ``step-bias``: a bias for each time step. Source: Wu et al., ECCV 2024.

    Of large images, evenly spaced positions stand for all, other ones in each block; weights are
    fitted at the more of them the fewer samples there are. Changes what the network computes;
    needs data but no labels.

    Attributes:
        time_steps: T at which the outputs are compared, >= 1.
        corrections: Which to do.
        batch_size: Samples at a time, at most: fewer if they are large.
        layerwise: Whether each layer is to fire alone, once its input is complete.
        ann: The ANN with the same activations, or where the pass ``keep-reference`` keeps
            it; None lets the pass do nothing.
        data: Calibration data; None likewise.
    """

    time_steps: int = DEFAULT_T
    corrections: tuple[str, ...] = ("weights", "threshold-scaling")
    batch_size: int = 64
    layerwise: bool = False
    ann: ir.Model | Reference | None = None
    data: Dataset | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        names = current_names(CORRECTION, self.corrections)
        object.__setattr__(self, "corrections", names)
        unknown = [name for name in self.corrections if name not in CORRECTIONS]
        if unknown:
            message = (
                f"corrections are {', '.join(CORRECTIONS)}, not {', '.join(unknown)}"
            )
            raise OptionError(message)

    def requires(self, model: ir.Model) -> None:
        """Check that the ANN was kept, where another pass was to keep it."""
        del model  # it is about another one
        is_missing = isinstance(self.ann, Reference) and self.ann.ann is None
        if is_missing and self.data is not None:
            message = "no ANN is kept; run 'keep-reference' with this reference first"
            raise ir.passes.PreconditionError(message)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Correct the layers of the main graph, a single-step graph."""
        has_neurons = any(is_neuron(node) for node in model.graph)
        ann = self.ann.ann if isinstance(self.ann, Reference) else self.ann
        if ann is None or self.data is None or not has_neurons:
            return ir.passes.PassResult(model, modified=False)
        networks = NetworkPair(model, ann, self.time_steps, self.layerwise)
        correct_neurons = functools.partial(self._correct_neurons, model.graph)
        count = SampleCount(self.data.samples)
        fit = functools.partial(_fit_weights, model.graph, count)
        rows = _samples_at_once(networks, self.data, self.batch_size)
        changed = correct_layer_by_layer(
            networks,
            _blocks(networks, self.data, rows),
            correct_neurons,
            fit if "weights" in self.corrections else None,
            positions=_POSITIONS,
        )
        count.warn()
        return ir.passes.PassResult(model, modified=changed)

    def _correct_neurons(self, graph: ir.Graph, layer: Layer) -> bool:
        """Correct the neurons of ``layer``; return whether anything changed."""
        before = (layer.v_threshold, layer.v_init)
        name = f"neurons {display_name(layer.neuron)}"
        layer.set_parameters(remembered(name, lambda: self._corrected(layer)))
        if layer.has_step_bias:
            add_step_bias(graph, layer.neuron, layer.bias)
        else:
            add_bias(graph, layer.neuron, layer.bias)
        after = (layer.v_threshold, layer.v_init)
        is_same = all(map(np.array_equal, before, after))
        return bool(np.any(layer.bias)) or not is_same

    def _corrected(self, layer: Layer) -> Arrays:
        """Correct the neurons of ``layer``, and return their parameters."""
        for name, correct in OF_LAYERS.items():
            if name in self.corrections:
                correct(layer)
        return layer.parameters()


def _fit_weights(graph: ir.Graph, count: SampleCount, weights: WeightsToFit) -> bool:
    """Fit ``weights``; return whether they, or the bias behind them, changed."""
    before = weights.map.weights.const_value
    bias = fit_weights(weights, count)
    raise_output(graph, weights.map.node, bias)
    after = weights.map.weights.const_value
    return bool(np.any(bias)) or after is not before


def _samples_at_once(networks: NetworkPair, data: Dataset, most: int) -> int:
    """Return how many samples fit in memory, over all steps of any layer."""
    activations = list(networks.activations.values())
    return rows_at_once(
        Subgraph(networks.ann, activations, ()),
        data,
        networks.event_inputs,
        time_steps=networks.time_steps,
        most=most,
    )


def _blocks(networks: NetworkPair, data: Dataset, rows: int) -> Iterator[list[Arrays]]:
    """Yield the feeds of the spiking network, in blocks of so many samples."""
    batches = data.batches(rows)
    for block in cut_into_blocks(batches, rows):
        yield [time_first(batch.feeds, networks.event_inputs) for batch in block]


_POSITIONS = 8
"""Most positions along each axis of an image at which the neurons of a layer are looked at."""
