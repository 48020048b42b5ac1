"""Operators in the native library: the bits of their functions, whatever shapes and types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.ops import ALL_OPS, MultiStepOp, StepOp
from onnx2snn.ops.multistep import SUFFIX
from tests.native.library import library, needs_library, one_node, run_natively
from tests.ops.vectors import vectors_of

pytestmark = needs_library

EACH_OP = pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])

SHAPES = {
    "channels first": ((4, 3, 5, 7), (1, 3, 1, 1)),
    "channels last": ((2, 5, 7, 3), (3,)),
    "channels last, many": ((2, 2, 2, 1500), (1, 1, 1, 1500)),
    "one row": ((17,), ()),
    "sizes of one": ((1, 4, 1, 1), (1, 4, 1, 1)),
    "two axes vary": ((3, 4, 5), (3, 1, 5)),
    "a number": ((), ()),
    "nothing": ((0, 3), (3,)),
    "large enough for threads": ((8, 16, 32, 32), (1, 16, 1, 1)),
}
EACH_SHAPE = pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)


def feeds_of(
    op: StepOp, shape: tuple[int, ...], other: tuple[int, ...], dtype: type
) -> dict[str, np.ndarray]:
    """Return feeds whose states have the full shape, and whose other inputs broadcast."""
    return vectors_of(op, shape, {"state": shape, "threshold": other}, dtype)


def typed_outputs(op: StepOp | MultiStepOp, dtype: type) -> dict[str, np.dtype]:
    return {
        name: np.dtype(np.int64 if name in op.integers else dtype)
        for name in op.outputs
    }


@EACH_SHAPE
@EACH_DTYPE
@EACH_OP
def test_a_step_gives_the_bits_of_its_function(
    op: StepOp, dtype: type, shapes: tuple[tuple[int, ...], ...]
) -> None:
    feeds = feeds_of(op, *shapes, dtype)
    model = one_node(op.name, feeds, typed_outputs(op, dtype))
    found = run_natively(model, feeds)
    expected = op.step(*feeds.values())
    for result, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, np.broadcast_to(wanted, result.shape))
        assert result.shape == feeds[op.stream].shape


@EACH_SHAPE
@EACH_DTYPE
@EACH_OP
def test_all_steps_at_once_give_the_bits_of_step_after_step(
    op: StepOp, dtype: type, shapes: tuple[tuple[int, ...], ...]
) -> None:
    shape, other = shapes
    spread = {"state": shape, "threshold": other}
    feeds = vectors_of(op, (5, *shape), spread, dtype)
    over_time = MultiStepOp(op)
    model = one_node(over_time.name, feeds, typed_outputs(over_time, dtype))
    found = run_natively(model, feeds)
    expected = over_time.compute(*feeds.values())
    for result, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@EACH_OP
def test_states_that_are_numbers_start_all_elements(op: StepOp) -> None:
    feeds = vectors_of(op, (2, 3, 4), {"state": (), "threshold": ()}, np.float32)
    model = one_node(op.name, feeds, typed_outputs(op, np.float32))
    expected = op.step(*feeds.values())
    for result, wanted in zip(run_natively(model, feeds), expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@EACH_OP
def test_values_that_are_not_finite_come_out_as_from_the_function(op: StepOp) -> None:
    feeds = vectors_of(op, (4, 5), {"state": (4, 5), "threshold": ()}, np.float32)
    feeds[op.stream][0] = [np.nan, np.inf, -np.inf, -0.0, 1e38]
    model = one_node(op.name, feeds, typed_outputs(op, np.float32))
    with np.errstate(all="ignore"):
        expected = op.step(*feeds.values())
    first = run_natively(model, feeds)[0]
    np.testing.assert_array_equal(first[1:], expected[0][1:])
    np.testing.assert_array_equal(np.isnan(first), np.isnan(expected[0]))


NEURONS = [op for op in ALL_OPS.values() if op.result == "spike" and not op.integers]


@pytest.mark.parametrize("channels", [3, 16, 24, 1500])
@pytest.mark.parametrize("is_constant", [False, True], ids=["stream", "constant"])
@pytest.mark.parametrize("has_residual", [False, True], ids=["alone", "residual"])
@pytest.mark.parametrize("op", NEURONS, ids=[op.name for op in NEURONS])
def test_packed_spikes_are_those_of_the_form_over_time(
    op: StepOp, channels: int, *, has_residual: bool, is_constant: bool
) -> None:
    time_steps, shape = 4, (2, 3, channels)
    spread = {"state": shape, "threshold": (channels,)}
    others = vectors_of(op, (time_steps, *shape), spread, np.float32)
    stream = others.pop(op.stream)
    if is_constant:
        stream = stream[:1]
    rng = np.random.default_rng(1)
    residual = np.zeros((), np.int8)
    scale = (rng.integers(1, 8, channels) / 4).astype(np.float32)
    total = np.repeat(stream, time_steps, axis=0) if is_constant else stream
    if has_residual:
        residual = rng.integers(-2, 3, (time_steps, *shape)).astype(np.int8)
        total = total + residual.astype(np.float32) * scale
    count = np.array(time_steps)
    feeds = {
        "current": stream,
        "residual": residual,
        "scale": scale,
        "T": count,
        **others,
    }
    after = {f"{name}_last": np.dtype(np.float32) for name in op.state}
    model = one_node(f"{op.name}Packed", feeds, {"spikes": np.dtype(np.int8), **after})
    found = run_natively(model, feeds)
    expected = MultiStepOp(op).compute(total, *others.values())
    for result, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, np.broadcast_to(wanted, result.shape))
    assert found[0].dtype == np.int8


@pytest.mark.parametrize("suffix", ["", SUFFIX])
def test_a_running_sum_counts_in_integers_too(suffix: str) -> None:
    feeds = {"x": np.arange(6).reshape(3, 2), "total": np.array(10)}
    number = np.dtype(np.int64)
    outputs = {"sums": number, "last": number} if suffix else {"sums": number}
    found = run_natively(one_node(f"RunningSum{suffix}", feeds, outputs), feeds)[0]
    over_time = np.cumsum(feeds["x"], axis=0) if suffix else feeds["x"]
    np.testing.assert_array_equal(found, over_time + 10)


def test_shapes_that_do_not_broadcast_are_named_with_the_operator() -> None:
    op = ALL_OPS["IntegrateAndFire"]
    feeds = feeds_of(op, (2, 3), (), np.float32) | {"v": np.zeros((2, 4), np.float32)}
    model = one_node(op.name, feeds, typed_outputs(op, np.float32))
    with pytest.raises(Exception, match=r"IntegrateAndFire: .*\[2, 4\].*\[2, 3\]"):
        run_natively(model, feeds)


def test_a_stream_without_an_axis_of_time_is_refused() -> None:
    op = ALL_OPS["RunningSum"]
    feeds = feeds_of(op, (), (), np.float32)
    outputs = typed_outputs(MultiStepOp(op), np.float32)
    model = one_node(f"RunningSum{SUFFIX}", feeds, outputs)
    with pytest.raises(Exception, match="axis of time"):
        run_natively(model, feeds)


@pytest.mark.parametrize(
    "count, problem", [(np.array(-1), "T is -1"), (np.zeros(0, int), r"T \[0\]")]
)
def test_a_number_of_steps_that_is_none_is_refused(
    count: np.ndarray, problem: str
) -> None:
    op = ALL_OPS["IntegrateAndFire"]
    feeds = feeds_of(op, (2, 3), (), np.float32)
    stream = feeds.pop(op.stream)
    packed = {
        "current": stream[None],  # the same in each step: T says how many there are
        "residual": np.zeros((), np.int8),
        "scale": np.ones((), np.float32),
        "T": count,
    }
    outputs = {"spikes": np.dtype(np.int8), "v_last": np.dtype(np.float32)}
    model = one_node(f"{op.name}Packed", packed | feeds, outputs)
    with pytest.raises(Exception, match=f"IntegrateAndFirePacked: {problem}"):
        run_natively(model, packed | feeds)


@pytest.mark.parametrize("attribute", ["kernel_shape", "strides", "dilations"])
def test_a_pool_without_a_size_is_refused(attribute: str) -> None:
    geometry = {
        "kernel_shape": [2, 2],
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads": [0, 0, 0, 0],
    } | {attribute: [1, 0]}
    stream = np.zeros((2, 1, 4, 4, 3), np.float32)
    outputs = {"pooled": stream.dtype}
    model = one_node("RunningMaxPool", {"stream": stream}, outputs, **geometry)
    with pytest.raises(Exception, match=r"RunningMaxPool: .* at least 1"):
        run_natively(model, {"stream": stream})


@pytest.mark.parametrize("most", ["plain", "avx2"])
def test_other_instruction_sets_give_the_same_bits(most: str) -> None:
    code = (
        "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:randomly', "
        "'-k', 'step_gives or steps_at_once or packed', 'tests/native/test_step_operators.py']))"
    )
    library()
    done = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code],
        env=os.environ | {"ONNX2SNN_MAX_CPU_ISA": most},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
