"""Telling activations from other elementwise functions by what they do to numbers.

Exporters and libraries write Sigmoid as 1 / (1 + Exp(-x)), Elu with a Where, Softplus as the Log
of a sum: a list of spellings never ends. What these functions have in common does not depend on
the spelling. Far from 0 they are flat on at least one side, and straight on the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.graph import is_float

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir as ir

__all__ = ["POINTS", "is_saturating", "sampled"]

_Array: TypeAlias = np.ndarray[Any, Any]

_FAR = 60.0
"""Where a function shows what becomes of it: Exp overflows in float32 from 88 on."""

_STEEPEST = 50.0
"""Largest magnitude of an activation, in units of 1 + |x|: beyond it there is a pole."""

_TOLERANCE = 0.05
"""Largest bend far from 0, in units of 1 + the range on that side: 1 / x is still flat there."""

POINTS = np.concatenate([np.linspace(-_FAR, _FAR, 241), [-1e-3, -1e-6, 1e-6, 1e-3]])
"""Where functions are sampled; the first ones are in order, a half apart, 0 in the middle."""

_ERF = np.vectorize(math.erf, otypes=[np.float64])


def _elu(x: _Array, alpha: float) -> _Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid(x: _Array) -> _Array:
    return 0.5 + 0.5 * np.tanh(x / 2)


_FUNCTIONS: dict[str, Callable[..., _Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Atan": np.arctan,
    "Cast": lambda x: x * 1.0,
    "Clip": lambda x, low=-np.inf, high=np.inf: np.minimum(np.maximum(x, low), high),
    "Div": np.divide,
    "Equal": np.equal,
    "Erf": _ERF,
    "Exp": np.exp,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Identity": np.positive,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": lambda *x: np.maximum.reduce(np.broadcast_arrays(*x)),
    "Min": lambda *x: np.minimum.reduce(np.broadcast_arrays(*x)),
    "Mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "PRelu": lambda x, slope: np.where(x < 0, slope * x, x),
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": lambda *x: np.sum(np.broadcast_arrays(*x), axis=0),
    "Tanh": np.tanh,
    "Where": np.where,
}
_WITH_ATTRIBUTES: dict[str, tuple[Callable[..., _Array], dict[str, float]]] = {
    "Celu": (lambda x, alpha: _elu(x / alpha, 1) * alpha, {"alpha": 1.0}),
    "Elu": (_elu, {"alpha": 1.0}),
    "HardSigmoid": (
        lambda x, a, b: np.clip(a * x + b, 0, 1),
        {"alpha": 0.2, "beta": 0.5},
    ),
    "LeakyRelu": (lambda x, alpha: np.where(x < 0, alpha * x, x), {"alpha": 0.01}),
    "Selu": (
        lambda x, alpha, gamma: gamma * _elu(x, alpha),
        {"alpha": 1.6732632, "gamma": 1.0507010},
    ),
    "Swish": (lambda x, alpha: x * _sigmoid(alpha * x), {"alpha": 1.0}),
    "ThresholdedRelu": (lambda x, alpha: np.where(x > alpha, x, 0), {"alpha": 1.0}),
}
"""Function, and its attributes with their defaults, in the order of its arguments."""


def sampled(node: ir.Node, operands: Sequence[_Array | None]) -> _Array | None:
    """Return what ``node`` makes of its operands, element by element; None if that is unknown.

    Args:
        node: A node of the default domain.
        operands: Samples of its inputs, or single numbers; None for what is left out or unknown.
    """
    function, defaults = _WITH_ATTRIBUTES.get(
        node.op_type, (_FUNCTIONS.get(node.op_type), dict[str, float]())
    )
    extra = [node.attributes.get_float(name, value) for name, value in defaults.items()]
    if function is None or (node.op_type == "Cast" and not is_float(node.outputs[0])):
        return None
    if any(
        x is None and v is not None for x, v in zip(operands, node.inputs, strict=True)
    ):
        return None
    if node.op_type == "Clip":
        bounds = zip(("low", "high"), operands[1:], strict=False)
        return _quietly(
            function, operands[0], **{k: v for k, v in bounds if v is not None}
        )
    return _quietly(function, *operands, *extra)


def _quietly(function: Callable[..., _Array], *operands: Any, **named: Any) -> _Array:  # noqa: ANN401
    with np.errstate(all="ignore"):
        return np.asarray(function(*operands, **named))


def is_saturating(samples: _Array) -> bool:
    """Whether a function is finite, flat on one side far from 0, and straight on the other.

    Args:
        samples: Its values at ``POINTS``.
    """
    values = np.broadcast_to(samples, POINTS.shape).astype(np.float64)
    if (
        not np.isfinite(values).all()
        or (np.abs(values) > _STEEPEST * (1 + np.abs(POINTS))).any()
    ):
        return False
    if np.ptp(values) < 1e-6:
        return False
    line = values[:241]
    sides = [line[120::-1], line[120:]]
    scales = [_TOLERANCE * (1 + np.ptp(side)) for side in sides]
    flat = [
        abs(side[-1] - side[60]) <= scale
        for side, scale in zip(sides, scales, strict=True)
    ]
    straight = [
        abs(side[-1] - 2 * side[90] + side[60]) <= scale
        for side, scale in zip(sides, scales, strict=True)
    ]
    return any(flat) and all(straight)
