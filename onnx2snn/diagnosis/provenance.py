"""What a diagnosis is of: files, data and versions, so that it can be told from another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn._version import __version__
from onnx2snn.metadata.facts import (
    CALIBRATION_SHA256,
    METHOD,
    SCHEDULE,
    SOURCE_SHA256,
    VERSIONS,
)

if TYPE_CHECKING:
    from onnx2snn.diagnosis.samples import Samples
    from onnx2snn.importing.source import Source
    from onnx2snn.runtime import Network

__all__ = ["provenance_of"]


def provenance_of(network: Network, ann: Source, samples: Samples) -> dict[str, str]:
    """Return names with texts, for people to read.

    Args:
        network: The network.
        ann: The ANN.
        samples: The samples that both were looked at on.
    """
    model = network.model
    versions = VERSIONS.read(model) or {}
    made_by = ", ".join(f"{name} {version}" for name, version in versions.items())
    return {
        "network": Path(network.files[0]).name if network.files else "a network",
        "made for": f"T = {network.T}, {SCHEDULE.read(model) or 'unknown'}",
        "method": METHOD.read(model) or "unknown",
        "made by": made_by or "unknown",
        "SHA-256 of the ANN that it was made from": SOURCE_SHA256.read(model)
        or "unknown",
        "SHA-256 of its calibration data": CALIBRATION_SHA256.read(model) or "none",
        "ANN": ann.name,
        "SHA-256 of the ANN": ann.sha256,
        "SHA-256 of the data": samples.digest,
        "diagnosed by": f"onnx2snn {__version__}",
    }
