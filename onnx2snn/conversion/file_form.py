"""The passes that give a file another form, after which nothing of a conversion reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.methods.layouts import STEP
from onnx2snn.methods.time_inputs import OPTIONAL
from onnx2snn.passes import EmitStep, InlineOperators, SetTimeStepsInput

if TYPE_CHECKING:
    from onnx2snn.conversion.options import Options
    from onnx2snn.passes.pipeline import Passes

__all__ = ["FORM_PASSES", "form_passes"]

FORM_PASSES = (EmitStep, SetTimeStepsInput, InlineOperators)
"""The classes of these passes."""


def form_passes(options: Options) -> Passes:
    """Return the passes that options ask for, in the order in which they run."""
    passes: Passes = ()
    if options.layout == STEP:
        passes = (EmitStep(),)
    if options.T_input != OPTIONAL:
        passes = (*passes, SetTimeStepsInput(options.T_input))
    if options.inline:
        passes = (*passes, InlineOperators())
    return passes
