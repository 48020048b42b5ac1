"""Configuration of Sphinx; ``make docs`` builds the pages."""

from __future__ import annotations

import onnx2snn

project = "onnx2snn"
author = "The onnx2snn authors"
release = onnx2snn.__version__
copyright = author  # noqa: A001 (the name that Sphinx asks for)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"onnx2snn {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
myst_enable_extensions = ["dollarmath", "fieldlist"]
myst_heading_anchors = 3
