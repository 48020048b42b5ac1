"""Refuse operators that neither ONNX nor onnxruntime defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from onnx2snn.analysis.operators.foreign import advice_for, is_foreign_domain
from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import display_name
from onnx2snn.graph.integer_operators import LOWERED
from onnx2snn.graph.quantizers import CONTRIB
from onnx2snn.runtime.sessions import SessionError, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir as ir

    from onnx2snn.storage.large_models import OpenableModel

__all__ = ["check_domains"]

_OF_ONNXRUNTIME = (
    "ai.onnx.ml",
    CONTRIB,
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
)
"""Domains of which onnxruntime defines operators, though perhaps not those of a model."""


class _Call(NamedTuple):
    """A node that calls no function of its own model."""

    domain: str
    op_type: str
    display_name: str


def check_domains(model: ir.Model, name: str, original: OpenableModel) -> None:
    """Refuse a model with foreign operators that onnxruntime does not run.

    Operators of any domain may stand in front of the first neuron and behind the last one. A
    model that has none is not opened.

    Args:
        model: The model.
        name: Name of the model in messages.
        original: The model as it came, for onnxruntime.

    Raises:
        UnsupportedError: onnxruntime cannot open it. Those are named that it cannot know, or
            that it complains of; none where something else is missing, such as a language.
    """
    foreign = list(filter(_is_foreign, _calls(model)))
    if not foreign:
        return
    try:
        open_session(original, optimized=False, threads=1)
    except SessionError as error:
        unknown = [call for call in foreign if call.domain not in _OF_ONNXRUNTIME]
        problem = str(error).strip()
        named = [call for call in foreign if call.op_type in problem]
        if not unknown and not named:
            message = f"{name} does not run in onnxruntime: {problem}"
            raise UnsupportedError(message) from error
        raise _refuse(unknown or named, name, problem) from error


def _calls(model: ir.Model) -> Iterator[_Call]:
    """Give the calls in a model, its subgraphs and functions."""
    functions = [function.graph for function in model.functions.values()]
    for graph in (model.graph, *functions):
        for node in graph.all_nodes():
            if node.op_identifier() not in model.functions:
                yield _Call(node.domain, node.op_type, display_name(node))


def _is_foreign(call: _Call) -> bool:
    """Whether a call is of an operator that an import does not lower to those of ONNX."""
    is_lowered = call.domain == CONTRIB and call.op_type in LOWERED
    return is_foreign_domain(call.domain) and not is_lowered


def _refuse(calls: Sequence[_Call], name: str, problem: str) -> UnsupportedError:
    domains = ", ".join(sorted({call.domain for call in calls}))
    message = (
        f"{name} has operators of domain {domains}, and onnxruntime does not run it "
        f"({problem}):"
    )
    return UnsupportedError(message, [_refusal(call) for call in calls])


def _refusal(call: _Call) -> Refusal:
    return Refusal(
        node=call.display_name,
        op=f"{call.domain}.{call.op_type}",
        reason=advice_for(call.domain),
    )
