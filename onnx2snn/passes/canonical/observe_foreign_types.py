"""Write on the results of foreign operators the types and shapes that they have when run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators.foreign import is_foreign
from onnx2snn.graph import boundary, is_op
from onnx2snn.importing.random_feeds import known_strings
from onnx2snn.importing.trial_runs import observe_types
from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.runtime.sessions import SessionError, open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.importing.trial_runs import ObservedType

__all__ = ["ObserveForeignTypes"]

_LOGGER = logging.getLogger(__name__)
_WRONG_IN_PLACE = ("Normalizer",)
"""Operators whose results keep no shape.

Where onnxruntime knows that a result is as large as its input, it computes it in the memory of
the input. Normalizer (L2) reads there what it has overwritten (onnxruntime 1.31).
"""


@dataclass(frozen=True)
class ObserveForeignTypes(ir.passes.InPlacePass):
    """Give results of operators that onnx does not know the type and shape they have when run.

        before:  float[N,8] x;  s = ai.onnx.ml.Scaler(x);  h = MatMul(s, W)
        after:   float[N,8] x;  float[N,8] s = ai.onnx.ml.Scaler(x);  float[N,32] h = ...

    onnxruntime tells the types, and runs what is in front of these results on random inputs of
    two sizes: a size that stays is a number, one that follows a named dimension of an input
    gets its name. Then the shapes behind them are inferred. Main graph only. Results whose type
    and shape are known are not looked at, and what does not run on random inputs gets no shape.
    A Normalizer keeps none either.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Observe what is unknown, and infer what follows from it."""
        unknown = _list_unknown(model.graph)
        if not unknown:
            return ir.passes.PassResult(model, modified=False)
        before = [(value.type, value.shape) for value in unknown]
        observed = _observe(model, unknown)
        for value in unknown:
            if value.name in observed:
                _write(value, observed[value.name])
        InferShapes()(model)
        for value in unknown:
            if is_op(value.producer(), *_WRONG_IN_PLACE, domain="ai.onnx.ml"):
                value.shape = None
        after = [(value.type, value.shape) for value in unknown]
        return ir.passes.PassResult(model, modified=before != after)


def _list_unknown(graph: ir.Graph) -> list[ir.Value]:
    """Return the named results of foreign operators that have no type or no shape."""
    results = [value for node in filter(is_foreign, graph) for value in node.outputs]
    return [
        value for value in results if value.name and None in (value.type, value.shape)
    ]


def _observe(model: ir.Model, values: Sequence[ir.Value]) -> dict[str, ObservedType]:
    """Return what onnxruntime says of ``values``, by name; nothing if it cannot open them."""
    graph = ir.convenience.extract(model.graph, boundary(values, ()), values)
    part = ir.Model(graph, ir_version=model.ir_version)
    try:
        session = open_session(part, optimized=False, threads=1)
    except SessionError as error:
        _LOGGER.debug("types of foreign operators are not observed: %s", error)
        return {}
    return observe_types(session, known_strings(model.graph))


def _write(value: ir.Value, found: ObservedType) -> None:
    """Write a type and a shape on ``value``, where it has none."""
    if value.type is None and found.dtype is not None:
        value.type = ir.TensorType(found.dtype)
    if value.shape is None and found.sizes is not None:
        value.shape = ir.Shape(found.sizes)
