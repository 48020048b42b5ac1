"""The native operators for onnxruntime: a library in C++, built here or on the user's machine.

``library`` finds and checks it, ``build`` makes it from ``src``; nothing in the package needs it.
"""

from __future__ import annotations

from onnx2snn.native.build import build_library
from onnx2snn.native.library import (
    NativeLibrary,
    find_library,
    library_file,
    library_problem,
    weights_problem,
)

__all__ = [
    "NativeLibrary",
    "build_library",
    "find_library",
    "library_file",
    "library_problem",
    "weights_problem",
]
