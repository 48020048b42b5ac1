"""Let neurons fire through all time steps in the native library, outside of any network."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.native import find_library
from onnx2snn.ops.declare import DOMAIN, OPSET
from onnx2snn.runtime.sessions import SessionError, open_session, run_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onnx2snn.ops import StepOp

    Fire = Callable[[np.ndarray, Mapping[str, np.ndarray], int], np.ndarray]

__all__ = ["native_firing"]

_TIME_STEPS = "time_steps"
_SPIKES = "spikes"


def native_firing(op: StepOp) -> Fire | None:
    """Return what runs all steps of a neuron in the native library, bit for bit as NumPy does.

    Args:
        op: The neuron.

    Returns:
        A function from the current, float32 and [T, N, ...] or [1, N, ...] where it is the same
        in every step, the other inputs by name, and T, to the spikes, int8 and [T, N, ...]. None
        if there is no library that works here, or it has no such operator.
    """
    if find_library() is None or op.result != "spike" or op.integers:
        return None
    return _open_firing(op)


@functools.cache
def _open_firing(op: StepOp) -> Fire | None:
    try:
        session = open_session(_one_neuron(op), native=True)
    except SessionError:  # an operator that is not from here
        return None

    def fire(
        current: np.ndarray, others: Mapping[str, np.ndarray], time_steps: int
    ) -> np.ndarray:
        feeds = {name: others[name] for name in _others(op)}
        feeds[op.stream] = current
        feeds[_TIME_STEPS] = np.array(time_steps, np.int64)
        spikes: np.ndarray = run_session(session, feeds)[0]
        return spikes

    return fire


def _others(op: StepOp) -> list[str]:
    """Return the names of the inputs that the library takes behind its own."""
    return [name for name in op.inputs if name != op.stream]


def _one_neuron(op: StepOp) -> onnx.ModelProto:
    """Return a model of the neuron alone; axes and sizes are those of its feeds."""
    no_residual = numpy_helper.from_array(np.array(0, np.int8), "no_residual")
    no_unit = numpy_helper.from_array(np.array(1, np.float32), "no_unit")
    others = _others(op)
    inputs = [op.stream, "no_residual", "no_unit", _TIME_STEPS, *others]
    states = [""] * len(op.state)
    node = helper.make_node(
        f"{op.name}Packed", inputs, [_SPIKES, *states], domain=DOMAIN
    )
    floats = [op.stream, *others]
    declared = [_declare(name, onnx.TensorProto.FLOAT) for name in floats]
    declared.append(_declare(_TIME_STEPS, onnx.TensorProto.INT64))
    graph = helper.make_graph(
        [node],
        op.name,
        declared,
        [_declare(_SPIKES, onnx.TensorProto.INT8)],
        [no_residual, no_unit],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def _declare(name: str, element: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, None)
