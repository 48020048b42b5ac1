"""Say in the file what it is and where it comes from."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json

import onnx_ir as ir

from onnx2snn._version import FORMAT_VERSION, __version__
from onnx2snn.metadata import facts
from onnx2snn.metadata.input_coding import DIRECT, INPUT_CODING
from onnx2snn.metadata.normal import NORMAL
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE
from onnx2snn.methods.layouts import LOOP
from onnx2snn.schedules import DEFAULT_T, write_step_counts

__all__ = ["WriteMetadata"]


@dataclasses.dataclass(frozen=True)
class WriteMetadata(ir.passes.InPlacePass):
    """Write how the network was made into the model's metadata, under ``onnx2snn.*``.

    The annotations that earlier passes left for later ones are removed.

    Attributes:
        time_steps: T the network was made for.
        method: Neuron, threshold rule and corrections, in words.
        schedule: ``lockstep``: all layers advance together; ``staggered``: each some steps behind
            those before it; ``layerwise``: one after another.
        source_sha256: Of the ANN's file; empty if unknown.
        calibration_sha256: Of the calibration data; empty if there was none.
        input_coding: How each input enters the network, as JSON; None for what the pass
            ``choose-input-coding`` chose.
        layout: ``loop``: a step is an iteration; ``multistep``: all steps are in the batch.
    """

    time_steps: int = DEFAULT_T
    method: str = ""
    schedule: str = "lockstep"
    source_sha256: str = ""
    calibration_sha256: str = ""
    input_coding: str | None = None
    layout: str = LOOP

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the metadata of the model."""
        before = dict(model.metadata_props)
        codings = self.input_coding or _input_codings(model)
        versions = {"onnx2snn": __version__, **_versions()}
        texts = {
            facts.FORMAT: FORMAT_VERSION,
            facts.DEFAULT_TIME_STEPS: str(self.time_steps),
            facts.METHOD: self.method,
            facts.SCHEDULE: self.schedule,
            facts.SOURCE_SHA256: self.source_sha256,
            facts.CALIBRATION_SHA256: self.calibration_sha256,
            facts.INPUT_CODINGS: codings,
        }
        for annotation, text in texts.items():
            annotation.erase(model)  # so that they stand in one order
            annotation.write(model, text)
        facts.LAYOUT.erase(model)
        if self.layout != LOOP:
            facts.LAYOUT.write(model, self.layout)
        write_step_counts(model)
        facts.VERSIONS.write(model, versions)
        model.producer_name = "onnx2snn"
        model.producer_version = versions["onnx2snn"]
        model.ir_version = max(model.ir_version, _FUNCTIONS_SINCE)
        erased = _erase_temporary(model)
        return ir.passes.PassResult(
            model, modified=erased or before != model.metadata_props
        )


_FUNCTIONS_SINCE = 8
"""First IR version whose models may hold functions."""


def _input_codings(model: ir.Model) -> str:
    """Return how each input of a network enters it, as JSON: as chosen, or directly."""
    inputs = (value.name for value in model.graph.inputs)
    fed = [str(name) for name in inputs if name not in model.graph.initializers]
    return facts.INPUT_CODINGS.read(model) or json.dumps(dict.fromkeys(fed, DIRECT))


def _versions() -> dict[str, str]:
    """Return the versions of what was used; a package may be installed under another name."""
    found = {}
    for name in ("onnx", "onnx-ir", "onnxruntime", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _erase_temporary(model: ir.Model) -> bool:
    """Erase what passes say to each other; whether there was any."""
    made = [value for node in model.graph.all_nodes() for value in node.outputs]
    erased = [INPUT_CODING.erase(value) for value in model.graph.inputs]
    for annotation in (SCALE, QUANTIZER_RANGE, NORMAL, facts.EXCLUDED):
        erased += [annotation.erase(value) for value in made]
    return any(erased)
