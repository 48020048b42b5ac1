"""Configuration of Sphinx; ``make docs`` builds the pages."""

from __future__ import annotations

import onnx2snn

project = "onnx2snn"
author = "The onnx2snn authors"
release = onnx2snn.__version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"onnx2snn {release}"
myst_enable_extensions = ["dollarmath", "fieldlist"]
myst_heading_anchors = 3
