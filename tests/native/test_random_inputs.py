"""Operators of the native library on inputs of all kinds: results, or errors that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.ops import ALL_OPS, StepOp
from onnx2snn.ops.multistep import SUFFIX
from tests.native.library import needs_multiplying, one_node, run_natively

if TYPE_CHECKING:
    import onnx

pytestmark = needs_multiplying

FLOAT = np.dtype(np.float32)
INT8 = np.dtype(np.int8)
TRIES = 12
NEURONS = [op for op in ALL_OPS.values() if op.result == "spike" and not op.integers]
WEIGHTED = (
    "SpikeConv",
    "SpikeConvTranspose",
    "SpikeMatMul",
    "RealConv",
    "RealConvTranspose",
    "RealMatMul",
)


def any_shape(rng: np.random.Generator, most_axes: int = 5) -> tuple[int, ...]:
    """Return a shape, often with sizes of 0 and 1."""
    axes = rng.integers(0, most_axes + 1)
    sizes = rng.choice([0, 1, 1, 2, 3, 5, 17], axes)
    return tuple(int(size) for size in sizes)


def numbers(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: type
) -> np.ndarray:
    if np.issubdtype(dtype, np.integer):
        return rng.integers(-3, 4, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def assert_runs_or_names_the_operator(
    model: onnx.ModelProto, feeds: dict[str, np.ndarray], op_type: str
) -> None:
    problem = ""
    try:
        run_natively(model, feeds)
    except Exception as error:  # noqa: BLE001 (onnxruntime has many)
        problem = str(error)
    assert not problem or op_type in problem


def geometry_for(rng: np.random.Generator, axes: int) -> dict[str, object]:
    """Return the attributes of a convolution, that fit its weights or do not."""
    axes = max(1, axes + int(rng.choice([-1, 0, 0, 0, 0])))
    return {
        "strides": rng.integers(1, 4, axes).tolist(),
        "dilations": rng.integers(1, 3, axes).tolist(),
        "pads": rng.integers(-1, 4, 2 * axes).tolist(),
        "group": int(rng.choice([0, 1, 1, 1, 2, 3])),
    }


@pytest.mark.parametrize("seed", range(TRIES))
@pytest.mark.parametrize("op_type", WEIGHTED)
def test_weights_of_any_shape_are_multiplied_or_refused(
    op_type: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    is_convolution = not op_type.endswith("MatMul")
    weights = any_shape(rng)
    incoming = any_shape(rng)
    if rng.random() < 0.7 and len(weights) > 1:
        spatial = any_shape(rng, 3)
        channels = weights[1] if is_convolution else weights[0]
        incoming = (2, 3, *spatial, channels)
    dtype = np.int8 if op_type.startswith("Spike") else np.float32
    outputs = (weights[0 if is_convolution else -1] if weights else 1,)
    feeds = {"x": numbers(rng, incoming, dtype)}
    constants = {
        "w": numbers(rng, weights, rng.choice([np.int8, np.float32])),
        "scale": numbers(
            rng, outputs if rng.random() < 0.9 else any_shape(rng), np.float32
        ),
        "bias": numbers(rng, outputs, np.float32),
    }
    attributes = geometry_for(rng, len(weights) - 2) if is_convolution else {}
    model = one_node(op_type, feeds, {"y": FLOAT}, constants, **attributes)
    assert_runs_or_names_the_operator(model, feeds, op_type)


@pytest.mark.parametrize("seed", range(TRIES))
@pytest.mark.parametrize("op", NEURONS, ids=[op.name for op in NEURONS])
def test_driven_neurons_of_any_shape_run_or_are_refused(op: StepOp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, outputs = (int(size) for size in rng.choice([0, 1, 3, 16, 33], 2))
    incoming = (*any_shape(rng, 3), channels)
    result = (*incoming[1:-1], outputs)
    feeds = {"x": numbers(rng, incoming, np.int8)}
    residual = (*incoming[:-1], outputs) if rng.random() < 0.5 else any_shape(rng, 2)
    others = [result, (outputs,), (), any_shape(rng, 3)]
    names = [name for name in op.inputs if name != op.stream]
    constants = {
        "w": numbers(rng, (channels, outputs), rng.choice([np.int8, np.float32])),
        "scale": numbers(rng, (outputs,), np.float32),
        "bias": numbers(rng, (outputs,), np.float32),
        "residual": numbers(rng, residual, np.int8),
        "unit": numbers(rng, others[rng.integers(4)], np.float32),
        **{name: numbers(rng, others[rng.integers(4)], np.float32) for name in names},
    }
    op_type = f"SpikeMatMul{op.name}"
    outputs_of_node = {"s": INT8, **{f"{name}_last": FLOAT for name in op.state}}
    model = one_node(op_type, feeds, outputs_of_node, constants)
    assert_runs_or_names_the_operator(model, feeds, op_type)


@pytest.mark.parametrize("seed", range(TRIES))
@pytest.mark.parametrize("suffix", ["", SUFFIX])
@pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)
def test_steps_of_any_shape_run_or_are_refused(
    op: StepOp, suffix: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    stream = any_shape(rng)
    feeds = {}
    for name in op.inputs:
        dtype = np.int64 if name in op.integers else np.float32
        fitting = stream[1:] if suffix else stream
        shape = fitting if rng.random() < 0.6 else any_shape(rng, 3)
        feeds[name] = numbers(rng, stream if name == op.stream else shape, dtype)
    outputs = {
        name: np.dtype(np.int64 if name in op.integers else np.float32)
        for name in op.outputs
    }
    if suffix:
        outputs = {"first": next(iter(outputs.values()))}
    model = one_node(f"{op.name}{suffix}", feeds, outputs)
    assert_runs_or_names_the_operator(model, feeds, op.name)


@pytest.mark.parametrize("seed", range(2 * TRIES))
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_pools_of_any_shape_run_or_are_refused(dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 4))
    stream = (2, 2, *rng.integers(0, 7, axes).tolist(), int(rng.integers(0, 20)))
    geometry = geometry_for(rng, axes) | {
        "kernel_shape": rng.integers(0, 4, axes).tolist()
    }
    del geometry["group"]
    feeds = {"x": numbers(rng, stream, dtype)}
    model = one_node("RunningMaxPool", feeds, {"y": np.dtype(dtype)}, **geometry)
    assert_runs_or_names_the_operator(model, feeds, "RunningMaxPool")
