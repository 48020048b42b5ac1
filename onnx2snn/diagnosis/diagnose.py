"""Diagnosing a network: where accuracy goes, why, and what would change it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.arguments import checked_count, checked_keywords
from onnx2snn.compilation import load
from onnx2snn.conversion.convert import convert
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.preparation import prepare
from onnx2snn.conversion.reference import read_reference
from onnx2snn.data.dataset import check_source, dataset
from onnx2snn.diagnosis.findings import Case, find_causes
from onnx2snn.diagnosis.layers import Activations, measure_layers
from onnx2snn.diagnosis.preprocessing import better_preparation
from onnx2snn.diagnosis.samples import Samples
from onnx2snn.diagnosis.structure import differing_operators
from onnx2snn.errors import UnsupportedError
from onnx2snn.evaluation.evaluate import evaluate
from onnx2snn.runtime.recording import recorded_layers
from onnx2snn.schedules import checked_time_steps, has_weighted_spikes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.diagnosis.findings import Finding
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork, Network

__all__ = ["Diagnosis", "Trial", "diagnose"]

VERSION = 1
"""Version of the plain data, see ``docs/reference/schemas/diagnosis-1.json``."""

_MANY = 1024
"""Samples that preparations of images are tried on: an ANN runs fast."""

_TRIED = 3
"""Findings whose options are tried."""

_EVENTS = "networks of events are not diagnosed: the ANN sees the mean of the events"


@dataclasses.dataclass(frozen=True)
class Trial:
    """A conversion with the options that a finding names.

    Attributes:
        cause: The finding.
        options: The options, with T.
        error: Relative error of the outputs.
        top1: Accuracy in percent; None without labels.
        agreement: Percentage of the ANN's answers; None without answers.
    """

    cause: str
    options: dict[str, Any]
    error: float
    top1: float | None
    agreement: float | None


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Where a spiking network loses what its ANN has.

    Attributes:
        T: Number of time steps.
        samples: Number of samples it was looked at on.
        scores: The network beside its ANN on them.
        error: Relative error of the output that is scored, or the largest of all outputs.
        findings: Likely causes, the likeliest first.
        layers: Each layer of neurons whose activation the ANN has, in the order of firing.
        tried: Conversions that were tried, with ``try_options``.
    """

    T: int
    samples: int
    scores: Evaluation
    error: float
    findings: tuple[Finding, ...]
    layers: tuple[LayerError, ...]
    tried: tuple[Trial, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "version": VERSION,
            "T": self.T,
            "samples": self.samples,
            "scores": self.scores.as_dict(),
            "error": self.error,
            "findings": [dataclasses.asdict(each) for each in self.findings],
            "layers": [
                dataclasses.asdict(layer) | {"main_part": layer.main_part}
                for layer in self.layers
            ],
            "tried": [dataclasses.asdict(each) for each in self.tried],
        }


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
    read_reference(ann, network)
    reading = _Reading(data, labels, network)
    looked_at = reading.samples(samples, _size_of(network, time_steps))
    more = reading.samples(max(samples, _MANY))
    return _Visit(network, ann, looked_at, more, time_steps).diagnosis(try_options)


@dataclasses.dataclass(frozen=True, eq=False)
class _Reading:
    """Data, and labels in it or apart, as arguments of ``diagnose``; and who reads them."""

    data: object
    labels: object
    network: Network

    def samples(self, most: int, recorded: int = 1) -> Samples:
        """Return the first samples, of which so many numbers each are recorded."""
        key = self.labels if isinstance(self.labels, str) else None
        found = dataset(self.data, self.network.inputs, key)
        samples = Samples.of(found, most, recorded)
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


@dataclasses.dataclass(frozen=True, eq=False)
class _Visit:
    """A network, its ANN, and the samples that both are looked at on.

    Attributes:
        network: The network.
        ann: The ANN.
        samples: The samples.
        more: These, and more for the ANN alone.
        time_steps: T.
    """

    network: Network
    ann: AnyModel
    samples: Samples
    more: Samples
    time_steps: int

    def diagnosis(self, try_options: bool) -> Diagnosis:  # noqa: FBT001
        """Return what is seen, what it is caused by, and what else was tried."""
        case = self.look()
        findings = find_causes(case)
        tried = self.try_findings(findings) if try_options else []
        return Diagnosis(
            self.time_steps,
            self.samples.count,
            case.scores,
            case.error,
            tuple(findings),
            tuple(case.layers),
            tuple(tried),
        )

    def look(self) -> Case:
        """Return all that is seen of the network."""
        whole = prepare(self.ann, Options()).whole.ann
        differing = differing_operators(whole, self.network.model)
        scores = self._score(self.network, self.time_steps)
        activations = Activations(whole, self.network)
        layers = measure_layers(
            self.network, activations, self.samples, self.time_steps
        )
        better = None
        if scores.ann_top1 is not None:
            better = better_preparation(self.ann, self.more)
        error = scores.error_of_answer(self.time_steps) or 0.0
        return Case(layers, scores, self.time_steps, error, better, differing)

    def _score(self, network: AnyNetwork, time_steps: int) -> Evaluation:
        feeds, labels = self.samples.joined(), self.samples.labels
        return evaluate(network, feeds, ann=self.ann, T=time_steps, labels=labels)

    def try_findings(self, findings: Sequence[Finding]) -> list[Trial]:
        """Return what the options of the first findings give, each of them once."""
        tried: list[Trial] = []
        for finding in findings:
            if finding.options is None or len(tried) == _TRIED:
                continue
            options = {"T": self.time_steps} | dict(finding.options)
            if all(options != each.options for each in tried):
                tried.append(self._try(finding.cause, options))
        return tried

    def _try(self, cause: str, options: dict[str, Any]) -> Trial:
        steps = options["T"]
        feeds = self.samples.joined()
        scores = self._score(convert(self.ann, calibration=feeds, **options), steps)
        error = scores.error_of_answer(steps) or 0.0
        top1, agreement = scores.top1.get(steps), scores.agreement.get(steps)
        return Trial(cause, options, error, top1, agreement)
