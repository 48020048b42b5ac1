"""Counting the multiply-accumulates of one node from shapes, each rule for several operators.

A count is None where sizes that matter are not known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, input_at, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "convolution_macs",
    "count_elements",
    "count_one_turn",
    "count_scan_turns",
    "count_trips",
    "einsum_macs",
    "gemm_macs",
    "matmul_macs",
    "recurrent_macs",
    "transposed_convolution_macs",
]

_Sizes = tuple[int | None, ...]


def convolution_macs(node: ir.Node) -> int | None:
    """Count for each output element the weights of one output channel."""
    weight = _known_sizes(node.inputs[1])
    if weight is None:
        return None
    results = _known_sizes(node.outputs[0])
    return _multiply_all(results, weight[1:])


def transposed_convolution_macs(node: ir.Node) -> int | None:
    """Count for each input element the weights of one input channel."""
    weight = _known_sizes(node.inputs[1])
    if weight is None:
        return None
    operands = _known_sizes(node.inputs[0])
    return _multiply_all(operands, weight[1:])


def gemm_macs(node: ir.Node) -> int | None:
    """Count for each output element the length of a row of the first matrix."""
    first = _known_sizes(node.inputs[0])
    if first is None:
        return None
    is_transposed = node.attributes.get_int("transA", 0) != 0
    length = first[0] if is_transposed else first[-1]
    results = _known_sizes(node.outputs[0])
    return _multiply_all(results, (length,))


def matmul_macs(node: ir.Node) -> int | None:
    """Count for each output element the length of a row of the first factor."""
    first = _known_sizes(node.inputs[0])
    if first is None:
        return None
    results = _known_sizes(node.outputs[0])
    return _multiply_all(results, first[-1:])


def recurrent_macs(node: ir.Node) -> int | None:
    """Count all weights of inputs and of states, for each position of each sequence."""
    sequences = _known_sizes(node.inputs[0])
    if sequences is None:
        return None
    positions = sequences[:2]
    input_weights = _known_sizes(node.inputs[1])
    state_weights = _known_sizes(node.inputs[2])
    of_inputs = _multiply_all(positions, input_weights)
    of_states = _multiply_all(positions, state_weights)
    if of_inputs is None or of_states is None:
        return None
    return of_inputs + of_states


def einsum_macs(node: ir.Node) -> int | None:
    """Count the product of all dimensions that an Einsum names; an ellipsis counts as well."""
    given = node.attributes.get_string("equation", "")
    equation = given.replace(" ", "")
    left_side = equation.split("->")[0]
    operands = left_side.split(",")
    lengths: dict[str, int] = {}
    for labels, value in zip(operands, node.inputs, strict=True):
        sizes = _known_sizes(value)
        if sizes is None:
            return None
        names = _axis_names(labels, rank=len(sizes))
        for name, size in zip(names, sizes, strict=True):
            if size is None:
                return None
            lengths[name] = max(size, lengths.get(name, 1))
    return math.prod(lengths.values())


def _axis_names(labels: str, rank: int) -> list[str]:
    """Return a name for each axis; those of an ellipsis are counted from its end."""
    before, _, after = labels.partition("...")
    hidden = rank - len(before) - len(after)
    ellipsis = [f"...{distance}" for distance in range(hidden, 0, -1)]
    return [*before, *ellipsis, *after]


def count_one_turn(_node: ir.Node) -> int:
    """Return 1: a branch runs once."""
    return 1


def count_trips(node: ir.Node) -> int | None:
    """Return the constant number of turns of a Loop."""
    trips = node.inputs[0]
    if is_constant(trips):
        return int(array(trips))
    return None


def count_scan_turns(node: ir.Node) -> int | None:
    """Return the length of what a Scan runs over."""
    axis = node.attributes.get_ints("scan_input_axes", [0])[0]
    scanned = node.attributes.get_int("num_scan_inputs", 1)
    sizes = _known_sizes(node.inputs[-scanned])
    if sizes is None:
        return None
    return sizes[axis]


def count_elements(node: ir.Node) -> int | None:
    """Return the length of the sequence that a SequenceMap runs over."""
    sequence = node.inputs[0]
    source = None if sequence is None else sequence.producer()
    if source is None:
        return None
    if is_op(source, "SequenceConstruct"):
        return len(source.inputs)
    if is_op(source, "SplitToSequence"):
        return _count_parts(source)
    return None


def _count_parts(split: ir.Node) -> int | None:
    """Return the number of parts that a SplitToSequence gives, by default of size 1."""
    lengths = input_at(split, 1)
    if lengths is not None and not is_constant(lengths):
        return None
    parts = np.array(1) if lengths is None else array(lengths)
    if parts.ndim > 0:
        return len(parts)
    sizes = _known_sizes(split.inputs[0])
    size = None if sizes is None else sizes[split.attributes.get_int("axis", 0)]
    return None if size is None else math.ceil(size / int(parts))


def _known_sizes(value: ir.Value | None) -> _Sizes | None:
    """Return the sizes of a value, None for one that is not known; None without a rank."""
    if value is None or value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else None for size in value.shape)


def _multiply_all(first: _Sizes | None, second: _Sizes | None) -> int | None:
    """Return the product of all sizes, None if one is not known."""
    if first is None or second is None:
        return None
    product = 1
    for size in (*first, *second):
        if size is None:
            return None
        product *= size
    return product
