"""A plugin for pytest: tests run the library that ONNX2SNN_TEST_LIBRARY names."""

from __future__ import annotations

import os
from pathlib import Path

from onnx2snn.native import library

_NAMED = os.environ.get("ONNX2SNN_TEST_LIBRARY")

if _NAMED is not None:
    _path = Path(_NAMED)
    library.library_file = lambda: _path
