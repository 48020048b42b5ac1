"""The operators of the domain ``ai.onnx2snn``, one file each.

To add one, write its file and add its line to ``ALL_OPS``. Its form over all time steps
follows.
"""

from __future__ import annotations

from onnx2snn.ops.augmented_if import AUGMENTED_IF
from onnx2snn.ops.bernoulli_encoder import BERNOULLI_ENCODER
from onnx2snn.ops.closed_form import CLOSED_FORMS, ClosedFormOp
from onnx2snn.ops.declare import DOMAIN, OPSET, DeclaredOp, StepOp
from onnx2snn.ops.delay import DELAY
from onnx2snn.ops.difference import DIFFERENCE
from onnx2snn.ops.double_threshold_if import DOUBLE_THRESHOLD_IF
from onnx2snn.ops.gated_double_threshold_if import GATED_DOUBLE_THRESHOLD_IF
from onnx2snn.ops.gated_inverse_leaky_if import GATED_INVERSE_LEAKY_IF
from onnx2snn.ops.hard_reset_if import HARD_RESET_IF
from onnx2snn.ops.integrate_and_fire import INTEGRATE_AND_FIRE
from onnx2snn.ops.inverse_leaky_if import INVERSE_LEAKY_IF, SIGNED_INVERSE_LEAKY_IF
from onnx2snn.ops.multistep import SUFFIX, MultiStepOp
from onnx2snn.ops.running_sum import RUNNING_SUM
from onnx2snn.ops.weighted_difference import WEIGHTED_DIFFERENCE
from onnx2snn.ops.weighted_running_sum import WEIGHTED_RUNNING_SUM

__all__ = [
    "ALL_OPS",
    "CLOSED_FORMS",
    "DOMAIN",
    "OPSET",
    "ClosedFormOp",
    "DeclaredOp",
    "MultiStepOp",
    "StepOp",
    "closed_form_op",
    "declared_ops",
    "multistep_op",
    "multistep_ops",
]

ALL_OPS: dict[str, StepOp] = {
    "IntegrateAndFire": INTEGRATE_AND_FIRE,
    "HardResetIF": HARD_RESET_IF,
    "DoubleThresholdIF": DOUBLE_THRESHOLD_IF,
    "GatedDoubleThresholdIF": GATED_DOUBLE_THRESHOLD_IF,
    "AugmentedIF": AUGMENTED_IF,
    "InverseLeakyIF": INVERSE_LEAKY_IF,
    "SignedInverseLeakyIF": SIGNED_INVERSE_LEAKY_IF,
    "GatedInverseLeakyIF": GATED_INVERSE_LEAKY_IF,
    "RunningSum": RUNNING_SUM,
    "Difference": DIFFERENCE,
    "WeightedRunningSum": WEIGHTED_RUNNING_SUM,
    "WeightedDifference": WEIGHTED_DIFFERENCE,
    "Delay": DELAY,
    "BernoulliEncoder": BERNOULLI_ENCODER,
}
"""Operator type to operator, for one time step."""


def multistep_ops() -> dict[str, MultiStepOp]:
    """Return operator type to operator, for all time steps at once."""
    ops = map(MultiStepOp, ALL_OPS.values())
    return {op.name: op for op in ops}


def multistep_op(op_type: str) -> MultiStepOp | None:
    """Return the operator over all time steps that is called so; None if there is none."""
    step = ALL_OPS.get(op_type.removesuffix(SUFFIX))
    if step is None or not op_type.endswith(SUFFIX):
        return None
    return MultiStepOp(step)


def closed_form_op(op_type: str) -> ClosedFormOp | None:
    """Return the operator in closed form that is called so; None if there is none."""
    for op in CLOSED_FORMS.values():
        if op.name == op_type:
            return op
    return None


def declared_ops() -> dict[str, DeclaredOp]:
    """Return operator type to operator, for all operators of the domain."""
    closed_forms = {op.name: op for op in CLOSED_FORMS.values()}
    return {**ALL_OPS, **multistep_ops(), **closed_forms}
