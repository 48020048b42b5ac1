"""A model as the passes of a conversion think of it, and where it comes from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    import onnx_ir as ir

__all__ = ["Imported"]


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model in canonical form.

    Attributes:
        model: Opset 17 or newer, no functions, constants folded, shapes inferred.
        sha256: Of the source file's bytes, or of the serialized model if there was no file.
        name: File name, or name of the graph.
        original: The model as it came, for comparisons: what onnxruntime can open.
    """

    model: ir.Model
    sha256: str
    name: str
    original: Path | onnx.ModelProto | ir.Model
