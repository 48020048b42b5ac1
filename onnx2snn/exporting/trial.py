"""Layers run beside the network that they were made from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.comparing import Scores, scores
from onnx2snn.exporting.simulation import Simulation
from onnx2snn.progress import track

if TYPE_CHECKING:
    from onnx2snn.exporting.firing import Firing
    from onnx2snn.exporting.layers import LayerGraph
    from onnx2snn.exporting.preparing import Prepared
    from onnx2snn.exporting.readers import Reader
    from onnx2snn.exporting.samples import Samples
    from onnx2snn.exporting.sources import Source

__all__ = [
    "Measured",
    "Trial",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Scores of the network in our own runtime, and of its layers.

    Attributes:
        samples: Number of samples.
        is_synthetic: Whether they are made up.
        T: Number of steps.
        ann: Scores of the ANN; None without one.
        own: Those of the network in our own runtime.
        spread: Those of the layers with our own neuron, once initial potentials are spread over
            the steps; None where there was nothing to spread.
        reader: Those of the layers with the reader's neuron.
    """

    samples: int
    is_synthetic: bool
    T: int
    ann: Scores | None
    own: Scores
    spread: Scores | None
    reader: Scores


class Trial:
    """Runs a network and its layers on the same samples.

    Args:
        source: The network.
        samples: The samples.
        time_steps: T, the number of steps.
    """

    def __init__(self, source: Source, samples: Samples, time_steps: int) -> None:
        """Run the network, and its ANN."""
        self._samples = samples
        self._time_steps = time_steps
        self._entries = [source.encode(feeds) for feeds in samples.feeds]
        network, output = source.runner
        batches = track(samples.feeds, "run", len(samples.feeds))
        own = [network.run(feeds, time_steps)[output] for feeds in batches]
        self._own = np.concatenate(own)
        self._ann = self._run_ann(str(source.lowered.output.name))

    def _run_ann(self, output: str) -> np.ndarray | None:
        ann = self._samples.ann
        if ann is None:
            return None
        name = output if output in ann.outputs else ann.outputs[0]
        return np.concatenate([ann.run(feeds)[name] for feeds in self._samples.feeds])

    def error_of_layers(self, layers: LayerGraph) -> float:
        """Return the relative error of layers with our own neuron on the first batch."""
        first = self._entries[:1]
        found = self._simulated(layers, None, first, "check")
        own = self._own[: len(found)]
        return scores(found, own, None, None)["relative_error"]

    def measure(
        self, prepared: Prepared, found: LayerGraph, reader: Reader
    ) -> Measured:
        """Return the scores.

        Args:
            prepared: The layers as they were prepared.
            found: Those that were read back from the file.
            reader: The reader, whose neuron runs these.
        """
        spread = None
        if prepared.is_spread:
            layers = prepared.layers
            spread = self._score(self._simulated(layers, None, self._entries, "spread"))
        of_reader = self._simulated(found, reader.firing, self._entries, "simulate")
        return Measured(
            samples=self._samples.count,
            is_synthetic=self._samples.is_synthetic,
            T=self._time_steps,
            ann=None if self._ann is None else self._score(self._ann),
            own=self._score(self._own),
            spread=spread,
            reader=self._score(of_reader),
        )

    def _score(self, found: np.ndarray) -> Scores:
        return scores(found, self._own, self._ann, self._samples.labels)

    def _simulated(
        self,
        layers: LayerGraph,
        firing: Firing | None,
        entries: list[np.ndarray],
        work: str,
    ) -> np.ndarray:
        """Return the outputs of layers on batches of inputs."""
        simulation = Simulation(layers, self._time_steps)
        batches = track(entries, work, len(entries))
        return np.concatenate([simulation.run(entry, firing) for entry in batches])
