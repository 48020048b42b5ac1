"""Turn a trained network in ONNX into a spiking network in ONNX.

>>> import onnx2snn
>>> conversion = onnx2snn.convert("ann.onnx", T=8, calibration="calib.npz")  # doctest: +SKIP
>>> conversion.save("snn.onnx")  # doctest: +SKIP
>>> network = onnx2snn.load("snn.onnx")  # doctest: +SKIP
>>> outputs = network.run({"input": x}, T=8)  # doctest: +SKIP
"""

from onnx2snn import passes
from onnx2snn.analyze import analyze
from onnx2snn.convert import Conversion, Options, convert
from onnx2snn.errors import (
    CalibrationError,
    InvalidModelError,
    Onnx2SnnError,
    OutputError,
    RuntimeShapeError,
    UnsupportedError,
)
from onnx2snn.evaluate import Evaluation, evaluate
from onnx2snn.runtime import Network, load

__all__ = [
    "CalibrationError",
    "Conversion",
    "Evaluation",
    "InvalidModelError",
    "Network",
    "Onnx2SnnError",
    "Options",
    "OutputError",
    "RuntimeShapeError",
    "UnsupportedError",
    "analyze",
    "convert",
    "evaluate",
    "load",
    "passes",
]

__version__ = "0.1.0"
