"""The table of ONNX operators: one row an operator, with all that is known of it.

A *stream* is a value that changes from step to step and whose mean over the steps is the
value of the ANN. An operator that is linear (or affine) in its streams may be applied to
each step's value as it is; the mean of the results is the result of the mean. Everything
else is computed on running means. See ``docs/explanation/streams.md``.

A new operator of ONNX is one row, in the file of its group:

    ``linear.py``     linear in the streams, and products
    ``movement.py``   linear as well: elements go elsewhere
    ``max_like.py``   max-like
    ``analog.py``     computed on running means, of shapes, recurrent, control flow, refused

The columns are the fields of ``Operator`` (``columns.py``), and a fact that a row does not name
has its default there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators.analog import ANALOG
from onnx2snn.analysis.operators.columns import Channel, Form, Operator
from onnx2snn.analysis.operators.foreign import foreign_operator, is_foreign
from onnx2snn.analysis.operators.linear import LINEAR
from onnx2snn.analysis.operators.max_like import MAX_LIKE
from onnx2snn.analysis.operators.movement import MOVEMENT
from onnx2snn.graph import is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "OPERATORS",
    "Channel",
    "Form",
    "Operator",
    "operator_named",
    "operator_of",
    "operators_of_form",
]

OPERATORS: dict[str, Operator] = {**LINEAR, **MOVEMENT, **MAX_LIKE, **ANALOG}
"""Operator type of the default domain to its row, for every operator of opsets 7 to 28."""

_UNKNOWN = Operator(
    Form.REFUSED,
    reason="no rule says what the operator does to a stream; upgrade onnx2snn, or export the "
    "model with an older opset or with other operators",
)
"""Row of every operator that is not in the table."""


def operator_of(node: ir.Node) -> Operator:
    """Return the row of the operator of ``node``."""
    if is_foreign(node):
        return foreign_operator(node.domain)
    is_of_onnx = is_op(node, node.op_type)
    if is_of_onnx:
        return operator_named(node.op_type)
    return _UNKNOWN


def operator_named(op_type: str) -> Operator:
    """Return the row of an operator of the default domain."""
    return OPERATORS.get(op_type, _UNKNOWN)


def operators_of_form(form: Form) -> frozenset[str]:
    """Return the operators of one form."""
    return frozenset(name for name, row in OPERATORS.items() if row.form is form)
