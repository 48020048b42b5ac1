"""Spiking networks for other simulators and for chips: NIR files that were read back and run."""

from onnx2snn.exporting.export import NirExport, export_nir
from onnx2snn.exporting.readers import READERS, Reader

__all__ = [
    "READERS",
    "NirExport",
    "Reader",
    "export_nir",
]
