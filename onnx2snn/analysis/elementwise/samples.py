"""Elementwise functions as their values at fixed points, for any function.

Exporters and libraries write Sigmoid as 1 / (1 + Exp(-x)), Elu with a Where, Softplus as the
Log of a sum: a list of spellings never ends. The values do not depend on the spelling.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.analysis.elementwise.chain import Algebra, rules_of_operands
from onnx2snn.graph import array, is_float

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from onnx2snn.analysis.elementwise.chain import Rule

__all__ = ["POINTS", "SAMPLES", "STEPS_PER_SIDE", "sample_at"]

_Array: TypeAlias = np.ndarray[Any, Any]

_FAR = 60.0
"""Point at which a function shows what becomes of it: Exp overflows in float32 from 88 on."""

STEPS_PER_SIDE = 120
"""Number of equal steps on each side of 0."""

_SMALL = np.array([1e-6, 1e-3, 0.03, 0.1, 0.3])

_NEAR = np.concatenate([-_SMALL, _SMALL])

_GRID = np.linspace(-_FAR, _FAR, 2 * STEPS_PER_SIDE + 1)

POINTS = np.concatenate([_GRID, _NEAR])
"""Points at which functions are sampled: in equal steps, 0 in the middle, and last close to 0."""


def _sample_clip(x: _Array, low: _Array, high: _Array) -> _Array:
    raised = np.maximum(x, low)
    clipped: _Array = np.minimum(raised, high)
    return clipped


def _sample_maximum(*operands: _Array) -> _Array:
    arrays = np.broadcast_arrays(*operands)
    largest: _Array = np.maximum.reduce(arrays)
    return largest


def _sample_minimum(*operands: _Array) -> _Array:
    arrays = np.broadcast_arrays(*operands)
    smallest: _Array = np.minimum.reduce(arrays)
    return smallest


def _sample_sum(*operands: _Array) -> _Array:
    arrays = np.broadcast_arrays(*operands)
    total: _Array = np.sum(arrays, axis=0)
    return total


def _sample_prelu(x: _Array, slope: _Array | float) -> _Array:
    leak = slope * x
    return np.where(x < 0, leak, x)


def _sample_elu(x: _Array, alpha: float) -> _Array:
    below_zero = np.minimum(x, 0)
    exponential = alpha * np.expm1(below_zero)
    return np.where(x > 0, x, exponential)


def _sample_celu(x: _Array, alpha: float) -> _Array:
    return _sample_elu(x / alpha, 1) * alpha


def _sample_selu(x: _Array, alpha: float, gamma: float) -> _Array:
    elu = _sample_elu(x, alpha)
    return gamma * elu


def _sample_sigmoid(x: _Array) -> _Array:
    return 0.5 + 0.5 * np.tanh(x / 2)


def _sample_hard_sigmoid(x: _Array, alpha: float, beta: float) -> _Array:
    line = alpha * x + beta
    return np.clip(line, 0, 1)


def _sample_hard_swish(x: _Array) -> _Array:
    gate = np.clip(x / 6 + 0.5, 0, 1)
    return x * gate


def _sample_swish(x: _Array, alpha: float) -> _Array:
    gate = _sample_sigmoid(alpha * x)
    return x * gate


def _sample_softplus(x: _Array) -> _Array:
    return np.logaddexp(x, 0)


def _sample_mish(x: _Array) -> _Array:
    gate = np.tanh(_sample_softplus(x))
    return x * gate


def _sample_softsign(x: _Array) -> _Array:
    quotient: _Array = x / (1 + np.abs(x))
    return quotient


def _sample_relu(x: _Array) -> _Array:
    return np.maximum(x, 0)


def _sample_thresholded_relu(x: _Array, alpha: float) -> _Array:
    is_kept = x > alpha
    return np.where(is_kept, x, 0)


def _sample_shrink(x: _Array, lambd: float, bias: float) -> _Array:
    below = np.where(x < -lambd, x + bias, 0)
    return np.where(x > lambd, x - bias, below)


_sample_erf = np.vectorize(math.erf, otypes=[np.float64])


_FUNCTIONS: dict[str, Callable[..., _Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Atan": np.arctan,
    "Clip": _sample_clip,
    "Div": np.divide,
    "Equal": np.equal,
    "Erf": _sample_erf,
    "Exp": np.exp,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSwish": _sample_hard_swish,
    "Identity": np.positive,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "Max": _sample_maximum,
    "Min": _sample_minimum,
    "Mish": _sample_mish,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "PRelu": _sample_prelu,
    "Reciprocal": np.reciprocal,
    "Relu": _sample_relu,
    "Sigmoid": _sample_sigmoid,
    "Sign": np.sign,
    "Softplus": _sample_softplus,
    "Softsign": _sample_softsign,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Sum": _sample_sum,
    "Tanh": np.tanh,
    "Where": np.where,
    "Xor": np.logical_xor,
}
"""Operator to its function of the operands."""

_FUNCTIONS_WITH_ATTRIBUTES: dict[
    str, tuple[Callable[..., _Array], Mapping[str, float]]
] = {
    "Celu": (_sample_celu, {"alpha": 1.0}),
    "Elu": (_sample_elu, {"alpha": 1.0}),
    "HardSigmoid": (_sample_hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "LeakyRelu": (_sample_prelu, {"alpha": 0.01}),
    "Selu": (_sample_selu, {"alpha": 1.6732632, "gamma": 1.0507010}),
    "Shrink": (_sample_shrink, {"lambd": 0.5, "bias": 0.0}),
    "Swish": (_sample_swish, {"alpha": 1.0}),
    "ThresholdedRelu": (_sample_thresholded_relu, {"alpha": 1.0}),
}
"""Operator to its function, and to the attributes behind its operands with their defaults."""


def _quieten(function: Callable[..., _Array]) -> Callable[..., _Array]:
    """Return a function that says nothing of overflows, which samples show."""

    def compute(*operands: _Array | float) -> _Array:
        with np.errstate(all="ignore"):
            return np.asarray(function(*operands))

    return compute


def _with_attributes(
    function: Callable[..., _Array],
    defaults: Mapping[str, float],
) -> Rule[_Array]:
    """Return the rule of an operator whose attributes stand behind its operands."""
    quiet = _quieten(function)

    def apply(node: ir.Node, *operands: _Array) -> _Array:
        numbers = []
        for name, default in defaults.items():
            number = node.attributes.get_float(name, default)
            numbers.append(number)
        return quiet(*operands, *numbers)

    return apply


def _sample_cast(node: ir.Node, operand: _Array) -> _Array | None:
    source = node.inputs[0]
    assert source is not None  # the operand
    rounds = is_float(source) and not is_float(node.outputs[0])
    if rounds:
        return None
    return operand * 1.0


def _all_rules() -> dict[str, Rule[_Array]]:
    functions = {}
    for name, function in _FUNCTIONS.items():
        functions[name] = _quieten(function)
    rules: dict[str, Rule[_Array]] = rules_of_operands(functions)
    for name, (function, defaults) in _FUNCTIONS_WITH_ATTRIBUTES.items():
        rules[name] = _with_attributes(function, defaults)
    rules["Cast"] = _sample_cast
    return rules


_RULES = _all_rules()


def sample_at(points: _Array) -> Algebra[_Array]:
    """Return functions as their values at ``points``, or one number if they are constant."""
    return Algebra(
        identity=points,
        number=np.asarray,
        constant=_first_number,
        rules=_RULES,
    )


def _first_number(value: ir.Value, root: ir.Value) -> _Array:
    """Return a number that a constant holds: for one element, any of them will do."""
    del root
    numbers = array(value).reshape(-1)
    return numbers[:1]


SAMPLES = sample_at(POINTS)
"""Functions as their values at ``POINTS``."""
