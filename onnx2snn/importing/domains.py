"""Refuse operators that ONNX does not define."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.importing.protos import nodes
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx

__all__ = ["Call", "check_domains", "foreign_calls"]

_KNOWN = ("", "ai.onnx", DOMAIN)
_QUANTIZED = "export the quantised model as QuantizeLinear / DequantizeLinear"
_OPTIMIZED = "use the file from before onnxruntime's optimisations"
_ADVICE = {
    "ai.onnx.ml": "classical machine learning has no activation to convert",
    "com.microsoft": f"{_OPTIMIZED}, or export without fused operators",
    "com.microsoft.nchwc": _OPTIMIZED,
    "com.ms.internal.nhwc": _OPTIMIZED,
    "onnx.brevitas": _QUANTIZED,
    "qonnx.custom_op.general": _QUANTIZED,
}


class Call(NamedTuple):
    """A node that calls no function of its own model."""

    domain: str
    op_type: str
    label: str


def foreign_calls(model: onnx.ModelProto) -> Iterator[Call]:
    """Give the calls in a model, its subgraphs and functions."""
    functions = {(function.domain, function.name) for function in model.functions}
    for node in nodes(model):
        if (node.domain, node.op_type) not in functions:
            name = node.name or next(filter(None, node.output), "") or node.op_type
            yield Call(node.domain, node.op_type, name)


def check_domains(calls: Iterable[Call], name: str) -> None:
    """Refuse all calls of operators that neither ONNX nor this package defines.

    Args:
        calls: The nodes that call no function of the model.
        name: How the message calls the model.

    Raises:
        UnsupportedError: There are such calls.
    """
    foreign = [call for call in calls if call.domain not in _KNOWN]
    if not foreign:
        return
    domains = ", ".join(sorted({call.domain for call in foreign}))
    message = f"{name} has operators that ONNX itself does not define, of domain {domains}:"
    other = "export the model with operators of the default domain"
    refusals = [
        Refusal(call.label, f"{call.domain}.{call.op_type}", _ADVICE.get(call.domain, other))
        for call in foreign
    ]
    raise UnsupportedError(message, refusals)
