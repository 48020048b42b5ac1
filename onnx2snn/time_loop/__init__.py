"""Loops over time: all layers in one, or one for each layer."""

from __future__ import annotations

from onnx2snn.time_loop.lockstep import emit_time_loop
from onnx2snn.time_loop.loops import LAYER_LOOP, LOOP_NAME, is_layer_loop, time_loops
from onnx2snn.time_loop.steps import (
    MOST_TIME_STEPS,
    TIME_STEPS,
    checked_time_steps,
    time_steps_input,
)

__all__ = [
    "LAYER_LOOP",
    "LOOP_NAME",
    "MOST_TIME_STEPS",
    "TIME_STEPS",
    "checked_time_steps",
    "emit_time_loop",
    "is_layer_loop",
    "time_loops",
    "time_steps_input",
]
