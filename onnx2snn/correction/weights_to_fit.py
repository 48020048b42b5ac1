"""The weights of one node under calibration: what drives them, and what they lack."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.correction.linear_map import LinearMap, linear_map
from onnx2snn.graph import has_one_reader, is_op

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import onnx_ir as ir

__all__ = ["WeightsToFit", "place", "synapses"]


@dataclasses.dataclass
class WeightsToFit:
    """The weights of one node that spikes drive.

    Attributes:
        map: The weights as matrices.
        place: The value that is to be as in the ANN: the output of the node or, where that is
            added to other streams and nobody else reads it, the sum.
        samples: The calibration data, one entry a batch: the mean operand over the steps, and
            what the mean of ``place`` lacks of the ANN's value; loaded when read.
    """

    map: LinearMap
    place: ir.Value
    samples: Iterable[tuple[np.ndarray, np.ndarray]] = ()


def synapses(nodes: Iterable[ir.Node]) -> list[WeightsToFit]:
    """Return those of ``nodes`` that have weights of their own as matrices."""
    maps = [linear_map(node) for node in nodes if operator_of(node).is_weighted]
    return [
        WeightsToFit(found, place(found.node.outputs[0]))
        for found in maps
        if found is not None
    ]


def place(value: ir.Value) -> ir.Value:
    """Return the sum that ``value`` ends in, through every Add that alone reads it."""
    while has_one_reader(value):
        reader = next(iter(value.uses())).node
        total = reader.outputs[0]
        if (
            not is_op(reader, "Add")
            or total.shape is None
            or total.shape != value.shape
        ):
            break
        value = total
    return value
