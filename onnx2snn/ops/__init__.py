"""The operators of the domain ``ai.onnx2snn``, one file each.

To add one, write its file and add its line to ``ALL_OPS``.
"""

from __future__ import annotations

from onnx2snn.ops.augmented_if import AUGMENTED_IF
from onnx2snn.ops.bernoulli_encoder import BERNOULLI_ENCODER
from onnx2snn.ops.declare import DOMAIN, OPSET, StepOp
from onnx2snn.ops.difference import DIFFERENCE
from onnx2snn.ops.double_threshold_if import DOUBLE_THRESHOLD_IF
from onnx2snn.ops.gated_double_threshold_if import GATED_DOUBLE_THRESHOLD_IF
from onnx2snn.ops.integrate_and_fire import INTEGRATE_AND_FIRE
from onnx2snn.ops.inverse_leaky_if import INVERSE_LEAKY_IF, SIGNED_INVERSE_LEAKY_IF
from onnx2snn.ops.running_sum import RUNNING_SUM

__all__ = ["ALL_OPS", "DOMAIN", "OPSET", "StepOp"]

ALL_OPS: dict[str, StepOp] = {
    "IntegrateAndFire": INTEGRATE_AND_FIRE,
    "DoubleThresholdIF": DOUBLE_THRESHOLD_IF,
    "GatedDoubleThresholdIF": GATED_DOUBLE_THRESHOLD_IF,
    "AugmentedIF": AUGMENTED_IF,
    "InverseLeakyIF": INVERSE_LEAKY_IF,
    "SignedInverseLeakyIF": SIGNED_INVERSE_LEAKY_IF,
    "RunningSum": RUNNING_SUM,
    "Difference": DIFFERENCE,
    "BernoulliEncoder": BERNOULLI_ENCODER,
}
