"""Loops over time: all layers in one, or one for each layer."""

from __future__ import annotations

from onnx2snn.schedules.layerwise import emit_layerwise, layers_in_a_row
from onnx2snn.schedules.lockstep import emit_time_loop
from onnx2snn.schedules.loops import LAYER_LOOP, LOOP_NAME, is_layer_loop, time_loops
from onnx2snn.schedules.spike_weights import spike_weights_of
from onnx2snn.schedules.time_steps import (
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
    "emit_layerwise",
    "emit_time_loop",
    "is_layer_loop",
    "layers_in_a_row",
    "spike_weights_of",
    "time_loops",
    "time_steps_input",
]
