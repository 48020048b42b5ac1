"""The result of a diagnosis, as plain data, and its file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.reporting.report_file import write_report

if TYPE_CHECKING:
    import os

    from onnx2snn.diagnosis.findings import Finding
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.reporting.activity import Activity
    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.energy import Energy

__all__ = ["Costs", "Diagnosis", "Trial"]

VERSION = 1
"""Version of the plain data, see ``docs/reference/schemas/diagnosis-1.json``."""


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
class Costs:
    """The work of a network beside that of its ANN.

    Attributes:
        energy: Without data: of the ANN, and of the network at most.
        activity: As measured.
    """

    energy: Energy
    activity: Activity


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Where a spiking network loses what its ANN has.

    Attributes:
        T: Number of time steps.
        samples: Number of samples it was looked at on.
        scores: The network beside its ANN on them, at T and at the powers of two below.
        error: Relative error of the output that is scored, or the largest of all outputs.
        findings: Likely causes, the likeliest first.
        layers: Each layer of neurons whose activation the ANN has, in the order of firing.
        costs: Spikes, operations and energy.
        analysis: What became of each node of the ANN.
        provenance: What the network, the ANN and the data are: name to text.
        tried: Conversions that were tried, with ``try_options``.
    """

    T: int
    samples: int
    scores: Evaluation
    error: float
    findings: tuple[Finding, ...]
    layers: tuple[LayerError, ...]
    costs: Costs
    analysis: Analysis
    provenance: dict[str, str]
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
            "costs": dataclasses.asdict(self.costs),
            "analysis": self.analysis,
            "provenance": self.provenance,
            "tried": [dataclasses.asdict(each) for each in self.tried],
        }

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write it to ``path``, as JSON or, under a name in ``.html``, as a page.

        Raises:
            OptionError: The name ends in neither ``.json`` nor ``.html``.
            OutputError: The file cannot be written.
        """
        from onnx2snn.diagnosis.page import render_page  # noqa: PLC0415 (only for a page)

        write_report(path, self.as_dict(), lambda: render_page(self))
