"""Diagnosing a network: where accuracy goes, why, and what would change it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_count, checked_keywords
from onnx2snn.compilation import load
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.dataset import check_source, dataset
from onnx2snn.diagnosis.samples import Samples
from onnx2snn.diagnosis.visit import Visit
from onnx2snn.errors import UnsupportedError
from onnx2snn.runtime.recording import recorded_layers
from onnx2snn.schedules import checked_time_steps, has_weighted_spikes

if TYPE_CHECKING:
    from onnx2snn.diagnosis.result import Diagnosis
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork, Network

__all__ = ["diagnose"]

_MANY = 1024
"""Samples that preparations of images are tried on: an ANN runs fast."""

_EVENTS = "networks of events are not diagnosed: the ANN sees the mean of the events"


@checked_keywords(time_steps="T")
def diagnose(  # noqa: PLR0913 (each is an option of its own)
    snn: AnyNetwork,
    ann: AnyModel,
    data: object,
    *,
    T: int | None = None,  # noqa: N803 (the usual name)
    labels: object = None,
    samples: int = 128,
    runtime: str = "auto",
    try_options: bool = False,
) -> Diagnosis:
    """Tell where a network in lockstep loses what its ANN has, and the likely causes.

    Args:
        snn: A converted network in any form that ``load`` takes, in a Loop over time.
        ann: The ANN that it was made from.
        data: Inputs and, better, labels, as ``evaluate`` takes them.
        T: Number of time steps; None for the network's own.
        labels: Name of the labels in ``data``, or the labels, a row a sample.
        samples: Most samples to look at, >= 1; the ANN alone is on up to 1,024.
        runtime: As in ``load``.
        try_options: Whether to convert the ANN anew, on this data, with the options of the first
            findings, and score that.

    Raises:
        InvalidModelError: A model cannot be read.
        CalibrationError: The data does not fit, or the ANN is not the network's.
        UnsupportedError: The network has no neurons in a Loop over time, or weighted spikes.
        OptionError: An option is out of range.
    """
    checked_count("samples", samples, least=1)
    check_source(data)
    network = load(snn, runtime)
    _check_network(network)
    time_steps = network.T if T is None else checked_time_steps(T)
    source = read_reference(ann, network)
    more = _Reading(data, labels, network).samples(samples, time_steps)
    visit = Visit(network, ann, source, more.first(samples), more, time_steps)
    return visit.diagnosis(try_options)


@dataclasses.dataclass(frozen=True, eq=False)
class _Reading:
    """Data, and labels in it or apart, as arguments of ``diagnose``; and who reads them."""

    data: object
    labels: object
    network: Network

    def samples(self, most: int, time_steps: int) -> Samples:
        """Return the first samples, with labels more of them, in batches to record T steps of."""
        key = self.labels if isinstance(self.labels, str) else None
        found = dataset(self.data, self.network.inputs, key)
        are_labelled = found.labels is not None or self.labels is not None
        wanted = max(most, _MANY) if are_labelled else most
        recorded = _size_of(self.network, time_steps)
        samples = Samples.of(found, wanted, most, recorded)
        if self.labels is None or key is not None:
            return samples
        return samples.with_labels(self.labels)


def _check_network(network: Network) -> None:
    """Refuse a network whose layers cannot be compared with activations, step by step."""
    if network.events:
        raise UnsupportedError(_EVENTS)
    if has_weighted_spikes(network.model.graph) or not recorded_layers(network.model):
        message = (
            "only networks in lockstep with a Loop over time are diagnosed: convert with the "
            "schedule 'lockstep' and the layout 'loop'"
        )
        raise UnsupportedError(message)


def _size_of(network: Network, time_steps: int) -> int:
    """Return how many numbers are recorded of a sample, as far as sizes are known."""
    sizes = []
    for node in recorded_layers(network.model).values():
        shape = node.outputs[0].shape or ()
        known = [size for size in shape[1:] if isinstance(size, int)]
        size = 1
        for each in known:
            size *= each
        sizes.append(size)
    return 2 * time_steps * sum(sizes)
