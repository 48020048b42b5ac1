"""Names that can be written and read back."""

from __future__ import annotations

import keyword
import re

from onnx2snn.exporting.layers import Entry, Exit, Layer, LayerGraph

__all__ = ["name_layers"]


def name_layers(graph: LayerGraph) -> LayerGraph:
    """Return the layers under names of letters, digits and underscores; exact.

    A ``/`` in a name splits it into groups of HDF5, so that the file cannot be read back, and
    PyTorch takes no ``.``. The entry is ``input``, the exit ``output``.
    """
    names: dict[str, str] = {}
    for name, layer in graph.layers.items():
        plain = _plain_name(name, layer)
        chosen = plain
        count = 0
        while chosen in names.values():
            count += 1
            chosen = f"{plain}_{count}"
        names[name] = chosen
    return graph.renamed(names)


def _plain_name(name: str, layer: Layer) -> str:
    if isinstance(layer, Entry):
        return "input"
    if isinstance(layer, Exit):
        return "output"
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "layer"
    is_taken = plain in {"input", "output"} or keyword.iskeyword(plain)
    if is_taken or plain[0].isdigit():
        return f"layer_{plain}"
    return plain
