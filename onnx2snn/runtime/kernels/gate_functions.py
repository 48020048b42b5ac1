"""The activation functions of LSTM, GRU and RNN, as the ONNX standard defines them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Function: TypeAlias = Callable[[np.ndarray], np.ndarray]

__all__ = ["gate_functions"]


def _hard_sigmoid(x: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    linear = alpha * x + beta
    return np.clip(linear, 0, 1)


def _elu(x: np.ndarray, alpha: float) -> np.ndarray:
    negative = np.minimum(x, 0)
    return np.where(x >= 0, x, alpha * np.expm1(negative))


_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": _elu,
    "hardsigmoid": _hard_sigmoid,
    "leakyrelu": lambda x, alpha: np.where(x >= 0, x, alpha * x),
    "relu": lambda x: np.maximum(x, 0),
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "thresholdedrelu": lambda x, alpha: np.where(x > alpha, x, 0),
}
_PARAMETERS: dict[str, tuple[float, ...]] = {
    "affine": (1.0, 0.0),
    "elu": (1.0,),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01,),
    "scaledtanh": (1.0, 1.0),
    "thresholdedrelu": (1.0,),
}
"""Defaults of alpha and beta."""
_CLIPPED = 2
"""Functions of a direction whose input is clipped if that is asked for.

The third is that of an LSTM's cell, whose output onnxruntime does not clip.
"""


def gate_functions(
    attributes: Mapping[str, Any], defaults: Sequence[str]
) -> list[Function]:
    """Return the activation functions of all directions, one direction after the other.

    Args:
        attributes: Attributes of the node.
        defaults: Names of the functions of one direction, for a node that names none.
    """
    names = attributes.get("activations") or [*defaults, *defaults]
    alphas = list(attributes.get("activation_alpha") or ())
    betas = list(attributes.get("activation_beta") or ())
    clip = attributes.get("clip")
    functions: list[Function] = []
    for position, name in enumerate(names):
        key = name.lower()
        parameters = []
        defaults_of_function = _PARAMETERS.get(key, ())
        for default, given in zip(defaults_of_function, (alphas, betas), strict=False):
            parameters.append(given.pop(0) if given else default)
        is_clipped = position % len(defaults) < _CLIPPED
        limit = clip if is_clipped else None
        function = functools.partial(_apply_clipped, _FUNCTIONS[key], parameters, limit)
        functions.append(function)
    return functions


def _apply_clipped(
    function: Callable[..., np.ndarray],
    parameters: Sequence[float],
    limit: float | None,
    x: np.ndarray,
) -> np.ndarray:
    """Return ``function`` of ``x``, which is clipped to +-``limit`` first."""
    if limit is not None:
        x = np.clip(x, -limit, limit)
    return function(x, *parameters)
