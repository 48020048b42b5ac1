"""Single facts that passes leave for each other, and that the file of a network holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.metadata.annotation import (
    Annotation,
    json_annotation,
    text_annotation,
)

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "ACTIVATION",
    "ACTIVATION_OUTPUT",
    "CALIBRATION_SHA256",
    "CALL",
    "COMPILED",
    "DEFAULT_TIME_STEPS",
    "DELAY",
    "EARLY_EXIT",
    "EXCLUDED",
    "FORMAT",
    "INLINED",
    "INPUT_CODINGS",
    "LATENCY_CURVE",
    "LAYOUT",
    "METHOD",
    "ROUNDING_ERROR",
    "SCHEDULE",
    "SOURCE_SHA256",
    "STATES",
    "STREAM_OF",
    "THRESHOLD_ORIGIN",
    "TUNED",
    "UNIT",
    "VERSIONS",
    "WEIGHTS",
    "is_excluded",
]

ACTIVATION = text_annotation("onnx2snn.activation")
"""On a neuron: operator type of the activation it replaced."""

ACTIVATION_OUTPUT = text_annotation("onnx2snn.activation_output")
"""On a neuron: name of that activation's output in the ANN."""

THRESHOLD_ORIGIN = text_annotation("onnx2snn.threshold_origin")
"""On a neuron: where its threshold comes from, see `onnx2snn.metadata.scale.Scale.origin`."""

UNIT = json_annotation("onnx2snn.unit")
"""On a neuron with a threshold of 1: what a spike stands for, one number or one a channel.

Nested lists of the shape that broadcasts to a step.
"""

DELAY = Annotation[int]("onnx2snn.delay", str, int)
"""On a neuron: steps of its input that it takes in before it fires. On what runs over time, a Loop
or the axis of time: the steps until the outputs are there, beyond T."""

STREAM_OF = text_annotation("onnx2snn.stream_of")
"""On a stream whose mean is an output of the network: the name of that output."""

EARLY_EXIT = json_annotation("onnx2snn.early_exit")
"""On a network whose Loop ends early: the ``margin`` that is safe, what it did on ``samples`` of
calibration data (``mean_steps``, ``disagreement``), and the names of the outputs ``scores`` and
``steps``."""

EXCLUDED = text_annotation("onnx2snn.left")
"""On a value, while a network is converted: no neuron is to stand where its node is."""

CALL = text_annotation("onnx2snn.call")
"""On a node of an inlined function, while an ANN is analyzed: name of the node that called it."""

FORMAT = text_annotation("onnx2snn.format")
"""On a network: version of the file format, see ``docs/reference/format.md``."""

DEFAULT_TIME_STEPS = text_annotation("onnx2snn.T")
"""On a network: T that it was made for."""

METHOD = text_annotation("onnx2snn.method")
"""On a network: neuron, threshold rule and corrections, in words."""

SCHEDULE = text_annotation("onnx2snn.schedule")
"""On a network: its schedule."""

LATENCY_CURVE = json_annotation("onnx2snn.latency_curve")
"""On a network whose layers wait within a latency: the error on ``samples`` of calibration data
against the latency, as ``points`` with ``latency_steps`` and ``relative_error``."""

LAYOUT = text_annotation("onnx2snn.layout")
"""On a network whose steps are not in a Loop: ``multistep``, in the batch, or ``step``, one."""

STATES = json_annotation("onnx2snn.states")
"""On a network of one step: the name of its input ``reset``, and in ``states`` the name of the
input of each state to that of the output with its next value."""

INLINED = text_annotation("onnx2snn.inlined")
"""On a network without operators of ours, which are written out in those of ONNX: ``true``."""

WEIGHTS = text_annotation("onnx2snn.weights")
"""On a network with rounded weights: their type, ``int8``. Where it is missing, ``float``."""

ROUNDING_ERROR = Annotation[float]("onnx2snn.rounding_error", repr, float)
"""On a node with rounded weights: root mean square of the changes, as a part of the weights."""

COMPILED = text_annotation("onnx2snn.compiled")
"""On a network that only the native library runs: the type of its weights."""

SOURCE_SHA256 = text_annotation("onnx2snn.source_sha256")
"""On a network: SHA-256 of the file of the ANN, empty if unknown."""

CALIBRATION_SHA256 = text_annotation("onnx2snn.calibration_sha256")
"""On a network: SHA-256 of the calibration data, empty if there was none."""

INPUT_CODINGS = text_annotation("onnx2snn.input_coding")
"""On a network: name of each input to its coding, as JSON.

On an input of a graph that is being converted, the same key holds the coding of that input.
"""

VERSIONS = json_annotation("onnx2snn.versions")
"""On a network: package to version."""

TUNED = json_annotation("onnx2snn.tuned")
"""On a network whose constants were tuned since: on what, and with which options."""


def is_excluded(value: ir.Value) -> bool:
    """Whether no neuron is to stand at ``value``, nor in front of the weights that make it."""
    return EXCLUDED.is_on(value)
