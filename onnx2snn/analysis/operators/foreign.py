"""Operators of other domains than ONNX's own, of which no rule knows anything.

In front of the first neuron and behind the last one such an operator stays as it is, for
onnxruntime to run. Between neurons it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators.columns import Form, Operator
from onnx2snn.errors import Refusal
from onnx2snn.graph import display_name, operator_name
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = [
    "advice_for",
    "foreign_operator",
    "foreign_refusals",
    "is_foreign",
    "is_foreign_domain",
    "is_fused",
]

_OURS = ("", "ai.onnx", DOMAIN)
_QUANTIZED = "export the quantized model as QuantizeLinear / DequantizeLinear"
_OPTIMIZED = (
    "use the file from before onnxruntime's optimizations, or save it with at most "
    "ORT_ENABLE_EXTENDED: ORT_ENABLE_ALL writes layouts of one processor"
)
_ADVICE = {
    "ai.onnx.ml": "classical machine learning is not converted",
    "com.microsoft": _OPTIMIZED,
    "com.microsoft.nchwc": _OPTIMIZED,
    "com.ms.internal.nhwc": _OPTIMIZED,
    "onnx.brevitas": _QUANTIZED,
    "qonnx.custom_op.general": _QUANTIZED,
}
_OF_THE_OPTIMIZER = ("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc")
"""Domains of operators that onnxruntime's optimizer makes of several ones of ONNX."""

_OTHER_ADVICE = "export the model with operators of the default domain"


def is_foreign(node: ir.Node) -> bool:
    """Whether the operator of ``node`` is neither ONNX's own nor one of this package."""
    return is_foreign_domain(node.domain)


def is_foreign_domain(domain: str) -> bool:
    """Whether the operators of ``domain`` are neither ONNX's own nor of this package."""
    return domain not in _OURS


def is_fused(node: ir.Node) -> bool:
    """Whether ``node`` may hold operators of ONNX that onnxruntime has put together."""
    return node.domain in _OF_THE_OPTIMIZER


def advice_for(domain: str) -> str:
    """Return what to do about an operator of ``domain`` that is in the way."""
    return _ADVICE.get(domain, _OTHER_ADVICE)


def foreign_operator(domain: str) -> Operator:
    """Return the row of every operator of a foreign ``domain``."""
    return Operator(Form.REFUSED, reason=advice_for(domain))


def foreign_refusals(nodes: Iterable[ir.Node]) -> list[Refusal]:
    """Return what is to be said of those of ``nodes`` that are foreign."""
    return [
        Refusal(display_name(node), operator_name(node), advice_for(node.domain))
        for node in nodes
        if is_foreign(node)
    ]
