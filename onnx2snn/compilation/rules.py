"""The rule of each operator that has one; ``RULES`` lists them all.

A rule puts what a node becomes in front of it, says in which forms its outputs are now, and
returns whether it did: a node that no rule takes stays, and reads values as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from onnx2snn.compilation.elementwise import compile_addition, compile_scaling
from onnx2snn.compilation.moving import compile_concat, compile_pad, compile_slice
from onnx2snn.compilation.neurons import (
    compile_difference,
    compile_last_step,
    compile_neuron,
    compile_running_sum,
)
from onnx2snn.compilation.pooling import compile_max_pool
from onnx2snn.compilation.reshaping import compile_flatten, compile_reshape
from onnx2snn.compilation.transposed import compile_transposed_convolution
from onnx2snn.compilation.weighted import (
    compile_convolution,
    compile_gemm,
    compile_matmul,
)
from onnx2snn.ops import ALL_OPS, DOMAIN, MultiStepOp

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.compilation.compiler import Compiler

__all__ = ["RULES", "Rule"]


class Rule(Protocol):
    """Compiles a node, or returns False."""

    def __call__(self, compiler: Compiler, node: ir.Node) -> bool:
        """Compile ``node``; whether it was."""
        ...


_NEURONS = [
    MultiStepOp(op).name for op in ALL_OPS.values() if "v_threshold" in op.inputs
]

RULES: dict[tuple[str, str], Rule] = {
    **{(DOMAIN, name): compile_neuron for name in _NEURONS},
    (DOMAIN, "RunningSumMultiStep"): compile_running_sum,
    (DOMAIN, "DifferenceMultiStep"): compile_difference,
    ("", "Gather"): compile_last_step,
    ("", "MaxPool"): compile_max_pool,
    ("", "Conv"): compile_convolution,
    ("", "ConvTranspose"): compile_transposed_convolution,
    ("", "Gemm"): compile_gemm,
    ("", "MatMul"): compile_matmul,
    ("", "Mul"): compile_scaling,
    ("", "Add"): compile_addition,
    ("", "Reshape"): compile_reshape,
    ("", "Flatten"): compile_flatten,
    ("", "Slice"): compile_slice,
    ("", "Pad"): compile_pad,
    ("", "Concat"): compile_concat,
}
"""Domain and operator type to rule."""
