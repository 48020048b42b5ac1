"""Schedules: single-step graphs turned into graphs that run for T steps.

A single-step graph computes the first time step: plain ONNX, in which each stateful operator
takes its initial state as an input and gives the next one as an output. A schedule says which
nodes run how often, and in which order; a layout says where the axis of time is. All schedules
here lay time out as the iterations of a Loop:

    lockstep    all layers advance together, in one Loop (``lockstep.py``, on the parts that
                ``partition.py`` finds)
    staggered   they too, but each in T steps of its own, behind those before it
                (``staggered.py``, with ``windows.py`` and, where neurons wait, ``waiting.py``)
    layerwise   each layer fires in a Loop of its own, once its input is complete
                (``layerwise.py``, with ``accumulation.py`` between the layers)

``steps.py`` has the layouts of ``lockstep``; ``single_step.py`` takes a step out of its Loop. A
schedule is a function that changes a single-step graph in place, here, and the pass around it, in
``passes/time_loop/``. Its parts are:

    ``Partition.of``    what runs before, in and behind the steps
    ``states``          the states of a node: its value before the first step, and after one
    ``new_loop``        a Loop from the nodes of a step, with its own copies of the weights
    ``time_steps_input``  T, as an input with a default

Another layout of time (time in the batch, a graph unrolled, files of one step) takes the same
parts, and writes something else than a Loop from them. If runtimes are to find the steps again
in a file, say how in ``finding.py``: whoever runs or reads networks asks only there.
``docs/contributing/hacking.md`` lists what else is to be touched, and
``tests/schedules/test_another_layout.py`` adds one from outside.
"""

from __future__ import annotations

from onnx2snn.schedules.counting import (
    latency_of,
    weight_passes_of,
    write_step_counts,
)
from onnx2snn.schedules.early_exit import exit_early
from onnx2snn.schedules.finding import (
    LAST_STEP,
    LAYER_LOOP,
    LOOP_NAME,
    STEP_LOOP,
    TIME_AXIS,
    extra_steps_of,
    has_weighted_spikes,
    is_layer_loop,
    layers_in_a_row,
    stops_early,
    time_loops,
    time_steps_of,
)
from onnx2snn.schedules.layerwise import emit_layerwise
from onnx2snn.schedules.loops import State, hand_over_output, states
from onnx2snn.schedules.multistep import lay_out_loop_over_time
from onnx2snn.schedules.partition import Partition
from onnx2snn.schedules.single_step import (
    StepStates,
    put_loop_around_step,
    take_step_out_of_loop,
)
from onnx2snn.schedules.spike_weights import spike_weights_of
from onnx2snn.schedules.staggered import emit_staggered
from onnx2snn.schedules.steps import emit_steps
from onnx2snn.schedules.time_steps import (
    DEFAULT_T,
    MOST_TIME_STEPS,
    TIME_STEPS,
    check_latency,
    checked_time_steps,
    set_time_steps_input,
    several_time_steps,
    time_steps_input,
)
from onnx2snn.schedules.waiting import delays_of, delays_until

__all__ = [
    "DEFAULT_T",
    "LAST_STEP",
    "LAYER_LOOP",
    "LOOP_NAME",
    "MOST_TIME_STEPS",
    "STEP_LOOP",
    "TIME_AXIS",
    "TIME_STEPS",
    "Partition",
    "State",
    "StepStates",
    "check_latency",
    "checked_time_steps",
    "delays_of",
    "delays_until",
    "emit_layerwise",
    "emit_staggered",
    "emit_steps",
    "exit_early",
    "extra_steps_of",
    "hand_over_output",
    "has_weighted_spikes",
    "is_layer_loop",
    "latency_of",
    "lay_out_loop_over_time",
    "layers_in_a_row",
    "put_loop_around_step",
    "set_time_steps_input",
    "several_time_steps",
    "spike_weights_of",
    "states",
    "stops_early",
    "take_step_out_of_loop",
    "time_loops",
    "time_steps_input",
    "time_steps_of",
    "weight_passes_of",
    "write_step_counts",
]
