"""Rules for the sign of a node's first output, each for several operators.

A rule takes the node and a function that says of a value whether no element of it is below 0;
it returns whether that is known of the result.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from onnx2snn.graph import input_at, is_constant

__all__ = [
    "SignRule",
    "as_all_inputs",
    "as_any_input",
    "as_first_input",
    "as_lower_bound",
    "as_padded_input",
    "as_resized_input",
    "as_selected_inputs",
    "never_negative",
    "unknown_sign",
]

_IsNeverNegative = Callable[[ir.Value | None], bool]
SignRule = Callable[[ir.Node, _IsNeverNegative], bool]


def unknown_sign(_node: ir.Node, _is_never_negative: _IsNeverNegative) -> bool:
    """Say nothing of the result."""
    return False


def never_negative(_node: ir.Node, _is_never_negative: _IsNeverNegative) -> bool:
    """Say that the result is never below 0."""
    return True


def as_first_input(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say of the result what is known of the first input."""
    return is_never_negative(node.inputs[0])


def as_all_inputs(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say that the result is never below 0 if no input is."""
    return all(is_never_negative(value) for value in node.inputs)


def as_any_input(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say that the result is never below 0 if one input never is."""
    return any(is_never_negative(value) for value in node.inputs)


def as_selected_inputs(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say that the result is never below 0 if none of what a condition selects is."""
    return all(is_never_negative(value) for value in node.inputs[1:])


def as_lower_bound(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say of the result what is known of the second input, if that is constant."""
    low = input_at(node, 1)
    return is_constant(low) and is_never_negative(low)


def as_padded_input(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say that the result is never below 0 if neither the input nor what pads it is."""
    padding = input_at(node, 2)
    if padding is not None and not is_never_negative(padding):
        return False
    return is_never_negative(node.inputs[0])


def as_resized_input(node: ir.Node, is_never_negative: _IsNeverNegative) -> bool:
    """Say of the result what is known of the first input, but for a cubic interpolation."""
    mode = node.attributes.get_string("mode", "nearest")
    return mode != "cubic" and is_never_negative(node.inputs[0])
