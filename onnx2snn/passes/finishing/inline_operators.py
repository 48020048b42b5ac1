"""Write operators out in those of ONNX."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.runtime.layouts import inline_operators

__all__ = ["InlineOperators"]


@dataclasses.dataclass(frozen=True)
class InlineOperators(ir.passes.InPlacePass):
    """Replace every operator of ``ai.onnx2snn`` by the nodes of its function.

        before:  spike, v_next = IntegrateAndFire(current, v, theta)
        after:   h = Add(v, current);  fired = GreaterOrEqual(h, theta);  ...

    For runtimes without model-local functions. Exact. Nothing can be read from the neurons any
    more, so the file is not recorded, tuned, compiled or laid out anew. A model without functions
    is left alone.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Inline all functions."""
        return ir.passes.PassResult(model, modified=inline_operators(model))
