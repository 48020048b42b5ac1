"""The weights of one node under calibration: their operand and their residual."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.correction.convolution_map import (
    ConvolutionMap,
    TransposedConvolutionMap,
)
from onnx2snn.correction.product_map import ProductMap
from onnx2snn.graph import array, has_one_reader, is_constant, is_op
from onnx2snn.metadata.facts import is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import onnx_ir as ir

    from onnx2snn.correction.linear_map import LinearMap

__all__ = ["WeightsToFit", "find_linear_map", "find_weights"]


@dataclasses.dataclass
class WeightsToFit:
    """The weights of one node that spikes drive.

    Attributes:
        map: The weights as matrices.
        target: The value that is to be as in the ANN: the output of the node or, where that
            is added to other streams and nobody else reads it, the sum.
        samples: The calibration data, one entry a batch: the mean operand over the steps, and
            the residual, what the ANN's value has more than the mean of ``target``; computed
            when read.
    """

    map: LinearMap
    target: ir.Value
    samples: Iterable[tuple[np.ndarray, np.ndarray]] = ()


def find_weights(nodes: Iterable[ir.Node]) -> list[WeightsToFit]:
    """Return the weights of those of ``nodes`` that have matrices of their own.

    Nodes that are excluded from the conversion keep their weights.
    """
    found = []
    for node in nodes:
        output = node.outputs[0]
        linear_map = None if is_excluded(output) else find_linear_map(node)
        if linear_map is not None:
            found.append(WeightsToFit(linear_map, _find_target(output)))
    return found


def find_linear_map(node: ir.Node) -> LinearMap | None:
    """Return the weights of ``node`` as matrices, None if it has no constants of its own."""
    operands = node.inputs[:2]
    constants = [index for index, value in enumerate(operands) if is_constant(value)]
    if len(constants) != 1 or not _are_own_weights(operands[constants[0]]):
        return None
    operand_index = 1 - constants[0]
    if is_op(node, "Conv") and operand_index == 0:
        return ConvolutionMap(node)
    if is_op(node, "ConvTranspose") and operand_index == 0:
        return TransposedConvolutionMap(node)
    if ProductMap.is_applicable(node, operand_index):
        return ProductMap(node, operand_index)
    return None


def _are_own_weights(constant: ir.Value | None) -> bool:
    """Return whether one node alone reads a constant, and it has entries."""
    if constant is None or not has_one_reader(constant):
        return False
    return array(constant).size > 0


def _find_target(value: ir.Value) -> ir.Value:
    """Return the sum that ``value`` ends in, through every Add that alone reads it."""
    while has_one_reader(value):
        reader = next(iter(value.uses())).node
        total = reader.outputs[0]
        has_shape = total.shape is not None and total.shape == value.shape
        if not is_op(reader, "Add") or not has_shape:
            break
        value = total
    return value
