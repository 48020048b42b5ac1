"""Forget the shapes that a file states of what its nodes compute."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

__all__ = ["ForgetShapes"]


@dataclass(frozen=True)
class ForgetShapes(ir.passes.InPlacePass):
    """Take the shapes off all values that nodes compute.

        before:  float[N,3] x;  float[1,4] h = MatMul(x, W);  float[N,4] y = Relu(h)
        after:   float[N,3] x;  float h = MatMul(x, W);       float[N,4] y = Relu(h)

    Nothing that runs a file reads these, so they may be wrong: stale where a batch was made free
    by hand, or of another rank. Types stay, since a runtime does check these. The shapes of
    inputs and constants stay, and those of the outputs of the main graph, which
    ``infer-shapes`` compares with what it finds. Main graph and subgraphs.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Forget the shape of every result of a node."""
        modified = False
        for node in model.graph.all_nodes():
            for value in node.outputs:
                if value.shape is not None and value not in model.graph.outputs:
                    value.shape = None
                    modified = True
        return ir.passes.PassResult(model, modified=modified)
