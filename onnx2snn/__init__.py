"""Turn a trained network in ONNX into a spiking network in ONNX.

>>> import onnx2snn
>>> conversion = onnx2snn.convert("ann.onnx", T=8, calibration="calib.npz")  # doctest: +SKIP
>>> conversion.save("snn.onnx")  # doctest: +SKIP
>>> network = onnx2snn.load("snn.onnx")  # doctest: +SKIP
>>> outputs = network.run({"input": x}, T=8)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from onnx2snn._version import __version__  # noqa: F401 (users look for it here)
from onnx2snn.errors import (
    CalibrationError,
    InvalidModelError,
    LimitError,
    NativeError,
    Onnx2SnnError,
    OptionError,
    OutputError,
    Refusal,
    RuntimeShapeError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from onnx2snn import passes
    from onnx2snn.budget import memory_limit
    from onnx2snn.compilation import compile_network, load
    from onnx2snn.conversion.analyze import analyze
    from onnx2snn.conversion.convert import Conversion, convert
    from onnx2snn.conversion.options import Options
    from onnx2snn.conversion.pipeline import pipeline
    from onnx2snn.diagnosis.diagnose import diagnose
    from onnx2snn.diagnosis.result import Diagnosis
    from onnx2snn.evaluation.evaluate import evaluate
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.exporting.export import NirExport, export_nir
    from onnx2snn.passes.pipeline import Pipeline
    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.report import Report
    from onnx2snn.runtime import Network, change_layout
    from onnx2snn.storage.journal import resumable
    from onnx2snn.sweeping.sweep import Sweep, sweep

__all__ = [
    "Analysis",
    "CalibrationError",
    "Conversion",
    "Diagnosis",
    "Evaluation",
    "InvalidModelError",
    "LimitError",
    "NativeError",
    "Network",
    "NirExport",
    "Onnx2SnnError",
    "OptionError",
    "Options",
    "OutputError",
    "Pipeline",
    "Refusal",
    "Report",
    "RuntimeShapeError",
    "Sweep",
    "UnsupportedError",
    "analyze",
    "change_layout",
    "compile_network",
    "convert",
    "diagnose",
    "evaluate",
    "export_nir",
    "load",
    "memory_limit",
    "passes",
    "pipeline",
    "resumable",
    "sweep",
]

_HOMES = {
    "budget": ("memory_limit",),
    "compilation": ("compile_network", "load"),
    "conversion.analyze": ("analyze",),
    "conversion.convert": ("Conversion", "convert"),
    "conversion.options": ("Options",),
    "conversion.pipeline": ("pipeline",),
    "diagnosis.diagnose": ("diagnose",),
    "diagnosis.result": ("Diagnosis",),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.result": ("Evaluation",),
    "exporting.export": ("NirExport", "export_nir"),
    "passes.pipeline": ("Pipeline",),
    "reporting.analysis": ("Analysis",),
    "reporting.report": ("Report",),
    "runtime": ("Network", "change_layout"),
    "storage.journal": ("resumable",),
    "sweeping.sweep": ("Sweep", "sweep"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that importing the package is quick."""
    if name == "passes":
        return importlib.import_module("onnx2snn.passes")
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        message = f"module 'onnx2snn' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"onnx2snn.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return [*__all__, "__version__"]
