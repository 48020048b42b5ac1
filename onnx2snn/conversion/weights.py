"""Refuse weights that are NaN or infinite: the ANN gives nothing but NaN behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.operators import operator_of
from onnx2snn.errors import InvalidModelError
from onnx2snn.graph import (
    array,
    display_name,
    is_constant,
    is_float,
    is_op,
    operator_name,
)
from onnx2snn.graph.linear_weights import output_axis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.source_nodes import SourceNode

__all__ = ["check_weights"]

_WITH_CHANNELS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Nodes with an axis of output channels in their weights."""

_VARIANCE = 4
"""Position of the variance among the inputs of BatchNormalization."""

_MOST_NAMED = 5
"""Weights that a message names; what more there are is counted."""


def check_weights(model: ir.Model, nodes: Sequence[SourceNode], name: str) -> None:
    """Check that all weights are finite; a bias may be infinite, as it is in masks.

    Args:
        model: The model, imported.
        nodes: The nodes of the file that it was made from.
        name: Name of the model in messages.

    Raises:
        InvalidModelError: It names the nodes, and where their weights come from.
    """
    makers = {output: node for node in nodes for output in node.outputs}
    bad = [
        (node, weights)
        for node in model.graph.all_nodes()
        for weights in _weights_of(node)
        if not _is_usable(node, weights)
    ]
    if not bad:
        return
    described = [_describe(node, weights, makers) for node, weights in bad]
    every = list(dict.fromkeys(described))  # a node may read an initializer twice
    lines = every[:_MOST_NAMED]
    if len(every) > _MOST_NAMED:
        lines.append(f"and {len(every) - _MOST_NAMED} more")
    message = f"{name} has weights that make NaN or infinity:"
    raise InvalidModelError("\n  ".join([message, *lines]))


def _weights_of(node: ir.Node) -> Iterator[ir.Value]:
    """Yield the constant weights of a node, without its bias, or what it normalizes by."""
    operator = operator_of(node)
    if not operator.is_weighted and not is_op(node, "BatchNormalization"):
        return
    for position, value in enumerate(node.inputs):
        if value is None or position in operator.bias:
            continue
        if is_constant(value) and is_float(value):
            yield value


def _is_usable(node: ir.Node, weights: ir.Value) -> bool:
    """Whether all numbers are finite, and variances above 0; NaN comes through min and max."""
    data = array(weights)
    if not data.size:
        return True
    smallest = data.min()
    is_positive = smallest > _least(node, weights)
    return bool(is_positive and np.isfinite(smallest) and np.isfinite(data.max()))


def _least(node: ir.Node, weights: ir.Value) -> float:
    """Return what numbers must be above: a variance, with epsilon, has a root."""
    is_normalization = is_op(node, "BatchNormalization")
    if is_normalization and weights is node.inputs[_VARIANCE]:
        return -node.attributes.get_float("epsilon", 1e-5)
    return -np.inf


def _describe(
    node: ir.Node, weights: ir.Value, makers: Mapping[str, SourceNode]
) -> str:
    """Return a line about weights that are not finite."""
    text = f"{operator_name(node)} {display_name(node)!r}: {_count(node, weights)}"
    maker = makers.get(str(weights.name))
    if maker is None:
        return f"{text} of initializer {weights.name!r}"
    initializers = ", ".join(map(repr, maker.constants))
    return f"{text} of {weights.name!r}, which {maker.op} {maker.name!r} makes of {initializers}"


def _count(node: ir.Node, weights: ir.Value) -> str:
    """Return how much of the weights is not finite."""
    data = array(weights)
    is_bad = ~(np.isfinite(data) & (data > _least(node, weights)))
    unit = "channels" if is_op(node, "BatchNormalization") else "numbers"
    if is_op(node, *_WITH_CHANNELS) and is_bad.ndim > 1:
        channels_first = np.moveaxis(is_bad, output_axis(node), 0)
        is_bad = channels_first.reshape(len(channels_first), -1).any(axis=1)
        unit = "channels"
    return f"{np.count_nonzero(is_bad)} of {is_bad.size} {unit}"
