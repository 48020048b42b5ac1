"""A model as the passes of a conversion think of it, and where it comes from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["Imported"]


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model in canonical form.

    Attributes:
        model: Opset 17 or newer, no functions, constants folded, shapes inferred.
        sha256: Of the source file's bytes, or of the serialized model if there was no file.
        name: File name, or name of the graph.
        original: The model as it came, for comparisons in onnxruntime.
        files: Files that it was read from.
    """

    model: ir.Model
    sha256: str
    name: str
    original: OpenableModel
    files: tuple[str, ...] = ()
