"""Counting the multiply-accumulates of a graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx2snn.graph import array, is_constant, is_op, subgraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import onnx_ir as ir

__all__ = ["macs"]


def macs(node: ir.Node) -> int | None:
    """Return the multiply-accumulates of ``node`` for one sample.

    Free dimensions count as 1, sequences are as long as can be, and of branches the longer one
    counts. Returns 0 for a node without weights, None where the shapes that matter, or the turns
    of a loop, are not known.
    """
    rule = _RULES.get(node.op_type) if is_op(node, node.op_type) else None
    return 0 if rule is None else rule(node)


def _convolution(node: ir.Node) -> int | None:
    weight = _sizes(node.inputs[1])
    return _times(_sizes(node.outputs[0]), weight and weight[1:])


def _transposed_convolution(node: ir.Node) -> int | None:
    weight = _sizes(node.inputs[1])
    return _times(_sizes(node.inputs[0]), weight and weight[1:])


def _gemm(node: ir.Node) -> int | None:
    inner = _sizes(node.inputs[0])
    first = node.attributes.get_int("transA", 0) == 0
    return _times(
        _sizes(node.outputs[0]), inner and (inner[-1] if first else inner[0],)
    )


def _product(node: ir.Node) -> int | None:
    inner = _sizes(node.inputs[0])
    return _times(_sizes(node.outputs[0]), inner and inner[-1:])


def _recurrent(node: ir.Node) -> int | None:
    positions = _sizes(node.inputs[0])
    return _total(
        _times(positions and positions[:2], _sizes(v)) for v in node.inputs[1:3]
    )


def _einsum(node: ir.Node) -> int | None:
    """Return the product of all dimensions that an Einsum names; an ellipsis counts as well."""
    equation = (
        node.attributes.get_string("equation", "").replace(" ", "").split("->")[0]
    )
    sizes: dict[str, int] = {}
    for labels, value in zip(equation.split(","), node.inputs, strict=True):
        shape = _sizes(value)
        if shape is None:
            return None
        before, _, after = labels.partition("...")
        hidden = len(shape) - len(before) - len(after)
        names = [*before, *(f"...{at}" for at in range(hidden, 0, -1)), *after]
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
    return math.prod(sizes.values())


def _branches(node: ir.Node) -> int | None:
    counts = [_total(map(macs, graph)) for graph in subgraphs(node)]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _loop(node: ir.Node) -> int | None:
    turns = int(array(node.inputs[0])) if is_constant(node.inputs[0]) else None
    return _repeated(_branches(node), turns)


def _scan(node: ir.Node) -> int | None:
    axes = node.attributes.get_ints("scan_input_axes", [0])
    first = _sizes(node.inputs[-node.attributes.get_int("num_scan_inputs", 1)])
    return _repeated(_branches(node), None if first is None else first[axes[0]])


def _repeated(count: int | None, turns: int | None) -> int | None:
    if count == 0:
        return 0
    return None if count is None or turns is None else turns * count


_RULES: dict[str, Callable[[ir.Node], int | None]] = {
    "CausalConvWithState": _convolution,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "DeformConv": _convolution,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "If": _branches,
    "LSTM": _recurrent,
    "Loop": _loop,
    "MatMul": _product,
    "RNN": _recurrent,
    "Scan": _scan,
}


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    if value is None or value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else 1 for size in value.shape)


def _times(outer: tuple[int, ...] | None, inner: tuple[int, ...] | None) -> int | None:
    return (
        None if outer is None or inner is None else math.prod(outer) * math.prod(inner)
    )


def _total(counts: Iterable[int | None]) -> int | None:
    found = list(counts)
    known = [count for count in found if count is not None]
    return sum(known) if len(known) == len(found) else None
