"""Refuse operators that ONNX does not define."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import display_name
from onnx2snn.graph.integer_operators import LOWERED
from onnx2snn.graph.quantizers import CONTRIB
from onnx2snn.importing.protos import all_nodes
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import onnx
    import onnx_ir as ir

__all__ = ["Call", "calls", "check_domains", "foreign_calls"]

_KNOWN = ("", "ai.onnx", DOMAIN)
_QUANTIZED = "export the quantized model as QuantizeLinear / DequantizeLinear"
_OPTIMIZED = "use the file from before onnxruntime's optimizations"
_ADVICE = {
    "ai.onnx.ml": "classical machine learning is not converted; what comes before it can be cut "
    "out with onnx.utils.extract_model",
    "com.microsoft": f"{_OPTIMIZED}, or export without fused operators",
    "com.microsoft.nchwc": _OPTIMIZED,
    "com.ms.internal.nhwc": _OPTIMIZED,
    "onnx.brevitas": _QUANTIZED,
    "qonnx.custom_op.general": _QUANTIZED,
}
_OTHER_ADVICE = "export the model with operators of the default domain"


class Call(NamedTuple):
    """A node that calls no function of its own model."""

    domain: str
    op_type: str
    display_name: str


def foreign_calls(model: onnx.ModelProto) -> Iterator[Call]:
    """Give the calls in a model, its subgraphs and functions."""
    functions = {(function.domain, function.name) for function in model.functions}
    for node in all_nodes(model):
        if (node.domain, node.op_type) not in functions:
            first_output = next(filter(None, node.output), "")
            name = node.name or first_output or node.op_type
            yield Call(node.domain, node.op_type, name)


def calls(model: ir.Model) -> Iterator[Call]:
    """Give the calls in a model, its subgraphs and functions."""
    functions = [function.graph for function in model.functions.values()]
    for graph in (model.graph, *functions):
        for node in graph.all_nodes():
            if node.op_identifier() not in model.functions:
                yield Call(node.domain, node.op_type, display_name(node))


def check_domains(
    calls: Iterable[Call], name: str, allowed: Collection[str] = LOWERED
) -> None:
    """Refuse all calls of operators that neither ONNX nor this package defines.

    Args:
        calls: The nodes that call no function of the model.
        name: Name of the model in the message.
        allowed: Operators of onnxruntime's own domain that are let through.

    Raises:
        UnsupportedError: There are such calls.
    """
    foreign = []
    for call in calls:
        is_allowed = call.domain == CONTRIB and call.op_type in allowed
        if call.domain not in _KNOWN and not is_allowed:
            foreign.append(call)
    if not foreign:
        return
    domains = ", ".join(sorted({call.domain for call in foreign}))
    message = (
        f"{name} has operators that ONNX itself does not define, of domain {domains}:"
    )
    raise UnsupportedError(message, [_refusal(call) for call in foreign])


def _refusal(call: Call) -> Refusal:
    return Refusal(
        node=call.display_name,
        op=f"{call.domain}.{call.op_type}",
        reason=_ADVICE.get(call.domain, _OTHER_ADVICE),
    )
