"""Faults of single nodes that nothing else reports by the names of the file."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.errors import InvalidModelError
from onnx2snn.graph import display_name, is_op

if TYPE_CHECKING:
    from onnx2snn.graph import AxisSize

__all__ = ["check_attributes", "check_slopes", "warn_of_training"]

_LOGGER = logging.getLogger(__name__)

_TRAINING_IS_SAID = 14
"""Opset from which BatchNormalization says whether it trains; before, further outputs say it."""

_TRAINS = (
    "%s is in training mode: its outputs depend on the other samples of a batch, in the ANN as in "
    "the spiking network; export the model for inference (in PyTorch, after model.eval())"
)


def warn_of_training(model: ir.Model) -> None:
    """Log a warning if a BatchNormalization of a file as it was read takes means of the batch."""
    names = [
        f"BatchNormalization {display_name(node)!r}"
        for node in model.graph.all_nodes()
        if _trains(node, model.opset_imports[""])
    ]
    if names:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        _LOGGER.warning(_TRAINS, f"{names[0]}{others}")


def _trains(node: ir.Node, opset: int) -> bool:
    if not is_op(node, "BatchNormalization"):
        return False
    if opset >= _TRAINING_IS_SAID:
        return node.attributes.get_int("training_mode", 0) != 0
    return sum(bool(value.name) for value in node.outputs) > 1


_WITH_SLOPES = ("Celu", "Elu", "HardSigmoid", "LeakyRelu", "Selu")
"""Operators that multiply by their attributes, which must be finite then."""


def check_attributes(model: ir.Model) -> None:
    """Check that no operator of ONNX has an attribute that makes its outputs NaN.

    Raises:
        InvalidModelError: One is NaN, or a slope is infinite.
    """
    for node in model.graph.all_nodes():
        is_of_onnx = is_op(node, node.op_type)
        if not is_of_onnx or is_op(node, "Constant"):
            continue
        for attribute in node.attributes.values():
            if _is_faulty(node, attribute):
                message = (
                    f"{node.op_type} {display_name(node)!r} cannot be converted: its attribute "
                    f"{attribute.name!r} is {attribute.as_float()}"
                )
                raise InvalidModelError(message)


def _is_faulty(node: ir.Node, attribute: ir.Attr) -> bool:
    if attribute.is_ref() or attribute.type != ir.AttributeType.FLOAT:
        return False
    number = attribute.as_float()
    is_slope = is_op(node, *_WITH_SLOPES)
    return math.isnan(number) or (is_slope and math.isinf(number))


def check_slopes(model: ir.Model) -> None:
    """Check that the slopes of every PRelu fit its input, as far as shapes are known.

    Raises:
        InvalidModelError: They do not.
    """
    for node in model.graph.all_nodes():
        if not is_op(node, "PRelu"):
            continue
        x, slope = node.inputs
        if x is not None and slope is not None and not _broadcasts(slope, x):
            message = (
                f"PRelu {display_name(node)!r} cannot run: its slope {slope.name!r} has shape "
                f"{slope.shape}, which does not broadcast to {x.shape} of its input {x.name!r}"
            )
            raise InvalidModelError(message)


def _broadcasts(slope: ir.Value, x: ir.Value) -> bool:
    """Whether the shape of ``slope`` can be widened to that of ``x``."""
    if slope.shape is None or x.shape is None:
        return True
    if slope.shape.rank() > x.shape.rank():
        return False
    last_first = zip(reversed(slope.shape), reversed(x.shape), strict=False)
    return all(_may_be_equal(size, other) for size, other in last_first)


def _may_be_equal(size: AxisSize, other: AxisSize) -> bool:
    """Whether a slope of ``size`` can go with a dimension ``other``, as far as both are known."""
    if not isinstance(size, int) or not isinstance(other, int):
        return True
    return size in (1, other)
