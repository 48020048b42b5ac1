"""Make a model with spiking operators run anywhere: put their meaning into it."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.ops.attach import attach_functions

__all__ = ["AttachFunctions"]


@dataclasses.dataclass(frozen=True)
class AttachFunctions(ir.passes.InPlacePass):
    """Embed the ONNX function of every ``ai.onnx2snn`` operator the model uses.

    A runtime that knows the operators uses its own kernels; any other runs the functions.
    The functions read ONNX operators in the version of the model's default domain.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Add the functions that are missing."""
        return ir.passes.PassResult(model, modified=attach_functions(model))
