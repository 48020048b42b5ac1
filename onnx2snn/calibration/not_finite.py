"""The first node of an ANN whose result is no finite number."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import CalibrationError
from onnx2snn.graph import display_name, is_float, operator_name, reads
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.data.input_specs import Feeds

__all__ = ["not_finite_error"]


def not_finite_error(
    model: ir.Model,
    value: ir.Value,
    feeds: Feeds,
    problem: str,
) -> CalibrationError:
    """Return the error for an activation that is NaN or infinite.

    Args:
        model: The ANN.
        value: The activation.
        feeds: A batch on which it is so.
        problem: How much of it is so.
    """
    node = _first_not_finite(model, value, feeds)
    message = f"activation {value.name!r} has {problem}"
    if node is not None:
        message += (
            f"; the first node of the ANN with such a result is {operator_name(node)} "
            f"{display_name(node)!r}"
        )
    return CalibrationError(message)


def _first_not_finite(model: ir.Model, value: ir.Value, feeds: Feeds) -> ir.Node | None:
    """Return the first node before ``value`` with a result that is NaN or infinite."""
    before = _real_values_before(model.graph, value)
    arrays = Subgraph(model, before, ()).run(feeds)
    # An infinite number may be meant, as in a mask; NaN never is.
    is_nan = [bool(np.isnan(data).any()) for data in arrays]
    is_bad = is_nan if is_nan[-1] else [not np.isfinite(data).all() for data in arrays]
    found = itertools.compress(before, is_bad)
    return next((result.producer() for result in found), None)


def _real_values_before(graph: ir.Graph, last: ir.Value) -> list[ir.Value]:
    """Return the tensors of real numbers that ``last`` depends on, and itself, in order."""
    needed = {last}
    before = []
    for node in reversed(list(graph)):
        if needed.isdisjoint(node.outputs):
            continue
        needed.update(reads(node))
        before += [
            result
            for result in node.outputs
            if result in needed and result.type is not None and is_float(result)
        ]
    return before[::-1]
