"""Layer-by-layer calibration: each layer is corrected on the spikes that it really gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.correction.observation import (
    fire_neurons,
    observe_layer,
    observe_weights,
)
from onnx2snn.correction.recording import Recording
from onnx2snn.correction.stage_costs import estimate_costs
from onnx2snn.correction.stages import plan_stages
from onnx2snn.correction.weights_to_fit import find_weights
from onnx2snn.progress import track_costs
from onnx2snn.storage.array_store import ArrayStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import onnx_ir as ir

    from onnx2snn.correction.layer import Layer
    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.correction.stages import Stage
    from onnx2snn.correction.weights_to_fit import WeightsToFit
    from onnx2snn.data.input_specs import Feeds

    CorrectNeurons = Callable[[Layer], bool]
    FitWeights = Callable[[WeightsToFit], bool]

__all__ = ["correct_layer_by_layer"]


def correct_layer_by_layer(
    networks: NetworkPair,
    blocks: Iterable[Sequence[Feeds]],
    correct_neurons: CorrectNeurons,
    fit_weights: FitWeights | None = None,
    *,
    positions: int | None = None,
) -> bool:
    """Correct a spiking network from the input on; return whether anything changed.

    Each stage observes the weights and the neurons behind the layers that are done, corrects
    them, and lets the neurons fire: they drive the stages behind them as they are then. At
    most the spikes and activations that are still to be read are kept.

    Args:
        networks: The spiking network and its ANN.
        blocks: Batches of feeds, those that are events [T, N, ...]; neurons run on a block.
        correct_neurons: Given each layer of neurons, in topological order. It may change
            thresholds, initial potential and bias of the layer, and put the bias into the
            graph; it returns whether anything changed.
        fit_weights: Given the constant weights of each node that spikes drive, directly or
            through analog streams, before the neurons behind them; at the end those behind
            the last neurons. It returns whether they changed. None leaves weights alone.
        positions: Of images and sequences, how many evenly spaced positions along each axis
            the samples of a layer hold at most, other ones in each block of batches; None for
            all. The neurons fire at all.
    """
    changed = False
    stages = plan_stages(networks)
    with ArrayStore() as store:
        recording = Recording(networks, store, blocks)
        for stage in _tracked(networks, stages):
            if fit_weights is not None:
                changed |= _fit_each(recording, stage.weighted_nodes, fit_weights)
            if stage.neuron is not None:
                observed = observe_layer(recording, stage.neuron, positions)
                changed |= correct_neurons(observed.layer)
                fire_neurons(recording, observed)
                recording.forget(stage.last_needed)
    return changed


def _tracked(networks: NetworkPair, stages: Sequence[Stage]) -> Iterator[Stage]:
    """Yield the stages, and report how far the work has come."""
    costs = estimate_costs(networks, stages)
    return track_costs(stages, "correct layers", costs)


def _fit_each(
    recording: Recording, nodes: Iterable[ir.Node], fit_weights: FitWeights
) -> bool:
    """Fit the weights of ``nodes``, one after the other; return whether any changed."""
    changed = False
    for weights in find_weights(nodes):
        if observe_weights(recording, weights):
            changed |= fit_weights(weights)
    return changed
