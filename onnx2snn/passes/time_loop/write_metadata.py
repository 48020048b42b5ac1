"""Say in the file what it is and where it comes from."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json

import onnx_ir as ir

from onnx2snn._version import __version__
from onnx2snn.metadata.input_coding import Coding
from onnx2snn.metadata.keys import EXCLUDED
from onnx2snn.metadata.normal import Normal
from onnx2snn.metadata.scale import QuantizerRange, Scale

__all__ = ["FORMAT", "WriteMetadata"]

FORMAT = "1"
"""Version of the file format, see ``docs/reference/format.md``."""


@dataclasses.dataclass(frozen=True)
class WriteMetadata(ir.passes.InPlacePass):
    """Write how the network was made into the model's metadata, under ``onnx2snn.*``.

    The notes that earlier passes left for later ones are removed.

    Attributes:
        time_steps: T the network was made for.
        method: Neuron, threshold rule and corrections, in words.
        schedule: ``lockstep``: all layers advance together; ``layerwise``: one after another.
        source_sha256: Of the ANN's file; empty if unknown.
        calibration_sha256: Of the calibration data; empty if there was none.
        input_coding: How each input enters the network, as JSON.
    """

    time_steps: int = 8
    method: str = ""
    schedule: str = "lockstep"
    source_sha256: str = ""
    calibration_sha256: str = ""
    input_coding: str = "{}"

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the metadata of the model."""
        before = dict(model.metadata_props)
        versions = {"onnx2snn": __version__, **_versions()}
        fields = {
            "format": FORMAT,
            "T": str(self.time_steps),
            "method": self.method,
            "schedule": self.schedule,
            "source_sha256": self.source_sha256,
            "calibration_sha256": self.calibration_sha256,
            "input_coding": self.input_coding,
            "versions": json.dumps(versions, sort_keys=True),
        }
        model.metadata_props.update(
            {f"onnx2snn.{key}": text for key, text in fields.items()}
        )
        model.producer_name, model.producer_version = "onnx2snn", versions["onnx2snn"]
        model.ir_version = max(model.ir_version, _FUNCTIONS_SINCE)
        erased = _erase_notes(model)
        return ir.passes.PassResult(
            model, modified=erased or before != model.metadata_props
        )


_FUNCTIONS_SINCE = 8
"""First IR version whose models may hold functions."""


def _versions() -> dict[str, str]:
    """Return the versions of what was used; a package may be installed under another name."""
    found = {}
    for name in ("onnx", "onnx-ir", "onnxruntime", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _erase_notes(model: ir.Model) -> bool:
    made = [value for node in model.graph.all_nodes() for value in node.outputs]
    erasers = (Scale.erase, QuantizerRange.erase, Normal.erase, _erase_left)
    erased = [erase(value) for value in made for erase in erasers]
    return any([*erased, *map(Coding.erase, model.graph.inputs)])


def _erase_left(value: ir.Value) -> bool:
    return value.metadata_props.pop(EXCLUDED, None) is not None
