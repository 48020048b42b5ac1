"""Operators that a network and an ANN do not share: it was made from another one."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from onnx2snn.graph import is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["differing_operators"]

_KEPT = (
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LpPool",
    "MatMul",
    "MaxPool",
)
"""Operators that a conversion keeps, each as it is."""


def differing_operators(ann: ir.Model, snn: ir.Model) -> dict[str, tuple[int, int]]:
    """Return operators of which two networks have different numbers: to those of each.

    Args:
        ann: An ANN, simplified.
        snn: An emitted network.
    """
    in_ann = _count_kept(ann)
    in_snn = _count_kept(snn)
    return {op: (in_ann[op], in_snn[op]) for op in _KEPT if in_ann[op] != in_snn[op]}


def _count_kept(model: ir.Model) -> collections.Counter[str]:
    nodes = model.graph.all_nodes()
    return collections.Counter(node.op_type for node in nodes if is_op(node, *_KEPT))
