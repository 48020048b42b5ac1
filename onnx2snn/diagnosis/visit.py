"""A look at a network beside its ANN: all that is seen, found and tried."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.compilation import load
from onnx2snn.conversion.convert import convert
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.preparation import prepare
from onnx2snn.conversion.sizes import Sample, count_macs_of_sample
from onnx2snn.diagnosis.findings import Case, find_causes
from onnx2snn.diagnosis.layers import Activations, measure_layers
from onnx2snn.diagnosis.preprocessing import better_preparation
from onnx2snn.diagnosis.provenance import provenance_of
from onnx2snn.diagnosis.result import Costs, Diagnosis, Trial
from onnx2snn.diagnosis.structure import differing_operators
from onnx2snn.evaluation.evaluate import evaluate
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.progress import track
from onnx2snn.reporting.activity import ActivityCounter
from onnx2snn.reporting.analysis import analyze_network
from onnx2snn.reporting.levels import Levels
from onnx2snn.reporting.report import energy_of_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.conversion.preparation import Prepared
    from onnx2snn.diagnosis.findings import Finding
    from onnx2snn.diagnosis.samples import Samples
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.importing.source import AnyModel, Source
    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.runtime import AnyNetwork, Network

__all__ = ["Visit"]

_TRIED = 3
"""Findings whose options are tried."""


@dataclasses.dataclass(frozen=True, eq=False)
class Visit:
    """A network, its ANN, and the samples that both are looked at on.

    Attributes:
        network: The network.
        ann: The ANN.
        source: It, read.
        samples: The samples.
        more: These, and more for the ANN alone.
        time_steps: T.
    """

    network: Network
    ann: AnyModel
    source: Source
    samples: Samples
    more: Samples
    time_steps: int

    def diagnosis(self, try_options: bool) -> Diagnosis:  # noqa: FBT001
        """Return what is seen, what it is caused by, and what else was tried."""
        prepared = prepare(self.ann, Options())
        analysis = self._analyze(prepared)
        costs = self._count(analysis)
        case = self._look(prepared, analysis)
        findings = find_causes(case)
        tried = self._try_findings(findings) if try_options else []
        return Diagnosis(
            self.time_steps,
            self.samples.count,
            case.scores,
            case.error,
            tuple(findings),
            tuple(case.layers),
            costs,
            analysis,
            provenance_of(self.network, self.source, self.samples),
            tuple(tried),
        )

    def _analyze(self, prepared: Prepared) -> Analysis:
        first = {name: rows[:1] for name, rows in self.samples.joined().items()}
        shapes = {name: rows.shape for name, rows in first.items()}
        counts = count_macs_of_sample(prepared.whole, Sample(shapes, first))
        return analyze_network(prepared.whole, counts, Options().spike)

    def _count(self, analysis: Analysis) -> Costs:
        """Return the work of the network on the samples, counted by itself."""
        snn = self.network.model
        neurons = list(filter(is_neuron, snn.graph.all_nodes()))
        levels = Levels.of(neurons, self.time_steps)
        energy = energy_of_network(snn, analysis, self.time_steps, levels)
        counter = ActivityCounter(snn, analysis)
        counting = load(counter.model, "ort")
        batches = self.samples.batches
        for feeds in track(batches, "count spikes", len(batches)):
            outputs = counting.run(feeds, self.time_steps)
            counter.add(outputs, self.samples.rows_of(feeds))
        return Costs(energy, counter.result(energy["multiplied"]))

    def _look(self, prepared: Prepared, analysis: Analysis) -> Case:
        """Return all that is seen of the network; the ANN gets more outputs."""
        whole = prepared.whole.ann
        differing = differing_operators(whole, self.network.model)
        scores = self._score(self.network, _powers_of_two(self.time_steps))
        activations = Activations(whole, self.network)
        layers = measure_layers(
            self.network, activations, self.samples, self.time_steps
        )
        better = None
        if scores.ann_top1 is not None:
            better = better_preparation(self.ann, self.more)
        error = scores.error_of_answer(self.time_steps) or 0.0
        return Case(layers, scores, self.time_steps, error, better, differing, analysis)

    def _score(self, network: AnyNetwork, time_steps: list[int]) -> Evaluation:
        feeds, labels = self.samples.joined(), self.samples.labels
        return evaluate(network, feeds, ann=self.ann, T=time_steps, labels=labels)

    def _try_findings(self, findings: Sequence[Finding]) -> list[Trial]:
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
        scores = self._score(convert(self.ann, calibration=feeds, **options), [steps])
        error = scores.error_of_answer(steps) or 0.0
        top1, agreement = scores.top1.get(steps), scores.agreement.get(steps)
        return Trial(cause, options, error, top1, agreement)


def _powers_of_two(time_steps: int) -> list[int]:
    """Return the powers of two below T, and T."""
    below = [2**power for power in range(time_steps.bit_length())]
    return sorted({*below, time_steps})
