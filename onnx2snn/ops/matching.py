"""Whether a function in a file is the one of an operator, whatever its values are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from onnx2snn.ops.declare import StepOp
from onnx2snn.ops.multistep import MultiStepOp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.ops.declare import DeclaredOp

__all__ = ["is_function_of"]


def is_function_of(function: onnx.FunctionProto, op: DeclaredOp) -> bool:
    """Whether a function computes ``op`` with the nodes of one of its bodies, in their order."""
    form = _form_of(function)
    return any(form == _form_of(other.function()) for other in _with_bodies(op))


def _with_bodies(op: DeclaredOp) -> Iterator[DeclaredOp]:
    """Yield an operator with each of its bodies."""
    yield op
    step = op.step_op if isinstance(op, MultiStepOp) else op
    if not isinstance(step, StepOp) or not step.unit_body:
        return
    shorter = step.with_unit_thresholds()
    yield MultiStepOp(shorter) if isinstance(op, MultiStepOp) else shorter


def _form_of(function: onnx.FunctionProto) -> bytes:
    """Return what a function computes: its values go by number, and its comments are left out."""
    names = _Names()
    form = onnx.FunctionProto()
    form.input.extend(map(names.number, function.input))
    form.node.extend(names.renamed(node) for node in function.node)
    form.output.extend(map(names.number, function.output))
    form.attribute.extend(function.attribute)
    return bytes(form.SerializeToString(deterministic=True))


class _Names:
    """Numbers of values, in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers = {"": ""}

    def number(self, name: str) -> str:
        """Return the number of a value, as text."""
        return self._numbers.setdefault(name, str(len(self._numbers)))

    def renamed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Return a node that reads and makes numbers."""
        form = onnx.NodeProto(op_type=node.op_type)
        if node.domain != "ai.onnx":  # another name of the default domain
            form.domain = node.domain
        form.input.extend(map(self.number, node.input))
        for attribute in sorted(node.attribute, key=lambda each: each.name):
            form.attribute.append(self._renamed_attribute(attribute))
        form.output.extend(map(self.number, node.output))
        return form

    def _renamed_attribute(self, attribute: onnx.AttributeProto) -> onnx.AttributeProto:
        form = onnx.AttributeProto()
        form.CopyFrom(attribute)
        form.ClearField("doc_string")
        if attribute.HasField("g"):
            form.g.CopyFrom(self._renamed_graph(attribute.g))
        if attribute.HasField("t"):
            form.t.name = ""
        return form

    def _renamed_graph(self, graph: onnx.GraphProto) -> onnx.GraphProto:
        form = onnx.GraphProto()
        for value in graph.input:
            form.input.append(onnx.ValueInfoProto(name=self.number(value.name)))
        form.node.extend(map(self.renamed, graph.node))
        for value in graph.output:
            form.output.append(onnx.ValueInfoProto(name=self.number(value.name)))
        return form
