"""Take constants out of the inputs of a graph."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes import common

__all__ = ["RemoveInitializersFromInputs"]


@dataclass(frozen=True)
class RemoveInitializersFromInputs(ir.passes.InPlacePass):
    """Let an initializer that is a graph input as well be a constant.

        before:  g (float[N,3] x, float[4,3] w) => ...  with a value for w
        after:   g (float[N,3] x) => ...

    All initializers are inputs in files of before 2019. Such a value can no longer be fed.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Change the inputs of the main graph."""
        return common.RemoveInitializersFromInputsPass()(model)
