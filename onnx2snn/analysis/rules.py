"""Names of sets of ONNX operators, derived from the table of them."""

from __future__ import annotations

from onnx2snn.analysis.operators import OPERATORS, Form, Operator, operators_of_form

__all__ = [
    "ACTIVATIONS",
    "RANDOM",
    "RULES",
    "SHAPE_ONLY",
    "WEIGHTED",
    "Form",
    "Rule",
    "operators",
]

RULES = OPERATORS
Rule = Operator
operators = operators_of_form

ACTIVATIONS = frozenset(name for name, row in OPERATORS.items() if row.is_activation)
WEIGHTED = frozenset(name for name, row in OPERATORS.items() if row.is_weighted)
SHAPE_ONLY = operators_of_form(Form.SHAPE)
RANDOM = frozenset(name for name, row in OPERATORS.items() if row.draws_numbers)
